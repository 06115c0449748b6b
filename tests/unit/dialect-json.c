#include <dirent.h>
#include <stdio.h>

#include "json-rig.h"
#include "name.h"

#define DATA	"../shared/data/json-parsing"
#define T	1795329180123	/* 2026-11-22T06:33:00.123Z */
#define AT	"\"time\":\"2026-11-22T06:33:00.123Z\""

static struct conf conf = { .server_name = (char *)"example",
    .lobby = (char *)"lobby", .motd = (char *)"", .max_line = 16384,
    .max_text = 64, .max_rooms = 32 };

static void
begin(void)
{
	rig_begin(&conf);
}

TestSuite(json, .init = begin, .fini = rig_end);

/* The line is answered at once with these bytes. */
static void
gets(const char *line, const char *reply)
{
	send_bytes(line, strlen(line));
	cr_assert(mail_list_empty(&io.requests), "%s", line);
	cr_expect_str_eq(buf_str(&io.out), reply, "%s: %s", line,
	    buf_str(&io.out));
}

static void
refuses(const char *line, const char *error, const char *message,
    const char *field)
{
	char *want = xasprintf("{\"reply\":null,\"ok\":false,\"error\":\"%s\","
	    "\"message\":\"%s\"%s%s%s}\n", error, message,
	    field ? ",\"field\":\"" : "", field ? field : "",
	    field ? "\"" : "");

	gets(line, want);
	free(want);
}

Test(json, no_object)
{
	refuses("", "bad-json",
	    "That is no JSON object: it ends too early at column 0.", NULL);
	refuses("hello", "bad-json",
	    "That is no JSON object: it is wrong at column 5.", NULL);
	refuses("{\"cmd\":\"ping\"", "bad-json",
	    "That is no JSON object: it ends too early at column 13.", NULL);
	refuses("{\"cmd\":\"ping\"} x", "bad-json",
	    "That is no JSON object: there is more behind its end at column "
	    "16.", NULL);
	refuses("{\"cmd\":\"ping\",\"cmd\":\"quit\"}", "bad-json",
	    "That is no JSON object: a key stands in it twice at column 19.",
	    NULL);
	refuses("{\"a\\u0000b\":1}", "bad-json",
	    "That is no JSON object: a key holds a NUL at column 11.", NULL);
	refuses("{\"cmd\":\"ping\",\"id\":9223372036854775808}", "bad-json",
	    "That is no JSON object: a number is too big at column 38.", NULL);
	refuses("[\"cmd\",\"ping\"]", "bad-json",
	    "That is no JSON object but an array at column 1.", NULL);
	refuses("\"cmd\"", "bad-json",
	    "That is no JSON object: it is wrong at column 5.", NULL);
	refuses("null", "bad-json",
	    "That is no JSON object: it is wrong at column 4.", NULL);
	refuses("{\"cmd\":\"sa\xff\"}", "bad-utf8",
	    "That line is not valid UTF-8 at byte 11.", NULL);
	refuses("{\"cmd\":\"\xed\xa0\x80\"}", "bad-utf8",
	    "That line is not valid UTF-8 at byte 9.", NULL);
}

Test(json, depth)
{
	const char *deep = "That is no JSON object for this server: it nests "
	    "deeper than 16 at byte 24.";
	char *many;

	/* 16 is allowed, brackets in strings do not count */
	refuses("{\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", "bad-argument",
	    "\\\"cmd\\\" is missing: it must be a command, a string.", "cmd");
	refuses("{\"xxxx\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", "bad-json", deep,
	    NULL);
	refuses("{\"x\":\"[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[[[\"}", "bad-argument",
	    "\\\"cmd\\\" is missing: it must be a command, a string.", "cmd");
	refuses("{\"a\":[],\"b\":[],\"c\":[],\"d\":[],\"e\":[],\"f\":[],"
	    "\"g\":[],\"h\":[],\"i\":[],\"j\":[],\"k\":[],\"l\":[],\"m\":[],"
	    "\"n\":[],\"o\":[],\"p\":[],\"q\":[]}", "bad-argument",
	    "\\\"cmd\\\" is missing: it must be a command, a string.", "cmd");
	many = xmalloc(16385);
	memset(many, '[', 16384);
	many[16384] = '\0';
	refuses(many, "bad-json", "That is no JSON object for this server: it "
	    "nests deeper than 16 at byte 17.", NULL);
	free(many);
}

