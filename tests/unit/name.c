#include <criterion/criterion.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "name.h"

#define B(s)	(s), sizeof(s) - 1
#define A10	"aaaaaaaaaa"
#define FFFD	"\xef\xbf\xbd"

/* A file of the public test data that may lie beside the checkout. */
static bool
shared_read(const char *path, struct buf *out)
{
	const char *dir = getenv("SHARED"), *src = getenv("srcdir");
	char *full = dir != NULL ? xasprintf("%s/data/%s", dir, path) :
	    xasprintf("%s/../shared/data/%s", src != NULL ? src : ".", path);
	FILE *f = fopen(full, "r");
	size_t n;

	free(full);
	if (f == NULL)
		return false;
	while ((n = fread(buf_room(out, 4096), 1, 4096, f)) > 0)
		out->len += n;
	fclose(f);
	return true;
}

static size_t
encode(uint32_t c, char out[4])
{
	return (size_t)u8_uctomb((uint8_t *)out, c, 4);
}

static const struct {
	const char	*in;
	size_t		 len;
	const char	*shown, *key;
} good[] = {
	{ B("a"), "a", "a" },
	{ B("Ann"), "Ann", "ann" },
	{ B("AZaz09-_."), "AZaz09-_.", "azaz09-_." },
	{ B("_-."), "_-.", "_-." },
	{ B("0"), "0", "0" },
	{ B(A10 A10 A10 "aa"), A10 A10 A10 "aa", A10 A10 A10 "aa" },
	{ B("Stra\xc3\x9f" "e"), "Stra\xc3\x9f" "e", "strasse" },
	{ B("\xc3\x84"), "\xc3\x84", "\xc3\xa4" },
	{ B("A\xcc\x88"), "\xc3\x84", "\xc3\xa4" },	/* composed */
	{ B("\xef\xbc\xa1\xef\xbd\x8e\xef\xbd\x8e"), "Ann", "ann" },
	{ B("\xe2\x84\xaa"), "K", "k" },		/* KELVIN SIGN */
	{ B("\xef\xac\x81"), "fi", "fi" },		/* a ligature */
	{ B("\xcf\x83\xcf\x82"), "\xcf\x83\xcf\x82", "\xcf\x83\xcf\x83" },
	{ B("\xe6\x97\xa5\xe6\x9c\xac"), "\xe6\x97\xa5\xe6\x9c\xac",
	    "\xe6\x97\xa5\xe6\x9c\xac" },
	{ B("\xd9\xa3"), "\xd9\xa3", "\xd9\xa3" },	/* a digit */
	{ B("x\xcc\xa7"), "x\xcc\xa7", "x\xcc\xa7" },	/* a mark */
	{ B("\xf0\x90\x90\x80"), "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8" },
	{ B("\xef\xbc\x91\xef\xbc\xbf\xef\xbc\xa1"), "1_A", "1_a" },
	{ B("\xf0\x9d\x9f\x99" "1"), "11", "11" },	/* a double-struck 1 */
	{ B("\xcf\xb2"), "\xcf\x82", "\xcf\x83" },	/* a lunate sigma */
	{ B("\xe0\xa7\xaa\xe0\xa7\xa6"), "\xe0\xa7\xaa\xe0\xa7\xa6",
	    "\xe0\xa7\xaa\xe0\xa7\xa6" },
	/* Devanagari with a virama, Hebrew with points, Thai, Arabic */
	{ B("\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7"),
	    "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7",
	    "\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7" },
	{ B("\xd7\x91\xd6\xbc\xd6\xb0"), "\xd7\x91\xd6\xb0\xd6\xbc",
	    "\xd7\x91\xd6\xb0\xd6\xbc" },
	{ B("\xe0\xb8\x99\xe0\xb9\x89\xe0\xb8\xb3"),
	    "\xe0\xb8\x99\xe0\xb9\x89\xe0\xb9\x8d\xe0\xb8\xb2",
	    "\xe0\xb8\x99\xe0\xb9\x89\xe0\xb9\x8d\xe0\xb8\xb2" },
	{ B("\xef\xbb\xbb"), "\xd9\x84\xd8\xa7", "\xd9\x84\xd8\xa7" },
	{ B("q\xcc\xa7\xcc\x88\xcc\x81\xcc\x8a"),
	    "q\xcc\xa7\xcc\x88\xcc\x81\xcc\x8a",
	    "q\xcc\xa7\xcc\x88\xcc\x81\xcc\x8a" },	/* four marks */
};

