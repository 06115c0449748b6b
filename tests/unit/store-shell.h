/*
 * What the SQLite store's tests share: a rig, and looks at its files and its
 * database from outside. Used by one file each.
 */
#ifndef STORE_SHELL_H
#define STORE_SHELL_H

#include "store-rig.h"

#include <sys/stat.h>

#include <sqlite3.h>

static struct rig rig;

static inline void
setup(void)
{
	rig_init(&rig, "sqlite");
}

static inline void
teardown(void)
{
	rig_free(&rig);
}

static inline void
reopen(void)
{
	if (rig.store != NULL)
		rig_close(&rig);
	rig_open(&rig);
}

/* Another connection to the database, as an operator's shell has one. */
static inline sqlite3 *
shell(void)
{
	char *path = rig_file(&rig, "partyline.db");
	sqlite3 *db;

	cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL),
	    SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	free(path);
	return db;
}

static inline void
sql(const char *text)
{
	sqlite3 *db = shell();
	char *error = NULL;

	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, &error), SQLITE_OK,
	    "%s: %s", text, error);
	sqlite3_close(db);
}

static inline int64_t
sql_int(const char *text)
{
	sqlite3 *db = shell();
	sqlite3_stmt *st;
	int64_t n;

	cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* Waits for a number to be so; the writer works on it by itself. */
static inline void
sql_until(const char *text, int64_t want)
{
	uint64_t end = clock_ms() + DEADLINE;

	while (sql_int(text) != want) {
		cr_assert_lt(clock_ms(), end, "%s is %" PRId64 ", not %" PRId64,
		    text, sql_int(text), want);
		mailbox_wait(&rig.reads, 5);
	}
}

/* The audit's counts are those of its lines. */
static inline void
check_audits(void)
{
	cr_assert_eq(sql_int("SELECT count(*) FROM (SELECT room, count(*) "
	    "FROM audit GROUP BY room EXCEPT SELECT * FROM audits)"), 0);
	cr_assert_eq(sql_int("SELECT total(count) FROM audits WHERE room >= 0"),
	    sql_int("SELECT count(*) FROM audit"));
	cr_assert_eq(sql_int("SELECT count FROM audits WHERE room = -1"),
	    sql_int("SELECT count(*) FROM audit WHERE room <> 0"));
}

static inline void
write_file(const char *name, const char *text, size_t n)
{
	char *path = rig_file(&rig, name);
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, n, f), n);
	cr_assert_eq(fclose(f), 0);
	free(path);
}

static inline void
remove_file(const char *name)
{
	char *path = rig_file(&rig, name);

	unlink(path);
	free(path);
}

static inline off_t
file_size(const char *name)
{
	char *path = rig_file(&rig, name);
	struct stat st;
	off_t size = stat(path, &st) == 0 ? st.st_size : -1;

	free(path);
	return size;
}

#endif
