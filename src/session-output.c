#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "log.h"
#include "order.h"
#include "session-io.h"
#include "session.h"
#include "telnet.h"
#include "tracing.h"
#include "web.h"

#define SLICES		64	/* of one send */
#define CHAINS		16	/* of these, the session's own output */
#define PAGE_KEEP	(64 * 1024)
#define PAGE_LIMIT	128	/* messages of a page of catching up */
#define NOTICE_MAX	(16 * 1024)	/* not yet written to who is told */
#define PAGES		1	/* on their way to one client */

static struct evbuffer *
output(const struct session *s)
{
	return bufferevent_get_output(s->bev);
}

size_t
session_unwritten(const struct session *s)
{
	return s->unwritten ? evbuffer_get_length(output(s)) : 0;
}

void
session_io_open(struct session *s)
{
	bufferevent_setcb(s->bev, session_read_cb, session_write_cb,
	    session_event_cb, s);
	if (s->loop->conf->write_timeout != 0)
		session_io_timeouts(s);
	bufferevent_disable(s->bev, EV_WRITE);
	if (s->loop->still == STILL_NOT)
		bufferevent_enable(s->bev, EV_READ);
}

bool
session_is_asking(const struct session *s)
{
	const struct place *p;

	for (p = s->places; p != NULL; p = p->next) {
		if (p->state == PLACE_SEEK || p->state == PLACE_READING)
			return true;
	}
	return s->inflight > 0;
}

void
session_go_on(struct session *s)
{
	if (s->blocked)
		bufferevent_enable(s->bev, EV_WRITE);
	if (s->lingering || (!s->paused && !s->closing && !s->eof))
		bufferevent_enable(s->bev, EV_READ);
	session_dirty(s);
	if (s->paused || s->eof)
		session_wait(s);
}

void
session_io_timeouts(struct session *s)
{
	const struct timeval tv = { (time_t)s->loop->conf->write_timeout, 0 };

	bufferevent_set_timeouts(s->bev, NULL, tv.tv_sec > 0 ? &tv : NULL);
}

static void
leave_places(struct session *s)
{
	struct place *p;

	while ((p = s->places) != NULL) {
		struct stream *stream = p->stream;

		s->places = p->next;
		place_remove(p);
		free(p);
		loop_stream_left(s->loop, stream);
	}
}

int
session_io_close(struct session *s)
{
	int fd;

	leave_places(s);
	/* Within its own callback it is freed, and its events deleted, later:
	 * by then the fd may be closed, and another loop's. */
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	fd = session_carrier(s)->close(s->bev);
	s->bev = NULL;
	return fd;
}

/*
 * Own output waits in the bufferevent, which does not watch for writability
 * (EV_WRITE is off) until a send was not accepted whole. It is sent before
 * streams' slices, or, where all goes through the bufferevent, stands before
 * them there.
 */
void
session_write(struct session *s, const void *data, size_t len)
{
	if (len == 0 || s->dead)
		return;
	evbuffer_add(output(s), data, len);
	s->unwritten = true;
	session_dirty(s);
}

void
session_tell(struct session *s, const struct buf *lines)
{
	static _Thread_local struct scratch scratch;
	struct buf *frames;

	if (s->traced)
		session_trace_out(s, lines->data, lines->len);
	if (!s->is_web) {
		session_write(s, lines->data, lines->len);
		return;
	}
	frames = scratch_take(&scratch, PAGE_KEEP);
	web_add_lines(s->layer.web, frames, lines->data, lines->len);
	session_write(s, frames->data, frames->len);
}

void
session_hide(struct session *s, bool hidden)
{
	struct buf answer = { 0 };
	bool is_try = !s->is_web && s->layer.telnet == NULL;

	s->hidden = hidden;
	if (s->is_web || (is_try && !hidden))
		return;
	if (is_try)
		s->layer.telnet = telnet_new();
	if (telnet_hides(s->layer.telnet))
		buf_adds(&answer, "\r\n");	/* typed unseen as well */
	telnet_hide(s->layer.telnet, hidden, &answer);
	if (is_try)
		buf_add(&answer, "\r", 2);	/* and the NUL behind it */
	if (!hidden && telnet_is_silent(s->layer.telnet)) {
		telnet_free(s->layer.telnet);
		s->layer.telnet = NULL;
	} else
		session_write(s, answer.data, answer.len);
	buf_free(&answer);
}

bool
session_notice(struct session *s, const struct buf *lines)
{
	if (session_unwritten(s) + lines->len > NOTICE_MAX)
		return false;
	session_tell(s, lines);
	return true;
}

