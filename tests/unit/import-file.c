/*
 * An export's file, line by line, against a daemon that notes what it is sent.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control-ask.h"
#include "control-table.h"
#include "fact-form.h"
#include "import-file.h"
#include "import.h"
#include "request.h"
#include "util.h"

static struct import_file file;

/* What it was sent: "begin 1; 3 text redact 42 x; fact set/dev/pace; end 9". */
static struct buf sent;
static json_int_t next_seq, line_before;
static unsigned refuse;			/* the part of this number, from 1 */
static unsigned parts;

static void
note(const json_t *request, const struct request *req, json_t *seqs)
{
	uint32_t i;

	buf_addf(&sent, "%s%s%llu", sent.len > 0 ? "; " : "",
	    req->import->begin ? "begin " : req->import->end ? "end " : "",
	    (unsigned long long)req->import->line);
	for (i = 0; i < req->nlisted; i++) {
		json_array_append_new(seqs, json_integer(++next_seq));
		buf_addf(&sent, " %s", req->msgs[i]->flags & MSG_REDACTED ?
		    "-" : msg_text(req->msgs[i]));
	}
	for (i = 0; i < req->import->nfacts; i++)
		buf_addf(&sent, " %s=%s", req->import->facts[i].key,
		    req->import->facts[i].value);
	if (json_is_true(json_object_get(request, "merge")))
		buf_adds(&sent, " merge");
}

static json_t *
send_cb(void *arg, json_t *request)
{
	struct request *req = request_new(CMD_IMPORT);
	json_t *seqs = json_array();
	char *text = json_dumps(request, JSON_COMPACT);

	(void)arg;
	cr_assert_leq(strlen(text), CONTROL_LINE);
	free(text);
	if (++parts == refuse) {
		json_decref(request);
		json_decref(seqs);
		request_free(req);
		return json_pack("{s:b,s:s}", "ok", 0, "message", "no room");
	}
	cr_assert_null(control_import_part(req, request));
	note(request, req, seqs);
	request_free(req);
	json_decref(request);
	return json_pack("{s:b,s:I,s:o,s:b}", "ok", 1, "line", line_before,
	    "seqs", seqs, "merge", file.merge);
}

static void
start(void)
{
	buf_reset(&sent);
	next_seq = 100;
	parts = 0;
	import_file_begin(&file, send_cb, NULL, false);
}

static void
end(void)
{
	import_file_free(&file);
	buf_free(&sent);
}

TestSuite(import_file, .init = start, .fini = end);

static bool
line(const char *s)
{
	return import_file_line(&file, s, strlen(s));
}

#define eq_sent(s)	cr_assert_str_eq(buf_str(&sent), s)
#define HEAD	"{\"partyline\":1,\"export\":\"room\",\"id\":\"x\","	\
		"\"name\":\"dev\"}\n"
#define OWN	"{\"partyline\":1,\"export\":\"account\",\"id\":\"x\","	\
		"\"name\":\"Ann\"}\n"
#define SAID(seq, kind, more)						\
	"{\"seq\":" #seq ",\"time\":\"2026-11-24T20:45:56.123Z\","	\
	"\"from\":\"ann\",\"kind\":\"" kind "\"," more "}\n"
#define END(n)	"{\"end\":true,\"messages\":" #n "}\n"

/* What was taken away is named by its new number. */
Test(import_file, a_whole_one)
{
	cr_assert(line(HEAD));
	eq_sent("begin 1");
	cr_assert(line("{\"fact\":\"set/dev/pace\",\"value\":5}\n"));
	cr_assert(line(SAID(7, "text", "\"text\":\"hi\"")));
	cr_assert(line(SAID(8, "text", "\"redacted\":true")));
	cr_assert(line(SAID(9, "redact", "\"text\":\"8 spam\"")));
	cr_assert(line(SAID(10, "kicked",
	    "\"to\":\"bob\",\"text\":\"0 bob\"")));
	cr_assert(line(END(4)));
	eq_sent("begin 1; 4 hi - set/dev/pace=5; 6 102 spam 0 bob; end 7");
	cr_assert(import_file_end(&file));
	cr_assert(file.ended && file.taken == 4 && file.acts == 0 &&
	    file.missing == 0 && file.stored == 7);
	cr_assert_str_eq(import_file_name(&file), "dev");
}