static const struct {
	const char	*in;
	size_t		 len;
	const char	*why;
} bad[] = {
	{ B(""), "empty" },
	{ B("-a"), "begins" }, { B(".a"), "begins" }, { B("-"), "begins" },
	{ B(".."), "begins" },
	{ B("\xef\xbc\x8d" "a"), "begins" },	/* FULLWIDTH HYPHEN-MINUS */
	{ B("\xe2\x80\xa6"), "begins" },	/* three dots by NFKC */
	{ B("\xcc\x88" "a"), "combining" },
	{ B(A10 A10 A10 "aaa"), "longer" },
	{ B(A10 A10 A10 "a\xc3\xa9\xc3\xa9"), "longer" },
	{ B("a b"), "something" }, { B(" a"), "something" },
	{ B("a "), "something" }, { B("a\n"), "something" },
	{ B("a\r\n"), "something" }, { B("a\0b"), "something" },
	{ B("\0"), "something" }, { B("a\x1b[31m"), "something" },
	{ B("#a"), "something" }, { B("@a"), "something" },
	{ B("a@b"), "something" }, { B("a/b"), "something" },
	{ B("a\"b"), "something" }, { B("a=b"), "something" },
	{ B("a\x7f"), "something" }, { B("a\xc2\xa0"), "something" },
	{ B("a\xc2\x9b"), "something" },	/* C1 */
	{ B("a\xe2\x80\x8b"), "something" },	/* ZERO WIDTH SPACE */
	{ B("a\xe2\x80\xae"), "something" },	/* RIGHT-TO-LEFT OVERRIDE */
	{ B("a\xef\xbb\xbf"), "something" },	/* BOM */
	{ B("\xf0\x9f\x98\x80"), "something" },	/* emoji */
	{ B("\xe2\x85\xa0\xc2\xbd"), "something" },	/* a fraction */
	{ B("\xef\xb7\xba"), "something" },	/* 18 with spaces by NFKC */
	{ B("\xee\x80\x80"), "something" },	/* private use */
	{ B("\xef\xbf\xbf"), "something" },	/* noncharacter */
	{ B("a\xef\xb8\x8f"), "invisible" },	/* VARIATION SELECTOR-16 */
	{ B("\xe3\x85\xa4"), "invisible" },	/* HANGUL FILLER */
	{ B("a\xcd\x8f"), "invisible" },	/* COMBINING GRAPHEME JOINER */
	{ B("a\xf3\xa0\x84\x80"), "invisible" },	/* SELECTOR-17 */
	{ B("a\xe1\xa0\x8b"), "invisible" },	/* Mongolian's selector */
	{ B("\xe1\x85\x9f"), "invisible" },	/* HANGUL CHOSEONG FILLER */
	{ B("a\xe1\x85\xa0"), "invisible" },	/* JUNGSEONG FILLER */
	{ B("a\xef\xbe\xa0"), "invisible" },	/* HALFWIDTH FILLER */
	{ B("\xe1\x9e\x80\xe1\x9e\xb4"), "invisible" },	/* Khmer's vowel */
	{ B("a\xf0\x96\xbf\xa4"), "invisible" },	/* Khitan's filler */
	{ B("a\xf3\xa0\x81\x81"), "something" },	/* TAG LATIN A */
	{ B("a\xe2\x80\x8c" "b"), "something" },	/* ZWNJ */
	{ B("\xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8d"), "something" }, /* ZWJ */
	{ B("a\xc2\xad"), "something" },	/* SOFT HYPHEN */
	{ B("a\xe2\x80\x8e"), "something" },	/* LEFT-TO-RIGHT MARK */
	{ B("a\xe2\x81\xa0"), "something" },	/* WORD JOINER */
	{ B("a\xe2\x81\xa7"), "something" },	/* an isolate */
	{ B("\xd8\x9c"), "something" },		/* ARABIC LETTER MARK */
	{ B("a\xe2\xa0\x80"), "something" },	/* BRAILLE BLANK */
	{ B("a\xe3\x80\x80"), "something" },	/* IDEOGRAPHIC SPACE */
	{ B("\xcd\xb8"), "something" },		/* unassigned */
	{ B("\xf3\xb0\x80\x80"), "something" },	/* private, plane 15 */
	{ B("1\xd9\xa1"), "two scripts" }, { B("\xd9\xa1_1"), "two scripts" },
	{ B("\xdb\xb1\xd9\xa1"), "two scripts" },	/* two Arabic ones */
	{ B("8\xe0\xa7\xaa"), "two scripts" },
	{ B("a\xcc\xa7\xcc\xa7"), "twice" },
	{ B("q\xcc\xa7\xcc\x88\xcc\x81\xcc\x8a\xcc\x81"), "more than four" },
	{ B("\xff"), "UTF-8" }, { B("a\xc3"), "UTF-8" },
	{ B("a\xed\xa0\x80"), "UTF-8" }, { B("\xc0\xae"), "UTF-8" },
};

