/*
 * What the tests of the hub's commands share.
 */
#ifndef HUB_TEST_H
#define HUB_TEST_H

#include <criterion/criterion.h>

#include "hub-fake.h"

#define eq_trace(f, s)	cr_assert_str_eq(fake_trace(f), s)
#define eq_str(a, b)	cr_assert_str_eq((a), (b))

static struct fake f;

static struct fake_client
client(unsigned loop, unsigned slot)
{
	return (struct fake_client){ CLIENT_ID(loop, slot, 1), 0 };
}

static inline struct fake_client
login(unsigned loop, const char *name)
{
	static unsigned slot;
	struct fake_client c = client(loop, slot++);

	ASK(&f, &c, CMD_LOGIN, .name = name);
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_trace(&f);
	return c;
}

static inline void
enter(struct fake_client *c, const char *room)
{
	ASK(&f, c, CMD_SUBSCRIBE, .room = room);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE, "%s",
	    error_name(f.reply->error));
	fake_trace(&f);
}

/* So many messages, all stored. */
static inline void
chat(struct fake_client *c, const char *room, unsigned n)
{
	while (n-- > 0)
		ASK(&f, c, CMD_SAY, .room = room, .text = "hi");
	fake_round(&f);
}

static inline void
gone(struct fake_client *c, const char *reason)
{
	cr_assert_null(ASK(&f, c, CMD_GONE, .string = reason));
}

static void
start(void)
{
	fake_start(&f, NULL);
}

static void
end(void)
{
	fake_end(&f);
}

#endif
