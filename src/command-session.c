/*
 * Commands about oneself: rename, away, ping, quit; and what a loop tells
 * about its client: gone, moved; and the operator's kick.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "util.h"

struct session_mail *
session_mail_new(const struct login *l, enum session_act act)
{
	struct session_mail *mail = xcalloc(1, sizeof(*mail));

	mail->mail.kind = MAIL_SESSION;
	mail->client = l->client;
	mail->act = act;
	return mail;
}

static void
tell_renamed(struct hub *h, struct user *u, const char *from)
{
	struct login *l;
	struct member *m;

	for (l = u->logins; l != NULL; l = l->next) {
		for (m = l->members; m != NULL; m = m->next) {
			if (!m->room->inbox && member_is_first(m))
				news_add(h, m->room, msg_new(MSG_RENAMED, from,
				    user_shown(u), NULL, 0, NULL));
		}
	}
}

static bool
keeps_name(const struct rules *r, struct request *req)
{
	request_fail(req, ERR_MUTED, "You are muted in #%s, and keep your "
	    "name meanwhile.", r->key);
	return false;
}

/* Who is muted, by name or by address, keeps the name: the room would hear of
 * the new one. A mute is a name's: so does who is invited to come again, as
 * somebody whom no address is held against. */
static bool
may_leave_name(const struct hub *h, struct login *l, struct request *req)
{
	const char *subj = subject(req, 'n', user_key(l->user));
	const struct invite *i;
	const struct rules *r;
	struct member *m;

	for (m = l->members; m != NULL; m = m->next) {
		r = m->room->rules;
		if (muted(h, l, r, role_in(h, l, r, m)) != NULL)
			return keeps_name(r, req);
	}
	for (i = rules_invites(h, l->sid); i != NULL; i = i->next) {
		if (rules_sanction(&i->rules->mutes, subj) != NULL)
			return keeps_name(i->rules, req);
	}
	return true;
}

/* Would the room let in, and speak, somebody of the request's name? It is told
 * of the new name as well, which is a way to speak. */
static bool
may_come_as(const struct hub *h, const struct member *m, struct request *req)
{
	const char *subj = subject(req, 'n', req->name_key);
	const struct rules *r = m->room->rules;
	const char *room = room_shown(m->room);
	enum role role;

	if (r == NULL)
		return true;
	role = role_in(h, m->login, r, m);
	if (role != ROLE_OPERATOR && rules_sanction(&r->bans, subj) != NULL)
		request_fail(req, ERR_BANNED, "%s is banned from #%s, where "
		    "you are: take another name.", req->name, room);
	else if (role != ROLE_OPERATOR &&
	    rules_sanction(&r->mutes, subj) != NULL)
		request_fail(req, ERR_MUTED, "%s is muted in #%s, where you "
		    "are: take another name.", req->name, room);
	else if (is_stranger(h, m->login, r))
		request_fail(req, ERR_FORBIDDEN, "Only who has an account may "
		    "speak in #%s, where you keep your name: leave it first.",
		    room);
	else if (r->set.value[SET_MODERATED] && !right_has(ACT_SPEAK, role))
		request_fail(req, right_of(ACT_SPEAK)->error, "You are a "
		    "visitor in #%s, which is moderated, and keep your name "
		    "there: leave it first.", room);
	else
		return true;
	return false;
}

/*
 * Another name is another entrance: the server is asked as at a login, and each
 * room that the guest is in as when one enters. What the rooms know of the old
 * name is the new one's then.
 */
static bool
may_rename(struct hub *h, struct login *l, struct request *req)
{
	const char *key = user_key(l->user);
	struct member *m;

	if (l->address != NULL)
		req->address = request_str(req, address_text(l->address));
	if (!may_leave_name(h, l, req) || !may_log_in(h,
	    user_account(h, l->user), req))
		return false;
	for (m = l->members; m != NULL; m = m->next) {
		if (strcmp(key, req->name_key) != 0 &&
		    !may_come_as(h, m, req))
			return false;
	}
	for (m = l->members; m != NULL; m = m->next) {
		if (m->room->rules != NULL)
			rules_renamed(m->room->rules, key, req->name_key);
	}
	return true;
}

