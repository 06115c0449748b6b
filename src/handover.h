/*
 * The hand-over socket: how "partylined -i" gives the daemon a client that
 * inetd has accepted. A unix socket beside the control socket, for root and
 * the daemon's own user; one line and one descriptor in, one line out:
 *
 *	KIND [ADDRESS PORT]	of the listener; the client's, where its socket
 *				has none
 *	ok | WORD [TEXT]	taken; or why not
 *
 * Main thread.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <sys/socket.h>

#include "loop.h"

#define HANDOVER_LINE	256	/* bytes of either line */

struct event_base;
struct handover;

/* A client, on its way to loop 0, which welcomes it as if it had accepted it:
 * see listener_welcome(). */
struct welcome_mail {
	struct mail	 mail;
	int		 fd;
	enum listen_kind kind;
	struct sockaddr_storage address;
};

/* The path, for this control socket; the caller frees. */
char	*handover_path(const char *control);
/* fd is the socket, if another daemon has given it, or -1. NULL, and the log
 * says why, if it cannot be had. */
struct handover *handover_open(struct daemon *, struct event_base *,
	    const char *control, int fd);
/* Its path stays if another daemon goes on with it. NULL is nothing. */
void	 handover_close(struct handover *, bool replaced);
int	 handover_fd(const struct handover *);
/* Takes nobody for a while, or goes on. */
void	 handover_rest(struct handover *, bool rest);

#endif
