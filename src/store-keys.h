/*
 * What was said with a key (promise 4), for a store in memory: a day of it, and
 * at most 64 MiB; the oldest go first. The caller locks.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store.h"
#include "table.h"

struct key;

struct keys {
	struct table	 table;
	struct key	*first, **last;	/* oldest first */
	size_t		 bytes;
	struct store_marks marks;
	struct buf	 text;		/* scratch */
};

void	 keys_init(struct keys *);
void	 keys_free(struct keys *);
/* Forgets what is too old; seq: the highest given, now: wall clock, ms. */
void	 keys_expire(struct keys *, uint64_t seq, int64_t now);
/* Whether the op's message has been said: then op says when. */
bool	 keys_known(struct keys *, struct store_op *op);
/* The same of one to be appended; else remembers it under seq. */
bool	 keys_check(struct keys *, struct store_op *op, uint64_t seq,
	    int64_t now);
/* Forgets those of a person; from: their name's key. */
void	 keys_erase(struct keys *, const char *from);

#endif
