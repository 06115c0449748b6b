#include <stddef.h>
#include <string.h>

#include "auth.h"
#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "name.h"
#include "process.h"

#define LABELS		3

const uint64_t histogram_us[] = { 50, 100, 250, 500, 1000, 2500, 5000, 10000,
	25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 0 };
const uint64_t histogram_ops[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000,
	2000, 4000, 0 };

_Static_assert(NITEMS(histogram_us) <= HISTOGRAM_BUCKETS &&
    NITEMS(histogram_ops) <= HISTOGRAM_BUCKETS, "a bucket for each bound");

void
histogram_add(struct histogram *h, const uint64_t *bounds, uint64_t value)
{
	unsigned i;

	for (i = 0; bounds[i] != 0 && value > bounds[i]; i++)
		;
	metric_add(&h->counts[i], 1);
	metric_add(&h->sum, value);
}

const char *
refusal_name(enum refusal why)
{
	static const char *const names[] = {
		[REFUSED_CLIENTS] = "max_clients",
		[REFUSED_ADDRESS] = "max_clients_address",
		[REFUSED_DESCRIPTORS] = "no_descriptors",
	};

	return names[why];
}

/* Labels: the text of a metric's item i. */

static const char *
label_build(const struct conf *conf, unsigned i, unsigned which)
{
	const char *const texts[LABELS] = { PACKAGE_VERSION, conf->store,
	    conf->server_name };

	(void)i;
	return texts[which];
}

static const char *
label_client(const struct conf *conf, unsigned i, unsigned which)
{
	static const char *const texts[CLIENT_COUNTS][2] = {
		[CLIENT_NEW] = { "tcp", "none" },
		[CLIENT_TEXT] = { "tcp", "text" },
		[CLIENT_JSON] = { "tcp", "json" },
		[CLIENT_HTTP] = { "http", "none" },
		[CLIENT_WEBSOCKET] = { "websocket", "json" },
		[CLIENT_KINDS + CLIENT_NEW] = { "tls", "none" },
		[CLIENT_KINDS + CLIENT_TEXT] = { "tls", "text" },
		[CLIENT_KINDS + CLIENT_JSON] = { "tls", "json" },
		[CLIENT_KINDS + CLIENT_HTTP] = { "https", "none" },
		[CLIENT_KINDS + CLIENT_WEBSOCKET] = { "wss", "json" },
	};

	(void)conf;
	return texts[i][which];
}

static const char *
label_refusal(const struct conf *conf, unsigned i, unsigned which)
{
	(void)conf;
	(void)which;
	return refusal_name((enum refusal)i);
}

static const char *
label_handshake(const struct conf *conf, unsigned i, unsigned which)
{
	static const char *const names[HANDSHAKES] = {
		[HANDSHAKE_FULL] = "full",
		[HANDSHAKE_RESUMED] = "resumed",
		[HANDSHAKE_FAILED] = "failed",
	};

	(void)conf;
	(void)which;
	return names[i];
}

static const char *
label_auth_refusal(const struct conf *conf, unsigned i, unsigned which)
{
	static const char *const names[AUTH_REFUSALS] = {
		[AUTH_REFUSED_QUEUE] = "auth_queue",
		[AUTH_REFUSED_TRIES] = "login_tries",
		[AUTH_REFUSED_REGISTER] = "register_max",
	};

	(void)conf;
	(void)which;
	return names[i];
}

static const char *
label_command(const struct conf *conf, unsigned i, unsigned which)
{
	(void)conf;
	(void)which;
	return i == CMD_NONE ? "none" : proto_cmd_by_id((enum cmd)i)->name;
}

static const char *
label_error(const struct conf *conf, unsigned i, unsigned which)
{
	(void)conf;
	(void)which;
	return i == ERR_NONE ? "none" : error_name((enum error)i);
}

/* Numbers that are not simply summed. */

static uint64_t
get_one(const struct daemon *d)
{
	(void)d;
	return 1;
}

