/*
 * Rooms: whose they are, and what they are set to: private, moderated, for
 * accounts alone, slow; and the lobby, which is everybody's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-order.h"

TestSuite(rooms, .init = start, .fini = end);

Test(rooms, who_makes_a_room_owns_it)
{
	struct fake_client ann = registered("Ann"), bob = from("bob", NULL);

	OK(&ann, CMD_SUBSCRIBE, .room = "Den");
	eq_str(f.reply->role, "owner");
	eq_str(fake_fact(&f, "role/den/ann"), "{\"role\":\"owner\"}");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	OK(&bob, CMD_SUBSCRIBE, .room = "pub");
	eq_str(f.reply->role, "owner");
	cr_assert_null(fake_fact(&f, "role/pub/bob"));
	gone(&ann, NULL);
	fake_restart(&f);
	bob = from("bob", NULL);
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	ann = again("ann");
	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "owner");
	OK(&bob, CMD_WHO, .room = "den");
	cr_assert_eq(f.reply->nlisted, 2);
	eq_str(f.reply->users[1].role, "owner");
	cr_assert(!f.reply->users[1].guest);
}

/* A guest's room is owned as long as the guest is there, and is it. */
Test(rooms, nobodys)
{
	struct settings pace = { .given = { [SET_PACE] = true },
	    .value = { [SET_PACE] = 5 } };
	struct fake_client ann = from("ann", NULL), bob = from("bob", NULL);

	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "den", .set = &pace);
	eq_str(f.reply->message, "Only the owner may configure the room "
	    "(#den).");
	OK(&ann, CMD_UNSUBSCRIBE, .room = "den");
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "den", .set = &pace);
	eq_str(f.reply->message, "Nobody owns #den: whoever runs the server "
	    "gives it an owner.");
	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	NO(ERR_FORBIDDEN, &ann, CMD_OP, .room = "den", .name = "bob");
	eq_str(f.reply->message, "Nobody owns #den: whoever runs the server "
	    "gives it an owner.");
}

Test(rooms, owning_waits_for_the_store)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	f.store.fail = true;
	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "den");
	cr_assert_null(f.reply);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	cr_assert_eq(hub_rooms(f.hub), 0);
	f.store.fail = false;
	fake_trace(&f);
	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "den");
	ASK(&f, &bob, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	/* What it asks for next is done. */
	ASK(&f, &ann, CMD_SAY, .room = "den", .text = "hi");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	eq_trace(&f, "0 #2: join bob\n0 subscribe ok\n0 subscribe ok\n");
	eq_str(f.reply->role, "owner");
	cr_assert_eq(f.reply->members, 2);
	fake_round(&f);
	eq_trace(&f, "0 say ok\n0 #2: 1 ann hi\n");
	/* In vain, if it has left meanwhile. */
	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "hall");
	ASK(&f, &ann, CMD_UNSUBSCRIBE, .room = "hall");
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
	/* One that is gone meanwhile owns it all the same. */
	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "attic");
	gone(&ann, NULL);
	fake_round(&f);
	OK(&bob, CMD_SUBSCRIBE, .room = "attic");
	eq_str(f.reply->role, "member");
}

Test(rooms, as_many_rooms_as_one_may_be_in)
{
	struct fake_client ann = registered("ann");
	char room[8];
	int i;

	for (i = 0; i < 10; i++) {
		snprintf(room, sizeof(room), "r%d", i);
		OK(&ann, CMD_SUBSCRIBE, .room = room);
		OK(&ann, CMD_UNSUBSCRIBE, .room = room);
	}
	NO(ERR_TOO_MANY_ROOMS, &ann, CMD_SUBSCRIBE, .room = "one-more");
	/* Who gives one up may make another. */
	OK(&ann, CMD_DEOP, .room = "r0", .name = "ann");
	OK(&ann, CMD_SUBSCRIBE, .room = "one-more");
}

