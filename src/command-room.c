/*
 * Commands about one room: subscribe, unsubscribe, history, seen, topic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

#define HISTORY_LIMIT	100	/* messages, if none is asked for */

static bool
is_inbox(const char *key)
{
	return key[0] == '@';
}

static bool
is_own_inbox(const struct login *l, const char *key)
{
	return is_inbox(key) && strcmp(key + 1, user_key(l->user)) == 0;
}

static enum verdict
fail(struct request *req, enum error error)
{
	request_fail(req, error, NULL);
	return ANSWER;
}

/* Where reading begins: sets after, reset and gap, or leaves last. */
static void
start_at(const struct hub *h, const struct room *room, uint64_t floor,
    struct request *req)
{
	const char *epoch = store_epoch(h->store);

	req->reset = req->epoch != NULL && strcmp(req->epoch, epoch) != 0;
	req->epoch = request_str(req, epoch);
	req->head = room->head;
	req->floor = floor;
	if ((req->has & HAS_AFTER) != 0) {
		/* A place in another log is none in this one: all of it. */
		if (req->reset || req->after > room->head) {
			req->reset = true;
			req->after = 0;
		}
		if (req->after < floor) {
			req->gap = true;
			req->gap_after = req->after;
			req->gap_before = floor + 1;
		}
	} else if ((req->has & HAS_LAST) != 0 && req->last > 0)
		return;
	else
		req->after = room->head;
	req->has |= HAS_AFTER;
	req->has &= (uint8_t)~HAS_LAST;
}

/*
 * Adds the session to the room, or makes its held place one. The news so far,
 * its own join among them, go out first: they are not for it.
 */
static struct member *
enter(struct hub *h, struct room *room, struct login *l, struct member *held)
{
	struct user *u = l->user;
	struct member *m;

	if (!room->inbox && room->users < room_presence(h, room) &&
	    !user_in_room(u, room))
		news_add(h, room, msg_new(MSG_JOIN, user_shown(u), NULL, NULL,
		    0, NULL));
	news_post(h, room);
	if (held == NULL)
		return member_add(room, l);
	m = held;
	m->held = false;
	l->nrooms++;
	room->loops[CLIENT_LOOP(l->client)].members++;
	return m;
}

/*
 * Another room that the one asked for, which there is not yet, would be taken
 * for. Nobody can keep the lobby from being made by one that looks like it.
 */
const char *
room_lookalike(const struct hub *h, struct request *req)
{
	struct name lobby, wanted;

	if (!name_parse_room(&lobby, h->conf->lobby, strlen(h->conf->lobby),
	    NULL))
		return NULL;
	if (strcmp(lobby.key, req->room_key) == 0)
		return NULL;
	snprintf(wanted.key, sizeof(wanted.key), "%s", req->room_key);
	snprintf(wanted.shown, sizeof(wanted.shown), "%s", req->room);
	if (names_alike(&lobby, &wanted, LOOKS_SAME))
		return request_str(req, lobby.shown);
	return skeletons_find(&h->looks, req->room_key, req->room);
}

/* Of rooms there are, inboxes aside, as many as there may be. Who runs the
 * server makes more, and everybody finds a lobby. */
static bool
is_full(const struct hub *h, const struct login *l, const char *key)
{
	const struct account *a = user_account(h, l->user);

	return h->conf->server_rooms > 0 && !is_lobby(h, key) &&
	    (a == NULL || !a->op) &&
	    hub_rooms(h) - hub_inboxes(h) >= h->conf->server_rooms;
}

/* The room asked for, made; or NULL, and the request has failed. */
static struct room *
make(struct hub *h, struct login *l, struct request *req)
{
	const char *other = NULL;
	struct room *room;

	if (!is_inbox(req->room_key))
		other = room_lookalike(h, req);
	if (other != NULL) {
		request_fail(req, ERR_BAD_NAME, "#%s looks like #%s, which "
		    "exists: enter that one, or take another name.",
		    req->room, other);
		return NULL;
	}
	if (!is_inbox(req->room_key) && is_full(h, l, req->room_key)) {
		request_fail(req, ERR_SERVER_FULL, "This server has %llu "
		    "rooms, and makes no more: enter one of them.",
		    (unsigned long long)h->conf->server_rooms);
		return NULL;
	}
	room = is_inbox(req->room_key) ? inbox_get(h, l->user) :
	    room_new(h, req->room_key, req->room);
	if (room == NULL)
		fail(req, ERR_SERVER_FULL);
	return room;
}

/* Beside those it is in, as many that it has left: where it was there. */
static void
make_place(const struct hub *h, struct account *a, const char *room,
    struct request *req, struct store_op *op)
{
	if (kept_find(a, room) == NULL)
		kept_forget(a, 2 * (uint32_t)h->conf->max_rooms + 1, req, op);
}

