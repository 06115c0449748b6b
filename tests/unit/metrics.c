#include <sys/resource.h>
#include <sys/un.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#include <jansson.h>

/* Sessions' tests use all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "hub-thread.h"
#include "listener.h"
#include "metrics.h"
#include "process.h"
#include "session-rig.h"

#define DEADLINE	20000		/* ms for anything to come */

static struct buf page;

static void
render(void)
{
	buf_reset(&page);
	metrics_render(&rig.d, rig.conf, &page);
	buf_str(&page);
}

/* A sample's value in the page; its name with all labels. */
static double
value_of(const char *series)
{
	size_t len = strlen(series);
	const char *p;

	for (p = page.data; p != NULL && *p != '\0'; p = strchr(p, '\n') + 1) {
		if (strncmp(p, series, len) == 0 && p[len] == ' ')
			return strtod(p + len, NULL);
	}
	cr_assert_fail("no %s in: %s", series, page.data);
	return 0;
}

static uint64_t
count_of(const char *series)
{
	return (uint64_t)value_of(series);
}

#define expect_value(series, n)						\
	cr_assert_eq(count_of(series), (n), "%s is %g", (series),	\
	    value_of(series))

/* The page is what the format's description wants. */

struct family {
	char		 name[128], type[16];
	double		 bucket;	/* of the last le */
	double		 count;		/* in it */
};

static bool
is_name(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!isalpha((unsigned char)s[i]) && s[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)s[i])))
			return false;
	}
	return n > 0;
}

/* Labels in braces; behind them. *le is a bucket's bound, or 0. */
static const char *
check_labels(const char *p, double *le)
{
	const char *name;

	*le = 0;
	if (*p != '{')
		return p;
	do {
		name = ++p;
		p += strcspn(p, "=");
		cr_assert(is_name(name, (size_t)(p - name)), "%s", name);
		cr_assert_eq(p[1], '"', "%s", name);
		if (strncmp(name, "le=", 3) == 0)
			*le = strtod(p + 2, NULL);
		for (p += 2; *p != '"'; p++) {
			cr_assert(*p != '\n' && *p != '\0', "%s", name);
			if (*p == '\\')
				cr_assert_not_null(strchr("\\\"n", *++p));
		}
	} while (*++p == ',');
	cr_assert_eq(*p, '}', "%s", name);
	return p + 1;
}

static void
check_sample(struct family *f, const char *line)
{
	size_t len = strlen(f->name);
	const char *p = line + len, *number;
	bool bucket = false;
	double le, value;
	char *end;

	cr_assert(strncmp(line, f->name, len) == 0, "%s", line);
	if (strcmp(f->type, "histogram") == 0) {
		bucket = strncmp(p, "_bucket{", 8) == 0;
		cr_assert(bucket || strncmp(p, "_sum ", 5) == 0 ||
		    strncmp(p, "_count ", 7) == 0, "%s", line);
		p += strcspn(p, " {");
	} else if (strcmp(f->type, "counter") == 0)
		cr_assert(len > 6 && strcmp(f->name + len - 6, "_total") == 0,
		    "%s", f->name);
	p = check_labels(p, &le);
	cr_assert(*p == ' ' && isdigit((unsigned char)p[1]), "%s", line);
	number = p + 1;
	value = strtod(number, &end);
	cr_assert_eq(*end, '\0', "%s", line);
	cr_assert_eq(strspn(number, "0123456789."), strlen(number), "%s",
	    line);
	if (bucket) {
		cr_assert(le > f->bucket && value >= f->count, "%s", line);
		f->bucket = le;
		f->count = value;
	} else if (strncmp(line + len, "_count ", 7) == 0)
		cr_assert_eq(value, f->count, "%s", line);
}