Test(rooms, private_rooms)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client cat = from("cat", NULL);

	enter(&ann, "den");
	set(&ann, SET_PRIVATE, 1);
	eq_str(fake_fact(&f, "set/den/private"), "true");
	NO(ERR_PRIVATE, &bob, CMD_SUBSCRIBE, .room = "den");
	NO(ERR_PRIVATE, &bob, CMD_HISTORY, .room = "den");
	NO(ERR_PRIVATE, &bob, CMD_WHO, .room = "den");
	NO(ERR_PRIVATE, &bob, CMD_CONFIGURE, .room = "den");
	OK(&bob, CMD_ROOMS);
	cr_assert_eq(f.reply->nlisted, 0);
	OK(&ann, CMD_ROOMS);
	cr_assert_eq(f.reply->nlisted, 1);
	NO(ERR_FORBIDDEN, &bob, CMD_INVITE, .room = "den", .name = "bob");
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	OK(&ann, CMD_INVITE, .room = "den", .name = "cat");
	OK(&bob, CMD_ROOMS);
	cr_assert_eq(f.reply->nlisted, 1);
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	OK(&cat, CMD_SUBSCRIBE, .room = "den");
	OK(&cat, CMD_HISTORY, .room = "den");
	OK(&cat, CMD_UNSUBSCRIBE, .room = "den");
	OK(&cat, CMD_SUBSCRIBE, .room = "den");
	/* A guest's invitation is that session's. */
	gone(&cat, NULL);
	cat = from("cat", NULL);
	NO(ERR_PRIVATE, &cat, CMD_SUBSCRIBE, .room = "den");
	gone(&bob, NULL);
	gone(&ann, NULL);
	fake_restart(&f);
	bob = again("bob");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	cat = from("cat", NULL);
	NO(ERR_PRIVATE, &cat, CMD_SUBSCRIBE, .room = "den");
}

Test(rooms, moderated_rooms)
{
	struct fake_client ann = registered("ann"), cat = from("cat", NULL);

	enter(&ann, "den");
	enter(&cat, "den");
	set(&ann, SET_MODERATED, 1);
	NO(ERR_FORBIDDEN, &cat, CMD_SAY, .room = "den", .text = "hey");
	NO(ERR_FORBIDDEN, &cat, CMD_TOPIC, .room = "den", .string = "hey");
	OK(&cat, CMD_WHO, .room = "den");
	eq_str(f.reply->users[1].role, "visitor");
	OK(&ann, CMD_SAY, .room = "den", .text = "hey");
	OK(&ann, CMD_INVITE, .room = "den", .name = "cat");
	OK(&cat, CMD_SAY, .room = "den", .text = "hey");
	OK(&ann, CMD_DEOP, .room = "den", .name = "cat");
	NO(ERR_FORBIDDEN, &cat, CMD_SAY, .room = "den", .text = "hey");
}

Test(rooms, registered_only)
{
	struct fake_client ann = registered("ann"), gus = from("gus", NULL);
	struct fake_client hal = from("hal", NULL), bob = registered("bob");
	struct settings on = { .value = { 0 } };

	on.given[SET_REGISTERED] = true;
	on.value[SET_REGISTERED] = 1;
	enter(&hal, "attic");
	NO(ERR_FORBIDDEN, &hal, CMD_CONFIGURE, .room = "attic", .set = &on);
	eq_str(f.reply->message, "Only who has an account may keep guests out: "
	    "register first (/register).");
	enter(&ann, "den");
	enter(&gus, "den");
	OK(&ann, CMD_OP, .room = "den", .name = "gus");
	OK(&ann, CMD_INVITE, .room = "den", .name = "hal");
	set(&ann, SET_REGISTERED, 1);
	eq_str(fake_fact(&f, "set/den/registered"), "true");
	NO(ERR_FORBIDDEN, &hal, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->message, "Only who has an account may enter #den: "
	    "register first (/register).");
	NO(ERR_FORBIDDEN, &hal, CMD_HISTORY, .room = "den");
	OK(&hal, CMD_ROOMS, .match = "den");
	cr_assert_eq(f.reply->nlisted, 1);
	NO(ERR_FORBIDDEN, &gus, CMD_SAY, .room = "den", .text = "hi");
	eq_str(f.reply->message, "Only who has an account may speak in #den: "
	    "register first (/register).");
	NO(ERR_FORBIDDEN, &gus, CMD_TOPIC, .room = "den", .string = "hi");
	OK(&gus, CMD_HISTORY, .room = "den");
	NO(ERR_FORBIDDEN, &ann, CMD_INVITE, .room = "den", .name = "gus");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "hi");
	OK(&gus, CMD_REGISTER, .password = "secret");
	OK(&gus, CMD_SAY, .room = "den", .text = "hi");
	fake_restart(&f);
	hal = from("hal", NULL);
	NO(ERR_FORBIDDEN, &hal, CMD_SUBSCRIBE, .room = "den");
}

