#include "text-rig.h"

TestSuite(text, .init = begin, .fini = end);

static void
join(const char *room)
{
	char *line = xasprintf("/join %s", room);
	struct request *r = asks(line, CMD_SUBSCRIBE);
	char *want = xasprintf("-- You are in #%s (1 here).\r\n", r->room);

	cr_expect_eq(r->last, 20);
	cr_expect_eq(r->has, HAS_LAST);
	r->members = 1;
	answers(r, want);
	free(want);
	free(line);
}

Test(text, greeting)
{
	conf.motd = (char *)"Be kind.\nAnd\033[1m brief.\n";
	dialect_text.greet(state, &io);
	cr_expect_str_eq(buf_str(&io.out), "-- Welcome to example.\r\n"
	    "-- Be kind.\r\n-- And\xef\xbf\xbd[1m brief.\r\n"
	    "-- Say /help for help, /quit to go.\r\n" ASK);
	request_free(asks("ann", CMD_LOGIN));
	gets("", ASK);
	gets(" \t", ASK);
	gets("bob smith", "** A name is one word: \"bob smith\" has a space."
	    "\r\n" ASK);
	gets("a bcdefghijklmnopqrstuvwxyzabcdefgh", "** A name is one word: "
	    "\"a bcdefghijklmnopqrstuvwxyzab...\" has a space.\r\n" ASK);
	gets("a/b", "** The name holds something other than letters, digits, "
	    "\"-\", \"_\" and \".\".\r\n" ASK);
	gets("-ann", "** The name begins with \"-\" or \".\".\r\n" ASK);
	gets("\xff", BAD_UTF8 ASK);
	gets("//x", "** The name holds something other than letters, digits, "
	    "\"-\", \"_\" and \".\".\r\n" ASK);
	gets("/join x", "** First your name.\r\n" ASK);
	gets("/nothing", "** First your name.\r\n" ASK);
	gets("/help quit", "-- /quit: go.\r\n" ASK);
	send_line("/help");
	cr_expect_not_null(strstr(buf_str(&io.out),
	    "/.\r\n-- But a name is needed first.\r\n" ASK));
	gets("/name", "** Usage: /name NEW\r\n" ASK);
	gets("/name .x", "** The name begins with \"-\" or \".\".\r\n" ASK);
	request_free(asks("/name ann", CMD_LOGIN));
}

Test(text, login)
{
	struct request *r;

	dialect_text.greet(state, &io);
	r = asks("  ann \t", CMD_LOGIN);
	cr_expect_str_eq(r->name, "ann");
	request_fail(r, ERR_NAME_TAKEN, NULL);
	answers(r, "** Somebody here has that name already.\r\n" ASK);
	r = asks("Ann", CMD_LOGIN);
	cr_expect_str_eq(r->name_key, "ann");
	io.logged_in = true;
	answers(r, "-- You are Ann. /help lists the commands.\r\n");
	r = take_request(CMD_SUBSCRIBE);
	r->topic = "all and nothing";
	r->members = 1;
	r->head = 20;
	r->last = 20;
	answers(r, "-- You are in #Lobby (1 here). Topic: all and nothing\r\n"
	    "-- The last messages follow; /history goes further back.\r\n");
	gets("", "");
	gets("   ", "");
	says("hi", "lobby", "hi");
}

Test(text, lobby_refused)
{
	struct request *r = asks("ann", CMD_LOGIN);

	io.logged_in = true;
	answers(r, "-- Welcome to example.\r\n"
	    "-- You are ann. /help lists the commands.\r\n");
	r = take_request(CMD_SUBSCRIBE);
	request_fail(r, ERR_BANNED, NULL);
	answers(r, "** You are banned from that room.\r\n"
	    "-- You are in no room: /join ROOM enters one.\r\n");
	gets("hi", NOWHERE);
	gets("/me waves", NOWHERE);
	gets("/room", NOWHERE);
	gets("/leave", NOWHERE);
	gets("/who", NOWHERE);
	gets("/topic", NOWHERE);
	gets("/topic x", NOWHERE);
	gets("/history", NOWHERE);
	join("dev");
	says("hi", "dev", "hi");
}

