#include <sys/eventfd.h>

#include <assert.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "order.h"
#include "session.h"
#include "session-io.h"
#include "tls.h"
#include "tracing.h"
#include "util.h"

#define STOP_WAIT	5		/* seconds for slow clients at last */
#define UNFLUSHED_MAX	(8u * 1024 * 1024)	/* bytes of all rooms */

static uint64_t
thread_cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/*
 * Slots: where sessions are found by number. One in use holds a pointer; a free
 * one, told by its lowest bit, the generation of its last session and the next
 * free slot, + 1.
 */
#define FREE_SLOT(gen, next)	((uint64_t)(next) << 33 |		\
				    (uint64_t)(gen) << 1 | 1)
#define FREE_NEXT(word)		((uint32_t)((word) >> 33))
#define FREE_GEN(word)		((uint32_t)((word) >> 1))

uint32_t
loop_slot_take(struct loop *l, struct session *s, uint32_t *gen)
{
	uint32_t i, slot;

	if (l->free_slot == 0) {
		uint32_t n = l->nslots ? l->nslots + l->nslots / 2 : 64;

		l->slots = xrealloc(l->slots, n * sizeof(*l->slots));
		for (i = n; i-- > l->nslots;) {
			l->slots[i] = FREE_SLOT(0, l->free_slot);
			l->free_slot = i + 1;
		}
		l->nslots = n;
	}
	slot = l->free_slot - 1;
	l->free_slot = FREE_NEXT(l->slots[slot]);
	*gen = FREE_GEN(l->slots[slot]) + 1;
	l->slots[slot] = (uint64_t)(uintptr_t)s;
	atomic_fetch_add_explicit(&l->nsessions, 1, memory_order_relaxed);
	return slot;
}

void
loop_slot_give(struct loop *l, uint32_t slot, uint32_t gen)
{
	l->slots[slot] = FREE_SLOT(gen, l->free_slot);
	l->free_slot = slot + 1;
	atomic_fetch_sub_explicit(&l->nsessions, 1, memory_order_relaxed);
}

struct session *
loop_session(const struct loop *l, uint32_t slot)
{
	return (l->slots[slot] & 1) != 0 ? NULL :
	    (struct session *)(uintptr_t)l->slots[slot];
}

struct session *
loop_find(const struct loop *l, client_id id)
{
	struct session *s = CLIENT_SLOT(id) < l->nslots ?
	    loop_session(l, CLIENT_SLOT(id)) : NULL;

	return s != NULL && s->gen == CLIENT_GEN(id) ? s : NULL;
}

/* Rooms that have readers here. */

struct room_view *
loop_room_make(struct loop *l, uint32_t id, const char *name, uint64_t head)
{
	struct room_view *r = id_map_get(&l->rooms, id);
	size_t len = strlen(name) + 1;

	if (r != NULL)
		return r;
	r = xcalloc(1, sizeof(*r) + len);
	r->id = id;
	r->last_seq = head;
	memcpy(r->name, name, len);
	id_map_put(&l->rooms, id, r);
	return r;
}

void
loop_stream_left(struct loop *l, struct stream *s)
{
	struct room_view *r = stream_room(s);
	uint32_t i;

	if (stream_release(s)) {
		for (i = 0; i < l->ntouched; i++) {
			if (l->touched[i] == s)
				l->touched[i] = l->touched[--l->ntouched];
		}
	} else
		stream_settle(s);
	if (r->nplaces == 0)
		free(id_map_del(&l->rooms, r->id));
}

void
session_queue_add(struct session_queue *q, struct session *s)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 64;
		q->sessions = xrealloc(q->sessions,
		    q->cap * sizeof(struct session *));
	}
	q->sessions[q->n++] = s;
}

/* Writing. */

static void
touch(struct loop *l, struct stream *s)
{
	if (stream_touch(s, true))
		return;
	if (l->ntouched == l->touched_cap) {
		l->touched_cap = l->touched_cap ? l->touched_cap * 2 : 64;
		l->touched = xrealloc(l->touched,
		    l->touched_cap * sizeof(*l->touched));
	}
	l->touched[l->ntouched++] = s;
}