Test(rooms, pace)
{
	struct fake_client ann = registered("ann"), cat = from("cat", NULL);

	enter(&ann, "den");
	enter(&cat, "den");
	set(&ann, SET_PACE, 100);
	OK(&cat, CMD_SAY, .room = "den", .text = "one");
	NO(ERR_RATE_LIMITED, &cat, CMD_SAY, .room = "den", .text = "two");
	cr_assert(f.reply->retry_ms > 0 && f.reply->retry_ms <= 100000);
	OK(&cat, CMD_RENAME, .name = "kat");
	NO(ERR_RATE_LIMITED, &cat, CMD_SAY, .room = "den", .text = "two");
	OK(&cat, CMD_UNSUBSCRIBE, .room = "den");
	enter(&cat, "den");
	NO(ERR_RATE_LIMITED, &cat, CMD_SAY, .room = "den", .text = "two");
	OK(&ann, CMD_SAY, .room = "den", .text = "one");
	OK(&ann, CMD_SAY, .room = "den", .text = "two");
	set(&ann, SET_PACE, 0);
	OK(&cat, CMD_SAY, .room = "den", .text = "two");
}

Test(rooms, history_off)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client cat = from("cat", NULL);

	enter(&ann, "den");
	OK(&ann, CMD_SAY, .room = "den", .text = "one");	/* 1 */
	enter(&bob, "den");
	set(&ann, SET_HISTORY, 0);				/* 2 */
	OK(&cat, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 2);
	OK(&cat, CMD_SUBSCRIBE, .room = "den", .has = HAS_LAST, .last = 9);
	cr_assert_eq(f.reply->floor, 2);
	OK(&ann, CMD_SAY, .room = "den", .text = "two");	/* 3 */
	OK(&cat, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 2);
	OK(&cat, CMD_RENAME, .name = "kat");
	OK(&cat, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 2);
	OK(&cat, CMD_UNSUBSCRIBE, .room = "den");
	OK(&cat, CMD_SUBSCRIBE, .room = "den", .has = HAS_AFTER, .after = 1);
	cr_assert(f.reply->after == 1 && f.reply->floor == 3 && f.reply->gap);
	/* Who came before reads it all; ops do, too. */
	OK(&bob, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 0);
	OK(&ann, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 0);
}

Test(rooms, history_off_for_accounts)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	enter(&ann, "den");
	set(&ann, SET_HISTORY, 0);				/* 1 */
	enter(&bob, "den");
	eq_str(fake_fact(&f, "came/den/bob"), "1");
	gone(&bob, NULL);
	OK(&ann, CMD_SAY, .room = "den", .text = "two");	/* 2 */
	gone(&ann, NULL);
	fake_restart(&f);
	bob = again("bob");
	OK(&bob, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, 1);
	enter(&bob, "den");
	OK(&bob, CMD_UNSUBSCRIBE, .room = "den");
	cr_assert_null(fake_fact(&f, "came/den/bob"));
	OK(&bob, CMD_HISTORY, .room = "den");
	cr_assert_eq(f.reply->floor, f.reply->head);
}

