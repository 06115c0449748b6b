/*
 * What the daemon may do to its machine, and gives up for good: root, once the
 * listeners are bound, for user and group; capabilities; new privileges. The
 * sandbox (sandbox.h) takes more. Main thread, while there is no other.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <stdbool.h>

#include "conf.h"

struct privileges {
	bool		 background;	/* there is a pid file */
	bool		 given;		/* sockets are not its own */
	/* What was given up, for the log: "yes", or "no" and why. */
	const char	*capabilities;	/* those left */
	char		*seccomp, *landlock;
};

/*
 * Becomes conf's user and group in conf's chroot, having made over to them what
 * they need: the state directory with what an earlier run as root left there,
 * a new log file, the sockets bound, new directories of the control socket and,
 * in the background, of the pid file, and that file.
 * False, with *error (caller frees), if that cannot be.
 */
bool	 privileges_drop(const struct conf *, struct privileges *,
	    char **error);
/* Before that: makes a private directory for that user, if there is none. */
void	 privileges_mkdir(const struct conf *, const char *path);
/* Whether there are such a user and group; *error likewise. */
bool	 privileges_check(const struct conf *, char **error);
/* One line that says what is in force. */
void	 privileges_log(struct privileges *);

/* Capabilities, by libcap-ng where it was built in. */

/* Of what can ever be had again nothing is left; or, for root that stays,
 * access to files. Called while it may still be done. */
void	 caps_bound(bool root);
/* The same of what is had now. Returns what is left, in words. */
const char *caps_drop(bool root);

#endif