Test(name, good)
{
	struct name n;
	const char *why = "unset";
	size_t i;

	for (i = 0; i < NITEMS(good); i++) {
		memset(&n, 'x', sizeof(n));
		cr_assert(name_parse(&n, good[i].in, good[i].len, &why),
		    "%s %s", good[i].in, why);
		cr_assert_str_eq(n.shown, good[i].shown);
		cr_assert_str_eq(n.key, good[i].key);
	}
	cr_assert_str_eq(why, "unset");
}

Test(name, bad)
{
	struct name n;
	size_t i;

	for (i = 0; i < NITEMS(bad); i++) {
		const char *why = "unset";
		char *copy = xmemdup(bad[i].in, bad[i].len);

		cr_assert(!name_parse(&n, copy, bad[i].len, &why), "%zu: %s",
		    i, bad[i].in);
		cr_assert_not_null(strstr(why, bad[i].why), "%zu: %s is %s",
		    i, bad[i].in, why);
		cr_assert_str_empty(n.shown);
		cr_assert_str_empty(n.key);
		cr_assert(!name_parse(&n, copy, bad[i].len, NULL));
		free(copy);
	}
}

/* Every ASCII character alone and inside. */
Test(name, every_ascii)
{
	int c;

	for (c = 0; c < 0x80; c++) {
		const char s[] = { 'a', (char)c, 'b' };
		bool ok = c != 0 && strchr("abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", c) != NULL;
		struct name n;

		cr_assert_eq(name_parse(&n, s, 3, NULL), ok, "%d", c);
		cr_assert_eq(name_parse(&n, s + 1, 1, NULL),
		    ok && c != '-' && c != '.', "%d", c);
	}
}

/* What is accepted is parsed to itself, and its key is its own key. */
static bool
stable(const char *s, size_t len)
{
	struct name n, again, key;

	if (!name_parse(&n, s, len, NULL))
		return true;
	return name_parse(&again, n.shown, strlen(n.shown), NULL) &&
	    strcmp(n.shown, again.shown) == 0 &&
	    strcmp(n.key, again.key) == 0 &&
	    (!name_parse(&key, n.key, strlen(n.key), NULL) ||
	    (strcmp(n.key, key.shown) == 0 && strcmp(n.key, key.key) == 0));
}

Test(name, every_character_is_stable, .timeout = 120)
{
	char s[16];
	uint32_t c;
	size_t len;

	for (c = 0; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		len = encode(c, s);
		cr_assert(stable(s, len), "U+%04X", c);
	}
	for (c = 0x80; c < 0x3000; c++) {	/* as a base, and after one */
		len = encode(c, s);
		memcpy(s + len, "\xcd\x85\xcc\x81", 4);
		cr_assert(stable(s, len + 4), "U+%04X U+0345 U+0301", c);
		memmove(s + 2, s, len);
		memcpy(s, "\xce\xb1", 2);
		cr_assert(stable(s, len + 2), "U+03B1 U+%04X", c);
	}
}

