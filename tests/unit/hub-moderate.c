/*
 * Moderation: roles, kicks, bans, mutes and what is removed: who may do what,
 * what comes of it, and that it is there after a restart.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-order.h"

TestSuite(moderate, .init = start, .fini = end);

static const char *
audit(void)
{
	return buf_str(&f.store.audit);
}

/* As long as that is not stored, nobody is in it. */
/* What a guest is in rooms, the account will be. */
Test(moderate, register_keeps_roles)
{
	struct fake_client ann = from("ann", NULL);

	enter(&ann, "den");
	OK(&ann, CMD_REGISTER, .password = "secret");
	eq_str(fake_fact(&f, "role/den/ann"), "{\"role\":\"owner\"}");
	gone(&ann, NULL);
	fake_restart(&f);
	ann = again("ann");
	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "owner");
}

Test(moderate, kick)
{
	struct fake_client ann = registered("ann"), bob = from("Bob", NULL);
	struct fake_client cat = login(2, "cat");

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&cat, "den");
	NO(ERR_FORBIDDEN, &bob, CMD_KICK, .room = "den", .name = "cat");
	eq_str(f.reply->message, "Only ops and the owner may kick people "
	    "(#den).");
	NO(ERR_FORBIDDEN, &bob, CMD_KICK, .room = "den", .name = "ann");
	NO(ERR_NO_SUCH_USER, &ann, CMD_KICK, .room = "den", .name = "dee");
	NO(ERR_NO_SUCH_ROOM, &ann, CMD_KICK, .room = "no", .name = "bob");
	NO(ERR_FORBIDDEN, &ann, CMD_KICK, .room = "den", .name = "ann");
	eq_str(f.reply->message, "You cannot kick yourself.");
	fake_trace(&f);
	OK(&ann, CMD_KICK, .room = "DEN", .name = "bob", .string = "spam");
	eq_trace(&f, "0 #1: 1 kicked ann to Bob 0 spam\n"
	    "2 #1: 1 kicked ann to Bob 0 spam\n"
	    "0 unplace #1 kicked\n0 kick ok\n");
	eq_str(audit(), "{\"act\":\"kick\",\"by\":\"ann\",\"room\":\"den\","
	    "\"whom\":\"Bob\",\"reason\":\"spam\"}\n");
	NO(ERR_NOT_SUBSCRIBED, &bob, CMD_SAY, .room = "den", .text = "hey");
	NO(ERR_NO_SUCH_USER, &ann, CMD_KICK, .room = "den", .name = "bob");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
}

/* With a time it keeps out for so long. */
Test(moderate, kick_for_a_while)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&ann, CMD_KICK, .room = "den", .name = "bob", .seconds = 60);
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	cr_assert(f.reply->retry_ms > 0 && f.reply->retry_ms <= 60000);
}

/* What the mail of it may have missed comes with the answer of a move, once;
 * not if the session has asked anything since, for then it was there. */
Test(moderate, kick_on_the_way)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	enter(&ann, "pub");
	enter(&bob, "den");
	enter(&bob, "pub");
	OK(&ann, CMD_KICK, .room = "den", .name = "bob", .string = "spam");
	ASK(&f, &bob, CMD_MARK);
	bob.id = CLIENT_ID(2, 7, 9);
	ASK(&f, &bob, CMD_MOVED);
	cr_assert_eq(f.reply->nlisted, 2);
	eq_str(f.reply->moved[0].room, "pub");
	cr_assert_null(f.reply->moved[0].out);
	eq_str(f.reply->moved[1].room, "den");
	cr_assert_not_null(f.reply->moved[1].out);
	cr_assert_eq(f.reply->moved[1].out->kind, MSG_KICKED);
	eq_str(f.reply->moved[1].out->from, "ann");
	eq_str(f.reply->moved[1].out->to, "bob");
	eq_str(f.reply->moved[1].out->text, "0 spam");
	ASK(&f, &bob, CMD_MOVED);
	cr_assert_eq(f.reply->nlisted, 1);
	OK(&ann, CMD_KICK, .room = "pub", .name = "bob");
	ASK(&f, &bob, CMD_PING);
	ASK(&f, &bob, CMD_MOVED);
	cr_assert_eq(f.reply->nlisted, 0);
}

