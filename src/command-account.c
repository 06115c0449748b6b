/*
 * Commands about one's account: register, passwd, token, tokens, revoke.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

static enum verdict
bad(struct request *req, const char *field, const char *message)
{
	request_fail(req, ERR_BAD_ARGUMENT, "%s", message);
	req->field = field;
	return ANSWER;
}

/* The session's account; NULL, and the request is refused, for a guest. */
static struct account *
account_of(struct hub *h, const struct login *l, struct request *req)
{
	struct account *a = user_account(h, l->user);

	if (a == NULL)
		request_fail(req, ERR_FORBIDDEN, "You are a guest: register "
		    "first.");
	return a;
}

/* A new password, before it is hashed. */
static bool
fits(const struct hub *h, struct request *req, const char *field,
    const char *password)
{
	const char *why = "The password is missing.";

	if (password != NULL && auth_password_fits(req, password, h->conf,
	    &why))
		return true;
	request_fail(req, ERR_BAD_ARGUMENT, "%s", why);
	req->field = field;
	return false;
}

/* Meanwhile another may have registered what looks the same. */
static bool
is_free(const struct hub *h, const struct login *l, struct request *req)
{
	const char *shown = user_shown(l->user);
	const char *other = skeletons_find(&h->guises, user_key(l->user),
	    shown);

	if (other == NULL)
		return true;
	request_fail(req, ERR_NAME_REGISTERED, "%s looks like %s, which is "
	    "registered: take another name first.", shown, other);
	return false;
}

/* What a guest is in rooms now, the account will be from then on. */
static void
add_roles(struct request *req, struct store_op *op, const struct login *l)
{
	const struct member *m;

	for (m = l->members; m != NULL; m = m->next) {
		if (m->role > ROLE_NONE && !m->room->inbox)
			fact_add(req, op, fact_key(req, "role",
			    room_key(m->room), user_key(l->user)),
			    json_pack("{s:s}", "role",
			    role_name((enum role)m->role)));
	}
}

/* The name is reserved from here on, and the account's once it is stored. */
static enum verdict
make(struct hub *h, const struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	enum verdict verdict;
	struct account *a;

	a = account_new(h, user_key(l->user), user_shown(l->user));
	a->pending = true;
	a->created = a->login = clock_wall();
	a->author = login_author(h, l);	/* who was no account yet */
	account_set_hash(h, a, req->rehash);
	request_set_key(req, account_key(a));
	req->name = request_str(req, account_shown(a));
	account_fact(req, &op, a, a->hash);
	add_roles(req, &op, l);
	req->ignores = ignores_ref(ignores_of(h, account_key(a)));
	ignores_facts(req, &op, account_key(a), NULL, req->ignores);
	verdict = hub_ask_store(h, NULL, &op);
	if (verdict == ANSWER) {
		account_free(h, a);
		enrol_undo(h, req);
	}
	return verdict;
}

enum verdict
cmd_register(struct hub *h, struct login *l, struct request *req)
{
	if (account_find(h, user_key(l->user)) != NULL) {
		request_fail(req, ERR_NAME_REGISTERED, "You are registered: "
		    "passwd sets another password.");
		return ANSWER;
	}
	if (!h->conf->registration) {
		request_fail(req, ERR_FORBIDDEN, "This server takes no "
		    "registrations: ask its operator.");
		return ANSWER;
	}
	switch (req->proof) {
	case PROOF_NONE:
		request_set_key(req, user_key(l->user));
		if (!may_log_in(h, NULL, req) || !is_free(h, l, req) ||
		    !fits(h, req, "password", req->password))
			return ANSWER;
		return enrol_ask(h, req) ? KEPT : ANSWER;
	case PROOF_GOOD:
		if (is_free(h, l, req))
			return make(h, l, req);
		break;
	default:
		auth_failed(req);
		break;
	}
	enrol_undo(h, req);
	return ANSWER;
}