Test(rooms, presence)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	set(&ann, SET_PRESENCE, 1);
	eq_str(fake_fact(&f, "set/den/presence"), "1");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	eq_trace(&f, "0 subscribe ok\n");
	OK(&bob, CMD_CONFIGURE, .room = "den");
	cr_assert_eq(f.reply->set->value[SET_PRESENCE], 1);
	cr_assert_eq(f.reply->set->value[SET_HISTORY], 1);
	cr_assert_eq(f.reply->set->value[SET_PRIVATE], 0);
}

Test(rooms, invited_are_told)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client carl = login(1, "carl");

	enter(&ann, "den");
	gone(&bob, NULL);
	fake_trace(&f);
	OK(&ann, CMD_INVITE, .room = "den", .name = "carl");
	cr_assert_not_null(strstr(fake_trace(&f),
	    "to carl You are invited to #den."));
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	fake_round(&f);
	eq_str(msg_to(f.store.log[f.store.nlog - 1].msg), "bob");
	eq_str(msg_text(f.store.log[f.store.nlog - 1].msg),
	    "You are invited to #den.");
	gone(&carl, NULL);
}

Test(rooms, as_many_invited_as_a_room_may_have)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client guest = { 0 };
	char name[16];
	int i;

	enter(&ann, "den");
	enter(&bob, "pub");
	for (i = 0; i <= 1000; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		guest = login(2, name);
		if (i == 1000)
			break;
		OK(&ann, CMD_INVITE, .room = "den", .name = name);
	}
	NO(ERR_FORBIDDEN, &ann, CMD_INVITE, .room = "den", .name = "g1000");
	eq_str(f.reply->message, "#den has 1000 guests invited, and may not "
	    "have more.");
	OK(&bob, CMD_INVITE, .room = "pub", .name = "g1000");
	NO(ERR_FORBIDDEN, &bob, CMD_INVITE, .room = "pub", .name = "g1000");
	gone(&guest, NULL);
	guest = login(2, "g1000");
	OK(&ann, CMD_DEOP, .room = "den", .name = "g7");
	OK(&ann, CMD_INVITE, .room = "den", .name = "g1000");
}

Test(rooms, who_was_invited_does_not_get_around_it)
{
	struct fake_client ann = registered("ann");
	struct fake_client bob = from("bob", "192.0.2.7");
	struct fake_client cat = from("cat", "192.0.2.8");

	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	OK(&ann, CMD_INVITE, .room = "den", .name = "cat");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&cat, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_KICK, .room = "den", .name = "bob", .seconds = 60);
	OK(&bob, CMD_RENAME, .name = "rob");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_MUTE, .room = "den", .name = "cat");
	OK(&cat, CMD_UNSUBSCRIBE, .room = "den");
	NO(ERR_MUTED, &cat, CMD_RENAME, .name = "tac");
	OK(&cat, CMD_SUBSCRIBE, .room = "den");
	NO(ERR_MUTED, &cat, CMD_SAY, .room = "den", .text = "hm");
	OK(&ann, CMD_UNMUTE, .room = "den", .name = "cat");
	OK(&cat, CMD_RENAME, .name = "tac");
}

Test(rooms, no_reason_of_who_may_not_speak)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);
	uint64_t first, second;

	OK(&ann, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "one");
	first = f.reply->seq;
	OK(&bob, CMD_SAY, .room = "den", .text = "two");
	second = f.reply->seq;
	OK(&bob, CMD_REDACT, .room = "den", .seq = first, .string = "wrong");
	OK(&ann, CMD_MUTE, .room = "den", .name = "bob");
	NO(ERR_MUTED, &bob, CMD_REDACT, .room = "den", .seq = second,
	    .string = "hear me");
	OK(&bob, CMD_UNSUBSCRIBE, .room = "den");
	NO(ERR_NOT_SUBSCRIBED, &bob, CMD_REDACT, .room = "den",
	    .seq = second, .string = "hear me");
	OK(&bob, CMD_REDACT, .room = "den", .seq = second);
}

