/*
 * Accounts: registering, logging in, passwords, tokens, and inboxes of people
 * who are away.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "decoy.h"
#include "hub-account.h"

TestSuite(account, .init = start, .fini = end);

static void
subscribe_kept(struct fake_client *c, const char *room)
{
	enter(c, room);
	fake_round(&f);
}

Test(account, register_and_come_back)
{
	struct fake_client c = registered("Ann"), d, guest = client(1, 1);
	const char *fact = fake_fact(&f, "account/ann");

	cr_assert_not_null(fact);
	cr_assert_not_null(strstr(fact, "\"hash\":\"!secret\""));
	ASK(&f, &c, CMD_REGISTER, .password = "other");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
	gone(&c, NULL);
	cr_assert_eq(hub_users(f.hub), 0);
	ASK(&f, &guest, CMD_LOGIN, .name = "aNN");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
	d = with_password(0, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	eq_str(f.reply->name, "Ann");
	cr_assert(!f.reply->guest);
	cr_assert_not_null(fake_fact(&f, "login/ann"));
	gone(&d, NULL);
	fake_restart(&f);
	d = with_password(0, "ann", "secret");
	eq_str(f.reply->name, "Ann");
	cr_assert(!f.reply->guest);
}

/* Whether there is such a name or not: the same answer. */
Test(account, wrong_passwords)
{
	struct fake_client c = registered("ann");
	with_password(1, "ann", "Secret");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	cr_assert_null(f.reply->message);
	with_password(1, "nobody", "Secret");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	cr_assert_null(f.reply->message);
	f.full = true;
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	cr_assert_gt(f.reply->retry_ms, 0);
	f.full = false;
	f.untried = true;
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	cr_assert_gt(f.reply->retry_ms, 0);
	f.untried = false;
	cr_assert_eq(hub_users(f.hub), 1);
	cr_assert_eq(hub_pending(f.hub), 0);
	gone(&c, NULL);
}

#define COST(m, t) "{\"hash\":\"$argon2id$v=19$m=" m ",t=" t ",p=1$"	\
    "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"
#define MINIMAL		COST("8192", "5")
#define MODERATE	COST("262144", "3")

/* What checking a wrong password of a name costs. */
static enum auth_cost
cost_of(const char *name)
{
	struct fake_client c = newcomer(0);
	const struct request *req;
	enum auth_cost cost;

	hub_request(f.hub, fake_request(&c, &(struct ask){ .cmd = CMD_LOGIN,
	    .name = name, .password = "wrong" }));
	cr_assert_not_null(f.proving.first);
	req = (struct request *)f.proving.first;
	cost = req->hash != NULL ? auth_hash_cost(req->hash) :
	    (enum auth_cost)req->decoy;
	fake_prove(&f);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	return cost;
}

/* A bit a name. */
static uint64_t
who_is_moderate(void)
{
	uint64_t bits = 0;
	char name[16];
	unsigned i;

	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "name%u", i);
		if (cost_of(name) == COST_MODERATE)
			bits |= UINT64_C(1) << i;
		else
			cr_assert_eq(cost_of(name), COST_MINIMAL);
	}
	return bits;
}

/* After auth_cost has changed: no other than accounts have, and the same one
 * behind a restart. */
Test(account, a_name_without_one_costs_what_accounts_do)
{
	struct fake_client guest;
	uint64_t moderate;

	f.conf.auth_cost = COST_MODERATE;
	cr_assert_eq(cost_of("eve"), COST_MODERATE);
	fake_put(&f, "account/ann", MINIMAL);
	fake_put(&f, "account/bob", MINIMAL);
	fake_restart(&f);
	guest = login(0, "gus");
	cr_assert_eq(cost_of("ann"), COST_MINIMAL);
	cr_assert_eq(cost_of("eve"), COST_MINIMAL);
	cr_assert_eq(cost_of("gus"), COST_MINIMAL, "a guest");
	cr_assert_eq(who_is_moderate(), 0);
	cr_assert_null(fake_fact(&f, DECOY_FACT), "not needed");
	gone(&guest, NULL);
	fake_put(&f, "account/bob", MODERATE);
	fake_restart(&f);
	f.store.fail = true;
	moderate = who_is_moderate();
	cr_assert(moderate != 0 && moderate != UINT64_MAX);
	cr_assert_null(fake_fact(&f, DECOY_FACT));
	f.store.fail = false;
	cr_assert_eq(who_is_moderate(), moderate);
	cr_assert_not_null(fake_fact(&f, DECOY_FACT));
	fake_restart(&f);
	cr_assert_eq(who_is_moderate(), moderate);
}

