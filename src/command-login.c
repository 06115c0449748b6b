/*
 * Login: as a guest, with a password, a token or the secret of a session of
 * before. Passwords are proved by the auth pool: such a request goes there and
 * comes back, and finds perhaps another state of things than before.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "util.h"

static struct login *
resumed(const struct user *u, const char *secret)
{
	struct login *l;

	if (u == NULL || secret == NULL)
		return NULL;
	for (l = u->logins; l != NULL; l = l->next) {
		if (login_secret_is(l, secret))
			return l;
	}
	return NULL;
}

static void
replace(struct hub *h, struct login *old, struct login *l)
{
	struct session_mail *mail = session_mail_new(old, SESSION_REPLACED);

	login_replace(h, old, l);
	h->out.session(h->out.arg, mail);
}

/* The person's rooms that it may enter still, for its client to do so. */
static void
list_kept(struct hub *h, const struct account *a, struct login *l,
    struct request *req)
{
	const struct kept *k;
	const struct room *room;
	struct kept_room *row;
	uint64_t floor;

	req->kept = request_alloc(req, kept_count(a) * sizeof(*req->kept));
	for (k = a->kept; k != NULL; k = k->next) {
		room = room_find(h, k->room);
		if (!k->kept || (room != NULL && !may_see(h, l, room, NULL)))
			continue;
		row = &req->kept[req->nlisted++];
		*row = (struct kept_room){ .seen = k->seen,
		    .shown = request_spans(req, k->shown),
		    .talks = a->talks != NULL && strcmp(a->talks,
		    k->room) == 0 };
		row->room = request_str(req, room != NULL ? room_shown(room) :
		    k->room);
		if (room == NULL)	/* nobody has spoken there */
			continue;
		row->room_id = room->id;
		row->head = room->head;
		row->role = role_shown(room, role_in(h, l, room->rules,
		    member_find(l, room)));
		floor = read_floor(h, l, room);
		if (row->seen < floor)
			row->seen = floor;
	}
}

/* Where reading the inbox begins: where the client says, or the account. */
static uint64_t
inbox_after(const struct account *a, const struct request *req)
{
	const struct room *inbox = a->inbox;
	const struct kept *k = kept_find(a, room_key(inbox));
	uint64_t after = (req->has & HAS_AFTER) != 0 ? req->after :
	    k != NULL ? k->seen : 0;

	if (after > inbox->head)
		after = inbox->head;
	return after > inbox->floor ? after : inbox->floor;
}

/* Not behind another password that is on its way to the store, and once. */
static bool
wants_rehash(const struct account *a, const struct request *req)
{
	return req->proof == PROOF_GOOD && req->rehash != NULL &&
	    a->changing == 0 && !a->rehashing &&
	    strcmp(req->hash, a->hash) == 0;
}

/* The login is noted, and so is a better hash of the password. */
static void
note_login(struct hub *h, struct account *a, const struct request *req)
{
	struct request *note = request_new(CMD_NOTE);
	struct store_op op = { .kind = STORE_FACTS, .req = note };
	bool rehash = wants_rehash(a, req);

	a->login = clock_wall();
	fact_add(note, &op, fact_key(note, "login", account_key(a), NULL),
	    json_integer(a->login));
	if (rehash) {
		account_fact(note, &op, a, req->rehash);
		note->hash = request_str(note, req->rehash);
		request_set_key(note, account_key(a));
	}
	if (hub_submit(h, NULL, &op))
		a->rehashing |= rehash;
	else
		request_free(note);
}

/* Who was asked about by the old hash meanwhile has shown the same password. */
static void
rehashed(struct hub *h, struct account *a, const char *hash)
{
	free(a->hash_before);
	a->hash_before = xstrdup(a->hash);
	account_set_hash(h, a, hash);
}

enum verdict
note_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	struct account *a;

	if (op->error == STORE_OK && op->msg != NULL)
		inbox_noted(h, op);
	if (op->error != STORE_OK && op->nfacts == 1 &&
	    strcmp(op->facts[0].key, DECOY_FACT) == 0)
		h->decoys.kept = false;
	if (req->hash != NULL &&
	    (a = account_find(h, req->name_key)) != NULL) {
		a->rehashing = false;
		if (op->error == STORE_OK)
			rehashed(h, a, req->hash);
	}
	request_free(req);
	return KEPT;
}

