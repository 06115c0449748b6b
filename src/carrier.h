/*
 * How bytes get to a client and from it: one const struct a kind of
 * transport. The session's loop.
 */
#ifndef CARRIER_H
#define CARRIER_H

#include <sys/types.h>
#include <sys/uio.h>

#include <event2/bufferevent.h>
#include <stdint.h>

struct carrier {
	const char	*name;
	/* Takes a connected, non-blocking socket over; its fd is closed by
	 * whoever closes the session. */
	struct bufferevent *(*open)(struct event_base *, int fd);
	/* Sends slices past the bufferevent, whose output must be empty of
	 * what goes before them. Bytes accepted; -1 and errno, EAGAIN if the
	 * socket is full. Never raises SIGPIPE. */
	ssize_t		 (*send)(struct bufferevent *, struct iovec *, int);
	/* Bytes the peer has taken in so far, modulo 2^32; 0 where nobody
	 * can tell. */
	uint32_t	 (*taken)(struct bufferevent *);
	/* Reads past the bufferevent, whose input must be empty. As recv(2). */
	ssize_t		 (*recv)(struct bufferevent *, void *, size_t);
};

extern const struct carrier carrier_tcp;

#endif