Test(json, no_command)
{
	refuses("{}", "bad-argument",
	    "\\\"cmd\\\" is missing: it must be a command, a string.", "cmd");
	refuses("{\"cmd\":7}", "bad-argument",
	    "\\\"cmd\\\" must be a command, a string.", "cmd");
	refuses("{\"cmd\":null}", "bad-argument",
	    "\\\"cmd\\\" must be a command, a string.", "cmd");
	gets("{\"id\":\"x\"}", "{\"reply\":null,\"id\":\"x\",\"ok\":false,"
	    "\"error\":\"bad-argument\",\"message\":\"\\\"cmd\\\" is missing: "
	    "it must be a command, a string.\",\"field\":\"cmd\"}\n");
	gets("{\"cmd\":\"sya\",\"id\":7}", "{\"reply\":\"sya\",\"id\":7,"
	    "\"ok\":false,\"error\":\"unknown-command\",\"message\":\"There is "
	    "no command \\\"sya\\\"; did you mean \\\"say\\\"?\"}\n");
	gets("{\"cmd\":\"befriend\"}", "{\"reply\":\"befriend\",\"ok\":false,"
	    "\"error\":\"unknown-command\",\"message\":\"There is no command "
	    "\\\"befriend\\\".\"}\n");
	gets("{\"cmd\":\"\"}", "{\"reply\":\"\",\"ok\":false,"
	    "\"error\":\"unknown-command\",\"message\":\"There is no such "
	    "command.\"}\n");
	gets("{\"cmd\":\"say\\u0000\"}", "{\"reply\":\"say\\u0000\","
	    "\"ok\":false,\"error\":\"unknown-command\",\"message\":\"There is "
	    "no such command.\"}\n");
	gets("{\"cmd\":\"S\\u00e4y\\n\\\"\"}", "{\"reply\":\"S\xc3\xa4y\\n\\\""
	    "\",\"ok\":false,\"error\":\"unknown-command\",\"message\":\"There "
	    "is no such command.\"}\n");
}

Test(json, ids)
{
	static const char *const good[][2] = {
		{ "7", "7" }, { "-7", "-7" }, { "0", "0" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "\"\"", "\"\"" }, { "\"a b\"", "\"a b\"" },
		{ "\"\\u00e4\\n\\\"\\\\\"", "\"\xc3\xa4\\n\\\"\\\\\"" },
		{ "\"\\u0000\"", "\"\\u0000\"" }
	};
	static const char *const bad[] = { "7.0", "1e3", "true", "null", "[]",
	    "{}" };
	struct request *r;
	char *line;
	size_t i;

	for (i = 0; i < NITEMS(good); i++) {
		line = xasprintf("{\"cmd\":\"ping\",\"id\":%s}", good[i][0]);
		r = asks(line);
		cr_expect_str_eq(r->id, good[i][1]);
		request_free(r);
		free(line);
	}
	for (i = 0; i < NITEMS(bad); i++) {
		line = xasprintf("{\"cmd\":\"ping\",\"id\":%s}", bad[i]);
		gets(line, "{\"reply\":\"ping\",\"ok\":false,\"error\":"
		    "\"bad-argument\",\"message\":\"\\\"id\\\" must be a "
		    "string or an integer.\",\"field\":\"id\"}\n");
		free(line);
	}
}

/* What plain lines become by the scan, others become by jansson: an unknown
 * null makes the one into the other. */
Test(json, plain_or_not)
{
	static const char *const lines[] = {
		"\"cmd\":\"say\",\"id\":-0,\"room\":\"\xc3\xa4\","
		    "\"text\":\"x\"",
		"\"cmd\":\"say\",\"id\":\"\xf0\x9f\x98\x80\",\"room\":\"a\","
		    "\"text\":\"12345678901234567\xc2\x85\"",
		" \"cmd\" :\t\"tell\" , \"to\": \"B\",\"text\":\"\x7f\" ",
		"\"cmd\":\"history\",\"room\":\"#R\",\"before\":"
		    "999999999999999999,\"limit\":7",
		"\"cmd\":\"history\",\"room\":\"#R\",\"before\":"
		    "9223372036854775807",
		"\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,"
		    "\"cmd\":\"say\",\"room\":\"r\",\"text\":\"x\"",
	};
	struct request *plain, *other;
	char *line;
	size_t i;

	for (i = 0; i < NITEMS(lines); i++) {
		line = xasprintf("{%s}", lines[i]);
		plain = asks(line);
		free(line);
		line = xasprintf("{\"~\":null,%s}", lines[i]);
		other = asks(line);
		free(line);
		cr_expect_eq(plain->cmd, other->cmd);
		cr_expect_eq(plain->before, other->before);
		cr_expect_eq(plain->limit, other->limit);
		cr_expect_eq(plain->id == NULL, other->id == NULL);
		if (plain->id != NULL)
			cr_expect_str_eq(plain->id, other->id);
		if (plain->room != NULL)
			cr_expect_str_eq(plain->room, other->room);
		if (plain->msg != NULL)
			cr_expect_str_eq(msg_text(plain->msg),
			    msg_text(other->msg));
		request_free(plain);
		request_free(other);
	}
}

