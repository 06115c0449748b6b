/*
 * Chance that can be had again: a test throws dice in runs, of one seed, which
 * it prints and which a variable of the environment may give.
 */
#ifndef DICE_H
#define DICE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

static struct {
	uint64_t	 seed;
	unsigned	 run;
	uint64_t	 state;
} dice;

#define check(what)							\
	cr_assert((what), "seed %llu run %u: %s",			\
	    (unsigned long long)dice.seed, dice.run, #what)

static inline uint32_t
below(uint32_t n)
{
	dice.state ^= dice.state << 13;		/* xorshift */
	dice.state ^= dice.state >> 7;
	dice.state ^= dice.state << 17;
	return (uint32_t)((dice.state >> 20) % n);
}

static inline void
dice_seed(const char *variable)
{
	const char *given = getenv(variable);

	random_bytes(&dice.seed, sizeof(dice.seed));
	dice.seed %= 1000000;
	if (given != NULL)
		dice.seed = strtoull(given, NULL, 10);
	fprintf(stderr, "# seed %llu\n", (unsigned long long)dice.seed);
}

/* How many runs: as the variable says, or so many. */
static inline unsigned
dice_runs(const char *variable, unsigned n)
{
	const char *given = getenv(variable);

	return given != NULL ? (unsigned)atoi(given) : n;
}

static inline void
dice_run(unsigned run)
{
	dice.run = run;
	dice.state = (dice.seed + 1) * UINT64_C(0x9e3779b97f4a7c15) +
	    run * 2 + 1;
}

#endif
