/* Moderation in JSON: what is asked, answered and shown, byte for byte. */
#include "json-rig.h"

#define T	INT64_C(1795415580123)
#define AT	"\"time\":\"2026-11-23T06:33:00.123Z\""

static const struct conf conf = { .max_text = 4096 };

static void
begin(void)
{
	rig_begin(&conf);
}

TestSuite(json_acts, .init = begin, .fini = rig_end);

static void
refused(const char *line, const char *what)
{
	send_bytes(line, strlen(line));
	cr_assert(mail_list_empty(&io.requests), "%s", line);
	cr_assert(strstr(buf_str(&io.out), what) != NULL, "%s: %s", line,
	    buf_str(&io.out));
}

static void
shows(enum msg_kind kind, const char *to, const char *text, const char *want)
{
	struct msg *m = msg_new(kind, "ann", to, text, strlen(text), NULL);
	char *line = xasprintf("{\"event\":\"%s}\n", want);
	struct request *r = request_new(CMD_HISTORY);
	struct buf b = { 0 };

	m->seq = 42;
	m->time = T;
	dialect_json.message(&b, ENC_JSON, "den", m);
	cr_expect_str_eq(buf_str(&b), line);
	/* The same in a page of history. */
	r->room = "den";
	r->nlisted = 1;
	r->msgs = xcalloc(1, sizeof(struct msg *));
	r->msgs[0] = m;
	buf_reset(&io.out);
	dialect_json.reply(NULL, &io, r);
	line[strlen(line) - 1] = '\0';
	cr_expect(strstr(buf_str(&io.out), line) != NULL, "%s",
	    buf_str(&io.out));
	request_free(r);
	buf_free(&b);
	free(line);
}

#define HEAD(event)	event "\",\"room\":\"den\",\"seq\":42," AT \
			",\"by\":\"ann\""

Test(json_acts, events)
{
	shows(MSG_ROLE, "bob", "op", HEAD("role") ",\"name\":\"bob\","
	    "\"role\":\"op\"");
	shows(MSG_INVITED, "bob", "", HEAD("invited") ",\"name\":\"bob\"");
	shows(MSG_KICKED, "bob", "0 ", HEAD("kicked") ",\"name\":\"bob\"");
	shows(MSG_KICKED, "bob", "60 so \"loud\"", HEAD("kicked")
	    ",\"name\":\"bob\",\"for\":60,\"reason\":\"so \\\"loud\\\"\"");
	shows(MSG_BANNED, "", "0 9 times", HEAD("banned")
	    ",\"reason\":\"9 times\"");
	shows(MSG_MUTED, "bob", "5 ", HEAD("muted") ",\"name\":\"bob\","
	    "\"for\":5");
	shows(MSG_UNBANNED, "bob", "", HEAD("unbanned") ",\"name\":\"bob\"");
	shows(MSG_UNMUTED, "", "", HEAD("unmuted"));
	shows(MSG_CONFIGURED, "", "{\"private\":true,\"pace\":5}",
	    HEAD("configure") ",\"private\":true,\"pace\":5");
	shows(MSG_CONFIGURED, "", "{}", HEAD("configure"));
	/* The store is not trusted with what would be the event's members. */
	shows(MSG_CONFIGURED, "", "not json", HEAD("configure"));
	shows(MSG_CONFIGURED, "", "{\"a\":\"\x1b[2J\",\"pace\":-5}",
	    HEAD("configure"));
	shows(MSG_CONFIGURED, "", "{\"pace\":5},\"from\":\"opr\"",
	    HEAD("configure"));
	shows(MSG_CONFIGURED, "", "{\"from\":\"opr\",\"pace\":5}",
	    HEAD("configure") ",\"pace\":5");
	shows(MSG_REDACT, "", "41 rude", HEAD("redact") ",\"target\":41,"
	    "\"reason\":\"rude\"");
	shows(MSG_REDACT, "", "41 ", HEAD("redact") ",\"target\":41");
}

