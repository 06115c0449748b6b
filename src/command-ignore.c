/*
 * Commands about whom one does not want to hear: ignore, unignore, ignored.
 */
#include <string.h>

#include "hub-internal.h"
#include "util.h"

/* The name as its owner writes it; offline, where there is none. */
static void
answer_name(struct hub *h, struct request *req)
{
	const struct account *a = account_find(h, req->name_key);
	const struct user *u = user_find(h, req->name_key);

	if (u != NULL)
		req->name = request_str(req, user_shown(u));
	else if (a != NULL)
		req->name = request_str(req, account_shown(a));
	req->offline = u == NULL && a == NULL;
}

/* The person's list is this one now, which is taken over. */
static void
change(struct hub *h, const char *key, struct ignores *list)
{
	ignores_set(h, key, list);
	ignores_tell(h, key);
}

/* What an account changes is stored first; req->hash is its key then. */
static enum verdict
submit(struct hub *h, struct request *req, const struct store_op *op)
{
	enum verdict verdict = hub_ask_store(h, NULL, op);

	if (verdict == KEPT)
		ignores_submitted(h, req->hash);
	return verdict;
}

static enum verdict
not_ignored(struct request *req)
{
	request_fail(req, ERR_BAD_ARGUMENT, "You do not ignore %s.",
	    req->name);
	req->field = "name";
	return ANSWER;
}

static struct ignored
asked(const struct request *req)
{
	return (struct ignored){ req->time, req->name_key, req->name };
}

enum verdict
cmd_ignore(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	const char *key = user_key(l->user);
	struct ignores *list = ignores_of(h, key);
	uint32_t pending = ignores_pending(h, key);
	struct ignored who;

	if (strcmp(req->name_key, key) == 0) {
		request_fail(req, ERR_BAD_ARGUMENT, "You cannot ignore "
		    "yourself.");
		req->field = "name";
		return ANSWER;
	}
	answer_name(h, req);
	if (pending == 0 && ignores_find(list, req->name_key) != NULL)
		return ANSWER;
	if ((list != NULL ? list->n : 0) + pending >= IGNORED_MAX) {
		request_fail(req, ERR_FORBIDDEN, "You ignore %d people, and "
		    "may not ignore more.", IGNORED_MAX);
		return ANSWER;
	}
	req->time = clock_wall();
	who = asked(req);
	if (user_account(h, l->user) == NULL) {
		change(h, key, ignores_with(list, &who));
		return ANSWER;
	}
	req->hash = request_str(req, key);
	ignore_fact(req, &op, key, &who);
	return submit(h, req, &op);
}

enum verdict
ignore_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	struct ignored who = asked(req);

	ignores_committed(h, req->hash);
	if (op->error == STORE_OK)
		change(h, req->hash, ignores_with(ignores_of(h, req->hash),
		    &who));
	return ANSWER;
}

enum verdict
cmd_unignore(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	const char *key = user_key(l->user);
	struct ignores *list = ignores_of(h, key);

	answer_name(h, req);
	if (ignores_pending(h, key) == 0 &&
	    ignores_find(list, req->name_key) == NULL)
		return not_ignored(req);
	if (user_account(h, l->user) == NULL) {
		change(h, key, ignores_without(list, req->name_key));
		return ANSWER;
	}
	req->hash = request_str(req, key);
	fact_add(req, &op, fact_key(req, "ignore", key, req->name_key), NULL);
	return submit(h, req, &op);
}

enum verdict
unignore_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	struct ignores *list;

	ignores_committed(h, req->hash);
	if (op->error != STORE_OK)
		return ANSWER;
	list = ignores_of(h, req->hash);
	if (ignores_find(list, req->name_key) == NULL)
		return not_ignored(req);
	change(h, req->hash, ignores_without(list, req->name_key));
	return ANSWER;
}

enum verdict
cmd_ignored(struct hub *h, struct login *l, struct request *req)
{
	req->ignores = ignores_ref(ignores_of(h, user_key(l->user)));
	return ANSWER;
}
