/*
 * How often a password may be guessed: failed logins are counted by key, of an
 * address and of a name. Each key has so many tries, and gets them back one by
 * one, all of them in a window of time. Pure: the time is passed in; one thread
 * (the hub's). Bounded: what has all its tries is forgotten, and beyond
 * TRIES_KEYS the key that has failed least lately.
 */
#ifndef TRIES_H
#define TRIES_H

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIES_KEYS	16384

struct tries;

/* 0 tries: no limit. window is in ms. */
struct tries *tries_new(uint64_t max, uint64_t window);
void	 tries_set(struct tries *, uint64_t max, uint64_t window);
void	 tries_free(struct tries *);		/* NULL is nothing */

/* Whether the key has a try; if not, in how many ms it will have. now is
 * clock_ms() of one's own choice of zero: if it jumps back, nobody waits longer
 * than the window. */
bool	 tries_allowed(const struct tries *, const char *key, uint64_t now,
	    uint32_t *retry_ms);
/* One try less. To be called before the password is checked, not after, or
 * those that are being checked at the same time do not count. */
void	 tries_failed(struct tries *, const char *key, uint64_t now);
/* It had not failed after all: one try more, as for an address. One who has a
 * password must not get all tries at others' back by it. */
void	 tries_undo(struct tries *, const char *key);
/* All tries again, as for a name, whose password somebody knew. */
void	 tries_forget(struct tries *, const char *key);
size_t	 tries_keys(const struct tries *);
/* For an upgrade: calls back for each key that misses tries, with the ms until
 * it has them all, first the one that has failed least lately; takes that
 * over, in the same order. */
void	 tries_each(const struct tries *, uint64_t now, void (*)(void *,
	    const char *key, uint64_t ms), void *);
void	 tries_restore(struct tries *, const char *key, uint64_t ms,
	    uint64_t now);

/* Keys. Of an IPv6 address it is the network, a /64: who has one, has all. */
#define TRIES_KEY_SIZE	(INET6_ADDRSTRLEN + 8)
void	 tries_address_key(char [TRIES_KEY_SIZE], const char *address);

#endif
