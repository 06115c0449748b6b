/*
 * "partylinectl trace": the lines that the daemon sends of a client, each as
 * it comes, until there are no more.
 */
#ifndef CTL_TRACE_H
#define CTL_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "util.h"

struct ctl_trace {
	int		 fd;
	struct buf	 in;		/* from taken on: not yet looked at */
	size_t		 taken;
};

/* The next line, for the caller to free; NULL: the connection has ended, or
 * what it said was none. What was shown so far is out before it waits. */
json_t	*ctl_trace_next(struct ctl_trace *);
void	 ctl_trace_free(struct ctl_trace *);

/* Appends what a person is shown of a line, or of the answer before them. */
void	 ctl_trace_show(struct buf *, const json_t *);
/* Whether it says that nothing follows. */
bool	 ctl_trace_is_end(const json_t *);

#endif
