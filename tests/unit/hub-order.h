/*
 * What the tests of rooms that are kept in order share. Accounts' password is
 * "secret".
 */
#ifndef HUB_ORDER_H
#define HUB_ORDER_H

#include "hub-test.h"

/* A request and all that comes of it. */
#define DO(c, ...) do {							\
	ASK(&f, (c), __VA_ARGS__);					\
	fake_round(&f);							\
	cr_assert_not_null(f.reply);					\
} while (0)
#define OK(c, ...) do {							\
	DO((c), __VA_ARGS__);						\
	cr_assert_eq(f.reply->error, ERR_NONE, "%s: %s",		\
	    error_name(f.reply->error), f.reply->message);		\
} while (0)
#define NO(e, c, ...) do {						\
	DO((c), __VA_ARGS__);						\
	cr_assert_eq(f.reply->error, (e), "%s",				\
	    error_name(f.reply->error));				\
} while (0)

static inline unsigned
next_slot(void)
{
	static unsigned slot = 500;

	return slot++;
}

static inline struct fake_client
from(const char *name, const char *address)
{
	struct fake_client c = client(0, next_slot());

	DO(&c, CMD_LOGIN, .name = name, .address = address);
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_trace(&f);
	return c;
}

static inline struct fake_client
registered(const char *name)
{
	struct fake_client c = from(name, "192.0.2.9");

	OK(&c, CMD_REGISTER, .password = "secret");
	fake_trace(&f);
	return c;
}

static inline struct fake_client
again(const char *name)
{
	struct fake_client c = client(1, next_slot());

	OK(&c, CMD_LOGIN, .name = name, .password = "secret");
	fake_trace(&f);
	return c;
}

static inline struct fake_client
operator(void)
{
	struct fake_client c = registered("root");

	gone(&c, NULL);
	fake_put(&f, "operator/root", "{\"at\":1}");
	fake_restart(&f);
	return again("root");
}

static inline void
set(struct fake_client *c, enum setting s, uint32_t value)
{
	struct settings set = { .value = { 0 } };

	set.value[s] = value;
	set.given[s] = true;
	OK(c, CMD_CONFIGURE, .room = "den", .set = &set);
	fake_trace(&f);
}

#endif
