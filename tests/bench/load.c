/*
 * Puts a chat server under load and tells, as one line of JSON, what it did
 * and what CPU time it took for it. The server is somebody else's to start;
 * see tests/bench/run.
 */
#include <sys/resource.h>

#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

#define MS		1000000ull
#define IDLE_BASE	16	/* clients that are there before counting */
#define DRAIN_NS	(20000 * MS)
#define LATENCIES	(1u << 20)

static const char *const mode_names[] = { "fan", "pace", "idle", "session",
	"say" };

static void
usage(void)
{
	fprintf(stderr,
	    "usage: load -m fan|pace|idle|session|say -P port -S server-pid\n"
	    "    [-p json|raw|redis|ws]  how to speak (json)\n"
	    "    [-R rooms] [-r readers] [-w writers]  the latter two a room\n"
	    "    [-o outstanding]  says a writer has unanswered (64)\n"
	    "    [-k]  each say has a key of its own\n"
	    "    [-l]  lockstep: say again when everyone has everything\n"
	    "    [-n rate]  pace: messages a second (50)\n"
	    "    [-c clients]  how many connect at once (64)\n"
	    "    [-t bytes]  of a text (100)\n"
	    "    [-L bytes]  of a delivered line with its LF, for raw\n"
	    "    [-s readers]  in all, that look at what they get (8)\n"
	    "    [-W seconds] [-T seconds]  warm-up (1) and measured (3)\n");
	exit(1);
}

static uint32_t
number(const char *s, uint32_t min, uint32_t max)
{
	char	*end;
	long	 n = strtol(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n < (long)min || n > (long)max)
		errx(1, "%s: not a number from %u to %u", s, min, max);
	return n;
}

static double
seconds(const char *s)
{
	char	*end;
	double	 n = strtod(s, &end);

	if (*s == '\0' || *end != '\0' || !(n >= 0 && n <= 600))
		errx(1, "%s: not seconds from 0 to 600", s);
	return n;
}

/* As long as partylined's event is when numbers have six digits. */
static uint32_t
line_length(uint32_t text)
{
	return strlen("{\"event\":\"message\",\"room\":\"b0000\","
	    "\"seq\":123456,\"time\":\"2026-11-22T06:33:00.123Z\","
	    "\"from\":\"u0000000\","
	    "\"kind\":\"text\",\"text\":\"\"}\n") + text;
}

static enum mode
mode_parse(const char *s)
{
	unsigned	i;

	for (i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++) {
		if (strcmp(s, mode_names[i]) == 0)
			return i;
	}
	errx(1, "%s: no such mode", s);
}

static const struct proto *
proto_parse(const char *s)
{
	static const struct proto *const protos[] = {
		&proto_json, &proto_raw, &proto_redis, &proto_ws
	};
	unsigned	i;

	for (i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcmp(s, protos[i]->name) == 0)
			return protos[i];
	}
	errx(1, "%s: no such protocol", s);
}

static void
options(struct gen *g, int argc, char **argv)
{
	struct opts	*o = &g->opts;
	int		 ch;

	while ((ch = getopt(argc, argv, "L:P:R:S:T:W:c:klm:n:o:p:r:s:t:w:"))
	    != -1) {
		switch (ch) {
		case 'L': o->line = number(optarg, TEXT_MIN + 1, 4096); break;
		case 'P': o->port = number(optarg, 1, 65535); break;
		case 'R': o->rooms = number(optarg, 1, 9999); break;
		case 'S': o->pid = number(optarg, 1, 1 << 30); break;
		case 'T': o->seconds = seconds(optarg); break;
		case 'W': o->warmup = seconds(optarg); break;
		case 'c': o->pending = number(optarg, 1, 4096); break;
		case 'k': o->keyed = true; break;
		case 'l': o->lockstep = true; break;
		case 'm': o->mode = mode_parse(optarg); break;
		case 'n': o->rate = number(optarg, 1, 1000000); break;
		case 'o': o->outstanding = number(optarg, 1, 4096); break;
		case 'p': g->proto = proto_parse(optarg); break;
		case 'r': o->readers = number(optarg, 1, 19000); break;
		case 's': o->sample = number(optarg, 0, 19000); break;
		case 't': o->text = number(optarg, TEXT_MIN, 4096); break;
		case 'w': o->writers = number(optarg, 1, 1000); break;
		default: usage();
		}
	}
	if (optind != argc || o->port == 0 || o->pid == 0)
		usage();
	if (o->lockstep && o->rooms != 1)
		errx(1, "lockstep knows one room only");
	if (o->line == 0)
		o->line = line_length(o->text);
}

