/*
 * An operator's trace, on the main thread: it finds the client, and renders
 * what its loop posts. Nothing in it waits for the operator.
 */
#ifndef CONTROL_TRACE_H
#define CONTROL_TRACE_H

#include <sys/types.h>

#include <stdbool.h>

#include "request.h"
#include "util.h"

struct daemon;
struct trace_mail;
struct tracing;

#define TRACES_MAX	8	/* at once: of the socket's connections half */

extern const char tracing_no_client[];	/* for people */

/* Of a user with several clients: which there are. */
void	 tracing_choices(struct buf *, const struct listed_user *);
/*
 * Asks the client's loop to begin; TRACE_BEGIN or TRACE_NOBODY comes back.
 * False: there is no such loop.
 */
bool	 tracing_ask(struct daemon *, client_id reader, client_id);

/* It has begun, for an operator who is this. */
struct tracing *tracing_new(const struct trace_mail *, uid_t, pid_t);
/* Ends it; NULL is nothing. */
void	 tracing_free(struct tracing *);
/* Appends what is to be shown; true if it is the last. */
bool	 tracing_take(struct tracing *, const struct trace_mail *,
	    struct buf *);
/* All that was appended is written; appends what is to be said of that. */
void	 tracing_written(struct tracing *, struct buf *);
/* Appends the end. */
void	 tracing_end(struct buf *, const char *reason);

#endif
