/*
 * How many messages a second each backend commits, by the size of the groups
 * they come in: a group is submitted, flushed, and awaited.
 *
 *	store-bench [-kx] [-d dir] [-r rooms] [-s seconds] [-t bytes] [-m max]
 *
 * -k gives each message a key; -m is history_max; -x: without an index of
 * words. Or how much slower an index makes it, with one and without by turns:
 *
 *	store-bench -c turns [-k] [-d dir] [-r rooms] [-s seconds] [-t bytes]
 *
 * Or how long searches take in a log of so many messages, and pages that are
 * read beside them; -f only makes such a log, with its index, and leaves it
 * in the directory, for a daemon to be tried with:
 *
 *	store-bench -n messages [-f] [-d dir] [-r rooms] [-t bytes]
 */
#include <sys/stat.h>

#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "util.h"

static unsigned rooms = 1;
static bool keyed;
static size_t text_size = 100;
static double seconds = 2;
static bool unindexed;
static uint64_t number;			/* of the next message, for its key */

struct result {
	double		 rate;		/* messages a second */
	uint64_t	 p50, p99;	/* us a group */
};

#define WORDS	20000			/* there are to be said */

/* The next number of a sequence that is the same in each run. */
static uint32_t
next_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* Word n, as people's are: the first ones short. */
static const char *
word(unsigned n)
{
	static const char *const syllables[] = { "ba", "ke", "li", "mo", "nu",
		"ra", "se", "ti", "vo", "zu" };
	static char out[32];
	size_t len = 0;

	do {
		memcpy(out + len, syllables[n % 10], 2);
		len += 2;
	} while ((n /= 10) > 0);
	out[len] = '\0';
	return out;
}

/* Words, common ones more often, by Zipf's law or near it. */
static void
make_text(char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		double x = next_random() / (double)(UINT32_C(1) << 31);
		const char *w = word((unsigned)exp(x * log(WORDS)) - 1);
		size_t n = strlen(w);

		if (n > size - len)
			n = size - len;
		memcpy(text + len, w, n);
		len += n;
		if (len < size)
			text[len++] = ' ';
	}
}

/* One of some texts made beforehand. */
static const char *
a_text(uint64_t i)
{
	static char *texts[8192];
	char **at = &texts[i % NITEMS(texts)];

	if (*at == NULL) {
		*at = xmalloc(text_size + 1);
		make_text(*at, text_size);
	}
	return *at;
}

static struct store_op *
op_new(uint64_t i)
{
	struct store_op *op = xcalloc(1, sizeof(*op));
	char key[32];

	snprintf(key, sizeof(key), "key-%" PRIu64, i);
	op->kind = STORE_APPEND;
	op->room = 1 + (uint32_t)(i % rooms);
	op->name = op->key = xasprintf("room%u", op->room);
	op->from_key = "somebody";
	op->msg = msg_new(MSG_TEXT, "Somebody", NULL, a_text(i), text_size,
	    keyed ? key : NULL);
	op->msg->room = op->room;
	return op;
}

static void
op_free(struct store_op *op)
{
	if (op->error != STORE_OK)
		errx(1, "the store failed");
	msg_unref(op->msg);
	free((char *)op->name);
	free(op);
}

