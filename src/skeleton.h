/*
 * What a name looks like. Two names of the same skeleton are hard to tell
 * apart: Cyrillic, Greek or other letters in the place of Latin ones, small
 * capitals, marks that are drawn alike. Pure, any thread; an index of names by
 * their skeletons has one owner.
 */
#ifndef SKELETON_H
#define SKELETON_H

#include <stdbool.h>

#include "name.h"
#include "table.h"

/* No name's skeleton is longer: decomposed it has three times the bytes. */
#define SKELETON_SIZE	(NAME_SIZE * 3)

enum looks {
	LOOKS_SAME,	/* the same shapes: for names that anybody may take */
	LOOKS_CLOSE	/* and at a glance: 1 l i, 0 o, rn m, vv w: for names
			 * that are somebody's */
};

/*
 * The skeleton of a name as it is shown: decomposed, each character replaced
 * by the one that stands for its shape, in small letters. It depends on the
 * case of what was shown, for letters differ in what their capitals look like:
 * Greek nu is a v, its capital an N. The skeleton of a skeleton is itself. Of
 * names that are small ASCII letters, LOOKS_SAME leaves all as it is.
 * Accents, "-", "_" and "." are kept: they are seen. What is no name, being
 * too long or no UTF-8, is its own skeleton.
 */
void	name_skeleton(const char *shown, enum looks, char out[SKELETON_SIZE]);

/* Could one be taken for the other, as they are shown or in small letters? */
bool	names_alike(const struct name *, const struct name *, enum looks);

/*
 * The names of a table's items, by what they look like. The items belong to
 * their owner; one must be taken out before its name changes or it is freed. A
 * name that is its own skeleton is found in the table itself and costs nothing
 * here.
 */
struct skeletons {
	const struct table *names;	/* items by key */
	const char	*(*shown)(const void *);	/* an item's name */
	enum looks	 looks;
	struct table	 index;
};

void	 skeletons_init(struct skeletons *, const struct table *names,
	    const char *(*shown)(const void *), enum looks);
void	 skeletons_free(struct skeletons *);	/* not the items */
/* Where it goes into the table, and out of it: before or after. */
void	 skeletons_add(struct skeletons *, const void *item);
void	 skeletons_del(struct skeletons *, const void *item);
/* Of an item with another key that looks like this name: how that is shown;
 * NULL if there is none. */
const char *skeletons_find(const struct skeletons *, const char *key,
	    const char *shown);

#endif