/* Into a room that goes on, its acts would be news of now. */
Test(import_file, merged)
{
	file.merge = true;
	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"text\":\"hi\"")));
	cr_assert(line(SAID(8, "text", "\"redacted\":true")));
	cr_assert(line(SAID(9, "redact", "\"text\":\"8\"")));
	cr_assert(line(SAID(10, "banned", "\"text\":\"0 bob\"")));
	cr_assert(line(SAID(11, "action", "\"text\":\"waves\"")));
	cr_assert(line(END(5)));
	eq_sent("begin 1 merge; 6 hi - waves; end 7");
	cr_assert(file.taken == 3 && file.acts == 2 && file.missing == 0);
}

/* All before it is stored, and is not sent again. */
Test(import_file, a_broken_line)
{
	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"text\":\"one\"")));
	cr_assert(line(SAID(8, "text", "\"redacted\":true")));
	cr_assert_not(line("{nonsense\n"));
	eq_sent("begin 1; 3 one -");
	cr_assert(file.bad == 4 && file.stored == 3);
	cr_assert_not_null(strstr(file.error, "a JSON object in each line"));
	import_file_free(&file);
	buf_reset(&sent);
	import_file_begin(&file, send_cb, NULL, false);
	line_before = 3;
	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"text\":\"one\"")));
	cr_assert(line(SAID(8, "text", "\"redacted\":true")));
	cr_assert(line(SAID(9, "text", "\"text\":\"two\"")));
	cr_assert(line(SAID(10, "redact", "\"text\":\"8 spam\"")));
	cr_assert(line(END(4)));
	eq_sent("begin 1; 4 two; end 6");
	cr_assert(file.taken == 1 && file.acts == 1, "nobody knows of whom");
	cr_assert_eq(file.missing, 0);
	line_before = 0;
}

Test(import_file, a_part_that_is_refused)
{
	refuse = 3;
	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"redacted\":true")));
	cr_assert(line(SAID(8, "redact", "\"text\":\"7\"")));
	cr_assert(line(SAID(9, "text", "\"text\":\"two\"")));
	cr_assert_not(line("[]\n"));
	cr_assert_not_null(file.refused);
	cr_assert_null(file.error, "what comes before is to be known first");
	cr_assert(file.stored == 2 && !file.ended);
	refuse = 0;
}

Test(import_file, many_parts)
{
	unsigned i;

	cr_assert(line(HEAD));
	for (i = 0; i < 1200; i++)
		cr_assert(line(SAID(7, "text", "\"text\":\"x\"")));
	cr_assert_eq(file.stored, 1001);
	cr_assert(line(END(1300)));
	cr_assert(file.taken == 1200 && file.missing == 100);
	cr_assert_eq(parts, 5);
}

/* A line as long as may be is a part that the daemon reads. */
Test(import_file, a_long_line)
{
	char *s = xasprintf("{\"fact\":\"set/dev/%*s\",\"value\":1}\n", 2000,
	    "x"), *p, *large = xcalloc(IMPORT_LINE + 2, 1);

	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"text\":\"x\"")));
	snprintf(large, IMPORT_LINE, "{\"fact\":\"later/dev/x\",\"value\":\"");
	p = large + strlen(large);
	memset(p, 'y', (size_t)(large + IMPORT_LINE - p) - 3);
	memcpy(large + IMPORT_LINE - 3, "\"}\n", 3);
	cr_assert_eq(strlen(large), IMPORT_LINE);
	cr_assert(line(large));
	cr_assert_eq(parts, 2, "by itself");
	cr_assert_not(line(s));
	cr_assert_eq(parts, 3);
	cr_assert_eq(file.bad, 4);
	free(s);
	free(large);
}

