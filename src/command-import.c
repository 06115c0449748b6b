/*
 * The operator puts a room or an account back that was exported. It comes in
 * parts, each of which is stored whole or not at all, with the line of the
 * file that it goes up to: so an import that was cut short goes on there.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "import.h"
#include "util.h"

/* One that is not at its end yet. */
struct import {
	struct import	*next;
	uint64_t	 line;		/* of the file, imported so far */
	bool		 merged;	/* with what was there before it began:
					 * brings messages, and no facts */
	char		*of;		/* the export's id */
	char		 room[];	/* the key; an account's inbox's */
};

static struct import *
find(const struct hub *h, const char *room)
{
	struct import *i;

	for (i = h->imports; i != NULL && strcmp(i->room, room) != 0;
	    i = i->next)
		;
	return i;
}

static void
put(struct hub *h, const char *room, const char *of, uint64_t line,
    bool merged)
{
	struct import *i = find(h, room);
	size_t n = strlen(room) + 1;

	if (i == NULL) {
		i = xcalloc(1, sizeof(*i) + n);
		memcpy(i->room, room, n);
		i->next = h->imports;
		h->imports = i;
	}
	free(i->of);
	i->of = xstrdup(of);
	i->line = line;
	i->merged = merged;
}

static void
del(struct hub *h, const char *room)
{
	struct import **at, *i;

	for (at = &h->imports; (i = *at) != NULL; at = &i->next) {
		if (strcmp(i->room, room) != 0)
			continue;
		*at = i->next;
		free(i->of);
		free(i);
		return;
	}
}

void
imports_free(struct hub *h)
{
	while (h->imports != NULL)
		del(h, h->imports->room);
}

void
import_drop(struct hub *h, struct request *req, struct store_op *op,
    const char *room)
{
	if (find(h, room) == NULL)
		return;
	fact_add(req, op, fact_key(req, "import", room, NULL), NULL);
	del(h, room);
}

bool
import_load(struct hub *h, const struct fact *f)
{
	if (strcmp(f->kind, "import") != 0)
		return false;
	put(h, f->a, fact_str(f, "of"), (uint64_t)fact_int(f, "line"),
	    json_is_true(json_object_get(f->value, "merge")));
	return true;
}

/* Of a room, by kind: what it has of accounts that are not there would be a
 * stranger's who takes their name. */
static bool
takes_room(const struct hub *h, const struct fact *f, const char *room)
{
	static const char *const kinds[] = { "set", "role", "ban", "mute" };
	const char *key = strcmp(f->kind, "role") == 0 ? f->b :
	    strncmp(f->b, "a:", 2) == 0 ? f->b + 2 : NULL;
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		if (strcmp(f->kind, kinds[i]) == 0)
			return strcmp(f->a, room) == 0 && (key == NULL ||
			    strcmp(f->kind, "set") == 0 ||
			    account_find(h, key) != NULL);
	}
	return false;
}

/* Not what it is, which add_account() adds. */
static bool
takes_account(const struct fact *f, const char *key)
{
	static const char *const kinds[] = { "login", "token", "kept", "talks",
	    "seen", "ignore" };
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		if (strcmp(f->kind, kinds[i]) == 0)
			return strcmp(f->a, key) == 0;
	}
	return false;
}

/* What the account is, unless it has a password: then it was there before. */
static bool
add_account(struct hub *h, struct request *req, struct store_op *op,
    const struct fact *f)
{
	struct account *a = account_find(h, req->name_key);
	const char *hash = f != NULL ? fact_str(f, "hash") : "";

	if (*a->hash != '\0' || (f != NULL &&
	    strcmp(f->a, req->name_key) != 0))
		return false;
	account_created(a, f != NULL ? fact_int(f, "created") : clock_wall());
	account_fact(req, op, a, hash);
	req->hash = request_str(req, hash);
	return true;
}

/* Those that are taken up, and where the import is. */
static void
add_facts(struct hub *h, struct request *req, struct store_op *op)
{
	const struct import_part *p = req->import;
	struct fact f;
	uint32_t i;
	bool takes;

	fact_add(req, op, fact_key(req, "import", req->room_key, NULL),
	    p->end ? NULL : json_pack("{s:s,s:I,s:b}", "of", p->of, "line",
	    (json_int_t)p->line, "merge", req->more));
	if (req->more) {	/* it is somebody's, who has their own */
		req->members = p->nfacts;
		return;
	}
	if (p->account && p->begin)
		add_account(h, req, op, NULL);
	for (i = 0; i < p->nfacts; i++) {
		if (!fact_parse(&f, &p->facts[i]))
			continue;
		takes = p->account ? takes_account(&f, req->name_key) :
		    takes_room(h, &f, req->room_key);
		if (p->account && strcmp(f.kind, "account") == 0) {
			takes = add_account(h, req, op, &f);
		} else if (takes)
			fact_add(req, op, request_str(req, p->facts[i].key),
			    json_incref(f.value));
		req->members += !takes;
		fact_free(&f);
	}
}

/* The account, made if this is its beginning; NULL, and it is refused. */
static struct account *
account_for(struct hub *h, struct request *req)
{
	const struct import_part *p = req->import;
	struct account *a = account_find(h, req->name_key);

	if (a != NULL && a->pending) {
		request_fail(req, ERR_NAME_REGISTERED, NULL);
		return NULL;
	}
	if (a == NULL && !p->begin)
		request_fail(req, ERR_NO_SUCH_USER, "The account is gone "
		    "meanwhile.");
	if (a != NULL || !p->begin)
		return a;
	if (!may_bear(h, req))
		return NULL;
	if (user_find(h, req->name_key) != NULL) {
		request_fail(req, ERR_NAME_TAKEN, "A guest is here under that "
		    "name: kick them first.");
		return NULL;
	}
	a = account_new(h, req->name_key, req->name);
	a->pending = true;
	account_set_hash(h, a, "");
	return a;
}

