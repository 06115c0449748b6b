#include <stdlib.h>

#include "id-map.h"
#include "util.h"

/* Fibonacci hashing: the product's high half is well mixed even for ids in a
 * row. */
static size_t
home(const struct id_map *m, uint32_t id)
{
	return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	    (m->cap - 1);
}

/* The slot of the id, or the free one where it would go. */
static struct id_slot *
find(const struct id_map *m, uint32_t id)
{
	size_t i;

	for (i = home(m, id);; i++) {
		struct id_slot *s = &m->slots[i & (m->cap - 1)];

		if (s->item == NULL || s->id == id)
			return s;
	}
}

void
id_map_free(struct id_map *m)
{
	free(m->slots);
	*m = (struct id_map){ 0 };
}

void *
id_map_get(const struct id_map *m, uint32_t id)
{
	return m->cap == 0 ? NULL : find(m, id)->item;
}

void
id_map_put(struct id_map *m, uint32_t id, void *item)
{
	if ((m->n + 1) * 4 > m->cap * 3) {
		struct id_map old = *m;
		size_t i;

		m->cap = old.cap ? old.cap * 2 : 16;
		m->slots = xcalloc(m->cap, sizeof(*m->slots));
		for (i = 0; i < old.cap; i++) {
			if (old.slots[i].item != NULL)
				*find(m, old.slots[i].id) = old.slots[i];
		}
		free(old.slots);
	}
	*find(m, id) = (struct id_slot){ id, item };
	m->n++;
}

void *
id_map_del(struct id_map *m, uint32_t id)
{
	struct id_slot *s;
	size_t hole, i, mask = m->cap - 1;
	void *item;

	if (m->cap == 0 || (item = (s = find(m, id))->item) == NULL)
		return NULL;
	/* Close the gap: move back what probed past it. */
	hole = (size_t)(s - m->slots);
	for (i = (hole + 1) & mask; m->slots[i].item != NULL;
	    i = (i + 1) & mask) {
		if (((i - home(m, m->slots[i].id)) & mask) >=
		    ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].item = NULL;
	m->n--;
	return item;
}

void *
id_map_next(const struct id_map *m, size_t *pos)
{
	while (*pos < m->cap) {
		void *item = m->slots[(*pos)++].item;

		if (item != NULL)
			return item;
	}
	return NULL;
}
