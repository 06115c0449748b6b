/*
 * The operator's bans: who may not log in here at all. They stand among the
 * rules of a room of a name that none can have, and so are kept, end and are
 * carried forward as those of rooms.
 */
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "util.h"

static const struct sanction *
find(struct request *req, const struct rules *r, char kind, const char *what)
{
	return rules_sanction(&r->bans, subject(req, kind, what));
}

bool
may_log_in(struct hub *h, const struct account *a, struct request *req)
{
	const struct rules *r = rules_find(h, SERVER);
	char whose[ADDRESS_SIZE];
	const struct sanction *s;

	if (r == NULL || r->bans.n == 0 || (a != NULL && a->op))
		return true;
	/* That of a guest's name holds also when it was just registered. */
	s = a != NULL ? find(req, r, 'a', req->name_key) : NULL;
	if (s == NULL)
		s = find(req, r, 'n', req->name_key);
	if (s == NULL && req->address != NULL &&
	    address_whose_text(req->address, whose))
		s = find(req, r, 'i', whose);
	if (s == NULL)
		return true;
	request_fail(req, ERR_BANNED, "You are banned from this server%s%s%s",
	    for_another(req, s), s->reason[0] != '\0' ? ": " : ".", s->reason);
	return false;
}

/* Whom the request means. */
static const char *
whom(struct hub *h, struct request *req)
{
	const struct account *a;
	char whose[ADDRESS_SIZE];

	if (req->whom_address != NULL) {
		req->name = req->whom_address;
		if (!address_whose_text(req->whom_address, whose)) {
			request_fail(req, ERR_BAD_ARGUMENT, "\"%s\" is this "
			    "machine's own address, which tells nobody apart.",
			    req->whom_address);
			return NULL;
		}
		return subject(req, 'i', whose);
	}
	if (req->name_key == NULL) {
		request_fail(req, ERR_BAD_ARGUMENT, NULL);
		return NULL;
	}
	a = account_find(h, req->name_key);
	return subject(req, a != NULL && !a->pending ? 'a' : 'n',
	    req->name_key);
}

static enum verdict
submit(struct hub *h, struct store_op *op, const char *act)
{
	enum verdict verdict;

	op->audit = operator_audit(op->req, act);
	verdict = hub_ask_store(h, NULL, op);
	if (verdict == KEPT)
		rules_submitted(h, op);
	return verdict;
}

enum verdict
cmd_shut_out(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	const struct rules *r = rules_find(h, SERVER);
	const char *subj = whom(h, req);
	int64_t now = clock_wall();

	(void)l;
	if (subj == NULL)
		return ANSWER;
	if (r != NULL)
		rules_expire(req, &op, r, &r->bans, "ban");
	if (rules_full(r, RULES_BAN, 1, op.nfacts)) {
		request_fail(req, ERR_FORBIDDEN, "There are %d bans, and there "
		    "may not be more.", RULES_MAX);
		return ANSWER;
	}
	if (r != NULL)
		rules_renew(&r->bans, subj);
	fact_add(req, &op, fact_key(req, "ban", SERVER, subj),
	    json_pack("{s:s,s:s,s:I,s:I,s:s}", "by",
	    req->address != NULL ? req->address : "operator", "reason",
	    req->string != NULL ? req->string : "", "at", (json_int_t)now,
	    "until", (json_int_t)(req->seconds == 0 ? 0 :
	    now + (int64_t)req->seconds * 1000), "name", req->name));
	return submit(h, &op, "ban");
}

/* "banned: spam", as a kick has it. */
static const char *
for_others(struct request *req)
{
	return req->string == NULL ? "banned" :
	    request_fmt(req, "banned: %s", req->string);
}

/* "You are banned from this server for 2 h: spam" */
static const char *
for_whom(struct request *req)
{
	struct buf time = { 0 };
	const char *why;

	buf_add_for(&time, req->seconds);
	why = request_fmt(req, "You are banned from this server%s%s%s",
	    buf_str(&time), req->string != NULL ? ": " : ".",
	    req->string != NULL ? req->string : "");
	buf_free(&time);
	return why;
}

/* Of one address, whatever the names; an operator stays. */
static uint32_t
end_address(struct hub *h, struct request *req)
{
	char whose[ADDRESS_SIZE];
	const char *theirs;
	struct account *a;
	struct login *l;
	uint32_t slot, n = 0;

	if (!address_whose_text(req->whom_address, whose))
		return 0;
	for (slot = 0; slot < h->logins.n; slot++) {
		if ((l = login_at(h, slot)) == NULL || l->address == NULL ||
		    (theirs = address_whose(l->address)) == NULL ||
		    strcmp(theirs, whose) != 0 ||
		    ((a = user_account(h, l->user)) != NULL && a->op))
			continue;
		end_session(h, l, for_others(req), for_whom(req));
		n++;
	}
	return n;
}

enum verdict
shut_out_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	const struct account *a;

	rules_back(h, op);
	if (op->error != STORE_OK)
		return ANSWER;
	rules_stored(h, op);
	if (req->cmd != CMD_SHUT_OUT)
		return ANSWER;
	if (req->whom_address != NULL) {
		req->members = end_address(h, req);
		req->string = for_whom(req);	/* ORDER_SHUT_OUT tells it */
		return ANSWER;
	}
	a = account_find(h, req->name_key);
	req->operator = a != NULL && a->op;
	if (!req->operator)
		req->members = end_sessions(h, user_find(h, req->name_key),
		    for_others(req), for_whom(req));
	return ANSWER;
}

enum verdict
cmd_let_in(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_FACTS, .req = req };
	const struct rules *r = rules_find(h, SERVER);
	const char *subj = whom(h, req), *other;

	(void)l;
	if (subj == NULL)
		return ANSWER;
	/* A guest's name may have become an account since, or the other way. */
	other = req->whom_address != NULL ? subj : subject(req,
	    subj[0] == 'a' ? 'n' : 'a', req->name_key);
	if (r != NULL && table_get(&r->bans, subj) != NULL)
		fact_add(req, &op, fact_key(req, "ban", SERVER, subj), NULL);
	if (r != NULL && other != subj && table_get(&r->bans, other) != NULL)
		fact_add(req, &op, fact_key(req, "ban", SERVER, other), NULL);
	if (op.nfacts > 0)
		return submit(h, &op, "unban");
	request_fail(req, ERR_NO_SUCH_USER, "%s is not banned from this "
	    "server.", req->name);
	return ANSWER;
}
