/*
 * Opening the database, on the main thread: the directory, the lock against a
 * second daemon, the schema and its upgrades, and the checks for damage. What
 * is not right is refused with what to do about it; only where nothing ever
 * was does a new log begin.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store-sqlite-words.h"
#include "util.h"

#define WAL_KEEP	"16777216"	/* bytes of an idle -wal */
/* Up to this size every page is looked at when opening: half a second.
 * Above it the schema, the rooms and all of the index are. */
#define CHECK_BYTES	(256 << 20)

void
sqlite_bind(sqlite3_stmt *st, int at, uint64_t value)
{
	sqlite3_bind_int64(st, at, value > INT64_MAX ? INT64_MAX :
	    (int64_t)value);
}

bool
sqlite_durability(sqlite3 *db, enum durability d)
{
	return sqlite3_exec(db, d == DURABILITY_RELAXED ?
	    "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
	    NULL, NULL, NULL) == SQLITE_OK;
}

/* What is wrong with the database and what to do; rc is SQLite's. */
static char *
describe(const struct sqlite *s, const char *dir, int rc, const char *what)
{
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return xasprintf("state_dir: %s is not an SQLite database; "
		    "restore it from a backup, or move it away to begin a new "
		    "log", s->path);
	case SQLITE_CORRUPT:
		/* Not .recover: Debian 12's sqlite3 is built without it. */
		return xasprintf("state_dir: %s is damaged: %s; repair it with "
		    "\"cd %s && sqlite3 partyline.db .dump | "
		    "sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 new.db; "
		    "test -s new.db && mv partyline.db damaged.db && "
		    "rm -f partyline.db-wal partyline.db-shm && "
		    "mv new.db partyline.db\", or set it aside with "
		    "\"mkdir %s/damaged && mv %s/partyline.* %s/damaged/\" to "
		    "begin a new log", s->path, what, dir, dir, dir, dir);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return xasprintf("state_dir: %s is held by another program "
		    "(an sqlite3 shell?); end that first", s->path);
	case SQLITE_FULL:
		return xasprintf("state_dir: the disk of %s is full; make room "
		    "on it", s->path);
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return xasprintf("state_dir: %s cannot be opened for writing "
		    "(%s); it and its directory must belong to the daemon's "
		    "user", s->path, what);
	default:
		return xasprintf("state_dir: %s: %s", s->path, what);
	}
}

static char *
describe_db(const struct sqlite *s, const char *dir, sqlite3 *db)
{
	return describe(s, dir, sqlite3_extended_errcode(db),
	    sqlite3_errmsg(db));
}

static bool
make_dir(const char *dir, char **error)
{
	struct stat st;

	if (mkdir(dir, 0700) == 0)
		return true;
	if (errno != EEXIST)
		*error = xasprintf("state_dir: cannot make %s: %s%s", dir,
		    strerror(errno), errno == ENOENT ?
		    "; the directory above it must exist" : "");
	else if (stat(dir, &st) < 0)
		*error = xasprintf("state_dir: %s: %s", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		*error = xasprintf("state_dir: %s is not a directory; "
		    "name one, or move that file away", dir);
	return *error == NULL;
}

/* Holds the state directory for this process; its file names the holder and
 * the epoch of the database beside it. */
static bool
take_lock(struct sqlite *s, const char *dir, char **error)
{
	char *path = xasprintf("%s/partyline.lock", dir);
	char text[64] = "";
	ssize_t n;

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	if (s->lock_fd < 0)
		*error = xasprintf("state_dir: cannot open %s for writing: %s; "
		    "the directory must belong to the daemon's user", path,
		    strerror(errno));
	else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			*error = xasprintf("state_dir: cannot lock %s: %s",
			    path, strerror(errno));
		else {
			n = pread(s->lock_fd, text, sizeof(text) - 1, 0);
			text[n > 0 ? strspn(text, "0123456789") : 0] = '\0';
			*error = xasprintf("state_dir: %s is in use by another "
			    "partylined (process %s); end that one, or give "
			    "this one another, -o state_dir=DIRECTORY", dir,
			    text[0] ? text : "unknown");
		}
	}
	free(path);
	return *error == NULL;
}