/* Places. */

static struct place *
find_place(const struct session *s, uint32_t room)
{
	struct place *p;

	for (p = s->places; p != NULL; p = p->next) {
		if (stream_room(p->stream)->id == room)
			return p;
	}
	return NULL;
}

static struct stream *
room_stream(struct session *s, struct room_view *room)
{
	return stream_get(room, s->encoding, session_ignores(s),
	    s->is_web ? web_render : session_dialect(s)->message,
	    &s->loop->pool);
}

static struct place *
new_place(struct session *s)
{
	struct place *p = xmalloc(sizeof(*p));

	p->fresh = false;
	session_dirty(s);
	return p;
}

static void
link_place(struct session *s, struct place *p)
{
	p->next = s->places;
	s->places = p;
}

void
session_place(struct session *s, uint32_t id, const char *name, uint64_t head,
    uint64_t after, bool fresh)
{
	struct room_view *room;
	struct place *p;

	if (find_place(s, id) != NULL)
		return;
	room = loop_room_make(s->loop, id, name, head);
	p = new_place(s);
	place_add(p, s, room_stream(s, room), after);
	p->fresh = fresh;
	link_place(s, p);
}

/* One read a place at a time; it is found again by its ticket. */
static void
ask(struct session *s, struct place *p, struct store_read *r)
{
	r->to = &s->loop->box;
	r->client = session_id(s);
	r->num = p->ticket = ++s->loop->ticket;
	r->head = stream_room(p->stream)->last_seq;
	place_hold(p, true);
	store_read(s->loop->daemon->store, r);
}

void
session_place_last(struct session *s, uint32_t id, const char *name,
    uint64_t head, uint64_t floor, uint32_t n)
{
	struct room_view *room;
	struct store_read *r;
	struct place *p;

	if (find_place(s, id) != NULL)
		return;
	room = loop_room_make(s->loop, id, name, head);
	p = new_place(s);
	place_add_seeking(p, s, room_stream(s, room), floor);
	link_place(s, p);
	r = store_read_new(READ_SEEK, id);
	r->before = head + 1;
	r->limit = n;
	ask(s, p, r);
}

uint64_t
session_unplace(struct session *s, uint32_t id)
{
	struct place **at, *p;
	struct stream *stream;
	uint64_t seq;

	for (at = &s->places; (p = *at) != NULL; at = &p->next) {
		stream = p->stream;
		if (stream_room(stream)->id != id)
			continue;
		*at = p->next;
		seq = p->state == PLACE_SEEK ? 0 : place_seq(p);
		place_remove(p);
		free(p);
		loop_stream_left(s->loop, stream);
		return seq;
	}
	return 0;
}

void
session_place_given(struct session *s, const struct place_mail *m)
{
	if (!s->closing)
		session_place(s, m->room_id, m->room, m->head, m->after, false);
}

/* What the stream still has for it; false: it is not there, or too much. */
static bool
take_along(struct session *s, const struct place *p)
{
	struct iovec iov[SLICES];
	size_t size = 0;
	int i, n;

	if (p->state != PLACE_ON)
		return false;
	n = place_slices(p, iov, SLICES);
	for (i = 0; i < n; i++)
		size += iov[i].iov_len;
	if (n == SLICES || session_unwritten(s) + size > NOTICE_MAX)
		return false;
	for (i = 0; i < n; i++)
		session_write(s, iov[i].iov_base, iov[i].iov_len);
	return true;
}

/*
 * Who was behind has not seen all before the reason: that comes without its
 * seq then, and what lies between is not claimed to be seen.
 */
static void
tell_why(struct session *s, const char *room, const struct msg *m)
{
	struct buf line = { 0 };
	struct msg *why;

	why = msg_new((enum msg_kind)m->kind, msg_from(m), msg_to(m),
	    msg_text(m), m->text_len, NULL);
	why->time = m->time;
	session_dialect(s)->message(&line, s->is_web ? ENC_JSON : s->encoding,
	    room, why);
	session_tell(s, &line);
	buf_free(&line);
	msg_unref(why);
}

void
session_expelled(struct session *s, const struct moved_room *m)
{
	struct msg *why = msg_new(m->out->kind, m->out->from, m->out->to,
	    m->out->text, strlen(m->out->text), NULL);

	why->time = m->out->time;
	tell_why(s, m->room, why);
	msg_unref(why);
	session_sent_out(s, m->room, 0);
}