/* Two numbers of one loop, the smaller one read first. */
static uint64_t
get_behind(const struct daemon *d)
{
	uint64_t on = 0, all = 0;
	unsigned i;

	for (i = 0; i < d->nloops; i++) {
		on += metric_get(&d->loops[i].pool.metrics.on);
		all += metric_get(&d->loops[i].pool.metrics.places);
	}
	return all > on ? all - on : 0;
}

static uint64_t
get_lag(const struct daemon *d)
{
	uint64_t lag = 0, one;
	unsigned i;

	for (i = 0; i < d->nloops; i++) {
		one = metric_get(&d->loops[i].metrics.lag);
		lag = one > lag ? one : lag;
	}
	return lag;
}

static uint64_t
get_hub_queue(const struct daemon *d)
{
	uint64_t taken = metric_get(&d->metrics.taken);
	uint64_t posted = metric_get(&d->hub->posted);

	return posted > taken ? posted - taken : 0;
}

static uint64_t
get_store_ok(const struct daemon *d)
{
	return store_ok(d->store);
}

static uint64_t
get_log_lost(const struct daemon *d)
{
	(void)d;
	return log_lost();
}

static uint64_t
get_started(const struct daemon *d)
{
	return (uint64_t)d->started;
}

static uint64_t
get_cpu(const struct daemon *d)
{
	(void)d;
	return process_cpu_us();
}

static uint64_t
get_resident(const struct daemon *d)
{
	(void)d;
	return process_resident();
}

static uint64_t
get_virtual(const struct daemon *d)
{
	(void)d;
	return process_virtual();
}

static uint64_t
get_fds(const struct daemon *d)
{
	(void)d;
	return process_fds();
}

static uint64_t
get_fds_max(const struct daemon *d)
{
	(void)d;
	return process_fds_max();
}

static const struct auth_metrics *
pool(const struct daemon *d)
{
	static const struct auth_metrics none;

	return d->auth != NULL ? auth_metrics(d->auth) : &none;
}

static uint64_t
get_auth_workers(const struct daemon *d)
{
	return metric_get(&pool(d)->workers);
}

static uint64_t
get_auth_waiting(const struct daemon *d)
{
	return metric_get(&pool(d)->waiting);
}

static uint64_t
get_auth_busy(const struct daemon *d)
{
	return metric_get(&pool(d)->busy);
}

static uint64_t
get_auth_done(const struct daemon *d)
{
	return metric_get(&pool(d)->done);
}

/* Each loop's own. */

static uint64_t
loop_sessions(const struct loop *l)
{
	return atomic_load_explicit(&l->nsessions, memory_order_relaxed);
}

static uint64_t
loop_busy(const struct loop *l)
{
	return atomic_load_explicit(&l->busy, memory_order_relaxed);
}

static uint64_t
loop_cpu(const struct loop *l)
{
	return metric_get(&l->metrics.cpu_us);
}

static uint64_t
loop_backlog(const struct loop *l)
{
	return atomic_load_explicit(&l->backlog, memory_order_relaxed);
}

/* The table. */

enum type { COUNTER, GAUGE, HISTOGRAM };

/* Where a number is; the default is call() or, for each loop, loop(). */
enum place_of {
	ELSEWHERE, IN_LOOPS, IN_HUB, IN_STORE, IN_CONF
};

struct metric_def {
	const char	*name;
	enum type	 type;
	enum place_of	 in;
	size_t		 offset;	/* in loop, daemon, store or conf */
	uint64_t	 (*call)(const struct daemon *);
	uint64_t	 (*loop)(const struct loop *);
	const uint64_t	*bounds;	/* of a histogram */
	uint64_t	 per;		/* of the unit; 0: 1 */
	const char	*labels[LABELS];
	unsigned	 from, to;	/* items with labels, the numbers lying
					 * one behind the other */
	const char	*(*label)(const struct conf *, unsigned, unsigned);
	const char	*help;
};

