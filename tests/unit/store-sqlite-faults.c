/*
 * What the SQLite store promises where something goes wrong: damage, a full
 * disk, a write or a sync that fails, a kill at any moment.
 */
#include "store-shell.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_uint syncs;		/* calls that reached the disk */
static atomic_bool syncs_fail;

/* Not the index beside the log: it is synced, and once their directory, when
 * its thread likes. */
static bool
is_log(int fd)
{
	char link[64], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 &&
	    strstr(path, "/partyline.db") != NULL;
}

/* These stand before libc's for SQLite as well. */
int
fdatasync(int fd)
{
	if (!is_log(fd))
		return (int)syscall(SYS_fdatasync, fd);
	atomic_fetch_add(&syncs, 1);
	if (atomic_load(&syncs_fail)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

TestSuite(sqlite_only, .init = setup, .fini = teardown, .timeout = 120);

static void
scribble(off_t at, size_t n)
{
	char *path = rig_file(&rig, "partyline.db"), *junk = xmalloc(n);
	int fd = open(path, O_WRONLY);

	memset(junk, 0xa5, n);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pwrite(fd, junk, n, at), (ssize_t)n);
	close(fd);
	free(junk);
	free(path);
}

/* Does what the error says, by the error's own command. */
static void
repair(void)
{
	char *error = NULL, *from, *to;

	cr_assert_null(store_open(&rig.conf, &error));
	from = strstr(error, "repair it with \"");
	cr_assert_not_null(from, "%s", error);
	from = strchr(from, '"') + 1;
	to = strchr(from, '"');
	*to = '\0';
	cr_assert_eq(system(from), 0, "%s", from);
	free(error);
}

Test(sqlite_only, damage_is_seen_and_can_be_repaired)
{
	uint64_t floor, seq;
	uint32_t n;

	reopen();
	rig_fill(&rig, 1, 5000);
	seq = rig_say(&rig, 1, "last");
	rig_close(&rig);
	scribble(file_size("partyline.db") / 4096 / 2 * 4096, 4096);
	rig_refused(&rig, "partyline.db is damaged", "damaged.db");
	if (system("command -v sqlite3 >/dev/null") != 0)
		cr_skip_test("no sqlite3 here to repair with");
	repair();
	reopen();
	n = rig_count(&rig, 1, &floor);
	cr_assert(n > 4000 && n <= 5001, "%u are left", n);
	cr_assert_eq(sql_int("SELECT count FROM rooms"), n);
	cr_assert_gt(rig_say(&rig, 1, "new"), seq);
}

/* Opens what is damaged, and if it is taken, writes and reads all the same:
 * errors are fine, a crash or a wait without end is not. True: it was taken. */
static bool
live_with_damage(void)
{
	struct store_read *r;
	struct store_op *op;
	char *error = NULL;
	uint32_t i;

	if ((rig.store = store_open(&rig.conf, &error)) == NULL) {
		cr_assert_not_null(strstr(error, "partyline.db"));
		free(error);
		return false;
	}
	cr_assert(store_start(rig.store, &rig.box, &error));
	for (i = 1; i < 4; i++) {
		r = rig_read(&rig, READ_AFTER, i, 0, 0, UINT32_MAX, SIZE_MAX);
		store_read_free(r);
		op = rig_do(&rig, op_say(i, "ann", "hi", "key7"));
		op_free(op);
	}
	op = op_new(STORE_FORGET, 1);
	op->seq = UINT64_MAX;
	op_free(rig_do(&rig, op));
	rig_close(&rig);
	return true;
}

Test(sqlite_only, damage_anywhere)
{
	unsigned seed = (unsigned)getpid(), i, k, taken = 0;
	char *path = rig_file(&rig, "partyline.db"), *good;
	off_t size;
	FILE *f;

	cr_log_info("seed %u\n", seed);
	srand(seed);
	reopen();
	for (i = 0; i < 600; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key%u", i);
		op_free(rig_do(&rig, op_say(1 + i % 3, "ann", "hello", key)));
	}
	rig_close(&rig);
	size = file_size("partyline.db");
	good = xmalloc((size_t)size);
	cr_assert_not_null(f = fopen(path, "r"));
	cr_assert_eq(fread(good, 1, (size_t)size, f), (size_t)size);
	fclose(f);
	for (i = 0; i < 150; i++) {
		write_file("partyline.db", good, (size_t)size);
		remove_file("partyline.db-wal");
		remove_file("partyline.db-shm");
		if (i < size / 4096)
			scribble((off_t)i * 4096, 4096);
		for (k = 0; k < 4; k++)
			scribble(rand() % size, 1 + (size_t)rand() % 8);
		taken += live_with_damage();
	}
	cr_log_info("%u of 150 were taken\n", taken);
	cr_assert_lt(taken, 75);
	free(good);
	free(path);
}

Test(sqlite_only, a_truncated_file_is_seen)
{
	char *path = rig_file(&rig, "partyline.db");

	reopen();
	rig_fill(&rig, 1, 5000);
	rig_close(&rig);
	cr_assert_eq(truncate(path, file_size("partyline.db") / 2), 0);
	rig_refused(&rig, "partyline.db is damaged", "repair it with");
	free(path);
}

Test(sqlite_only, held_by_another_program)
{
	struct store_op *op;
	sqlite3 *db;

	reopen();
	db = shell();
	cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
	    SQLITE_OK);
	op = rig_do(&rig, op_say(1, "ann", "hi", NULL));
	cr_assert_eq(op->error, STORE_UNAVAILABLE);
	op_free(op);
	sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(db);
	rig_say(&rig, 1, "goes on");
}

