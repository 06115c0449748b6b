#include <sys/socket.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "address.h"
#include "log.h"
#include "network.h"
#include "session.h"
#include "session-io.h"
#include "telnet.h"
#include "tracing.h"
#include "web.h"

#define LINGER	2	/* seconds a closed client gets to read the end */
#define CLOSING	60	/* seconds of no byte taken when it is closing, with
			 * write_timeout = 0: it is told nothing new by then */

const struct dialect *const session_dialects[] = { NULL, &dialect_text,
	&dialect_json };

client_id
session_id(const struct session *s)
{
	return CLIENT_ID(s->loop->id, s->slot, s->gen);
}

enum client_kind
session_client_kind(const struct session *s)
{
	if (s->is_web)
		return web_is_open(s->layer.web) ? CLIENT_WEBSOCKET :
		    CLIENT_HTTP;
	if (session_dialect(s) == NULL)
		return CLIENT_NEW;
	return session_dialect(s) == &dialect_json ? CLIENT_JSON : CLIENT_TEXT;
}

void
session_dirty(struct session *s)
{
	if (s->is_dirty)
		return;
	s->is_dirty = true;
	session_queue_add(&s->loop->dirty, s);
}

const char *
session_name(const struct session *s)
{
	if (s->name_is_long)
		return s->name.text;
	return s->name.bytes[0] != '\0' ? s->name.bytes : NULL;
}

void
session_name_set(struct session *s, const char *name)
{
	if (s->name_is_long)
		free(s->name.text);
	memset(&s->name, 0, sizeof(s->name));
	s->name_is_long = name != NULL && strlen(name) >= sizeof(s->name);
	if (s->name_is_long)
		s->name.text = xstrdup(name);
	else if (name != NULL)
		strcpy(s->name.bytes, name);
}

struct ignores *
session_ignores(const struct session *s)
{
	return s->ignoring ? id_map_get(&s->loop->ignores, s->slot + 1) : NULL;
}

void
session_ignore(struct session *s, struct ignores *ignores)
{
	struct ignores *old = session_ignores(s);

	if (old != NULL)
		id_map_del(&s->loop->ignores, s->slot + 1);
	if (ignores != NULL)
		id_map_put(&s->loop->ignores, s->slot + 1, ignores);
	s->ignoring = ignores != NULL;
	if (old != ignores && !s->dead)
		session_reencode(s, (enum encoding)s->encoding);
	ignores_unref(old);
}

struct session_more *
session_more(const struct session *s)
{
	return s->has_more ? id_map_get(&s->loop->more, s->slot + 1) : NULL;
}

struct session_more *
session_more_make(struct session *s)
{
	struct session_more *more = session_more(s);

	if (more == NULL) {
		more = xcalloc(1, sizeof(*more));
		id_map_put(&s->loop->more, s->slot + 1, more);
		s->has_more = true;
	}
	return more;
}

void
session_more_settle(struct session *s)
{
	const struct session_more *more = session_more(s);

	if (more == NULL || more->in.data != NULL || s->blocked)
		return;
	free(id_map_del(&s->loop->more, s->slot + 1));
	s->has_more = false;
}

const struct buf *
session_kept(const struct session *s)
{
	static const struct buf none;
	const struct session_more *more = session_more(s);

	return more != NULL ? &more->in : &none;
}

void
session_set_dialect(struct session *s, const struct dialect *d)
{
	for (s->dialect = 0; session_dialects[s->dialect] != d; s->dialect++)
		assert(s->dialect + 1u < NITEMS(session_dialects));
}

/* Records. */

struct session_record *
session_record_new(int fd, enum listen_kind kind, struct address *address,
    uint16_t port)
{
	struct session_record *r = xcalloc(1, sizeof(*r));

	r->mail.kind = MAIL_ATTACH;
	r->version = SESSION_RECORD_VERSION;
	r->fd = fd;
	r->carrier = &carrier_tcp;
	r->kind = kind;
	r->address = address;
	r->port = port;
	r->tokens = UINT32_MAX;
	return r;
}

void
session_places_free(struct session_places *places)
{
	uint32_t i;

	if (places == NULL)
		return;
	for (i = 0; i < places->n; i++)
		free(places->at[i].room);
	free(places);
}

