/*
 * Keys and turns: what was said stands once, whatever has come between it and
 * its being repeated; and only what was stored has taken a turn.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hub-order.h"

TestSuite(keys, .init = start, .fini = end);

#define AGAIN(c, k, n) do {						\
	OK((c), CMD_SAY, .room = "den", .text = "x", .key = (k));	\
	cr_assert(f.reply->duplicate);					\
	cr_assert_eq(f.reply->seq, (n));				\
	cr_assert_null(f.reply->message);				\
	cr_assert_eq(f.reply->retry_ms, 0);				\
} while (0)

Test(keys, before_the_pace)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	struct fake_client bob2 = again("bob");
	uint64_t seq;

	enter(&ann, "den");
	enter(&bob, "den");
	enter(&bob2, "den");
	set(&ann, SET_PACE, 60);
	OK(&bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	cr_assert_not(f.reply->duplicate);
	seq = f.reply->seq;
	AGAIN(&bob2, "k", seq);
	NO(ERR_RATE_LIMITED, &bob, CMD_SAY, .room = "den", .text = "y",
	    .key = "l");
	cr_assert_gt(f.reply->retry_ms, 0);
	NO(ERR_RATE_LIMITED, &bob, CMD_SAY, .room = "den", .text = "y");
	/* Both at once: one is stored, the other one is its answer. */
	set(&ann, SET_PACE, 0);
	set(&ann, SET_PACE, 60);
	ASK(&f, &bob, CMD_SAY, .room = "den", .text = "x", .key = "m");
	ASK(&f, &bob2, CMD_SAY, .room = "den", .text = "x", .key = "m");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert(f.reply->duplicate);
}

Test(keys, before_the_right_to_speak)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");
	uint64_t seq;

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	seq = f.reply->seq;
	OK(&ann, CMD_MUTE, .room = "den", .name = "bob");
	AGAIN(&bob, "k", seq);
	NO(ERR_MUTED, &bob, CMD_SAY, .room = "den", .text = "y", .key = "l");
	cr_assert_not_null(f.reply->message);
	OK(&ann, CMD_UNMUTE, .room = "den", .name = "bob");
	set(&ann, SET_MODERATED, 1);
	AGAIN(&bob, "k", seq);
	/* The store has nothing to say: then it is not refused either. */
	f.store.fail = true;
	NO(ERR_STORE_UNAVAILABLE, &bob, CMD_SAY, .room = "den", .text = "x",
	    .key = "k");
	f.store.fail = false;
}

/* What is not stored takes no turn; a topic that is, does. */
Test(keys, turns)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	set(&ann, SET_PACE, 60);
	OK(&bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	cr_assert(f.reply->duplicate);
	f.store.fail = true;
	NO(ERR_STORE_UNAVAILABLE, &bob, CMD_SAY, .room = "den", .text = "y");
	NO(ERR_STORE_UNAVAILABLE, &bob, CMD_TOPIC, .room = "den",
	    .string = "y");
	f.store.fail = false;
	OK(&bob, CMD_TOPIC, .room = "den", .string = "y");
	NO(ERR_RATE_LIMITED, &bob, CMD_TOPIC, .room = "den", .string = "z");
	NO(ERR_RATE_LIMITED, &bob, CMD_SAY, .room = "den", .text = "z");
	/* Whoever was first stops those behind it before it is stored. */
	set(&ann, SET_PACE, 0);
	set(&ann, SET_PACE, 60);
	ASK(&f, &bob, CMD_SAY, .room = "den", .text = "1");
	ASK(&f, &bob, CMD_SAY, .room = "den", .text = "2");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* Behind one that is said again, which costs nothing. */
Test(keys, behind_a_duplicate)
{
	struct fake_client ann = registered("ann"), bob = registered("bob");

	enter(&ann, "den");
	enter(&bob, "den");
	OK(&bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	set(&ann, SET_PACE, 60);
	ASK(&f, &bob, CMD_SAY, .room = "den", .text = "x", .key = "k");
	OK(&bob, CMD_SAY, .room = "den", .text = "y", .key = "l");
	cr_assert_not(f.reply->duplicate);
}