/* Nearly plain: what the scan must not take. */
Test(json, not_plain)
{
	static const char *const bad[] = {
		"{\"cmd\":\"ping\",}", "{,\"cmd\":\"ping\"}",
		"{\"cmd\":\"ping\" \"id\":1}", "{\"cmd\"\"ping\"}",
		"{\"cmd\":\"ping\",\"id\":01}", "{\"cmd\":\"ping\",\"id\":-}",
		"{\"cmd\":\"ping\",\"id\":+1}", "{\"cmd\":\"ping\",\"id\":}",
		"{\"cmd\":\"ping\",\"id\":1x}", "{\"cmd\":\"ping}",
		"{\"cmd\":\"pi\tng\"}", "{\"cmd\":\"ping\"}}",
		"{\"cmd\":\"ping\"",
		"{\"cmd\":\"ping\",\"cmd\":\"ping\"}", "{", "}", "{}x", "\"",
		"{\"cmd\":\"ping\",\"x\":\"1234567\n\"}", "\xef\xbb\xbf{}",
	};
	size_t i;

	for (i = 0; i < NITEMS(bad); i++) {
		send_bytes(bad[i], strlen(bad[i]));
		cr_assert(mail_list_empty(&io.requests), "%s", bad[i]);
		cr_expect_not_null(strstr(buf_str(&io.out),
		    "\"error\":\"bad-json\""), "%s: %s", bad[i],
		    buf_str(&io.out));
	}
	refuses("{\"x\":\"1234567\xc3\"}", "bad-utf8",
	    "That line is not valid UTF-8 at byte 14.", NULL);
}

/* A say's room is missing, then one after the other every other mistake. */
Test(json, bad_fields)
{
	static const struct {
		const char *fields, *reply, *error, *field, *message;
	} cases[] = {
	{ "\"cmd\":\"say\",\"text\":\"x\"", "say", "bad-argument", "room",
	    "\\\"room\\\" is missing: it must be a room's name, a string." },
	{ "\"cmd\":\"say\",\"room\":1,\"text\":\"x\"", "say", "bad-argument",
	    "room", "\\\"room\\\" must be a room's name, a string." },
	{ "\"cmd\":\"say\",\"room\":null,\"text\":\"x\"", "say",
	    "bad-argument", "room",
	    "\\\"room\\\" must be a room's name, a string." },
	{ "\"cmd\":\"say\",\"room\":\"a b\",\"text\":\"x\"", "say", "bad-name",
	    "room", NULL },
	{ "\"cmd\":\"say\",\"room\":\"\",\"text\":\"x\"", "say", "bad-name",
	    "room", "The room's name is empty." },
	{ "\"cmd\":\"say\",\"room\":\"a\\u0000\",\"text\":\"x\"", "say",
	    "bad-name", "room", NULL },
	{ "\"cmd\":\"say\",\"room\":\"lobby\"", "say", "bad-argument", "text",
	    "\\\"text\\\" is missing: it must be a string that is not empty."
	    },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"\"", "say",
	    "bad-argument", "text",
	    "\\\"text\\\" must be a string that is not empty." },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":[]", "say",
	    "bad-argument", "text",
	    "\\\"text\\\" must be a string that is not empty." },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"x\",\"kind\":\"shout"
	    "\"", "say", "bad-argument", "kind", "\\\"kind\\\" must be "
	    "\\\"text\\\", \\\"action\\\" or \\\"notice\\\"." },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"x\",\"kind\":\"text"
	    "\\u0000\"", "say", "bad-argument", "kind", NULL },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"x\",\"key\":\"\"",
	    "say", "bad-argument", "key", "\\\"key\\\" must be a string of 1 "
	    "to 128 bytes without control characters." },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"x\",\"key\":\"a\\nb"
	    "\"", "say", "bad-argument", "key", NULL },
	{ "\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"x\",\"key\":\"a"
	    "\\u202eb\"", "say", "bad-argument", "key", NULL },
	{ "\"cmd\":\"login\"", "login", "bad-argument", "name",
	    "\\\"name\\\" is missing: it must be a person's name, a string." },
	{ "\"cmd\":\"login\",\"name\":\"-ann\"", "login", "bad-name", "name",
	    NULL },
	{ "\"cmd\":\"login\",\"name\":\"@ann\"", "login", "bad-name", "name",
	    NULL },
	{ "\"cmd\":\"tell\",\"to\":\"a/b\",\"text\":\"x\"", "tell", "bad-name",
	    "to", NULL },
	{ "\"cmd\":\"subscribe\",\"room\":\"a\",\"after\":-1", "subscribe",
	    "bad-argument", "after", "\\\"after\\\" must be an integer from 0 "
	    "to 9223372036854775807." },
	{ "\"cmd\":\"subscribe\",\"room\":\"a\",\"after\":1.5", "subscribe",
	    "bad-argument", "after", NULL },
	{ "\"cmd\":\"subscribe\",\"room\":\"a\",\"after\":\"1\"", "subscribe",
	    "bad-argument", "after", NULL },
	{ "\"cmd\":\"subscribe\",\"room\":\"a\",\"last\":1001", "subscribe",
	    "bad-argument", "last",
	    "\\\"last\\\" must be an integer from 0 to 1000." },
	{ "\"cmd\":\"subscribe\",\"room\":\"a\",\"after\":1,\"last\":1",
	    "subscribe", "bad-argument", "last",
	    "Give \\\"after\\\" or \\\"last\\\", not both." },
	{ "\"cmd\":\"history\",\"room\":\"a\",\"limit\":0", "history",
	    "bad-argument", "limit",
	    "\\\"limit\\\" must be an integer from 1 to 1000." },
	{ "\"cmd\":\"history\",\"room\":\"a\",\"after\":1,\"before\":2",
	    "history", "bad-argument", "before",
	    "Give \\\"after\\\" or \\\"before\\\", not both." },
	{ "\"cmd\":\"seen\",\"room\":\"a\"", "seen", "bad-argument", "seq",
	    "\\\"seq\\\" is missing: it must be an integer from 0 to "
	    "9223372036854775807." },
	{ "\"cmd\":\"topic\",\"room\":\"a\",\"topic\":false", "topic",
	    "bad-argument", "topic", "\\\"topic\\\" must be a string." },
	};
	char *line, *want;
	size_t i;

	for (i = 0; i < NITEMS(cases); i++) {
		line = xasprintf("{%s,\"id\":1}", cases[i].fields);
		send_bytes(line, strlen(line));
		want = xasprintf("{\"reply\":\"%s\",\"id\":1,\"ok\":false,"
		    "\"error\":\"%s\",\"message\":\"%s", cases[i].reply,
		    cases[i].error, cases[i].message ? cases[i].message : "");
		cr_expect_eq(strncmp(buf_str(&io.out), want, strlen(want)), 0,
		    "%s: %s", line, io.out.data);
		free(want);
		want = xasprintf("\",\"field\":\"%s\"}\n", cases[i].field);
		cr_assert_gt(io.out.len, strlen(want));
		cr_expect_str_eq(io.out.data + io.out.len - strlen(want), want,
		    "%s: %s", line, io.out.data);
		free(want);
		free(line);
	}
}

