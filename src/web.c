#include <stdlib.h>
#include <string.h>

#include "json-render.h"
#include "web-internal.h"
#include "ws.h"

struct web {
	struct buf	 in;		/* HTTP: of requests not yet answered */
	struct ws	 ws;
	uint32_t	 since;		/* HTTP: when the request, or idling,
					 * began; WebSocket: last heard; loop
					 * seconds */
	bool		 open;		/* a WebSocket */
	bool		 ended;		/* WEB_END was said */
	bool		 closed;	/* its close frame is written, or it
					 * needs none */
	bool		 late;		/* ended by web_tick() */
	bool		 pinged;
};

bool
web_built(void)
{
	return true;
}

struct web *
web_new(uint32_t now)
{
	struct web *w = xcalloc(1, sizeof(*w));

	w->since = now;
	return w;
}

void
web_free(struct web *w)
{
	if (w == NULL)
		return;
	buf_free(&w->in);
	ws_free(&w->ws);
	free(w);
}

bool
web_is_open(const struct web *w)
{
	return w->open;
}

enum encoding
web_encoding(const struct web *w)
{
	return w->ws.deflate ? ENC_WEB_DEFLATE : ENC_WEB;
}

const char *
web_end_name(const struct web *w)
{
	if (w->late)
		return w->open ? "ping-timeout" : "http-timeout";
	if (!w->open)
		return "http-done";
	return w->ws.by_peer ? "close-frame" : "websocket-error";
}

bool
web_has_ended(const struct web *w)
{
	return w->ended;
}

bool
web_is_too_long(const struct web *w)
{
	return w->ws.code == WS_TOO_BIG && !w->ws.by_peer;
}

/* HTTP. */

static enum web_status
answer_request(struct web *w, const struct web_env *env,
    const struct http_request *r, struct buf *answer)
{
	bool ws;

	if (strcmp(r->path, "/ws") != 0) {
		web_serve(answer, r, env);
		return r->keep_alive ? WEB_AGAIN : WEB_END;
	}
	ws = web_upgrade(answer, r, env, &w->ws.deflate);
	w->open = ws;
	return ws ? WEB_OPENED : r->keep_alive ? WEB_AGAIN : WEB_END;
}

/* Frames that came with the request for the WebSocket stay in w->in. */
static enum web_status
take_request(struct web *w, const struct web_env *env, struct buf *answer)
{
	enum web_status status;
	struct http_request r;
	size_t used;

	used = http_parse(&r, w->in.data, w->in.len);
	if (used == 0)
		return WEB_MORE;
	if (r.status != 0) {
		r.keep_alive = false;
		web_add_error(answer, &r, r.status, r.status == 405 ?
		    "Allow: GET, HEAD\r\n" : NULL, r.why);
		status = WEB_END;
	} else
		status = answer_request(w, env, &r, answer);
	memmove(w->in.data, w->in.data + used, w->in.len - used);
	w->in.len -= used;
	if (w->in.len == 0)
		buf_free(&w->in);
	w->since = env->now;
	return status;
}

/* WebSocket. */

static enum web_status
take_frames(struct web *w, const struct web_env *env, const char *data,
    size_t len, struct buf *messages, struct buf *answer)
{
	struct buf first = w->in;
	bool ok = true;

	w->in = (struct buf){ 0 };
	w->since = env->now;
	w->pinged = false;
	if (first.len > 0)
		ok = ws_recv(&w->ws, first.data, first.len,
		    env->conf->max_line, messages, answer);
	buf_free(&first);
	if (ok)
		ok = ws_recv(&w->ws, data, len, env->conf->max_line, messages,
		    answer);
	return !ok ? WEB_END : w->ws.left ? WEB_AGAIN : WEB_MORE;
}

enum web_status
web_recv(struct web *w, const struct web_env *env, const char *data,
    size_t len, struct buf *messages, struct buf *answer)
{
	enum web_status status = WEB_MORE;

	if (w->ended)
		return WEB_END;
	if (w->open)
		status = take_frames(w, env, data, len, messages, answer);
	else {
		if (w->in.len == 0)
			w->since = env->now;
		buf_add(&w->in, data, len);
		if (w->in.len > 0)
			status = take_request(w, env, answer);
	}
	w->ended = status == WEB_END;
	return status;
}

size_t
web_message_next(char *data, size_t len, char **text, size_t *n)
{
	return ws_message_next(data, len, text, n);
}

void
web_add_lines(const struct web *w, struct buf *b, const char *data, size_t len)
{
	const char *lf;

	while (len > 0) {
		lf = memchr(data, '\n', len);
		ws_add_message(b, data, (size_t)(lf - data), w->ws.deflate);
		len -= (size_t)(lf + 1 - data);
		data = lf + 1;
	}
}

void
web_render(struct buf *b, enum encoding encoding, const char *room,
    const struct msg *m)
{
	static _Thread_local struct scratch scratch;
	struct buf *line = scratch_take(&scratch, 64 * 1024);

	json_render_message(line, ENC_JSON, room, m);
	ws_add_message(b, line->data, line->len - 1,
	    encoding == ENC_WEB_DEFLATE);
}

