/*
 * Whom a person ignores: a frozen list, by key, shared by reference count. A
 * change makes another one. Pure, any thread.
 */
#ifndef IGNORE_H
#define IGNORE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "name.h"

#define IGNORED_MAX	200	/* names in a person's list */

struct ignored {
	int64_t		 at;		/* ms since the epoch */
	const char	*key, *name;	/* as it was written */
};

struct ignores {
	atomic_uint	 refs;
	uint32_t	 n;		/* never 0 */
	struct ignored	 list[];	/* by key; then the strings */
};

/* The list (NULL: nobody) with this one as well; one reference, the
 * caller's. */
struct ignores *ignores_with(const struct ignores *, const struct ignored *);
/* The list without this one; NULL: nobody is left. */
struct ignores *ignores_without(const struct ignores *, const char *key);
struct ignores *ignores_ref(struct ignores *);		/* NULL is nothing */
void	 ignores_unref(struct ignores *);		/* likewise */
/* NULL: is not ignored; so for a list that is NULL. */
const struct ignored *ignores_find(const struct ignores *, const char *key);

/* Whether the message is of a kind that is hidden from who ignores its sender;
 * then the sender's key. What changes a room is seen by everybody. */
bool	 msg_ignorable(const struct msg *, struct name *sender);
/* Whether it is hidden from who has this list. */
bool	 ignores_hide(const struct ignores *, const struct msg *);

#endif
