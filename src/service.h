/*
 * The service manager, if one started the daemon: it is told when the daemon is
 * ready, reloads and ends, may want to hear that it is alive, and may have made
 * the sockets. service-systemd.c asks systemd; where that was left out,
 * service-none.c knows of none. Main thread.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"

/* Whether somebody wants to hear it; then what: "READY=1" and so on, a line
 * each, as in sd_notify(3). */
bool	 service_listens(void);
void	 service_notify(const char *, ...)
	    __attribute__((format(printf, 1, 2)));
void	 service_reloading(void);
/* How often it wants "WATCHDOG=1" at the least, in ms; 0: never. */
uint64_t service_watchdog(void);

/* A socket that it has made. */
struct service_socket {
	int		 fd;
	char		*name;		/* "auto", "json" ...; malloced */
};

/* How many there are; the array (malloced) and descriptors are the caller's.
 * -1, and *error (caller frees). */
int	 service_sockets(struct service_socket **, char **error);

/* Those sockets as listeners. All zeros: none. */
struct service_listens {
	int		*fds;		/* in the order of conf->listens */
	size_t		 n;
	char		**texts;	/* overrides of the source */
};

/*
 * Takes them: if there are any, all the source's -o listen become these.
 * False, and *error (caller frees), if one is none that could be served.
 */
bool	 service_take_listens(struct service_listens *, struct conf_source *,
	    char **error);
/* Of those that are known: all the source's -o listen become these. */
void	 service_replace_listens(const struct service_listens *,
	    struct conf_source *);
/* The same of n sockets, which and whose names it takes over. */
bool	 service_set_listens(struct service_listens *, struct conf_source *,
	    struct service_socket *, size_t n, char **error);
/* The descriptors are the listeners' by then. */
void	 service_listens_free(struct service_listens *);

#endif
