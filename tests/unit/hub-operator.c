/*
 * What the operator does to accounts: by requests of nobody's session.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "hub-account.h"

TestSuite(operator, .init = start, .fini = end);

static struct fake_client control = { CLIENT_ID(OPERATOR_LOOP, 0, 1), 0 };

static enum error
does(enum cmd cmd, const char *name, const char *word)
{
	ASK(&f, &control, cmd, .name = name, .string = word,
	    .password = "secret");
	fake_round(&f);
	return f.reply->error;
}

Test(operator, makes_accounts)
{
	struct fake_client guest = login(0, "bob");

	f.conf.registration = ANSWER_NO;
	cr_assert_eq(does(CMD_ENROL, "ann", NULL), ERR_NONE);
	cr_assert_not_null(strstr(buf_str(&f.store.audit),
	    "\"act\":\"register\""));
	cr_assert_not_null(strstr(buf_str(&f.store.audit),
	    "\"whom\":\"ann\""));
	cr_assert_null(strstr(buf_str(&f.store.audit), "secret"));
	cr_assert_eq(logs_in("ann", "secret"), ERR_NONE);
	cr_assert_eq(does(CMD_ENROL, "ann", NULL), ERR_NAME_REGISTERED);
	cr_assert_eq(does(CMD_ENROL, "bob", NULL), ERR_NAME_TAKEN);
	gone(&guest, NULL);
	cr_assert_eq(does(CMD_ENROL, "bob", NULL), ERR_NONE);
	fake_restart(&f);
	cr_assert_eq(logs_in("bob", "secret"), ERR_NONE);
}

/* While the password was hashed, a guest has come by that name. */
Test(operator, meets_a_guest)
{
	struct fake_client guest = client(1, 1);
	struct request *req = fake_request(&control, &(struct ask){
	    .cmd = CMD_ENROL, .name = "ann", .password = "secret" });

	hub_request(f.hub, req);
	hub_request(f.hub, fake_request(&guest, &(struct ask){
	    .cmd = CMD_LOGIN, .name = "ann" }));
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_prove(&f);
	cr_assert_eq(f.reply->cmd, CMD_ENROL);
	cr_assert_eq(f.reply->error, ERR_NAME_TAKEN);
	cr_assert_null(fake_fact(&f, "account/ann"));
}

Test(operator, what_is_not_stored_is_not_so)
{
	cr_assert_eq(does(CMD_ENROL, "ann", NULL), ERR_NONE);
	f.store.fail = true;
	cr_assert_eq(does(CMD_ENROL, "bob", NULL), ERR_STORE_UNAVAILABLE);
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_STORE_UNAVAILABLE);
	ASK(&f, &control, CMD_REPASS, .name = "ann", .password = "other");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	cr_assert_eq(logs_in("ann", "secret"), ERR_NONE);
	cr_assert_null(fake_fact(&f, "operator/ann"));
	cr_assert_eq(logs_in("bob", "secret"), ERR_BAD_PASSWORD);
	cr_assert_eq(does(CMD_ENROL, "bob", NULL), ERR_NONE);
}

Test(operator, promotes)
{
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_NO_SUCH_USER);
	cr_assert_eq(does(CMD_ENROL, "ann", NULL), ERR_NONE);
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_NONE);
	cr_assert(!f.reply->duplicate);
	cr_assert_not_null(fake_fact(&f, "operator/ann"));
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_NONE);
	cr_assert(f.reply->duplicate);
	fake_restart(&f);
	ASK(&f, &control, CMD_ACCOUNTS);
	cr_assert(f.reply->nlisted == 1 && f.reply->accounts[0].op);
	cr_assert_eq(does(CMD_DEMOTE, "ann", NULL), ERR_NONE);
	cr_assert_null(fake_fact(&f, "operator/ann"));
	ASK(&f, &control, CMD_ACCOUNTS);
	cr_assert(!f.reply->accounts[0].op);
}

/* Wherever they are, and only of what is new. */
Test(operator, tells_who_is_promoted)
{
	const char *trace;

	registered("ann");
	login(1, "bob");
	with_password(1, "ann", "secret");
	fake_trace(&f);
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_NONE);
	trace = strstr(fake_trace(&f), "told You are an operator of this "
	    "server now.\n");
	cr_assert_not_null(trace);
	trace = strstr(trace + 1, "told ");
	cr_assert_not_null(trace, "in the other session, too");
	cr_assert_null(strstr(trace + 1, "told "));
	cr_assert_eq(does(CMD_PROMOTE, "ann", NULL), ERR_NONE);
	cr_assert_null(strstr(fake_trace(&f), "told "), "it was so already");
	cr_assert_eq(does(CMD_DEMOTE, "ann", NULL), ERR_NONE);
	cr_assert_not_null(strstr(fake_trace(&f), "told You are no operator of "
	    "this server any more.\n"));
}

