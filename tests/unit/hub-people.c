/*
 * Each command with each of its errors, and who hears of it in which order:
 * people, inboxes, lists, and sessions that resume or move.
 */
#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-test.h"

TestSuite(hub_people, .init = start, .fini = end);

Test(hub_people, tell)
{
	struct fake_client a = login(0, "Ann"), b = login(1, "Bob");

	ASK(&f, &a, CMD_TELL, .name = "nobody", .text = "hi");
	eq_trace(&f, "0 tell no-such-user\n");
	ASK(&f, &a, CMD_TELL, .name = "bOB", .text = "one");
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "two",
	    .from = "Ann", .to = "Bob");
	eq_trace(&f, "");
	fake_round(&f);
	eq_str(f.reply->name, "Bob");
	cr_assert_eq(f.reply->seq, 2);
	cr_assert_not_null(f.reply->msg);
	eq_trace(&f, "1 place #1 @Bob after 0\n0 tell ok\n0 tell ok\n"
	    "1 #1: 1 Ann to Bob one; 2 Ann to Bob two\n");
	ASK(&f, &b, CMD_TELL, .name = "bob", .text = "me");
	fake_round(&f);
	eq_trace(&f, "1 tell ok\n1 #1: 3 Bob to Bob me\n");
}

Test(hub_people, inbox_is_private)
{
	struct fake_client a = login(0, "ann"), b = login(1, "Bob");
	enum cmd cmds[] = { CMD_SUBSCRIBE, CMD_HISTORY, CMD_WHO };
	size_t i;

	for (i = 0; i < NITEMS(cmds); i++) {
		ASK(&f, &a, cmds[i], .room = "@bob");
		cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
		ASK(&f, &a, cmds[i], .room = "@nobody");
		cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	}
	ASK(&f, &a, CMD_SAY, .room = "@bob", .text = "x");
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
	eq_str(f.reply->message, "You are not in @bob: subscribe first.");
	ASK(&f, &b, CMD_WHO, .room = "@bob");
	cr_assert_eq(f.reply->error, ERR_NO_SUCH_ROOM);
	ASK(&f, &b, CMD_HISTORY, .room = "@bob");
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "@BOB");
	cr_assert_eq(f.reply->error, ERR_NONE);
	eq_str(f.reply->role, "owner");
	eq_str(f.reply->room, "@Bob");
	ASK(&f, &b, CMD_WHO, .room = "@bob");
	cr_assert_eq(f.reply->nlisted, 1);
	ASK(&f, &b, CMD_SAY, .room = "@bob", .text = "x");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	ASK(&f, &b, CMD_TOPIC, .room = "@bob", .string = "x");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	ASK(&f, &b, CMD_ROOMS);
	cr_assert_eq(f.reply->nlisted, 0);
	fake_trace(&f);
	/* It is placed already, and again once it has left. */
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	fake_round(&f);
	ASK(&f, &b, CMD_UNSUBSCRIBE, .room = "@bob");
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "two");
	fake_round(&f);
	eq_trace(&f, "0 tell ok\n1 #1: 1 ann to Bob one\n1 unsubscribe ok\n"
	    "1 place #1 @Bob after 1\n0 tell ok\n1 #1: 2 ann to Bob two\n");
}

static uint32_t
kept(void)
{
	uint32_t i, n = 0;

	for (i = 0; i < f.store.nlog; i++)
		n += f.store.log[i].msg != NULL;
	return n;
}

/* What a guest was told is nobody's after that. */
Test(hub_people, inbox_ends_with_its_guest)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	fake_round(&f);
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "two");
	gone(&b, NULL);
	cr_assert_eq(hub_rooms(f.hub), 0);
	b = login(1, "bob");
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "@bob", .after = 0,
	    .has = HAS_AFTER);
	cr_assert_eq(f.reply->head, 0);
	cr_assert_eq(f.reply->room_id, 2);
	cr_assert_eq(kept(), 1);
	fake_round(&f);
	cr_assert_eq(kept(), 0);
	eq_trace(&f, "1 subscribe ok\n0 tell ok\n");
	gone(&b, NULL);
	cr_assert_eq(hub_rooms(f.hub), 0);
}

