#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "listener.h"
#include "loop.h"
#include "order.h"
#include "session-io.h"
#include "session.h"
#include "util.h"

#define STEP_MS		50	/* between the steps of a drain */

/* A drain: at its end, and at every moment in proportion, all were told. */
struct drain {
	struct loop	*loop;
	struct event	*timer;
	uint64_t	 from;		/* clock_ms() */
	uint64_t	 span;		/* ms */
	uint32_t	 clients;	/* that there were when it began */
	uint32_t	 told;
	uint32_t	 at;		/* slot to go on from */
};

static struct session *
session_at(struct loop *l, uint32_t slot)
{
	struct session *s = loop_session(l, slot);

	return s == NULL || s->dead || s->closing ? NULL : s;
}

/* Who waits for the greeting waits no longer than the new delay. */
static void
shorten_greets(struct loop *l)
{
	uint64_t due = clock_ms() + l->conf->greet_delay;
	struct greets *g = &l->greets;
	uint32_t i;

	for (i = 0; i < g->n; i++) {
		struct greet *one = &g->ring[(g->first + i) % g->cap];

		if (one->due > due)
			one->due = due;
	}
	if (g->n > 0)
		loop_greet_arm(l);
}

static void
configure(struct loop *l, const struct conf *conf)
{
	bool rewrite = conf->write_timeout != l->conf->write_timeout;
	struct session *s;
	uint32_t i;

	l->conf = conf;
	l->io.conf = conf;
	listener_configure(l);
	shorten_greets(l);
	for (i = 0; rewrite && i < l->nslots; i++) {
		if ((s = session_at(l, i)) != NULL)
			session_io_timeouts(s);
	}
}

/* Who has much to read already goes without: its memory is bounded. */
static uint32_t
notice(struct loop *l, const char *text)
{
	struct buf json = { 0 }, plain = { 0 }, *b;
	struct session *s;
	uint32_t i, told = 0;

	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) == NULL || s->sid == 0)
			continue;
		b = session_dialect(s) == &dialect_json ? &json : &plain;
		if (b->len == 0)
			session_dialect(s)->notice(b, text);
		told += session_notice(s, b);
	}
	buf_free(&json);
	buf_free(&plain);
	return told;
}

static uint32_t
shut_out(struct loop *l, const struct request *ban)
{
	char whose[ADDRESS_SIZE];
	const char *theirs;
	struct session *s;
	uint32_t i, ended = 0;

	if (!address_whose_text(ban->whom_address, whose))
		return 0;
	for (i = 0; i < l->nslots; i++) {
		if ((s = session_at(l, i)) == NULL || s->sid != 0 ||
		    (theirs = address_whose(s->address)) == NULL ||
		    strcmp(theirs, whose) != 0)
			continue;
		session_kick(s, ban->string);
		ended++;
	}
	return ended;
}

static void
drain_bye(struct drain *d, uint32_t until)
{
	struct loop *l = d->loop;
	struct session *s;

	for (; d->at < l->nslots && d->told < until; d->at++) {
		if ((s = session_at(l, d->at)) == NULL)
			continue;
		session_bye(s, END_DRAIN, true);
		d->told++;
	}
}

static void
drain_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval step = { 0, STEP_MS * 1000 };
	struct drain *d = arg;
	uint64_t passed = clock_ms() - d->from;

	(void)fd;
	(void)what;
	if (passed < d->span) {
		drain_bye(d, (uint32_t)(d->clients * passed / d->span));
		evtimer_add(d->timer, &step);
		return;
	}
	d->at = 0;	/* and who came from another loop meanwhile */
	drain_bye(d, UINT32_MAX);
}

static uint32_t
drain(struct loop *l)
{
	struct drain *d;
	uint32_t i;

	listener_close_all(l);
	if (l->drain != NULL || l->stopping)
		return 0;
	d = l->drain = xcalloc(1, sizeof(*d));
	d->loop = l;
	d->from = clock_ms();
	d->span = l->conf->drain_time * 1000;
	for (i = 0; i < l->nslots; i++)
		d->clients += session_at(l, i) != NULL;
	if ((d->timer = evtimer_new(l->base, drain_cb, d)) == NULL)
		errx(1, "libevent: no event");
	drain_cb(-1, 0, d);
	return d->clients;
}

void
drain_free(struct drain *d)
{
	if (d == NULL)
		return;
	event_free(d->timer);
	free(d);
}

uint32_t
drain_after(const struct drain *d)
{
	uint64_t passed = clock_ms() - d->from;
	uint32_t share;

	random_bytes(&share, sizeof(share));
	return (uint32_t)((passed < d->span ? d->span - passed : 0) +
	    share % (d->span + 1));
}

uint32_t
spread_after(const struct conf *conf)
{
	uint32_t share;

	random_bytes(&share, sizeof(share));
	return (uint32_t)(share % (conf->drain_time * 1000 + 1));
}

/* It alone takes clients, so that none can come unseen. */
static bool
rest(struct loop *l)
{
	if (atomic_load(&l->daemon->nclients) > 0)
		return false;
	listener_close_all(l);
	return true;
}

void
loop_order(struct loop *l, struct order *o)
{
	switch (o->kind) {
	case ORDER_CONF:
		configure(l, o->conf);
		break;
	case ORDER_NOTICE:
		o->count = notice(l, o->text);
		break;
	case ORDER_DRAIN:
		o->count = drain(l);
		break;
	case ORDER_REST:
		o->count = rest(l);
		break;
	case ORDER_ALIVE:
		break;
	case ORDER_SHUT_OUT:
		o->count = shut_out(l, o->ban);
		break;
	default:
		if (!loop_still_order(l, o))
			return;
	}
	loop_order_done(l, o);
}

void
loop_order_done(struct loop *l, struct order *o)
{
	o->mail.kind = MAIL_DONE;
	mailbox_post_one(l->daemon->keeper, &o->mail);
}
