/*
 * What an operator is shown of a client's protocol: its lines with their
 * secrets masked and nothing in them that a terminal obeys, each a line of
 * JSON. What is secret is in one table here. Pure, any thread.
 */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

enum trace_kind {
	/* main to loop; and back, if there is no such client */
	TRACE_START, TRACE_NOBODY,
	/* loop to main */
	TRACE_BEGIN,		/* members: who it is */
	TRACE_IN,		/* a line, without its end */
	TRACE_OUT,		/* lines with their ends, or a prompt */
	TRACE_FRAMES,		/* so too, in the frames of a WebSocket */
	TRACE_EVENT,		/* members: what became of the client */
	TRACE_END		/* the same, and nothing follows */
};

/* What a line is. */
enum trace_form {
	TRACE_TEXT,		/* a person's, or for one */
	TRACE_JSON,
	TRACE_HIDDEN		/* a person's, which nobody is to see */
};

/* Appends the line as {"trace":"in",...}; ms since the epoch. */
void	 trace_line(struct buf *, int64_t ms, enum trace_kind,
	    enum trace_form, const char *, size_t);
/* So too each line of TRACE_OUT's or TRACE_FRAMES'; their number. */
unsigned trace_lines(struct buf *, int64_t ms, enum trace_kind,
	    enum trace_form, const char *, size_t);
/* An event: members have a comma before each. */
void	 trace_event(struct buf *, int64_t ms, const char *members, size_t);
/* So many lines were left out here. */
void	 trace_missed(struct buf *, int64_t ms, unsigned lines);

/* How many trace_lines() would show: at least one. */
unsigned trace_count(enum trace_kind, const char *, size_t);

#endif
