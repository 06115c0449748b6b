/*
 * "partylinectl export" and "import": a room or an account as lines of JSON,
 * and back. Exits if it fails.
 */
#ifndef CTL_EXPORT_H
#define CTL_EXPORT_H

#include "ctl-ask.h"

/* Of the kind that c says; with the flag p hashes of secrets too. */
int	 ctl_export(const struct ctl *c, const char *name);
/* Of a file, "-" for standard input; with the flag m into what is there. */
int	 ctl_import(const struct ctl *c, const char *path);

#endif
