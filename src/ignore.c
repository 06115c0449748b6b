#include <stdlib.h>
#include <string.h>

#include "ignore.h"
#include "util.h"

/* A list of these, of n. */
static struct ignores *
make(const struct ignored *from, uint32_t n)
{
	struct ignores *list;
	size_t bytes = 0;
	uint32_t i;
	char *s;

	for (i = 0; i < n; i++)
		bytes += strlen(from[i].key) + strlen(from[i].name) + 2;
	list = xmalloc(sizeof(*list) + n * sizeof(list->list[0]) + bytes);
	atomic_init(&list->refs, 1);
	list->n = n;
	s = (char *)&list->list[n];
	for (i = 0; i < n; i++) {
		list->list[i] = (struct ignored){ from[i].at, s, NULL };
		s = stpcpy(s, from[i].key) + 1;
		list->list[i].name = s;
		s = stpcpy(s, from[i].name) + 1;
	}
	return list;
}

/* Where the key is, or would be. */
static uint32_t
position(const struct ignores *list, const char *key)
{
	uint32_t lo = 0, hi = list != NULL ? list->n : 0, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (strcmp(list->list[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct ignored *
ignores_find(const struct ignores *list, const char *key)
{
	uint32_t at = position(list, key);

	if (list == NULL || at == list->n ||
	    strcmp(list->list[at].key, key) != 0)
		return NULL;
	return &list->list[at];
}

struct ignores *
ignores_with(const struct ignores *old, const struct ignored *more)
{
	struct ignored *all;
	struct ignores *list;
	uint32_t at, rest;

	if (old == NULL)
		return make(more, 1);
	at = position(old, more->key);
	rest = at + (ignores_find(old, more->key) != NULL);
	all = xmalloc((old->n + 1) * sizeof(*all));
	memcpy(all, old->list, at * sizeof(*all));
	all[at] = *more;
	memcpy(all + at + 1, old->list + rest,
	    (old->n - rest) * sizeof(*all));
	list = make(all, at + 1 + (old->n - rest));
	free(all);
	return list;
}

struct ignores *
ignores_without(const struct ignores *old, const char *key)
{
	const struct ignored *gone = ignores_find(old, key);
	struct ignored *all;
	struct ignores *list;
	uint32_t at;

	if (old == NULL || (gone != NULL && old->n == 1))
		return NULL;
	all = xmalloc(old->n * sizeof(*all));
	memcpy(all, old->list, old->n * sizeof(*all));
	if (gone != NULL) {
		at = (uint32_t)(gone - old->list);
		memmove(all + at, all + at + 1,
		    (old->n - at - 1) * sizeof(*all));
	}
	list = make(all, old->n - (gone != NULL));
	free(all);
	return list;
}

struct ignores *
ignores_ref(struct ignores *list)
{
	if (list != NULL)
		atomic_fetch_add_explicit(&list->refs, 1,
		    memory_order_relaxed);
	return list;
}

void
ignores_unref(struct ignores *list)
{
	if (list != NULL && atomic_fetch_sub_explicit(&list->refs, 1,
	    memory_order_acq_rel) == 1)
		free(list);
}

/* What a person says and that a person comes and goes. */
static const bool ignorable[] = {
	[MSG_TEXT] = true, [MSG_ACTION] = true, [MSG_NOTICE] = true,
	[MSG_JOIN] = true, [MSG_LEAVE] = true, [MSG_RENAMED] = true,
};

bool
msg_ignorable(const struct msg *m, struct name *sender)
{
	return m->kind < NITEMS(ignorable) && ignorable[m->kind] &&
	    name_parse(sender, msg_from(m), m->from_len, NULL);
}

bool
ignores_hide(const struct ignores *list, const struct msg *m)
{
	struct name sender;

	return list != NULL && msg_ignorable(m, &sender) &&
	    ignores_find(list, sender.key) != NULL;
}