/* Each is counted by the hash that it has now. */
Test(account, costs_are_those_of_now)
{
	struct fake_client control = { CLIENT_ID(OPERATOR_LOOP, 0, 1), 0 };

	fake_put(&f, "account/ann", MINIMAL);
	fake_put(&f, "account/bob", MODERATE);
	fake_put(&f, "account/cat", "{\"hash\":\"\"}");
	fake_restart(&f);
	ASK(&f, &control, CMD_ERASE, .name = "ann");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_eq(who_is_moderate(), UINT64_MAX);
	cr_assert_eq(cost_of("cat"), COST_MODERATE, "it has no password");
	ASK(&f, &control, CMD_REPASS, .name = "bob", .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	f.conf.auth_cost = COST_MINIMAL;
	cr_assert_eq(who_is_moderate(), 0, "the fake's hash costs nothing");
}

Test(account, many_sessions_see_the_same)
{
	struct fake_client a = registered("ann"), b, bob = login(2, "bob");

	b = with_password(1, "ann", "secret");
	cr_assert_eq(hub_users(f.hub), 2);
	enter(&a, "lobby");
	fake_trace(&f);
	ASK(&f, &b, CMD_SUBSCRIBE, .room = "lobby");
	fake_round(&f);
	eq_trace(&f, "1 subscribe ok\n");	/* nobody joins twice */
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	cr_assert_not_null(strstr(buf_str(&f.trace), "0 place"));
	cr_assert_not_null(strstr(buf_str(&f.trace), "1 place"));
	gone(&a, NULL);
	fake_round(&f);
	cr_assert_eq(hub_users(f.hub), 2);
}

/* Its client is gone before its password is proved. */
Test(account, gone_while_proving)
{
	struct fake_client c = registered("ann"), d = client(1, 77);

	gone(&c, NULL);
	hub_request(f.hub, fake_request(&d, &(struct ask){ .cmd = CMD_LOGIN,
	    .name = "ann", .password = "secret" }));
	cr_assert_gt(hub_pending(f.hub), 0);
	hub_request(f.hub, fake_request(&d, &(struct ask){
	    .cmd = CMD_GONE }));
	cr_assert_eq(fake_prove(&f), 1);
	cr_assert_eq(hub_users(f.hub), 0);
	cr_assert_eq(hub_pending(f.hub), 0);
}

Test(account, the_store_fails)
{
	struct fake_client c = login(0, "ann");

	f.store.fail = true;
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	f.store.fail = true;
	ASK(&f, &c, CMD_PASSWD, .password = "secret", .new_password = "other");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	with_password(1, "ann", "other");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

Test(account, passwd)
{
	struct fake_client c = registered("ann"), guest = login(1, "bob");

	ASK(&f, &c, CMD_PASSWD, .password = "wrong", .proves = true);
	eq_str(f.reply->message, "The old password is wrong.");
	ASK(&f, &c, CMD_PASSWD, .password = "secret", .proves = true);
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &c, CMD_PASSWD, .password = "wrong", .new_password = "other");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	ASK(&f, &c, CMD_PASSWD, .password = "secret", .new_password = "no");
	cr_assert_eq(f.reply->error, ERR_BAD_ARGUMENT);
	eq_str(f.reply->field, "new");
	ASK(&f, &c, CMD_PASSWD, .password = "secret", .new_password = "other");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	with_password(1, "ann", "other");
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &guest, CMD_PASSWD, .password = "a", .new_password = "other");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
}

Test(account, tokens)
{
	struct fake_client c = registered("ann"), bot = client(1, 90);
	char *token;

	ASK(&f, &c, CMD_TOKEN, .string = "bot");
	fake_round(&f);
	token = strdup(f.reply->token);
	cr_assert_null(strstr(fake_fact(&f, "token/ann/bot"), token));
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert(!f.reply->guest);
	gone(&bot, NULL);
	bot = client(1, 91);
	ASK(&f, &bot, CMD_LOGIN, .name = "bob", .token = token);
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	ASK(&f, &c, CMD_TOKENS);
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->tokens[0].label, "bot");
	fake_restart(&f);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &bot, CMD_REVOKE, .string = "nope");
	cr_assert_eq(f.reply->error, ERR_BAD_ARGUMENT);
	ASK(&f, &bot, CMD_REVOKE, .string = "bot");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_null(fake_fact(&f, "token/ann/bot"));
	bot = client(1, 92);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	free(token);
}

