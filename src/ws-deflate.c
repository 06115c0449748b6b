#include <err.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <zlib.h>

#include "ws-deflate.h"

#define WINDOW_BITS	12	/* ours: texts are short, memory is not free */
#define MEMORY_LEVEL	5
#define WORTH		64	/* bytes from which compressing may pay */
#define SCRATCH_KEEP	(64 * 1024)

/* What every message compressed ends with, and the wire leaves out (RFC 7692,
 * section 7.2.1). */
static const char tail[] = { 0, 0, (char)0xff, (char)0xff };

/* A thread's, made when it needs it. */
struct codec {
	z_stream	 deflate, inflate;
};

static pthread_key_t codec_key;
static pthread_once_t codec_once = PTHREAD_ONCE_INIT;

static void
codec_free(void *arg)
{
	struct codec *c = arg;

	deflateEnd(&c->deflate);
	inflateEnd(&c->inflate);
	free(c);
}

static void
codec_init(void)
{
	if (pthread_key_create(&codec_key, codec_free) != 0)
		errx(1, "pthread_key_create failed");
}

static struct codec *
codec(void)
{
	static _Thread_local struct codec *c;

	if (c != NULL)
		return c;
	pthread_once(&codec_once, codec_init);
	c = xcalloc(1, sizeof(*c));
	if (pthread_setspecific(codec_key, c) != 0 ||
	    deflateInit2(&c->deflate, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
	    -WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK ||
	    inflateInit2(&c->inflate, -MAX_WBITS) != Z_OK)
		errx(1, "zlib: out of memory");
	return c;
}

static struct buf *
out(void)
{
	static _Thread_local struct scratch scratch;

	return scratch_take(&scratch, SCRATCH_KEEP);
}

struct buf *
ws_deflate(const char *text, size_t len)
{
	struct buf *b;
	z_stream *z;

	if (len < WORTH)
		return NULL;
	z = &codec()->deflate;
	b = out();
	deflateReset(z);
	z->next_in = (Bytef *)(uintptr_t)text;
	z->avail_in = (uInt)len;
	z->next_out = (Bytef *)buf_room(b, len);
	z->avail_out = (uInt)len;
	/* With room left it has written all, the tail too. */
	if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_out == 0)
		return NULL;
	b->len = len - z->avail_out - sizeof(tail);
	return b;
}

/* Goes on with this input; false if it is broken. Stops behind max bytes. */
static bool
inflate_part(z_stream *z, struct buf *b, const char *data, size_t len,
    size_t max)
{
	size_t room;
	int e;

	z->next_in = (Bytef *)(uintptr_t)data;
	z->avail_in = (uInt)len;
	while (z->avail_in > 0 && b->len <= max) {
		room = max + 1 - b->len;
		z->next_out = (Bytef *)buf_room(b, room);
		z->avail_out = (uInt)room;
		e = inflate(z, Z_SYNC_FLUSH);
		b->len += room - z->avail_out;
		/* A last block ends a stream, and another may follow. */
		if (e == Z_STREAM_END)
			inflateReset(z);
		else if (e != Z_OK && e != Z_BUF_ERROR)
			return false;
	}
	return true;
}

struct buf *
ws_inflate(const char *data, size_t len, size_t max)
{
	z_stream *z = &codec()->inflate;
	struct buf *b = out();

	inflateReset(z);
	buf_room(b, max + 1);
	if (!inflate_part(z, b, data, len, max) ||
	    !inflate_part(z, b, tail, sizeof(tail), max))
		return NULL;
	return b;
}

/* Negotiation (RFC 7692 section 7.1, RFC 6455 section 9.1). */

/* The bytes before one of these, which within quotes are none. */
static size_t
word_len(const char *s, const char *ends)
{
	bool quoted = false;
	size_t n;

	for (n = 0; s[n] != '\0'; n++) {
		if (s[n] == '"')
			quoted = !quoted;
		else if (!quoted && strchr(ends, s[n]) != NULL)
			break;
		else if (quoted && s[n] == '\\' && s[n + 1] != '\0')
			n++;
	}
	return n;
}

/* Takes the next of s up to one of these ends, without blanks around it. */
static const char *
next_word(const char *s, const char *ends, char *word, size_t size)
{
	size_t all, n;

	s += strspn(s, " \t");
	n = all = word_len(s, ends);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	snprintf(word, size, "%.*s", (int)n, s);
	return s + all;
}

/* "9" or "\"9\"": a window of 8 to 15 bits, without zeros before it; 0 if it
 * is neither. */
static unsigned
window_bits(const char *s)
{
	size_t quoted = *s == '"';
	unsigned bits = 0;

	s += quoted;
	if (*s == '0')
		return 0;
	for (; *s >= '0' && *s <= '9' && bits < 100; s++)
		bits = bits * 10 + (unsigned)(*s - '0');
	if ((quoted && *s++ != '"') || *s != '\0' || bits < 8 || bits > 15)
		return 0;
	return bits;
}

/* One parameter of an offer; false: the offer is declined. */
static bool
take_parameter(char *word, unsigned *seen, unsigned *server_bits)
{
	static const char *const names[] = { "server_no_context_takeover",
	    "client_no_context_takeover", "server_max_window_bits",
	    "client_max_window_bits" };
	char *value = strchr(word, '=');
	unsigned i, bits;

	if (value != NULL) {
		*value++ = '\0';
		value += strspn(value, " \t");
		word[strcspn(word, " \t")] = '\0';
	}
	for (i = 0; i < NITEMS(names) && strcasecmp(names[i], word) != 0; i++)
		;
	if (i == NITEMS(names) || (*seen & 1u << i) != 0)
		return false;
	*seen |= 1u << i;
	if (i < 2)
		return value == NULL;
	if (value == NULL)	/* only a client can leave it open */
		return i == 3;
	bits = window_bits(value);
	if (i == 2)
		*server_bits = bits;
	return bits != 0 && (i == 3 || bits >= WINDOW_BITS);
}

bool
ws_deflate_offer(const char *s, struct buf *answer)
{
	unsigned seen, server_bits;
	char word[80];
	bool good;

	for (;; s++) {
		s = next_word(s, ",;", word, sizeof(word));
		good = strcasecmp(word, "permessage-deflate") == 0;
		seen = server_bits = 0;
		while (*s == ';') {
			s = next_word(s + 1, ",;", word, sizeof(word));
			if (!take_parameter(word, &seen, &server_bits))
				good = false;
		}
		if (good)
			break;
		if (*s == '\0')
			return false;
	}
	buf_adds(answer, "permessage-deflate; server_no_context_takeover; "
	    "client_no_context_takeover");
	if (server_bits != 0)
		buf_addf(answer, "; server_max_window_bits=%u", server_bits);
	return true;
}