#define LOOPS(m)	.in = IN_LOOPS, .offset = offsetof(struct loop, m)
#define HUB(m)		.in = IN_HUB, .offset = offsetof(struct daemon, m)
#define STORE(m)	.in = IN_STORE, .offset = offsetof(struct store, m)
#define CONF(m)		.in = IN_CONF, .offset = offsetof(struct conf, m)
#define MICROSECONDS	.per = 1000000
#define MILLISECONDS	.per = 1000

static const struct metric_def table[] = {
	{ "partyline_build_info", GAUGE, .call = get_one,
	  .labels = { "version", "store", "server" }, .to = 1,
	  .label = label_build,
	  .help = "Always 1; what runs, as labels." },
	{ "partyline_clients", GAUGE, LOOPS(metrics.clients),
	  .labels = { "carrier", "dialect" }, .to = CLIENT_COUNTS,
	  .label = label_client,
	  .help = "Clients connected, counted once a second; dialect none: "
	    "not told apart yet." },
	{ "partyline_clients_max", GAUGE, CONF(max_clients),
	  .help = "The option max_clients." },
	{ "partyline_connections_accepted_total", COUNTER,
	  LOOPS(metrics.accepted),
	  .help = "Connections that became clients." },
	{ "partyline_connections_refused_total", COUNTER,
	  LOOPS(metrics.refused), .labels = { "reason" }, .to = REFUSALS,
	  .label = label_refusal,
	  .help = "Connections turned away with server-full." },
	{ "partyline_tls_handshakes_total", COUNTER,
	  LOOPS(metrics.handshakes), .labels = { "result" }, .to = HANDSHAKES,
	  .label = label_handshake,
	  .help = "Handshakes of TLS that are over." },
	{ "partyline_users", GAUGE, HUB(metrics.users),
	  .help = "Names that are logged in, each once." },
	{ "partyline_rooms", GAUGE, HUB(metrics.rooms),
	  .help = "Rooms there are, without inboxes." },
	{ "partyline_inboxes", GAUGE, HUB(metrics.inboxes),
	  .help = "Inboxes there are; a guest's ends with the guest." },

	{ "partyline_messages_total", COUNTER, STORE(metrics.messages),
	  .help = "Messages committed." },
	{ "partyline_duplicates_total", COUNTER, STORE(metrics.duplicates),
	  .help = "Messages said again with their key, and not stored "
	    "twice." },
	{ "partyline_deliveries_total", COUNTER,
	  LOOPS(pool.metrics.deliveries),
	  .help = "News written to readers, once for each reader: messages, "
	    "joins and so on." },
	{ "partyline_requests_total", COUNTER, LOOPS(metrics.requests),
	  .labels = { "command" }, .to = CMD_MAX, .label = label_command,
	  .help = "Requests answered; none: not understood." },
	{ "partyline_rejects_total", COUNTER, LOOPS(metrics.rejects),
	  .labels = { "error" }, .from = ERR_NONE + 1, .to = ERR_MAX,
	  .label = label_error,
	  .help = "Requests answered with this error." },
	{ "partyline_says_total", COUNTER, LOOPS(metrics.says),
	  .labels = { "error" }, .to = ERR_MAX, .label = label_error,
	  .help = "Of the requests, says and tells; error none: stored." },
	{ "partyline_received_bytes_total", COUNTER, LOOPS(metrics.bytes_in),
	  .help = "Bytes from clients." },
	{ "partyline_sent_bytes_total", COUNTER, LOOPS(metrics.bytes_out),
	  .help = "Bytes that clients' sockets have taken." },

	{ "partyline_readers", GAUGE, LOOPS(pool.metrics.places),
	  .help = "Readers of rooms: each client once for each of its "
	    "rooms." },
	{ "partyline_readers_behind", GAUGE, .call = get_behind,
	  .help = "Of them, those that are fed from the store." },
	{ "partyline_reader_lag_messages", GAUGE, .call = get_lag,
	  .help = "What the reader furthest behind has yet to be given, once "
	    "a second. Numbers of all rooms are counted: at most so many "
	    "messages." },

	{ "partyline_hub_mail_total", COUNTER, HUB(metrics.taken),
	  .help = "Mails that the hub has taken." },
	{ "partyline_hub_queue", GAUGE, .call = get_hub_queue,
	  .help = "Mails that wait for the hub." },
	{ "partyline_hub_wait_seconds", HISTOGRAM, HUB(metrics.waits),
	  .bounds = histogram_us, MICROSECONDS,
	  .help = "How long the oldest mail of each of the hub's turns has "
	    "waited." },

	{ "partyline_store_up", GAUGE, .call = get_store_ok,
	  .help = "1 if messages can be stored, else 0." },
	{ "partyline_store_commit_seconds", HISTOGRAM,
	  STORE(metrics.commits), .bounds = histogram_us, MICROSECONDS,
	  .help = "How long a group of messages, topics and so on took to be "
	    "committed." },
	{ "partyline_store_group_size", HISTOGRAM, STORE(metrics.groups),
	  .bounds = histogram_ops,
	  .help = "Messages, topics and so on committed together." },
	{ "partyline_store_failed_total", COUNTER, STORE(metrics.failed),
	  .help = "Messages, topics and so on that could not be stored." },
	{ "partyline_store_queue_bytes", GAUGE, HUB(metrics.queued),
	  .help = "Bytes that wait to be committed." },
	{ "partyline_store_queue_max_bytes", GAUGE,
	  CONF(store_queue),
	  .help = "The option store_queue." },

	{ "partyline_auth_workers", GAUGE, .call = get_auth_workers,
	  .help = "Processes that hash passwords: the option auth_workers." },
	{ "partyline_auth_busy", GAUGE, .call = get_auth_busy,
	  .help = "Of them, those that hash a password now." },
	{ "partyline_auth_queue", GAUGE, .call = get_auth_waiting,
	  .help = "Passwords that wait for one of them." },
	{ "partyline_auth_done_total", COUNTER, .call = get_auth_done,
	  .help = "Passwords checked, or hashed to be kept." },
	{ "partyline_auth_refused_total", COUNTER,
	  HUB(metrics.auth_refused), .labels = { "reason" },
	  .to = AUTH_REFUSALS, .label = label_auth_refusal,
	  .help = "Logins and registrations answered rate-limited, by the "
	    "option that bounds them." },
	{ "partyline_login_failures_total", COUNTER,
	  HUB(metrics.login_failures),
	  .help = "Passwords and tokens that were wrong." },

	{ "partyline_loop_round_seconds", HISTOGRAM, LOOPS(metrics.rounds),
	  .bounds = histogram_us, MICROSECONDS,
	  .help = "How long a round of a loop took, without waiting." },
	{ "partyline_loop_sessions", GAUGE, .loop = loop_sessions,
	  .labels = { "loop" },
	  .help = "Clients on each loop." },
	{ "partyline_loop_cpu_seconds_total", COUNTER, .loop = loop_cpu,
	  MICROSECONDS, .labels = { "loop" },
	  .help = "CPU time of each loop's thread, once a second." },
	{ "partyline_loop_busy_ratio", GAUGE, .loop = loop_busy,
	  MILLISECONDS, .labels = { "loop" },
	  .help = "CPU time of each loop's thread in its last second." },
	{ "partyline_loop_backlog_bytes", GAUGE, .loop = loop_backlog,
	  .labels = { "loop" },
	  .help = "News that the hub has posted to each loop and it has not "
	    "taken." },
	{ "partyline_log_lost_lines_total", COUNTER, .call = get_log_lost,
	  .help = "Lines of the log that were not written." },

	{ "process_cpu_seconds_total", COUNTER, .call = get_cpu, MICROSECONDS,
	  .help = "CPU time of all threads, user and system." },
	{ "process_resident_memory_bytes", GAUGE, .call = get_resident,
	  .help = "Memory in use." },
	{ "process_virtual_memory_bytes", GAUGE, .call = get_virtual,
	  .help = "Address space in use." },
	{ "process_open_fds", GAUGE, .call = get_fds,
	  .help = "Descriptors open." },
	{ "process_max_fds", GAUGE, .call = get_fds_max,
	  .help = "The limit of descriptors." },
	{ "process_start_time_seconds", GAUGE, .call = get_started,
	  MILLISECONDS,
	  .help = "When it was started, in seconds since 1970." },
};

