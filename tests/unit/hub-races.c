/*
 * Two things at once: what is decided while the store still has something else
 * that it depends on.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "hub-account.h"
#include "rules.h"

TestSuite(races, .init = start, .fini = end);

/* The owner of #den, with a session more. */
static struct fake_client
owner(void)
{
	struct fake_client ann = registered("ann");

	enter(&ann, "den");
	return ann;
}

/* Given to the pool, and no further. */
static void
begin(struct fake_client c, const struct ask *a)
{
	hub_request(f.hub, fake_request(&c, a));
}

/* Whose ban is renewed is not let in by another's, which clears up. */
Test(races, a_ban_renewed_stays)
{
	struct fake_client ann = owner(), bob = registered("bob");
	struct fake_client cat = registered("cat");

	fake_put(&f, "ban/den/a:bob", "{\"by\":\"ann\",\"reason\":\"\","
	    "\"at\":1,\"until\":2,\"name\":\"bob\"}");
	gone(&ann, NULL);
	fake_restart(&f);
	ann = with_password(0, "ann", "secret");
	bob = with_password(0, "bob", "secret");
	enter(&ann, "den");
	ASK(&f, &ann, CMD_BAN, .room = "den", .name = "bob");
	ASK(&f, &ann, CMD_BAN, .room = "den", .name = "cat");
	fake_round(&f);
	cr_assert_not_null(fake_fact(&f, "ban/den/a:cat"));
	cr_assert_not_null(fake_fact(&f, "ban/den/a:bob"));
	ASK(&f, &bob, CMD_SUBSCRIBE, .room = "den");
	cr_assert_eq(f.reply->error, ERR_BANNED);
	(void)cat;
}

/* The operator's as well. */
Test(races, a_ban_from_the_server_renewed_stays)
{
	struct fake_client op = client(OPERATOR_LOOP, 0);

	fake_put(&f, "ban/*/n:bob", "{\"by\":\"x\",\"reason\":\"\","
	    "\"at\":1,\"until\":2,\"name\":\"bob\"}");
	fake_restart(&f);
	ASK(&f, &op, CMD_SHUT_OUT, .name = "bob");
	ASK(&f, &op, CMD_SHUT_OUT, .name = "cat");
	fake_round(&f);
	cr_assert_not_null(fake_fact(&f, "ban/*/n:cat"));
	cr_assert_not_null(fake_fact(&f, "ban/*/n:bob"));
}

