/*
 * The daemon's database, as partylinectl reads it beside the daemon: one
 * snapshot, which waits for nobody and nobody for it, and never a change.
 * What can't go on exits.
 */
#ifndef CTL_DB_H
#define CTL_DB_H

#include <sqlite3.h>

#include "ctl-ask.h"

/*
 * Where the database is: the daemon says so, and if none is running, the
 * configuration. The caller frees it.
 */
char	*ctl_db_path(const struct ctl *);
/* One of this schema, with a snapshot begun. */
sqlite3	*ctl_db_open(const char *path);
/* Says why and exits. */
void	 ctl_db_fail(sqlite3 *, const char *what) __attribute__((noreturn));
/* Prepares; exits if that fails. */
sqlite3_stmt *ctl_db_query(sqlite3 *, const char *sql);
/* A step: true if there is a row. */
bool	 ctl_db_row(sqlite3_stmt *);

#endif
