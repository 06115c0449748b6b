/*
 * The audit of a store in memory: a ring of its newest lines. The caller locks.
 */
#ifndef STORE_AUDITS_H
#define STORE_AUDITS_H

#include "store.h"

#define AUDITS		1024		/* lines kept; a power of two */

struct audits {
	struct {
		int64_t	 time;
		char	*act;
	}		 lines[AUDITS];
	uint64_t	 newest;	/* its id, from 1; 0: there is none */
	uint64_t	 gone;		/* ids up to here are */
	uint64_t	 max, age;	/* 0: none; age in ms */
	struct store_marks marks;
};

void	 audits_configure(struct audits *, const struct conf *);
void	 audits_put(struct audits *, const char *act, int64_t now);
/* READ_AUDIT. */
void	 audits_read(struct audits *, struct store_read *, int64_t now);
void	 audits_free(struct audits *);

#endif