/* Failed tokens count as failed passwords do, for a name that nobody has as
 * well; who has the right one is not kept out. */
Test(account, tokens_have_tries)
{
	static const char *const names[] = { "ann", "nobody" };
	struct fake_client ann = registered("ann"), bot = newcomer(1);
	char *token;
	size_t i, n;

	ASK(&f, &ann, CMD_TOKEN, .string = "bot");
	fake_round(&f);
	token = strdup(f.reply->token);
	f.conf.login_tries = 3;
	f.conf.login_tries_window = 600;
	hub_configure(f.hub, &f.conf);
	for (i = 0; i < NITEMS(names); i++) {
		for (n = 0; n < 3; n++) {
			ASK(&f, &bot, CMD_LOGIN, .name = names[i],
			    .token = "pl_guess");
			cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
		}
		ASK(&f, &bot, CMD_LOGIN, .name = names[i],
		    .token = "pl_guess");
		cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
		cr_assert_gt(f.reply->retry_ms, 0);
	}
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	cr_assert_eq(f.reply->error, ERR_NONE);
	free(token);
}

Test(account, a_token_expires)
{
	struct fake_client c = registered("ann"), bot = client(1, 93);
	char hash[TOKEN_HASH_SIZE], fact[256];

	gone(&c, NULL);
	fake_round(&f);
	auth_token_hash("x", hash);
	snprintf(fact, sizeof(fact), "{\"hash\":\"%s\",\"created\":1,"
	    "\"expires\":2}", hash);
	fake_put(&f, "token/ann/old", fact);
	fake_restart(&f);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = "x");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	fake_put(&f, "token/ann/new", "{}");
	snprintf(fact, sizeof(fact), "{\"hash\":\"%s\",\"created\":1,"
	    "\"expires\":0}", hash);
	fake_put(&f, "token/ann/new", fact);
	fake_restart(&f);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = "x");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* What is told to who is away comes at the next login, in order. */
Test(account, inbox_of_the_absent)
{
	struct fake_client a = registered("ann"), bob = login(2, "bob"), b;

	gone(&a, NULL);
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "one");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert(f.reply->offline);
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "two");
	fake_round(&f);
	fake_trace(&f);
	b = with_password(1, "ann", "secret");
	eq_trace(&f, "1 login ok\n1 place #1 @ann after 0\n");
	ASK(&f, &b, CMD_SEEN, .room = "@ann", .seq = 1);
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	gone(&b, NULL);
	fake_round(&f);
	fake_trace(&f);
	b = with_password(1, "ann", "secret");
	eq_trace(&f, "1 login ok\n1 place #1 @ann after 1\n");
	gone(&b, NULL);
}

/* A guest's inbox and rooms become the account's. */
Test(account, inbox_of_before)
{
	struct fake_client a = login(0, "ann"), bob = login(2, "bob");

	enter(&a, "lobby");
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "one");
	fake_round(&f);
	ASK(&f, &a, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	gone(&a, NULL);
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "two");
	fake_round(&f);
	fake_trace(&f);
	with_password(1, "ann", "secret");
	eq_trace(&f, "1 login ok\n1 place #2 @ann after 0\n");
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->kept[0].room, "lobby");
}

Test(account, kept_rooms)
{
	struct fake_client a = registered("ann"), bob = login(2, "bob");

	subscribe_kept(&a, "lobby");
	subscribe_kept(&a, "dev");
	enter(&bob, "lobby");
	cr_assert_not_null(fake_fact(&f, "kept/ann/lobby"));
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "dev");
	fake_round(&f);
	cr_assert_null(fake_fact(&f, "kept/ann/dev"));
	ASK(&f, &bob, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 1);
	fake_round(&f);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "1");
	gone(&a, NULL);
	ASK(&f, &bob, CMD_SAY, .room = "lobby", .text = "ho");
	fake_round(&f);
	a = with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->kept[0].room, "lobby");
	cr_assert_eq(f.reply->kept[0].seen, 1);
	cr_assert_eq(f.reply->kept[0].head, 2);
}

