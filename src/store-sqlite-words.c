#include <sys/stat.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store-sqlite-words.h"
#include "util.h"

#define FORMAT		"1"		/* another one is made anew */
#define SLICE		1024		/* messages in a transaction */
#define ROWS		128		/* of them read under one snapshot */
#define LOOK_MS		1000		/* between looks for little work */
#define FEW_MS		60000		/* between parts made anew for little */

#define FIND	"SELECT m.seq, m.time, m.kind, m.flags, m.sender,"	\
		" m.recipient, m.text, m.room, substr(r.key, 1, 1) = '@'" \
		" FROM messages m CROSS JOIN rooms r ON r.id = m.room"	\
		" WHERE r.key IS NOT NULL AND m.seq > r.floor AND "

static const char *const finds[F_MAX] = {
	[F_BEGIN] = "BEGIN",
	[F_END] = "COMMIT",
	[F_ERASURES] = "SELECT key, upto FROM erasures",
	[F_STALE] = "SELECT id, part FROM stale WHERE id > ?1 ORDER BY id"
	    " LIMIT 1",
	[F_LIVE] = "SELECT count(*) FROM messages WHERE seq >= ?1 AND"
	    " seq <= ?2",
	[F_ROWS] = "SELECT seq, kind, flags, text, room FROM messages"
	    " WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
	[F_NEXT] = "SELECT seq FROM messages WHERE seq > ?1 ORDER BY seq"
	    " LIMIT 1",
	[F_TAIL] = FIND "m.seq > ?1 AND m.seq < ?2 ORDER BY m.seq DESC",
	[F_TAIL_ROOM] = FIND "m.seq > ?1 AND m.seq < ?2 AND m.room = ?3"
	    " ORDER BY m.seq DESC",
	[F_ROW] = FIND "m.seq = ?1"
};

/* The number may stand in it twice. */
static int
run(struct sqlite_words *w, const char *format, uint64_t n)
{
	sqlite3_int64 value = (sqlite3_int64)n;
	char *text = sqlite3_mprintf(format, value, value);
	int rc = sqlite3_exec(w->db, text, NULL, NULL, NULL);

	sqlite3_free(text);
	return rc;
}

/* The first column of the first row; the default if there is none. */
static int
query(sqlite3 *db, const char *text, uint64_t *value)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		*value = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void
index_close(struct sqlite_words *w)
{
	sqlite3_finalize(w->put);
	sqlite3_close(w->db);
	w->put = NULL;
	w->db = NULL;
}

/* A new one is nobody else's to read, nor is one of before. */
static void
make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0)
		fchmod(fd, 0600);
	close(fd);
}

/* The index as it is. Anything but SQLITE_OK: it is not one of this log. */
static int
index_open(struct sqlite *s, struct sqlite_words *w)
{
	uint64_t good = 0, last = 0;
	char *text;
	int rc;

	make_private(w->path);
	if ((rc = sqlite3_open_v2(w->path, &w->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)) != SQLITE_OK ||
	    (rc = sqlite3_exec(w->db, "PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
	    "PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = -16384",
	    NULL, NULL, NULL)) != SQLITE_OK)
		return rc;
	sqlite3_busy_timeout(w->db, SQLITE_BUSY_MS);
	sqlite_no_files(w->db);
	text = xasprintf("SELECT count(*) = 2 FROM meta WHERE "
	    "(name, value) IN (('format', '" FORMAT "'), ('epoch', '%s'))",
	    s->store.epoch);
	rc = query(w->db, text, &good);
	free(text);
	if (rc == SQLITE_OK)
		rc = query(w->db, "SELECT value FROM meta WHERE name = 'upto'",
		    &w->upto);
	if (rc == SQLITE_OK)
		rc = query(w->db, "SELECT value FROM meta WHERE "
		    "name = 'purged'", &w->purged);
	if (rc == SQLITE_OK)
		rc = query(w->log, "SELECT max(id) FROM stale", &last);
	/* The log may be an older one, put back from a copy. */
	return rc == SQLITE_OK && (!good || w->upto > s->committed_seq ||
	    w->purged > last) ? SQLITE_NOTADB : rc;
}