Test(hub_people, renamed_inbox)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	fake_round(&f);
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "two", .key = "k");
	ASK(&f, &b, CMD_RENAME, .name = "Rob");
	cr_assert_eq(f.reply->room_id, 1);
	fake_trace(&f);
	hub_flush(f.hub);
	/* It was on its way: it follows to the new name. */
	fake_commit(&f, 1);
	eq_trace(&f, "");
	hub_flush(f.hub);
	fake_commit(&f, 1);
	hub_flush(f.hub);
	eq_trace(&f, "1 place #2 @Rob after 0\n0 tell ok\n"
	    "1 #2: 3 ann to Rob two\n");
	fake_round(&f);
	cr_assert_eq(kept(), 1);
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "three");
	cr_assert_eq(f.reply->error, ERR_NO_SUCH_USER);
	/* Only the case: the inbox stays. */
	ASK(&f, &b, CMD_RENAME, .name = "ROB");
	cr_assert_eq(f.reply->room_id, 0);
	ASK(&f, &a, CMD_TELL, .name = "rob", .text = "three");
	fake_trace(&f);
	fake_round(&f);
	eq_trace(&f, "0 tell ok\n1 #2: 4 ann to ROB three\n");
}

/* As above, but its heir is gone too, or the store fails. */
Test(hub_people, renamed_inbox_without_heir)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	ASK(&f, &b, CMD_RENAME, .name = "rob");
	gone(&b, NULL);
	fake_trace(&f);
	fake_round(&f);
	eq_trace(&f, "0 tell ok\n");
	cr_assert_eq(kept(), 0);
	b = login(1, "bob");
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	ASK(&f, &b, CMD_RENAME, .name = "rob");
	fake_trace(&f);
	hub_flush(f.hub);
	fake_commit(&f, 1);
	f.store.fail = true;
	fake_round(&f);
	eq_trace(&f, "0 tell store-unavailable\n");
}

Test(hub_stale, inboxes_of_before)
{
	static const struct store_room rooms[] = {
		{ 9, "Lobby", "lobby", "hello", 30, 4 },
		{ 3, "@Ann", "@ann", "", 12, 5 },
		{ 5, "@bob", "@bob", "", 7, 7 },
		{ 0, NULL, NULL, NULL, 0, 0 }
	};
	struct fake_client a;

	fake_start(&f, rooms);
	a = login(0, "ann");
	cr_assert_eq(hub_rooms(f.hub), 1);
	ASK(&f, &a, CMD_HISTORY, .room = "@ann");
	cr_assert_eq(f.reply->head, 0);
	cr_assert_eq(f.reply->room_id, 10);
	cr_assert_eq(f.store.nops, 0);
	hub_flush(f.hub);
	/* Of one retention has left nothing but that it was there. */
	cr_assert_eq(f.store.nops, 2);
	cr_assert_eq(f.store.ops[0]->kind, STORE_FORGET);
	cr_assert_eq(f.store.ops[0]->room, 3);
	cr_assert_eq(f.store.ops[0]->seq, 12);
	eq_str(f.store.ops[0]->key, "@ann");
	cr_assert_eq(f.store.ops[1]->kind, STORE_FORGET);
	cr_assert_eq(f.store.ops[1]->room, 5);
	cr_assert_eq(f.store.ops[1]->seq, 7);
	fake_commit(&f, 2);
	hub_flush(f.hub);
	cr_assert_eq(f.store.nops, 0);
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "lobby");
	cr_assert_eq(f.reply->head, 30);
	cr_assert_eq(f.reply->floor, 4);
	cr_assert_eq(f.reply->room_id, 9);
	eq_str(f.reply->topic, "hello");
	eq_str(f.reply->room, "Lobby");
	eq_str(f.reply->role, "member");
	fake_end(&f);
}

/* Its row is to go all the same: a guest's name is in it. */
Test(hub_people, an_inbox_that_retention_has_emptied)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct store_pruned *p = xcalloc(1, sizeof(*p));

	ASK(&f, &b, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	ASK(&f, &a, CMD_HISTORY, .room = "@ann");
	fake_round(&f);
	p->room = f.reply->room_id;
	p->floor = f.reply->head;
	cr_assert_gt(p->floor, 0);
	hub_pruned(f.hub, p);
	gone(&a, NULL);
	hub_flush(f.hub);
	cr_assert_eq(f.store.nops, 1);
	cr_assert_eq(f.store.ops[0]->kind, STORE_FORGET);
	eq_str(f.store.ops[0]->key, "@ann");
	fake_round(&f);
	cr_assert_eq(f.store.nops, 0);
}

