/*
 * Commands about oneself: login, rename, away, ping, quit; and what a loop
 * tells about its client: gone, moved; and the operator's kick.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

static struct login *
resumed(const struct user *u, const char *secret)
{
	struct login *l;

	if (secret == NULL)
		return NULL;
	for (l = u->logins; l != NULL; l = l->next) {
		if (login_secret_is(l, secret))
			return l;
	}
	return NULL;
}

/* What its loop is to do, once the hub has let go of the session. */
static struct session_mail *
session_mail_new(const struct login *l, enum session_act act)
{
	struct session_mail *mail = xcalloc(1, sizeof(*mail));

	mail->mail.kind = MAIL_SESSION;
	mail->client = l->client;
	mail->act = act;
	return mail;
}

static void
replace(struct hub *h, struct login *old, struct login *l)
{
	struct session_mail *mail = session_mail_new(old, SESSION_REPLACED);

	login_replace(h, old, l);
	h->out.session(h->out.arg, mail);
}

enum verdict
cmd_login(struct hub *h, struct login *l, struct request *req)
{
	struct user *u = user_find(h, req->name_key);
	struct login *old = NULL;

	/* A replaced session has a sid as well; it is about to be closed. */
	if (l != NULL || req->sid != 0) {
		request_fail(req, ERR_ALREADY_LOGGED_IN, NULL);
		return ANSWER;
	}
	if (u != NULL && (old = resumed(u, req->resume)) == NULL) {
		request_fail(req, ERR_NAME_TAKEN, NULL);
		return ANSWER;
	}
	if (u == NULL)
		u = user_new(h, req->name_key, req->name);
	if ((l = login_new(h, u, req->client)) == NULL) {
		user_settle(h, u);
		request_fail(req, ERR_SERVER_FULL, NULL);
		return ANSWER;
	}
	if (old != NULL)
		replace(h, old, l);
	req->name = request_str(req, user_shown(u));
	req->guest = true;
	req->session = login_secret(l, request_alloc(req, SECRET_HEX + 1));
	req->sid = l->sid;
	return ANSWER;
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

enum verdict
cmd_rename(struct hub *h, struct login *l, struct request *req)
{
	struct user *u = l->user, *other = user_find(h, req->name_key);
	const char *from;

	if (other != NULL && other != u) {
		request_fail(req, ERR_NAME_TAKEN, NULL);
		return ANSWER;
	}
	if (strcmp(req->name, user_shown(u)) == 0)
		return ANSWER;
	from = request_str(req, user_shown(u));
	if (other == NULL && u->inbox != NULL) {
		req->room_id = u->inbox->id;
		inbox_drop(h, u, l->sid);
	}
	tell_renamed(h, user_rename(h, u, req->name_key, req->name), from);
	return ANSWER;
}

enum verdict
cmd_away(struct hub *h, struct login *l, struct request *req)
{
	struct user *u = l->user;

	(void)h;
	free(u->away);
	u->away = req->string != NULL && req->string[0] != '\0' ?
	    xstrdup(req->string) : NULL;
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
	if (l != NULL)
		login_end(h, l, req->string);
	request_free(req);
	return KEPT;
}

enum verdict
cmd_kick(struct hub *h, struct login *l, struct request *req)
{
	struct user *u = user_find(h, req->name_key);
	struct login *next;

	(void)l;
	if (u == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, NULL);
		return ANSWER;
	}
	req->name = request_str(req, user_shown(u));
	for (l = u->logins; l != NULL; l = next) {
		next = l->next;		/* the last one takes the user along */
		h->out.session(h->out.arg, session_mail_new(l,
		    SESSION_KICKED));
		login_end(h, l, "kicked");
		req->members++;
	}
	return ANSWER;
}

enum verdict
cmd_moved(struct hub *h, struct login *l, struct request *req)
{
	const struct member *m;
	struct moved_room *at;

	login_move(h, l, req->client);
	for (m = l->members; m != NULL; m = m->next)
		req->nlisted += !m->held;
	at = req->moved = request_alloc(req, req->nlisted * sizeof(*at));
	for (m = l->members; m != NULL; m = m->next) {
		if (m->held)
			continue;
		*at++ = (struct moved_room){
		    .room = request_str(req, room_shown(m->room)),
		    .room_id = m->room->id, .head = m->room->head,
		    .after = m->seen };
	}
	return ANSWER;
}
