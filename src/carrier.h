/*
 * How bytes get to a client and from it: one const struct a kind of
 * transport. The session's loop.
 */
#ifndef CARRIER_H
#define CARRIER_H

#include <sys/types.h>
#include <sys/uio.h>

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdint.h>

struct carrier {
	const char	*name;
	/*
	 * All goes through the bufferevent: send puts bytes behind those in
	 * its output, as many as there is room for, which is little. So the
	 * rest of a stream waits in the stream here too. And such a client
	 * stays on its loop.
	 */
	bool		 through;
	/* Sends slices past the bufferevent, whose output must be empty of
	 * what goes before them. Bytes accepted; -1 and errno, EAGAIN if the
	 * socket is full. Never raises SIGPIPE. */
	ssize_t		 (*send)(struct bufferevent *, struct iovec *, int);
	/* Bytes the peer has taken in so far, modulo 2^32; 0 where nobody
	 * can tell. */
	uint32_t	 (*taken)(struct bufferevent *);
	/* Reads past the bufferevent, whose input must be empty. As recv(2). */
	ssize_t		 (*recv)(struct bufferevent *, void *, size_t);
	/* Why BEV_EVENT_ERROR was said, in a few words; errno is of then. */
	const char	*(*why)(struct bufferevent *);
	/* Says that nothing follows. */
	void		 (*shut)(struct bufferevent *);
	/* Frees the bufferevent; the fd, which stays open. */
	int		 (*close)(struct bufferevent *);
};

extern const struct carrier carrier_tcp;

/* Takes a connected, non-blocking socket over; its fd is closed by whoever
 * closes the session. */
struct bufferevent *carrier_tcp_open(struct event_base *, int fd);

#endif