Test(json, lengths)
{
	char text[70], key[130], *line;
	struct request *r;

	memset(text, 'x', sizeof(text));
	memset(key, 'k', sizeof(key));
	text[64] = key[128] = '\0';
	line = xasprintf("{\"cmd\":\"say\",\"room\":\"a\",\"text\":\"%s\","
	    "\"key\":\"%s\"}", text, key);
	r = asks(line);
	cr_expect_eq(r->msg->text_len, 64);
	cr_expect_eq(r->msg->key_len, 128);
	request_free(r);
	free(line);
	/* what counts is what is stored: 2 bytes of NEL become 3 */
	line = xasprintf("{\"cmd\":\"say\",\"room\":\"a\",\"text\":\"%.62s"
	    "\\u0085\"}", text);
	gets(line, "{\"reply\":\"say\",\"ok\":false,\"error\":\"too-long\","
	    "\"message\":\"\\\"text\\\" has 65 bytes; it may have 64.\","
	    "\"field\":\"text\"}\n");
	free(line);
	key[128] = 'k';
	key[129] = '\0';
	line = xasprintf("{\"cmd\":\"say\",\"room\":\"a\",\"text\":\"x\","
	    "\"key\":\"%s\"}", key);
	send_bytes(line, strlen(line));
	cr_expect_not_null(strstr(buf_str(&io.out), "\"field\":\"key\""));
	free(line);
	line = xasprintf("{\"cmd\":\"topic\",\"room\":\"a\",\"topic\":\"%0513d"
	    "\"}", 0);
	gets(line, "{\"reply\":\"topic\",\"ok\":false,\"error\":\"too-long\","
	    "\"message\":\"\\\"topic\\\" has 513 bytes; it may have 512.\","
	    "\"field\":\"topic\"}\n");
	free(line);
}