static unsigned
check_page(void)
{
	char *copy = xstrdup(page.data), *line, *rest;
	struct family f = { "", "", 0, 0 };
	unsigned n = 0, samples = 1;

	cr_assert_eq(page.data[page.len - 1], '\n');
	for (line = strtok_r(copy, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			cr_assert_gt(samples, 0, "nothing in %s", f.name);
			f = (struct family){ "", "", 0, 0 };
			cr_assert_eq(sscanf(line + 7, "%127s", f.name), 1);
			cr_assert(is_name(f.name, strlen(f.name)));
			cr_assert_gt(strlen(line), strlen(f.name) + 8);
			samples = 0;
			n++;
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			cr_assert_eq(samples, 0);
			cr_assert(strncmp(line + 7, f.name,
			    strlen(f.name)) == 0, "%s", line);
			cr_assert_eq(sscanf(line + 7 + strlen(f.name),
			    " %15s", f.type), 1);
		} else {
			check_sample(&f, line);
			samples++;
		}
	}
	free(copy);
	return n;
}

/* A tick, without waiting for it. */
static void
tick(void)
{
	unsigned i;

	for (i = 0; i < LOOPS; i++)
		event_active(rig.d.loops[i].tick, EV_TIMEOUT, 1);
	settle();
}

Test(metrics, format)
{
	static const char *const options[] = { "server_name=a\"b\\c", NULL };
	char *list = NULL, *p;
	size_t size, n = 0;
	FILE *f = open_memstream(&list, &size);

	metrics_print(f);
	fclose(f);
	for (p = list; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	free(list);
	rig_open(options);
	rig.d.started = 1764000000250;
	render();
	cr_assert_gt(n, 30);
	cr_assert_eq(check_page(), n, "all that is listed is there");
	expect_value("partyline_build_info{version=\"" PACKAGE_VERSION
	    "\",store=\"memory\",server=\"a\\\"b\\\\c\"}", 1);
	cr_assert_eq(value_of("process_start_time_seconds"), 1764000000.25);
	cr_assert_not_null(strstr(page.data,
	    "process_start_time_seconds 1764000000.25\n"));
	cr_assert_not_null(strstr(page.data,
	    "partyline_hub_wait_seconds_bucket{le=\"0.00005\"} 0\n"));
	cr_assert_not_null(strstr(page.data,
	    "partyline_hub_wait_seconds_bucket{le=\"2.5\"} 0\n"));
	rig_close();
	buf_free(&page);
}

/* As JSON it is the same numbers, of all that is listed. */
Test(metrics, json)
{
	json_t *all, *number, *one;
	struct buf json = { 0 };
	const char *name;
	size_t n = 0, i;

	rig_open(NULL);
	metric_add(&rig.d.store->metrics.messages, 7);
	metric_add(&rig.d.loops[1].metrics.clients[CLIENT_HTTP], 3);
	histogram_add(&rig.d.store->metrics.commits, histogram_us, 60);
	histogram_add(&rig.d.store->metrics.commits, histogram_us, 3000000);
	buf_addc(&json, '{');
	metrics_json(&rig.d, rig.conf, &json);
	buf_addc(&json, '}');
	render();
	all = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	cr_assert_not_null(all, "%.*s", (int)json.len, json.data);
	cr_assert_eq(json_object_size(all), check_page());
	json_object_foreach(all, name, number) {
		if (!json_is_number(number) || strncmp(name, "process", 7) == 0)
			continue;
		cr_assert_eq(json_number_value(number), value_of(name), "%s",
		    name);
		n++;
	}
	cr_assert_gt(n, 10);
	cr_assert_eq(json_integer_value(json_object_get(all,
	    "partyline_messages_total")), 7);
	json_array_foreach(json_object_get(all, "partyline_clients"), i, one)
		cr_assert_eq(json_integer_value(json_object_get(one, "value")),
		    i == CLIENT_HTTP ? 3 : 0);
	cr_assert_eq(i, CLIENT_COUNTS);
	one = json_object_get(all, "partyline_store_commit_seconds");
	number = json_object_get(one, "counts");
	cr_assert_eq(json_array_size(number), 16);
	for (i = 0; i < 16; i++)
		cr_assert_eq(json_integer_value(json_array_get(number, i)),
		    i == 1 || i == 15, "%zu", i);
	cr_assert_eq(json_number_value(json_array_get(json_object_get(one,
	    "bounds"), 0)), 0.00005);
	cr_assert_eq(json_number_value(json_object_get(one, "sum")), 3.00006);
	json_decref(all);
	rig_close();
	buf_free(&json);
	buf_free(&page);
}

Test(metrics, histogram)
{
	static const uint64_t bounds[] = { 10, 20, 0 };
	struct histogram h = { 0 };
	unsigned i;
	const uint64_t values[] = { 0, 10, 11, 20, 21, 1000000 };

	for (i = 0; i < NITEMS(values); i++)
		histogram_add(&h, bounds, values[i]);
	for (i = 0; i < 3; i++)
		cr_assert_eq(metric_get(&h.counts[i]), 2, "%u", i);
	cr_assert_eq(metric_get(&h.counts[3]), 0);
	cr_assert_eq(metric_get(&h.sum), 1000062);
}

/* Three in a room on two loops; what was done is what is counted. */
Test(metrics, counts)
{
	static const char *const wrong[] = { "no json",
	    "{\"cmd\":\"say\",\"room\":\"x\",\"text\":\"y\"}",
	    "{\"cmd\":\"nothing\"}",
	    "{\"cmd\":\"tell\",\"name\":\"z\",\"text\":\"\"}" };
	struct client c[3];
	size_t got, before[2];
	unsigned i, n;

	rig_open(NULL);
	for (i = 0; i < 3; i++)
		client_login(&c[i], i % LOOPS, i == 0 ? "ann" : i == 1 ?
		    "bob" : "eve", 0);
	for (i = 0; i < 3; i++) {
		client_drain(&c[i]);
		buf_reset(&c[i].got);
	}
	render();
	expect_value("partyline_readers", 3);
	n = (unsigned)count_of("partyline_deliveries_total");
	got = count_of("partyline_sent_bytes_total");
	before[0] = count_of("partyline_received_bytes_total");

	for (i = 0; i < 50; i++) {
		say(&c[i % 3], i, i);
		settle();
	}
	for (i = 0; i < 3; i++) {
		client_drain(&c[i]);
		expect_said(&c[i], 0, 49);
		got += c[i].got.len;
	}
	render();
	check_page();
	expect_value("partyline_deliveries_total", n + 150);
	expect_value("partyline_sent_bytes_total", got);
	expect_value("partyline_messages_total", 50);
	expect_value("partyline_says_total{error=\"none\"}", 50);
	expect_value("partyline_requests_total{command=\"say\"}", 50);
	expect_value("partyline_requests_total{command=\"login\"}", 3);
	expect_value("partyline_requests_total{command=\"subscribe\"}", 3);
	expect_value("partyline_rejects_total{error=\"not-subscribed\"}", 0);
	expect_value("partyline_readers_behind", 0);
	cr_assert_gt(count_of("partyline_loop_round_seconds_count"), 0);
	before[1] = count_of("partyline_received_bytes_total");
	cr_assert_gt(before[1], before[0] + 50 * 40);
	for (i = 0; i < NITEMS(wrong); i++) {
		client_line(&c[0], wrong[i]);
		before[1] += strlen(wrong[i]) + 1;
	}
	client_drain(&c[0]);
	render();
	expect_value("partyline_says_total{error=\"not-subscribed\"}", 1);
	expect_value("partyline_rejects_total{error=\"not-subscribed\"}", 1);
	expect_value("partyline_rejects_total{error=\"unknown-command\"}", 1);
	expect_value("partyline_rejects_total{error=\"bad-json\"}", 1);
	expect_value("partyline_says_total{error=\"bad-argument\"}", 1);
	expect_value("partyline_requests_total{command=\"none\"}", 2);
	expect_value("partyline_messages_total", 50);
	expect_value("partyline_received_bytes_total", before[1]);
	for (i = 0; i < 3; i++)
		client_close(&c[i]);
	rig_close();
	buf_free(&page);
}

Test(metrics, limits_are_counted)
{
	static const char *const options[] = { "rate=1", "burst=1",
	    "max_line=512", "max_text=256", "greet_delay=0", NULL };
	char line[1000];
	struct client c, text;

	rig_open(options);
	client_open(&c, 0, LISTEN_JSON, 0);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_line(&c, line);
	client_drain(&c);
	render();
	expect_value("partyline_requests_total{command=\"ping\"}", 2);
	expect_value("partyline_rejects_total{error=\"rate-limited\"}", 1);
	expect_value("partyline_rejects_total{error=\"too-long\"}", 1);
	client_open(&text, 1, LISTEN_TEXT, 0);
	client_line(&text, "ann");
	client_drain(&text);
	client_line(&text, "/nosuch");
	client_drain(&text);
	render();
	expect_value("partyline_rejects_total{error=\"unknown-command\"}", 1);
	client_close(&text);
	client_close(&c);
	rig_close();
	buf_free(&page);
}

Test(metrics, clients_by_kind)
{
	struct client c[4];
	unsigned i;

	rig_open(NULL);
	client_open(&c[0], 0, LISTEN_AUTO, 0);
	client_open(&c[1], 1, LISTEN_TEXT, 0);
	client_open(&c[2], 0, LISTEN_JSON, 0);
	client_open(&c[3], 1, LISTEN_AUTO, 0);
	client_line(&c[3], "{\"cmd\":\"ping\"}");
	client_drain(&c[3]);
	tick();
	render();
	expect_value("partyline_clients{carrier=\"tcp\",dialect=\"none\"}", 1);
	expect_value("partyline_clients{carrier=\"tcp\",dialect=\"text\"}", 1);
	expect_value("partyline_clients{carrier=\"tcp\",dialect=\"json\"}", 2);
	expect_value("partyline_clients{carrier=\"http\",dialect=\"none\"}",
	    0);
	expect_value("partyline_loop_sessions{loop=\"0\"}", 2);
	expect_value("partyline_loop_sessions{loop=\"1\"}", 2);
	for (i = 0; i < 4; i++)
		client_close(&c[i]);
	settle();
	tick();
	render();
	expect_value("partyline_clients{carrier=\"tcp\",dialect=\"json\"}", 0);
	expect_value("partyline_loop_sessions{loop=\"1\"}", 0);
	rig_close();
	buf_free(&page);
}

/* Of all loops together, each result by itself. */
Test(metrics, handshakes)
{
	static const char *const series[HANDSHAKES] = {
		[HANDSHAKE_FULL] =
		    "partyline_tls_handshakes_total{result=\"full\"}",
		[HANDSHAKE_RESUMED] =
		    "partyline_tls_handshakes_total{result=\"resumed\"}",
		[HANDSHAKE_FAILED] =
		    "partyline_tls_handshakes_total{result=\"failed\"}",
	};
	unsigned i, j;

	rig_open(NULL);
	render();
	for (i = 0; i < HANDSHAKES; i++)
		expect_value(series[i], 0);
	for (i = 0; i < HANDSHAKES; i++) {
		for (j = 0; j < LOOPS; j++)
			metric_add(&rig.d.loops[j].metrics.handshakes[i],
			    10 * (i + 1) + j);
	}
	render();
	check_page();
	for (i = 0; i < HANDSHAKES; i++)
		expect_value(series[i], LOOPS * 10 * (i + 1) +
		    LOOPS * (LOOPS - 1) / 2);
	rig_close();
	buf_free(&page);
}

static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	cr_assert_geq(fd, 0);
	strcpy(sun.sun_path, path);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

Test(metrics, connections)
{
	const char *options[] = { NULL, "max_clients=2", NULL };
	struct rlimit before, now;
	struct listener *listener;
	char path[64], *error;
	int fds[4];
	unsigned i;

	snprintf(path, sizeof(path), "/tmp/partyline-metrics.%ld",
	    (long)getpid());
	options[0] = xasprintf("listen=json %s", path);
	rig_open(options);
	listener = listener_open_all(rig.conf, NULL, &error);
	cr_assert_not_null(listener);
	listener_serve(&rig.d.loops[0], listener);
	for (i = 0; i < 3; i++) {
		fds[i] = dial(path);
		settle();
	}
	render();
	expect_value("partyline_connections_accepted_total", 2);
	expect_value("partyline_connections_refused_total"
	    "{reason=\"max_clients\"}", 1);
	expect_value("partyline_clients_max", 2);
	/* Not one descriptor more than there are with the client's. */
	fds[3] = dial(path);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = (rlim_t)fds[3] + 1;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &now), 0);
	settle();
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	render();
	expect_value("partyline_connections_refused_total"
	    "{reason=\"no_descriptors\"}", 1);
	expect_value("partyline_connections_accepted_total", 2);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	settle();
	rig_close();
	free((char *)(uintptr_t)options[0]);
	buf_free(&page);
}

