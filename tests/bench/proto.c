/*
 * The ways to speak: partylined's JSON, in lines or by WebSocket, the floor's
 * raw lines, and Redis's Pub/Sub in RESP3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* Where the writer's number stands in a text: behind ~T, 16 digits, a dot. */
#define WRITER_AT	19

static size_t
line_cut(const char *p, size_t len)
{
	const char	*nl = memchr(p, '\n', len);

	return nl != NULL ? nl - p + 1 : 0;
}

/* The text's part before its padding; time and number are stamped later. */
static size_t
text_render(const struct gen *g, const struct conn *c, char *p, size_t len)
{
	(void)g;
	memset(p, 'x', len);
	memcpy(p, MARK "0000000000000000.", WRITER_AT);
	snprintf(p + WRITER_AT, 6, "%04x.", c->num & 0xffff);
	memcpy(p + WRITER_AT + 5, "00000000.", 9);
	return len;
}

static size_t
json_login(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	return sprintf(p, "{\"cmd\":\"login\",\"id\":1,\"name\":\"u%07u\"}\n",
	    c->num);
}

static size_t
json_enter(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	return sprintf(p, "{\"cmd\":\"subscribe\",\"id\":2,\"room\":\"b%04u\","
	    "\"last\":0}\n", c->room);
}

static size_t
json_say(const struct gen *g, struct conn *c, char *p)
{
	size_t	len;

	len = sprintf(p, "{\"cmd\":\"say\",\"id\":");
	c->say_id = len;
	len += sprintf(p + len, "1000000000,\"room\":\"b%04u\",", c->room);
	if (g->opts.keyed) {
		len += sprintf(p + len, "\"key\":\"");
		c->say_key = len;
		len += sprintf(p + len, "1000000000\",");
	}
	len += sprintf(p + len, "\"text\":\"");
	c->say_text = len;
	len += text_render(g, c, p + len, g->opts.text);
	return len + sprintf(p + len, "\"}\n");
}

static size_t
json_quit(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	(void)c;
	return sprintf(p, "{\"cmd\":\"quit\",\"id\":4}\n");
}

/* Leans on partylined writing "event" and "reply" first, as its protocol's
 * examples do: no need to parse what is only counted. */
static unsigned
json_hear(const struct conn *c, const char *line, size_t len)
{
	(void)c;
	if (len > 18 && memcmp(line, "{\"event\":\"message\"", 18) == 0)
		return HEARD_MESSAGE;
	if (len > 9 && memcmp(line, "{\"reply\":", 9) == 0) {
		if (memmem(line, len, "\"ok\":true", 9) == NULL)
			return HEARD_REFUSED;
		return HEARD_REPLY | HEARD_CREDIT;
	}
	return 0;
}

static uint32_t
json_id(const char *line, size_t len)
{
	const char	*p = memmem(line, len, "\"id\":", 5);

	return p != NULL ? strtoul(p + 5, NULL, 10) : 0;
}

/*
 * The same in frames. The masking key is zero, so that a text can be stamped
 * in place; the handshake's answer is not waited for, which this server lets
 * pass.
 */
#define FRAME_HEAD	8

static size_t
ws_frame(char *p, size_t len)
{
	if (p[FRAME_HEAD + len - 1] == '\n')
		len--;
	memcpy(p, "\x81\xfe\0\0\0\0\0\0", FRAME_HEAD);
	p[2] = len >> 8;
	p[3] = len;
	if (len < 126) {	/* the shortest form, and nothing else */
		memmove(p + 6, p + FRAME_HEAD, len);
		p[1] = 0x80 | len;
		memset(p + 2, 0, 4);
		return 6 + len;
	}
	return FRAME_HEAD + len;
}

