#include "record.h"
#include "text-rig.h"

#define HIDDEN	" (only telnet hides it): "
#define DOOR	"Password" HIDDEN
#define NEW	"New password" HIDDEN
#define AGAIN	"Once more, please" HIDDEN
#define GUEST	"** You are a guest: /register makes your name your own.\r\n"

TestSuite(account, .init = begin, .fini = end);

/* What the last call wanted done about hiding. */
static unsigned
hiding(void)
{
	return io.act & (DIALECT_HIDE | DIALECT_SHOW);
}

/* The answer, and whether what is typed next is hidden. */
static void
answers_hiding(struct request *r, const char *want, unsigned act)
{
	io.act = 0;
	answers(r, want);
	cr_expect_eq(hiding(), act, "%s", want);
}

/* Typed unseen: nothing of it stays in the line. */
static void
types(const char *secret, const char *want, unsigned act)
{
	size_t n = strlen(secret);
	char line[600];

	memcpy(line, secret, n);
	buf_reset(&io.out);
	io.act = 0;
	dialect_text.line(state, &io, line, n);
	cr_expect_str_eq(buf_str(&io.out), want, "%s: %s", secret,
	    buf_str(&io.out));
	cr_expect_eq(hiding(), act, "%s", secret);
	while (n > 0)
		cr_assert_eq(line[--n], '\0');
}

static void
log_in_as_owner(void)
{
	struct request *r;

	request_fail(r = asks("Ann", CMD_LOGIN), ERR_NAME_REGISTERED, NULL);
	answers_hiding(r, "-- Ann is registered. An empty line goes back to "
	    "the name.\r\n" DOOR, DIALECT_HIDE);
	types("secret", "", 0);
	r = take_request(CMD_LOGIN);
	io.logged_in = true;
	io.name = "Ann";
	answers_hiding(r, "-- Welcome to example.\r\n"
	    "-- You are Ann. /help lists the commands.\r\n", DIALECT_SHOW);
	r = take_request(CMD_SUBSCRIBE);
	r->members = 1;
	answers(r, "-- You are in #Lobby (1 here).\r\n");
}

Test(account, door)
{
	struct request *r;

	request_fail(r = asks("Ann", CMD_LOGIN), ERR_NAME_REGISTERED, NULL);
	answers_hiding(r, "-- Ann is registered. An empty line goes back to "
	    "the name.\r\n" DOOR, DIALECT_HIDE);
	types("", ASK, DIALECT_SHOW);
	request_fail(r = asks("Ann", CMD_LOGIN), ERR_NAME_REGISTERED, NULL);
	io.hides = true;
	answers_hiding(r, "-- Ann is registered. An empty line goes back to "
	    "the name.\r\nPassword: ", DIALECT_HIDE);
	types("/quit  ", "", 0);
	r = take_request(CMD_LOGIN);
	cr_expect_str_eq(r->name, "Ann");
	cr_expect_str_eq(r->name_key, "ann");
	cr_expect_str_eq(r->password, "/quit  ");
	request_wipe(r);
	request_fail(r, ERR_BAD_PASSWORD, NULL);
	answers_hiding(r, "** Name or password is wrong.\r\nPassword: ",
	    DIALECT_HIDE);
	types("\xc3\xa4\xff", "** That line is not valid UTF-8.\r\nPassword: ",
	    DIALECT_HIDE);
	types("secret", "", 0);
	request_fail(r = take_request(CMD_LOGIN), ERR_RATE_LIMITED, "Wait.");
	r->retry_ms = 61500;
	answers_hiding(r, "** Wait. (2 min)\r\nPassword: ", DIALECT_HIDE);
	types("secret", "", 0);
	request_fail(r = take_request(CMD_LOGIN), ERR_SERVER_FULL, NULL);
	answers_hiding(r, "** The server is full: try again later.\r\n" ASK,
	    DIALECT_SHOW);
	request_free(asks("bob", CMD_LOGIN));
}

