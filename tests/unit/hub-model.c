/*
 * The hub against a simple model: random clients on several loops send random
 * commands, come, go, move and resume; the store is slow and fails; loops are
 * slow to read their mail. Each answer is compared with the model's, and what
 * each client sees in each room with what is to be seen, in order, whole.
 *
 * A sequence has a seed. HUB_SEED=n repeats one of them.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "sequences.h"

#define SEQUENCES	5000
#define STEPS		400
#define CLIENTS		7
#define PLACES		16

struct place {
	uint32_t	 id;		/* the room's; 0: none */
	uint32_t	 next;		/* of what is to be seen */
};

/* A client, as its loop knows it. */
struct sim {
	bool		 alive, moving;
	client_id	 id;
	uint32_t	 born;		/* gen of its first id; each move has
					 * the next one */
	uint32_t	 sid, gen;
	uint32_t	 unanswered;	/* requests */
	uint32_t	 stored;	/* of them wait for the store */
	struct place	 places[PLACES];
};

/* A loop's mail, with what was to be seen in the room when it was posted. */
struct item {
	struct mail	*mail;
	uint32_t	 mark;
	uint32_t	 marks[PLACES];	/* CMD_MOVED: of each room listed */
	struct item	*next;
};

static struct world {
	struct fake	 f;
	struct model	 m;
	struct sim	 sims[CLIENTS];
	struct request	*inbox[CLIENTS * STEPS];	/* the hub's */
	uint32_t	 first, last;
	struct item	*items[FAKE_LOOPS], **tails[FAKE_LOOPS];
	struct item	*reply;		/* posted by the call just made */
	struct session_mail *replaced;
	struct place_mail *placed;
	uint32_t	 mark;
	uint64_t	 seed;
	unsigned	 step;
} w;

#define CHECK(cond, ...)						\
	SEQUENCE_CHECK("HUB_SEED", w.seed, w.step, cond, __VA_ARGS__)

static uint32_t
rnd(uint32_t n)
{
	return model_rnd(&w.m, n);
}

static bool
chance(uint32_t percent)
{
	return rnd(100) < percent;
}

static void
mail_cb(void *arg, unsigned loop, struct mail *mail)
{
	struct item *it = xcalloc(1, sizeof(*it));

	(void)arg;
	it->mail = mail;
	if (mail->kind == MAIL_REPLY) {
		CHECK(w.reply == NULL, "two replies");
		w.reply = it;
		it->mark = w.mark;
	} else if (mail->kind == MAIL_PLACE) {
		w.placed = (struct place_mail *)mail;
		it->mark = w.mark;
	} else if (mail->kind == MAIL_SESSION)
		w.replaced = (struct session_mail *)mail;
	*w.tails[loop] = it;
	w.tails[loop] = &it->next;
}

static struct place *
place_find(struct sim *s, uint32_t id)
{
	int i;

	for (i = 0; i < PLACES; i++) {
		if (s->places[i].id == id)
			return &s->places[i];
	}
	return NULL;
}

static void
place_put(struct sim *s, uint32_t id, uint32_t next)
{
	struct place *p;

	CHECK(place_find(s, id) == NULL, "there already: %u", id);
	p = place_find(s, 0);
	CHECK(p != NULL, "too many places");
	*p = (struct place){ id, next };
}

static void
describe(const struct msg *m, char out[64])
{
	static const char *const passing[] = { [MSG_JOIN] = "join",
	    [MSG_LEAVE] = "leave", [MSG_TOPIC] = "topic",
	    [MSG_RENAMED] = "renamed" };

	if (msg_stored(m))
		snprintf(out, 64, "%s %llu %s %s", msg_kind_name(m->kind),
		    (unsigned long long)m->seq, msg_from(m), msg_text(m));
	else
		snprintf(out, 64, "%s %s %s", passing[m->kind], msg_from(m),
		    m->kind == MSG_RENAMED ? msg_to(m) : msg_text(m));
}

