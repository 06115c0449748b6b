/* The loop's part of a trace: see tracing.h. */
#include <sys/uio.h>

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "control.h"
#include "session-io.h"
#include "session.h"
#include "tracing.h"

#define SCRATCH_KEEP	(64 * 1024)

/* What is told of a line, or an event. */
struct piece {
	enum trace_kind	 kind;
	enum trace_form	 form;
	const char	*data;
	size_t		 len;
};

/* Traces and their mail. */

struct trace *
trace_new(struct mailbox *to, client_id reader, client_id client)
{
	struct trace *t = xcalloc(1, sizeof(*t));

	atomic_init(&t->refs, 1);
	t->to = to;
	t->reader = reader;
	t->client = client;
	return t;
}

void
trace_unref(struct trace *t)
{
	if (atomic_fetch_sub(&t->refs, 1) == 1)
		free(t);
}

static struct trace_mail *
mail_new(struct trace *t, const struct piece *p)
{
	struct trace_mail *m = xmalloc(sizeof(*m) + p->len);

	*m = (struct trace_mail){ .mail = { .kind = MAIL_TRACE }, .trace = t,
	    .time = clock_wall(), .len = p->len, .kind = (uint8_t)p->kind,
	    .form = (uint8_t)p->form };
	if (p->len > 0)
		memcpy(m->data, p->data, p->len);
	atomic_fetch_add(&t->refs, 1);
	return m;
}

struct trace_mail *
trace_start(struct trace *t)
{
	const struct piece start = { .kind = TRACE_START };

	return mail_new(t, &start);
}

void
trace_mail_free(struct trace_mail *m)
{
	trace_unref(m->trace);
	free(m);
}

/* What is not a line always fits: there is little of it. */
static void
post(struct trace *t, const struct piece *p)
{
	bool is_line = p->kind == TRACE_IN || p->kind == TRACE_OUT ||
	    p->kind == TRACE_FRAMES;
	size_t size = sizeof(struct trace_mail) + p->len, waiting;
	struct trace_mail *m;

	if (atomic_load(&t->over))
		return;
	waiting = atomic_load(&t->waiting);
	if (is_line && waiting > 0 && waiting + size > TRACE_BYTES) {
		atomic_fetch_add(&t->missed, trace_count(p->kind, p->data,
		    p->len));
		return;
	}
	m = mail_new(t, p);
	m->missed = atomic_exchange(&t->missed, 0);
	atomic_fetch_add(&t->waiting, size);
	mailbox_post_one(t->to, &m->mail);
}

static void
tell(const struct session *s, const struct piece *p)
{
	struct trace *t;

	for (t = s->loop->traces; t != NULL; t = t->next) {
		if (t->session == s)
			post(t, p);
	}
}

/* The members of an event, which the caller frees. */
static struct buf
event(const char *name)
{
	struct buf b = { 0 };

	control_adds(&b, "trace", name);
	return b;
}

static void
tell_event(const struct session *s, struct buf *members)
{
	const struct piece p = { TRACE_EVENT, TRACE_TEXT, members->data,
	    members->len };

	tell(s, &p);
	buf_free(members);
}

/* Begin and end. */

static const char *
dialect_of(const struct session *s)
{
	static const char *const names[] = {
		[CLIENT_NEW] = "none", [CLIENT_TEXT] = "text",
		[CLIENT_JSON] = "json", [CLIENT_HTTP] = "http",
		[CLIENT_WEBSOCKET] = "websocket"
	};

	return names[session_client_kind(s)];
}

static void
link_trace(struct session *s, struct trace *t)
{
	t->session = s;
	t->next = s->loop->traces;
	s->loop->traces = t;
	s->traced = true;
}

