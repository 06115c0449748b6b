#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "ctl-show.h"

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static unsigned long long
number(const json_t *o, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(o, key));
}

static void
add_number(struct columns *c, const json_t *o, const char *key)
{
	char *s = xasprintf("%llu", number(o, key));

	columns_add(c, s);
	free(s);
}

static void
add_head(struct columns *c, const char *const *heads, size_t n)
{
	size_t i;

	columns_init(c, n);
	for (i = 0; i < n; i++)
		columns_add(c, heads[i]);
}

static void
finish(struct columns *c, struct buf *b)
{
	columns_render(c, b);
	columns_free(c);
}

char *
ctl_duration(unsigned long long s)
{
	if (s >= 86400)
		return xasprintf("%llud %lluh", s / 86400, s % 86400 / 3600);
	if (s >= 3600)
		return xasprintf("%lluh %llum", s / 3600, s % 3600 / 60);
	if (s >= 60)
		return xasprintf("%llum %llus", s / 60, s % 60);
	return xasprintf("%llus", s);
}

static void
add_loops(struct columns *c, const json_t *loops)
{
	const json_t *loop;
	size_t i;
	char *s;

	json_array_foreach(loops, i, loop) {
		s = xasprintf("loop %zu", i);
		columns_add(c, s);
		free(s);
		s = xasprintf("%llu clients, %llu%% busy",
		    number(loop, "clients"), number(loop, "busy_ms") / 10);
		columns_add(c, s);
		free(s);
	}
}

static void
show_status(struct buf *b, const json_t *o)
{
	static const char *const texts[] = { "server", "version", "state",
	    "store" };
	static const char *const numbers[] = { "pid", "clients", "users",
	    "rooms" };
	const json_t *one;
	struct columns c;
	char *s;
	size_t i;

	columns_init(&c, 2);
	for (i = 0; i < NITEMS(texts); i++) {
		columns_add(&c, texts[i]);
		columns_add(&c, text(o, texts[i]));
	}
	columns_add(&c, "uptime");
	s = ctl_duration(number(o, "uptime"));
	columns_add(&c, s);
	free(s);
	json_array_foreach(json_object_get(o, "listen"), i, one) {
		columns_add(&c, "listen");
		columns_add(&c, json_string_value(one));
	}
	for (i = 0; i < NITEMS(numbers); i++) {
		columns_add(&c, numbers[i]);
		add_number(&c, o, numbers[i]);
	}
	add_loops(&c, json_object_get(o, "loops"));
	finish(&c, b);
}

static void
show_rooms(struct buf *b, const json_t *o)
{
	static const char *const heads[] = { "ROOM", "MEMBERS", "TOPIC" };
	const json_t *room;
	struct columns c;
	size_t i;

	add_head(&c, heads, NITEMS(heads));
	json_array_foreach(json_object_get(o, "rooms"), i, room) {
		columns_add(&c, text(room, "room"));
		add_number(&c, room, "members");
		columns_add(&c, text(room, "topic"));
	}
	finish(&c, b);
}

/* Their numbers, "5,6". */
static void
add_clients(struct columns *c, const json_t *clients)
{
	struct buf b = { 0 };
	const json_t *one;
	size_t i;

	json_array_foreach(clients, i, one) {
		buf_addf(&b, "%s%llu", i > 0 ? "," : "",
		    (unsigned long long)json_integer_value(one));
	}
	columns_add(c, b.len > 0 ? buf_str(&b) : "-");
	buf_free(&b);
}

static void
show_who(struct buf *b, const json_t *o)
{
	static const char *const heads[] = { "NAME", "ROLE", "SESSIONS",
	    "CLIENTS", "AWAY" };
	const json_t *user;
	struct columns c;
	size_t i;

	add_head(&c, heads, NITEMS(heads));
	json_array_foreach(json_object_get(o, "members"), i, user) {
		columns_add(&c, text(user, "name"));
		columns_add(&c, *text(user, "role") != '\0' ?
		    text(user, "role") : "-");
		add_number(&c, user, "sessions");
		add_clients(&c, json_object_get(user, "clients"));
		columns_add(&c, text(user, "away"));
	}
	finish(&c, b);
}

/* "1 client", "2 clients" */
static void
add_count(struct buf *b, unsigned long long n, const char *noun)
{
	buf_addf(b, "%llu %s%s", n, noun, n == 1 ? "" : "s");
}

static void
show_notice(struct buf *b, const json_t *o)
{
	buf_adds(b, "told ");
	add_count(b, number(o, "clients"), "client");
	buf_addc(b, '\n');
}

static void
show_kick(struct buf *b, const json_t *o)
{
	buf_adds(b, "ended ");
	add_count(b, number(o, "sessions"), "connection");
	buf_addf(b, " of %s\n", text(o, "name"));
}

static void
show_ban(struct buf *b, const json_t *o)
{
	buf_addf(b, "banned %s, and ended ", text(o, "name"));
	add_count(b, number(o, "sessions"), "connection");
	buf_addc(b, '\n');
}

static void
show_unban(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s may come again\n", text(o, "name"));
}

/* "2026-11-24 20:45", or a dash. */
static void
add_time(struct columns *c, const json_t *o, const char *key)
{
	const char *at = text(o, key);
	char *s;

	if (strlen(at) < sizeof("2026-11-24T20:45") - 1) {
		columns_add(c, "-");
		return;
	}
	s = xasprintf("%.10s %.5s", at, at + 11);
	columns_add(c, s);
	free(s);
}

