/*
 * Rights against a simple model: people with and without accounts do random
 * things in random rooms, restarts and upgrades between them, and time goes by.
 * Whatever they do, nobody enters, reads or writes what the model says they may
 * not, and everybody what they may.
 *
 * A sequence has a seed. RULES_SEED=n repeats one of them.
 */
#include <stdlib.h>
#include <string.h>

#include "rules-model.h"

#define SEQUENCES	300
#define STEPS		500
#define EPOCH		INT64_C(1700000000000)	/* the clock's, as all begins */

/* The hub's clocks, by the linker's --wrap. */
uint64_t __wrap_clock_ms(void);
int64_t	 __wrap_clock_wall(void);

uint64_t
__wrap_clock_ms(void)
{
	return w.now + 1;
}

int64_t
__wrap_clock_wall(void)
{
	return EPOCH + (int64_t)w.now;
}

uint32_t
rnd(uint32_t n)
{
	return sequence_rnd(&w.dice, n);
}

int
rather(int i, int n, bool (*is)(int, int), int of)
{
	int tries, other = i;

	for (tries = 0; tries < 6; tries++) {
		if (is(other, of))
			return other;
		other = (int)rnd((uint32_t)n);
	}
	return i;
}

/* Mail of the hub: what each client is shown, and where it has a place. */

static int
room_of(uint32_t id)
{
	int r;

	for (r = 0; r < ROOMS; r++) {
		if (w.rooms[r].id == id)
			return r;
	}
	return -1;
}

static int
person_of(client_id id)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].here && w.people[p].c.id == id)
			return p;
	}
	return -1;
}

static void
shown(unsigned loop, const struct batch *b)
{
	int r = room_of(b->room), p;

	for (p = 0; p < PEOPLE && r >= 0; p++) {
		const struct person *who = &w.people[p];

		if (!who->here || CLIENT_LOOP(who->c.id) != loop ||
		    !who->place[r])
			continue;
		CHECK(w.before[p].in[r] || who->in[r], "%s is shown #%s",
		    names[p], room_names[r]);
	}
}

static void
mail_cb(void *arg, unsigned loop, struct mail *m)
{
	struct unplace_mail *u = (struct unplace_mail *)m;
	int p;

	(void)arg;
	if (m->kind == MAIL_REPLY) {
		request_free(w.reply);
		w.reply = (struct request *)m;
		return;
	}
	if (m->kind == MAIL_BATCH) {
		shown(loop, (struct batch *)m);
		batch_free((struct batch *)m);
		return;
	}
	if (m->kind == MAIL_UNPLACE) {
		p = person_of(u->client);
		CHECK(p >= 0 && room_of(u->room_id) >= 0 &&
		    w.people[p].place[room_of(u->room_id)], "no such place");
		w.people[p].place[room_of(u->room_id)] = false;
		msg_unref(u->why);
	}
	if (m->kind == MAIL_SESSION)
		session_mail_free((struct session_mail *)m);
	else
		free(m);
}

/* The operator, by the control socket, who may do what nobody else may. */
static const struct fake_client control = { CLIENT_ID(OPERATOR_LOOP, 0, 1),
    0 };

/* By the client that is theirs, or was. */
static const struct request *
ask_as(const struct fake_client *c, const struct ask *a)
{
	request_free(w.reply);
	w.reply = NULL;
	hub_request(w.f.hub, fake_request(c, a));
	fake_prove(&w.f);
	fake_round(&w.f);
	return w.reply;
}

const struct request *
ask(int p, const struct ask *a)
{
	return ask_as(&w.people[p].c, a);
}

void
expect_one_of(int p, const char *where, const char *what, errors may)
{
	CHECK(w.reply != NULL, "%s: no answer", what);
	CHECK((ONE(w.reply->error) & may) != 0, "%s: %s, %s: %s, not of %x",
	    what, names[p], where, error_name(w.reply->error), may);
}

void
expect(int p, int r, const char *what, enum error want)
{
	CHECK(w.reply != NULL, "%s: no answer", what);
	CHECK(w.reply->error == want, "%s: %s #%s: %s, not %s", what,
	    names[p], room_names[r], error_name(w.reply->error),
	    error_name(want));
}

