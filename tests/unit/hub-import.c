/*
 * What the operator puts back: parts of an export, from the control socket's
 * JSON to the store.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "control-ask.h"
#include "hub-account.h"
#include "import.h"

TestSuite(import, .init = start, .fini = end);

static struct fake_client control = { CLIENT_ID(OPERATOR_LOOP, 0, 1), 0 };

/* A part, stored; the answer's error. */
static enum error
put(const char *what, const char *name, const char *of, const char *rest)
{
	struct request *req = request_new(CMD_IMPORT);
	char *text = xasprintf("{\"what\":\"%s\",\"name\":\"%s\","
	    "\"of\":\"%s\",%s}", what, name, of, rest);
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);
	const char *why;

	cr_assert_not_null(root, "%s: %s", text, error.text);
	why = control_import_part(req, root);
	cr_assert_null(why, "%s: %s", text, why);
	req->client = control.id;
	json_decref(root);
	free(text);
	hub_request(f.hub, req);
	fake_round(&f);
	return f.reply->error;
}

#define HASH	"{\"hash\":\"0123456789abcdef0123456789abcdef"	\
		"0123456789abcdef0123456789abcdef\",\"created\":1}"
#define BEGIN	"\"begin\":true,\"line\":1"
#define END	"\"end\":true,\"line\":99"
#define MESSAGE(kind, text)						\
	"{\"time\":\"2026-11-24T20:45:56.123Z\",\"from\":\"Ann\","	\
	"\"kind\":\"" kind "\",\"text\":\"" text "\"}"

#define KICKED								\
	"{\"time\":\"2026-11-24T20:45:56.123Z\",\"from\":\"Ann\","	\
	"\"to\":\"bob\",\"kind\":\"kicked\",\"text\":\"0 \"}"

static void
enrol(const char *name)
{
	ASK(&f, &control, CMD_ENROL, .name = name, .password = "secret");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
}

Test(import, a_room)
{
	struct fake_client bob;

	enrol("ann");
	cr_assert_eq(put("room", "dev", "x1", BEGIN ",\"topic\":\"all\""),
	    ERR_NONE);
	cr_assert_eq(f.reply->seq, 0, "it is new");
	cr_assert_not_null(fake_fact(&f, "import/dev"));
	cr_assert_eq(put("room", "dev", "x1", "\"line\":6,\"facts\":["
	    "{\"fact\":\"role/dev/ann\",\"value\":{\"role\":\"owner\"}},"
	    "{\"fact\":\"role/dev/eve\",\"value\":{\"role\":\"op\"}},"
	    "{\"fact\":\"role/other/ann\",\"value\":{\"role\":\"op\"}},"
	    "{\"fact\":\"operator/ann\",\"value\":{\"at\":1}},"
	    "{\"fact\":\"set/dev/moderated\",\"value\":true}],"
	    "\"messages\":[" MESSAGE("text", "one") ","
	    KICKED "]"), ERR_NONE);
	cr_assert_eq(f.reply->members, 3, "left out");
	cr_assert_not_null(fake_fact(&f, "role/dev/ann"));
	cr_assert_null(fake_fact(&f, "role/dev/eve"), "a stranger's");
	cr_assert_null(fake_fact(&f, "role/other/ann"));
	cr_assert_null(fake_fact(&f, "operator/ann"));
	cr_assert_eq(f.store.nlog, 2);
	cr_assert_eq(f.store.log[0].msg->time, INT64_C(1795553156123));
	cr_assert_eq(f.store.log[1].msg->kind, MSG_KICKED);
	cr_assert_eq(put("room", "dev", "x1", END), ERR_NONE);
	cr_assert_null(fake_fact(&f, "import/dev"));
	cr_assert_not_null(strstr(buf_str(&f.store.audit), "import-room"));
	cr_assert_eq(f.store.audited, 0, "the operator's");
	bob = login(0, "bob");
	ASK(&f, &bob, CMD_SUBSCRIBE, .room = "dev");
	fake_round(&f);
	eq_str(f.reply->topic, "all");
	cr_assert_eq(f.reply->head, 2);
	ASK(&f, &bob, CMD_SAY, .room = "dev", .text = "let me",
	    .from = "bob");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_FORBIDDEN, "it is moderated");
}

