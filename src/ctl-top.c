#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "ctl-show.h"
#include "ctl-top.h"

/* Two answers, and the time between them. */
struct span {
	const json_t	*before, *now;
	double		 seconds;
};

enum how {
	VALUE, BYTES, RATE, BYTE_RATE, PERCENT_RATE,
	MEDIAN, P99,		/* seconds of a histogram */
	COMMITS, TOGETHER	/* how many a second, of how many on average */
};

struct cell {
	const char	*label;
	enum how	 how;
	const char	*metric;
};

#define WIDTH	3		/* cells in a line */

static const struct cell cells[][WIDTH] = {
	{ { "messages/s", RATE, "partyline_messages_total" },
	  { "bytes in/s", BYTE_RATE, "partyline_received_bytes_total" },
	  { "hub queue", VALUE, "partyline_hub_queue" } },
	{ { "deliveries/s", RATE, "partyline_deliveries_total" },
	  { "bytes out/s", BYTE_RATE, "partyline_sent_bytes_total" },
	  { "hub wait p50", MEDIAN, "partyline_hub_wait_seconds" } },
	{ { "requests/s", RATE, "partyline_requests_total" },
	  { "store queue", BYTES, "partyline_store_queue_bytes" },
	  { "hub wait p99", P99, "partyline_hub_wait_seconds" } },
	{ { "rejects/s", RATE, "partyline_rejects_total" },
	  { "commits/s", COMMITS, "partyline_store_group_size" },
	  { "commit p50", MEDIAN, "partyline_store_commit_seconds" } },
	{ { "connects/s", RATE, "partyline_connections_accepted_total" },
	  { "at once", TOGETHER, "partyline_store_group_size" },
	  { "commit p99", P99, "partyline_store_commit_seconds" } },
	{ { "refused/s", RATE, "partyline_connections_refused_total" },
	  { "readers", VALUE, "partyline_readers" },
	  { "round p50", MEDIAN, "partyline_loop_round_seconds" } },
	{ { "users", VALUE, "partyline_users" },
	  { "behind", VALUE, "partyline_readers_behind" },
	  { "round p99", P99, "partyline_loop_round_seconds" } },
	{ { "rooms", VALUE, "partyline_rooms" },
	  { "furthest", VALUE, "partyline_reader_lag_messages" },
	  { "CPU", PERCENT_RATE, "process_cpu_seconds_total" } },
	{ { "clients", VALUE, "partyline_clients" },
	  { "descriptors", VALUE, "process_open_fds" },
	  { "memory", BYTES, "process_resident_memory_bytes" } },
};

/* The numbers. */

static const json_t *
metric(const json_t *answer, const char *name)
{
	return json_object_get(json_object_get(answer, "metrics"), name);
}

/* Of all its labels or loops together. */
static double
value(const json_t *answer, const char *name)
{
	const json_t *m = metric(answer, name), *one;
	double all = 0;
	size_t i;

	if (!json_is_array(m))
		return json_number_value(m);
	json_array_foreach(m, i, one) {
		all += json_number_value(json_is_object(one) ?
		    json_object_get(one, "value") : one);
	}
	return all;
}

static double
per_second(const struct span *s, double before, double now)
{
	return now > before ? (now - before) / s->seconds : 0;
}

static double
rate(const struct span *s, const char *name)
{
	return per_second(s, value(s->before, name), value(s->now, name));
}

/* What fell into a histogram's bucket i meanwhile. */
static double
fell(const struct span *s, const char *name, size_t i)
{
	const json_t *before = json_object_get(metric(s->before, name),
	    "counts");
	const json_t *now = json_object_get(metric(s->now, name), "counts");
	double n = json_number_value(json_array_get(now, i)) -
	    json_number_value(json_array_get(before, i));

	return n > 0 ? n : 0;
}

