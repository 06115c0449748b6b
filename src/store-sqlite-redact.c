/*
 * Taking texts away. A redacted row keeps its size, blanks stand in it where
 * the text was: so SQLite writes over it in its place. A shorter row would
 * let pages be merged, and copies of rows stay behind in what those leave.
 */
#include <stdlib.h>
#include <string.h>

#include "store-sqlite.h"
#include "util.h"
#include "words.h"

#define SLICE		512		/* rows looked at at once */

/* Writes blanks over the row's text. */
static int
blank(struct sqlite *s, uint64_t seq, int flags, size_t n)
{
	sqlite3_stmt *st = s->w[W_REDACT];
	char *blanks = xmalloc(n + 1);
	int rc;

	memset(blanks, ' ', n);
	sqlite_bind(st, 1, seq);
	sqlite3_bind_int(st, 2, flags | MSG_REDACTED);
	sqlite3_bind_text(st, 3, blanks, (int)n, free);
	s->scrub = true;
	s->gaps = UINT64_MAX;		/* all */
	sqlite_bind(s->w[W_STALE], 1, seq / WORDS_PART);
	if ((rc = sqlite_run(st)) == SQLITE_OK)
		rc = sqlite_run(s->w[W_STALE]);
	return rc;
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
		    !(flags & MSG_REDACTED) && store_may_redact(op,
		    (const char *)sqlite3_column_text(st, 2),
		    (uint64_t)sqlite3_column_int64(st, 5),
		    sqlite3_column_int64(st, 4));
	}
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (found)
		return blank(s, op->target, flags, n);
	op->error = STORE_NO_MESSAGE;
	return SQLITE_OK;
}

int
sqlite_erase(struct sqlite *s, const struct store_op *op)
{
	sqlite3_stmt *st = s->w[W_ERASE], *keys = s->w[W_KEY_ERASE];
	int rc;

	sqlite3_bind_text(st, 1, op->text, -1, SQLITE_STATIC);
	sqlite_bind(st, 2, s->seq);
	s->erasing = true;
	/* The next one of that name has other messages of the same keys. */
	sqlite3_bind_text(keys, 1, op->text, -1, SQLITE_STATIC);
	if ((rc = sqlite_run(st)) == SQLITE_OK)
		rc = sqlite_run(keys);
	s->scrub = true;
	s->gaps = UINT64_MAX;
	return rc;
}

struct row {
	uint64_t	 seq;
	int		 flags;
	size_t		 n;
};

/* Of the rows after *done those of key; *done becomes the last looked at, or
 * upto if there are no more. */
static int
find_rows(struct sqlite *s, const char *key, uint64_t upto, uint64_t *done,
    struct row rows[SLICE], unsigned *n)
{
	sqlite3_stmt *st = s->w[W_ERASE_ROWS];
	unsigned seen = 0;
	int rc;

	*n = 0;
	sqlite_bind(st, 1, *done);
	sqlite_bind(st, 2, upto);
	sqlite_bind(st, 3, SLICE);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct row *row = &rows[*n];

		seen++;
		*done = row->seq = (uint64_t)sqlite3_column_int64(st, 0);
		row->flags = sqlite3_column_int(st, 2);
		row->n = (size_t)sqlite3_column_int64(st, 4);
		*n += sqlite3_column_int(st, 1) <= MSG_NOTICE &&
		    !(row->flags & MSG_REDACTED) && store_is_from(
		    (const char *)sqlite3_column_text(st, 3), key);
	}
	sqlite3_reset(st);
	if (seen < SLICE)
		*done = upto;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
erase_slice(struct sqlite *s, const char *key, uint64_t upto, uint64_t done)
{
	struct row rows[SLICE] = { { 0 } };
	sqlite3_stmt *st;
	unsigned n, i;
	int rc = find_rows(s, key, upto, &done, rows, &n);

	for (i = 0; i < n && rc == SQLITE_OK; i++)
		rc = blank(s, rows[i].seq, rows[i].flags, rows[i].n);
	if (rc != SQLITE_OK)
		return rc;
	st = s->w[done < upto ? W_ERASED_TO : W_ERASED];
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	if (done < upto)
		sqlite_bind(st, 2, done);
	return sqlite_run(st);
}

int
sqlite_erase_some(struct sqlite *s, uint64_t us)
{
	uint64_t end = clock_us() + us, upto, done;
	sqlite3_stmt *st = s->w[W_ERASING];
	int rc = SQLITE_OK;
	char *key;

	while (rc == SQLITE_OK && s->erasing && clock_us() < end) {
		if ((rc = sqlite3_step(st)) != SQLITE_ROW) {
			sqlite3_reset(st);
			s->erasing = rc != SQLITE_DONE;
			return rc == SQLITE_DONE ? SQLITE_OK : rc;
		}
		key = xstrdup((const char *)sqlite3_column_text(st, 0));
		upto = (uint64_t)sqlite3_column_int64(st, 1);
		done = (uint64_t)sqlite3_column_int64(st, 2);
		sqlite3_reset(st);
		rc = erase_slice(s, key, upto, done);
		free(key);
	}
	return rc;
}