/* Where it was, also behind a restart; and as no other. */
Test(import, goes_on)
{
	cr_assert_eq(put("room", "dev", "x1", BEGIN), ERR_NONE);
	cr_assert_eq(put("room", "dev", "x1", "\"line\":501,\"messages\":["
	    MESSAGE("text", "one") "]"), ERR_NONE);
	f.store.fail = true;
	cr_assert_eq(put("room", "dev", "x1", "\"line\":601,\"messages\":["
	    MESSAGE("text", "two") "]"), ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	cr_assert_eq(put("room", "dev", "x2", BEGIN), ERR_NAME_TAKEN);
	cr_assert_eq(put("room", "dev", "x2", "\"line\":9"),
	    ERR_BAD_ARGUMENT);
	fake_restart(&f);
	cr_assert_eq(put("room", "dev", "x1", BEGIN), ERR_NONE);
	cr_assert_eq(f.reply->seq, 501);
	cr_assert_eq(f.store.nlog, 1);
	cr_assert_eq(put("room", "dev", "x1", END), ERR_NONE);
	cr_assert_eq(put("room", "dev", "x1", "\"line\":100"),
	    ERR_BAD_ARGUMENT, "it is over");
}

Test(import, into_a_room_that_is_there)
{
	struct fake_client bob = login(0, "bob");

	enter(&bob, "dev");
	ASK(&f, &bob, CMD_SAY, .room = "dev", .text = "before",
	    .from = "bob");
	fake_round(&f);
	cr_assert_eq(put("room", "dev", "x1", BEGIN), ERR_NAME_TAKEN);
	cr_assert_not_null(strstr(f.reply->message, "-m"));
	cr_assert_eq(put("room", "dev", "x1", BEGIN ",\"merge\":true"),
	    ERR_NONE);
	cr_assert_eq(put("room", "dev", "x1", "\"line\":5,\"messages\":["
	    MESSAGE("text", "one") "]"), ERR_NONE);
	cr_assert_eq(f.store.nlog, 2);
	cr_assert_eq(put("room", "dev", "x1", END), ERR_NONE);
	ASK(&f, &bob, CMD_SAY, .room = "dev", .text = "after",
	    .from = "bob");
	fake_round(&f);
	cr_assert_eq(f.reply->seq, 3);
}

/* Without a password until it is given one, and never an operator. */
Test(import, an_account)
{
	cr_assert_eq(put("account", "Ann", "x1", BEGIN), ERR_NONE);
	cr_assert_eq(put("account", "Ann", "x1", "\"line\":9,\"facts\":["
	    "{\"fact\":\"account/ann\",\"value\":{\"name\":\"Ann\","
	    "\"created\":5}},"
	    "{\"fact\":\"operator/ann\",\"value\":{\"at\":1}},"
	    "{\"fact\":\"kept/ann/dev\",\"value\":7},"
	    "{\"fact\":\"token/bob/bot\",\"value\":" HASH "}],"
	    "\"messages\":[" MESSAGE("text", "psst") "]"), ERR_NONE);
	cr_assert_eq(f.reply->members, 2);
	cr_assert_eq(put("account", "Ann", "x1", END), ERR_NONE);
	ASK(&f, &control, CMD_ACCOUNTS);
	cr_assert_eq(f.reply->nlisted, 1);
	eq_str(f.reply->accounts[0].name, "Ann");
	cr_assert_eq(f.reply->accounts[0].created, 5);
	cr_assert_not(f.reply->accounts[0].op);
	cr_assert_eq(logs_in("ann", ""), ERR_BAD_PASSWORD);
	cr_assert_eq(logs_in("ann", "secret"), ERR_BAD_PASSWORD);
	ASK(&f, &control, CMD_REPASS, .name = "ann", .password = "secret");
	fake_round(&f);
	cr_assert_eq(logs_in("ann", "secret"), ERR_NONE);
	cr_assert_null(fake_fact(&f, "token/bob/bot"));
}

Test(import, what_is_not_stored_is_not_there)
{
	struct fake_client ann = login(0, "ann");

	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NAME_TAKEN);
	gone(&ann, NULL);
	f.store.fail = true;
	cr_assert_eq(put("account", "ann", "x1", BEGIN),
	    ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	ASK(&f, &control, CMD_ACCOUNTS);
	cr_assert_eq(f.reply->nlisted, 0);
	ann = login(0, "ann");
	gone(&ann, NULL);
	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NONE);
}

/* Nothing of the first try is there any more: it begins anew. */
Test(import, of_what_was_erased_meanwhile)
{
	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NONE);
	cr_assert_eq(put("account", "ann", "x1", "\"line\":501,"
	    "\"messages\":[" MESSAGE("text", "one") "]"), ERR_NONE);
	ASK(&f, &control, CMD_ERASE, .name = "ann");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_null(fake_fact(&f, "import/@ann"));
	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NONE);
	cr_assert_eq(f.reply->seq, 0);
	cr_assert_eq(put("account", "ann", "x1", "\"line\":501,"
	    "\"messages\":[" MESSAGE("text", "one") "]"), ERR_NONE);
	cr_assert_eq(put("account", "ann", "x1", END), ERR_NONE);
}

/* Into an account that was there nothing comes but messages, also when the
 * import goes on behind a restart and -m is not said again. */
Test(import, into_an_account_that_is_there)
{
	enrol("ann");
	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NAME_TAKEN);
	cr_assert_eq(put("account", "ann", "x1", BEGIN ",\"merge\":true"),
	    ERR_NONE);
	fake_restart(&f);
	cr_assert_eq(put("account", "ann", "x1", BEGIN), ERR_NONE);
	cr_assert(f.reply->more, "it is merged still");
	cr_assert_eq(put("account", "ann", "x1", "\"line\":9,\"facts\":["
	    "{\"fact\":\"account/ann\",\"value\":{\"name\":\"ann\"}},"
	    "{\"fact\":\"ignore/ann/bob\",\"value\":{\"name\":\"bob\"}},"
	    "{\"fact\":\"kept/ann/dev\",\"value\":1},"
	    "{\"fact\":\"talks/ann\",\"value\":\"dev\"},"
	    "{\"fact\":\"token/ann/bot\",\"value\":" HASH "}],"
	    "\"messages\":[" MESSAGE("text", "psst") "]"), ERR_NONE);
	cr_assert_eq(f.reply->members, 5, "all of them are left out");
	cr_assert_eq(f.store.nlog, 1);
	cr_assert_null(fake_fact(&f, "token/ann/bot"));
	cr_assert_null(fake_fact(&f, "ignore/ann/bob"));
	cr_assert_null(fake_fact(&f, "kept/ann/dev"));
	cr_assert_null(fake_fact(&f, "talks/ann"));
	cr_assert_eq(put("account", "ann", "x1", END), ERR_NONE);
	cr_assert_eq(logs_in("ann", "secret"), ERR_NONE);
}

/* As subscribe refuses it. */
Test(import, a_room_that_looks_like_another)
{
	struct fake_client bob = login(0, "bob");

	enter(&bob, "dev");
	cr_assert_eq(put("room", "d\xd0\xb5v", "x1", BEGIN), ERR_BAD_NAME);
}