/* All sessions of an account leave; there is one event. */
Test(moderate, kick_all_sessions)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client bob2 = again("bob");

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&bob2, "den");
	OK(&ann, CMD_KICK, .room = "den", .name = "bob");
	eq_trace(&f, "0 #1: 1 kicked ann to bob 0 \n"
	    "1 #1: 1 kicked ann to bob 0 \n"
	    "1 unplace #1 kicked\n0 unplace #1 kicked\n0 kick ok\n");
	cr_assert_null(fake_fact(&f, "kept/bob/den"));
}

/* A guest cannot slip away by another name. */
Test(moderate, kick_who_renames)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	ASK(&f, &ann, CMD_KICK, .room = "den", .name = "bob");
	ASK(&f, &bob, CMD_RENAME, .name = "rob");
	fake_round(&f);
	NO(ERR_NOT_SUBSCRIBED, &bob, CMD_SAY, .room = "den", .text = "hey");
}

Test(moderate, ban_an_account)
{
	struct fake_client ann = registered("ann"), bob = registered("Bob");

	enter(&ann, "den");
	enter(&bob, "den");
	NO(ERR_FORBIDDEN, &bob, CMD_BAN, .room = "den", .name = "ann");
	OK(&ann, CMD_BAN, .room = "den", .name = "bob", .string = "rude");
	cr_assert_not_null(fake_fact(&f, "ban/den/a:bob"));
	NO(ERR_NOT_SUBSCRIBED, &bob, CMD_SAY, .room = "den", .text = "hey");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->message, "You are banned from #den: rude");
	NO(ERR_BANNED, &bob, CMD_HISTORY, .room = "den");
	NO(ERR_BANNED, &bob, CMD_WHO, .room = "den");
	NO(ERR_BANNED, &bob, CMD_REDACT, .room = "den", .seq = 1);
	/* An inbox is nobody else's to keep. */
	OK(&bob, CMD_TELL, .name = "ann", .text = "sorry");
	gone(&ann, NULL);
	gone(&bob, NULL);
	fake_restart(&f);
	bob = again("bob");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	NO(ERR_FORBIDDEN, &bob, CMD_UNBAN, .room = "den", .name = "bob");
	ann = again("ann");
	enter(&ann, "den");
	OK(&ann, CMD_BANS, .room = "den");
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->sanctions[0].name, "Bob");
	eq_str(f.reply->sanctions[0].by, "ann");
	eq_str(f.reply->sanctions[0].reason, "rude");
	cr_assert_eq(f.reply->sanctions[0].until, 0);
	OK(&ann, CMD_UNBAN, .room = "den", .name = "bob");
	cr_assert_null(fake_fact(&f, "ban/den/a:bob"));
	NO(ERR_NO_SUCH_USER, &ann, CMD_UNBAN, .room = "den", .name = "bob");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
}

/* A guest by name and address; a room's ops see the name only. */
Test(moderate, ban_a_guest)
{
	struct fake_client ann = registered("ann");
	struct fake_client bob = from("bob", "192.0.2.1"), rob;
	struct fake_client eve = from("eve", "192.0.2.1");
	struct fake_client root = operator();

	ann = again("ann");
	bob = from("bob", "192.0.2.1");
	eve = from("eve", "192.0.2.1");
	enter(&ann, "den");
	enter(&bob, "den");
	enter(&eve, "den");
	OK(&ann, CMD_BAN, .room = "den", .name = "bob");
	eq_trace(&f, "0 #1: leave eve banned; 1 banned ann to bob 0 \n"
	    "1 #1: leave eve banned; 1 banned ann to bob 0 \n"
	    "0 unplace #1 banned\n0 unplace #1 banned\n1 ban ok\n");
	rob = from("rob", "192.0.2.1");
	NO(ERR_BANNED, &rob, CMD_SUBSCRIBE, .room = "den");
	rob = from("cat", "192.0.2.2");
	OK(&rob, CMD_SUBSCRIBE, .room = "den");
	/* The name, from elsewhere; registering changes nothing. */
	gone(&bob, NULL);
	bob = from("bob", "192.0.2.3");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_REGISTER, .password = "secret");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_BANS, .room = "den");
	cr_assert_eq(f.reply->nlisted, 1);
	cr_assert_null(f.reply->sanctions[0].address);
	OK(&root, CMD_BANS, .room = "den");
	cr_assert_eq(f.reply->nlisted, 2);
	OK(&ann, CMD_UNBAN, .room = "den", .name = "bob");
	OK(&eve, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	cr_assert_null(fake_fact(&f, "ban/den/i:192.0.2.1"));
}