/* Which of its rooms, if any, it is told that it talks in. */
static const char *
talks(void)
{
	uint32_t i;

	for (i = 0; i < f.reply->nlisted; i++) {
		if (f.reply->kept[i].talks)
			return f.reply->kept[i].room;
	}
	return "";
}

/* Where a person talks is kept as long as that is one of its rooms. */
Test(account, where_it_talks)
{
	struct fake_client a = registered("ann");

	subscribe_kept(&a, "lobby");
	subscribe_kept(&a, "Dev");
	cr_assert_null(ASK(&f, &a, CMD_MARK, .room = "lobby"));
	fake_round(&f);
	cr_assert_null(fake_fact(&f, "talks/ann"), "where everybody does");
	cr_assert_null(ASK(&f, &a, CMD_MARK, .room = "elsewhere"));
	cr_assert_null(ASK(&f, &a, CMD_MARK, .room = "dev"));
	fake_round(&f);
	eq_str(fake_fact(&f, "talks/ann"), "\"dev\"");
	gone(&a, NULL);
	a = with_password(1, "ann", "secret");
	eq_str(talks(), "Dev");
	fake_restart(&f);
	a = with_password(1, "ann", "secret");
	eq_str(talks(), "Dev");
	subscribe_kept(&a, "lobby");
	cr_assert_null(ASK(&f, &a, CMD_GONE, .room = "lobby"));
	fake_round(&f);
	a = with_password(1, "ann", "secret");
	eq_str(talks(), "lobby");
	subscribe_kept(&a, "dev");
	cr_assert_null(ASK(&f, &a, CMD_MARK, .room = "dev"));
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "dev");
	gone(&a, NULL);
	fake_round(&f);
	with_password(1, "ann", "secret");
	eq_str(talks(), "");
}

/* Guesses run out, for a name and from an address; but not for the owner. */
Test(account, tries)
{
	struct fake_client a = registered("ann");
	int i;

	f.conf.login_tries = 3;
	f.conf.login_tries_window = 600;
	hub_configure(f.hub, &f.conf);
	gone(&a, NULL);
	f.address = "192.0.2.1";
	a = with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	for (i = 0; i < 4; i++) {
		f.address = i % 2 ? "192.0.2.2" : "192.0.2.3";
		with_password(1, "ann", "wrong");
		cr_assert_eq(f.reply->error, i < 3 ? ERR_BAD_PASSWORD :
		    ERR_RATE_LIMITED);
	}
	cr_assert_gt(f.reply->retry_ms, 0);
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	f.address = "192.0.2.1";
	with_password(1, "ann", "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_eq(hub_counts(f.hub)->failures, 3);
	cr_assert_eq(hub_counts(f.hub)->refused[AUTH_REFUSED_TRIES], 2);
	for (i = 0; i < 4; i++) {
		f.address = "192.0.2.9";
		with_password(1, i % 2 ? "x" : "y", "wrong");
		cr_assert_eq(f.reply->error, i < 3 ? ERR_BAD_PASSWORD :
		    ERR_RATE_LIMITED);
	}
	f.address = NULL;
}

/* From one address so many; what comes to nothing does not count. */
Test(account, registrations_of_an_address)
{
	static const char *const names[] = { "a0", "a1", "a2", "a3" };
	const struct hub_counts *counts = hub_counts(f.hub);
	struct fake_client c;
	size_t i;

	f.conf.register_max = 3;
	f.conf.register_window = 600;
	hub_configure(f.hub, &f.conf);
	f.address = "2001:db8::1";
	c = login(1, "full");
	f.full = true;
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	cr_assert_eq(counts->refused[AUTH_REFUSED_QUEUE], 1);
	f.full = false;
	f.store.fail = true;
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	for (i = 0; i < NITEMS(names); i++) {
		f.address = i % 2 ? "2001:db8::2" : "2001:db8::3";
		c = login(1, names[i]);
		ASK(&f, &c, CMD_REGISTER, .password = "secret");
		fake_round(&f);
		cr_assert_eq(f.reply->error, i < 3 ? ERR_NONE :
		    ERR_RATE_LIMITED, "%s", names[i]);
	}
	cr_assert_gt(f.reply->retry_ms, 0);
	cr_assert_eq(counts->refused[AUTH_REFUSED_REGISTER], 1);
	f.address = "2001:db8:0:1::1";
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE, "another network");
	f.address = NULL;
}

