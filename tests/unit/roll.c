#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>

#include "roll.h"
#include "util.h"

#define ITEMS	1000

struct item {
	uint64_t num;
	bool	 in;
};

/* The roll against what the items themselves know. */
static void
check_all(const struct roll *r, const struct item *items, unsigned n)
{
	uint32_t at = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		cr_assert_eq(roll_find(r, items[i].num),
		    items[i].in ? &items[i] : NULL, "item %u", i);
		if (items[i].in)
			cr_assert_eq(roll_next(r, &at), &items[i]);
	}
	cr_assert_null(roll_next(r, &at));
	cr_assert_null(roll_next(r, &at), "it is at its end");
}

Test(roll, empty)
{
	struct roll r = { 0 };
	uint32_t at = 0;

	cr_assert_null(roll_find(&r, 0));
	cr_assert_null(roll_find(&r, 1));
	cr_assert_eq(roll_after(&r, 0), 0);
	cr_assert_null(roll_next(&r, &at));
	roll_sort(&r);
	roll_free(&r);
}

Test(roll, finds_by_number)
{
	static const uint64_t nums[] = { 3, 7, UINT64_C(1) << 40 };
	static int items[NITEMS(nums)];
	struct roll r = { 0 };
	size_t i;

	for (i = 0; i < NITEMS(nums); i++)
		roll_add(&r, nums[i], &items[i]);
	for (i = 0; i < NITEMS(nums); i++) {
		cr_assert_eq(roll_find(&r, nums[i]), &items[i]);
		cr_assert_null(roll_find(&r, nums[i] - 1));
		cr_assert_null(roll_find(&r, nums[i] + 1));
		cr_assert_eq(roll_after(&r, nums[i] - 1), i);
		cr_assert_eq(roll_after(&r, nums[i]), i + 1);
	}
	roll_free(&r);
}

/* The store gives what it has in an order of its own. */
Test(roll, sorts_what_came_in_disorder)
{
	struct item items[ITEMS];
	struct roll r = { 0 };
	unsigned i;

	for (i = 0; i < ITEMS; i++)
		items[i] = (struct item){ i * 2 + 1, true };
	for (i = 0; i < ITEMS; i++)		/* 7 has no part in 1000 */
		roll_add(&r, items[i * 7 % ITEMS].num, &items[i * 7 % ITEMS]);
	roll_sort(&r);
	check_all(&r, items, ITEMS);
	roll_free(&r);
}

/* A page goes on at the same place, whatever was removed before it. */
Test(roll, places_hold_when_others_go)
{
	struct item items[ITEMS];
	struct roll r = { 0 };
	uint32_t at, gone = 0;
	unsigned i;

	for (i = 0; i < ITEMS; i++) {
		items[i] = (struct item){ i + 1, true };
		roll_add(&r, items[i].num, &items[i]);
	}
	for (at = 0; roll_next(&r, &at) == &items[gone]; gone++) {
		items[gone].in = false;
		roll_del(&r, items[gone].num);
		cr_assert_eq(roll_after(&r, items[gone].num), at);
	}
	cr_assert_eq(gone, ITEMS);
	check_all(&r, items, ITEMS);
	roll_free(&r);
}

/* Their places are used again: it does not grow with all that ever were. */
Test(roll, removed_ones_cost_nothing)
{
	struct item *items = xcalloc(ITEMS * 10, sizeof(*items));
	struct roll r = { 0 };
	unsigned i;

	for (i = 0; i < ITEMS * 10; i++) {
		items[i] = (struct item){ i + 1, true };
		roll_add(&r, items[i].num, &items[i]);
		if (i % 100 == 0)
			continue;
		items[i].in = false;
		roll_del(&r, items[i].num);
	}
	check_all(&r, items, ITEMS * 10);
	cr_assert_leq(r.cap, ITEMS, "%u places for %u", r.cap, ITEMS / 10);
	roll_free(&r);
	free(items);
}
