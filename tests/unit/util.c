#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

Test(util, memory)
{
	char *a = xmalloc(0), *b = xcalloc(0, 8), *c, *d, *e;

	cr_assert_not_null(a);
	cr_assert_not_null(b);
	a = xrealloc(a, 10);
	c = xstrdup("");
	cr_assert_str_eq(c, "");
	d = xmemdup("a\0b", 3);
	cr_assert_arr_eq(d, "a\0b", 3);
	e = xasprintf("%s-%d", "x", 42);
	cr_assert_str_eq(e, "x-42");
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
	free(xmemdup(NULL, 0));
}

Test(util, buf_empty)
{
	struct buf b = { 0 };

	buf_reset(&b);
	buf_trim(&b, 0);
	buf_add(&b, NULL, 0);
	buf_adds(&b, "");
	cr_assert_null(b.data);
	cr_assert_str_eq(buf_str(&b), "");
	cr_assert_eq(b.len, 0);
	buf_free(&b);
	cr_assert_null(b.data);
	buf_free(&b);
}

Test(util, buf_grows_and_keeps)
{
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < 100000; i++)
		buf_addc(&b, (char)i);
	cr_assert_eq(b.len, 100000);
	for (i = 0; i < 100000; i++)
		cr_assert_eq(b.data[i], (char)i);
	cr_assert_leq(b.cap, 200000);
	buf_trim(&b, b.cap);
	cr_assert_not_null(b.data);
	buf_trim(&b, b.cap - 1);
	cr_assert_null(b.data);
	cr_assert_eq(b.cap, 0);
}

Test(util, buf_room_is_writable)
{
	struct buf b = { 0 };
	size_t n;

	for (n = 1; n < 5000; n = n * 3 + 1) {
		memset(buf_room(&b, n), 'x', n);
		b.len += n;
		cr_assert_leq(b.len, b.cap);
	}
	buf_free(&b);
}

/* Texts whose lengths lie around what is free in the buffer. */
Test(util, buf_addf_at_every_length)
{
	char want[400];
	size_t n;

	memset(want, 'y', sizeof(want));
	for (n = 0; n < sizeof(want); n++) {
		struct buf b = { 0 };

		buf_addc(&b, '<');
		buf_addf(&b, "%.*s%s", (int)n, want, ">");
		cr_assert_eq(b.len, n + 2);
		cr_assert_eq(b.data[0], '<');
		cr_assert_arr_eq(b.data + 1, want, n);
		cr_assert_eq(b.data[n + 1], '>');
		buf_free(&b);
	}
}

Test(util, buf_addf_nothing)
{
	struct buf b = { 0 };

	buf_addf(&b, "%s", "");
	cr_assert_eq(b.len, 0);
	buf_addf(&b, "%d%%", 7);
	cr_assert_str_eq(buf_str(&b), "7%");
	buf_free(&b);
}

Test(util, buf_addu)
{
	static const uint64_t numbers[] = { 0, 1, 9, 10, 99, 100, UINT32_MAX,
	    (uint64_t)UINT32_MAX + 1, INT64_MAX, UINT64_MAX - 1, UINT64_MAX };
	size_t i;

	for (i = 0; i < NITEMS(numbers); i++) {
		struct buf b = { 0 };
		char *want = xasprintf("%llu",
		    (unsigned long long)numbers[i]);

		buf_addu(&b, numbers[i]);
		cr_assert_str_eq(buf_str(&b), want);
		buf_free(&b);
		free(want);
	}
}

Test(util, clocks)
{
	uint64_t us = clock_us(), ms = clock_ms();
	int64_t wall = clock_wall();

	cr_assert_geq(ms, us / 1000);
	cr_assert_geq(clock_us(), us);
	cr_assert_gt(wall, 1577836800000);	/* 2020 */
	cr_assert_geq(clock_wall(), wall - 1000);
}