/* Who speaks is written at once; the hub would have to copy the message. */
Test(json, say_from)
{
	struct request *r;

	io.name = "Ann";
	r = asks("{\"cmd\":\"say\",\"room\":\"r\",\"text\":\"x\"}");
	cr_expect_str_eq(msg_from(r->msg), "Ann");
	request_free(r);
	r = asks("{\"cmd\":\"tell\",\"to\":\"Bob\",\"text\":\"x\"}");
	cr_expect_str_eq(msg_from(r->msg), "Ann");
	cr_expect_str_eq(msg_to(r->msg), "Bob");
	request_free(r);
	io.name = NULL;
}

Test(json, say)
{
	struct request *r = asks("{\"cmd\":\"say\",\"id\":7,\"room\":\"#Lobby\""
	    ",\"text\":\"hi \\u0007\\t\\u0000 \\u202e!\",\"kind\":\"action\","
	    "\"key\":\"k1\",\"unknown\":[1,{}]}");

	cr_expect_eq(r->cmd, CMD_SAY);
	cr_expect_str_eq(r->room, "Lobby");
	cr_expect_str_eq(r->room_key, "lobby");
	cr_assert_not_null(r->msg);
	cr_expect_eq(r->msg->kind, MSG_ACTION);
	cr_expect_str_eq(msg_from(r->msg), "");
	cr_expect_str_eq(msg_to(r->msg), "");
	cr_expect_str_eq(msg_text(r->msg),
	    "hi \xef\xbf\xbd\t\xef\xbf\xbd \xef\xbf\xbd!");
	cr_expect_str_eq(msg_key(r->msg), "k1");
	r->seq = 42;
	r->time = T;
	answers(r, "{\"reply\":\"say\",\"id\":7,\"ok\":true,\"room\":\"Lobby\","
	    "\"seq\":42," AT "}\n");

	r = asks("{\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"hi\"}");
	cr_expect_eq(r->msg->kind, MSG_TEXT);
	r->seq = 18446744073709551615u;
	r->time = T;
	r->duplicate = true;
	answers(r, "{\"reply\":\"say\",\"ok\":true,\"room\":\"lobby\","
	    "\"seq\":18446744073709551615," AT ",\"duplicate\":true}\n");
}

Test(json, tell)
{
	struct request *r = asks("{\"text\":\"psst\",\"to\":\"Bob\",\"id\":\"x"
	    "\",\"key\":\"k\",\"kind\":\"notice\",\"cmd\":\"tell\"}");

	cr_expect_eq(r->cmd, CMD_TELL);
	cr_expect_str_eq(r->name, "Bob");
	cr_expect_str_eq(r->name_key, "bob");
	cr_expect_eq(r->msg->kind, MSG_NOTICE);
	cr_expect_str_eq(msg_to(r->msg), "Bob");
	cr_expect_str_eq(msg_text(r->msg), "psst");
	cr_expect_str_eq(msg_key(r->msg), "k");
	r->seq = 43;
	r->time = T;
	answers(r, "{\"reply\":\"tell\",\"id\":\"x\",\"ok\":true,\"to\":\"Bob\""
	    ",\"seq\":43," AT "}\n");
}

Test(json, login)
{
	struct request *r = asks("{\"cmd\":\"login\",\"name\":\"Ann\","
	    "\"resume\":\"s3cret\"}");

	cr_expect_eq(r->cmd, CMD_LOGIN);
	cr_expect_str_eq(r->name, "Ann");
	cr_expect_str_eq(r->name_key, "ann");
	cr_expect_str_eq(r->resume, "s3cret");
	r->guest = true;
	r->session = "f00";
	answers(r, "{\"reply\":\"login\",\"ok\":true,\"name\":\"Ann\","
	    "\"guest\":true,\"session\":\"f00\",\"server\":\"example\","
	    "\"version\":\"" PACKAGE_VERSION "\",\"limits\":{\"line\":16384,"
	    "\"text\":64,\"rooms\":32},\"lobby\":\"lobby\"}\n");
	r = asks("{\"cmd\":\"login\",\"name\":\"ann\"}");
	cr_expect_null(r->resume);
	request_fail(r, ERR_NAME_TAKEN, NULL);
	answers(r, "{\"reply\":\"login\",\"ok\":false,\"error\":\"name-taken\","
	    "\"message\":\"Somebody here has that name already.\"}\n");
}