/* What the guest has changed since is stored, too. */
static void
note_ignores(struct hub *h, const struct request *req)
{
	const struct ignores *now = ignores_of(h, req->name_key);
	struct store_op op = { .kind = STORE_FACTS };

	if (now == req->ignores)
		return;
	op.req = request_new(CMD_NOTE);
	ignores_facts(op.req, &op, req->name_key, req->ignores, now);
	hub_note(h, NULL, &op);
}

/* What was given or taken meanwhile in the rooms the session is in; where too
 * many have a role, the session's own stays the session's. */
static void
note_roles(struct hub *h, const struct login *l, const char *key)
{
	struct store_op op = { .kind = STORE_FACTS };
	const struct member *m;

	for (m = l->members; m != NULL; m = m->next) {
		const struct rules *r = m->room->rules;

		if (m->room->inbox ||
		    (enum role)m->role == rules_role(r, key) ||
		    (m->role != ROLE_NONE && rules_full(r, RULES_ROLE, 1, 0) &&
		    table_get(&r->roles, key) == NULL))
			continue;
		if (op.req == NULL)
			op.req = request_new(CMD_NOTE);
		fact_add(op.req, &op, fact_key(op.req, "role",
		    room_key(m->room), key), m->role == ROLE_NONE ? NULL :
		    json_pack("{s:s}", "role", role_name((enum role)m->role)));
	}
	if (op.req == NULL)
		return;
	rules_stored(h, &op);
	hub_note(h, NULL, &op);
}

enum verdict
register_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	struct account *a = account_find(h, req->name_key);
	struct user *u = user_find(h, req->name_key);
	const struct member *m;
	const struct login *l;

	if (op->error != STORE_OK) {
		enrol_undo(h, req);
		account_free(h, a);
		if (u == NULL)
			ignores_set(h, req->name_key, NULL);
		return ANSWER;
	}
	a->pending = false;
	rules_stored(h, op);
	if ((l = login_get(h, req->sid)) != NULL) {
		req->marks = l->marks;
		if (l->user == u)
			note_roles(h, l, req->name_key);
	}
	note_ignores(h, req);
	if (u == NULL)
		return ANSWER;
	a->inbox = user_inbox(h, u);
	for (l = u->logins; l != NULL; l = l->next) {
		for (m = l->members; m != NULL; m = m->next)
			keep_room(h, a, m->room, true, m->after);
	}
	return ANSWER;
}

/* Whose it is, is no question. */
static enum verdict
old_is_wrong(struct request *req)
{
	if (req->error == ERR_BAD_PASSWORD)
		request_fail(req, ERR_BAD_PASSWORD, "The old password is "
		    "wrong.");
	return ANSWER;
}

enum verdict
cmd_passwd(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct account *a = account_of(h, l, req);

	if (a == NULL)
		return ANSWER;
	if (req->proof == PROOF_NONE) {
		if (req->password == NULL)
			return bad(req, "old", "The old password is missing.");
		if (!req->proves && !fits(h, req, "new", req->new_password))
			return ANSWER;
		return guess_ask(h, a, req, req->proves ? AUTH_VERIFY :
		    AUTH_VERIFY_HASH, account_key(a)) ? KEPT : ANSWER;
	}
	if (!guess_right(h, a, req, account_key(a)))
		return old_is_wrong(req);
	/* Another is on its way to the store: the old one is no more. */
	if (a->changing > 0) {
		request_fail(req, ERR_BAD_PASSWORD, NULL);
		return old_is_wrong(req);
	}
	if (req->proves)
		return ANSWER;
	request_set_key(req, account_key(a));
	return passwd_submit(h, a, req, &op);
}

enum verdict
passwd_submit(struct hub *h, struct account *a, struct request *req,
    struct store_op *op)
{
	enum verdict verdict;

	account_fact(req, op, a, req->rehash);
	verdict = hub_ask_store(h, NULL, op);
	a->changing += verdict == KEPT;
	return verdict;
}

enum verdict
passwd_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);

	if (a == NULL)
		return ANSWER;
	a->changing--;
	if (op->error == STORE_OK) {
		account_set_hash(h, a, op->req->rehash);
		free(a->hash_before);
		a->hash_before = NULL;
	}
	return ANSWER;
}