/* Rendering. */

/* Of a label's value and of a help; a help's quotes stand as they are. */
static void
add_escaped(struct buf *b, const char *s, bool quoted)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n') {
			buf_adds(b, "\\n");
			continue;
		}
		if (*s == '\\' || (quoted && *s == '"'))
			buf_addc(b, '\\');
		buf_addc(b, *s);
	}
}

/* In the unit, without zeros at the end: 1500000 us are 1.5. */
static void
add_number(struct buf *b, uint64_t value, uint64_t per)
{
	uint64_t rest;

	if (per == 0)
		per = 1;
	buf_addu(b, value / per);
	if ((rest = value % per) == 0)
		return;
	buf_addc(b, '.');
	for (; rest > 0; rest %= per) {
		rest *= 10;
		buf_addc(b, (char)('0' + rest / per));
	}
}

static void
add_label(struct buf *b, const char *name, const char *value, bool first)
{
	buf_addf(b, "%c%s=\"", first ? '{' : ',', name);
	add_escaped(b, value, true);
	buf_addc(b, '"');
}

static void
add_line(struct buf *b, const struct metric_def *m, uint64_t value)
{
	buf_addc(b, ' ');
	add_number(b, value, m->per);
	buf_addc(b, '\n');
}

/* A number at an offset, summed over the loops if it is theirs. */
static uint64_t
sum(const struct metric_def *m, const struct daemon *d, size_t at)
{
	const char *base = (const char *)(m->in == IN_HUB ? (const void *)d :
	    d->store);
	uint64_t total = 0;
	unsigned i;

	at += m->offset;
	if (m->in != IN_LOOPS)
		return metric_get((const void *)(base + at));
	for (i = 0; i < d->nloops; i++)
		total += metric_get((const void *)((const char *)&d->loops[i] +
		    at));
	return total;
}

