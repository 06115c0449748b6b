#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

const char *const m_names[M_NAMES] = { "ann", "bob", "cy", "dee", "eve" };
const char *const m_rooms[M_ROOMS] = { "den", "hall", "pub", "attic" };

static void
set(char out[16], const char *s)
{
	snprintf(out, 16, "%s", s != NULL ? s : "");
}

static int
find(const char *const *words, int n, const char *key)
{
	int i;

	for (i = 0; i < n; i++) {
		if (strcmp(words[i], key) == 0)
			return i;
	}
	return -1;
}

int
model_room(const char *key)
{
	return find(m_rooms, M_ROOMS, key);
}

int
model_user(const struct model *m, const char *key)
{
	int i = find(m_names, M_NAMES, key);

	return i >= 0 && m->users[i].here ? i : -1;
}

struct m_events *
model_events(struct model *m, uint32_t id)
{
	if (id >= m->nevents) {
		m->events = xrealloc(m->events, (id + 1) * sizeof(*m->events));
		memset(m->events + m->nevents, 0,
		    (id + 1 - m->nevents) * sizeof(*m->events));
		m->nevents = id + 1;
	}
	return &m->events[id];
}

static void __attribute__((format(printf, 3, 4)))
happens(struct model *m, uint32_t id, const char *fmt, ...)
{
	struct m_events *e = model_events(m, id);
	va_list ap;

	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 16;
		e->list = xrealloc(e->list, e->cap * sizeof(*e->list));
	}
	va_start(ap, fmt);
	vsnprintf(e->list[e->n++], sizeof(*e->list), fmt, ap);
	va_end(ap);
}

void
model_free(struct model *m)
{
	uint32_t i;

	for (i = 0; i < m->nevents; i++)
		free(m->events[i].list);
	free(m->events);
	free(m->ops);
	free(m->keys);
}

uint32_t
model_members(const struct model *m, int room)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < M_NAMES; i++)
		n += m->users[i].here && m->users[i].in[room] != M_OUT;
	return n;
}

uint32_t
model_hub_rooms(const struct model *m)
{
	uint32_t n = 0;
	int i;

	for (i = 0; i < M_ROOMS; i++)
		n += m->rooms[i].id != 0;
	for (i = 0; i < M_NAMES; i++)
		n += m->users[i].here && m->users[i].inbox.exists;
	return n;
}

static void
settle(struct model *m, int room)
{
	if (model_members(m, room) == 0 && m->rooms[room].pending == 0 &&
	    !m->rooms[room].stored)
		m->rooms[room] = (struct m_room){ .id = 0 };
}

static void
leave(struct model *m, int user, int room, const char *reason)
{
	struct m_user *u = &m->users[user];

	if (u->in[room] == M_OUT)
		return;
	if (model_members(m, room) <= M_LIMIT)
		happens(m, m->rooms[room].id, "leave %s %s", u->shown,
		    reason != NULL ? reason : "");
	u->in[room] = M_OUT;
	u->owner[room] = false;
	settle(m, room);
}

static void
drop_inbox(struct model *m, int user, unsigned heir)
{
	struct m_inbox *box = &m->users[user].inbox;

	if (box->id != 0) {
		model_events(m, box->id)->dead = true;
		model_events(m, box->id)->heir = heir;
	}
	*box = (struct m_inbox){ .exists = false };
}

/* Whose request it is; -1: nobody's. */
static int
asker(const struct model *m, const struct request *r)
{
	int i;

	for (i = 0; i < M_NAMES; i++) {
		const struct m_user *u = &m->users[i];

		if (!u->here)
			continue;
		if (r->sid == 0 || r->cmd == CMD_GONE ? u->client == r->client :
		    u->sid == r->sid && (u->client == r->client ||
		    r->cmd == CMD_MOVED))
			return i;
	}
	return -1;
}

