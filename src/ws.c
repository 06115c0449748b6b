#include <stdlib.h>
#include <string.h>

#include <wslay/wslay.h>

#include "name.h"
#include "ws.h"
#include "ws-deflate.h"

#define FIN		0x80
#define RSV1		0x40
#define CONTROL_MAX	125	/* section 5.5 */
#define MESSAGE_MAX	(256 * 1024)	/* of what we compressed, no more */
/* What is compressed may be this much longer than what it was, if nothing can
 * be saved: 5 bytes a block, however small zlib makes them, and an end. */
#define STORED(n)	((n) / 4096 * 5 + 16)

/* The wire's bytes as wslay asks for them: what was kept, then what came. */
struct source {
	struct part {
		const char *data;
		size_t	 len;
	}		 kept, came;
	size_t		 at;		/* handed out so far */
};

/* One frame on its way through. */
struct frame {
	struct wslay_frame_iocb part;	/* its newest part */
	size_t		 len;		/* of all of it on the wire */
	size_t		 got;		/* of its payload */
	char		 control[CONTROL_MAX];
};

/* What the calls of one ws_recv() share. */
struct reading {
	struct ws	*ws;
	struct buf	*messages, *answer;
	size_t		 max;
};

void
ws_free(struct ws *ws)
{
	buf_free(&ws->raw);
	buf_free(&ws->message);
}

/* Sending. */

/* The server masks nothing (section 5.1). */
static void
add_header(struct buf *b, unsigned first, size_t len)
{
	buf_addc(b, (char)first);
	if (len <= CONTROL_MAX) {
		buf_addc(b, (char)len);
	} else if (len <= 0xffff) {
		buf_addc(b, 126);
		buf_addc(b, (char)(len >> 8));
		buf_addc(b, (char)len);
	} else {
		int shift;

		buf_addc(b, 127);
		for (shift = 56; shift >= 0; shift -= 8)
			buf_addc(b, (char)((uint64_t)len >> shift));
	}
}

void
ws_add_message(struct buf *b, const char *text, size_t len, bool deflate)
{
	struct buf *small;

	if (deflate && (small = ws_deflate(text, len)) != NULL) {
		add_header(b, FIN | RSV1 | WSLAY_TEXT_FRAME, small->len);
		buf_add(b, small->data, small->len);
		return;
	}
	add_header(b, FIN | WSLAY_TEXT_FRAME, len);
	buf_add(b, text, len);
}

/* The header's length and the payload's; false: it is no frame of ours. */
static bool
take_header(const unsigned char *s, size_t len, size_t *head, size_t *n)
{
	size_t i, more;

	if (len < 2 || (s[0] & ~RSV1) != (FIN | WSLAY_TEXT_FRAME))
		return false;
	more = s[1] <= CONTROL_MAX ? 0 : s[1] == 126 ? 2 : 8;
	*head = 2 + more;
	*n = more == 0 ? s[1] : 0;
	if (s[1] > 127 || len < *head)
		return false;
	for (i = 2; i < *head; i++)
		*n = *n << 8 | s[i];
	return *n <= len - *head;
}

size_t
ws_frame_len(const char *data, size_t len)
{
	size_t head, n;

	return take_header((const unsigned char *)data, len, &head, &n) ?
	    head + n : 0;
}

size_t
ws_read_back(const char *data, size_t len, const char **text, size_t *n)
{
	size_t head, size;
	struct buf *b;

	if (!take_header((const unsigned char *)data, len, &head, &size))
		return 0;
	*text = data + head;
	*n = size;
	if ((data[0] & RSV1) == 0)
		return head + size;
	if ((b = ws_inflate(*text, size, MESSAGE_MAX)) == NULL)
		return 0;
	*text = buf_str(b);
	*n = b->len;
	return head + size;
}

void
ws_add_ping(struct buf *b)
{
	add_header(b, FIN | WSLAY_PING, 0);
}

void
ws_add_close(struct buf *b, unsigned code)
{
	if (code == WS_NO_STATUS) {
		add_header(b, FIN | WSLAY_CONNECTION_CLOSE, 0);
		return;
	}
	add_header(b, FIN | WSLAY_CONNECTION_CLOSE, 2);
	buf_addc(b, (char)(code >> 8));
	buf_addc(b, (char)code);
}

/* Messages, as they are handed on: length, text, NUL. */