static void
record_shell_free(struct session_record *r)
{
	session_places_free(r->places);
	free(r->name);
	buf_free(&r->in);
	buf_free(&r->out);
	free(r);
}

static void
layer_free(union session_layer layer, bool is_web)
{
	if (is_web)
		web_free(layer.web);
	else
		telnet_free(layer.telnet);
}

static void
record_bye(const struct session_record *r)
{
	const struct dialect *d = r->dialect;
	struct buf bye = { 0 }, out = { 0 };

	if (d == NULL && (r->kind == LISTEN_HTTP || r->kind == LISTEN_TLS))
		return;
	if (d == NULL)
		d = r->kind == LISTEN_JSON ? &dialect_json : &dialect_text;
	d->bye(&bye, session_end_name(END_SHUTDOWN), true, 0);
	if (r->is_web) {
		web_add_lines(r->layer.web, &out, bye.data, bye.len);
		web_add_close(r->layer.web, &out, WEB_GOING_AWAY);
	} else
		buf_add(&out, bye.data, bye.len);
	send(r->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&bye);
	buf_free(&out);
}

void
session_record_end(struct session_record *r)
{
	if (r->fd != -1) {
		record_bye(r);
		close(r->fd);
	}
	address_give(r->address);
	if (r->state != NULL)
		r->dialect->close(r->state);
	layer_free(r->layer, r->is_web);
	if (r->traces != NULL)
		traces_end(r->traces, session_end_name(END_SHUTDOWN));
	record_shell_free(r);
}

/* Attach. */

/* One that is about to end goes on with that. */
static void
attach_end(struct session *s, const struct session_record *r)
{
	if (!r->closing)
		return;
	session_finish(s, r->end);
	s->say_bye = r->say_bye;
	s->reconnect = r->reconnect;
	if (r->lingering) {
		s->lingering = true;
		s->heard = s->loop->now;
		bufferevent_enable(s->bev, EV_READ);
	}
}

static void
attach_old(struct session *s, struct session_record *r)
{
	struct request *moved;

	session_set_dialect(s, r->dialect);
	s->state = r->state;
	s->encoding = (uint8_t)r->encoding;
	s->layer = r->layer;
	s->is_web = r->is_web;
	session_name_set(s, r->name);
	s->sid = r->sid;
	s->tokens_at = r->tokens_at;
	s->started = s->loop->now - r->age;
	s->heard = s->loop->now - r->idle;
	s->skipping = r->skipping;
	s->undecided = r->undecided;
	s->hidden = r->hidden;
	if (r->traces != NULL)
		session_trace_arrive(s, r->traces);
	if (r->in.len > 0) {
		session_more_make(s)->in = r->in;
		r->in = (struct buf){ 0 };
	}
	s->stage = r->stage;
	/* What only begins is looked at once there is more of it. */
	if (r->paused || (s->has_more && (session_dialect(s) != NULL ||
	    s->is_web))) {
		/* There may be whole lines in it: it was held back. */
		s->paused = true;
		bufferevent_disable(s->bev, EV_READ);
		session_wait(s);
	}
	if (r->out.len > 0)
		session_write(s, r->out.data, r->out.len);
	if (session_dialect(s) == NULL && !s->is_web &&
	    (s->kind == LISTEN_AUTO || s->kind == LISTEN_TEXT))
		loop_greet_later(s->loop, session_id(s));
	attach_end(s, r);
	if (s->sid == 0)
		return;
	/* The hub's answer says from where on its news come here. */
	moved = request_new(CMD_MOVED);
	moved->arg = r->places;
	r->places = NULL;
	session_send(s, moved);
}