Test(account, long_passwords)
{
	char secret[514];
	struct request *r;

	memset(secret, 'x', 513);
	secret[513] = '\0';
	request_fail(r = asks("Ann", CMD_LOGIN), ERR_NAME_REGISTERED, NULL);
	answers(r, "-- Ann is registered. An empty line goes back to the name."
	    "\r\n" DOOR);
	types(secret, "** A password has at most 512 bytes, and no NUL.\r\n"
	    DOOR, DIALECT_HIDE);
	buf_reset(&io.out);
	io.act = 0;
	dialect_text.error(state, &io, ERR_TOO_LONG, 0);
	cr_expect_str_eq(buf_str(&io.out), TOO_LONG DOOR);
	cr_expect_eq(hiding(), DIALECT_HIDE);
	types(secret + 1, "", 0);
	request_free(take_request(CMD_LOGIN));
}

Test(account, registering)
{
	struct request *r;

	log_in();
	io.name = "Ann";
	gets("/password", GUEST);
	gets("/token bot", GUEST);
	gets("/tokens", GUEST);
	gets("/revoke bot", GUEST);
	gets("/register", "-- Whoever has the password is Ann from now on. An "
	    "empty line changes nothing.\r\n" NEW);
	types("", "-- Nothing was changed.\r\n", DIALECT_SHOW);
	send_line("/register");
	types("one", AGAIN, DIALECT_HIDE);
	types("two", "** Those two are not the same. An empty line "
	    "changes nothing.\r\n" NEW, DIALECT_HIDE);
	types(" one", AGAIN, DIALECT_HIDE);
	types(" one", "", 0);
	r = take_request(CMD_REGISTER);
	cr_expect_str_eq(r->password, " one");
	request_fail(r, ERR_BAD_ARGUMENT, "The password is too short.");
	answers_hiding(r, "** The password is too short.\r\n", DIALECT_SHOW);
	r = asks("/register abc", CMD_REGISTER);
	request_fail(r, ERR_BAD_ARGUMENT, "The password is too short.");
	answers(r, "** The password is too short.\r\n");
	r = asks("/register correct horse", CMD_REGISTER);
	cr_expect_str_eq(r->password, "correct horse");
	r->name = "Ann";
	answers(r, "-- Ann is yours: from now on that name is asked for its "
	    "password.\r\n-- That password was to be seen: /password sets "
	    "another one, unseen in telnet.\r\n");
	gets("/register", "** You are registered. /password sets another "
	    "password.\r\n");
	says("hi", "lobby", "hi");
}

/* The old password, which is right. */
static void
proves(const char *old)
{
	struct request *r;

	types(old, "", 0);
	r = take_request(CMD_PASSWD);
	cr_expect_str_eq(r->password, old);
	cr_expect_null(r->new_password);
	cr_expect(r->proves);
	answers_hiding(r, NEW, DIALECT_HIDE);
}

Test(account, another_password)
{
	struct request *r;

	log_in_as_owner();
	gets("/password x", "** Usage: /password\r\n");
	gets("/password", "-- From now on another password is asked for. An "
	    "empty line changes nothing.\r\nOld password" HIDDEN);
	types("wrong", "", 0);
	r = take_request(CMD_PASSWD);
	request_fail(r, ERR_BAD_PASSWORD, "The old password is wrong.");
	answers_hiding(r, "** The old password is wrong.\r\n", DIALECT_SHOW);
	send_line("/password");
	proves("old");
	types("new", AGAIN, DIALECT_HIDE);
	types("new", "", 0);
	r = take_request(CMD_PASSWD);
	cr_expect_str_eq(r->password, "old");
	cr_expect_str_eq(r->new_password, "new");
	cr_expect_not(r->proves);
	answers_hiding(r, "-- Your password is another one now.\r\n",
	    DIALECT_SHOW);
	send_line("/password");
	proves("old");
	types("", "-- Nothing was changed.\r\n", DIALECT_SHOW);
}