/* Takes all mail that is there; the number of ops that came back. */
static size_t
take(struct mail *m, struct store_op **done)
{
	size_t n = 0;

	while (m != NULL) {
		struct mail *next = m->next;

		if (m->kind == MAIL_COMMITTED)
			done[n++] = (struct store_op *)m;
		else
			free(m);
		m = next;
	}
	return n;
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static struct result
run(struct store *s, struct mailbox *box, size_t group)
{
	struct store_op **ops = xcalloc(group, sizeof(struct store_op *));
	struct store_op **done = xcalloc(group, sizeof(struct store_op *));
	uint64_t *took, busy = 0, at, sent = 0;
	size_t n = 0, cap = 1024, back, i;
	struct result r;

	took = xmalloc(cap * sizeof(*took));
	while ((double)busy < seconds * 1e6) {
		for (i = 0; i < group; i++)
			ops[i] = op_new(number++);
		sent += group;
		at = clock_us();
		for (i = 0; i < group; i++)
			store_submit(s, ops[i]);
		store_flush(s);
		for (back = 0; back < group;)
			back += take(mailbox_wait(box, -1), done + back);
		at = clock_us() - at;
		busy += at;
		if (n == cap) {
			cap *= 2;
			took = xrealloc(took, cap * sizeof(*took));
		}
		took[n++] = at;
		for (i = 0; i < group; i++)
			op_free(done[i]);
	}
	qsort(took, n, sizeof(*took), compare);
	r = (struct result){ (double)sent / ((double)busy / 1e6),
	    took[n / 2], took[n * 99 / 100] };
	free(took);
	free(ops);
	free(done);
	return r;
}

static struct store *
start(struct conf *conf, const char *backend, struct mailbox *box)
{
	struct store *s;
	char *error;

	conf->store = (char *)backend;
	if ((s = store_open(conf, &error)) == NULL)
		errx(1, "%s", error);
	mailbox_init(box, NULL, NULL);
	if (!store_start(s, box, &error))
		errx(1, "%s", error);
	return s;
}

static const size_t groups[] = { 1, 16, 256, 1000 };

static void
bench(struct conf *conf, const char *backend)
{
	struct mailbox box;
	struct store *s = start(conf, backend, &box);
	size_t i;

	for (i = 0; i < NITEMS(groups); i++) {
		struct result r = run(s, &box, groups[i]);

		printf("| %-8s | %6zu | %12.0f | %8.1f | %9" PRIu64 " | %9"
		    PRIu64 " |\n",
		    backend, groups[i], r.rate, 1e6 / r.rate, r.p50, r.p99);
		fflush(stdout);
	}
	store_close(s);
	take(mailbox_drain(&box), NULL);
	mailbox_destroy(&box);
}

static void
fill(struct store *s, struct mailbox *box, uint64_t n)
{
	struct store_op *done[1000];
	size_t group = 1000, back, i;

	for (; n > 0; n -= group) {
		group = n < group ? n : group;
		for (i = 0; i < group; i++)
			store_submit(s, op_new(number++));
		store_flush(s);
		for (back = 0; back < group;)
			back += take(mailbox_wait(box, -1), done + back);
		for (i = 0; i < group; i++)
			op_free(done[i]);
	}
}

static struct store_read *
ask(struct store *s, struct mailbox *to, enum store_read_kind kind,
    uint32_t room, const char *query)
{
	struct store_read *r = store_read_new(kind, room);

	r->to = to;
	r->limit = 20;
	r->query = query ? xstrdup(query) : NULL;
	store_read(s, r);
	return r;
}

/* The index is done when nothing is left to be gone through: no search for
 * what nobody said takes long, or is cut short. Seconds it took. */
static double
await_index(struct store *s, struct mailbox *to)
{
	uint64_t at = clock_us(), took;
	bool more;

	do {
		struct store_read *r = ask(s, to, READ_SEARCH, 0, "nobody");

		took = clock_us();
		mailbox_wait(to, -1);
		took = clock_us() - took;
		more = r->more;
		store_read_free(r);
	} while (more || took > 20000);
	return (double)(clock_us() - at) / 1e6;
}

struct storm {
	struct store	*s;
	struct mailbox	 box;
	atomic_bool	 stop;
};

static void *
storm(void *arg)
{
	struct storm *w = arg;
	char query[64];

	while (!w->stop) {
		snprintf(query, sizeof(query), "%s", word(next_random() % 20));
		snprintf(query + strlen(query), sizeof(query) - strlen(query),
		    " %s", word(next_random() % WORDS));
		ask(w->s, &w->box, READ_SEARCH, 0, query);
		store_read_free((struct store_read *)mailbox_wait(&w->box, -1));
	}
	return NULL;
}

static void
row(const char *name, uint64_t *took, size_t n, unsigned found, unsigned cut)
{
	qsort(took, n, sizeof(*took), compare);
	printf("| %-34s | %7.2f | %7.2f | %7.2f | %5.1f | %3u%% |\n", name,
	    (double)took[n / 2] / 1e3, (double)took[n * 95 / 100] / 1e3,
	    (double)took[n - 1] / 1e3, (double)found / (double)n,
	    cut * 100 / (unsigned)n);
	fflush(stdout);
}

enum { TIMES = 200 };

/* Asks a query made of the format with words from these two ranges. */
static void
measure(struct store *s, struct mailbox *to, const char *name, uint32_t room,
    const char *format, unsigned low, unsigned high)
{
	unsigned found = 0, cut = 0, i;
	uint64_t took[TIMES];

	for (i = 0; i < TIMES; i++) {
		char a[32], b[32], query[128];
		struct store_read *r;

		snprintf(a, sizeof(a), "%s",
		    word(low + next_random() % (high - low)));
		snprintf(b, sizeof(b), "%s",
		    word(low + next_random() % (high - low)));
		snprintf(query, sizeof(query), format, a, b);
		took[i] = clock_us();
		r = ask(s, to, READ_SEARCH, room, query);
		mailbox_wait(to, -1);
		took[i] = clock_us() - took[i];
		if (r->error != STORE_OK)
			errx(1, "a search failed");
		found += r->n;
		cut += r->more && r->n < r->limit;
		store_read_free(r);
	}
	row(name, took, TIMES, found, cut);
}

static void
measure_pages(struct store *s, struct mailbox *to, const char *name)
{
	uint64_t took[TIMES * 5];
	unsigned found = 0, i;

	for (i = 0; i < TIMES * 5; i++) {
		struct store_read *r;

		took[i] = clock_us();
		r = ask(s, to, READ_AFTER, 1 + next_random() % rooms, NULL);
		mailbox_wait(to, -1);
		took[i] = clock_us() - took[i];
		found += r->n;
		store_read_free(r);
	}
	row(name, took, TIMES * 5, found, 0);
}

static void
bench_search(struct conf *conf, const char *backend, uint64_t messages)
{
	struct storm storms[4];
	pthread_t threads[4];
	struct mailbox box, to;
	struct store *s = start(conf, backend, &box);
	unsigned i;

	mailbox_init(&to, NULL, NULL);
	fill(s, &box, messages);
	printf("%s, %" PRIu64 " messages; indexed after %.1f s\n\n", backend,
	    messages, await_index(s, &to));
	printf("| ms | p50 | p95 | longest | found | cut short |\n"
	    "| --- | ---: | ---: | ---: | ---: | ---: |\n");
	measure(s, &to, "a very common word", 0, "%s", 0, 5);
	measure(s, &to, "a common word", 0, "%s", 20, 200);
	measure(s, &to, "a rare word", 0, "%s", 15000, WORDS);
	measure(s, &to, "no such word", 0, "x%s", 0, WORDS);
	measure(s, &to, "two common words", 0, "%s %s", 5, 50);
	measure(s, &to, "two less common words", 0, "%s %s", 500, 1500);
	measure(s, &to, "two rare words", 0, "%s %s", 10000, WORDS);
	measure(s, &to, "a common and none", 0, "%s x%s", 0, 5);
	measure(s, &to, "a common phrase", 0, "\"%s %s\"", 0, 20);
	measure(s, &to, "a rare phrase", 0, "\"%s %s\"", 500, 1500);
	measure(s, &to, "a short prefix", 0, "%.1s*", 0, 20);
	measure(s, &to, "a short prefix and a rare word", 0, "%.1s* %s", 10000,
	    WORDS);
	measure(s, &to, "a common word in one room", 1, "%s", 0, 20);
	measure(s, &to, "two words in one room", 1, "%s %s", 50, 500);
	measure_pages(s, &to, "a page");
	for (i = 0; i < NITEMS(storms); i++) {
		storms[i].s = s;
		atomic_init(&storms[i].stop, false);
		mailbox_init(&storms[i].box, NULL, NULL);
		pthread_create(&threads[i], NULL, storm, &storms[i]);
	}
	measure_pages(s, &to, "a page beside four who search");
	for (i = 0; i < NITEMS(storms); i++) {
		storms[i].stop = true;
		pthread_join(threads[i], NULL);
	}
	store_close(s);
	take(mailbox_drain(&box), NULL);
}

/* A log of so many messages and its index, which stay. */
static void
make_log(struct conf *conf, uint64_t messages)
{
	struct mailbox box, to;
	struct store *s = start(conf, "sqlite", &box);

	mailbox_init(&to, NULL, NULL);
	fill(s, &box, messages);
	await_index(s, &to);
	store_close(s);
	take(mailbox_drain(&box), NULL);
}

static int
compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_double);
	return values[n / 2];
}

