/*
 * Rights against a simple model: people with and without accounts do random
 * things in random rooms, restarts and upgrades between them. Whatever they
 * do, nobody enters, reads or writes what the model says they may not, and
 * everybody what they may. Nothing is shared with src/ but the words.
 *
 * A sequence has a seed. RULES_SEED=n repeats one of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-fake.h"

#define SEQUENCES	400
#define STEPS		300
#define PEOPLE		6
#define ROOMS		3

enum { NONE, MEMBER, OP, OWNER, OPERATOR };

/* The last two are guests, who come from one address. */
static const char *const names[PEOPLE] = { "root", "ann", "bob", "cy", "gus",
    "hal" };
static const char *const room_names[ROOMS] = { "den", "pub", "attic" };

struct person {
	struct fake_client c;
	bool		 here;
	bool		 in[ROOMS], invited[ROOMS], place[ROOMS];
	bool		 place_inbox;
	int		 role[ROOMS];		/* an account's is for good */
	bool		 banned[ROOMS], muted[ROOMS];
	bool		 keeps[ROOMS];
	uint64_t	 came[ROOMS];		/* as history was off */
	bool		 late[ROOMS];
};

struct room {
	bool		 stored, private, moderated, closed, registered;
	bool		 addr_banned[PEOPLE], addr_muted[PEOPLE];
	uint32_t	 id;
	uint64_t	 head;
};

static struct {
	struct fake	 f;
	struct person	 people[PEOPLE];
	struct room	 rooms[ROOMS];
	struct person	 before[PEOPLE];	/* the step */
	struct request	*reply;
	uint64_t	 seed, dice;
	unsigned	 step, slot;
} w;

#define CHECK(cond, ...) do {						\
	if (!(cond)) {							\
		fprintf(stderr, "RULES_SEED=%llu step %u line %d: %s: ", \
		    (unsigned long long)w.seed, w.step, __LINE__, #cond); \
		fprintf(stderr, __VA_ARGS__);				\
		fprintf(stderr, "\n");					\
		cr_assert_fail("RULES_SEED=%llu",			\
		    (unsigned long long)w.seed);			\
	}								\
} while (0)

static uint32_t
rnd(uint32_t n)
{
	uint64_t x = w.dice += 0x9e3779b97f4a7c15;	/* splitmix64 */

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ x >> 31) % n);
}

/* What the model says. */

static bool
is_guest(int p)
{
	return p >= PEOPLE - 2;
}

static bool
exists(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].in[r])
			return true;
	}
	return w.rooms[r].stored;
}

static int
role(int p, int r)
{
	const struct person *who = &w.people[p];

	if (p == 0)
		return OPERATOR;
	if (is_guest(p) && !who->in[r])
		return who->invited[r] ? MEMBER : NONE;
	return who->role[r];
}

static bool
sanctioned(int p, int r, bool mute)
{
	const struct person *who = &w.people[p];
	const bool *addr = mute ? w.rooms[r].addr_muted :
	    w.rooms[r].addr_banned;

	if (p == 0)
		return false;
	if (mute ? who->muted[r] : who->banned[r])
		return true;
	return is_guest(p) && role(p, r) == NONE &&
	    (addr[PEOPLE - 1] || addr[PEOPLE - 2]);
}

/* From outside, or to enter. */
static enum error
sees(int p, int r)
{
	if (sanctioned(p, r, false))
		return ERR_BANNED;
	if (w.rooms[r].registered && is_guest(p) && !w.people[p].in[r])
		return ERR_FORBIDDEN;
	if (w.rooms[r].private && !w.people[p].in[r] && role(p, r) < MEMBER)
		return ERR_PRIVATE;
	return ERR_NONE;
}

static uint64_t
floor_of(int p, int r)
{
	const struct person *who = &w.people[p];

	if (!w.rooms[r].closed || role(p, r) >= OP)
		return 0;
	if (who->late[r])
		return who->came[r];
	return who->in[r] || who->keeps[r] ? 0 : w.rooms[r].head;
}

static bool
owned(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (!is_guest(p) && w.people[p].role[r] == OWNER)
			return true;
	}
	return false;
}

static void
leaves(int p, int r, bool for_good)
{
	struct person *who = &w.people[p];

	who->in[r] = false;
	if (is_guest(p)) {
		who->role[r] = NONE;
		who->late[r] = false;
	} else if (for_good) {
		who->keeps[r] = who->late[r] = false;
	}
}

static void
ends(int p)
{
	struct person *who = &w.people[p];
	int r;

	for (r = 0; r < ROOMS; r++) {
		leaves(p, r, false);
		who->invited[r] = who->place[r] = false;
	}
	who->here = who->place_inbox = false;
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
	free(m);
}