void
session_attach(struct loop *l, struct session_record *r)
{
	struct session *s;

	assert(r->version == SESSION_RECORD_VERSION);
	if (l->stopping) {
		session_record_end(r);
		atomic_fetch_sub(&l->daemon->nclients, 1);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->loop = l;
	s->carrier = r->carrier == &carrier_tls ? CARRIER_TLS : CARRIER_TCP;
	s->kind = (uint8_t)r->kind;
	s->address = r->address;
	s->port = r->port;
	s->trusted = r->trusted;
	s->bev = carrier_tcp_open(l->base, r->fd);
	if (s->bev == NULL) {
		log_error("client-lost", LS("reason", "no memory"), LEND);
		free(s);
		session_record_end(r);
		atomic_fetch_sub(&l->daemon->nclients, 1);
		return;
	}
	s->slot = loop_slot_take(l, s, &s->gen);
	s->started = s->heard = l->now;
	s->tokens = r->tokens;
	session_io_open(s);
	if (r->old) {
		attach_old(s, r);
		record_shell_free(r);
		return;
	}
	log_info("client-open", LS("client", CLIENT_TEXT(session_id(s))),
	    LS("address", address_text(s->address)), LU("port", s->port), LEND);
	record_shell_free(r);
	session_begin(s);
}

bool
session_forwarded(struct session *s, const struct sockaddr *sa, uint16_t port)
{
	const struct conf *conf = s->loop->conf;
	struct address *a = address_take(sa, conf->max_clients_address);

	if (a == NULL) {
		metric_add(&s->loop->metrics.refused[REFUSED_ADDRESS], 1);
		return false;
	}
	log_info("client-forwarded", LS("client", CLIENT_TEXT(session_id(s))),
	    LS("address", address_text(a)), LU("port", port),
	    LS("by", address_text(s->address)), LEND);
	address_give(s->address);
	s->address = a;
	s->port = port;
	s->trusted = network_list_has(conf->trusted, sa);
	return true;
}

/*
 * The hub has turned its news this way: the places go on where they were. An
 * inbox may have been made meanwhile. What was given there may not have been
 * noted as read yet.
 */
void
session_moved(struct session *s, const struct request *req)
{
	struct session_places *old = req->arg;
	const struct moved_room *m;
	uint32_t i, j;

	session_ignore(s, ignores_ref(req->ignores));
	for (i = 0; i < req->nlisted; i++) {
		m = &req->moved[i];
		for (j = 0; j < old->n && old->at[j].room_id != m->room_id; j++)
			;
		if (m->out == NULL)
			session_place(s, m->room_id, m->room, m->head,
			    j < old->n ? old->at[j].seq : m->after, j < old->n);
		else if (j < old->n)	/* else it was told so before */
			session_expelled(s, m);
	}
	session_places_free(old);
	s->registered = !req->guest && !req->marks;
}

/* Detach. */

static struct session_places *
detach_places(const struct session *s)
{
	struct session_places *places;
	struct place *p;
	uint32_t n = 0;

	for (p = s->places; p != NULL; p = p->next)
		n++;
	places = xmalloc(sizeof(*places) + n * sizeof(places->at[0]));
	places->n = 0;
	for (p = s->places; p != NULL; p = p->next) {
		struct room_view *room = stream_room(p->stream);

		places->at[places->n++] = (struct session_place){ room->id,
		    place_seq(p), xstrdup(room->name) };
	}
	return places;
}

/* What it is, but for what is handed over or copied: fd, in and out. */
static void
describe(const struct session *s, struct session_record *r)
{
	r->carrier = session_carrier(s);
	r->kind = (enum listen_kind)s->kind;
	r->address = s->address;
	r->port = s->port;
	r->trusted = s->trusted;
	r->stage = s->stage;
	r->old = true;
	r->dialect = session_dialect(s);
	r->state = s->state;
	r->layer = s->layer;
	r->is_web = s->is_web;
	r->encoding = (enum encoding)s->encoding;
	r->name = session_name(s) != NULL ? xstrdup(session_name(s)) : NULL;
	r->sid = s->sid;
	r->tokens = s->tokens;
	r->tokens_at = s->tokens_at;
	r->age = s->loop->now - s->started;
	r->idle = s->loop->now - s->heard;
	r->skipping = s->skipping;
	r->undecided = s->undecided;
	r->paused = s->paused;
	r->closing = s->closing;
	r->say_bye = s->say_bye;
	r->reconnect = s->reconnect;
	r->lingering = s->lingering;
	r->hidden = s->hidden;
	r->end = (enum session_end)s->end;
	r->places = detach_places(s);
}

struct session_record *
session_detach(struct session *s)
{
	struct session_record *r;
	struct place *p;

	if (s->dead || s->closing || s->lingering || s->eof || s->blocked ||
	    s->inflight > 0 || session_carrier(s)->through ||
	    session_dialect(s) == NULL ||
	    evbuffer_get_length(bufferevent_get_output(s->bev)) > 0)
		return NULL;
	for (p = s->places; p != NULL; p = p->next) {
		if (p->state == PLACE_SEEK || p->state == PLACE_READING ||
		    place_pending(p))
			return NULL;
	}
	r = session_record_new(-1, s->kind, s->address, s->port);
	describe(s, r);
	r->in = session_take_kept(s);
	if (s->traced)
		r->traces = session_trace_leave(s);
	log_debug("client-moved", LS("client", CLIENT_TEXT(session_id(s))),
	    LEND);
	r->fd = session_io_close(s);
	s->state = NULL;
	session_set_dialect(s, NULL);
	s->layer.telnet = NULL;
	s->is_web = false;
	s->address = NULL;
	s->dead = true;
	session_queue_add(&s->loop->dead, s);
	return r;
}

bool
session_save(const struct session *s, struct buf *b)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);
	struct session_record r = { .fd = -1 };
	size_t len = evbuffer_get_length(out);

	if (!session_record_fits(session_carrier(s)))
		return false;
	describe(s, &r);
	r.in = *session_kept(s);
	if (len > 0) {
		evbuffer_unfreeze(out, 1);
		evbuffer_copyout(out, buf_room(&r.out, len), len);
		evbuffer_freeze(out, 1);
		r.out.len = len;
	}
	session_record_save(&r, s->loop->now, b);
	session_places_free(r.places);
	buf_free(&r.out);
	free(r.name);
	return true;
}

