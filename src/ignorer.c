/*
 * Who ignores whom. Only who ignores somebody is in the table; an account's
 * list is stored, a guest's ends with the guest.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

struct ignorer {
	struct ignores	*list;		/* NULL: nobody, yet */
	uint32_t	 pending;	/* changes that the store has */
	char		 key[];		/* who ignores them */
};

static const char *
ignorer_key(const void *item)
{
	return ((const struct ignorer *)item)->key;
}

void
ignorers_init(struct hub *h)
{
	table_init(&h->ignorers, ignorer_key);
}

static void
release(struct ignorer *i)
{
	ignores_unref(i->list);
	free(i);
}

void
ignorers_free(struct hub *h)
{
	struct ignorer *i;
	size_t pos = 0;

	while ((i = table_next(&h->ignorers, &pos)) != NULL)
		release(i);
	table_free(&h->ignorers);
}

static struct ignorer *
find(struct hub *h, const char *key)
{
	struct ignorer *i = table_get(&h->ignorers, key);
	size_t n = strlen(key) + 1;

	if (i != NULL)
		return i;
	i = xcalloc(1, sizeof(*i) + n);
	memcpy(i->key, key, n);
	table_put(&h->ignorers, i);
	return i;
}

static void
settle(struct hub *h, struct ignorer *i)
{
	if (i->list != NULL || i->pending > 0)
		return;
	table_del(&h->ignorers, i->key);
	release(i);
}

struct ignores *
ignores_of(const struct hub *h, const char *key)
{
	const struct ignorer *i = table_get(&h->ignorers, key);

	return i != NULL ? i->list : NULL;
}

uint32_t
ignores_pending(const struct hub *h, const char *key)
{
	const struct ignorer *i = table_get(&h->ignorers, key);

	return i != NULL ? i->pending : 0;
}

void
ignores_submitted(struct hub *h, const char *key)
{
	find(h, key)->pending++;
}

void
ignores_committed(struct hub *h, const char *key)
{
	struct ignorer *i = find(h, key);

	i->pending--;
	settle(h, i);
}

void
ignores_set(struct hub *h, const char *key, struct ignores *list)
{
	struct ignorer *i = find(h, key);

	ignores_unref(i->list);
	i->list = list;
	settle(h, i);
}

void
ignores_tell(struct hub *h, const char *key)
{
	const struct user *u = user_find(h, key);
	struct ignores *list = ignores_of(h, key);
	struct session_mail *mail;
	const struct login *l;

	for (l = u != NULL ? u->logins : NULL; l != NULL; l = l->next) {
		mail = session_mail_new(l, SESSION_IGNORES);
		mail->ignores = ignores_ref(list);
		h->out.session(h->out.arg, mail);
	}
}

void
ignores_rename(struct hub *h, const char *from, const char *to)
{
	struct ignores *list = ignores_of(h, from);
	bool oneself = ignores_find(list, to) != NULL;

	if (list == NULL || strcmp(from, to) == 0)
		return;
	ignores_set(h, to, oneself ? ignores_without(list, to) :
	    ignores_ref(list));
	ignores_set(h, from, NULL);
	if (oneself)
		ignores_tell(h, to);
}

void
ignore_fact(struct request *req, struct store_op *op, const char *key,
    const struct ignored *i)
{
	fact_add(req, op, fact_key(req, "ignore", key, i->key),
	    json_pack("{s:s,s:I}", "name", i->name, "at", (json_int_t)i->at));
}

void
ignore_load(struct hub *h, const char *key, const struct fact *f)
{
	const char *name = fact_str(f, "name");

	ignores_set(h, key, ignores_with(ignores_of(h, key),
	    &(struct ignored){ fact_int(f, "at"), f->b, *name != '\0' ? name :
	    f->b }));
}

void
ignores_facts(struct request *req, struct store_op *op, const char *key,
    const struct ignores *from, const struct ignores *to)
{
	uint32_t i;

	for (i = 0; to != NULL && i < to->n; i++) {
		if (ignores_find(from, to->list[i].key) == NULL)
			ignore_fact(req, op, key, &to->list[i]);
	}
	for (i = 0; from != NULL && i < from->n; i++) {
		if (ignores_find(to, from->list[i].key) == NULL)
			fact_add(req, op, fact_key(req, "ignore", key,
			    from->list[i].key), NULL);
	}
}