/* Who has gone, or has another name by now, is banned and muted like who is
 * here; but nothing else is done to them. */
Test(moderate, who_has_gone)
{
	struct fake_client ann = registered("ann"), bob, eve;

	enter(&ann, "den");
	bob = from("Bob", "192.0.2.1");
	enter(&bob, "den");
	OK(&ann, CMD_KICK, .room = "den", .name = "bob");
	gone(&bob, NULL);
	bob = from("silent", "192.0.2.9");
	gone(&bob, NULL);
	NO(ERR_NO_SUCH_USER, &ann, CMD_BAN, .room = "den", .name = "silent");
	eq_str(f.reply->message, "There is nobody of that name here, nor was "
	    "there a while ago.");
	NO(ERR_NO_SUCH_USER, &ann, CMD_KICK, .room = "den", .name = "bob");
	NO(ERR_NO_SUCH_USER, &ann, CMD_INVITE, .room = "den", .name = "bob");
	NO(ERR_NO_SUCH_USER, &ann, CMD_OP, .room = "den", .name = "bob");
	OK(&ann, CMD_MUTE, .room = "den", .name = "BOB", .string = "rude");
	cr_assert_not_null(fake_fact(&f, "mute/den/n:bob"));
	cr_assert_not_null(fake_fact(&f, "mute/den/i:192.0.2.1"));
	OK(&ann, CMD_BAN, .room = "den", .name = "bob");
	eve = from("eve", "192.0.2.1");
	NO(ERR_BANNED, &eve, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_UNBAN, .room = "den", .name = "bob");
	OK(&ann, CMD_UNMUTE, .room = "den", .name = "bob");
	enter(&eve, "den");
	/* By another name, it is still the same one. */
	OK(&eve, CMD_RENAME, .name = "adam");
	OK(&ann, CMD_BAN, .room = "den", .name = "eve");
	eq_str(f.reply->name, "adam");
	cr_assert_not_null(fake_fact(&f, "ban/den/n:adam"));
	NO(ERR_NOT_SUBSCRIBED, &eve, CMD_SAY, .room = "den", .text = "hey");
	/* Where else somebody goes on by another name is nobody's business. */
	OK(&ann, CMD_UNBAN, .room = "den", .name = "adam");
	OK(&eve, CMD_SUBSCRIBE, .room = "den");
	OK(&eve, CMD_UNSUBSCRIBE, .room = "den");
	OK(&eve, CMD_RENAME, .name = "abel");
	OK(&ann, CMD_BAN, .room = "den", .name = "adam");
	eq_str(f.reply->name, "adam");
	cr_assert_not_null(fake_fact(&f, "ban/den/n:adam"));
	cr_assert_null(fake_fact(&f, "ban/den/n:abel"));
	/* Who has the name now is meant before who had it. */
	OK(&ann, CMD_UNBAN, .room = "den", .name = "adam");
	eve = from("eve", "192.0.2.5");
	OK(&ann, CMD_MUTE, .room = "den", .name = "eve");
	cr_assert_not_null(fake_fact(&f, "mute/den/i:192.0.2.5"));
}

/* Who has a role is not hit by the ban of another's address: until then. */
Test(moderate, no_role_any_more)
{
	struct fake_client ann = registered("ann"), eve, bob;

	enter(&ann, "den");
	eve = from("eve", "192.0.2.1");
	bob = from("bob", "192.0.2.1");
	enter(&eve, "den");
	enter(&bob, "den");
	OK(&ann, CMD_OP, .room = "den", .name = "eve");
	OK(&ann, CMD_BAN, .room = "den", .name = "bob");
	OK(&ann, CMD_DEOP, .room = "den", .name = "eve");
	OK(&eve, CMD_SAY, .room = "den", .text = "hi");
	fake_trace(&f);
	OK(&ann, CMD_DEOP, .room = "den", .name = "eve");
	eq_trace(&f, "0 #1: leave eve banned; 5 role ann to eve none\n"
	    "0 unplace #1 role\n0 deop ok\n");
	NO(ERR_NOT_SUBSCRIBED, &eve, CMD_SAY, .room = "den", .text = "hi");
	NO(ERR_BANNED, &eve, CMD_SUBSCRIBE, .room = "den");
}

