#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

struct account *
account_find(const struct hub *h, const char *key)
{
	return table_get(&h->accounts, key);
}

struct account *
account_new(struct hub *h, const char *key, const char *shown)
{
	size_t nkey = strlen(key) + 1, nshown = strlen(shown) + 1;
	bool same = strcmp(key, shown) == 0;
	struct account *a;

	a = xcalloc(1, sizeof(*a) + nkey + (same ? 0 : nshown));
	memcpy(a->names, key, nkey);
	if (!same) {
		a->shown_at = (uint16_t)nkey;
		memcpy(a->names + nkey, shown, nshown);
	}
	table_put(&h->accounts, a);
	a->num = ++h->last_account;
	roll_add(&h->account_roll, a->num, a);
	skeletons_add(&h->guises, a);
	return a;
}

static void
release(struct account *a)
{
	struct token *t;
	struct kept *k;

	while ((t = a->tokens) != NULL) {
		a->tokens = t->next;
		free(t);
	}
	while ((k = a->kept) != NULL) {
		a->kept = k->next;
		free(k->shown);
		free(k);
	}
	free(a->hash);
	free(a->talks);
	free(a->hash_before);
	free(a->proved_from);
	free(a);
}

void
account_set_hash(struct hub *h, struct account *a, const char *hash)
{
	char *before = a->hash;

	decoys_add(&h->decoys, hash);
	a->hash = xstrdup(hash);
	if (before != NULL)
		decoys_del(&h->decoys, before);
	free(before);
}

void
account_free(struct hub *h, struct account *a)
{
	decoys_del(&h->decoys, a->hash);
	skeletons_del(&h->guises, a);
	table_del(&h->accounts, account_key(a));
	roll_del(&h->account_roll, a->num);
	release(a);
}

void
accounts_free(struct hub *h)
{
	struct account *a;
	size_t pos = 0;

	while ((a = table_next(&h->accounts, &pos)) != NULL)
		release(a);
	table_free(&h->accounts);
	roll_free(&h->account_roll);
}

struct token *
token_find(const struct account *a, const char *label)
{
	struct token *t;

	for (t = a->tokens; t != NULL && strcmp(t->label, label) != 0;
	    t = t->next)
		;
	return t;
}

struct token *
token_by_num(const struct account *a, uint8_t num)
{
	struct token *t;

	for (t = a->tokens; t != NULL && t->num != num; t = t->next)
		;
	return t;
}

uint32_t
token_count(const struct account *a)
{
	const struct token *t;
	uint32_t n = 0;

	for (t = a->tokens; t != NULL; t = t->next)
		n++;
	return n;
}

uint8_t
token_put(struct account *a, const char *label, const char *hash,
    int64_t created, int64_t expires)
{
	size_t n = strlen(label) + 1;
	uint8_t num = 1, old;
	struct token *t;

	while (num < UINT8_MAX && token_by_num(a, num) != NULL)
		num++;
	old = token_del(a, label);
	t = xcalloc(1, sizeof(*t) + n);
	memcpy(t->label, label, n);
	strncpy(t->hash, hash, TOKEN_HASH_SIZE - 1);
	t->num = num;
	t->created = created;
	t->expires = expires;
	t->next = a->tokens;
	a->tokens = t;
	return old;
}

uint8_t
token_del(struct account *a, const char *label)
{
	struct token **at, *t;
	uint8_t num;

	for (at = &a->tokens; (t = *at) != NULL; at = &t->next) {
		if (strcmp(t->label, label) == 0) {
			num = t->num;
			*at = t->next;
			free(t);
			return num;
		}
	}
	return 0;
}

struct token *
token_match(const struct account *a, const char *hash, int64_t now)
{
	struct token *t, *found = NULL;
	unsigned differs;
	size_t i;

	if (strlen(hash) != TOKEN_HASH_SIZE - 1)
		return NULL;
	for (t = a->tokens; t != NULL; t = t->next) {
		differs = 0;
		for (i = 0; i < TOKEN_HASH_SIZE - 1; i++)
			differs |= (unsigned)(t->hash[i] ^ hash[i]);
		if (differs == 0 && (t->expires == 0 || t->expires > now))
			found = t;
	}
	return found;
}

struct kept *
kept_find(const struct account *a, const char *room)
{
	struct kept *k;

	for (k = a->kept; k != NULL && strcmp(k->room, room) != 0; k = k->next)
		;
	return k;
}

struct kept *
kept_get(struct account *a, const char *room)
{
	struct kept *k = kept_find(a, room);
	size_t n = strlen(room) + 1;

	if (k != NULL)
		return k;
	k = xcalloc(1, sizeof(*k) + n);
	memcpy(k->room, room, n);
	k->next = a->kept;
	a->kept = k;
	return k;
}

void
kept_read(struct kept *k, uint64_t seq)
{
	k->seen = spans_read(&k->shown, seq);
}