static struct room *
room_for(struct hub *h, struct request *req)
{
	const struct import_part *p = req->import;
	const char *other;
	struct account *a;
	struct room *room;

	if (p->account) {
		if ((a = account_for(h, req)) == NULL)
			return NULL;
		room = inbox_of(h, a);
	} else if ((room = room_find(h, req->room_key)) == NULL) {
		if ((other = room_lookalike(h, req)) != NULL) {
			request_fail(req, ERR_BAD_NAME, "#%s looks like #%s, "
			    "which exists: take another name, in the first "
			    "line.", req->room, other);
			return NULL;
		}
		room = room_new(h, req->room_key, req->room);
	}
	if (room == NULL)
		request_fail(req, ERR_SERVER_FULL, NULL);
	return room;
}

static bool
is_there(const struct hub *h, const struct request *req)
{
	return req->import->account ? account_find(h, req->name_key) != NULL :
	    room_find(h, req->room_key) != NULL;
}

/* One that was begun, and what it has brought is still there. */
static bool
is_known(const struct hub *h, const struct request *req,
    const struct import *i)
{
	return i != NULL && strcmp(i->of, req->import->of) == 0 &&
	    is_there(h, req);
}

/* A new one, unless there is something it would be mixed with. */
static bool
may_begin(struct hub *h, struct request *req)
{
	const struct import_part *p = req->import;

	if (!is_there(h, req) || p->merge)
		return true;
	request_fail(req, ERR_NAME_TAKEN, p->account ?
	    "There is an account %s: -m adds what its inbox had." :
	    "There is a room #%s: -m puts the messages behind its own.",
	    p->account ? req->name : req->room);
	return false;
}

/* The account that it would have made is none. The room, its inbox, is there
 * still: the caller settles it. */
static void
import_failed(struct hub *h, const struct request *req, struct room *room)
{
	struct account *a = req->import->account ?
	    account_find(h, req->name_key) : NULL;
	struct room *inbox;

	if (a == NULL || !a->pending)
		return;
	inbox = a->inbox;
	room->pending++;
	account_free(h, a);
	if (inbox != NULL)
		inbox_end(h, inbox, 0);
	room->pending--;
}

enum verdict
cmd_import(struct hub *h, struct login *l, struct request *req)
{
	struct store_op op = { .kind = STORE_IMPORT, .req = req };
	const struct import *i = find(h, req->room_key);
	const struct import_part *p = req->import;
	enum verdict verdict;
	struct room *room;

	(void)l;
	if (p->begin && is_known(h, req, i)) {
		req->seq = i->line;	/* it goes on behind that */
		req->more = i->merged;
		return ANSWER;
	}
	if (p->begin ? !may_begin(h, req) : !is_known(h, req, i)) {
		if (!p->begin)
			request_fail(req, ERR_BAD_ARGUMENT, "That import has "
			    "not begun, or is over.");
		return ANSWER;
	}
	req->more = p->begin ? is_there(h, req) : i->merged;
	if ((room = room_for(h, req)) == NULL)
		return ANSWER;
	if (p->begin && !p->account && room->topic == NULL &&
	    p->topic != NULL) {
		op.kind = STORE_TOPIC;
		op.text = p->topic;
	}
	op.msgs = req->msgs;
	op.nmsgs = req->nlisted;
	add_facts(h, req, &op);
	op.by_operator = true;
	if (p->begin)
		op.audit = operator_audit(req, p->account ? "import-account" :
		    "import-room");
	verdict = hub_ask_store(h, room, &op);
	if (verdict == ANSWER) {
		import_failed(h, req, room);
		room_settle(h, room);
	}
	return verdict;
}

/* A fact of an account counts as it does at a start. */
static void
take_account(struct hub *h, const struct store_op *op)
{
	const struct request *req = op->req;
	struct account *a = account_find(h, req->name_key);
	struct fact f;
	uint32_t i;

	for (i = 0; i < op->nfacts; i++) {
		if (op->facts[i].value == NULL ||
		    !fact_parse(&f, &op->facts[i]))
			continue;
		if (strcmp(f.kind, "account") != 0)
			account_load(h, &f);
		fact_free(&f);
	}
	if (req->hash != NULL)
		account_set_hash(h, a, req->hash);
	a->pending = false;
}

enum verdict
import_committed(struct hub *h, struct store_op *op)
{
	struct request *req = op->req;
	const struct import_part *p = req->import;
	struct room *room = op->arg;

	if (op->error != STORE_OK) {
		import_failed(h, req, room);
		return ANSWER;
	}
	if (p->end)
		del(h, req->room_key);
	else
		put(h, req->room_key, p->of, p->line, req->more);
	if (p->account)
		take_account(h, op);
	else
		rules_stored(h, op);
	if (op->kind == STORE_TOPIC && *op->text != '\0')
		room->topic = xstrdup(op->text);
	if (op->nmsgs > 0) {
		room->head = op->msgs[op->nmsgs - 1]->seq;
		news_skip(h, room, room->head);
	}
	return ANSWER;
}