enum verdict
cmd_rename(struct hub *h, struct login *l, struct request *req)
{
	struct user *u = l->user, *other = user_find(h, req->name_key);
	const struct account *a = user_account(h, u);
	struct room *inbox = user_inbox(h, u);
	const char *from, *key;

	if (a != NULL && strcmp(req->name, user_shown(u)) != 0) {
		request_fail(req, ERR_FORBIDDEN, "%s is the name of your "
		    "account, and stays as it was registered.", user_shown(u));
		return ANSWER;
	}
	if (a == NULL && !may_bear(h, req))
		return ANSWER;
	if (other != NULL && other != u) {
		request_fail(req, ERR_NAME_TAKEN, NULL);
		return ANSWER;
	}
	if (strcmp(req->name, user_shown(u)) == 0)
		return ANSWER;
	if (!may_rename(h, l, req))
		return ANSWER;
	from = request_str(req, user_shown(u));
	key = request_str(req, user_key(u));
	if (other == NULL && inbox != NULL) {
		req->room_id = inbox->id;
		inbox_end(h, inbox, l->sid);
	}
	tell_renamed(h, user_rename(h, u, req->name_key, req->name), from);
	ignores_rename(h, key, req->name_key);
	return ANSWER;
}

enum verdict
cmd_away(struct hub *h, struct login *l, struct request *req)
{
	user_set_away(h, l->user, req->string != NULL &&
	    req->string[0] != '\0' ? req->string : NULL);
	return ANSWER;
}

enum verdict
cmd_ping(struct hub *h, struct login *l, struct request *req)
{
	(void)h;
	(void)l;
	req->time = clock_wall();
	return ANSWER;
}

/* The session closes itself once it has the reply. */
enum verdict
cmd_quit(struct hub *h, struct login *l, struct request *req)
{
	(void)h;
	(void)l;
	(void)req;
	return ANSWER;
}

enum verdict
cmd_gone(struct hub *h, struct login *l, struct request *req)
{
	bool taken = false;

	if (l != NULL) {
		taken = take_marks(h, l, req);
		login_end(h, l, req->string);
	} else
		login_abandon(h, req->client);
	if (!taken)
		request_free(req);
	return KEPT;
}

/* One connection alone, whatever else its user has here. */
static enum verdict
expel_client(struct hub *h, struct request *req, const char *reason,
    const char *why)
{
	struct login *l = login_by_client(h, req->target);

	if (l == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, "There is no such client, "
		    "or it is not logged in: who shows them.");
		return ANSWER;
	}
	req->name = request_str(req, user_shown(l->user));
	req->members = 1;
	end_session(h, l, reason, why);
	operator_note(h, req, "kick");
	return ANSWER;
}

enum verdict
cmd_expel(struct hub *h, struct login *l, struct request *req)
{
	const char *reason = req->string != NULL ? request_fmt(req,
	    "kicked: %s", req->string) : "kicked";
	const char *why = req->string != NULL ? request_fmt(req,
	    "You are kicked from this server: %s", req->string) : NULL;
	struct user *u;

	(void)l;
	if (req->target != 0)
		return expel_client(h, req, reason, why);
	if (req->name_key == NULL) {
		request_fail(req, ERR_BAD_ARGUMENT, NULL);
		return ANSWER;
	}
	if ((u = user_find(h, req->name_key)) == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, NULL);
		return ANSWER;
	}
	req->name = request_str(req, user_shown(u));
	req->members = end_sessions(h, u, reason, why);
	operator_note(h, req, "kick");
	return ANSWER;
}

/* Rooms that it was sent out of, perhaps while it was on its way. */
static void
list_taken(const struct taken_place *t, struct request *req,
    struct moved_room *at)
{
	struct expulsion *out;

	for (; t != NULL; t = t->next) {
		out = request_alloc(req, sizeof(*out));
		*out = (struct expulsion){ (enum msg_kind)t->why->kind,
		    t->why->time, request_str(req, msg_from(t->why)),
		    request_str(req, msg_to(t->why)),
		    request_str(req, msg_text(t->why)) };
		*at++ = (struct moved_room){ .room_id = t->room_id,
		    .room = request_str(req, t->room), .out = out };
	}
}

enum verdict
cmd_moved(struct hub *h, struct login *l, struct request *req)
{
	const struct taken_place *t, *taken = taken_places(h, l);
	const struct member *m;
	struct moved_room *at;

	req->guest = user_account(h, l->user) == NULL;
	req->marks = l->marks;
	login_move(h, l, req->client);
	req->ignores = ignores_ref(ignores_of(h, user_key(l->user)));
	for (m = l->members; m != NULL; m = m->next)
		req->nlisted += !m->held;
	for (t = taken; t != NULL; t = t->next)
		req->nlisted++;
	at = req->moved = request_alloc(req, req->nlisted * sizeof(*at));
	for (m = l->members; m != NULL; m = m->next) {
		if (m->held)
			continue;
		*at++ = (struct moved_room){
		    .room = request_str(req, room_shown(m->room)),
		    .room_id = m->room->id, .head = m->room->head,
		    .after = m->after };
	}
	list_taken(taken, req, at);
	taken_forget(h, l);
	return ANSWER;
}