/* An account's: its inbox, and how far that was read. */
Test(import_file, an_account)
{
	cr_assert(line(OWN));
	cr_assert(line("{\"fact\":\"seen/ann/@ann\",\"value\":8}\n"));
	cr_assert(line("{\"fact\":\"seen/ann/dev\",\"value\":8}\n"));
	cr_assert(line(SAID(7, "text", "\"room\":\"@ANN\",\"text\":\"a\"")));
	cr_assert(line(SAID(8, "text", "\"room\":\"@Ann\",\"text\":\"b\"")));
	cr_assert(line(SAID(9, "text", "\"room\":\"@Ann\",\"text\":\"c\"")));
	cr_assert(line(SAID(10, "text", "\"room\":\"dev\",\"text\":\"d\"")));
	cr_assert(line(END(4)));
	eq_sent("begin 1; 7 a b c; end 8 seen/ann/@ann=102");
}

/* Each by itself, behind a first line if that is none. */
Test(import_file, what_is_wrong)
{
	static const struct {
		const char	*first, *line, *why;
	} wrong[] = {
		{ NULL, "", "a JSON object in each line" },
		{ NULL, "[]\n", "no object" },
		{ NULL, "{}\n", "no export of this version" },
		{ NULL, "{\"partyline\":2,\"export\":\"room\"}\n",
		  "no export of this version" },
		{ NULL, "{\"partyline\":1,\"export\":\"room\",\"id\":\"x\","
		  "\"name\":\"@ann\"}\n", "no name of a room" },
		{ NULL, "{\"partyline\":1,\"export\":\"account\","
		  "\"id\":\"x\",\"name\":\"a b\"}\n", "no name of an acc" },
		{ NULL, "{\"partyline\":1,\"export\":\"room\","
		  "\"name\":\"dev\"}\n", "there is no id" },
		{ HEAD, "{\"fact\":\"set/dev/pace\"}\n", "without a value" },
		{ HEAD, "{\"fact\":\"\",\"value\":1}\n", "1 to 1024 bytes" },
		{ HEAD, "{\"seq\":1}\n", "the kind is unknown" },
		{ HEAD, "{\"fact\":\"set/dev/pace\",\"value\":-5}\n",
		  "not what a command" },
		{ HEAD, "{\"fact\":\"ban/dev/zed\",\"value\":{}}\n",
		  "no key of such" },
		{ HEAD, SAID(7, "configure", "\"text\":\"not json\""),
		  "an object of a room's settings" },
		{ HEAD, SAID(7, "kicked", "\"text\":\"60 x\""),
		  "to is missing" },
		{ HEAD, SAID(7, "muted", "\"text\":\"x\""), "seconds" },
		{ HEAD, "{\"seq\":1,\"seq\":1}\n", "duplicate" },
		{ HEAD, "{\"kind\":\"text\",\"text\":\"x\",\"from\":\"ann\","
		  "\"time\":\"2026-11-24T20:45:56.-12Z\"}\n", "the time" },
		{ HEAD, "{\"kind\":\"text\",\"text\":\"x\",\"from\":\"ann\","
		  "\"time\":\"2026-02-30T20:45:56.123Z\"}\n", "the time" },
		{ HEAD, "{\"seq\":1", "cut short in the middle" },
	};
	size_t i;

	for (i = 0; i < NITEMS(wrong); i++) {
		import_file_free(&file);
		import_file_begin(&file, send_cb, NULL, false);
		if (wrong[i].first != NULL)
			cr_assert(line(wrong[i].first));
		cr_assert_not(line(wrong[i].line));
		cr_assert_not_null(strstr(file.error, wrong[i].why), "%zu: %s",
		    i, file.error);
		cr_assert_eq(file.bad, wrong[i].first != NULL ? 2 : 1);
		cr_assert_eq(file.stored, file.bad - 1);
	}
}

