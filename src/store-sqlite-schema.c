/*
 * The schema, its steps from version to version, and every statement that is
 * kept prepared.
 */
#include <stdio.h>

#include "store-sqlite.h"
#include "util.h"

/* Step n takes a database from version n to n + 1. Never changed, only added
 * to. A key outlives its message, whose seq it bears. */
static const char *const steps[] = {
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
	"    WITHOUT ROWID;"
	/* a key of NULL: the room is over, the rest of it is to go */
	"CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
	"    key TEXT UNIQUE, topic TEXT NOT NULL DEFAULT '',"
	"    head INTEGER NOT NULL, floor INTEGER NOT NULL,"
	"    count INTEGER NOT NULL, bytes INTEGER NOT NULL);"
	"CREATE TABLE messages (seq INTEGER PRIMARY KEY, room INTEGER NOT NULL,"
	"    time INTEGER NOT NULL, kind INTEGER NOT NULL,"
	"    flags INTEGER NOT NULL, sender TEXT NOT NULL,"
	"    recipient TEXT NOT NULL, text TEXT NOT NULL);"
	/* every index ends with the row's seq by itself */
	"CREATE INDEX messages_room ON messages (room);"
	"CREATE TABLE keys (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	"    room INTEGER NOT NULL, sender TEXT NOT NULL, key TEXT NOT NULL,"
	"    UNIQUE (room, sender, key));",

	"CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
	"    WITHOUT ROWID;"
	"CREATE TABLE audit (id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
	"    act TEXT NOT NULL);",

	/* whose messages are to go: all up to upto; those up to done have */
	"CREATE TABLE erasures (key TEXT PRIMARY KEY, upto INTEGER NOT NULL,"
	"    done INTEGER NOT NULL) WITHOUT ROWID;"
	/* of the index of words what is to be made anew, see words.h */
	"CREATE TABLE stale (id INTEGER PRIMARY KEY,"
	"    part INTEGER NOT NULL UNIQUE);",

	/* struct msg's; NULL: not known */
	"ALTER TABLE messages ADD COLUMN author INTEGER;",

	/* 0: the server's own. Whose a line of before was is not looked for, as
	 * clients wait meanwhile: these have a number that is no room's */
	"ALTER TABLE audit ADD COLUMN room INTEGER NOT NULL DEFAULT 4294967295;"
	"CREATE INDEX audit_room ON audit (room);"
	/* how many lines each room has, and -1: all rooms together */
	"CREATE TABLE audits (room INTEGER PRIMARY KEY,"
	"    count INTEGER NOT NULL);"
	"INSERT INTO audits SELECT room, count(*) FROM audit GROUP BY room;"
	"INSERT INTO audits SELECT -1, count(*) FROM audit WHERE room <> 0;"
	"CREATE INDEX audits_count ON audits (count);"
	"CREATE TRIGGER audit_more AFTER INSERT ON audit BEGIN"
	"    INSERT INTO audits VALUES (new.room, 1)"
	"        ON CONFLICT (room) DO UPDATE SET count = count + 1;"
	"    UPDATE audits SET count = count + 1"
	"        WHERE room = -1 AND new.room <> 0;"
	"END;"
	"CREATE TRIGGER audit_less AFTER DELETE ON audit BEGIN"
	"    UPDATE audits SET count = count - 1 WHERE room = old.room"
	"        OR (room = -1 AND old.room <> 0);"
	"    DELETE FROM audits WHERE room = old.room AND count = 0;"
	"END;"
};

