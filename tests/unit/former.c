/*
 * Who had which name a while ago.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "former.h"
#include "util.h"

#define NOW UINT64_C(1000000000)

static const char *
whose(const struct formers *f, uint64_t now, const char *key)
{
	const struct former *one = formers_find(f, now, key);

	return one == NULL ? "nobody" : one->whose == NULL ? "" : one->whose;
}

static void
add(struct formers *f, uint64_t at, const char *key, const char *shown,
    const char *whose, uint32_t sid)
{
	formers_add(f,
	    &(struct former){ .at = at,
		.sid = sid,
		.author = sid,
		.shown = shown,
		.whose = whose },
	    key);
}

Test(former, the_last_one_of_that_name)
{
	struct formers f = { 0 };

	cr_assert_str_eq(whose(&f, NOW, "ann"), "nobody");
	add(&f, NOW, "ann", "Ann", "192.0.2.1", 7);
	add(&f, NOW, "bob", "Bob", NULL, 8);
	add(&f, NOW + 1, "ann", "ANN", "192.0.2.2", 9);
	cr_assert_str_eq(whose(&f, NOW + 2, "ann"), "192.0.2.2");
	cr_assert_str_eq(formers_find(&f, NOW + 2, "ann")->shown, "ANN");
	cr_assert_eq(formers_find(&f, NOW + 2, "ann")->sid, 9);
	cr_assert_str_eq(whose(&f, NOW + 2, "bob"), "");
	formers_resumed(&f, 9, 12);
	cr_assert_eq(formers_find(&f, NOW + 2, "ann")->sid, 12);
	cr_assert_eq(formers_find(&f, NOW + 2, "ann")->author, 9);
	formers_forget(&f, "ann");
	cr_assert_str_eq(whose(&f, NOW + 2, "ann"), "nobody");
	cr_assert_str_eq(whose(&f, NOW + 2, "bob"), "");
	formers_free(&f);
}

Test(former, for_an_hour)
{
	struct formers f = { 0 };

	add(&f, NOW, "ann", "Ann", "192.0.2.1", 7);
	cr_assert_str_eq(whose(&f, NOW + FORMER_MS - 1, "ann"), "192.0.2.1");
	cr_assert_str_eq(whose(&f, NOW + FORMER_MS, "ann"), "nobody");
	formers_free(&f);
}

Test(former, the_newest_ones)
{
	struct formers f = { 0 };
	const struct former *one;
	uint32_t i, at = 0, n = 0;
	char name[16];

	for (i = 0; i < FORMER_MAX + 10; i++) {
		snprintf(name, sizeof(name), "name%u", i);
		add(&f, NOW + i, name, name, NULL, i);
	}
	cr_assert_str_eq(whose(&f, NOW + i, "name9"), "nobody");
	cr_assert_str_eq(whose(&f, NOW + i, "name10"), "");
	while ((one = formers_next(&f, NOW + i, &at)) != NULL) {
		cr_assert_geq(one->sid, 10);
		n++;
	}
	cr_assert_eq(n, FORMER_MAX);
	formers_free(&f);
}

/* Nobody's many names push out those of others. */
Test(former, many_of_one)
{
	struct formers f = { 0 };
	uint32_t i;
	char name[16];

	add(&f, NOW, "ann", "Ann", "192.0.2.1", 1);
	add(&f, NOW, "bob", "Bob", NULL, 2);
	for (i = 0; i < 2 * FORMER_MAX; i++) {
		snprintf(name, sizeof(name), "name%u", i);
		add(&f, NOW + i, name, name, "192.0.2.2", 3);
		snprintf(name, sizeof(name), "other%u", i);
		add(&f, NOW + i, name, name, NULL, 4);
	}
	cr_assert_str_eq(whose(&f, NOW + i, "ann"), "192.0.2.1");
	cr_assert_str_eq(whose(&f, NOW + i, "bob"), "");
	cr_assert_str_eq(whose(&f, NOW + i, name), "");
	snprintf(name, sizeof(name), "name%u", i - FORMER_OWN);
	cr_assert_str_eq(whose(&f, NOW + i, name), "192.0.2.2");
	snprintf(name, sizeof(name), "name%u", i - FORMER_OWN - 1);
	cr_assert_str_eq(whose(&f, NOW + i, name), "nobody");
	formers_free(&f);
}