size_t
web_read_back(const char *data, size_t len, const char **text, size_t *n)
{
	return ws_read_back(data, len, text, n);
}

size_t
web_frame_len(const char *data, size_t len)
{
	return ws_frame_len(data, len);
}

bool
web_add_close(struct web *w, struct buf *b, enum web_reason reason)
{
	static const unsigned codes[] = {
		[WEB_DONE] = WS_NORMAL, [WEB_GOING_AWAY] = WS_GOING_AWAY,
		[WEB_POLICY] = WS_POLICY, [WEB_FAILED] = WS_INTERNAL_ERROR
	};

	if (!w->open || w->closed)
		return false;
	w->closed = true;
	ws_add_close(b, w->ws.code != 0 ? w->ws.code : codes[reason]);
	return true;
}

/* No request is read for that: it ends at once. */
void
web_add_refusal(struct buf *b)
{
	const struct http_request nobody = { .minor = 1 };

	web_add_error(b, &nobody, 503, "Retry-After: 5\r\n",
	    "The server is full; try again in a while.");
}

enum web_status
web_tick(struct web *w, const struct web_env *env, struct buf *answer)
{
	const struct http_request nobody = { .minor = 1 };
	uint32_t silent = env->now - w->since;
	uint64_t ping = env->conf->ping_interval;

	if (!w->open) {
		if (silent <= env->conf->http_timeout)
			return WEB_MORE;
		if (w->in.len > 0)
			web_add_error(answer, &nobody, 408, NULL,
			    "The request took too long.");
		w->late = true;
		return WEB_END;
	}
	if (ping == 0 || silent < ping)
		return WEB_MORE;
	if (!w->pinged)
		ws_add_ping(answer);
	else if (silent > 2 * ping)
		w->late = w->closed = true;
	w->pinged = true;
	return w->late ? WEB_END : WEB_MORE;
}

/* Tags are for ever. */
enum { W_IN = 1, W_SILENT, W_BITS, W_RAW, W_MESSAGE, W_NEED, W_CODE,
	W_OPCODE };

/* Of W_BITS. */
enum { B_OPEN = 1, B_ENDED = 2, B_CLOSED = 4, B_LATE = 8, B_PINGED = 16,
	B_DEFLATED = 32, B_BY_PEER = 64, B_DEFLATE = 128, B_ALL = 255 };

void
web_save(const struct web *w, uint32_t now, struct buf *b)
{
	record_add(b, W_IN, w->in.data, w->in.len);
	record_addu(b, W_SILENT, now - w->since);
	record_addu(b, W_BITS, (w->open ? B_OPEN : 0u) |
	    (w->ended ? B_ENDED : 0u) | (w->closed ? B_CLOSED : 0u) |
	    (w->late ? B_LATE : 0u) | (w->pinged ? B_PINGED : 0u) |
	    (w->ws.deflated ? B_DEFLATED : 0u) |
	    (w->ws.by_peer ? B_BY_PEER : 0u) |
	    (w->ws.deflate ? B_DEFLATE : 0u));
	record_add(b, W_RAW, w->ws.raw.data, w->ws.raw.len);
	record_add(b, W_MESSAGE, w->ws.message.data, w->ws.message.len);
	record_addu(b, W_NEED, w->ws.need);
	record_addu(b, W_CODE, w->ws.code);
	record_addu(b, W_OPCODE, w->ws.opcode);
}

static void
load_bits(struct web *w, uint64_t bits)
{
	w->open = bits & B_OPEN;
	w->ended = bits & B_ENDED;
	w->closed = bits & B_CLOSED;
	w->late = bits & B_LATE;
	w->pinged = bits & B_PINGED;
	w->ws.deflated = bits & B_DEFLATED;
	w->ws.by_peer = bits & B_BY_PEER;
	w->ws.deflate = bits & B_DEFLATE;
}

static void
load_field(struct web *w, struct record *r, uint32_t now)
{
	switch (r->tag) {
	case W_IN:
		record_b(r, &w->in, SIZE_MAX);
		break;
	case W_SILENT:
		w->since = now - (uint32_t)record_u(r, UINT32_MAX);
		break;
	case W_BITS:
		load_bits(w, record_u(r, B_ALL));
		break;
	case W_RAW:
		record_b(r, &w->ws.raw, SIZE_MAX);
		break;
	case W_MESSAGE:
		record_b(r, &w->ws.message, SIZE_MAX);
		break;
	case W_NEED:
		w->ws.need = (size_t)record_u(r, SIZE_MAX);
		break;
	case W_CODE:
		w->ws.code = (uint16_t)record_u(r, UINT16_MAX);
		break;
	case W_OPCODE:
		w->ws.opcode = (uint8_t)record_u(r, UINT8_MAX);
		break;
	default:
		r->bad = true;
	}
}

struct web *
web_load(struct record *r, uint32_t now)
{
	struct web *w = web_new(now);

	while (record_next(r))
		load_field(w, r, now);
	if (!r->bad)
		return w;
	web_free(w);
	return NULL;
}