Test(text, say)
{
	struct request *r;
	char line[70];

	log_in();
	says("hi there ", "lobby", "hi there ");
	says("  deep", "lobby", "  deep");
	says("//x", "lobby", "/x");
	says("///", "lobby", "//");
	says("a\tb\033[31m\x7f\xc2\x85\xe2\x80\xae.", "lobby", "a\tb\xef\xbf"
	    "\xbd[31m\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.");
	gets("a\xc0\x80", BAD_UTF8);
	memset(line, 'x', sizeof(line));
	line[64] = '\0';
	says(line, "lobby", line);
	line[64] = 'x';
	line[65] = '\0';
	gets(line, "** That is too long: 65 bytes, 64 are allowed.\r\n");
	r = asks("hi", CMD_SAY);
	request_fail(r, ERR_RATE_LIMITED, NULL);
	r->retry_ms = 1250;
	answers(r, "** That was too fast: wait. (1.2 s)\r\n");
	r = asks("hi", CMD_SAY);
	request_fail(r, ERR_STORE_UNAVAILABLE, "Disk %s.", "full");
	answers(r, "** Disk full.\r\n");
}

Test(text, me)
{
	struct request *r;

	log_in();
	r = asks("/me  waves at you ", CMD_SAY);
	cr_expect_eq(r->msg->kind, MSG_ACTION);
	cr_expect_str_eq(msg_text(r->msg), "waves at you");
	cr_expect_str_eq(r->room, "Lobby");
	answers(r, "");
	gets("/me", "** Usage: /me TEXT\r\n");
	gets("/ME ", "** Usage: /me TEXT\r\n");
}

Test(text, msg)
{
	struct request *r;

	log_in();
	r = asks("/msg Bob psst  you", CMD_TELL);
	cr_expect_str_eq(r->name, "Bob");
	cr_expect_str_eq(r->name_key, "bob");
	cr_expect_str_eq(msg_text(r->msg), "psst  you");
	cr_expect_str_eq(msg_to(r->msg), "Bob");
	cr_expect_eq(r->msg->kind, MSG_TEXT);
	msg_unref(r->msg);		/* the store has it */
	r->msg = NULL;
	r->time = T;
	answers(r, "12:03 -> @Bob psst  you\r\n");
	r = asks("/msg @bob x", CMD_TELL);
	cr_expect_str_eq(r->name, "bob");
	request_fail(r, ERR_NO_SUCH_USER, NULL);
	answers(r, "** bob is not here, so that was not sent.\r\n");
	gets("/msg", "** Usage: /msg NAME TEXT\r\n");
	gets("/msg bob", "** Usage: /msg NAME TEXT\r\n");
	gets("/msg -b x", "** The name begins with \"-\" or \".\".\r\n");
	gets("/msg bob 0123456789012345678901234567890123456789012345678901234"
	    "5678901234", "** That is too long: 65 bytes, 64 are allowed.\r\n");
}

Test(text, rooms_entered_and_left)
{
	struct request *r;

	log_in();
	gets("/room", "-- You are in #Lobby; talking in #Lobby.\r\n");
	join("#Dev");
	join("ops");
	gets("/room", "-- You are in #Lobby, #Dev, #ops; talking in #ops.\r\n");
	says("hi", "ops", "hi");
	gets("/room #DEV", "-- You are talking in #Dev now.\r\n");
	says("hi", "dev", "hi");
	gets("/room lobby", "-- You are talking in #Lobby now.\r\n");
	gets("/room x", "** You are not in that room: /join ROOM enters it."
	    "\r\n");
	gets("/room a b", "** Usage: /room [ROOM]\r\n");
	gets("/room -x", "** You are not in that room: /join ROOM enters it."
	    "\r\n");
	r = asks("/leave dev", CMD_UNSUBSCRIBE);
	cr_expect_str_eq(r->room_key, "dev");
	answers(r, "-- You left #dev.\r\n");
	says("hi", "lobby", "hi");
	r = asks("/leave", CMD_UNSUBSCRIBE);
	cr_expect_str_eq(r->room, "Lobby");
	answers(r, "-- You left #Lobby. You are talking in #ops now.\r\n");
	says("hi", "ops", "hi");
	join("dev");
	answers(asks("/leave", CMD_UNSUBSCRIBE),
	    "-- You left #dev. You are talking in #ops now.\r\n");
	answers(asks("/leave", CMD_UNSUBSCRIBE), "-- You left #ops. You are in "
	    "no room now: /join ROOM enters one.\r\n");
	gets("hi", NOWHERE);
	answers(asks("/leave @ann", CMD_UNSUBSCRIBE), "-- You left @ann.\r\n");
	gets("hi", NOWHERE);
	r = asks("/leave x", CMD_UNSUBSCRIBE);
	request_fail(r, ERR_NOT_SUBSCRIBED, NULL);
	answers(r, "** You are not in #x: /join ROOM enters a room.\r\n");
	gets("/leave a b", "** Usage: /leave [ROOM]\r\n");
	gets("/leave .", "** The room's name begins with \"-\" or \".\".\r\n");
}

