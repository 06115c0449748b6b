/*
 * /search, and what it found.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "text.h"

#define FOUND_MAX	20	/* lines at a time */

static const char before[] = "before:";

/* "#room" and "before:number" may stand before the words. */
bool
text_cmd_search(struct text *t, struct dialect_io *io, char *args)
{
	const char *room = NULL;
	uint64_t seq = 0;
	struct request *r;

	if (*args == '#')
		room = text_word(&args);
	if (strncmp(args, before, sizeof(before) - 1) == 0 &&
	    !text_number(text_word(&args) + sizeof(before) - 1, INT64_MAX,
	    &seq))
		return false;
	if (*args == '\0')
		return false;
	if (!text_fits(t, io, args, STRING_BYTES))
		return true;
	r = room != NULL ? text_room_request(t, io, CMD_SEARCH, room) :
	    text_request(io, CMD_SEARCH);
	if (r == NULL)
		return true;
	r->match = request_str(r, args);
	r->limit = FOUND_MAX;
	if (seq > 0) {
		r->before = seq;
		r->has |= HAS_BEFORE;
	}
	return true;
}

/* The newest last, as everywhere. */
void
text_found(struct text *t, struct dialect_io *io, const struct request *r)
{
	uint32_t i;

	for (i = r->nlisted; i-- > 0;)
		text_render_found(&io->out, (enum encoding)t->encoding,
		    r->rooms[i].room, r->msgs[i]);
	if (r->more)
		text_info(&io->out, "older ones: /search %s%s%s%llu %s",
		    r->room != NULL ? "#" : "", r->room != NULL ? r->room : "",
		    r->room != NULL ? " before:" : before,
		    (unsigned long long)r->next, r->match);
	else if (r->nlisted == 0)
		text_info(&io->out, "Nothing was found.");
	else
		text_info(&io->out, "that is all that was found");
}