/* Appends with an index and without, each for the time given, by turns. What
 * one leaves to be indexed is not indexed while the other is measured. */
static void
bench_index(struct conf *with, struct conf *without, size_t turns)
{
	double *rates[2] = { xcalloc(turns, sizeof(double)),
		xcalloc(turns, sizeof(double)) };
	double *shares = xcalloc(turns, sizeof(double));
	struct mailbox box[2], to;
	struct store *s[2];
	size_t i, j, turn;

	mailbox_init(&to, NULL, NULL);
	s[0] = start(with, "sqlite", &box[0]);
	s[1] = start(without, "sqlite", &box[1]);
	printf("| group | with an index, messages/s | without | of that |"
	    " a tenth below | a tenth above |\n"
	    "| ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (i = 0; i < NITEMS(groups); i++) {
		for (turn = 0; turn < turns; turn++) {
			for (j = 0; j < 2; j++) {
				/* Who begins changes, too. */
				size_t at = (turn + j) % 2;

				rates[at][turn] = run(s[at], &box[at],
				    groups[i]).rate;
				if (at == 0)
					await_index(s[at], &to);
			}
			shares[turn] = rates[0][turn] / rates[1][turn];
		}
		printf("| %zu | %.0f | %.0f | %.2f |", groups[i],
		    median(rates[0], turns), median(rates[1], turns),
		    median(shares, turns));
		printf(" %.2f | %.2f |\n", shares[turns / 10],
		    shares[turns - 1 - turns / 10]);
		fflush(stdout);
	}
	for (j = 0; j < 2; j++) {
		store_close(s[j]);
		take(mailbox_drain(&box[j]), NULL);
		free(rates[j]);
	}
	free(shares);
}

