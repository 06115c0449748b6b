/* Searching, in both backends: what is found, where, and in what order. */
#include "store-rig.h"

#include <sqlite3.h>

#include "words.h"

static struct store_read *
search_from(struct rig *rig, uint32_t room, const char *query, uint64_t before,
    uint32_t limit)
{
	struct store_read *r = store_read_new(READ_SEARCH, room);
	struct mail *m;

	r->to = &rig->reads;
	r->query = xstrdup(query);
	r->before = before;
	r->limit = limit;
	r->inbox = 50;
	r->nhidden = 2;
	r->hidden = xcalloc(2, sizeof(*r->hidden));
	r->hidden[0] = 40;
	r->hidden[1] = 41;
	store_read(rig->store, r);
	m = mailbox_wait(&rig->reads, DEADLINE);
	cr_assert_eq(m, &r->mail, "the search did not come back");
	return r;
}

/* All that is found, newest first, as "seq seq "; pages follow each other. */
static const char *
found(struct rig *rig, uint32_t room, const char *query)
{
	static struct buf out;
	uint64_t before = 0;
	bool more;

	buf_reset(&out);
	do {
		struct store_read *r = search_from(rig, room, query, before, 3);
		uint32_t i;

		cr_assert_eq(r->error, STORE_OK, "%s", query);
		for (i = 0; i < r->n; i++)
			buf_addf(&out, "%" PRIu64 " ", r->msgs[i]->seq);
		more = r->more;
		cr_assert(!more || before == 0 || r->before < before);
		before = r->before;
		store_read_free(r);
	} while (more);
	return buf_str(&out);
}

/* In SQLite: waits until the index has it all. */
static void
await_index(struct rig *rig, uint64_t upto)
{
	uint64_t end = clock_ms() + DEADLINE, n = 0;
	char *path = rig_file(rig, "partyline.words");
	sqlite3_stmt *st;
	sqlite3 *db;

	if (strcmp(rig->conf.store, "sqlite") == 0) {
		cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
		sqlite3_busy_timeout(db, 5000);
		cr_assert_eq(sqlite3_prepare_v2(db, "SELECT value FROM meta "
		    "WHERE name = 'upto'", -1, &st, NULL), SQLITE_OK);
		while (n < upto) {
			cr_assert_lt(clock_ms(), end, "indexed up to %" PRIu64
			    " of %" PRIu64, n, upto);
			mailbox_wait(&rig->box, 10);
			cr_assert_eq(sqlite3_step(st), SQLITE_ROW);
			n = (uint64_t)sqlite3_column_int64(st, 0);
			sqlite3_reset(st);
		}
		sqlite3_finalize(st);
		sqlite3_close(db);
	}
	free(path);
}

static const struct {
	const char	*query;
	const char	*found;
} cases[] = {
	{ "quick", "3 1 " },
	{ "QUICK", "3 1 " },
	{ "qui", "" },
	{ "qui*", "3 2 1 " },
	{ "qu* fox", "1 " },
	{ "fox quick", "1 " },
	{ "\"quick brown\"", "1 " },
	{ "\"brown quick\"", "" },
	{ "\"brown fo\"*", "1 " },
	{ "\"brown fo", "" },
	{ "\"brown fox", "1 " },
	{ "brown\"quick\"", "1 " },
	{ "quick-brown", "1 " },
	{ "cafe", "4 " },
	{ "CAF\xc3\x89", "4 " },
	{ "cafe\xcc\x81", "4 " },
	{ "stra\xc3\x9f" "e", "5 " },
	{ "\xd0\x9f\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2", "6 " },
	{ "vi\xe1\xbb\x87t", "7 " },
	{ "viet", "7 " },
	{ "NEAR", "8 " },
	{ "NEAR(quick fox)", "" },
	{ "near OR not AND quick", "" },
	{ "text:quick", "" },
	{ "place r1", "" },
	{ "pr*", "2 " },
	{ "p*", NULL },
	{ "-quick", "3 1 " },
	{ "^quick +quick {quick} (quick", "3 1 " },
	{ "quick'; DROP TABLE messages; --", "" },
	{ "''", NULL },
	{ "", NULL },
	{ " * \" ** \" - \"\"", NULL },
	{ "\xf0\x9f\x98\x80", NULL },
	{ "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", NULL }
};