static const struct request *
ask(int p, const struct ask *a)
{
	request_free(w.reply);
	w.reply = NULL;
	hub_request(w.f.hub, fake_request(&w.people[p].c, a));
	fake_prove(&w.f);
	fake_round(&w.f);
	return w.reply;
}

/* Steps. Each says first what is to come of it. */

static void
log_in(int p)
{
	struct person *who = &w.people[p];
	const struct request *reply;

	who->c = (struct fake_client){ CLIENT_ID(rnd(FAKE_LOOPS), w.slot++,
	    1), 0 };
	who->here = true;
	reply = ask(p, &(struct ask){ .cmd = CMD_LOGIN, .name = names[p],
	    .password = is_guest(p) ? NULL : "secret",
	    .address = is_guest(p) ? "192.0.2.1" : "192.0.2.2" });
	CHECK(reply->error == ERR_NONE, "%s: %s", names[p],
	    error_name(reply->error));
	who->c.sid = reply->sid;
}

static void
log_out(int p)
{
	ends(p);
	ask(p, &(struct ask){ .cmd = CMD_GONE });
}

static void
expect(int p, int r, const char *what, enum error want)
{
	CHECK(w.reply != NULL, "%s: no answer", what);
	CHECK(w.reply->error == want, "%s: %s #%s: %s, not %s", what,
	    names[p], room_names[r], error_name(w.reply->error),
	    error_name(want));
}

static void
subscribe(int p, int r)
{
	struct person *who = &w.people[p];
	bool made = !exists(r);
	enum error want = who->in[r] ? ERR_ALREADY_SUBSCRIBED : sees(p, r);
	uint64_t head = w.rooms[r].head, floor;

	if (want == ERR_NONE) {
		if (w.rooms[r].closed && !who->keeps[r] && !who->in[r]) {
			who->late[r] = true;
			who->came[r] = head;
		}
		if (is_guest(p))
			who->role[r] = role(p, r);
		who->in[r] = true;
		if (made && !owned(r)) {
			who->role[r] = OWNER;
			w.rooms[r].stored |= !is_guest(p);
		}
		who->keeps[r] = !is_guest(p);
	}
	floor = floor_of(p, r);
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
		leaves(p, r, true);
		w.people[p].place[r] = false;
	}
	ask(p, &(struct ask){ .cmd = CMD_UNSUBSCRIBE,
	    .room = room_names[r] });
	expect(p, r, "unsubscribe", want);
}

static void
say(int p, int r)
{
	enum error want = !w.people[p].in[r] ? ERR_NOT_SUBSCRIBED :
	    sanctioned(p, r, true) ? ERR_MUTED :
	    (w.rooms[r].registered && is_guest(p)) ||
	    (w.rooms[r].moderated && role(p, r) < MEMBER) ? ERR_FORBIDDEN :
	    ERR_NONE;
	bool topic = rnd(5) == 0;

	if (want == ERR_NONE) {
		w.rooms[r].stored = true;
		if (!topic)
			w.rooms[r].head = w.f.store.seq + 1;
	}
	ask(p, &(struct ask){ .cmd = topic ? CMD_TOPIC : CMD_SAY,
	    .room = room_names[r], .text = topic ? NULL : "hi",
	    .string = "hi" });
	expect(p, r, topic ? "topic" : "say", want);
}

static void
look(int p, int r)
{
	enum error want = exists(r) ? sees(p, r) : ERR_NO_SUCH_ROOM;
	uint64_t floor = floor_of(p, r);
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
		CHECK(!exists(k) || (i < w.reply->nhidden) ==
		    (sees(p, k) != ERR_NONE), "%s looks into #%s", names[p],
		    room_names[k]);
	}
	ask(p, &(struct ask){ .cmd = CMD_ROOMS });
	for (k = 0; k < ROOMS; k++)
		n += exists(k) && (!w.rooms[k].private ||
		    sees(p, k) == ERR_NONE) && sees(p, k) != ERR_BANNED;
	CHECK(w.reply->nlisted == n, "%u rooms, not %u", w.reply->nlisted, n);
	/* Another's inbox is nobody's. */
	ask(p, &(struct ask){ .cmd = CMD_HISTORY, .room = p == 1 ? "@bob" :
	    "@ann" });
	CHECK(w.reply->error == ERR_FORBIDDEN, "an inbox");
}

/* An act that was done is the room's newest message. */
static void
done(int r)
{
	w.rooms[r].head = w.f.store.seq + 1;
	w.rooms[r].stored = true;
}

static void
expel_hit(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].in[r] && sanctioned(p, r, false))
			leaves(p, r, true);
	}
}