static enum verdict
enter_account(struct hub *h, struct account *a, struct login *l,
    struct request *req)
{
	req->guest = false;
	req->operator = a->op;
	req->time = a->created;
	list_kept(h, a, l, req);
	note_login(h, a, req);
	if (a->inbox == NULL)
		return ANSWER;
	a->inbox->owner = l->user;
	req->mail.kind = MAIL_REPLY;
	h->out.reply(h->out.arg, req);
	inbox_place(h, a->inbox, l, a->inbox->head, inbox_after(a, req));
	return KEPT;
}

/* Who it is has been shown, by the token of this number, or otherwise (0): a is
 * NULL for a guest. */
static enum verdict
enter(struct hub *h, struct account *a, uint8_t token, struct login *old,
    struct request *req)
{
	struct user *u = user_find(h, req->name_key);
	struct login *l;

	if (!may_log_in(h, a, req))
		return ANSWER;
	if (u == NULL)
		u = user_new(h, req->name_key,
		    a != NULL ? account_shown(a) : req->name);
	if ((l = login_new(h, u, req->client)) == NULL) {
		user_settle(h, u);
		request_fail(req, ERR_SERVER_FULL, NULL);
		return ANSWER;
	}
	if (req->address != NULL)
		l->address = address_hold(req->address);
	l->token = token;
	if (old != NULL)
		replace(h, old, l);
	req->name = request_str(req, user_shown(u));
	req->guest = true;
	req->ignores = ignores_ref(ignores_of(h, user_key(u)));
	req->session = login_secret(l, request_alloc(req, SECRET_HEX + 1));
	req->sid = l->sid;
	l->marks = req->marks;
	return a != NULL ? enter_account(h, a, l, req) : ANSWER;
}

/* A login with a password: sent to be proved, or back from there. */
static enum verdict
prove(struct hub *h, struct account *a, struct request *req)
{
	if (req->proof == PROOF_NONE)
		return guess_ask(h, a, req, AUTH_VERIFY, req->name_key) ?
		    KEPT : ANSWER;
	if (!guess_right(h, a, req, req->name_key))
		return ANSWER;
	return enter(h, a, 0, resumed(user_find(h, req->name_key),
	    req->resume), req);
}

static enum verdict
show_token(struct hub *h, struct account *a, struct request *req)
{
	const struct token *t = NULL;
	char hash[TOKEN_HASH_SIZE];

	auth_token_hash(req->token, hash);
	if (a != NULL)
		t = token_match(a, hash, clock_wall());
	if (t == NULL) {
		guess_wrong(h, a, req, req->name_key);
		if (req->error == ERR_BAD_PASSWORD)
			request_fail(req, ERR_BAD_PASSWORD, "Name or token is "
			    "wrong.");
		return ANSWER;
	}
	return enter(h, a, t->num, resumed(user_find(h, req->name_key),
	    req->resume), req);
}

bool
may_bear(struct hub *h, struct request *req)
{
	const char *other;

	if (account_find(h, req->name_key) != NULL) {
		request_fail(req, ERR_NAME_REGISTERED, NULL);
		return false;
	}
	other = skeletons_find(&h->guises, req->name_key, req->name);
	if (other == NULL)
		return true;
	request_fail(req, ERR_NAME_REGISTERED, "%s looks like %s, which is "
	    "registered: take another name.", req->name, other);
	return false;
}

enum verdict
cmd_login(struct hub *h, struct login *l, struct request *req)
{
	struct account *a = account_find(h, req->name_key);
	struct user *u = user_find(h, req->name_key);
	struct login *old;

	/* A replaced session has a sid as well; it is about to be closed. */
	if (l != NULL || req->sid != 0) {
		request_fail(req, ERR_ALREADY_LOGGED_IN, NULL);
		return ANSWER;
	}
	if (a != NULL && a->pending)
		a = NULL;
	if (req->token != NULL)
		return show_token(h, a, req);
	if (req->password != NULL || req->proof != PROOF_NONE)
		return prove(h, a, req);
	if (a != NULL && req->certified != NULL &&
	    strcmp(req->certified, account_key(a)) == 0)
		return enter(h, a, 0, resumed(u, req->resume), req);
	if ((old = resumed(u, req->resume)) != NULL)
		return enter(h, a, old->token, old, req);
	if (!may_bear(h, req)) {
		if (a != NULL)
			request_fail(req, ERR_NAME_REGISTERED, "That name is "
			    "registered: its password or a token is missing.");
		return ANSWER;
	}
	if (u != NULL)
		request_fail(req, ERR_NAME_TAKEN, NULL);
	else
		return enter(h, NULL, 0, NULL, req);
	return ANSWER;
}