static void
login(struct model *m, const struct request *r, struct m_answer *a)
{
	int i = find(m_names, M_NAMES, r->name_key), k;
	struct m_user *u = &m->users[i];

	if (a->user >= 0 || r->sid != 0) {
		a->error = ERR_ALREADY_LOGGED_IN;
		return;
	}
	if (u->here && (r->resume == NULL ||
	    strcmp(r->resume, u->secret) != 0)) {
		a->error = ERR_NAME_TAKEN;
		return;
	}
	if (u->here) {
		a->replaced = true;
		a->old = u->client;
		for (k = 0; k < M_ROOMS; k++) {
			if (u->in[k] == M_IN)
				u->in[k] = M_HELD;
		}
		u->inbox.in = false;
	} else {
		*u = (struct m_user){ .here = true };
		set(u->shown, r->name);
	}
	u->client = r->client;
	u->instance = ++m->instances;
	a->user = i;
	set(a->name, u->shown);
}

static void
rename_(struct model *m, const struct request *r, struct m_answer *a)
{
	int to = find(m_names, M_NAMES, r->name_key), k;
	struct m_user *u = &m->users[a->user];

	if (to != a->user && m->users[to].here) {
		a->error = ERR_NAME_TAKEN;
		return;
	}
	if (strcmp(u->shown, r->name) == 0)
		return;
	for (k = 0; k < M_ROOMS; k++) {
		if (u->in[k] != M_OUT)
			happens(m, m->rooms[k].id, "renamed %s %s", u->shown,
			    r->name);
	}
	set(u->shown, r->name);
	if (to != a->user) {
		a->id = u->inbox.id;
		a->mark = model_events(m, a->id)->n;
		a->any_id = u->inbox.exists && a->id == 0;
		drop_inbox(m, a->user, u->instance);
		m->users[to] = *u;
		u->here = false;
		a->user = to;
	}
}

/* Where reading begins, as partyline-protocol(7) has it. */
static void
start(const struct request *r, uint64_t head, uint64_t floor,
    struct m_answer *a)
{
	bool foreign = r->epoch != NULL && strcmp(r->epoch, FAKE_EPOCH) != 0;

	a->reset = foreign;
	a->has_after = true;
	a->after = head;
	if (r->has & HAS_AFTER) {
		a->reset = foreign || r->after > head;
		a->after = a->reset ? 0 : r->after;
		a->gap = a->after < floor;
		a->gap_before = floor + 1;
	} else if ((r->has & HAS_LAST) && r->last > 0)
		a->has_after = false;
}

static void
subscribe_inbox(struct model *m, const struct request *r, struct m_answer *a)
{
	struct m_inbox *box = &m->users[a->user].inbox;

	if (strcmp(r->room_key + 1, m_names[a->user]) != 0)
		a->error = ERR_FORBIDDEN;
	else if (box->in)
		a->error = ERR_ALREADY_SUBSCRIBED;
	else {
		a->created = !box->exists;
		box->exists = box->in = true;
		a->owner = true;
		start(r, box->head, 0, a);
		box->since = a->has_after ? a->after : box->head;
	}
}

static void
subscribe(struct model *m, const struct request *r, struct m_answer *a)
{
	struct m_user *u = &m->users[a->user];
	struct m_room *room = &m->rooms[a->room];
	int k, n = 0;

	for (k = 0; k < M_ROOMS; k++)
		n += u->in[k] == M_IN;
	if (u->in[a->room] == M_IN) {
		a->error = ERR_ALREADY_SUBSCRIBED;
		return;
	}
	if (n >= M_LIMIT) {
		a->error = ERR_TOO_MANY_ROOMS;
		return;
	}
	if (room->id == 0) {
		a->created = u->owner[a->room] = true;
		set(room->shown, r->room);
		room->id = UINT32_MAX;		/* to be learnt */
	} else if (u->in[a->room] == M_OUT &&
	    model_members(m, a->room) < M_LIMIT)
		happens(m, room->id, "join %s ", u->shown);
	u->in[a->room] = M_IN;
	a->owner = u->owner[a->room];
	start(r, room->head, room->floor, a);
}

static size_t
op_size(size_t strings, bool has_msg)
{
	return sizeof(struct store_op) + strings +
	    (has_msg ? sizeof(struct msg) + 4 : 0);
}

