/*
 * The acts by which rooms are kept in order. Each says first what is to come of
 * it, by the model.
 */
#include "rules-model.h"

/* An act that was done is the room's newest message: the one behind seq. */
static void
done(int r, uint64_t seq)
{
	w.rooms[r].head = seq + 1;
	w.rooms[r].stored = true;
}

static enum error
may(int p, int r, int least, int q)
{
	if (!m_exists(r))
		return ERR_NO_SUCH_ROOM;
	if (m_role(p, r) < least)
		return ERR_FORBIDDEN;
	return q >= 0 && m_is_guest(q) && !w.people[q].here ?
	    ERR_NO_SUCH_USER : ERR_NONE;
}

/* To those below only. */
static enum error
may_over(int p, int r, int q)
{
	enum error want = may(p, r, OP, q);

	return want == ERR_NONE && m_role(q, r) >= m_role(p, r) ?
	    ERR_FORBIDDEN : want;
}

static void
ask_about(int p, int r, int q, enum cmd cmd, uint32_t seconds)
{
	ask(p, &(struct ask){ .cmd = cmd, .room = room_names[r],
	    .name = names[q], .seconds = seconds });
}

static void
keep_out(int r, int q, uint32_t seconds)
{
	m_sanction(&w.rooms[r].bans, q, m_until(seconds));
	if (!m_is_guest(q))
		w.people[q].role[r] = NONE;
	w.people[q].invited[r] = false;
}

static void
kick(int p, int r, int q)
{
	uint32_t seconds = rnd(3) == 0 ? 30 : 0;
	enum error want = may_over(p, r, q);

	if (want == ERR_NONE && !w.people[q].in[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		if (seconds > 0)
			keep_out(r, q, seconds);
		m_leaves(q, r, true);
		m_expel_banned(r);
		done(r, w.f.store.seq);
	}
	ask_about(p, r, q, CMD_KICK, seconds);
	expect(p, r, "kick", want);
}

static void
ban(int p, int r, int q, bool mutes)
{
	uint32_t seconds = rnd(2) * 30;
	int whom = m_culprit(q, r);
	enum error want = may(p, r, OP, -1);

	if (want == ERR_NONE && whom < 0)
		want = ERR_NO_SUCH_USER;
	else if (want == ERR_NONE && m_role(whom, r) >= m_role(p, r))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE) {
		if (mutes)
			m_sanction(&w.rooms[r].mutes, whom, m_until(seconds));
		else
			keep_out(r, whom, seconds);
		m_expel_banned(r);
		done(r, w.f.store.seq);
	}
	ask_about(p, r, q, mutes ? CMD_MUTE : CMD_BAN, seconds);
	expect(p, r, mutes ? "mute" : "ban", want);
}

/* Of an address, for operators. */
static void
ban_address(int p, int r, bool mutes)
{
	int a = (int)rnd(ADDRESSES);
	struct sanctions *s = mutes ? &w.rooms[r].mutes : &w.rooms[r].bans;
	enum error want = may(p, r, OPERATOR, -1);

	if (want == ERR_NONE && a == HERE)
		want = ERR_BAD_ARGUMENT;
	if (want == ERR_NONE) {
		s->addresses[a] = FOREVER;
		s->whose[a] = -1;
		m_expel_banned(r);
		done(r, w.f.store.seq);
	}
	ask(p, &(struct ask){ .cmd = mutes ? CMD_MUTE : CMD_BAN,
	    .room = room_names[r], .whom_address = addresses[a] });
	expect(p, r, "ban of an address", want);
}

static bool
is_banned(int p, int r)
{
	return m_named(&w.rooms[r].bans, p);
}

static bool
is_muted(int p, int r)
{
	return m_named(&w.rooms[r].mutes, p);
}

static void
unban(int p, int r, int q, bool mutes, bool by_address)
{
	int a = (int)rnd(ADDRESSES);
	struct sanctions *s = mutes ? &w.rooms[r].mutes : &w.rooms[r].bans;
	enum error want = may(p, r, by_address ? OPERATOR : OP, -1);
	errors may = want != ERR_NONE ? ONE(want) : by_address ?
	    m_lift_address(s, a) : m_lift(s, q);
	uint64_t seq = w.f.store.seq;

	ask(p, &(struct ask){ .cmd = mutes ? CMD_UNMUTE : CMD_UNBAN,
	    .room = room_names[r], .name = by_address ? NULL : names[q],
	    .whom_address = by_address ? addresses[a] : NULL });
	expect_one_of(p, room_names[r], mutes ? "unmute" : "unban", may);
	if (w.reply->error == ERR_NONE)
		done(r, seq);
}

static void
invite(int p, int r, int q, bool op)
{
	struct person *whom = &w.people[q];
	enum error want = may(p, r, op ? OWNER : OP, q);

	if (want == ERR_NONE && (m_named(&w.rooms[r].bans, q) ||
	    (!op && w.rooms[r].registered && m_is_guest(q)) ||
	    m_role(q, r) >= (op ? OP : MEMBER)))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && op && m_is_guest(q) && !whom->in[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		if (!m_is_guest(q) || whom->in[r])
			whom->role[r] = op ? OP : MEMBER;
		if (!op)
			whom->invited[r] = m_is_guest(q);
		done(r, w.f.store.seq);
	}
	ask_about(p, r, q, op ? CMD_OP : CMD_INVITE, 0);
	expect(p, r, op ? "op" : "invite", want);
}

