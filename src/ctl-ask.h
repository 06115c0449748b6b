/*
 * partylinectl's side of the control socket: a request, its answer, and what
 * is said where there is none. What can't go on exits, with the statuses of
 * partylinectl(8).
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>

#include <jansson.h>

#include "conf.h"
#include "control-table.h"

enum { REFUSED = 1, USAGE = 2, NOT_THERE = 3 };	/* exit statuses */

#define WAIT_SECONDS	15		/* for an answer */

struct ctl {
	struct conf_source source;
	const char	*path;		/* of the socket */
	struct conf	*conf;		/* NULL: the socket was named */
	char		*trouble;	/* with it; or NULL */
	const char	*words;		/* flags given to the command */
	const char	*kind;		/* of what it is; or NULL */
	bool		 json;
	int		 fd;		/* of the socket */
};

/* The socket, whose answers may take so long; 0: any time. */
int	 ctl_dial(const struct ctl *, time_t seconds);
/* -1: there is none. */
int	 ctl_try_dial(const struct ctl *, time_t seconds);
/* arg and rest may be NULL. */
json_t	*ctl_request(enum control_id, const char *arg, const char *rest);
void	 ctl_send(int fd, json_t *request);
/* The answer, for the caller to free; NULL: the daemon has ended the
 * connection. Takes the request over. */
json_t	*ctl_try_ask(int fd, json_t *request);
/* So too, but it exits then. */
json_t	*ctl_ask(int fd, json_t *request);
/* All pages of an answer whose list is key as one; NULL: it has none. */
json_t	*ctl_ask_all(int fd, json_t *request, const char *key);
bool	 ctl_ok(const json_t *answer);
/* Prints why, in either form; the status to exit with. */
int	 ctl_refused(const struct ctl *, const json_t *answer);
/* Was this flag given to the command? */
bool	 ctl_flag(const struct ctl *, char);

#endif