Test(json_acts, configure)
{
	struct request *r = asks("{\"cmd\":\"configure\",\"room\":\"den\"}");

	cr_assert_null(r->set);
	request_free(r);
	r = asks("{\"cmd\":\"configure\",\"room\":\"den\",\"private\":true,"
	    "\"history\":false,\"pace\":0}");
	cr_assert(r->set->given[SET_PRIVATE] && r->set->value[SET_PRIVATE]);
	cr_assert(r->set->given[SET_HISTORY] && !r->set->value[SET_HISTORY]);
	cr_assert(r->set->given[SET_PACE] && r->set->value[SET_PACE] == 0);
	cr_assert(!r->set->given[SET_MODERATED] &&
	    !r->set->given[SET_PRESENCE]);
	r->set->value[SET_PRESENCE] = 100;
	answers(r, "{\"reply\":\"configure\",\"ok\":true,\"room\":\"den\","
	    "\"private\":true,\"moderated\":false,\"history\":false,"
	    "\"presence\":100,\"pace\":0,\"registered\":false}\n");
	refused("{\"cmd\":\"configure\",\"room\":\"den\",\"private\":1}",
	    "\"message\":\"\\\"private\\\" must be true or false.\","
	    "\"field\":\"private\"");
	refused("{\"cmd\":\"configure\",\"room\":\"den\",\"pace\":true}",
	    "\"field\":\"pace\"");
	refused("{\"cmd\":\"configure\",\"room\":\"den\",\"pace\":86401}",
	    "\"field\":\"pace\"");
	refused("{\"cmd\":\"configure\",\"room\":true}", "\"field\":\"room\"");
	refused("{\"cmd\":\"ping\",\"id\":true}", "\"field\":\"id\"");
}

Test(json_acts, acts)
{
	struct request *r = asks("{\"cmd\":\"ban\",\"room\":\"den\",\"name\":"
	    "\"Bob\",\"reason\":\"rude\",\"for\":90}");

	cr_assert_str_eq(r->name_key, "bob");
	cr_assert_str_eq(r->string, "rude");
	cr_assert_eq(r->seconds, 90);
	cr_assert_null(r->whom_address);
	answers(r, "{\"reply\":\"ban\",\"ok\":true,\"room\":\"den\",\"name\":"
	    "\"Bob\"}\n");
	r = asks("{\"cmd\":\"mute\",\"room\":\"den\",\"address\":\"::1\"}");
	cr_assert_str_eq(r->whom_address, "::1");
	cr_assert_null(r->name_key);
	answers(r, "{\"reply\":\"mute\",\"ok\":true,\"room\":\"den\"}\n");
	r = asks("{\"cmd\":\"redact\",\"room\":\"den\",\"seq\":7}");
	cr_assert_eq(r->seq, 7);
	answers(r, "{\"reply\":\"redact\",\"ok\":true,\"room\":\"den\"}\n");
	refused("{\"cmd\":\"kick\",\"room\":\"den\"}", "\"field\":\"name\"");
	refused("{\"cmd\":\"ban\",\"room\":\"den\",\"name\":\"bob\",\"for\":0}",
	    "\"field\":\"for\"");
}

Test(json_acts, bans)
{
	struct request *r = asks("{\"cmd\":\"bans\",\"room\":\"den\"}");
	struct listed_sanction rows[] = {
		{ "bob", NULL, "ann", "", T, 0, false },
		{ NULL, "192.0.2.1", "root", "spam", T, T, true },
		{ "cat", "192.0.2.2", "ann", "", T, 0, false },
	};

	answers(r, "{\"reply\":\"bans\",\"ok\":true,\"room\":\"den\","
	    "\"bans\":[],\"mutes\":[]}\n");
	r = asks("{\"cmd\":\"bans\",\"room\":\"den\"}");
	r->sanctions = rows;
	r->nlisted = 3;
	r->more = true;
	r->next = 9;
	answers(r, "{\"reply\":\"bans\",\"ok\":true,\"room\":\"den\","
	    "\"bans\":[{\"by\":\"ann\",\"name\":\"bob\",\"at\":"
	    "\"2026-11-23T06:33:00.123Z\"},{\"by\":\"ann\",\"name\":\"cat\","
	    "\"address\":\"192.0.2.2\",\"at\":\"2026-11-23T06:33:00.123Z\"}],"
	    "\"mutes\":[{\"by\":\"root\",\"address\":\"192.0.2.1\","
	    "\"reason\":\"spam\",\"at\":\"2026-11-23T06:33:00.123Z\","
	    "\"until\":\"2026-11-23T06:33:00.123Z\"}],"
	    "\"more\":true,\"next\":9}\n");
}