Test(hub_people, rooms)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob");
	struct request *r;

	cr_assert_eq(ASK(&f, &a, CMD_ROOMS)->nlisted, 0);
	enter(&a, "Lobby");
	enter(&b, "lobby");
	enter(&b, "C-lang");
	ASK(&f, &b, CMD_TOPIC, .room = "c-lang", .string = "pointers");
	fake_round(&f);
	r = ASK(&f, &a, CMD_ROOMS);
	cr_assert_eq(r->nlisted, 2);
	eq_str(r->rooms[0].room, "Lobby");
	eq_str(r->rooms[0].topic, "");
	cr_assert(r->rooms[0].members == 2 && r->rooms[0].subscribed);
	eq_str(r->rooms[1].room, "C-lang");
	eq_str(r->rooms[1].topic, "pointers");
	cr_assert(r->rooms[1].members == 1 && !r->rooms[1].subscribed);
	cr_assert(!r->more);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "LANG")->nlisted, 1);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "-L")->nlisted, 1);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "#lob")->nlisted, 1);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "#")->nlisted, 2);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "")->nlisted, 2);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .match = "l b")->nlisted, 0);
	cr_assert_eq(ASK(&f, &a, CMD_ROOMS, .after = INT64_MAX)->nlisted, 0);
}

/* Pages through a list; returns how many rows, each but once, it had. */
static uint32_t
page_through(struct fake_client *c, struct ask ask, unsigned *pages)
{
	uint32_t n = 0;

	for (*pages = 1;; ++*pages) {
		struct request *r = fake_ask(&f, c, &ask);

		cr_assert_eq(r->error, ERR_NONE);
		n += r->nlisted;
		if (!r->more)
			return n;
		cr_assert_gt(r->nlisted, 0);
		cr_assert_neq(r->next, ask.after);
		ask.after = r->next;
	}
}

Test(hub_people, pages)
{
	struct fake_client a = { 0, 0 }, c = { 0, 0 };
	char name[140], text[501];
	unsigned i, pages;

	f.conf.max_rooms = 5000;
	memset(text, 'x', 500);
	text[500] = '\0';
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		c = login(i % FAKE_LOOPS, name);
		if (i == 0)
			a = c;
		enter(&c, "lobby");
		snprintf(name, sizeof(name), "room%u", i);
		enter(&a, name);
	}
	cr_assert_eq(page_through(&a, (struct ask){ .cmd = CMD_ROOMS }, &pages),
	    1001);
	cr_assert_eq(pages, 6);
	cr_assert_eq(page_through(&a, (struct ask){ .cmd = CMD_ROOMS,
	    .match = "room99" }, &pages), 11);
	cr_assert_eq(pages, 1);
	cr_assert_eq(page_through(&a, (struct ask){ .cmd = CMD_WHO }, &pages),
	    1000);
	cr_assert_eq(pages, 2);
	cr_assert_eq(page_through(&a, (struct ask){ .cmd = CMD_WHO,
	    .room = "lobby" }, &pages), 1000);
	cr_assert_eq(pages, 2);
	eq_str(ASK(&f, &a, CMD_WHO, .room = "lobby")->users[499].name,
	    "user999");
	for (i = 0; i < 400; i++) {
		c = login(0, (snprintf(name, sizeof(name), "away%u", i), name));
		enter(&c, "field");
		ASK(&f, &c, CMD_AWAY, .string = text);
	}
	cr_assert_eq(page_through(&a, (struct ask){ .cmd = CMD_WHO,
	    .room = "field" }, &pages), 400);
	cr_assert_geq(pages, 400 * 500 / (33 * 1024));
}

Test(hub_people, who)
{
	struct fake_client a = login(0, "Ann"), b = login(0, "bob");
	struct request *r;

	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&b, "den");
	r = ASK(&f, &a, CMD_AWAY, .string = "tea");
	r = ASK(&f, &a, CMD_WHO, .room = "lobby");
	cr_assert(r->nlisted == 2 && !r->more);
	eq_str(r->users[0].name, "Ann");
	eq_str(r->users[0].role, "owner");
	eq_str(r->users[0].away, "tea");
	cr_assert(r->users[0].guest && r->users[0].sessions == 1);
	eq_str(r->users[1].name, "bob");
	eq_str(r->users[1].role, "member");
	cr_assert_null(r->users[1].away);
	ASK(&f, &a, CMD_AWAY, .string = "");
	r = ASK(&f, &b, CMD_WHO);
	cr_assert_eq(r->nlisted, 2);
	eq_str(r->users[0].name, "Ann");
	cr_assert_null(r->users[0].away);
	cr_assert_null(r->users[0].role);
	r = ASK(&f, &a, CMD_WHO, .room = "den");
	cr_assert_eq(r->nlisted, 1);
	r = ASK(&f, &a, CMD_WHO, .room = "nowhere");
	cr_assert_eq(r->error, ERR_NO_SUCH_ROOM);
	cr_assert_eq(ASK(&f, &a, CMD_WHO, .after = INT64_MAX)->nlisted, 0);
}