/* Behind the loopback anybody may be: it is never banned. */
Test(moderate, no_ban_of_this_host)
{
	static const char *const here[] = { "127.0.0.1", "::1", "unix" };
	struct fake_client ann = registered("ann"), bob, cat;
	size_t i;

	enter(&ann, "den");
	for (i = 0; i < NITEMS(here); i++) {
		bob = from("bob", here[i]);
		enter(&bob, "den");
		OK(&ann, CMD_BAN, .room = "den", .name = "bob");
		cat = from("cat", here[i]);
		OK(&cat, CMD_SUBSCRIBE, .room = "den");
		OK(&ann, CMD_UNBAN, .room = "den", .name = "bob");
		gone(&bob, NULL);
		gone(&cat, NULL);
	}
}

Test(moderate, addresses_are_the_operators)
{
	struct fake_client root = operator(), ann = registered("ann"), bob;

	enter(&ann, "den");
	NO(ERR_FORBIDDEN, &ann, CMD_BAN, .room = "den",
	    .whom_address = "2001:db8::1");
	NO(ERR_BAD_ARGUMENT, &root, CMD_BAN, .room = "den");
	NO(ERR_BAD_ARGUMENT, &root, CMD_BAN, .room = "den", .name = "ann",
	    .whom_address = "2001:db8::1");
	NO(ERR_BAD_ARGUMENT, &root, CMD_BAN, .room = "den",
	    .whom_address = "there");
	OK(&root, CMD_BAN, .room = "den", .whom_address = "2001:db8::1");
	cr_assert_null(strstr(fake_trace(&f), "2001"));
	bob = from("bob", "2001:db8::2");	/* of the same /64 */
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	/* Who is somebody in the room is not meant. */
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&root, CMD_UNBAN, .room = "den", .whom_address = "2001:db8::3");
	NO(ERR_NO_SUCH_USER, &root, CMD_UNBAN, .room = "den",
	    .whom_address = "2001:db8::3");
}

Test(moderate, bans_end)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	const char *fact;

	enter(&ann, "den");
	OK(&ann, CMD_BAN, .room = "den", .name = "bob", .seconds = 3600);
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	fact = fake_fact(&f, "ban/den/a:bob");
	cr_assert_not_null(strstr(fact, "\"until\":"));
	fake_put(&f, "ban/den/a:bob", "{\"by\":\"ann\",\"reason\":\"\","
	    "\"at\":1,\"until\":2,\"name\":\"bob\"}");
	fake_restart(&f);
	bob = again("bob");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	ann = again("ann");
	OK(&ann, CMD_BANS, .room = "den");
	cr_assert_eq(f.reply->nlisted, 0);
	/* The fact goes with the next one. */
	OK(&ann, CMD_BAN, .room = "den", .name = "bob");
	cr_assert_not_null(strstr(fake_fact(&f, "ban/den/a:bob"),
	    "\"until\":0"));
}

/* What a ban of so many seconds is told as; they are not over yet. */
static const char *
left(struct fake_client *by, struct fake_client *whom, uint32_t seconds)
{
	const char *s;

	OK(by, CMD_BAN, .room = "den", .name = "bob", .seconds = seconds);
	NO(ERR_BANNED, whom, CMD_SUBSCRIBE, .room = "den");
	s = strstr(f.reply->message, " for another ");
	return s != NULL ? s + strlen(" for another ") : f.reply->message;
}

/* It is told for how long, not until when on whose clock. */
Test(moderate, how_long)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	enter(&ann, "den");
	eq_str(left(&ann, &bob, 40), "40 s.");
	eq_str(left(&ann, &bob, 60), "1 min.");
	eq_str(left(&ann, &bob, 61), "2 min.");
	eq_str(left(&ann, &bob, 3600), "1 h.");
	eq_str(left(&ann, &bob, 7800), "2 h 10 min.");
	eq_str(left(&ann, &bob, 86399), "1 d.");
	eq_str(left(&ann, &bob, 90000), "1 d 1 h.");
	eq_str(left(&ann, &bob, 3 * 86400), "3 d.");
	eq_str(left(&ann, &bob, 0), "You are banned from #den.");
}

