#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "util.h"

#define ITEMS	2000

struct item {
	char	 key[40];
	bool	 in;
	unsigned seen;
};

static const char *
key_of(const void *p)
{
	return ((const struct item *)p)->key;
}

static struct item *
items_new(void)
{
	struct item *items = xcalloc(ITEMS, sizeof(*items));
	unsigned i;

	/* Of every length up to 31, so that each tail of a word occurs. */
	for (i = 0; i < ITEMS; i++)
		snprintf(items[i].key, sizeof(items[i].key), "%u%.*s", i,
		    (int)(i % 28), "-abcdefghijklmnopqrstuvwxyz.");
	return items;
}

/* The table against what the items themselves know. */
static void
check_all(const struct table *t, struct item *items)
{
	struct item *it;
	size_t pos = 0, n = 0, i;

	for (i = 0; i < ITEMS; i++) {
		cr_assert_eq(table_get(t, items[i].key),
		    items[i].in ? &items[i] : NULL, "item %zu", i);
		items[i].seen = 0;
	}
	while ((it = table_next(t, &pos)) != NULL) {
		cr_assert(it->in);
		cr_assert_eq(it->seen++, 0, "iterated twice");
		n++;
	}
	cr_assert_eq(n, t->n);
	cr_assert_null(table_next(t, &pos));
}

Test(table, empty)
{
	struct table t;
	size_t pos = 0;

	table_init(&t, key_of);
	cr_assert_null(table_get(&t, "a"));
	cr_assert_null(table_del(&t, "a"));
	cr_assert_null(table_next(&t, &pos));
	table_free(&t);
}

Test(table, one)
{
	struct table t;
	struct item empty = { .key = "" }, a = { .key = "a" };
	size_t pos = 0;

	table_init(&t, key_of);
	table_put(&t, &empty);
	cr_assert_eq(table_get(&t, ""), &empty);
	cr_assert_null(table_get(&t, "a"));
	table_put(&t, &a);
	cr_assert_eq(table_del(&t, ""), &empty);
	cr_assert_null(table_get(&t, ""));
	cr_assert_eq(table_next(&t, &pos), &a);
	table_free(&t);
	cr_assert_null(table_get(&t, "a"));
	table_put(&t, &a);		/* it can be used again */
	cr_assert_eq(table_get(&t, "a"), &a);
	table_free(&t);
}

/* 100,000 puts and deletes at random, filling and emptying in waves. */
Test(table, random_against_model)
{
	unsigned seed;

	for (seed = 1; seed <= 5; seed++) {
		struct item *items = items_new();
		struct table t;
		unsigned step, phase;
		size_t n = 0, top = 0;

		srand(seed);
		table_init(&t, key_of);
		for (step = 0; step < 20000; step++) {
			struct item *it = &items[rand() % ITEMS];

			phase = step / 4000 % 2;
			if (!it->in && rand() % 10 < (phase ? 2 : 9)) {
				table_put(&t, it);
				it->in = true;
				n++;
			} else if (it->in && rand() % 10 < (phase ? 9 : 2)) {
				cr_assert_eq(table_del(&t, it->key), it);
				it->in = false;
				n--;
			} else if (!it->in) {
				cr_assert_null(table_del(&t, it->key));
			}
			cr_assert_eq(t.n, n, "seed %u step %u", seed, step);
			top = n > top ? n : top;
			if (step % 1000 == 0)
				check_all(&t, items);
		}
		check_all(&t, items);
		cr_assert_gt(top, ITEMS / 2);
		table_free(&t);
		free(items);
	}
}

Test(table, shrinks)
{
	struct item *items = items_new();
	struct table t;
	size_t i, cap;

	table_init(&t, key_of);
	for (i = 0; i < ITEMS; i++) {
		table_put(&t, &items[i]);
		cr_assert_leq(t.n * 4, t.cap * 3, "never full");
	}
	cap = t.cap;
	for (i = 0; i < ITEMS; i++)
		cr_assert_eq(table_del(&t, items[i].key), &items[i]);
	cr_assert_eq(t.n, 0);
	cr_assert_lt(t.cap, cap / 8);
	table_free(&t);
	free(items);
}

/* Two tables do not agree where keys go: the seed is random and used. */
Test(table, seeds_differ)
{
	struct item *items = items_new();
	struct table a, b;
	size_t i, same = 0, pa = 0, pb = 0;

	table_init(&a, key_of);
	table_init(&b, key_of);
	for (i = 0; i < ITEMS; i++) {
		table_put(&a, &items[i]);
		table_put(&b, &items[i]);
	}
	for (i = 0; i < ITEMS; i++)
		same += table_next(&a, &pa) == table_next(&b, &pb);
	cr_assert_lt(same, ITEMS / 10);
	table_free(&a);
	table_free(&b);
	free(items);
}

/* Keys that differ in one bit only spread: few meet in a home slot. */
Test(table, similar_keys_spread)
{
	struct item *items = items_new();
	struct table t;
	size_t i, at_home = 0;

	table_init(&t, key_of);
	for (i = 0; i < 1024; i++) {
		snprintf(items[i].key, sizeof(items[i].key),
		    "%c%c%c%c%c%c%c%c%c%c",
		    "ab"[i & 1], "ab"[i >> 1 & 1], "ab"[i >> 2 & 1],
		    "ab"[i >> 3 & 1], "ab"[i >> 4 & 1], "ab"[i >> 5 & 1],
		    "ab"[i >> 6 & 1], "ab"[i >> 7 & 1], "ab"[i >> 8 & 1],
		    "ab"[i >> 9 & 1]);
		table_put(&t, &items[i]);
	}
	for (i = 0; i < t.cap; i++)
		at_home += t.slots[i].item != NULL &&
		    (t.slots[i].hash & (t.cap - 1)) == i;
	/* Half full, linear probing: some 700 to be expected. */
	cr_assert_gt(at_home, 500, "%zu of 1024", at_home);
	table_free(&t);
	free(items);
}

static const char *
string_of(const void *p)
{
	return p;
}

/* What another SipHash-1-3 says for a key of zeros (CPython 3.11 with
 * PYTHONHASHSEED=0): the lower 32 bits. */
Test(table, siphash_vectors)
{
	static const struct {
		char		 key[40];
		uint32_t	 hash;
	} vectors[] = {
		{ "a", 0xb89b1813 }, { "lobby", 0x0b00007f },
		{ "abcdefg", 0x9070f506 }, { "abcdefgh", 0x0b8e35ea },
		{ "abcdefghi", 0xd11eb6e5 },
		{ "a-name-of-thirty-two-characters.", 0x52d40f74 },
	};
	struct table t;
	size_t i, j;

	for (i = 0; i < NITEMS(vectors); i++) {
		char *key = xstrdup(vectors[i].key);

		table_init(&t, string_of);
		t.seed[0] = t.seed[1] = 0;
		table_put(&t, key);
		for (j = 0; t.slots[j].item == NULL; j++)
			cr_assert_lt(j, t.cap);
		cr_assert_eq(t.slots[j].hash, vectors[i].hash, "%s: %08x",
		    key, t.slots[j].hash);
		table_free(&t);
		free(key);
	}
}