static void
add_histogram(struct buf *b, const struct metric_def *m,
    const struct daemon *d)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0;; i++) {
		n += sum(m, d, offsetof(struct histogram, counts[0]) +
		    i * sizeof(uint64_t));
		buf_addf(b, "%s_bucket{le=\"", m->name);
		if (m->bounds[i] == 0)
			break;
		add_number(b, m->bounds[i], m->per);
		buf_addf(b, "\"} %llu\n", (unsigned long long)n);
	}
	buf_addf(b, "+Inf\"} %llu\n%s_sum", (unsigned long long)n, m->name);
	add_line(b, m, sum(m, d, offsetof(struct histogram, sum)));
	buf_addf(b, "%s_count %llu\n", m->name, (unsigned long long)n);
}

static void
add_items(struct buf *b, const struct metric_def *m, const struct daemon *d,
    const struct conf *conf)
{
	unsigned i, which;

	for (i = m->from; i < m->to; i++) {
		buf_adds(b, m->name);
		for (which = 0; which < LABELS && m->labels[which] != NULL;
		    which++)
			add_label(b, m->labels[which], m->label(conf, i, which),
			    which == 0);
		buf_addc(b, '}');
		add_line(b, m, m->call != NULL ? m->call(d) : sum(m, d,
		    i * sizeof(uint64_t)));
	}
}

static void
add_loops(struct buf *b, const struct metric_def *m, const struct daemon *d)
{
	unsigned i;

	for (i = 0; i < d->nloops; i++) {
		buf_addf(b, "%s{loop=\"%u\"}", m->name, i);
		add_line(b, m, m->loop(&d->loops[i]));
	}
}

static const char *const type_names[] = { [COUNTER] = "counter",
	[GAUGE] = "gauge", [HISTOGRAM] = "histogram" };

static uint64_t
get(const struct metric_def *m, const struct daemon *d,
    const struct conf *conf)
{
	if (m->in == IN_CONF)
		return *(const uint64_t *)(const void *)((const char *)conf +
		    m->offset);
	return m->call != NULL ? m->call(d) : sum(m, d, 0);
}