/* One made while the others go stays. */
Test(operator, revokes)
{
	struct fake_client c = registered("ann");

	ASK(&f, &c, CMD_TOKEN, .string = "a/b");
	ASK(&f, &c, CMD_TOKEN, .string = "c");
	fake_round(&f);
	ASK(&f, &control, CMD_DISOWN, .name = "ann");
	ASK(&f, &c, CMD_TOKEN, .string = "d");
	fake_round(&f);
	ASK(&f, &c, CMD_TOKENS);
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->tokens[0].label, "d");
	cr_assert_null(fake_fact(&f, "token/ann/a/b"));
	cr_assert_not_null(fake_fact(&f, "token/ann/d"));
	cr_assert_eq(does(CMD_DISOWN, "ann", "x"), ERR_BAD_ARGUMENT);
	cr_assert_eq(does(CMD_DISOWN, "ann", "d"), ERR_NONE);
	cr_assert_eq(f.reply->members, 1);
}

/* All are listed, each once, whoever comes and goes between the pages. */
Test(operator, lists_in_pages)
{
	char name[16];
	unsigned i, n = 0, first = 0;
	uint64_t after = 0;

	for (i = 0; i < 450; i++) {
		snprintf(name, sizeof(name), "u%03u", i);
		cr_assert_eq(does(CMD_ENROL, name, NULL), ERR_NONE);
	}
	do {
		ASK(&f, &control, CMD_ACCOUNTS, .after = after);
		for (i = 0; i < f.reply->nlisted && n < 450; i++) {
			snprintf(name, sizeof(name), "u%03u", n++);
			eq_str(f.reply->accounts[i].name, name);
		}
		after = f.reply->more ? f.reply->next : 0;
		snprintf(name, sizeof(name), "v%03u", first++);
		if (first <= 2)
			cr_assert_eq(does(CMD_ENROL, name, NULL), ERR_NONE);
	} while (after > 0);
	cr_assert_eq(n, 450);
}

/* Also of what was not yet stored nothing is left for the next of that name. */
Test(operator, erases_what_is_under_way)
{
	struct fake_client c = registered("ann");

	ASK(&f, &c, CMD_TOKEN, .string = "bot");
	ASK(&f, &c, CMD_SUBSCRIBE, .room = "den");
	ASK(&f, &control, CMD_ERASE, .name = "ann");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	fake_round(&f);
	cr_assert_null(fake_fact(&f, "account/ann"));
	cr_assert_null(fake_fact(&f, "token/ann/bot"));
	cr_assert_null(fake_fact(&f, "role/den/ann"));
	c = registered("ann");
	ASK(&f, &c, CMD_TOKENS);
	cr_assert_eq(f.reply->nlisted, 0);
	ASK(&f, &c, CMD_CONFIGURE, .room = "den");
	cr_assert_eq(f.reply->error, ERR_NONE);
	eq_str(f.reply->role, "member");
}

static struct request *
shut(enum cmd cmd, const char *name, const char *address, uint32_t seconds)
{
	struct fake_client op = { CLIENT_ID(0, 900, 1), 0 };

	ASK(&f, &op, cmd, .name = name, .whom_address = address,
	    .seconds = seconds, .string = "spam");
	fake_round(&f);
	return f.reply;
}

/* Who is banned from the server is out, and stays out, until the end of it. */
Test(operator, bans)
{
	struct fake_client ann = login(1, "ann"), again = client(1, 901);

	cr_assert_eq(shut(CMD_SHUT_OUT, "ann", NULL, 0)->members, 1);
	cr_assert_eq(hub_users(f.hub), 0);
	ASK(&f, &again, CMD_LOGIN, .name = "ann");
	cr_assert_eq(f.reply->error, ERR_BANNED);
	cr_assert_not_null(strstr(f.reply->message, "spam"));
	fake_restart(&f);
	ASK(&f, &again, CMD_LOGIN, .name = "ANN");
	cr_assert_eq(f.reply->error, ERR_BANNED);
	cr_assert_eq(shut(CMD_LET_IN, "bob", NULL, 0)->error,
	    ERR_NO_SUCH_USER);
	cr_assert_eq(shut(CMD_LET_IN, "ann", NULL, 0)->error, ERR_NONE);
	ASK(&f, &again, CMD_LOGIN, .name = "ann");
	cr_assert_eq(f.reply->error, ERR_NONE);
	gone(&ann, NULL);
	gone(&again, NULL);
	fake_put(&f, "ban/*/n:ann", "{\"by\":\"operator\",\"reason\":\"\","
	    "\"at\":1,\"until\":2,\"name\":\"ann\"}");
	fake_restart(&f);
	again = client(1, 902);
	ASK(&f, &again, CMD_LOGIN, .name = "ann");
	cr_assert_eq(f.reply->error, ERR_NONE);
}