void
session_place_taken(struct session *s, const struct unplace_mail *m)
{
	struct place *p = find_place(s, m->room_id);
	struct moved_room shown = { .room = "", .room_id = m->room_id,
	    .how = MARK_SENT_OUT, .from = m->after };
	char room[NAME_SIZE];
	uint64_t seq = 0;

	if (p == NULL)
		return;
	snprintf(room, sizeof(room), "%s", stream_room(p->stream)->name);
	if (take_along(s, p))
		seq = stream_room(p->stream)->last_seq;
	else
		tell_why(s, room, m->why);
	shown.after = session_unplace(s, m->room_id);
	if (seq > shown.after)
		shown.after = seq;
	session_mark_room(s, &shown);
	session_sent_out(s, room, shown.after);
}

void
session_reencode(struct session *s, enum encoding encoding)
{
	struct stream *old;
	struct place *p;

	s->encoding = (uint8_t)encoding;
	for (p = s->places; p != NULL; p = p->next) {
		old = p->stream;
		place_move(p, room_stream(s, stream_room(old)));
		loop_stream_left(s->loop, old);
	}
	session_dirty(s);
}

void
session_choose(struct session *s, const struct dialect *d)
{
	const struct dialect *old = session_dialect(s);

	if (old != NULL && old->close != NULL)
		old->close(s->state);
	session_set_dialect(s, d);
	s->hidden = false;
	s->state = d->open != NULL ? d->open(s->loop->conf) : NULL;
	session_reencode(s, s->is_web ? web_encoding(s->layer.web) :
	    d == &dialect_json ? ENC_JSON : ENC_TEXT);
	if (s->traced)
		session_trace_dialect(s);
}

void
session_fall(struct session *s)
{
	struct place *p;

	for (p = s->places; p != NULL; p = p->next) {
		if (p->state == PLACE_ON && place_pending(p)) {
			place_fall(p);
			stream_settle(p->stream);
		}
	}
}

/* Catching up. */

/* A page of what the client has missed goes into its own output. */
static void
render_page(struct session *s, struct place *p, const struct store_read *r)
{
	static _Thread_local struct scratch scratch;
	struct buf *page = scratch_take(&scratch, PAGE_KEEP);
	struct room_view *room = stream_room(p->stream);
	uint64_t floor = r->floor < room->last_seq ? r->floor : room->last_seq;
	const struct ignores *ignores = session_ignores(s);
	const struct dialect *d = session_dialect(s);
	bool whole = !r->more;
	int64_t day = 0;
	uint32_t i, hidden = 0;
	size_t before;

	/* Of what was removed, this loop's readers may yet be told the newest
	 * by the stream. */
	if (floor > p->at.seq) {
		d->lag(page, room->name, p->at.seq, floor + 1);
		p->at.seq = floor;
	}
	for (i = 0; i < r->n; i++) {
		/* What this loop was not told of yet comes by the stream. */
		if (r->msgs[i]->seq > room->last_seq) {
			whole = true;
			break;
		}
		p->at.seq = r->msgs[i]->seq;
		if (ignores_hide(ignores, r->msgs[i])) {
			hidden++;
			continue;
		}
		if (d->day != NULL)
			d->day(page, &day, r->msgs[i]->time);
		d->message(page, s->is_web ? ENC_JSON : s->encoding,
		    room->name, r->msgs[i]);
	}
	before = page->len;
	if (whole && d->day != NULL)
		d->day(page, &day, 0);
	if (page->len > before && d->today != NULL)
		d->today(s->state, NULL, local_day(clock_wall()));
	session_tell(s, page);
	metric_add(&s->loop->pool.metrics.deliveries, i - hidden);
	if (whole && p->at.seq < r->head)
		p->at.seq = r->head;
	p->fresh = true;
}

void
session_read_done(struct session *s, struct store_read *r)
{
	struct place *p;

	if (r->arg != NULL) {
		session_answer_read(s, r);
		return;
	}
	for (p = s->places; p != NULL && p->ticket != r->num; p = p->next)
		;
	if (p == NULL || (p->state != PLACE_SEEK && p->state != PLACE_READING))
		return;
	if (r->error != STORE_OK) {
		log_warn("catch-up-failed", LS("client",
		    CLIENT_TEXT(session_id(s))), LEND);
		session_bye(s, END_STORE, true);
		return;
	}
	if (p->state == PLACE_SEEK) {
		place_found(p, r->after > r->floor ? r->after : r->floor);
		session_mark_begins(s, p, r->head);
	} else {
		p->state = PLACE_BEHIND;
		render_page(s, p, r);
	}
	if (!place_join(p))
		place_hold(p, false);
	stream_settle(p->stream);
	session_dirty(s);
}

