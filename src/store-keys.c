#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "store-keys.h"
#include "util.h"

#define KEYS_BYTES	(64u << 20)	/* of all keys */

struct key {
	struct key	*next;		/* the next younger one */
	uint64_t	 seq;
	int64_t		 time;
	size_t		 size;
	char		 text[];	/* room:length of from:from and key */
};

static const char *
key_of(const void *p)
{
	return ((const struct key *)p)->text;
}

void
keys_init(struct keys *s)
{
	table_init(&s->table, key_of);
	s->last = &s->first;
}

void
keys_free(struct keys *s)
{
	struct key *k;

	while ((k = s->first) != NULL) {
		s->first = k->next;
		free(k);
	}
	table_free(&s->table);
	buf_free(&s->text);
}

static void
drop(struct keys *s, struct key **at)
{
	struct key *k = *at;

	if ((*at = k->next) == NULL)
		s->last = at;
	s->bytes -= k->size;
	table_del(&s->table, k->text);
	free(k);
}

void
keys_expire(struct keys *s, uint64_t seq, int64_t now)
{
	uint64_t young = store_young(&s->marks, seq, STORE_KEY_AGE);
	const struct key *k;

	while ((k = s->first) != NULL && ((k->seq <= young &&
	    k->time <= now - STORE_KEY_AGE) || s->bytes > KEYS_BYTES))
		drop(s, &s->first);
}

bool
keys_known(struct keys *s, struct store_op *op)
{
	const struct key *k;

	buf_reset(&s->text);
	buf_addf(&s->text, "%u:%zu:%s", op->room, strlen(op->from_key),
	    op->from_key);
	buf_adds(&s->text, msg_key(op->msg));
	if ((k = table_get(&s->table, buf_str(&s->text))) == NULL)
		return false;
	op->duplicate = true;
	op->seq = k->seq;
	op->time = k->time;
	return true;
}

bool
keys_check(struct keys *s, struct store_op *op, uint64_t seq, int64_t now)
{
	struct key *k;

	if (op->kind != STORE_APPEND || op->msg->key_len == 0)
		return false;
	if (keys_known(s, op))
		return true;
	k = xmalloc(sizeof(*k) + s->text.len + 1);
	*k = (struct key){ .seq = seq, .time = now,
	    .size = sizeof(*k) + s->text.len + 1 + 2 * sizeof(void *) };
	memcpy(k->text, buf_str(&s->text), s->text.len + 1);
	*s->last = k;
	s->last = &k->next;
	s->bytes += k->size;
	table_put(&s->table, k);
	return false;
}

void
keys_erase(struct keys *s, const char *from)
{
	struct key **at = &s->first;
	const char *whose;
	char *size;

	while (*at != NULL) {
		whose = strchr((*at)->text, ':') + 1;
		if (strtoul(whose, &size, 10) == strlen(from) &&
		    strncmp(size + 1, from, strlen(from)) == 0)
			drop(s, at);
		else
			at = &(*at)->next;
	}
}