/* Whom they do not want to hear, as the hub tells their loop. */
static void
check_ignores(int p)
{
	const struct ignores *list = w.reply->ignores;
	uint32_t i, n = 0;
	int q;

	for (q = 0; q < PEOPLE; q++) {
		for (i = 0; list != NULL && i < list->n; i++) {
			if (strcmp(list->list[i].key, names[q]) == 0)
				break;
		}
		CHECK(w.people[p].ignores[q] == (list != NULL && i < list->n),
		    "%s ignores %s?", names[p], names[q]);
		n += w.people[p].ignores[q];
	}
	CHECK(n == (list != NULL ? list->n : 0), "%u ignored", n);
}

/* Steps. Each says first what is to come of it. */

static void
log_in(int p)
{
	struct person *who = &w.people[p];
	bool right = m_is_guest(p) || rnd(8) > 0;
	int a = (int)rnd(ADDRESSES);
	enum error want = !right ? ERR_BAD_PASSWORD :
	    m_shut_out(p, a) ? ERR_BANNED : ERR_NONE;
	struct fake_client c = { CLIENT_ID(rnd(FAKE_LOOPS), w.slot++, 1), 0 };

	ask_as(&c, &(struct ask){ .cmd = CMD_LOGIN, .name = names[p],
	    .password = m_is_guest(p) ? NULL : right ? "secret" : "wrong",
	    .address = addresses[a] });
	expect_one_of(p, addresses[a], "login", ONE(want));
	if (want != ERR_NONE)
		return;
	c.sid = w.reply->sid;
	who->c = c;
	who->here = true;
	who->address = a;
	who->upper &= who->registered;
	check_ignores(p);
}

static void
log_out(int p)
{
	m_ends(p);
	ask(p, &(struct ask){ .cmd = CMD_GONE });
}

static void
become(int p)
{
	enum error want = m_is_guest(p) ? ERR_NONE : ERR_NAME_REGISTERED;

	if (want == ERR_NONE)
		m_registered(p);
	ask(p, &(struct ask){ .cmd = CMD_REGISTER, .password = "secret",
	    .address = addresses[w.people[p].address] });
	expect_one_of(p, "", "register", ONE(want));
}

/* The operator makes an account of a name that nobody bears. */
static void
enrol(int q)
{
	enum error want = !m_is_guest(q) ? ERR_NAME_REGISTERED :
	    w.people[q].here ? ERR_NAME_TAKEN : ERR_NONE;

	if (want == ERR_NONE) {
		m_registered(q);
		w.people[q].upper = false;
	}
	ask_as(&control, &(struct ask){ .cmd = CMD_ENROL, .name = names[q],
	    .password = "secret" });
	expect_one_of(q, "", "enrol", ONE(want));
}

static void
rename_to(int p, int q)
{
	struct fake_client c = w.people[p].c;
	bool upper = rnd(3) == 0, same = p == q && upper == w.people[p].upper;
	char name[8];
	errors may;

	snprintf(name, sizeof(name), "%s", names[q]);
	name[0] = (char)(name[0] + (upper ? 'A' - 'a' : 0));
	if (!m_is_guest(p))
		may = ONE(same ? ERR_NONE : ERR_FORBIDDEN);
	else if (!m_is_guest(q))
		may = ONE(ERR_NAME_REGISTERED);
	else if (p != q && w.people[q].here)
		may = ONE(ERR_NAME_TAKEN);
	else
		may = same ? ONE(ERR_NONE) : m_renames(p, q);
	if (may == ONE(ERR_NONE) && p != q)
		m_renamed(p, q);
	if (may == ONE(ERR_NONE))
		w.people[q].upper = upper;
	ask_as(&c, &(struct ask){ .cmd = CMD_RENAME, .name = name });
	expect_one_of(p, name, "rename", may);
}

static void
ignore(int p, int q, bool end)
{
	bool *is = &w.people[p].ignores[q];
	enum error want = end ? (*is ? ERR_NONE : ERR_BAD_ARGUMENT) :
	    p == q ? ERR_BAD_ARGUMENT : ERR_NONE;

	if (want == ERR_NONE)
		*is = !end;
	ask(p, &(struct ask){ .cmd = end ? CMD_UNIGNORE : CMD_IGNORE,
	    .name = names[q] });
	expect_one_of(p, names[q], "ignore", ONE(want));
	ask(p, &(struct ask){ .cmd = CMD_IGNORED });
	check_ignores(p);
}