Test(json, subscribe)
{
	struct request *r = asks("{\"cmd\":\"subscribe\",\"room\":\"@Ann\","
	    "\"after\":9223372036854775807,\"epoch\":\"e1\"}");

	cr_expect_eq(r->cmd, CMD_SUBSCRIBE);
	cr_expect_str_eq(r->room, "@Ann");
	cr_expect_str_eq(r->room_key, "@ann");
	cr_expect_eq(r->has, HAS_AFTER);
	cr_expect_eq(r->after, 9223372036854775807u);
	cr_expect_str_eq(r->epoch, "e1");
	r->epoch = "e2";
	r->head = 12;
	r->topic = "a \"topic\"";
	r->members = 3;
	r->role = "owner";
	r->reset = r->gap = true;
	r->gap_after = 5;
	r->gap_before = 9;
	answers(r, "{\"reply\":\"subscribe\",\"ok\":true,\"room\":\"@Ann\","
	    "\"epoch\":\"e2\",\"head\":12,\"topic\":\"a \\\"topic\\\"\","
	    "\"members\":3,\"role\":\"owner\",\"reset\":true,\"gap\":{"
	    "\"after\":5,\"before\":9}}\n");
	r = asks("{\"cmd\":\"subscribe\",\"room\":\"dev\",\"last\":20}");
	cr_expect_eq(r->has, HAS_LAST);
	cr_expect_eq(r->last, 20);
	cr_expect_null(r->epoch);
	r->epoch = "e";
	r->role = "member";
	answers(r, "{\"reply\":\"subscribe\",\"ok\":true,\"room\":\"dev\","
	    "\"epoch\":\"e\",\"head\":0,\"topic\":\"\",\"members\":0,"
	    "\"role\":\"member\"}\n");
	r = asks("{\"cmd\":\"unsubscribe\",\"room\":\"dev\"}");
	cr_expect_eq(r->cmd, CMD_UNSUBSCRIBE);
	answers(r, "{\"reply\":\"unsubscribe\",\"ok\":true,\"room\":\"dev\"}"
	    "\n");
}

Test(json, history)
{
	struct request *r = asks("{\"cmd\":\"history\",\"room\":\"dev\"}");

	cr_expect_eq(r->cmd, CMD_HISTORY);
	cr_expect_eq(r->limit, 100);
	cr_expect_eq(r->has, 0);
	answers(r, "{\"reply\":\"history\",\"ok\":true,\"messages\":[],"
	    "\"more\":false}\n");
	r = asks("{\"cmd\":\"history\",\"room\":\"dev\",\"before\":9,"
	    "\"limit\":2}");
	cr_expect_eq(r->has, HAS_BEFORE);
	cr_expect_eq(r->before, 9);
	cr_expect_eq(r->limit, 2);
	r->msgs = xmalloc(2 * sizeof(*r->msgs));
	r->nlisted = 2;
	r->msgs[0] = msg_new(MSG_TEXT, "ann", NULL, "hi", 2, "secret");
	r->msgs[1] = msg_new(MSG_ACTION, "bob", NULL, "", 0, NULL);
	r->msgs[0]->seq = 7;
	r->msgs[1]->seq = 8;
	r->msgs[0]->time = r->msgs[1]->time = T;
	r->msgs[1]->flags = MSG_REDACTED;
	r->more = true;
	answers(r, "{\"reply\":\"history\",\"ok\":true,\"messages\":[{\"room\":"
	    "\"dev\",\"seq\":7," AT ",\"from\":\"ann\",\"kind\":\"text\","
	    "\"text\":\"hi\"},{\"room\":\"dev\",\"seq\":8," AT ",\"from\":"
	    "\"bob\",\"kind\":\"action\",\"redacted\":true}],\"more\":true}\n");
}

Test(json, lists)
{
	struct listed_room rooms[] = { { "dev", "C", 2, true },
	    { "lobby", NULL, 1000, false } };
	static const client_id clients[] = { 5, 1ull << 56 };
	struct listed_user users[] = {
	    { "ann", "owner", NULL, 1, false, NULL, 0 },
	    { "bob", NULL, "at \"lunch\"", 2, true, clients, 2 } };
	struct request *r = asks("{\"cmd\":\"rooms\",\"match\":\"d\","
	    "\"after\":3}");

	cr_expect_eq(r->cmd, CMD_ROOMS);
	cr_expect_str_eq(r->match, "d");
	cr_expect_eq(r->after, 3);
	r->rooms = rooms;
	r->nlisted = 2;
	r->more = true;
	r->next = 5;
	answers(r, "{\"reply\":\"rooms\",\"ok\":true,\"rooms\":[{\"room\":"
	    "\"dev\",\"members\":2,\"topic\":\"C\",\"subscribed\":true},{"
	    "\"room\":\"lobby\",\"members\":1000,\"topic\":\"\",\"subscribed\":"
	    "false}],\"more\":true,\"next\":5}\n");
	answers(asks("{\"cmd\":\"rooms\",\"match\":\"\"}"), "{\"reply\":"
	    "\"rooms\",\"ok\":true,\"rooms\":[]}\n");
	r = asks("{\"cmd\":\"who\",\"room\":\"dev\"}");
	cr_expect_str_eq(r->room, "dev");
	r->users = users;
	r->nlisted = 2;
	answers(r, "{\"reply\":\"who\",\"ok\":true,\"room\":\"dev\",\"members\""
	    ":[{\"name\":\"ann\",\"role\":\"owner\",\"guest\":false,"
	    "\"sessions\":1},{\"name\":\"bob\",\"guest\":true,\"away\":"
	    "\"at \\\"lunch\\\"\",\"sessions\":2,\"clients\":[5,"
	    "72057594037927936]}]}\n");
	answers(asks("{\"cmd\":\"who\"}"), "{\"reply\":\"who\",\"ok\":true,"
	    "\"members\":[]}\n");
}

