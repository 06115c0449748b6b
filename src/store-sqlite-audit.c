/*
 * The audit. Whoever makes lines in a room pushes out that room's alone, and
 * never the server's own (room 0): each has audit_max. All rooms together have
 * audit_rooms; beyond that the room with the most lines loses its oldest, so
 * that one who fills many rooms takes little from each other one. How many
 * there are triggers count: see store-sqlite-schema.c.
 */
#include <string.h>

#include "store-sqlite.h"

#define SLICE	256		/* rows deleted at once */

/* The one with the most lines, and the next; n is 0: there is none. */
struct most {
	uint32_t	 room, next;
	uint64_t	 n, next_n;
};

int
sqlite_audit_put(struct sqlite *s, const struct store_op *op, int64_t now)
{
	sqlite3_stmt *st = s->w[W_AUDIT];

	sqlite3_bind_int64(st, 1, now);
	sqlite3_bind_text(st, 2, op->audit, (int)strlen(op->audit),
	    SQLITE_STATIC);
	sqlite_bind(st, 3, store_audit_room(op));
	return sqlite_run(st);
}

bool
sqlite_audit_bounded(const struct sqlite *s)
{
	return s->now.audit_max > 0 || s->now.audit_rooms > 0 ||
	    s->now.audit_age > 0;
}

/* The newest one stays, so that no id is given twice. */
static bool
too_old(struct sqlite *s, uint64_t id, int64_t at, uint64_t head, int64_t now)
{
	int64_t age = s->now.audit_age;

	return id != head && at < now - age &&
	    id <= store_young(&s->audit_marks, head, (uint64_t)age);
}

static int
age_slice(struct sqlite *s, int64_t now)
{
	sqlite3_stmt *st = s->w[W_AUDIT_OLDEST];
	uint64_t id, cut = 0;
	int rc, n = 0;

	sqlite_bind(st, 1, SLICE);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		id = (uint64_t)sqlite3_column_int64(st, 0);
		if (!too_old(s, id, sqlite3_column_int64(st, 1),
		    (uint64_t)sqlite3_column_int64(st, 2), now))
			break;
		cut = id;
		n++;
	}
	sqlite3_reset(st);
	s->audit_due |= n == SLICE;
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	if (n == 0)
		return SQLITE_OK;
	sqlite_bind(s->w[W_AUDIT_PRUNE], 1, cut);
	return sqlite_run(s->w[W_AUDIT_PRUNE]);
}

/* Of those from this one on: 0, all; 1, the rooms. */
static int
find_most(struct sqlite *s, uint32_t from, struct most *m)
{
	sqlite3_stmt *st = s->w[W_AUDIT_MOST];
	int rc;

	*m = (struct most){ 0 };
	sqlite_bind(st, 1, from);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		m->room = (uint32_t)sqlite3_column_int64(st, 0);
		m->n = (uint64_t)sqlite3_column_int64(st, 1);
		rc = sqlite3_step(st);
	}
	if (rc == SQLITE_ROW) {
		m->next = (uint32_t)sqlite3_column_int64(st, 0);
		m->next_n = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Removes so many of one's oldest, at most a slice, but not the newest of all;
 * *done tells whether it did. */
static int
cut(struct sqlite *s, uint32_t room, uint64_t n, bool *done)
{
	sqlite3_stmt *st = s->w[W_AUDIT_CUT];
	int rc;

	sqlite_bind(st, 1, room);
	sqlite_bind(st, 2, n < SLICE ? n : SLICE);
	rc = sqlite_run(st);
	*done = rc == SQLITE_OK && sqlite3_changes(s->wdb) > 0;
	s->audit_due |= *done;
	return rc;
}

static int
each_slice(struct sqlite *s)
{
	uint64_t max = s->now.audit_max;
	struct most m;
	bool done;
	int rc = find_most(s, 0, &m);

	return rc == SQLITE_OK && m.n > max ?
	    cut(s, m.room, m.n - max, &done) : rc;
}

static int
count_rooms(struct sqlite *s, uint64_t *n)
{
	sqlite3_stmt *st = s->w[W_AUDIT_ROOMS];
	int rc = sqlite3_step(st);

	*n = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* The room with the most comes down to the next one, or by one. If all that it
 * has is the newest line, it is the next one's turn. */
static int
rooms_slice(struct sqlite *s)
{
	uint64_t max = s->now.audit_rooms, n, more;
	struct most m;
	bool done;
	int rc;

	if ((rc = count_rooms(s, &n)) != SQLITE_OK || n <= max ||
	    (rc = find_most(s, 1, &m)) != SQLITE_OK)
		return rc;
	more = m.n > m.next_n ? m.n - m.next_n : 1;
	rc = cut(s, m.room, more < n - max ? more : n - max, &done);
	return rc == SQLITE_OK && !done && m.next != 0 ?
	    cut(s, m.next, 1, &done) : rc;
}

int
sqlite_audit_slice(struct sqlite *s, int64_t now)
{
	int rc = SQLITE_OK;

	s->audit_due = false;
	if (s->now.audit_age > 0)
		rc = age_slice(s, now);
	if (rc == SQLITE_OK && s->now.audit_max > 0)
		rc = each_slice(s);
	if (rc == SQLITE_OK && s->now.audit_rooms > 0)
		rc = rooms_slice(s);
	return rc;
}
