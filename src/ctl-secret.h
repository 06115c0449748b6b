/*
 * A password or a yes, asked of whoever sits before partylinectl.
 */
#ifndef CTL_SECRET_H
#define CTL_SECRET_H

#include <stdbool.h>

/*
 * From a terminal, unseen and twice; else the first line of standard input.
 * Exits if there is none, or the two differ. The caller frees it.
 */
char	*ctl_secret(const char *what);
/* True if standard input is a terminal, and there the answer is yes. */
bool	 ctl_confirm(const char *question);

#endif
