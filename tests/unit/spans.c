#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "spans.h"
#include "util.h"

static void
is(const struct spans *s, const char *want)
{
	struct buf b = { 0 };
	uint32_t i;

	for (i = 0; s != NULL && i < s->n; i++)
		buf_addf(&b, "%s%llu-%llu", i > 0 ? " " : "",
		    (unsigned long long)s->list[i].after,
		    (unsigned long long)s->list[i].upto);
	cr_expect_str_eq(buf_str(&b), want, "%s", buf_str(&b));
	buf_free(&b);
}

Test(spans, add)
{
	struct spans *s = NULL;

	spans_add(&s, 5, 5);
	cr_expect_null(s);
	cr_expect_eq(spans_size(s), 0);
	spans_add(&s, 10, 20);
	spans_add(&s, 30, 40);
	spans_add(&s, 1, 5);
	is(s, "1-5 10-20 30-40");
	spans_add(&s, 12, 13);
	is(s, "1-5 10-20 30-40");
	spans_add(&s, 20, 25);
	is(s, "1-5 10-25 30-40");
	spans_add(&s, 4, 31);
	is(s, "1-40");
	spans_add(&s, 0, 50);
	is(s, "0-50");
	cr_expect_eq(spans_size(s), sizeof(*s) + sizeof(s->list[0]));
	free(s);
}

Test(spans, too_many)
{
	struct spans *s = NULL, *gaps = NULL;
	uint64_t i;

	for (i = 1; i <= SPANS_MAX + 2; i++) {
		spans_add(&s, i * 10, i * 10 + 1);
		spans_cover(&gaps, i * 10, i * 10 + 1);
	}
	is(s, "30-31 40-41 50-51 60-61 70-71 80-81 90-91 100-101");
	is(gaps, "10-11 20-21 30-31 40-41 50-51 60-61 70-71 80-101");
	free(s);
	free(gaps);
}

Test(spans, read)
{
	struct spans *s = NULL;

	cr_expect_eq(spans_read(&s, 7), 7);
	spans_add(&s, 10, 20);
	spans_add(&s, 30, 40);
	spans_add(&s, 50, 60);
	cr_expect_eq(spans_read(&s, 9), 9);
	is(s, "10-20 30-40 50-60");
	cr_expect_eq(spans_read(&s, 10), 20);
	is(s, "30-40 50-60");
	cr_expect_eq(spans_read(&s, 45), 45);
	is(s, "50-60");
	cr_expect_eq(spans_read(&s, 55), 60);
	cr_expect_null(s);
}

Test(spans, gaps)
{
	struct spans *s = NULL;
	struct span gap;

	cr_assert(spans_gap(NULL, 0, 3, 9, &gap));
	cr_expect(gap.after == 3 && gap.upto == 9);
	cr_expect_not(spans_gap(NULL, 1, 3, 9, &gap));
	spans_add(&s, 10, 20);
	spans_add(&s, 30, 40);
	cr_assert(spans_gap(s, 0, 5, 35, &gap));
	cr_expect(gap.after == 5 && gap.upto == 10);
	cr_assert(spans_gap(s, 1, 5, 35, &gap));
	cr_expect(gap.after == 20 && gap.upto == 30);
	cr_assert(spans_gap(s, 2, 5, 35, &gap));
	cr_expect(gap.after >= gap.upto);
	cr_expect_not(spans_gap(s, 3, 5, 35, &gap));
	cr_expect_not(spans_have(s, 10));
	cr_expect(spans_have(s, 11));
	cr_expect(spans_have(s, 20));
	cr_expect_not(spans_have(s, 21));
	cr_expect(spans_have(s, 40));
	cr_expect_not(spans_have(s, 41));
	cr_expect_not(spans_have(NULL, 1));
	free(s);
}
