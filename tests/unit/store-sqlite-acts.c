/* Facts, audit and redactions in the SQLite store's files. */
#include "store-shell.h"
#include "store-sqlite.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <signal.h>

static unsigned kill_at;	/* the how manieth sync or write kills us */

static void
maybe_kill(int fd)
{
	char link[32], path[256] = "";

	if (kill_at == 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) > 0 &&
	    strstr(path, "partyline.db") != NULL && --kill_at == 0)
		kill(getpid(), SIGKILL);
}

/* These stand before libc's for SQLite as well. */
int
fdatasync(int fd)
{
	maybe_kill(fd);
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	return fdatasync(fd);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	maybe_kill(fd);
	return (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
}

TestSuite(acts, .init = setup, .fini = teardown, .timeout = 120);

/* The facts there are, as "key=value\n"; opens anew. */
static void
open_facts_cb(void *arg, const struct store_fact *fact)
{
	buf_addf(arg, "%s=%s\n", fact->key, fact->value);
}

static void
facts_are(const char *want)
{
	struct buf got = { 0 };
	char *error;

	if (rig.store != NULL)
		rig_close(&rig);
	rig.store = store_open(&rig.conf, &error);
	cr_assert(rig.store != NULL, "%s", error);
	store_facts(rig.store, open_facts_cb, &got);
	cr_assert_str_eq(buf_str(&got), want);
	buf_free(&got);
	cr_assert(store_start(rig.store, &rig.box, &error), "%s", error);
}

Test(acts, facts_come_back_by_growing_key)
{
	static const char odd[] = "b/\xf0\x9f\x98\x80/'\"; DROP TABLE facts;--";
	const struct store_fact facts[] = {
		{ "c", "{\"text\":\"\xc3\xa9\xe2\x82\xac\\u0000\"}" },
		{ "a", "{}" }, { odd, "1" }, { "a", "{\"again\":1}" },
		{ "none", NULL }
	};
	char *want = xasprintf("a={\"again\":1}\n%s=1\n"
	    "c={\"text\":\"\xc3\xa9\xe2\x82\xac\\u0000\"}\n", odd);
	const struct store_fact gone[] = { { odd, NULL }, { "c", NULL } };

	facts_are("");
	cr_assert_eq(rig_facts(&rig, facts, NITEMS(facts), NULL), STORE_OK);
	facts_are(want);
	cr_assert_eq(rig_facts(&rig, gone, NITEMS(gone), NULL), STORE_OK);
	facts_are("a={\"again\":1}\n");
	free(want);
}

Test(acts, many_and_large_facts)
{
	enum { N = 20000, LARGE = 3 << 20 };
	struct store_fact *facts = xcalloc(N, sizeof(*facts));
	char *large = xmalloc(LARGE + 1);
	struct buf want = { 0 };
	unsigned i;

	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	for (i = 0; i < N; i++) {
		facts[i].key = xasprintf("k%05u", i);
		facts[i].value = i == 7 ? large : facts[i].key;
		buf_addf(&want, "%s=%s\n", facts[i].key, facts[i].value);
	}
	reopen();
	cr_assert_eq(rig_facts(&rig, facts, N, NULL), STORE_OK);
	facts_are(buf_str(&want));
	for (i = 0; i < N; i++)
		free((char *)facts[i].key);
	free(facts);
	free(large);
	buf_free(&want);
}

static void
room_cb(void *arg, const struct store_room *room)
{
	buf_addf(arg, "%u %s %s\n", room->id, room->key, room->name);
}

/* Facts of a room make the room. */
Test(acts, facts_of_a_room)
{
	const struct store_fact fact = { "role/room7/ann", "{}" };
	struct store_op *op = op_new(STORE_FACTS, 7);
	struct buf got = { 0 };
	char *error;

	op->facts = &fact;
	op->nfacts = 1;
	reopen();
	cr_assert_eq(rig_do(&rig, op)->error, STORE_OK);
	op_free(op);
	rig_close(&rig);
	rig.store = store_open(&rig.conf, &error);
	cr_assert(rig.store != NULL, "%s", error);
	store_rooms(rig.store, room_cb, &got);
	cr_assert_str_eq(buf_str(&got), "7 room7 Room7\n");
	buf_free(&got);
	cr_assert(store_start(rig.store, &rig.box, &error), "%s", error);
}

/* A group that fails leaves nothing of any of it. */
Test(acts, a_failed_group_undoes_all)
{
	const struct store_fact before = { "k", "before" };
	const struct store_fact after[] = { { "k", "after" }, { "l", "1" } };
	struct rlimit limit = { 1, RLIM_INFINITY };
	struct store_op *ops[2], *back[2];
	struct store_read *r;
	uint64_t seq;

	signal(SIGXFSZ, SIG_IGN);
	reopen();
	rig_facts(&rig, &before, 1, "{}");
	seq = rig_say(&rig, 1, "stays");
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ops[0] = op_redact(1, seq, NULL);
	ops[0]->facts = after;
	ops[0]->nfacts = 2;
	ops[0]->audit = "{\"act\":\"redact\"}";
	ops[1] = op_redact(1, seq, NULL);
	store_submit(rig.store, ops[0]);
	store_submit(rig.store, ops[1]);
	store_flush(rig.store);
	rig_await(&rig, back, 2);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(ops[0]->error, STORE_UNAVAILABLE);
	cr_assert_eq(ops[1]->error, STORE_UNAVAILABLE);
	op_free(ops[0]);
	op_free(ops[1]);
	r = rig_read(&rig, READ_AFTER, 1, 0, 0, 10, SIZE_MAX);
	cr_assert(r->n == 1 && r->msgs[0]->flags == 0);
	cr_assert_str_eq(msg_text(r->msgs[0]), "stays");
	store_read_free(r);
	facts_are("k=before\n");
	cr_assert_eq(sql_int("SELECT count(*) FROM audit"), 1);
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
}

/* Waits until the index has it all. */
static void
await_words(uint64_t upto)
{
	uint64_t end = clock_ms() + DEADLINE, n = 0;
	char *path = rig_file(&rig, "partyline.words");
	sqlite3_stmt *st;
	sqlite3 *db;

	while (n < upto) {
		cr_assert_lt(clock_ms(), end, "indexed up to %" PRIu64, n);
		mailbox_wait(&rig.reads, 10);
		cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
		if (sqlite3_prepare_v2(db, "SELECT value FROM meta WHERE "
		    "name = 'upto'", -1, &st, NULL) == SQLITE_OK &&
		    sqlite3_step(st) == SQLITE_ROW)
			n = (uint64_t)sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	free(path);
}

static int64_t
words_int(const char *text)
{
	char *path = rig_file(&rig, "partyline.words");
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	cr_assert_eq(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(path);
	return n;
}

/* On a busy machine a search may be cut short by its time, and asked again. */
static uint32_t
hits(const char *query)
{
	uint64_t end = clock_ms() + DEADLINE;
	struct store_read *r = NULL;
	uint32_t n;

	do {
		store_read_free(r);
		cr_assert_lt(clock_ms(), end, "%s is always cut short", query);
		r = store_read_new(READ_SEARCH, 1);
		r->to = &rig.reads;
		r->query = xstrdup(query);
		r->limit = 100;
		store_read(rig.store, r);
		cr_assert_eq(mailbox_wait(&rig.reads, DEADLINE), &r->mail);
		cr_assert_eq(r->error, STORE_OK);
	} while (r->more);
	n = r->n;
	store_read_free(r);
	return n;
}

/* Whether the file holds the word. */
static bool
holds(const char *name, const char *word)
{
	char *path = rig_file(&rig, name), *data;
	off_t size = file_size(name);
	bool found;
	FILE *f;

	if (size < 0) {
		free(path);
		return false;
	}
	data = xmalloc((size_t)size + 1);
	cr_assert_not_null(f = fopen(path, "r"));
	size = (off_t)fread(data, 1, (size_t)size, f);
	fclose(f);
	found = memmem(data, (size_t)size, word, strlen(word)) != NULL;
	free(data);
	free(path);
	return found;
}

static bool
any_holds(const char *word)
{
	return holds("partyline.db", word) ||
	    holds("partyline.db-wal", word) ||
	    holds("partyline.words", word) ||
	    holds("partyline.words-wal", word);
}

/* Between others, on pages of its own, and where rows are pruned around it. */
Test(acts, redacted_text_is_gone_from_the_files)
{
	static char large[20000];
	uint64_t end = clock_ms() + DEADLINE, seqs[60], seq;
	char word[32];
	unsigned i;

	reopen();
	for (i = 0; i < 60; i++) {
		rig_fill(&rig, 1 + i % 3, 40);
		memset(large, 'x', sizeof(large) - 1);
		large[i % 2 ? 20 : 19999] = '\0';
		snprintf(large, sizeof(large), "telltale%uz", i);
		large[strlen(large)] = i % 2 ? '\0' : 'x';
		seqs[i] = rig_say(&rig, 1 + i % 3, large);
	}
	cr_assert(any_holds("telltale0z"));
	await_words(seqs[59]);
	cr_assert(holds("partyline.words-wal", "telltale0z") ||
	    holds("partyline.words", "telltale0z"));
	rig_forget(&rig, 2, seqs[30]);
	for (i = 0; i < 60; i++) {
		if (1 + i % 3 != 2)
			cr_assert_eq(rig_redact(&rig, 1 + i % 3, seqs[i], NULL),
			    STORE_OK);
	}
	seq = rig_say(&rig, 1, "another");
	for (i = 0; i < 60; i++) {
		snprintf(word, sizeof(word), "telltale%uz", i);
		while (1 + i % 3 != 2 && any_holds(word)) {
			cr_assert_lt(clock_ms(), end, "%s is there", word);
			mailbox_wait(&rig.reads, 10);
		}
	}
	cr_assert(any_holds("telltale58z"), "not all were redacted");
	/* Killed before the -wal was cut: that is done at the next start. */
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
	reopen();
	cr_assert_eq(sql_int("PRAGMA integrity_check") +
	    sql_int("SELECT count(*) FROM messages WHERE flags = 1"), 41);
}

/* Waits until no file of the store's has the word. */
static void
await_gone(const char *word)
{
	uint64_t end = clock_ms() + DEADLINE;

	while (any_holds(word)) {
		cr_assert_lt(clock_ms(), end, "%s is there", word);
		mailbox_wait(&rig.reads, 10);
	}
}

/* Of ten, one in room 2, with the word and up to 200 bytes behind it. */
static void
fill_two_rooms(unsigned n)
{
	struct store_op **ops = xcalloc(n, sizeof(struct store_op *));
	static char text[240];
	unsigned i, room;

	for (i = 0; i < n; i++) {
		room = rand() % 10 == 0 ? 2 : 1;
		snprintf(text, sizeof(text), "%s%-*u", room == 2 ? "telltale" :
		    "something", rand() % 200, i);
		store_submit(rig.store, op_say(room, room == 2 ? "bob" : "ann",
		    text, NULL));
	}
	store_flush(rig.store);
	rig_await(&rig, ops, n);
	for (i = 0; i < n; i++)
		op_free(ops[i]);
	free(ops);
}

static void
erase(const char *key)
{
	struct store_op *op = op_new(STORE_ERASE, 0);

	op->text = key;
	cr_assert_eq(rig_do(&rig, op)->error, STORE_OK);
	op_free(op);
	sql_until("SELECT count(*) FROM erasures", 0);
}

/* Pages on which retention has left little are joined: no copies of what was
 * on them stay behind. */
Test(acts, copies_in_gaps_are_wiped)
{
	unsigned i;

	srand(1);
	reopen();
	for (i = 0; i < 20; i++)
		fill_two_rooms(1000);
	rig_forget(&rig, 1, 19000);
	sql_until("SELECT count(*) FROM messages WHERE room = 1 AND "
	    "seq <= 19000", 0);
	erase("bob");
	await_gone("telltale");
	cr_assert_eq(sql_int("PRAGMA integrity_check") +
	    sql_int("SELECT count(*) FROM messages WHERE text LIKE "
	    "'something%'"), sql_int("SELECT count(*) FROM messages WHERE "
	    "room = 1"));
}

/* Few of many: neither the -wal nor the index keeps them until more go. */
Test(acts, what_is_forgotten_is_gone_from_the_files)
{
	uint64_t seq;

	reopen();
	seq = rig_say(&rig, 1, "telltale");
	rig_fill(&rig, 1, 50);
	await_words(seq + 50);
	rig_forget(&rig, 1, seq);
	await_gone("telltale");
	cr_assert_eq(hits("49"), 1);
}

/* An upgrade comes before the -wal was cut, and then nobody says anything. */
Test(acts, what_the_daemon_before_had_not_come_to)
{
	struct store *old;
	char *error;
	uint64_t seq;

	reopen();
	seq = rig_say(&rig, 1, "first");
	rig_say(&rig, 1, "telltale");
	await_words(seq + 1);
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
	cr_assert_eq(rig_redact(&rig, 1, seq + 1, NULL), STORE_OK);
	old = rig.store;
	store_rest(old);
	rig.store = store_open_handed(&rig.conf, dup(store_handle(old)),
	    &error);
	cr_assert(rig.store != NULL, "%s", error);
	cr_assert(store_start(rig.store, &rig.box, &error), "%s", error);
	await_gone("telltale");
	store_close(old);
}

/* The index's -wal is cut when whoever reads it lets go of it. */
Test(acts, a_reader_of_the_index)
{
	char *path = rig_file(&rig, "partyline.words");
	uint64_t end = clock_ms() + DEADLINE, seq;
	sqlite3 *db;

	reopen();
	seq = rig_say(&rig, 1, "telltale");
	await_words(seq);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "BEGIN; SELECT * FROM meta", NULL, NULL,
	    NULL), SQLITE_OK);
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
	while (words_int("SELECT value FROM meta WHERE name = 'purged'") == 0) {
		cr_assert_lt(clock_ms(), end, "not purged");
		mailbox_wait(&rig.reads, 10);
	}
	cr_assert_eq(hits("another"), 0);	/* it has tried that */
	cr_assert(any_holds("telltale"));
	sqlite3_close(db);
	await_gone("telltale");
	free(path);
}

/* A log put back from a copy knows nothing of what its index was told. */
Test(acts, an_older_log_with_as_many_messages)
{
	char *copy = xasprintf("cp %s/partyline.db %s/copy.db", rig.dir,
	    rig.dir);
	char *back = xasprintf("mv %s/copy.db %s/partyline.db", rig.dir,
	    rig.dir);
	uint64_t seq;

	reopen();
	seq = rig_say(&rig, 1, "telltale");
	op_free(rig_do(&rig, op_say(1, "bob", "something", NULL)));
	await_words(seq + 1);
	rig_close(&rig);
	cr_assert_eq(system(copy), 0);
	reopen();
	erase("bob");
	await_gone("something");
	rig_close(&rig);
	cr_assert_eq(system(back), 0);
	reopen();
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
	await_gone("telltale");
	free(copy);
	free(back);
}

/* Closed before it is through: nothing shows, and the rest goes later. */
Test(acts, an_erasure_goes_on_after_a_restart)
{
	enum { N = 60000 };
	uint64_t end = clock_ms() + DEADLINE;
	struct store_op *op;
	struct store_read *r;
	uint32_t i;

	reopen();
	rig_fill(&rig, 1, N / 2);
	rig_say(&rig, 1, "telltale");
	rig_fill(&rig, 1, N / 2);
	op = op_new(STORE_ERASE, 0);
	op->text = "ann";
	store_submit(rig.store, op);
	rig_close(&rig);
	rig_await(&rig, &op, 1);
	op_free(op);
	cr_assert_eq(sql_int("SELECT count(*) FROM erasures"), 1);
	cr_assert_gt(sql_int("SELECT count(*) FROM messages WHERE flags = 0"),
	    0);
	rig_open(&rig);
	r = rig_read(&rig, READ_AFTER, 1, 0, 0, UINT32_MAX, SIZE_MAX);
	cr_assert_eq(r->n, N + 1);
	for (i = 0; i < r->n; i++)
		cr_assert(r->msgs[i]->flags == MSG_REDACTED &&
		    r->msgs[i]->text_len == 0);
	store_read_free(r);
	rig_say(&rig, 1, "meanwhile");
	sql_until("SELECT count(*) FROM erasures", 0);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages WHERE flags = 0"),
	    1);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages WHERE flags = 1 "
	    "AND trim(text) <> ''"), 0);
	while (any_holds("telltale")) {
		cr_assert_lt(clock_ms(), end, "it is in the files");
		mailbox_wait(&rig.reads, 10);
	}
}

