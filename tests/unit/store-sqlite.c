/* What the SQLite store promises beyond: restarts, damage, a full disk. */
#include "store-shell.h"
#include "store-sqlite.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_uint syncs;		/* calls that reached the disk */
static atomic_bool syncs_fail;

/* Is it the index beside the log, which is synced when its thread likes? */
static bool
is_index(int fd)
{
	char link[64], path[512] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 0 &&
	    strstr(path, "/partyline.words") != NULL;
}

/* These stand before libc's for SQLite as well. */
int
fdatasync(int fd)
{
	if (is_index(fd))
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

static void
setup(void)
{
	rig_init(&rig, "sqlite");
}

static void
teardown(void)
{
	rig_free(&rig);
}

TestSuite(sqlite_only, .init = setup, .fini = teardown, .timeout = 120);

struct seen {
	unsigned	 n;
	uint64_t	 head, floor;
	char		 name[16], key[16], topic[64];
};

static void
room_cb(void *arg, const struct store_room *room)
{
	struct seen *seen = (struct seen *)arg + room->id;

	seen->n++;
	seen->head = room->head;
	seen->floor = room->floor;
	snprintf(seen->name, sizeof(seen->name), "%s", room->name);
	snprintf(seen->key, sizeof(seen->key), "%s", room->key);
	snprintf(seen->topic, sizeof(seen->topic), "%s", room->topic);
}

/* Opens without starting, and looks at the rooms; ids below 8. */
static void
open_rooms(struct seen *seen)
{
	char *error;

	memset(seen, 0, 8 * sizeof(*seen));
	if (rig.store != NULL)
		rig_close(&rig);
	rig.store = store_open(&rig.conf, &error);
	cr_assert(rig.store != NULL, "%s", error);
	store_rooms(rig.store, room_cb, seen);
}

Test(sqlite_only, all_is_there_again)
{
	struct seen seen[8];
	struct store_op *op;
	struct store_read *r;
	char epoch[33];
	uint64_t one, two;

	reopen();
	snprintf(epoch, sizeof(epoch), "%s", store_epoch(rig.store));
	one = rig_say(&rig, 1, "one");
	two = rig_say(&rig, 2, "two");
	op = op_new(STORE_TOPIC, 1);
	op->text = "all 'sorts' of things";
	op_free(rig_do(&rig, op));
	op = op_new(STORE_TOPIC, 3);
	op->text = "nothing said yet";
	op_free(rig_do(&rig, op));

	open_rooms(seen);
	cr_assert_str_eq(store_epoch(rig.store), epoch);
	cr_assert(seen[1].n == 1 && seen[2].n == 1 && seen[3].n == 1);
	cr_assert(seen[1].head == one && seen[1].floor == 0);
	cr_assert(seen[2].head == two && seen[3].head == 0);
	cr_assert_str_eq(seen[1].name, "Room1");
	cr_assert_str_eq(seen[1].key, "room1");
	cr_assert_str_eq(seen[1].topic, "all 'sorts' of things");
	cr_assert_str_eq(seen[2].topic, "");
	cr_assert_str_eq(seen[3].topic, "nothing said yet");
	reopen();
	r = rig_read(&rig, READ_AFTER, 1, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(r->n, 1);
	cr_assert_eq(r->msgs[0]->seq, one);
	cr_assert_str_eq(msg_text(r->msgs[0]), "one");
	store_read_free(r);
	cr_assert_gt(rig_say(&rig, 1, "three"), two);
}

Test(sqlite_only, another_store_has_another_epoch)
{
	char epoch[33];

	reopen();
	snprintf(epoch, sizeof(epoch), "%s", store_epoch(rig.store));
	rig_close(&rig);
	rig_clean(rig.dir);
	reopen();		/* makes the directory, too */
	cr_assert_str_neq(store_epoch(rig.store), epoch);
}

Test(sqlite_only, head_survives_pruning)
{
	struct seen seen[8];
	uint64_t seq;

	rig.conf.history_age = 1;
	reopen();
	rig_fill(&rig, 1, 1000);
	seq = rig_say(&rig, 1, "last");
	rig_until(&rig, 1, 0);
	sql_until("SELECT count(*) FROM messages", 0);
	cr_assert_eq(sql_int("SELECT count + bytes FROM rooms"), 0);
	open_rooms(seen);
	cr_assert(seen[1].head == seq && seen[1].floor == seq);
	reopen();
	cr_assert_gt(rig_say(&rig, 1, "new"), seq);
}

Test(sqlite_only, a_room_that_is_over_leaves_nothing)
{
	struct seen seen[8];
	struct store_op *op;
	uint64_t seq;

	reopen();
	rig_fill(&rig, 1, 3000);
	op = rig_do(&rig, op_say(1, "ann", "hi", "key"));
	seq = op->seq;
	op_free(op);
	rig_forget(&rig, 1, seq);
	cr_assert_eq(rig_count(&rig, 1, NULL), 0);
	sql_until("SELECT count(*) FROM rooms", 0);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages"), 0);
	cr_assert_eq(sql_int("SELECT count(*) FROM keys"), 0);
	open_rooms(seen);
	cr_assert_eq(seen[1].n, 0);
	reopen();
	op = rig_do(&rig, op_say(1, "ann", "hi", "key"));
	cr_assert_gt(op->seq, seq, "a seq was given twice");
	cr_assert_not(op->duplicate);
	op_free(op);
}

/* The hub drops a room and makes one of that name with the next id. */
Test(sqlite_only, a_key_may_come_again_as_another_id)
{
	struct seen seen[8];
	struct store_op *op;
	unsigned i;

	reopen();
	rig_fill(&rig, 1, 500);
	for (i = 2; i < 5; i++) {
		op = op_say(i, "ann", "hi", NULL);
		free((char *)op->key);
		op->key = xstrdup("room1");
		cr_assert_eq(rig_do(&rig, op)->error, STORE_OK);
		op_free(op);
		cr_assert_eq(rig_count(&rig, i, NULL), 1);
		cr_assert_eq(rig_count(&rig, i - 1, NULL), 0);
	}
	sql_until("SELECT count(*) FROM rooms", 1);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages"), 1);
	open_rooms(seen);
	cr_assert(seen[4].n == 1 && seen[1].n == 0);
}

/* Killed before the slices are through: the rest goes after the restart. */
Test(sqlite_only, what_is_over_goes_after_a_restart)
{
	struct seen seen[8];

	reopen();
	rig_fill(&rig, 1, 2000);
	rig_fill(&rig, 2, 2000);
	rig_close(&rig);
	sql("UPDATE rooms SET key = NULL, floor = head WHERE id = 1;"
	    "UPDATE rooms SET floor = (SELECT max(seq) FROM messages WHERE "
	    "room = 2) - 10 WHERE id = 2");
	open_rooms(seen);
	cr_assert(seen[1].n == 0 && seen[2].n == 1);
	reopen();
	cr_assert_eq(rig_count(&rig, 1, NULL), 0);
	cr_assert_eq(rig_count(&rig, 2, NULL), 10);
	sql_until("SELECT count(*) FROM messages", 10);
	sql_until("SELECT count(*) FROM rooms", 1);
}

Test(sqlite_only, keys_survive_and_expire)
{
	struct store_op *op;
	uint64_t seq;
	unsigned i;

	reopen();
	for (i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%u", i);
		op = rig_do(&rig, op_say(1, "ann", "hi", key));
		seq = op->seq;
		op_free(op);
	}
	reopen();
	op = rig_do(&rig, op_say(1, "ann", "hi", "k999"));
	cr_assert(op->duplicate && op->seq == seq);
	op_free(op);
	rig_close(&rig);
	sql("UPDATE keys SET time = time - 86400000 WHERE key <> 'k5'");
	rig_open(&rig);
	op = rig_do(&rig, op_say(1, "ann", "hi", "k999"));
	cr_assert(!op->duplicate && op->seq > seq, "older than 24 hours");
	op_free(op);
	op = rig_do(&rig, op_say(1, "ann", "hi", "k5"));
	cr_assert(op->duplicate);
	op_free(op);
	/* k5 holds back the younger ones only until it is old itself. */
	sql("UPDATE keys SET time = time - 86400000 WHERE key = 'k5'");
	sql_until("SELECT count(*) FROM keys", 1);
}

Test(sqlite_only, only_one_daemon)
{
	char pid[32];

	reopen();
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	rig_refused(&rig, "in use by another partylined", pid);
	rig_say(&rig, 1, "still here");
	reopen();
}

Test(sqlite_only, places_that_will_not_do)
{
	char *dir = xasprintf("%s/no/such", rig.dir);

	rig.conf.state_dir = dir;
	rig_refused(&rig, dir, "directory above it must exist");
	free(dir);
	rig.conf.state_dir = rig.dir;
	write_file("file", "x", 1);
	dir = rig_file(&rig, "file");
	rig.conf.state_dir = dir;
	rig_refused(&rig, dir, "is not a directory");
	rig.conf.state_dir = rig.dir;
	free(dir);
}

Test(sqlite_only, no_permission)
{
	struct stat st;

	reopen();
	rig_close(&rig);
	cr_assert_eq(stat(rig.dir, &st), 0);
	remove_file("partyline.lock");
	cr_assert_eq(chmod(rig.dir, 0555), 0);
	cr_assert(geteuid() != 0 || seteuid(65534) == 0);
	rig_refused(&rig, rig.dir, "Permission denied");
	cr_assert_eq(seteuid(getuid()), 0);
	cr_assert_eq(chmod(rig.dir, 0700), 0);
	reopen();
	rig_close(&rig);
	/* The database itself may not be written. */
	{
		char *path = rig_file(&rig, "partyline.db");

		cr_assert_eq(chmod(path, 0444), 0);
		cr_assert_eq(chmod(rig.dir, 0777), 0);
		remove_file("partyline.lock");
		cr_assert(geteuid() != 0 || seteuid(65534) == 0);
		rig_refused(&rig, path, "must belong to the daemon's user");
		cr_assert_eq(seteuid(getuid()), 0);
		free(path);
	}
}

Test(sqlite_only, files_are_private)
{
	char *path = rig_file(&rig, "partyline.db");
	char *dir = rig_file(&rig, "state");
	struct stat st;

	umask(0);
	reopen();
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	rig.conf.state_dir = dir;
	reopen();
	cr_assert_eq(stat(dir, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	rig_close(&rig);
	free(path);
	free(dir);
}

/* Every refusal leaves what is there as it was. */
Test(sqlite_only, never_begins_anew_by_itself)
{
	static const char page[8192] = "no database";
	char *path;

	reopen();
	rig_say(&rig, 1, "precious");
	rig_close(&rig);

	write_file("partyline.db", "", 0);
	rig_refused(&rig, "partyline.db is damaged: it is empty", "move");
	write_file("partyline.db-wal", page, sizeof(page));
	rig_refused(&rig, "partyline.db is damaged: it is empty", "restore");
	cr_assert_eq(file_size("partyline.db-wal"), sizeof(page));
	remove_file("partyline.db");
	rig_refused(&rig, "partyline.db is missing", "-wal");
	cr_assert_eq(file_size("partyline.db-wal"), sizeof(page));
	remove_file("partyline.db-wal");
	rig_refused(&rig, "partyline.db is missing", "remove partyline.lock");
	cr_assert_eq(file_size("partyline.db"), -1);
	remove_file("partyline.lock");
	reopen();
	rig_close(&rig);
	write_file("partyline.db", page, sizeof(page));
	rig_refused(&rig, "partyline.db is not an SQLite database", "backup");
	cr_assert_eq(file_size("partyline.db"), sizeof(page));
	remove_file("partyline.db");
	path = rig_file(&rig, "partyline.db");
	cr_assert_eq(mkdir(path, 0700), 0);
	rig_refused(&rig, "partyline.db is not a file", "move it away");
	free(path);
}

/* Half a creation is no creation. */
Test(sqlite_only, a_creation_cut_short_is_repeated)
{
	write_file("partyline.db-new", "half of it", 10);
	write_file("partyline.lock", "", 0);
	reopen();
	rig_say(&rig, 1, "hello");
	cr_assert_eq(file_size("partyline.db-new"), -1);
}

Test(sqlite_only, other_databases)
{
	char version[64];

	reopen();
	rig_close(&rig);
	snprintf(version, sizeof(version), "PRAGMA user_version = %d",
	    sqlite_version);
	sql("PRAGMA user_version = 1000");
	rig_refused(&rig, "newer partylined", "schema 1000");
	sql("PRAGMA user_version = 0");
	rig_refused(&rig, "is damaged", "no schema");
	sql(version);
	sql("PRAGMA application_id = 7");
	rig_refused(&rig, "another program's database", "state_dir");
	sql("PRAGMA application_id = 0x504c494e; ALTER TABLE messages "
	    "RENAME COLUMN text TO texts");
	rig_refused(&rig, "is damaged", "no column named text");
	sql("ALTER TABLE messages RENAME COLUMN texts TO text;"
	    "DELETE FROM meta WHERE name = 'epoch'");
	rig_refused(&rig, "is damaged", "epoch");
}

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

struct hammer {
	struct mailbox	 box;
	atomic_bool	 stop;
	unsigned	 reads;
};

static void *
hammer(void *arg)
{
	struct hammer *h = arg;

	while (!h->stop) {
		struct store_read *r = store_read_new(READ_AFTER, 1);

		r->to = &h->box;
		r->limit = UINT32_MAX;
		store_read(rig.store, r);
		if (mailbox_wait(&h->box, DEADLINE) != &r->mail)
			return NULL;
		h->reads += r->n > 0;
		store_read_free(r);
	}
	return NULL;
}

/* However busy the readers are: the -wal begins again and again. */
Test(sqlite_only, the_wal_stays_small)
{
	static struct hammer h[3];	/* outlive the store's threads */
	pthread_t threads[3];
	off_t largest = 0;
	unsigned i;

	reopen();
	rig_fill(&rig, 1, 20000);
	for (i = 0; i < 3; i++) {
		h[i].reads = 0;
		atomic_init(&h[i].stop, false);
		mailbox_init(&h[i].box, NULL, NULL);
		pthread_create(&threads[i], NULL, hammer, &h[i]);
	}
	for (i = 0; i < 1500; i++) {
		rig_fill(&rig, 2 + i % 50, 100);
		if (file_size("partyline.db-wal") > largest)
			largest = file_size("partyline.db-wal");
	}
	for (i = 0; i < 3; i++) {
		h[i].stop = true;
		pthread_join(threads[i], NULL);
		cr_assert_gt(h[i].reads, 10);
	}
	cr_log_info("largest -wal: %lld\n", (long long)largest);
	cr_assert_lt(largest, 32 << 20);
	cr_assert_gt(file_size("partyline.db"), 4 << 20);
	rig_close(&rig);
	cr_assert_eq(file_size("partyline.db-wal"), -1, "left by the close");
}

/* Pruning of much is cut in slices: commits go on meanwhile. */
Test(sqlite_only, pruning_holds_up_nobody)
{
	uint64_t longest = 0, at;
	unsigned i, during = 0;

	reopen();
	for (i = 0; i < 20; i++)
		rig_fill(&rig, 1, 5000);
	rig.conf.history_max = 10;
	store_configure(rig.store, &rig.conf);
	rig_say(&rig, 2, "begin");
	for (i = 0; i < 200; i++) {
		at = clock_us();
		rig_say(&rig, 2, "meanwhile");
		at = clock_us() - at;
		longest = at > longest ? at : longest;
		during += rig.pruned_floor > 0 && rig.pruned_floor < 99990;
	}
	cr_assert_gt(during, 3, "it was not in slices");
	/* All at once would take more; generous for a busy machine. */
	cr_log_info("longest commit: %" PRIu64 " us\n", longest);
	rig_until(&rig, 1, 10);
	sql_until("SELECT count(*) FROM messages WHERE room = 1", 10);
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