Test(account, names_stay)
{
	struct fake_client a = registered("ann"), bob = login(2, "bob");

	ASK(&f, &a, CMD_RENAME, .name = "anna");
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN);
	gone(&a, NULL);
	ASK(&f, &bob, CMD_RENAME, .name = "ann");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
}

/* Nor does anybody get one that looks like a registered name. */
Test(account, lookalikes)
{
	struct fake_client a = registered("mall"), b = login(1, "paul");
	struct fake_client c = client(1, 2), d;

	ASK(&f, &c, CMD_LOGIN, .name = "mal1");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
	cr_assert_not_null(strstr(f.reply->message, "looks like mall"));
	ASK(&f, &b, CMD_RENAME, .name = "m\xd0\xb0ll");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
	d = login(2, "pau1");
	ASK(&f, &b, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &d, CMD_REGISTER, .password = "secret");
	cr_assert_eq(f.reply->error, ERR_NAME_REGISTERED);
	gone(&a, NULL);
}

static void
mark(struct fake_client *c, uint32_t room, uint64_t seq)
{
	struct request *r = fake_request(c, &(struct ask){ .cmd = CMD_MARK });

	r->moved = request_alloc(r, sizeof(*r->moved));
	r->moved[0] = (struct moved_room){ .room = "", .room_id = room,
	    .after = seq };
	r->nlisted = 1;
	hub_request(f.hub, r);
	fake_round(&f);
}

/* What was shown counts as read; but not over what was never shown. */
Test(account, marks)
{
	struct fake_client a = registered("ann"), bob = login(2, "bob");

	enter(&bob, "lobby");
	chat(&bob, "lobby", 5);
	enter(&a, "lobby");	/* nothing of before is unread */
	eq_str(fake_fact(&f, "seen/ann/lobby"), "5");
	chat(&bob, "lobby", 5);
	mark(&a, 1, 8);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "8");
	mark(&a, 1, 7);
	mark(&a, 7, 10);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "8");
	gone(&a, NULL);
	a = with_password(0, "ann", "secret");
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "lobby", .last = 1,
	    .has = HAS_LAST);
	cr_assert_eq(f.reply->kept->seen, 8);
	mark(&a, 1, 10);	/* 9 has not been shown */
	eq_str(fake_fact(&f, "seen/ann/lobby"), "8");
	cr_assert_null(fake_fact(&f, "shown/ann/lobby"));
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 10);
	ASK(&f, &bob, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
	mark(&a, 1, 11);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "11");
}

static void
say(struct fake_client *c, unsigned n)
{
	while (n-- > 0)
		ASK(&f, c, CMD_SAY, .room = "lobby", .text = "hi");
	fake_round(&f);
}

static void
mark_so(struct fake_client *c, enum mark_how how, uint64_t from,
    uint64_t after)
{
	struct request *r = fake_request(c, &(struct ask){ .cmd = CMD_MARK });

	r->moved = request_alloc(r, sizeof(*r->moved));
	r->moved[0] = (struct moved_room){ .room = "", .room_id = 1,
	    .how = how, .from = from, .after = after };
	r->nlisted = 1;
	hub_request(f.hub, r);
	fake_round(&f);
}

/* Beyond a gap what was shown is noted, and the gap stays until it is read. */
Test(account, shown_behind_a_gap)
{
	struct fake_client a = registered("ann"), bob = login(2, "bob");

	enter(&bob, "lobby");
	enter(&a, "lobby");
	say(&bob, 5);
	mark(&a, 1, 5);
	gone(&a, NULL);
	say(&bob, 5);
	a = with_password(0, "ann", "secret");
	cr_assert_eq(f.reply->kept[0].seen, 5);
	cr_assert_null(f.reply->kept[0].shown);
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "lobby");
	say(&bob, 3);
	mark(&a, 1, 13);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "5");
	eq_str(fake_fact(&f, "shown/ann/lobby"), "[10,13]");
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "lobby");
	say(&bob, 5);
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "lobby", .last = 2,
	    .has = HAS_LAST);
	cr_assert_eq(f.reply->kept->shown->list[0].upto, 13);
	mark_so(&a, MARK_BEGINS, 0, 16);	/* of the last ones */
	mark_so(&a, MARK_BEGINS, 0, 17);	/* not later than that */
	mark(&a, 1, 18);
	eq_str(fake_fact(&f, "shown/ann/lobby"), "[10,13,16,18]");
	ASK(&f, &a, CMD_UNSUBSCRIBE, .room = "lobby");
	mark(&a, 1, 18);
	mark_so(&a, MARK_SENT_OUT, 14, 15);
	eq_str(fake_fact(&f, "shown/ann/lobby"), "[10,13,14,15,16,18]");
	gone(&a, NULL);
	fake_restart(&f);
	a = with_password(0, "ann", "secret");
	ASK(&f, &a, CMD_SUBSCRIBE, .room = "lobby");
	cr_assert_eq(f.reply->kept->shown->n, 3);
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 10);
	fake_round(&f);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "13");
	eq_str(fake_fact(&f, "shown/ann/lobby"), "[14,15,16,18]");
	ASK(&f, &a, CMD_SEEN, .room = "lobby", .seq = 16);
	fake_round(&f);
	eq_str(fake_fact(&f, "seen/ann/lobby"), "18");
	cr_assert_null(fake_fact(&f, "shown/ann/lobby"));
}