/* Has it written what the hub does not know of yet? */
static bool
has_written(const struct loop *l)
{
	return atomic_load_explicit(&l->written, memory_order_relaxed) !=
	    l->flushed;
}

/* The hub may hold news back until then: see hub_held(). */
static void
tell_written(struct loop *l)
{
	struct mail *m;

	atomic_store(&l->written, l->flushed);
	if (atomic_exchange(&l->hub_waits, false)) {
		m = xmalloc(sizeof(*m));
		m->kind = MAIL_WRITTEN;
		mailbox_post_one(l->daemon->hub, m);
	}
}

void
loop_flush(struct loop *l)
{
	struct session *s;
	struct place *p;
	uint32_t i;

	for (i = 0; i < l->ntouched; i++) {
		LIST_FOREACH(p, stream_readers(l->touched[i]), readers)
			session_dirty(p->session);
	}
	/* A flush may add to the queue: it is behind what it visits. */
	for (i = 0; i < l->dirty.n; i++) {
		s = l->dirty.sessions[i];
		s->is_dirty = false;
		if (!s->dead)
			session_flush(s);
	}
	l->dirty.n = 0;
	for (i = 0; i < l->ntouched; i++) {
		stream_touch(l->touched[i], false);
		stream_room(l->touched[i])->unflushed = 0;
		stream_settle(l->touched[i]);
		stream_trim(l->touched[i], l->conf->stream_bytes);
	}
	l->ntouched = 0;
	l->unflushed = 0;
	l->flushed = l->taken;
}

/* A text was taken away: no stream may show it any more. Who has not had all
 * yet reads on from the store, which knows. */
static void
forget_texts(struct room_view *r)
{
	struct stream *s;
	struct place *p;

	for (s = stream_first(r); s != NULL; s = stream_next(s)) {
		if (stream_bytes(s) == 0)
			continue;
		LIST_FOREACH(p, stream_readers(s), readers)
			session_dirty(p->session);
		stream_forget(s);
	}
}

static void
forget_all(struct loop *l)
{
	struct room_view *r;
	size_t pos = 0;

	while ((r = id_map_next(&l->rooms, &pos)) != NULL)
		forget_texts(r);
}

static void
append(struct loop *l, struct room_view *r, const struct msg *m)
{
	struct stream *s;
	struct news n;

	if (m->kind == MSG_REDACT)
		forget_texts(r);
	if (msg_stored(m))
		r->last_seq = m->seq;
	news_begin(&n, m, r->last_seq);
	for (s = stream_first(r); s != NULL; s = stream_next(s)) {
		if (stream_append(s, &n))
			touch(l, s);
	}
	r->unflushed += (uint32_t)msg_size(m);
	l->unflushed += msg_size(m);
}

/* The hub left news out, for there were too many: all readers go on from the
 * store. */
static void
skip(struct room_view *r, uint64_t seq)
{
	struct stream *s;
	struct place *p;

	r->last_seq = seq;
	for (s = stream_first(r); s != NULL; s = stream_next(s)) {
		LIST_FOREACH(p, stream_readers(s), readers)
			session_dirty(p->session);
		stream_skip(s, seq);
	}
}

/* Another day than that of the last ones, which are written before. */
static bool
begins_day(struct loop *l, const struct msg *m)
{
	uint32_t day = local_day(m->time != 0 ? m->time : clock_wall());

	if (day == l->day)
		return false;
	loop_flush(l);
	l->day = day;
	return true;
}

static void
take_batch(struct loop *l, struct batch *b)
{
	struct room_view *r = id_map_get(&l->rooms, b->room);
	uint32_t i;

	atomic_fetch_sub_explicit(&l->backlog, b->bytes, memory_order_relaxed);
	for (i = 0; r != NULL && i < b->n; i++) {
		if (begins_day(l, b->msgs[i]) &&
		    (r = id_map_get(&l->rooms, b->room)) == NULL)
			break;
		append(l, r, b->msgs[i]);
		/* A reader that keeps up must not fall off in one round. */
		if (r->unflushed > l->conf->stream_bytes / 4 ||
		    l->unflushed > UNFLUSHED_MAX) {
			loop_flush(l);
			r = id_map_get(&l->rooms, b->room);
		}
	}
	if (r != NULL && b->skip > r->last_seq)
		skip(r, b->skip);
	if (b->forget)
		forget_all(l);
	l->taken = b->stamp;
	batch_free(b);
}

