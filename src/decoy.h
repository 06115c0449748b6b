/*
 * What checking a password costs for a name that has none. After auth_cost has
 * changed, accounts keep hashes of the old cost until their next login; if all
 * other names were checked at the new one, the time that takes would tell which
 * are accounts. So each of them is given one of the costs that accounts have,
 * by a keyed hash, and the more often the more accounts have it: always the
 * same one, but that as accounts go over from one cost to another so do they.
 * Pure; the hub's thread.
 */
#ifndef DECOY_H
#define DECOY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "fact.h"

#define DECOY_FACT	"decoy/key"
#define DECOY_KEY	16		/* random bytes, kept in hex */

/* All zeros are none. */
struct decoys {
	uint32_t	 accounts[AUTH_COSTS];	/* whose hash costs that */
	char		 key[2 * DECOY_KEY + 1];	/* "": not needed yet */
	bool		 kept;		/* the store has it, or will */
};

/* An account has this hash now, or no more; "" is none. */
void	 decoys_add(struct decoys *, const char *hash);
void	 decoys_del(struct decoys *, const char *hash);
/* Takes up the stored key; false if it is another fact. */
bool	 decoys_load(struct decoys *, const struct fact *);
/* Is the key to be stored, for accounts differ in their cost? Made if need be;
 * whoever stores it sets kept. */
bool	 decoys_want_key(struct decoys *);
/* The cost for a name, by its key; while no account has any, this one. */
enum auth_cost decoys_cost(const struct decoys *, const char *name,
	    enum auth_cost otherwise);

#endif