/* The longest in characters and in bytes, and one more. */
Test(name, longest)
{
	struct buf b = { 0 };
	struct name n;
	const char *why;
	size_t i;

	for (i = 0; i < NAME_CHARS; i++)
		buf_adds(&b, "\xf0\x90\x90\x80");
	cr_assert(name_parse_room(&n, buf_str(&b), b.len, NULL));
	cr_assert_eq(strlen(n.shown), 4 * NAME_CHARS);
	cr_assert_eq(strlen(n.key), 4 * NAME_CHARS);
	buf_addc(&b, 'a');
	cr_assert(!name_parse(&n, buf_str(&b), b.len, &why));
	cr_assert_not_null(strstr(why, "longer"));

	/* decomposed: more before NFKC than after */
	buf_reset(&b);
	for (i = 0; i < NAME_CHARS; i++)
		buf_adds(&b, "\xf0\x9d\x9b\xbc\xcc\x93\xcc\x80");
	cr_assert(name_parse(&n, buf_str(&b), b.len, NULL));
	cr_assert_eq(strlen(n.shown), 3 * NAME_CHARS);
	buf_adds(&b, "a");
	cr_assert(!name_parse(&n, buf_str(&b), b.len, NULL));

	/* what grows by folding past what fits */
	buf_reset(&b);
	for (i = 0; i < NAME_CHARS; i++)
		buf_adds(&b, "\xe1\xbe\xb7");	/* folds to three, 6 bytes */
	cr_assert(!name_parse(&n, buf_str(&b), b.len, &why));
	cr_assert_not_null(strstr(why, "bytes"));

	/* absurd */
	buf_reset(&b);
	for (i = 0; i < 16384; i++)
		buf_addc(&b, 'a');
	cr_assert(!name_parse(&n, buf_str(&b), b.len, &why));
	cr_assert_not_null(strstr(why, "longer"));
	buf_free(&b);
}

Test(name, rooms)
{
	static const struct {
		const char	*in, *shown, *key;
	} rooms[] = {
		{ "lobby", "lobby", "lobby" }, { "#Lobby", "Lobby", "lobby" },
		{ "@Ann", "@Ann", "@ann" }, { "#@ann", "@ann", "@ann" },
		{ "", NULL, NULL }, { "#", NULL, NULL }, { "@", NULL, NULL },
		{ "##a", NULL, NULL }, { "@@a", NULL, NULL },
		{ "@#a", NULL, NULL }, { "@-a", NULL, NULL },
		{ "#.a", NULL, NULL }, { "a#", NULL, NULL },
		{ "@" A10 A10 A10 "aa", "@" A10 A10 A10 "aa",
		    "@" A10 A10 A10 "aa" },
		{ "@" A10 A10 A10 "aaa", NULL, NULL },
	};
	struct name n;
	const char *why;
	size_t i;

	for (i = 0; i < NITEMS(rooms); i++) {
		why = NULL;
		cr_assert_eq(name_parse_room(&n, rooms[i].in,
		    strlen(rooms[i].in), &why), rooms[i].shown != NULL, "%s",
		    rooms[i].in);
		if (rooms[i].shown == NULL) {
			cr_assert_not_null(why);
			continue;
		}
		cr_assert_str_eq(n.shown, rooms[i].shown);
		cr_assert_str_eq(n.key, rooms[i].key);
	}
}

/* Against libunistring's own check, with and without ASCII around it. */
static void
check_valid(const char *s, size_t len)
{
	const uint8_t *wrong = u8_check((const uint8_t *)s, len);
	char padded[32];
	size_t pad, at, n;

	for (pad = 0; pad <= 9; pad += 3) {
		memset(padded, 'x', sizeof(padded));
		memcpy(padded + pad, s, len);
		at = 99;
		n = pad + len;
		cr_assert_eq(utf8_valid(padded, n, &at), wrong == NULL);
		cr_assert_eq(at, wrong == NULL ? 99 :
		    (size_t)(wrong - (const uint8_t *)s) + pad);
		if (wrong != NULL)	/* what is cut off may be finished */
			cr_assert(!utf8_valid(padded, n, NULL));
	}
}