static size_t
ws_login(const struct gen *g, const struct conn *c, char *p)
{
	size_t	len;

	len = sprintf(p, "GET /ws HTTP/1.1\r\nHost: localhost\r\n"
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
	return len + ws_frame(p + len, json_login(g, c, p + len + FRAME_HEAD));
}

static size_t
ws_enter(const struct gen *g, const struct conn *c, char *p)
{
	return ws_frame(p, json_enter(g, c, p + FRAME_HEAD));
}

static size_t
ws_say(const struct gen *g, struct conn *c, char *p)
{
	size_t	all, len;

	len = json_say(g, c, p + FRAME_HEAD);
	all = ws_frame(p, len);
	c->say_id += all - (len - 1);
	if (c->say_key != 0)
		c->say_key += all - (len - 1);
	c->say_text += all - (len - 1);
	return all;
}

static size_t
ws_quit(const struct gen *g, const struct conn *c, char *p)
{
	return ws_frame(p, json_quit(g, c, p + FRAME_HEAD));
}

static size_t
ws_head(const char *p)
{
	return (p[1] & 0x7f) == 127 ? 10 : (p[1] & 0x7f) == 126 ? 4 : 2;
}

static size_t
ws_cut(const char *p, size_t len)
{
	const unsigned char	*u = (const unsigned char *)p;
	const char		*end;
	size_t			 all;

	if (len >= 4 && *p == 'H') {
		end = memmem(p, len, "\r\n\r\n", 4);
		return end != NULL ? end - p + 4 : 0;
	}
	if (len < 4)
		return 0;
	all = ws_head(p) + (u[1] == 126 ? u[2] * 256u + u[3] : u[1]);
	return len < all ? 0 : all;
}

static unsigned
ws_hear(const struct conn *c, const char *p, size_t len)
{
	if (*p == 'H')
		return strncmp(p, "HTTP/1.1 101 ", 13) == 0 ? 0 : HEARD_REFUSED;
	if (*p != '\x81')
		return 0;
	return json_hear(c, p + ws_head(p), len - ws_head(p));
}

static size_t
raw_login(const struct gen *g, const struct conn *c, char *p)
{
	p[0] = '?';
	return 1 + json_login(g, c, p + 1);
}

static size_t
raw_enter(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	return sprintf(p, "+b%04u\n", c->room);
}

/* A line as long as the one that partylined would deliver; in a session it is
 * also answered. */
static size_t
raw_say(const struct gen *g, struct conn *c, char *p)
{
	size_t	len = 0;

	if (g->opts.mode == MODE_SESSION)
		p[len++] = '=';
	c->say_text = len;
	len += text_render(g, c, p + len, g->opts.line - 1);
	p[len++] = '\n';
	return len;
}

static size_t
raw_quit(const struct gen *g, const struct conn *c, char *p)
{
	p[0] = '!';
	return 1 + json_quit(g, c, p + 1);
}

static unsigned
raw_hear(const struct conn *c, const char *line, size_t len)
{
	if (line[0] != MARK[0])
		return HEARD_REPLY;
	if (c->writer && len > WRITER_AT + 4 &&
	    memcmp(line + WRITER_AT, c->say + c->say_text + WRITER_AT, 4) == 0)
		return HEARD_MESSAGE | HEARD_CREDIT;
	return HEARD_MESSAGE;
}

static size_t
redis_login(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	return sprintf(p, "HELLO 3\r\nCLIENT SETNAME u%07u\r\n", c->num);
}

static size_t
redis_enter(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	return sprintf(p, "SUBSCRIBE b%04u\r\n", c->room);
}

static size_t
redis_say(const struct gen *g, struct conn *c, char *p)
{
	size_t	len;

	len = sprintf(p, "*3\r\n$7\r\nPUBLISH\r\n$5\r\nb%04u\r\n$%u\r\n",
	    c->room, g->opts.text);
	c->say_text = len;
	len += text_render(g, c, p + len, g->opts.text);
	return len + sprintf(p + len, "\r\n");
}

static size_t
redis_quit(const struct gen *g, const struct conn *c, char *p)
{
	(void)g;
	(void)c;
	return sprintf(p, "QUIT\r\n");
}

/* A message is seven lines, one of which is the text. HELLO's answer holds
 * integers too: only the state tells an answer from a part. */
static unsigned
redis_hear(const struct conn *c, const char *line, size_t len)
{
	if (line[0] == '-')
		return HEARD_REFUSED;
	if (len > MARK_LEN && memcmp(line, MARK, MARK_LEN) == 0)
		return HEARD_MESSAGE;
	switch (c->state) {
	case CONN_LOGIN:
	case CONN_QUIT:
		return line[0] == '+' ? HEARD_REPLY : 0;
	default:
		if (line[0] == ':')
			return HEARD_REPLY | HEARD_CREDIT;
		return HEARD_PART;
	}
}

const struct proto proto_json = {
	"json", json_login, json_enter, json_say, json_quit,
	line_cut, json_hear, json_id
};

const struct proto proto_raw = {
	"raw", raw_login, raw_enter, raw_say, raw_quit, line_cut, raw_hear,
	NULL
};

const struct proto proto_redis = {
	"redis", redis_login, redis_enter, redis_say, redis_quit,
	line_cut, redis_hear, NULL
};

const struct proto proto_ws = {
	"ws", ws_login, ws_enter, ws_say, ws_quit, ws_cut, ws_hear,
	NULL
};