Test(account, tokens)
{
	struct listed_token listed[] = { { "bot", T, 0 },
	    { "old one", T, T + 1 }, { "new", T, INT64_C(4102444800000) } };
	struct request *r;

	log_in_as_owner();
	gets("/token", "** Usage: /token LABEL [DAYS]\r\n");
	gets("/token bot x", "** Usage: /token LABEL [DAYS]\r\n");
	gets("/token bot 36501", "** Usage: /token LABEL [DAYS]\r\n");
	gets("/revoke", "** Usage: /revoke LABEL\r\n");
	gets("/tokens x", "** Usage: /tokens\r\n");
	r = asks("/token bot 30", CMD_TOKEN);
	cr_expect_str_eq(r->string, "bot");
	cr_expect_eq(r->seconds, 30 * 86400);
	r->token = request_str(r, "pl_secret");
	answers(r, "-- The token bot, for a program to log in with as Ann. It "
	    "is shown this once:\r\n-- pl_secret\r\n");
	r = asks("/token bot", CMD_TOKEN);
	cr_expect_eq(r->seconds, 0);
	request_free(r);
	answers(asks("/tokens", CMD_TOKENS),
	    "-- You have no tokens. /token LABEL makes one.\r\n");
	r = asks("/tokens", CMD_TOKENS);
	r->tokens = listed;
	r->nlisted = 3;
	answers(r, "-- bot, of 2001-11-22, never expires\r\n"
	    "-- old one, of 2001-11-22, has expired 2001-11-22\r\n"
	    "-- new, of 2001-11-22, expires 2100-01-01\r\n");
	r = asks("/revoke old one", CMD_REVOKE);
	cr_expect_str_eq(r->string, "old one");
	answers(r, "-- The token old one is worth nothing any more.\r\n");
}

static void
owner_returns(struct kept_room *kept, uint32_t n, const char *first)
{
	struct request *r = asks("Ann", CMD_LOGIN);

	io.logged_in = true;
	io.name = "Ann";
	r->kept = kept;
	r->nlisted = n;
	answers(r, "-- Welcome to example.\r\n"
	    "-- You are Ann. /help lists the commands.\r\n");
	r = (struct request *)io.requests.first;
	cr_assert_not_null(r);
	cr_expect_str_eq(r->room, first);
}

/* The first of several requests. */
static struct request *
next_request(void)
{
	struct request *r = (struct request *)io.requests.first;

	cr_assert_not_null(r);
	io.requests.first = r->mail.next;
	if (io.requests.first == NULL)
		mail_list_init(&io.requests);
	r->mail.next = NULL;
	return r;
}

static struct request *
page(struct request *r, uint64_t first, uint32_t n)
{
	uint32_t i;

	r->msgs = xcalloc(n, sizeof(*r->msgs));
	for (i = 0; i < n; i++) {
		r->msgs[i] = msg_new(MSG_TEXT, "bob", NULL, "hi", 2, NULL);
		r->msgs[i]->seq = first + i;
		r->msgs[i]->time = clock_wall();
	}
	r->nlisted = n;
	return r;
}

static void
marks(const char *room, uint64_t seq)
{
	struct request *r = take_request(CMD_SEEN);

	cr_expect_str_eq(r->room_key, room);
	cr_expect_eq(r->seq, seq);
	answers(r, "");
}

