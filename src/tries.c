#include <arpa/inet.h>
#include <sys/queue.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tries.h"
#include "util.h"

struct tried {
	TAILQ_ENTRY(tried) entry;
	uint64_t	 whole_at;	/* ms: it has all its tries again */
	char		 key[];
};

TAILQ_HEAD(tried_list, tried);

struct tries {
	uint64_t	 max;
	uint64_t	 window;	/* ms for all of them */
	struct table	 table;
	struct tried_list list;		/* who failed last is the last */
};

static const char *
tried_key(const void *item)
{
	return ((const struct tried *)item)->key;
}

struct tries *
tries_new(uint64_t max, uint64_t window)
{
	struct tries *t = xcalloc(1, sizeof(*t));

	table_init(&t->table, tried_key);
	TAILQ_INIT(&t->list);
	tries_set(t, max, window);
	return t;
}

void
tries_set(struct tries *t, uint64_t max, uint64_t window)
{
	t->max = max;
	t->window = window;
}

static void
drop(struct tries *t, struct tried *k)
{
	table_del(&t->table, k->key);
	TAILQ_REMOVE(&t->list, k, entry);
	free(k);
}

void
tries_free(struct tries *t)
{
	struct tried *k;

	if (t == NULL)
		return;
	while ((k = TAILQ_FIRST(&t->list)) != NULL)
		drop(t, k);
	table_free(&t->table);
	free(t);
}

/* What one try takes to come back, in ms. */
static uint64_t
step(const struct tries *t)
{
	return t->window / t->max;
}

/* ms until all tries are back: at most the window, whatever the clock does. */
static uint64_t
missing(const struct tries *t, const struct tried *k, uint64_t now)
{
	uint64_t ms = k->whole_at > now ? k->whole_at - now : 0;

	return ms < t->window ? ms : t->window;
}

bool
tries_allowed(const struct tries *t, const char *key, uint64_t now,
    uint32_t *retry_ms)
{
	const struct tried *k;
	uint64_t ms, most;

	if (t->max == 0 || (k = table_get(&t->table, key)) == NULL)
		return true;
	ms = missing(t, k, now);
	most = t->window - step(t);
	if (ms <= most)
		return true;
	*retry_ms = (uint32_t)(ms - most);
	return false;
}

/* Those that failed longest ago have been whole for longest, all in all. */
static void
sweep(struct tries *t, uint64_t now)
{
	struct tried *k;

	while ((k = TAILQ_FIRST(&t->list)) != NULL &&
	    (missing(t, k, now) == 0 || t->table.n >= TRIES_KEYS))
		drop(t, k);
}

/* The key, as the one that failed last. */
static struct tried *
put(struct tries *t, const char *key, uint64_t now)
{
	struct tried *k = table_get(&t->table, key);

	if (k != NULL)
		TAILQ_REMOVE(&t->list, k, entry);
	sweep(t, now);
	if (k == NULL) {
		k = xcalloc(1, sizeof(*k) + strlen(key) + 1);
		memcpy(k->key, key, strlen(key) + 1);
		table_put(&t->table, k);
	}
	TAILQ_INSERT_TAIL(&t->list, k, entry);
	return k;
}

void
tries_failed(struct tries *t, const char *key, uint64_t now)
{
	struct tried *k;
	uint64_t ms;

	if (t->max == 0)
		return;
	k = put(t, key, now);
	ms = missing(t, k, now) + step(t);
	k->whole_at = now + (ms < t->window ? ms : t->window);
}

void
tries_each(const struct tries *t, uint64_t now, void (*cb)(void *,
    const char *, uint64_t), void *arg)
{
	const struct tried *k = TAILQ_FIRST(&t->list);
	uint64_t ms;

	for (; k != NULL; k = TAILQ_NEXT(k, entry)) {
		if ((ms = missing(t, k, now)) > 0)
			cb(arg, k->key, ms);
	}
}

void
tries_restore(struct tries *t, const char *key, uint64_t ms, uint64_t now)
{
	if (t->max != 0)
		put(t, key, now)->whole_at = now + (ms < t->window ? ms :
		    t->window);
}

void
tries_undo(struct tries *t, const char *key)
{
	struct tried *k = table_get(&t->table, key);

	if (k != NULL && t->max != 0)
		k->whole_at -= step(t) < k->whole_at ? step(t) : k->whole_at;
}

void
tries_forget(struct tries *t, const char *key)
{
	struct tried *k = table_get(&t->table, key);

	if (k != NULL)
		drop(t, k);
}

size_t
tries_keys(const struct tries *t)
{
	return t->table.n;
}

void
tries_address_key(char key[TRIES_KEY_SIZE], const char *address)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	if (inet_pton(AF_INET6, address, &in6) != 1) {
		snprintf(key, TRIES_KEY_SIZE, "i:%s", address);
		return;
	}
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		inet_ntop(AF_INET, &in6.s6_addr[12], text, sizeof(text));
		snprintf(key, TRIES_KEY_SIZE, "i:%s", text);
		return;
	}
	memset(&in6.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &in6, text, sizeof(text));
	snprintf(key, TRIES_KEY_SIZE, "i:%s/64", text);
}