static enum error
may(int p, int r, int least, int q)
{
	if (!exists(r))
		return ERR_NO_SUCH_ROOM;
	if (role(p, r) < least)
		return ERR_FORBIDDEN;
	return q >= 0 && is_guest(q) && !w.people[q].here ? ERR_NO_SUCH_USER :
	    ERR_NONE;
}

static void
kick(int p, int r, int q)
{
	enum error want = may(p, r, OP, q);

	if (want == ERR_NONE && role(q, r) >= role(p, r))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && !w.people[q].in[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		leaves(q, r, true);
		done(r);
	}
	ask(p, &(struct ask){ .cmd = CMD_KICK, .room = room_names[r],
	    .name = names[q] });
	expect(p, r, "kick", want);
}

static void
ban(int p, int r, int q, bool mute)
{
	struct person *whom = &w.people[q];
	enum error want = may(p, r, OP, q);

	if (want == ERR_NONE && role(q, r) >= role(p, r))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE) {
		*(mute ? &whom->muted[r] : &whom->banned[r]) = true;
		if (is_guest(q)) {
			/* The address has the last one's name. */
			memset(mute ? w.rooms[r].addr_muted :
			    w.rooms[r].addr_banned, 0, sizeof(bool) * PEOPLE);
			(mute ? w.rooms[r].addr_muted :
			    w.rooms[r].addr_banned)[q] = true;
		}
		if (!mute) {
			if (!is_guest(q))
				whom->role[r] = NONE;
			whom->invited[r] = false;
			expel_hit(r);
		}
		done(r);
	}
	ask(p, &(struct ask){ .cmd = mute ? CMD_MUTE : CMD_BAN,
	    .room = room_names[r], .name = names[q] });
	expect(p, r, mute ? "mute" : "ban", want);
}

static void
unban(int p, int r, int q, bool mute)
{
	struct person *whom = &w.people[q];
	bool *is = mute ? &whom->muted[r] : &whom->banned[r];
	enum error want = may(p, r, OP, -1);

	if (want == ERR_NONE && !*is)
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		*is = false;
		(mute ? w.rooms[r].addr_muted : w.rooms[r].addr_banned)[q] =
		    false;
		done(r);
	}
	ask(p, &(struct ask){ .cmd = mute ? CMD_UNMUTE : CMD_UNBAN,
	    .room = room_names[r], .name = names[q] });
	expect(p, r, mute ? "unmute" : "unban", want);
}

static void
invite(int p, int r, int q, bool op)
{
	struct person *whom = &w.people[q];
	enum error want = may(p, r, op ? OWNER : OP, q);

	if (want == ERR_NONE && (whom->banned[r] ||
	    (!op && w.rooms[r].registered && is_guest(q)) ||
	    role(q, r) >= (op ? OP : MEMBER)))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && op && is_guest(q) && !whom->in[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		if (!is_guest(q) || whom->in[r])
			whom->role[r] = op ? OP : MEMBER;
		if (!op)
			whom->invited[r] = is_guest(q);
		done(r);
	}
	ask(p, &(struct ask){ .cmd = op ? CMD_OP : CMD_INVITE,
	    .room = room_names[r], .name = names[q] });
	expect(p, r, op ? "op" : "invite", want);
}

/* Others than p whose account owns it. */
static int
owners(int p, int r)
{
	int q, n = 0;

	for (q = 0; q < PEOPLE; q++)
		n += q != p && !is_guest(q) && w.people[q].role[r] == OWNER;
	return n;
}

/* Is there nobody else who is in it or has a role? */
static bool
alone(int p, int r)
{
	int q;

	for (q = 0; q < PEOPLE; q++) {
		if (q != p && (w.people[q].in[r] || (!is_guest(q) &&
		    w.people[q].role[r] != NONE)))
			return false;
	}
	return true;
}

static void
owner(int p, int r, int q)
{
	struct person *whom = &w.people[q];
	enum error want = may(p, r, OWNER, q);

	if (want == ERR_NONE && (whom->banned[r] || is_guest(q) ||
	    whom->role[r] == OWNER))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && !whom->in[r] && !whom->keeps[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		whom->role[r] = OWNER;
		done(r);
	}
	ask(p, &(struct ask){ .cmd = CMD_OWNER, .room = room_names[r],
	    .name = names[q] });
	expect(p, r, "owner", want);
}

