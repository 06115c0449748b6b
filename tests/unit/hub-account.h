/*
 * What the tests of the hub share that are about people with accounts. Their
 * password is "secret".
 */
#ifndef HUB_ACCOUNT_H
#define HUB_ACCOUNT_H

#include "hub-test.h"

/* Who has not logged in yet, in a place of its own. */
static inline struct fake_client
newcomer(unsigned loop)
{
	static unsigned slot = 500;

	return client(loop, slot++);
}

/* A session that has registered this name. */
static inline struct fake_client
registered(const char *name)
{
	struct fake_client c = login(0, name);

	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	eq_str(f.reply->name, name);
	fake_trace(&f);
	return c;
}

/* One that has tried to log in; f.reply says whether it has. */
static inline struct fake_client
with_password(unsigned loop, const char *name, const char *password)
{
	struct fake_client c = newcomer(loop);

	ASK(&f, &c, CMD_LOGIN, .name = name, .password = password);
	fake_round(&f);
	return c;
}

/* What a login is answered, that ends at once. */
static inline enum error
logs_in(const char *name, const char *password)
{
	struct fake_client c = with_password(0, name, password);

	if (f.reply->error != ERR_NONE)
		return f.reply->error;
	gone(&c, NULL);
	return ERR_NONE;
}

#endif