/* Another daemon's lock, handed over: of this directory? */
static bool
is_lock_of(int handle, const char *dir, char **error)
{
	char *path = xasprintf("%s/partyline.lock", dir);
	struct stat handed, ours;

	if (fstat(handle, &handed) < 0 || stat(path, &ours) < 0 ||
	    handed.st_dev != ours.st_dev || handed.st_ino != ours.st_ino)
		*error = xasprintf("state_dir: %s is not that of the daemon "
		    "that runs; an upgrade goes on with the same one, a "
		    "restart may change it", dir);
	free(path);
	return *error == NULL;
}

void
sqlite_sign_lock(const struct sqlite *s)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(),
	    s->store.epoch);

	/* Only a help; the lock itself needs no room on the disk. */
	if (ftruncate(s->lock_fd, 0) < 0 ||
	    pwrite(s->lock_fd, text, (size_t)n, 0) < 0)
		log_warn("store-lock-unsigned", LS("error", strerror(errno)),
		    LEND);
}

static bool
has_suffix_file(const struct sqlite *s, const char *suffix)
{
	char *path = xasprintf("%s%s", s->path, suffix);
	struct stat st;
	bool there = lstat(path, &st) == 0;

	free(path);
	return there;
}

/* False if there is no database but traces of one. */
static bool
may_create(struct sqlite *s, const char *dir, char **error)
{
	char text[64] = "";
	unsigned long pid;
	char epoch[33];

	if (has_suffix_file(s, "-wal") || has_suffix_file(s, "-shm")) {
		*error = xasprintf("state_dir: %s is missing, but the -wal or "
		    "-shm file that belongs to it is there; put it back, or "
		    "move partyline.* in %s away to begin a new log", s->path,
		    dir);
		return false;
	}
	if (pread(s->lock_fd, text, sizeof(text) - 1, 0) > 0 &&
	    sscanf(text, "%lu %32s", &pid, epoch) == 2) {
		*error = xasprintf("state_dir: %s is missing, but "
		    "%s/partyline.lock tells of one (epoch %s); put it back, "
		    "or remove partyline.lock to begin a new log", s->path, dir,
		    epoch);
		return false;
	}
	return true;
}

/* Looks at what is there. *missing: there is nothing, begin anew. */
static bool
look(struct sqlite *s, const char *dir, bool *missing, char **error)
{
	struct stat st;

	*missing = false;
	if (stat(s->path, &st) < 0) {
		if (errno == ENOENT) {
			*missing = true;
			return may_create(s, dir, error);
		}
		*error = xasprintf("state_dir: %s: %s", s->path,
		    strerror(errno));
	} else if (!S_ISREG(st.st_mode))
		*error = xasprintf("state_dir: %s is not a file; move it away",
		    s->path);
	else if (st.st_size == 0)
		/* SQLite would take it for new, and throw its -wal away. */
		*error = xasprintf("state_dir: %s is damaged: it is empty; "
		    "restore it from a backup, or move partyline.* in %s away "
		    "to begin a new log", s->path, dir);
	return *error == NULL;
}

static void
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

static int
fill(sqlite3 *db)
{
	char epoch[33], sql[256];
	int rc;

	random_hex(epoch, 16);
	snprintf(sql, sizeof(sql), "INSERT INTO meta VALUES ('epoch', '%s'), "
	    "('seq', '0');", epoch);
	if ((rc = sqlite_upgrade(db, 0, sqlite_version)) == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	return rc;
}

/* Makes a whole database under another name first: under its own there is
 * never a half one. */
static bool
create(struct sqlite *s, const char *dir, char **error)
{
	char *path = xasprintf("%s-new", s->path);
	sqlite3 *db = NULL;
	int rc, fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		*error = xasprintf("state_dir: cannot create %s: %s", path,
		    strerror(errno));
		free(path);
		return false;
	}
	close(fd);
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = fill(db);
	if (rc != SQLITE_OK)
		*error = describe_db(s, dir, db);
	sqlite3_close(db);
	if (rc == SQLITE_OK && rename(path, s->path) < 0)
		*error = xasprintf("state_dir: cannot create %s: %s", s->path,
		    strerror(errno));
	if (*error != NULL)
		unlink(path);
	else {
		sync_dir(dir);
		log_notice("store-created", LS("file", s->path), LEND);
	}
	free(path);
	return *error == NULL;
}