/* They came in by no token any more: another may have its number next. */
static void
stay_without(struct hub *h, const struct account *a, uint8_t num)
{
	struct user *u = user_find(h, account_key(a));
	struct login *l;

	for (l = u != NULL ? u->logins : NULL; l != NULL; l = l->next) {
		if (l->token == num)
			l->token = 0;
	}
}

void
end_by_token(struct hub *h, const struct account *a, uint8_t num)
{
	struct user *u = user_find(h, account_key(a));
	struct login *l, *next;

	for (l = u != NULL && num != 0 ? u->logins : NULL; l != NULL;
	    l = next) {
		next = l->next;		/* the last one takes the user along */
		if (l->token != num)
			continue;
		h->out.session(h->out.arg,
		    session_mail_new(l, SESSION_REVOKED));
		login_end(h, l, "revoked");
	}
}

enum verdict
cmd_token(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct account *a = account_of(h, l, req);
	char token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
	enum verdict verdict;

	if (a == NULL)
		return ANSWER;
	if (req->string == NULL || req->string[0] == '\0')
		return bad(req, "label", "A label is missing: by it the token "
		    "is found again.");
	if (token_find(a, req->string) == NULL &&
	    token_count(a) + a->asked >= TOKENS_MAX) {
		request_fail(req, ERR_FORBIDDEN, "You have %d tokens, and may "
		    "not have more: revoke one.", TOKENS_MAX);
		return ANSWER;
	}
	auth_token_new(token);
	auth_token_hash(token, hash);
	req->token = request_str(req, token);
	req->hash = request_str(req, hash);
	req->time = clock_wall();
	request_set_key(req, account_key(a));
	fact_add(req, &op, fact_key(req, "token", account_key(a), req->string),
	    json_pack("{s:s,s:I,s:I}", "hash", hash, "created",
	    (json_int_t)req->time, "expires", (json_int_t)(req->seconds == 0 ?
	    0 : req->time + (int64_t)req->seconds * 1000)));
	verdict = hub_ask_store(h, NULL, &op);
	a->asked += verdict == KEPT;
	return verdict;
}

/* Who asks is answered first: its own session may be one that ends. */
enum verdict
token_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	struct account *a = account_find(h, req->name_key);
	uint8_t old;

	if (a == NULL)
		return ANSWER;
	a->asked--;
	if (op->error != STORE_OK)
		return ANSWER;
	old = token_put(a, req->string, req->hash, req->time,
	    req->seconds == 0 ? 0 : req->time + (int64_t)req->seconds * 1000);
	hub_reply_late(h, req);
	end_by_token(h, a, old);
	return KEPT;
}

enum verdict
cmd_tokens(struct hub *h, struct login *l, struct request *req)
{
	struct account *a = account_of(h, l, req);
	const struct token *t;

	if (a == NULL)
		return ANSWER;
	req->tokens = request_alloc(req, token_count(a) *
	    sizeof(*req->tokens));
	for (t = a->tokens; t != NULL; t = t->next)
		req->tokens[req->nlisted++] = (struct listed_token){
		    .label = request_str(req, t->label),
		    .created = t->created, .expires = t->expires };
	return ANSWER;
}

enum verdict
cmd_revoke(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct account *a = account_of(h, l, req);

	if (a == NULL)
		return ANSWER;
	if (req->string == NULL || token_find(a, req->string) == NULL)
		return bad(req, "label", "You have no token of that label.");
	request_set_key(req, account_key(a));
	fact_add(req, &op, fact_key(req, "token", account_key(a), req->string),
	    NULL);
	return hub_ask_store(h, NULL, &op);
}

enum verdict
revoke_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);
	uint8_t old;

	if (op->error != STORE_OK || a == NULL)
		return ANSWER;
	old = token_del(a, op->req->string);
	if (op->req->stay) {
		stay_without(h, a, old);
		return ANSWER;
	}
	hub_reply_late(h, op->req);
	end_by_token(h, a, old);
	return KEPT;
}