/* Both were free as they were asked for. */
Test(account, look_alikes_at_once)
{
	struct fake_client a = login(0, "paypal"), b = login(1, "p\u0430ypal");

	hub_request(f.hub, fake_request(&a, &(struct ask){
	    .cmd = CMD_REGISTER, .password = "secret" }));
	hub_request(f.hub, fake_request(&b, &(struct ask){
	    .cmd = CMD_REGISTER, .password = "secret" }));
	cr_assert_eq(fake_prove(&f), 2);
	fake_round(&f);
	cr_assert_neq(fake_fact(&f, "account/paypal") == NULL,
	    fake_fact(&f, "account/p\u0430ypal") == NULL);
}

Test(account, no_more_tokens_by_haste)
{
	struct fake_client a = registered("ann");
	char label[16];
	int i;

	for (i = 0; i < 2 * TOKENS_MAX; i++) {
		snprintf(label, sizeof(label), "bot%d", i);
		ASK(&f, &a, CMD_TOKEN, .string = label);
	}
	fake_round(&f);
	ASK(&f, &a, CMD_TOKENS);
	cr_assert_eq(f.reply->nlisted, TOKENS_MAX);
	ASK(&f, &a, CMD_REVOKE, .string = "bot0");
	fake_round(&f);
	ASK(&f, &a, CMD_TOKEN, .string = "another");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* Rooms that one has left for good are forgotten, the first ones first. */
Test(account, places_are_bounded)
{
	struct fake_client a = registered("ann"), bob = login(1, "bob");
	char room[24];
	int i;

	for (i = 0; i < 40; i++) {
		snprintf(room, sizeof(room), "r%d", i);
		enter(&bob, room);
		enter(&a, room);
		ASK(&f, &a, CMD_UNSUBSCRIBE, .room = room);
		ASK(&f, &bob, CMD_UNSUBSCRIBE, .room = room);
		fake_round(&f);
	}
	cr_assert_null(fake_fact(&f, "seen/ann/r0"));
	cr_assert_null(fake_fact(&f, "seen/ann/r18"));
	cr_assert_not_null(fake_fact(&f, "seen/ann/r39"));
}

/* As a SIGKILL leaves them that comes between an erase and what was still on
 * its way to the store then. */
Test(account, facts_of_nobody_are_not_the_next_ones)
{
	struct fake_client ann = registered("ann"), bob;

	gone(&ann, NULL);
	fake_put(&f, "token/bob/bot", "{\"hash\":\"x\",\"created\":1}");
	fake_put(&f, "operator/bob", "{\"at\":1}");
	fake_put(&f, "kept/bob/den", "1");
	fake_restart(&f);
	hub_flush(f.hub);
	fake_round(&f);
	cr_assert_null(fake_fact(&f, "token/bob/bot"));
	cr_assert_null(fake_fact(&f, "operator/bob"));
	cr_assert_null(fake_fact(&f, "kept/bob/den"));
	cr_assert_not_null(fake_fact(&f, "account/ann"));
	bob = registered("bob");
	ASK(&f, &bob, CMD_TOKENS, .name = NULL);
	cr_assert_eq(f.reply->nlisted, 0);
	gone(&bob, NULL);
	fake_restart(&f);
	hub_flush(f.hub);
	cr_assert_eq(f.store.nops, 0);
	cr_assert_not_null(fake_fact(&f, "account/bob"));
}
