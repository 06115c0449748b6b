#include <limits.h>
#include <string.h>

#include "name.h"
#include "proto.h"
#include "util.h"

#define END	{ NULL, FIELD_STRING, SLOT_STRING, false, 0, 0, 0 }
#define OPT	false
#define REQ	true

static const struct field_def none[] = { END };

static const struct field_def login[] = {
	{ "name", FIELD_NAME, SLOT_NAME, REQ, 0, 0, 0 },
	{ "password", FIELD_SECRET, SLOT_PASSWORD, OPT, 0, 0, 0 },
	{ "token", FIELD_SECRET, SLOT_TOKEN, OPT, 0, 0, 0 },
	{ "resume", FIELD_KEY, SLOT_RESUME, OPT, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	{ "marks", FIELD_BOOL, SLOT_MARKS, OPT, 0, 0, 0 },
	END
};

static const struct field_def register_[] = {
	{ "password", FIELD_SECRET, SLOT_PASSWORD, REQ, 0, 0, 0 },
	END
};

static const struct field_def passwd[] = {
	{ "old", FIELD_SECRET, SLOT_PASSWORD, REQ, 0, 0, 0 },
	{ "new", FIELD_SECRET, SLOT_NEW_PASSWORD, REQ, 0, 0, 0 },
	END
};

static const struct field_def token[] = {
	{ "label", FIELD_STRING, SLOT_STRING, REQ, 0, 0, 0 },
	{ "expires", FIELD_COUNT, SLOT_SECONDS, OPT, 1, \
			    SECONDS_MAX, 0 },
	END
};

static const struct field_def revoke[] = {
	{ "label", FIELD_STRING, SLOT_STRING, REQ, 0, 0, 0 },
	{ "stay", FIELD_BOOL, SLOT_STAY, OPT, 0, 0, 0 },
	END
};

static const struct field_def subscribe[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	{ "last", FIELD_COUNT, SLOT_LAST, OPT, 0, 1000, 0 },
	{ "epoch", FIELD_KEY, SLOT_EPOCH, OPT, 0, 0, 0 },
	END
};

static const struct field_def unsubscribe[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	END
};

static const struct field_def say[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "text", FIELD_TEXT, SLOT_TEXT, REQ, 0, 0, 0 },
	{ "kind", FIELD_KIND, SLOT_KIND, OPT, 0, 0, 0 },
	{ "key", FIELD_KEY, SLOT_KEY, OPT, 0, 0, 0 },
	END
};

static const struct field_def tell[] = {
	{ "to", FIELD_NAME, SLOT_NAME, REQ, 0, 0, 0 },
	{ "text", FIELD_TEXT, SLOT_TEXT, REQ, 0, 0, 0 },
	{ "kind", FIELD_KIND, SLOT_KIND, OPT, 0, 0, 0 },
	{ "key", FIELD_KEY, SLOT_KEY, OPT, 0, 0, 0 },
	END
};

static const struct field_def seen[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "seq", FIELD_SEQ, SLOT_SEQ, REQ, 0, 0, 0 },
	END
};

static const struct field_def history[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	{ "before", FIELD_SEQ, SLOT_BEFORE, OPT, 0, 0, 0 },
	{ "limit", FIELD_COUNT, SLOT_LIMIT, OPT, 1, 1000, 100 },
	END
};

static const struct field_def search[] = {
	{ "query", FIELD_STRING, SLOT_MATCH, REQ, 0, 0, 0 },
	{ "room", FIELD_ROOM, SLOT_ROOM, OPT, 0, 0, 0 },
	{ "before", FIELD_SEQ, SLOT_BEFORE, OPT, 0, 0, 0 },
	{ "limit", FIELD_COUNT, SLOT_LIMIT, OPT, 1, 100, 20 },
	END
};

static const struct field_def rooms[] = {
	{ "match", FIELD_STRING, SLOT_MATCH, OPT, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	END
};

static const struct field_def who[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, OPT, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	END
};

static const struct field_def topic[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "topic", FIELD_STRING, SLOT_STRING, REQ, 0, 0, 0 },
	END
};

#define SETTING(name, set, max)						\
	{ name, max == 1 ? FIELD_BOOL : FIELD_COUNT,			\
	  (enum field_slot)(SLOT_SETTING + (set)), OPT, 0,		\
	  max == 1 ? 0 : (max), 0 }

static const struct field_def configure[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	SETTING("private", SET_PRIVATE, 1),
	SETTING("moderated", SET_MODERATED, 1),
	SETTING("history", SET_HISTORY, 1),
	SETTING("presence", SET_PRESENCE, PRESENCE_MAX),
	SETTING("pace", SET_PACE, PACE_MAX),
	SETTING("registered", SET_REGISTERED, 1),
	END
};