/* One that does not read falls behind, catches up, and has been given each
 * message once; what libevent has written for it is counted as well. */
Test(metrics, behind)
{
	static const char *const options[] = { "stream_bytes=16K",
	    "page_bytes=4K", NULL };
	struct client slow, quick;
	unsigned i;
	size_t sent, deliveries, lag;

	rig_open(options);
	client_login(&slow, 0, "slow", 4096);
	client_login(&quick, 1, "quick", 0);
	client_drain(&slow);
	buf_reset(&slow.got);
	render();
	sent = count_of("partyline_sent_bytes_total");
	deliveries = count_of("partyline_deliveries_total");
	for (i = 0; i < 300; i++) {
		say(&quick, i, 200);
		client_drain(&quick);
	}
	tick();
	render();
	expect_value("partyline_readers", 2);
	expect_value("partyline_readers_behind", 1);
	lag = count_of("partyline_reader_lag_messages");
	cr_assert(lag > 100 && lag <= 300, "%zu", lag);
	client_drain(&slow);
	expect_said(&slow, 0, 299);
	tick();
	render();
	expect_value("partyline_readers_behind", 0);
	expect_value("partyline_reader_lag_messages", 0);
	expect_value("partyline_deliveries_total", deliveries + 600);
	expect_value("partyline_sent_bytes_total", sent + slow.got.len +
	    quick.got.len);
	client_close(&slow);
	client_close(&quick);
	settle();
	render();
	expect_value("partyline_readers", 0);
	rig_close();
	buf_free(&page);
}