Test(operator, bans_of_addresses)
{
	struct fake_client c = client(1, 903);

	f.address = "192.0.2.7";
	ASK(&f, &c, CMD_LOGIN, .name = "eve");
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_eq(shut(CMD_SHUT_OUT, NULL, "127.0.0.1", 0)->error,
	    ERR_BAD_ARGUMENT);
	cr_assert_eq(shut(CMD_SHUT_OUT, NULL, "192.0.2.7", 60)->members, 1);
	c = client(1, 904);
	ASK(&f, &c, CMD_LOGIN, .name = "mallory");
	cr_assert_eq(f.reply->error, ERR_BANNED);
	f.address = "192.0.2.8";
	ASK(&f, &c, CMD_LOGIN, .name = "mallory");
	cr_assert_eq(f.reply->error, ERR_NONE);
	f.address = NULL;
}

/* Who is kept away, by whom and until when; not whose time is over. */
Test(operator, lists_bans)
{
	const struct listed_sanction *s;
	char name[16];
	unsigned i, n;
	uint64_t after = 0;

	ASK(&f, &control, CMD_SHUT_OUTS);
	cr_assert(f.reply->error == ERR_NONE && f.reply->nlisted == 0);
	cr_assert_eq(does(CMD_ENROL, "ann", NULL), ERR_NONE);
	ASK(&f, &control, CMD_SHUT_OUT, .name = "ann", .seconds = 3600,
	    .string = "spam", .address = "uid 7");
	fake_round(&f);
	fake_put(&f, "ban/*/n:old", "{\"by\":\"uid 7\",\"reason\":\"\","
	    "\"at\":1,\"until\":2,\"name\":\"old\"}");
	fake_restart(&f);
	ASK(&f, &control, CMD_SHUT_OUTS);
	cr_assert_eq(f.reply->nlisted, 1);
	s = f.reply->sanctions;
	eq_str(s->name, "ann");
	eq_str(s->by, "uid 7");
	eq_str(s->reason, "spam");
	cr_assert_eq(s->until - s->at, 3600000);
	ASK(&f, &control, CMD_SHUT_OUT, .whom_address = "2001:db8::7");
	fake_round(&f);
	ASK(&f, &control, CMD_SHUT_OUTS);
	cr_assert_eq(f.reply->nlisted, 2);
	s = &f.reply->sanctions[f.reply->sanctions[0].address == NULL];
	eq_str(s->address, "2001:db8::/64");
	cr_assert_eq(s->until, 0);
	for (i = 0; i < 900; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ASK(&f, &control, CMD_SHUT_OUT, .name = name,
		    .string = "spam");
		fake_round(&f);
	}
	for (n = 0, i = 0; i == 0 || after > 0; i++) {
		ASK(&f, &control, CMD_SHUT_OUTS, .after = after);
		n += f.reply->nlisted;
		after = f.reply->more ? f.reply->next : 0;
	}
	cr_assert_eq(n, 902);
	cr_assert_gt(i, 1);
}

/* One connection of several, by its number. */
Test(operator, kicks_a_client)
{
	struct fake_client ann = registered("ann"), again = client(1, 905);
	struct request *req = request_new(CMD_EXPEL);

	ASK(&f, &again, CMD_LOGIN, .name = "ann", .password = "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	req->client = control.id;
	req->target = again.id;
	hub_request(f.hub, req);
	fake_round(&f);
	cr_assert(f.reply->error == ERR_NONE && f.reply->members == 1);
	eq_str(f.reply->name, "ann");
	ASK(&f, &control, CMD_ALL_WHO);
	cr_assert_eq(f.reply->nlisted, 1);
	cr_assert_eq(f.reply->users[0].sessions, 1);
	cr_assert_eq(f.reply->users[0].clients[0], ann.id);
	req = request_new(CMD_EXPEL);
	req->client = control.id;
	req->target = again.id;
	hub_request(f.hub, req);
	cr_assert_eq(f.reply->error, ERR_NO_SUCH_USER);
	cr_assert_not_null(strstr(buf_str(&f.store.audit),
	    "\"act\":\"kick\""));
}