Test(moderate, mute)
{
	struct fake_client ann = registered("ann");
	struct fake_client bob = from("bob", "192.0.2.1");

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&ann, CMD_MUTE, .room = "den", .name = "bob", .seconds = 60,
	    .string = "loud");
	NO(ERR_MUTED, &bob, CMD_SAY, .room = "den", .text = "hey");
	cr_assert(f.reply->retry_ms > 0 && f.reply->retry_ms <= 60000);
	cr_assert_not_null(strstr(f.reply->message, ": loud"));
	NO(ERR_MUTED, &bob, CMD_TOPIC, .room = "den", .string = "hey");
	NO(ERR_MUTED, &bob, CMD_RENAME, .name = "rob");
	OK(&bob, CMD_TELL, .name = "ann", .text = "sorry");
	/* Nor by coming as somebody else. */
	gone(&bob, NULL);
	bob = from("rob", "192.0.2.1");
	enter(&bob, "den");
	NO(ERR_MUTED, &bob, CMD_SAY, .room = "den", .text = "hey");
	OK(&ann, CMD_BANS, .room = "den");
	cr_assert_eq(f.reply->nlisted, 1);
	cr_assert(f.reply->sanctions[0].mute);
	OK(&ann, CMD_UNMUTE, .room = "den", .name = "bob");
	OK(&bob, CMD_SAY, .room = "den", .text = "hey");
	OK(&ann, CMD_SAY, .room = "den", .text = "hey");
}

Test(moderate, roles)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client cat = from("cat", NULL), dee = from("dee", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&cat, "den");
	NO(ERR_FORBIDDEN, &bob, CMD_OP, .room = "den", .name = "bob");
	OK(&ann, CMD_OP, .room = "den", .name = "bob");
	eq_str(fake_fact(&f, "role/den/bob"), "{\"role\":\"op\"}");
	NO(ERR_FORBIDDEN, &ann, CMD_OP, .room = "den", .name = "bob");
	NO(ERR_FORBIDDEN, &bob, CMD_OP, .room = "den", .name = "cat");
	NO(ERR_FORBIDDEN, &bob, CMD_KICK, .room = "den", .name = "ann");
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "den",
	    .set = &(struct settings){ .given = { true } });
	/* A guest's role is its stay's. */
	NO(ERR_NO_SUCH_USER, &ann, CMD_OP, .room = "den", .name = "dee");
	OK(&ann, CMD_OP, .room = "den", .name = "cat");
	cr_assert_null(fake_fact(&f, "role/den/cat"));
	NO(ERR_FORBIDDEN, &bob, CMD_KICK, .room = "den", .name = "cat");
	enter(&dee, "den");
	OK(&cat, CMD_KICK, .room = "den", .name = "dee");
	OK(&cat, CMD_UNSUBSCRIBE, .room = "den");
	enter(&cat, "den");
	NO(ERR_FORBIDDEN, &cat, CMD_KICK, .room = "den", .name = "bob");
	NO(ERR_FORBIDDEN, &cat, CMD_DEOP, .room = "den", .name = "bob");
	/* An op becomes a member, and then nobody in particular. */
	OK(&ann, CMD_DEOP, .room = "den", .name = "bob");
	eq_str(fake_fact(&f, "role/den/bob"), "{\"role\":\"member\"}");
	NO(ERR_FORBIDDEN, &bob, CMD_KICK, .room = "den", .name = "cat");
	OK(&ann, CMD_DEOP, .room = "den", .name = "bob");
	cr_assert_null(fake_fact(&f, "role/den/bob"));
	NO(ERR_FORBIDDEN, &ann, CMD_DEOP, .room = "den", .name = "bob");
	cr_assert_not_null(strstr(audit(), "{\"act\":\"deop\",\"by\":"
	    "\"ann\",\"room\":\"den\",\"whom\":\"bob\"}"));
}

