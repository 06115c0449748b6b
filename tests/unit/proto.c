/* The tables against the words of the wire contract, which are fixed. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto.h"
#include "util.h"

static const char *const commands[] = { "login", "subscribe", "unsubscribe",
    "say", "tell", "seen", "history", "rooms", "who", "topic", "away",
    "rename", "ping", "quit", "register", "passwd", "token", "tokens",
    "revoke", "search", "configure", "invite", "kick", "ban", "unban", "mute",
    "unmute", "op", "deop", "owner", "bans", "redact",
    "ignore", "unignore", "ignored" };

static const char *const error_names[] = { "bad-json", "bad-utf8",
    "bad-argument", "unknown-command", "too-long", "not-logged-in",
    "already-logged-in", "bad-name", "name-taken", "name-registered",
    "bad-password", "no-such-room", "no-such-user", "not-subscribed",
    "already-subscribed", "too-many-rooms", "forbidden", "private", "banned",
    "muted", "no-such-message", "rate-limited", "store-unavailable",
    "server-full", "internal" };

static bool
is_word(const char *s)
{
	return *s != '\0' && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-")
	    == strlen(s);
}

Test(proto, commands)
{
	const struct cmd_def *c;
	size_t i;

	for (i = 0; i < NITEMS(commands); i++) {
		c = proto_cmd(commands[i]);
		cr_assert_not_null(c, "%s", commands[i]);
		cr_assert_str_eq(c->name, commands[i]);
		cr_assert_eq(proto_cmd_by_id(c->cmd), c);
		cr_assert(c->cmd > CMD_NONE && c->cmd < CMD_MAX);
		cr_assert_str_not_empty(c->help);
	}
	for (i = 0; proto_cmds[i].name != NULL; i++)
		;
	cr_assert_eq(i, NITEMS(commands), "a command nobody knows of");
	cr_assert_eq(i, CMD_MAX - 1u);
}

Test(proto, no_commands)
{
	static const char *const no[] = { "", "Say", "sa", "says", "say ",
	    "gone", "none", "login\n" };
	size_t i;

	for (i = 0; i < NITEMS(no); i++)
		cr_assert_null(proto_cmd(no[i]), "%s", no[i]);
	cr_assert_null(proto_cmd_by_id(CMD_NONE));
	cr_assert_null(proto_cmd_by_id(CMD_GONE));
	cr_assert_null(proto_cmd_by_id(CMD_MOVED));
}

Test(proto, fields)
{
	const struct cmd_def *c;
	const struct field_def *f, *g;

	for (c = proto_cmds; c->name != NULL; c++) {
		for (f = c->fields; f->name != NULL; f++) {
			cr_assert(is_word(f->name), "%s.%s", c->name,
			    f->name);
			cr_assert_str_neq(f->name, "cmd");
			cr_assert_str_neq(f->name, "id");
			cr_assert_eq(f->type == FIELD_COUNT, f->max > 0,
			    "%s.%s", c->name, f->name);
			cr_assert_leq(f->min, f->max);
			for (g = c->fields; g < f; g++) {
				cr_assert_str_neq(g->name, f->name);
				cr_assert_neq(g->slot, f->slot, "%s: %s, %s",
				    c->name, f->name, g->name);
			}
		}
	}
}

/* "say room* text* kind key": a star for what must be there. */
Test(proto, fields_of_the_contract)
{
	static const char want[] =
	    "login name* password token resume after marks\n"
	    "subscribe room* after last epoch\n"
	    "unsubscribe room*\n"
	    "say room* text* kind key\n"
	    "tell to* text* kind key\n"
	    "seen room* seq*\n"
	    "history room* after before limit\n"
	    "rooms match after\n"
	    "who room after\n"
	    "topic room* topic*\n"
	    "away text\n"
	    "rename name*\n"
	    "ping\n"
	    "quit\n"
	    "register password*\n"
	    "passwd old* new*\n"
	    "token label* expires\n"
	    "tokens\n"
	    "revoke label* stay\n"
	    "search query* room before limit\n"
	    "configure room* private moderated history presence pace "
	    "registered\n"
	    "invite room* name* reason\n"
	    "kick room* name* reason for\n"
	    "ban room* name address reason for\n"
	    "unban room* name address reason\n"
	    "mute room* name address reason for\n"
	    "unmute room* name address reason\n"
	    "op room* name* reason\n"
	    "deop room* name* reason\n"
	    "owner room* name* reason\n"
	    "bans room* after\n"
	    "redact room* seq* reason\n"
	    "ignore name*\n"
	    "unignore name*\n"
	    "ignored\n";
	const struct cmd_def *c;
	const struct field_def *f;
	struct buf b = { 0 };

	for (c = proto_cmds; c->name != NULL; c++) {
		buf_adds(&b, c->name);
		for (f = c->fields; f->name != NULL; f++)
			buf_addf(&b, " %s%s", f->name,
			    f->required ? "*" : "");
		buf_addc(&b, '\n');
	}
	cr_assert_str_eq(buf_str(&b), want);
	buf_free(&b);
}

Test(proto, errors)
{
	size_t i, n;
	int e;

	cr_assert_eq(ERR_MAX - 1u, NITEMS(error_names));
	cr_assert_str_empty(error_name(ERR_NONE));
	cr_assert_str_empty(error_text(ERR_NONE));
	for (i = 0; i < NITEMS(error_names); i++) {
		for (e = ERR_NONE + 1; e < ERR_MAX; e++) {
			if (strcmp(error_name((enum error)e),
			    error_names[i]) == 0)
				break;
		}
		cr_assert_lt(e, ERR_MAX, "%s", error_names[i]);
		n = strlen(error_text((enum error)e));
		cr_assert_gt(n, 10, "%s", error_names[i]);
		cr_assert_eq(error_text((enum error)e)[n - 1], '.');
	}
	cr_assert_str_eq(error_name(ERR_MAX), "internal");
	cr_assert_str_eq(error_text((enum error)9999),
	    error_text(ERR_INTERNAL));
}

Test(proto, events)
{
	size_t i, j;

	for (i = 0; proto_events[i] != NULL; i++) {
		cr_assert(is_word(proto_events[i]));
		for (j = 0; j < i; j++)
			cr_assert_str_neq(proto_events[i], proto_events[j]);
	}
	cr_assert_gt(i, 0);
}

/* Each setting is a field of configure, of its type. */
Test(proto, settings)
{
	const struct field_def *f = proto_cmd("configure")->fields;
	int i;

	for (i = 0; i < SET_MAX; i++) {
		while (f->name != NULL &&
		    strcmp(f->name, proto_settings[i].name) != 0)
			f++;
		cr_assert_not_null(f->name, "%s", proto_settings[i].name);
		cr_assert_eq((int)f->slot, SLOT_SETTING + i);
		cr_assert_eq(f->type == FIELD_BOOL, proto_settings[i].flag);
		cr_assert(!f->required);
		cr_assert_str_not_empty(proto_settings[i].help);
	}
}