Test(name, utf8_boundaries, .timeout = 120)
{
	static const uint8_t tails[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90,
	    0x9f, 0xa0, 0xbf, 0xc0, 0xff };
	uint8_t s[5] = { 0 };
	unsigned a, b;
	size_t c, d;

	check_valid("", 0);
	for (a = 0; a < 256; a++) {
		s[0] = (uint8_t)a;
		check_valid((char *)s, 1);
		for (b = 0; b < 256; b++) {
			s[1] = (uint8_t)b;
			check_valid((char *)s, 2);
			if (a < 0xc0)
				continue;
			for (c = 0; c < NITEMS(tails); c++) {
				s[2] = tails[c];
				check_valid((char *)s, 3);
				if (a < 0xf0)
					continue;
				for (d = 0; d < NITEMS(tails); d++) {
					s[3] = tails[d];
					check_valid((char *)s, 4);
				}
			}
		}
	}
}

Test(name, utf8_every_character)
{
	uint32_t c;
	char s[4];

	for (c = 0; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		cr_assert(utf8_valid(s, encode(c, s), NULL), "U+%04X", c);
	}
	cr_assert(!utf8_valid("\xf4\x90\x80\x80", 4, NULL));
	cr_assert(!utf8_valid("\xf8\x88\x80\x80\x80", 5, NULL));
	cr_assert(!utf8_valid("\xed\xa0\x80\xed\xb0\x80", 6, NULL));
}