static void
subscribe(int p, int r)
{
	struct person *who = &w.people[p];
	bool made = !m_exists(r);
	enum error want = who->in[r] ? ERR_ALREADY_SUBSCRIBED : m_sees(p, r);
	uint64_t head = w.rooms[r].head, floor;

	if (want == ERR_NONE) {
		if (w.rooms[r].closed && !who->keeps[r] && !who->in[r]) {
			who->late[r] = true;
			who->came[r] = head;
		}
		if (m_is_guest(p))
			who->role[r] = m_role(p, r);
		who->in[r] = who->roamed = true;
		if (made && !m_owned(r)) {
			who->role[r] = OWNER;
			w.rooms[r].stored |= !m_is_guest(p);
		}
		who->keeps[r] = !m_is_guest(p);
	}
	floor = m_floor(p, r);
	ask(p, &(struct ask){ .cmd = CMD_SUBSCRIBE, .room = room_names[r],
	    .has = HAS_AFTER });
	expect(p, r, "subscribe", want);
	if (want != ERR_NONE)
		return;
	w.rooms[r].id = w.reply->room_id;
	who->place[r] = true;
	CHECK(w.reply->floor == floor, "floor %llu, not %llu",
	    (unsigned long long)w.reply->floor, (unsigned long long)floor);
}

static void
unsubscribe(int p, int r)
{
	enum error want = w.people[p].in[r] ? ERR_NONE : ERR_NOT_SUBSCRIBED;

	if (want == ERR_NONE) {
		m_leaves(p, r, true);
		w.people[p].place[r] = false;
	}
	ask(p, &(struct ask){ .cmd = CMD_UNSUBSCRIBE,
	    .room = room_names[r] });
	expect(p, r, "unsubscribe", want);
}

static void
say(int p, int r)
{
	enum error want = m_speaks(p, r);
	uint64_t wait = w.rooms[r].turn[p] - w.now;
	bool topic = rnd(5) == 0;

	if (want == ERR_NONE) {
		m_spoke(p, r);
		w.rooms[r].stored = true;
		if (!topic)
			w.rooms[r].head = w.f.store.seq + 1;
	}
	ask(p, &(struct ask){ .cmd = topic ? CMD_TOPIC : CMD_SAY,
	    .room = room_names[r], .text = topic ? NULL : "hi",
	    .string = "hi" });
	expect(p, r, topic ? "topic" : "say", want);
	CHECK(want != ERR_RATE_LIMITED || w.reply->retry_ms == wait,
	    "wait for %u", w.reply->retry_ms);
}

/* Another's inbox is nobody's. */
static void
look_into_inbox(int p)
{
	int q = (int)rnd(PEOPLE);
	char inbox[8];

	snprintf(inbox, sizeof(inbox), "@%s", names[q]);
	ask(p, &(struct ask){ .cmd = CMD_HISTORY, .room = inbox });
	expect_one_of(p, inbox, "history", ONE(p == q ? ERR_NONE :
	    ERR_FORBIDDEN));
}

static void
look(int p, int r)
{
	enum error want = m_exists(r) ? m_sees(p, r) : ERR_NO_SUCH_ROOM;
	uint64_t floor = m_floor(p, r);
	uint32_t i, n = 0;
	int k;

	ask(p, &(struct ask){ .cmd = CMD_HISTORY, .room = room_names[r] });
	expect(p, r, "history", want);
	CHECK(want != ERR_NONE || w.reply->floor == floor, "floor %llu",
	    (unsigned long long)w.reply->floor);
	ask(p, &(struct ask){ .cmd = CMD_WHO, .room = room_names[r] });
	expect(p, r, "who", want);
	ask(p, &(struct ask){ .cmd = CMD_SEARCH, .room = room_names[r],
	    .string = "hi" });
	expect(p, r, "search", want);
	ask(p, &(struct ask){ .cmd = CMD_SEARCH, .string = "hi" });
	for (i = 1; i < w.reply->nhidden; i++)
		CHECK(w.reply->hidden[i - 1] < w.reply->hidden[i], "hidden");
	for (k = 0; k < ROOMS; k++) {
		for (i = 0; i < w.reply->nhidden; i++) {
			if (w.reply->hidden[i] == w.rooms[k].id)
				break;
		}
		CHECK(!m_exists(k) || (i < w.reply->nhidden) ==
		    (m_sees(p, k) != ERR_NONE), "%s looks into #%s", names[p],
		    room_names[k]);
	}
	ask(p, &(struct ask){ .cmd = CMD_ROOMS });
	for (k = 0; k < ROOMS; k++)
		n += m_exists(k) && (!w.rooms[k].private ||
		    m_sees(p, k) == ERR_NONE) && m_sees(p, k) != ERR_BANNED;
	CHECK(w.reply->nlisted == n, "%u rooms, not %u", w.reply->nlisted, n);
	look_into_inbox(p);
}

