/*
 * The PROXY protocol, versions 1 and 2, by which a proxy says before all else
 * whose connection it forwards (HAProxy's proxy-protocol.txt). And what HTTP's
 * proxies say of that, X-Forwarded-For. Pure, any thread: who may be believed
 * is for the caller to know.
 */
#ifndef PROXY_H
#define PROXY_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

enum proxy_status {
	PROXY_NO,	/* these bytes are no header's beginning */
	PROXY_MORE,	/* they may become one */
	PROXY_BAD,	/* they began like one, and are none */
	PROXY_LOCAL,	/* one that names nobody: the peer speaks for itself */
	PROXY_FROM	/* one that names a client */
};

/* Of an IPv4 or IPv6 address, in host order. */
uint16_t proxy_port(const struct sockaddr_storage *);

/* Bytes that may be PROXY_MORE at most. */
#define PROXY_MAX	(16 + 2048)

struct proxy_header {
	size_t		 len;		/* bytes of it */
	struct sockaddr_storage from;	/* IPv4 or IPv6, with the port */
};

/* Of PROXY_LOCAL and PROXY_FROM. */
enum proxy_status proxy_parse(struct proxy_header *, const char *, size_t);

/*
 * An address without a port, IPv6 perhaps in brackets, perhaps with a port
 * behind it, as X-Forwarded-For has them. False: it is none.
 */
bool	 proxy_address(struct sockaddr_storage *, const char *, size_t);

/*
 * Whom a request comes from that a trusted proxy has forwarded: of
 * X-Forwarded-For, the address farthest to the right that is in none of the
 * trusted networks, for only what trusted ones added can be believed; or the
 * farthest to the left of them. False: it names nobody.
 */
bool	 proxy_forwarded(struct sockaddr_storage *,
	    const struct http_request *, const char *trusted);

#endif
