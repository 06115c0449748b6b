/*
 * A loop's part in an upgrade: it comes to rest, gives its clients away as
 * records, and goes on if the new daemon does not want them after all.
 */
#include <stdlib.h>

#include "listener.h"
#include "loop.h"
#include "order.h"
#include "session-io.h"
#include "session.h"
#include "util.h"

void
saved_free(struct saved *saved)
{
	if (saved == NULL)
		return;
	buf_free(&saved->bytes);
	free(saved->lens);
	free(saved->fds);
	free(saved);
}

static struct session *
session_at(const struct loop *l, uint32_t slot)
{
	struct session *s = loop_session(l, slot);

	return s == NULL || s->dead ? NULL : s;
}

static void
still(struct loop *l)
{
	struct session *s;
	uint32_t i;

	l->still = STILL_INPUT;
	listener_rest(l, true);
	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) != NULL)
			bufferevent_disable(s->bev, EV_READ);
	}
}

static bool
is_quiet(const struct loop *l)
{
	const struct session *s;
	uint32_t i;

	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) != NULL && session_is_asking(s))
			return false;
	}
	return true;
}

void
loop_look_quiet(struct loop *l)
{
	struct order *o = l->quiet;

	if (o == NULL || !is_quiet(l))
		return;
	l->quiet = NULL;
	loop_order_done(l, o);
}

/* One that is given up stays, to be sent away in the end. */
static void
save_one(struct saved *saved, const struct session *s)
{
	size_t before = saved->bytes.len;

	if (!session_save(s, &saved->bytes))
		return;
	if (saved->n == saved->cap) {
		saved->cap = saved->cap ? saved->cap * 2 : 64;
		saved->lens = xrealloc(saved->lens,
		    saved->cap * sizeof(*saved->lens));
		saved->fds = xrealloc(saved->fds,
		    saved->cap * sizeof(*saved->fds));
	}
	saved->lens[saved->n] = (uint32_t)(saved->bytes.len - before);
	saved->fds[saved->n++] = bufferevent_getfd(s->bev);
}

static void
save(struct loop *l, struct order *o)
{
	struct session *s;
	uint32_t i;

	loop_flush(l);
	l->still = STILL_ALL;
	o->saved = xcalloc(1, sizeof(*o->saved));
	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) == NULL)
			continue;
		/* libevent would write by itself. */
		bufferevent_disable(s->bev, EV_READ | EV_WRITE);
		save_one(o->saved, s);
	}
	o->count = o->saved->n;
}

static void
go_on(struct loop *l)
{
	struct session *s;
	uint32_t i;

	if (l->quiet != NULL)
		loop_order_done(l, l->quiet);
	l->quiet = NULL;
	l->still = STILL_NOT;
	listener_rest(l, false);
	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) != NULL)
			session_go_on(s);
	}
}

static uint32_t
leave(struct loop *l)
{
	struct session *s;
	uint32_t i, told = 0;

	l->still = STILL_NOT;
	listener_hand_over(l);
	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) == NULL)
			continue;
		if (session_record_fits(session_carrier(s))) {
			session_abandon(s);
			continue;
		}
		s->sid = 0;	/* the hub is not to tell the others */
		session_go_on(s);
		session_bye(s, END_UPGRADE, true);
		told++;
	}
	return told;
}

bool
loop_still_order(struct loop *l, struct order *o)
{
	switch (o->kind) {
	case ORDER_STILL:
		still(l);
		break;
	case ORDER_QUIET:
		l->quiet = o;
		return false;
	case ORDER_SAVE:
		save(l, o);
		break;
	case ORDER_GO_ON:
		go_on(l);
		break;
	case ORDER_LEAVE:
		o->count = leave(l);
		break;
	default:
		break;
	}
	return true;
}
