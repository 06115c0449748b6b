#include <stdlib.h>
#include <string.h>

#include "store-audits.h"
#include "util.h"

struct audit_line {
	TAILQ_ENTRY(audit_line) all, own;
	struct audit_owner *owner;
	uint64_t	 id;
	int64_t		 time;
	char		 act[];
};

/* A room that has lines, or 0, the server. */
struct audit_owner {
	LIST_ENTRY(audit_owner) rooms;
	struct audit_lines lines;
	uint32_t	 room;
	uint32_t	 n;
};

void
audits_init(struct audits *a)
{
	TAILQ_INIT(&a->all);
}

void
audits_configure(struct audits *a, const struct conf *conf)
{
	a->max = conf->audit_max;
	a->max_rooms = conf->audit_rooms;
	a->age = conf->audit_age * 1000;
}

/* So many lines more or, being -1, less. */
static void
count(struct audits *a, struct audit_owner *o, int more)
{
	if (o->room != 0) {
		if (o->n > 0)
			LIST_REMOVE(o, rooms);
		a->n += (uint32_t)more;
	}
	o->n += (uint32_t)more;
	if (o->room != 0 && o->n > 0) {
		LIST_INSERT_HEAD(&a->rooms[o->n], o, rooms);
		a->most = o->n > a->most ? o->n : a->most;
	}
	if (o->n == 0) {
		id_map_del(&a->owners, o->room);
		free(o);
	}
}

static void
drop(struct audits *a, struct audit_line *line)
{
	TAILQ_REMOVE(&a->all, line, all);
	TAILQ_REMOVE(&line->owner->lines, line, own);
	count(a, line->owner, -1);
	free(line);
}

/* The one of the rooms with the most whose oldest line is to go. */
static struct audit_owner *
find_most(struct audits *a)
{
	struct audit_owner *o;

	while (a->most > 0 && LIST_EMPTY(&a->rooms[a->most]))
		a->most--;
	o = LIST_FIRST(&a->rooms[a->most]);
	if (o != NULL && TAILQ_FIRST(&o->lines)->id == a->newest)
		o = LIST_NEXT(o, rooms);
	return o;
}

static uint64_t
least(uint64_t max, uint64_t most)
{
	return max == 0 || max > most ? most : max;
}

/* The newest of all stays. */
static void
prune(struct audits *a, int64_t now)
{
	uint64_t young = store_young(&a->marks, a->newest, a->age);
	struct audit_owner *o;
	struct audit_line *line;

	while (a->age > 0 && (line = TAILQ_FIRST(&a->all)) != NULL &&
	    line->id != a->newest && line->id <= young &&
	    line->time < now - (int64_t)a->age)
		drop(a, line);
	while ((o = id_map_get(&a->owners, 0)) != NULL &&
	    o->n > least(a->max, AUDITS))
		drop(a, TAILQ_FIRST(&o->lines));
	while ((o = find_most(a)) != NULL && (o->n > least(a->max, AUDITS) ||
	    a->n > least(a->max_rooms, AUDITS)))
		drop(a, TAILQ_FIRST(&o->lines));
}

static struct audit_owner *
owner_get(struct audits *a, uint32_t room)
{
	struct audit_owner *o = id_map_get(&a->owners, room);

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof(*o));
	o->room = room;
	TAILQ_INIT(&o->lines);
	id_map_put(&a->owners, room, o);
	return o;
}

void
audits_put(struct audits *a, uint32_t room, const char *act, int64_t now)
{
	size_t size = strlen(act) + 1;
	struct audit_line *line = xcalloc(1, sizeof(*line) + size);

	memcpy(line->act, act, size);
	line->owner = owner_get(a, room);
	line->id = ++a->newest;
	line->time = now;
	TAILQ_INSERT_TAIL(&a->all, line, all);
	TAILQ_INSERT_TAIL(&line->owner->lines, line, own);
	count(a, line->owner, 1);
	prune(a, now);
}

/* The first of what is to be read. */
static struct audit_line *
find(struct audits *a, uint64_t after, uint64_t newest)
{
	struct audit_line *line, *found = NULL;
	uint64_t n = 0;

	TAILQ_FOREACH_REVERSE(line, &a->all, audit_lines, all) {
		if (line->id <= after || (newest > 0 && n++ == newest))
			break;
		found = line;
	}
	return found;
}

void
audits_read(struct audits *a, struct store_read *r, int64_t now)
{
	struct audit_line *line;
	uint32_t n = 0;

	prune(a, now);
	line = find(a, r->after, r->before);
	r->before = r->after;
	for (; line != NULL; line = TAILQ_NEXT(line, all)) {
		if (n++ == r->limit || r->text.len > r->bytes) {
			r->more = true;
			break;
		}
		r->before = line->id;
		store_audit_line(&r->text, line->id, line->time, line->act);
	}
}

void
audits_free(struct audits *a)
{
	struct audit_line *line, *next;

	for (line = TAILQ_FIRST(&a->all); line != NULL; line = next) {
		next = TAILQ_NEXT(line, all);
		drop(a, line);
	}
	id_map_free(&a->owners);
}
