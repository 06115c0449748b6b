/*
 * What somebody may do in a room, by the tables of rights.c and what the room
 * has for rules.
 */
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "util.h"

#define DAY_MS		(24 * 3600 * INT64_C(1000))
#define SUBJECT_SIZE	(NAME_SIZE > ADDRESS_SIZE ? NAME_SIZE + 2 : \
			    ADDRESS_SIZE + 2)

const char *
subject(struct request *req, char kind, const char *what)
{
	return request_fmt(req, "%c:%s", kind, what);
}

const char *
role_shown(const struct room *room, enum role role)
{
	/* Where nothing takes a role, whoever is there is a member. */
	if (role != ROLE_NONE)
		return role_name(role);
	return room->rules != NULL && room->rules->set.value[SET_MODERATED] ?
	    "visitor" : "member";
}

enum role
role_known(const struct hub *h, const struct login *l, const struct rules *r)
{
	const struct account *a = user_account(h, l->user);

	if (a != NULL)
		return rules_role(r, account_key(a));
	return rules_invited(h, r, l->sid) ? ROLE_MEMBER : ROLE_NONE;
}

enum role
role_in(const struct hub *h, const struct login *l, const struct rules *r,
    const struct member *m)
{
	const struct account *a = user_account(h, l->user);

	if (a != NULL && a->op)
		return ROLE_OPERATOR;
	return m != NULL ? (enum role)m->role : role_known(h, l, r);
}

enum role
role_of_user(const struct hub *h, const struct user *u,
    const struct account *a, const struct room *room)
{
	struct member *m;
	struct login *l;

	if (a != NULL)
		return a->op ? ROLE_OPERATOR :
		    rules_role(room->rules, account_key(a));
	for (l = u->logins; l != NULL; l = l->next) {
		if ((m = member_find(l, room)) != NULL)
			return (enum role)m->role;
	}
	return u->logins != NULL ? role_known(h, u->logins, room->rules) :
	    ROLE_NONE;
}

/* A guest who does is there. */
static bool
is_owned(const struct room *room)
{
	return room->owners > 0 ||
	    (room->rules != NULL && room->rules->owners > 0);
}

bool
may_act(enum act act, enum role role, const struct room *room,
    struct request *req)
{
	const struct right *right = right_of(act);

	if (right_has(act, role))
		return true;
	if (req != NULL && right->least == ROLE_OWNER && !is_owned(room))
		request_fail(req, right->error, "Nobody owns #%s: whoever runs "
		    "the server gives it an owner.", room_shown(room));
	else if (req != NULL)
		request_fail(req, right->error, "Only %s may %s (#%s).",
		    right_whose(act), right->what, room_shown(room));
	return false;
}

static const struct sanction *
find(const struct table *t, char kind, const char *what)
{
	char key[SUBJECT_SIZE];

	snprintf(key, sizeof(key), "%c:%s", kind, what);
	return rules_sanction(t, key);
}

/* An address hits only those who are nobody else in the room. */
static const struct sanction *
sanctioned(const struct hub *h, const struct login *l, const struct table *t,
    enum role role)
{
	const char *key = user_key(l->user), *address;
	const struct sanction *s = NULL;

	if (t->n == 0 || role == ROLE_OPERATOR)
		return NULL;
	if (user_account(h, l->user) != NULL)
		s = find(t, 'a', key);
	if (s == NULL)
		s = find(t, 'n', key);
	if (s == NULL && role == ROLE_NONE &&
	    (address = address_whose(l->address)) != NULL)
		s = find(t, 'i', address);
	return s;
}

const struct sanction *
banned(const struct hub *h, const struct login *l, const struct rules *r,
    enum role role)
{
	return r != NULL ? sanctioned(h, l, &r->bans, role) : NULL;
}

const struct sanction *
muted(const struct hub *h, const struct login *l, const struct rules *r,
    enum role role)
{
	return r != NULL ? sanctioned(h, l, &r->mutes, role) : NULL;
}

const char *
for_another(struct request *req, const struct sanction *s)
{
	static const struct { int64_t ms; const char *name; } units[] = {
	    { DAY_MS, "d" }, { 3600 * 1000, "h" }, { 60 * 1000, "min" },
	    { 1000, "s" } };
	int64_t left = s->until - clock_wall(), less;
	size_t i, last = NITEMS(units) - 1;

	if (s->until == 0)
		return "";
	/* Rounded up, or who believes it comes too early. */
	left = left > 0 ? (left + 999) / 1000 * 1000 : 1000;
	if (left >= units[last - 1].ms) {
		i = left >= DAY_MS ? 1 : 2;
		left = (left + units[i].ms - 1) / units[i].ms * units[i].ms;
	}
	for (i = 0; left < units[i].ms; i++)
		;
	less = i < last ? left % units[i].ms / units[i + 1].ms : 0;
	return less == 0 ? request_fmt(req, " for another %lld %s",
	    (long long)(left / units[i].ms), units[i].name) :
	    request_fmt(req, " for another %lld %s %lld %s",
	    (long long)(left / units[i].ms), units[i].name, (long long)less,
	    units[i + 1].name);
}