/* A name or an address is kept out of the server, or let in again. */

/* Who was sent away is nobody any more. */
static void
sent_away(int p)
{
	struct fake_client c = w.people[p].c;

	m_ends(p);
	w.people[p].c = (struct fake_client){ 0, 0 };
	ask_as(&c, &(struct ask){ .cmd = CMD_SAY, .room = room_names[0],
	    .text = "hi" });
	expect(p, 0, "say", ERR_NOT_LOGGED_IN);
}

static void
shut_out(int q, bool by_address)
{
	uint32_t seconds = rnd(2) * 30;
	int a = (int)rnd(ADDRESSES), p;
	enum error want = by_address && a == HERE ? ERR_BAD_ARGUMENT :
	    ERR_NONE;

	if (by_address && want == ERR_NONE) {
		w.server.addresses[a] = m_until(seconds);
		w.server.whose[a] = -1;
	} else if (!by_address)
		w.server.names[q][!m_is_guest(q)] = m_until(seconds);
	ask_as(&control, &(struct ask){ .cmd = CMD_SHUT_OUT,
	    .name = by_address ? NULL : names[q],
	    .whom_address = by_address ? addresses[a] : NULL,
	    .seconds = seconds });
	expect_one_of(q, addresses[a], "ban from the server", ONE(want));
	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].here && m_shut_out(p, w.people[p].address))
			sent_away(p);
	}
}

static void
let_in(int q, bool by_address)
{
	int a = (int)rnd(ADDRESSES);
	errors may = by_address ? m_lift_address(&w.server, a) :
	    m_lift(&w.server, q);

	ask_as(&control, &(struct ask){ .cmd = CMD_LET_IN,
	    .name = by_address ? NULL : names[q],
	    .whom_address = by_address ? addresses[a] : NULL });
	expect_one_of(q, addresses[a], "let in", may);
}

/* Another daemon begins with what the store has. */
static void
restart(void)
{
	int p, r;

	for (p = 0; p < PEOPLE; p++)
		m_ends(p);
	for (r = 0; r < ROOMS; r++)
		memset(w.rooms[r].turn, 0, sizeof(w.rooms[r].turn));
	memset(w.formers, 0, sizeof(w.formers));
	fake_restart(&w.f);
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Another takes over all that this one knows. */
static void
upgrade(void)
{
	uint32_t sids[PEOPLE], n = 0, i;
	struct buf b = { 0 };
	int p, r;

	fake_round(&w.f);
	hub_save(w.f.hub, &b);
	hub_free(w.f.hub);
	w.f.hub = hub_new(&w.f.conf, &w.f.store.base, FAKE_LOOPS, &w.f.out);
	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].here)
			sids[n++] = w.people[p].c.sid;
	}
	qsort(sids, n, sizeof(sids[0]), compare);
	CHECK(hub_restore(w.f.hub, b.data, b.len, sids, n), "restore");
	buf_free(&b);
	for (p = 0; p < PEOPLE; p++) {
		struct person *who = &w.people[p];

		if (!who->here)
			continue;
		ask(p, &(struct ask){ .cmd = CMD_MOVED });
		CHECK(w.reply->error == ERR_NONE, "%s is lost", names[p]);
		check_ignores(p);
		for (r = 0, n = 0; r < ROOMS; r++)
			n += who->in[r];
		for (i = 0; i < w.reply->nlisted; i++)
			n -= room_of(w.reply->moved[i].room_id) >= 0 &&
			    w.reply->moved[i].room[0] != '@';
		CHECK(n == 0, "%s is in other rooms", names[p]);
	}
}