Test(text, join)
{
	struct request *r;

	log_in();
	gets("/join", "** Usage: /join ROOM\r\n");
	gets("/join a b", "** Usage: /join ROOM\r\n");
	gets("/join a/b", "** The room's name holds something other than "
	    "letters, digits, \"-\", \"_\" and \".\".\r\n");
	r = asks("/join secret", CMD_SUBSCRIBE);
	request_fail(r, ERR_PRIVATE, NULL);
	answers(r, "** That room is private.\r\n");
	says("hi", "lobby", "hi");
	r = asks("/join dev", CMD_SUBSCRIBE);
	request_fail(r, ERR_ALREADY_SUBSCRIBED, NULL);
	answers(r, "-- You are talking in #dev now.\r\n");
	says("hi", "dev", "hi");
	gets("/room", "-- You are in #Lobby, #dev; talking in #dev.\r\n");
	r = asks("/join old", CMD_SUBSCRIBE);
	r->head = 21;
	answers(r, "-- You are in #old (0 here).\r\n"
	    "-- The last messages follow; /history goes further back.\r\n");
	r = asks("/join pruned", CMD_SUBSCRIBE);
	r->head = r->floor = 21;
	answers(r, "-- You are in #pruned (0 here).\r\n");
}

/* Nobody enters one, not even its owner. */
Test(text, inbox)
{
#define INBOX	" is your inbox: what people say to you alone comes here by " \
	"itself. /msg NAME TEXT answers.\r\n"
	log_in();
	io.name = "Ann";
	gets("/join @ann", "** @ann" INBOX);
	gets("/join #@ANN", "** @ANN" INBOX);
	gets("/room @ann", "** @ann" INBOX);
	gets("/room @bob", "** @bob is no room: /msg bob TEXT says something "
	    "to bob alone.\r\n");
	gets("/join @", "** The room's name is empty.\r\n");
	says("hi", "lobby", "hi");
}

Test(text, topic)
{
	struct listed_room rooms[] = { { "Lobby2", "no", 1, false },
	    { "LOBBY", "C and so on", 1, true } };
	struct request *r;

	log_in();
	r = asks("/topic all of it", CMD_TOPIC);
	cr_expect_str_eq(r->room_key, "lobby");
	cr_expect_str_eq(r->string, "all of it");
	answers(r, "");
	r = asks("/topic", CMD_ROOMS);
	cr_expect_str_eq(r->match, "lobby");
	r->rooms = rooms;
	r->nlisted = 2;
	answers(r, "-- The topic of #LOBBY: C and so on\r\n");
	r = asks("/topic", CMD_ROOMS);
	r->rooms = rooms;
	r->nlisted = 2;
	rooms[1].topic = "";
	answers(r, "-- #LOBBY has no topic.\r\n");
	/* it is on the next page */
	r = asks("/topic", CMD_ROOMS);
	r->rooms = rooms;
	r->nlisted = 1;
	r->more = true;
	r->next = 9;
	answers(r, "");
	r = take_request(CMD_ROOMS);
	cr_expect_str_eq(r->match, "lobby");
	cr_expect_eq(r->after, 9);
	cr_expect_eq(r->has, HAS_AFTER);
	rooms[1].topic = "D";
	r->rooms = rooms + 1;
	r->nlisted = 1;
	answers(r, "-- The topic of #LOBBY: D\r\n");
	answers(asks("/topic", CMD_ROOMS), "** There is no such room.\r\n");
}

