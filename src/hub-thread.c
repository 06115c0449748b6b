#include <assert.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "hub-thread.h"
#include "hub.h"
#include "log.h"
#include "order.h"
#include "util.h"

/*
 * A loop that is this far behind with its mail is given no more news but told
 * to read them from the store: no loop makes the hub's memory grow.
 */
#define BACKLOG_MAX	(64u * 1024 * 1024)

#define HOLD_MS		50	/* the longest that news are held back */

struct hub_thread {
	struct daemon	*daemon;
	struct hub	*hub;
	struct mailbox	 box;
	struct mail_list *out;		/* one a loop */
	struct mail_list to_keeper;
	uint32_t	*stamps;	/* of each loop's newest batch */
	uint64_t	 held_since;	/* ms; 0: no news are held back */
	pthread_t	 thread;
	struct order	*order;		/* of an upgrade, not yet carried out */
	bool		 stopping;
};

static void
out_reply(void *arg, struct request *req)
{
	struct hub_thread *h = arg;
	unsigned loop = CLIENT_LOOP(req->client);

	mail_list_add(loop == OPERATOR_LOOP ? &h->to_keeper : &h->out[loop],
	    &req->mail);
}

/* Not what hub_held() means: these news are not given later. */
static void
leave_out(struct batch *b)
{
	uint32_t i;

	for (i = 0; i < b->n; i++) {
		if (msg_stored(b->msgs[i]))
			b->skip = b->msgs[i]->seq;
		msg_unref(b->msgs[i]);
	}
	b->n = 0;
	b->bytes = 0;
}

static uint32_t
out_batch(void *arg, unsigned loop, struct batch *b)
{
	struct hub_thread *h = arg;
	struct loop *l = &h->daemon->loops[loop];

	if (atomic_load_explicit(&l->backlog, memory_order_relaxed) >
	    BACKLOG_MAX)
		leave_out(b);
	atomic_fetch_add_explicit(&l->backlog, b->bytes,
	    memory_order_relaxed);
	b->stamp = ++h->stamps[loop];
	mail_list_add(&h->out[loop], &b->mail);
	return b->stamp;
}

static bool
out_writing(void *arg, unsigned loop, uint32_t stamp)
{
	struct hub_thread *h = arg;

	return (int32_t)(stamp -
	    atomic_load(&h->daemon->loops[loop].written)) > 0;
}

static void
out_place(void *arg, struct place_mail *m)
{
	struct hub_thread *h = arg;

	mail_list_add(&h->out[CLIENT_LOOP(m->client)], &m->mail);
}

static void
out_unplace(void *arg, struct unplace_mail *m)
{
	struct hub_thread *h = arg;

	mail_list_add(&h->out[CLIENT_LOOP(m->client)], &m->mail);
}

static void
out_session(void *arg, struct session_mail *m)
{
	struct hub_thread *h = arg;

	mail_list_add(&h->out[CLIENT_LOOP(m->client)], &m->mail);
}

static bool
out_auth(void *arg, struct request *req)
{
	struct hub_thread *h = arg;

	return auth_submit(h->daemon->auth, req);
}

static void
order_done(struct hub_thread *h, struct order *o)
{
	o->mail.kind = MAIL_DONE;
	mail_list_add(&h->to_keeper, &o->mail);
}

static void
take_order(struct hub_thread *h, struct order *o)
{
	if (o->kind == ORDER_QUIET || o->kind == ORDER_SAVE) {
		h->order = o;
		return;
	}
	if (o->kind == ORDER_CONF)
		hub_configure(h->hub, o->conf);
	order_done(h, o);
}

/*
 * An order of an upgrade: all that was asked for is stored by then, and what
 * came of it is on its way to the loops.
 */
static void
look_quiet(struct hub_thread *h)
{
	struct order *o = h->order;

	if (o == NULL || hub_pending(h->hub) > 0)
		return;
	h->order = NULL;
	hub_release(h->hub);
	if (o->kind == ORDER_SAVE) {
		o->saved = xcalloc(1, sizeof(*o->saved));
		hub_save(h->hub, &o->saved->bytes);
	}
	order_done(h, o);
}

static void
take(struct hub_thread *h, struct mail *m)
{
	metric_add(&h->daemon->metrics.taken, 1);
	switch (m->kind) {
	case MAIL_REQUEST:
		hub_request(h->hub, (struct request *)m);
		break;
	case MAIL_COMMITTED:
		hub_committed(h->hub, (struct store_op *)m);
		break;
	case MAIL_PRUNED:
		hub_pruned(h->hub, (struct store_pruned *)m);
		break;
	case MAIL_WRITTEN:
		free(m);
		break;
	case MAIL_CONTROL:
		h->stopping = true;
		free(m);
		break;
	case MAIL_ORDER:
		take_order(h, (struct order *)m);
		break;
	default:
		assert(!"mail of this kind to the hub");
	}
}

