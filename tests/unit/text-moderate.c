#include "text-rig.h"
#include "text.h"

#define HERE	"** You are in no room: /join ROOM enters one.\r\n"

TestSuite(moderate, .init = begin, .fini = end);

/* What is typed becomes this command on bob in the lobby. */
static void
does(const char *line, enum cmd cmd, uint32_t seconds, const char *reason)
{
	struct request *r = asks(line, cmd);

	cr_expect_str_eq(r->room_key, "lobby", "%s", line);
	cr_expect_str_eq(r->name_key, "bob", "%s", line);
	cr_expect_eq(r->seconds, seconds, "%s", line);
	if (reason == NULL)
		cr_expect_null(r->string, "%s", line);
	else
		cr_expect_str_eq(r->string, reason, "%s", line);
	answers(r, "");			/* the room's news tell it */
}

Test(moderate, acts)
{
	struct request *r;

	log_in();
	does("/kick bob", CMD_KICK, 0, NULL);
	does("/kick BOB  10m is no time here", CMD_KICK, 0,
	    "10m is no time here");
	does("/ban bob", CMD_BAN, 0, NULL);
	does("/ban bob 10m", CMD_BAN, 600, NULL);
	does("/ban bob  2h \t spam, and more", CMD_BAN, 7200, "spam, and more");
	does("/ban bob spam", CMD_BAN, 0, "spam");
	does("/mute bob 1d12h", CMD_MUTE, 36 * 3600, NULL);
	does("/unban bob", CMD_UNBAN, 0, NULL);
	does("/unmute bob sorry", CMD_UNMUTE, 0, "sorry");
	does("/op bob", CMD_OP, 0, NULL);
	does("/deop bob", CMD_DEOP, 0, NULL);
	does("/owner bob", CMD_OWNER, 0, NULL);
	does("/invite bob", CMD_INVITE, 0, NULL);
	r = asks("/ban ip:192.0.2.1 1w", CMD_BAN);
	cr_expect_null(r->name);
	cr_expect_str_eq(r->whom_address, "192.0.2.1");
	cr_expect_eq(r->seconds, 604800);
	request_free(r);
	gets("/kick", "** Usage: /kick NAME [REASON]\r\n");
	gets("/ban", "** Usage: /ban NAME [TIME] [REASON]\r\n");
	gets("/ban bob 10", "** TIME is a number and a unit, as 30s, 10m, 2h "
	    "or 3d.\r\n");
	gets("/ban bo/b", "** The name holds something other than letters, "
	    "digits, \"-\", \"_\" and \".\".\r\n");
	request_fail(r = asks("/kick bob", CMD_KICK), ERR_FORBIDDEN,
	    "Only ops and the owner may kick people (#lobby).");
	answers(r, "** Only ops and the owner may kick people (#lobby).\r\n");
}

/* What another command than the one that looks so does. */
Test(moderate, said_which_one_does_it)
{
	log_in();
	gets("/muted", "** There is no command /muted. /bans lists who is "
	    "banned and muted.\r\n");
	gets("/transfer bob", "** There is no command /transfer. /owner NAME "
	    "makes somebody an owner, and then /deop of yourself hands the "
	    "room on.\r\n");
}

Test(moderate, nowhere)
{
	struct request *r = asks("ann", CMD_LOGIN);

	io.logged_in = r->guest = true;
	request_free(r);
	gets("/kick bob", HERE);
	gets("/bans", HERE);
	gets("/set", HERE);
	gets("/redact 1", HERE);
}

Test(moderate, durations)
{
	static const char *const bad[] = { "", "1", "m", "0m", "1x", "1m2",
	    "-1m", "99999999999999999999s", "5300w" };
	uint32_t n;
	size_t i;

	for (i = 0; i < NITEMS(bad); i++)
		cr_expect(!text_duration(bad[i], &n), "%s", bad[i]);
	cr_expect(text_duration("90s", &n) && n == 90);
	cr_expect(text_duration("1w2d3h4m5s", &n) && n == 788645);
	cr_expect(text_duration("3153600000s", &n) && n == 3153600000);
	cr_expect(!text_duration("3153600001s", &n));
}

