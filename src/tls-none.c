/* Where TLS was left out: a struct tls is nothing, and nobody is opened. */
#include <assert.h>
#include <stdlib.h>

#include "tls.h"

bool
tls_built(void)
{
	return false;
}

struct tls *
tls_new(const struct conf *conf, char **error)
{
	*error = NULL;
	(void)conf;
	return (struct tls *)xcalloc(1, 1);
}

void
tls_free(struct tls *t)
{
	free(t);
}

bool
tls_reload(struct tls *t, const struct conf *conf, bool *changed,
    char **error)
{
	(void)t, (void)conf, (void)error;
	if (changed != NULL)
		*changed = false;
	return true;
}

void
tls_turn(struct tls *t, uint64_t now)
{
	(void)t, (void)now;
}

bool
tls_is_on(struct tls *t)
{
	(void)t;
	return false;
}

struct bufferevent *
tls_open(struct tls *t, struct event_base *base, int fd, const char *first,
    size_t len)
{
	(void)t, (void)base, (void)fd, (void)first, (void)len;
	return NULL;
}

void
tls_opened(struct bufferevent *bev, struct tls_peer *peer)
{
	(void)bev, (void)peer;
	assert(!"no TLS was built in");
}

bool
tls_common_name(struct bufferevent *bev, char name[NAME_SIZE])
{
	(void)bev;
	(void)name;
	return false;
}

const char *
tls_failure(struct bufferevent *bev)
{
	(void)bev;
	return "";
}

/* Nobody's. */
const struct carrier carrier_tls = { .name = "tls" };
