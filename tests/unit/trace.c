/* What is shown of a line: secrets masked, nothing that a terminal obeys. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

#include "control-trace.h"
#include "dialect.h"
#include "msg.h"
#include "trace.h"
#include "web.h"

TestSuite(trace, .timeout = 30);

#define SECRET	"hunter2"

/* What trace_line() makes of it, for the caller to free. */
static json_t *
shown(enum trace_kind kind, enum trace_form form, const char *line, size_t len)
{
	struct buf b = { 0 };
	json_error_t error;
	json_t *o;
	size_t i;

	trace_line(&b, 0, kind, form, line, len);
	cr_assert_gt(b.len, 0);
	cr_assert_eq(b.data[b.len - 1], '\n');
	for (i = 0; i < b.len - 1; i++)
		cr_assert_geq((unsigned char)b.data[i], 0x20);
	o = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &error);
	cr_assert(json_is_object(o), "%s", buf_str(&b));
	cr_assert_str_eq(json_string_value(json_object_get(o, "trace")),
	    kind == TRACE_IN ? "in" : "out");
	cr_assert_str_eq(json_string_value(json_object_get(o, "time")),
	    "1970-01-01T00:00:00.000Z");
	buf_free(&b);
	return o;
}

static void
expect_n(enum trace_kind kind, enum trace_form form, const char *line,
    size_t len, const char *wanted)
{
	json_t *o = shown(kind, form, line, len);
	const char *text = json_string_value(json_object_get(o, "text"));
	const json_t *masked = json_object_get(o, "masked");

	cr_expect(text != NULL && strcmp(text, wanted) == 0,
	    "%s is shown as %s", line, text != NULL ? text : "nothing");
	cr_expect_eq(masked != NULL, strstr(wanted, "***") != NULL);
	json_decref(o);
}

static void
expect(enum trace_kind kind, enum trace_form form, const char *line,
    const char *wanted)
{
	expect_n(kind, form, line, strlen(line), wanted);
}

static void
same(enum trace_kind kind, enum trace_form form, const char *line)
{
	expect(kind, form, line, line);
}

/* Nothing but the length. */
static void
expect_length(enum trace_kind kind, enum trace_form form, const char *line,
    size_t len)
{
	json_t *o = shown(kind, form, line, len);

	cr_expect_null(json_object_get(o, "text"), "%s", line);
	cr_expect_eq(json_integer_value(json_object_get(o, "bytes")),
	    (json_int_t)len);
	cr_expect(json_is_true(json_object_get(o, "masked")));
	json_decref(o);
}

Test(trace, json_in)
{
	static const char *const pairs[][2] = {
		{ "{\"cmd\":\"login\",\"name\":\"ann\",\"password\":\"" SECRET
		  "\"}", "{\"cmd\":\"login\",\"name\":\"ann\","
		  "\"password\":\"***\"}" },
		{ " { \"pass\\u0077ord\" : \"" SECRET "\", \"cmd\" : "
		  "\"login\" } ", "{\"password\":\"***\",\"cmd\":\"login\"}" },
		{ "{\"cmd\":\"passwd\",\"old\":\"" SECRET "\",\"new\":\""
		  SECRET "\",\"id\":7}", "{\"cmd\":\"passwd\",\"old\":\"***\","
		  "\"new\":\"***\",\"id\":7}" },
		{ "{\"cmd\":\"login\",\"token\":\"" SECRET "\"}",
		  "{\"cmd\":\"login\",\"token\":\"***\"}" },
		{ "{\"cmd\":\"login\",\"name\":\"a\",\"resume\":\"" SECRET
		  "\"}", "{\"cmd\":\"login\",\"name\":\"a\","
		  "\"resume\":\"***\"}" },
		/* under a wrong name, or deep, or of another type */
		{ "{\"cmd\":\"login\",\"name\":\"a\",\"secrt\":\"" SECRET
		  "\"}", "{\"cmd\":\"login\",\"name\":\"a\","
		  "\"secrt\":\"***\"}" },
		{ "{\"cmd\":\"REGISTER\",\"x\":[\"" SECRET "\"]}",
		  "{\"cmd\":\"REGISTER\",\"x\":\"***\"}" },
		{ "{\"cmd\":\"regsiter\",\"x\":\"" SECRET "\"}",
		  "{\"cmd\":\"regsiter\",\"x\":\"***\"}" },
		{ "{\"cmd\":\"logn\",\"Passwort\":\"" SECRET "\"}",
		  "{\"cmd\":\"logn\",\"Passwort\":\"***\"}" },
		{ "{\"a\":[{\"b\":{\"token\":{\"c\":\"" SECRET "\"}}}]}",
		  "{\"a\":[{\"b\":{\"token\":\"***\"}}]}" },
		{ "{\"cmd\":\"x\",\"password\":1234}",
		  "{\"cmd\":\"x\",\"password\":\"***\"}" },
		{ "{\"cmd\":\"tok\\u0065n\",\"label\":\"bot\",\"expires\":9}",
		  "{\"cmd\":\"tok\\u0065n\",\"label\":\"bot\",\"expires\":9}" },
	};
	size_t i;

	for (i = 0; i < NITEMS(pairs); i++)
		expect(TRACE_IN, TRACE_JSON, pairs[i][0], pairs[i][1]);
	same(TRACE_IN, TRACE_JSON, "{ \"cmd\":\"say\", \"text\":\"my password "
	    "is \\u0077rong\", \"session\":1 }");
	same(TRACE_IN, TRACE_JSON, "{}");
}

