/*
 * What the SQLite store promises beyond: restarts, what it will not open, and
 * that its housekeeping holds nobody up.
 */
#include "store-shell.h"
#include "store-sqlite.h"

#include <sys/stat.h>

#include <stdatomic.h>

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
	char *words = rig_file(&rig, "partyline.words");
	char *dir = rig_file(&rig, "state");
	struct stat st;

	umask(0);
	reopen();
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(stat(words, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(chmod(words, 0644), 0);
	reopen();
	cr_assert_eq(stat(words, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	rig.conf.state_dir = dir;
	reopen();
	cr_assert_eq(stat(dir, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);
	rig_close(&rig);
	free(path);
	free(words);
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
