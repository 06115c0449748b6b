/*
 * What the operator does to accounts by the control socket. Nobody is asked
 * whether he may: who may speak there at all may do all of it. Each act is a
 * line of the audit.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

#define ROWS		200	/* of a page */
#define LOOK_MAX	10000	/* accounts looked at for one */

static void
fill(const struct hub *h, struct request *req, const struct account *a)
{
	const struct user *u = user_find(h, account_key(a));

	req->accounts[req->nlisted++] = (struct listed_account){
	    .name = request_str(req, account_shown(a)), .created = a->created,
	    .login = a->login, .tokens = token_count(a), .op = a->op,
	    .sessions = u != NULL ? user_sessions(u) : 0 };
}

enum verdict
cmd_accounts(struct hub *h, struct login *l, struct request *req)
{
	const char *match = req->match != NULL ? req->match : "";
	const struct roll *roll = &h->account_roll;
	uint32_t i, looked = 0;
	const struct account *a;
	struct name name;

	(void)l;
	if (name_parse(&name, match, strlen(match), NULL))
		match = request_str(req, name.key);
	req->accounts = request_alloc(req, ROWS * sizeof(*req->accounts));
	for (i = roll_after(roll, req->after); i < roll->n; i++) {
		a = roll->refs[i].item;
		if (looked++ == LOOK_MAX || req->nlisted == ROWS) {
			req->more = true;
			req->next = roll->refs[i - 1].num;
			break;
		}
		if (a != NULL && !a->pending &&
		    strstr(account_key(a), match) != NULL)
			fill(h, req, a);
	}
	return ANSWER;
}

/* The account of the request; NULL, and it is refused, if there is none. */
static struct account *
find(struct hub *h, struct request *req)
{
	struct account *a = account_find(h, req->name_key);

	if (a == NULL || a->pending) {
		request_fail(req, ERR_NO_SUCH_USER, "There is no account of "
		    "that name.");
		return NULL;
	}
	req->name = request_str(req, account_shown(a));
	return a;
}

const char *
operator_audit(struct request *req, const char *act)
{
	json_t *line = json_pack("{s:s,s:s,s:s}", "act", act, "by",
	    req->address != NULL ? req->address : "operator", "whom",
	    req->name);

	if (req->seconds > 0)
		json_object_set_new(line, "for", json_integer(req->seconds));
	if (req->string != NULL)
		json_object_set_new(line, "reason", json_string(req->string));
	return audit_line(req, line);
}

void
operator_note(struct hub *h, struct request *req, const char *act)
{
	struct request *note = request_new(CMD_NOTE);
	struct store_op op = { .kind = STORE_FACTS, .req = note };

	op.audit = request_str(note, operator_audit(req, act));
	hub_note(h, NULL, &op);
}

/* A name that may become an account's; who it is may change meanwhile. */
static bool
may_enrol(struct hub *h, struct request *req)
{
	if (account_find(h, req->name_key) != NULL) {
		request_fail(req, ERR_NAME_REGISTERED, "There is such an "
		    "account: passwd gives it another password.");
		return false;
	}
	if (!may_bear(h, req))
		return false;
	if (user_find(h, req->name_key) == NULL)
		return true;
	request_fail(req, ERR_NAME_TAKEN, "A guest is here under that name: "
	    "have them register, or kick them first.");
	return false;
}

enum verdict
cmd_enrol(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	enum verdict verdict;
	struct account *a;

	(void)l;
	if (!may_enrol(h, req))
		return ANSWER;
	if (req->proof == PROOF_NONE)
		return auth_ask(h, req, AUTH_HASH) ? KEPT : ANSWER;
	if (req->proof != PROOF_GOOD) {
		auth_failed(req);
		return ANSWER;
	}
	a = account_new(h, req->name_key, req->name);
	a->pending = true;
	account_created(a, clock_wall());
	account_set_hash(h, a, req->rehash);
	account_fact(req, &op, a, a->hash);
	op.audit = operator_audit(req, "register");
	verdict = hub_ask_store(h, NULL, &op);
	if (verdict == ANSWER)
		account_free(h, a);
	return verdict;
}

enum verdict
cmd_repass(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	struct account *a = find(h, req);

	(void)l;
	if (a == NULL)
		return ANSWER;
	if (req->proof == PROOF_NONE)
		return auth_ask(h, req, AUTH_HASH) ? KEPT : ANSWER;
	if (req->proof != PROOF_GOOD) {
		auth_failed(req);
		return ANSWER;
	}
	op.audit = operator_audit(req, "passwd");
	return passwd_submit(h, a, req, &op);
}

enum verdict
cmd_disown(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	const struct account *a = find(h, req);
	const struct token *t;

	(void)l;
	if (a == NULL)
		return ANSWER;
	for (t = a->tokens; t != NULL; t = t->next) {
		if (req->string != NULL && strcmp(t->label, req->string) != 0)
			continue;
		fact_add(req, &op, fact_key(req, "token", account_key(a),
		    t->label), NULL);
	}
	if (op.nfacts == 0 && req->string != NULL) {
		request_fail(req, ERR_BAD_ARGUMENT, "%s has no token of that "
		    "label.", req->name);
		return ANSWER;
	}
	if ((req->members = op.nfacts) == 0)
		return ANSWER;
	op.audit = operator_audit(req, "revoke");
	return hub_ask_store(h, NULL, &op);
}

/* Those that were there then: one made meanwhile stays. */
enum verdict
disown_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);
	const char *label;
	uint32_t i;

	for (i = 0; op->error == STORE_OK && a != NULL && i < op->nfacts; i++) {
		label = strchr(strchr(op->facts[i].key, '/') + 1, '/') + 1;
		end_by_token(h, a, token_del(a, label));
	}
	return ANSWER;
}

/* And demote. */
enum verdict
cmd_promote(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	bool up = req->cmd == CMD_PROMOTE;
	struct account *a = find(h, req);

	(void)l;
	if (a == NULL)
		return ANSWER;
	if (a->op == up) {
		req->duplicate = true;
		return ANSWER;
	}
	fact_add(req, &op, fact_key(req, "operator", account_key(a), NULL),
	    up ? json_pack("{s:I}", "at", (json_int_t)clock_wall()) : NULL);
	op.audit = operator_audit(req, up ? "operator" : "no-operator");
	return hub_ask_store(h, NULL, &op);
}

/* Wherever they are logged in. */
static void
tell_all(struct hub *h, const struct user *u, const char *what)
{
	struct session_mail *mail;
	const struct login *l;

	for (l = u != NULL ? u->logins : NULL; l != NULL; l = l->next) {
		mail = session_mail_new(l, SESSION_TOLD);
		mail->why = xstrdup(what);
		h->out.session(h->out.arg, mail);
	}
}

enum verdict
promote_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);

	if (op->error != STORE_OK || a == NULL)
		return ANSWER;
	a->op = op->req->cmd == CMD_PROMOTE;
	tell_all(h, user_find(h, op->req->name_key), a->op ?
	    "You are an operator of this server now." :
	    "You are no operator of this server any more.");
	return ANSWER;
}
