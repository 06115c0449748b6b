/*
 * Whom a person ignores: the list, for how long it is kept, and that all of the
 * person's sessions are told. What is left out then: stream.c and
 * session-ignore.c.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-account.h"

TestSuite(ignore, .init = start, .fini = end);

static struct fake_client
back(unsigned loop, const char *name)
{
	struct fake_client c = with_password(loop, name, "secret");

	cr_assert_eq(f.reply->error, ERR_NONE);
	return c;
}

/* The keys of the newest reply's list. */
static const char *
keys(void)
{
	static char text[4096];
	const struct ignores *list = f.reply->ignores;
	uint32_t i;

	text[0] = '\0';
	for (i = 0; list != NULL && i < list->n; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, list->list[i].key);
	}
	return text;
}

static const char *
list(struct fake_client *c)
{
	ASK(&f, c, CMD_IGNORED);
	cr_assert_eq(f.reply->error, ERR_NONE);
	return keys();
}

static enum error
ask(struct fake_client *c, enum cmd cmd, const char *name)
{
	ASK(&f, c, cmd, .name = name);
	fake_round(&f);
	cr_assert_not_null(f.reply);
	return f.reply->error;
}

Test(ignore, guest)
{
	struct fake_client ann = login(0, "ann"), bob = login(1, "Bob");

	eq_str(list(&ann), "");
	fake_trace(&f);
	cr_assert_eq(ask(&ann, CMD_IGNORE, "bob"), ERR_NONE);
	eq_str(f.reply->name, "Bob");
	eq_trace(&f, "0 ignores bob\n0 ignore ok\n");
	cr_assert_eq(ask(&ann, CMD_IGNORE, "BOB"), ERR_NONE);
	eq_trace(&f, "0 ignore ok\n");
	cr_assert_eq(ask(&ann, CMD_IGNORE, "aaron"), ERR_NONE);
	eq_str(list(&ann), "aaron bob");
	eq_str(f.reply->ignores->list[1].name, "Bob");
	cr_assert_gt(f.reply->ignores->list[1].at, 0);
	eq_str(list(&bob), "");
	fake_trace(&f);
	cr_assert_eq(ask(&ann, CMD_UNIGNORE, "bob"), ERR_NONE);
	eq_trace(&f, "0 ignores aaron\n0 unignore ok\n");
	cr_assert_eq(ask(&ann, CMD_UNIGNORE, "bob"), ERR_BAD_ARGUMENT);
	eq_str(f.reply->field, "name");
	cr_assert_eq(ask(&ann, CMD_UNIGNORE, "aaron"), ERR_NONE);
	eq_str(list(&ann), "");
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
}

/* The next one of that name is another person. */
Test(ignore, ends_with_the_guest)
{
	struct fake_client ann = login(0, "ann");

	ask(&ann, CMD_IGNORE, "bob");
	gone(&ann, NULL);
	ann = login(0, "ann");
	eq_str(list(&ann), "");
}

Test(ignore, not_oneself)
{
	struct fake_client ann = login(0, "ann");

	cr_assert_eq(ask(&ann, CMD_IGNORE, "ANN"), ERR_BAD_ARGUMENT);
	ask(&ann, CMD_IGNORE, "bob");
	ask(&ann, CMD_IGNORE, "cid");
	fake_trace(&f);
	ASK(&f, &ann, CMD_RENAME, .name = "Bob");
	eq_trace(&f, "0 ignores cid\n0 rename ok\n");
	eq_str(list(&ann), "cid");
	ASK(&f, &ann, CMD_RENAME, .name = "bob");
	eq_str(list(&ann), "cid");
	gone(&ann, NULL);
	ann = login(0, "bob");
	eq_str(list(&ann), "");
}

/* It is not to be noticed: a tell is stored and answered as always. */
Test(ignore, a_tell_is_answered)
{
	struct fake_client ann = login(0, "ann"), bob = login(1, "bob");

	ask(&ann, CMD_IGNORE, "bob");
	fake_trace(&f);
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert(!f.reply->offline);
	cr_assert_eq(f.reply->seq, 1);
	cr_assert_eq(f.store.nlog, 1);
}

Test(ignore, account_keeps_it)
{
	struct fake_client ann = registered("Ann"), two = back(2, "ann");

	fake_trace(&f);
	ASK(&f, &ann, CMD_IGNORE, .name = "bob");
	cr_assert_null(f.reply, "it is not stored yet");
	eq_str(list(&two), "");
	fake_trace(&f);
	fake_round(&f);
	cr_assert_str_eq(fake_trace(&f),
	    "2 ignores bob\n0 ignores bob\n0 ignore ok\n");
	cr_assert_not_null(fake_fact(&f, "ignore/ann/bob"));
	fake_restart(&f);
	ann = back(1, "ann");
	eq_str(keys(), "bob");		/* the login's */
	eq_str(list(&ann), "bob");
	cr_assert_eq(ask(&ann, CMD_UNIGNORE, "bob"), ERR_NONE);
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
	fake_restart(&f);
	ann = back(1, "ann");
	eq_str(list(&ann), "");
}

