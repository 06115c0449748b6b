/*
 * Who may do what in a room: roles, and one table of all acts, from which
 * checks, refusals and help derive. Pure; any thread.
 */
#ifndef RIGHTS_H
#define RIGHTS_H

#include <stdbool.h>

#include "proto.h"

/* Each may do what those before it may. */
enum role {
	ROLE_NONE,		/* anybody */
	ROLE_MEMBER,		/* was invited, or has a voice */
	ROLE_OP,
	ROLE_OWNER,
	ROLE_OPERATOR,		/* of the server: everywhere */
	ROLE_MAX
};

const char *role_one(enum role);	/* "an op" */
const char *role_name(enum role);	/* "member"; anybody's is "none" */
/* One that can be given in a room: "member", "op" or "owner". */
bool	 role_parse(const char *, enum role *);

enum act {
	ACT_ENTER,		/* a private room */
	ACT_READ,		/* of a private room, from outside */
	ACT_SPEAK,		/* in a moderated room */
	ACT_HASTE,		/* in a room with a pace */
	ACT_PAST,		/* read what was before one came, where history
				 * is off */
	ACT_TOPIC,
	ACT_REDACT_OWN,
	ACT_REDACT,
	ACT_KICK,
	ACT_BAN,
	ACT_UNBAN,
	ACT_MUTE,
	ACT_UNMUTE,
	ACT_BANS,
	ACT_INVITE,
	ACT_VOICE,		/* take a member's role away */
	ACT_OP,
	ACT_DEOP,
	ACT_OWNER,
	ACT_CONFIGURE,
	ACT_ADDRESS,		/* ban and see addresses */
	ACT_MAX
};

struct right {
	const char	*what;		/* "kick people" */
	enum role	 least;
	bool		 below;		/* it is done to those below */
	enum error	 error;
};

const struct right *right_of(enum act);
bool	 right_has(enum act, enum role);
/* May own do that to theirs? */
bool	 right_over(enum act, enum role own, enum role theirs);
/* Who may: "an op or the owner". */
const char *right_whose(enum act);

#endif
