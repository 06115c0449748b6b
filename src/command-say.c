/*
 * Commands that append to a log: say, tell. Nothing is shown or answered
 * before the store has committed it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

static struct msg *
copy_as(const struct msg *m, const char *from, const char *to)
{
	struct msg *copy = msg_new(m->kind, from, to, msg_text(m), m->text_len,
	    msg_key(m));

	copy->author = m->author;
	return copy;
}

/*
 * Submits the request's message as from this login. The dialect may have
 * written from and to already; a wrong one is set right.
 */
static enum verdict
append(struct hub *h, struct room *room, struct login *l, struct request *req,
    const char *to)
{
	struct store_op op = { .kind = STORE_APPEND, .req = req };
	const char *from = user_shown(l->user);

	if (strcmp(msg_from(req->msg), from) != 0 ||
	    strcmp(msg_to(req->msg), to) != 0) {
		op.msg = copy_as(req->msg, from, to);
		msg_unref(req->msg);
	} else
		op.msg = req->msg;
	req->msg = NULL;
	op.msg->author = login_author(h, l);
	if (op.msg->key_len > 0)
		op.from_key = request_str(req, user_key(l->user));
	return hub_ask_store(h, room, &op);
}

/*
 * It is refused, unless it was said before: then it was right to, and is only
 * answered again. The store knows, behind all that it has been given; what is
 * not there is asked about once more.
 */
static enum verdict
seek_key(struct hub *h, struct member *m, struct request *req)
{
	struct store_op op = { .kind = STORE_SEEK_KEY, .req = req };

	if (req->msg->key_len == 0 || req->sought)
		return ANSWER;
	req->sought = true;
	op.msg = msg_ref(req->msg);
	op.from_key = request_str(req, user_key(m->login->user));
	if (hub_submit(h, m->room, &op))
		return KEPT;
	msg_unref(op.msg);
	return ANSWER;
}

/* In a room that is not an ordinary one. */
static enum verdict
say_by_rules(struct hub *h, struct member *m, struct request *req)
{
	if (!may_speak(h, m, req))
		return seek_key(h, m, req);
	turn_take(m, req);
	if (append(h, m->room, m->login, req, "") == KEPT)
		return KEPT;
	turn_back(h, m->room, req);
	return ANSWER;
}

enum verdict
cmd_say(struct hub *h, struct login *l, struct request *req)
{
	struct member *m = answer_member(h, l, req);

	if (m == NULL)
		return ANSWER;
	if (m->room->inbox) {
		request_fail(req, ERR_FORBIDDEN,
		    "An inbox is no room to speak in: use tell.");
		return ANSWER;
	}
	if (m->room->rules == NULL)
		return append(h, m->room, l, req, "");
	return say_by_rules(h, m, req);
}

enum verdict
cmd_tell(struct hub *h, struct login *l, struct request *req)
{
	struct user *to = user_find(h, req->name_key);
	struct account *a = account_find(h, req->name_key);
	const char *shown;
	struct room *inbox;

	if (to == NULL && (a == NULL || a->pending)) {
		request_fail(req, ERR_NO_SUCH_USER, NULL);
		return ANSWER;
	}
	inbox = to != NULL ? inbox_get(h, to) : inbox_of(h, a);
	if (inbox == NULL) {
		request_fail(req, ERR_SERVER_FULL, NULL);
		return ANSWER;
	}
	shown = to != NULL ? user_shown(to) : account_shown(a);
	if (strcmp(req->name, shown) != 0)
		req->name = request_str(req, shown);
	req->offline = to == NULL;
	if (to != NULL && user_away(to) != NULL)
		req->away = request_str(req, user_away(to));
	return append(h, inbox, l, req, req->name);
}

void
inbox_place(struct hub *h, struct room *inbox, struct login *l, uint64_t head,
    uint64_t after)
{
	struct place_mail *mail;

	news_post(h, inbox);
	member_add(inbox, l)->after = after;
	mail = xcalloc(1, sizeof(*mail));
	mail->mail.kind = MAIL_PLACE;
	mail->client = l->client;
	mail->room_id = inbox->id;
	mail->after = after;
	mail->head = head;
	snprintf(mail->room, sizeof(mail->room), "%s", room_shown(inbox));
	h->out.place(h->out.arg, mail);
}