void
session_abandon(struct session *s)
{
	int fd;

	if (s->dead)
		return;
	if (s->traced)
		session_trace_end(s, session_end_name(END_UPGRADE));
	s->dead = true;
	session_queue_add(&s->loop->dead, s);
	if ((fd = session_io_close(s)) != -1)
		close(fd);
	atomic_fetch_sub(&s->loop->daemon->nclients, 1);
}

/* The end. */

static void
log_end(const struct session *s, const char *reason)
{
	log_info("client-closed", LS("client", CLIENT_TEXT(session_id(s))),
	    LS("address", address_text(s->address)), LU("port", s->port),
	    LS("name", session_name(s)), LS("reason", reason),
	    LU("seconds", s->loop->now - s->started), LEND);
}

void
session_close(struct session *s, const char *reason)
{
	struct request *gone;
	int fd;

	if (s->dead)
		return;
	log_end(s, reason);
	if (s->traced)
		session_trace_end(s, reason);
	if (s->sid != 0) {
		gone = request_new(CMD_GONE);
		gone->client = session_id(s);
		gone->sid = s->sid;
		gone->string = request_str(gone, reason);
		session_marks(s, gone, MARK_END);
		loop_send(s->loop, gone);
	}
	s->dead = true;
	session_queue_add(&s->loop->dead, s);
	if ((fd = session_io_close(s)) != -1)
		close(fd);
	atomic_fetch_sub(&s->loop->daemon->nclients, 1);
}

/* At the round's end, when nothing on the stack holds it any more. */
void
session_free(struct session *s)
{
	const struct dialect *d = session_dialect(s);
	struct buf kept = session_take_kept(s);

	buf_free(&kept);
	s->blocked = false;
	session_more_settle(s);
	session_ignore(s, NULL);
	loop_slot_give(s->loop, s->slot, s->gen);
	if (d != NULL && d->close != NULL)
		d->close(s->state);
	layer_free(s->layer, s->is_web);
	address_give(s->address);
	session_name_set(s, NULL);
	free(s);
}

const char *
session_end_name(enum session_end end)
{
	static const char *const names[] = {
		[END_QUIT] = "quit",
		[END_SHUTDOWN] = "shutdown",
		[END_REPLACED] = "replaced",
		[END_LOGIN_TIMEOUT] = "login-timeout",
		[END_READ_TIMEOUT] = "read-timeout",
		[END_STORE] = "store-unavailable",
		[END_WEB] = "web",
		[END_DRAIN] = "drain",
		[END_KICKED] = "kicked",
		[END_UPGRADE] = "upgrade",
		[END_FULL] = "server-full",
		[END_REVOKED] = "revoked",
	};

	return names[end];
}

