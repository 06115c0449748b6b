/*
 * "partylinectl top": a picture each second, until it is enough. On a terminal
 * each takes the place of the one before, and q or Ctrl-C ends it; else they
 * follow each other.
 */
#ifndef CTL_WATCH_H
#define CTL_WATCH_H

#include <stdbool.h>

#include <jansson.h>

struct ctl_watch {
	json_t		*(*ask)(void *);	/* the next answer, for the
						 * caller to free */
	void		*arg;
	unsigned long	 count;		/* pictures; 0: without end, and only
					 * then the terminal is taken over */
	bool		 json;		/* the answers as they are, a line each
					 * and the first one at once */
};

void	 ctl_watch(const struct ctl_watch *);

#endif
