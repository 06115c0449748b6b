/*
 * Tokens that are no more, and the sessions that came in by them.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hub-account.h"

TestSuite(tokens, .init = start, .fini = end);

static struct fake_client
by_token(const char *token, const char *resume)
{
	struct fake_client c = newcomer(1);

	ASK(&f, &c, CMD_LOGIN, .name = "ann", .token = token,
	    .resume = resume);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_trace(&f);
	return c;
}

static char *
new_token(struct fake_client *c, const char *label)
{
	ASK(&f, c, CMD_TOKEN, .string = label);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	return strdup(f.reply->token);
}

static bool
is_here(struct fake_client *c)
{
	ASK(&f, c, CMD_TOKENS);
	return f.reply->error == ERR_NONE;
}

/* Who asks is answered first, even if its own session goes. */
Test(tokens, who_came_in_by_a_token_goes_with_it)
{
	struct fake_client c = registered("ann"), bot, twin, other;
	char *token = new_token(&c, "bot"), *kept = new_token(&c, "kept");
	const char *trace, *end;

	bot = by_token(token, NULL);
	twin = by_token(token, NULL);
	other = by_token(kept, NULL);
	f.store.fail = true;
	ASK(&f, &bot, CMD_REVOKE, .string = "bot");
	fake_round(&f);
	cr_assert(is_here(&bot), "it is not stored");
	f.store.fail = false;
	fake_trace(&f);
	ASK(&f, &bot, CMD_REVOKE, .string = "bot");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	trace = fake_trace(&f);
	end = strstr(trace, "1 revoked\n");
	cr_assert_not_null(end);
	cr_assert_lt(strstr(trace, "revoke ok"), end);
	cr_assert_not_null(strstr(end + 1, "1 revoked\n"));
	cr_assert(!is_here(&bot) && !is_here(&twin));
	cr_assert(is_here(&c) && is_here(&other));
	free(token);
	free(kept);
}

/* By its secret alone a session goes on as it came in; by anything else it is
 * that one's. */
Test(tokens, a_token_ends_what_resumed_by_it)
{
	struct fake_client c = registered("ann"), bot = newcomer(1), heir;
	char *token = new_token(&c, "bot"), *next, secret[40];

	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	strcpy(secret, f.reply->session);
	heir = newcomer(2);
	ASK(&f, &heir, CMD_LOGIN, .name = "ann", .resume = secret);
	cr_assert_eq(f.reply->error, ERR_NONE);
	next = new_token(&c, "bot");
	cr_assert(!is_here(&heir), "another has its label");
	cr_assert(is_here(&c));
	bot = newcomer(1);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = next);
	strcpy(secret, f.reply->session);
	heir = newcomer(2);
	ASK(&f, &heir, CMD_LOGIN, .name = "ann", .password = "secret",
	    .resume = secret);
	fake_round(&f);
	cr_assert(!is_here(&bot) && is_here(&heir));
	ASK(&f, &c, CMD_REVOKE, .string = "bot");
	fake_round(&f);
	cr_assert(is_here(&heir), "it came in by the password");
	free(token);
	free(next);
}

Test(tokens, the_operator_ends_who_came_in)
{
	static const char *const labels[] = { "a", "b" };
	struct fake_client c = registered("ann"), bots[2];
	char *token;
	size_t i;

	for (i = 0; i < NITEMS(labels); i++) {
		token = new_token(&c, labels[i]);
		bots[i] = by_token(token, NULL);
		free(token);
	}
	ASK(&f, &c, CMD_DISOWN, .name = "ann", .string = "a");
	fake_round(&f);
	cr_assert(!is_here(&bots[0]) && is_here(&bots[1]));
	ASK(&f, &c, CMD_DISOWN, .name = "ann");
	fake_round(&f);
	cr_assert(!is_here(&bots[1]) && is_here(&c));
}
