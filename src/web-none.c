/* Where the web was left out: web_new() is never reached. */
#include <assert.h>

#include "web.h"

bool
web_built(void)
{
	return false;
}

struct web *
web_new(uint32_t now)
{
	(void)now;
	assert(!"no web was built in");
	return NULL;
}

void
web_free(struct web *w)
{
	assert(w == NULL);
}

enum web_status
web_recv(struct web *w, const struct web_env *env, const char *data,
    size_t len, struct buf *messages, struct buf *answer)
{
	(void)w, (void)env, (void)data, (void)len, (void)messages;
	(void)answer;
	return WEB_END;
}

size_t
web_message_next(char *data, size_t len, char **text, size_t *n)
{
	(void)data, (void)len, (void)text, (void)n;
	return 0;
}

bool
web_is_open(const struct web *w)
{
	(void)w;
	return false;
}

enum encoding
web_encoding(const struct web *w)
{
	(void)w;
	return ENC_WEB;
}

const char *
web_end_name(const struct web *w)
{
	(void)w;
	return "";
}

bool
web_has_ended(const struct web *w)
{
	(void)w;
	return true;
}

bool
web_is_too_long(const struct web *w)
{
	(void)w;
	return false;
}

void
web_add_lines(const struct web *w, struct buf *b, const char *data, size_t len)
{
	(void)w, (void)b, (void)data, (void)len;
}

void
web_render(struct buf *b, enum encoding encoding, const char *room,
    const struct msg *m)
{
	(void)b, (void)encoding, (void)room, (void)m;
}

size_t
web_read_back(const char *data, size_t len, const char **text, size_t *n)
{
	(void)data, (void)len, (void)text, (void)n;
	return 0;
}

size_t
web_frame_len(const char *data, size_t len)
{
	(void)data, (void)len;
	return 0;
}

bool
web_add_close(struct web *w, struct buf *b, enum web_reason reason)
{
	(void)w, (void)b, (void)reason;
	return false;
}

void
web_add_refusal(struct buf *b)
{
	(void)b;
}

enum web_status
web_tick(struct web *w, const struct web_env *env, struct buf *answer)
{
	(void)w, (void)env, (void)answer;
	return WEB_END;
}

void
web_save(const struct web *w, uint32_t now, struct buf *b)
{
	(void)w, (void)now, (void)b;
}

struct web *
web_load(struct record *r, uint32_t now)
{
	(void)now;
	r->bad = true;
	return NULL;
}
