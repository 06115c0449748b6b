/*
 * Retention: rooms above their limits wait in a list, and are cut down from
 * their oldest message on, a slice at a time, within the transaction of the
 * group that is being committed anyway, or in one of their own when the
 * writer has nothing else to do. Keys that are too old go the same way,
 * and lines of the audit (store-sqlite-audit.c).
 */
#include <stdlib.h>

#include "store-sqlite.h"
#include "util.h"

#define SLICE		256		/* rows deleted at once */
#define LOOK_MS		1000		/* between looks for what is too old */

/* Whether a row with this seq and time, the room's oldest, is to go. */
static bool
over(const struct sqlite *s, const struct sqlite_row *row, uint64_t seq,
    int64_t at, int64_t now)
{
	if (row->count == 0)
		return false;
	if (seq <= row->floor)		/* forgotten */
		return true;
	if (s->now.age > 0 && at < now - s->now.age && seq <= s->young)
		return true;
	return row->count > 1 &&
	    ((s->now.max > 0 && row->count > s->now.max) ||
	    (s->now.bytes > 0 && row->bytes > s->now.bytes));
}

static bool
room_over(const struct sqlite *s, const struct sqlite_room *room, int64_t now)
{
	if (room->row.gone)
		return room->row.stored;
	return over(s, &room->row, room->row.first, room->row.oldest, now);
}

void
sqlite_prune_due(struct sqlite *s, struct sqlite_room *room, int64_t now)
{
	if (room->due || !room_over(s, room, now))
		return;
	room->due = true;
	room->next_due = NULL;
	*s->due_last = room;
	s->due_last = &room->next_due;
}

bool
sqlite_prune_wanted(struct sqlite *s, int64_t now)
{
	uint64_t ms = clock_ms();
	struct sqlite_room *room;
	size_t pos = 0;

	if (ms - s->looked >= LOOK_MS) {
		s->looked = ms;
		s->young = store_young(&s->marks, s->seq,
		    (uint64_t)s->now.age);
		s->young_key = store_young(&s->key_marks, s->seq,
		    STORE_KEY_AGE);
		s->keys_due = true;
		s->audit_due = sqlite_audit_bounded(s);
		while (s->now.age > 0 &&
		    (room = id_map_next(&s->rooms, &pos)) != NULL)
			sqlite_prune_due(s, room, now);
	}
	return s->due != NULL || s->keys_due || s->audit_due;
}

/* Goes through the room's oldest rows as far as they are to go; the counts
 * follow. Returns the last of them in *cut, 0 if there is none. */
static int
find_cut(struct sqlite *s, struct sqlite_room *room, int64_t now,
    uint64_t *cut)
{
	sqlite3_stmt *st = s->w[W_OLDEST];
	struct sqlite_row *row = &room->row;
	int rc, n = 0;

	*cut = 0;
	sqlite_bind(st, 1, room->id);
	sqlite_bind(st, 2, SLICE);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		uint64_t cost;

		row->first = (uint64_t)sqlite3_column_int64(st, 0);
		row->oldest = sqlite3_column_int64(st, 1);
		if (!over(s, row, row->first, row->oldest, now))
			break;
		cost = sqlite_cost((size_t)sqlite3_column_bytes(st, 2),
		    (size_t)sqlite3_column_bytes(st, 3),
		    (size_t)sqlite3_column_bytes(st, 4));
		*cut = row->first;
		row->count--;
		row->bytes -= cost < row->bytes ? cost : row->bytes;
		n++;
	}
	if (rc == SQLITE_DONE && n < SLICE)	/* none is left */
		row->count = row->bytes = row->first = 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
prune_slice(struct sqlite *s, struct sqlite_room *room, int64_t now)
{
	uint64_t cut;
	int rc;

	sqlite_touch(s, room);
	if ((rc = find_cut(s, room, now, &cut)) != SQLITE_OK || cut == 0)
		return rc;
	if (cut > room->row.floor) {
		room->row.floor = cut;
		room->pruned = true;
	}
	s->pruned = true;
	sqlite_bind(s->w[W_PRUNE], 1, room->id);
	sqlite_bind(s->w[W_PRUNE], 2, cut);
	return sqlite_run(s->w[W_PRUNE]);
}

/* The end of a room without messages: its keys, then its row. Its head is
 * kept, so that no seq is given twice. */
static int
drop_slice(struct sqlite *s, struct sqlite_room *room)
{
	int rc;

	sqlite_touch(s, room);
	sqlite_bind(s->w[W_ROOM_KEYS], 1, room->id);
	sqlite_bind(s->w[W_ROOM_KEYS], 2, SLICE);
	if ((rc = sqlite_run(s->w[W_ROOM_KEYS])) != SQLITE_OK ||
	    sqlite3_changes(s->wdb) == SLICE)
		return rc;
	sqlite_bind(s->w[W_ROOM_DROP], 1, room->id);
	sqlite_bind(s->w[W_SEQ], 1, s->seq);
	if ((rc = sqlite_run(s->w[W_ROOM_DROP])) == SQLITE_OK)
		rc = sqlite_run(s->w[W_SEQ]);
	room->row.stored = rc != SQLITE_OK;
	return rc;
}

/* Keys are in order of seq, which is nearly that of time. */
static int
key_slice(struct sqlite *s, int64_t now)
{
	sqlite3_stmt *st = s->w[W_KEY_EXPIRED];
	uint64_t seq = 0;
	int rc, n = 0;

	sqlite_bind(st, 1, SLICE);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW &&
	    sqlite3_column_int64(st, 1) <= now - STORE_KEY_AGE &&
	    (uint64_t)sqlite3_column_int64(st, 0) <= s->young_key) {
		seq = (uint64_t)sqlite3_column_int64(st, 0);
		n++;
	}
	sqlite3_reset(st);
	s->keys_due = n == SLICE;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (n == 0)
		return SQLITE_OK;
	sqlite_bind(s->w[W_KEY_EXPIRE], 1, seq);
	return sqlite_run(s->w[W_KEY_EXPIRE]);
}

int
sqlite_prune(struct sqlite *s, int64_t now, uint64_t us)
{
	uint64_t end = clock_us() + us;
	struct sqlite_room *room;
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && (room = s->due) != NULL) {
		if ((s->due = room->next_due) == NULL)
			s->due_last = &s->due;
		room->due = false;
		if (room->row.gone && room->row.count == 0)
			rc = drop_slice(s, room);
		else
			rc = prune_slice(s, room, now);
		sqlite_prune_due(s, room, now);
		if (clock_us() >= end)
			break;
	}
	while (rc == SQLITE_OK && s->keys_due) {
		rc = key_slice(s, now);
		if (clock_us() >= end)
			break;
	}
	while (rc == SQLITE_OK && s->audit_due) {
		rc = sqlite_audit_slice(s, now);
		if (clock_us() >= end)
			break;
	}
	return rc;
}
