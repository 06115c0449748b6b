/*
 * A roll: things in the order of their numbers, which only grow, for paging
 * and for what comes by number. Not locked: one thread owns a roll.
 */
#ifndef ROLL_H
#define ROLL_H

#include <stdint.h>

/* All zeros is an empty one. */
struct roll {
	struct roll_ref {
		uint64_t	 num;
		void		*item;		/* NULL: removed since */
	}		*refs;
	uint32_t	 n, cap;
	uint32_t	 removed;
};

void	 roll_free(struct roll *);		/* not the items */
/* The number is above all in it; or roll_sort() comes before the questions. */
void	 roll_add(struct roll *, uint64_t num, void *item);
void	 roll_sort(struct roll *);
/* This number is in it. No others move: a walk may go on. */
void	 roll_del(struct roll *, uint64_t num);
void	*roll_find(const struct roll *, uint64_t num);	/* or NULL */
/* Where numbers above this one begin in refs. */
uint32_t roll_after(const struct roll *, uint64_t num);
/* A walk: start with *at = 0, or roll_after(); NULL at the end. */
void	*roll_next(const struct roll *, uint32_t *at);

#endif