static int
index_create(struct sqlite *s, struct sqlite_words *w)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char *text;
	size_t i;
	int rc;

	index_close(w);
	for (i = 0; i < NITEMS(suffixes); i++) {
		text = xasprintf("%s%s", w->path, suffixes[i]);
		unlink(text);
		free(text);
	}
	index_open(s, w);
	w->upto = w->purged = 0;
	rc = query(w->log, "SELECT max(id) FROM stale", &w->purged);
	text = xasprintf("BEGIN; CREATE TABLE meta (name TEXT PRIMARY KEY,"
	    " value NOT NULL) WITHOUT ROWID;"
	    "CREATE TABLE parts (part INTEGER PRIMARY KEY,"
	    " count INTEGER NOT NULL);"
	    "INSERT INTO meta VALUES ('format', '" FORMAT "'),"
	    " ('epoch', '%s'), ('upto', 0), ('purged', %" PRIu64 ");"
	    "COMMIT", s->store.epoch, w->purged);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(w->db, text, NULL, NULL, NULL);
	free(text);
	return rc;
}

/* What goes wrong is told once, until it goes well again. */
static void
tell(struct sqlite_words *w, int rc)
{
	if (rc != SQLITE_OK && !w->failing)
		log_warn("store-index-failing", LS("file", w->path),
		    LI("code", rc), LS("error", sqlite3_errstr(rc)),
		    LS("detail", sqlite3_errmsg(w->db)), LEND);
	w->failing = rc != SQLITE_OK;
}

static void
index_anew(struct sqlite *s, struct sqlite_words *w)
{
	int rc = index_create(s, w);

	tell(w, rc);
	if (rc != SQLITE_OK)
		index_close(w);
}

/* Whoever had it before did not close it, and may not have come to cut that. */
static bool
has_wal(const char *path)
{
	char *wal = xasprintf("%s-wal", path);
	struct stat st;
	bool has = stat(wal, &st) == 0 && st.st_size > 0;

	free(wal);
	return has;
}

struct sqlite_words *
sqlite_words_open(struct sqlite *s, const char *dir, char **error)
{
	struct sqlite_words *w = xcalloc(1, sizeof(*w));
	size_t i;

	w->path = xasprintf("%s/partyline.words", dir);
	w->words = words_new();
	w->scrub = has_wal(w->path);
	if ((w->log = sqlite_connect(s, dir, error)) == NULL) {
		sqlite_words_close(w);
		return NULL;
	}
	for (i = 0; i < F_MAX; i++) {
		if (sqlite3_prepare_v3(w->log, finds[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &w->find[i], NULL) ==
		    SQLITE_OK)
			continue;
		*error = xasprintf("state_dir: %s: %s", s->path,
		    sqlite3_errmsg(w->log));
		sqlite_words_close(w);
		return NULL;
	}
	if (w->words != NULL && index_open(s, w) != SQLITE_OK)
		index_anew(s, w);
	return w;
}

void
sqlite_words_close(struct sqlite_words *w)
{
	size_t i;

	if (w == NULL)
		return;
	for (i = 0; i < F_MAX; i++)
		sqlite3_finalize(w->find[i]);
	sqlite_erasures_free(&w->erased);
	index_close(w);
	sqlite3_close(w->log);
	words_free(w->words);
	free(w->path);
	free(w);
}

static int
use_part(struct sqlite_words *w, uint64_t part)
{
	char text[128];
	int rc;

	if (w->put != NULL && w->part == part)
		return SQLITE_OK;
	sqlite3_finalize(w->put);
	w->put = NULL;
	w->part = part;
	rc = run(w, "CREATE VIRTUAL TABLE IF NOT EXISTS words_%lld USING fts5("
	    "place, text, content='', columnsize=0,"
	    " tokenize='unicode61 remove_diacritics 2')", part);
	if (rc == SQLITE_OK)
		rc = run(w, "INSERT OR IGNORE INTO parts VALUES (%lld, 0)",
		    part);
	snprintf(text, sizeof(text), "INSERT INTO words_%" PRIu64
	    "(rowid, place, text) VALUES (?1, ?2, ?3)", part);
	return rc != SQLITE_OK ? rc : sqlite3_prepare_v2(w->db, text, -1,
	    &w->put, NULL);
}

/* A row of the log into the index, if it is one that can be found. */
static int
put_row(struct sqlite_words *w, sqlite3_stmt *row)
{
	char place[32];

	if (sqlite3_column_int(row, 1) > MSG_NOTICE ||
	    (sqlite3_column_int(row, 2) & MSG_REDACTED))
		return SQLITE_OK;
	snprintf(place, sizeof(place), "r%" PRId64,
	    (int64_t)sqlite3_column_int64(row, 4));
	sqlite3_bind_int64(w->put, 1, sqlite3_column_int64(row, 0));
	sqlite3_bind_text(w->put, 2, place, -1, SQLITE_STATIC);
	sqlite3_bind_value(w->put, 3, sqlite3_column_value(row, 3));
	return sqlite_run(w->put);
}

static int
count_rows(struct sqlite_words *w, uint64_t part, unsigned n)
{
	char text[128];

	snprintf(text, sizeof(text), "UPDATE parts SET count = count + %u"
	    " WHERE part = %" PRIu64, n, part);
	return sqlite3_exec(w->db, text, NULL, NULL, NULL);
}

/* A slice of the rows of one part, after *done and up to end; *done becomes
 * the last, *n their number. */
static int
put_rows(struct sqlite *s, struct sqlite_words *w, uint64_t part,
    uint64_t *done, uint64_t end, unsigned *n)
{
	uint64_t last = part * WORDS_PART + WORDS_PART - 1;
	sqlite3_stmt *row = w->find[F_ROWS];
	int rc;

	*n = 0;
	if ((rc = use_part(w, part)) != SQLITE_OK)
		return rc;
	sqlite_snapshot(s);
	sqlite_bind(row, 1, *done);
	sqlite_bind(row, 2, end < last ? end : last);
	sqlite_bind(row, 3, ROWS);
	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		rc = put_row(w, row);
		*done = (uint64_t)sqlite3_column_int64(row, 0);
		++*n;
	}
	sqlite3_reset(row);
	sqlite_snapshot_end(s);
	return rc != SQLITE_DONE ? rc : count_rows(w, part, *n);
}