static void
see(struct sim *s, const struct batch *b)
{
	struct place *p = place_find(s, b->room);
	const struct m_events *e = model_events(&w.m, b->room);
	char seen[64];
	uint32_t i;

	for (i = 0; p != NULL && i < b->n; i++, p->next++) {
		describe(b->msgs[i], seen);
		CHECK(p->next < e->n, "nothing is to be seen but %s", seen);
		CHECK(strcmp(seen, e->list[p->next]) == 0,
		    "room %u: %s, not %s", b->room, seen, e->list[p->next]);
	}
}

static void
send_request(struct sim *s, struct request *r)
{
	r->client = s->id;
	r->sid = s->sid;
	CHECK(w.last < NITEMS(w.inbox), "too many requests");
	w.inbox[w.last++] = r;
	s->unanswered += r->cmd != CMD_GONE;
}

static void
die(struct sim *s)
{
	struct request *r = request_new(CMD_GONE);

	if (chance(50))
		r->string = request_str(r, "tired");
	send_request(s, r);
	s->alive = false;
}

static void
moved(struct sim *s, const struct request *r, const uint32_t *marks)
{
	uint32_t i, n = 0;

	s->moving = false;
	if (r->error != ERR_NONE) {
		die(s);
		return;
	}
	for (i = 0; i < r->nlisted; i++) {
		const struct moved_room *room = &r->moved[i];
		struct place *p = place_find(s, room->room_id);

		if (p == NULL) {
			CHECK(room->room[0] == '@', "%s is new", room->room);
			place_put(s, room->room_id, 0);
			p = place_find(s, room->room_id);
		}
		/* What was lost on the way is read from the store. */
		p->next = marks[i];
	}
	for (i = 0; i < PLACES; i++)
		n += s->places[i].id != 0;
	CHECK(n == r->nlisted, "%u places, %u listed", n, r->nlisted);
}

static void
forget_place(struct sim *s, uint32_t id, uint32_t mark)
{
	struct place *p = place_find(s, id);

	if (p == NULL)
		return;
	CHECK(p->next == mark, "left room %u at %u of %u", id, p->next, mark);
	p->id = 0;
}

static void
answered(struct sim *s, const struct item *it)
{
	const struct request *r = (struct request *)it->mail;
	int i;

	CHECK(s->unanswered > 0, "not asked");
	s->unanswered--;
	if (r->cmd == CMD_MOVED) {
		moved(s, r, it->marks);
		return;
	}
	if (r->error != ERR_NONE)
		return;
	if (r->cmd == CMD_LOGIN) {
		s->sid = r->sid;
		for (i = 0; i < M_NAMES; i++) {
			if (strcmp(m_names[i], r->name_key) == 0)
				strcpy(w.m.secrets[i], r->session);
		}
	} else if (r->cmd == CMD_SUBSCRIBE)
		place_put(s, r->room_id, it->mark);
	else if (r->cmd == CMD_UNSUBSCRIBE || (r->cmd == CMD_RENAME &&
	    r->room_id != 0))
		forget_place(s, r->room_id, it->mark);
}

static client_id
addressee(const struct mail *m)
{
	if (m->kind == MAIL_REPLY)
		return ((const struct request *)m)->client;
	if (m->kind == MAIL_PLACE)
		return ((const struct place_mail *)m)->client;
	return ((const struct session_mail *)m)->client;
}

/* Is this the client's id, or was it before it moved? */
static bool
was_its(const struct sim *s, client_id id)
{
	return CLIENT_GEN(id) >= s->born && CLIENT_GEN(id) <= s->gen;
}

static void
take(const struct item *it)
{
	client_id id = addressee(it->mail);
	struct sim *s = &w.sims[CLIENT_SLOT(id)];
	const struct place_mail *place;

	if (!s->alive)
		return;
	if (s->id != id) {
		/* It moved while the hub was answering. */
		s->unanswered -= was_its(s, id) &&
		    it->mail->kind == MAIL_REPLY;
	} else if (it->mail->kind == MAIL_REPLY)
		answered(s, it);
	else if (it->mail->kind == MAIL_PLACE) {
		place = (const struct place_mail *)it->mail;
		place_put(s, place->room_id, it->mark);
	} else
		die(s);
}