static void
check_cases(struct rig *rig)
{
	size_t i;

	for (i = 0; i < NITEMS(cases); i++) {
		struct store_read *r;

		if (cases[i].found != NULL) {
			const char *got = found(rig, 1, cases[i].query);

			cr_assert_str_eq(got, cases[i].found, "%s: %s",
			    cases[i].query, got);
			continue;
		}
		r = search_from(rig, 1, cases[i].query, 0, 10);
		cr_assert_eq(r->error, STORE_BAD_QUERY, "%s", cases[i].query);
		cr_assert(r->n == 0 && !r->more);
		store_read_free(r);
	}
}

/* Not yet in the index, and in it: the same. */
BOTH(queries)
{
	static const char *const texts[] = {
		"The quick brown fox.", "Quid pro quo; quiz", "QUICK! quick",
		"un caf\xc3\xa9 \xe2\x98\x95", ("Stra\xc3\x9f" "e"),
		"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
		"Vi\xe1\xbb\x87t Nam", "near or far", "", "..."
	};
	size_t i;

	for (i = 0; i < NITEMS(texts); i++)
		rig_say(rig, 1, texts[i]);
	rig_say(rig, 2, "another quick room");
	check_cases(rig);
	await_index(rig, NITEMS(texts) + 1);
	check_cases(rig);
}

static void
say_in(struct rig *rig, uint32_t room, const char *key)
{
	struct store_op *op = op_say(room, "ann", "word", NULL);

	free((char *)op->key);
	op->key = xstrdup(key);
	cr_assert_eq(rig_do(rig, op)->error, STORE_OK);
	op_free(op);
}

static void
check_places(struct rig *rig)
{
	cr_assert_str_eq(found(rig, 0, "word"), "9 7 2 1 ");
	cr_assert_str_eq(found(rig, 1, "word"), "1 ");
	cr_assert_str_eq(found(rig, 40, "word"), "");
	cr_assert_str_eq(found(rig, 50, "word"), "7 ");
	cr_assert_str_eq(found(rig, 99, "word"), "");
}

/* All rooms are those that are not hidden, of the inboxes just one's own. */
BOTH(places)
{
	say_in(rig, 1, "one");
	say_in(rig, 2, "two");
	say_in(rig, 40, "hidden");
	say_in(rig, 41, "hidden, too");
	say_in(rig, 51, "@bob");
	say_in(rig, 52, "@carol");
	say_in(rig, 50, "@ann");
	say_in(rig, 51, "@bob");
	say_in(rig, 2, "two");
	check_places(rig);
	await_index(rig, 9);
	check_places(rig);
}

/* A message is gone from the answers with whatever took it. */
BOTH(what_is_gone_is_not_found)
{
	struct store_op *op;
	unsigned i;

	for (i = 1; i <= 6; i++)
		rig_say(rig, 1, "word");
	await_index(rig, 3);
	cr_assert_eq(rig_redact(rig, 1, 3, NULL), STORE_OK);
	cr_assert_str_eq(found(rig, 1, "word"), "6 5 4 2 1 ");
	rig_forget(rig, 1, 1);
	cr_assert_str_eq(found(rig, 1, "word"), "6 5 4 2 ");
	op = op_say(2, "Bob", "word", NULL);
	op_free(rig_do(rig, op));
	op = op_new(STORE_ERASE, 0);
	op->text = "ann";
	op_free(rig_do(rig, op));
	cr_assert_str_eq(found(rig, 0, "word"), "8 ");
	await_index(rig, 8);
	cr_assert_str_eq(found(rig, 0, "word"), "8 ");
	rig_forget(rig, 2, UINT64_MAX);
	cr_assert_str_eq(found(rig, 0, "word"), "");
}

