/*
 * A trace under way: what a client's loop and the main thread share of it. The
 * loop copies what is to be shown and posts it; the main thread masks and
 * renders it (control-trace.c). What the operator has not taken yet is
 * bounded; what does not fit is left out, and counted.
 */
#ifndef TRACING_H
#define TRACING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox.h"
#include "request.h"
#include "trace.h"

struct iovec;
struct loop;
struct session;

#define TRACE_BYTES	(256u * 1024)	/* copied and not taken yet */

struct trace {
	atomic_uint	 refs;		/* the operator's, the loop's, mail's */
	atomic_bool	 over;		/* nobody looks at it any more */
	atomic_size_t	 waiting;	/* bytes on their way to the operator */
	atomic_uint	 missed;	/* lines left out behind the last one */
	struct mailbox	*to;		/* the main thread's */
	client_id	 reader;	/* the operator's connection */
	client_id	 client;	/* as it was asked for */
	/* of the loop that has the session */
	struct session	*session;
	struct trace	*next;		/* of the loop's, or of a record's */
};

struct trace_mail {
	struct mail	 mail;		/* MAIL_TRACE */
	struct trace	*trace;		/* a reference */
	int64_t		 time;		/* ms since the epoch */
	size_t		 len;
	unsigned	 missed;	/* lines before this */
	uint8_t		 kind;		/* enum trace_kind */
	uint8_t		 form;		/* enum trace_form */
	char		 data[];
};

/* Main thread: one with one reference, and the order to begin it, for the loop
 * that has the client. */
struct trace *trace_new(struct mailbox *, client_id reader, client_id client);
struct trace_mail *trace_start(struct trace *);
void	 trace_unref(struct trace *);
/* With its reference. */
void	 trace_mail_free(struct trace_mail *);

/* The loop's thread, all that follow. Takes the mail over; NULL: there is no
 * such client. */
void	 session_trace_start(struct session *, struct trace_mail *);
/* At a tick: lets go of those that are over. */
void	 loop_trace_sweep(struct loop *);

/* If a session is traced: s->traced. */
void	 session_trace_in(struct session *, const char *, size_t);
void	 session_trace_out(struct session *, const char *, size_t);
/* size bytes of slices, and behind them the rest of a line begun. */
void	 session_trace_slices(struct session *, const struct iovec *, int n,
	    size_t size, const char *rest, size_t rest_len);
/* Its dialect has changed; its carrier; a line of it was thrown away. */
void	 session_trace_dialect(struct session *);
void	 session_trace_carrier(struct session *);
void	 session_trace_too_long(struct session *);
/* It ends, or this daemon's part of it. */
void	 session_trace_end(struct session *, const char *reason);
/* It leaves its loop, with its traces; and is on another. */
struct trace *session_trace_leave(struct session *);
void	 session_trace_arrive(struct session *, struct trace *);
/* Those of a session that ends on its way. */
void	 traces_end(struct trace *, const char *reason);

#endif
