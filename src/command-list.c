/*
 * Commands that list: rooms, who. A list comes in pages, bounded in rows, in
 * bytes and in what is looked at; `next` of one page is `after` of the next.
 */
#include <string.h>

#include "hub-internal.h"
#include "name.h"
#include "util.h"

#define ROOM_ROWS	200
#define USER_ROWS	500
#define LOOK_MAX	10000		/* rooms or sessions looked at */
#define ROW_BYTES	48		/* a row beside its strings */
#define CLIENTS_MAX	16		/* of a user, named to the operator */
#define CLIENT_BYTES	20		/* of one */

static uint32_t
least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* What room keys are searched for: folded as they are, if it can be. */
static const char *
fold(struct request *req)
{
	const char *match = req->match != NULL ? req->match : "", *why;
	struct name name;
	char *s;
	size_t i, n;

	if (name_parse_room(&name, match, strlen(match), &why))
		return request_str(req, name.key);
	match += match[0] == '#';
	n = strlen(match);
	s = request_alloc(req, n + 1);
	for (i = 0; i <= n; i++)
		s[i] = match[i] >= 'A' && match[i] <= 'Z' ?
		    (char)(match[i] + 'a' - 'A') : match[i];
	return s;
}

static size_t
add_room(struct request *req, struct login *l, const struct room *room)
{
	struct listed_room *row = &req->rooms[req->nlisted++];

	row->room = request_str(req, room_shown(room));
	row->topic = request_str(req, room->topic != NULL ? room->topic : "");
	row->members = room->users;
	row->subscribed = l != NULL && member_find(l, room) != NULL;
	return ROW_BYTES + strlen(row->room) + strlen(row->topic);
}

/* A private room is not there for outsiders, nor any for who is banned. */
static bool
is_listed(const struct hub *h, struct login *l, const struct room *room)
{
	const struct rules *r = room->rules;

	if (l == NULL || r == NULL)
		return true;
	if (r->set.value[SET_PRIVATE])
		return may_see(h, l, room, NULL);
	return banned(h, l, r, role_in(h, l, r, member_find(l, room))) == NULL;
}

enum verdict
cmd_rooms(struct hub *h, struct login *l, struct request *req)
{
	const struct roll *roll = &h->room_roll;
	uint32_t i, looked = 0;
	const char *match = fold(req);
	size_t bytes = 0;

	req->rooms = request_alloc(req, least(ROOM_ROWS, h->rooms.n) *
	    sizeof(*req->rooms));
	for (i = roll_after(roll, req->after); i < roll->n; i++) {
		const struct room *room = roll->refs[i].item;
		bool wanted = room != NULL && !room->inbox &&
		    strstr(room_key(room), match) != NULL &&
		    is_listed(h, l, room);

		if (looked++ == LOOK_MAX || (wanted &&
		    (req->nlisted == ROOM_ROWS || bytes >= LIST_BYTES))) {
			req->more = true;
			req->next = roll->refs[i - 1].num;
			break;
		}
		if (wanted)
			bytes += add_room(req, l, room);
	}
	return ANSWER;
}

/* The operator is told by which numbers to find somebody. */
static size_t
fill_clients(struct request *req, struct listed_user *row,
    const struct user *u)
{
	const struct login *l = u->logins;
	client_id *clients;

	row->nclients = least(row->sessions, CLIENTS_MAX);
	row->clients = clients = request_alloc(req, row->nclients *
	    sizeof(*clients));
	for (; l != NULL && clients < row->clients + row->nclients;
	    l = l->next)
		*clients++ = l->client;
	return row->nclients * CLIENT_BYTES;
}

static size_t
fill_user(const struct hub *h, struct request *req, struct listed_user *row,
    const struct user *u, const char *role)
{
	row->name = request_str(req, user_shown(u));
	row->role = role;
	row->away = user_away(u) != NULL ?
	    request_str(req, user_away(u)) : NULL;
	row->sessions = user_sessions(u);
	row->guest = user_account(h, u) == NULL;
	row->clients = NULL;
	row->nclients = 0;
	return ROW_BYTES + strlen(row->name) +
	    (row->away != NULL ? strlen(row->away) : 0) +
	    (req->cmd == CMD_ALL_WHO ? fill_clients(req, row, u) : 0);
}

/* Everybody; `next` is the session to go on with. */
static void
list_users(struct hub *h, struct request *req)
{
	uint32_t slot, looked = 0;
	size_t bytes = 0;

	req->users = request_alloc(req, least(USER_ROWS, h->users.n) *
	    sizeof(*req->users));
	for (slot = least(req->after, h->logins.n); slot < h->logins.n;
	    slot++) {
		const struct login *l = login_at(h, slot);
		bool wanted = l != NULL && l == l->user->logins;

		if (looked++ == LOOK_MAX || (wanted &&
		    (req->nlisted == USER_ROWS || bytes >= LIST_BYTES))) {
			req->more = true;
			req->next = slot;
			break;
		}
		if (wanted)
			bytes += fill_user(h, req,
			    &req->users[req->nlisted++], l->user, NULL);
	}
}

/*
 * A room's; from the end, since a member who leaves is replaced by the last
 * one: so nobody who stays is missed, though one may come twice. A page is
 * filled from its end as well, and so in the order of coming.
 */
static void
list_members(const struct hub *h, struct request *req,
    const struct room *room)
{
	uint32_t i = req->after > 0 ? least(req->after, room->nmembers) :
	    room->nmembers;
	uint32_t rows = least(USER_ROWS, i);
	struct listed_user *at;
	size_t bytes = 0;

	at = request_alloc(req, rows * sizeof(*at));
	at += rows;
	while (i > 0) {
		const struct member *m = room->members[i - 1];

		if (member_is_first(m)) {
			if (req->nlisted == USER_ROWS || bytes >= LIST_BYTES) {
				req->more = true;
				req->next = i;
				break;
			}
			bytes += fill_user(h, req, --at, m->login->user,
			    role_shown(room, role_in(h, m->login, room->rules,
			    m)));
			req->nlisted++;
		}
		i--;
	}
	req->users = at;
}

/* The operator's: one person alone. */
static void
list_user(struct hub *h, struct request *req)
{
	const struct user *u = user_find(h, req->name_key);

	if (u == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, NULL);
		return;
	}
	req->users = request_alloc(req, sizeof(*req->users));
	fill_user(h, req, &req->users[req->nlisted++], u, NULL);
}

enum verdict
cmd_who(struct hub *h, struct login *l, struct request *req)
{
	struct room *room;

	if (req->cmd == CMD_ALL_WHO && req->name_key != NULL) {
		list_user(h, req);
		return ANSWER;
	}
	if (req->room_key == NULL) {
		list_users(h, req);
		return ANSWER;
	}
	if (l != NULL && req->room_key[0] == '@' &&
	    strcmp(req->room_key + 1, user_key(l->user)) != 0) {
		request_fail(req, ERR_FORBIDDEN, NULL);
		return ANSWER;
	}
	if ((room = room_find(h, req->room_key)) == NULL) {
		request_fail(req, ERR_NO_SUCH_ROOM, NULL);
		return ANSWER;
	}
	if (l != NULL && !may_see(h, l, room, req))
		return ANSWER;
	answer_room(req, room);
	list_members(h, req, room);
	return ANSWER;
}
