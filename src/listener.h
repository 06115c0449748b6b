/*
 * Listening sockets. They are bound by the main thread before anything is
 * given up, and served by loop 0, which hands each client to the loop that
 * has least to do.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <sys/socket.h>

#include <stdbool.h>

#include "conf.h"

struct listener;
struct loop;

/*
 * Binds all of conf's addresses, or takes these sockets, which are bound to
 * them already (NULL: none). NULL and *error (caller frees) if one can't be
 * had; NULL without an error if there are none. Main thread.
 */
struct listener *listener_open_all(const struct conf *, const int *fds,
	    char **error);
/* A unix socket that listens, in place of one that nobody serves any more.
 * -1, and *error (caller frees) begins with what. Any thread. */
int	 listener_bind_local(const char *path, const char *what, char **error);
/* As a client: a connection to where such a daemon listens, or -1. */
int	 listener_dial(const struct listen_conf *);
/* Adds them to the loop, before its thread runs, and logs each address. */
void	 listener_serve(struct loop *, struct listener *);
/* A client's socket, which does not block: it is given to the least busy loop,
 * or told that there is no room. Loop 0's thread. */
void	 listener_welcome(struct loop *, int fd, enum listen_kind,
	    const struct sockaddr *);
/* Tells a client that there is no room for it, and closes. Any thread. */
void	 listener_refuse(enum listen_kind, int fd, const char *why);
/* The loop has another conf, with the same listeners; the loop's thread. */
void	 listener_configure(struct loop *);
/* Accepts nobody for a while, or goes on; the loop's thread. */
void	 listener_rest(struct loop *, bool rest);
/* Stops listening; the loop's thread. */
void	 listener_close_all(struct loop *);
/* So too, but another daemon goes on with the sockets. */
void	 listener_hand_over(struct loop *);
/* The port of conf's nth; 0 if it has none. */
uint16_t listener_port(const struct listener *, size_t n);
/* The socket of conf's nth, for another daemon; any thread. */
int	 listener_fd(const struct listener *, size_t n);
/*
 * As listener_open_all(), but for those that conf has and another daemon has
 * handed over, each by its text; their descriptors become -1. Then, if it
 * comes to nothing after all: listener_unlink() removes what it made.
 */
struct heirloom {
	char		*text;
	int		 fd;
};
struct listener *listener_take_all(const struct conf *, struct heirloom *,
	    size_t, char **error);
void	 listener_unlink(const struct listener *);

#endif
