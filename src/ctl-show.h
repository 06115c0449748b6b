/*
 * What partylinectl shows of an answer to a person. Pure.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include <jansson.h>

#include "control-table.h"
#include "util.h"

/* The list in an answer that comes in pages; or NULL. */
const char *ctl_list(enum control_id);
/* Appends the answer, all its pages together, as lines. */
void	 ctl_show(struct buf *, enum control_id, const json_t *answer,
	    bool person);
/* "3d 4h", "5m 6s": the two largest units. The caller frees it. */
char	*ctl_duration(unsigned long long seconds);

#endif