static size_t
waiting(const struct model *m)
{
	size_t sum = 0;
	uint32_t i;

	for (i = 0; i < m->f->store.nops; i++) {
		const struct store_op *op = m->f->store.ops[i];

		sum += op->msg != NULL ? op_size(strlen(msg_from(op->msg)) +
		    strlen(msg_to(op->msg)) + strlen(msg_text(op->msg)) +
		    strlen(msg_key(op->msg)), true) :
		    op_size(op->text != NULL ? strlen(op->text) : 0, false);
	}
	return sum;
}

/* Whether the store takes an op of this size, with so much gone from it. */
static bool
fits(const struct model *m, size_t size, size_t gone)
{
	size_t now = waiting(m) - gone;

	return now == 0 || now + size <= m->f->conf.store_queue;
}

static struct m_op *
submit(struct model *m, struct request *req, int user, int room, uint32_t id)
{
	struct m_op *op;

	m->ops = xrealloc(m->ops, (m->nops + 1) * sizeof(*m->ops));
	op = &m->ops[m->nops++];
	*op = (struct m_op){ .req = req, .room = room, .id = id,
	    .instance = m->users[user].instance,
	    .client = m->users[user].client };
	set(op->author, m_names[user]);
	set(op->shown, m->users[user].shown);
	return op;
}

static void
say(struct model *m, const struct request *r, struct m_answer *a)
{
	const struct m_user *u = &m->users[a->user], *to = NULL;
	size_t strings;
	struct m_op *op;
	int i = -1;

	if (r->cmd == CMD_TELL) {
		if ((i = model_user(m, r->name_key)) < 0) {
			a->error = ERR_NO_SUCH_USER;
			return;
		}
		m->users[i].inbox.exists = true;
		to = &m->users[i];
		set(a->name, to->shown);
	}
	strings = strlen(u->shown) + (to != NULL ? strlen(to->shown) : 0) +
	    strlen(msg_text(r->msg)) + strlen(msg_key(r->msg));
	if (!fits(m, op_size(strings, true), 0)) {
		a->error = ERR_STORE_UNAVAILABLE;
		return;
	}
	op = submit(m, (struct request *)(uintptr_t)r, a->user,
	    to != NULL ? -1 : a->room,
	    to != NULL ? to->inbox.id : m->rooms[a->room].id);
	op->kind = (enum msg_kind)r->msg->kind;
	set(op->text, msg_text(r->msg));
	set(op->key, msg_key(r->msg));
	a->kept = true;
	a->id = to != NULL ? (uint32_t)i : 0;
	if (to == NULL)
		m->rooms[a->room].pending++;
}

static void
topic(struct model *m, const struct request *r, struct m_answer *a)
{
	struct m_op *op;

	if (!fits(m, op_size(strlen(r->string), false), 0)) {
		a->error = ERR_STORE_UNAVAILABLE;
		return;
	}
	op = submit(m, (struct request *)(uintptr_t)r, a->user, a->room,
	    m->rooms[a->room].id);
	op->kind = MSG_TOPIC;
	set(op->text, r->string);
	m->rooms[a->room].pending++;
	a->kept = true;
}

/* The commands for those who are in the room. */
static void
member_request(struct model *m, const struct request *r, struct m_answer *a)
{
	struct m_user *u = &m->users[a->user];
	bool inbox = a->room < 0;
	bool own = inbox && strcmp(r->room_key + 1, m_names[a->user]) == 0;

	if (inbox ? !own || !u->inbox.in : u->in[a->room] != M_IN)
		a->error = ERR_NOT_SUBSCRIBED;
	else if (r->cmd == CMD_SEEN) {
		if (r->seq > (inbox ? u->inbox.head : m->rooms[a->room].head))
			a->error = ERR_NO_SUCH_MESSAGE;
	} else if (r->cmd == CMD_UNSUBSCRIBE) {
		a->id = inbox ? u->inbox.id : m->rooms[a->room].id;
		a->mark = model_events(m, a->id)->n;
		if (inbox)
			u->inbox.in = false;
		else
			leave(m, a->user, a->room, NULL);
	} else if (inbox)
		a->error = ERR_FORBIDDEN;
	else if (r->cmd == CMD_SAY)
		say(m, r, a);
	else
		topic(m, r, a);
}