static void
add_record(struct buf *b, const char *text, size_t len)
{
	uint32_t n = (uint32_t)len;

	buf_add(b, &n, sizeof(n));
	buf_add(b, text, len);
	buf_addc(b, '\0');
}

size_t
ws_message_next(char *data, size_t len, char **text, size_t *n)
{
	uint32_t size;

	if (len == 0)
		return 0;
	memcpy(&size, data, sizeof(size));
	*text = data + sizeof(size);
	*n = size;
	return sizeof(size) + size + 1;
}

/* Receiving. */

static size_t
copy_part(uint8_t *data, size_t len, const struct part *part, size_t at)
{
	if (at >= part->len)
		return 0;
	if (len > part->len - at)
		len = part->len - at;
	memcpy(data, part->data + at, len);
	return len;
}

/* Gives all there is: wslay does not ask twice for one header. */
static ssize_t
recv_cb(uint8_t *data, size_t len, int flags, void *arg)
{
	struct source *src = arg;
	size_t n, m;

	(void)flags;
	n = copy_part(data, len, &src->kept, src->at);
	m = copy_part(data + n, len - n, &src->came,
	    src->at + n - src->kept.len);
	src->at += n + m;
	return n + m > 0 ? (ssize_t)(n + m) : -1;
}

static bool
fail(struct ws *ws, enum ws_code code)
{
	ws->code = code;
	return false;
}

/* Bytes of its header and payload: no other form is let through. */
static size_t
frame_len(const struct wslay_frame_iocb *f)
{
	uint64_t n = f->payload_length;

	return (size_t)(2 + (n > 0xffff ? 8 : n > CONTROL_MAX ? 2 : 0) + 4 + n);
}

/* A frame's header has come; what of it can be wrong. */
static bool
check_header(const struct reading *r, const struct wslay_frame_iocb *f)
{
	const struct ws *ws = r->ws;
	bool control = wslay_is_ctrl_frame(f->opcode) != 0;
	unsigned rsv = f->rsv;
	size_t max = r->max;

	/* The first frame of a compressed message bears RSV1 (RFC 7692,
	 * section 6). */
	if (ws->deflate && !control && f->opcode != WSLAY_CONTINUATION_FRAME)
		rsv &= ~(unsigned)WSLAY_RSV1_BIT;
	if (rsv != 0 || !f->mask)
		return fail(r->ws, WS_PROTOCOL_ERROR);
	switch (f->opcode) {
	case WSLAY_CONTINUATION_FRAME:
		if (ws->opcode == 0)
			return fail(r->ws, WS_PROTOCOL_ERROR);
		break;
	case WSLAY_TEXT_FRAME:
	case WSLAY_BINARY_FRAME:
		if (ws->opcode != 0)
			return fail(r->ws, WS_PROTOCOL_ERROR);
		if (f->opcode == WSLAY_BINARY_FRAME)
			return fail(r->ws, WS_UNSUPPORTED);
		break;
	case WSLAY_CONNECTION_CLOSE:
		if (f->payload_length == 1)
			return fail(r->ws, WS_PROTOCOL_ERROR);
		break;
	case WSLAY_PING:
	case WSLAY_PONG:
		break;
	default:
		return fail(r->ws, WS_PROTOCOL_ERROR);
	}
	if (f->opcode == WSLAY_CONTINUATION_FRAME ? ws->deflated :
	    wslay_get_rsv1(f->rsv))
		max += STORED(max);
	if (!control && (ws->message.len > max || f->payload_length > max -
	    ws->message.len))
		return fail(r->ws, WS_TOO_BIG);
	return true;
}

/* Section 7.4, and the codes registered since. */
static bool
is_close_code(unsigned code)
{
	return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
	    code != 1006) || (code >= 3000 && code <= 4999);
}

/* The peer's close frame. */
static bool
take_close(struct ws *ws, const char *data, size_t len)
{
	unsigned code = WS_NO_STATUS;

	if (len >= 2) {
		code = (unsigned)(unsigned char)data[0] << 8 |
		    (unsigned char)data[1];
		if (!is_close_code(code))
			return fail(ws, WS_PROTOCOL_ERROR);
		if (!utf8_valid(data + 2, len - 2, NULL))
			return fail(ws, WS_BAD_PAYLOAD);
	}
	ws->by_peer = true;
	return fail(ws, (enum ws_code)code);
}