Test(hub_people, rename)
{
	struct fake_client a = login(0, "ann"), b = login(1, "bob");

	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&a, "den");
	ASK(&f, &a, CMD_AWAY, .string = "tea");
	fake_trace(&f);
	ASK(&f, &a, CMD_RENAME, .name = "Bob");
	eq_trace(&f, "0 rename name-taken\n");
	ASK(&f, &a, CMD_RENAME, .name = "ann");
	fake_round(&f);
	eq_trace(&f, "0 rename ok\n");
	ASK(&f, &a, CMD_RENAME, .name = "Anna");
	fake_round(&f);
	eq_trace(&f, "0 rename ok\n0 #2: renamed ann to Anna\n"
	    "0 #1: renamed ann to Anna\n1 #1: renamed ann to Anna\n");
	ASK(&f, &a, CMD_RENAME, .name = "ANNA");
	fake_round(&f);
	ASK(&f, &b, CMD_WHO, .room = "lobby");
	eq_str(f.reply->users[0].name, "ANNA");
	eq_str(f.reply->users[0].away, "tea");
	eq_str(f.reply->users[0].role, "owner");
	fake_trace(&f);
	ASK(&f, &b, CMD_RENAME, .name = "ann");
	eq_trace(&f, "1 rename ok\n");
	cr_assert_eq(hub_users(f.hub), 2);
	ASK(&f, &a, CMD_SAY, .room = "den", .text = "me",
	    .from = "ann", .key = "k");
	fake_round(&f);
	eq_trace(&f, "0 #1: renamed bob to ann\n1 #1: renamed bob to ann\n"
	    "0 say ok\n0 #2: 1 ANNA me\n");
}

/* As whoever it was before, if resume says so; and what says so next time. */
static void
log_in(struct fake_client *c, const char *name, const char *resume,
    char secret[17])
{
	ASK(&f, c, CMD_LOGIN, .name = name, .resume = resume);
	cr_assert_eq(f.reply->error, ERR_NONE);
	strcpy(secret, f.reply->session);
}

/* What was a session's secret is worth nothing for another name or session. */
Test(hub_people, resume_needs_the_secret)
{
	struct fake_client a = login(0, "ann"), b = client(1, 900);
	struct fake_client c = client(2, 900);
	char secret[17];

	(void)a;
	log_in(&b, "Bob", NULL, secret);
	gone(&b, NULL);
	b = client(1, 901);
	/* Nobody has the name: a secret of before does no harm. */
	ASK(&f, &b, CMD_LOGIN, .name = "Bob", .resume = secret);
	eq_trace(&f, "1 login ok\n1 login ok\n");
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = secret);
	eq_trace(&f, "2 login name-taken\n");
	gone(&b, NULL);
	b = client(1, 902);
	log_in(&b, "Bob", NULL, secret);
	fake_trace(&f);
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .resume = secret);
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = "0123456789abcdef");
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = "");
	secret[15] ^= 1;
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = secret);
	eq_trace(&f, "2 login name-taken\n2 login name-taken\n"
	    "2 login name-taken\n2 login name-taken\n");
	secret[15] ^= 1;
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = secret);
	eq_str(f.reply->name, "Bob");
	cr_assert_str_neq(f.reply->session, secret);
	eq_trace(&f, "1 replaced\n2 login ok\n");
	cr_assert_eq(hub_users(f.hub), 2);
	/* The old one is nobody any more, and cannot become somebody. */
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "x");
	ASK(&f, &b, CMD_LOGIN, .name = "cy");
	eq_trace(&f, "1 say not-logged-in\n1 login already-logged-in\n");
	gone(&b, "late");
	cr_assert_eq(hub_users(f.hub), 2);
}

