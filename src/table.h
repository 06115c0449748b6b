/*
 * A hash table from strings to pointers: open addressing, linear probing,
 * SipHash with a random seed, for peers choose the keys. Keys are not copied:
 * they live in the object that is stored. Not locked: one thread owns a table.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table {
	void		**slots;	/* items; hashes are not kept */
	const char	*(*key)(const void *);	/* the key inside an item */
	size_t		 n;
	size_t		 cap;			/* 0 or a power of two */
	uint64_t	 seed[2];
};

void	 table_init(struct table *, const char *(*key)(const void *));
void	 table_free(struct table *);		/* not the items */
void	*table_get(const struct table *, const char *);	/* or NULL */
/* The key must not be in the table yet. */
void	 table_put(struct table *, void *);
/* Removes the item with this key and returns it, or NULL. */
void	*table_del(struct table *, const char *);
/* Iteration: start with *pos = 0; NULL at the end. No change meanwhile. */
void	*table_next(const struct table *, size_t *pos);

#endif