static bool
take_control(const struct reading *r, const struct frame *f)
{
	size_t len = f->part.payload_length;

	if (f->part.opcode == WSLAY_CONNECTION_CLOSE)
		return take_close(r->ws, f->control, len);
	if (f->part.opcode == WSLAY_PING) {
		add_header(r->answer, FIN | WSLAY_PONG, len);
		buf_add(r->answer, f->control, len);
	}
	return true;
}

/* The last frame of a message is whole. */
static bool
take_message(const struct reading *r)
{
	struct ws *ws = r->ws;
	struct buf *text = &ws->message;

	if (ws->deflated && (text = ws_inflate(ws->message.data,
	    ws->message.len, r->max)) == NULL)
		return fail(ws, WS_BAD_PAYLOAD);
	if (text->len > r->max)
		return fail(ws, WS_TOO_BIG);
	if (!utf8_valid(text->data, text->len, NULL))
		return fail(ws, WS_BAD_PAYLOAD);
	add_record(r->messages, text->data, text->len);
	buf_free(&ws->message);
	ws->opcode = 0;
	return true;
}

/* The frame's payload part by part: to the message, or aside. */
static void
take_part(const struct reading *r, struct frame *f)
{
	const struct wslay_frame_iocb *part = &f->part;

	if (wslay_is_ctrl_frame(part->opcode))
		memcpy(f->control + f->got, part->data, part->data_length);
	else
		buf_add(&r->ws->message, part->data, part->data_length);
	f->got += part->data_length;
}

static bool
take_frame(const struct reading *r, const struct frame *f)
{
	if (wslay_is_ctrl_frame(f->part.opcode))
		return take_control(r, f);
	if (f->part.opcode != WSLAY_CONTINUATION_FRAME) {
		r->ws->opcode = f->part.opcode;
		r->ws->deflated = wslay_get_rsv1(f->part.rsv) != 0;
	}
	return !f->part.fin || take_message(r);
}

static bool
enough(const struct reading *r)
{
	return r->messages->len >= WS_BATCH || r->answer->len >= WS_BATCH;
}

/*
 * Takes frame after frame, until that is enough. *used is what of the source
 * whole frames have used up. False: the connection is to be closed.
 */
static bool
take_frames(const struct reading *r, wslay_frame_context_ptr ctx, size_t total,
    size_t *used)
{
	struct ws *ws = r->ws;
	struct frame f = { .len = 0 };
	ssize_t n;

	ws->need = 0;
	while (!enough(r)) {
		n = wslay_frame_recv(ctx, &f.part);
		if (n == WSLAY_ERR_WANT_READ)
			return true;
		if (n < 0)
			return fail(ws, WS_PROTOCOL_ERROR);
		if (f.len == 0) {
			if (!check_header(r, &f.part))
				return false;
			f.len = frame_len(&f.part);
		}
		if (f.len > total - *used) {
			ws->need = f.len;
			return true;
		}
		take_part(r, &f);
		if (f.got < f.part.payload_length)
			continue;
		*used += f.len;
		if (!take_frame(r, &f))
			return false;
		f.len = f.got = 0;
	}
	ws->left = *used < total;
	return true;
}

/* Keeps what whole frames have not used up. */
static void
keep(struct ws *ws, const char *data, size_t len, size_t used)
{
	if (used < ws->raw.len) {
		ws->raw.len -= used;
		memmove(ws->raw.data, ws->raw.data + used, ws->raw.len);
		buf_add(&ws->raw, data, len);
		return;
	}
	used -= ws->raw.len;
	buf_free(&ws->raw);
	if (used < len)
		buf_add(&ws->raw, data + used, len - used);
}

bool
ws_recv(struct ws *ws, const char *data, size_t len, size_t max,
    struct buf *messages, struct buf *answer)
{
	const struct reading r = { ws, messages, answer, max };
	const struct wslay_frame_callbacks callbacks = {
		.recv_callback = recv_cb };
	struct source src = { { ws->raw.data, ws->raw.len }, { data, len }, 0 };
	wslay_frame_context_ptr ctx;
	size_t used = 0;
	bool ok;

	if (ws->code != 0)
		return false;
	ws->left = false;
	if (ws->raw.len + len < ws->need) {
		buf_add(&ws->raw, data, len);
		return true;
	}
	if (wslay_frame_context_init(&ctx, &callbacks, &src) != 0)
		return fail(ws, WS_INTERNAL_ERROR);
	ok = take_frames(&r, ctx, ws->raw.len + len, &used);
	wslay_frame_context_free(ctx);
	if (ok)
		keep(ws, data, len, used);
	else
		ws_free(ws);
	return ok;
}