const char *const sqlite_writes[W_MAX] = {
	[W_BEGIN] = "BEGIN IMMEDIATE",
	[W_COMMIT] = "COMMIT",
	[W_ROLLBACK] = "ROLLBACK",
	[W_MESSAGE] = "INSERT INTO messages (seq, room, time, kind, flags,"
	    " sender, recipient, text, author)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, nullif(?9, 0))",
	[W_KEY] = "INSERT INTO keys (seq, time, room, sender, key)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)"
	    " ON CONFLICT (room, sender, key) DO NOTHING",
	[W_KEY_FIND] = "SELECT seq, time FROM keys"
	    " WHERE room = ?1 AND sender = ?2 AND key = ?3",
	[W_KEY_DROP] = "DELETE FROM keys WHERE seq = ?1",
	[W_KEY_EXPIRED] = "SELECT seq, time FROM keys ORDER BY seq LIMIT ?1",
	[W_KEY_EXPIRE] = "DELETE FROM keys WHERE seq <= ?1",
	[W_KEY_ERASE] = "DELETE FROM keys WHERE sender = ?1",
	[W_ROOM_BY_KEY] = "SELECT id FROM rooms WHERE key = ?1",
	[W_ROOM_NEW] = "INSERT INTO rooms (id, name, key, head, floor, count,"
	    " bytes) VALUES (?1, ?2, ?3, 0, 0, 0, 0) ON CONFLICT (id)"
	    " DO UPDATE SET name = ?2, key = ?3",
	[W_ROOM_GONE] = "UPDATE rooms SET key = NULL, topic = '' WHERE id = ?1",
	[W_ROOM_DROP] = "DELETE FROM rooms WHERE id = ?1",
	[W_ROOM_KEYS] = "DELETE FROM keys WHERE seq IN"
	    " (SELECT seq FROM keys WHERE room = ?1 LIMIT ?2)",
	[W_ROOM] = "UPDATE rooms SET head = ?2, floor = ?3, count = ?4,"
	    " bytes = ?5 WHERE id = ?1",
	[W_TOPIC] = "UPDATE rooms SET topic = ?2 WHERE id = ?1",
	[W_SEQ] = "UPDATE meta SET value = ?1 WHERE name = 'seq'",
	[W_OLDEST] = "SELECT seq, time, sender, recipient, text FROM messages"
	    " WHERE room = ?1 ORDER BY seq LIMIT ?2",
	[W_PRUNE] = "DELETE FROM messages WHERE room = ?1 AND seq <= ?2",
	[W_TRY] = "INSERT INTO meta VALUES ('try', '')",
	[W_TRIED] = "DELETE FROM meta WHERE name = 'try'",
	[W_FACT] = "INSERT INTO facts (key, value) VALUES (?1, ?2)"
	    " ON CONFLICT (key) DO UPDATE SET value = ?2",
	[W_FACT_DROP] = "DELETE FROM facts WHERE key = ?1",
	[W_AUDIT] = "INSERT INTO audit (time, act, room) VALUES (?1, ?2, ?3)",
	[W_AUDIT_OLDEST] = "SELECT id, time, (SELECT max(id) FROM audit)"
	    " FROM audit ORDER BY id LIMIT ?1",
	[W_AUDIT_PRUNE] = "DELETE FROM audit WHERE id <= ?1",
	/* + is for the index of counts */
	[W_AUDIT_MOST] = "SELECT room, count FROM audits WHERE +room >= ?1"
	    " ORDER BY count DESC, room DESC LIMIT 2",
	[W_AUDIT_ROOMS] = "SELECT count FROM audits WHERE room = -1",
	[W_AUDIT_CUT] = "DELETE FROM audit WHERE id IN (SELECT id FROM audit"
	    " WHERE room = ?1 AND id < (SELECT max(id) FROM audit)"
	    " ORDER BY id LIMIT ?2)",
	[W_TARGET] = "SELECT kind, flags, sender, length(CAST(text AS BLOB)),"
	    " time, author FROM messages WHERE seq = ?1 AND room = ?2",
	[W_REDACT] = "UPDATE messages SET flags = ?2, text = ?3 WHERE seq = ?1",
	[W_STALE] = "REPLACE INTO stale (part) VALUES (?1)",
	[W_ERASE] = "REPLACE INTO erasures VALUES (?1, ?2, 0)",
	[W_ERASING] = "SELECT key, upto, done FROM erasures LIMIT 1",
	[W_ERASE_ROWS] = "SELECT seq, kind, flags, sender,"
	    " length(CAST(text AS BLOB)) FROM messages"
	    " WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
	[W_ERASED_TO] = "UPDATE erasures SET done = ?2 WHERE key = ?1",
	[W_ERASED] = "DELETE FROM erasures WHERE key = ?1"
};

#define COLUMNS	"SELECT seq, time, kind, flags, sender, recipient, text FROM" \
		" messages WHERE room = ?1 AND seq > ?2"
#define SEEK	"SELECT seq FROM messages WHERE room = ?1 AND seq > ?2"	\
		" AND seq < ?3 ORDER BY seq DESC LIMIT 1 OFFSET ?4"

const char *const sqlite_reads[R_MAX] = {
	[R_BEGIN] = "BEGIN",
	[R_END] = "COMMIT",
	[R_FLOOR] = "SELECT floor FROM rooms WHERE id = ?1",
	[R_AFTER] = COLUMNS " ORDER BY seq",
	[R_BEFORE] = COLUMNS " AND seq < ?3 ORDER BY seq DESC",
	[R_SEEK] = SEEK,
	[R_COUNT] = "SELECT count(*) FROM (SELECT 1 FROM messages"
	    " WHERE room = ?1 AND seq > ?2 LIMIT ?3)",
	[R_COUNT_OTHERS] = "SELECT total(sender <> ?5), count(*) FROM"
	    " (SELECT sender FROM messages WHERE room = ?1 AND seq > ?2"
	    " AND seq < ?3 LIMIT ?4)",
	[R_ERASURES] = "SELECT key, upto FROM erasures",
	[R_AUDIT] = "SELECT id, time, act FROM audit WHERE id > max(?1,"
	    " ifnull((SELECT id FROM audit WHERE ?2 > 0"
	    " ORDER BY id DESC LIMIT 1 OFFSET ?2), 0)) ORDER BY id"
};

const int sqlite_version = NITEMS(steps);

int
sqlite_upgrade(sqlite3 *db, int version, int to)
{
	char sql[256];
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (; rc == SQLITE_OK && version < to; version++)
		rc = sqlite3_exec(db, steps[version], NULL, NULL, NULL);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d;"
	    "PRAGMA user_version = %d;"
	    "REPLACE INTO meta VALUES ('schema', '%d');", SQLITE_OURS,
	    version, version);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	return rc;
}