static bool
is_control(uint32_t c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Every character, behind 0 to 8 others and before one. */
Test(name, clean_every_character, .timeout = 120)
{
	struct buf in = { 0 }, out = { 0 }, want = { 0 };
	uint32_t c;
	char s[4];
	size_t len;

	for (c = 0; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		if (c >= 0x3000 && c % 61 != 0)
			continue;
		len = encode(c, s);
		buf_reset(&in);
		buf_reset(&out);
		buf_reset(&want);
		buf_add(&in, "12345678", c % 9);
		buf_add(&want, in.data, in.len);
		buf_add(&in, s, len);
		if (is_control(c))
			buf_add(&want, FFFD, 3);
		else
			buf_add(&want, s, len);
		buf_addc(&in, '!');
		buf_addc(&want, '!');
		text_clean(&out, in.data, in.len);
		cr_assert_eq(out.len, want.len, "U+%04X", c);
		cr_assert_arr_eq(out.data, want.data, want.len, "U+%04X", c);
	}
	buf_free(&in);
	buf_free(&out);
	buf_free(&want);
}

Test(name, clean_texts)
{
	static const struct {
		const char	*in;
		size_t		 len;
		const char	*want;
	} texts[] = {
		{ B(""), "" }, { B("hello"), "hello" },
		{ B("tab\tstays"), "tab\tstays" },
		{ B("\x1b[31mred\x1b[0m"), FFFD "[31mred" FFFD "[0m" },
		{ B("\xc2\x9b" "31m"), FFFD "31m" },
		{ B("a\r\nb"), "a" FFFD FFFD "b" },
		{ B("\0\0"), FFFD FFFD },
		{ B("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f"), FFFD FFFD FFFD
		    FFFD FFFD FFFD FFFD FFFD FFFD },
		{ B("\xe2\x80\xae" "evil\xe2\x80\xac"), FFFD "evil" FFFD },
		{ B("\xe2\x81\xa6x\xe2\x81\xa9"), FFFD "x" FFFD },
		{ B("\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
		    "\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa" },
		{ B("\xc2\xa0\xc3\x9b"), "\xc2\xa0\xc3\x9b" },
	};
	size_t i;

	for (i = 0; i < NITEMS(texts); i++) {
		struct buf out = { 0 };
		char *copy = xmemdup(texts[i].in, texts[i].len);

		buf_adds(&out, "before:");
		text_clean(&out, copy, texts[i].len);
		cr_assert_str_eq(buf_str(&out) + 7, texts[i].want, "%zu", i);
		buf_free(&out);
		free(copy);
	}
}

/* What jansson reads is what was quoted. */
static void
check_quote(const char *s, size_t len)
{
	struct buf out = { 0 };
	json_error_t error;
	json_t *v;
	char *copy = xmemdup(s, len);

	buf_addc(&out, ' ');
	json_quote(&out, copy, len);
	v = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
	    &error);
	cr_assert_not_null(v, "%s: %s", buf_str(&out), error.text);
	cr_assert_eq(json_string_length(v), len);
	cr_assert_arr_eq(json_string_value(v), s, len);
	json_decref(v);
	buf_free(&out);
	free(copy);
}

Test(name, quote_every_byte_everywhere)
{
	char s[40];
	size_t len, at;
	int c;

	check_quote("", 0);
	for (c = 0; c < 0x80; c++) {
		for (len = 1; len < 20; len++) {
			for (at = 0; at < len; at++) {
				memset(s, '~', sizeof(s));
				s[at] = (char)c;
				check_quote(s, len);
			}
		}
	}
}

Test(name, quote_unicode)
{
	struct buf b = { 0 };
	char s[4];
	uint32_t c;

	for (c = 0; c < 0x30000; c += c < 0x800 ? 1 : 37) {
		if (c >= 0xd800 && c < 0xe000)
			continue;
		buf_add(&b, s, encode(c, s));
		if (b.len > 200) {
			check_quote(b.data, b.len);
			buf_reset(&b);
		}
	}
	buf_free(&b);
}

Test(name, quote_as_is)
{
	struct buf out = { 0 };

	json_quote(&out,
	    B("a\"\\/\b\f\n\r\t\0\x1f\x7f\xc3\xa9\xf0\x9f\x98\x80"));
	cr_assert_str_eq(buf_str(&out), "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000"
	    "\\u001f\x7f\xc3\xa9\xf0\x9f\x98\x80\"");
	buf_free(&out);
}

Test(name, width)
{
	static const struct {
		const char	*s;
		size_t		 len, width;
	} widths[] = {
		{ B(""), 0 }, { B("hello"), 5 }, { B("~ ~"), 3 },
		{ B("\xc3\xa9"), 1 }, { B("e\xcc\x81"), 1 },
		{ B("\xe6\x97\xa5\xe6\x9c\xac x"), 6 },
		{ B("\xf0\x9f\x98\x80"), 2 }, { B("a\tb"), 2 },
		{ B("a\x7f"), 1 },
	};
	size_t i, w;

	for (i = 0; i < NITEMS(widths); i++) {
		w = text_width(widths[i].s, widths[i].len);
		cr_assert_eq(w, widths[i].width, "%s: %zu", widths[i].s, w);
	}
}

Test(name, distance)
{
	static const struct {
		const char	*a, *b;
		unsigned	 d;
	} words[] = {
		{ "", "", 0 }, { "", "abc", 3 }, { "join", "join", 0 },
		{ "jion", "join", 1 }, { "join", "joins", 1 },
		{ "join", "jin", 1 }, { "join", "coin", 1 },
		{ "kitten", "sitting", 3 }, { "who", "help", 4 },
		{ "ca", "abc", 3 }, { "ab", "ba", 1 },
		{ "a", A10 A10 A10 A10, 39 },
		{ A10 A10 A10 A10, A10 A10 A10 A10 A10, 26 },
	};
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		cr_assert_eq(word_distance(words[i].a, words[i].b),
		    words[i].d, "%s %s: %u", words[i].a, words[i].b,
		    word_distance(words[i].a, words[i].b));
		cr_assert_eq(word_distance(words[i].b, words[i].a),
		    words[i].d);
	}
}

