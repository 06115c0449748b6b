/*
 * Search, as the hub has it: where the asker may not look, and that this takes
 * no longer because there are many rooms.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-account.h"
#include "store.h"

#define PLAIN		100000
#define SEARCHES	100
#define ROUNDS		10

TestSuite(hub_search, .init = start, .fini = end);

/* The ids of rooms that a search of everything leaves out, in their order. */
static const char *
hidden(struct fake_client *c)
{
	static char ids[200];
	size_t at = 0;
	uint32_t i;

	ASK(&f, c, CMD_SEARCH, .string = "hi");
	cr_assert_eq(f.reply->error, ERR_NONE);
	ids[0] = '\0';
	for (i = 0; i < f.reply->nhidden; i++)
		at += (size_t)snprintf(ids + at, sizeof(ids) - at, "%s%u",
		    i > 0 ? " " : "", f.reply->hidden[i]);
	return ids;
}

static void
set_private(struct fake_client *c, const char *room, bool private)
{
	struct settings set = { .given[SET_PRIVATE] = true,
	    .value[SET_PRIVATE] = private };

	ASK(&f, c, CMD_CONFIGURE, .room = room, .set = &set);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE, "%s", f.reply->message);
}

static void
ban(struct fake_client *c, enum cmd cmd, const char *room, const char *name)
{
	ASK(&f, c, cmd, .room = room, .name = name);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE, "%s", f.reply->message);
}

/* Rooms 1 to 4 are there, Ann's. */
static struct fake_client
founder(void)
{
	struct fake_client c = registered("ann");

	enter(&c, "one");
	enter(&c, "two");
	enter(&c, "three");
	enter(&c, "four");
	return c;
}

Test(hub_search, nothing_is_hidden_in_plain_rooms)
{
	struct fake_client ann = founder(), bob = login(0, "bob");

	eq_str(hidden(&ann), "");
	eq_str(hidden(&bob), "");
}

/* Whatever the order in which they became private. */
Test(hub_search, private_rooms)
{
	struct fake_client ann = founder(), bob = login(0, "bob");

	set_private(&ann, "three", true);
	set_private(&ann, "one", true);
	set_private(&ann, "four", true);
	eq_str(hidden(&bob), "1 3 4");
	eq_str(hidden(&ann), "");
	set_private(&ann, "three", false);
	eq_str(hidden(&bob), "1 4");
	set_private(&ann, "three", true);
	set_private(&ann, "one", false);
	set_private(&ann, "four", false);
	eq_str(hidden(&bob), "3");
	set_private(&ann, "three", false);
	eq_str(hidden(&bob), "");
}

/* A room may be both, and is hidden until it is neither. */
Test(hub_search, who_is_banned)
{
	struct fake_client ann = founder(), bob = login(0, "bob"),
	    cy = login(0, "cy");

	ban(&ann, CMD_BAN, "two", "bob");
	eq_str(hidden(&bob), "2");
	eq_str(hidden(&cy), "");
	ban(&ann, CMD_BAN, "two", "cy");
	set_private(&ann, "two", true);
	ban(&ann, CMD_UNBAN, "two", "bob");
	eq_str(hidden(&bob), "2");
	set_private(&ann, "two", false);
	eq_str(hidden(&bob), "");
	eq_str(hidden(&cy), "2");
	ban(&ann, CMD_UNBAN, "two", "cy");
	eq_str(hidden(&cy), "");
}

Test(hub_search, after_a_restart)
{
	struct fake_client ann = founder(), bob = login(0, "bob");

	ASK(&f, &ann, CMD_SAY, .room = "two", .text = "hi");
	fake_round(&f);
	set_private(&ann, "two", true);
	gone(&ann, NULL);
	gone(&bob, NULL);
	fake_restart(&f);
	bob = login(0, "bob");
	eq_str(hidden(&bob), "2");
	ann = with_password(0, "ann", "secret");
	eq_str(hidden(&ann), "");
	set_private(&ann, "two", false);
	eq_str(hidden(&bob), "");
}

/* The shortest of some rounds, in µs. */
static uint64_t
time_searches(struct fake_client *c)
{
	uint64_t least = UINT64_MAX, begun, took;
	int round, i;

	for (round = 0; round < ROUNDS; round++) {
		begun = clock_us();
		for (i = 0; i < SEARCHES; i++)
			eq_str(hidden(c), "");
		took = clock_us() - begun;
		least = took < least ? took : least;
	}
	return least > 0 ? least : 1;
}

/* A walk over them all takes thousands of times as long. */
Test(hub_search, plain_rooms_cost_nothing)
{
	struct store_room *rooms = xcalloc(PLAIN + 1, sizeof(*rooms));
	struct fake_client c;
	uint64_t few, many;
	uint32_t i;

	for (i = 0; i < PLAIN; i++)
		rooms[i] = (struct store_room){ .id = i + 1, .topic = "",
		    .name = xasprintf("room%u", i), .head = 1 };
	for (i = 0; i < PLAIN; i++)
		rooms[i].key = rooms[i].name;
	c = login(0, "ann");
	few = time_searches(&c);
	fake_end(&f);
	fake_start(&f, rooms);
	c = login(0, "ann");
	many = time_searches(&c);
	cr_assert_lt(many, few * 20, "%d searches: %llu us, of %d rooms "
	    "%llu us", SEARCHES, (unsigned long long)few, PLAIN,
	    (unsigned long long)many);
	for (i = 0; i < PLAIN; i++)
		free((char *)(uintptr_t)rooms[i].name);
	free(rooms);
}
