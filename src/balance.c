#include "loop.h"
#include "session.h"

/*
 * A loop that is much busier than another gives sessions away. Both are
 * measured in CPU time, so that a loop of many silent clients is not taken for
 * a busy one.
 */
#define BUSY_MIN	400	/* ms a second below which nothing is moved */
#define BUSY_LEAD	300	/* ms a second more than the other */
#define MOVE_MAX	256	/* sessions a second */

static unsigned
busy(const struct loop *l)
{
	return atomic_load_explicit(&l->busy, memory_order_relaxed);
}

static unsigned
sessions(const struct loop *l)
{
	return atomic_load_explicit(&l->nsessions, memory_order_relaxed) +
	    atomic_load_explicit(&l->ncoming, memory_order_relaxed);
}

struct loop *
loop_least_busy(struct daemon *d)
{
	struct loop *best = &d->loops[0];
	unsigned i;

	for (i = 1; i < d->nloops; i++) {
		struct loop *l = &d->loops[i];

		if (busy(l) + BUSY_LEAD < busy(best) ||
		    (busy(l) < busy(best) + BUSY_LEAD &&
		    sessions(l) < sessions(best)))
			best = l;
	}
	return best;
}

void
loop_give(struct loop *to, struct session_record *r)
{
	atomic_fetch_add_explicit(&to->ncoming, 1, memory_order_relaxed);
	mailbox_post_one(&to->box, &r->mail);
}

void
loop_balance(struct loop *l)
{
	struct loop *to = NULL;
	struct session_record *r;
	struct session *s;
	uint32_t i, tries = l->nslots;
	unsigned n, mine = busy(l);

	for (i = 0; i < l->daemon->nloops; i++) {
		struct loop *other = &l->daemon->loops[i];

		if (other != l && (to == NULL || busy(other) < busy(to)))
			to = other;
	}
	if (to == NULL || mine < BUSY_MIN || busy(to) + BUSY_LEAD > mine ||
	    sessions(l) < 2)
		return;
	/* Half the lead, as if all sessions cost the same. */
	n = sessions(l) * (mine - busy(to)) / (2 * mine);
	if (n > MOVE_MAX)
		n = MOVE_MAX;
	while (n > 0 && tries-- > 0) {
		if (++l->balance_at >= l->nslots)
			l->balance_at = 0;
		s = loop_session(l, l->balance_at);
		if (s == NULL || (r = session_detach(s)) == NULL)
			continue;
		loop_give(to, r);
		n--;
	}
}