/* The first column of the only row, as a number. */
static int
query_int(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		*value = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int
query_text(sqlite3 *db, const char *sql, char *out, size_t size)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		snprintf(out, size, "%s",
		    (const char *)sqlite3_column_text(st, 0));
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

/*
 * What SQLite puts aside for a statement stays in memory: in a file of its own
 * texts would be left behind, and the sandbox lets it make none.
 */
void
sqlite_no_files(sqlite3 *db)
{
	sqlite3_exec(db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
}

sqlite3 *
sqlite_connect(struct sqlite *s, const char *dir, char **error)
{
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		*error = describe_db(s, dir, db);
		sqlite3_close(db);
		return NULL;
	}
	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_timeout(db, SQLITE_BUSY_MS);
	sqlite_no_files(db);
	/* One that is refused is left as it is, its -wal apart from it. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* SQLite takes what it may not write for what is not to be written. */
	if (sqlite3_db_readonly(db, "main") == 1) {
		*error = describe(s, dir, SQLITE_READONLY, strerror(EACCES));
		sqlite3_close(db);
		return NULL;
	}
	return db;
}

/* A database made from an SQL dump of ours has lost what its header said. */
static int
adopt_dump(sqlite3 *db, int64_t *id, int64_t *version)
{
	int rc = query_int(db, "SELECT CAST(value AS INTEGER) FROM meta "
	    "WHERE name = 'schema'", version);

	if (rc == SQLITE_ERROR)		/* not ours: there is no such table */
		return SQLITE_OK;
	if (rc == SQLITE_OK && *version <= sqlite_version &&
	    (rc = sqlite_upgrade(db, (int)*version,
	    sqlite_version)) == SQLITE_OK) {
		*id = SQLITE_OURS;
		*version = sqlite_version;
	}
	return rc;
}

/* Whose database this is, and of which version. */
static int
check_version(struct sqlite *s, int64_t *version, char **error)
{
	int64_t id = 0;
	int rc;

	if ((rc = query_int(s->wdb, "PRAGMA application_id", &id)) !=
	    SQLITE_OK || (rc = query_int(s->wdb, "PRAGMA user_version",
	    version)) != SQLITE_OK || (id == 0 && *version == 0 &&
	    (rc = adopt_dump(s->wdb, &id, version)) != SQLITE_OK))
		return rc;
	if (id != SQLITE_OURS)
		*error = xasprintf("state_dir: %s is another program's "
		    "database; name another state_dir, or move it away",
		    s->path);
	else if (*version > sqlite_version)
		*error = xasprintf("state_dir: %s was written by a newer "
		    "partylined (schema %" PRId64 ", this one knows up to "
		    "%d); run that one", s->path, *version, sqlite_version);
	return *version < 1 ? SQLITE_CORRUPT : SQLITE_OK;
}

/* Brings a database that is ours up to what we know. */
static bool
bring_up(struct sqlite *s, const char *dir, char **error)
{
	int64_t version = 0;
	char mode[16] = "";
	int rc;

	rc = check_version(s, &version, error);
	if (*error != NULL)
		return false;
	if (rc == SQLITE_CORRUPT && version < 1)
		*error = describe(s, dir, rc, "it has no schema");
	else if (rc != SQLITE_OK ||
	    query_text(s->wdb, "PRAGMA journal_mode = WAL", mode,
	    sizeof(mode)) != SQLITE_OK || (version < sqlite_version &&
	    sqlite_upgrade(s->wdb, (int)version, sqlite_version) != SQLITE_OK))
		*error = describe_db(s, dir, s->wdb);
	else if (strcmp(mode, "wal") != 0)
		*error = xasprintf("state_dir: %s does not allow a write-ahead "
		    "log; it must be on a local file system", s->path);
	return *error == NULL;
}

static bool
check_damage(struct sqlite *s, const char *dir, char **error)
{
	char result[256] = "";
	struct stat st;

	if (stat(s->path, &st) == 0 && st.st_size <= CHECK_BYTES) {
		if (query_text(s->wdb, "PRAGMA quick_check(1)", result,
		    sizeof(result)) != SQLITE_OK)
			*error = describe_db(s, dir, s->wdb);
		else if (strcmp(result, "ok") != 0)
			*error = describe(s, dir, SQLITE_CORRUPT, result);
	}
	return *error == NULL;
}

static bool
prepare(struct sqlite *s, const char *dir, sqlite3 *db, sqlite3_stmt **st,
    const char *const *sql, size_t n, char **error)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int rc = sqlite3_prepare_v3(db, sql[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &st[i], NULL);

		/* A plain error means that a table or column is missing. */
		if (rc != SQLITE_OK) {
			*error = describe(s, dir, rc == SQLITE_ERROR ?
			    SQLITE_CORRUPT : rc, sqlite3_errmsg(db));
			return false;
		}
	}
	return true;
}