Test(import_file, ends)
{
	cr_assert_not(import_file_end(&file));
	cr_assert_not_null(strstr(file.error, "is empty"));
	cr_assert(file.bad == 1 && file.stored == 0);
	import_file_free(&file);
	import_file_begin(&file, send_cb, NULL, false);
	cr_assert(line(HEAD));
	cr_assert(line(SAID(7, "text", "\"text\":\"x\"")));
	cr_assert_not(import_file_end(&file));
	cr_assert_not_null(strstr(file.error, "cut short"));
	cr_assert(file.bad == 3 && file.stored == 2);
	import_file_free(&file);
	import_file_begin(&file, send_cb, NULL, false);
	buf_reset(&sent);
	cr_assert(line(OWN));
	cr_assert(line("{\"fact\":\"seen/ann/@ann\",\"value\":9}\n"));
	cr_assert(line(SAID(7, "text", "\"room\":\"@ANN\",\"text\":\"a\"")));
	cr_assert(line(END(0)));
	cr_assert_not(line("{}\n"));
	eq_sent("begin 1; 3 a; end 4 seen/ann/@ann=102");
	cr_assert_not_null(strstr(file.error, "behind the end"));
}

/* A fact is what the command that makes it would have stored, or nothing. */
Test(import_file, facts)
{
	static const struct {
		const char	*key, *value;
		const char	*is;		/* NULL: it is refused */
	} facts[] = {
		{ "set/dev/pace", "60", "60" },
		{ "set/dev/pace", "-5", NULL },
		{ "set/dev/pace", "99999999999", NULL },
		{ "set/dev/pace", "true", NULL },
		{ "set/dev/private", "true", "true" },
		{ "set/dev/private", "\"yes\"", NULL },
		{ "set/dev/private", "null", NULL },
		{ "set/dev/evil", "1", NULL },
		{ "set/dev", "1", NULL },
		{ "set/DEV/pace", "1", NULL },
		{ "role/dev/ann", "{\"role\":\"op\",\"x\":1}",
		  "{\"role\":\"op\"}" },
		{ "role/dev/ann", "{\"role\":\"operator\"}", NULL },
		{ "role/dev/a b", "{\"role\":\"op\"}", NULL },
		{ "ban/dev/n:zed", "{\"by\":\"Ann\",\"reason\":"
		  "\"a\\u001b[2J\",\"at\":1}", "{\"by\":\"Ann\","
		  "\"reason\":\"a\xef\xbf\xbd[2J\",\"at\":1,\"until\":0,"
		  "\"name\":\"\"}" },
		{ "ban/dev/n:zed", "5", NULL },
		{ "ban/dev/n:zed", "[]", NULL },
		{ "ban/dev/n:zed", "{\"by\":\"a\\u001b\"}", NULL },
		{ "mute/dev/n:zed", "{\"by\":\"ann\",\"until\":-1}", NULL },
		{ "mute/dev/i:nowhere", "{\"by\":\"ann\"}", NULL },
		{ "account/ann", "{\"name\":\"ANN\"}", "{\"name\":\"ANN\","
		  "\"created\":0,\"hash\":\"\"}" },
		{ "account/ann", "{\"name\":\"bob\"}", NULL },
		{ "account/ann", "{\"name\":\"ann\",\"hash\":"
		  "\"$argon2id$v=19$m=4294967295,t=4294967295,p=1$"
		  "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAA\"}", NULL },
		{ "token/ann/bot", "{\"hash\":\"00\"}", NULL },
		{ "token/ann/a\x1b[31m", "{\"hash\":\"00\"}", NULL },
		{ "ignore/ann/zz", "{\"name\":\"z\\u001b\"}", NULL },
		{ "kept/ann/a\x1b[31mb", "1", NULL },
		{ "talks/ann", "\"\\u001b\"", NULL },
		{ "talks/ann", "\"dev\"", "\"dev\"" },
		{ "login/ann", "\"x\"", NULL },
		{ "later/x", "[1]", "[1]" },
	};
	json_t *value;
	const char *why;
	char *is;
	size_t i;

	for (i = 0; i < NITEMS(facts); i++) {
		value = json_loads(facts[i].value, JSON_DECODE_ANY, NULL);
		cr_assert_not_null(value, "%s", facts[i].value);
		why = fact_form(facts[i].key, &value);
		is = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		cr_assert_eq(why == NULL, facts[i].is != NULL, "%s %s: %s",
		    facts[i].key, facts[i].value, why);
		if (why == NULL)
			cr_assert_str_eq(is, facts[i].is);
		free(is);
		json_decref(value);
	}
}
