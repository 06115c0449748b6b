/*
 * Random sequences that can be had again: each has a seed, from which all its
 * chance comes, and which a variable of the environment may give.
 */
#ifndef SEQUENCES_H
#define SEQUENCES_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

/* What holds in this step of the sequence, or how it does not. */
#define SEQUENCE_CHECK(variable, seed, step, cond, ...) do {		\
	if (!(cond)) {							\
		fprintf(stderr, "%s=%llu step %u %s:%d: %s: ", (variable), \
		    (unsigned long long)(seed), (step), __FILE__, __LINE__, \
		    #cond);						\
		fprintf(stderr, __VA_ARGS__);				\
		fprintf(stderr, "\n");					\
		cr_assert_fail("%s=%llu", (variable),			\
		    (unsigned long long)(seed));			\
	}								\
} while (0)

/* A number below n, by splitmix64. */
static inline uint32_t
sequence_rnd(uint64_t *dice, uint32_t n)
{
	uint64_t x = *dice += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((x ^ x >> 31) % n);
}

/* So many, or the one that is asked for. */
static inline void
sequences_run(const char *variable, unsigned n, void (*run)(uint64_t seed))
{
	const char *one = getenv(variable);
	uint64_t seed, i;

	if (one != NULL) {
		run(strtoull(one, NULL, 10));
		return;
	}
	random_bytes(&seed, sizeof(seed));
	fprintf(stderr, "# %u sequences from %s=%llu on\n", n, variable,
	    (unsigned long long)seed);
	for (i = 0; i < n; i++)
		run(seed + i);
}

#endif
