/*
 * What a person can command, from one table: its name, its arguments and its
 * help.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "rights.h"
#include "text.h"

#define HISTORY_MAX	1000
#define WIDTH		80	/* columns, unless the terminal told */
#define LABEL		6	/* columns of a group's name in the help */

enum group { GROUP_TALK, GROUP_ROOMS, GROUP_READ, GROUP_ORDER, GROUP_YOU,
	GROUP_HERE };

/* Whose command it is. */
enum by {
	BY_NOBODY,		/* works before login, too */
	BY_ANY, BY_GUEST, BY_ACCOUNT,
	BY_ROLE			/* and behind it, an act of rights.h */
};

#define BY_ACT(act)	((enum by)(BY_ROLE + (act)))

struct text_cmd {
	const char	*name;
	const char	*args;
	enum group	 group;		/* of the help */
	const char	*help;		/* a line */
	const char	*more;		/* lines, each ended by \n */
	enum by		 by;
	/* args is terminated, without blanks at its ends. False: usage. */
	bool		(*run)(struct text *, struct dialect_io *, char *);
};

static bool	cmd_help(struct text *, struct dialect_io *, char *);

static bool
cmd_name(struct text *t, struct dialect_io *io, char *args)
{
	if (*args == '\0')
		return false;
	if (text_name_request(t, io, io->logged_in ? CMD_RENAME : CMD_LOGIN,
	    args) == NULL && !io->logged_in)
		text_ask(io);
	return true;
}

/* True if it is an inbox, which nobody enters, and the person was told. */
static bool
is_inbox(struct text *t, struct dialect_io *io, const char *room)
{
	struct name name, own;

	if (!name_parse_room(&name, room, strlen(room), NULL) ||
	    *name.key != '@')
		return false;
	if (io->name != NULL &&
	    name_parse(&own, io->name, strlen(io->name), NULL) &&
	    strcmp(own.key, name.key + 1) == 0)
		text_error(t, &io->out, "%s is your inbox: what people say to "
		    "you alone comes here by itself. /msg NAME TEXT answers.",
		    name.shown);
	else
		text_error(t, &io->out, "%s is no room: /msg %s TEXT says "
		    "something to %s alone.", name.shown, name.shown + 1,
		    name.shown + 1);
	return true;
}

/* Makes an entered room the current one; false if it is none. */
static bool
go_to(struct text *t, struct dialect_io *io, const char *room)
{
	struct name name;
	uint32_t i;

	if (!name_parse_room(&name, room, strlen(room), NULL) ||
	    (i = text_find(t, name.key)) == t->nrooms)
		return false;
	t->current = i;
	t->chosen = true;
	text_info(&io->out, "You are talking in %s%s now.",
	    TEXT_ROOM(t->rooms[i].shown));
	return true;
}

static bool
cmd_join(struct text *t, struct dialect_io *io, char *args)
{
	struct request *r;

	if (*args == '\0' || strpbrk(args, " \t") != NULL)
		return false;
	/*
	 * Also where it is entered by what is known here: whoever was sent out
	 * is in again, or told why not.
	 */
	if (is_inbox(t, io, args))
		return true;
	if ((r = text_room_request(t, io, CMD_SUBSCRIBE, args)) != NULL) {
		r->last = TEXT_HISTORY;
		r->has |= HAS_LAST;
	}
	return true;
}

static bool
cmd_leave(struct text *t, struct dialect_io *io, char *args)
{
	if (strpbrk(args, " \t") != NULL)
		return false;
	text_room_request(t, io, CMD_UNSUBSCRIBE, args);
	return true;
}

static bool
cmd_room(struct text *t, struct dialect_io *io, char *args)
{
	struct buf list = { 0 };
	uint32_t i;

	if (strpbrk(args, " \t") != NULL)
		return false;
	if (*args != '\0') {
		if (!is_inbox(t, io, args) && !go_to(t, io, args))
			text_error(t, &io->out,
			    "You are not in that room: /join ROOM enters it.");
		return true;
	}
	if (text_here(t, io) == NULL)
		return true;
	for (i = 0; i < t->nrooms; i++)
		buf_addf(&list, "%s%s%s", i > 0 ? ", " : "",
		    TEXT_ROOM(t->rooms[i].shown));
	text_info(&io->out, "You are in %s; talking in %s%s.", buf_str(&list),
	    TEXT_ROOM(t->rooms[t->current].shown));
	buf_free(&list);
	return true;
}

