/* Facts, audit and redactions in the SQLite store's files. */
#include "store-shell.h"

#include <sys/resource.h>

#include <signal.h>

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
	return holds("partyline.db", word) || holds("partyline.db-wal", word);
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
		snprintf(large, sizeof(large), "tell-tale-%u-", i);
		large[strlen(large)] = i % 2 ? '\0' : 'x';
		seqs[i] = rig_say(&rig, 1 + i % 3, large);
	}
	cr_assert(any_holds("tell-tale-0-"));
	rig_forget(&rig, 2, seqs[30]);
	for (i = 0; i < 60; i++) {
		if (1 + i % 3 != 2)
			cr_assert_eq(rig_redact(&rig, 1 + i % 3, seqs[i], NULL),
			    STORE_OK);
	}
	seq = rig_say(&rig, 1, "another");
	for (i = 0; i < 60; i++) {
		snprintf(word, sizeof(word), "tell-tale-%u-", i);
		while (1 + i % 3 != 2 && any_holds(word)) {
			cr_assert_lt(clock_ms(), end, "%s is there", word);
			mailbox_wait(&rig.reads, 10);
		}
	}
	cr_assert(any_holds("tell-tale-58-"), "not all were redacted");
	/* Killed before the -wal was cut: that is done at the next start. */
	cr_assert_eq(rig_redact(&rig, 1, seq, NULL), STORE_OK);
	reopen();
	cr_assert_eq(sql_int("PRAGMA integrity_check") +
	    sql_int("SELECT count(*) FROM messages WHERE flags = 1"), 41);
}
