/*
 * What the commands that moderate share: one act, on its way to the store.
 * Hub thread.
 */
#ifndef ACT_H
#define ACT_H

#include "hub-internal.h"

struct doing {
	struct hub	*hub;
	struct login	*by;
	struct request	*req;
	struct room	*room;
	enum role	 role;		/* of who does it */
	/* whom: of a guest account is NULL, of who is away or gone user is */
	struct user	*user;
	struct account	*account;
	const char	*key;
	const char	*whose;		/* of a guest: see address_whose() */
	enum role	 theirs;
	struct store_op	 op;		/* facts so far */
};

/* Finds the room, and what by is there; false, and the request is refused. */
bool	 act_find(struct doing *);
/* And may by do that? */
bool	 act_begin(struct doing *, enum act);
/* Gives it to the store, as a message of the room; to may be NULL. Takes over
 * the object for the audit, which has "act" and what is the act's own. */
enum verdict act_submit(struct doing *, enum msg_kind, const char *to,
	    const char *text, json_t *audit);
void	 answer_settings(const struct hub *, const struct room *,
	    struct request *);

#endif
