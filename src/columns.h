/*
 * A table for people: cells that are aligned as a terminal shows them. Pure.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include <stddef.h>

#include "util.h"

struct columns {
	size_t		 width;		/* cells a row */
	char		**cells;
	size_t		 n, cap;
};

void	 columns_init(struct columns *, size_t width);
/* The next cell, row by row; copied, with nothing in it that a terminal would
 * obey. NULL is an empty one. */
void	 columns_add(struct columns *, const char *);
/* Appends the rows, two spaces between cells, none at their ends. */
void	 columns_render(const struct columns *, struct buf *);
void	 columns_free(struct columns *);

#endif