/* Mail. */

void
loop_send(struct loop *l, struct request *req)
{
	l->hub_bytes += req->cost;
	mail_list_add(&l->to_hub, &req->mail);
}

static void
send_gone(struct loop *l, client_id client, uint32_t sid)
{
	struct request *gone = request_new(CMD_GONE);

	gone->client = client;
	gone->sid = sid;
	mail_list_add(&l->to_hub, &gone->mail);
}

/* The hub has caught up: whoever was held back may go on. */
static void
wait_all(struct loop *l)
{
	uint32_t i;

	for (i = 0; i < l->nslots; i++) {
		struct session *s = loop_session(l, i);

		if (s != NULL && !s->dead && s->paused)
			session_wait(s);
	}
}

static void
take_reply(struct loop *l, struct request *req)
{
	struct session *s = loop_find(l, req->client);

	l->hub_bytes -= req->cost;
	if (s != NULL && !s->dead)
		session_replied(s, req);
	else {
		/* It logged in after it had gone. */
		if (req->cmd == CMD_LOGIN && req->error == ERR_NONE)
			send_gone(l, req->client, req->sid);
		if (req->cmd == CMD_MOVED)
			session_places_free(req->arg);
		request_free(req);
	}
	if (l->overloaded && l->hub_bytes < l->conf->mailbox_bytes / 2) {
		l->overloaded = false;
		wait_all(l);
	}
}

static void
take_read(struct loop *l, struct store_read *read)
{
	struct session *s = loop_find(l, read->client);

	if (s != NULL && !s->dead)
		session_read_done(s, read);
	else
		request_free(read->arg);
	store_read_free(read);
}

static void
stop(struct loop *l)
{
	struct session *s;
	uint32_t i;

	l->stopping = true;
	l->stop_at = l->now + STOP_WAIT;
	listener_close_all(l);
	for (i = 0; i < l->nslots; i++) {
		if ((s = loop_session(l, i)) != NULL && !s->dead)
			session_bye(s, END_SHUTDOWN, true);
	}
}

static void
take_mail(struct loop *l, struct mail *m)
{
	struct session *s;

	switch (m->kind) {
	case MAIL_REPLY:
		take_reply(l, (struct request *)m);
		break;
	case MAIL_BATCH:
		take_batch(l, (struct batch *)m);
		break;
	case MAIL_READ:
		take_read(l, (struct store_read *)m);
		break;
	case MAIL_PLACE:
		s = loop_find(l, ((struct place_mail *)m)->client);
		if (s != NULL && !s->dead)
			session_place_given(s, (struct place_mail *)m);
		free(m);
		break;
	case MAIL_UNPLACE:
		s = loop_find(l, ((struct unplace_mail *)m)->client);
		if (s != NULL && !s->dead)
			session_place_taken(s, (struct unplace_mail *)m);
		msg_unref(((struct unplace_mail *)m)->why);
		free(m);
		break;
	case MAIL_SESSION:
		s = loop_find(l, ((struct session_mail *)m)->client);
		if (s != NULL && !s->dead)
			session_act(s, (struct session_mail *)m);
		session_mail_free((struct session_mail *)m);
		break;
	case MAIL_ATTACH:
		atomic_fetch_sub_explicit(&l->ncoming, 1,
		    memory_order_relaxed);
		session_attach(l, (struct session_record *)m);
		break;
	case MAIL_WELCOME:
		listener_welcome(l, ((struct welcome_mail *)m)->fd,
		    ((struct welcome_mail *)m)->kind,
		    (struct sockaddr *)&((struct welcome_mail *)m)->address);
		free(m);
		break;
	case MAIL_CONTROL:
		stop(l);
		free(m);
		break;
	case MAIL_ORDER:
		loop_order(l, (struct order *)m);
		break;
	case MAIL_TRACE:
		s = loop_find(l, ((struct trace_mail *)m)->trace->client);
		session_trace_start(s != NULL && !s->dead ? s : NULL,
		    (struct trace_mail *)m);
		break;
	default:
		assert(!"mail of this kind to a loop");
	}
}

