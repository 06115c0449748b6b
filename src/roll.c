#include <assert.h>
#include <stdlib.h>

#include "roll.h"
#include "util.h"

#define REFS_FIRST	16

void
roll_free(struct roll *r)
{
	free(r->refs);
	*r = (struct roll){ 0 };
}

static void
pack(struct roll *r)
{
	uint32_t i, n = 0;

	for (i = 0; i < r->n; i++) {
		if (r->refs[i].item != NULL)
			r->refs[n++] = r->refs[i];
	}
	r->n = n;
	r->removed = 0;
}

void
roll_add(struct roll *r, uint64_t num, void *item)
{
	if (r->n == r->cap && r->removed > r->n / 2)
		pack(r);
	else if (r->n == r->cap) {
		r->cap = r->cap > 0 ? r->cap * 2 : REFS_FIRST;
		r->refs = xrealloc(r->refs, r->cap * sizeof(*r->refs));
	}
	r->refs[r->n++] = (struct roll_ref){ num, item };
}

static int
compare(const void *a, const void *b)
{
	uint64_t x = ((const struct roll_ref *)a)->num;
	uint64_t y = ((const struct roll_ref *)b)->num;

	return x < y ? -1 : x > y;
}

void
roll_sort(struct roll *r)
{
	if (r->n > 0)
		qsort(r->refs, r->n, sizeof(*r->refs), compare);
}

uint32_t
roll_after(const struct roll *r, uint64_t num)
{
	uint32_t low = 0, high = r->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (r->refs[mid].num <= num)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct roll_ref *
find(const struct roll *r, uint64_t num)
{
	uint32_t i = roll_after(r, num);

	return i > 0 && r->refs[i - 1].num == num ? &r->refs[i - 1] : NULL;
}

void *
roll_find(const struct roll *r, uint64_t num)
{
	const struct roll_ref *ref = find(r, num);

	return ref != NULL ? ref->item : NULL;
}

void
roll_del(struct roll *r, uint64_t num)
{
	struct roll_ref *ref = find(r, num);

	assert(ref != NULL && ref->item != NULL);
	ref->item = NULL;
	r->removed++;
}

void *
roll_next(const struct roll *r, uint32_t *at)
{
	while (*at < r->n) {
		void *item = r->refs[(*at)++].item;

		if (item != NULL)
			return item;
	}
	return NULL;
}
