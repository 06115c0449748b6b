#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "log.h"
#include "tries.h"
#include "util.h"

enum {
	NEED_LOGIN = 1, NEED_NAME = 2, NEED_ROOM = 4, NEED_MSG = 8,
	KEEP_HELD = 16		/* does not give up held places */
};

static const struct {
	enum verdict	(*run)(struct hub *, struct login *, struct request *);
	unsigned	 flags;
	/* What it had stored is, or is not. NULL: it stores nothing. */
	enum verdict	(*committed)(struct hub *, struct store_op *);
} commands[] = {
	[CMD_LOGIN] = { cmd_login, NEED_NAME, NULL },
	[CMD_SUBSCRIBE] = { cmd_subscribe, NEED_LOGIN | NEED_ROOM | KEEP_HELD,
	    subscribe_committed },
	[CMD_UNSUBSCRIBE] = { cmd_unsubscribe, NEED_LOGIN | NEED_ROOM, NULL },
	[CMD_SAY] = { cmd_say, NEED_LOGIN | NEED_ROOM | NEED_MSG,
	    say_committed },
	[CMD_TELL] = { cmd_tell, NEED_LOGIN | NEED_NAME | NEED_MSG,
	    say_committed },
	[CMD_SEEN] = { cmd_seen, NEED_LOGIN | NEED_ROOM, seen_committed },
	[CMD_HISTORY] = { cmd_history, NEED_LOGIN | NEED_ROOM, NULL },
	[CMD_ROOMS] = { cmd_rooms, NEED_LOGIN, NULL },
	[CMD_WHO] = { cmd_who, NEED_LOGIN, NULL },
	[CMD_TOPIC] = { cmd_topic, NEED_LOGIN | NEED_ROOM, topic_committed },
	[CMD_AWAY] = { cmd_away, NEED_LOGIN, NULL },
	[CMD_RENAME] = { cmd_rename, NEED_LOGIN | NEED_NAME, NULL },
	[CMD_PING] = { cmd_ping, 0, NULL },
	[CMD_QUIT] = { cmd_quit, KEEP_HELD, NULL },
	[CMD_GONE] = { cmd_gone, KEEP_HELD, note_committed },
	[CMD_MARK] = { cmd_mark, NEED_LOGIN | KEEP_HELD, note_committed },
	[CMD_MOVED] = { cmd_moved, NEED_LOGIN | KEEP_HELD, NULL },
	[CMD_EXPEL] = { cmd_expel, 0, NULL },
	[CMD_ALL_ROOMS] = { cmd_rooms, 0, NULL },
	[CMD_ALL_WHO] = { cmd_who, 0, NULL },
	[CMD_ACCOUNTS] = { cmd_accounts, 0, NULL },
	[CMD_ENROL] = { cmd_enrol, NEED_NAME, register_committed },
	[CMD_REPASS] = { cmd_repass, NEED_NAME, passwd_committed },
	[CMD_DISOWN] = { cmd_disown, NEED_NAME, disown_committed },
	[CMD_PROMOTE] = { cmd_promote, NEED_NAME, promote_committed },
	[CMD_DEMOTE] = { cmd_promote, NEED_NAME, promote_committed },
	[CMD_IMPORT] = { cmd_import, NEED_NAME | NEED_ROOM, import_committed },
	[CMD_SHUT_OUT] = { cmd_shut_out, 0, shut_out_committed },
	[CMD_SHUT_OUTS] = { cmd_shut_outs, 0, NULL },
	[CMD_LET_IN] = { cmd_let_in, 0, shut_out_committed },
	[CMD_ERASE] = { cmd_erase, NEED_NAME, erase_committed },
	[CMD_REGISTER] = { cmd_register, NEED_LOGIN, register_committed },
	[CMD_PASSWD] = { cmd_passwd, NEED_LOGIN, passwd_committed },
	[CMD_TOKEN] = { cmd_token, NEED_LOGIN, token_committed },
	[CMD_TOKENS] = { cmd_tokens, NEED_LOGIN, NULL },
	[CMD_REVOKE] = { cmd_revoke, NEED_LOGIN, revoke_committed },
	[CMD_SEARCH] = { cmd_search, NEED_LOGIN, NULL },
	[CMD_IGNORE] = { cmd_ignore, NEED_LOGIN | NEED_NAME,
	    ignore_committed },
	[CMD_UNIGNORE] = { cmd_unignore, NEED_LOGIN | NEED_NAME,
	    unignore_committed },
	[CMD_IGNORED] = { cmd_ignored, NEED_LOGIN, NULL },
	[CMD_NOTE] = { NULL, 0, note_committed },
	[CMD_CONFIGURE] = { cmd_configure, NEED_LOGIN | NEED_ROOM,
	    act_committed },
	[CMD_INVITE] = { cmd_invite, NEED_LOGIN | NEED_ROOM | NEED_NAME,
	    act_committed },
	[CMD_KICK] = { cmd_kick, NEED_LOGIN | NEED_ROOM | NEED_NAME,
	    act_committed },
	[CMD_BAN] = { cmd_ban, NEED_LOGIN | NEED_ROOM, act_committed },
	[CMD_UNBAN] = { cmd_unban, NEED_LOGIN | NEED_ROOM, act_committed },
	[CMD_MUTE] = { cmd_ban, NEED_LOGIN | NEED_ROOM, act_committed },
	[CMD_UNMUTE] = { cmd_unban, NEED_LOGIN | NEED_ROOM, act_committed },
	[CMD_OP] = { cmd_op, NEED_LOGIN | NEED_ROOM | NEED_NAME,
	    act_committed },
	[CMD_DEOP] = { cmd_deop, NEED_LOGIN | NEED_ROOM | NEED_NAME,
	    act_committed },
	[CMD_OWNER] = { cmd_owner, NEED_LOGIN | NEED_ROOM | NEED_NAME,
	    act_committed },
	[CMD_BANS] = { cmd_bans, NEED_LOGIN | NEED_ROOM, NULL },
	[CMD_REDACT] = { cmd_redact, NEED_LOGIN | NEED_ROOM, act_committed },
};