/* The real threads. */

static struct hub_thread *hub;

static void
threads_open(void)
{
	static struct loop loops[LOOPS];
	struct conf_override o[] = { { "store=memory" }, { "loops=2" },
	    { "log_level=error" } };
	char *error;
	unsigned i;

	signal(SIGPIPE, SIG_IGN);
	rig.conf = conf_parse(NULL, o, NITEMS(o), &error);
	cr_assert_not_null(rig.conf);
	log_level_set(rig.conf->log_level);
	rig.d.conf = rig.conf;
	rig.d.loops = loops;
	rig.d.nloops = LOOPS;
	cr_assert_not_null(rig.d.store = store_open(rig.conf, &error));
	hub = hub_thread_new(&rig.d);
	rig.d.hub = hub_thread_box(hub);
	for (i = 0; i < LOOPS; i++)
		loop_init(&loops[i], &rig.d, i);
	cr_assert(store_start(rig.d.store, rig.d.hub, &error));
	hub_thread_start(hub);
	for (i = 0; i < LOOPS; i++)
		loop_start(&loops[i]);
}

static void
threads_close(void)
{
	unsigned i;

	for (i = 0; i < LOOPS; i++)
		loop_stop(&rig.d.loops[i]);
	for (i = 0; i < LOOPS; i++)
		loop_join(&rig.d.loops[i]);
	hub_thread_stop(hub);
	store_close(rig.d.store);
	hub_thread_free(hub);
	for (i = 0; i < LOOPS; i++)
		loop_free(&rig.d.loops[i]);
	conf_free(rig.conf);
}

