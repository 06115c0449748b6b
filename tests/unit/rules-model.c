#include <string.h>

#include "rules-model.h"

const char *const names[PEOPLE] = { "root", "ann", "bob", "cy", "gus", "hal",
    "ivy", "joe" };
const char *const room_names[ROOMS] = { "den", "pub", "attic" };
const char *const addresses[ADDRESSES] = { "192.0.2.1", "192.0.2.2",
    "127.0.0.1" };

struct world w;

bool
m_is_guest(int p)
{
	return !w.people[p].registered;
}

bool
m_exists(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].in[r])
			return true;
	}
	return w.rooms[r].stored;
}

int
m_role(int p, int r)
{
	const struct person *who = &w.people[p];

	if (p == 0)
		return OPERATOR;
	if (m_is_guest(p) && !who->in[r])
		return who->invited[r] ? MEMBER : NONE;
	return who->role[r];
}

uint64_t
m_until(uint32_t seconds)
{
	return seconds == 0 ? FOREVER : w.now + seconds * UINT64_C(1000);
}

static bool
holds(uint64_t until)
{
	return until > w.now;
}

bool
m_named(const struct sanctions *s, int p)
{
	return holds(s->names[p][false]) || holds(s->names[p][true]);
}

static bool
hits(const struct sanctions *s, int p, int r)
{
	return p != 0 && (m_named(s, p) || (m_role(p, r) == NONE &&
	    holds(s->addresses[w.people[p].address])));
}

bool
m_banned(int p, int r)
{
	return hits(&w.rooms[r].bans, p, r);
}

bool
m_muted(int p, int r)
{
	return hits(&w.rooms[r].mutes, p, r);
}

bool
m_shut_out(int p, int address)
{
	return p != 0 && (m_named(&w.server, p) ||
	    holds(w.server.addresses[address]));
}

enum error
m_sees(int p, int r)
{
	if (m_banned(p, r))
		return ERR_BANNED;
	if (w.rooms[r].registered && m_is_guest(p) && !w.people[p].in[r])
		return ERR_FORBIDDEN;
	if (w.rooms[r].private && !w.people[p].in[r] && m_role(p, r) < MEMBER)
		return ERR_PRIVATE;
	return ERR_NONE;
}

/* As long as they are in the room: not yet, or not at all? */
static enum error
heard(int p, int r)
{
	if (m_muted(p, r))
		return ERR_MUTED;
	if ((w.rooms[r].registered && m_is_guest(p)) ||
	    (w.rooms[r].moderated && m_role(p, r) < MEMBER))
		return ERR_FORBIDDEN;
	return ERR_NONE;
}

enum error
m_speaks(int p, int r)
{
	const struct room *room = &w.rooms[r];

	if (!w.people[p].in[r])
		return ERR_NOT_SUBSCRIBED;
	if (heard(p, r) != ERR_NONE)
		return heard(p, r);
	return room->pace > 0 && m_role(p, r) < OP && room->turn[p] > w.now ?
	    ERR_RATE_LIMITED : ERR_NONE;
}

uint64_t
m_floor(int p, int r)
{
	const struct person *who = &w.people[p];

	if (!w.rooms[r].closed || m_role(p, r) >= OP)
		return 0;
	if (who->late[r])
		return who->came[r];
	return who->in[r] || who->keeps[r] ? 0 : w.rooms[r].head;
}

bool
m_owned(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (!m_is_guest(p) && w.people[p].role[r] == OWNER)
			return true;
	}
	return false;
}

/* The rooms are told of it, which is a way to speak there; and who is muted
 * does not get away from it. Where more than one refuses, any may be named. */
errors
m_renames(int p, int q)
{
	const struct person *who = &w.people[p];
	errors may = 0;
	int r;

	for (r = 0; r < ROOMS; r++) {
		if ((who->in[r] && m_muted(p, r)) ||
		    (who->invited[r] && m_named(&w.rooms[r].mutes, p)))
			may |= ONE(ERR_MUTED);
	}
	if (may != 0)
		return may;
	if (m_shut_out(q, who->address))
		return ONE(ERR_BANNED);
	for (r = 0; r < ROOMS && q != p; r++) {
		if (!who->in[r])
			continue;
		if (m_named(&w.rooms[r].bans, q))
			may |= ONE(ERR_BANNED);
		else if (m_named(&w.rooms[r].mutes, q))
			may |= ONE(ERR_MUTED);
		else if (heard(p, r) != ERR_NONE)
			may |= ONE(heard(p, r));
	}
	return may != 0 ? may : ONE(ERR_NONE);
}