Test(moderate, bans)
{
	struct listed_sanction listed[] = {
	    { "bob", NULL, "Ann", "", T, 0, false },
	    { NULL, "192.0.2.1", "Ann", "spam", T, T + 3600000, true } };
	struct request *r;

	log_in();
	answers(asks("/bans", CMD_BANS),
	    "-- Nobody is banned or muted in #Lobby.\r\n");
	r = asks("/bans 7", CMD_BANS);
	cr_expect_eq(r->after, 7);
	r->sanctions = listed;
	r->nlisted = 2;
	r->more = true;
	r->next = 9;
	answers(r, "-- bob was banned by Ann 2001-11-22 12:03\r\n"
	    "-- ip:192.0.2.1 was muted by Ann 2001-11-22 12:03, until "
	    "2001-11-22 13:03: spam\r\n-- more: /bans 9\r\n");
	gets("/bans x", "** Usage: /bans\r\n");
}

/* Said as it is typed. */
Test(moderate, what_was_set)
{
	static const char changed[] = "{\"private\":true,\"history\":false,"
	    "\"pace\":5}";
	struct msg *m = msg_new(MSG_CONFIGURED, "Ann", NULL, changed,
	    sizeof(changed) - 1, NULL);
	struct buf b = { 0 };

	m->time = T;
	dialect_text.message(&b, ENC_TEXT, "den", m);
	cr_expect_str_eq(buf_str(&b), "12:03 #den -- Ann set private on, "
	    "history off, pace 5 s\r\n");
	buf_free(&b);
	msg_unref(m);
}

Test(moderate, settings)
{
	struct settings all = { .value = { 1, 0, 1, 50, 5 } };
	struct request *r;

	log_in();
	r = asks("/set", CMD_CONFIGURE);
	cr_expect_null(r->set);
	r->set = &all;
	send_line("");
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	cr_expect_not_null(strstr(buf_str(&io.out),
	    "-- #Lobby is set to:\r\n-- private     on     only "));
	cr_expect_not_null(strstr(buf_str(&io.out), "\r\n-- pace        5 s "));
	r = asks("/set private on", CMD_CONFIGURE);
	cr_expect(r->set->given[SET_PRIVATE] && !r->set->given[SET_PACE]);
	cr_expect_eq(r->set->value[SET_PRIVATE], 1);
	r->seq = 7;
	answers(r, "");
	answers(asks("/set private on", CMD_CONFIGURE),
	    "-- #Lobby is set so already.\r\n");
	r = asks("/set pace 2m", CMD_CONFIGURE);
	cr_expect_eq(r->set->value[SET_PACE], 120);
	request_free(r);
	r = asks("/set pace 10", CMD_CONFIGURE);
	cr_expect(r->set->given[SET_PACE] && !r->set->given[SET_PRIVATE]);
	cr_expect_eq(r->set->value[SET_PACE], 10);
	request_free(r);
	gets("/set colour on", "** There is no such setting: /set shows "
	    "them.\r\n");
	gets("/set private", "** private may be on or off.\r\n");
	gets("/set pace fast", "** pace may be a time of at most a day, as 3s "
	    "or 2m, or 0.\r\n");
	gets("/set pace 86401", "** pace may be a time of at most a day, as "
	    "3s or 2m, or 0.\r\n");
	gets("/set pace 2d", "** pace may be a time of at most a day, as 3s "
	    "or 2m, or 0.\r\n");
	gets("/set presence 3s", "** presence may be a number from 0 to "
	    "1000000.\r\n");
}

static void
add(struct request *r, const char *from, enum msg_kind kind)
{
	r->msgs = xrealloc(r->msgs, (r->nlisted + 1) * sizeof(*r->msgs));
	r->msgs[r->nlisted] = msg_new(kind, from, NULL, "hi", 2, NULL);
	r->msgs[r->nlisted]->seq = 10 + r->nlisted;
	r->nlisted++;
}