static void
ask_page(struct session *s, struct place *p)
{
	struct store_read *r;

	r = store_read_new(READ_AFTER, stream_room(p->stream)->id);
	r->after = p->at.seq;
	r->limit = PAGE_LIMIT;
	/* As much again it may have in the carrier. */
	r->bytes = s->loop->conf->page_bytes /
	    (session_carrier(s)->through ? 4 : 2);
	p->state = PLACE_READING;
	ask(s, p, r);
}

/* The places behind this one come first from now on. */
static void
turn_places(struct session *s, struct place *asked)
{
	struct place *last;

	if (asked == NULL || asked->next == NULL)
		return;
	for (last = asked->next; last->next != NULL; last = last->next)
		;
	last->next = s->places;
	s->places = asked->next;
	asked->next = NULL;
}

/*
 * All is written: who is behind is fed on. Few pages at once, however many the
 * rooms, and each room in its turn.
 */
static void
catch_up(struct session *s)
{
	struct place *p, *asked = NULL;
	int pages = 0;

	if (s->loop->still != STILL_NOT || s->counting)
		return;
	for (p = s->places; p != NULL; p = p->next)
		pages += p->state == PLACE_READING;
	for (p = s->places; p != NULL; p = p->next) {
		if (p->state != PLACE_BEHIND)
			continue;
		if (place_join(p)) {
			if (place_pending(p))
				session_dirty(s);
		} else if (pages < PAGES) {
			ask_page(s, p);
			asked = p;
			pages++;
		}
	}
	turn_places(s, asked);
}

/* Writing. */

/* A send in the making: own output first, then each place's slices. */
struct gathered {
	struct iovec	 iov[SLICES];
	int		 n;
	size_t		 own;		/* bytes of it */
	size_t		 total;
	bool		 last;		/* nothing was left out */
};

static void
gather(struct session *s, struct gathered *g)
{
	struct evbuffer_iovec own[CHAINS];
	struct place *p;
	int i, n;

	g->n = 0;
	g->own = g->total = 0;
	g->last = true;
	n = s->unwritten && !session_carrier(s)->through ?
	    evbuffer_peek(output(s), -1, NULL, own, CHAINS) : 0;
	for (i = 0; i < n && i < CHAINS; i++) {
		g->iov[g->n].iov_base = own[i].iov_base;
		g->iov[g->n++].iov_len = own[i].iov_len;
		g->own += own[i].iov_len;
	}
	g->total = g->own;
	if (n > CHAINS) {
		g->last = false;
		return;
	}
	if (s->counting)
		return;
	for (p = s->places; p != NULL && g->n < SLICES; p = p->next) {
		if (!place_pending(p))
			continue;
		n = place_slices(p, g->iov + g->n, SLICES - g->n);
		for (i = 0; i < n; i++)
			g->total += g->iov[g->n++].iov_len;
	}
	if (g->n == SLICES)
		g->last = false;
}

/* Takes note of what was accepted. A line begun is finished from own output. */
static void
accepted(struct session *s, const struct gathered *g, size_t sent)
{
	size_t own = sent < g->own ? sent : g->own, size, rest_len;
	struct iovec iov[SLICES];
	const char *rest = NULL;
	int slices = SLICES, i, n;
	struct place *p;

	if (own > 0) {
		evbuffer_unfreeze(output(s), 1);
		evbuffer_drain(output(s), own);
		evbuffer_freeze(output(s), 1);
		s->unwritten = evbuffer_get_length(output(s)) > 0;
	}
	sent -= own;
	for (p = s->places; p != NULL && sent > 0; p = p->next) {
		if (!place_pending(p))
			continue;
		n = place_slices(p, iov, slices);
		slices -= n;
		for (i = 0, size = 0; i < n; i++)
			size += iov[i].iov_len;
		if (size > sent)
			size = sent;
		sent -= size;
		rest_len = place_advance(p, size, &rest);
		if (s->traced)
			session_trace_slices(s, iov, n, size, rest, rest_len);
		p->fresh = true;
		if (rest_len > 0) {
			evbuffer_add(output(s), rest, rest_len);
			s->unwritten = true;
		}
		stream_settle(p->stream);
	}
}

/* libevent has written. */
static void
count_cb(struct evbuffer *b, const struct evbuffer_cb_info *info, void *arg)
{
	struct session *s = arg;

	(void)b;
	metric_add(&s->loop->metrics.bytes_out, info->n_deleted);
}