Test(text, history)
{
	struct request *r;

	log_in();
	r = asks("/history", CMD_HISTORY);
	cr_expect_str_eq(r->room_key, "lobby");
	cr_expect_eq(r->limit, 20);
	cr_expect_eq(r->has, 0);
	answers(r, "-- end of history\r\n");
	r = asks("/history 2 77", CMD_HISTORY);
	cr_expect_eq(r->limit, 2);
	cr_expect_eq(r->has, HAS_BEFORE);
	cr_expect_eq(r->before, 77);
	r->msgs = xmalloc(3 * sizeof(*r->msgs));
	r->nlisted = 3;
	r->msgs[0] = msg_new(MSG_TEXT, "ann", NULL, "hi", 2, NULL);
	r->msgs[1] = msg_new(MSG_ACTION, "bob", NULL, "waves", 5, NULL);
	r->msgs[2] = msg_new(MSG_NOTICE, "bob", NULL, "waves", 5, NULL);
	r->msgs[0]->seq = 74;
	r->msgs[0]->time = T;
	r->msgs[1]->time = T + 60000;
	r->msgs[2]->time = T + 86400000;
	r->more = true;
	answers(r, "-- 2001-11-22\r\n12:03 #Lobby <ann> hi\r\n"
	    "12:04 #Lobby * bob waves\r\n-- 2001-11-23\r\n"
	    "12:03 #Lobby -bob- waves\r\n"
	    "-- older ones: /history 2 74\r\n");
	/* today needs no date */
	r = asks("/history 1000", CMD_HISTORY);
	r->msgs = xmalloc(sizeof(*r->msgs));
	r->nlisted = 1;
	r->msgs[0] = msg_new(MSG_TEXT, "ann", NULL, "hi", 2, NULL);
	r->msgs[0]->time = clock_wall();
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	cr_expect_str_eq(buf_str(&io.out) + 5,
	    " #Lobby <ann> hi\r\n-- end of history\r\n");
	request_free(r);
	gets("/history 0", "** N is 1 to 1000.\r\n");
	gets("/history 1001", "** N is 1 to 1000.\r\n");
	gets("/history x", "** N is 1 to 1000.\r\n");
	gets("/history -1", "** N is 1 to 1000.\r\n");
#define USAGE	"** Usage: /history [N [BEFORE]]\r\n"
	gets("/history 5 x", USAGE);
	gets("/history 5 9223372036854775808", USAGE);
	gets("/history 5 99999999999999999999", USAGE);
	r = asks("/history 5 9223372036854775807", CMD_HISTORY);
	cr_expect_eq(r->before, 9223372036854775807u);
	request_free(r);
}

Test(text, rooms)
{
	struct listed_room rooms[] = { { "lobby", "a topic that is long", 12,
	    true }, { "\xc3\xa4", "", 1, false }, { "dev-team", NULL, 99999,
	    false } };
	struct request *r;

	log_in();
	r = asks("/rooms", CMD_ROOMS);
	cr_expect_null(r->match);
	cr_expect_eq(r->has, 0);
	r->rooms = rooms;
	r->nlisted = 3;
	answers(r, "-- * #lobby       12  a topic that is long\r\n"
	    "-- \x20 #\xc3\xa4            1\r\n"
	    "-- \x20 #dev-team 99999\r\n"
	    "-- end of the rooms; a * marks those you are in\r\n");
	text_set_width(state, 34);
	r = asks("/rooms e", CMD_ROOMS);
	cr_expect_str_eq(r->match, "e");
	r->rooms = rooms;
	r->nlisted = 1;
	r->more = true;
	r->next = 17;
	answers(r, "-- * #lobby    12  a topic that...\r\n"
	    "-- more: /rooms e 17\r\n");
	r = asks("/rooms * 17", CMD_ROOMS);
	cr_expect_null(r->match);
	cr_expect_eq(r->after, 17);
	cr_expect_eq(r->has, HAS_AFTER);
	r->more = true;
	r->next = 18;
	answers(r, "-- more: /rooms * 18\r\n");
	answers(asks("/rooms zzz", CMD_ROOMS),
	    "-- No room has \"zzz\" in its name.\r\n");
	answers(asks("/rooms", CMD_ROOMS), "-- no room\r\n");
	gets("/rooms a b", "** Usage: /rooms [WORD]\r\n");
}