static bool
cmd_rooms(struct text *t, struct dialect_io *io, char *args)
{
	const char *match = text_word(&args);
	uint64_t after = 0;
	struct request *r;

	if (*args != '\0' && !text_number(args, INT64_MAX, &after))
		return false;
	if (!text_fits(t, io, match, STRING_BYTES))
		return true;
	r = text_request(io, CMD_ROOMS);
	if (*match != '\0' && strcmp(match, "*") != 0)
		r->match = request_str(r, match);
	if (after > 0) {
		r->after = after;
		r->has |= HAS_AFTER;
	}
	return true;
}

static bool
cmd_who(struct text *t, struct dialect_io *io, char *args)
{
	const char *room = text_word(&args);
	uint64_t after = 0;
	struct request *r;

	if (*args != '\0' && !text_number(args, INT64_MAX, &after))
		return false;
	if (is_inbox(t, io, room))
		return true;
	if (strcmp(room, "*") == 0)
		r = text_request(io, CMD_WHO);
	else
		r = text_room_request(t, io, CMD_WHO, room);
	if (r != NULL && after > 0) {
		r->after = after;
		r->has |= HAS_AFTER;
	}
	return true;
}

static bool
cmd_msg(struct text *t, struct dialect_io *io, char *args)
{
	const char *to = text_word(&args);
	struct request *r;

	if (*args == '\0')
		return false;
	if (*to == '#') {
		text_error(t, &io->out, "%s is a room: /join %s enters it.", to,
		    to + 1);
		return true;
	}
	if (!text_fits(t, io, args, io->conf->max_text))
		return true;
	r = text_name_request(t, io, CMD_TELL, to + (*to == '@'));
	if (r == NULL)
		return true;
	r->msg = msg_new(MSG_TEXT, io->name, r->name, args, strlen(args), NULL);
	r->string = request_str(r, args);	/* to show it once it is sent */
	return true;
}

static bool
cmd_me(struct text *t, struct dialect_io *io, char *args)
{
	if (*args == '\0')
		return false;
	text_say(t, io, MSG_ACTION, args);
	return true;
}

/* The topic that is there comes with the room in a list of rooms. */
static bool
cmd_topic(struct text *t, struct dialect_io *io, char *args)
{
	struct request *r;

	if (!text_fits(t, io, args, STRING_BYTES))
		return true;
	r = text_room_request(t, io, *args != '\0' ? CMD_TOPIC : CMD_ROOMS, "");
	if (r == NULL)
		return true;
	if (*args != '\0') {
		r->string = request_str(r, args);
	} else {
		r->match = r->room_key;
		r->tag = TEXT_SHOW_TOPIC;
	}
	return true;
}

static bool
cmd_history(struct text *t, struct dialect_io *io, char *args)
{
	const char *count = text_word(&args);
	uint64_t n = TEXT_HISTORY, before = 0;
	struct request *r;

	if (*args != '\0' && !text_number(args, INT64_MAX, &before))
		return false;
	if (*count != '\0' &&
	    (!text_number(count, HISTORY_MAX, &n) || n == 0)) {
		text_error(t, &io->out, "N is 1 to %d.", HISTORY_MAX);
		return true;
	}
	if ((r = text_room_request(t, io, CMD_HISTORY, "")) == NULL)
		return true;
	r->limit = (uint32_t)n;
	if (*args != '\0') {
		r->before = before;
		r->has |= HAS_BEFORE;
	}
	return true;
}

static bool
cmd_away(struct text *t, struct dialect_io *io, char *args)
{
	struct request *r;

	if (!text_fits(t, io, args, STRING_BYTES))
		return true;
	r = text_request(io, CMD_AWAY);
	if (*args != '\0')
		r->string = request_str(r, args);
	return true;
}