static void
redacts(uint64_t seq, const char *reason)
{
	struct request *r = take_request(CMD_REDACT);

	cr_expect_eq(r->seq, seq);
	cr_expect_str_eq(r->room_key, "lobby");
	cr_expect_str_eq(r->string, reason);
	answers(r, "");
}

Test(moderate, redact)
{
	struct request *r;

	log_in();
	io.name = "Ann";
	r = asks("/redact", CMD_HISTORY);
	cr_expect_eq(r->limit, 10);
	add(r, "bob", MSG_TEXT);
	add(r, "bob", MSG_KICKED);
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	cr_expect_not_null(strstr(buf_str(&io.out), "-- 10  "), "%s",
	    buf_str(&io.out));
	cr_expect_null(strstr(buf_str(&io.out), "-- 11  "));
	cr_expect_not_null(strstr(buf_str(&io.out), "<bob> hi\r\n"
	    "-- /redact NUMBER [REASON] takes the text of one away."));
	request_free(r);
	answers(asks("/redact", CMD_HISTORY),
	    "-- Nothing was said here of late.\r\n");
	send_line("/redact 7 oops");
	redacts(7, "oops");
	r = asks("/redact last oops", CMD_HISTORY);
	add(r, "Ann", MSG_TEXT);
	add(r, "ann", MSG_ACTION);
	add(r, "bob", MSG_TEXT);
	add(r, "Ann", MSG_KICKED);
	add(r, "Ann", MSG_TEXT);
	r->msgs[4]->flags = MSG_REDACTED;
	answers(r, "");
	redacts(11, "oops");
	r = asks("/redact Bob rude", CMD_HISTORY);
	add(r, "bob", MSG_TEXT);
	answers(r, "");
	redacts(10, "rude");
	r = asks("/redact bob", CMD_HISTORY);
	add(r, "Ann", MSG_TEXT);
	answers(r, "** Nothing of bob is among the last 1 here.\r\n");
}

static void
enters(const char *line, const char *shown)
{
	struct request *r = asks(line, CMD_SUBSCRIBE);
	char want[100];

	r->members = 1;
	snprintf(want, sizeof(want), "-- You are in #%s (1 here).\r\n", shown);
	answers(r, want);
}

Test(moderate, sent_out)
{
	struct request *r;

	log_in();
	enters("/join dev", "dev");
	request_fail(r = asks("hi", CMD_SAY), ERR_NOT_SUBSCRIBED, NULL);
	answers(r, "** You are not in #dev any more. You are talking in #Lobby "
	    "now.\r\n");
	says("hi", "lobby", "hi");
	request_fail(r = asks("hi", CMD_SAY), ERR_NOT_SUBSCRIBED, NULL);
	answers(r, "** You are not in #Lobby: /join ROOM enters a room.\r\n");
	gets("hi", HERE);
}

static void
is_sent_out(const char *room, const char *want)
{
	buf_reset(&io.out);
	dialect_text.sent_out(state, &io, room, 0);
	cr_expect_str_eq(buf_str(&io.out), want, "%s", buf_str(&io.out));
}

/* It is told at once where one talks then. */
Test(moderate, told_when_sent_out)
{
	log_in();
	enters("/join Dev", "Dev");
	enters("/join ops", "ops");
	is_sent_out("Dev", "");
	says("hi", "ops", "hi");
	is_sent_out("elsewhere", "");
	is_sent_out("ops", "-- You are talking in #Lobby now.\r\n");
	says("hi", "lobby", "hi");
	is_sent_out("Lobby", "-- You are in no room now: /join ROOM enters one."
	    "\r\n");
	gets("hi", HERE);
}

