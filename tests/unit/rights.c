/* The table of rights, as a whole: who may do what. */
#include <criterion/criterion.h>
#include <string.h>

#include "rights.h"
#include "util.h"

/* By role, from nobody in particular to the server's operator. */
static const struct {
	enum act	 act;
	const char	*may;		/* a "+" for each role that may */
} wanted[] = {
	{ ACT_ENTER, "-++++" }, { ACT_READ, "-++++" }, { ACT_SPEAK, "-++++" },
	{ ACT_HASTE, "--+++" }, { ACT_PAST, "--+++" }, { ACT_TOPIC, "+++++" },
	{ ACT_REDACT_OWN, "+++++" }, { ACT_REDACT, "--+++" },
	{ ACT_KICK, "--+++" }, { ACT_BAN, "--+++" }, { ACT_UNBAN, "--+++" },
	{ ACT_MUTE, "--+++" }, { ACT_UNMUTE, "--+++" }, { ACT_BANS, "--+++" },
	{ ACT_INVITE, "--+++" }, { ACT_VOICE, "--+++" }, { ACT_OP, "---++" },
	{ ACT_DEOP, "---++" }, { ACT_OWNER, "---++" },
	{ ACT_CONFIGURE, "---++" }, { ACT_ADDRESS, "----+" },
};

Test(rights, least_roles)
{
	size_t i;
	int role;

	cr_assert_eq(NITEMS(wanted), (size_t)ACT_MAX);
	for (i = 0; i < NITEMS(wanted); i++) {
		for (role = 0; role < ROLE_MAX; role++)
			cr_assert_eq(right_has(wanted[i].act,
			    (enum role)role), wanted[i].may[role] == '+',
			    "%s, %s", right_of(wanted[i].act)->what,
			    role_name((enum role)role));
	}
}

/* What is done to people is done to those below, and to nobody else. */
Test(rights, over)
{
	static const enum act acts[] = { ACT_KICK, ACT_BAN, ACT_MUTE,
	    ACT_VOICE, ACT_DEOP };
	size_t i;
	int own, theirs;

	for (i = 0; i < NITEMS(acts); i++) {
		for (own = 0; own < ROLE_MAX; own++) {
			for (theirs = 0; theirs < ROLE_MAX; theirs++)
				cr_assert_eq(right_over(acts[i],
				    (enum role)own, (enum role)theirs),
				    right_has(acts[i], (enum role)own) &&
				    theirs < own);
		}
	}
	cr_assert(right_over(ACT_INVITE, ROLE_OP, ROLE_OWNER));
}

Test(rights, words)
{
	enum role role;
	size_t i;

	for (i = 0; i < ACT_MAX; i++) {
		cr_assert_str_not_empty(right_of((enum act)i)->what);
		cr_assert_str_not_empty(right_whose((enum act)i));
		cr_assert_neq(right_of((enum act)i)->error, ERR_NONE);
	}
	cr_assert(role_parse("op", &role) && role == ROLE_OP);
	cr_assert(role_parse("owner", &role) && role == ROLE_OWNER);
	cr_assert(role_parse("member", &role) && role == ROLE_MEMBER);
	cr_assert(!role_parse("none", &role));
	cr_assert(!role_parse("operator", &role));
	cr_assert(!role_parse("", &role));
}