static bool
cmd_color(struct text *t, struct dialect_io *io, char *args)
{
	bool on = strcmp(args, "on") == 0;

	if (!on && strcmp(args, "off") != 0)
		return false;
	t->encoding = on ? ENC_COLOR : ENC_TEXT;
	io->act |= DIALECT_COLOR;
	text_info(&io->out, "Colours are %s.", args);
	return true;
}

static bool
cmd_json(struct text *t, struct dialect_io *io, char *args)
{
	(void)t;
	if (*args != '\0')
		return false;
	io->act |= DIALECT_TO_JSON;
	text_info(&io->out, "From here on it is JSON, a command a line.");
	return true;
}

static bool
cmd_quit(struct text *t, struct dialect_io *io, char *args)
{
	(void)t;
	(void)args;
	text_request(io, CMD_QUIT);
	return true;
}

static const char *const groups[] = {
	[GROUP_TALK] = "Talk", [GROUP_ROOMS] = "Rooms", [GROUP_READ] = "Read",
	[GROUP_ORDER] = "Order", [GROUP_YOU] = "You", [GROUP_HERE] = "Here"
};

static const struct text_cmd cmds[] = {
	{ "msg", "NAME TEXT", GROUP_TALK, "say something to one person alone",
	    "Who is registered gets it even while away.\n", BY_ANY, cmd_msg },
	{ "me", "TEXT", GROUP_TALK, "say what you do: /me waves", NULL, BY_ANY,
	    cmd_me },
	{ "away", "[TEXT]", GROUP_TALK, "say that you are away, or back",
	    "Without TEXT you are back.\n", BY_ANY, cmd_away },
	{ "join", "ROOM", GROUP_ROOMS, "enter a room and talk in it",
	    "A room that is not there yet comes to be by it, and is yours.\n",
	    BY_ANY, cmd_join },
	{ "leave", "[ROOM]", GROUP_ROOMS, "leave a room",
	    "Without ROOM it is the one you are talking in.\n", BY_ANY,
	    cmd_leave },
	{ "room", "[ROOM]", GROUP_ROOMS, "talk in another room that you are in",
	    "Without ROOM it tells which you are in.\n", BY_ANY, cmd_room },
	{ "rooms", "[WORD]", GROUP_ROOMS, "list the rooms",
	    "With WORD only those with that in their names; * is any.\n"
	    "A number behind it goes on with a long list.\n", BY_ANY,
	    cmd_rooms },
	{ "who", "[ROOM]", GROUP_ROOMS, "list who is in a room",
	    "Without ROOM it is the one you are talking in; * is everybody.\n"
	    "A number behind it goes on with a long list.\n", BY_ANY,
	    cmd_who },
	{ "topic", "[TEXT]", GROUP_ROOMS, "show the room's topic, or set it",
	    NULL, BY_ANY, cmd_topic },
	{ "history", "[N [BEFORE]]", GROUP_READ,
	    "show the last N messages of the room",
	    "Without N it is 20. BEFORE is a message's number: those older "
	    "than it.\nThe last line shown tells how to go further back.\n",
	    BY_ANY, cmd_history },
	{ "catchup", "[ROOM [NUMBER]]", GROUP_READ,
	    "show what you have not read",
	    "NUMBER is a message's, as /quit tells it: those behind it.\n",
	    BY_ANY, text_cmd_catchup },
	{ "search", "WORDS", GROUP_READ, "look for what was said",
	    "\"Two words\" are looked for as they stand, wor* as a beginning."
	    "\n#ROOM before them looks in that room alone.\n", BY_ANY,
	    text_cmd_search },
	{ "kick", "NAME [REASON]", GROUP_ORDER, "send somebody out of the room",
	    NULL, BY_ACT(ACT_KICK), text_cmd_kick },
	{ "ban", "NAME [TIME] [REASON]", GROUP_ORDER,
	    "keep somebody out of the room",
	    "TIME is as 30s, 10m, 2h or 3d; without it, for ever.\n"
	    "This server's operators may give ip:ADDRESS for NAME.\n",
	    BY_ACT(ACT_BAN), text_cmd_ban },
	{ "unban", "NAME [REASON]", GROUP_ORDER, "let somebody in again", NULL,
	    BY_ACT(ACT_UNBAN), text_cmd_unban },
	{ "mute", "NAME [TIME] [REASON]", GROUP_ORDER,
	    "let somebody say nothing in the room",
	    "TIME is as 30s, 10m, 2h or 3d; without it, for ever.\n",
	    BY_ACT(ACT_MUTE), text_cmd_mute },
	{ "unmute", "NAME [REASON]", GROUP_ORDER, "let somebody speak again",
	    NULL, BY_ACT(ACT_UNMUTE), text_cmd_unmute },
	{ "bans", "", GROUP_ORDER, "list who is banned and muted", NULL,
	    BY_ACT(ACT_BANS), text_cmd_bans },
	{ "invite", "NAME", GROUP_ORDER, "make somebody a member of the room",
	    "Members alone enter a private room, or speak in a moderated "
	    "one.\n", BY_ACT(ACT_INVITE), text_cmd_invite },
	{ "op", "NAME", GROUP_ORDER, "make somebody an op of the room", NULL,
	    BY_ACT(ACT_OP), text_cmd_op },
	{ "deop", "NAME", GROUP_ORDER, "take somebody's role away",
	    "Anybody may give up their own.\n", BY_ACT(ACT_VOICE),
	    text_cmd_deop },
	{ "owner", "NAME", GROUP_ORDER, "make somebody an owner of the room",
	    "It is theirs as well then; /deop of yourself hands it on.\n",
	    BY_ACT(ACT_OWNER), text_cmd_owner },
	{ "set", "[WHAT VALUE]", GROUP_ORDER,
	    "show what the room is set to, or set it",
	    "WHAT is private, moderated, registered or history, and VALUE on "
	    "or off;\npresence, and VALUE a number; or pace, and VALUE a time "
	    "as 3s, or 0.\n/set says what they are.\n",
	    BY_ACT(ACT_CONFIGURE), text_cmd_set },
	{ "redact", "[WHICH [REASON]]", GROUP_ORDER,
	    "take a message's text away",
	    "WHICH is \"last\", what you said last here; a name, what that "
	    "one said last;\nor a message's number: without WHICH the last "
	    "ones are shown with theirs.\n",
	    BY_ACT(ACT_REDACT_OWN), text_cmd_redact },
	{ "name", "NEW", GROUP_YOU, "take another name", NULL, BY_NOBODY,
	    cmd_name },
	{ "register", "[PASSWORD]", GROUP_YOU, "make your name your own",
	    "Without PASSWORD it is asked for, unseen where that is telnet.\n",
	    BY_GUEST, text_cmd_register },
	{ "password", "", GROUP_YOU, "set another password", NULL, BY_ACCOUNT,
	    text_cmd_password },
	{ "token", "LABEL [DAYS]", GROUP_YOU, "make a secret for a program",
	    "It logs in with that instead of your password.\n", BY_ACCOUNT,
	    text_cmd_token },
	{ "tokens", "", GROUP_YOU, "list your tokens", NULL, BY_ACCOUNT,
	    text_cmd_tokens },
	{ "revoke", "LABEL", GROUP_YOU, "make a token worthless", NULL,
	    BY_ACCOUNT, text_cmd_revoke },
	{ "ignore", "[NAME]", GROUP_YOU, "see nothing more of somebody",
	    "Without NAME it tells whom you ignore.\n", BY_ANY,
	    text_cmd_ignore },
	{ "unignore", "NAME", GROUP_YOU, "see what somebody says again", NULL,
	    BY_ANY, text_cmd_unignore },
	{ "help", "[COMMAND]", GROUP_HERE, "list the commands, or explain one",
	    "/help all lists also what you cannot do.\n", BY_NOBODY,
	    cmd_help },
	{ "color", "on|off", GROUP_HERE, "colours or none", NULL, BY_ANY,
	    cmd_color },
	{ "json", "", GROUP_HERE, "make this connection one for programs",
	    NULL, BY_ANY, cmd_json },
	{ "quit", "", GROUP_HERE, "go", NULL, BY_NOBODY, cmd_quit },
};

