/*
 * Passwords are the same however they were typed, and no others are.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "password.h"
#include "util.h"

static char got[PASSWORD_MAX + 1];

static const char *
prepared(const char *typed)
{
	got[password_prepare(got, typed)] = '\0';
	return got;
}

Test(password, as_it_was_typed)
{
	static const struct {
		const char	*typed, *same;
	} cases[] = {
		{ "Geheim, geheim", "Geheim, geheim" },
		{ " two  spaces ", " two  spaces " },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "cafe\xcc\x81", "caf\xc3\xa9" },
		/* Hangul, in parts; marks in another order. */
		{ "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c" },
		{ "q\xcc\x87\xcc\xa3", "q\xcc\xa3\xcc\x87" },
		/* U+00A0, U+2003, U+3000. */
		{ "a\xc2\xa0" "b", "a b" },
		{ "\xe2\x80\x83" "a\xe3\x80\x80", " a " },
		/* Neither case nor width, which NFKC would change. */
		{ "\xef\xbc\xa1\xc3\x84", "\xef\xbc\xa1\xc3\x84" },
		{ "\xef\xac\x81", "\xef\xac\x81" },
		{ "", "" },
		{ "\xff", "" },
	};
	size_t i;

	for (i = 0; i < NITEMS(cases); i++)
		cr_assert_str_eq(prepared(cases[i].typed), cases[i].same,
		    "case %zu", i);
}

/* It is as long as it is prepared: as many characters fit in parts as whole. */
Test(password, how_long)
{
	char typed[PASSWORD_TYPED_MAX + 2] = "";
	size_t i;

	memset(typed, 'x', PASSWORD_MAX + 1);
	cr_assert_eq(password_prepare(got, typed), 0);
	typed[PASSWORD_MAX] = '\0';
	cr_assert_eq(password_prepare(got, typed), PASSWORD_MAX);
	*typed = '\0';
	for (i = 0; i < PASSWORD_MAX / 2; i++)
		strcat(typed, "e\xcc\x81");
	cr_assert_eq(password_prepare(got, typed), PASSWORD_MAX);
	strcat(typed, "x");
	cr_assert_eq(password_prepare(got, typed), 0);
	memset(typed, 'x', sizeof(typed) - 1);
	cr_assert_eq(password_prepare(got, typed), 0);
	/* Each of these takes three times as many bytes in NFC. */
	memset(typed, '\0', sizeof(typed));
	for (i = 0; i + 4 < PASSWORD_TYPED_MAX; i += 4)
		memcpy(typed + i, "\xf0\x9d\x85\xa0", 4);
	cr_assert_eq(password_prepare(got, typed), 0);
	typed[4 * 40] = '\0';
	cr_assert_eq(password_prepare(got, typed), 12 * 40);
}

Test(password, control_characters)
{
	static const char *const bad[] = { "a\tb", "\x7f", "a\xc2\x85" };
	static const char *const good[] = { "a b", "\xc2\xa0", "\xc3\x85" };
	size_t i;

	for (i = 0; i < NITEMS(bad); i++)
		cr_assert(password_has_control(bad[i], strlen(bad[i])));
	for (i = 0; i < NITEMS(good); i++)
		cr_assert_not(password_has_control(good[i], strlen(good[i])));
}