static const char *
user_table_key(const void *item)
{
	return user_key((const struct user *)item);
}

static const char *
account_table_key(const void *item)
{
	return account_key((const struct account *)item);
}

static const char *
account_table_shown(const void *item)
{
	return account_shown((const struct account *)item);
}

static const char *
room_table_key(const void *item)
{
	return room_key((const struct room *)item);
}

static const char *
room_table_shown(const void *item)
{
	return room_shown((const struct room *)item);
}

static const char *
rules_table_key(const void *item)
{
	return ((const struct rules *)item)->key;
}

/* What an erase that was cut short has left, or it would be the next one's of
 * this name: see hub_flush(). */
static void
note_lost(struct hub *h, const char *key)
{
	if (h->lost == NULL) {
		h->lost = xcalloc(1, sizeof(*h->lost));
		h->lost->kind = STORE_FACTS;
		h->lost->req = request_new(CMD_NOTE);
	}
	fact_add(h->lost->req, h->lost, request_str(h->lost->req, key), NULL);
}

static void
fact_cb(void *arg, const struct store_fact *stored)
{
	struct hub *h = arg;
	struct fact f;

	if (!fact_parse(&f, stored)) {
		log_warn("store-fact-unknown", LS("key", stored->key), LEND);
		return;
	}
	if (account_lost(h, &f))
		note_lost(h, stored->key);
	else if (!account_load(h, &f) && !rules_load(h, &f) &&
	    !import_load(h, &f) && !decoys_load(&h->decoys, &f))
		log_warn("store-fact-unknown", LS("key", stored->key), LEND);
	fact_free(&f);
}

static void
adopt_cb(void *arg, const struct store_room *room)
{
	room_adopt(arg, room);
}

struct hub *
hub_new(const struct conf *conf, struct store *store, unsigned nloops,
    const struct hub_out *out)
{
	struct hub *h = xcalloc(1, sizeof(*h));

	h->conf = conf;
	h->store = store;
	h->out = *out;
	h->nloops = nloops;
	h->clients = xcalloc(nloops, sizeof(*h->clients));
	table_init(&h->users, user_table_key);
	table_init(&h->rooms, room_table_key);
	skeletons_init(&h->looks, &h->rooms, room_table_shown, LOOKS_SAME);
	table_init(&h->accounts, account_table_key);
	skeletons_init(&h->guises, &h->accounts, account_table_shown,
	    LOOKS_CLOSE);
	ignorers_init(h);
	h->tries = tries_new(conf->login_tries,
	    conf->login_tries_window * 1000);
	h->registers = tries_new(conf->register_max,
	    conf->register_window * 1000);
	table_init(&h->rules, rules_table_key);
	LIST_INIT(&h->guarding);
	store_facts(store, fact_cb, h);
	store_rooms(store, adopt_cb, h);
	roll_sort(&h->room_roll);
	return h;
}