static const struct text_cmd *
find(const char *name)
{
	size_t i;

	for (i = 0; i < NITEMS(cmds); i++) {
		if (strcmp(cmds[i].name, name) == 0)
			return &cmds[i];
	}
	return NULL;
}

/* What it is called here; or what is written nearly so; or NULL. */
static const char *
meant(const char *name)
{
	static const char *const elsewhere[][2] = {
		{ "?", "help" }, { "afk", "away" }, { "back", "away" },
		{ "block", "ignore" }, { "bye", "quit" }, { "channel", "room" },
		{ "channels", "rooms" }, { "colors", "color" },
		{ "delete", "redact" }, { "devoice", "deop" },
		{ "disconnect", "quit" }, { "dm", "msg" }, { "emote", "me" },
		{ "exit", "quit" }, { "find", "search" }, { "grep", "search" },
		{ "h", "help" }, { "identify", "password" }, { "j", "join" },
		{ "last", "history" }, { "list", "rooms" },
		{ "log", "history" }, { "login", "name" },
		{ "logout", "quit" }, { "man", "help" },
		{ "mode", "set" }, { "names", "who" }, { "nick", "name" },
		{ "part", "leave" }, { "passwd", "password" }, { "q", "quit" },
		{ "query", "msg" }, { "rename", "name" },
		{ "scrollback", "history" }, { "settings", "set" },
		{ "silence", "mute" },
		{ "tell", "msg" }, { "unread", "catchup" },
		{ "unblock", "unignore" }, { "unsilence", "unmute" },
		{ "users", "who" }, { "voice", "invite" }, { "w", "msg" },
		{ "whisper", "msg" }, { "whois", "who" }
	};
	unsigned least = UINT_MAX;
	const char *near = NULL;
	size_t i;

	for (i = 0; i < NITEMS(elsewhere); i++) {
		if (strcmp(elsewhere[i][0], name) == 0 &&
		    find(elsewhere[i][1]) != NULL)
			return elsewhere[i][1];
	}
	for (i = 0; i < NITEMS(cmds); i++) {
		if (word_is_near(name, cmds[i].name, &least))
			near = cmds[i].name;
	}
	return near;
}