const struct setting_def proto_settings[SET_MAX] = {
	[SET_PRIVATE] = { "private", true, 1, 0,
	    "only who is invited may enter, and it is not listed" },
	[SET_MODERATED] = { "moderated", true, 1, 0, "only members may speak" },
	[SET_HISTORY] = { "history", true, 1, 1,
	    "newcomers may read what was before they came" },
	[SET_PRESENCE] = { "presence", false, PRESENCE_MAX, PRESENCE_CONF,
	    "up to so many people's coming and going is told" },
	[SET_PACE] = { "pace", false, PACE_MAX, 0,
	    "a person says one message in so many seconds" },
	[SET_REGISTERED] = { "registered", true, 1, 0,
	    "only who has an account may enter and speak" },
};

/* Of acts on people: for how long they hold, or not at all. */
#define WHOM								\
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },		\
	{ "name", FIELD_NAME, SLOT_NAME, REQ, 0, 0, 0 }
#define WHOM_OR_ADDRESS							\
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },		\
	{ "name", FIELD_NAME, SLOT_NAME, OPT, 0, 0, 0 },		\
	{ "address", FIELD_STRING, SLOT_ADDRESS, OPT, 0, 0, 0 }
#define REASON	{ "reason", FIELD_STRING, SLOT_STRING, OPT, 0, 0, 0 }
#define FOR	{ "for", FIELD_COUNT, SLOT_SECONDS, OPT, 1, SECONDS_MAX, 0 }

static const struct field_def act[] = { WHOM, REASON, END };
static const struct field_def kick[] = { WHOM, REASON, FOR, END };
static const struct field_def ban[] = { WHOM_OR_ADDRESS, REASON, FOR, END };
static const struct field_def unban[] = { WHOM_OR_ADDRESS, REASON, END };

static const struct field_def bans[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "after", FIELD_SEQ, SLOT_AFTER, OPT, 0, 0, 0 },
	END
};

static const struct field_def redact[] = {
	{ "room", FIELD_ROOM, SLOT_ROOM, REQ, 0, 0, 0 },
	{ "seq", FIELD_SEQ, SLOT_SEQ, REQ, 0, 0, 0 },
	REASON,
	END
};

static const struct field_def away[] = {
	{ "text", FIELD_STRING, SLOT_STRING, OPT, 0, 0, 0 },
	END
};

static const struct field_def rename_[] = {
	{ "name", FIELD_NAME, SLOT_NAME, REQ, 0, 0, 0 },
	END
};

static const struct field_def ignore[] = {
	{ "name", FIELD_NAME, SLOT_NAME, REQ, 0, 0, 0 },
	END
};

/* A command's row is at its number less one. */
#define CMD(cmd, name, fields, help) [cmd - 1] = { cmd, name, fields, help }

const struct cmd_def proto_cmds[] = {
	CMD(CMD_LOGIN, "login", login, "say who you are"),
	CMD(CMD_SUBSCRIBE, "subscribe", subscribe, "enter a room"),
	CMD(CMD_UNSUBSCRIBE, "unsubscribe", unsubscribe, "leave a room"),
	CMD(CMD_SAY, "say", say, "say something in a room"),
	CMD(CMD_TELL, "tell", tell, "say something to one person"),
	CMD(CMD_SEEN, "seen", seen, "tell how far you have read"),
	CMD(CMD_HISTORY, "history", history, "read older messages"),
	CMD(CMD_ROOMS, "rooms", rooms, "list the rooms"),
	CMD(CMD_WHO, "who", who, "list people"),
	CMD(CMD_TOPIC, "topic", topic, "set a room's topic"),
	CMD(CMD_AWAY, "away", away, "say that you are away, or back"),
	CMD(CMD_RENAME, "rename", rename_, "take another name"),
	CMD(CMD_PING, "ping", none, "ask for the server's time"),
	CMD(CMD_QUIT, "quit", none, "end the connection"),
	CMD(CMD_REGISTER, "register", register_, "make your name your own"),
	CMD(CMD_PASSWD, "passwd", passwd, "set another password"),
	CMD(CMD_TOKEN, "token", token, "make a secret for a program"),
	CMD(CMD_TOKENS, "tokens", none, "list your tokens"),
	CMD(CMD_REVOKE, "revoke", revoke, "make a token worthless"),
	CMD(CMD_SEARCH, "search", search, "look for what was said"),
	CMD(CMD_CONFIGURE, "configure", configure, "set what a room is like"),
	CMD(CMD_INVITE, "invite", act, "make somebody a member of a room"),
	CMD(CMD_KICK, "kick", kick, "send somebody out of a room"),
	CMD(CMD_BAN, "ban", ban, "keep somebody out of a room"),
	CMD(CMD_UNBAN, "unban", unban, "let somebody in again"),
	CMD(CMD_MUTE, "mute", ban, "let somebody say nothing in a room"),
	CMD(CMD_UNMUTE, "unmute", unban, "let somebody speak again"),
	CMD(CMD_OP, "op", act, "make somebody an op of a room"),
	CMD(CMD_DEOP, "deop", act, "take a role away"),
	CMD(CMD_OWNER, "owner", act, "make somebody an owner of a room"),
	CMD(CMD_BANS, "bans", bans, "list who is banned and muted"),
	CMD(CMD_REDACT, "redact", redact, "take a message's text away"),
	CMD(CMD_IGNORE, "ignore", ignore, "hear no more of somebody"),
	CMD(CMD_UNIGNORE, "unignore", ignore, "hear of somebody again"),
	CMD(CMD_IGNORED, "ignored", none, "list whom you ignore"),
	[CMD_MAX - 1] = { CMD_NONE, NULL, NULL, NULL }
};