Test(account, kept_rooms)
{
	struct kept_room kept[] = { { .room = "Dev", .seen = 10, .unread = 3 },
	    { .room = "LOBBY", .seen = 7, .unread = UNREAD_MAX,
	    .more = true }, { .room = "gone" } };
	struct request *r;

	owner_returns(kept, 3, "LOBBY");
	r = next_request();
	cr_expect_eq(r->cmd, CMD_SUBSCRIBE);
	cr_expect_eq(r->has, 0, "nothing of it is shown");
	r->head = 5000;
	answers(r, "-- You are in #LOBBY (0 here).\r\n"
	    "-- over 1000 unread in #LOBBY: /catchup\r\n");
	r = next_request();
	r->head = 20;
	r->members = 2;
	answers(r, "-- You are in #Dev (2 here).\r\n"
	    "-- 3 unread in #Dev: /catchup Dev\r\n");
	request_fail(r = next_request(), ERR_BANNED, NULL);
	answers(r, "** #gone: You are banned from that room.\r\n");
	says("hi", "lobby", "hi");
}

/* One that it may not enter any more leaves it where it is. */
Test(account, talks_elsewhere)
{
	struct kept_room kept[] = { { .room = "dev", .talks = true },
	    { .room = "lobby" } };
	struct request *r;

	owner_returns(kept, 2, "lobby");
	answers(next_request(), "-- You are in #lobby (0 here).\r\n");
	request_fail(r = next_request(), ERR_BANNED, NULL);
	answers(r, "** #dev: You are banned from that room.\r\n"
	    "-- You are talking in #lobby now.\r\n");
	says("hi", "lobby", "hi");
}

/* Of one who goes, having been given all up to seq. */
static void
stands(const char *room, uint64_t seq, const char *wanted)
{
	struct kept_room kept = { .room = room, .seen = seq };
	struct request *r = asks("/quit", CMD_QUIT);
	struct buf b = { 0 };

	r->kept = &kept;
	r->nlisted = 1;
	buf_addf(&b, "%s-- /catchup ROOM NUMBER goes on from there when you "
	    "are back.\r\n-- Bye.\r\n", wanted);
	answers(r, buf_str(&b));
	buf_free(&b);
}

Test(account, catchup)
{
	struct kept_room kept[] = { { .room = "lobby", .seen = 10,
	    .unread = 2 }, { .room = "dev", .seen = 30, .unread = 1 } };
	struct request *r;
	struct buf *b;

	owner_returns(kept, 2, "lobby");
	r = next_request();
	r->head = 20;
	answers(r, "-- You are in #lobby (0 here).\r\n"
	    "-- 2 unread in #lobby: /catchup\r\n");
	r = next_request();
	r->head = 31;
	answers(r, "-- You are in #dev (0 here).\r\n"
	    "-- 1 unread in #dev: /catchup dev\r\n");
	gets("/catchup lobby x", "** Usage: /catchup [ROOM [NUMBER]]\r\n");
	gets("/catchup other", "** You are not in #other: /join ROOM enters a "
	    "room.\r\n");
	/* What was seen as it came does not close the gap. */
	stands("Lobby", 25, "-- You have read #Lobby up to 10.\r\n");
	r = page(asks("/catchup", CMD_HISTORY), 11, 1);
	cr_expect_eq(r->after, 10);
	cr_expect_eq(r->has, HAS_AFTER);
	r->more = true;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	b = &io.out;
	cr_expect_not_null(strstr(buf_str(b), "#lobby <bob> hi\r\n"
	    "-- more: /catchup\r\n"));
	marks("lobby", 11);
	stands("lobby", 25, "-- You have read #lobby up to 11.\r\n");
	/* What lies behind 20 was seen as it came. */
	r = page(asks("/catchup", CMD_HISTORY), 19, 3);
	cr_expect_eq(r->after, 11);
	r->more = true;
	r->floor = 15;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	cr_expect_not_null(strstr(buf_str(b), " -- messages are missing here"));
	cr_expect_not_null(strstr(buf_str(b), "<bob> hi\r\n"
	    "-- that is all of #lobby\r\n"));
	marks("lobby", 20);
	stands("lobby", 25, "-- You have read #lobby up to 25.\r\n");
	stands("dev", 0, "-- You have read #dev up to 30.\r\n");
	r = asks("/catchup", CMD_HISTORY);
	cr_expect_str_eq(r->room_key, "dev");
	answers(r, "-- that is all of #dev\r\n");
	marks("dev", 31);
	gets("/catchup", "-- You have read everything. /history shows it "
	    "again.\r\n");
}

