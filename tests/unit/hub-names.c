/*
 * A name is an entrance: who takes another one, or has one registered, is
 * asked what whoever comes by it is asked.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hub-order.h"

TestSuite(names, .init = start, .fini = end);

static const char *
members(struct fake_client *c)
{
	static char list[128];
	uint32_t i;

	OK(c, CMD_WHO, .room = "den");
	list[0] = '\0';
	for (i = 0; i < f.reply->nlisted; i++) {
		strcat(list, f.reply->users[i].name);
		strcat(list, " ");
	}
	return list;
}

/* The server's ban of a name. */
Test(names, shut_out)
{
	struct fake_client op = client(0, next_slot());
	struct fake_client bob = from("bob", NULL);

	OK(&op, CMD_SHUT_OUT, .name = "zak", .string = "spam");
	NO(ERR_BANNED, &bob, CMD_RENAME, .name = "Zak");
	eq_str(f.reply->message, "You are banned from this server: spam");
	NO(ERR_BANNED, &bob, CMD_RENAME, .name = "zak");
	OK(&op, CMD_LET_IN, .name = "zak");
	OK(&bob, CMD_RENAME, .name = "zak");
	/* In the moment of the ban: it is sent away when that is stored. */
	ASK(&f, &op, CMD_SHUT_OUT, .name = "yak");
	OK(&bob, CMD_RENAME, .name = "yak");
	NO(ERR_NOT_LOGGED_IN, &bob, CMD_AWAY);
}

/* Each room that one is in, also one whose place is held. */
Test(names, banned_in_a_room)
{
	struct fake_client ann = registered("ann"), evil = from("evil", NULL);
	struct fake_client bob = from("bob", "192.0.2.2");

	enter(&ann, "den");
	enter(&evil, "den");
	OK(&ann, CMD_BAN, .room = "den", .name = "evil");
	gone(&evil, NULL);
	enter(&bob, "pub");
	enter(&bob, "den");
	fake_trace(&f);
	NO(ERR_BANNED, &bob, CMD_RENAME, .name = "EVIL");
	eq_str(f.reply->message, "EVIL is banned from #den, where you are: "
	    "take another name.");
	/* Nothing has changed, and nobody was told. */
	eq_trace(&f, "0 rename banned\n");
	eq_str(members(&ann), "ann bob ");
	OK(&bob, CMD_SAY, .room = "den", .text = "hi");
	OK(&bob, CMD_UNSUBSCRIBE, .room = "den");
	OK(&bob, CMD_RENAME, .name = "evil");
	NO(ERR_BANNED, &bob, CMD_SUBSCRIBE, .room = "den");
}

/* A muted name is not taken where it is muted: one could not give it back. */
Test(names, muted_in_a_room)
{
	struct fake_client ann = registered("ann"), loud = from("loud", NULL);
	struct fake_client bob = from("bob", "192.0.2.2");

	enter(&ann, "den");
	enter(&loud, "den");
	OK(&ann, CMD_MUTE, .room = "den", .name = "loud");
	gone(&loud, NULL);
	enter(&bob, "den");
	NO(ERR_MUTED, &bob, CMD_RENAME, .name = "loud");
	eq_str(f.reply->message, "loud is muted in #den, where you are: take "
	    "another name.");
	OK(&bob, CMD_RENAME, .name = "bill");
}

/* Nor does one get away from a mute of one's address by another name. */
Test(names, muted_by_address)
{
	struct fake_client ann = registered("ann"), loud = from("loud",
	    "192.0.2.2"), bob = from("bob", "192.0.2.2");

	enter(&ann, "den");
	enter(&loud, "den");
	enter(&bob, "den");
	OK(&ann, CMD_MUTE, .room = "den", .name = "loud");
	NO(ERR_MUTED, &bob, CMD_RENAME, .name = "buy-tomatoes");
	eq_str(f.reply->message, "You are muted in #den, and keep your name "
	    "meanwhile.");
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	OK(&bob, CMD_RENAME, .name = "bill");
}

/* A guest's, where only accounts speak. */
Test(names, accounts_only)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	set(&ann, SET_REGISTERED, 1);
	NO(ERR_FORBIDDEN, &bob, CMD_RENAME, .name = "buy-tomatoes");
	eq_str(f.reply->message, "Only who has an account may speak in #den, "
	    "where you keep your name: leave it first.");
	OK(&bob, CMD_UNSUBSCRIBE, .room = "den");
	OK(&bob, CMD_RENAME, .name = "bill");
}

/* A visitor's name would be heard there. */
Test(names, moderated)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);

	enter(&ann, "den");
	enter(&bob, "den");
	set(&ann, SET_MODERATED, 1);
	NO(ERR_FORBIDDEN, &bob, CMD_RENAME, .name = "buy-tomatoes");
	OK(&bob, CMD_RENAME, .name = "BOB");
	OK(&ann, CMD_INVITE, .room = "den", .name = "bob");
	OK(&bob, CMD_RENAME, .name = "bill");
}

/* Whoever has waited has not because somebody else had the name. */
Test(names, pace)
{
	struct fake_client ann = registered("ann"), bob = from("bob", NULL);
	struct fake_client cat = from("cat", "192.0.2.2");

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&cat, "den");
	set(&ann, SET_PACE, 60);
	OK(&bob, CMD_SAY, .room = "den", .text = "1");
	gone(&bob, NULL);
	set(&ann, SET_PACE, 5);
	OK(&cat, CMD_SAY, .room = "den", .text = "1");
	OK(&cat, CMD_RENAME, .name = "bob");
	NO(ERR_RATE_LIMITED, &cat, CMD_SAY, .room = "den", .text = "2");
	cr_assert_gt(f.reply->retry_ms, 30000);
	OK(&cat, CMD_RENAME, .name = "dee");
	NO(ERR_RATE_LIMITED, &cat, CMD_SAY, .room = "den", .text = "2");
}

Test(names, register_asks)
{
	struct fake_client op = client(0, next_slot());
	struct fake_client bob = from("bob", "192.0.2.7");

	/* Another address of the same name's ban is on its way. */
	OK(&op, CMD_SHUT_OUT, .whom_address = "192.0.2.8");
	NO(ERR_BANNED, &bob, CMD_REGISTER, .password = "secret",
	    .address = "192.0.2.8");
	OK(&bob, CMD_REGISTER, .password = "secret",
	    .address = "192.0.2.7");
}

/* A guest, who will be gone, keeps nobody out for good. */
Test(names, guests_close_no_rooms)
{
	struct settings private = { .value = { [SET_PRIVATE] = 1 },
	    .given = { [SET_PRIVATE] = true } };
	struct fake_client bob = from("bob", NULL);

	enter(&bob, "den");
	NO(ERR_FORBIDDEN, &bob, CMD_CONFIGURE, .room = "den", .set = &private);
	eq_str(f.reply->message, "Only who has an account may make a room "
	    "private: register first (/register).");
	OK(&bob, CMD_REGISTER, .password = "secret");
	OK(&bob, CMD_CONFIGURE, .room = "den", .set = &private);
}