/* A resumed session is seen neither to leave nor to join. */
Test(hub_people, resume)
{
	struct fake_client a = login(0, "ann"), b = client(1, 900);
	struct fake_client c = client(2, 900);
	char secret[17];

	log_in(&b, "Bob", NULL, secret);
	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&b, "den");
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = secret);
	fake_trace(&f);

	/* A held place gets no news, but is one. */
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
	ASK(&f, &a, CMD_WHO, .room = "lobby");
	cr_assert_eq(f.reply->nlisted, 2);
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "lobby", .after = 0,
	    .has = HAS_AFTER);
	cr_assert_eq(f.reply->members, 2);
	cr_assert_eq(f.reply->head, 1);
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "ho");
	fake_round(&f);
	eq_trace(&f, "0 say ok\n0 #1: 1 ann hi\n0 who ok\n2 subscribe ok\n"
	    "0 say ok\n0 #1: 2 ann ho\n2 #1: 2 ann ho\n");
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "member");
	fake_trace(&f);
	/* It does something else: so it will not come back to den. */
	ASK(&f, &c, CMD_PING);
	fake_round(&f);
	eq_trace(&f, "2 ping ok\n0 #2: leave Bob replaced\n");
	ASK(&f, &c, CMD_SAY, .room = "den", .text = "x");
	cr_assert_eq(f.reply->error, ERR_NOT_SUBSCRIBED);
}

/* Resumed, and then gone or resumed again before it has subscribed. */
Test(hub_people, resume_and_again)
{
	struct fake_client a = login(0, "ann"), b = client(1, 900);
	struct fake_client c = client(2, 900), d = client(0, 901);
	char secret[17];

	enter(&a, "lobby");
	log_in(&b, "bob", NULL, secret);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "den");
	enter(&b, "lobby");
	fake_trace(&f);
	log_in(&c, "bob", secret, secret);
	ASK(&f, &d, CMD_LOGIN, .name = "bob", .resume = secret);
	eq_trace(&f, "1 replaced\n2 login ok\n2 replaced\n0 login ok\n");
	/* Still the owner. */
	ASK(&f, &d, CMD_SUBSCRIBE, .room = "den");
	eq_str(f.reply->role, "owner");
	gone(&c, "no");
	gone(&b, "no");
	cr_assert_eq(hub_users(f.hub), 2);
	gone(&d, "yes");
	fake_round(&f);
	eq_trace(&f, "0 subscribe ok\n0 #1: leave bob yes\n");
	cr_assert_eq(hub_rooms(f.hub), 1);
}

/* A resumed guest keeps the inbox, and subscribes from where it was. */
Test(hub_people, resumed_inbox)
{
	struct fake_client a = login(0, "ann"), b = client(1, 900);
	struct fake_client c = client(2, 900);
	char secret[17];

	log_in(&b, "bob", NULL, secret);
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "one");
	fake_round(&f);
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "two");
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .resume = secret);
	fake_trace(&f);
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "@bob", .after = 1,
	    .has = HAS_AFTER);
	cr_assert(f.reply->after == 1 && f.reply->head == 1);
	fake_round(&f);
	eq_trace(&f, "2 subscribe ok\n0 tell ok\n2 #1: 2 ann to bob two\n");
}

Test(hub_people, moved)
{
	struct fake_client a = login(0, "ann"), b = login(0, "bob"), old = b;
	struct request *r;

	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&b, "den");
	ASK(&f, &a, CMD_TELL, .name = "bob", .text = "psst");
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "one");
	ASK(&f, &b, CMD_SAY, .room = "lobby", .text = "two");
	hub_flush(f.hub);
	fake_commit(&f, 2);
	eq_trace(&f, "0 place #3 @bob after 0\n0 tell ok\n0 say ok\n");
	b.id = CLIENT_ID(2, 7, 9);
	r = ASK(&f, &b, CMD_MOVED);
	cr_assert_eq(r->nlisted, 3);
	eq_str(r->moved[0].room, "@bob");
	cr_assert(r->moved[0].room_id == 3 && r->moved[0].head == 1 &&
	    r->moved[0].after == 0);
	eq_str(r->moved[1].room, "lobby");
	cr_assert(r->moved[1].room_id == 1 && r->moved[1].head == 2);
	eq_str(r->moved[2].room, "den");
	/* The old loop had what was before; the rest goes to the new one. */
	fake_round(&f);
	eq_trace(&f, "0 #3: 1 ann to bob psst\n0 #1: 2 bob one\n2 moved ok\n"
	    "2 say ok\n0 #1: 3 bob two\n2 #1: 3 bob two\n");
	ASK(&f, &old, CMD_AWAY);
	eq_trace(&f, "0 away not-logged-in\n");
	gone(&old, NULL);
	gone(&b, NULL);
	fake_round(&f);
	eq_trace(&f, "0 #1: leave bob\n");
	b.sid = old.sid;
	ASK(&f, &b, CMD_MOVED);
	eq_trace(&f, "2 moved not-logged-in\n");
}