/* The socket is full: libevent says when it is not any more. */
static void
block(struct session *s)
{
	evbuffer_add_cb(output(s), count_cb, s);
	s->blocked = true;
	session_more_make(s)->taken = session_carrier(s)->taken(s->bev);
	bufferevent_enable(s->bev, EV_WRITE);
}

/*
 * libevent has found no room for write_timeout. The kernel tells of room in
 * large steps only: a peer that takes bytes, if few, may go on.
 */
void
session_stuck(struct session *s)
{
	uint32_t taken = session_carrier(s)->taken(s->bev), *before;

	if (s->loop->still != STILL_NOT) {
		bufferevent_enable(s->bev, EV_WRITE);
		return;
	}
	before = &session_more_make(s)->taken;
	if (taken == *before) {
		session_close(s, "write-timeout");
		return;
	}
	*before = taken;
	bufferevent_enable(s->bev, EV_WRITE);
}

void
session_write_cb(struct bufferevent *bev, void *arg)
{
	struct session *s = arg;

	loop_began(s->loop);
	bufferevent_disable(bev, EV_WRITE);
	evbuffer_remove_cb(output(s), count_cb, s);
	s->blocked = false;
	session_more_settle(s);
	/* libevent may tell of it late, and more be there by now. */
	s->unwritten = evbuffer_get_length(output(s)) > 0;
	session_dirty(s);
	if (s->paused || s->eof)
		session_wait(s);
}

/* All that the client asked for was written: the end it was told of. */
static void
finish(struct session *s)
{
	struct buf *out = &s->loop->answer;
	char byte;

	if (s->inflight > 0)
		return;
	if (s->say_bye) {
		s->say_bye = false;
		buf_reset(out);
		session_dialect(s)->bye(out, session_end_name(s->end),
		    s->reconnect,
		    s->end == END_DRAIN ? drain_after(s->loop->drain) :
		    s->end == END_UPGRADE ? spread_after(s->loop->conf) : 0);
		session_tell(s, out);
		return;
	}
	if (s->is_web) {
		session_mark(s, MARK_END);
		leave_places(s);	/* nothing follows a close frame */
		if (session_web_close(s))
			return;
	}
	/* Unread input would make close(2) reset the connection, and what the
	 * client has not read yet would be lost to it. */
	if (s->eof || recv(bufferevent_getfd(s->bev), &byte, 1,
	    MSG_PEEK | MSG_DONTWAIT) == -1) {
		session_close(s, session_end_reason(s));
		return;
	}
	session_carrier(s)->shut(s->bev);
	s->lingering = true;
	s->heard = s->loop->now;
	bufferevent_enable(s->bev, EV_READ);
}

/* The first news of another day come behind a line of it. */
static void
tell_day(struct session *s)
{
	struct buf *out = &s->loop->answer;
	const struct dialect *d = session_dialect(s);
	const struct place *p = s->places;

	if (p == NULL || d->today == NULL)
		return;
	while (p != NULL && !place_pending(p))
		p = p->next;
	if (p == NULL || s->counting)
		return;
	buf_reset(out);
	d->today(s->state, out, s->loop->day);
	if (out->len > 0)
		session_tell(s, out);
}

void
session_flush(struct session *s)
{
	struct gathered g;
	ssize_t sent;

	if (s->blocked || s->lingering || s->stage != STAGE_OPEN ||
	    s->loop->still == STILL_ALL)
		return;
	tell_day(s);
	do {
		gather(s, &g);
		if (g.n == 0)
			break;
		do
			sent = session_carrier(s)->send(s->bev, g.iov, g.n);
		while (sent == -1 && errno == EINTR);
		if (sent == -1 && errno != EAGAIN && errno != EWOULDBLOCK) {
			session_close(s, s->closing ? session_end_reason(s) :
			    errno == EPIPE || errno == ECONNRESET ? "reset" :
			    strerror(errno));
			return;
		}
		if (sent > 0) {
			if (!session_carrier(s)->through)
				metric_add(&s->loop->metrics.bytes_out,
				    (size_t)sent);
			accepted(s, &g, (size_t)sent);
		}
		if (sent == -1 || (size_t)sent < g.total) {
			block(s);
			return;
		}
	} while (!g.last);
	if (session_carrier(s)->through && evbuffer_get_length(output(s)) > 0)
		block(s);
	else if (s->closing)
		finish(s);
	else
		catch_up(s);
	if (s->paused || s->eof)
		session_wait(s);
}
