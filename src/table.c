#include <assert.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "util.h"

/* One round of SipHash. */
static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = (v[1] << 13 | v[1] >> 51) ^ v[0];
	v[3] = (v[3] << 16 | v[3] >> 48) ^ v[2];
	v[0] = v[0] << 32 | v[0] >> 32;
	v[2] += v[1];
	v[0] += v[3];
	v[1] = (v[1] << 17 | v[1] >> 47) ^ v[2];
	v[3] = (v[3] << 21 | v[3] >> 43) ^ v[0];
	v[2] = v[2] << 32 | v[2] >> 32;
}

/*
 * SipHash-1-3 (Aumasson and Bernstein, 2012): peers choose the keys, and
 * must not be able to choose where they meet.
 */
static uint32_t
hash(const struct table *t, const char *key)
{
	uint64_t v[4] = { t->seed[0] ^ 0x736f6d6570736575,
	    t->seed[1] ^ 0x646f72616e646f6d, t->seed[0] ^ 0x6c7967656e657261,
	    t->seed[1] ^ 0x7465646279746573 };
	size_t n = strlen(key), left = n;
	uint64_t word;

	for (; left >= 8; left -= 8, key += 8) {
		memcpy(&word, key, 8);
		word = le64toh(word);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)n << 56;
	while (left-- > 0)
		word |= (uint64_t)(unsigned char)key[left] << 8 * left;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

void
table_init(struct table *t, const char *(*key)(const void *))
{
	*t = (struct table){ .key = key };
	random_bytes(t->seed, sizeof(t->seed));
}

void
table_free(struct table *t)
{
	free(t->slots);
	t->slots = NULL;
	t->n = t->cap = 0;
}

/* The slot of the key, or the free one where it would go. */
static void **
find(const struct table *t, const char *key)
{
	size_t i;

	for (i = hash(t, key) & (t->cap - 1);; i = (i + 1) & (t->cap - 1)) {
		if (t->slots[i] == NULL ||
		    strcmp(t->key(t->slots[i]), key) == 0)
			return &t->slots[i];
	}
}

static void
resize(struct table *t, size_t cap)
{
	void **old = t->slots;
	size_t i, n = t->cap;

	t->slots = xcalloc(cap, sizeof(*t->slots));
	t->cap = cap;
	for (i = 0; i < n; i++) {
		if (old[i] != NULL)
			*find(t, t->key(old[i])) = old[i];
	}
	free(old);
}

void *
table_get(const struct table *t, const char *key)
{
	return t->cap == 0 ? NULL : *find(t, key);
}

void
table_put(struct table *t, void *item)
{
	void **slot;

	if ((t->n + 1) * 4 > t->cap * 3)
		resize(t, t->cap ? t->cap * 2 : 8);
	slot = find(t, t->key(item));
	assert(*slot == NULL);
	*slot = item;
	t->n++;
}

void *
table_del(struct table *t, const char *key)
{
	size_t mask = t->cap - 1, hole, i, home;
	void **slot, *item;

	if (t->cap == 0)
		return NULL;
	slot = find(t, key);
	if ((item = *slot) == NULL)
		return NULL;
	/* Close the gap: move back what probed past it. */
	hole = (size_t)(slot - t->slots);
	for (i = (hole + 1) & mask; t->slots[i] != NULL; i = (i + 1) & mask) {
		home = hash(t, t->key(t->slots[i])) & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slots[hole] = t->slots[i];
			hole = i;
		}
	}
	t->slots[hole] = NULL;
	t->n--;
	if (t->cap > 64 && t->n * 8 < t->cap)
		resize(t, t->cap / 2);
	return item;
}

void *
table_next(const struct table *t, size_t *pos)
{
	while (*pos < t->cap) {
		void *item = t->slots[(*pos)++];

		if (item != NULL)
			return item;
	}
	return NULL;
}
