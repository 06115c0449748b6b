/*
 * Frames of a WebSocket: never a crash, nothing kept without bound, what comes
 * out is whole and right, and it is the same whether the bytes come at once,
 * in pieces, or to another's hands in the middle; and the same as a plain
 * reading of RFC 6455 makes of them.
 *
 * Input: a byte of options, a byte that chooses the pieces, the wire.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "ws-deflate.h"
#include "ws.h"

#define HEADER_MAX	14
#define CONTROL_MAX	125

/* As ws.c has it for what is compressed. */
#define SLACK(n)	((n) / 4096 * 5 + 16)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* All that a connection makes of its bytes. */
struct result {
	struct ws	 ws;
	struct buf	 messages, answer;
	size_t		 max;
	bool		 open;
};

static void
need(int ok)
{
	if (!ok)
		abort();
}

static void
result_free(struct result *g)
{
	ws_free(&g->ws);
	buf_free(&g->messages);
	buf_free(&g->answer);
}

static void
feed(struct result *g, const char *s, size_t n)
{
	struct buf messages = { 0 }, answer = { 0 };
	char *copy = malloc(n ? n : 1);

	memcpy(copy, s, n);
	do {
		g->open = ws_recv(&g->ws, copy, n, g->max, &messages, &answer);
		need(messages.len < WS_BATCH + g->max + 8);
		buf_add(&g->messages, messages.data, messages.len);
		buf_add(&g->answer, answer.data, answer.len);
		buf_reset(&messages);
		buf_reset(&answer);
		n = 0;
	} while (g->ws.left);
	free(copy);
	buf_free(&messages);
	buf_free(&answer);
	need(g->open == (g->ws.code == 0));
	need(g->ws.message.len <= g->max + SLACK(g->max));
	need(g->ws.raw.len < HEADER_MAX + SLACK(g->max) +
	    (g->max > CONTROL_MAX ? g->max : CONTROL_MAX));
}

/* What a new process would be given: bytes and numbers, no pointer. */
static void
hand_over(struct ws *ws)
{
	struct ws old = *ws;

	ws->raw = ws->message = (struct buf){ 0 };
	buf_add(&ws->raw, old.raw.data, old.raw.len);
	buf_add(&ws->message, old.message.data, old.message.len);
	ws_free(&old);
}

