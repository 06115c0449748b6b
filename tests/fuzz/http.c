/*
 * Heads of HTTP: never a crash; what is taken is well-formed and stays what it
 * is however the bytes come; and written out again it is read the same, so that
 * no two readers see two requests. Behind one request comes the next.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "util.h"
#include "ws-deflate.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A head that was read, with the bytes that it points into. */
struct reading {
	struct http_request r;
	char		*data;
	size_t		 used;
};

static void
need(int ok)
{
	if (!ok)
		abort();
}

static struct reading
read_head(const char *s, size_t n)
{
	struct reading g = { .used = 0 };

	g.data = malloc(n ? n : 1);
	memcpy(g.data, s, n);
	g.used = http_parse(&g.r, g.data, n);
	need(g.used <= n);
	need(g.used > 0 || g.r.status == 0);
	return g;
}

static int
same_text(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static int
same_fields(const struct http_request *a, const struct http_request *b)
{
	unsigned i;

	if (a->nfields != b->nfields)
		return 0;
	for (i = 0; i < a->nfields; i++) {
		if (!same_text(a->fields[i].name, b->fields[i].name) ||
		    !same_text(a->fields[i].value, b->fields[i].value))
			return 0;
	}
	return 1;
}

static int
same_request(const struct http_request *a, const struct http_request *b)
{
	return a->head == b->head && a->keep_alive == b->keep_alive &&
	    a->minor == b->minor && same_text(a->path, b->path) &&
	    same_fields(a, b);
}

static int
printable(const char *s)
{
	for (; *s != '\0'; s++) {
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return 0;
	}
	return 1;
}

static void
check_field(const struct http_request *r, unsigned i)
{
	const struct http_field *f = &r->fields[i];
	struct buf answer = { 0 };
	size_t n = strlen(f->value);

	need(*f->name != '\0' && strpbrk(f->name, " \t:,;\"\r\n") == NULL);
	need(printable(f->name) && printable(f->value));
	need(n == 0 || (strchr(" \t", f->value[0]) == NULL &&
	    strchr(" \t", f->value[n - 1]) == NULL));
	need(http_field(r, f->name, 0) != NULL);
	http_has_token(r, f->name, "upgrade");
	need(!http_accepts(r, "gzip") ||
	    http_field(r, "accept-encoding", 0) != NULL);
	need(ws_deflate_offer(f->value, &answer) == (answer.len > 0));
	buf_free(&answer);
}

static void
check_taken(const struct reading *g)
{
	const struct http_request *r = &g->r;
	const char *length = http_field(r, "content-length", 0);
	unsigned i;

	need(g->used <= HTTP_HEAD_MAX && r->nfields <= HTTP_FIELDS_MAX);
	need(*r->path == '/' && strpbrk(r->path, "? \t\r\n") == NULL);
	need(printable(r->path) && printable(r->host));
	need(strpbrk(r->host, " /?@,\\\"") == NULL);
	need(http_field(r, "host", 1) == NULL);
	need(r->minor == 0 || http_field(r, "HOST", 0) != NULL);
	need(http_field(r, "transfer-encoding", 0) == NULL);
	need(length == NULL || same_text(length, "0"));
	for (i = 0; i < r->nfields; i++)
		check_field(r, i);
}

/* Written out plainly, it is the same again, and all of it. */
static void
check_again(const struct reading *g)
{
	struct buf b = { 0 };
	struct reading again;
	unsigned i;

	buf_addf(&b, "%s %s HTTP/1.%u\r\n", g->r.head ? "HEAD" : "GET",
	    g->r.path, g->r.minor);
	for (i = 0; i < g->r.nfields; i++)
		buf_addf(&b, "%s: %s\r\n", g->r.fields[i].name,
		    g->r.fields[i].value);
	buf_adds(&b, "\r\n");
	again = read_head(b.data, b.len);
	if (b.len <= HTTP_HEAD_MAX) {
		need(again.r.status == 0 && again.used == b.len);
		need(same_request(&g->r, &again.r));
	}
	free(again.data);
	buf_free(&b);
}

/* What is known of a beginning is what is known of the whole. */
static void
check_beginning(const struct reading *g, const char *s, size_t n)
{
	struct reading part = read_head(s, n);

	if (part.used > 0 && part.r.status == 0) {
		need(g->r.status == 0 && g->used == part.used);
		need(same_request(&g->r, &part.r));
		need(same_text(g->r.host, part.r.host));
	} else if (part.used > 0)
		need(g->used > 0 && g->r.status != 0);
	else
		need(g->used == 0 || n < g->used || g->r.status != 0);
	free(part.data);
}

static void
check_beginnings(const struct reading *g, const char *s, size_t size)
{
	size_t n, step = size < 200 ? 1 : size / 100;

	for (n = 1; n < size; n += step)
		check_beginning(g, s, n);
	if (g->used > 1 && g->r.status == 0) {
		check_beginning(g, s, g->used);
		check_beginning(g, s, g->used - 1);
	}
}

static void
check_sniff(const char *s, size_t size)
{
	enum http_sniff seen = SNIFF_MORE, now;
	size_t n;

	for (n = 0; n <= size && n < 16; n++) {
		now = http_sniff(s, n);
		need(seen == SNIFF_MORE || now == seen);
		need(n > 0 || now == SNIFF_MORE);
		seen = now;
	}
	http_is_request_line(s, size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct reading g;
	size_t used;

	check_sniff(s, size);
	do {
		g = read_head(s, size);
		check_beginnings(&g, s, size);
		used = g.used;
		if (used > 0 && g.r.status == 0) {
			check_taken(&g);
			check_again(&g);
		} else
			used = 0;	/* the connection ends */
		free(g.data);
		s += used;
		size -= used;
	} while (used > 0 && size > 0);
	return 0;
}