/* The operator's are asked by nobody, and may be about anybody. */
Test(hub_people, operator)
{
	struct fake_client o = { CLIENT_ID(OPERATOR_LOOP, 3, 1), 0 };
	struct fake_client a = login(0, "Ann"), b = login(1, "bob");
	struct request *r;

	enter(&a, "lobby");
	enter(&b, "lobby");
	enter(&b, "den");
	ASK(&f, &b, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	fake_trace(&f);
	r = ASK(&f, &o, CMD_ALL_ROOMS);
	cr_assert(r->nlisted == 2 && !r->more && !r->rooms[0].subscribed);
	r = ASK(&f, &o, CMD_ALL_ROOMS, .match = "DE");
	cr_assert_eq(r->nlisted, 1);
	eq_str(r->rooms[0].room, "den");
	r = ASK(&f, &o, CMD_ALL_WHO);
	cr_assert_eq(r->nlisted, 2);
	r = ASK(&f, &o, CMD_ALL_WHO, .room = "@ann");
	cr_assert_eq(r->nlisted, 1);
	eq_str(r->users[0].name, "Ann");
	cr_assert_eq(r->users[0].nclients, 1);
	cr_assert_eq(r->users[0].clients[0], a.id);
	r = ASK(&f, &o, CMD_ALL_WHO, .name = "BOB");
	cr_assert_eq(r->nlisted, 1);
	cr_assert_eq(r->users[0].clients[0], b.id);
	ASK(&f, &o, CMD_ALL_WHO, .name = "cat");
	r = ASK(&f, &a, CMD_WHO);
	cr_assert(r->nlisted == 2 && r->users[0].nclients == 0);
	ASK(&f, &o, CMD_ALL_WHO, .room = "none");
	ASK(&f, &o, CMD_SAY, .room = "lobby", .text = "no");
	eq_trace(&f, "255 operator ok\n255 operator ok\n255 operator ok\n"
	    "255 operator ok\n255 operator ok\n"
	    "255 operator no-such-user\n0 who ok\n"
	    "255 operator no-such-room\n"
	    "255 say not-logged-in\n");
}

Test(hub_people, kick)
{
	struct fake_client o = { CLIENT_ID(OPERATOR_LOOP, 3, 1), 0 };
	struct fake_client a = login(0, "Ann"), b = login(1, "bob");
	struct fake_client old = a;

	enter(&a, "lobby");
	enter(&b, "lobby");
	fake_trace(&f);
	ASK(&f, &o, CMD_EXPEL, .name = "ANN");
	eq_str(f.reply->name, "Ann");
	cr_assert_eq(f.reply->members, 1);
	cr_assert_eq(hub_users(f.hub), 1);
	fake_round(&f);
	eq_trace(&f, "0 kicked\n255 operator ok\n1 #1: leave Ann kicked\n");
	/* It may be moving, or saying something, at this moment. */
	ASK(&f, &a, CMD_SAY, .room = "lobby", .text = "hi");
	a.id = CLIENT_ID(2, 7, 9);
	ASK(&f, &a, CMD_MOVED);
	gone(&old, NULL);
	ASK(&f, &o, CMD_EXPEL, .name = "ann");
	ASK(&f, &o, CMD_EXPEL);
	eq_trace(&f, "0 say not-logged-in\n2 moved not-logged-in\n"
	    "255 operator no-such-user\n255 operator bad-argument\n");
}

/* What an idle client in a room costs the hub. */
Test(hub_people, memory)
{
	enum { N = 10000 };
	struct fake_client c;
	char name[16];
	size_t before = mallinfo2().uordblks, bytes;
	int i;

	for (i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "idle%d", i);
		c = login(i % FAKE_LOOPS, name);
		enter(&c, "lobby");
	}
	request_free(f.reply);
	f.reply = NULL;
	bytes = (mallinfo2().uordblks - before) / N;
	/* 0 with an allocator that doesn't count, such as a sanitizer's. */
	cr_assert_leq(bytes, 250);
}
