/*
 * Each command with each of its errors, and who hears of it in which order:
 * logging in, rooms and what is said in them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-test.h"

TestSuite(hub, .init = start, .fini = end);

Test(hub, login)
{
	struct fake_client c = client(1, 5), d = client(1, 6);
	struct request *r = ASK(&f, &c, CMD_LOGIN, .name = "Ann");

	eq_str(r->name, "Ann");
	cr_assert(r->guest);
	cr_assert_eq(strlen(r->session), 16);
	cr_assert_eq(strspn(r->session, "0123456789abcdef"), 16);
	cr_assert_neq(r->sid, 0);
	eq_trace(&f, "1 login ok\n");
	ASK(&f, &c, CMD_LOGIN, .name = "bob");
	eq_trace(&f, "1 login already-logged-in\n");
	ASK(&f, &d, CMD_LOGIN, .name = "aNN");
	eq_trace(&f, "1 login name-taken\n");
	cr_assert_eq(hub_users(f.hub), 1);
	gone(&c, NULL);
	cr_assert_eq(hub_users(f.hub), 0);
	ASK(&f, &d, CMD_LOGIN, .name = "aNN");
	eq_str(f.reply->name, "aNN");
}

Test(hub, nothing_before_login)
{
	static const enum cmd cmds[] = { CMD_SUBSCRIBE, CMD_UNSUBSCRIBE,
	    CMD_SAY, CMD_TELL, CMD_SEEN, CMD_HISTORY, CMD_ROOMS, CMD_WHO,
	    CMD_TOPIC, CMD_AWAY, CMD_RENAME, CMD_MOVED };
	struct fake_client c = client(0, 1), unknown = { 1, 12345 };
	size_t i;

	for (i = 0; i < NITEMS(cmds); i++) {
		ASK(&f, &c, cmds[i], .name = "ann", .room = "lobby",
		    .text = "hi", .string = "x");
		cr_assert_eq(f.reply->error, ERR_NOT_LOGGED_IN, "%d", cmds[i]);
		ASK(&f, &unknown, cmds[i], .name = "ann", .room = "lobby",
		    .text = "hi", .string = "x");
		cr_assert_eq(f.reply->error, ERR_NOT_LOGGED_IN, "%d", cmds[i]);
	}
	fake_trace(&f);
	ASK(&f, &c, CMD_PING);
	cr_assert_gt(f.reply->time, 1600000000000);
	ASK(&f, &c, CMD_QUIT);
	eq_trace(&f, "0 ping ok\n0 quit ok\n");
	gone(&c, "never came");
	gone(&unknown, NULL);
	eq_trace(&f, "");
}

/* Whatever a dialect's mistake lets through is an answer, not an end. */
Test(hub, what_is_missing)
{
	struct fake_client c = login(0, "ann");
	struct fake_client other = client(0, 1000);
	struct request *r;

	ASK(&f, &other, CMD_LOGIN);
	eq_str(f.reply->field, "name");
	ASK(&f, &c, CMD_SUBSCRIBE);
	eq_str(f.reply->field, "room");
	ASK(&f, &c, CMD_SAY, .room = "lobby");
	eq_str(f.reply->field, "text");
	ASK(&f, &c, CMD_TELL, .text = "hi");
	eq_str(f.reply->field, "name");
	enter(&c, "lobby");
	ASK(&f, &c, CMD_TOPIC, .room = "lobby");
	eq_str(f.reply->field, "topic");
	ASK(&f, &c, CMD_NONE);
	ASK(&f, &c, (enum cmd)200);
	eq_trace(&f, "0 topic bad-argument\n0 ? unknown-command\n"
	    "0 ? unknown-command\n");
	r = fake_request(&c, &(struct ask){ .cmd = CMD_NONE });
	request_fail(r, ERR_BAD_JSON, "at 3");
	hub_request(f.hub, r);
	eq_str(f.reply->message, "at 3");
}

/* A client need not wait for its login's reply. */
Test(hub, sent_before_the_sid_is_known)
{
	struct fake_client c = client(2, 100000);

	ASK(&f, &c, CMD_LOGIN, .name = "ann");
	c.sid = 0;
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "lobby");
	ASK(&f, &c, CMD_LOGIN, .name = "bob");
	eq_trace(&f, "2 login ok\n2 subscribe ok\n"
	    "2 login already-logged-in\n");
	gone(&c, NULL);
	cr_assert_eq(hub_users(f.hub), 0);
	cr_assert_eq(hub_rooms(f.hub), 0);
}