static void
wake_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct mail *m, *next;
	uint64_t count;

	(void)what;
	loop_began(l);
	if (read(fd, &count, sizeof(count)) == -1)
		return;
	for (m = mailbox_drain(&l->box); m != NULL; m = next) {
		next = m->next;
		take_mail(l, m);
	}
}

/* The mailbox's sender calls this, on its own thread. */
static void
wake(void *arg)
{
	struct loop *l = arg;
	uint64_t one = 1;

	if (write(l->wake_fd, &one, sizeof(one)) == -1)
		log_error("wake-failed", LU("loop", l->id), LEND);
}

/* Time. */

/* Of all readers that are behind: the most that one has yet to be given. */
static uint64_t
max_lag(const struct loop *l)
{
	const struct place *p;
	uint64_t head, lag = 0;

	LIST_FOREACH(p, &l->pool.behind, readers) {
		head = stream_room(p->stream)->last_seq;
		if (p->state != PLACE_SEEK && head > p->at.seq &&
		    head - p->at.seq > lag)
			lag = head - p->at.seq;
	}
	return lag;
}

static void
tick_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t cpu = thread_cpu_us();
	uint64_t clients[CLIENT_COUNTS] = { 0 };
	uint32_t i;

	(void)fd;
	(void)what;
	loop_began(l);
	l->now++;
	atomic_store_explicit(&l->busy, (unsigned)((cpu - l->cpu_us) / 1000),
	    memory_order_relaxed);
	l->cpu_us = cpu;
	for (i = 0; i < l->nslots && l->still == STILL_NOT; i++) {
		struct session *s = loop_session(l, i);

		if (s == NULL || s->dead)
			continue;
		if (l->stopping && l->now >= l->stop_at)
			session_close(s, "shutdown");
		else
			session_tick(s);
		clients[session_client_kind(s) + (s->carrier == CARRIER_TLS ?
		    CLIENT_KINDS : 0)] += !s->dead;
	}
	for (i = 0; i < CLIENT_COUNTS; i++)
		metric_set(&l->metrics.clients[i], clients[i]);
	metric_set(&l->metrics.lag, max_lag(l));
	metric_set(&l->metrics.cpu_us, cpu);
	request_pool_trim();
	loop_trace_sweep(l);
	tls_turn(l->daemon->tls, clock_ms());
	if (!l->stopping && l->drain == NULL && l->still == STILL_NOT)
		loop_balance(l);
}

/* The round. */

static void
round_end(struct loop *l)
{
	struct session *s;
	uint32_t i, n;

	mailbox_post(l->daemon->hub, &l->to_hub);
	if (has_written(l))
		tell_written(l);
	loop_flush(l);
	for (i = 0; i < l->waiting.n; i++) {
		s = l->waiting.sessions[i];
		s->is_waiting = false;
		if (!s->dead)
			session_resume(s);
	}
	l->waiting.n = 0;
	loop_flush(l);
	for (i = n = 0; i < l->dead.n; i++) {
		s = l->dead.sessions[i];
		if (s->is_waiting)	/* the queue has it: next round */
			l->dead.sessions[n++] = s;
		else
			session_free(s);
	}
	l->dead.n = n;
	mailbox_post(l->daemon->hub, &l->to_hub);
	loop_look_quiet(l);
}

void
loop_round(struct loop *l, bool wait)
{
	int flags = EVLOOP_ONCE;

	/* What was said while it wrote goes to the hub first, so that the next
	 * batch has it. */
	if (!wait || l->waiting.n > 0 || has_written(l)) {
		flags |= EVLOOP_NONBLOCK;
		loop_began(l);
	}
	if (event_base_loop(l->base, flags) == -1)
		err(1, "event_base_loop");
	round_end(l);
	if (l->began != 0)
		histogram_add(&l->metrics.rounds, histogram_us, clock_us() -
		    l->began);
	l->began = 0;
}