/*
 * Rooms keep count and size of their messages. After a repair that lost some
 * they may be wrong: the sum betrays it, by a walk through the index.
 */
static int
mend_counts(struct sqlite *s)
{
	int64_t messages = 0, counted = 0;
	char sql[512];
	int rc;

	if ((rc = query_int(s->wdb, "SELECT count(*) FROM messages",
	    &messages)) != SQLITE_OK || (rc = query_int(s->wdb,
	    "SELECT total(count) FROM rooms", &counted)) != SQLITE_OK ||
	    messages == counted)
		return rc;
	log_warn("store-recount", LS("file", s->path),
	    LI("messages", messages), LI("counted", counted), LEND);
	snprintf(sql, sizeof(sql), "UPDATE rooms SET (count, bytes, head) = "
	    "(SELECT count(*), coalesce(sum(%" PRIu64 " + length("
	    "cast(sender AS BLOB)) + length(cast(recipient AS BLOB)) + "
	    "length(cast(text AS BLOB))), 0), max(rooms.head, "
	    "coalesce(max(seq), 0)) FROM messages WHERE room = rooms.id)",
	    sqlite_cost(0, 0, 0));
	return sqlite3_exec(s->wdb, sql, NULL, NULL, NULL);
}

static int
load_room(struct sqlite *s, sqlite3_stmt *st, int64_t now)
{
	struct sqlite_room *room = xcalloc(1, sizeof(*room));
	sqlite3_stmt *oldest = s->w[W_OLDEST];

	room->id = (uint32_t)sqlite3_column_int64(st, 0);
	room->row = (struct sqlite_row){ .stored = true,
	    .head = (uint64_t)sqlite3_column_int64(st, 1),
	    .floor = (uint64_t)sqlite3_column_int64(st, 2),
	    .count = (uint64_t)sqlite3_column_int64(st, 3),
	    .bytes = (uint64_t)sqlite3_column_int64(st, 4),
	    .gone = sqlite3_column_int(st, 5) };
	id_map_put(&s->rooms, room->id, room);
	sqlite_bind(oldest, 1, room->id);
	sqlite_bind(oldest, 2, 1);
	if (sqlite3_step(oldest) == SQLITE_ROW) {
		room->row.first = (uint64_t)sqlite3_column_int64(oldest, 0);
		room->row.oldest = sqlite3_column_int64(oldest, 1);
	}
	sqlite_prune_due(s, room, now);
	return sqlite3_reset(oldest);
}