/* Nobody knows what is secret in what is no object. */
Test(trace, no_json)
{
	static const char *const lines[] = {
		"{\"cmd\":\"login\",\"password\":\"" SECRET,
		SECRET "\"}", "\"" SECRET "\"", "[\"" SECRET "\"]", "{",
		"{\"password\":\"a\",\"password\":\"" SECRET "\"}",
		"{\"pass\\u0077ord\":\"" SECRET "\"} x", "\xff", ""
	};
	static const char nul[] = "{\"a\":1\0,\"password\":\"" SECRET "\"}";
	size_t i;

	for (i = 0; i < NITEMS(lines); i++)
		expect_length(TRACE_IN, TRACE_JSON, lines[i],
		    strlen(lines[i]));
	expect_length(TRACE_IN, TRACE_JSON, nul, sizeof(nul) - 1);
	/* A program that was taken for a person. */
	expect_length(TRACE_IN, TRACE_TEXT, "\xef\xbb\xbf {\"password\":\""
	    SECRET, strlen(SECRET) + 17);
	expect(TRACE_IN, TRACE_TEXT, " {\"password\":\"" SECRET "\"}",
	    "{\"password\":\"***\"}");
}

Test(trace, json_out)
{
	expect(TRACE_OUT, TRACE_JSON, "{\"reply\":\"login\",\"ok\":true,"
	    "\"name\":\"ann\",\"session\":\"" SECRET "\"}",
	    "{\"reply\":\"login\",\"ok\":true,\"name\":\"ann\","
	    "\"session\":\"***\"}");
	expect(TRACE_OUT, TRACE_JSON, "{\"reply\":\"token\",\"token\":\""
	    SECRET "\"}", "{\"reply\":\"token\",\"token\":\"***\"}");
	same(TRACE_OUT, TRACE_JSON, "{\"event\":\"role\",\"old\":\"member\","
	    "\"new\":\"op\",\"sessions\":2}");
	same(TRACE_OUT, TRACE_TEXT, "{\"token\":1} /register is said");
}

Test(trace, text_in)
{
	static const char *const pairs[][2] = {
		{ "/register " SECRET, "/register ***" },
		{ "/password " SECRET " " SECRET, "/password ***" },
		{ " \t/ register\t" SECRET, " \\t/ register\\t***" },
		{ "/REGISTER " SECRET, "/REGISTER ***" },
		{ "/regsiter " SECRET, "/regsiter ***" },
		{ "/pasword " SECRET, "/pasword ***" },
		{ "/passwd " SECRET, "/passwd ***" },
		{ "/login ann " SECRET, "/login ***" },
		{ "/register ", "/register ***" },
	};
	static const char *const plain[] = { "", "hello", "/register",
	    "/join lobby", "/msg bob the password", "//register it is",
	    "/ ", "/", "/name ann", "/away /register x" };
	size_t i;

	for (i = 0; i < NITEMS(pairs); i++)
		expect(TRACE_IN, TRACE_TEXT, pairs[i][0], pairs[i][1]);
	for (i = 0; i < NITEMS(plain); i++)
		same(TRACE_IN, TRACE_TEXT, plain[i]);
	expect(TRACE_IN, TRACE_HIDDEN, SECRET, "***");
	expect(TRACE_IN, TRACE_HIDDEN, "", "***");
}

Test(trace, escaped)
{
	static const char nul[] = "a\0b";

	expect(TRACE_OUT, TRACE_TEXT, "\033[2Jd\x7f\x07",
	    "\\x1b[2Jd\\x7f\\x07");
	expect(TRACE_OUT, TRACE_TEXT, "\xc2\x9b" "5n \u202e\u2066",
	    "\\u009b5n \\u202e\\u2066");
	expect(TRACE_IN, TRACE_TEXT, "\xff\xc3(\xe2\x82",
	    "\\xff\\xc3(\\xe2\\x82");
	expect(TRACE_IN, TRACE_TEXT, "a\rb\tc\nd", "a\\x0db\\tc\\x0ad");
	same(TRACE_IN, TRACE_TEXT,
	    "gr\u00fc\u00df \u65e5\u672c \U0001f600 \"\\");
	expect_n(TRACE_IN, TRACE_TEXT, nul, 3, "a\\x00b");
	/* Within JSON that is masked, too. */
	expect(TRACE_IN, TRACE_JSON, "{\"token\":1,\"x\":\"\u202e\"}",
	    "{\"token\":\"***\",\"x\":\"\\u202e\"}");
}