/* Commands that are under way together: the last one decides. */
Test(ignore, in_order)
{
	struct fake_client ann = registered("ann");

	ASK(&f, &ann, CMD_IGNORE, .name = "bob");
	ASK(&f, &ann, CMD_UNIGNORE, .name = "bob");
	ASK(&f, &ann, CMD_UNIGNORE, .name = "bob");
	fake_trace(&f);
	fake_round(&f);
	cr_assert_str_eq(fake_trace(&f), "0 ignores bob\n0 ignore ok\n"
	    "0 ignores\n0 unignore ok\n0 unignore bad-argument\n");
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
	ask(&ann, CMD_IGNORE, "bob");
	ASK(&f, &ann, CMD_UNIGNORE, .name = "bob");
	ASK(&f, &ann, CMD_IGNORE, .name = "bob");
	fake_round(&f);
	eq_str(list(&ann), "bob");
	cr_assert_not_null(fake_fact(&f, "ignore/ann/bob"));
}

Test(ignore, the_store_fails)
{
	struct fake_client ann = registered("ann");

	f.store.fail = true;
	cr_assert_eq(ask(&ann, CMD_IGNORE, "bob"), ERR_STORE_UNAVAILABLE);
	eq_str(list(&ann), "");
	f.store.fail = false;
	cr_assert_eq(ask(&ann, CMD_IGNORE, "bob"), ERR_NONE);
	f.store.fail = true;
	cr_assert_eq(ask(&ann, CMD_UNIGNORE, "bob"), ERR_STORE_UNAVAILABLE);
	eq_str(list(&ann), "bob");
}

Test(ignore, bounded)
{
	struct fake_client ann = login(0, "ann"), bea = registered("bea");
	char name[16];
	int i, n = 0;

	for (i = 0; i < IGNORED_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		cr_assert_eq(ask(&ann, CMD_IGNORE, name), ERR_NONE);
	}
	cr_assert_eq(ask(&ann, CMD_IGNORE, "one-more"), ERR_FORBIDDEN);
	cr_assert_eq(ask(&ann, CMD_IGNORE, "n0"), ERR_NONE);
	ask(&ann, CMD_UNIGNORE, "n7");
	cr_assert_eq(ask(&ann, CMD_IGNORE, "one-more"), ERR_NONE);
	list(&ann);
	cr_assert_eq(f.reply->ignores->n, IGNORED_MAX);
	/* All at once. */
	for (i = 0; i < IGNORED_MAX + 9; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		ASK(&f, &bea, CMD_IGNORE, .name = name);
		n += f.reply != NULL && f.reply->error == ERR_FORBIDDEN;
	}
	cr_assert_eq(n, 9);
	fake_round(&f);
	list(&bea);
	cr_assert_eq(f.reply->ignores->n, IGNORED_MAX);
}

/* Who registers keeps it, and what was changed while that was stored. */
Test(ignore, registering)
{
	struct fake_client ann = login(0, "ann");

	ask(&ann, CMD_IGNORE, "bob");
	ask(&ann, CMD_IGNORE, "cid");
	ASK(&f, &ann, CMD_REGISTER, .password = "secret");
	cr_assert_null(f.reply);
	ASK(&f, &ann, CMD_UNIGNORE, .name = "bob");
	ASK(&f, &ann, CMD_IGNORE, .name = "dan");
	fake_round(&f);
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
	cr_assert_not_null(fake_fact(&f, "ignore/ann/cid"));
	cr_assert_not_null(fake_fact(&f, "ignore/ann/dan"));
	eq_str(list(&ann), "cid dan");
	fake_restart(&f);
	ann = back(0, "ann");
	eq_str(list(&ann), "cid dan");
}

/* Or is gone by then; or it fails, and nothing of it is left. */
Test(ignore, registering_and_gone)
{
	struct fake_client ann = login(0, "ann"), bea = login(0, "bea");

	ask(&ann, CMD_IGNORE, "bob");
	ASK(&f, &ann, CMD_REGISTER, .password = "secret");
	gone(&ann, NULL);
	fake_round(&f);
	ann = back(0, "ann");
	eq_str(list(&ann), "bob");
	ask(&bea, CMD_IGNORE, "bob");
	ASK(&f, &bea, CMD_REGISTER, .password = "secret");
	gone(&bea, NULL);
	f.store.fail = true;
	fake_round(&f);
	f.store.fail = false;
	bea = login(0, "bea");
	eq_str(list(&bea), "");
	cr_assert_null(fake_fact(&f, "ignore/bea/bob"));
}

/* Nothing of it is left for the next one of that name. */
Test(ignore, erased)
{
	struct fake_client ann = registered("ann"), op = newcomer(0);

	ask(&ann, CMD_IGNORE, "bob");
	ASK(&f, &ann, CMD_IGNORE, .name = "cid");	/* on its way */
	ASK(&f, &op, CMD_ERASE, .name = "ann");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
	cr_assert_null(fake_fact(&f, "ignore/ann/cid"));
	ann = registered("ann");
	eq_str(list(&ann), "");
}

/* A session that moves, or comes back by its secret, is told again. */
Test(ignore, moved_and_resumed)
{
	struct fake_client ann = login(0, "ann"), next;
	char secret[40];

	snprintf(secret, sizeof(secret), "%s", f.reply->session);
	ask(&ann, CMD_IGNORE, "bob");
	next = (struct fake_client){ CLIENT_ID(2, 700, 1), ann.sid };
	ASK(&f, &next, CMD_MOVED);
	eq_str(keys(), "bob");
	ann = newcomer(1);
	ASK(&f, &ann, CMD_LOGIN, .name = "ann", .resume = secret);
	eq_str(keys(), "bob");
}
