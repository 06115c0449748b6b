#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "util.h"

#define FIRST	112	/* arena bytes that come with the request */
#define CHUNK	1024

struct request_chunk {
	struct request_chunk *next;
	max_align_t	 data[];
};

struct request *
request_new(enum cmd cmd)
{
	struct request *r = xmalloc(sizeof(*r) + FIRST);

	*r = (struct request){ .mail.kind = MAIL_REQUEST, .cmd = cmd,
	    .free = (char *)(r + 1), .left = FIRST };
	return r;
}

void
request_free(struct request *r)
{
	struct request_chunk *c;
	uint32_t i;

	if (r == NULL)
		return;
	msg_unref(r->msg);
	if (r->msgs != NULL) {
		for (i = 0; i < r->nlisted; i++)
			msg_unref(r->msgs[i]);
		free(r->msgs);
	}
	while ((c = r->chunks) != NULL) {
		r->chunks = c->next;
		free(c);
	}
	free(r);
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