void
kept_facts(struct request *req, struct store_op *op, const struct account *a,
    const char *room, uint64_t seen, const struct spans *shown, bool was)
{
	json_t *list = shown != NULL ? json_array() : NULL;
	uint32_t i;

	fact_add(req, op, fact_key(req, "seen", account_key(a), room),
	    json_integer((json_int_t)seen));
	for (i = 0; list != NULL && i < shown->n; i++) {
		json_array_append_new(list,
		    json_integer((json_int_t)shown->list[i].after));
		json_array_append_new(list,
		    json_integer((json_int_t)shown->list[i].upto));
	}
	if (was || list != NULL)
		fact_add(req, op, fact_key(req, "shown", account_key(a),
		    room), list);
}

uint32_t
kept_count(const struct account *a)
{
	const struct kept *k;
	uint32_t n = 0;

	for (k = a->kept; k != NULL; k = k->next)
		n += k->kept;
	return n;
}

void
kept_forget(struct account *a, uint32_t max, struct request *req,
    struct store_op *op)
{
	struct kept **at, **found = NULL, *k;
	uint32_t n = 0;

	for (at = &a->kept; (k = *at) != NULL; at = &k->next) {
		n++;
		if (!k->kept && k->room[0] != '@')
			found = at;
	}
	if (n < max || found == NULL)
		return;
	k = *found;
	*found = k->next;
	fact_add(req, op, fact_key(req, "seen", account_key(a), k->room),
	    NULL);
	fact_add(req, op, fact_key(req, "shown", account_key(a), k->room),
	    NULL);
	free(k->shown);
	free(k);
}

void
account_fact(struct request *req, struct store_op *op, const struct account *a,
    const char *hash)
{
	fact_add(req, op, fact_key(req, "account", account_key(a), NULL),
	    json_pack("{s:s,s:I,s:I,s:s}", "name", account_shown(a), "created",
	    (json_int_t)a->created, "author", (json_int_t)a->author, "hash",
	    hash));
}

void
account_created(struct account *a, int64_t created)
{
	char text[NAME_SIZE + 32];
	int n;

	a->created = created;
	if (a->author != 0)
		return;
	n = snprintf(text, sizeof(text), "%s/%lld", account_key(a),
	    (long long)created);
	a->author = author_of(text, (size_t)n);
}

static void
load_account(struct hub *h, struct account *a, const struct fact *f)
{
	const char *shown = fact_str(f, "name");

	if (a != NULL)
		return;
	a = account_new(h, f->a, *shown != '\0' ? shown : f->a);
	account_set_hash(h, a, fact_str(f, "hash"));
	a->author = (uint64_t)fact_int(f, "author");
	account_created(a, fact_int(f, "created"));
}

static void
load_token(struct hub *h, struct account *a, const struct fact *f)
{
	(void)h;
	token_put(a, f->b, fact_str(f, "hash"), fact_int(f, "created"),
	    fact_int(f, "expires"));
}

static void
load_op(struct hub *h, struct account *a, const struct fact *f)
{
	(void)h;
	(void)f;
	a->op = true;
}

static void
load_login(struct hub *h, struct account *a, const struct fact *f)
{
	(void)h;
	a->login = json_integer_value(f->value);
}

static void
load_kept(struct hub *h, struct account *a, const struct fact *f)
{
	(void)h;
	kept_get(a, f->b)->kept = true;
}

static void
load_talks(struct hub *h, struct account *a, const struct fact *f)
{
	const char *room = json_string_value(f->value);

	(void)h;
	free(a->talks);
	a->talks = room != NULL ? xstrdup(room) : NULL;
}

static void
load_seen(struct hub *h, struct account *a, const struct fact *f)
{
	(void)h;
	kept_get(a, f->b)->seen = (uint64_t)json_integer_value(f->value);
}

/* What comes behind seen, by its key as well. */
static void
load_shown(struct hub *h, struct account *a, const struct fact *f)
{
	struct kept *k = kept_get(a, f->b);
	json_int_t after, upto;
	size_t i;

	(void)h;
	for (i = 0; i + 1 < json_array_size(f->value); i += 2) {
		after = json_integer_value(json_array_get(f->value, i));
		upto = json_integer_value(json_array_get(f->value, i + 1));
		if (after >= 0 && upto > after)
			spans_add(&k->shown, (uint64_t)after, (uint64_t)upto);
	}
	kept_read(k, k->seen);
}

static void
load_ignore(struct hub *h, struct account *a, const struct fact *f)
{
	ignore_load(h, account_key(a), f);
}

static const struct {
	const char	*kind;
	void		(*load)(struct hub *, struct account *,
			    const struct fact *);
} kinds[] = {
	{ "account", load_account },
	{ "operator", load_op },
	{ "login", load_login },
	{ "token", load_token },
	{ "kept", load_kept },
	{ "talks", load_talks },
	{ "seen", load_seen },
	{ "shown", load_shown },
	{ "ignore", load_ignore },
};

bool
account_lost(const struct hub *h, const struct fact *f)
{
	size_t i = 1;

	while (i < NITEMS(kinds) && strcmp(f->kind, kinds[i].kind) != 0)
		i++;
	return i < NITEMS(kinds) && account_find(h, f->a) == NULL;
}

/* "account" is the first of their kinds in the order of keys. */
bool
account_load(struct hub *h, const struct fact *f)
{
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		if (strcmp(f->kind, kinds[i].kind) != 0)
			continue;
		kinds[i].load(h, account_find(h, f->a), f);
		return true;
	}
	return false;
}