static void
look(struct model *m, const struct request *r, struct m_answer *a)
{
	struct m_inbox *box = &m->users[a->user].inbox;

	if (r->room_key == NULL)
		return;
	if (a->room >= 0) {
		if (m->rooms[a->room].id == 0)
			a->error = ERR_NO_SUCH_ROOM;
	} else if (strcmp(r->room_key + 1, m_names[a->user]) != 0)
		a->error = ERR_FORBIDDEN;
	else if (r->cmd == CMD_HISTORY)
		box->exists = true;
	else if (!box->exists)
		a->error = ERR_NO_SUCH_ROOM;
}

static void
gone(struct model *m, const struct request *r, struct m_answer *a)
{
	int k;

	a->kept = true;
	if (a->user < 0)
		return;
	for (k = 0; k < M_ROOMS; k++)
		leave(m, a->user, k, r->string);
	drop_inbox(m, a->user, 0);
	m->users[a->user].here = false;
}

struct m_answer
model_request(struct model *m, const struct request *r)
{
	struct m_answer a = { .user = asker(m, r),
	    .room = r->room_key != NULL ? model_room(r->room_key) : -1 };
	int k;

	if (a.user < 0 && r->cmd != CMD_LOGIN && r->cmd != CMD_PING &&
	    r->cmd != CMD_QUIT && r->cmd != CMD_GONE) {
		a.error = ERR_NOT_LOGGED_IN;
		return a;
	}
	if (a.user >= 0 && r->cmd != CMD_SUBSCRIBE && r->cmd != CMD_GONE &&
	    r->cmd != CMD_MOVED && r->cmd != CMD_QUIT) {
		for (k = 0; k < M_ROOMS; k++) {
			if (m->users[a.user].in[k] == M_HELD)
				leave(m, a.user, k, "replaced");
		}
	}
	if (r->cmd == CMD_LOGIN)
		login(m, r, &a);
	else if (r->cmd == CMD_RENAME)
		rename_(m, r, &a);
	else if (r->cmd == CMD_SUBSCRIBE && a.room < 0)
		subscribe_inbox(m, r, &a);
	else if (r->cmd == CMD_SUBSCRIBE)
		subscribe(m, r, &a);
	else if (r->cmd == CMD_TELL)
		say(m, r, &a);
	else if (r->cmd == CMD_AWAY)
		set(m->users[a.user].away, r->string);
	else if (r->cmd == CMD_HISTORY || r->cmd == CMD_WHO)
		look(m, r, &a);
	else if (r->cmd == CMD_GONE)
		gone(m, r, &a);
	else if (r->cmd == CMD_MOVED)
		m->users[a.user].client = r->client;
	else if (r->cmd == CMD_UNSUBSCRIBE || r->cmd == CMD_SAY ||
	    r->cmd == CMD_SEEN || r->cmd == CMD_TOPIC)
		member_request(m, r, &a);
	return a;
}

/* An id that the hub says a room has: the known one, or one never seen. */
static bool
learn_id(struct model *m, uint32_t *known, uint32_t id)
{
	if (*known != 0 && *known != UINT32_MAX)
		return *known == id;
	if (id == 0 || model_events(m, id)->known)
		return false;
	*known = id;
	return model_events(m, id)->known = true;
}

bool
model_learn(struct model *m, const struct m_answer *a,
    const struct request *r)
{
	struct fake_store *s = &m->f->store;
	struct m_user *u = a->user >= 0 ? &m->users[a->user] : NULL;

	if (a->kept && r != NULL && r->cmd == CMD_TELL) {
		uint32_t id, i = s->nops - 1;

		while (i > 0 && s->ops[i]->req != r)
			i--;
		id = s->ops[i]->room;
		m->ops[m->nops - 1].id = id;
		return learn_id(m, &m->users[a->id].inbox.id, id);
	}
	if (a->kept || a->error != ERR_NONE)
		return true;
	if (r->cmd == CMD_LOGIN) {
		u->sid = r->sid;
		snprintf(u->secret, sizeof(u->secret), "%s", r->session);
		return r->sid != 0 && strlen(r->session) == 16;
	}
	if (r->cmd == CMD_SUBSCRIBE || r->cmd == CMD_HISTORY)
		return learn_id(m, a->room >= 0 ? &m->rooms[a->room].id :
		    &u->inbox.id, r->room_id);
	return true;
}

