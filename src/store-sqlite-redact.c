/*
 * Taking texts away. A redacted row keeps its size, blanks stand in it where
 * the text was: so SQLite writes over it in its place. A shorter row would
 * let pages be merged, and copies of rows stay behind in what those leave.
 */
#include <stdlib.h>
#include <string.h>

#include "store-sqlite.h"
#include "util.h"

/* Writes blanks over the row's text. */
static int
blank(struct sqlite *s, uint64_t seq, int flags, size_t n)
{
	sqlite3_stmt *st = s->w[W_REDACT];
	char *blanks = xmalloc(n + 1);

	memset(blanks, ' ', n);
	sqlite_bind(st, 1, seq);
	sqlite3_bind_int(st, 2, flags | MSG_REDACTED);
	sqlite3_bind_text(st, 3, blanks, (int)n, free);
	s->scrub = true;
	return sqlite_run(st);
}

int
sqlite_redact(struct sqlite *s, const struct sqlite_room *room,
    struct store_op *op)
{
	sqlite3_stmt *st = s->w[W_TARGET];
	bool found = false;
	size_t n = 0;
	int flags = 0, rc;

	sqlite_bind(st, 1, op->target);
	sqlite_bind(st, 2, room->id);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		flags = sqlite3_column_int(st, 1);
		n = (size_t)sqlite3_column_int64(st, 3);
		found = op->target > room->row.floor &&
		    sqlite3_column_int(st, 0) <= MSG_NOTICE &&
		    !(flags & MSG_REDACTED) && (op->from_key == NULL ||
		    store_is_from((const char *)sqlite3_column_text(st, 2),
		    op->from_key));
	}
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (found)
		return blank(s, op->target, flags, n);
	op->error = STORE_NO_MESSAGE;
	return SQLITE_OK;
}