/* Databases of each earlier version, with what they had in them. */
static const char *const filled[] = {
	"INSERT INTO meta VALUES ('epoch', '00112233445566778899aabbccddeeff'),"
	"    ('seq', '0');"
	"INSERT INTO rooms VALUES (1, 'Room1', 'room1', 'old', 2, 0, 2, 150);"
	"INSERT INTO messages VALUES (1, 1, 5, 0, 0, 'Ann', '', 'one'),"
	"    (2, 1, 6, 0, 0, 'Bob', '', 'two');"
	"INSERT INTO keys VALUES (2, 6, 1, 'bob', 'k');",
	"INSERT INTO facts VALUES ('k', '{}');"
	"INSERT INTO audit VALUES (1, 5, '{\"act\":\"old\"}'),"
	"    (2, 5, '{\"act\":\"kick\",\"room\":\"Room1\"}')"
};

static void
make_version(int version)
{
	char *path = rig_file(&rig, "partyline.db");
	sqlite3 *db;
	int i;

	rig_clean(rig.dir);
	cr_assert_eq(mkdir(rig.dir, 0700), 0);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
	for (i = 0; i < version; i++) {
		cr_assert_eq(sqlite_upgrade(db, i, i + 1), SQLITE_OK);
		if (i < (int)NITEMS(filled))
			cr_assert_eq(sqlite3_exec(db, filled[i], NULL, NULL,
			    NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	}
	sqlite3_close(db);
	free(path);
}

/* The lines of before are no room's and not the operators'. */
static void
check_lines(int version)
{
	int64_t n = version > 1 ? 2 : 0;

	cr_assert_eq(sql_int("SELECT count(*) FROM audit "
	    "WHERE room = 4294967295"), n);
	cr_assert_eq(sql_int("SELECT count(*) FROM audit"), n);
	cr_assert_eq(sql_int("SELECT count FROM audits WHERE room = -1"), n);
	check_audits();
}

static void
check_version(int version)
{
	struct store_read *r;

	facts_are(version > 1 ? "k={}\n" : "");
	cr_assert_eq(sql_int("PRAGMA user_version"), sqlite_version);
	cr_assert_str_eq(store_epoch(rig.store),
	    "00112233445566778899aabbccddeeff");
	r = rig_read(&rig, READ_AFTER, 1, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(r->n, 2);
	cr_assert_str_eq(msg_from(r->msgs[1]), "Bob");
	cr_assert_str_eq(msg_text(r->msgs[1]), "two");
	store_read_free(r);
	r = rig_read(&rig, READ_AUDIT, 1, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(r->text.len > 0, version > 1);
	store_read_free(r);
	check_lines(version);
	cr_assert_eq(rig_redact(&rig, 1, 1, "ann"), STORE_OK);
	cr_assert_eq(rig_say(&rig, 1, "on"), 4);
	rig_facts(&rig, NULL, 0, "{}");
	check_audits();
	rig_close(&rig);
}

Test(acts, every_version_is_brought_up)
{
	int version;

	for (version = 1; version <= sqlite_version; version++) {
		make_version(version);
		check_version(version);
	}
}

/* At every call to the disk of an upgrade the power goes once. */
Test(acts, an_upgrade_cut_short)
{
	unsigned at, died = 0;
	int version, status;
	pid_t pid;

	for (version = 1; version < sqlite_version; version++) {
		for (at = 1;; at++) {
			make_version(version);
			if ((pid = fork()) == 0) {
				kill_at = at;
				reopen();
				_exit(0);
			}
			cr_assert_eq(waitpid(pid, &status, 0), pid);
			check_version(version);
			if (!WIFSIGNALED(status))
				break;
			cr_assert_eq(WTERMSIG(status), SIGKILL);
			died++;
		}
	}
	cr_log_info("killed %u times\n", died);
	cr_assert_geq(died, 4);
}

/* Whatever became of the index: it comes again. */
Test(acts, an_index_is_made_anew)
{
	static const char junk[20000] = "SQLite format 3";
	char *path = rig_file(&rig, "partyline.words");
	unsigned i;

	reopen();
	rig_fill(&rig, 1, 1000);
	await_words(1000);
	cr_assert_eq(hits("77*"), 11);
	for (i = 0; i < 5; i++) {
		rig_close(&rig);
		if (i == 0)
			remove_file("partyline.words");
		else if (i == 1)
			write_file("partyline.words", junk, sizeof(junk));
		else if (i == 2)
			write_file("partyline.words", "", 0);
		else if (i == 3)
			sql("UPDATE meta SET value = "
			    "'ffffffffffffffffffffffffffffffff' "
			    "WHERE name = 'epoch'");
		else
			cr_assert_eq(truncate(path, 16384), 0);
		rig_open(&rig);
		cr_assert_eq(hits("77*"), 11, "%u", i);
		await_words(1000);
		cr_assert_eq(hits("77*"), 11, "%u", i);
	}
	/* An older log, put back: what the index has of later is not its. */
	rig_close(&rig);
	sql("DELETE FROM messages WHERE seq > 900; DELETE FROM keys;"
	    "UPDATE rooms SET head = 900, count = 900;"
	    "UPDATE meta SET value = '900' WHERE name = 'seq'");
	rig_open(&rig);
	rig_say(&rig, 1, "901st");
	cr_assert_eq(hits("901st"), 1);
	await_words(901);
	cr_assert_eq(hits("901st"), 1);
	cr_assert_eq(hits("950"), 0);
	free(path);
}

/* What retention took leaves the index as well, in the end. */
Test(acts, the_index_is_pruned)
{
	uint64_t end = clock_ms() + DEADLINE;

	rig.conf.history_max = 100;
	reopen();
	rig_say(&rig, 1, "telltale");
	rig_fill(&rig, 1, 20000);
	await_words(20001);
	while (words_int("SELECT count(*) FROM parts") != 1 ||
	    words_int("SELECT count FROM parts") > 200) {
		cr_assert_lt(clock_ms(), end, "the index keeps what is gone");
		mailbox_wait(&rig.reads, 10);
	}
	cr_assert_eq(hits("19999"), 1);
	cr_assert_eq(hits("telltale"), 0);
}

/* In the child: each op says a number and makes it a fact, or redacts the
 * message before and makes that one; tells the pipe what is committed. */
static void
act_for_ever(int fd, uint64_t seq)
{
	unsigned i;

	reopen();
	for (i = 0;; i++) {
		struct store_fact facts[2] = { { "last", NULL } };
		struct store_op *op = i % 3 == 2 ? op_redact(1, seq, NULL) :
		    op_say(1, "ann", "said", NULL);
		char value[32];

		/* The next seq is known: nobody else says anything. */
		snprintf(value, sizeof(value), "%" PRIu64, ++seq);
		facts[0].value = facts[1].value = value;
		facts[1].key = op->kind == STORE_REDACT ? "redacted" : "said";
		op->facts = facts;
		op->nfacts = 2;
		op->audit = "{}";
		rig_do(&rig, op);
		if (op->error != STORE_OK || op->seq != seq ||
		    dprintf(fd, "%" PRIu64 "\n", seq) < 0)
			_exit(1);
		op_free(op);
	}
}

/* What was told is there, and of each act all or nothing. */
static uint64_t
check_acts(uint64_t told)
{
	uint64_t last;

	reopen();
	last = (uint64_t)sql_int("SELECT max(seq) FROM messages");
	cr_assert_geq(last, told);
	cr_assert_eq((uint64_t)sql_int("SELECT count(*) FROM audit"), last);
	cr_assert_eq((uint64_t)sql_int("SELECT value FROM facts "
	    "WHERE key = 'last'"), last);
	cr_assert_eq(sql_int("SELECT count(*) FROM messages WHERE text = "
	    "'event'"), sql_int("SELECT count(*) FROM messages WHERE "
	    "flags = 1 AND trim(text) = ''"));
	cr_assert_eq(sql_int("SELECT count(*) FROM messages e LEFT JOIN "
	    "messages t ON t.seq = e.seq - 1 WHERE e.text = 'event' AND "
	    "t.flags <> 1"), 0);
	return last;
}

Test(acts, killed_while_it_acts)
{
	uint64_t last = 0, told = 0;
	unsigned round, lines;
	int fds[2], status;
	char line[32];
	pid_t pid;
	FILE *f;

	reopen();
	srand((unsigned)getpid());
	for (round = 0; round < 15; round++) {
		rig_close(&rig);
		lines = 3 + (unsigned)rand() % 60;
		cr_assert_eq(pipe(fds), 0);
		if ((pid = fork()) == 0) {
			close(fds[0]);
			act_for_ever(fds[1], last);
		}
		close(fds[1]);
		f = fdopen(fds[0], "r");
		while (fgets(line, sizeof(line), f) != NULL &&
		    strchr(line, '\n') != NULL) {
			told = strtoull(line, NULL, 10);
			if (lines > 0 && --lines == 0)
				kill(pid, SIGKILL);
		}
		fclose(f);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status) && lines == 0,
		    "the child died by itself");
		last = check_acts(told);
	}
}