Test(json, others)
{
	struct request *r = asks("{\"cmd\":\"seen\",\"room\":\"a\",\"seq\":0}");

	cr_expect_eq(r->has, 0);
	answers(r, "{\"reply\":\"seen\",\"ok\":true}\n");
	r = asks("{\"cmd\":\"topic\",\"room\":\"a\",\"topic\":\"\"}");
	cr_expect_str_eq(r->string, "");
	answers(r, "{\"reply\":\"topic\",\"ok\":true}\n");
	r = asks("{\"cmd\":\"away\",\"text\":\"out\\n\"}");
	cr_expect_str_eq(r->string, "out\xef\xbf\xbd");
	answers(r, "{\"reply\":\"away\",\"ok\":true}\n");
	r = asks("{\"cmd\":\"away\",\"text\":\"\"}");
	cr_expect_null(r->string);
	request_free(r);
	r = asks("{\"cmd\":\"rename\",\"name\":\"Anna\"}");
	cr_expect_str_eq(r->name_key, "anna");
	answers(r, "{\"reply\":\"rename\",\"ok\":true,\"name\":\"Anna\"}\n");
	r = asks(" {\"cmd\" : \"ping\"}\r\n");
	r->time = T;
	answers(r, "{\"reply\":\"ping\",\"ok\":true," AT "}\n");
	cr_expect_eq(io.act, 0);
	answers(asks("{\"cmd\":\"quit\"}"), "{\"reply\":\"quit\",\"ok\":true}"
	    "\n");
	cr_expect_eq(io.act, DIALECT_CLOSE);
}

Test(json, errors)
{
	struct request *r;
	char *want;
	enum error e;

	for (e = ERR_BAD_JSON; e < ERR_MAX; e++) {
		r = asks("{\"cmd\":\"ping\",\"id\":1}");
		request_fail(r, e, "No: %s.", "\"why\"");
		want = xasprintf("{\"reply\":\"ping\",\"id\":1,\"ok\":false,"
		    "\"error\":\"%s\",\"message\":\"No: \\\"why\\\".\"}\n",
		    error_name(e));
		answers(r, want);
		free(want);
		cr_expect_gt(strlen(error_name(e)), 0);
		cr_expect_gt(strlen(error_text(e)), 0);
	}
	r = asks("{\"cmd\":\"ping\"}");
	request_fail(r, ERR_RATE_LIMITED, NULL);
	r->retry_ms = 250;
	answers(r, "{\"reply\":\"ping\",\"ok\":false,\"error\":\"rate-limited"
	    "\",\"message\":\"That was too fast: wait.\",\"retry_ms\":250}\n");
	buf_reset(&io.out);
	dialect_json.error(NULL, &io, ERR_TOO_LONG, 0);
	dialect_json.error(NULL, &io, ERR_RATE_LIMITED, 99);
	cr_expect_str_eq(buf_str(&io.out), "{\"reply\":null,\"ok\":false,"
	    "\"error\":\"too-long\",\"message\":\"That is too long.\"}\n"
	    "{\"reply\":null,\"ok\":false,\"error\":\"rate-limited\","
	    "\"message\":\"That was too fast: wait.\",\"retry_ms\":99}\n");
}

static void
shows(enum msg_kind kind, unsigned flags, const char *to, const char *text,
    const char *want)
{
	struct msg *m = msg_new(kind, "ann", to, text, strlen(text), "key");
	struct buf b = { 0 };

	m->seq = 42;
	m->time = T;
	m->flags = (uint8_t)flags;
	dialect_json.message(&b, ENC_JSON, "lobby", m);
	cr_expect_str_eq(buf_str(&b), want);
	buf_free(&b);
	msg_unref(m);
}