const char *
session_end_reason(const struct session *s)
{
	return s->end == END_WEB ? web_end_name(s->layer.web) :
	    session_end_name((enum session_end)s->end);
}

/*
 * Ends the session in order: what was asked is still answered and what it has
 * been given so far is written, then it closes.
 */
void
session_finish(struct session *s, enum session_end end)
{
	const struct timeval wait = { CLOSING, 0 };

	if (s->closing || s->lingering || s->dead)
		return;
	s->closing = true;
	s->end = (uint8_t)end;
	if (s->loop->conf->write_timeout == 0)
		bufferevent_set_timeouts(s->bev, NULL, &wait);
	bufferevent_disable(s->bev, EV_READ);
	session_dirty(s);
}

void
session_bye(struct session *s, enum session_end end, bool reconnect)
{
	if (s->closing || s->lingering || s->dead)
		return;
	if (s->stage != STAGE_OPEN) {	/* it could not read it */
		session_close(s, session_end_name(end));
		return;
	}
	if (session_dialect(s) == NULL && !s->is_web)
		session_choose(s, &dialect_text);
	s->say_bye = session_dialect(s) != NULL;
	s->reconnect = reconnect;
	session_finish(s, end);
}

/* The hub has let go of it already. */
void
session_replaced(struct session *s)
{
	s->sid = 0;
	session_bye(s, END_REPLACED, false);
}

/* Why it is ended, or what it is from now on. It chose its dialect when it
 * logged in. */
static void
say_why(struct session *s, const char *why)
{
	struct buf b = { 0 };

	if (s->closing || s->lingering || session_dialect(s) == NULL)
		return;
	session_dialect(s)->notice(&b, why);
	session_notice(s, &b);
	buf_free(&b);
}

void
session_kick(struct session *s, const char *why)
{
	if (why != NULL)
		say_why(s, why);
	s->sid = 0;
	session_bye(s, END_KICKED, false);
}

static void
session_revoked(struct session *s)
{
	s->sid = 0;
	session_bye(s, END_REVOKED, false);
}

void
session_act(struct session *s, struct session_mail *m)
{
	switch (m->act) {
	case SESSION_REPLACED:
		session_replaced(s);
		break;
	case SESSION_KICKED:
		session_kick(s, m->why);
		break;
	case SESSION_REVOKED:
		session_revoked(s);
		break;
	case SESSION_TOLD:
		say_why(s, m->why);
		break;
	case SESSION_IGNORES:
		session_ignore(s, m->ignores);
		m->ignores = NULL;
		break;
	}
}

/* Once a second. Whole seconds are counted: a time is over only when one more
 * has begun. */
void
session_tick(struct session *s)
{
	const struct conf *conf = s->loop->conf;
	uint32_t now = s->loop->now;

	if (s->lingering) {
		if (now - s->heard >= LINGER)
			session_close(s, session_end_reason(s));
		return;
	}
	if (s->stage != STAGE_OPEN) {
		if (now - s->started <= conf->handshake_timeout)
			return;
		if (s->stage == STAGE_PROXY && session_kept(s)->len == 0)
			session_begin_plain(s);
		else {
			if (s->stage == STAGE_HANDSHAKE)
				metric_add(&s->loop->metrics.handshakes[
				    HANDSHAKE_FAILED], 1);
			session_close(s, "handshake-timeout");
		}
		return;
	}
	if (s->blocked)
		session_fall(s);
	if (s->paused && !s->closing)
		session_wait(s);
	session_mark(s, MARK_NOW);
	if (s->closing)
		return;
	if (s->is_web && !s->eof)
		session_web_tick(s);
	if (session_dialect(s) == NULL && s->is_web)
		return;
	if (s->sid == 0 && conf->login_timeout != 0 &&
	    now - s->started > conf->login_timeout)
		session_bye(s, END_LOGIN_TIMEOUT, false);
	else if (!s->eof && conf->read_timeout != 0 && now - s->heard >
	    conf->read_timeout)
		session_bye(s, END_READ_TIMEOUT, true);
}
