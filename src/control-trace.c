#include <stdlib.h>

#include "control-trace.h"
#include "control.h"
#include "log.h"
#include "loop.h"
#include "tracing.h"

struct tracing {
	struct trace	*trace;		/* a reference */
	size_t		 unwritten;	/* of trace->waiting, by the operator */
	uint64_t	 lines;		/* shown */
	uint64_t	 missed;
};

const char tracing_no_client[] = "There is no such client, or it has just "
    "moved to another loop: who shows them.";

void
tracing_choices(struct buf *b, const struct listed_user *user)
{
	uint32_t i;

	buf_addf(b, "%s has %u clients: trace one of", user->name,
	    user->sessions);
	for (i = 0; i < user->nclients; i++) {
		buf_addc(b, ' ');
		buf_adds(b, CLIENT_TEXT(user->clients[i]));
	}
	buf_adds(b, user->nclients < user->sessions ? " ..." : "");
}

bool
tracing_ask(struct daemon *d, client_id reader, client_id client)
{
	unsigned loop = CLIENT_LOOP(client);
	struct trace *t;

	if (client == 0 || loop >= d->nloops)
		return false;
	t = trace_new(d->keeper, reader, client);
	mailbox_post_one(&d->loops[loop].box, &trace_start(t)->mail);
	trace_unref(t);		/* the mail has one */
	return true;
}

struct tracing *
tracing_new(const struct trace_mail *m, uid_t uid, pid_t pid)
{
	struct tracing *t = xcalloc(1, sizeof(*t));

	t->trace = m->trace;
	atomic_fetch_add(&t->trace->refs, 1);
	t->unwritten = sizeof(*m) + m->len;
	log_notice("trace", LS("client", CLIENT_TEXT(m->trace->client)),
	    LU("uid", uid), LU("pid", (uint64_t)pid), LEND);
	return t;
}

void
tracing_free(struct tracing *t)
{
	if (t == NULL)
		return;
	log_notice("trace-end", LS("client", CLIENT_TEXT(t->trace->client)),
	    LU("lines", t->lines), LU("missed", t->missed), LEND);
	atomic_store(&t->trace->over, true);
	trace_unref(t->trace);
	free(t);
}

static void
say_missed(struct tracing *t, int64_t ms, unsigned lines, struct buf *b)
{
	if (lines == 0)
		return;
	trace_missed(b, ms, lines);
	t->missed += lines;
}

bool
tracing_take(struct tracing *t, const struct trace_mail *m, struct buf *b)
{
	enum trace_form form = (enum trace_form)m->form;

	t->unwritten += sizeof(*m) + m->len;
	say_missed(t, m->time, m->missed, b);
	switch (m->kind) {
	case TRACE_IN:
		trace_line(b, m->time, TRACE_IN, form, m->data, m->len);
		t->lines++;
		break;
	case TRACE_OUT:
	case TRACE_FRAMES:
		t->lines += trace_lines(b, m->time, (enum trace_kind)m->kind,
		    form, m->data, m->len);
		break;
	default:
		trace_event(b, m->time, m->data, m->len);
		break;
	}
	return m->kind == TRACE_END;
}

/* What is left out behind the last line is said now; a line that the loop
 * posts meanwhile has taken the count along. */
void
tracing_written(struct tracing *t, struct buf *b)
{
	size_t done = t->unwritten;

	t->unwritten = 0;
	if (atomic_fetch_sub(&t->trace->waiting, done) == done)
		say_missed(t, clock_wall(), atomic_exchange(
		    &t->trace->missed, 0), b);
}

void
tracing_end(struct buf *b, const char *reason)
{
	struct buf members = { 0 };

	control_adds(&members, "trace", "end");
	control_adds(&members, "reason", reason);
	trace_event(b, clock_wall(), members.data, members.len);
	buf_free(&members);
}