/* A slot and a sid may come again; a client's generation tells. */
Test(hub, sids_are_not_mistaken)
{
	struct fake_client a = login(0, "ann"), b, old = a;
	int i;

	for (i = 0; i < 5000; i++) {
		gone(&a, NULL);
		a.id++;
		a.sid = 0;
		ASK(&f, &a, CMD_LOGIN, .name = "ann");
		cr_assert_neq(a.sid, 0);
		ASK(&f, &old, CMD_AWAY);
		cr_assert_eq(f.reply->error, ERR_NOT_LOGGED_IN);
		gone(&old, NULL);
		cr_assert_eq(hub_users(f.hub), 1);
	}
	b = login(0, "bob");
	cr_assert_neq(a.sid, b.sid);
}

/* A room that would be taken for another cannot be made. */
Test(hub, rooms_that_look_alike)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	/* the lobby is there even when it is not */
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lоbby");
	cr_assert_eq(f.reply->error, ERR_BAD_NAME);
	eq_str(f.reply->message, "#lоbby looks like #lobby, which exists: "
	    "enter that one, or take another name.");
	cr_assert_eq(hub_rooms(f.hub), 0);
	enter(&a, "lobby");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lоbby");
	cr_assert_eq(f.reply->error, ERR_BAD_NAME);
	enter(&b, "lobby");

	enter(&a, "мост");
	enter(&a, "Garden");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "moct");
	cr_assert_eq(f.reply->error, ERR_BAD_NAME);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "Gаrden");
	eq_str(f.reply->message, "#Gаrden looks like #Garden, which exists: "
	    "enter that one, or take another name.");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "@bоb");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	fake_trace(&f);
	enter(&b, "garden");		/* the same */
	enter(&b, "gardens");
	enter(&b, "1obby");		/* it can be told from an l */

	/* with its last member the room is gone, and so is its look */
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "мост");
	enter(&b, "moct");
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "мост");
	cr_assert_eq(f.reply->error, ERR_BAD_NAME);
}

/* Those of before the rule are entered as before. */
Test(hub, rooms_that_looked_alike)
{
	static const struct store_room rooms[] = {
		{ .id = 1, .name = "den", .key = "den", .topic = "" },
		{ .id = 2, .name = "dеn", .key = "dеn", .topic = "" },
		{ .id = 3, .name = "lоbby", .key = "lоbby", .topic = "" },
		{ .id = 0 },
	};
	struct fake_client a;

	end();
	fake_start(&f, rooms);
	a = login(0, "ann");
	enter(&a, "lobby");
	enter(&a, "lоbby");
	enter(&a, "dеn");
	enter(&a, "den");
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "ԁen");
	eq_str(f.reply->message, "#ԁen looks like #den, which exists: "
	    "enter that one, or take another name.");
}

Test(hub, subscribe)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");
	struct request *r = ASK(&f, &a, CMD_SUBSCRIBE, .room = "Lobby");

	eq_str(r->room, "Lobby");
	cr_assert_neq(r->room_id, 0);
	cr_assert_eq(r->head, 0);
	cr_assert_eq(r->floor, 0);
	eq_str(r->topic, "");
	eq_str(r->role, "owner");
	eq_str(r->epoch, FAKE_EPOCH);
	cr_assert_eq(r->members, 1);
	cr_assert(!r->reset && !r->gap);
	cr_assert(r->has & HAS_AFTER);
	eq_trace(&f, "0 subscribe ok\n");

	r = ASK(&f, &b, CMD_SUBSCRIBE, .room = "LOBBY");
	eq_str(r->room, "Lobby");
	eq_str(r->role, "member");
	cr_assert_eq(r->members, 2);
	eq_trace(&f, "0 #1: join bob\n1 subscribe ok\n");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby");
	eq_trace(&f, "1 subscribe already-subscribed\n");
}

Test(hub, too_many_rooms)
{
	struct fake_client a = login(0, "ann");
	char room[16];
	int i;

	ASK(&f, &a, CMD_SUBSCRIBE, .room = "@ann");
	for (i = 0; i < 10; i++) {
		snprintf(room, sizeof(room), "r%d", i);
		enter(&a, room);
	}
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "r10");
	cr_assert_eq(f.reply->error, ERR_TOO_MANY_ROOMS);
	cr_assert_eq(hub_rooms(f.hub), 11);
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "r9");
	cr_assert_eq(f.reply->error, ERR_ALREADY_SUBSCRIBED);
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "r3");
	enter(&a, "r10");
}

