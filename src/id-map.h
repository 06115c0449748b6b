/*
 * A hash table from 32-bit ids to pointers: open addressing, linear probing.
 * Ids are our own numbers, not a peer's choice. Not locked: one thread owns a
 * map, or its owner locks it.
 */
#ifndef ID_MAP_H
#define ID_MAP_H

#include <stddef.h>
#include <stdint.h>

struct id_slot {
	uint32_t	 id;
	void		*item;
};

/* All zeros is an empty one. */
struct id_map {
	struct id_slot	*slots;
	size_t		 n;
	size_t		 cap;		/* 0 or a power of two */
};

void	 id_map_free(struct id_map *);		/* not the items */
void	*id_map_get(const struct id_map *, uint32_t);	/* or NULL */
/* The id must not be in the map yet. */
void	 id_map_put(struct id_map *, uint32_t, void *);
/* Removes the item with this id and returns it, or NULL. */
void	*id_map_del(struct id_map *, uint32_t);
/* Iteration: start with *pos = 0; NULL at the end. No change meanwhile. */
void	*id_map_next(const struct id_map *, size_t *pos);

#endif