/* Others than p whose account owns it. */
static int
owners(int p, int r)
{
	int q, n = 0;

	for (q = 0; q < PEOPLE; q++)
		n += q != p && !m_is_guest(q) && w.people[q].role[r] == OWNER;
	return n;
}

/* Is there nobody else who is in it or has a role? */
static bool
alone(int p, int r)
{
	int q;

	for (q = 0; q < PEOPLE; q++) {
		if (q != p && (w.people[q].in[r] || (!m_is_guest(q) &&
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

	if (want == ERR_NONE && (m_named(&w.rooms[r].bans, q) ||
	    m_is_guest(q) || whom->role[r] == OWNER))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && !whom->in[r] && !whom->keeps[r])
		want = ERR_NO_SUCH_USER;
	if (want == ERR_NONE) {
		whom->role[r] = OWNER;
		done(r, w.f.store.seq);
	}
	ask_about(p, r, q, CMD_OWNER, 0);
	expect(p, r, "owner", want);
}

static void
deop(int p, int r, int q)
{
	struct person *whom = &w.people[q];
	int theirs = p == q && !m_is_guest(q) ? whom->role[r] : m_role(q, r);
	enum error want = may(p, r, NONE, q);

	if (want == ERR_NONE && p != q && (m_role(p, r) < (theirs > MEMBER ?
	    OWNER : OP) || theirs >= m_role(p, r)))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && theirs == NONE)
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE && p == q && theirs == OWNER &&
	    owners(p, r) == 0 && !alone(p, r))
		want = ERR_FORBIDDEN;
	if (want == ERR_NONE) {
		if (!m_is_guest(q) || whom->in[r])
			whom->role[r] = theirs > MEMBER ? MEMBER : NONE;
		if (theirs <= MEMBER)
			whom->invited[r] = false;
		m_expel_banned(r);
		done(r, w.f.store.seq);
	}
	ask_about(p, r, q, CMD_DEOP, 0);
	expect(p, r, "deop", want);
}

/* What is so of the room, in the words of settings. */
static uint32_t
setting(const struct room *room, enum setting s)
{
	switch (s) {
	case SET_PRIVATE:
		return room->private;
	case SET_MODERATED:
		return room->moderated;
	case SET_REGISTERED:
		return room->registered;
	case SET_HISTORY:
		return !room->closed;
	default:
		return room->pace;
	}
}

static void
change(struct room *room, enum setting s, uint32_t value)
{
	int p;

	switch (s) {
	case SET_PRIVATE:
		room->private = value != 0;
		break;
	case SET_MODERATED:
		room->moderated = value != 0;
		break;
	case SET_REGISTERED:
		room->registered = value != 0;
		break;
	case SET_HISTORY:
		room->closed = value == 0;
		break;
	default:
		room->pace = value;
		for (p = 0; p < PEOPLE && value == 0; p++)
			room->turn[p] = 0;
	}
}

static void
configure(int p, int r)
{
	static const enum setting all[] = { SET_PRIVATE, SET_MODERATED,
	    SET_HISTORY, SET_REGISTERED, SET_PACE, SET_PACE };
	static const uint32_t paces[] = { 0, 20, 90 };
	enum setting s = all[rnd(NITEMS(all))];
	struct settings set = { .value = { 0 } };
	enum error want = !m_exists(r) ? ERR_NO_SUCH_ROOM : m_sees(p, r);

	set.given[s] = true;
	set.value[s] = s == SET_PACE ? paces[rnd(NITEMS(paces))] : rnd(2);
	if (want == ERR_NONE)
		want = may(p, r, OWNER, -1);
	if (want == ERR_NONE && (s == SET_REGISTERED || s == SET_PRIVATE) &&
	    set.value[s] && m_is_guest(p))
		want = ERR_FORBIDDEN;
	/* What is so already is no message. */
	if (want == ERR_NONE && setting(&w.rooms[r], s) != set.value[s]) {
		change(&w.rooms[r], s, set.value[s]);
		done(r, w.f.store.seq);
	}
	ask(p, &(struct ask){ .cmd = CMD_CONFIGURE, .room = room_names[r],
	    .set = &set });
	expect(p, r, "configure", want);
}

void
act(int p, int r, int q)
{
	bool mutes;

	switch (rnd(14)) {
	case 0:
		kick(p, r, q);
		break;
	case 1:
	case 2:
		ban(p, r, q, rnd(2));
		break;
	case 3:
		ban_address(rnd(2) && w.people[0].here ? 0 : p, r, rnd(2));
		break;
	case 4:
	case 5:
	case 6:
		mutes = rnd(2);
		unban(p, r, rather(q, PEOPLE, mutes ? is_muted : is_banned, r),
		    mutes, rnd(4) == 0);
		break;
	case 7:
	case 8:
		invite(p, r, q, rnd(2));
		break;
	case 9:
		deop(p, r, q);
		break;
	case 10:
		owner(p, r, q);
		break;
	default:
		configure(p, r);
	}
}