/* What does it, where a command of another meaning is near; or NULL. */
static const char *
instead(const char *name)
{
	static const char *const ways[][2] = {
		{ "ignored", "/ignore alone tells whom you ignore." },
		{ "ignores", "/ignore alone tells whom you ignore." },
		{ "muted", "/bans lists who is banned and muted." },
		{ "banned", "/bans lists who is banned and muted." },
		{ "transfer", "/owner NAME makes somebody an owner, and then "
		    "/deop of yourself hands the room on." }
	};
	size_t i;

	for (i = 0; i < NITEMS(ways); i++) {
		if (strcmp(ways[i][0], name) == 0)
			return ways[i][1];
	}
	return NULL;
}

static void
unknown(struct text *t, struct dialect_io *io, const char *name)
{
	const char *near = meant(name), *way = instead(name);
	struct buf shown = { 0 };

	io->refused = ERR_UNKNOWN_COMMAND;
	text_clip(&shown, name, TEXT_ECHO);
	if (way != NULL)
		text_error(t, &io->out, "There is no command /%s. %s",
		    buf_str(&shown), way);
	else if (near != NULL)
		text_error(t, &io->out, "There is no command /%s. Did you "
		    "mean /%s?", buf_str(&shown), near);
	else
		text_error(t, &io->out, "There is no command /%s. /help lists "
		    "them.", buf_str(&shown));
	buf_free(&shown);
}

static void
add_usage(struct buf *b, const struct text_cmd *c)
{
	buf_addf(b, "/%s%s%s", c->name, *c->args != '\0' ? " " : "", c->args);
}

static void
explain(struct dialect_io *io, const struct text_cmd *c)
{
	const char *more = c->more != NULL ? c->more : "";
	struct buf usage = { 0 };
	size_t n;

	add_usage(&usage, c);
	text_info(&io->out, "%s: %s.", buf_str(&usage), c->help);
	for (; *more != '\0'; more += n + 1) {
		n = strcspn(more, "\n");
		text_info(&io->out, "%.*s", (int)n, more);
	}
	if (c->by > BY_ROLE && right_of((enum act)(c->by - BY_ROLE))->least >
	    ROLE_NONE)
		text_info(&io->out, "That is for %s.",
		    right_whose((enum act)(c->by - BY_ROLE)));
	buf_free(&usage);
}