void
metrics_render(const struct daemon *d, const struct conf *conf, struct buf *b)
{
	const struct metric_def *m;

	for (m = table; m < table + NITEMS(table); m++) {
		buf_addf(b, "# HELP %s ", m->name);
		add_escaped(b, m->help, false);
		buf_addf(b, "\n# TYPE %s %s\n", m->name, type_names[m->type]);
		if (m->type == HISTOGRAM)
			add_histogram(b, m, d);
		else if (m->loop != NULL)
			add_loops(b, m, d);
		else if (m->label != NULL)
			add_items(b, m, d, conf);
		else {
			buf_adds(b, m->name);
			add_line(b, m, get(m, d, conf));
		}
	}
}

/* As JSON. */

/* Without a limit there is none. */
static void
json_number(struct buf *b, const struct metric_def *m, uint64_t value)
{
	if (value > INT64_MAX)
		buf_adds(b, "null");
	else
		add_number(b, value, m->per);
}

static void
json_items(struct buf *b, const struct metric_def *m, const struct daemon *d,
    const struct conf *conf)
{
	const char *text;
	unsigned i, which;

	for (i = m->from; i < m->to; i++) {
		buf_adds(b, i > m->from ? ",{" : "{");
		for (which = 0; which < LABELS && m->labels[which] != NULL;
		    which++) {
			text = m->label(conf, i, which);
			buf_addf(b, "\"%s\":", m->labels[which]);
			json_quote(b, text, strlen(text));
			buf_addc(b, ',');
		}
		buf_adds(b, "\"value\":");
		json_number(b, m, m->call != NULL ? m->call(d) : sum(m, d,
		    i * sizeof(uint64_t)));
		buf_addc(b, '}');
	}
}

static void
json_histogram(struct buf *b, const struct metric_def *m,
    const struct daemon *d)
{
	unsigned i;

	buf_adds(b, "{\"bounds\":[");
	for (i = 0; m->bounds[i] != 0; i++) {
		buf_adds(b, i > 0 ? "," : "");
		json_number(b, m, m->bounds[i]);
	}
	buf_adds(b, "],\"counts\":[");
	for (i = 0; i == 0 || m->bounds[i - 1] != 0; i++)
		buf_addf(b, "%s%llu", i > 0 ? "," : "", (unsigned long long)
		    sum(m, d, offsetof(struct histogram, counts[0]) +
		    i * sizeof(uint64_t)));
	buf_adds(b, "],\"sum\":");
	json_number(b, m, sum(m, d, offsetof(struct histogram, sum)));
	buf_addc(b, '}');
}

static void
json_loops(struct buf *b, const struct metric_def *m, const struct daemon *d)
{
	unsigned i;

	for (i = 0; i < d->nloops; i++) {
		buf_adds(b, i > 0 ? "," : "");
		json_number(b, m, m->loop(&d->loops[i]));
	}
}

void
metrics_json(const struct daemon *d, const struct conf *conf, struct buf *b)
{
	const struct metric_def *m;

	for (m = table; m < table + NITEMS(table); m++) {
		buf_addf(b, "%s\"%s\":", m > table ? "," : "", m->name);
		if (m->type == HISTOGRAM)
			json_histogram(b, m, d);
		else if (m->loop != NULL || m->label != NULL) {
			buf_addc(b, '[');
			if (m->loop != NULL)
				json_loops(b, m, d);
			else
				json_items(b, m, d, conf);
			buf_addc(b, ']');
		} else
			json_number(b, m, get(m, d, conf));
	}
}

void
metrics_print(FILE *out)
{
	const struct metric_def *m;
	unsigned i;

	for (m = table; m < table + NITEMS(table); m++) {
		fprintf(out, "%s %s", m->name, type_names[m->type]);
		for (i = 0; i < LABELS && m->labels[i] != NULL; i++)
			fprintf(out, " %s", m->labels[i]);
		fputc('\n', out);
	}
}
