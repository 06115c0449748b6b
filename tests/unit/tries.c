#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tries.h"
#include "util.h"

#define MINUTE	UINT64_C(60000)
#define START	(100 * MINUTE)

static uint32_t retry;

static bool
may(const struct tries *t, const char *key, uint64_t now)
{
	retry = 0;
	return tries_allowed(t, key, now, &retry);
}

/* How many more there are at that moment; takes them. */
static unsigned
left(struct tries *t, const char *key, uint64_t now)
{
	unsigned n;

	for (n = 0; n < 1000 && may(t, key, now); n++)
		tries_failed(t, key, now);
	return n;
}

Test(tries, so_many_then_one_after_the_other)
{
	struct tries *t = tries_new(10, 10 * MINUTE);

	cr_assert_eq(left(t, "n:ada", START), 10);
	cr_assert_eq(retry, MINUTE);
	cr_assert_not(may(t, "n:ada", START + 100));
	cr_assert_eq(retry, MINUTE - 100);
	cr_assert_not(may(t, "n:ada", START + MINUTE - 1));
	cr_assert_eq(retry, 1);
	cr_assert_eq(left(t, "n:ada", START + MINUTE), 1);
	cr_assert_eq(left(t, "n:ada", START + 4 * MINUTE), 3);
	cr_assert_eq(left(t, "n:ada", START + 30 * MINUTE), 10, "no more");
	cr_assert_eq(left(t, "n:bob", START), 10, "to each its own");
	tries_free(t);
	tries_free(NULL);
}

Test(tries, none_is_no_limit)
{
	struct tries *t = tries_new(0, 10 * MINUTE);

	cr_assert_eq(left(t, "n:ada", START), 1000);
	cr_assert_eq(tries_keys(t), 0);
	tries_undo(t, "n:ada");
	tries_forget(t, "n:ada");
	tries_free(t);
}

Test(tries, one_is_once_a_window)
{
	struct tries *t = tries_new(1, MINUTE);

	cr_assert_eq(left(t, "n:ada", START), 1);
	cr_assert_eq(retry, MINUTE);
	cr_assert_eq(left(t, "n:ada", START + MINUTE - 1), 0);
	cr_assert_eq(left(t, "n:ada", START + MINUTE), 1);
	tries_free(t);
}

Test(tries, undone_and_forgotten)
{
	struct tries *t = tries_new(10, 10 * MINUTE);

	left(t, "i:192.0.2.1", START);
	tries_undo(t, "i:192.0.2.1");
	cr_assert_eq(left(t, "i:192.0.2.1", START), 1);
	left(t, "n:ada", START);
	tries_forget(t, "n:ada");
	cr_assert_eq(tries_keys(t), 1);
	cr_assert_eq(left(t, "n:ada", START), 10);
	tries_undo(t, "n:nobody");
	tries_forget(t, "n:nobody");
	tries_undo(t, "n:ada");
	for (int i = 0; i < 20; i++)
		tries_undo(t, "n:ada");
	cr_assert_eq(left(t, "n:ada", START), 10, "never more than all");
	tries_free(t);
}

Test(tries, reconfigured)
{
	struct tries *t = tries_new(10, 10 * MINUTE);

	left(t, "n:ada", START);
	tries_set(t, 3, MINUTE);
	cr_assert_not(may(t, "n:ada", START));
	cr_assert_eq(retry, MINUTE / 3);
	tries_set(t, 20, 20 * MINUTE);
	cr_assert_eq(left(t, "n:ada", START), 10);
	tries_set(t, 0, MINUTE);
	cr_assert(may(t, "n:ada", START));
	tries_free(t);
}

Test(tries, a_clock_that_jumps)
{
	struct tries *t = tries_new(10, 10 * MINUTE);

	left(t, "n:ada", START);
	cr_assert_not(may(t, "n:ada", 0));
	cr_assert_eq(retry, MINUTE, "not %d minutes", 101);
	tries_failed(t, "n:ada", 0);
	cr_assert_eq(left(t, "n:ada", MINUTE), 1);
	cr_assert_eq(left(t, "n:ada", UINT64_MAX / 2), 10);
	tries_free(t);
}

Test(tries, what_is_whole_is_swept)
{
	struct tries *t = tries_new(10, 10 * MINUTE);
	char key[32];
	unsigned i;

	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "n:user%u", i);
		tries_failed(t, key, START + i);
	}
	cr_assert_eq(tries_keys(t), 100);
	tries_failed(t, "n:ada", START + MINUTE + 49);
	cr_assert_eq(tries_keys(t), 51);
	tries_failed(t, "n:ada", START + 20 * MINUTE);
	cr_assert_eq(tries_keys(t), 1);
	tries_free(t);
}

Test(tries, bounded)
{
	struct tries *t = tries_new(2, 10 * MINUTE);
	char key[32];
	unsigned i;

	left(t, "n:first", START);
	left(t, "n:second", START);
	tries_failed(t, "n:first", START);	/* it is the younger one now */
	for (i = 0; i < TRIES_KEYS - 1; i++) {
		snprintf(key, sizeof(key), "n:user%u", i);
		tries_failed(t, key, START);
	}
	cr_assert_eq(tries_keys(t), TRIES_KEYS);
	cr_assert(may(t, "n:second", START));
	cr_assert_not(may(t, "n:first", START));
	tries_failed(t, "n:one more", START);
	cr_assert_eq(tries_keys(t), TRIES_KEYS);
	cr_assert(may(t, "n:first", START));
	tries_free(t);
}

Test(tries, address_keys)
{
	static const struct {
		const char	*address, *key;
	} keys[] = {
		{ "192.0.2.7", "i:192.0.2.7" },
		{ "::ffff:192.0.2.7", "i:192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "i:2001:db8:1:2::/64" },
		{ "2001:db8:1:2::", "i:2001:db8:1:2::/64" },
		{ "::1", "i:::/64" },
		{ "unix", "i:unix" },
		{ "", "i:" }
	};
	char key[TRIES_KEY_SIZE];
	size_t i;

	for (i = 0; i < NITEMS(keys); i++) {
		tries_address_key(key, keys[i].address);
		cr_assert_str_eq(key, keys[i].key);
	}
}

static struct buf kept;

static void
keep_cb(void *arg, const char *key, uint64_t ms)
{
	(void)arg;
	buf_addf(&kept, "%s %llu\n", key, (unsigned long long)ms);
	tries_restore(arg, key, ms, 0);
}

/* Another process's clock has another zero, and its options may differ. */
Test(tries, go_along)
{
	struct tries *t = tries_new(10, 10 * MINUTE), *u;

	tries_failed(t, "n:whole", START - 20 * MINUTE);
	tries_failed(t, "n:ada", START - MINUTE / 2);
	left(t, "n:bob", START);
	u = tries_new(5, 5 * MINUTE);
	tries_each(t, START, keep_cb, u);
	cr_assert_str_eq(buf_str(&kept), "n:ada 30000\nn:bob 600000\n");
	cr_assert_eq(left(u, "n:ada", 0), 4);
	cr_assert_not(may(u, "n:bob", 0));
	cr_assert_eq(retry, MINUTE);
	cr_assert_eq(left(u, "n:whole", 0), 5);
	tries_free(t);
	tries_free(u);
	buf_free(&kept);
	u = tries_new(0, MINUTE);
	tries_restore(u, "n:ada", MINUTE, 0);
	cr_assert_eq(tries_keys(u), 0);
	tries_free(u);
}