static void
item_free(struct item *it)
{
	if (it->mail->kind == MAIL_BATCH)
		batch_free((struct batch *)it->mail);
	else if (it->mail->kind == MAIL_REPLY)
		request_free((struct request *)it->mail);
	else
		free(it->mail);
	free(it);
}

/* A loop takes one mail; false if it has none. */
static bool
loop_step(unsigned loop)
{
	struct item *it = w.items[loop];
	int i;

	if (it == NULL)
		return false;
	if ((w.items[loop] = it->next) == NULL)
		w.tails[loop] = &w.items[loop];
	if (it->mail->kind != MAIL_BATCH)
		take(it);
	for (i = 0; i < CLIENTS && it->mail->kind == MAIL_BATCH; i++) {
		struct sim *s = &w.sims[i];

		if (s->alive && !s->moving && CLIENT_LOOP(s->id) == loop)
			see(s, (struct batch *)it->mail);
	}
	item_free(it);
	return true;
}

static void
check_subscribed(const struct m_answer *a, const struct request *r)
{
	const struct m_room *room;

	CHECK(r->reset == a->reset && r->gap == a->gap, "reset, gap");
	CHECK(!r->gap || (r->gap_after == r->after &&
	    r->gap_before == a->gap_before), "gap");
	CHECK(!(r->has & HAS_AFTER) == !a->has_after, "has %u", r->has);
	CHECK(!a->has_after || r->after == a->after, "after %llu, not %llu",
	    (unsigned long long)r->after, (unsigned long long)a->after);
	CHECK(strcmp(r->role, a->owner ? "owner" : "member") == 0, "role");
	CHECK(strcmp(r->epoch, FAKE_EPOCH) == 0, "epoch");
	if (a->room < 0) {
		CHECK(r->head == w.m.users[a->user].inbox.head, "head");
		return;
	}
	room = &w.m.rooms[a->room];
	CHECK(strcmp(r->room, room->shown) == 0, "%s", r->room);
	CHECK(r->head == room->head && r->floor == room->floor, "head");
	CHECK(strcmp(r->topic, room->topic) == 0, "topic %s", r->topic);
	CHECK(r->members == model_members(&w.m, a->room), "%u", r->members);
}

static void
check_rooms(const struct m_answer *a, const struct request *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < M_ROOMS; i++)
		n += w.m.rooms[i].id != 0;
	CHECK(n == r->nlisted && !r->more, "%u rooms, not %u", r->nlisted, n);
	for (i = 0; i < r->nlisted; i++) {
		const struct listed_room *row = &r->rooms[i];
		int k = 0;

		while (k < M_ROOMS && (w.m.rooms[k].id == 0 ||
		    strcmp(w.m.rooms[k].shown, row->room) != 0))
			k++;
		CHECK(k < M_ROOMS, "what is %s?", row->room);
		CHECK(row->members == model_members(&w.m, k), "members");
		CHECK(strcmp(row->topic, w.m.rooms[k].topic) == 0, "topic");
		CHECK(row->subscribed == (w.m.users[a->user].in[k] == M_IN),
		    "subscribed");
	}
}

static void
check_who(const struct m_answer *a, const struct request *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < M_NAMES; i++) {
		const struct m_user *u = &w.m.users[i];
		const struct listed_user *row = r->users, *last;

		if (!u->here || (r->room_key != NULL && (a->room >= 0 ?
		    u->in[a->room] == M_OUT : (int)i != a->user ||
		    !u->inbox.in)))
			continue;
		n++;
		last = row + r->nlisted;
		while (row < last && strcmp(row->name, u->shown) != 0)
			row++;
		CHECK(row < last, "%s is missing", u->shown);
		CHECK(strcmp(row->away ? row->away : "", u->away) == 0,
		    "away");
		CHECK(row->sessions == 1 && row->guest, "sessions");
		if (a->room >= 0)
			CHECK(strcmp(row->role, u->owner[a->room] ? "owner" :
			    "member") == 0, "role %s", row->role);
	}
	CHECK(n == r->nlisted && !r->more, "%u people, not %u", r->nlisted, n);
}

