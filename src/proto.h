/*
 * The wire contract's words, in const tables: commands, errors, events. From
 * them parsing, help, hints and the man page's check derive.
 */
#ifndef PROTO_H
#define PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cmd {
	CMD_NONE,		/* no or an unknown command: only an error */
	CMD_LOGIN,
	CMD_SUBSCRIBE,
	CMD_UNSUBSCRIBE,
	CMD_SAY,
	CMD_TELL,
	CMD_SEEN,
	CMD_HISTORY,
	CMD_ROOMS,
	CMD_WHO,
	CMD_TOPIC,
	CMD_AWAY,
	CMD_RENAME,
	CMD_PING,
	CMD_QUIT,
	CMD_REGISTER,
	CMD_PASSWD,
	CMD_TOKEN,
	CMD_TOKENS,
	CMD_REVOKE,
	CMD_SEARCH,
	CMD_CONFIGURE,
	CMD_INVITE,
	CMD_KICK,
	CMD_BAN,
	CMD_UNBAN,
	CMD_MUTE,
	CMD_UNMUTE,
	CMD_OP,
	CMD_DEOP,
	CMD_OWNER,
	CMD_BANS,
	CMD_REDACT,
	CMD_IGNORE,
	CMD_UNIGNORE,
	CMD_IGNORED,
	CMD_MAX,
	/* from the daemon itself, never from the wire */
	CMD_GONE = CMD_MAX,	/* the client is gone */
	CMD_MOVED,		/* the client is on another loop now */
	CMD_MARK,		/* how far the client has been read to */
	/* from its operator */
	CMD_EXPEL,
	CMD_ALL_ROOMS,
	CMD_ALL_WHO,
	CMD_ACCOUNTS,
	CMD_ENROL,		/* register */
	CMD_REPASS,		/* another password */
	CMD_DISOWN,		/* revoke tokens */
	CMD_PROMOTE,		/* operator of the server, or no more */
	CMD_DEMOTE,
	CMD_ERASE,
	CMD_SHUT_OUT,		/* banned from the server */
	CMD_SHUT_OUTS,		/* who is */
	CMD_LET_IN,
	CMD_IMPORT,
	/* the hub's own: something to store, and nobody to answer */
	CMD_NOTE
};

enum field_type {
	FIELD_NAME,		/* a person's */
	FIELD_ROOM,
	FIELD_TEXT,		/* a message's: cleaned, at most max_text */
	FIELD_STRING,		/* cleaned, at most STRING_BYTES */
	FIELD_KEY,		/* 1 to KEY_BYTES, opaque */
	FIELD_SECRET,		/* 1 to STRING_BYTES, as it is */
	FIELD_KIND,		/* "text", "action" or "notice" */
	FIELD_SEQ,		/* integer 0 to 2^63-1 */
	FIELD_BOOL,
	FIELD_COUNT		/* integer, bounds in the table */
};

#define STRING_BYTES	512
#define SECONDS_MAX	UINT64_C(3153600000)	/* an act holds: 100 years */
#define KEY_BYTES	128

/* Which member of struct request a field fills. */
enum field_slot {
	SLOT_NAME, SLOT_ROOM, SLOT_TEXT, SLOT_STRING, SLOT_KEY, SLOT_KIND,
	SLOT_AFTER, SLOT_BEFORE, SLOT_SEQ, SLOT_LAST, SLOT_LIMIT, SLOT_EPOCH,
	SLOT_MATCH, SLOT_RESUME, SLOT_PASSWORD, SLOT_NEW_PASSWORD, SLOT_TOKEN,
	SLOT_SECONDS, SLOT_ADDRESS, SLOT_MARKS, SLOT_STAY,
	SLOT_SETTING		/* and behind it, one for each of them */
};

/* What a room can be set to. */
enum setting {
	SET_PRIVATE, SET_MODERATED, SET_HISTORY, SET_PRESENCE, SET_PACE,
	SET_REGISTERED,
	SET_MAX
};

#define PRESENCE_CONF	UINT32_MAX	/* as the configuration has it */
#define PRESENCE_MAX	1000000
#define PACE_MAX	86400		/* seconds: a day */

struct setting_def {
	const char	*name;
	bool		 flag;		/* else a number, from 0 to max */
	uint32_t	 max;
	uint32_t	 preset;
	const char	*help;
};

extern const struct setting_def proto_settings[SET_MAX];

struct field_def {
	const char	*name;
	enum field_type	 type;
	enum field_slot	 slot;
	bool		 required;
	long		 min, max;	/* of a FIELD_COUNT */
	uint32_t	 preset;	/* of a FIELD_COUNT that is absent */
};

struct cmd_def {
	enum cmd	 cmd;
	const char	*name;		/* "subscribe" */
	const struct field_def *fields;	/* ended by a NULL name */
	const char	*help;		/* one line */
};

extern const struct cmd_def proto_cmds[];	/* ended by CMD_NONE */

const struct cmd_def *proto_cmd(const char *name);	/* or NULL */
const struct cmd_def *proto_cmd_by_id(enum cmd);
/* A mistyped command's likely name, or NULL if none is near. */
const char *proto_nearest(const char *);

enum error {
	ERR_NONE,
	ERR_BAD_JSON, ERR_BAD_UTF8, ERR_BAD_ARGUMENT, ERR_UNKNOWN_COMMAND,
	ERR_TOO_LONG, ERR_NOT_LOGGED_IN, ERR_ALREADY_LOGGED_IN, ERR_BAD_NAME,
	ERR_NAME_TAKEN, ERR_NAME_REGISTERED, ERR_BAD_PASSWORD,
	ERR_NO_SUCH_ROOM, ERR_NO_SUCH_USER, ERR_NOT_SUBSCRIBED,
	ERR_ALREADY_SUBSCRIBED, ERR_TOO_MANY_ROOMS, ERR_FORBIDDEN,
	ERR_PRIVATE, ERR_BANNED, ERR_MUTED, ERR_NO_SUCH_MESSAGE,
	ERR_RATE_LIMITED, ERR_STORE_UNAVAILABLE, ERR_SERVER_FULL,
	ERR_INTERNAL,
	ERR_MAX
};

const char *error_name(enum error);	/* "bad-json"; "" for ERR_NONE */
/* A sentence for people where the place of the error has none of its own. */
const char *error_text(enum error);

/* Names of the events a client may see, ended by NULL; for the man page. */
extern const char *const proto_events[];

#endif
