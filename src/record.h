/*
 * Records: a state as bytes, for the daemon that takes this one's place. A
 * record is a row of fields, each a tag, a length and that many bytes; a field
 * may be a record itself. What is zero or absent is left out, and what is left
 * out is read as zero: so a newer daemon reads an older one's. A tag that it
 * does not know makes a record bad. Pure; any thread.
 */
#ifndef RECORD_H
#define RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

/* Writing. */
void	 record_addu(struct buf *, unsigned tag, uint64_t);
void	 record_adds(struct buf *, unsigned tag, const char *);
void	 record_add(struct buf *, unsigned tag, const void *, size_t);
/* A field that is a record: what is added until record_end() is in it. */
size_t	 record_begin(struct buf *, unsigned tag);
void	 record_end(struct buf *, size_t begun);

/* Reading. What is wrong makes it bad, which is to be looked at in the end. */
struct record {
	const char	*at;
	size_t		 left;
	bool		 bad;
	/* the field that record_next() has read */
	unsigned	 tag;
	const char	*data;
	size_t		 len;
};

void	 record_open(struct record *, const void *, size_t);
/* The next field; false at the end, or if it is bad. */
bool	 record_next(struct record *);
/* The field as a number, at most max. */
uint64_t record_u(struct record *, uint64_t max);
/* As a string of at most max bytes, the caller's to free; "" if it is bad. */
char	*record_s(struct record *, size_t max);
/* Its bytes, at most max, behind what is there. */
void	 record_b(struct record *, struct buf *, size_t max);
/* As exactly size bytes. */
void	 record_fixed(struct record *, void *, size_t size);
/* As a record, which is to be closed. */
void	 record_enter(struct record *, struct record *inner);
/* A bad one makes outer bad. */
void	 record_close(const struct record *inner, struct record *outer);

#endif
