/*
 * All is read in one snapshot of the database, a row at a time: nothing grows
 * with the room. What is redacted, or is being erased, has no text.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "ctl-db.h"
#include "ctl-export.h"
#include "export-form.h"
#include "name.h"
#include "store-sqlite.h"
#include "util.h"

struct export {
	sqlite3		*db;
	struct sqlite_erasures erased;
	bool		 secrets;
	unsigned long long messages, facts;
};

static void
line(json_t *o)
{
	if (json_dumpf(o, stdout, JSON_COMPACT) == -1 ||
	    putchar('\n') == EOF)
		err(REFUSED, "standard output");
	json_decref(o);
}

static json_t *
time_of(int64_t ms)
{
	char at[TIME_RFC3339];

	time_rfc3339(ms, at);
	return json_string(at);
}

static const char *
column(sqlite3_stmt *st, int n)
{
	return (const char *)sqlite3_column_text(st, n);
}

/* seq, time, kind, flags, sender, recipient, text, and the room if of it. */
static void
write_message(struct export *x, sqlite3_stmt *st, bool of_room)
{
	uint64_t seq = (uint64_t)sqlite3_column_int64(st, 0);
	enum msg_kind kind = (enum msg_kind)sqlite3_column_int(st, 2);
	const char *from = column(st, 4), *name = export_kind(kind);
	bool redacted = (sqlite3_column_int(st, 3) & MSG_REDACTED) ||
	    sqlite_is_erased(&x->erased, kind, seq, from);
	json_t *o = json_object();

	json_object_set_new(o, "seq", json_integer((json_int_t)seq));
	json_object_set_new(o, "time", time_of(sqlite3_column_int64(st, 1)));
	if (!of_room)
		json_object_set_new(o, "room", json_string(column(st, 7)));
	json_object_set_new(o, "from", json_string(from));
	if (*column(st, 5) != '\0')
		json_object_set_new(o, "to", json_string(column(st, 5)));
	json_object_set_new(o, "kind", json_string(name != NULL ? name :
	    export_kind(MSG_TEXT)));
	if (redacted)
		json_object_set_new(o, "redacted", json_true());
	else
		json_object_set_new(o, "text", json_stringn(column(st, 6),
		    (size_t)sqlite3_column_bytes(st, 6)));
	line(o);
	x->messages++;
}

static void
write_fact(struct export *x, const char *key, const char *value)
{
	json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
	bool token = strncmp(key, "token/", 6) == 0;
	bool account = strncmp(key, "account/", 8) == 0;

	if (!x->secrets && (token || account))
		json_object_del(v, "hash");
	if (account)
		json_object_del(v, "author");	/* is of this log alone */
	/* A token that could not be proved is nothing to put back. */
	if (v != NULL && (x->secrets || !token)) {
		line(json_pack("{s:s,s:O}", "fact", key, "value", v));
		x->facts++;
	}
	json_decref(v);
}

/* Facts of this kind whose key goes on with this, or ends so behind a room. */
static void
write_facts(struct export *x, const char *kind, const char *begin,
    const char *end)
{
	sqlite3_stmt *st = ctl_db_query(x->db, "SELECT key, value FROM facts"
	    " WHERE substr(key, 1, length(?1)) = ?1 AND (?2 = '' OR"
	    " substr(key, -length(?2)) = ?2) ORDER BY key");
	char *first = xasprintf("%s/%s", kind, begin);

	sqlite3_bind_text(st, 1, first, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, end, -1, SQLITE_STATIC);
	while (ctl_db_row(st)) {
		/* account/ann, but not account/annabel */
		const char *rest = column(st, 0) + strlen(first);

		if (*end != '\0' || *rest == '\0' || *rest == '/' ||
		    begin[strlen(begin) - 1] == '/')
			write_fact(x, column(st, 0), column(st, 1));
	}
	sqlite3_finalize(st);
	free(first);
}

static void
write_head(const char *what, const char *name, const char *topic)
{
	char id[33];
	json_t *o;

	random_hex(id, 16);
	o = json_pack("{s:i,s:s,s:s,s:s,s:o}", "partyline", EXPORT_VERSION,
	    "export", what, "id", id, "name", name, "time",
	    time_of(clock_wall()));
	if (topic != NULL && *topic != '\0')
		json_object_set_new(o, "topic", json_string(topic));
	line(o);
}