void
hub_configure(struct hub *h, const struct conf *conf)
{
	h->conf = conf;
	tries_set(h->tries, conf->login_tries, conf->login_tries_window * 1000);
	tries_set(h->registers, conf->register_max,
	    conf->register_window * 1000);
}

static void
free_logins(struct hub *h)
{
	struct member *m;
	struct login *l;
	uint32_t slot;

	for (slot = 0; slot < h->logins.n; slot++) {
		if ((l = login_at(h, slot)) == NULL)
			continue;
		while ((m = l->members) != NULL) {
			l->members = m->next;
			free(m);
		}
		taken_forget(h, l);
		login_drop_author(h, l);
		address_drop(l->address);
		free(l);
	}
	free(h->logins.slots);
	id_map_free(&h->taken);
	id_map_free(&h->authors);
}

void
hub_free(struct hub *h)
{
	struct room *room;
	struct user *u;
	uint32_t at = 0;
	size_t pos = 0;
	unsigned i;

	free_logins(h);
	while ((u = table_next(&h->users, &pos)) != NULL)
		free(u);
	table_free(&h->users);
	while ((room = roll_next(&h->room_roll, &at)) != NULL)
		room_free(h, room);
	roll_free(&h->room_roll);
	if (h->lost != NULL)
		request_free(h->lost->req);
	free(h->lost);
	free(h->news);
	skeletons_free(&h->looks);
	table_free(&h->rooms);
	skeletons_free(&h->guises);
	accounts_free(h);
	ignorers_free(h);
	formers_free(&h->formers);
	tries_free(h->tries);
	tries_free(h->registers);
	rules_free_all(h);
	imports_free(h);
	for (i = 0; i < h->nloops; i++)
		free(h->clients[i].sids);
	free(h->clients);
	free(h);
}

static void
hub_reply(struct hub *h, struct request *req)
{
	req->mail.kind = MAIL_REPLY;
	h->out.reply(h->out.arg, req);
}

void
answer_room(struct request *req, const struct room *room)
{
	if (strcmp(req->room, room_shown(room)) != 0)
		req->room = request_str(req, room_shown(room));
}

struct member *
answer_member(struct hub *h, struct login *l, struct request *req)
{
	struct room *room = room_find(h, req->room_key);
	struct member *m = room != NULL ? member_find(l, room) : NULL;

	if (m == NULL) {
		request_fail(req, ERR_NOT_SUBSCRIBED,
		    "You are not in %s%s: subscribe first.",
		    req->room[0] == '@' ? "" : "#", req->room);
		return NULL;
	}
	answer_room(req, room);
	return m;
}

/* What is missing is a mistake of the dialect's, but no reason to end. */
static bool
lacks(struct request *req, unsigned flags)
{
	if ((flags & NEED_NAME) != 0 && req->name_key == NULL)
		req->field = "name";
	else if ((flags & NEED_ROOM) != 0 && req->room_key == NULL)
		req->field = "room";
	else if ((flags & NEED_MSG) != 0 && req->msg == NULL)
		req->field = "text";
	else
		return false;
	request_fail(req, ERR_BAD_ARGUMENT, NULL);
	return true;
}

static enum verdict
run(struct hub *h, struct request *req)
{
	struct login *l = login_of(h, req);
	unsigned flags;

	if ((unsigned)req->cmd >= NITEMS(commands) ||
	    commands[req->cmd].run == NULL) {
		if (req->error == ERR_NONE)
			request_fail(req, ERR_UNKNOWN_COMMAND, NULL);
		return ANSWER;
	}
	flags = commands[req->cmd].flags;
	if (l == NULL && (flags & NEED_LOGIN) != 0) {
		request_fail(req, ERR_NOT_LOGGED_IN, NULL);
		return ANSWER;
	}
	if (lacks(req, flags))
		return ANSWER;
	if (l != NULL)
		req->sid = l->sid;	/* hub_reply_late() */
	if (l != NULL && l->holds && (flags & KEEP_HELD) == 0)
		login_release(h, l);
	/* No client moves while it waits for an answer: it is where the mail
	 * went. */
	if (l != NULL && req->cmd != CMD_MOVED && req->cmd != CMD_MARK)
		taken_forget(h, l);
	return commands[req->cmd].run(h, l, req);
}

void
hub_request(struct hub *h, struct request *req)
{
	if (req->proof != PROOF_NONE) {
		auth_answered(h, req);
		if (req->abandoned) {
			request_free(req);
			return;
		}
	}
	if (run(h, req) == ANSWER)
		hub_reply(h, req);
}

#define FACT_COST	128	/* bytes of the queue for a fact, about */

