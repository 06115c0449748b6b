/*
 * What a room has beside its log: settings, roles, bans and mutes, by the
 * room's key, whether the room is there or not. An ordinary room has none, and
 * that costs it nothing. Made from the store's facts, and changed by the same
 * ones once they are stored: what is here is what will be after a restart.
 * Hub thread.
 */
#ifndef RULES_H
#define RULES_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "fact.h"
#include "rights.h"
#include "table.h"

struct hub;

#define RULES_MAX	1000	/* roles, bans, mutes or guests invited, of a
				 * room */

/* What is kept of a room, by the kinds of facts. */
enum rules_kind {
	RULES_SET, RULES_ROLE, RULES_BAN, RULES_MUTE, RULES_CAME, RULES_KINDS
};

struct standing {
	enum role	 role;
	char		 key[];		/* of an account */
};

/* A ban or a mute. */
struct sanction {
	int64_t		 at, until;	/* ms since the epoch; 0: for ever */
	char		*by, *reason;	/* as shown; reason may be "" */
	char		*name;		/* as shown; of an address: of whom it
					 * was, or "" */
	bool		 renewed;	/* another is on its way to the store:
					 * none removes it for being over */
	char		 subject[];	/* "a:KEY", "n:KEY", "i:ADDRESS" */
};

/* Where somebody's reading begins, as history is off. */
struct arrival {
	uint64_t	 seq;
	bool		 kept;		/* a fact: for who is away as well */
	char		 key[];		/* of a name */
};

/* When somebody may speak again, as the room has a pace. */
struct turn {
	uint64_t	 next;		/* monotonic ms */
	char		 key[];		/* of a name */
};

/* A guest may enter this room, as long as its session lasts. */
struct invite {
	struct invite	*next;		/* of the same session */
	struct rules	*rules;
};

LIST_HEAD(rules_list, rules);

struct rules {
	LIST_ENTRY(rules) guarding;
	bool		 guards;	/* may keep somebody out: is in there */
	struct settings	 set;
	uint32_t	 owners;
	uint32_t	 resigning;	/* of these, once that is stored */
	uint32_t	 invited;	/* guests */
	uint32_t	 inviting;	/* more, once that is stored */
	uint32_t	 coming[RULES_KINDS]; /* facts that the store has yet */
	struct table	 roles;		/* struct standing by account's key */
	struct table	 bans, mutes;	/* struct sanction by subject */
	struct table	 arrivals;
	struct table	 turns;
	size_t		 turns_max;	/* as many: those over are dropped */
	char		 key[];		/* the room's */
};

/* NULL if that room is an ordinary one. */
struct rules *rules_find(const struct hub *, const char *room);
/* Made if need be; the room, if it is there, has them from now on. */
struct rules *rules_get(struct hub *, const char *key);
void	 rules_free_all(struct hub *);

/* Takes up a stored fact; false if it is of another kind. */
bool	 rules_load(struct hub *, const struct fact *);
/* Makes true here what the op has stored. */
void	 rules_stored(struct hub *, const struct store_op *);

/* The op, of an act, goes to the store with facts that may become more; and it
 * has come back. */
void	 rules_submitted(struct hub *, const struct store_op *);
void	 rules_back(struct hub *, const struct store_op *);
/* Would there be too many with so many more, those on their way counted, and so
 * many less? r may be NULL. */
bool	 rules_full(const struct rules *, enum rules_kind, uint32_t more,
	    uint32_t less);

enum role rules_role(const struct rules *, const char *account);
/* One that has not ended, or NULL. */
const struct sanction *rules_sanction(const struct table *,
	    const char *subject);
bool	 sanction_over(const struct sanction *, int64_t now);
/* One of this subject goes to the store. */
void	 rules_renew(const struct table *, const char *subject);
/* Makes facts that remove what is over of a table, which is "ban" or "mute". */
void	 rules_expire(struct request *, struct store_op *,
	    const struct rules *, const struct table *, const char *kind);

/* r may be NULL, unless somebody is invited. */
void	 rules_invite(struct hub *, struct rules *, uint32_t sid);
void	 rules_uninvite(struct hub *, const struct rules *, uint32_t sid);
bool	 rules_invited(const struct hub *, const struct rules *, uint32_t sid);
/* Those of the session; NULL: none. */
const struct invite *rules_invites(const struct hub *, uint32_t sid);
/* The session is over; or another has taken its place. */
void	 rules_ended(struct hub *, uint32_t sid);
void	 rules_resumed(struct hub *, uint32_t sid, uint32_t by);

void	 rules_arrived(struct rules *, const char *name, uint64_t seq);
/* A guest has gone. */
void	 rules_left(struct rules *, const char *name);
/* ms until this person may speak; 0 is now. */
uint32_t rules_wait(const struct rules *, const char *name);
/* So long, if the room has a pace. */
void	 rules_must_wait(struct rules *, const char *name, uint32_t ms);
/* It is this person's turn, until what is returned. */
uint64_t rules_spoke(struct rules *, const char *name);
/* It was not, if nothing more was said since. */
void	 rules_unspoke(struct rules *, const char *name, uint64_t turn);
void	 rules_renamed(struct rules *, const char *from, const char *to);

#endif
