#include "spans.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

size_t
spans_size(const struct spans *s)
{
	return s != NULL ? sizeof(*s) + s->n * sizeof(s->list[0]) : 0;
}

static void
set(struct spans **at, struct spans *s)
{
	free(*at);
	*at = s;
}

/* Behind the others, or one with the last of them. */
static void
push(struct spans *s, struct span one)
{
	struct span *last = s->n > 0 ? &s->list[s->n - 1] : NULL;

	if (last == NULL || one.after > last->upto)
		s->list[s->n++] = one;
	else if (one.upto > last->upto)
		last->upto = one.upto;
}

/* With one more in its place; there may be one too many then. */
static struct spans *
with(const struct spans *old, struct span one)
{
	uint32_t i, n = old != NULL ? old->n : 0;
	struct spans *s = xcalloc(1, sizeof(*s) + (n + 1) * sizeof(one));

	for (i = 0; i < n && old->list[i].after < one.after; i++)
		push(s, old->list[i]);
	push(s, one);
	for (; i < n; i++)
		push(s, old->list[i]);
	return s;
}

void
spans_add(struct spans **at, uint64_t after, uint64_t upto)
{
	struct spans *s;

	if (after >= upto)
		return;
	s = with(*at, (struct span){ after, upto });
	if (s->n > SPANS_MAX)
		memmove(&s->list[0], &s->list[1], --s->n * sizeof(s->list[0]));
	set(at, s);
}

void
spans_cover(struct spans **at, uint64_t after, uint64_t upto)
{
	struct spans *s;

	if (after >= upto)
		return;
	s = with(*at, (struct span){ after, upto });
	if (s->n > SPANS_MAX) {
		s->n--;
		s->list[s->n - 1].upto = s->list[s->n].upto;
	}
	set(at, s);
}

uint64_t
spans_read(struct spans **at, uint64_t seq)
{
	struct spans *s = *at;
	uint32_t i = 0;

	for (; s != NULL && i < s->n && s->list[i].after <= seq; i++) {
		if (s->list[i].upto > seq)
			seq = s->list[i].upto;
	}
	if (i == 0)
		return seq;
	s->n -= i;
	memmove(&s->list[0], &s->list[i], s->n * sizeof(s->list[0]));
	if (s->n == 0)
		set(at, NULL);
	return seq;
}

bool
spans_gap(const struct spans *s, uint32_t i, uint64_t after, uint64_t upto,
    struct span *gap)
{
	uint32_t n = s != NULL ? s->n : 0;

	if (i > n)
		return false;
	gap->after = i > 0 && s->list[i - 1].upto > after ?
	    s->list[i - 1].upto : after;
	gap->upto = i < n && s->list[i].after < upto ? s->list[i].after : upto;
	return true;
}

bool
spans_have(const struct spans *s, uint64_t seq)
{
	uint32_t i;

	for (i = 0; s != NULL && i < s->n && s->list[i].after < seq; i++) {
		if (seq <= s->list[i].upto)
			return true;
	}
	return false;
}