static int
same_bytes(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	    (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void
need_same(const struct result *a, const struct result *b)
{
	need(a->open == b->open && a->ws.code == b->ws.code);
	need(a->ws.by_peer == b->ws.by_peer);
	need(same_bytes(&a->messages, &b->messages));
	need(same_bytes(&a->answer, &b->answer));
}

/* A plain reading. */

struct head {
	unsigned	 fin, rsv, opcode, masked;
	uint64_t	 len;
	const unsigned char *mask, *payload;
};

/* 1: a header; 0: not whole; -1: no header at all. */
static int
read_header(struct head *h, const unsigned char *s, size_t n)
{
	unsigned wide, i;

	if (n < 2)
		return 0;
	*h = (struct head){ .fin = s[0] >> 7, .rsv = s[0] >> 4 & 7,
	    .opcode = s[0] & 15, .masked = s[1] >> 7, .len = s[1] & 127 };
	if (h->opcode >= 8 && (!h->fin || h->len > 125))
		return -1;
	wide = h->len == 127 ? 8 : h->len == 126 ? 2 : 0;
	if (n < 2 + wide)
		return 0;
	if (wide > 0) {
		h->len = 0;
		for (i = 0; i < wide; i++)
			h->len = h->len << 8 | s[2 + i];
		if (h->len < (wide == 2 ? 126 : 65536) || h->len >> 63)
			return -1;
	}
	if (n < 2 + wide + 4 * h->masked)
		return 0;
	h->mask = s + 2 + wide;
	h->payload = h->mask + 4 * h->masked;
	return 1;
}

static unsigned
judge_header(const struct result *g, const struct head *h)
{
	bool first = h->opcode == 1 || h->opcode == 2;
	unsigned rsv = h->rsv;
	size_t max = g->max;

	if (g->ws.deflate && first)
		rsv &= 3;
	if (rsv != 0 || !h->masked || (h->opcode > 2 && h->opcode < 8) ||
	    h->opcode > 10)
		return WS_PROTOCOL_ERROR;
	if (first && g->ws.opcode != 0)
		return WS_PROTOCOL_ERROR;
	if (h->opcode == 0 && g->ws.opcode == 0)
		return WS_PROTOCOL_ERROR;
	if (h->opcode == 2)
		return WS_UNSUPPORTED;
	if (h->opcode == 8 && h->len == 1)
		return WS_PROTOCOL_ERROR;
	if (h->opcode == 0 ? g->ws.deflated : h->rsv >> 2)
		max += SLACK(max);
	if (h->opcode < 8 && h->len > max - g->ws.message.len)
		return WS_TOO_BIG;
	return 0;
}

static unsigned
judge_message(struct result *g)
{
	struct buf *text = &g->ws.message;
	uint32_t n;

	if (g->ws.deflated)
		text = ws_inflate(text->data, text->len, g->max);
	if (text == NULL)
		return WS_BAD_PAYLOAD;
	if (text->len > g->max)
		return WS_TOO_BIG;
	if (!utf8_valid(text->data, text->len, NULL))
		return WS_BAD_PAYLOAD;
	n = (uint32_t)text->len;
	buf_add(&g->messages, &n, sizeof(n));
	buf_add(&g->messages, text->data, text->len);
	buf_addc(&g->messages, '\0');
	buf_reset(&g->ws.message);
	g->ws.opcode = 0;
	return 0;
}

static unsigned
judge_close(struct result *g, const struct buf *payload)
{
	const unsigned char *s = (const unsigned char *)payload->data;
	unsigned code;

	if (payload->len == 0) {
		g->ws.by_peer = true;
		return WS_NO_STATUS;
	}
	code = (unsigned)s[0] << 8 | s[1];
	if (code < 1000 || (code >= 1004 && code <= 1006) ||
	    (code > 1014 && code < 3000) || code > 4999)
		return WS_PROTOCOL_ERROR;
	if (!utf8_valid(payload->data + 2, payload->len - 2, NULL))
		return WS_BAD_PAYLOAD;
	g->ws.by_peer = true;
	return code;
}

static unsigned
judge_frame(struct result *g, const struct head *h, struct buf *payload)
{
	if (h->opcode == 8)
		return judge_close(g, payload);
	if (h->opcode == 9) {
		buf_addc(&g->answer, (char)0x8a);
		buf_addc(&g->answer, (char)payload->len);
		buf_add(&g->answer, payload->data, payload->len);
	}
	if (h->opcode >= 8)
		return 0;
	if (h->opcode == 1) {
		g->ws.opcode = 1;
		g->ws.deflated = h->rsv != 0;
	}
	buf_add(&g->ws.message, payload->data, payload->len);
	return h->fin ? judge_message(g) : 0;
}

static void
read_plainly(struct result *g, const unsigned char *s, size_t n)
{
	struct buf payload = { 0 };
	const unsigned char *end = s + n;
	struct head h;
	unsigned code = 0;
	size_t i, left;
	int found;

	while (code == 0 && (found = read_header(&h, s,
	    (size_t)(end - s))) != 0) {
		if (found == -1) {
			code = WS_PROTOCOL_ERROR;
			break;
		}
		left = (size_t)(end - h.payload);
		/* It is looked at with the first byte of its payload. */
		if (h.len > 0 && left == 0)
			break;
		if ((code = judge_header(g, &h)) != 0 || left < h.len)
			break;
		buf_reset(&payload);
		for (i = 0; i < h.len; i++)
			buf_addc(&payload,
			    (char)(h.payload[i] ^ h.mask[i % 4]));
		code = judge_frame(g, &h, &payload);
		s = h.payload + h.len;
	}
	buf_free(&payload);
	g->ws.code = (uint16_t)code;
	g->open = code == 0;
}

/* What came out. */

static void
check_message(const char *text, size_t n, size_t max)
{
	struct buf frame = { 0 }, *back;
	size_t header = n > 0xffff ? 10 : n > 125 ? 4 : 2;

	need(n <= max && text[n] == '\0' && utf8_valid(text, n, NULL));
	ws_add_message(&frame, text, n, false);
	need(frame.len == header + n &&
	    memcmp(frame.data + header, text, n) == 0);
	buf_reset(&frame);
	ws_add_message(&frame, text, n, true);
	need(frame.len <= header + n);
	if (((unsigned char)frame.data[0] & 0x40) != 0) {
		header = frame.len > 0xffff ? 10 : frame.len > 127 ? 4 : 2;
		back = ws_inflate(frame.data + header, frame.len - header, n);
		need(back != NULL && back->len == n &&
		    memcmp(back->data, text, n) == 0);
	}
	buf_free(&frame);
}

static void
check_messages(struct result *g)
{
	size_t at = 0, used, n;
	char *text;

	for (; at < g->messages.len; at += used) {
		used = ws_message_next(g->messages.data + at,
		    g->messages.len - at, &text, &n);
		need(used > 0 && used <= g->messages.len - at);
		check_message(text, n, g->max);
	}
}

static void
in_pieces(struct result *g, const char *s, size_t size, unsigned seed)
{
	size_t n;

	while (size > 0 && g->open) {
		seed = seed * 1103515245 + 12345;
		n = seed >> 16 & (seed & 0x40000000 ? 1 : 0xff);
		if (n > size)
			n = size;
		feed(g, s, n);
		s += n;
		size -= n;
		if ((seed & 0x20000000) != 0)
			hand_over(&g->ws);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t bounds[] = { 256, 40, 1000, 16384 };
	struct result whole = { .open = true }, pieces, bytes, plain;
	size_t i;

	if (size < 2)
		return 0;
	whole.ws.deflate = (data[0] & 1) != 0;
	whole.max = bounds[data[0] >> 1 & 3];
	pieces = bytes = plain = whole;
	feed(&whole, (const char *)data + 2, size - 2);
	in_pieces(&pieces, (const char *)data + 2, size - 2, data[1]);
	for (i = 2; i < size && bytes.open; i++)
		feed(&bytes, (const char *)data + i, 1);
	read_plainly(&plain, data + 2, size - 2);
	need_same(&whole, &pieces);
	need_same(&whole, &bytes);
	need_same(&whole, &plain);
	check_messages(&whole);
	result_free(&whole);
	result_free(&pieces);
	result_free(&bytes);
	result_free(&plain);
	return 0;
}