static void
check_moved(const struct m_answer *a, struct item *it)
{
	const struct request *r = (const struct request *)it->mail;
	const struct m_user *u = &w.m.users[a->user];
	uint32_t i, n = u->inbox.in;

	for (i = 0; i < M_ROOMS; i++)
		n += u->in[i] == M_IN;
	CHECK(n == r->nlisted, "%u rooms, not %u", r->nlisted, n);
	for (i = 0; i < r->nlisted; i++) {
		const struct moved_room *row = &r->moved[i];
		uint64_t head = u->inbox.head;
		int k = 0;

		it->marks[i] = model_events(&w.m, row->room_id)->n;
		while (k < M_ROOMS && w.m.rooms[k].id != row->room_id)
			k++;
		if (k < M_ROOMS) {
			head = w.m.rooms[k].head;
			CHECK(u->in[k] == M_IN, "is not in %s", row->room);
		} else {
			CHECK(u->inbox.in && u->inbox.id == row->room_id,
			    "is not in %s", row->room);
			CHECK(row->after == u->inbox.since, "after");
		}
		CHECK(row->head == head, "head of %s", row->room);
	}
}

static void
check_answer(const struct m_answer *a, struct item *it)
{
	const struct request *r = (const struct request *)it->mail;

	CHECK(r->error == a->error, "cmd %d: %s, not %s", r->cmd,
	    error_name(r->error), error_name(a->error));
	CHECK(!a->replaced || (w.replaced != NULL &&
	    w.replaced->client == a->old), "not replaced");
	CHECK(a->replaced || w.replaced == NULL, "replaced");
	CHECK(model_learn(&w.m, a, r), "room %u", r->room_id);
	if (r->error != ERR_NONE)
		return;
	if (r->cmd == CMD_LOGIN)
		CHECK(strcmp(r->name, a->name) == 0, "%s", r->name);
	else if (r->cmd == CMD_SUBSCRIBE)
		check_subscribed(a, r);
	else if (r->cmd == CMD_RENAME || r->cmd == CMD_UNSUBSCRIBE)
		CHECK(a->any_id || r->room_id == a->id, "room %u", r->room_id);
	else if (r->cmd == CMD_ROOMS)
		check_rooms(a, r);
	else if (r->cmd == CMD_WHO)
		check_who(a, r);
	else if (r->cmd == CMD_MOVED)
		check_moved(a, it);
}

static struct sim *
sim_of(client_id id)
{
	struct sim *s = &w.sims[CLIENT_SLOT(id)];

	return s->alive && was_its(s, id) ? s : NULL;
}

/* The hub takes one request; false if it has none. */
static bool
hub_step(void)
{
	struct m_answer a;
	struct request *r;
	struct sim *s;

	if (w.first == w.last)
		return false;
	r = w.inbox[w.first++];
	a = model_request(&w.m, r);
	w.mark = a.mark;
	if (r->cmd == CMD_SUBSCRIBE && a.error == ERR_NONE && !a.created)
		w.mark = model_events(&w.m, a.room >= 0 ?
		    w.m.rooms[a.room].id : w.m.users[a.user].inbox.id)->n;
	w.reply = NULL;
	w.replaced = NULL;
	s = sim_of(r->client);
	if (s != NULL && a.kept)
		s->stored++;
	hub_request(w.f.hub, r);
	if (a.kept) {
		CHECK(w.reply == NULL, "answered at once");
		/* A request that is gone is not looked at any more. */
		CHECK(w.f.store.nops == 0 || w.m.nops == 0 ||
		    w.m.ops[w.m.nops - 1].req != r ||
		    model_learn(&w.m, &a, r), "room");
	} else {
		CHECK(w.reply != NULL, "cmd %d: no answer", r->cmd);
		check_answer(&a, w.reply);
	}
	return true;
}