void
session_trace_start(struct session *s, struct trace_mail *m)
{
	struct trace *t = m->trace;
	struct piece p = { .kind = TRACE_NOBODY };
	struct buf b = { 0 };

	if (s != NULL) {
		p.kind = TRACE_BEGIN;
		control_addu(&b, "client", session_id(s));
		if (session_name(s) != NULL)
			control_adds(&b, "name", session_name(s));
		control_adds(&b, "address", address_text(s->address));
		control_addu(&b, "port", s->port);
		control_adds(&b, "carrier", session_carrier(s)->name);
		control_adds(&b, "dialect", dialect_of(s));
		p.data = b.data;
		p.len = b.len;
		link_trace(s, t);
		atomic_fetch_add(&t->refs, 1);
	}
	post(t, &p);
	trace_mail_free(m);
	buf_free(&b);
}

/* Takes those of the session, or all that are over (NULL), off the loop. */
static struct trace *
unlink_traces(struct loop *l, const struct session *s)
{
	struct trace *taken = NULL, **at = &l->traces, *t;

	while ((t = *at) != NULL) {
		if (s != NULL ? t->session != s : !atomic_load(&t->over)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = taken;
		taken = t;
	}
	return taken;
}

void
loop_trace_sweep(struct loop *l)
{
	struct trace *over = unlink_traces(l, NULL), *t;

	for (t = over; t != NULL; t = t->next)
		t->session->traced = false;
	for (t = l->traces; t != NULL; t = t->next)
		t->session->traced = true;
	traces_end(over, "over");
}

void
traces_end(struct trace *t, const char *reason)
{
	struct buf b = event("end");
	struct piece p = { .kind = TRACE_END };
	struct trace *next;

	control_adds(&b, "reason", reason);
	p.data = b.data;
	p.len = b.len;
	for (; t != NULL; t = next) {
		next = t->next;
		post(t, &p);
		trace_unref(t);
	}
	buf_free(&b);
}

void
session_trace_end(struct session *s, const char *reason)
{
	s->traced = false;
	traces_end(unlink_traces(s->loop, s), reason);
}

struct trace *
session_trace_leave(struct session *s)
{
	s->traced = false;
	return unlink_traces(s->loop, s);
}

void
session_trace_arrive(struct session *s, struct trace *t)
{
	struct buf b = event("moved");
	struct trace *next;

	for (; t != NULL; t = next) {
		next = t->next;
		link_trace(s, t);
	}
	control_addu(&b, "client", session_id(s));
	control_addu(&b, "loop", s->loop->id);
	tell_event(s, &b);
}

/* What there is to see. */

static enum trace_form
form_of(const struct session *s)
{
	return session_dialect(s) == &dialect_json ? TRACE_JSON : TRACE_TEXT;
}

void
session_trace_in(struct session *s, const char *line, size_t len)
{
	const struct piece p = { TRACE_IN, s->hidden ? TRACE_HIDDEN :
	    form_of(s), line, len };

	tell(s, &p);
}

void
session_trace_out(struct session *s, const char *lines, size_t len)
{
	const struct piece p = { TRACE_OUT, form_of(s), lines, len };

	if (len > 0 && !s->dead)
		tell(s, &p);
}

void
session_trace_slices(struct session *s, const struct iovec *iov, int n,
    size_t size, const char *rest, size_t rest_len)
{
	static _Thread_local struct scratch scratch;
	struct buf *b = scratch_take(&scratch, SCRATCH_KEEP);
	struct piece p = { s->is_web ? TRACE_FRAMES : TRACE_OUT, form_of(s),
	    NULL, 0 };
	size_t part;
	int i;

	for (i = 0; i < n && size > 0; i++, size -= part) {
		part = iov[i].iov_len < size ? iov[i].iov_len : size;
		buf_add(b, iov[i].iov_base, part);
	}
	buf_add(b, rest, rest_len);
	p.data = b->data;
	p.len = b->len;
	if (p.len > 0)
		tell(s, &p);
}

void
session_trace_dialect(struct session *s)
{
	struct buf b = event("dialect");

	control_adds(&b, "dialect", dialect_of(s));
	tell_event(s, &b);
}

void
session_trace_carrier(struct session *s)
{
	struct buf b = event("carrier");

	control_adds(&b, "carrier", session_carrier(s)->name);
	tell_event(s, &b);
}

void
session_trace_too_long(struct session *s)
{
	struct buf b = event("too-long");

	tell_event(s, &b);
}