/* No answer may come from a file that is gone with the next restart. */
Test(sqlite_only, a_removed_database_takes_nothing)
{
	struct store_op *op;

	reopen();
	rig_say(&rig, 1, "before");
	remove_file("partyline.db");
	op = rig_do(&rig, op_say(1, "ann", "hi", NULL));
	cr_assert_eq(op->error, STORE_UNAVAILABLE);
	op_free(op);
}

/* Says until it fails; the number that were stored. Each has a key. */
static unsigned
say_until_full(unsigned room, struct store_op **failed)
{
	static char text[4000];
	unsigned n = 0, i;

	memset(text, 'x', sizeof(text) - 1);
	for (;;) {
		struct store_op *ops[10];
		char key[16];
		bool ok = true;

		for (i = 0; i < 10; i++) {
			snprintf(key, sizeof(key), "%u", n + i);
			store_submit(rig.store, op_say(room, "ann", text, key));
		}
		store_flush(rig.store);
		rig_await(&rig, ops, 10);
		for (i = 0; i < 10; i++)
			ok = ok && ops[i]->error == STORE_OK;
		for (i = 0; i < 10; i++) {
			cr_assert_eq(ops[i]->error == STORE_OK, ok,
			    "a group was torn");
			cr_assert_not(ops[i]->duplicate);
			if (!ok && i == 9)
				*failed = ops[i];
			else
				op_free(ops[i]);
		}
		if (!ok)
			return n;
		n += 10;
		cr_assert_lt(n, 100000, "it never got full");
	}
}

static void
check_full(unsigned n)
{
	struct store_op *op;
	unsigned i;

	cr_assert_eq(rig_count(&rig, 1, NULL), n);
	cr_assert_geq(metric_get(&rig.store->metrics.failed), 10);
	for (i = 0; i < 20; i++) {
		/* A room's first message, again and again. */
		op = rig_do(&rig, op_say(2, "ann", "hi", "first"));
		if (op->error == STORE_OK) {
			op_free(op);
			break;	/* a small one may fit where ten did not */
		}
		cr_assert_not(op->duplicate);
		op_free(op);
	}
	cr_assert_eq(rig_count(&rig, 1, NULL), n);
}

/* It is found out with nobody saying anything, and nothing is left of it. */
static void
await_ok(void)
{
	uint64_t end = clock_ms() + DEADLINE;

	while (!store_ok(rig.store)) {
		cr_assert_lt(clock_ms(), end, "it never takes messages again");
		cr_assert_null(mailbox_wait(&rig.box, 10));
	}
	cr_assert_eq(sql_int("SELECT count(*) FROM meta WHERE name = 'try'"),
	    0);
}

