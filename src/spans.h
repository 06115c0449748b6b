/*
 * Stretches of a room's messages, by growing seq, none touching another: what
 * a person was shown beyond a gap, and the gaps. At most SPANS_MAX, and NULL
 * where there are none; malloced, and freed with free(). Pure.
 */
#ifndef SPANS_H
#define SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPANS_MAX	8

/* The messages behind after, up to upto. */
struct span {
	uint64_t	 after, upto;
};

struct spans {
	uint32_t	 n;
	struct span	 list[];
};

/* Bytes of it, 0 for NULL. */
size_t	 spans_size(const struct spans *);
/* Adds one, and joins it with those it touches. Of too many the first goes. */
void	 spans_add(struct spans **, uint64_t after, uint64_t upto);
/* The same, but of too many the last two become one: none is lost. */
void	 spans_cover(struct spans **, uint64_t after, uint64_t upto);
/* Takes off what lies up to seq: to where there is no gap from there. */
uint64_t spans_read(struct spans **, uint64_t seq);
/* What it leaves out between after and upto: the gap of this number, which may
 * be empty; false if there are no more. */
bool	 spans_gap(const struct spans *, uint32_t i, uint64_t after,
	    uint64_t upto, struct span *);
bool	 spans_have(const struct spans *, uint64_t seq);

#endif
