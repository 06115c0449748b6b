#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "util.h"

static const char *const kinds[] = { "text", "action", "notice" };

static char *
put(char *at, const char *s, size_t n)
{
	if (n > 0)
		memcpy(at, s, n);
	at[n] = '\0';
	return at + n + 1;
}

struct msg *
msg_new(enum msg_kind kind, const char *from, const char *to, const char *text,
    size_t text_len, const char *key)
{
	size_t from_len = from ? strlen(from) : 0;
	size_t to_len = to ? strlen(to) : 0;
	size_t key_len = key ? strlen(key) : 0;
	struct msg *m;
	char *at;

	assert(from_len <= UINT8_MAX && to_len <= UINT8_MAX &&
	    key_len <= UINT8_MAX && text_len <= UINT16_MAX);
	m = xmalloc(sizeof(*m) + from_len + to_len + text_len + key_len + 4);
	*m = (struct msg){ .kind = (uint8_t)kind, .from_len = (uint8_t)from_len,
	    .to_len = (uint8_t)to_len, .key_len = (uint8_t)key_len,
	    .text_len = (uint16_t)text_len };
	atomic_init(&m->refs, 1);
	at = put(m->data, from, from_len);
	at = put(at, to, to_len);
	at = put(at, text, text_len);
	put(at, key, key_len);
	return m;
}

struct msg *
msg_ref(struct msg *m)
{
	atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
	return m;
}

void
msg_unref(struct msg *m)
{
	if (m != NULL && atomic_fetch_sub_explicit(&m->refs, 1,
	    memory_order_acq_rel) == 1)
		free(m);
}

uint64_t
msg_number(const struct msg *m, const char **rest)
{
	const char *s = msg_text(m);
	uint64_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (uint64_t)(*s - '0');
	*rest = *s == ' ' ? s + 1 : s;
	return n;
}

int
msg_kind_parse(const char *s)
{
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		if (strcmp(s, kinds[i]) == 0)
			return (int)i;
	}
	return -1;
}

const char *
msg_kind_name(enum msg_kind kind)
{
	return kind < NITEMS(kinds) ? kinds[kind] : "";
}

void
batch_free(struct batch *b)
{
	uint32_t i;

	for (i = 0; i < b->n; i++)
		msg_unref(b->msgs[i]);
	free(b);
}