static void
check_stored(const struct m_answer *a, const struct m_op *op)
{
	const struct request *r;
	client_id id = op->client;
	int i;

	if (w.reply == NULL)	/* it waits with the room's news */
		hub_release(w.f.hub);
	CHECK(w.reply != NULL, "no answer");
	r = (struct request *)w.reply->mail;
	CHECK(r == op->req, "another's answer");
	CHECK(r->error == a->error, "%s, not %s", error_name(r->error),
	    error_name(a->error));
	for (i = 0; i < M_NAMES; i++) {
		if (w.m.users[i].here &&
		    w.m.users[i].instance == op->instance)
			id = w.m.users[i].client;
	}
	CHECK(r->client == id, "to another client");
	if (r->error != ERR_NONE || op->kind == MSG_TOPIC)
		return;
	CHECK(r->duplicate == a->reset, "duplicate");
	CHECK(r->seq == (a->reset ? a->after : w.f.store.seq), "seq");
	CHECK(r->time == (int64_t)(1000 + r->seq), "time");
	CHECK((w.placed != NULL) == a->created, "placed");
	if (w.placed != NULL) {
		CHECK(w.placed->client == w.m.users[a->user].client, "whom");
		CHECK(w.placed->after == a->after, "after");
		CHECK(w.placed->room_id == op->id, "where");
	}
}

/* The store completes one op; false if it has none. */
static bool
store_step(bool fails)
{
	struct store_op *first;
	struct m_answer a;
	struct m_op op;
	struct sim *s;

	if (w.f.store.flushed == 0)
		return false;
	first = w.f.store.ops[0];
	w.f.store.fail = fails;
	w.reply = NULL;
	w.placed = NULL;
	if (first->kind == STORE_FORGET) {
		CHECK(model_events(&w.m, first->room)->dead, "forgets %s",
		    first->key);
		w.f.store.fail = false;
		fake_commit(&w.f, 1);
		CHECK(w.reply == NULL, "an answer to nothing");
		return true;
	}
	CHECK(w.m.nops > 0 && w.m.ops[0].req == first->req, "which op?");
	a = model_commit(&w.m, fails, &op);
	CHECK(first->room == op.id, "room %u, not %u", first->room, op.id);
	w.mark = a.mark;
	fake_commit(&w.f, 1);
	if (a.kept) {
		CHECK(w.reply == NULL, "answered at once");
		a.id = (uint32_t)a.user;
		CHECK(model_learn(&w.m, &a, op.req), "room");
		return true;
	}
	check_stored(&a, &op);
	if ((s = sim_of(op.client)) != NULL)
		s->stored--;
	return true;
}

static void
client_step(struct sim *s)
{
	struct ask a;

	if (!s->alive) {
		*s = (struct sim){ .alive = true, .gen = s->gen + 1,
		    .born = s->gen + 1 };
		s->id = CLIENT_ID(rnd(FAKE_LOOPS), s - w.sims, s->gen);
	}
	a = model_ask(&w.m, s->sid != 0);
	send_request(s, fake_request(&(struct fake_client){ 0, 0 }, &a));
}

/* A session moves when the loop has nothing of it left to answer. */
static void
move_step(struct sim *s)
{
	struct request *r;

	if (!s->alive || s->sid == 0 || s->moving ||
	    s->unanswered != s->stored)
		return;
	s->id = CLIENT_ID(rnd(FAKE_LOOPS), s - w.sims, ++s->gen);
	s->moving = true;
	r = request_new(CMD_MOVED);
	send_request(s, r);
}

static void
prune_step(void)
{
	const struct m_room *room = &w.m.rooms[rnd(M_ROOMS)];
	struct store_pruned *p;

	if (room->id == 0 || room->head == 0)
		return;
	p = xcalloc(1, sizeof(*p));
	p->room = room->id;
	p->floor = rnd((uint32_t)room->head + 1);
	model_pruned(&w.m, (int)(room - w.m.rooms), p->floor);
	hub_pruned(w.f.hub, p);
}

