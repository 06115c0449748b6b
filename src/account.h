/*
 * Accounts: names that belong to somebody, whether they are here or not. All
 * of them are in memory, made from the store's facts; a change is stored
 * first and made here when that is committed. Hub thread.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth.h"
#include "fact.h"

struct hub;
struct room;

#define TOKENS_MAX	32	/* of an account */

/* A secret of a program; only its hash is known here. */
struct token {
	struct token	*next;
	int64_t		 created, expires;	/* ms; 0: never */
	uint8_t		 num;		/* that no other of the account has */
	char		 hash[TOKEN_HASH_SIZE];
	char		 label[];
};

/* What an account has to do with a room. */
struct kept {
	struct kept	*next;
	uint64_t	 seen;		/* read up to this seq */
	struct spans	*shown;		/* behind a gap, and that stands open */
	bool		 kept;		/* is in it whenever it is here */
	char		 room[];	/* the key */
};

struct account {
	struct room	*inbox;		/* NULL until somebody needs it */
	struct token	*tokens;	/* the newest first */
	struct kept	*kept;
	char		*hash;		/* argon2id string */
	char		*talks;		/* the key of the room where it does at
					 * a terminal, or NULL */
	char		*hash_before;	/* of the same password, which had a
					 * worse one since the start; or NULL */
	char		*proved_from;	/* the address of the last login by
					 * password since the start (an upgrade
					 * is none), or NULL */
	uint64_t	 author;	/* of what it says: see struct msg */
	int64_t		 created;	/* ms since the epoch */
	int64_t		 login;		/* the last one, or 0 */
	uint32_t	 owned;		/* rooms */
	uint32_t	 making;	/* rooms it will own once stored */
	uint32_t	 asked;		/* tokens that are not stored yet */
	uint32_t	 changing;	/* passwords likewise */
	bool		 op;		/* operator of the server */
	bool		 rehashing;	/* a better hash is not stored yet */
	bool		 pending;	/* not yet stored: reserved only */
	uint64_t	 num;		/* in the roll */
	uint16_t	 shown_at;
	char		 names[];	/* the key; shown, if it differs */
};

#define account_key(a)		((a)->names)
#define account_shown(a)	((a)->names + (a)->shown_at)

/* NULL if there is none; one that is pending is found as well. */
struct account *account_find(const struct hub *, const char *key);
struct account *account_new(struct hub *, const char *key, const char *shown);
void	 account_free(struct hub *, struct account *);
/* Its password has this hash; "": it has none yet. */
void	 account_set_hash(struct hub *, struct account *, const char *);
void	 accounts_free(struct hub *);

/* Takes up a stored fact, those of accounts before all others of theirs.
 * False if it is of another kind. */
bool	 account_load(struct hub *, const struct fact *);
/* Is it one of an account's that is not there? */
bool	 account_lost(const struct hub *, const struct fact *);
/* Since when it is one; and its author, unless it has one. */
void	 account_created(struct account *, int64_t);
/* What keeps the account itself; with this hash. */
void	 account_fact(struct request *, struct store_op *,
	    const struct account *, const char *hash);

struct token *token_find(const struct account *, const char *label);
struct token *token_by_num(const struct account *, uint8_t);
uint32_t token_count(const struct account *);
/* Takes the place of one with the same label, of which the number is returned
 * (0: there was none), as by token_del(): sessions came in by that one. */
uint8_t	 token_put(struct account *, const char *label, const char *hash,
	    int64_t created, int64_t expires);
uint8_t	 token_del(struct account *, const char *label);
/* The one with this hash that has not expired, NULL if there is none; takes
 * as long whatever they differ in. */
struct token *token_match(const struct account *, const char *hash,
	    int64_t now);

/* What the account has to do with the room of this key; NULL: nothing yet. */
struct kept *kept_find(const struct account *, const char *room);
struct kept *kept_get(struct account *, const char *room);
/* It has read up to this seq, and what was shown from there on. */
void	 kept_read(struct kept *, uint64_t seq);
/* The facts of that: which are to be, and whether shown was one before. */
void	 kept_facts(struct request *, struct store_op *, const struct account *,
	    const char *room, uint64_t seen, const struct spans *shown,
	    bool was);
uint32_t kept_count(const struct account *);	/* of those kept */
/* If it has been in so many rooms, forgets the one it has left that it came to
 * first; the op removes the fact of it. */
void	 kept_forget(struct account *, uint32_t max, struct request *,
	    struct store_op *);

#endif
