/*
 * The form of what "partylinectl export" writes and import reads: lines of
 * JSON, of which the first says what it is. See partylinectl(8), EXPORTS. Pure.
 */
#ifndef EXPORT_FORM_H
#define EXPORT_FORM_H

#include <stdint.h>

#include <jansson.h>

#include "msg.h"
#include "util.h"

#define EXPORT_VERSION	1
#define EXPORT_ID_BYTES		128	/* of the first line's id, at most */
#define EXPORT_FACT_BYTES	1024	/* of a fact's key */

/* "text", "kicked" and so on of a stored message's kind; NULL for others. */
const char *export_kind(enum msg_kind);
bool	 export_id_fits(const char *);
/* Appends a topic as the command that sets one has it; false: too long. */
bool	 export_topic(struct buf *, const char *);
/*
 * A message of a line's members, the caller's, its time set; NULL, and *why (a
 * constant) is what is wrong; what would be right.
 */
struct msg *export_msg(const json_t *, const char **why);

#endif