static void
export_room(struct export *x, const char *arg)
{
	static const char *const kinds[] = { "set", "role", "ban", "mute" };
	sqlite3_stmt *st = ctl_db_query(x->db, "SELECT id, name, topic, floor"
	    " FROM rooms WHERE key = ?1");
	struct name name;
	char *begin;
	size_t i;
	sqlite3_int64 id, floor;

	if (!name_parse_room(&name, arg, strlen(arg), NULL))
		errx(USAGE, "%s is no name of a room", arg);
	sqlite3_bind_text(st, 1, name.key, -1, SQLITE_STATIC);
	if (!ctl_db_row(st))
		errx(REFUSED, "there is no room %s", arg);
	id = sqlite3_column_int64(st, 0);
	floor = sqlite3_column_int64(st, 3);
	write_head("room", column(st, 1), column(st, 2));
	sqlite3_finalize(st);
	begin = xasprintf("%s/", name.key);
	for (i = 0; i < NITEMS(kinds); i++)
		write_facts(x, kinds[i], begin, "");
	free(begin);
	st = ctl_db_query(x->db, "SELECT seq, time, kind, flags, sender,"
	    " recipient, text FROM messages WHERE room = ?1 AND seq > ?2"
	    " ORDER BY seq");
	sqlite3_bind_int64(st, 1, id);
	sqlite3_bind_int64(st, 2, floor);
	while (ctl_db_row(st))
		write_message(x, st, true);
	sqlite3_finalize(st);
}

/* In its inbox, or said by it: all that was ever said is looked at. */
static void
write_own(struct export *x, const struct name *name)
{
	sqlite3_stmt *st = ctl_db_query(x->db, "SELECT m.seq, m.time, m.kind,"
	    " m.flags, m.sender, m.recipient, m.text, r.name, r.key"
	    " FROM messages m JOIN rooms r ON r.id = m.room"
	    " WHERE r.key NOT NULL AND m.seq > r.floor ORDER BY m.seq");
	char *inbox = xasprintf("@%s", name->key);

	while (ctl_db_row(st)) {
		if (strcmp(column(st, 8), inbox) == 0 ||
		    store_is_from(column(st, 4), name->key))
			write_message(x, st, false);
	}
	sqlite3_finalize(st);
	free(inbox);
}

static void
export_account(struct export *x, const char *arg)
{
	static const char *const own[] = { "account", "operator", "login",
	    "token", "kept", "talks", "seen", "shown",
	    "ignore" };
	static const char *const rooms[] = { "role", "ban", "mute" };
	sqlite3_stmt *st = ctl_db_query(x->db,
	    "SELECT value FROM facts WHERE key = 'account/' || ?1");
	struct name name;
	json_t *account;
	const char *shown;
	char *end;
	size_t i;

	if (!name_parse(&name, arg, strlen(arg), NULL))
		errx(USAGE, "%s is no name of a person", arg);
	sqlite3_bind_text(st, 1, name.key, -1, SQLITE_STATIC);
	if (!ctl_db_row(st))
		errx(REFUSED, "there is no account %s", arg);
	account = json_loads(column(st, 0), 0, NULL);
	shown = json_string_value(json_object_get(account, "name"));
	write_head("account", shown != NULL ? shown : name.key, NULL);
	json_decref(account);
	sqlite3_finalize(st);
	for (i = 0; i < NITEMS(own); i++)
		write_facts(x, own[i], name.key, "");
	for (i = 0; i < NITEMS(rooms); i++) {
		end = xasprintf(i == 0 ? "/%s" : "/a:%s", name.key);
		write_facts(x, rooms[i], "", end);
		free(end);
	}
	write_own(x, &name);
}

int
ctl_export(const struct ctl *c, const char *name)
{
	char *path = ctl_db_path(c);
	struct export x = { .db = ctl_db_open(path),
	    .secrets = ctl_flag(c, 'p') };
	sqlite3_stmt *st = ctl_db_query(x.db, sqlite_reads[R_ERASURES]);

	if (sqlite_erasures(st, &x.erased) != SQLITE_OK)
		ctl_db_fail(x.db, path);
	sqlite3_finalize(st);
	if (strcmp(c->kind, "room") == 0)
		export_room(&x, name);
	else
		export_account(&x, name);
	line(json_pack("{s:b,s:I,s:I}", "end", 1, "messages",
	    (json_int_t)x.messages, "facts", (json_int_t)x.facts));
	if (fflush(stdout) == EOF)
		err(REFUSED, "standard output");
	sqlite3_close(x.db);
	free(path);
	return 0;
}