const struct cmd_def *
proto_cmd(const char *name)
{
	const struct cmd_def *c;

	for (c = proto_cmds; c->name != NULL; c++) {
		if (*c->name == *name && strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

const struct cmd_def *
proto_cmd_by_id(enum cmd cmd)
{
	return cmd > CMD_NONE && cmd < CMD_MAX ? &proto_cmds[cmd - 1] : NULL;
}

const char *
proto_nearest(const char *word)
{
	const struct cmd_def *c;
	const char *best = NULL;
	unsigned least = UINT_MAX;

	for (c = proto_cmds; c->name != NULL; c++) {
		if (word_is_near(word, c->name, &least))
			best = c->name;
	}
	return best;
}

static const struct {
	const char	*name;
	const char	*text;
} errors[ERR_MAX] = {
	[ERR_NONE] = { "", "" },
	[ERR_BAD_JSON] = { "bad-json", "That is no JSON object." },
	[ERR_BAD_UTF8] = { "bad-utf8", "That line is not valid UTF-8." },
	[ERR_BAD_ARGUMENT] = { "bad-argument",
	    "A field is missing or of the wrong type." },
	[ERR_UNKNOWN_COMMAND] = { "unknown-command",
	    "There is no such command." },
	[ERR_TOO_LONG] = { "too-long", "That is too long." },
	[ERR_NOT_LOGGED_IN] = { "not-logged-in", "Log in first." },
	[ERR_ALREADY_LOGGED_IN] = { "already-logged-in",
	    "You are logged in already." },
	[ERR_BAD_NAME] = { "bad-name", "That is no name." },
	[ERR_NAME_TAKEN] = { "name-taken",
	    "Somebody here has that name already." },
	[ERR_NAME_REGISTERED] = { "name-registered",
	    "That name is registered." },
	[ERR_BAD_PASSWORD] = { "bad-password", "Name or password is wrong." },
	[ERR_NO_SUCH_ROOM] = { "no-such-room", "There is no such room." },
	[ERR_NO_SUCH_USER] = { "no-such-user",
	    "There is nobody of that name here." },
	[ERR_NOT_SUBSCRIBED] = { "not-subscribed",
	    "You are not in that room: subscribe first." },
	[ERR_ALREADY_SUBSCRIBED] = { "already-subscribed",
	    "You are in that room already." },
	[ERR_TOO_MANY_ROOMS] = { "too-many-rooms",
	    "You are in as many rooms as the server allows." },
	[ERR_FORBIDDEN] = { "forbidden", "You may not do that." },
	[ERR_PRIVATE] = { "private", "That room is private." },
	[ERR_BANNED] = { "banned", "You are banned from that room." },
	[ERR_MUTED] = { "muted", "You are muted in that room." },
	[ERR_NO_SUCH_MESSAGE] = { "no-such-message",
	    "There is no such message." },
	[ERR_RATE_LIMITED] = { "rate-limited", "That was too fast: wait." },
	[ERR_STORE_UNAVAILABLE] = { "store-unavailable",
	    "The server cannot store that now: try again later." },
	[ERR_SERVER_FULL] = { "server-full",
	    "The server is full: try again later." },
	[ERR_INTERNAL] = { "internal", "The server made a mistake." },
};

const char *
error_name(enum error e)
{
	return e < ERR_MAX ? errors[e].name : errors[ERR_INTERNAL].name;
}

const char *
error_text(enum error e)
{
	return e < ERR_MAX ? errors[e].text : errors[ERR_INTERNAL].text;
}

const char *const proto_events[] = { "message", "join", "leave", "topic",
    "renamed", "role", "invited", "kicked", "banned", "unbanned", "muted",
    "unmuted", "configure", "redact", "lag", "notice", "bye", NULL };
