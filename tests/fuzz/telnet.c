/*
 * Input: a seed for the cuts, two offsets at which a secret begins and ends,
 * and then the bytes of the wire. Fed whole, cut at random and byte by byte
 * they must come to the same, and what comes out stay in bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "telnet.h"

struct script {
	const uint8_t	*wire;
	size_t		 n, hide_at, show_at;
	uint32_t	 random;	/* the cuts' state; 0: no cuts */
	bool		 bytes;		/* byte by byte */
};

struct result {
	struct telnet	*t;
	struct buf	 text, answer;
	enum telnet_status status;
};

/* How far the next piece goes: never past where the secret begins or ends. */
static size_t
next_cut(struct script *s, size_t at)
{
	size_t end = s->n;

	if (at < s->hide_at && s->hide_at < end)
		end = s->hide_at;
	if (at < s->show_at && s->show_at < end)
		end = s->show_at;
	if (s->bytes)
		return at + 1;
	if (s->random != 0) {
		s->random ^= s->random << 13;
		s->random ^= s->random >> 17;
		s->random ^= s->random << 5;
		if (s->random % 9 < end - at)
			end = at + s->random % 9;	/* may be nothing */
	}
	return end;
}

static void
play(struct result *r, struct script s)
{
	size_t at = 0, end;
	bool hidden = false, shown = false;

	*r = (struct result){ .t = telnet_new() };
	for (;;) {
		if (!hidden && at == s.hide_at) {
			telnet_hide(r->t, true, &r->answer);
			hidden = true;
		}
		if (!shown && at == s.show_at) {
			telnet_hide(r->t, false, &r->answer);
			shown = true;
		}
		if (at == s.n)
			break;
		end = next_cut(&s, at);
		r->status = telnet_recv(r->t, (const char *)s.wire + at,
		    end - at, &r->text, &r->answer);
		at = end;
	}
}

static void
check_bounds(const struct result *r, size_t n)
{
	const char *p;

	/* AYT takes two bytes and is answered by nine. */
	if (r->text.len > n || r->answer.len > 5 * n + 32)
		abort();
	if (telnet_width(r->t) > 65535 || strlen(telnet_ttype(r->t)) > 40)
		abort();
	for (p = telnet_ttype(r->t); *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '=' ||
		    *p == '\\')
			abort();
	}
	if ((r->status == TELNET_CLOSE) != (*telnet_reason(r->t) != '\0'))
		abort();
}

static bool
same_bytes(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
check_same(const struct result *a, const struct result *b)
{
	if (!same_bytes(&a->text, &b->text) ||
	    !same_bytes(&a->answer, &b->answer) || a->status != b->status ||
	    telnet_width(a->t) != telnet_width(b->t) ||
	    strcmp(telnet_ttype(a->t), telnet_ttype(b->t)) != 0)
		abort();
}

static void
done(struct result *r)
{
	telnet_free(r->t);
	buf_free(&r->text);
	buf_free(&r->answer);
}

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct result whole, cut, bytes;
	struct script s;

	if (n < 3)
		return 0;
	s = (struct script){ .wire = data + 3, .n = n - 3,
	    .hide_at = data[1], .show_at = data[2] };
	play(&whole, s);
	s.random = data[0] * 2654435761u + 1;
	play(&cut, s);
	s.bytes = true;
	play(&bytes, s);
	check_bounds(&whole, s.n);
	check_same(&whole, &cut);
	check_same(&whole, &bytes);
	done(&whole);
	done(&cut);
	done(&bytes);
	return 0;
}