static void
check_places(void)
{
	int p, r;

	for (p = 0; p < PEOPLE; p++) {
		for (r = 0; r < ROOMS; r++)
			CHECK(w.people[p].place[r] == w.people[p].in[r],
			    "%s, #%s: %d", names[p], room_names[r],
			    w.people[p].in[r]);
		for (r = 0; r < ROOMS; r++)
			CHECK(!w.people[p].in[r] || !m_banned(p, r),
			    "%s is banned from #%s, and there", names[p],
			    room_names[r]);
	}
	for (r = 0; r < ROOMS; r++) {
		if (!m_exists(r)) {
			w.rooms[r].id = 0;
			w.rooms[r].head = 0;
		}
	}
}

static bool
is_kept_out(int p, int unused)
{
	(void)unused;
	return m_named(&w.server, p);
}

static bool
is_guest_here(int p, int unused)
{
	(void)unused;
	return w.people[p].here && m_is_guest(p);
}

static bool
is_free(int p, int unused)
{
	(void)unused;
	return !w.people[p].here && m_is_guest(p);
}

/* What concerns names. */
static void
name_step(int p, int q)
{
	uint32_t dice = rnd(60);

	if (dice == 0)
		enrol(rather(q, PEOPLE, is_free, 0));
	else if (dice == 1)
		become(rather(p, PEOPLE, is_guest_here, 0));
	else if (dice < 5)
		shut_out(q, rnd(2));
	else if (dice < 17)
		let_in(rather(q, PEOPLE, is_kept_out, 0), rnd(2));
	else if (dice < 25)
		ignore(p, q, rnd(3) == 0);
	else
		rename_to(rather(p, PEOPLE, is_guest_here, 0), rather(q,
		    PEOPLE, is_free, 0));
}

static bool
has_power(int p, int r)
{
	return w.people[p].here && m_role(p, r) >= OP;
}

static bool
is_there(int r, int p)
{
	return w.people[p].in[r];
}

static void
step(void)
{
	int p = (int)rnd(PEOPLE), r = (int)rnd(ROOMS), q = (int)rnd(PEOPLE);
	int there = rather(r, ROOMS, is_there, p);
	uint32_t dice = rnd(200);

	w.now += rnd(500);
	memcpy(w.before, w.people, sizeof(w.before));
	if (dice == 0)
		restart();
	else if (dice < 3)
		upgrade();
	else if (!w.people[p].here)
		log_in(p);
	else if (dice < 8)
		log_out(p);
	else if (dice < 36)
		name_step(p, q);
	else if (dice < 70)
		subscribe(p, r);
	else if (dice < 76)
		unsubscribe(p, there);
	else if (dice < 120)
		say(p, there);
	else if (dice < 134)
		look(p, r);
	else
		act(rather(p, PEOPLE, has_power, r), r, q);
	check_places();
}

/* The accounts there are at first, one of them an operator's. */
static void
begin(void)
{
	char key[32];
	int p;

	for (p = 0; p < ACCOUNTS; p++) {
		snprintf(key, sizeof(key), "account/%s", names[p]);
		fake_put(&w.f, key, "{\"hash\":\"!secret\"}");
		w.people[p].registered = true;
	}
	fake_put(&w.f, "operator/root", "{\"at\":1}");
	fake_restart(&w.f);
}

static void
sequence(uint64_t seed)
{
	memset(&w, 0, sizeof(w));
	w.seed = w.dice = seed;
	fake_start(&w.f, NULL);
	w.f.mail = mail_cb;
	begin();
	for (w.step = 0; w.step < STEPS; w.step++)
		step();
	restart();
	CHECK(hub_users(w.f.hub) == 0, "%u users", hub_users(w.f.hub));
	fake_end(&w.f);
	request_free(w.reply);
}

Test(hub_rules, random_sequences)
{
	sequences_run("RULES_SEED", SEQUENCES, sequence);
}