/* It is asked for again what one was in, for one may have been sent out. */
Test(moderate, sent_out_and_back)
{
	struct request *r;

	log_in();
	enters("/join dev", "dev");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE),
	    ERR_ALREADY_SUBSCRIBED, NULL);
	answers(r, "-- You are talking in #dev now.\r\n");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE), ERR_RATE_LIMITED,
	    "Too fast.");
	r->retry_ms = 59900;
	answers(r, "** Too fast. (59.9 s)\r\n");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE), ERR_RATE_LIMITED,
	    "Too fast.");
	r->retry_ms = 119 * 1000;
	answers(r, "** Too fast. (2 min)\r\n");
	request_fail(r = asks("hi", CMD_SAY), ERR_RATE_LIMITED,
	    "#dev is slow: one message in 5 s. Wait for 5 s more.");
	r->retry_ms = 4600;
	answers(r, "** #dev is slow: one message in 5 s. Wait for 5 s more."
	    "\r\n");
	says("hi", "dev", "hi");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE), ERR_BANNED,
	    "You are banned from #dev for another 2 min.");
	r->retry_ms = 119 * 1000;
	answers(r, "** You are banned from #dev for another 2 min.\r\n"
	    "-- You are talking in #Lobby now.\r\n");
	says("hi", "lobby", "hi");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE), ERR_PRIVATE,
	    "#dev is private.");
	answers(r, "** #dev is private.\r\n");
	enters("/join dev", "dev");
	request_fail(r = asks("/join dev", CMD_SUBSCRIBE), ERR_FORBIDDEN,
	    "Register first.");
	answers(r, "** Register first.\r\n"
	    "-- You are talking in #Lobby now.\r\n");
}

/* What /help lists with this role. */
static const char *
help_of(const char *role)
{
	struct request *r = asks("/help", CMD_CONFIGURE);

	r->role = role;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	return buf_str(&io.out);
}

Test(moderate, help_derives_from_rights)
{
	log_in();
	cr_expect_null(strstr(help_of("member"), "/kick"));
	cr_expect_null(strstr(help_of("visitor"), "/kick"));
	cr_expect_null(strstr(help_of("op"), "/op "));
	cr_expect_not_null(strstr(help_of("op"), "/kick NAME [REASON]"));
	cr_expect_not_null(strstr(help_of("owner"), "/op NAME"));
	cr_expect_not_null(strstr(help_of("owner"), "/set [WHAT VALUE]"));
	cr_expect_not_null(strstr(help_of("operator"), "/set [WHAT VALUE]"));
	gets("/help op", "-- /op NAME: make somebody an op of the room.\r\n"
	    "-- That is for the owner.\r\n");
}

Test(moderate, search)
{
	struct listed_room rooms[] = { { .room = "dev" },
	    { .room = "@Ann" } };
	struct request *r;

	log_in();
	gets("/search", "** Usage: /search WORDS\r\n");
	gets("/search #dev", "** Usage: /search WORDS\r\n");
	gets("/search before:x hi", "** Usage: /search WORDS\r\n");
	r = asks("/search one \"two three\"", CMD_SEARCH);
	cr_expect_null(r->room);
	cr_expect_str_eq(r->match, "one \"two three\"");
	cr_expect_eq(r->has, 0);
	answers(r, "-- Nothing was found.\r\n");
	r = asks("/search #Dev before:12 one", CMD_SEARCH);
	cr_expect_str_eq(r->room_key, "dev");
	cr_expect_eq(r->before, 12);
	cr_expect_eq(r->has, HAS_BEFORE);
	add(r, "bob", MSG_TEXT);
	add(r, "Ann", MSG_ACTION);
	r->msgs[0]->time = r->msgs[1]->time = T;
	r->rooms = rooms;
	r->more = true;
	r->next = 10;
	answers(r, "@Ann 2001-11-22 12:03 * Ann hi\r\n"
	    "#dev 2001-11-22 12:03 <bob> hi\r\n"
	    "-- older ones: /search #Dev before:10 one\r\n");
	r = asks("/search x", CMD_SEARCH);
	r->more = true;
	r->next = 10;
	answers(r, "-- older ones: /search before:10 x\r\n");
}
