#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "ctl-show.h"
#include "request.h"

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
add_pair(struct columns *c, const char *name, const char *value)
{
	columns_add(c, name);
	columns_add(c, value);
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

/* Tables: what a cell shows of a row's member. */

struct column {
	const char	*head, *key;	/* a head of NULL ends the list */
	void		(*cell)(struct buf *, const json_t *row,
			    const char *key);
};

static void
cell_text(struct buf *b, const json_t *row, const char *key)
{
	buf_adds(b, text(row, key));
}

static void
cell_or_dash(struct buf *b, const json_t *row, const char *key)
{
	buf_adds(b, *text(row, key) != '\0' ? text(row, key) : "-");
}

static void
cell_number(struct buf *b, const json_t *row, const char *key)
{
	buf_addf(b, "%llu", number(row, key));
}

/* "2026-11-24 20:45", or a dash. */
static void
cell_time(struct buf *b, const json_t *row, const char *key)
{
	const char *at = text(row, key);

	if (strlen(at) < sizeof("2026-11-24T20:45") - 1)
		buf_addc(b, '-');
	else
		buf_addf(b, "%.10s %.5s", at, at + 11);
}

/* The member's name if it is true. */
static void
cell_flag(struct buf *b, const json_t *row, const char *key)
{
	buf_adds(b, json_is_true(json_object_get(row, key)) ? key : "");
}

/* "0:17:3,1:4:1" */
static void
cell_clients(struct buf *b, const json_t *row, const char *key)
{
	const json_t *list = json_object_get(row, key), *one;
	size_t i;

	json_array_foreach(list, i, one) {
		buf_adds(b, i > 0 ? "," : "");
		buf_adds(b, CLIENT_TEXT((client_id)json_integer_value(one)));
	}
	buf_adds(b, json_array_size(list) == 0 ? "-" : "");
}

/* The reason, and of the audit what is not among the columns, as key=value. */
static void
cell_rest(struct buf *b, const json_t *row, const char *reason)
{
	static const char *const known[] = { "id", "time", "act", "by", "whom",
	    "room", "reason" };
	const char *key;
	json_t *value;
	char *s;
	size_t i;

	buf_adds(b, text(row, reason));
	json_object_foreach((json_t *)(uintptr_t)row, key, value) {
		for (i = 0; i < NITEMS(known) && strcmp(key, known[i]) != 0;
		    i++)
			;
		if (i < NITEMS(known))
			continue;
		s = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		buf_addf(b, "%s%s=%s", b->len > 0 ? " " : "", key,
		    s != NULL ? s : "");
		free(s);
	}
}

static void
show_list(struct buf *b, const json_t *rows, const struct column *columns)
{
	const struct column *at;
	struct buf cell = { 0 };
	const json_t *row;
	struct columns c;
	size_t i, n;

	for (n = 0; columns[n].head != NULL; n++)
		;
	columns_init(&c, n);
	for (at = columns; at->head != NULL; at++)
		columns_add(&c, at->head);
	json_array_foreach(rows, i, row) {
		for (at = columns; at->head != NULL; at++) {
			buf_reset(&cell);
			at->cell(&cell, row, at->key);
			columns_add(&c, buf_str(&cell));
		}
	}
	buf_free(&cell);
	finish(&c, b);
}

static const struct column room_columns[] = {
	{ "ROOM", "room", cell_text }, { "MEMBERS", "members", cell_number },
	{ "TOPIC", "topic", cell_text }, { NULL, NULL, NULL }
};
static const struct column who_columns[] = {
	{ "NAME", "name", cell_text }, { "ROLE", "role", cell_or_dash },
	{ "SESSIONS", "sessions", cell_number },
	{ "CLIENTS", "clients", cell_clients }, { "AWAY", "away", cell_text },
	{ NULL, NULL, NULL }
};
static const struct column account_columns[] = {
	{ "NAME", "name", cell_text }, { "CREATED", "created", cell_time },
	{ "LAST LOGIN", "login", cell_time },
	{ "TOKENS", "tokens", cell_number },
	{ "SESSIONS", "sessions", cell_number },
	{ "OPERATOR", "operator", cell_flag }, { NULL, NULL, NULL }
};
static const struct column audit_columns[] = {
	{ "TIME (UTC)", "time", cell_time }, { "BY", "by", cell_text },
	{ "ACT", "act", cell_text }, { "WHOM", "whom", cell_or_dash },
	{ "ROOM", "room", cell_text }, { "", "reason", cell_rest },
	{ NULL, NULL, NULL }
};

static const struct column ban_columns[] = {
	{ "WHOM", "whom", cell_text }, { "SINCE (UTC)", "at", cell_time },
	{ "UNTIL (UTC)", "until", cell_time }, { "BY", "by", cell_text },
	{ "REASON", "reason", cell_text }, { NULL, NULL, NULL }
};

/* Other answers. */

static void
add_loops(struct columns *c, const json_t *loops)
{
	char name[32], value[64];
	const json_t *loop;
	size_t i;

	json_array_foreach(loops, i, loop) {
		snprintf(name, sizeof(name), "loop %zu", i);
		snprintf(value, sizeof(value), "%llu clients, %llu%% busy",
		    number(loop, "clients"), number(loop, "busy_ms") / 10);
		add_pair(c, name, value);
	}
}

static void
show_status(struct buf *b, const json_t *o)
{
	static const char *const texts[] = { "server", "version", "state",
	    "store" };
	static const char *const numbers[] = { "pid", "clients", "users",
	    "rooms", "inboxes" };
	char *s = ctl_duration(number(o, "uptime")), value[32];
	const json_t *one;
	struct columns c;
	size_t i;

	columns_init(&c, 2);
	for (i = 0; i < NITEMS(texts); i++)
		add_pair(&c, texts[i], text(o, texts[i]));
	add_pair(&c, "uptime", s);
	free(s);
	json_array_foreach(json_object_get(o, "listen"), i, one) {
		add_pair(&c, "listen", json_string_value(one));
	}
	for (i = 0; i < NITEMS(numbers); i++) {
		snprintf(value, sizeof(value), "%llu", number(o, numbers[i]));
		add_pair(&c, numbers[i], value);
	}
	add_loops(&c, json_object_get(o, "loops"));
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
	buf_addf(b, "banned %s", text(o, "name"));
	buf_add_for(b, number(o, "for"));
	buf_adds(b, number(o, "for") == 0 ? " for ever" : "");
	if (json_is_true(json_object_get(o, "operator"))) {
		buf_adds(b, ", but as operator of the server it may come: "
		    "see deop\n");
		return;
	}
	buf_adds(b, ", and ended ");
	add_count(b, number(o, "sessions"), "connection");
	buf_addc(b, '\n');
}

static void
show_unban(struct buf *b, const json_t *o)
{
	buf_addf(b, "%s may come again\n", text(o, "name"));
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
	bool cert = json_is_true(json_object_get(o, "certificate_changed"));
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
	if (cert)
		buf_adds(b, "tls_cert: the certificate has changed\n");
	else if (c.n == 0)
		buf_adds(b, "nothing has changed\n");
	finish(&c, b);
}

/* How an answer is shown: as a table of the rows of its list, which may come in
 * pages, or by a function. */
static const struct {
	const char	*list;
	const struct column *columns;
	void		(*show)(struct buf *, const json_t *);
	const char	*none;		/* instead of the list's heads alone */
} shows[CONTROL_MAX] = {	/* top's is ctl_watch(), trace's ctl_trace */
	[CONTROL_STATUS] = { .show = show_status },
	[CONTROL_ROOMS] = { "rooms", room_columns, NULL, "no rooms" },
	[CONTROL_WHO] = { "members", who_columns, NULL, "nobody" },
	[CONTROL_NOTICE] = { .show = show_notice },
	[CONTROL_KICK] = { .show = show_kick },
	[CONTROL_BAN] = { .show = show_ban },
	[CONTROL_BANS] = { "bans", ban_columns, NULL, "no bans" },
	[CONTROL_UNBAN] = { .show = show_unban },
	[CONTROL_RELOAD] = { .show = show_reload },
	[CONTROL_DRAIN] = { .show = show_drain },
	[CONTROL_UPGRADE] = { .show = show_upgrade },
	[CONTROL_ACCOUNTS] = { "accounts", account_columns, NULL,
	    "no accounts" },
	[CONTROL_REGISTER] = { .show = show_register },
	[CONTROL_PASSWD] = { .show = show_passwd },
	[CONTROL_REVOKE] = { .show = show_revoke },
	[CONTROL_OP] = { .show = show_op },
	[CONTROL_DEOP] = { .show = show_deop },
	[CONTROL_ERASE] = { .show = show_erase },
	[CONTROL_AUDIT] = { "audit", audit_columns, NULL, "nothing" },
};

const char *
ctl_list(enum control_id id)
{
	return shows[id].list;
}

void
ctl_show(struct buf *b, enum control_id id, const json_t *answer, bool person)
{
	const json_t *rows;

	if (shows[id].list == NULL) {
		shows[id].show(b, answer);
		return;
	}
	rows = json_object_get(answer, shows[id].list);
	if (person && json_array_size(rows) == 0)
		buf_addf(b, "%s\n", shows[id].none);
	else
		show_list(b, rows, shows[id].columns);
}