/* Writers first: their number is what the sampled readers know them by. */
static void
lay_out(struct gen *g)
{
	struct opts	*o = &g->opts;
	struct conn	*c;
	uint32_t	 i, step, readers, writers;

	writers = o->rooms * o->writers;
	readers = o->rooms * o->readers;
	step = o->sample == 0 ? 0 : readers / o->sample + 1;
	for (i = 0; i < writers + readers; i++) {
		c = &g->conns[i];
		c->num = i;
		if (o->mode == MODE_SESSION) {
			c->room = i;
			c->split = true;
		} else if (i < writers) {
			c->room = i / o->writers;
			c->writer = c->split = true;
			conn_prepare(g, c);
			if (o->mode == MODE_SAY && (c->sent = calloc(
			    o->outstanding, sizeof(*c->sent))) == NULL)
				err(1, "calloc");
		} else {
			c->room = (i - writers) % o->rooms;
			if (step == 0 || (i - writers) % step != step / 2)
				continue;
			c->split = true;
			c->next = calloc(o->writers, sizeof(*c->next));
			if (c->next == NULL)
				err(1, "calloc");
		}
	}
}

/* Whether every client has got all that was said in its room, and every say
 * is answered. */
static bool
complete(const struct gen *g)
{
	const struct opts	*o = &g->opts;
	const struct conn	*c, *first;
	uint32_t		 i, w;
	uint64_t		 said;

	for (i = 0; i < o->rooms; i++) {
		first = &g->conns[i * o->writers];
		for (said = 0, w = 0; w < o->writers; w++) {
			if (first[w].done != first[w].said)
				return false;
			said += first[w].said;
		}
		if (first->lines != said)
			return false;
	}
	for (i = 0; i < g->nconns; i++) {
		c = &g->conns[i];
		if (c->bytes != g->conns[c->room * o->writers].bytes)
			return false;
	}
	return true;
}

static bool
drain(struct gen *g)
{
	uint64_t	end = now_ns() + DRAIN_NS;

	g->stopping = true;
	while (!complete(g)) {
		if (now_ns() > end)
			return false;
		gen_turn(g, 10 * MS);
	}
	return true;
}

/* Lockstep: the sums tell at once whether it is worth a closer look. */
static void
step(struct gen *g)
{
	uint32_t	i;

	if (g->bytes + g->split_bytes != g->conns[0].bytes * g->nconns ||
	    !complete(g))
		return;
	for (i = 0; i < g->opts.writers; i++)
		conn_say(g, &g->conns[i], 0);
}

static void
fan_until(struct gen *g, uint64_t end)
{
	while (now_ns() < end) {
		gen_turn(g, 10 * MS);
		if (g->opts.lockstep)
			step(g);
	}
}

static void
pace_until(struct gen *g, uint64_t end, uint64_t *due)
{
	uint64_t	 now, interval = 1000 * MS / g->opts.rate;
	struct conn	*c;

	while ((now = now_ns()) < end) {
		while (*due <= now) {
			c = &g->conns[*due / interval % g->opts.writers];
			c->credit = 1;
			conn_say(g, c, *due);
			*due += interval;
		}
		gen_turn(g, *due - now);
	}
}

static int
by_value(const void *a, const void *b)
{
	uint32_t	x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void
report_latency(struct gen *g)
{
	uint32_t	*l = g->latency;
	size_t		 n = g->nlatency;

	if (n == 0)
		return;
	qsort(l, n, sizeof(*l), by_value);
	printf(",\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u,"
	    "\"latencies\":%zu", l[n / 2], l[n * 9 / 10], l[n * 99 / 100],
	    l[n - 1], n);
}

static void
report_window(const struct mark *a, const struct mark *b)
{
	printf("\"seconds\":%.6f,\"server_cpu\":%.6f,\"load_cpu\":%.6f",
	    (b->wall - a->wall) / 1e9, (b->server - a->server) / 1e9,
	    (b->self - a->self) / 1e9);
}

static void
run_messages(struct gen *g)
{
	struct mark	a, b;
	uint64_t	begin, due, until[2];
	double		line, delivered, skipped;
	uint32_t	i, n = g->opts.rooms * g->opts.writers;
	bool		whole;

	gen_connect(g, g->nconns);
	begin = due = now_ns();
	until[0] = begin + g->opts.warmup * 1e9;
	until[1] = until[0] + g->opts.seconds * 1e9;
	for (i = 0; i < n; i++) {
		g->conns[i].credit = g->opts.outstanding;
		if (g->opts.mode != MODE_PACE)
			conn_say(g, &g->conns[i], 0);
	}
	for (i = 0; i < 2; i++) {
		if (g->opts.mode != MODE_PACE)
			fan_until(g, until[i]);
		else
			pace_until(g, until[i], &due);
		gen_mark(g, i == 0 ? &a : &b);
		g->sampling = i == 0;
	}
	whole = drain(g);
	if (b.split_lines == a.split_lines)
		errx(1, "nothing was delivered while measuring");
	line = (double)(b.split_bytes - a.split_bytes) /
	    (b.split_lines - a.split_lines);
	skipped = (b.bytes - a.bytes) / line;
	delivered = skipped + b.split_lines - a.split_lines;
	printf("{");
	report_window(&a, &b);
	printf(",\"messages\":%" PRIu64 ",\"deliveries\":%.0f,"
	    "\"deliveries_per_cpu\":%.0f,\"per_read\":%.2f,\"line\":%.2f,"
	    "\"complete\":%s,\"disorder\":%" PRIu64
	    ",\"per_second\":%.0f,\"server_us\":%.2f,\"load_us\":%.2f",
	    b.done - a.done,
	    delivered, delivered * 1e9 / (b.server - a.server),
	    b.reads == a.reads ? 0 : skipped / (b.reads - a.reads), line,
	    whole ? "true" : "false", g->disorder,
	    (b.done - a.done) * 1e9 / (b.wall - a.wall),
	    (b.server - a.server) / 1e3 / (b.done - a.done),
	    (b.self - a.self) / 1e3 / (b.done - a.done));
	report_latency(g);
	printf("}\n");
}

/* Bytes that belong to the process alone. */
static uint64_t
private_bytes(pid_t pid)
{
	char		 line[256], path[64];
	unsigned long	 kb;
	uint64_t	 sum = 0;
	FILE		*f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "Private_Dirty: %lu", &kb) == 1)
			sum += kb * 1024;
	}
	fclose(f);
	return sum;
}

