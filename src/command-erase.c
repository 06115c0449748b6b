/*
 * The operator erases an account: whatever is known of it goes, and the text
 * of all that it has said. What is left are names in rooms' logs, and the
 * audit. One op has it all; the texts go behind it, in slices, and those that
 * a start finds undone as well.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

static void
remove_fact(struct request *req, struct store_op *op, const char *kind,
    const char *a, const char *b)
{
	fact_add(req, op, fact_key(req, kind, a, b), NULL);
}

/* What is the account's own. */
static void
add_own(struct request *req, struct store_op *op, const struct account *a)
{
	static const char *const kinds[] = { "account", "operator", "login",
	    "talks" };
	const char *key = account_key(a);
	const struct token *t;
	const struct kept *k;
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++)
		remove_fact(req, op, kinds[i], key, NULL);
	for (t = a->tokens; t != NULL; t = t->next)
		remove_fact(req, op, "token", key, t->label);
	for (k = a->kept; k != NULL; k = k->next) {
		remove_fact(req, op, "kept", key, k->room);
		remove_fact(req, op, "seen", key, k->room);
		remove_fact(req, op, "shown", key, k->room);
	}
}

/* What rooms have of it: else the next one of this name would be an op. */
static void
add_rooms(const struct hub *h, struct request *req, struct store_op *op,
    const char *key)
{
	const char *subj = subject(req, 'a', key);
	const struct rules *r;
	size_t pos = 0;

	while ((r = table_next(&h->rules, &pos)) != NULL) {
		if (table_get(&r->roles, key) != NULL)
			remove_fact(req, op, "role", r->key, key);
		if (table_get(&r->arrivals, key) != NULL)
			remove_fact(req, op, "came", r->key, key);
		if (table_get(&r->bans, subj) != NULL)
			remove_fact(req, op, "ban", r->key, subj);
		if (table_get(&r->mutes, subj) != NULL)
			remove_fact(req, op, "mute", r->key, subj);
	}
}

void
end_session(struct hub *h, struct login *l, const char *reason,
    const char *why)
{
	struct session_mail *mail = session_mail_new(l, SESSION_KICKED);

	mail->why = why != NULL ? xstrdup(why) : NULL;
	h->out.session(h->out.arg, mail);
	login_end(h, l, reason);
}

uint32_t
end_sessions(struct hub *h, struct user *u, const char *reason,
    const char *why)
{
	struct login *l, *next;
	uint32_t n = 0;

	for (l = u != NULL ? u->logins : NULL; l != NULL; l = next) {
		next = l->next;		/* the last one takes the user along */
		end_session(h, l, reason, why);
		n++;
	}
	return n;
}

/* From here on nobody is it, and nobody can become it, until that is stored. */
enum verdict
cmd_erase(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_ERASE, .req = req };
	struct account *a = account_find(h, req->name_key);
	enum verdict verdict;

	(void)l;
	if (a == NULL || a->pending) {
		request_fail(req, ERR_NO_SUCH_USER, "There is no account of "
		    "that name.");
		return ANSWER;
	}
	req->name = request_str(req, account_shown(a));
	req->members = end_sessions(h, user_find(h, req->name_key), "erased",
	    "Your account was erased.");
	op.text = req->name_key;
	add_own(req, &op, a);
	add_rooms(h, req, &op, account_key(a));
	req->ignores = ignores_ref(ignores_of(h, account_key(a)));
	ignores_facts(req, &op, account_key(a), req->ignores, NULL);
	import_drop(h, req, &op, request_fmt(req, "@%s", account_key(a)));
	op.audit = operator_audit(req, "erase");
	verdict = hub_ask_store(h, NULL, &op);
	a->pending = verdict == KEPT;
	return verdict;
}

/* What was on its way to the store then is there now: it goes as well, or it
 * would be the next one's of this name. */
static void
forget_rest(struct hub *h, const struct account *a)
{
	struct store_op op = { .kind = STORE_FACTS,
	    .req = request_new(CMD_NOTE) };

	add_own(op.req, &op, a);
	add_rooms(h, op.req, &op, account_key(a));
	rules_stored(h, &op);
	hub_note(h, NULL, &op);
}

/* Whom it ignored; also what was on its way to the store then. */
static void
forget_ignores(struct hub *h, const struct request *req)
{
	const struct ignores *list = ignores_of(h, req->name_key);
	struct store_op op = { .kind = STORE_FACTS };

	if (list != NULL && list != req->ignores) {
		op.req = request_new(CMD_NOTE);
		ignores_facts(op.req, &op, req->name_key, list, NULL);
		hub_note(h, NULL, &op);
	}
	ignores_set(h, req->name_key, NULL);
}

enum verdict
erase_committed(struct hub *h, struct store_op *op)
{
	struct account *a = account_find(h, op->req->name_key);
	struct room *inbox = a->inbox;

	a->pending = false;
	if (op->error != STORE_OK)
		return ANSWER;
	rules_stored(h, op);
	forget_ignores(h, op->req);
	forget_rest(h, a);
	account_free(h, a);
	formers_forget(&h->formers, op->req->name_key);
	if (inbox != NULL)
		inbox_end(h, inbox, 0);
	/* No loop is to give any of its texts to a slow reader any more. */
	news_forget(h);
	return ANSWER;
}
