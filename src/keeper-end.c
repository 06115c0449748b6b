/*
 * How a daemon comes to its end, but by a signal: it is drained, its clients
 * have gone to another, or inetd's has had none for a while.
 */
#include <err.h>

#include <event2/event.h>

#include "control-ask.h"
#include "handover.h"
#include "keeper-internal.h"
#include "log.h"
#include "service.h"
#include "upgrade.h"

#define DRAIN_LOOK_MS	100	/* between looks whether all are gone */
#define DRAIN_LAST_MS	1000	/* for the last ones to be told and go */
#define LINGER_LOOK_MS	100	/* between looks whether there are clients */

void
keeper_end(struct keeper *k)
{
	k->ending = true;
	event_base_loopbreak(k->base);
}

static const struct timeval linger_look = { 0, LINGER_LOOK_MS * 1000 };

void
keeper_rested(struct keeper *k, bool rests)
{
	if (!rests) {
		if (k->drain_end == 0 && k->control != NULL)
			k->handover = handover_open(k->daemon, k->base,
			    k->conf->control, -1);
		evtimer_add(k->linger, &linger_look);
		return;
	}
	log_notice("lonely", LU("seconds", k->conf->inetd_linger), LEND);
	keeper_end(k);
}

/* Who came and went between two looks counts too. */
static bool
has_clients(struct keeper *k)
{
	uint64_t n = metric_get(&k->daemon->loops[0].metrics.accepted);
	bool came = n != k->welcomed;

	k->welcomed = n;
	return came || atomic_load(&k->daemon->nclients) > 0;
}

static void
linger_cb(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	if (has_clients(k))
		k->lonely = clock_ms();
	/* Not while something is ordered: it would not come back. */
	if (clock_ms() - k->lonely < k->conf->inetd_linger * 1000 ||
	    !LIST_EMPTY(&k->jobs) || upgrade_is_active(k->upgrade)) {
		evtimer_add(k->linger, &linger_look);
		return;
	}
	/* Who would be handed over meanwhile waits for the next daemon. */
	handover_close(k->handover, false);
	k->handover = NULL;
	job_order(k, job_new(k, ORDER_REST, 0), &k->daemon->loops[0].box);
}

void
keeper_linger(struct keeper *k)
{
	k->lonely = clock_ms();
	evtimer_add(k->linger, &linger_look);
}

static const struct timeval drain_look = { 0, DRAIN_LOOK_MS * 1000 };

/* Not before all loops know of it, and whoever asked for it was answered. */
static void
drain_cb(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	if (job_find(k, ORDER_DRAIN) == NULL && (clock_ms() >= k->drain_end ||
	    atomic_load(&k->daemon->nclients) == 0))
		keeper_end(k);
	else
		evtimer_add(k->drain, &drain_look);
}

void
keeper_drain(struct keeper *k, client_id who)
{
	struct job *job;

	if (k->drain_end != 0) {
		control_fail(k->control, who, "draining",
		    "It is draining already.");
		return;
	}
	if (keeper_is_busy(k, who, upgrade_is_active(k->upgrade)))
		return;
	k->drain_end = clock_ms() + k->conf->drain_time * 1000 +
	    DRAIN_LAST_MS;
	job = job_new(k, ORDER_DRAIN, who);
	control_addu(&job->answer, "seconds", k->conf->drain_time);
	service_notify("STOPPING=1\nSTATUS=draining");
	log_notice("draining", LU("seconds", k->conf->drain_time),
	    LU("clients", atomic_load(&k->daemon->nclients)), LEND);
	handover_close(k->handover, false);
	k->handover = NULL;
	job_order_loops(k, job);
	evtimer_add(k->drain, &drain_look);
}

void
keeper_left(struct keeper *k)
{
	k->drain_end = clock_ms() + DRAIN_LAST_MS;
	drain_cb(-1, 0, k);
}

void
keeper_end_init(struct keeper *k)
{
	k->drain = evtimer_new(k->base, drain_cb, k);
	k->linger = evtimer_new(k->base, linger_cb, k);
	if (k->drain == NULL || k->linger == NULL)
		errx(1, "libevent: no event");
}

void
keeper_end_free(struct keeper *k)
{
	event_free(k->drain);
	event_free(k->linger);
}