/* What it is when it has not changed for half a second. */
static uint64_t
private_settled(struct gen *g)
{
	uint64_t	end, is, was = private_bytes(g->opts.pid);
	int		tries;

	for (tries = 0; tries < 20; tries++) {
		for (end = now_ns() + 500 * MS; now_ns() < end;)
			gen_turn(g, 50 * MS);
		if ((is = private_bytes(g->opts.pid)) == was)
			break;
		was = is;
	}
	return was;
}

static void
run_idle(struct gen *g)
{
	uint64_t	base, in, heard;
	uint32_t	n = g->nconns - IDLE_BASE;

	gen_connect(g, IDLE_BASE);
	base = private_settled(g);
	gen_connect(g, g->nconns);
	in = private_settled(g);
	g->conns[0].credit = 1;
	conn_say(g, &g->conns[0], 0);
	if (!drain(g))
		errx(1, "a message did not reach everyone");
	heard = private_settled(g);
	printf("{\"connections\":%u,\"private\":%" PRIu64 ",\"per_connection\":"
	    "%.1f,\"per_connection_heard\":%.1f}\n", n, in,
	    ((double)in - base) / n, ((double)heard - base) / n);
}

static void
run_session(struct gen *g)
{
	struct mark	a, b;
	uint64_t	begin = now_ns();
	uint32_t	i;

	for (i = 0; i < g->nconns; i++)
		conn_open(g, &g->conns[i]);
	g->opened = g->nconns;
	fan_until(g, begin + g->opts.warmup * 1e9);
	gen_mark(g, &a);
	fan_until(g, begin + (g->opts.warmup + g->opts.seconds) * 1e9);
	gen_mark(g, &b);
	if (b.done == a.done)
		errx(1, "no session came to its end while measuring");
	printf("{");
	report_window(&a, &b);
	printf(",\"sessions\":%" PRIu64 ",\"us_per_session\":%.2f}\n",
	    b.done - a.done, (b.server - a.server) / 1e3 / (b.done - a.done));
}

int
main(int argc, char **argv)
{
	struct gen	 g = { .proto = &proto_json, .opts = {
		.rooms = 1, .readers = 1000, .writers = 4, .outstanding = 64,
		.text = 100, .sample = 8, .pending = 64, .rate = 50,
		.warmup = 1, .seconds = 3 } };
	struct rlimit	 rl;

	options(&g, argc, argv);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (g.opts.mode == MODE_SESSION || g.opts.mode == MODE_IDLE)
		g.opts.rooms = g.opts.writers = 1;
	if (g.opts.mode == MODE_SESSION)
		g.opts.readers = g.opts.pending - 1;
	if (g.opts.mode == MODE_IDLE)
		g.opts.readers += IDLE_BASE - 1;
	if (g.opts.mode == MODE_SAY) {
		if (g.proto->id == NULL)
			errx(1, "say is for json");
		g.opts.readers = 0;
	}
	g.nconns = g.opts.rooms * (g.opts.readers + g.opts.writers);
	g.cap_latency = LATENCIES;
	if ((g.latency = malloc(LATENCIES * sizeof(*g.latency))) == NULL)
		err(1, "malloc");
	gen_open(&g);
	lay_out(&g);
	switch (g.opts.mode) {
	case MODE_FAN:
	case MODE_PACE:
	case MODE_SAY:
		run_messages(&g);
		break;
	case MODE_IDLE:
		run_idle(&g);
		break;
	case MODE_SESSION:
		run_session(&g);
		break;
	}
	return 0;
}
