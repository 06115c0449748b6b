/*
 * The picture that "partylinectl top" draws of two answers to it: what there
 * is now, and what came a second between them. Pure.
 */
#ifndef CTL_TOP_H
#define CTL_TOP_H

#include <jansson.h>

#include "util.h"

/* Appends lines, of at most 80 columns unless the numbers are immense. */
void	 ctl_top(struct buf *, const json_t *before, const json_t *now);

#endif