Test(text, who)
{
	struct listed_user users[] = {
	    { "ann", "owner", NULL, 1, false, NULL, 0 },
	    { "bob", "member", "at lunch until the cows come home", 1, true,
	      NULL, 0 },
	    { "cat", NULL, "", 2, true, NULL, 0 },
	    { "d", "owner", "x", 3, true, NULL, 0 } };
	struct request *r;

	log_in();
	r = asks("/who", CMD_WHO);
	cr_expect_str_eq(r->room_key, "lobby");
	r->users = users;
	r->nlisted = 4;
	answers(r, "-- ann (owner)                       "
	    "d (owner, 3 times, away: x)\r\n"
	    "-- bob (away: at lunch until th...)  "
	    "cat (2 times, away)\r\n"
	    "-- 4 in #Lobby\r\n");
	text_set_width(state, 20);
	r = asks("/who *", CMD_WHO);
	cr_expect_null(r->room);
	r->users = users;
	r->nlisted = 2;
	answers(r, "-- ann (owner)\r\n-- d (owner, 3 times, away: x)\r\n"
	    "-- 2 here\r\n");
	gets("/who @bob", "** @bob is no room: /msg bob TEXT says something to "
	    "bob alone.\r\n");
	gets("/msg #den hi", "** #den is a room: /join den enters it.\r\n");
	gets("/help all x", "** Usage: /help [COMMAND]\r\n");
	gets("\x04", "-- /quit goes.\r\n");
	gets("\x03", "-- /quit goes.\r\n");
	io.hides = true;	/* it speaks telnet */
	gets("\x04", "-- /quit goes.\r\n");
	gets("\x03", "-- /quit goes. If lines are missing now, /history shows "
	    "them.\r\n");
	io.hides = false;
	r = asks("/who dev 200", CMD_WHO);
	cr_expect_str_eq(r->room, "dev");
	cr_expect_eq(r->after, 200);
	r->more = true;
	r->next = 100;
	answers(r, "-- more: /who dev 100\r\n");
	r = asks("/who * 7", CMD_WHO);
	r->more = true;
	r->next = 9;
	answers(r, "-- more: /who * 9\r\n");
	answers(asks("/who * 9", CMD_WHO), "-- end of the list\r\n");
	gets("/who a b", "** Usage: /who [ROOM]\r\n");
	gets("/who -a", "** The room's name begins with \"-\" or \".\".\r\n");
}

Test(text, others)
{
	struct request *r;

	log_in();
	r = asks("/away at lunch", CMD_AWAY);
	cr_expect_str_eq(r->string, "at lunch");
	answers(r, "-- You are away.\r\n");
	r = asks("/away", CMD_AWAY);
	cr_expect_null(r->string);
	answers(r, "-- You are back.\r\n");
	answers(asks("/away", CMD_AWAY), "-- You were not away. /away TEXT "
	    "says that you are.\r\n");
	r = asks("/name Anna", CMD_RENAME);
	cr_expect_str_eq(r->name_key, "anna");
	answers(r, "-- You are Anna now.\r\n");
	gets("/name", "** Usage: /name NEW\r\n");
	gets("/name a b", "** A name is one word: \"a b\" has a space.\r\n");
	gets("/json x", "** Usage: /json\r\n");
	cr_expect_eq(io.act, 0);
	gets("/json", "-- From here on it is JSON, a command a line.\r\n");
	cr_expect_eq(io.act, DIALECT_TO_JSON);
	r = asks("/quit", CMD_QUIT);
	cr_expect_eq(io.act, 0);
	answers(r, "-- Bye.\r\n");
	cr_expect_eq(io.act, DIALECT_CLOSE);
}