/* A room changes hands: not to who did not come there, and not to nobody. */
Test(moderate, owners)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client gus = from("gus", NULL), root;

	registered("dee");
	enter(&ann, "den");
	enter(&bob, "den");
	enter(&gus, "den");
	NO(ERR_FORBIDDEN, &ann, CMD_DEOP, .room = "den", .name = "ann");
	eq_str(f.reply->message, "You are the only owner of #den: make another "
	    "one first (/owner NAME).");
	NO(ERR_FORBIDDEN, &bob, CMD_OWNER, .room = "den", .name = "bob");
	eq_str(f.reply->message, "Only the owner may make owners (#den).");
	NO(ERR_FORBIDDEN, &ann, CMD_OWNER, .room = "den", .name = "gus");
	NO(ERR_NO_SUCH_USER, &ann, CMD_OWNER, .room = "den", .name = "dee");
	NO(ERR_FORBIDDEN, &ann, CMD_OWNER, .room = "den", .name = "ann");
	fake_trace(&f);
	OK(&ann, CMD_OWNER, .room = "den", .name = "bob");
	cr_assert_not_null(strstr(fake_trace(&f), "role ann to bob owner"));
	eq_str(fake_fact(&f, "role/den/bob"), "{\"role\":\"owner\"}");
	cr_assert_not_null(strstr(audit(), "{\"act\":\"owner\",\"by\":\"ann\","
	    "\"room\":\"den\",\"whom\":\"bob\"}"));
	NO(ERR_FORBIDDEN, &ann, CMD_DEOP, .room = "den", .name = "bob");
	/* Both at once: one stays. */
	ASK(&f, &ann, CMD_DEOP, .room = "den", .name = "ann");
	ASK(&f, &bob, CMD_DEOP, .room = "den", .name = "bob");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	fake_round(&f);
	eq_str(fake_fact(&f, "role/den/ann"), "{\"role\":\"member\"}");
	NO(ERR_FORBIDDEN, &ann, CMD_OP, .room = "den", .name = "gus");
	OK(&bob, CMD_OP, .room = "den", .name = "gus");
	root = operator();
	OK(&root, CMD_DEOP, .room = "den", .name = "bob");
	OK(&root, CMD_OWNER, .room = "den", .name = "ann");
}

/* A room's, or of what an operator does the server's. */
Test(moderate, whose_a_line_of_the_audit_is)
{
	struct fake_client root = operator(), ann = registered("ann");
	struct fake_client bob = from("bob", NULL);
	uint32_t den;

	enter(&ann, "den");
	den = f.reply->room_id;
	enter(&bob, "den");
	enter(&root, "den");
	OK(&ann, CMD_MUTE, .room = "den", .name = "bob");
	cr_assert_eq(f.store.audited, den);
	OK(&root, CMD_UNMUTE, .room = "den", .name = "bob");
	cr_assert_eq(f.store.audited, 0);
	set(&ann, SET_PRIVATE, true);
	cr_assert_eq(f.store.audited, den);
	OK(&root, CMD_TOPIC, .room = "den", .string = "no more of that");
	cr_assert_eq(f.store.audited, 0);
	OK(&ann, CMD_TOPIC, .room = "den", .string = "more");
	cr_assert_eq(f.store.audited, den);
}

/* Nobody is given more rooms than they may own, by haste neither. */
Test(moderate, no_more_rooms_by_gift)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	f.conf.max_rooms = 3;
	enter(&bob, "attic");
	enter(&bob, "cellar");
	enter(&ann, "den");
	enter(&ann, "pub");
	enter(&bob, "den");
	OK(&bob, CMD_UNSUBSCRIBE, .room = "attic");
	enter(&bob, "pub");
	ASK(&f, &ann, CMD_OWNER, .room = "den", .name = "bob");
	ASK(&f, &ann, CMD_OWNER, .room = "pub", .name = "bob");
	cr_assert_eq(f.reply->error, ERR_TOO_MANY_ROOMS);
	eq_str(f.reply->message, "bob owns 3 rooms, and may not own more.");
	fake_round(&f);
	f.conf.max_rooms = 4;
	f.store.fail = true;
	NO(ERR_STORE_UNAVAILABLE, &ann, CMD_OWNER, .room = "pub",
	    .name = "bob");
	f.store.fail = false;
	OK(&ann, CMD_OWNER, .room = "pub", .name = "bob");
}

Test(moderate, an_operator_may_everywhere)
{
	struct fake_client root = operator(), ann = registered("ann");

	enter(&ann, "den");
	NO(ERR_FORBIDDEN, &ann, CMD_BAN, .room = "den", .name = "root");
	OK(&root, CMD_KICK, .room = "den", .name = "ann");
	set(&root, SET_PRIVATE, 1);
	OK(&root, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "operator");
	OK(&root, CMD_BAN, .room = "den", .name = "ann");
	cr_assert_null(fake_fact(&f, "role/den/ann"));
	NO(ERR_BANNED, &ann, CMD_SUBSCRIBE, .room = "den");
}

