/*
 * The other end of handover.h: finds the daemon of a configuration, or starts
 * one, and hands it a client's descriptor. However many processes do so at
 * once, one daemon is started: who starts it holds a lock on the directory of
 * the control socket. No threads.
 */
#ifndef HAND_H
#define HAND_H

#include <stdbool.h>

#include "conf.h"

enum handed {
	HANDED,
	HAND_FULL,		/* the daemon has no descriptor left */
	HAND_FORBIDDEN,		/* it takes none from this user */
	HAND_FAILED
};

/* line is handover.h's, without its end. Unless HANDED, *why (caller frees)
 * says what was wrong. The descriptor stays open here. */
enum handed hand(const struct conf *, const struct conf_source *, int fd,
	    const char *line, char **why);

/*
 * For who would be the daemon itself: true if there is none, and then *lock
 * keeps others from starting one until it is closed. False with *why NULL if
 * there is one.
 */
bool	 hand_claim(const struct conf *, int *lock, char **why);

#endif