Test(text, too_long_strings)
{
	char *line = xasprintf("/topic %0513d", 0);

	log_in();
	gets(line, "** That is too long: 513 bytes, 512 are allowed.\r\n");
	memcpy(line, "/away  ", 7);
	gets(line, "** That is too long: 513 bytes, 512 are allowed.\r\n");
	memcpy(line, "/rooms ", 7);
	gets(line, "** That is too long: 513 bytes, 512 are allowed.\r\n");
	free(line);
}

Test(text, color)
{
	log_in();
	cr_expect_eq(text_encoding(state), ENC_TEXT);
	gets("/color on", "-- Colours are on.\r\n");
	cr_expect_eq(io.act, DIALECT_COLOR);
	cr_expect_eq(text_encoding(state), ENC_COLOR);
	gets("/xyzzy", "\033[31m** There is no command /xyzzy. /help lists "
	    "them.\033[0m\r\n");
	gets("/color", "\033[31m** Usage: /color on|off\033[0m\r\n");
	cr_expect_eq(io.act, 0);
	gets("/color off", "-- Colours are off.\r\n");
	cr_expect_eq(io.act, DIALECT_COLOR);
	cr_expect_eq(text_encoding(state), ENC_TEXT);
	gets("/color On", "** Usage: /color on|off\r\n");
}

#define ANY	"-- Any other line is said to the room; // says one that " \
		"begins with a /.\r\n"
#define HELP	"-- Talk    /msg NAME TEXT  /me TEXT  /away [TEXT]\r\n"	\
	"-- Rooms   /join ROOM  /leave [ROOM]  /room [ROOM]  "		\
	"/rooms [WORD]  /who [ROOM]\r\n"				\
	"--         /topic [TEXT]\r\n"					\
	"-- Read    /history [N [BEFORE]]  /catchup [ROOM [NUMBER]]  "	\
	"/search WORDS\r\n"						\
	"-- Order   /redact [WHICH [REASON]]\r\n"			\
	"-- You     /name NEW  /register [PASSWORD]  /ignore [NAME]  "	\
	"/unignore NAME\r\n"						\
	"-- Here    /help [COMMAND]  /color on|off  /json  /quit\r\n"	\
	"-- /help COMMAND explains one; /help all lists also what you "	\
	"cannot do here.\r\n" ANY

Test(text, help)
{
	struct request *r;

	log_in();
	r = asks("/help", CMD_CONFIGURE);
	cr_expect_str_eq(r->room_key, "lobby");
	cr_expect_null(r->set);
	r->role = "member";
	answers(r, HELP);
	request_fail(r = asks("/help", CMD_CONFIGURE), ERR_NO_SUCH_ROOM, NULL);
	answers(r, HELP);
	gets("/help all",
	    "-- Talk    /msg NAME TEXT  /me TEXT  /away [TEXT]\r\n"
	    "-- Rooms   /join ROOM  /leave [ROOM]  /room [ROOM]  "
	    "/rooms [WORD]  /who [ROOM]\r\n"
	    "--         /topic [TEXT]\r\n"
	    "-- Read    /history [N [BEFORE]]  /catchup [ROOM [NUMBER]]  "
	    "/search WORDS\r\n"
	    "-- Order   /kick NAME [REASON]  /ban NAME [TIME] [REASON]  "
	    "/unban NAME [REASON]\r\n"
	    "--         /mute NAME [TIME] [REASON]  /unmute NAME [REASON]  "
	    "/bans  /invite NAME\r\n"
	    "--         /op NAME  /deop NAME  /owner NAME  "
	    "/set [WHAT VALUE]\r\n"
	    "--         /redact [WHICH [REASON]]\r\n"
	    "-- You     /name NEW  /register [PASSWORD]  /password  "
	    "/token LABEL [DAYS]\r\n"
	    "--         /tokens  /revoke LABEL  /ignore [NAME]  "
	    "/unignore NAME\r\n"
	    "-- Here    /help [COMMAND]  /color on|off  /json  /quit\r\n"
	    "-- /help COMMAND explains one.\r\n" ANY);
	text_set_width(state, 30);
	send_line("/help all");
	cr_expect_not_null(strstr(buf_str(&io.out),
	    "-- Talk    /msg NAME TEXT\r\n--         /me TEXT\r\n"
	    "--         /away [TEXT]\r\n"));
	gets("/help /history",
	    "-- /history [N [BEFORE]]: show the last N messages of the room."
	    "\r\n-- Without N it is 20. BEFORE is a message's number: those "
	    "older than it.\r\n-- The last line shown tells how to go "
	    "further back.\r\n");
	gets("/help rooms", "-- /rooms [WORD]: list the rooms.\r\n"
	    "-- With WORD only those with that in their names; * is any.\r\n"
	    "-- A number behind it goes on with a long list.\r\n");
	gets("/help me", "-- /me TEXT: say what you do: /me waves.\r\n");
	gets("/help tpoic",
	    "** There is no command /tpoic. Did you mean /topic?\r\n");
}