static const struct m_key *
find_key(const struct model *m, const struct m_op *op)
{
	uint32_t i;

	for (i = 0; op->key[0] != '\0' && i < m->nkeys; i++) {
		if (m->keys[i].id == op->id &&
		    strcmp(m->keys[i].author, op->author) == 0 &&
		    strcmp(m->keys[i].key, op->key) == 0)
			return &m->keys[i];
	}
	return NULL;
}

static void
stored(struct model *m, const struct m_op *op, uint64_t seq)
{
	struct m_key *key;

	m->keys = xrealloc(m->keys, (m->nkeys + 1) * sizeof(*m->keys));
	key = &m->keys[m->nkeys++];
	*key = (struct m_key){ .id = op->id, .seq = seq };
	set(key->author, op->author);
	set(key->key, op->key);
	happens(m, op->id, "%s %llu %s %s", msg_kind_name(op->kind),
	    (unsigned long long)seq, op->shown, op->text);
}

/* A tell is stored: it is seen, or goes on to where its user is now. */
static void
told(struct model *m, struct m_op *op, uint64_t seq, struct m_answer *a)
{
	const struct m_events *e = model_events(m, op->id);
	const struct store_op *first = m->f->store.ops[0];
	bool dead = e->dead;
	unsigned heir = e->heir;
	int i;

	stored(m, op, seq);
	a->mark = model_events(m, op->id)->n - 1;
	for (i = 0; i < M_NAMES; i++) {
		struct m_user *u = &m->users[i];

		if (!u->here)
			continue;
		if (!dead && u->inbox.id == op->id) {
			a->user = i;
			a->after = u->inbox.head;
			a->created = !u->inbox.in;	/* placed now */
			if (!u->inbox.in)
				u->inbox.since = u->inbox.head;
			u->inbox.in = true;
			u->inbox.head = seq;
		} else if (dead && heir != 0 && u->instance == heir) {
			size_t gone = op_size(strlen(msg_from(first->msg)) +
			    strlen(msg_to(first->msg)) +
			    strlen(op->text) + strlen(op->key), true);

			u->inbox.exists = true;
			a->user = i;
			a->kept = fits(m, op_size(strlen(op->shown) +
			    strlen(u->shown) + strlen(op->text) +
			    strlen(op->key), true), gone);
			if (!a->kept)
				a->error = ERR_STORE_UNAVAILABLE;
		}
	}
}

struct m_answer
model_commit(struct model *m, bool fails, struct m_op *op)
{
	struct m_answer a = { .user = -1 };
	const struct m_key *key;
	struct m_room *room;

	*op = m->ops[0];
	memmove(m->ops, m->ops + 1, --m->nops * sizeof(*m->ops));
	a.room = op->room;
	room = op->room >= 0 ? &m->rooms[op->room] : NULL;
	if (room != NULL) {
		room->pending--;
		room->stored |= !fails;
	}
	if (fails)
		a.error = ERR_STORE_UNAVAILABLE;
	else if (op->kind == MSG_TOPIC) {
		set(room->topic, op->text);
		happens(m, op->id, "topic %s %s", op->shown, op->text);
	} else if ((key = find_key(m, op)) != NULL) {
		a.reset = true;			/* a duplicate */
		a.after = key->seq;
	} else if (room != NULL) {
		room->head = m->f->store.seq + 1;
		stored(m, op, room->head);
	} else
		told(m, op, m->f->store.seq + 1, &a);
	if (room != NULL)
		settle(m, op->room);
	if (a.kept) {
		/* Submitted anew, as it was, to the heir's inbox. */
		m->ops = xrealloc(m->ops, (m->nops + 1) * sizeof(*m->ops));
		m->ops[m->nops] = *op;
		m->ops[m->nops++].id = 0;
	}
	return a;
}

void
model_pruned(struct model *m, int room, uint64_t floor)
{
	if (floor > m->rooms[room].floor)
		m->rooms[room].floor = floor;
}
