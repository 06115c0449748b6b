#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "json-line.h"
#include "util.h"

/* A line with its length, so that it may hold NULs. */
#define L(s)	{ s, sizeof(s) - 1 }

struct text {
	const char	*s;
	size_t		 n;
};

/* Exactly as long as it is, for the sanitizers. */
static char *
copy(const char *s, size_t n)
{
	return xmemdup(s, n);
}

static bool
scans(const char *s, size_t n)
{
	struct json_line line;
	char *own = copy(s, n);
	bool plain = json_line_scan(&line, own, n);

	if (plain)
		json_line_free(&line);
	else
		cr_expect(memcmp(own, s, n) == 0, "changed: %.*s", (int)n, s);
	free(own);
	return plain;
}

static bool
loads(const char *s, size_t n)
{
	struct request *r = request_new(CMD_NONE);
	struct json_line line;
	bool good = json_line_load(&line, s, n, r);

	if (good)
		json_line_free(&line);
	else
		cr_expect(r->error == ERR_BAD_JSON || r->error == ERR_BAD_UTF8);
	request_free(r);
	return good;
}

/* Scanned, and by jansson: the key has this value in both. */
static void
both(const char *s, const char *key, const struct json_value *want)
{
	struct request *r = request_new(CMD_NONE);
	struct json_line line[2];
	struct json_value got;
	char *own = copy(s, strlen(s));
	int i;

	cr_assert(json_line_scan(&line[0], own, strlen(s)), "%s", s);
	cr_assert(json_line_load(&line[1], s, strlen(s), r), "%s", s);
	for (i = 0; i < 2; i++) {
		json_line_get(&line[i], key, &got);
		cr_expect_eq(got.kind, want->kind, "%s", s);
		if (want->kind == VALUE_INTEGER)
			cr_expect_eq(got.integer, want->integer, "%s", s);
		if (want->kind == VALUE_STRING) {
			cr_expect_eq(got.len, want->len, "%s", s);
			cr_expect_str_eq(got.string, want->string, "%s", s);
		}
		json_line_free(&line[i]);
	}
	free(own);
	request_free(r);
}

static void
is_string(const char *s, const char *want)
{
	const struct json_value value = { .kind = VALUE_STRING, .string = want,
	    .len = strlen(want) };

	both(s, "k", &value);
}

static void
is_integer(const char *s, int64_t want)
{
	const struct json_value value = { .kind = VALUE_INTEGER,
	    .integer = want };

	both(s, "k", &value);
}