static double
fell_all(const struct span *s, const char *name)
{
	const json_t *m = metric(s->now, name);
	size_t i, n = json_array_size(json_object_get(m, "counts"));
	double all = 0;

	for (i = 0; i < n; i++)
		all += fell(s, name, i);
	return all;
}

/* Spread evenly within a bucket, as Prometheus has it; NAN: nothing fell. */
static double
quantile(const struct span *s, const char *name, double q)
{
	const json_t *bounds = json_object_get(metric(s->now, name), "bounds");
	double all = fell_all(s, name), rest = all * q, n, low = 0, high;
	size_t i;

	if (all == 0)
		return NAN;
	for (i = 0; i < json_array_size(bounds); i++) {
		high = json_number_value(json_array_get(bounds, i));
		n = fell(s, name, i);
		if (n > 0 && rest <= n)
			return low + (high - low) * rest / n;
		rest -= n;
		low = high;
	}
	return low;
}

/* How many were added up in it, for each. */
static double
mean(const struct span *s, const char *name)
{
	double n = fell_all(s, name);
	double sum =
	    json_number_value(json_object_get(metric(s->now, name), "sum")) -
	    json_number_value(json_object_get(metric(s->before, name), "sum"));

	return n > 0 && sum > 0 ? sum / n : NAN;
}

/* As text, which the caller frees. */

/* "0", "0.4", "12", "1.2k", "345M" */
static char *
amount(double n, const char *unit)
{
	static const char *const steps[] = { "", "k", "M", "G", "T", "P" };
	size_t i = 0;

	if (isnan(n))
		return xstrdup("-");
	for (; n >= 999.5 && i + 1 < NITEMS(steps); i++)
		n /= 1000;
	return xasprintf("%.*f%s%s%s",
	    n < 9.95 && n != (double)(unsigned)n ? 1 : 0, n,
	    *unit != '\0' ? " " : "", steps[i], unit);
}

static char *
seconds(double n)
{
	if (isnan(n))
		return xstrdup("-");
	if (n < 0.0009995)
		return xasprintf("%.0f us", n * 1e6);
	if (n < 0.9995)
		return xasprintf("%.*f ms", n < 0.00995 ? 1 : 0, n * 1000);
	return xasprintf("%.1f s", n);
}

static char *
cell_text(const struct span *s, const struct cell *c)
{
	switch (c->how) {
	case VALUE:
		return amount(value(s->now, c->metric), "");
	case BYTES:
		return amount(value(s->now, c->metric), "B");
	case RATE:
		return amount(rate(s, c->metric), "");
	case BYTE_RATE:
		return amount(rate(s, c->metric), "B");
	case PERCENT_RATE:
		return xasprintf("%.0f%%", rate(s, c->metric) * 100);
	case MEDIAN:
		return seconds(quantile(s, c->metric, 0.5));
	case P99:
		return seconds(quantile(s, c->metric, 0.99));
	case COMMITS:
		return amount(fell_all(s, c->metric) / s->seconds, "");
	case TOGETHER:
		return amount(mean(s, c->metric), "");
	}
	return xstrdup("");
}

/* The picture. */

/* Takes over the text. */
static void
add(struct columns *c, char *text)
{
	columns_add(c, text);
	free(text);
}

static void
finish(struct columns *c, struct buf *b)
{
	columns_render(c, b);
	columns_free(c);
}

static void
show_head(struct buf *b, const json_t *now)
{
	const char *state = json_string_value(json_object_get(now, "state"));
	const char *server = json_string_value(json_object_get(now, "server"));
	const char *version = json_string_value(json_object_get(now,
	    "version"));
	struct columns c;

	columns_init(&c, 4);
	columns_add(&c, server);
	columns_add(&c, version);
	columns_add(&c, state);
	add(&c, ctl_duration((unsigned long long)json_integer_value(
	    json_object_get(now, "uptime"))));
	finish(&c, b);
}