/* The name is somebody's no more, who has another now (-1: is gone). */
static void
m_was(int p, int now)
{
	int q;

	for (q = 0; q < PEOPLE; q++) {
		if (w.formers[q].known && w.formers[q].now == p)
			w.formers[q].now = now;
	}
	if (m_is_guest(p) && w.people[p].roamed)
		w.formers[p] = (struct former_one){ true, w.people[p].address,
		    now };
}

int
m_culprit(int q, int r)
{
	const struct former_one *was = &w.formers[q];

	if (!m_is_guest(q) || w.people[q].here)
		return q;
	if (!was->known)
		return -1;
	if (was->now >= 0 && w.people[was->now].in[r])
		return was->now;
	w.people[q].address = was->address;
	return q;
}

void
m_leaves(int p, int r, bool for_good)
{
	struct person *who = &w.people[p];

	who->in[r] = false;
	if (m_is_guest(p)) {
		who->role[r] = NONE;
		who->late[r] = false;
	} else if (for_good) {
		who->keeps[r] = who->late[r] = false;
	}
}

void
m_ends(int p)
{
	struct person *who = &w.people[p];
	int r;

	if (who->here)
		m_was(p, -1);
	for (r = 0; r < ROOMS; r++) {
		m_leaves(p, r, false);
		who->invited[r] = who->place[r] = false;
	}
	if (m_is_guest(p))
		memset(who->ignores, 0, sizeof(who->ignores));
	who->here = who->roamed = false;
}

void
m_expel_banned(int r)
{
	int p;

	for (p = 0; p < PEOPLE; p++) {
		if (w.people[p].in[r] && m_banned(p, r))
			m_leaves(p, r, true);
	}
}

void
m_spoke(int p, int r)
{
	if (w.rooms[r].pace > 0)
		w.rooms[r].turn[p] = w.now + w.rooms[r].pace *
		    UINT64_C(1000);
}

void
m_renamed(int p, int q)
{
	int r;

	m_was(p, q);
	for (r = 0; r < ROOMS; r++) {
		uint64_t *turn = w.rooms[r].turn;

		if (w.people[p].in[r] && turn[p] > turn[q])
			turn[q] = turn[p];
	}
	w.people[q] = w.people[p];
	w.people[q].ignores[q] = false;
	w.people[p] = (struct person){ .here = false };
}

/* An account keeps what the guest was in the rooms it is in. */
void
m_registered(int p)
{
	struct person *who = &w.people[p];

	who->registered = true;
	memcpy(who->keeps, who->in, sizeof(who->keeps));
	memset(who->invited, 0, sizeof(who->invited));
}

/* A guest's address as well: a name is soon changed. */
void
m_sanction(struct sanctions *s, int q, uint64_t until)
{
	int a = w.people[q].address;

	s->names[q][!m_is_guest(q)] = until;
	if (!m_is_guest(q) || a == HERE)
		return;
	s->addresses[a] = until;
	s->whose[a] = q;
}

static errors
lift(uint64_t *until)
{
	errors may = holds(*until) ? ONE(ERR_NONE) : *until != 0 ?
	    ONE(ERR_NONE) | ONE(ERR_NO_SUCH_USER) : ONE(ERR_NO_SUCH_USER);

	*until = 0;
	return may;
}

/* Of one of these or another. */
static errors
either(errors a, errors b)
{
	return ((a | b) & ONE(ERR_NONE)) | (a & b & ONE(ERR_NO_SUCH_USER));
}

errors
m_lift(struct sanctions *s, int q)
{
	errors may = either(lift(&s->names[q][false]),
	    lift(&s->names[q][true]));
	int a;

	for (a = 0; a < ADDRESSES; a++) {
		if (s->whose[a] == q)
			may = either(may, lift(&s->addresses[a]));
	}
	return may;
}

errors
m_lift_address(struct sanctions *s, int address)
{
	return address == HERE ? ONE(ERR_BAD_ARGUMENT) :
	    lift(&s->addresses[address]);
}