/* Ends the transaction on the index, one way or the other. */
static int
finish(struct sqlite_words *w, int rc)
{
	if (rc == SQLITE_OK)
		rc = run(w, "COMMIT", 0);
	if (rc != SQLITE_OK)
		run(w, "ROLLBACK", 0);
	return rc;
}

/* The seq of the log's next message, 0 if there is none. */
static int
next_seq(struct sqlite *s, struct sqlite_words *w, uint64_t *seq)
{
	sqlite3_stmt *st = w->find[F_NEXT];
	int rc;

	sqlite_snapshot(s);
	sqlite_bind(st, 1, w->upto);
	rc = sqlite3_step(st);
	*seq = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	sqlite_snapshot_end(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Indexes what has been said since. A part that is full becomes one piece. */
static int
follow(struct sqlite *s, struct sqlite_words *w, bool *more)
{
	uint64_t upto = w->upto, seq;
	unsigned n = 0, all = 0;
	int rc;

	*more = false;
	if ((rc = next_seq(s, w, &seq)) != SQLITE_OK || seq == 0 ||
	    (rc = run(w, "BEGIN IMMEDIATE", 0)) != SQLITE_OK)
		return rc;
	if (upto > 0 && upto / WORDS_PART != seq / WORDS_PART &&
	    w->put != NULL)
		rc = run(w, "INSERT INTO words_%lld(words_%lld)"
		    " VALUES ('optimize')", w->part);
	do {
		if (rc == SQLITE_OK)
			rc = put_rows(s, w, seq / WORDS_PART, &upto, INT64_MAX,
			    &n);
	} while (rc == SQLITE_OK && n == ROWS && (all += n) < SLICE);
	if (rc == SQLITE_OK)
		rc = run(w, "UPDATE meta SET value = %lld WHERE name = 'upto'",
		    upto);
	if ((rc = finish(w, rc)) == SQLITE_OK)
		w->upto = upto;
	*more = n == ROWS || upto % WORDS_PART == WORDS_PART - 1;
	return rc;
}

/* Makes a part anew, of what is there of it now. */
static int
remake(struct sqlite *s, struct sqlite_words *w, uint64_t part, uint64_t id)
{
	uint64_t done = part * WORDS_PART;
	unsigned n = ROWS;
	int rc;

	done -= done > 0;
	sqlite3_finalize(w->put);
	w->put = NULL;
	if ((rc = run(w, "BEGIN IMMEDIATE", 0)) != SQLITE_OK)
		return rc;
	rc = run(w, "DROP TABLE IF EXISTS words_%lld", part);
	if (rc == SQLITE_OK)
		rc = run(w, "DELETE FROM parts WHERE part = %lld", part);
	while (rc == SQLITE_OK && n == ROWS)
		rc = put_rows(s, w, part, &done, w->upto, &n);
	if (rc == SQLITE_OK)
		rc = run(w, "INSERT INTO words_%lld(words_%lld)"
		    " VALUES ('optimize')", part);
	if (rc == SQLITE_OK)
		rc = run(w, "DELETE FROM parts WHERE count = 0", 0);
	if (rc == SQLITE_OK && id > 0)
		rc = run(w, "UPDATE meta SET value = %lld "
		    "WHERE name = 'purged'", id);
	rc = finish(w, rc);
	/* The use of use_part() may have been undone. */
	sqlite3_finalize(w->put);
	w->put = NULL;
	if (rc == SQLITE_OK && id > 0) {
		w->purged = id;
		w->scrub = true;
	}
	return rc;
}

/* What was redacted is to be gone from the -wal as well, and that is to be on
 * the disk. Another program that reads it is not waited for. */
static void
scrub(struct sqlite_words *w)
{
	if (!w->scrub)
		return;
	sqlite3_busy_timeout(w->db, 0);
	w->scrub = sqlite3_wal_checkpoint_v2(w->db, NULL,
	    SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK;
	sqlite3_busy_timeout(w->db, SQLITE_BUSY_MS);
}

/* The next part with something redacted. */
static int
purge(struct sqlite *s, struct sqlite_words *w, bool *more)
{
	sqlite3_stmt *st = w->find[F_STALE];
	uint64_t id = 0, part = 0;
	int rc;

	sqlite_snapshot(s);
	sqlite_bind(st, 1, w->purged);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = (uint64_t)sqlite3_column_int64(st, 0);
		part = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	sqlite_snapshot_end(s);
	*more = rc == SQLITE_ROW;
	if (rc == SQLITE_DONE)
		return SQLITE_OK;
	return rc == SQLITE_ROW ? remake(s, w, part, id) : rc;
}

/* Looks at one part after the other: of how much of it has retention taken
 * the messages? A quarter is worth making it anew; less than that is so for one
 * part a minute. */
static int
sweep(struct sqlite *s, struct sqlite_words *w)
{
	char text[128];
	sqlite3_stmt *st = w->find[F_LIVE];
	uint64_t part = UINT64_MAX, count = 0, live = 0;
	int rc;

	snprintf(text, sizeof(text), "SELECT part FROM parts WHERE part >= %"
	    PRIu64 " ORDER BY part", w->sweep);
	if ((rc = query(w->db, text, &part)) != SQLITE_OK)
		return rc;
	w->sweep = part == UINT64_MAX ? 0 : part + 1;
	if (part == UINT64_MAX)
		return SQLITE_OK;
	snprintf(text, sizeof(text), "SELECT count FROM parts WHERE part = %"
	    PRIu64, part);
	rc = query(w->db, text, &count);
	sqlite_snapshot(s);
	sqlite_bind(st, 1, part * WORDS_PART);
	sqlite_bind(st, 2, part * WORDS_PART + WORDS_PART - 1);
	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		live = (uint64_t)sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_reset(st);
	sqlite_snapshot_end(s);
	if (rc != SQLITE_OK || live >= count ||
	    (live >= count - count / 4 && clock_ms() < w->few_next))
		return rc;
	w->few_next = clock_ms() + FEW_MS;
	w->scrub = true;
	return remake(s, w, part, 0);
}

bool
sqlite_words_index(struct sqlite *s)
{
	struct sqlite_words *w = s->words;
	bool more = false, stale = false;
	int rc;

	if (w->db == NULL)
		return false;
	if ((rc = follow(s, w, &more)) == SQLITE_OK && clock_ms() >= w->next) {
		rc = purge(s, w, &stale);
		if (rc == SQLITE_OK && !stale)
			rc = sweep(s, w);
		scrub(w);
		if (!stale)
			w->next = clock_ms() + LOOK_MS;
	}
	tell(w, rc);
	if (rc == SQLITE_OK)
		return more || stale;
	sqlite3_finalize(w->put);
	w->put = NULL;
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR)
		index_anew(s, w);
	return false;
}