static void
check_recovered(unsigned n, struct store_op *failed)
{
	uint32_t second = rig_count(&rig, 2, NULL);
	struct store_op *op;
	uint64_t seq;

	await_ok();

	op = rig_do(&rig, op_say(1, "ann", "hi", msg_key(failed->msg)));
	cr_assert_eq(op->error, STORE_OK);
	cr_assert_not(op->duplicate, "a failed one's key was kept");
	seq = op->seq;
	op_free(op);
	op_free(failed);
	op = rig_do(&rig, op_say(2, "ann", "hi", "first"));
	cr_assert_eq(op->error, STORE_OK);
	cr_assert_eq(op->duplicate, second == 1);
	op_free(op);
	cr_assert_eq(rig_count(&rig, 1, NULL), n + 1);
	cr_assert_eq(rig_count(&rig, 2, NULL), 1);
	reopen();
	cr_assert_eq(rig_count(&rig, 1, NULL), n + 1);
	cr_assert_eq(sql_int("SELECT sum(count) FROM rooms"), n + 2);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages"), n + 2);
	cr_assert_gt(rig_say(&rig, 1, "on"), seq);
}

Test(sqlite_only, a_full_disk)
{
	char *filler = rig_file(&rig, "disk/filler");
	char *dir = rig_file(&rig, "disk");
	struct store_op *failed;
	static char block[8 << 20];
	unsigned n;
	int fd;

	/* A disk of its own that goes with this process. */
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mkdir(dir, 0700) < 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=16m") < 0)
		cr_skip_test("may not mount a small disk");
	rig.conf.state_dir = dir;
	reopen();
	cr_assert_geq(fd = open(filler, O_WRONLY | O_CREAT, 0600), 0);
	cr_assert_eq(write(fd, block, sizeof(block)), sizeof(block));
	cr_assert(store_ok(rig.store));
	n = say_until_full(1, &failed);
	while (write(fd, block, 4096) > 0)
		continue;
	cr_assert_gt(n, 50);
	check_full(n);
	cr_assert_eq(ftruncate(fd, 0), 0);
	close(fd);
	unlink(filler);
	check_recovered(n, failed);
	rig_close(&rig);
	umount(dir);
	free(dir);
	free(filler);
}

/* The same by the limit of a file's size, which is an I/O error to SQLite. */
Test(sqlite_only, a_write_error)
{
	struct rlimit limit = { 600000, RLIM_INFINITY };
	struct store_op *failed;
	unsigned n;

	signal(SIGXFSZ, SIG_IGN);
	reopen();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	n = say_until_full(1, &failed);
	cr_assert(!store_ok(rig.store));
	cr_assert_gt(n, 50);
	check_full(n);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_recovered(n, failed);
}

Test(sqlite_only, a_commit_is_on_the_disk)
{
	unsigned before, i;

	reopen();
	rig_say(&rig, 1, "first");
	for (i = 0; i < 20; i++) {
		before = atomic_load(&syncs);
		rig_say(&rig, 1, "hello");
		cr_assert_gt(atomic_load(&syncs), before);
	}
	rig.conf.durability = DURABILITY_RELAXED;
	reopen();
	rig_say(&rig, 1, "first");
	before = atomic_load(&syncs);
	for (i = 0; i < 20; i++)
		rig_say(&rig, 1, "hello");
	cr_assert_eq(atomic_load(&syncs), before);
}

Test(sqlite_only, a_sync_that_fails)
{
	unsigned stored = 0, i;
	uint64_t seq = 0;

	reopen();
	for (i = 0; i < 60; i++) {
		bool fails = i % 20 > 10;
		struct store_op *op;

		atomic_store(&syncs_fail, fails);
		op = rig_do(&rig, op_say(1 + i / 20, "ann", "hi", NULL));
		cr_assert_eq(op->error, fails ? STORE_UNAVAILABLE : STORE_OK);
		if (!fails) {
			cr_assert_gt(op->seq, seq);
			seq = op->seq;
			stored++;
		}
		op_free(op);
		cr_assert_eq(rig_count(&rig, 1, NULL) +
		    rig_count(&rig, 2, NULL) + rig_count(&rig, 3, NULL),
		    stored);
	}
	atomic_store(&syncs_fail, false);
	rig_say(&rig, 1, "goes on");
	reopen();
	cr_assert_eq(sql_int("SELECT count(*) FROM messages"), stored + 1);
	cr_assert_eq(sql_int("SELECT sum(count) FROM rooms"), stored + 1);
}