Test(json, messages)
{
#define HEAD	"{\"event\":\"message\",\"room\":\"lobby\",\"seq\":42," AT \
		",\"from\":\"ann\","
	shows(MSG_TEXT, 0, NULL, "hi", HEAD "\"kind\":\"text\",\"text\":\"hi\"}"
	    "\n");
	shows(MSG_ACTION, 0, NULL, "a\"\\\t\xc3\xa4", HEAD "\"kind\":\"action\""
	    ",\"text\":\"a\\\"\\\\\\t\xc3\xa4\"}\n");
	shows(MSG_NOTICE, 0, "bob", "hi", HEAD "\"to\":\"bob\",\"kind\":"
	    "\"notice\",\"text\":\"hi\"}\n");
	shows(MSG_TEXT, MSG_REDACTED, NULL, "no", HEAD "\"kind\":\"text\","
	    "\"redacted\":true}\n");
	shows(MSG_JOIN, 0, NULL, "", "{\"event\":\"join\",\"room\":\"lobby\","
	    "\"name\":\"ann\"}\n");
	shows(MSG_LEAVE, 0, NULL, "", "{\"event\":\"leave\",\"room\":\"lobby\","
	    "\"name\":\"ann\"}\n");
	shows(MSG_LEAVE, 0, NULL, "bye", "{\"event\":\"leave\",\"room\":"
	    "\"lobby\",\"name\":\"ann\",\"reason\":\"bye\"}\n");
	shows(MSG_TOPIC, 0, NULL, "C", "{\"event\":\"topic\",\"room\":"
	    "\"lobby\",\"by\":\"ann\",\"topic\":\"C\"}\n");
	shows(MSG_RENAMED, 0, "anna", "", "{\"event\":\"renamed\",\"room\":"
	    "\"lobby\",\"from\":\"ann\",\"to\":\"anna\"}\n");
}

Test(json, events)
{
	struct buf b = { 0 };

	dialect_json.lag(&b, "lobby", 3, 9);
	dialect_json.notice(&b, "hear \"me\"");
	dialect_json.bye(&b, "restart", true, 500);
	dialect_json.bye(&b, "idle", false, 0);
	cr_expect_str_eq(buf_str(&b),
	    "{\"event\":\"lag\",\"room\":\"lobby\",\"after\":3,\"before\":9}\n"
	    "{\"event\":\"notice\",\"text\":\"hear \\\"me\\\"\"}\n"
	    "{\"event\":\"bye\",\"reason\":\"restart\",\"reconnect\":true,"
	    "\"after_ms\":500}\n"
	    "{\"event\":\"bye\",\"reason\":\"idle\",\"reconnect\":false}\n");
	buf_free(&b);
}

/* One file of JSONTestSuite: one reply, and the right one. */
static void
feed(const char *name, struct buf *file)
{
	static const char head[] = "{\"reply\":null,";
	const char *out, *error;
	bool object = strncmp(name, "y_object", 8) == 0 &&
	    strstr(name, "duplicated") == NULL && strstr(name, "null") == NULL;

	send_bytes(file->data, file->len);
	cr_assert(mail_list_empty(&io.requests), "%s", name);
	out = buf_str(&io.out);
	cr_assert_eq(strncmp(out, head, strlen(head)), 0, "%s: %s", name, out);
	cr_expect_eq(strchr(out, '\n'), out + io.out.len - 1, "%s", name);
	cr_expect(utf8_valid(io.out.data, io.out.len, NULL), "%s", name);
	error = strstr(out, "\"ok\":false,\"error\":\"");
	cr_assert_not_null(error, "%s: %s", name, out);
	error += strlen("\"ok\":false,\"error\":\"");
	if (object)
		cr_expect_eq(strncmp(error, "bad-argument\"", 13), 0, "%s: %s",
		    name, out);
	else if (*name != 'i')
		cr_expect(strncmp(error, "bad-json\"", 9) == 0 ||
		    strncmp(error, "bad-utf8\"", 9) == 0, "%s: %s", name, out);
}

Test(json, test_suite)
{
	struct buf path = { 0 }, file = { 0 };
	struct dirent *entry;
	DIR *dir = opendir(DATA);
	size_t n, files = 0;
	FILE *f;

	if (dir == NULL)
		cr_skip_test(DATA " is not there");
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		buf_reset(&path);
		buf_addf(&path, "%s/%s", DATA, entry->d_name);
		f = fopen(buf_str(&path), "r");
		cr_assert_not_null(f);
		buf_reset(&file);
		buf_room(&file, 1 << 20);
		n = fread(file.data, 1, file.cap, f);
		cr_assert_lt(n, file.cap);
		file.len = n;
		fclose(f);
		feed(entry->d_name, &file);
		files++;
	}
	closedir(dir);
	cr_expect_gt(files, 100);
	buf_free(&path);
	buf_free(&file);
}
