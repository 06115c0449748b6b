/*
 * All pages are read within one snapshot, so the copy is what the database was
 * when it began, and the daemon's writes wait for nothing: they go on in the
 * -wal, which is moved into the database a little later than else. The copy is
 * made under another name, looked through, and takes its name when it is whole
 * and on the disk.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl-backup.h"
#include "ctl-db.h"
#include "util.h"

#define STEP_PAGES	256	/* between syncs, and looks at the clock */
#define NICE		19
#define TELL_MS		250

static char *half;		/* the file that is not whole, or NULL */

static void
clean_up(void)
{
	if (half != NULL)
		unlink(half);
}

/* Async-signal-safe. */
static void
end_cb(int signo)
{
	clean_up();
	_exit(128 + signo);
}

static void
tell(sqlite3_backup *b, bool last)
{
	static uint64_t told;
	int all = sqlite3_backup_pagecount(b);
	int left = sqlite3_backup_remaining(b);

	if (!isatty(STDERR_FILENO) || (!last && clock_ms() - told < TELL_MS))
		return;
	told = clock_ms();
	fprintf(stderr, "\r%3d %% of %d pages%s", all > 0 ?
	    (int)(100 * (int64_t)(all - left) / all) : 100, all,
	    last ? "\n" : "");
}

/*
 * Each step goes to the disk at once: all of it at the end would hold up what
 * the daemon has to write there as well.
 */
static void
copy(sqlite3 *from, sqlite3 *to, int fd, const char *what)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (b == NULL)
		ctl_db_fail(to, what);
	do {
		rc = sqlite3_backup_step(b, STEP_PAGES);
		if (fdatasync(fd) == -1)
			err(REFUSED, "%s", what);
		tell(b, rc == SQLITE_DONE);
	} while (rc == SQLITE_OK);
	if (sqlite3_backup_finish(b) != SQLITE_OK || rc != SQLITE_DONE)
		ctl_db_fail(to, what);
}

/*
 * What is said in the log that goes on from the copy gets numbers that were
 * given before, to other messages: so it is another log, and clients are to
 * forget what they know of this one. No -wal is needed beside it.
 */
static void
finish(sqlite3 *db, const char *what)
{
	char epoch[33], sql[128];

	random_hex(epoch, 16);
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode = DELETE;"
	    "UPDATE meta SET value = '%s' WHERE name = 'epoch'", epoch);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		ctl_db_fail(db, what);
}

static void
check(sqlite3 *db, const char *what)
{
	sqlite3_stmt *st = ctl_db_query(db, "PRAGMA integrity_check(1)");

	if (!ctl_db_row(st) ||
	    strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
		errx(REFUSED, "%s: the copy is damaged, and so is the "
		    "database: %s", what, sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
}

static void
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1 || fsync(fd) == -1)
		err(REFUSED, "%s", path);
	close(fd);
}

/* Nobody else may read it: it has the hashes of passwords. *file is open until
 * after the database is, whose locks its end would end. */
static sqlite3 *
create(const char *path, int *file)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = end_cb };
	sqlite3 *db;
	size_t i;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 && errno == EEXIST)
		errx(REFUSED, "%s: it is there already, left by a backup that "
		    "was killed, or of one that runs: remove it", path);
	if (fd == -1)
		err(REFUSED, "%s", path);
	half = xstrdup(path);
	if (atexit(clean_up) != 0)
		errx(REFUSED, "out of memory");
	for (i = 0; i < NITEMS(signals); i++)
		sigaction(signals[i], &sa, NULL);
	*file = fd;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK || sqlite3_exec(db, "PRAGMA synchronous = OFF;"
	    "PRAGMA journal_mode = OFF;PRAGMA locking_mode = EXCLUSIVE",
	    NULL, NULL, NULL) != SQLITE_OK)
		ctl_db_fail(db, path);
	return db;
}

int
ctl_backup(const struct ctl *c, const char *to)
{
	char *path = ctl_db_path(c), *tmp = xasprintf("%s.tmp", to);
	char *dir = path_dir(to);
	sqlite3 *from, *db;
	int fd;
	struct stat st;

	if (!ctl_flag(c, 'f') && lstat(to, &st) == 0)
		errx(REFUSED, "%s is there already; -f puts the backup in its "
		    "place", to);
	setpriority(PRIO_PROCESS, 0, NICE);	/* behind who talks */
	from = ctl_db_open(path);
	db = create(tmp, &fd);
	copy(from, db, fd, to);
	sqlite3_close(from);
	finish(db, to);
	check(db, to);
	if (sqlite3_close(db) != SQLITE_OK)
		ctl_db_fail(db, to);
	if (fsync(fd) == -1 || close(fd) == -1)
		err(REFUSED, "%s", tmp);
	if (stat(tmp, &st) == -1 || rename(tmp, to) == -1)
		err(REFUSED, "%s", to);
	free(half);
	half = NULL;
	sync_dir(dir);
	if (c->json)
		printf("{\"reply\":\"backup\",\"ok\":true,\"bytes\":%lld}\n",
		    (long long)st.st_size);
	else
		printf("%s: %lld bytes\n", to, (long long)st.st_size);
	free(dir);
	free(tmp);
	free(path);
	return 0;
}