/* Nobody says or reads anything: it grows too old all the same. */
BOTH(what_is_too_old_is_not_found, .timeout = 60)
{
	uint64_t end = clock_ms() + DEADLINE;
	struct mail *m, *next;

	rig_say(rig, 1, "word");
	rig->conf.history_age = 1;
	store_configure(rig->store, &rig->conf);
	while (*found(rig, 0, "word") != '\0') {
		cr_assert_lt(clock_ms(), end, "it is still found");
		for (m = mailbox_wait(&rig->box, 10); m != NULL; m = next) {
			next = m->next;
			rig_news(rig, m);
		}
	}
}

/* Over the borders of parts and windows: whatever of them is indexed. */
BOTH(pages_of_many, .timeout = 60)
{
	enum { N = 40000 };
	struct store_read *r;
	uint64_t before = 0, last = N + 1;
	unsigned n = 0, i;

	for (i = 0; i < N / 1000; i++)
		rig_fill(rig, 1 + i % 2, 1000);
	rig_say(rig, 2, "needle");
	do {
		r = search_from(rig, 2, "9*", before, 7);
		cr_assert_eq(r->error, STORE_OK);
		for (i = 0; i < r->n; i++) {
			cr_assert_eq(r->msgs[i]->room, 2);
			cr_assert_lt(r->msgs[i]->seq, last);
			cr_assert_eq(msg_text(r->msgs[i])[0], '9');
			last = r->msgs[i]->seq;
			n++;
		}
		before = r->before;
		i = r->more;
		store_read_free(r);
	} while (i);
	cr_assert_eq(n, 111 * N / 2000);
	await_index(rig, N);
	r = search_from(rig, 2, "9*", 20000, UINT32_MAX);
	cr_assert_eq(r->msgs[0]->seq, 19999);
	store_read_free(r);
	cr_assert_str_eq(found(rig, 1, "nothing"), "");
	cr_assert_str_eq(found(rig, 0, "needle"), "40001 ");
	r = search_from(rig, 2, "9*", 0, 1);
	cr_assert(r->n == 1 && r->more);
	store_read_free(r);
}

/* Pages and searches agree with a plain look at every message. */
BOTH(searches_agree_with_a_model)
{
	static const char *const words[] = { "alpha", "beta", "gamma", "delta",
		"Alphabet", "b\xc3\xa9ta" };
	unsigned seed = (unsigned)getpid(), i, k;
	struct words *w = words_new();
	struct store_read *all;

	cr_log_info("seed %u\n", seed);
	srand(seed);
	for (i = 0; i < 400; i++) {
		struct buf text = { 0 };

		for (k = (unsigned)rand() % 6; k > 0; k--)
			buf_addf(&text, "%s ", words[rand() % 6]);
		rig_say(rig, 1, buf_str(&text));
		buf_free(&text);
	}
	all = rig_read(rig, READ_BEFORE, 1, 0, 0, 1000, SIZE_MAX);
	for (i = 0; i < 60; i++) {
		struct buf query = { 0 }, want = { 0 };
		struct words_query q;

		buf_addf(&query, rand() % 2 ? "%s %.3s*" : "\"%s %s",
		    words[rand() % 6], words[rand() % 6]);
		cr_assert(words_parse(w, buf_str(&query), &q));
		for (k = all->n; k > 0; k--) {
			struct msg *m = all->msgs[k - 1];

			if (words_match(w, &q, msg_text(m), m->text_len))
				buf_addf(&want, "%" PRIu64 " ", m->seq);
		}
		if (i == 30)
			await_index(rig, 400);
		cr_assert_str_eq(found(rig, i % 2, buf_str(&query)),
		    buf_str(&want), "%s", buf_str(&query));
		words_query_free(&q);
		buf_free(&query);
		buf_free(&want);
	}
	store_read_free(all);
	words_free(w);
}