Test(util, time_rfc3339)
{
	static const struct {
		int64_t		 ms;
		const char	*want;
	} times[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ 999, "1970-01-01T00:00:00.999Z" },
		{ 1000, "1970-01-01T00:00:01.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -1000, "1969-12-31T23:59:59.000Z" },
		{ -1001, "1969-12-31T23:59:58.999Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1795329180123, "2026-11-22T06:33:00.123Z" },
		{ 1795329180124, "2026-11-22T06:33:00.124Z" },
		{ 2147483648000, "2038-01-19T03:14:08.000Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	};
	char out[TIME_RFC3339];
	size_t i;

	for (i = 0; i < NITEMS(times); i++) {
		time_rfc3339(times[i].ms, out);
		cr_assert_str_eq(out, times[i].want);
	}
	for (i = NITEMS(times); i-- > 0;) {	/* and not from the cache */
		time_rfc3339(times[i].ms, out);
		cr_assert_str_eq(out, times[i].want);
	}
}

/* Times no clock tells: still of the form, and inside the buffer. */
Test(util, time_rfc3339_absurd)
{
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, INT64_MAX,
	    253402300800000, -62167219200001, -99999999999999 };
	char out[TIME_RFC3339];
	size_t i;

	for (i = 0; i < NITEMS(times); i++) {
		time_rfc3339(times[i], out);
		cr_assert_eq(strlen(out), TIME_RFC3339 - 1u);
		cr_assert_eq(out[10], 'T');
		cr_assert_eq(out[23], 'Z');
	}
}

/* Both change between two seconds: a cache they shared would mix them up. */
static void *
time_thread(void *arg)
{
	static const char *const want[] = { "1970-01-01T00:00:00.000Z",
	    "1970-01-02T00:00:00.000Z" };
	char out[TIME_RFC3339];
	unsigned i;

	for (i = 0; i < 50000; i++) {
		time_rfc3339(i % 2 ? 86400000 : 0, out);
		if (strcmp(out, want[i % 2]) != 0)
			return arg;
	}
	return NULL;
}

Test(util, time_cache_is_a_threads_own)
{
	pthread_t a, b;
	void *failed_a, *failed_b;
	char mark;

	pthread_create(&a, NULL, time_thread, &mark);
	pthread_create(&b, NULL, time_thread, &mark);
	pthread_join(a, &failed_a);
	pthread_join(b, &failed_b);
	cr_assert_null(failed_a);
	cr_assert_null(failed_b);
}

Test(util, random_hex)
{
	char a[65], b[65];
	unsigned seen[16] = { 0 };
	size_t n, i, round;

	for (n = 0; n <= 32; n++) {
		memset(a, '!', sizeof(a));
		random_hex(a, n);
		cr_assert_eq(strlen(a), 2 * n);
		cr_assert_eq(strspn(a, "0123456789abcdef"), 2 * n);
		if (2 * n + 1 < sizeof(a))
			cr_assert_eq(a[2 * n + 1], '!');
	}
	random_hex(a, 32);
	random_hex(b, 32);
	cr_assert_str_neq(a, b);
	for (round = 0; round < 100; round++) {
		random_hex(a, 32);
		for (i = 0; i < 64; i++)
			seen[a[i] <= '9' ? a[i] - '0' : a[i] - 'a' + 10]++;
	}
	/* 400 each, give or take six times 19 */
	for (i = 0; i < 16; i++)
		cr_assert(seen[i] > 280 && seen[i] < 520, "digit %zu: %u",
		    i, seen[i]);
}

Test(util, random_bytes_fills_all)
{
	unsigned char bytes[1000] = { 0 }, or[1000] = { 0 };
	size_t i, round;

	random_bytes(bytes, 0);
	for (round = 0; round < 8; round++) {
		random_bytes(bytes, sizeof(bytes));
		for (i = 0; i < sizeof(bytes); i++)
			or[i] |= bytes[i];
	}
	for (i = 0; i < sizeof(or); i++)
		cr_assert_neq(or[i], 0);
}
