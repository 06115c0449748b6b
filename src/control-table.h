/*
 * The operator's commands, in one const table: from it the daemon's dispatch,
 * partylinectl's usage and the check of its man page derive.
 */
#ifndef CONTROL_TABLE_H
#define CONTROL_TABLE_H

#include <stdbool.h>

enum control_id {
	CONTROL_STATUS, CONTROL_TOP, CONTROL_ROOMS, CONTROL_WHO,
	CONTROL_NOTICE, CONTROL_KICK, CONTROL_BAN, CONTROL_UNBAN,
	CONTROL_BANS, CONTROL_RELOAD, CONTROL_DRAIN,
	CONTROL_UPGRADE, CONTROL_TRACE, CONTROL_ACCOUNTS, CONTROL_REGISTER,
	CONTROL_PASSWD, CONTROL_REVOKE, CONTROL_OP, CONTROL_DEOP,
	CONTROL_AUDIT, CONTROL_BACKUP, CONTROL_ERASE,
	CONTROL_EXPORT, CONTROL_IMPORT,
	CONTROL_MAX
};

struct control_cmd {
	const char	*name;
	const char	*arg;		/* in the usage; NULL: it takes none */
	const char	*field;		/* the argument's, in JSON; NULL:
					 * it is partylinectl's own */
	const char	*rest;		/* the field of the words behind the
					 * first, which may be left out; NULL:
					 * all words are the argument */
	const char	*flags;		/* partylinectl's, of this command;
					 * as for getopt(), or NULL */
	const char	*kinds;		/* words before the argument, one of
					 * which must be there: "room account",
					 * or NULL */
	const char	*example;	/* of what stands behind the name */
	bool		 optional;	/* the argument */
	bool		 timed;		/* the rest may begin with a time */
	bool		 changes;	/* something: it is logged */
	bool		 secret;	/* asks for a new password */
	bool		 local;		/* partylinectl's: not on the socket */
	const char	*help;
};

#define CONTROL_LINE	(512 * 1024)	/* bytes of a request, without its LF */

extern const struct control_cmd control_cmds[CONTROL_MAX];

/* CONTROL_MAX: there is none. */
enum control_id control_find(const char *name);
/* A mistyped command's likely name, or NULL. */
const char *control_nearest(const char *);

#endif
