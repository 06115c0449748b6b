/*
 * How many messages a second each backend commits, by the size of the groups
 * they come in: a group is submitted, flushed, and awaited.
 *
 *	store-bench [-k] [-d dir] [-r rooms] [-s seconds] [-t bytes] [-m max]
 *
 * -k gives each message a key; -m is history_max.
 */
#include <sys/stat.h>

#include <err.h>
#include <inttypes.h>
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
static uint64_t number;			/* of the next message, for its key */

struct result {
	double		 rate;		/* messages a second */
	uint64_t	 p50, p99;	/* us a group */
};

static struct store_op *
op_new(uint64_t i)
{
	static char text[65536];
	struct store_op *op = xcalloc(1, sizeof(*op));
	char key[32];

	memset(text, 'x', text_size);
	snprintf(key, sizeof(key), "key-%" PRIu64, i);
	op->kind = STORE_APPEND;
	op->room = 1 + (uint32_t)(i % rooms);
	op->name = op->key = xasprintf("room%u", op->room);
	op->from_key = "somebody";
	op->msg = msg_new(MSG_TEXT, "Somebody", NULL, text, text_size,
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

static void
bench(struct conf *conf, const char *backend)
{
	static const size_t groups[] = { 1, 16, 256, 1000 };
	struct mailbox box;
	struct store *s;
	char *error;
	size_t i;

	conf->store = (char *)backend;
	if ((s = store_open(conf, &error)) == NULL)
		errx(1, "%s", error);
	mailbox_init(&box, NULL, NULL);
	if (!store_start(s, &box, &error))
		errx(1, "%s", error);
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
clean(const char *dir)
{
	static const char *const names[] = { "db", "db-wal", "db-shm", "lock" };
	size_t i;

	for (i = 0; i < NITEMS(names); i++) {
		char *path = xasprintf("%s/partyline.%s", dir, names[i]);

		unlink(path);
		free(path);
	}
	rmdir(dir);
}

int
main(int argc, char **argv)
{
	struct conf conf = { .history_bytes = 64 << 20 };
	const char *under = ".";
	int c;

	while ((c = getopt(argc, argv, "kd:m:r:s:t:")) != -1) {
		switch (c) {
		case 'k': keyed = true; break;
		case 'd': under = optarg; break;
		case 'm': conf.history_max = strtoull(optarg, NULL, 10); break;
		case 'r': rooms = (unsigned)atoi(optarg); break;
		case 's': seconds = atof(optarg); break;
		case 't': text_size = strtoul(optarg, NULL, 10); break;
		default:
			errx(2, "usage: store-bench [-k] [-d dir] [-m max] "
			    "[-r rooms] [-s seconds] [-t bytes]");
		}
	}
	if (rooms < 1 || seconds <= 0 || text_size > 65000)
		errx(2, "that is out of range");
	conf.state_dir = xasprintf("%s/store-bench-%ld", under, (long)getpid());
	printf("| backend  |  group |   messages/s |   us each | p50 group |"
	    " p99 group |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
	bench(&conf, "memory");
	bench(&conf, "sqlite");
	clean(conf.state_dir);
	free(conf.state_dir);
	return 0;
}