static size_t
op_size(const struct store_op *op)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < op->nmsgs; i++)
		n += msg_size(op->msgs[i]);
	return sizeof(*op) + n + (op->msg != NULL ? msg_size(op->msg) : 0) +
	    (op->text != NULL ? strlen(op->text) : 0) + op->nfacts * FACT_COST;
}

bool
hub_submit(struct hub *h, struct room *room, const struct store_op *from)
{
	size_t size = op_size(from);
	struct store_op *op;
	uint32_t i;

	if (from->kind != STORE_FORGET && h->queued > 0 &&
	    h->queued + size > h->conf->store_queue)
		return false;
	op = xmalloc(sizeof(*op));
	*op = *from;
	op->mail.kind = MAIL_COMMITTED;
	if (room != NULL) {
		op->room = room->id;
		op->name = room_shown(room);
		op->key = room_key(room);
		op->arg = room;
		room->pending++;
	}
	if (op->msg != NULL)
		op->msg->room = op->room;
	for (i = 0; i < op->nmsgs; i++)
		op->msgs[i]->room = op->room;
	h->queued += size;
	h->ops++;
	h->submitted = true;
	store_submit(h->store, op);
	return true;
}

enum verdict
hub_ask_store(struct hub *h, struct room *room, const struct store_op *op)
{
	if (hub_submit(h, room, op))
		return KEPT;
	msg_unref(op->msg);
	request_fail(op->req, ERR_STORE_UNAVAILABLE, NULL);
	return ANSWER;
}

void
hub_note(struct hub *h, struct room *room, const struct store_op *op)
{
	if (hub_submit(h, room, op))
		return;
	msg_unref(op->msg);
	request_free(op->req);
}

/* The client may be on another loop by now, or gone: then its loop frees. */
void
hub_reply_late(struct hub *h, struct request *req)
{
	struct login *l = login_get(h, req->sid);

	if (l != NULL)
		req->client = l->client;
	hub_reply(h, req);
}

void
hub_committed(struct hub *h, struct store_op *op)
{
	struct room *room = op->arg;
	struct request *req = op->req;

	h->queued -= op_size(op);
	h->ops--;
	if (room != NULL) {
		room->pending--;
		room->stored |= op->error == STORE_OK &&
		    op->kind != STORE_SEEK_KEY;
	}
	if (op->error != STORE_OK && req != NULL)
		request_fail(req, op->error == STORE_NO_MESSAGE ?
		    ERR_NO_SUCH_MESSAGE : ERR_STORE_UNAVAILABLE, NULL);
	if (req != NULL && commands[req->cmd].committed(h, op) == ANSWER)
		hub_reply_late(h, req);
	msg_unref(op->msg);
	free(op);
	if (room != NULL)
		room_settle(h, room);
}

void
hub_pruned(struct hub *h, struct store_pruned *pruned)
{
	struct room *room = room_by_id(h, pruned->room);

	if (room != NULL && pruned->floor > room->floor)
		room->floor = pruned->floor;
	free(pruned);
}

/*
 * Inboxes from before the start belong to guests who are no more: whoever
 * takes such a name must not read them.
 */
static void
forget_stale(struct hub *h)
{
	struct room *room;
	uint32_t at = 0;

	if (h->lost != NULL) {
		log_notice("facts-lost", LU("facts", h->lost->nfacts), LEND);
		hub_note(h, NULL, h->lost);
		free(h->lost);
		h->lost = NULL;
	}
	h->stale = false;
	while ((room = roll_next(&h->room_roll, &at)) != NULL) {
		if (room->dead)
			room_settle(h, room);
	}
}

void
hub_flush(struct hub *h)
{
	if (h->stale || h->lost != NULL)
		forget_stale(h);
	news_post_all(h, true);
	if (h->submitted) {
		h->submitted = false;
		store_flush(h->store);
	}
}

bool
hub_held(const struct hub *h)
{
	return h->nnews > 0;
}

void
hub_release(struct hub *h)
{
	news_post_all(h, false);
}

uint64_t
hub_pending(const struct hub *h)
{
	return h->ops + h->nproving;
}

uint64_t
hub_queued(const struct hub *h)
{
	return h->queued;
}

uint32_t
hub_users(const struct hub *h)
{
	return (uint32_t)h->users.n;
}

uint32_t
hub_rooms(const struct hub *h)
{
	return (uint32_t)h->rooms.n;
}

uint32_t
hub_inboxes(const struct hub *h)
{
	return h->ninboxes;
}

const struct hub_counts *
hub_counts(const struct hub *h)
{
	return &h->counts;
}
