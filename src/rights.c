#include <string.h>

#include "rights.h"
#include "util.h"

static const struct {
	const char	*name;
	const char	*whose;		/* and of all above it */
	const char	*one;
} roles[ROLE_MAX] = {
	[ROLE_NONE] = { "none", "anybody", "nobody in particular" },
	[ROLE_MEMBER] = { "member", "members", "a member" },
	[ROLE_OP] = { "op", "ops and the owner", "an op" },
	[ROLE_OWNER] = { "owner", "the owner", "an owner" },
	[ROLE_OPERATOR] = { "operator", "this server's operators",
	    "an operator of the server" },
};

static const struct right rights[ACT_MAX] = {
	[ACT_ENTER] = { "enter a private room", ROLE_MEMBER, false,
	    ERR_PRIVATE },
	[ACT_READ] = { "read a private room", ROLE_MEMBER, false,
	    ERR_PRIVATE },
	[ACT_SPEAK] = { "speak in a moderated room", ROLE_MEMBER, false,
	    ERR_FORBIDDEN },
	[ACT_HASTE] = { "speak faster than its pace", ROLE_OP, false,
	    ERR_RATE_LIMITED },
	[ACT_PAST] = { "read what was before they came, where history is off",
	    ROLE_OP, false, ERR_FORBIDDEN },
	[ACT_TOPIC] = { "set the topic", ROLE_NONE, false, ERR_FORBIDDEN },
	[ACT_REDACT_OWN] = { "redact their own messages", ROLE_NONE, false,
	    ERR_FORBIDDEN },
	[ACT_REDACT] = { "redact others' messages", ROLE_OP, false,
	    ERR_FORBIDDEN },
	[ACT_KICK] = { "kick people", ROLE_OP, true, ERR_FORBIDDEN },
	[ACT_BAN] = { "ban people", ROLE_OP, true, ERR_FORBIDDEN },
	[ACT_UNBAN] = { "unban people", ROLE_OP, false, ERR_FORBIDDEN },
	[ACT_MUTE] = { "mute people", ROLE_OP, true, ERR_FORBIDDEN },
	[ACT_UNMUTE] = { "unmute people", ROLE_OP, false, ERR_FORBIDDEN },
	[ACT_BANS] = { "see who is banned and muted", ROLE_OP, false,
	    ERR_FORBIDDEN },
	[ACT_INVITE] = { "invite people, which makes them members", ROLE_OP,
	    false, ERR_FORBIDDEN },
	[ACT_VOICE] = { "take a member's role away", ROLE_OP, true,
	    ERR_FORBIDDEN },
	[ACT_OP] = { "make ops", ROLE_OWNER, false, ERR_FORBIDDEN },
	[ACT_DEOP] = { "take an op's role away", ROLE_OWNER, true,
	    ERR_FORBIDDEN },
	[ACT_OWNER] = { "make owners", ROLE_OWNER, false, ERR_FORBIDDEN },
	[ACT_CONFIGURE] = { "configure the room", ROLE_OWNER, false,
	    ERR_FORBIDDEN },
	[ACT_ADDRESS] = { "ban addresses", ROLE_OPERATOR, false,
	    ERR_FORBIDDEN },
};

const char *
role_name(enum role role)
{
	return role < ROLE_MAX ? roles[role].name : "";
}

const char *
role_one(enum role role)
{
	return roles[role].one;
}

bool
role_parse(const char *s, enum role *role)
{
	unsigned i;

	for (i = ROLE_MEMBER; i <= ROLE_OWNER; i++) {
		if (strcmp(s, roles[i].name) == 0) {
			*role = (enum role)i;
			return true;
		}
	}
	return false;
}

const struct right *
right_of(enum act act)
{
	return &rights[act];
}

bool
right_has(enum act act, enum role own)
{
	return own >= rights[act].least;
}

bool
right_over(enum act act, enum role own, enum role theirs)
{
	return right_has(act, own) && (!rights[act].below || theirs < own);
}

const char *
right_whose(enum act act)
{
	return roles[rights[act].least].whose;
}