/* News so far precede the subscribe's reply, its own join among them. */
Test(hub, order_at_subscribe)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct fake_client c = login(1, "cy");

	enter(&a, "lobby");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "one");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "two");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby");
	cr_assert_eq(f.reply->head, 1);
	cr_assert_eq(f.reply->after, 1);
	fake_commit(&f, 1);
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "lobby");
	cr_assert_eq(f.reply->after, 2);
	hub_flush(f.hub);
	eq_trace(&f, "0 say ok\n0 #1: 1 ann one; join bob\n0 subscribe ok\n"
	    "0 say ok\n0 #1: 2 ann two; join cy\n1 subscribe ok\n");
}

/* News wait for the loops that still write the last ones, and no longer. */
Test(hub, news_held_back)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&a, "den");
	fake_round(&f);
	fake_trace(&f);
	f.written = f.stamp;
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "one");
	ASK(&f, &a, CMD_SAY, .room = "den", .text = "two");
	hub_flush(f.hub);
	fake_commit(&f, 2);
	hub_flush(f.hub);
	cr_assert(!hub_held(f.hub));
	eq_trace(&f, "0 say ok\n0 say ok\n0 #1: 1 ann one\n"
	    "1 #1: 1 ann one\n0 #2: 2 ann two\n");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "three");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	hub_flush(f.hub);
	cr_assert(hub_held(f.hub));
	eq_trace(&f, "");
	f.written = f.stamp;
	hub_flush(f.hub);
	cr_assert(!hub_held(f.hub));
	eq_trace(&f, "0 say ok\n0 #1: 3 ann three\n1 #1: 3 ann three\n");
	f.written = 0;
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "four");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	hub_flush(f.hub);
	eq_trace(&f, "");
	hub_release(f.hub);
	cr_assert(!hub_held(f.hub));
	eq_trace(&f, "1 say ok\n0 #1: 4 bob four\n1 #1: 4 bob four\n");
}

Test(hub, where_reading_begins)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct request *r;

	enter(&a, "lobby");
	chat(&a, "lobby", 5);
#define SUB(...)	(gone(&b, NULL), b = login(0, "bob"),		\
			    r = ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby", \
			    __VA_ARGS__))
	SUB(.last = 0, .has = HAS_LAST);
	cr_assert(r->has == HAS_AFTER && r->after == 5);
	SUB(.last = 3, .has = HAS_LAST);
	cr_assert(r->has == HAS_LAST && r->last == 3 && !r->reset);
	SUB(.after = 2, .last = 3, .has = HAS_LAST | HAS_AFTER);
	cr_assert(r->has == HAS_AFTER && r->after == 2 && !r->gap);
	SUB(.after = 2, .has = HAS_AFTER, .epoch = FAKE_EPOCH);
	cr_assert(r->after == 2 && !r->reset);
	SUB(.after = 2, .has = HAS_AFTER, .epoch = "another");
	cr_assert(r->after == 0 && r->reset && !r->gap);
	eq_str(r->epoch, FAKE_EPOCH);
	SUB(.epoch = "another");
	cr_assert(r->after == 5 && r->reset);
	SUB(.after = 5, .has = HAS_AFTER);
	cr_assert(r->after == 5 && !r->reset);
	SUB(.after = 6, .has = HAS_AFTER);
	cr_assert(r->after == 0 && r->reset);
	SUB(.after = INT64_MAX, .has = HAS_AFTER);
	cr_assert(r->after == 0 && r->reset);
}

static void
pruned(uint32_t room, uint64_t floor)
{
	struct store_pruned *p = xcalloc(1, sizeof(*p));

	p->room = room;
	p->floor = floor;
	hub_pruned(f.hub, p);
}

Test(hub, gap)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct request *r;

	enter(&a, "lobby");
	chat(&a, "lobby", 5);
	pruned(1, 3);
	pruned(1, 2);			/* it never falls */
	pruned(77, 2);			/* no such room */
	SUB(.after = 1, .has = HAS_AFTER);
	cr_assert(r->gap && r->gap_after == 1 && r->gap_before == 4);
	cr_assert(r->after == 1 && r->floor == 3);
	SUB(.after = 3, .has = HAS_AFTER);
	cr_assert(!r->gap);
	SUB(.after = 9, .has = HAS_AFTER);
	cr_assert(r->reset && r->gap && r->gap_after == 0 &&
	    r->gap_before == 4);
}