Test(account, guests_catch_up)
{
	struct kept_room kept[] = { { .room = "Lobby", .seen = 42 },
	    { .room = "@Ann", .seen = 50 }, { .room = "dev", .seen = 7 },
	    { .room = "new" } };
	struct request *r;

	log_in();
	r = page(asks("/catchup other 40", CMD_HISTORY), 41, 1);
	cr_expect_eq(r->after, 40);
	r->more = true;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	cr_expect_not_null(strstr(buf_str(&io.out),
	    "-- more: /catchup other 41\r\n"));
	answers(asks("/catchup other 41", CMD_HISTORY),
	    "-- that is all of #other\r\n");
	r = asks("/quit", CMD_QUIT);
	r->kept = kept;
	r->nlisted = 4;
	answers(r, "-- You have read #Lobby up to 42, #dev up to 7.\r\n"
	    "-- /catchup ROOM NUMBER goes on from there when you are back.\r\n"
	    "-- Bye.\r\n");
	cr_expect(io.act & DIALECT_CLOSE);
}

Test(account, ignoring)
{
	struct ignored bob = { T, "bob", "Bob" }, eve = { T, "eve", "eve" };
	struct ignores *one, *two;
	struct request *r;

	log_in();
	r = asks("/ignore Bob", CMD_IGNORE);
	cr_expect_str_eq(r->name_key, "bob");
	answers(r, "-- You see nothing more of Bob. /unignore Bob ends that."
	    "\r\n");
	r = asks("/ignore bobby", CMD_IGNORE);
	r->offline = true;
	answers(r, "-- You see nothing more of bobby. /unignore bobby ends "
	    "that.\r\n-- But nobody of that name is here, or registered."
	    "\r\n");
	answers(asks("/ignore", CMD_IGNORED), "-- You ignore nobody.\r\n");
	gets("/ignored", "** There is no command /ignored. /ignore alone tells "
	    "whom you ignore.\r\n");
	gets("/ignor", "** There is no command /ignor. Did you mean /ignore?"
	    "\r\n");
	r = asks("/ignore", CMD_IGNORED);
	one = ignores_with(NULL, &bob);
	two = ignores_with(one, &eve);
	ignores_unref(one);
	r->ignores = two;
	answers(r, "-- You ignore Bob, eve.\r\n");
	answers(asks("/unignore bob", CMD_UNIGNORE),
	    "-- You see what bob says again.\r\n");
	gets("/unignore", "** Usage: /unignore NAME\r\n");
}

Test(account, told)
{
	struct request *r;

	log_in();
	r = asks("/msg bob hi", CMD_TELL);
	r->time = T;
	r->offline = true;
	answers(r, "12:03 -> @bob hi\r\n"
	    "-- bob is not here: it is in their inbox.\r\n");
	r = asks("/msg bob hi", CMD_TELL);
	r->time = T;
	r->away = "lunch";
	answers(r, "12:03 -> @bob hi\r\n-- bob is away: lunch\r\n");
	r = asks("/name bob", CMD_RENAME);
	request_fail(r, ERR_NAME_REGISTERED, NULL);
	answers(r, "** bob is registered. If it is yours: /quit, and come back "
	    "by that name.\r\n");
}

/* Saved, and loaded by another process. */
static void
move(void)
{
	struct buf b = { 0 };
	struct record r;
	void *loaded;

	dialect_text.save(state, &b);
	cr_expect_null(memmem(b.data, b.len, "secret", 6));
	record_open(&r, b.data, b.len);
	loaded = dialect_text.load(&r);
	cr_assert_not_null(loaded);
	dialect_text.close(state);
	state = loaded;
	buf_free(&b);
}