/* Every session of the inbox's user is to see what comes behind after. */
static void
place_all(struct hub *h, struct room *inbox, uint64_t after)
{
	struct login *l;

	for (l = inbox->owner->logins; l != NULL; l = l->next) {
		if (member_find(l, inbox) == NULL)
			inbox_place(h, inbox, l, after, after);
	}
}

/*
 * What was told to a name that its user has given up meanwhile goes on to the
 * inbox of the new one. KEPT if that is so.
 */
static enum verdict
pass_on(struct hub *h, const struct room *dead, const struct store_op *op)
{
	struct login *heir = login_get(h, dead->heir);
	struct store_op again = { .kind = STORE_APPEND, .req = op->req,
	    .from_key = op->from_key };
	struct room *inbox;

	if (heir == NULL || (inbox = inbox_get(h, heir->user)) == NULL)
		return ANSWER;
	again.msg = copy_as(op->msg, msg_from(op->msg),
	    user_shown(heir->user));
	return hub_ask_store(h, inbox, &again);
}

/* The room's newest seq, and what it was before. */
static uint64_t
grow(struct room *room, uint64_t seq)
{
	uint64_t before = room->head;

	if (seq > before)
		room->head = seq;
	return before;
}

/* What was stored is news. */
static void
show(struct hub *h, struct room *room, struct store_op *op, uint64_t before)
{
	if (room->owner != NULL)
		place_all(h, room, before);
	news_add(h, room, msg_ref(op->msg));
}

/* What was refused was not said before. */
static enum verdict
say_again(struct hub *h, struct request *req)
{
	struct login *l = login_get(h, req->sid);

	if (l != NULL)
		return cmd_say(h, l, req);
	request_fail(req, ERR_NOT_LOGGED_IN, NULL);
	return ANSWER;
}

static enum verdict
say_known(struct hub *h, const struct store_op *op)
{
	struct request *req = op->req;

	turn_back(h, op->arg, req);
	if (op->error != STORE_OK)
		return ANSWER;
	req->error = ERR_NONE;
	req->message = NULL;
	req->retry_ms = 0;
	if (!op->duplicate)
		return say_again(h, req);
	req->seq = op->seq;
	req->time = op->time;
	req->duplicate = true;
	return ANSWER;
}

enum verdict
say_committed(struct hub *h, struct store_op *op)
{
	struct room *room = op->arg;
	struct request *req = op->req;
	uint64_t before;

	if (op->error != STORE_OK || op->duplicate ||
	    op->kind == STORE_SEEK_KEY)
		return say_known(h, op);
	req->seq = op->seq;
	req->time = op->time;
	before = grow(room, op->seq);
	if (room->dead && pass_on(h, room, op) == KEPT)
		return KEPT;
	if (room->inbox)
		req->msg = msg_ref(op->msg);
	show(h, room, op, before);
	news_answer(h, room, req);
	return KEPT;
}

void
inbox_note(struct hub *h, const char *key, const char *from, const char *text)
{
	struct store_op op = { .kind = STORE_APPEND };
	struct user *u = user_find(h, key);
	struct account *a = account_find(h, key);
	struct room *inbox = u != NULL ? inbox_get(h, u) :
	    a != NULL && !a->pending ? inbox_of(h, a) : NULL;

	if (inbox == NULL)
		return;
	op.req = request_new(CMD_NOTE);
	op.msg = msg_new(MSG_NOTICE, from, room_shown(inbox) + 1, text,
	    strlen(text), NULL);
	hub_note(h, inbox, &op);
}

void
inbox_noted(struct hub *h, struct store_op *op)
{
	struct room *inbox = op->arg;
	uint64_t before = grow(inbox, op->seq);

	if (!inbox->dead)
		show(h, inbox, op, before);
}