Test(hub, unsubscribe)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");

	enter(&a, "Lobby");
	enter(&b, "lobby");
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "bye");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "lobby");
	eq_str(f.reply->room, "Lobby");
	cr_assert_eq(f.reply->room_id, 1);
	fake_round(&f);
	eq_trace(&f, "0 say ok\n0 #1: 1 bob bye\n0 unsubscribe ok\n"
	    "0 #1: leave bob\n");
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "lobby");
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "nowhere");
	eq_trace(&f, "0 unsubscribe not-subscribed\n"
	    "0 unsubscribe not-subscribed\n");
}

Test(hub, presence_limit)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct fake_client c = login(1, "cy");

	f.conf.presence_limit = 2;
	enter(&a, "lobby");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby");
	eq_trace(&f, "0 #1: join bob\n0 subscribe ok\n");
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "lobby");
	gone(&c, "tired");
	fake_round(&f);
	eq_trace(&f, "1 subscribe ok\n");
	gone(&b, "tired");
	fake_round(&f);
	eq_trace(&f, "0 #1: leave bob tired\n");
}

/* A room that nobody needs is gone, whatever news it had. */
Test(hub, rooms_come_and_go)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");

	ASK(&f, &a, CMD_SUBSCRIBE, .room = "r");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "r");
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "r");
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "r");
	cr_assert_eq(hub_rooms(f.hub), 0);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "r");
	eq_str(f.reply->role, "owner");
	/* Ids do not come again. */
	cr_assert_eq(f.reply->room_id, 2);
	ASK(&f, &b, CMD_TOPIC, .room = "r", .string = "t");
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "r");
	cr_assert_eq(hub_rooms(f.hub), 1);
	f.store.fail = true;
	fake_round(&f);
	cr_assert_eq(hub_rooms(f.hub), 0);
	f.store.fail = false;
	enter(&b, "r");
	ASK(&f, &b, CMD_TOPIC, .room = "r", .string = "");
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "r");
	fake_round(&f);
	cr_assert_eq(hub_rooms(f.hub), 1);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "r");
	eq_str(f.reply->role, "member");
}

Test(hub, say)
{
	struct fake_client a = login(0, "Ann"), b = login(1, "bob");
	struct fake_client c = login(2, "cy");

	enter(&a, "Lobby");
	enter(&b, "lobby");
	enter(&c, "elsewhere");
	cr_assert_null(ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi"));
	cr_assert_null(ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "ho",
	    .from = "someone else", .to = "x", .kind = MSG_ACTION));
	cr_assert_null(ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "he",
	    .from = "bob"));
	eq_trace(&f, "");
	cr_assert_eq(f.store.flushed, 0);
	hub_flush(f.hub);
	cr_assert_eq(f.store.flushed, 3);
	eq_trace(&f, "");
	fake_commit(&f, 1);
	cr_assert_eq(f.reply->seq, 1);
	cr_assert_eq(f.reply->time, 1001);
	eq_str(f.reply->room, "Lobby");
	fake_commit(&f, 2);
	eq_trace(&f, "0 say ok\n1 say ok\n1 say ok\n");
	hub_flush(f.hub);
	eq_trace(&f, "0 #1: 1 Ann hi; 2 bob ho; 3 bob he\n"
	    "1 #1: 1 Ann hi; 2 bob ho; 3 bob he\n");
	cr_assert_eq(f.store.log[1].msg->kind, MSG_ACTION);

	ASK(&f, &c, CMD_SAY, .room = "lobby", .text = "x");
	eq_str(f.reply->message, "You are not in #lobby: subscribe first.");
	ASK(&f, &c, CMD_SAY, .room = "nowhere", .text = "x");
	eq_trace(&f, "2 say not-subscribed\n2 say not-subscribed\n");
}

Test(hub, say_twice)
{
	struct fake_client a = login(0, "Ann"), b = login(0, "bob");

	enter(&a, "lobby");
	enter(&b, "lobby");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi", .key = "k");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi", .key = "k");
	fake_round(&f);
	cr_assert(f.reply->duplicate);
	cr_assert_eq(f.reply->seq, 1);
	cr_assert_eq(f.reply->time, 1001);
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "hi", .key = "k");
	fake_round(&f);
	cr_assert(!f.reply->duplicate);
	eq_trace(&f, "0 say ok\n0 say ok\n0 #1: 1 Ann hi\n0 say ok\n"
	    "0 #1: 2 bob hi\n");
}

