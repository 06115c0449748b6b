#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "telnet.h"

#define B(s)	(s), sizeof(s) - 1
#define FAMILY	"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d" \
		"\xf0\x9f\x91\xa7"	/* one grapheme of three people */

static const struct {
	const char	*in;
	size_t		 in_len;
	const char	*out;
	size_t		 out_len;
} lines[] = {
	{ B(""), B("") },
	{ B("hello"), B("hello") },
	{ B("tab\tand \x01 stay"), B("tab\tand \x01 stay") },
	/* a character */
	{ B("hellp\bo"), B("hello") },
	{ B("hellp\x7fo"), B("hello") },
	{ B("\b\x7f\b"), B("") },
	{ B("ab\b\b\b\bc"), B("c") },
	{ B("abc\b"), B("ab") },
	{ B("a\xc3\xa9\b"), B("a") },
	{ B("a\xe6\x97\xa5\xe6\x9c\xac\x7f"), B("a\xe6\x97\xa5") },
	{ B("a\xf0\x9f\x98\x80\b"), B("a") },
	{ B("ae\xcc\x81\b"), B("a") },
	{ B("ae\xcc\x81x\b\b"), B("a") },
	{ B("a" FAMILY "\b"), B("a") },
	{ B("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\b"), B("") },	/* a flag */
	{ B("\xcc\x81\b"), B("") },
	/* the line */
	{ B("wrong\x15right"), B("right") },
	{ B("wrong\x03"), B("\x03") },
	{ B("a\x03" "b\x15" "c"), B("c") },
	{ B("\x15\x03"), B("\x03") },
	{ B("\x04"), B("\x04") },
	{ B("\x04" "next"), B("next") },
	{ B("a\x04" "b\x04"), B("ab") },
	{ B("a\xe2\x98\x03" "b"), B("a\xe2\x98\x03" "b") },
	{ B("\xc3\x03"), B("\xc3\x03") },
	{ B("\xf0\x9f\x98\x03"), B("\xf0\x9f\x98\x03") },
	{ B("a\xe2\x98\x83\x03" "b"), B("b") },
	{ B("\xf0\x9f\x98\x80\x03" "b"), B("b") },
	{ B("\x80\x80\x80\x80\x80\x03" "b"), B("b") },
	{ B("\xe2\x98\x03" "b\x15" "c"), B("c") },
	{ B("\xe2\x98\x03" "b\x03" "c"), B("c") },
	/* the word */
	{ B("one two\x17three"), B("one three") },
	{ B("one two  \t \x17three"), B("one three") },
	{ B("one\x17\x17\x17two"), B("two") },
	{ B("   \x17x"), B("x") },
	{ B("a \xc3\xa9\xc3\xa9\x17"), B("a ") },
	/* after one another */
	{ B("ab\x7f\x17" "cd e\x15" "fg\b"), B("f") },
	/* no UTF-8: nothing worse than a byte */
	{ B("a\xff\b"), B("a") },
	{ B("a\xe2\x82\b"), B("a\xe2") },
	{ B("\x80\x80\b"), B("\x80") },
	{ B("\xc3\b"), B("") },
	{ B("a\0b\b"), B("a\0") },
};

Test(line_edit, lines)
{
	size_t i, n;

	for (i = 0; i < NITEMS(lines); i++) {
		char *s = xmemdup(lines[i].in, lines[i].in_len);

		n = line_edit(s, lines[i].in_len);
		cr_assert_eq(n, lines[i].out_len, "line %zu: length %zu", i,
		    n);
		cr_assert(n == 0 || memcmp(s, lines[i].out, n) == 0,
		    "line %zu: \"%.*s\"", i, (int)n, s);
		free(s);
	}
}

Test(line_edit, stops)
{
	static const char line[] = "a\xe2\x98\x03" "b\xe2\x98\x83\x03" "c\x03";

	cr_expect_eq(line_stop(line, sizeof(line) - 1), line + 8);
	cr_expect_null(line_stop(line, 8), "one in a character is none");
	cr_expect_null(line_stop("abc", 3));
	cr_expect_null(line_stop("", 0));
}

/* Valid UTF-8 stays so, and never grows, whatever is typed. */
Test(line_edit, stays_utf8)
{
	static const char *const typed[] = { "a", " ", "\xc3\xa9",
	    "\xe6\x97\xa5", "\xf0\x9f\x98\x80", "\xcc\x81", "\xe2\x80\x8d",
	    "\xf0\x9f\x87\xa9", "\b", "\x7f", "\x17", "\b", "\x15" };
	unsigned seed, i;

	for (seed = 1; seed <= 2000; seed++) {
		struct buf b = { 0 };
		unsigned keys = seed % 200, kinds = NITEMS(typed) -
		    (seed % 10 != 0);	/* the whole line goes seldom */
		size_t n;

		srand(seed);
		for (i = 0; i < keys; i++)
			buf_adds(&b, typed[(unsigned)rand() % kinds]);
		buf_room(&b, 1);
		n = line_edit(b.data, b.len);
		cr_assert_leq(n, b.len);
		cr_assert(utf8_valid(b.data, n, NULL), "seed %u", seed);
		cr_assert_eq(line_edit(b.data, n), n, "seed %u", seed);
		buf_free(&b);
	}
}

/* The longest line, made so that looking far back would take minutes. */
Test(line_edit, long_lines, .timeout = 20)
{
	static const char *const units[] = { "\xf0\x9f\x87\xa9", "\xcc\x81",
	    "\x80", "\xe2\x80\x8d", "\xff", "a", "\xe1\x84\x80",
	    "\xf0\x9f\x91\xa8\xe2\x80\x8d" };
	size_t i, half = 512 * 1024;

	for (i = 0; i < NITEMS(units); i++) {
		struct buf b = { 0 };

		while (b.len < half)
			buf_adds(&b, units[i]);
		memset(buf_room(&b, b.len), '\b', b.len);
		b.len *= 2;
		cr_assert_eq(line_edit(b.data, b.len), 0, "unit %zu", i);
		buf_free(&b);
	}
}
