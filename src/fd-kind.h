/*
 * What a descriptor is that somebody else has opened. Any thread.
 */
#ifndef FD_KIND_H
#define FD_KIND_H

enum fd_kind {
	FD_CLOSED,
	FD_LISTENS,		/* a stream socket that takes clients */
	FD_CLIENT,		/* one that is a client's */
	FD_GONE,		/* that was one: the client has gone */
	FD_PAIR,		/* half of a socketpair(2) */
	FD_STREAM,		/* a pipe, a terminal, a file */
	FD_OTHER		/* a socket that is no stream */
};

enum fd_kind fd_kind(int);

#endif