void
keep_room(struct hub *h, struct account *a, const struct room *room, bool kept,
    uint64_t after)
{
	struct kept *k = kept_find(a, room_key(room));
	struct store_op op = { .kind = STORE_FACTS };
	const struct arrival *came;

	if (kept == (k != NULL && k->kept) ||
	    (kept && kept_count(a) >= h->conf->max_rooms))
		return;
	op.req = request_new(CMD_NOTE);
	if (k == NULL) {
		/* What was said before is not unread to who comes first. */
		make_place(h, a, room_key(room), op.req, &op);
		k = kept_get(a, room_key(room));
		k->seen = after;
		fact_add(op.req, &op, fact_key(op.req, "seen", account_key(a),
		    room_key(room)), json_integer((json_int_t)after));
	}
	k->kept = kept && !room->inbox;
	if (!room->inbox)
		fact_add(op.req, &op, fact_key(op.req, "kept", account_key(a),
		    room_key(room)), kept ? json_integer(clock_wall()) : NULL);
	came = room->rules != NULL ?
	    table_get(&room->rules->arrivals, account_key(a)) : NULL;
	if (came != NULL)
		fact_add(op.req, &op, fact_key(op.req, "came", room_key(room),
		    account_key(a)), kept ?
		    json_integer((json_int_t)came->seq) : NULL);
	rules_stored(h, &op);
	hub_note(h, NULL, &op);
}

/* Notes where the newcomer's reading may begin, if history is off. */
static void
note_arrival(struct hub *h, struct login *l, const struct room *room)
{
	struct rules *r = room->rules;
	const struct account *a = user_account(h, l->user);
	const struct kept *k = a != NULL ? kept_find(a, room_key(room)) : NULL;

	if (r == NULL || r->set.value[SET_HISTORY] ||
	    user_in_room(l->user, room) || (k != NULL && k->kept))
		return;
	rules_arrived(r, user_key(l->user), room->head);
}

/* What of the room was read before. */
static void
answer_kept(struct request *req, const struct kept *k)
{
	if (k == NULL)
		return;
	req->kept = request_alloc(req, sizeof(*req->kept));
	*req->kept = (struct kept_room){ .seen = k->seen,
	    .shown = request_spans(req, k->shown) };
}

/* Of who is in the room now: where reading begins, and what it is like. */
static enum verdict
answer_entered(struct hub *h, struct member *m, struct request *req)
{
	struct room *room = m->room;
	struct login *l = m->login;
	struct account *a = user_account(h, l->user);

	answer_room(req, room);
	start_at(h, room, read_floor(h, l, room), req);
	/* With last it may be given more: a person's session tells how much. */
	m->after = (req->has & HAS_AFTER) != 0 ? req->after : req->head;
	if (!room->inbox && a != NULL) {
		answer_kept(req, kept_find(a, room_key(room)));
		keep_room(h, a, room, true, m->after);
	}
	req->room_id = room->id;
	req->topic = request_str(req, room->topic != NULL ? room->topic : "");
	req->members = room->users;
	req->role = role_shown(room, role_in(h, l, room->rules, m));
	return ANSWER;
}

/* The room is there, and the login may enter it. */
static enum verdict
enter_room(struct hub *h, struct room *room, struct login *l,
    struct request *req, bool owns)
{
	struct member *held = member_find(l, room), *m;

	note_arrival(h, l, room);
	m = enter(h, room, l, held);
	if (owns)
		member_set_role(m, ROLE_OWNER);
	else if (held == NULL && room->rules != NULL)
		member_set_role(m, role_known(h, l, room->rules));
	return answer_entered(h, m, req);
}

/* What is wrong with entering the room, if it is there. */
static bool
refuse_entry(const struct hub *h, struct login *l, const struct room *room,
    struct request *req)
{
	const struct member *m = room != NULL ? member_find(l, room) : NULL;
	const struct rules *r = room != NULL ? room->rules :
	    rules_find(h, req->room_key);

	if (is_inbox(req->room_key) && !is_own_inbox(l, req->room_key))
		return fail(req, ERR_FORBIDDEN) == ANSWER;
	if (m != NULL && !m->held)
		return fail(req, ERR_ALREADY_SUBSCRIBED) == ANSWER;
	if (!is_inbox(req->room_key) && l->nrooms >= h->conf->max_rooms)
		return fail(req, ERR_TOO_MANY_ROOMS) == ANSWER;
	return !may_enter(h, l, r, m, req);
}

/* An account owns what it makes. It is in the room at once, for what it asks
 * next, and answered once that is stored. */