static void
clean(const char *dir)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "lock",
		"words", "words-wal", "words-shm" };
	size_t i;

	for (i = 0; i < NITEMS(names); i++) {
		char *path = xasprintf("%s/partyline.%s", dir, names[i]);

		if (unlink(path) < 0)
			rmdir(path);
		free(path);
	}
	rmdir(dir);
}

/* An index can't be where a directory is. */
static void
forbid_index(const char *dir)
{
	char *path = xasprintf("%s/partyline.words", dir);

	if (mkdir(dir, 0700) < 0 || mkdir(path, 0700) < 0)
		err(1, "%s", path);
	free(path);
}

static void
compare_with_index(struct conf *with, size_t turns)
{
	struct conf without = *with;

	without.state_dir = xasprintf("%s-x", with->state_dir);
	forbid_index(without.state_dir);
	bench_index(with, &without, turns);
	clean(without.state_dir);
	free(without.state_dir);
}

int
main(int argc, char **argv)
{
	struct conf conf = { .history_bytes = 64 << 20 };
	const char *under = ".";
	uint64_t messages = 0;
	size_t turns = 0;
	bool stays = false;
	int c;

	while ((c = getopt(argc, argv, "fkxc:d:m:n:r:s:t:")) != -1) {
		switch (c) {
		case 'c': turns = strtoul(optarg, NULL, 10); break;
		case 'f': stays = true; break;
		case 'k': keyed = true; break;
		case 'd': under = optarg; break;
		case 'm': conf.history_max = strtoull(optarg, NULL, 10); break;
		case 'n': messages = strtoull(optarg, NULL, 10); break;
		case 'x': unindexed = true; break;
		case 'r': rooms = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 't': text_size = strtoul(optarg, NULL, 10); break;
		default:
			errx(2, "usage: store-bench [-fkx] [-c turns] "
			    "[-d dir] [-m max] [-n messages]\n\t"
			    "[-r rooms] [-s seconds] [-t bytes]");
		}
	}
	if (rooms < 1 || seconds <= 0 || text_size > 65000)
		errx(2, "that is out of range");
	if (messages > 0)
		conf.history_bytes = 0;
	if (stays && messages > 0) {
		conf.state_dir = (char *)under;
		make_log(&conf, messages);
		return 0;
	}
	conf.state_dir = xasprintf("%s/store-bench-%ld", under, (long)getpid());
	if (messages > 0) {
		bench_search(&conf, "sqlite", messages);
	} else if (turns > 0) {
		compare_with_index(&conf, turns);
	} else {
		if (unindexed)
			forbid_index(conf.state_dir);
		printf("| backend  |  group |   messages/s |   us each |"
		    " p50 group | p99 group |\n"
		    "| --- | ---: | ---: | ---: | ---: | ---: |\n");
		bench(&conf, "memory");
		bench(&conf, "sqlite");
	}
	clean(conf.state_dir);
	free(conf.state_dir);
	return 0;
}
