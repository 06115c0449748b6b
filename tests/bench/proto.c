/*
 * The three ways to speak: partylined's JSON lines, the floor's raw lines,
 * and Redis's Pub/Sub in RESP3.
 */
#include <stdio.h>
#include <string.h>

#include "gen.h"

/* Where the writer's number stands in a text: behind ~T, 16 digits, a dot. */
#define WRITER_AT	19

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
	len += sprintf(p + len, "1000000000,\"room\":\"b%04u\",\"text\":\"",
	    c->room);
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
	"json", json_login, json_enter, json_say, json_quit, json_hear
};

const struct proto proto_raw = {
	"raw", raw_login, raw_enter, raw_say, raw_quit, raw_hear
};

const struct proto proto_redis = {
	"redis", redis_login, redis_enter, redis_say, redis_quit, redis_hear
};
