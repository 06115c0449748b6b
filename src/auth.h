/*
 * Passwords and tokens. A pool of threads has passwords hashed (argon2id),
 * which is made to take long and much memory: in a process each, so many at a
 * time as there are threads, and a bounded queue before them. What they are
 * handed is theirs until they post it to the hub.
 */
#ifndef AUTH_H
#define AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "hasher.h"
#include "mailbox.h"
#include "metrics.h"
#include "request.h"

struct auth;

/* Main thread, once the sandbox is entered; starts the threads. They post to
 * this mailbox, which outlives them. Takes the hashers, auth_workers of them;
 * keeps no pointer into conf. */
struct auth *auth_new(const struct conf *, struct hashers *,
	    struct mailbox *to);
/*
 * The hub's thread, before or after a stop. Takes over: the request comes back
 * as MAIL_REQUEST with its proof, its secrets wiped. False: too many wait, or
 * it was stopped, and nothing was taken.
 */
bool	 auth_submit(struct auth *, struct request *);
/* Any thread. */
const struct auth_metrics *auth_metrics(const struct auth *);
/* Main thread: what waits goes back as PROOF_UNTRIED. */
void	 auth_clear(struct auth *);
/* Main thread: has done what was begun, waits for the threads' end, and clears:
 * for as long as the hub misses a request it does not end. */
void	 auth_stop(struct auth *);
/* Stops, if need be, for which the mailbox is still there; NULL is nothing. */
void	 auth_free(struct auth *);

/* The rest is for any thread. */

/* Whether a new password, prepared, is long enough, not too long and without
 * control characters; else *why (a constant, or in the request's arena) is what
 * is wrong with it. */
bool	 auth_password_fits(struct request *, const char *password,
	    const struct conf *, const char **why);

#define TOKEN_PREFIX	"pl_"	/* so that it is known for what it is */
#define TOKEN_RANDOM	24	/* bytes */
#define TOKEN_SIZE	(sizeof(TOKEN_PREFIX) + TOKEN_RANDOM / 3 * 4)
#define TOKEN_HASH_SIZE	65	/* BLAKE2b-256 in hex, and NUL */

/* The word of auth_cost that has such a hash made; AUTH_COSTS: none. */
enum auth_cost auth_hash_cost(const char *);

/* A new token, of letters that a URL may hold. */
void	 auth_token_new(char [TOKEN_SIZE]);
/* What is kept of one. It is random enough for a quick hash without salt. */
void	 auth_token_hash(const char *token, char [TOKEN_HASH_SIZE]);
/* Takes as long wherever they differ; but not so if they differ in length. */
bool	 auth_equal(const char *, const char *);

#endif
