#include <stdlib.h>
#include <string.h>

#include "store-audits.h"
#include "util.h"

void
audits_configure(struct audits *a, const struct conf *conf)
{
	a->max = conf->audit_max;
	a->age = conf->audit_age * 1000;
}

static bool
over(const struct audits *a, uint64_t id, int64_t oldest, uint64_t young)
{
	uint64_t n = a->newest - id;	/* that are newer */

	if (n == 0)
		return false;
	return (a->max > 0 && n >= a->max) || (a->age > 0 &&
	    a->lines[id % AUDITS].time < oldest && id <= young);
}

/* The newest one stays. */
static void
prune(struct audits *a, int64_t now)
{
	uint64_t young = store_young(&a->marks, a->newest, a->age);

	while (a->gone < a->newest && over(a, a->gone + 1,
	    now - (int64_t)a->age, young)) {
		a->gone++;
		free(a->lines[a->gone % AUDITS].act);
		a->lines[a->gone % AUDITS].act = NULL;
	}
}

void
audits_put(struct audits *a, const char *act, int64_t now)
{
	uint64_t id = a->newest + 1;
	char **at = &a->lines[id % AUDITS].act;

	if (id > AUDITS && a->gone < id - AUDITS)
		a->gone = id - AUDITS;
	free(*at);
	*at = xstrdup(act);
	a->lines[id % AUDITS].time = now;
	a->newest = id;
	prune(a, now);
}

void
audits_read(struct audits *a, struct store_read *r, int64_t now)
{
	uint64_t id, last = r->before;
	uint32_t n = 0;

	prune(a, now);
	id = a->gone;
	if (last > 0 && a->newest - id > last)
		id = a->newest - last;
	r->before = r->after;
	for (id = r->after > id ? r->after : id; id < a->newest; id++) {
		if (n++ == r->limit || r->text.len > r->bytes) {
			r->more = true;
			break;
		}
		r->before = id + 1;
		store_audit_line(&r->text, r->before,
		    a->lines[r->before % AUDITS].time,
		    a->lines[r->before % AUDITS].act);
	}
}

void
audits_free(struct audits *a)
{
	unsigned i;

	for (i = 0; i < AUDITS; i++)
		free(a->lines[i].act);
}
