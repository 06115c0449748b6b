/*
 * TLS: the certificate in force, and clients that speak it. A struct tls is
 * the daemon's one; the main thread makes it and takes a new certificate in,
 * loops open clients by it, under a lock. A client that is open keeps what it
 * was opened with, and belongs to its loop.
 *
 * An optional part: tls-none.c stands in its place where it was left out, and
 * then it is never on.
 */
#ifndef TLS_H
#define TLS_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "carrier.h"
#include "conf.h"
#include "name.h"
#include "util.h"

struct tls;

/* Whether this part was built in. */
bool	 tls_built(void);

/* By the configuration; NULL and *error (caller frees) if that can't be. */
struct tls *tls_new(const struct conf *, char **error);
void	 tls_free(struct tls *);	/* NULL is nothing */
/*
 * Reads certificate and key again, for clients to come. Their tickets stay
 * good. *changed, if not NULL: the certificate, or its chain, is another one.
 * False and *error (caller frees): all is as it was.
 */
bool	 tls_reload(struct tls *, const struct conf *, bool *changed,
	    char **error);
/* Once a second or so, any thread, at clock_ms(): tickets get another key when
 * it is time. NULL is nothing. */
void	 tls_turn(struct tls *, uint64_t now);
/* Whether there is a certificate; NULL has none. */
bool	 tls_is_on(struct tls *);

/* The byte that a client's TLS begins with, and nothing else (RFC 8446
 * section 5.1, handshake). */
#define TLS_FIRST_BYTE	0x16

/*
 * A bufferevent of carrier_tls on the fd, whose first bytes have been read
 * already. It says BEV_EVENT_CONNECTED once the handshake is done. NULL: no
 * certificate, no memory.
 */
struct bufferevent *tls_open(struct tls *, struct event_base *, int fd,
	    const char *, size_t);

/* What a handshake came to. Strings are OpenSSL's, or in the buffer. */
struct tls_peer {
	const char	*version, *cipher;
	bool		 http;		/* asked for by ALPN */
	bool		 resumed;	/* by a ticket */
	struct buf	 subject;	/* of its verified certificate, RFC
					 * 2253; empty: it has none */
};

/* After BEV_EVENT_CONNECTED, once; the caller frees the subject. */
void	 tls_opened(struct bufferevent *, struct tls_peer *);
/*
 * The common name that the client's certificate has, if it has one and was
 * verified on this connection: a ticket of an earlier one is no proof of what
 * the authority says now. False: there is none.
 */
bool	 tls_common_name(struct bufferevent *, char name[NAME_SIZE]);
/* After BEV_EVENT_ERROR, once: why. Static. */
const char *tls_failure(struct bufferevent *);

extern const struct carrier carrier_tls;

#endif
