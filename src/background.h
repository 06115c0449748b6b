/*
 * A daemon in the background: its parent waits until it serves, and a file has
 * its pid.
 */
#ifndef BACKGROUND_H
#define BACKGROUND_H

#include <stdbool.h>

#include "conf.h"

/*
 * The parent waits until the child says that it serves, or has failed; then it
 * ends with the child's status. Returns in the child, with what is to be given
 * to background_ready(). Exits if that cannot be.
 */
int	 background_enter(void);
/* Says to the parent that it serves, and lets stderr go, unless that is where
 * the log goes. */
void	 background_ready(int parent, const struct conf *);

/* False and errno: it could not be written. */
bool	 pid_write(const char *file);
/* In a directory that is not the daemon's it stays, empty. */
void	 pid_remove(const char *file);

#endif