static void
refuse(struct request *req, enum error error, const char *what,
    const char *room, const struct sanction *s)
{
	int64_t left = s->until - clock_wall();

	if (req == NULL)
		return;
	if (s->until != 0 && left > 0 && left <= DAY_MS)
		req->retry_ms = (uint32_t)left;
	request_fail(req, error, "You are %s #%s%s%s%s", what, room,
	    for_another(req, s),
	    s->reason[0] != '\0' ? ": " : ".", s->reason);
}

bool
is_lobby(const struct hub *h, const char *key)
{
	struct name lobby;

	return name_parse_room(&lobby, h->conf->lobby,
	    strlen(h->conf->lobby), NULL) && strcmp(lobby.key, key) == 0;
}

bool
is_stranger(const struct hub *h, const struct login *l, const struct rules *r)
{
	return r->set.value[SET_REGISTERED] && user_account(h, l->user) == NULL;
}

static bool
refuse_stranger(struct request *req, const char *what, const char *room)
{
	if (req != NULL)
		request_fail(req, ERR_FORBIDDEN, "Only who has an account may "
		    "%s #%s: register first (/register).", what, room);
	return false;
}

bool
may_enter(const struct hub *h, const struct login *l, const struct rules *r,
    const struct member *m, struct request *req)
{
	const char *room = req != NULL ? req->room : "";
	const struct sanction *s;
	enum role role;

	if (r == NULL)
		return true;
	role = role_in(h, l, r, m);
	if ((s = banned(h, l, r, role)) != NULL) {
		refuse(req, ERR_BANNED, "banned from", room, s);
		return false;
	}
	if (m == NULL && is_stranger(h, l, r))
		return refuse_stranger(req, "enter", room);
	if (!r->set.value[SET_PRIVATE] || m != NULL ||
	    right_has(ACT_ENTER, role))
		return true;
	if (req != NULL)
		request_fail(req, right_of(ACT_ENTER)->error,
		    "#%s is private: one of its ops must invite you.", room);
	return false;
}

bool
may_see(const struct hub *h, struct login *l, const struct room *room,
    struct request *req)
{
	if (room->rules == NULL || room->inbox)
		return true;
	return may_enter(h, l, room->rules, member_find(l, room), req);
}

bool
may_read(const struct hub *h, struct login *l, const struct room *room)
{
	if (room->inbox)
		return room->owner == l->user;
	return may_see(h, l, room, NULL);
}

bool
may_speak(const struct hub *h, const struct member *m, struct request *req)
{
	const struct rules *r = m->room->rules;
	const char *room = room_shown(m->room);
	const struct sanction *s;
	enum role role;
	uint32_t wait;

	if (r == NULL)
		return true;
	if (r->mutes.n == 0 && !r->set.value[SET_MODERATED] &&
	    r->set.value[SET_PACE] == 0 && !r->set.value[SET_REGISTERED])
		return true;
	role = role_in(h, m->login, r, m);
	if ((s = sanctioned(h, m->login, &r->mutes, role)) != NULL) {
		refuse(req, ERR_MUTED, "muted in", room, s);
		return false;
	}
	if (is_stranger(h, m->login, r))
		return refuse_stranger(req, "speak in", room);
	if (r->set.value[SET_MODERATED] &&
	    !may_act(ACT_SPEAK, role, m->room, req))
		return false;
	if (r->set.value[SET_PACE] == 0 || right_has(ACT_HASTE, role) ||
	    (wait = rules_wait(r, user_key(m->login->user))) == 0)
		return true;
	request_fail(req, right_of(ACT_HASTE)->error,
	    "#%s is slow: one message in %u s. Wait for %u s more.", room,
	    r->set.value[SET_PACE], (wait + 999) / 1000);
	req->retry_ms = wait;
	return false;
}

void
turn_take(struct member *m, struct request *req)
{
	struct rules *r = m->room->rules;

	if (r == NULL || r->set.value[SET_PACE] == 0)
		return;
	req->turn_of = request_str(req, user_key(m->login->user));
	req->turn = rules_spoke(r, req->turn_of);
}

void
turn_back(struct hub *h, const struct room *room, struct request *req)
{
	const struct login *l = login_get(h, req->sid);

	if (req->turn_of == NULL || room->rules == NULL)
		return;
	rules_unspoke(room->rules, req->turn_of, req->turn);
	if (l != NULL)		/* it may have another name by now */
		rules_unspoke(room->rules, user_key(l->user), req->turn);
	req->turn_of = NULL;
}

uint64_t
read_floor(const struct hub *h, struct login *l, const struct room *room)
{
	const struct rules *r = room->rules;
	const struct arrival *came;
	const struct account *a;
	const struct kept *k;
	struct member *m;

	if (r == NULL || r->set.value[SET_HISTORY])
		return room->floor;
	m = member_find(l, room);
	if (right_has(ACT_PAST, role_in(h, l, r, m)))
		return room->floor;
	came = table_get(&r->arrivals, user_key(l->user));
	if (came != NULL)
		return came->seq > room->floor ? came->seq : room->floor;
	/* Who is there, or was, as history was on yet. */
	a = user_account(h, l->user);
	k = a != NULL ? kept_find(a, room_key(room)) : NULL;
	return m != NULL || (k != NULL && k->kept) ? room->floor : room->head;
}