/* Who comes back talks where it did, and is told so. */
Test(account, talks_where_it_did)
{
	struct kept_room kept[] = { { .room = "Dev", .talks = true, .seen = 10,
	    .unread = 3 }, { .room = "lobby" }, { .room = "pub" } };
	struct request *r;

	owner_returns(kept, 3, "lobby");
	answers(next_request(), "-- You are in #lobby (0 here).\r\n");
	r = next_request();
	cr_expect_str_eq(r->room, "pub");
	answers(r, "-- You are in #pub (0 here).\r\n");
	r = next_request();
	cr_expect_str_eq(r->room, "Dev");
	r->head = 20;
	answers(r, "-- You are in #Dev (0 here).\r\n"
	    "-- 3 unread in #Dev: /catchup\r\n"
	    "-- You are talking in #Dev now.\r\n");
	cr_expect_null(dialect_text.talks(state), "nothing was chosen");
	says("hi", "dev", "hi");
	gets("/room pub", "-- You are talking in #pub now.\r\n");
	move();
	cr_expect_str_eq(dialect_text.talks(state), "pub");
	cr_expect_null(dialect_text.talks(state), "it was told");
	r = asks("/leave", CMD_UNSUBSCRIBE);
	answers(r, "-- You left #pub. You are talking in #Dev now.\r\n");
	cr_expect_str_eq(dialect_text.talks(state), "dev");
	r = asks("/join tea", CMD_SUBSCRIBE);
	answers(r, "-- You are in #tea (0 here).\r\n");
	cr_expect_str_eq(dialect_text.talks(state), "tea");
}

Test(account, moving)
{
	struct kept_room kept[] = { { .room = "dev", .seen = 10,
	    .unread = 2 } };
	struct request *r;

	request_fail(r = asks("Ann", CMD_LOGIN), ERR_NAME_REGISTERED, NULL);
	answers(r, "-- Ann is registered. An empty line goes back to the name."
	    "\r\n" DOOR);
	move();
	types("secret", "", 0);
	r = take_request(CMD_LOGIN);
	cr_expect_str_eq(r->name, "Ann");
	io.logged_in = true;
	io.name = "Ann";
	r->kept = kept;
	r->nlisted = 1;
	answers(r, "-- Welcome to example.\r\n"
	    "-- You are Ann. /help lists the commands.\r\n");
	request_free(next_request());	/* the lobby */
	r = next_request();
	r->head = 12;
	answers(r, "-- You are in #dev (0 here).\r\n"
	    "-- 2 unread in #dev: /catchup\r\n");
	send_line("/password");
	move();
	proves("secret");
	move();
	types("secret", "** The server has moved while you typed, and has kept "
	    "no password. Please begin again.\r\n", DIALECT_SHOW);
	move();
	gets("/tokens x", "** Usage: /tokens\r\n");
	r = asks("/catchup", CMD_HISTORY);
	cr_expect_eq(r->after, 10);
	request_free(r);
}

/* What was shown between two gaps is not shown again. */
Test(account, two_gaps)
{
	struct { uint32_t n; struct span list[1]; } shown = { 1,
	    { { 15, 30 } } };
	struct kept_room kept[] = { { .room = "lobby", .seen = 10,
	    .unread = 3, .shown = (struct spans *)&shown } };
	struct request *r;

	owner_returns(kept, 1, "lobby");
	r = next_request();
	r->head = 40;
	answers(r, "-- You are in #lobby (0 here).\r\n"
	    "-- 3 unread in #lobby: /catchup\r\n");
	move();
	stands("lobby", 45, "-- You have read #lobby up to 10.\r\n");
	r = page(asks("/catchup", CMD_HISTORY), 14, 3);
	cr_expect_eq(r->after, 10);
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	cr_expect_null(strstr(buf_str(&io.out), "that is all"));
	r = next_request();
	cr_expect_eq(r->cmd, CMD_SEEN);
	cr_expect_eq(r->seq, 15);
	request_free(r);
	r = page(take_request(CMD_HISTORY), 31, 2);
	cr_expect_eq(r->after, 30);
	cr_expect_eq(r->limit, 18, "but the rest of a page");
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	cr_expect_not_null(strstr(buf_str(&io.out), "that is all of #lobby"));
	marks("lobby", 40);
	stands("lobby", 45, "-- You have read #lobby up to 45.\r\n");
}