static void
deop(int p, int r, int q)
{
	struct person *whom = &w.people[q];
	int theirs = p == q && !is_guest(q) ? whom->role[r] : role(q, r);
	enum error want = may(p, r, NONE, q);

	if (want == ERR_NONE && p != q && (role(p, r) < (theirs > MEMBER ?
	    OWNER : OP) || theirs >= role(p, r)))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && theirs == NONE)
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && p == q && theirs == OWNER &&
	    owners(p, r) == 0 && !alone(p, r))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE) {
		if (!is_guest(q) || whom->in[r])
			whom->role[r] = theirs > MEMBER ? MEMBER : NONE;
		if (theirs <= MEMBER)
			whom->invited[r] = false;
		done(r);
	}
	ask(p, &(struct ask){ .cmd = CMD_DEOP, .room = room_names[r],
	    .name = names[q] });
	expect(p, r, "deop", want);
}

static void
configure(int p, int r)
{
	static const enum setting flags[] = { SET_PRIVATE, SET_MODERATED,
	    SET_HISTORY, SET_REGISTERED };
	enum setting s = flags[rnd(4)];
	bool *now = s == SET_PRIVATE ? &w.rooms[r].private :
	    s == SET_MODERATED ? &w.rooms[r].moderated :
	    s == SET_REGISTERED ? &w.rooms[r].registered : &w.rooms[r].closed;
	bool is;
	struct settings set = { .value = { 0 } };
	enum error want = !exists(r) ? ERR_NO_SUCH_ROOM : sees(p, r);

	set.given[s] = true;
	set.value[s] = rnd(2);
	is = set.value[s] == (s != SET_HISTORY);
	if (want == ERR_NONE)
		want = may(p, r, OWNER, -1);
	if (want == ERR_NONE && (s == SET_REGISTERED || s == SET_PRIVATE) &&
	    set.value[s] && is_guest(p))
		want = ERR_FORBIDDEN;
	/* What is so already is no message. */
	if (want == ERR_NONE && *now != is) {
		*now = is;
		done(r);
	}
	ask(p, &(struct ask){ .cmd = CMD_CONFIGURE, .room = room_names[r],
	    .set = &set });
	expect(p, r, "configure", want);
}

/* Another daemon begins with what the store has. */
static void
restart(void)
{
	int p;

	for (p = 0; p < PEOPLE; p++)
		ends(p);
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
	}
	for (r = 0; r < ROOMS; r++) {
		if (!exists(r)) {
			w.rooms[r].id = 0;
			w.rooms[r].head = 0;
		}
	}
}

static void
act(int p, int r, int q)
{
	switch (rnd(11)) {
	case 0:
		kick(p, r, q);
		break;
	case 1:
	case 2:
		ban(p, r, q, rnd(2));
		break;
	case 3:
	case 4:
		unban(p, r, q, rnd(2));
		break;
	case 5:
	case 6:
		invite(p, r, q, rnd(2));
		break;
	case 7:
		deop(p, r, q);
		break;
	case 8:
		owner(p, r, q);
		break;
	default:
		configure(p, r);
	}
}

static void
step(void)
{
	int p = (int)rnd(PEOPLE), r = (int)rnd(ROOMS), q = (int)rnd(PEOPLE);
	uint32_t dice = rnd(100);

	memcpy(w.before, w.people, sizeof(w.before));
	if (dice == 0)
		restart();
	else if (dice == 1)
		upgrade();
	else if (!w.people[p].here)
		log_in(p);
	else if (dice < 5)
		log_out(p);
	else if (dice < 25)
		subscribe(p, r);
	else if (dice < 30)
		unsubscribe(p, r);
	else if (dice < 50)
		say(p, r);
	else if (dice < 65)
		look(p, r);
	else
		act(p, r, q);
	check_places();
}

/* The accounts, the first of them an operator's. */
static void
enrol(void)
{
	char key[32];
	int p;

	for (p = 0; p < PEOPLE - 2; p++) {
		snprintf(key, sizeof(key), "account/%s", names[p]);
		fake_put(&w.f, key, "{\"hash\":\"!secret\"}");
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
	enrol();
	for (w.step = 0; w.step < STEPS; w.step++)
		step();
	restart();
	CHECK(hub_users(w.f.hub) == 0, "%u users", hub_users(w.f.hub));
	fake_end(&w.f);
	request_free(w.reply);
}

Test(hub_rules, random_sequences)
{
	const char *one = getenv("RULES_SEED");
	uint64_t seed, i;

	if (one != NULL) {
		sequence(strtoull(one, NULL, 10));
		return;
	}
	random_bytes(&seed, sizeof(seed));
	fprintf(stderr, "# %d sequences from RULES_SEED=%llu on\n", SEQUENCES,
	    (unsigned long long)seed);
	for (i = 0; i < SEQUENCES; i++)
		sequence(seed + i);
}