Test(rooms, no_more_rooms_by_haste)
{
	struct fake_client ann = registered("ann");
	char room[8];
	int i;

	for (i = 0; i < 20; i++) {
		snprintf(room, sizeof(room), "r%d", i);
		ASK(&f, &ann, CMD_SUBSCRIBE, .room = room);
		ASK(&f, &ann, CMD_UNSUBSCRIBE, .room = room);
	}
	fake_round(&f);
	cr_assert_not_null(fake_fact(&f, "role/r9/ann"));
	cr_assert_null(fake_fact(&f, "role/r10/ann"));
	OK(&ann, CMD_DEOP, .room = "r0", .name = "ann");
	OK(&ann, CMD_SUBSCRIBE, .room = "one-more");
}

Test(rooms, who_comes_again_owns_it)
{
	struct fake_client ann = registered("ann"), b = again("ann");
	struct fake_client c = again("ann");

	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "den");
	ASK(&f, &ann, CMD_UNSUBSCRIBE, .room = "den");
	ASK(&f, &ann, CMD_SUBSCRIBE, .room = "den");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "den");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
	OK(&ann, CMD_CONFIGURE, .room = "den");
	eq_str(f.reply->role, "owner");
	OK(&b, CMD_CONFIGURE, .room = "den");
	eq_str(f.reply->role, "owner");
	/* And stays where it is, if it could not be stored. */
	f.store.fail = true;
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "hall");
	ASK(&f, &c, CMD_UNSUBSCRIBE, .room = "hall");
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "hall");
	fake_round(&f);
	f.store.fail = false;
	OK(&c, CMD_SAY, .room = "hall", .text = "here");
}

/* No more than the server may have, other than for who runs it. */
Test(rooms, as_many_as_the_server_may_have)
{
	struct fake_client ann = registered("ann"), bob, root;

	f.conf.server_rooms = 2;
	f.conf.lobby = "lobby";
	root = operator();
	ann = again("ann");
	bob = from("bob", NULL);
	enter(&ann, "den");
	OK(&ann, CMD_SAY, .room = "den", .text = "hi");
	enter(&bob, "pub");
	NO(ERR_SERVER_FULL, &bob, CMD_SUBSCRIBE, .room = "attic");
	eq_str(f.reply->message, "This server has 2 rooms, and makes no more: "
	    "enter one of them.");
	NO(ERR_SERVER_FULL, &ann, CMD_SUBSCRIBE, .room = "attic");
	OK(&bob, CMD_SUBSCRIBE, .room = "den");
	OK(&ann, CMD_TELL, .name = "bob", .text = "psst");
	/* Where nothing was said, the room goes with the last one. */
	OK(&bob, CMD_UNSUBSCRIBE, .room = "pub");
	enter(&bob, "attic");
	enter(&bob, "lobby");
	enter(&root, "cellar");
	NO(ERR_SERVER_FULL, &ann, CMD_SUBSCRIBE, .room = "pub");
}

/* Whoever came first cannot shut everybody out of where all come in. */
Test(rooms, lobby_lets_guests_in)
{
	struct fake_client ann = registered("ann"), root;
	struct settings on = { .value = { 0 } };

	on.given[SET_REGISTERED] = true;
	on.value[SET_REGISTERED] = 1;
	enter(&ann, "lobby");
	NO(ERR_FORBIDDEN, &ann, CMD_CONFIGURE, .room = "lobby", .set = &on);
	root = operator();
	enter(&root, "lobby");
	OK(&root, CMD_CONFIGURE, .room = "lobby", .set = &on);
}

Test(rooms, lobby)
{
	struct settings shut = { .given = { [SET_PRIVATE] = true },
	    .value = { [SET_PRIVATE] = 1 } };
	struct settings slow = { .given = { [SET_PACE] = true },
	    .value = { [SET_PACE] = 5 } };
	struct fake_client bob = login(1, "bob"), ann;

	enter(&bob, "lobby");
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "lobby", .set = &slow);
	ASK(&f, &bob, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "lobby", .set = &shut);
	OK(&bob, CMD_CONFIGURE, .room = "lobby", .set = &slow);
	ann = login(2, "ann");
	OK(&ann, CMD_SUBSCRIBE, .room = "lobby");
}
