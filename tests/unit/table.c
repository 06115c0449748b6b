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

static const char *
string_of(const void *p)
{
	return p;
}

/* Where a key goes in an empty table of this size: its hash's low bits. */
static size_t
home_of(const uint64_t seed[2], size_t cap, char *key)
{
	struct table t;
	size_t home;

	table_init(&t, string_of);
	memcpy(t.seed, seed, sizeof(t.seed));
	t.slots = xcalloc(cap, sizeof(*t.slots));
	t.cap = cap;
	table_put(&t, key);
	cr_assert_eq(t.cap, cap);
	for (home = 0; t.slots[home] == NULL; home++)
		cr_assert_lt(home, cap);
	table_free(&t);
	return home;
}

/* Keys that differ in one bit only spread: few meet in a home slot. */
Test(table, similar_keys_spread)
{
	static const uint64_t seed[2] = { 0x0123456789abcdef, 42 };
	static bool taken[2048];
	char key[11] = { 0 };
	size_t i, bit, home, alone = 0;

	for (i = 0; i < 1024; i++) {
		for (bit = 0; bit < 10; bit++)
			key[bit] = "ab"[i >> bit & 1];
		home = home_of(seed, NITEMS(taken), key);
		alone += !taken[home];
		taken[home] = true;
	}
	/* By chance 2048 * (1 - 1/sqrt(e)), some 806. */
	cr_assert_gt(alone, 740, "%zu of 1024", alone);
	cr_assert_lt(alone, 870, "%zu of 1024", alone);
}

/* What another SipHash-1-3 says for a key of zeros (CPython 3.11 with
 * PYTHONHASHSEED=0): the lower 16 bits. */
Test(table, siphash_vectors)
{
	static const struct {
		char		 key[40];
		size_t		 low;
	} vectors[] = {
		{ "a", 0x1813 }, { "lobby", 0x007f }, { "abcdefg", 0xf506 },
		{ "abcdefgh", 0x35ea }, { "abcdefghi", 0xb6e5 },
		{ "a-name-of-thirty-two-characters.", 0x0f74 },
	};
	static const uint64_t zeros[2];
	size_t i, home;

	for (i = 0; i < NITEMS(vectors); i++) {
		char *key = xstrdup(vectors[i].key);

		home = home_of(zeros, 1 << 16, key);
		cr_assert_eq(home, vectors[i].low, "%s: %04zx", key, home);
		free(key);
	}
}