Test(text, unknown)
{
	log_in();
	gets("/jion x", "** There is no command /jion. Did you mean /join?"
	    "\r\n");
	gets("/Whoo", "** There is no command /whoo. Did you mean /who?\r\n");
	gets("/", "** There is no command /. /help lists them.\r\n");
	gets("/ x", "** There is no command /x. /help lists them.\r\n");
	gets("/nick bob", "** There is no command /nick. Did you mean /name?"
	    "\r\n");
	gets("/part", "** There is no command /part. Did you mean /leave?\r\n");
	gets("/query x y", "** There is no command /query. Did you mean /msg?"
	    "\r\n");
	gets("/\xc3\xa4\033x", "** There is no command /\xc3\xa4\xef\xbf\xbdx. "
	    "/help lists them.\r\n");
	gets("/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "** There is no command /aaaaaaaaaaaaaaaaaaaaaaaaaaaaa.... /help "
	    "lists them.\r\n");
}

Test(text, errors)
{
	struct request *r;
	char *want;
	enum error e;

	dialect_text.error(state, &io, ERR_TOO_LONG, 0);
	cr_expect_str_eq(buf_str(&io.out), TOO_LONG ASK);
	log_in();
	buf_reset(&io.out);
	dialect_text.error(state, &io, ERR_TOO_LONG, 0);
	dialect_text.error(state, &io, ERR_RATE_LIMITED, 300);
	dialect_text.error(state, &io, ERR_SERVER_FULL, 0);
	cr_expect_str_eq(buf_str(&io.out), TOO_LONG
	    "** That was too fast: wait. (0.3 s)\r\n"
	    "** The server is full: try again later.\r\n");
	for (e = ERR_BAD_JSON; e < ERR_MAX; e++) {
		r = asks("/away", CMD_AWAY);
		request_fail(r, e, NULL);
		want = xasprintf("** %s\r\n", error_text(e));
		answers(r, want);
		free(want);
	}
}

static void
shows(enum msg_kind kind, unsigned flags, const char *room, const char *to,
    const char *text, const char *plain, const char *color)
{
	struct msg *m = msg_new(kind, "ann", to, text, strlen(text), "key");
	struct buf b = { 0 };

	m->time = T;
	m->flags = (uint8_t)flags;
	dialect_text.message(&b, ENC_TEXT, room, m);
	cr_expect_str_eq(buf_str(&b), plain, "%s", buf_str(&b));
	buf_reset(&b);
	dialect_text.message(&b, ENC_COLOR, room, m);
	cr_expect_str_eq(buf_str(&b), color, "%s", buf_str(&b));
	buf_free(&b);
	msg_unref(m);
}