/*
 * News are held back: any loop that has written its own says so by mail. How
 * many ms to wait for that at the most; -1 if there are none.
 */
static int
wait_held(struct hub_thread *h)
{
	uint64_t now = clock_ms();
	unsigned i;

	if (hub_held(h->hub)) {
		for (i = 0; i < h->daemon->nloops; i++)
			atomic_store(&h->daemon->loops[i].hub_waits, true);
		hub_flush(h->hub);	/* written before it saw that */
	}
	if (!hub_held(h->hub)) {
		h->held_since = 0;
		return -1;
	}
	if (h->held_since == 0)
		h->held_since = now;
	if (now - h->held_since < HOLD_MS)
		return (int)(h->held_since + HOLD_MS - now);
	hub_release(h->hub);
	h->held_since = 0;
	return -1;
}

/* What is now, for who asks. */
static void
tell_metrics(struct hub_thread *h)
{
	struct hub_metrics *m = &h->daemon->metrics;
	const struct hub_counts *counts = hub_counts(h->hub);
	unsigned i;

	metric_set(&m->users, hub_users(h->hub));
	metric_set(&m->rooms, hub_rooms(h->hub) - hub_inboxes(h->hub));
	metric_set(&m->inboxes, hub_inboxes(h->hub));
	metric_set(&m->queued, hub_queued(h->hub));
	metric_set(&m->login_failures, counts->failures);
	for (i = 0; i < AUTH_REFUSALS; i++)
		metric_set(&m->auth_refused[i], counts->refused[i]);
}

static void *
run(void *arg)
{
	struct hub_thread *h = arg;
	struct mail *m, *next;
	unsigned i, turn;
	int wait = -1;

	pthread_setname_np(pthread_self(), "hub");
	while (!h->stopping || hub_pending(h->hub) > 0) {
		m = mailbox_wait(&h->box, wait);
		if (m != NULL)
			histogram_add(&h->daemon->metrics.waits, histogram_us,
			    clock_us() - h->box.oldest);
		/*
		 * What the flush completes at once (store = memory) goes out
		 * with this round's mail, and so does what came meanwhile.
		 */
		for (turn = 0; m != NULL && turn < 2; turn++) {
			for (; m != NULL; m = next) {
				next = m->next;
				take(h, m);
			}
			hub_flush(h->hub);
			if (turn == 0)
				m = mailbox_drain(&h->box);
		}
		look_quiet(h);
		wait = wait_held(h);
		for (i = 0; i < h->daemon->nloops; i++)
			mailbox_post(&h->daemon->loops[i].box, &h->out[i]);
		mailbox_post(h->daemon->keeper, &h->to_keeper);
		tell_metrics(h);
	}
	return NULL;
}

struct hub_thread *
hub_thread_new(struct daemon *d)
{
	struct hub_thread *h = xcalloc(1, sizeof(*h));
	const struct hub_out out = { h, out_reply, out_batch,
	    d->nloops > 1 ? out_writing : NULL, out_place, out_unplace,
	    out_session,
	    out_auth };
	unsigned i;

	h->daemon = d;
	h->out = xcalloc(d->nloops, sizeof(*h->out));
	h->stamps = xcalloc(d->nloops, sizeof(*h->stamps));
	for (i = 0; i < d->nloops; i++)
		mail_list_init(&h->out[i]);
	mail_list_init(&h->to_keeper);
	mailbox_init(&h->box, NULL, NULL);
	h->box.timed = true;
	h->hub = hub_new(d->conf, d->store, d->nloops, &out);
	tell_metrics(h);
	return h;
}

struct mailbox *
hub_thread_box(struct hub_thread *h)
{
	return &h->box;
}

bool
hub_thread_restore(struct hub_thread *h, const struct buf *record,
    const uint32_t *sids, size_t n)
{
	return hub_restore(h->hub, record->data, record->len, sids, n);
}

void
hub_thread_start(struct hub_thread *h)
{
	int error = pthread_create(&h->thread, NULL, run, h);

	if (error != 0)
		errx(1, "pthread_create: %s", strerror(error));
}

void
hub_thread_stop(struct hub_thread *h)
{
	struct mail *stop = xcalloc(1, sizeof(*stop));

	stop->kind = MAIL_CONTROL;
	mailbox_post_one(&h->box, stop);
	pthread_join(h->thread, NULL);
}

void
hub_thread_free(struct hub_thread *h)
{
	struct mail *m, *next;

	for (m = mailbox_drain(&h->box); m != NULL; m = next) {
		next = m->next;
		take(h, m);
	}
	hub_free(h->hub);
	free(h->order);
	mailbox_destroy(&h->box);
	free(h->out);
	free(h->stamps);
	free(h);
}
