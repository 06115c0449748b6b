/*
 * "partylinectl backup": a copy of the database, while the daemon goes on.
 */
#ifndef CTL_BACKUP_H
#define CTL_BACKUP_H

#include "ctl-ask.h"

/* To this file; with the flag f in place of one that is there. Exits if it
 * fails, and leaves nothing behind. */
int	 ctl_backup(const struct ctl *, const char *to);

#endif