static void
show_cells(struct buf *b, const struct span *s)
{
	const struct cell *cell;
	struct columns c;
	size_t i, j;
	char *text;

	columns_init(&c, (size_t)2 * WIDTH);
	for (i = 0; i < NITEMS(cells); i++) {
		for (j = 0; j < WIDTH; j++) {
			cell = &cells[i][j];
			columns_add(&c, cell->label);
			/* As wide as they get, so that nothing jumps. */
			text = cell_text(s, cell);
			add(&c, xasprintf("%-*s", j + 1 < WIDTH ? 8 : 0,
			    text));
			free(text);
		}
	}
	finish(&c, b);
}

/* Who has no TLS has no need to know of it. */
static bool
is_shown(const json_t *one)
{
	const char *carrier = json_string_value(json_object_get(one,
	    "carrier"));

	return carrier == NULL || json_number_value(json_object_get(one,
	    "value")) > 0 || (strcmp(carrier, "tls") != 0 &&
	    strcmp(carrier, "https") != 0 && strcmp(carrier, "wss") != 0);
}

/* Clients by what they are: "tcp text". */
static void
show_kinds(struct buf *b, const struct span *s)
{
	const json_t *kinds = metric(s->now, "partyline_clients"), *one;
	const char *carrier, *dialect;
	struct columns c;
	size_t i, n = 1;

	json_array_foreach(kinds, i, one)
		n += is_shown(one);
	columns_init(&c, n);
	columns_add(&c, "CLIENTS");
	json_array_foreach(kinds, i, one) {
		if (!is_shown(one))
			continue;
		carrier = json_string_value(json_object_get(one, "carrier"));
		dialect = json_string_value(json_object_get(one, "dialect"));
		if (carrier == NULL || dialect == NULL)
			carrier = dialect = "?";
		add(&c, xasprintf("%s %s", carrier,
		    strcmp(dialect, "none") == 0 ? "" : dialect));
	}
	columns_add(&c, "");
	json_array_foreach(kinds, i, one) {
		if (is_shown(one))
			add(&c, amount(json_number_value(json_object_get(one,
			    "value")), ""));
	}
	finish(&c, b);
}

static void
show_loops(struct buf *b, const struct span *s)
{
	static const char *const heads[] = { "LOOP", "CLIENTS", "BUSY", "CPU",
	    "BACKLOG" };
	const json_t *sessions = metric(s->now, "partyline_loop_sessions");
	const json_t *busy = metric(s->now, "partyline_loop_busy_ratio");
	const json_t *backlog = metric(s->now, "partyline_loop_backlog_bytes");
	const json_t *cpu = metric(s->now, "partyline_loop_cpu_seconds_total");
	struct columns c;
	size_t i;

	columns_init(&c, NITEMS(heads));
	for (i = 0; i < NITEMS(heads); i++)
		columns_add(&c, heads[i]);
	for (i = 0; i < json_array_size(sessions); i++) {
		add(&c, xasprintf("%zu", i));
		add(&c, amount(json_number_value(json_array_get(sessions, i)),
		    ""));
		add(&c, xasprintf("%.0f%%", 100 *
		    json_number_value(json_array_get(busy, i))));
		add(&c, xasprintf("%.1f s",
		    json_number_value(json_array_get(cpu, i))));
		add(&c, amount(json_number_value(json_array_get(backlog, i)),
		    "B"));
	}
	finish(&c, b);
}

void
ctl_top(struct buf *b, const json_t *before, const json_t *now)
{
	struct span s = { .before = before, .now = now };
	json_int_t us = json_integer_value(json_object_get(now, "at_us")) -
	    json_integer_value(json_object_get(before, "at_us"));

	s.seconds = us > 0 ? (double)us / 1e6 : 1;
	show_head(b, now);
	buf_addc(b, '\n');
	show_cells(b, &s);
	buf_addc(b, '\n');
	show_kinds(b, &s);
	buf_addc(b, '\n');
	show_loops(b, &s);
}