/* In the child: says without end; tells the pipe what is committed. */
static void
say_for_ever(int fd, unsigned round)
{
	struct store_op *ops[64];
	unsigned i, n, k = 0;

	rig_open(&rig);
	for (;;) {
		n = 1 + k % 64;
		for (i = 0; i < n; i++) {
			char text[32];

			snprintf(text, sizeof(text), "%u-%u", round, k++);
			store_submit(rig.store, op_say(1 + k % 3, "ann", text,
			    text));
		}
		store_flush(rig.store);
		rig_await(&rig, ops, n);
		for (i = 0; i < n; i++) {
			if (ops[i]->error != STORE_OK || dprintf(fd,
			    "%" PRIu64 " %s\n", ops[i]->seq,
			    msg_text(ops[i]->msg)) < 0)
				_exit(1);
			op_free(ops[i]);
		}
	}
}

struct said {
	char		**text;		/* by seq; NULL: nobody was told */
	uint64_t	 n;
};

/* Lets a child say things until it has told of this many, and kills it. */
static void
kill_round(unsigned round, unsigned lines, struct said *said)
{
	char line[64], text[32];
	int fds[2], status;
	uint64_t seq;
	pid_t pid;
	FILE *f;

	cr_assert_eq(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		close(fds[0]);
		say_for_ever(fds[1], round);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), f) != NULL) {
		/* What it had told before it died counts as well. */
		if (lines > 0 && --lines == 0)
			kill(pid, SIGKILL);
		if (strchr(line, '\n') == NULL ||
		    sscanf(line, "%" SCNu64 " %31s", &seq, text) != 2)
			break;
		if (seq >= said->n) {
			said->text = xrealloc(said->text, (seq + 1) * 2 *
			    sizeof(char *));
			memset(said->text + said->n, 0, ((seq + 1) * 2 -
			    said->n) * sizeof(char *));
			said->n = (seq + 1) * 2;
		}
		cr_assert_null(said->text[seq], "%" PRIu64 " given twice", seq);
		said->text[seq] = xstrdup(text);
	}
	fclose(f);
	cr_assert_eq(lines, 0, "the child died by itself");
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* All that was told is there, under its seq, and stands once. */
static void
check_said(const struct said *said, unsigned rounds)
{
	uint32_t found = 0, told = 0, room, i;
	uint64_t seq;

	rig_open(&rig);
	for (room = 1; room <= 3; room++) {
		struct store_read *r = rig_read(&rig, READ_AFTER, room, 0, 0,
		    UINT32_MAX, SIZE_MAX);

		for (i = 0; i < r->n; i++) {
			seq = r->msgs[i]->seq;
			if (seq >= said->n || said->text[seq] == NULL)
				continue;
			cr_assert_str_eq(msg_text(r->msgs[i]), said->text[seq]);
			found++;
		}
		store_read_free(r);
	}
	for (seq = 0; seq < said->n; seq++)
		told += said->text[seq] != NULL;
	cr_assert_eq(found, told, "%u of %u after %u kills", found, told,
	    rounds);
	cr_assert_eq(sql_int("SELECT count(*) FROM (SELECT text FROM messages "
	    "GROUP BY text HAVING count(*) > 1)"), 0);
	cr_assert_eq(sql_int("SELECT sum(count) FROM rooms"),
	    sql_int("SELECT count(*) FROM messages"));
	rig_close(&rig);
}

Test(sqlite_only, killed_at_any_moment)
{
	unsigned seed = (unsigned)getpid(), round;
	struct said said = { NULL, 0 };
	uint64_t seq;

	cr_log_info("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 20; round++) {
		kill_round(round, 1 + (unsigned)rand() % 1500, &said);
		check_said(&said, round + 1);
	}
	for (seq = 0; seq < said.n; seq++)
		free(said.text[seq]);
	free(said.text);
}
