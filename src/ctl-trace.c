#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl-trace.h"
#include "request.h"

#define READ_BYTES	16384
#define LINE_MAX_BYTES	(8 * 1024 * 1024)

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static unsigned long long
number(const json_t *o, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(o, key));
}

static const char *
client(const json_t *o, char shown[CLIENT_TEXT_SIZE])
{
	return client_text(shown, (client_id)number(o, "client"));
}

static bool
fill(struct ctl_trace *t)
{
	ssize_t n;

	if (fflush(stdout) == EOF)
		err(1, "standard output");
	if (t->taken > 0) {
		t->in.len -= t->taken;
		memmove(t->in.data, t->in.data + t->taken, t->in.len);
		t->taken = 0;
	}
	if (t->in.len > LINE_MAX_BYTES)
		return false;
	do
		n = read(t->fd, buf_room(&t->in, READ_BYTES), READ_BYTES);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		t->in.len += (size_t)n;
	return n > 0;
}

json_t *
ctl_trace_next(struct ctl_trace *t)
{
	size_t looked = 0, len;
	json_error_t error;
	char *line, *lf;
	json_t *o;

	for (;;) {
		len = t->in.len - t->taken;
		line = len > 0 ? t->in.data + t->taken : NULL;
		lf = len > looked ? memchr(line + looked, '\n', len - looked) :
		    NULL;
		if (lf != NULL)
			break;
		looked = len;
		if (!fill(t))
			return NULL;
	}
	len = (size_t)(lf - line);
	t->taken += len + 1;
	o = json_loadb(line, len, 0, &error);
	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

void
ctl_trace_free(struct ctl_trace *t)
{
	buf_free(&t->in);
}

/* Of the operator's clock: "12:01:02.123". */
static void
add_time(struct buf *b, const char *rfc3339)
{
	struct tm tm = { 0 };
	char clock[16] = "";
	const char *rest;
	time_t t;

	rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &tm);
	t = timegm(&tm);
	if (rest == NULL || localtime_r(&t, &tm) == NULL)
		return;
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	buf_addf(b, "%s%.4s ", clock, rest);
}

static void
add_line(struct buf *b, const json_t *o)
{
	const json_t *bytes = json_object_get(o, "bytes");

	buf_addf(b, "%-3s ", text(o, "trace"));
	if (bytes != NULL)
		buf_addf(b, "(%llu bytes, not shown: they may hold a secret)",
		    number(o, "bytes"));
	else
		buf_adds(b, text(o, "text"));
}

/* How a connection is named: "text over tcp, 127.0.0.1 port 4711". */
static void
add_begin(struct buf *b, const json_t *o)
{
	char shown[CLIENT_TEXT_SIZE];

	buf_addf(b, "client %s", client(o, shown));
	if (*text(o, "name") != '\0')
		buf_addf(b, ", %s", text(o, "name"));
	buf_addf(b, ": %s over %s, %s", text(o, "dialect"),
	    text(o, "carrier"), text(o, "address"));
	if (number(o, "port") != 0)
		buf_addf(b, " port %llu", number(o, "port"));
}

void
ctl_trace_show(struct buf *b, const json_t *o)
{
	const char *what = text(o, "trace");
	char shown[CLIENT_TEXT_SIZE];

	add_time(b, text(o, "time"));
	if (*what == '\0')
		add_begin(b, o);
	else if (strcmp(what, "in") == 0 || strcmp(what, "out") == 0)
		add_line(b, o);
	else if (strcmp(what, "missed") == 0)
		buf_addf(b, "... %llu line%s not shown", number(o, "lines"),
		    number(o, "lines") == 1 ? "" : "s");
	else if (strcmp(what, "moved") == 0)
		buf_addf(b, "--  moved to loop %llu, and is client %s now",
		    number(o, "loop"), client(o, shown));
	else if (strcmp(what, "dialect") == 0)
		buf_addf(b, "--  speaks %s now", text(o, "dialect"));
	else if (strcmp(what, "carrier") == 0)
		buf_addf(b, "--  over %s now", text(o, "carrier"));
	else if (strcmp(what, "too-long") == 0)
		buf_adds(b, "in  (a line too long, which was thrown away)");
	else if (strcmp(what, "end") == 0)
		buf_addf(b, "--  ended: %s", text(o, "reason"));
	else		/* a newer daemon's */
		buf_addf(b, "--  %s", what);
	buf_addc(b, '\n');
}

bool
ctl_trace_is_end(const json_t *o)
{
	return strcmp(text(o, "trace"), "end") == 0;
}