static void
expect_lines(enum trace_kind kind, const struct buf *in, unsigned n,
    const char *first, const char *last)
{
	struct buf b = { 0 };

	cr_expect_eq(trace_count(kind, in->data, in->len), n);
	cr_expect_eq(trace_lines(&b, 0, kind, TRACE_JSON, in->data, in->len),
	    n);
	cr_expect_not_null(strstr(buf_str(&b), first));
	cr_expect_not_null(strstr(buf_str(&b), last));
	buf_free(&b);
}

Test(trace, lines)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"a\":1}\r\n{\"b\":2}\n{\"c\":3}");
	expect_lines(TRACE_OUT, &b, 3, ":\"{\\\"a\\\":1}\"}\n",
	    ":\"{\\\"c\\\":3}\"}\n");
	buf_free(&b);
}

Test(trace, frames)
{
	static const enum encoding encodings[] = { ENC_WEB, ENC_WEB_DEFLATE };
	char text[4000];
	struct buf b = { 0 };
	struct msg *m;
	size_t i, n;

	if (!web_built())
		return;
	memset(text, 'x', sizeof(text));
	for (i = 0; i < NITEMS(encodings); i++) {
		for (n = 1; n < 4000; n += 1333) {
			m = msg_new(MSG_TEXT, "ann", NULL, text, n, NULL);
			web_render(&b, encodings[i], "lobby", m);
			msg_unref(m);
		}
		m = msg_new(MSG_TEXT, "bob", NULL, "last", 4, NULL);
		web_render(&b, encodings[i], "lobby", m);
		msg_unref(m);
		expect_lines(TRACE_FRAMES, &b, 4, "\\\"ann\\\"",
		    "\\\"text\\\":\\\"last\\\"}\"}");
		/* What is cut off is no frame. */
		for (n = 0; n < 10 && n < b.len; n++)
			cr_expect_eq(web_frame_len(b.data, n), 0);
		buf_reset(&b);
	}
	buf_free(&b);
}

/* Whom an operator names. */
Test(trace, whom)
{
	static const char *const names[] = { "", "ann", "1a", "-1", "+1", " 1",
	    "1 ", "1:2", "1:2:", "1:2:3:4", ":2:3", "256:0:1", "0:16777216:1",
	    "0:0:4294967296", "1::2", "0x1" };
	static const client_id clients[] = { 5, 6 };
	struct listed_user user = { "ann", NULL, NULL, 2, false, clients, 2 };
	struct buf b = { 0 };
	client_id client;
	size_t i;

	for (i = 0; i < NITEMS(names); i++)
		cr_expect_not(client_parse(names[i], &client), "%s", names[i]);
	cr_expect(client_parse("72057594037927937", &client));
	cr_expect_eq(client, CLIENT_ID(1, 0, 1));
	cr_expect_str_eq(CLIENT_TEXT(client), "1:0:1");
	client = CLIENT_ID(255, 0xffffff, UINT32_MAX);
	cr_expect_str_eq(CLIENT_TEXT(client), "255:16777215:4294967295");
	cr_expect(client_parse(CLIENT_TEXT(client), &client));
	cr_expect_eq(client, UINT64_MAX);
	tracing_choices(&b, &user);
	cr_expect_str_eq(buf_str(&b),
	    "ann has 2 clients: trace one of 0:0:5 0:0:6");
	buf_reset(&b);
	user.sessions = 3;
	tracing_choices(&b, &user);
	cr_expect_str_eq(buf_str(&b),
	    "ann has 3 clients: trace one of 0:0:5 0:0:6 ...");
	buf_free(&b);
}

Test(trace, events)
{
	struct buf b = { 0 };
	const char *members = ",\"trace\":\"end\",\"reason\":\"quit\"";

	trace_event(&b, 0, members, strlen(members));
	trace_missed(&b, 1, 312);
	cr_expect_str_eq(buf_str(&b), "{\"trace\":\"end\",\"reason\":\"quit\","
	    "\"time\":\"1970-01-01T00:00:00.000Z\"}\n"
	    "{\"trace\":\"missed\",\"time\":\"1970-01-01T00:00:00.001Z\","
	    "\"lines\":312}\n");
	buf_free(&b);
}