static bool
may(const struct text *t, const struct text_cmd *c, enum role role)
{
	return c->by == BY_GUEST ? !t->account :
	    c->by == BY_ACCOUNT ? t->account :
	    c->by < BY_ROLE || right_has((enum act)(c->by - BY_ROLE), role);
}

/* The group's commands, as many a line as fit; whether some were left out. */
static bool
list_group(const struct text *t, struct buf *b, enum group group,
    enum role role, bool all)
{
	size_t room = t->width >= LABEL * 2 ? t->width : WIDTH, used = room, i;
	const char *label = groups[group];
	struct buf usage = { 0 };
	bool left_out = false;

	for (i = 0; i < NITEMS(cmds); i++) {
		if (cmds[i].group != group)
			continue;
		if (!all && !may(t, &cmds[i], role)) {
			left_out = true;
			continue;
		}
		buf_reset(&usage);
		add_usage(&usage, &cmds[i]);
		if (used + 2 + usage.len >= room) {
			buf_addf(b, "%s-- %-*s", used < room ? "\r\n" : "",
			    LABEL, label);
			label = "";
			used = LABEL + 1;
		}
		buf_addf(b, "  %s", buf_str(&usage));
		used += 2 + usage.len;
	}
	if (*label == '\0')
		buf_adds(b, "\r\n");
	buf_free(&usage);
	return left_out;
}

static void
list(const struct text *t, struct dialect_io *io, enum role role, bool all)
{
	bool left_out = false;
	size_t i;

	for (i = 0; i < NITEMS(groups); i++)
		left_out |= list_group(t, &io->out, (enum group)i, role, all);
	text_info(&io->out, "/help COMMAND explains one%s.", left_out ?
	    "; /help all lists also what you cannot do here" : "");
	text_info(&io->out, "Any other line is said to the room; // says one "
	    "that begins with a /.");
	if (!io->logged_in)
		text_info(&io->out, "But a name is needed first.");
}

void
text_help(struct text *t, struct dialect_io *io, const struct request *r)
{
	unsigned i, role = ROLE_NONE;

	for (i = 0; i < ROLE_MAX && r->error == ERR_NONE; i++) {
		if (r->role != NULL && strcmp(r->role, role_name(i)) == 0)
			role = i;
	}
	list(t, io, (enum role)role, false);
}

/* What one may do depends on the room: it is asked for one's role. */
static void
help(struct text *t, struct dialect_io *io)
{
	struct request *r;

	if (!io->logged_in || t->current >= t->nrooms) {
		list(t, io, ROLE_NONE, false);
		return;
	}
	r = text_room_request(t, io, CMD_CONFIGURE, "");
	if (r != NULL)
		r->tag = TEXT_HELP;
}

static bool
cmd_help(struct text *t, struct dialect_io *io, char *args)
{
	const char *word = text_word(&args), *name = word + (*word == '/');
	const struct text_cmd *c = find(name);

	if (*args != '\0')
		return false;
	if (c != NULL)
		explain(io, c);
	else if (strcmp(name, "all") == 0)
		list(t, io, ROLE_NONE, true);
	else if (*name != '\0')
		unknown(t, io, name);
	else
		help(t, io);
	if (!io->logged_in)
		text_ask(io);
	return true;
}

void
text_command(struct text *t, struct dialect_io *io, char *line)
{
	struct buf usage = { 0 };
	const struct text_cmd *c;
	char *name = text_word(&line), *s;

	for (s = name; *s != '\0'; s++) {
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + 'a' - 'A');
	}
	c = find(name);
	if (!io->logged_in && (c == NULL || c->by != BY_NOBODY)) {
		text_error(t, &io->out, "First your name.");
		text_ask(io);
	} else if (c == NULL) {
		unknown(t, io, name);
	} else if (!c->run(t, io, line)) {
		add_usage(&usage, c);
		text_error(t, &io->out, "Usage: %s", buf_str(&usage));
		buf_free(&usage);
		if (!io->logged_in)
			text_ask(io);
	}
}