/* Until it is so; else says what it is. */
static void
await(const char *series, uint64_t value)
{
	uint64_t end = clock_ms() + DEADLINE;

	for (render(); count_of(series) != value; render())
		cr_assert_lt(clock_ms(), end, "%s is %g", series,
		    value_of(series));
}

static int
join(unsigned loop, const char *lines)
{
	const struct sockaddr sa = { .sa_family = AF_UNIX };
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
	    0);
	cr_assert_eq(send(fds[0], lines, strlen(lines), 0),
	    (ssize_t)strlen(lines));
	atomic_fetch_add(&rig.d.nclients, 1);
	loop_give(&rig.d.loops[loop], session_record_new(fds[1], LISTEN_JSON,
	    address_take(&sa, 0), 7));
	return fds[0];
}

Test(metrics, threads, .timeout = 60)
{
	int ann, bob;

	threads_open();
	ann = join(0, "{\"cmd\":\"login\",\"name\":\"ann\"}\n"
	    "{\"cmd\":\"subscribe\",\"room\":\"a\"}\n");
	await("partyline_readers", 1);
	bob = join(1, "{\"cmd\":\"login\",\"name\":\"bob\"}\n"
	    "{\"cmd\":\"subscribe\",\"room\":\"a\"}\n"
	    "{\"cmd\":\"subscribe\",\"room\":\"b\"}\n"
	    "{\"cmd\":\"say\",\"room\":\"a\",\"text\":\"hi\"}\n");
	await("partyline_says_total{error=\"none\"}", 1);
	await("partyline_users", 2);
	await("partyline_rooms", 2);
	await("partyline_readers", 3);
	await("partyline_store_queue_bytes", 0);
	/* bob's coming is told to ann, what he says to both */
	await("partyline_deliveries_total", 3);
	await("partyline_hub_queue", 0);
	check_page();
	cr_assert_geq(count_of("partyline_hub_mail_total"), 6);
	cr_assert_gt(count_of("partyline_hub_wait_seconds_count"), 0);
	cr_assert_leq(count_of("partyline_hub_wait_seconds_count"),
	    count_of("partyline_hub_mail_total"));
	expect_value("partyline_store_up", 1);
	expect_value("partyline_store_commit_seconds_count", 1);
	/* The ticks' */
	await("partyline_clients{carrier=\"tcp\",dialect=\"json\"}", 2);
	close(ann);
	close(bob);
	await("partyline_users", 0);
	await("partyline_readers", 0);
	threads_close();
	buf_free(&page);
}

/* Of the process. */

Test(metrics, process)
{
	uint64_t fds = process_fds(), cpu = process_cpu_us();
	uint64_t end = clock_ms() + DEADLINE, resident = process_resident();
	struct rlimit rl;
	size_t size = 32 << 20;
	char *memory;
	int fd;

	cr_assert_eq(fds, process_fds_scan());
	cr_assert_geq(fd = fcntl(0, F_DUPFD, 300), 300);
	cr_assert_eq(process_fds(), fds + 1);
	cr_assert_eq(process_fds_scan(), fds + 1);
	close(fd);
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &rl), 0);
	cr_assert_eq(process_fds_max(), rl.rlim_cur);

	memory = xmalloc(size);
	memset(memory, 1, size);
	cr_assert_geq(process_resident(), resident + size / 2);
	cr_assert_gt(process_virtual(), process_resident());
	cr_assert_eq(memory[size / 2], 1);
	free(memory);
	while (process_cpu_us() < cpu + 1000)
		cr_assert_lt(clock_ms(), end, "time stands still");
}