Test(json_line, strings)
{
	static const char *const texts[] = { "", "x", "1234567", "12345678",
	    "123456789", "123456789012345", "1234567890123456", "\x7f",
	    "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
	    "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
	    "\xf4\x8f\xbf\xbf", "1234567\xc3\xa4", ("\xc3\xa4" "12345678"),
	    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", "{[,:]}", " ", "/" };
	char *line;
	size_t i;

	for (i = 0; i < NITEMS(texts); i++) {
		line = xasprintf("{\"k\":\"%s\"}", texts[i]);
		is_string(line, texts[i]);
		free(line);
		line = xasprintf("{\"a\":\"%s\",\"k\":\"%s\",\"z\":1}",
		    texts[i], texts[i]);
		is_string(line, texts[i]);
		free(line);
	}
}

Test(json_line, integers)
{
	is_integer("{\"k\":0}", 0);
	is_integer("{\"k\":-0}", 0);
	is_integer("{\"k\":7}", 7);
	is_integer("{\"k\":-7}", -7);
	is_integer("{\"k\":10 }", 10);
	is_integer("{\"k\":999999999999999999}", 999999999999999999);
	is_integer("{\"k\":-999999999999999999}", -999999999999999999);
}

Test(json_line, blanks)
{
	static const char *const lines[] = { "{ \"k\":1}", "{\"k\" :1}",
	    "{\"k\": 1}", "{\"k\":1 }", "{\"k\":1} ", " {\"k\":1}",
	    "\t{\t\"k\"\t:\t1\t}\t", "\r{\r\"k\"\r:\r1\r}\r",
	    "{\"a\":\"b\" ,\"k\":1}", "{\"a\":2, \t\r\"k\":1}" };
	size_t i;

	for (i = 0; i < NITEMS(lines); i++)
		is_integer(lines[i], 1);
}

Test(json_line, keys)
{
	const struct json_value none = { .kind = VALUE_ABSENT };

	is_integer("{\"kk\":2,\"\":3,\"k\":1,\"K\":4,\"k \":5}", 1);
	both("{\"kk\":1,\"\":2,\"K\":3}", "k", &none);
	both("{\"k\":1}", "kk", &none);
	both("{\"k\":1}", "", &none);
	is_integer("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,"
	    "\"k\":8}", 8);
}

/* Sound lines that are not plain: jansson's. */
Test(json_line, not_plain)
{
	static const struct text lines[] = { L("{}"), L(" { } "),
	    L("{\"k\":true}"), L("{\"k\":false}"), L("{\"k\":null}"),
	    L("{\"k\":1.0}"), L("{\"k\":1e1}"), L("{\"k\":1E+1}"),
	    L("{\"k\":-0.0}"), L("{\"k\":{}}"), L("{\"k\":[]}"),
	    L("{\"k\":\"\\n\"}"), L("{\"k\":\"\\u0000\"}"),
	    L("{\"k\":\"\\\"\"}"), L("{\"k\":\"\\\\\"}"),
	    L("{\"k\":\"1234567\\\"\"}"), L("{\"\\u006b\":1}"),
	    L("{\"k\":\"\\ud83d\\ude00\"}"),
	    L("{\"k\":1000000000000000000}"),
	    L("{\"k\":9223372036854775807}"),
	    L("{\"k\":-9223372036854775808}"),
	    L("{\"k\":\n1}"),
	    L("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
	    "\"h\":1,\"i\":1}"),
	    L("[1]") };
	size_t i;

	for (i = 0; i < NITEMS(lines); i++) {
		cr_expect_not(scans(lines[i].s, lines[i].n), "%s", lines[i].s);
		cr_expect_eq(loads(lines[i].s, lines[i].n),
		    lines[i].s[0] != '[', "%s", lines[i].s);
	}
}

/* Wrong ones: neither takes them. */
Test(json_line, wrong)
{
	static const struct text lines[] = { L(""), L(" "), L("{"), L("}"),
	    L("{\"k\":1"), L("{\"k\":"), L("{\"k\""), L("{\"k"), L("{\""),
	    L("{\"k\":\"x"), L("{\"k\":\"12345678"), L("{\"k\":1,}"),
	    L("{,\"k\":1}"), L("{\"k\":1,,\"l\":2}"), L("{\"k\":1 \"l\":2}"),
	    L("{k:1}"), L("{'k':1}"), L("{\"k\":'x'}"), L("{\"k\" 1}"),
	    L("{\"k\":1}x"), L("{\"k\":1}}"), L("{\"k\":1}{}"), L("\"k\""),
	    L("{\"k\":01}"), L("{\"k\":00}"), L("{\"k\":-01}"), L("{\"k\":-}"),
	    L("{\"k\":+1}"), L("{\"k\":--1}"), L("{\"k\":1-}"), L("{\"k\":.5}"),
	    L("{\"k\":1.}"), L("{\"k\":0x1}"), L("{\"k\":1 2}"),
	    L("{\"k\":9223372036854775808}"),
	    L("{\"k\":-9223372036854775809}"),
	    L("{\"k\":1,\"k\":1}"), L("{\"k\":1,\"k\":\"x\"}"),
	    L("{\"\":1,\"\":1}"), L("{\"k\":\"\x1f\"}"), L("{\"k\":\"\t\"}"),
	    L("{\"k\":\"1234567\n\"}"), L("{\"k\x01\":1}"),
	    L("{\"k\":\"\0\"}"), L("{\"k\":\"1234567\0\"}"),
	    L("{\"k\0\":1}"), L("{\"k\":1\0}"), L("{\"k\":1}\0"),
	    L("\0{\"k\":1}"), L("{\"k\\u0000\":1}"), L("{\"k\":\v1}"),
	    L("{\"k\":\xc2\xa0""1}"), L("\xef\xbb\xbf{\"k\":1}"),
	    L("{\"k\":\"\x80\"}"), L("{\"k\":\"\xc3\"}"),
	    L("{\"k\":\"\xc0\x80\"}"), L("{\"k\":\"\xc1\xbf\"}"),
	    L("{\"k\":\"\xe0\x9f\xbf\"}"), L("{\"k\":\"\xed\xa0\x80\"}"),
	    L("{\"k\":\"\xf0\x8f\xbf\xbf\"}"),
	    L("{\"k\":\"\xf4\x90\x80\x80\"}"), L("{\"k\":\"\xf5\x80\"}"),
	    L("{\"k\":\"\xff\"}"), L("{\"k\":\"1234567\xe2\x82\"}"),
	    L("{\"k\":\"12345678\xe2\"}"), L("{\"\xff\":1}") };
	size_t i;

	for (i = 0; i < NITEMS(lines); i++) {
		cr_expect_not(scans(lines[i].s, lines[i].n), "%zu: %s", i,
		    lines[i].s);
		cr_expect_not(loads(lines[i].s, lines[i].n), "%zu: %s", i,
		    lines[i].s);
	}
}

/* No part of a line is one, whatever lies behind it in memory. */
Test(json_line, cut_short)
{
	static const char whole[] = "{\"cmd\":\"say\",\"id\":12,"
	    "\"room\":\"\xc3\xa4\",\"text\":\"x y\"}";
	size_t n;

	for (n = 0; n < sizeof(whole) - 1; n++)
		cr_expect_not(scans(whole, n), "%zu bytes", n);
	cr_expect(scans(whole, sizeof(whole) - 1));
}

/* Any byte in any place of a line: what the scan takes, jansson takes. */
Test(json_line, any_byte)
{
	static const char whole[] = "{\"k\":\"12345678 \xc3\xa4\",\"l\":-12}";
	const size_t len = sizeof(whole) - 1;
	unsigned taken = 0, byte;
	char line[sizeof(whole)];
	size_t i;

	for (i = 0; i < len; i++) {
		for (byte = 0; byte < 256; byte++) {
			memcpy(line, whole, len);
			line[i] = (char)byte;
			if (!scans(line, len))
				continue;
			taken++;
			cr_expect(loads(line, len), "byte %u at %zu", byte, i);
		}
	}
	cr_expect_gt(taken, 1000);
}