static void
step(void)
{
	struct sim *s = &w.sims[rnd(CLIENTS)];
	uint32_t dice = rnd(100), n = rnd(4);

	if (dice < 35)
		client_step(s);
	else if (dice < 60) {
		while (n-- > 0 && hub_step())
			;
	} else if (dice < 68) {
		w.f.written = chance(50) ? w.f.stamp : rnd(w.f.stamp + 1);
		hub_flush(w.f.hub);
		if (chance(10))
			hub_release(w.f.hub);
	}
	else if (dice < 78) {
		while (n-- > 0 && store_step(chance(10)))
			;
	} else if (dice < 94) {
		while (n-- > 0 && loop_step(rnd(FAKE_LOOPS)))
			;
	} else if (dice < 96) {
		if (s->alive)
			die(s);
	} else if (dice < 99)
		move_step(s);
	else
		prune_step();
}

static void
quiesce(void)
{
	bool more;
	unsigned i;

	do {
		more = false;
		while (hub_step())
			more = true;
		w.f.written = w.f.stamp;
		hub_flush(w.f.hub);
		while (store_step(false))
			more = true;
		for (i = 0; i < FAKE_LOOPS; i++) {
			while (loop_step(i))
				more = true;
		}
	} while (more);
}

/* Everyone has seen everything that there was to be seen. */
static void
check_all_seen(void)
{
	uint32_t i, k, n;

	for (i = 0; i < M_NAMES; i++) {
		const struct m_user *u = &w.m.users[i];
		const struct sim *s = &w.sims[CLIENT_SLOT(u->client)];

		if (!u->here)
			continue;
		CHECK(s->alive && s->id == u->client && s->sid == u->sid,
		    "%s is nobody", u->shown);
		CHECK(s->unanswered == 0 && s->stored == 0, "%u, %u",
		    s->unanswered, s->stored);
		for (k = 0, n = u->inbox.in; k < M_ROOMS; k++)
			n += u->in[k] == M_IN;
		for (k = 0; k < PLACES; k++) {
			const struct place *p = &s->places[k];

			if (p->id == 0)
				continue;
			n--;
			CHECK(p->next == model_events(&w.m, p->id)->n,
			    "%s has not seen all of %u", u->shown, p->id);
		}
		CHECK(n == 0, "%s is not in all rooms", u->shown);
	}
}

static void
check_empty(void)
{
	uint32_t i;

	for (i = 0; i < CLIENTS; i++) {
		if (w.sims[i].alive)
			die(&w.sims[i]);
	}
	quiesce();
	CHECK(hub_users(w.f.hub) == 0, "%u users", hub_users(w.f.hub));
	CHECK(hub_rooms(w.f.hub) == model_hub_rooms(&w.m), "%u rooms",
	    hub_rooms(w.f.hub));
	CHECK(w.f.store.nops == 0 && w.m.nops == 0, "ops");
	for (i = 0; i < w.f.store.nlog; i++)
		CHECK(w.f.store.log[i].msg == NULL ||
		    !model_events(&w.m, w.f.store.log[i].room)->dead,
		    "an inbox was not forgotten");
}

static void
sequence(uint64_t seed)
{
	unsigned i;

	memset(&w, 0, sizeof(w));
	w.seed = w.m.dice = seed;
	fake_start(&w.f, NULL);
	w.f.mail = mail_cb;
	w.f.conf.presence_limit = w.f.conf.max_rooms = M_LIMIT;
	if (chance(20))
		w.f.conf.store_queue = 200 + rnd(2000);
	w.m.f = &w.f;
	for (i = 0; i < FAKE_LOOPS; i++)
		w.tails[i] = &w.items[i];
	for (w.step = 0; w.step < STEPS; w.step++) {
		step();
		CHECK(hub_rooms(w.f.hub) == model_hub_rooms(&w.m),
		    "%u rooms, not %u", hub_rooms(w.f.hub),
		    model_hub_rooms(&w.m));
	}
	quiesce();
	check_all_seen();
	check_empty();
	fake_end(&w.f);
	model_free(&w.m);
}

Test(hub_model, random_sequences)
{
	sequences_run("HUB_SEED", SEQUENCES, sequence);
}
