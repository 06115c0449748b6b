/*
 * Argon2id, in processes of their own. Each sum maps, fills and unmaps much
 * memory; in a thread of the daemon every other that maps or unmaps some would
 * wait for that (for the kernel's mmap_lock), and the longer the lower the
 * priority of who has it. In a process nobody waits; it comes after all others
 * (niceness 19), may make hardly any system call, and has no descriptor but its
 * socket. And should the kernel end one for want of memory, that is one login.
 * Their parent is one more such process, which ends and starts them.
 */
#ifndef HASHER_H
#define HASHER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PASSWORD_MAX	512	/* bytes, as it is hashed */
#define HASH_SALT_SIZE	16	/* bytes, as libsodium has it */
#define HASH_SUM_SIZE	32	/* bytes, likewise */

struct hash_cost {
	unsigned long long passes;
	size_t		 memory;	/* bytes */
};

struct hash_input {
	struct hash_cost cost;
	size_t		 len;
	char		 password[PASSWORD_MAX];
	unsigned char	 salt[HASH_SALT_SIZE];
};

struct hashers;

/*
 * Main thread, while there is no other and little memory is in use, privileges
 * dropped: starts so many processes, confined if sandbox says so. argv, which
 * they are known by afterwards, may be NULL. One that has no answer in so many
 * ms is taken for stopped: it is killed, and another one started.
 */
struct hashers *hashers_start(unsigned n, unsigned ms, bool sandbox,
	    char **argv);
/*
 * Any thread, but one at a time for each i below n. Blocks, twice those ms at
 * most; then it computes by itself. False: these are no costs, or there is no
 * memory for them.
 */
bool	 hashers_sum(struct hashers *, unsigned i, const struct hash_input *,
	    unsigned char [HASH_SUM_SIZE]);
/* Ends the processes, when no sum is under way any more; NULL is nothing. */
void	 hashers_end(struct hashers *);

#endif