static int
load_rooms(struct sqlite *s)
{
	sqlite3_stmt *st = NULL;
	int64_t now = clock_wall();
	int rc;

	rc = sqlite3_prepare_v2(s->wdb, "SELECT id, head, floor, count, bytes, "
	    "key IS NULL FROM rooms", -1, &st, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW)
		rc = load_room(s, st, now);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool
load(struct sqlite *s, const char *dir, char **error)
{
	int64_t seq = 0, redacted = 0;

	if (mend_counts(s) != SQLITE_OK ||
	    query_text(s->wdb, "SELECT value FROM meta WHERE name = 'epoch'",
	    s->store.epoch, sizeof(s->store.epoch)) != SQLITE_OK ||
	    query_int(s->wdb, "SELECT max("
	    "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'seq'), "
	    "(SELECT coalesce(max(head), 0) FROM rooms), "
	    "(SELECT coalesce(max(seq), 0) FROM keys), "
	    "(SELECT coalesce(max(seq), 0) FROM messages))", &seq) !=
	    SQLITE_OK || query_int(s->wdb, "SELECT count(*) FROM stale",
	    &redacted) != SQLITE_OK || load_rooms(s) != SQLITE_OK) {
		if (sqlite3_errcode(s->wdb) == SQLITE_OK ||
		    sqlite3_errcode(s->wdb) == SQLITE_DONE)
			*error = describe(s, dir, SQLITE_CORRUPT,
			    "its epoch is gone");
		else
			*error = describe_db(s, dir, s->wdb);
		return false;
	}
	s->seq = s->committed_seq = (uint64_t)seq;
	s->gaps = redacted > 0 ? UINT64_MAX : 0;
	return true;
}

/* The files are there, or made, the lock is ours, and they are in order. What
 * another daemon has open needs no looking at. */
static bool
open_writer(struct sqlite *s, const char *dir, int handle, char **error)
{
	bool missing;

	if (handle != -1)
		return is_lock_of(handle, dir, error) &&
		    (s->wdb = sqlite_connect(s, dir, error)) != NULL &&
		    bring_up(s, dir, error);
	return make_dir(dir, error) && take_lock(s, dir, error) &&
	    look(s, dir, &missing, error) &&
	    (!missing || create(s, dir, error)) &&
	    (s->wdb = sqlite_connect(s, dir, error)) != NULL &&
	    bring_up(s, dir, error) && check_damage(s, dir, error);
}

static bool
open_all(struct sqlite *s, const char *dir, int handle, char **error)
{
	if (!open_writer(s, dir, handle, error))
		return false;
	/* The writer checkpoints itself, when nobody waits for it. */
	if (sqlite3_exec(s->wdb, "PRAGMA wal_autocheckpoint = 0;"
	    "PRAGMA journal_size_limit = " WAL_KEEP ";"
	    "PRAGMA cache_size = -16384;"
	    "PRAGMA secure_delete = ON", NULL, NULL, NULL) != SQLITE_OK ||
	    !sqlite_durability(s->wdb, s->durability)) {
		*error = describe_db(s, dir, s->wdb);
		return false;
	}
	if (!prepare(s, dir, s->wdb, s->w, sqlite_writes, W_MAX, error) ||
	    !load(s, dir, error) ||
	    (s->rdb = sqlite_connect(s, dir, error)) == NULL ||
	    !prepare(s, dir, s->rdb, s->r, sqlite_reads, R_MAX, error) ||
	    (s->words = sqlite_words_open(s, dir, error)) == NULL)
		return false;
	sqlite3_db_config(s->wdb, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	/* After a kill the -wal may hold what was redacted since. */
	if (handle == -1)
		sqlite3_wal_checkpoint_v2(s->wdb, NULL,
		    SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return true;
}

struct sqlite *
sqlite_files_open(const struct conf *conf, int handle, char **error)
{
	struct sqlite *s = xcalloc(1, sizeof(*s));

	/* Its count of memory is nobody's, and takes a lock that all threads
	 * share; SQLite hears this before its first use only. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	s->path = xasprintf("%s/partyline.db", conf->state_dir);
	s->lock_fd = -1;
	s->due_last = &s->due;
	s->erasing = true;
	s->scrub = handle != -1;	/* the other may not have come to it */
	sqlite_limits(s, conf);
	s->now = s->limits;
	s->durability = conf->durability;
	*error = NULL;
	if (!open_all(s, conf->state_dir, handle, error)) {
		sqlite_files_close(s);
		return NULL;
	}
	if (handle != -1)	/* the other one may yet go on with it */
		s->lock_fd = handle;
	else
		sqlite_sign_lock(s);
	return s;
}

void
sqlite_files_close(struct sqlite *s)
{
	struct sqlite_room *room;
	size_t pos = 0, i;

	for (i = 0; i < R_MAX; i++)
		sqlite3_finalize(s->r[i]);
	sqlite_erasures_free(&s->erased);
	sqlite_words_close(s->words);
	for (i = 0; i < W_MAX; i++)
		sqlite3_finalize(s->w[i]);
	/* The last one to close moves the -wal into the database. */
	sqlite3_close(s->rdb);
	sqlite3_close(s->wdb);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	while ((room = id_map_next(&s->rooms, &pos)) != NULL)
		free(room);
	id_map_free(&s->rooms);
	free(s->path);
	free(s);
}