/* Nothing is done before it is stored, nor if it cannot be. */
Test(moderate, the_store_fails)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	enter(&ann, "den");
	enter(&bob, "den");
	f.store.fail = true;
	NO(ERR_STORE_UNAVAILABLE, &ann, CMD_BAN, .room = "den",
	    .name = "bob");
	NO(ERR_STORE_UNAVAILABLE, &ann, CMD_OP, .room = "den", .name = "bob");
	f.store.fail = false;
	OK(&bob, CMD_SAY, .room = "den", .text = "hey");
	NO(ERR_FORBIDDEN, &bob, CMD_BANS, .room = "den");
	eq_str(audit(), "");
}

/* Guests are neither let in nor speak, whatever was done for them before. */
/* An account's beginning stays, while it keeps the room. */
Test(moderate, redact)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);
	struct fake_client cat = from("cat", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&cat, "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "one");	/* 1 */
	OK(&bob, CMD_SAY, .room = "den", .text = "two");	/* 2 */
	NO(ERR_NO_SUCH_MESSAGE, &cat, CMD_REDACT, .room = "den", .seq = 1);
	NO(ERR_NO_SUCH_MESSAGE, &cat, CMD_REDACT, .room = "den", .seq = 9);
	OK(&bob, CMD_REDACT, .room = "den", .seq = 1);
	NO(ERR_NO_SUCH_MESSAGE, &bob, CMD_REDACT, .room = "den", .seq = 1);
	fake_trace(&f);
	OK(&ann, CMD_REDACT, .room = "den", .seq = 2, .string = "rude");
	eq_trace(&f, "0 redact ok\n0 #1: 4 redact ann 2 rude\n");
	cr_assert_not_null(strstr(audit(), "{\"act\":\"redact\",\"seq\":2,"
	    "\"by\":\"ann\",\"room\":\"den\",\"reason\":\"rude\"}"));
}

/* One's own is what one has said, not what another one of that name has. */
Test(moderate, redact_what_one_said)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);
	struct fake_client cat;
	char secret[64];

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "the first");	/* 1 */
	gone(&bob, NULL);
	bob = client(1, next_slot());
	ASK(&f, &bob, CMD_LOGIN, .name = "bob");
	snprintf(secret, sizeof(secret), "%s", f.reply->session);
	enter(&bob, "den");
	NO(ERR_NO_SUCH_MESSAGE, &bob, CMD_REDACT, .room = "den", .seq = 1);
	for (int i = 2; i <= 6; i++)
		OK(&bob, CMD_SAY, .room = "den", .text = "the second");
	OK(&bob, CMD_REDACT, .room = "den", .seq = 2);
	/* A guest is who it was when it is resumed, */
	cat = client(1, next_slot());
	ASK(&f, &cat, CMD_LOGIN, .name = "bob", .resume = secret);
	cr_assert_eq(f.reply->error, ERR_NONE);
	enter(&cat, "den");
	OK(&cat, CMD_REDACT, .room = "den", .seq = 3);
	/* when it has another name, */
	OK(&cat, CMD_RENAME, .name = "cat");
	OK(&cat, CMD_REDACT, .room = "den", .seq = 4);
	/* and when that is registered, here and after a restart. */
	OK(&cat, CMD_REGISTER, .password = "secret");
	OK(&cat, CMD_REDACT, .room = "den", .seq = 5);
	gone(&cat, NULL);
	gone(&ann, NULL);
	fake_restart(&f);
	cat = again("cat");
	enter(&cat, "den");
	OK(&cat, CMD_REDACT, .room = "den", .seq = 6);
	/* Nobody's who only bears the name. */
	bob = from("bob", NULL);
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_REGISTER, .password = "secret");
	NO(ERR_NO_SUCH_MESSAGE, &bob, CMD_REDACT, .room = "den", .seq = 1);
}

/* Who is invited is told so, here or not. */
/* A room's invitations are bounded, and take nothing from other rooms. */
/* A name may be changed; whom no address is held against comes back by it. */
/* A reason is said to all. */
/* What is asked for before the first is stored counts as well. */
/* In, out and in again, before the store has said anything. */
/* Nor is it shut to guests by whoever owns it. */
