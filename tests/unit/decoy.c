/*
 * What a password costs for names that have none.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoy.h"
#include "util.h"

#define NAMES	10000

static const char *const hashes[AUTH_COSTS] = {
	[COST_INTERACTIVE] = "$argon2id$v=19$m=65536,t=2,p=1$"
	    "AAAAAAAAAAAAAAAAAAAAAA$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	[COST_MODERATE] = "$argon2id$v=19$m=262144,t=3,p=1$"
	    "AAAAAAAAAAAAAAAAAAAAAA$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	[COST_MINIMAL] = "$argon2id$v=19$m=8192,t=5,p=1$"
	    "AAAAAAAAAAAAAAAAAAAAAA$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
};

static void
add(struct decoys *d, enum auth_cost cost, unsigned n)
{
	for (; n > 0; n--)
		decoys_add(d, hashes[cost]);
}

static enum auth_cost
cost_of(const struct decoys *d, unsigned i)
{
	char name[16];

	snprintf(name, sizeof(name), "name%u", i);
	return decoys_cost(d, name, AUTH_COSTS);
}

/* Whether so many in a hundred are about so many. */
static bool
is_about(unsigned n, unsigned percent)
{
	return n > NAMES / 100 * (percent - 3) &&
	    n < NAMES / 100 * (percent + 3);
}

Test(decoy, while_no_account_has_a_password)
{
	struct decoys d = { 0 };

	decoys_add(&d, "");
	decoys_add(&d, "$argon2id$v=19$m=1,t=1,p=1$x$x");
	cr_assert_eq(decoys_cost(&d, "ann", COST_MODERATE), COST_MODERATE);
	cr_assert_not(decoys_want_key(&d));
}

Test(decoy, what_all_accounts_have)
{
	struct decoys d = { 0 };
	unsigned i;

	add(&d, COST_MINIMAL, 3);
	cr_assert_not(decoys_want_key(&d));
	for (i = 0; i < NAMES; i++)
		cr_assert_eq(cost_of(&d, i), COST_MINIMAL);
	add(&d, COST_MODERATE, 1);
	for (i = 0; i < 3; i++)
		decoys_del(&d, hashes[COST_MINIMAL]);
	cr_assert_not(decoys_want_key(&d));
	for (i = 0; i < NAMES; i++)
		cr_assert_eq(cost_of(&d, i), COST_MODERATE);
}

/* As often as accounts have it, and with each key for other names. */
Test(decoy, as_many_as_accounts_have_it)
{
	struct decoys d = { 0 }, other;
	unsigned i, n[AUTH_COSTS] = { 0 }, same = 0;

	add(&d, COST_INTERACTIVE, 20);
	add(&d, COST_MODERATE, 50);
	add(&d, COST_MINIMAL, 30);
	other = d;
	cr_assert(decoys_want_key(&d));
	cr_assert(decoys_want_key(&other));
	cr_assert_str_neq(d.key, other.key);
	for (i = 0; i < NAMES; i++) {
		cr_assert_eq(cost_of(&d, i), cost_of(&d, i));
		n[cost_of(&d, i)]++;
		same += cost_of(&d, i) == cost_of(&other, i);
	}
	cr_assert(is_about(n[COST_INTERACTIVE], 20), "%u", n[0]);
	cr_assert(is_about(n[COST_MODERATE], 50), "%u", n[1]);
	cr_assert(is_about(n[COST_MINIMAL], 30), "%u", n[2]);
	cr_assert(is_about(same, 4 + 25 + 9), "%u", same);
}

/* As accounts log in again, each name goes over once, as theirs do. */
Test(decoy, goes_over_as_accounts_do)
{
	struct decoys d = { 0 };
	enum auth_cost cost[1000];
	unsigned i, n, over = 0;

	add(&d, COST_INTERACTIVE, 200);
	for (i = 0; i < NITEMS(cost); i++)
		cost[i] = COST_INTERACTIVE;
	for (n = 0; n < 200; n++) {
		decoys_add(&d, hashes[COST_MODERATE]);
		decoys_del(&d, hashes[COST_INTERACTIVE]);
		decoys_want_key(&d);
		for (i = 0; i < NITEMS(cost); i++) {
			if (cost_of(&d, i) == cost[i])
				continue;
			cr_assert_eq(cost_of(&d, i), COST_MODERATE);
			cost[i] = COST_MODERATE;
			over++;
		}
	}
	cr_assert_eq(over, NITEMS(cost));
}

static bool
load(struct decoys *d, const char *key, const char *value)
{
	const struct store_fact stored = { key, value };
	struct fact f;
	bool taken;

	cr_assert(fact_parse(&f, &stored));
	taken = decoys_load(d, &f);
	fact_free(&f);
	return taken;
}

Test(decoy, the_key_is_a_fact)
{
	struct decoys d = { 0 }, again = { 0 };
	char *value;
	unsigned i;

	add(&d, COST_MINIMAL, 10);
	add(&d, COST_MODERATE, 10);
	cr_assert(decoys_want_key(&d));
	d.kept = true;
	cr_assert_not(decoys_want_key(&d));
	add(&again, COST_MINIMAL, 10);
	add(&again, COST_MODERATE, 10);
	cr_assert_not(load(&again, "login/ann", "5"));
	cr_assert(load(&again, DECOY_FACT, "\"short\""));
	cr_assert(load(&again, DECOY_FACT, "5"));
	cr_assert_not(again.kept);
	value = xasprintf("\"%s\"", d.key);
	cr_assert(load(&again, DECOY_FACT, value));
	free(value);
	cr_assert_not(decoys_want_key(&again));
	for (i = 0; i < NAMES; i++)
		cr_assert_eq(cost_of(&d, i), cost_of(&again, i));
}