static enum verdict
make_owned(struct hub *h, struct login *l, struct account *a,
    struct room *room, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct member *m;

	if (a->owned + a->making >= h->conf->max_rooms)
		request_fail(req, ERR_TOO_MANY_ROOMS, "You own %u rooms, and "
		    "may not own more.", a->owned + a->making);
	else {
		request_set_key(req, account_key(a));
		fact_add(req, &op, fact_key(req, "role", room_key(room),
		    account_key(a)), json_pack("{s:s}", "role", "owner"));
		if (hub_ask_store(h, room, &op) == KEPT) {
			m = enter(h, room, l, NULL);
			member_set_role(m, ROLE_OWNER);
			m->making = true;
			a->making++;
			return KEPT;
		}
	}
	room_settle(h, room);
	return ANSWER;
}

/* Its other sessions may have come, or this one gone and come again. */
static void
own(struct hub *h, const char *key, const struct room *room)
{
	struct user *u = user_find(h, key);
	struct login *l = u != NULL ? u->logins : NULL;
	struct member *m;

	for (; l != NULL; l = l->next) {
		if ((m = member_find(l, room)) != NULL)
			member_set_role(m, ROLE_OWNER);
	}
}

enum verdict
subscribe_committed(struct hub *h, struct store_op *op)
{
	struct room *room = op->arg;
	struct request *req = op->req;
	struct login *l = login_get(h, req->sid);
	struct member *m = l != NULL ? member_find(l, room) : NULL;
	struct account *a = account_find(h, req->name_key);

	if (m != NULL && !m->making)
		m = NULL;		/* another subscribe's, answered */
	else if (m != NULL)
		m->making = false;
	if (a != NULL)
		a->making--;
	if (op->error == STORE_OK) {
		rules_stored(h, op);
		own(h, req->name_key, room);
	}
	/* What came meanwhile is not for it, but in the answer. */
	news_post(h, room);
	if (op->error != STORE_OK) {
		if (m != NULL)
			member_remove(m);
		return ANSWER;
	}
	return m != NULL ? answer_entered(h, m, req) :
	    fail(req, ERR_NOT_SUBSCRIBED);
}

enum verdict
cmd_subscribe(struct hub *h, struct login *l, struct request *req)
{
	struct room *room = room_find(h, req->room_key);
	struct account *a = user_account(h, l->user);
	bool owns;

	if (refuse_entry(h, l, room, req))
		return ANSWER;
	if (room != NULL)
		return enter_room(h, room, l, req, false);
	if ((room = make(h, l, req)) == NULL)
		return ANSWER;
	owns = room->rules == NULL || room->rules->owners == 0;
	if (owns && a != NULL && !room->inbox)
		return make_owned(h, l, a, room, req);
	return enter_room(h, room, l, req, owns);
}

static uint32_t
sessions_in(const struct user *u, const struct room *room)
{
	struct login *l;
	uint32_t n = 0;

	for (l = u->logins; l != NULL; l = l->next)
		n += member_find(l, room) != NULL;
	return n;
}

/* The reply goes first: with it the loop drops the place, and so does not
 * show the client its own leaving. */
enum verdict
cmd_unsubscribe(struct hub *h, struct login *l, struct request *req)
{
	struct member *m = answer_member(h, l, req);
	struct account *a = user_account(h, l->user);

	if (m == NULL)
		return ANSWER;
	req->room_id = m->room->id;
	if (a != NULL && !m->room->inbox && sessions_in(l->user, m->room) == 1)
		keep_room(h, a, m->room, false, 0);
	news_post(h, m->room);
	member_leave(h, m, NULL);
	return ANSWER;
}

/* The loop reads the messages, once it has this reply. */
enum verdict
cmd_history(struct hub *h, struct login *l, struct request *req)
{
	struct room *room;

	if (is_own_inbox(l, req->room_key))
		room = inbox_get(h, l->user);
	else if (is_inbox(req->room_key))
		return fail(req, ERR_FORBIDDEN);
	else
		room = room_find(h, req->room_key);
	if (room == NULL)
		return fail(req, ERR_NO_SUCH_ROOM);
	if (!may_see(h, l, room, req))
		return ANSWER;
	answer_room(req, room);
	req->room_id = room->id;
	req->head = room->head;
	req->floor = read_floor(h, l, room);
	if (req->limit == 0)
		req->limit = HISTORY_LIMIT;
	return ANSWER;
}

enum verdict
cmd_seen(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct member *m = answer_member(h, l, req);
	struct account *a = user_account(h, l->user);
	struct spans *shown = NULL;
	const struct kept *k;
	uint64_t seen;

	if (m == NULL)
		return ANSWER;
	if (req->seq > m->room->head)
		return fail(req, ERR_NO_SUCH_MESSAGE);
	if (a == NULL)
		return ANSWER;
	request_set_key(req, account_key(a));
	make_place(h, a, room_key(m->room), req, &op);
	k = kept_find(a, room_key(m->room));
	if (k != NULL && k->shown != NULL)
		shown = (void *)xmemdup(k->shown, spans_size(k->shown));
	seen = spans_read(&shown, req->seq);
	kept_facts(req, &op, a, room_key(m->room), seen, shown,
	    k != NULL && k->shown != NULL);
	free(shown);
	return hub_ask_store(h, NULL, &op);
}