static void *
run(void *arg)
{
	struct loop *l = arg;
	char name[16];

	snprintf(name, sizeof(name), "loop-%u", l->id);
	pthread_setname_np(pthread_self(), name);	/* for top -H */
	l->cpu_us = thread_cpu_us();
	request_pool_open();
	while (!l->stopping || atomic_load(&l->nsessions) > 0)
		loop_round(l, true);
	request_pool_close();
	return NULL;
}

void
loop_init(struct loop *l, struct daemon *d, unsigned id)
{
	struct event_config *cfg = event_config_new();
	struct timeval second = { 1, 0 };

	l->id = id;
	l->daemon = d;
	l->conf = d->conf;
	l->io.conf = d->conf;
	l->day = local_day(clock_wall());
	l->rbuf = xmalloc(READ_SIZE);
	mail_list_init(&l->to_hub);
	mail_list_init(&l->io.requests);

	/* A base is one thread's: what comes from others comes by mail. */
	if (cfg == NULL ||
	    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == -1 ||
	    (l->base = event_base_new_with_config(cfg)) == NULL)
		errx(1, "libevent: no event base");
	event_config_free(cfg);
	if ((l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1)
		err(1, "eventfd");
	mailbox_init(&l->box, wake, l);
	l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, wake_cb,
	    l);
	l->tick = event_new(l->base, -1, EV_PERSIST, tick_cb, l);
	l->greet = evtimer_new(l->base, loop_greet_cb, l);
	if (l->wake == NULL || l->tick == NULL || l->greet == NULL)
		errx(1, "libevent: no event");
	event_add(l->wake, NULL);
	event_add(l->tick, &second);
}

void
loop_start(struct loop *l)
{
	int error = pthread_create(&l->thread, NULL, run, l);

	if (error != 0)
		errx(1, "pthread_create: %s", strerror(error));
}

void
loop_stop(struct loop *l)
{
	struct mail *m = xcalloc(1, sizeof(*m));

	m->kind = MAIL_CONTROL;
	mailbox_post_one(&l->box, m);
}

void
loop_join(struct loop *l)
{
	pthread_join(l->thread, NULL);
}

/* Mail that no one will read: what a loop is sent once it has ended. */
static void
discard(struct mail *m)
{
	struct store_read *read;

	switch (m->kind) {
	case MAIL_REPLY:
		if (((struct request *)m)->cmd == CMD_MOVED)
			session_places_free(((struct request *)m)->arg);
		request_free((struct request *)m);
		break;
	case MAIL_BATCH:
		batch_free((struct batch *)m);
		break;
	case MAIL_READ:
		read = (struct store_read *)m;
		request_free(read->arg);
		store_read_free(read);
		break;
	case MAIL_SESSION:
		session_mail_free((struct session_mail *)m);
		break;
	case MAIL_ATTACH:
		session_record_end((struct session_record *)m);
		break;
	case MAIL_WELCOME:
		close(((struct welcome_mail *)m)->fd);
		free(m);
		break;
	case MAIL_TRACE:
		trace_mail_free((struct trace_mail *)m);
		break;
	default:
		free(m);
	}
}

void
loop_free(struct loop *l)
{
	struct mail *m, *next;

	for (m = mailbox_drain(&l->box); m != NULL; m = next) {
		next = m->next;
		discard(m);
	}
	mailbox_destroy(&l->box);
	free(l->quiet);
	drain_free(l->drain);
	event_free(l->wake);
	event_free(l->tick);
	event_free(l->greet);
	event_base_free(l->base);
	close(l->wake_fd);
	segment_pool_free(&l->pool);
	buf_free(&l->io.out);
	buf_free(&l->text);
	buf_free(&l->answer);
	free(l->greets.ring);
	free(l->touched);
	free(l->dirty.sessions);
	free(l->waiting.sessions);
	free(l->dead.sessions);
	id_map_free(&l->rooms);
	id_map_free(&l->ignores);
	id_map_free(&l->more);
	free(l->slots);
	free(l->rbuf);
}