static void
show_accounts(struct buf *b, const json_t *o)
{
	static const char *const heads[] = { "NAME", "CREATED", "LAST LOGIN",
	    "TOKENS", "SESSIONS", "OPERATOR" };
	const json_t *account;
	struct columns c;
	size_t i;

	add_head(&c, heads, NITEMS(heads));
	json_array_foreach(json_object_get(o, "accounts"), i, account) {
		columns_add(&c, text(account, "name"));
		add_time(&c, account, "created");
		add_time(&c, account, "login");
		add_number(&c, account, "tokens");
		add_number(&c, account, "sessions");
		columns_add(&c, json_is_true(json_object_get(account,
		    "operator")) ? "operator" : "");
	}
	finish(&c, b);
}

/* What is not among the columns, as key=value. */
static void
add_rest(struct columns *c, const json_t *o)
{
	static const char *const known[] = { "id", "time", "act", "by", "whom",
	    "room", "reason" };
	struct buf b = { 0 };
	const char *key;
	json_t *value;
	char *s;
	size_t i;

	buf_adds(&b, text(o, "reason"));
	json_object_foreach((json_t *)(uintptr_t)o, key, value) {
		for (i = 0; i < NITEMS(known) && strcmp(key, known[i]) != 0;
		    i++)
			;
		if (i < NITEMS(known))
			continue;
		s = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		buf_addf(&b, "%s%s=%s", b.len > 0 ? " " : "", key,
		    s != NULL ? s : "");
		free(s);
	}
	columns_add(c, buf_str(&b));
	buf_free(&b);
}

static void
show_audit(struct buf *b, const json_t *o)
{
	static const char *const heads[] = { "TIME (UTC)", "BY", "ACT", "WHOM",
	    "ROOM", "" };
	const json_t *line;
	struct columns c;
	size_t i;

	add_head(&c, heads, NITEMS(heads));
	json_array_foreach(json_object_get(o, "audit"), i, line) {
		add_time(&c, line, "time");
		columns_add(&c, text(line, "by"));
		columns_add(&c, text(line, "act"));
		columns_add(&c, *text(line, "whom") != '\0' ?
		    text(line, "whom") : "-");
		columns_add(&c, text(line, "room"));
		add_rest(&c, line);
	}
	finish(&c, b);
}

static void
show_register(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s has an account now\n", text(o, "name"));
}

static void
show_passwd(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s has another password now\n", text(o, "name"));
}

static void
show_revoke(struct buf *b, const json_t *o)
{
	buf_adds(b, "revoked ");
	add_count(b, number(o, "tokens"), "token");
	buf_addf(b, " of %s\n", text(o, "name"));
}

static void
show_op(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s %s operator of the server\n", text(o, "name"),
	    json_is_true(json_object_get(o, "same")) ? "was already" :
	    "is now");
}

static void
show_deop(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s %s operator of the server\n", text(o, "name"),
	    json_is_true(json_object_get(o, "same")) ? "was no" :
	    "is no longer");
}

static void
show_erase(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s is no account any more, and what it said has no text; "
	    "ended ", text(o, "name"));
	add_count(b, number(o, "sessions"), "connection");
	buf_addc(b, '\n');
}

static void
show_drain(struct buf *b, const json_t *o)
{
	buf_adds(b, "sending ");
	add_count(b, number(o, "clients"), "client");
	buf_addf(b, " away within %llu s\n", number(o, "seconds"));
}

static void
show_upgrade(struct buf *b, const json_t *o)
{
	buf_addf(b, "process %llu, version %s, has taken over ",
	    number(o, "pid"), text(o, "version"));
	add_count(b, number(o, "clients"), "client");
	buf_addf(b, ", which waited for %llu ms\n", number(o, "still_ms"));
}

static void
show_reload(struct buf *b, const json_t *o)
{
	static const char *const lists[] = { "changed", "restart" };
	static const char *const words[] = { "", "after a restart" };
	const json_t *one;
	struct columns c;
	size_t i, n;

	columns_init(&c, 5);
	for (n = 0; n < NITEMS(lists); n++) {
		json_array_foreach(json_object_get(o, lists[n]), i, one) {
			columns_add(&c, text(one, "option"));
			columns_add(&c, text(one, "from"));
			columns_add(&c, "->");
			columns_add(&c, text(one, "to"));
			columns_add(&c, words[n]);
		}
	}
	if (c.n == 0)
		buf_adds(b, "nothing has changed\n");
	finish(&c, b);
}

static const struct {
	void		(*show)(struct buf *, const json_t *);
	const char	*list;
} shows[CONTROL_MAX] = {	/* top's is ctl_watch(), trace's ctl_trace */
	[CONTROL_STATUS] = { show_status, NULL },
	[CONTROL_ROOMS] = { show_rooms, "rooms" },
	[CONTROL_WHO] = { show_who, "members" },
	[CONTROL_NOTICE] = { show_notice, NULL },
	[CONTROL_KICK] = { show_kick, NULL },
	[CONTROL_BAN] = { show_ban, NULL },
	[CONTROL_UNBAN] = { show_unban, NULL },
	[CONTROL_RELOAD] = { show_reload, NULL },
	[CONTROL_DRAIN] = { show_drain, NULL },
	[CONTROL_UPGRADE] = { show_upgrade, NULL },
	[CONTROL_ACCOUNTS] = { show_accounts, "accounts" },
	[CONTROL_REGISTER] = { show_register, NULL },
	[CONTROL_PASSWD] = { show_passwd, NULL },
	[CONTROL_REVOKE] = { show_revoke, NULL },
	[CONTROL_OP] = { show_op, NULL },
	[CONTROL_DEOP] = { show_deop, NULL },
	[CONTROL_ERASE] = { show_erase, NULL },
	[CONTROL_AUDIT] = { show_audit, "audit" },
};

const char *
ctl_list(enum control_id id)
{
	return shows[id].list;
}

void
ctl_show(struct buf *b, enum control_id id, const json_t *answer)
{
	shows[id].show(b, answer);
}