Test(hub, store_fails)
{
	struct fake_client a = login(0, "ann");

	enter(&a, "lobby");
	f.store.fail = true;
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	ASK(&f, &a, CMD_TOPIC, .room = "lobby", .string = "t");
	ASK(&f, &a, CMD_TELL, .name = "ann", .text = "hi");
	fake_round(&f);
	eq_trace(&f, "0 say store-unavailable\n0 topic store-unavailable\n"
	    "0 tell store-unavailable\n");
	f.store.fail = false;
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "ho");
	fake_round(&f);
	eq_trace(&f, "0 say ok\n0 #1: 1 ann ho\n");
}

Test(hub, store_queue)
{
	struct fake_client a = login(0, "ann");
	char text[1001];

	memset(text, 'x', 1000);
	text[1000] = '\0';
	enter(&a, "lobby");
	f.conf.store_queue = 2500;
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = text);
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = text);
	eq_trace(&f, "");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = text);
	ASK(&f, &a, CMD_TOPIC, .room = "lobby", .string = text);
	ASK(&f, &a, CMD_TELL, .name = "ann", .text = text);
	eq_trace(&f, "0 say store-unavailable\n0 topic store-unavailable\n"
	    "0 tell store-unavailable\n");
	cr_assert_eq(f.store.nops, 2);
	fake_round(&f);
	fake_trace(&f);
	/* What is longer than the bound gets through alone. */
	f.conf.store_queue = 10;
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = text);
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = text);
	eq_trace(&f, "0 say store-unavailable\n");
	f.store.fail = true;
	fake_round(&f);
	f.store.fail = false;
	fake_trace(&f);
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "y");
	fake_round(&f);
	eq_trace(&f, "0 say ok\n0 #1: 3 ann y\n");
}

/* The message of one who is gone stands. */
Test(hub, said_and_gone)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	enter(&a, "lobby");
	enter(&b, "lobby");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	ASK(&f, &a, CMD_TOPIC, .room = "lobby", .string = "news");
	gone(&a, NULL);
	fake_round(&f);
	eq_trace(&f, "1 #1: leave ann\n0 say ok\n0 topic ok\n"
	    "1 #1: 1 ann hi; topic ann news\n");
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "ho");
	gone(&b, NULL);
	fake_round(&f);
	eq_trace(&f, "1 say ok\n");
}

Test(hub, seen)
{
	struct fake_client a = login(0, "ann");

	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 0);
	enter(&a, "lobby");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
	fake_trace(&f);
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 2);
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 1);
	ASK(&f, &a, CMD_SEEN, .room = "other", .seq = 1);
	eq_trace(&f, "0 seen no-such-message\n0 seen ok\n"
	    "0 seen not-subscribed\n");
}

Test(hub, history)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct request *r;

	enter(&a, "Lobby");
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
	pruned(1, 1);
	r = ASK(&f, &b, CMD_HISTORY, .room = "LOBBY", .before = 9,
	    .has = HAS_BEFORE);
	eq_str(r->room, "Lobby");
	cr_assert(r->room_id == 1 && r->head == 1 && r->floor == 1);
	cr_assert(r->limit == 100 && r->before == 9 && r->has == HAS_BEFORE);
	r = ASK(&f, &b, CMD_HISTORY, .room = "lobby", .limit = 7);
	cr_assert_eq(r->limit, 7);
	r = ASK(&f, &b, CMD_HISTORY, .room = "nowhere");
	cr_assert_eq(r->error, ERR_NO_SUCH_ROOM);
}

Test(hub, topic)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	enter(&a, "Lobby");
	enter(&b, "lobby");
	ASK(&f, &b, CMD_TOPIC, .room = "lobby", .string = "tea time");
	eq_trace(&f, "");
	fake_round(&f);
	eq_str(f.reply->topic, "tea time");
	eq_str(f.reply->room, "Lobby");
	eq_trace(&f, "1 topic ok\n0 #1: topic bob tea time\n"
	    "1 #1: topic bob tea time\n");
	gone(&b, NULL);
	b = login(1, "bob");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby");
	eq_str(f.reply->topic, "tea time");
	ASK(&f, &b, CMD_TOPIC, .room = "lobby", .string = "");
	fake_round(&f);
	ASK(&f, &b, CMD_ROOMS);
	eq_str(f.reply->rooms[0].topic, "");
	ASK(&f, &b, CMD_TOPIC, .room = "den", .string = "");
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
}
