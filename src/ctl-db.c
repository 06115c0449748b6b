#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl-db.h"
#include "store-sqlite.h"
#include "util.h"

#define WAIT_MS		5000	/* for who opens or closes it */

static void
check_store(const char *store)
{
	if (strcmp(store, "sqlite") != 0)
		errx(REFUSED, "store is %s: nothing is kept in a file that "
		    "could be read", store);
}

static char *
path_by_daemon(const struct ctl *c, int fd)
{
	json_t *answer = ctl_ask(fd, ctl_request(CONTROL_STATUS, NULL, NULL));
	const char *store = "", *dir = "";
	char *path;

	if (!ctl_ok(answer))
		exit(ctl_refused(c, answer));
	json_unpack(answer, "{s:s,s:s}", "store", &store, "state_dir", &dir);
	check_store(store);
	path = xasprintf("%s/partyline.db", dir);
	json_decref(answer);
	return path;
}

char *
ctl_db_path(const struct ctl *c)
{
	struct conf *conf;
	char *path;
	int fd;

	/* Without a configuration there is only the daemon that can tell. */
	fd = c->conf == NULL ? ctl_dial(c, WAIT_SECONDS) :
	    ctl_try_dial(c, WAIT_SECONDS);
	if (fd != -1 || c->conf == NULL) {	/* ctl_dial() gives one */
		path = path_by_daemon(c, fd);
		close(fd);
		return path;
	}
	conf = c->conf;
	check_store(conf->store);
	return xasprintf("%s%s/partyline.db", conf->chroot, conf->state_dir);
}

void
ctl_db_fail(sqlite3 *db, const char *what)
{
	errx(REFUSED, "%s: %s", what, sqlite3_errmsg(db));
}

sqlite3_stmt *
ctl_db_query(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		ctl_db_fail(db, "the database");
	return st;
}

bool
ctl_db_row(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		ctl_db_fail(sqlite3_db_handle(st), "the database");
	return rc == SQLITE_ROW;
}

static int64_t
number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = ctl_db_query(db, sql);
	int64_t n = ctl_db_row(st) ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_finalize(st);
	return n;
}

sqlite3 *
ctl_db_open(const char *path)
{
	sqlite3 *db;
	int64_t version;

	if (access(path, R_OK) == -1)
		err(REFUSED, "%s", path);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) !=
	    SQLITE_OK)
		ctl_db_fail(db, path);
	sqlite3_busy_timeout(db, WAIT_MS);
	if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		ctl_db_fail(db, path);
	if (number(db, "PRAGMA application_id") != SQLITE_OURS)
		errx(REFUSED, "%s: that is no database of partylined", path);
	version = number(db, "PRAGMA user_version");
	if (version != sqlite_version)
		errx(REFUSED, "%s: its schema is version %lld, and that of "
		    "this program %d; use the one of the daemon's version",
		    path, (long long)version, sqlite_version);
	return db;
}
