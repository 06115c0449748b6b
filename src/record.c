#include <stdlib.h>
#include <string.h>

#include "record.h"

/* A field's head: the tag in one byte, the length in four, lowest first. */
#define HEAD	5

static void
add_head(struct buf *b, unsigned tag, size_t len)
{
	int shift;

	buf_addc(b, (char)tag);
	for (shift = 0; shift < 32; shift += 8)
		buf_addc(b, (char)(len >> shift));
}

void
record_addu(struct buf *b, unsigned tag, uint64_t value)
{
	size_t n = 0;
	uint64_t v;

	for (v = value; v != 0; v >>= 8)
		n++;
	if (n == 0)
		return;
	add_head(b, tag, n);
	for (v = value; v != 0; v >>= 8)
		buf_addc(b, (char)v);
}

void
record_add(struct buf *b, unsigned tag, const void *data, size_t len)
{
	if (len == 0)
		return;
	add_head(b, tag, len);
	buf_add(b, data, len);
}

void
record_adds(struct buf *b, unsigned tag, const char *s)
{
	if (s != NULL)
		record_add(b, tag, s, strlen(s));
}

size_t
record_begin(struct buf *b, unsigned tag)
{
	add_head(b, tag, 0);
	return b->len;
}

void
record_end(struct buf *b, size_t begun)
{
	size_t len = b->len - begun, i;

	for (i = 0; i < 4; i++)
		b->data[begun - 4 + i] = (char)(len >> 8 * i);
}

void
record_open(struct record *r, const void *data, size_t len)
{
	*r = (struct record){ .at = data, .left = len };
}

bool
record_next(struct record *r)
{
	size_t len = 0, i;

	if (r->bad || r->left == 0)
		return false;
	if (r->left >= HEAD) {
		for (i = 0; i < 4; i++)
			len |= (size_t)(unsigned char)r->at[1 + i] << 8 * i;
	}
	if (r->left < HEAD || len > r->left - HEAD) {
		r->bad = true;
		return false;
	}
	r->tag = (unsigned char)r->at[0];
	r->data = r->at + HEAD;
	r->len = len;
	r->at += HEAD + len;
	r->left -= HEAD + len;
	return true;
}

uint64_t
record_u(struct record *r, uint64_t max)
{
	uint64_t value = 0;
	size_t i;

	if (r->len > sizeof(value)) {
		r->bad = true;
		return 0;
	}
	for (i = 0; i < r->len; i++)
		value |= (uint64_t)(unsigned char)r->data[i] << 8 * i;
	if (value > max) {
		r->bad = true;
		return 0;
	}
	return value;
}

char *
record_s(struct record *r, size_t max)
{
	char *s;

	if (r->len > max || memchr(r->data, '\0', r->len) != NULL) {
		r->bad = true;
		return xstrdup("");
	}
	s = xmalloc(r->len + 1);
	memcpy(s, r->data, r->len);
	s[r->len] = '\0';
	return s;
}

void
record_b(struct record *r, struct buf *b, size_t max)
{
	if (r->len > max)
		r->bad = true;
	else
		buf_add(b, r->data, r->len);
}

void
record_fixed(struct record *r, void *data, size_t size)
{
	if (r->len != size)
		r->bad = true;
	else
		memcpy(data, r->data, size);
}

void
record_enter(struct record *r, struct record *inner)
{
	record_open(inner, r->data, r->len);
}

void
record_close(const struct record *inner, struct record *outer)
{
	if (inner->bad)
		outer->bad = true;
}