/* Who registers in the moment of it is banned all the same. */
Test(races, banned_from_the_server_and_registered)
{
	struct fake_client op = client(OPERATOR_LOOP, 0);
	struct fake_client bob = login(1, "bob");

	ASK(&f, &op, CMD_SHUT_OUT, .name = "bob");
	ASK(&f, &bob, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	with_password(1, "bob", "secret");
	cr_assert_eq(f.reply->error, ERR_BANNED);
	ASK(&f, &op, CMD_LET_IN, .name = "bob");
	fake_round(&f);
	with_password(1, "bob", "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* Who is made an op and banned in one moment cannot end the ban. */
static void
op_and_ban(bool ban_first)
{
	struct fake_client ann = owner(), bob = registered("bob");

	enter(&bob, "den");
	if (ban_first)
		ASK(&f, &ann, CMD_BAN, .room = "den", .name = "bob");
	ASK(&f, &ann, CMD_OP, .room = "den", .name = "bob");
	if (!ban_first)
		ASK(&f, &ann, CMD_BAN, .room = "den", .name = "bob");
	fake_round(&f);
	cr_assert_not_null(fake_fact(&f, "ban/den/a:bob"));
	ASK(&f, &bob, CMD_UNBAN, .room = "den", .name = "bob");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	cr_assert_not_null(fake_fact(&f, "ban/den/a:bob"));
}

Test(races, op_then_ban)
{
	op_and_ban(false);
	cr_assert_null(fake_fact(&f, "role/den/bob"));
}

Test(races, ban_then_op)
{
	op_and_ban(true);
}

/* An invitation of a session that is over is nobody's. */
Test(races, invited_and_gone)
{
	struct settings closed = { .given = { [SET_PRIVATE] = true },
	    .value = { [SET_PRIVATE] = 1 } };
	struct fake_client ann = owner(), bob, cat;
	int i;

	ASK(&f, &ann, CMD_CONFIGURE, .room = "den", .set = &closed);
	fake_round(&f);
	bob = login(1, "bob");
	ASK(&f, &ann, CMD_INVITE, .room = "den", .name = "bob");
	gone(&bob, NULL);
	fake_round(&f);
	/* The sid comes again in the end. */
	for (i = 0; i < 5000; i++) {
		cat = login(1, "cat");
		ASK(&f, &cat, CMD_SUBSCRIBE, .room = "den");
		cr_assert_eq(f.reply->error, ERR_PRIVATE, "%d", i);
		gone(&cat, NULL);
	}
}

/* A guest cannot slip away by coming anew either. */
Test(races, kicked_and_resumed)
{
	struct fake_client ann = owner(), bob = login(1, "bob"), again;
	char secret[64];

	enter(&bob, "den");
	gone(&bob, NULL);
	bob = client(1, 900);
	ASK(&f, &bob, CMD_LOGIN, .name = "bob");
	snprintf(secret, sizeof(secret), "%s", f.reply->session);
	enter(&bob, "den");
	ASK(&f, &ann, CMD_KICK, .room = "den", .name = "bob");
	again = client(1, 901);
	ASK(&f, &again, CMD_LOGIN, .name = "bob", .resume = secret);
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &again, CMD_SUBSCRIBE, .room = "den");
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_round(&f);
	ASK(&f, &again, CMD_SAY, .room = "den", .text = "still here");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
}

/* What a guest was given, or lost, while it registered is the account's. */
Test(races, a_role_and_a_register)
{
	struct fake_client ann = owner(), bob = login(1, "bob");
	struct fake_client cat = login(1, "cat");

	enter(&bob, "den");
	enter(&cat, "den");
	ASK(&f, &ann, CMD_OP, .room = "den", .name = "bob");
	fake_round(&f);
	ASK(&f, &ann, CMD_DEOP, .room = "den", .name = "bob");
	ASK(&f, &bob, CMD_REGISTER, .password = "secret");
	ASK(&f, &ann, CMD_OP, .room = "den", .name = "cat");
	ASK(&f, &cat, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	eq_str(fake_fact(&f, "role/den/bob"), "{\"role\":\"member\"}");
	eq_str(fake_fact(&f, "role/den/cat"), "{\"role\":\"op\"}");
	gone(&bob, NULL);
	bob = with_password(1, "bob", "secret");
	ASK(&f, &bob, CMD_KICK, .room = "den", .name = "cat");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
}

/* A better hash of the old password does not undo the new one. */
Test(races, passwd_and_a_better_hash)
{
	struct fake_client ann = registered("ann"), d = newcomer(1);

	ASK(&f, &ann, CMD_PASSWD, .password = "secret",
	    .new_password = "another");
	f.renews = true;
	ASK(&f, &d, CMD_LOGIN, .name = "ann", .password = "secret");
	fake_round(&f);
	f.renews = false;
	eq_str(strstr(fake_fact(&f, "account/ann"), "\"hash\""),
	    "\"hash\":\"!another\"}");
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	with_password(1, "ann", "another");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* Nor is one's password wrong, for another session has got it a better hash. */
Test(races, logins_and_a_better_hash)
{
	struct fake_client a = registered("ann");
	const struct ask in = { .cmd = CMD_LOGIN, .name = "ann",
	    .password = "secret" };
	size_t i;

	f.renews = true;
	for (i = 0; i < 2; i++)
		begin(newcomer(1), &in);
	cr_assert_eq(fake_prove(&f), 2);
	begin(newcomer(1), &in);
	fake_round(&f);
	eq_str(strstr(fake_fact(&f, "account/ann"), "\"hash\""),
	    "\"hash\":\"+secret\"}");
	cr_assert_eq(fake_prove(&f), 1);
	cr_assert_eq(f.reply->error, ERR_NONE, "%s",
	    error_name(f.reply->error));
	fake_round(&f);
	begin(newcomer(1), &in);
	ASK(&f, &a, CMD_PASSWD, .password = "secret",
	    .new_password = "another");
	fake_round(&f);
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
}

/* Whoever has the old password does not come second, and wins. */
Test(races, two_new_passwords)
{
	struct fake_client op = client(OPERATOR_LOOP, 0);
	struct fake_client thief = registered("ann");

	ASK(&f, &op, CMD_REPASS, .name = "ann", .password = "another");
	ASK(&f, &thief, CMD_PASSWD, .password = "secret",
	    .new_password = "thiefs");
	cr_assert_not_null(f.reply);
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	fake_round(&f);
	with_password(1, "ann", "another");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

#define MANY	(RULES_MAX - 2)		/* with two more it is full */

/* Facts of a kind of #den, with these values. */
static void
put_many(const char *room, const char *kind, const char *value)
{
	char key[64];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "%s/%s/%sx%d", kind, room,
		    strcmp(kind, "role") == 0 ? "" : "n:", i);
		fake_put(&f, key, value);
	}
}

#define SANCTION	"{\"by\":\"x\",\"reason\":\"\",\"at\":1,\"until\":0," \
			"\"name\":\"x\"}"

static enum error
sees(struct fake_client *c, const struct ask *a)
{
	struct fake_client by = *c;

	fake_ask(&f, &by, a);
	return f.reply != NULL ? f.reply->error : ERR_NONE;
}

#define SEES(c, ...)	sees(c, &(const struct ask){ .cmd = __VA_ARGS__ })

/* A room has no more bans, mutes and roles than it may have, however many are
 * asked for before the first is stored; one that was not stored is none. */
Test(races, bounds_count_what_is_under_way)
{
	static const enum cmd cmds[] = { CMD_BAN, CMD_MUTE, CMD_INVITE };
	struct fake_client ann = owner();
	unsigned i;

	registered("bob");
	registered("cat");
	registered("dee");
	put_many("den", "ban", SANCTION);
	put_many("den", "mute", SANCTION);
	put_many("den", "role", "{\"role\":\"member\"}");
	gone(&ann, NULL);
	fake_restart(&f);
	ann = with_password(0, "ann", "secret");
	enter(&ann, "den");
	for (i = 0; i < NITEMS(cmds); i++) {
		bool role = cmds[i] == CMD_INVITE;	/* and the owner's */

		/* One is refused by the store, and so is none. */
		f.store.fail = true;
		cr_assert_eq(SEES(&ann, cmds[i], .room = "den",
		    .name = "dee"), ERR_NONE);
		fake_round(&f);
		cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
		f.store.fail = false;
		if (!role)
			cr_assert_eq(SEES(&ann, cmds[i], .room = "den",
			    .name = "bob"), ERR_NONE);
		cr_assert_eq(SEES(&ann, cmds[i], .room = "den",
		    .name = role ? "bob" : "cat"), ERR_NONE);
		cr_assert_eq(SEES(&ann, cmds[i], .room = "den",
		    .name = "dee"), ERR_FORBIDDEN);
		fake_round(&f);
		cr_assert_eq(SEES(&ann, cmds[i], .room = "den",
		    .name = "dee"), ERR_FORBIDDEN);
		if (!role)	/* for the next one */
			ASK(&f, &ann, cmds[i] == CMD_BAN ? CMD_UNBAN :
			    CMD_UNMUTE, .room = "den", .name = "bob");
		fake_round(&f);
	}
}

Test(races, bounds_of_the_servers_bans)
{
	struct fake_client op = client(OPERATOR_LOOP, 0);

	put_many("*", "ban", SANCTION);
	fake_restart(&f);
	cr_assert_eq(SEES(&op, CMD_SHUT_OUT, .name = "bob"), ERR_NONE);
	cr_assert_eq(SEES(&op, CMD_SHUT_OUT, .name = "cat"), ERR_NONE);
	cr_assert_eq(SEES(&op, CMD_SHUT_OUT, .name = "dee"), ERR_FORBIDDEN);
	fake_round(&f);
	cr_assert_eq(SEES(&op, CMD_LET_IN, .name = "bob"), ERR_NONE);
	fake_round(&f);
	cr_assert_eq(SEES(&op, CMD_SHUT_OUT, .name = "dee"), ERR_NONE);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
}