Test(text, messages)
{
#define ANN	"\033[93mann\033[0m"
	shows(MSG_TEXT, 0, "lobby", NULL, "hi", "12:03 #lobby <ann> hi\r\n",
	    "\033[2m12:03 #lobby\033[0m <" ANN "> hi\r\n");
	shows(MSG_ACTION, 0, "lobby", NULL, "waves",
	    "12:03 #lobby * ann waves\r\n",
	    "\033[2m12:03 #lobby\033[0m * " ANN " waves\r\n");
	shows(MSG_NOTICE, 0, "lobby", NULL, "hi", "12:03 #lobby -ann- hi\r\n",
	    "\033[2m12:03 #lobby\033[0m -" ANN "- hi\r\n");
	shows(MSG_TEXT, 0, "@bob", "bob", "psst", "12:03 @bob <ann> psst\r\n",
	    "\033[2m12:03 @bob\033[0m <" ANN "> psst\r\n");
#define LINE(s)	"12:03 #lobby -- " s "\r\n", \
		"\033[2m12:03 #lobby -- " s "\033[0m\r\n"
	shows(MSG_ACTION, MSG_REDACTED, "lobby", NULL, "no",
	    LINE("a message of ann was removed"));
	shows(MSG_JOIN, 0, "lobby", NULL, "", LINE("ann joined"));
	shows(MSG_LEAVE, 0, "lobby", NULL, "", LINE("ann left"));
	shows(MSG_LEAVE, 0, "lobby", NULL, "eof", LINE("ann left"));
	shows(MSG_LEAVE, 0, "lobby", NULL, "quit", LINE("ann left"));
	shows(MSG_LEAVE, 0, "lobby", NULL, "reset", LINE("ann left"));
	shows(MSG_LEAVE, 0, "lobby", NULL, "shutdown",
	    LINE("ann left (shutdown)"));
	shows(MSG_TOPIC, 0, "lobby", NULL, "C", LINE("ann set the topic: C"));
	shows(MSG_TOPIC, 0, "lobby", NULL, "",
	    LINE("ann took the topic away"));
	shows(MSG_RENAMED, 0, "lobby", "anna", "", LINE("ann is now anna"));
}

/* Passing things bear no time: it is now. */
Test(text, now)
{
	struct msg *m = msg_new(MSG_JOIN, "ann", NULL, NULL, 0, NULL);
	struct buf b = { 0 };
	int64_t before, after;
	char want[6], other[6];
	time_t t;

	before = clock_wall();
	dialect_text.message(&b, ENC_TEXT, "lobby", m);
	after = clock_wall();
	t = (time_t)(before / 1000);
	strftime(want, sizeof(want), "%H:%M", gmtime(&t));
	t = (time_t)(after / 1000);
	strftime(other, sizeof(other), "%H:%M", gmtime(&t));
	cr_expect_str_eq(buf_str(&b) + 5, " #lobby -- ann joined\r\n");
	cr_expect(memcmp(b.data, want, 5) == 0 ||
	    memcmp(b.data, other, 5) == 0);
	buf_free(&b);
	msg_unref(m);
}

static void
same(struct buf *b, size_t skip, const char *want)
{
	cr_expect_gt(b->len, skip);
	cr_expect_str_eq(buf_str(b) + skip, want);
	buf_reset(b);
}

Test(text, events)
{
	struct buf b = { 0 };

	dialect_text.lag(&b, "lobby", 3, 9);
	same(&b, 5, " #lobby -- messages are missing here: the history no "
	    "longer holds them\r\n");
	dialect_text.lag(&b, "@ann", 3, 9);
	same(&b, 5, " @ann -- messages are missing here: the history no "
	    "longer holds them\r\n");
	dialect_text.notice(&b, "down\033 at noon");
	same(&b, 5, " -- down\xef\xbf\xbd at noon\r\n");
	dialect_text.notice(&b, "one\ntwo\n");
	cr_expect_str_eq(buf_str(&b) + 14 + 5, " -- two\r\n");
	buf_reset(&b);
	dialect_text.bye(&b, "restart\r\n", true, 2500);
	dialect_text.bye(&b, "restart", true, 0);
	dialect_text.bye(&b, "idle", false, 0);
	same(&b, 0, "-- Bye: restart\xef\xbf\xbd\xef\xbf\xbd. Please come "
	    "back in 3 s.\r\n-- Bye: restart. Please come back.\r\n"
	    "-- Bye: idle.\r\n");
	dialect_text.bye(&b, "shutdown", true, 0);
	same(&b, 0, "-- The server is closing. Please come back.\r\n");
	dialect_text.bye(&b, "replaced", false, 0);
	same(&b, 0, "-- You are connected from elsewhere now.\r\n");
	dialect_text.bye(&b, "login-timeout", false, 0);
	same(&b, 0, "-- You were not logged in in time.\r\n");
	dialect_text.bye(&b, "server-full", true, 1000);
	same(&b, 0, "-- The server is full (server-full). Please come back in "
	    "1 s.\r\n");
	buf_free(&b);
}