/* What no text may do to who sees it, whatever it was. */
static void
check_harmless(const char *s, size_t len)
{
	struct buf out = { 0 }, again = { 0 };
	size_t i;

	text_clean(&out, s, len);
	cr_assert(utf8_valid(out.data, out.len, NULL));
	for (i = 0; i < out.len; i++)
		cr_assert((unsigned char)out.data[i] >= 0x20 ||
		    out.data[i] == '\t');
	text_clean(&again, out.data, out.len);
	cr_assert_eq(out.len, again.len);
	cr_assert(out.len == 0 ||
	    memcmp(out.data, again.data, out.len) == 0);
	check_quote(s, len);
	if (out.len > 0)
		check_quote(out.data, out.len);
	text_width(s, len);
	cr_assert(stable(s, len));
	buf_free(&out);
	buf_free(&again);
}

Test(name, naughty_strings)
{
	struct buf file = { 0 };
	json_t *all, *one;
	size_t i;

	if (!shared_read("naughty/blns.json", &file))
		cr_skip_test("the naughty strings are not there");
	all = json_loadb(file.data, file.len, JSON_ALLOW_NUL, NULL);
	cr_assert_gt(json_array_size(all), 400);
	json_array_foreach(all, i, one)
		check_harmless(json_string_value(one),
		    json_string_length(one));
	json_decref(all);
	buf_free(&file);
}

/* Lines "6.0.1:invalid:bytes", "1.1.0:valid:bytes". */
Test(name, utf8tests)
{
	struct buf file = { 0 };
	char *line, *end, *kind, *s;
	size_t n = 0;

	if (!shared_read("utf8/utf8tests.bin", &file))
		cr_skip_test("utf8tests is not there");
	buf_str(&file);
	end = file.data + file.len;
	for (line = file.data; line < end; line = s + 1) {
		char *nl = memchr(line, '\n', (size_t)(end - line));

		s = nl != NULL ? nl : end;
		kind = memchr(line, ':', (size_t)(s - line));
		if (*line == '#' || kind == NULL)
			continue;
		kind++;
		line = memchr(kind, ':', (size_t)(s - kind));
		cr_assert_not_null(line);
		line++;
		cr_assert_eq(utf8_valid(line, (size_t)(s - line), NULL),
		    strncmp(kind, "valid", 5) == 0, "%.*s",
		    (int)(s - kind), kind);
		n++;
	}
	cr_assert_gt(n, 50);
	buf_free(&file);
}

/* Kuhn's stress test, line by line, against libunistring's check. */
Test(name, utf8_stress_test)
{
	struct buf file = { 0 };
	char *line, *nl, *end;
	size_t at, broken = 0;

	if (!shared_read("utf8/UTF-8-test.txt", &file))
		cr_skip_test("the stress test is not there");
	end = file.data + file.len;
	for (line = file.data; line < end; line = nl + 1) {
		const uint8_t *wrong;

		nl = memchr(line, '\n', (size_t)(end - line));
		nl = nl != NULL ? nl : end;
		wrong = u8_check((uint8_t *)line, (size_t)(nl - line));
		cr_assert_eq(utf8_valid(line, (size_t)(nl - line), &at),
		    wrong == NULL);
		if (wrong != NULL) {
			cr_assert_eq((char *)wrong, line + at);
			broken++;
		} else {
			check_harmless(line, (size_t)(nl - line));
		}
	}
	cr_assert_gt(broken, 50);
	buf_free(&file);
}

Test(name, near_words)
{
	static const struct {
		const char	*word, *name;
		bool		 near;
	} words[] = {
		{ "foo", "top", false }, { "foo", "room", false },
		{ "tpo", "top", true }, { "stats", "status", true },
		{ "bna", "ban", true }, { "hlep", "help", true },
		{ "xyip", "help", false }, { "acounts", "accounts", true },
		{ "acconut", "accounts", true }, { "o", "op", true },
		{ "xy", "op", false }, { "top", "top", true },
	};
	unsigned best;
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		best = UINT_MAX;
		cr_expect_eq(word_is_near(words[i].word, words[i].name, &best),
		    words[i].near, "%s, %s", words[i].word, words[i].name);
	}
	best = 1;
	cr_expect_not(word_is_near("tpo", "top", &best), "one as near");
}
