#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "util.h"

#define CHUNK	1024

struct request_chunk {
	struct request_chunk *next;
	max_align_t	 data[];
};

#define TRIM_MAX 4096	/* requests given back at a time */

/* What the thread keeps of freed requests, linked by mail.next. */
static _Thread_local struct {
	struct mail	*first;
	unsigned	 n;
	unsigned	 unused;	/* the least n since the last trim */
	bool		 open;
} pool;

static void
pool_release(unsigned n)
{
	struct mail *m;

	for (; n > 0; n--) {
		m = pool.first;
		pool.first = m->next;
		pool.n--;
		free(m);
	}
}

void
request_pool_open(void)
{
	pool.open = true;
}

unsigned
request_pool_trim(void)
{
	unsigned n = pool.unused < TRIM_MAX ? pool.unused : TRIM_MAX;

	pool_release(n);
	pool.unused = pool.n;
	return n;
}

void
request_pool_close(void)
{
	pool_release(pool.n);
	pool.unused = 0;
	pool.open = false;
}

static struct request *
pool_take(void)
{
	struct mail *m = pool.first;

	if (m == NULL)
		return xmalloc(sizeof(struct request) + REQUEST_ARENA);
	pool.first = m->next;
	if (--pool.n < pool.unused)
		pool.unused = pool.n;
	return (struct request *)m;
}

static void
pool_give(struct request *r)
{
	if (!pool.open || (r->cmd != CMD_SAY && r->cmd != CMD_TELL)) {
		free(r);
		return;
	}
	r->mail.next = pool.first;
	pool.first = &r->mail;
	pool.n++;
}

struct request *
request_new(enum cmd cmd)
{
	struct request *r = pool_take();

	*r = (struct request){ .mail.kind = MAIL_REQUEST, .cmd = cmd,
	    .free = (char *)(r + 1), .left = REQUEST_ARENA };
	return r;
}

/* Strings in its arena, which is its own to change. */
static void
wipe(const char **secret)
{
	char *s = (char *)(uintptr_t)*secret;

	if (s != NULL)
		explicit_bzero(s, strlen(s));
	*secret = NULL;
}

void
request_wipe(struct request *r)
{
	wipe(&r->password);
	wipe(&r->new_password);
	wipe(&r->token);
}

void
request_free(struct request *r)
{
	struct request_chunk *c;
	uint32_t i;

	if (r == NULL)
		return;
	request_wipe(r);
	msg_unref(r->msg);
	ignores_unref(r->ignores);
	if (r->msgs != NULL) {
		for (i = 0; i < r->nlisted; i++)
			msg_unref(r->msgs[i]);
		free(r->msgs);
	}
	while ((c = r->chunks) != NULL) {
		r->chunks = c->next;
		free(c);
	}
	pool_give(r);
}

void *
request_alloc(struct request *r, size_t n)
{
	struct request_chunk *c;
	void *p;

	n = (n + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	if (n > r->left) {
		size_t size = n > CHUNK / 2 ? n : CHUNK;

		c = xmalloc(sizeof(*c) + size);
		c->next = r->chunks;
		r->chunks = c;
		if (size == n)		/* a large one; the old rest stays */
			return c->data;
		r->free = (char *)c->data;
		r->left = size;
	}
	p = r->free;
	r->free += n;
	r->left -= n;
	return p;
}

const char *
request_strn(struct request *r, const char *s, size_t n)
{
	char *copy = request_alloc(r, n + 1);

	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

const char *
request_str(struct request *r, const char *s)
{
	return request_strn(r, s, strlen(s));
}

static const char *
vfmt(struct request *r, const char *fmt, va_list ap)
{
	va_list again;
	bool fits;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(r->free, r->left, fmt, again);
	va_end(again);
	if (n < 0)
		return "";
	fits = (size_t)n < r->left;
	s = request_alloc(r, (size_t)n + 1);
	if (!fits)
		vsnprintf(s, (size_t)n + 1, fmt, ap);
	return s;
}

const struct spans *
request_spans(struct request *r, const struct spans *from)
{
	size_t n = spans_size(from);

	return n > 0 ? memcpy(request_alloc(r, n), from, n) : NULL;
}

const char *
request_fmt(struct request *r, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = vfmt(r, fmt, ap);
	va_end(ap);
	return s;
}

void
request_set_name(struct request *r, const struct name *n)
{
	r->name = request_str(r, n->shown);
	r->name_key = strcmp(n->shown, n->key) == 0 ? r->name :
	    request_str(r, n->key);
}

void
request_set_key(struct request *r, const char *key)
{
	r->name_key = request_str(r, key);
}

void
request_set_room(struct request *r, const struct name *n)
{
	r->room = request_str(r, n->shown);
	r->room_key = strcmp(n->shown, n->key) == 0 ? r->room :
	    request_str(r, n->key);
}

void
request_fail(struct request *r, enum error error, const char *fmt, ...)
{
	va_list ap;

	r->error = error;
	r->message = NULL;
	if (fmt != NULL) {
		va_start(ap, fmt);
		r->message = vfmt(r, fmt, ap);
		va_end(ap);
	}
}

void
session_mail_free(struct session_mail *m)
{
	ignores_unref(m->ignores);
	free(m->why);
	free(m);
}

const char *
client_text(char text[CLIENT_TEXT_SIZE], client_id id)
{
	snprintf(text, CLIENT_TEXT_SIZE, "%u:%u:%u", CLIENT_LOOP(id),
	    CLIENT_SLOT(id), CLIENT_GEN(id));
	return text;
}

/* At least one digit, of a number up to max. */
static bool
take_number(const char **s, char end, uint64_t max, uint64_t *n)
{
	const char *p = *s;

	for (*n = 0; *p >= '0' && *p <= '9'; p++) {
		if (*n > (max - (uint64_t)(*p - '0')) / 10)
			return false;
		*n = *n * 10 + (uint64_t)(*p - '0');
	}
	if (p == *s || *p != end)
		return false;
	*s = p + 1;
	return true;
}

bool
client_parse(const char *s, client_id *id)
{
	uint64_t loop, slot, gen;
	const char *p = s;

	if (*s != '\0' && s[strspn(s, "0123456789")] == '\0') {
		if (!take_number(&p, '\0', UINT64_MAX, id))
			*id = UINT64_MAX;	/* nobody's */
		return true;
	}
	if (!take_number(&p, ':', 255, &loop) ||
	    !take_number(&p, ':', 0xffffff, &slot) ||
	    !take_number(&p, '\0', UINT32_MAX, &gen))
		return false;
	*id = CLIENT_ID(loop, slot, gen);
	return true;
}