/* Where what it was shown begins; false: it is in the room no more, and that
 * did not come along, or it was only that which is told. */
static bool
shown_from(struct member *m, const struct moved_room *at, uint64_t *from)
{
	if (at->how == MARK_SENT_OUT) {
		*from = at->from;
		return true;
	}
	if (m == NULL || m->held)
		return false;
	if (at->how == MARK_BEGINS && at->after < m->after)
		m->after = at->after;
	*from = m->after;
	return at->how == MARK_SHOWN;
}

/*
 * What lies between what the account has read and where the session began was
 * not given to it: it has read what came then, but not up to there.
 */
static bool
mark(const struct hub *h, struct login *l, struct account *a,
    struct request *req, struct store_op *op, const struct moved_room *at)
{
	const struct room *room = room_by_id(h, at->room_id);
	struct kept *k;
	uint64_t from;
	bool was;

	if (room == NULL || !shown_from(member_find(l, room), at, &from))
		return false;
	k = kept_find(a, room_key(room));
	if ((k != NULL ? k->seen : 0) >= at->after || from >= at->after)
		return false;
	if ((k != NULL ? k->seen : 0) < from && (k == NULL || room->inbox))
		return false;
	make_place(h, a, room_key(room), req, op);
	k = kept_get(a, room_key(room));
	was = k->shown != NULL;
	spans_add(&k->shown, from, at->after);
	kept_read(k, k->seen);
	kept_facts(req, op, a, room_key(room), k->seen, k->shown, was);
	return true;
}

/* Where it talks from now on, if that is one of its rooms: the lobby, where
 * nothing else is known. */
static bool
mark_talks(const struct hub *h, struct account *a, struct request *req,
    struct store_op *op)
{
	const struct kept *k = req->room_key != NULL ?
	    kept_find(a, req->room_key) : NULL;

	if (k == NULL || !k->kept || (a->talks != NULL ?
	    strcmp(a->talks, k->room) == 0 : is_lobby(h, k->room)))
		return false;
	free(a->talks);
	a->talks = xstrdup(k->room);
	fact_add(req, op, fact_key(req, "talks", account_key(a), NULL),
	    json_string(a->talks));
	return true;
}

bool
take_marks(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct account *a = user_account(h, l->user);
	bool any = a != NULL && mark_talks(h, a, req, &op);
	uint32_t i;

	for (i = 0; a != NULL && i < req->nlisted; i++)
		any |= mark(h, l, a, req, &op, &req->moved[i]);
	return any && hub_submit(h, NULL, &op);
}

enum verdict
cmd_mark(struct hub *h, struct login *l, struct request *req)
{
	if (!take_marks(h, l, req))
		request_free(req);
	return KEPT;
}

enum verdict
seen_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);

	if (op->error == STORE_OK && a != NULL)
		kept_read(kept_get(a, op->req->room_key), op->req->seq);
	return ANSWER;
}

enum verdict
cmd_topic(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_TOPIC, .req = req };
	struct member *m = answer_member(h, l, req);
	const char *topic = req->string;

	if (m == NULL)
		return ANSWER;
	if (m->room->inbox)
		return fail(req, ERR_FORBIDDEN);
	if (topic == NULL) {
		req->field = "topic";
		return fail(req, ERR_BAD_ARGUMENT);
	}
	if (!may_speak(h, m, req))
		return ANSWER;
	op.text = topic;
	op.audit = audit_line(req, json_pack("{s:s,s:s,s:s,s:s}", "act",
	    "topic", "by", user_shown(l->user), "room", room_shown(m->room),
	    "topic", topic));
	op.by_operator = role_in(h, l, m->room->rules, m) == ROLE_OPERATOR;
	turn_take(m, req);
	if (hub_ask_store(h, m->room, &op) == ANSWER) {
		turn_back(h, m->room, req);
		return ANSWER;
	}
	/* Made now: who sets it may be gone when it is stored. */
	req->msg = msg_new(MSG_TOPIC, user_shown(l->user), NULL, topic,
	    strlen(topic), NULL);
	return KEPT;
}

enum verdict
topic_committed(struct hub *h, struct store_op *op)
{
	struct room *room = op->arg;
	struct request *req = op->req;

	if (op->error != STORE_OK) {
		turn_back(h, room, req);
		return ANSWER;
	}
	free(room->topic);
	room->topic = op->text[0] != '\0' ? xstrdup(op->text) : NULL;
	req->topic = op->text;
	news_add(h, room, req->msg);
	req->msg = NULL;
	return ANSWER;
}