/* Leaves the room, having read up to seq, and returns, as head is the newest:
 * where what was said last may begin. */
static uint64_t
leaves(const char *room, uint64_t seq, uint64_t head, const char *want)
{
	struct request *r = asks("/leave", CMD_UNSUBSCRIBE);
	char *line;
	uint64_t from;

	r->seq = seq;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	move();
	line = xasprintf("/join %s", room);
	r = asks(line, CMD_SUBSCRIBE);
	free(line);
	r->head = head;
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	from = r->seq;
	request_free(r);
	cr_expect_str_eq(buf_str(&io.out), want, "%s", buf_str(&io.out));
	move();
	return from;
}

static void
enters(const char *room)
{
	char *line = xasprintf("/join %s", room);
	struct request *r = asks(line, CMD_SUBSCRIBE);

	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	request_free(r);
	free(line);
}

static void
begins(const char *room, uint64_t after, const char *want)
{
	buf_reset(&io.out);
	dialect_text.begins(state, &io, room, after);
	cr_expect_str_eq(buf_str(&io.out), want, "%s", buf_str(&io.out));
}

Test(account, left_and_back)
{
	char name[8];
	int i;

	log_in();
	cr_expect_eq(leaves("lobby", 10, 10, "-- You are in #lobby (0 here)."
	    "\r\n-- Nothing was said here since you left.\r\n"), 10);
	begins("lobby", 10, "");
	stands("lobby", 10, "-- You have read #lobby up to 10.\r\n");
	cr_expect_eq(leaves("lobby", 12, 99, "-- You are in #lobby (0 here)."
	    "\r\n-- The last messages follow; /history goes further back."
	    "\r\n"), 12);
	begins("lobby", 12, "");
	stands("lobby", 99, "-- You have read #lobby up to 99.\r\n");
	leaves("lobby", 100, 199, "-- You are in #lobby (0 here)."
	    "\r\n-- The last messages follow; /history goes further back."
	    "\r\n");
	begins("lobby", 179, "-- What came before that is unread: /catchup"
	    "\r\n");
	stands("lobby", 199, "-- You have read #lobby up to 100.\r\n");
	/* Not for ever. */
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "r%d", i);
		enters(name);
		dialect_text.sent_out(state, &io, name, 250);
		cr_expect(mail_list_empty(&io.requests));
	}
	cr_expect_eq(leaves("lobby", 0, 0, "-- You are in #lobby (0 here)."
	    "\r\n"), 0);
	begins("lobby", 1, "");
}

/* All are entered at once, so not more than a session may have under way. */
Test(account, very_many_kept_rooms)
{
	struct kept_room kept[300];
	char names[300][8];
	struct request *r;
	struct mail *m;
	unsigned i, n = 0;

	for (i = 0; i < NITEMS(kept); i++) {
		snprintf(names[i], sizeof(names[i]), "r%u", i);
		kept[i] = (struct kept_room){ .room = names[i] };
	}
	kept[299].room = "Lobby";
	r = asks("Ann", CMD_LOGIN);
	io.logged_in = true;
	r->kept = kept;
	r->nlisted = NITEMS(kept);
	answers(r, "-- Welcome to example.\r\n"
	    "-- You are Ann. /help lists the commands.\r\n"
	    "-- You were in 99 rooms more: /join ROOM enters one.\r\n");
	while ((m = mail_list_pop(&io.requests)) != NULL) {
		n++;
		request_free((struct request *)m);
	}
	cr_assert_eq(n, 201u);
}
