#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "util.h"

/* FNV-1a with a random start and a final mix; short keys only. */
static uint32_t
hash(const struct table *t, const char *key)
{
	uint64_t h = t->seed;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9;
	return (uint32_t)(h >> 32);
}

void
table_init(struct table *t, const char *(*key)(const void *))
{
	*t = (struct table){ .key = key };
	random_bytes(&t->seed, sizeof(t->seed));
}

void
table_free(struct table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->n = t->cap = 0;
}

/* The slot of the key, or the free one where it would go. */
static struct table_slot *
find(const struct table *t, const char *key, uint32_t h)
{
	size_t i;

	for (i = h & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		struct table_slot *s = &t->slots[i];

		if (s->item == NULL || (s->hash == h &&
		    strcmp(t->key(s->item), key) == 0))
			return s;
	}
}

static void
resize(struct table *t, size_t cap)
{
	struct table_slot *old = t->slots;
	size_t i, n = t->cap;

	t->slots = xcalloc(cap, sizeof(*t->slots));
	t->cap = cap;
	for (i = 0; i < n; i++) {
		if (old[i].item != NULL)
			*find(t, t->key(old[i].item), old[i].hash) = old[i];
	}
	free(old);
}

void *
table_get(const struct table *t, const char *key)
{
	return t->cap == 0 ? NULL : find(t, key, hash(t, key))->item;
}

void
table_put(struct table *t, void *item)
{
	uint32_t h;

	if ((t->n + 1) * 4 > t->cap * 3)
		resize(t, t->cap ? t->cap * 2 : 8);
	h = hash(t, t->key(item));
	*find(t, t->key(item), h) = (struct table_slot){ h, item };
	t->n++;
}

void *
table_del(struct table *t, const char *key)
{
	struct table_slot *s;
	void *item;
	size_t hole, i;

	if (t->cap == 0)
		return NULL;
	s = find(t, key, hash(t, key));
	if ((item = s->item) == NULL)
		return NULL;
	/* Close the gap: move back what probed past it. */
	hole = (size_t)(s - t->slots);
	for (i = (hole + 1) & (t->cap - 1); t->slots[i].item != NULL;
	    i = (i + 1) & (t->cap - 1)) {
		size_t home = t->slots[i].hash & (t->cap - 1);

		if (((i - home) & (t->cap - 1)) >= ((i - hole) & (t->cap - 1))) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole].item = NULL;
	t->n--;
	if (t->cap > 64 && t->n * 8 < t->cap)
		resize(t, t->cap / 2);
	return item;
}

void *
table_next(const struct table *t, size_t *pos)
{
	while (*pos < t->cap) {
		void *item = t->slots[(*pos)++].item;

		if (item != NULL)
			return item;
	}
	return NULL;
}
