/* Traces: what a loop posts of a client is what it said and was given. */
#include "session-rig.h"
#include "tracing.h"

TestSuite(session_trace, .timeout = 60);

#define READER	CLIENT_ID(OPERATOR_LOOP, 0, 1)

/* What came so far of one trace. */
struct view {
	struct trace	*trace;
	struct buf	 in, out, events;
	unsigned	 missed;
	unsigned	 ends;
};

static struct mailbox box;

static void
view_open_of(struct view *v, const struct client *c, client_id id)
{
	*v = (struct view){ .trace = trace_new(&box, READER, id) };
	mailbox_post_one(&c->loop->box, &trace_start(v->trace)->mail);
	settle();
}

static void
view_open(struct view *v, const struct client *c)
{
	view_open_of(v, c, session_id(c->session));
}

static void
view_add(struct view *v, const struct trace_mail *m)
{
	struct buf *to = m->kind == TRACE_IN ? &v->in :
	    m->kind == TRACE_OUT ? &v->out : &v->events;

	v->missed += m->missed;
	v->ends += m->kind == TRACE_END;
	if (m->form == TRACE_HIDDEN)
		buf_adds(to, "hidden");
	else
		buf_add(to, m->data, m->len);
	if (to != &v->out)
		buf_addc(to, '\n');
	atomic_fetch_sub(&v->trace->waiting, sizeof(*m) + m->len);
}

/* All mail that has come, of the two views (NULL: there is none). */
static void
views_take(struct view *a, struct view *b)
{
	struct mail *m = mailbox_drain(&box), *next;
	struct trace_mail *t;

	for (; m != NULL; m = next) {
		next = m->next;
		cr_assert_eq(m->kind, MAIL_TRACE);
		t = (struct trace_mail *)m;
		if (a != NULL && t->trace == a->trace)
			view_add(a, t);
		else if (b != NULL && t->trace == b->trace)
			view_add(b, t);
		trace_mail_free(t);
	}
}

static void
view_close(struct view *v)
{
	trace_unref(v->trace);
	buf_free(&v->in);
	buf_free(&v->out);
	buf_free(&v->events);
}

static void
open_rig(const char *const *options)
{
	mailbox_init(&box, NULL, NULL);
	rig_open(options);
}

static void
close_rig(void)
{
	rig_close();
	views_take(NULL, NULL);
	mailbox_destroy(&box);
}

static bool
has(struct buf *b, const char *text)
{
	return strstr(buf_str(b), text) != NULL;
}

static void
same_bytes(const struct view *v, const struct client *c)
{
	cr_assert_eq(v->out.len, c->got.len, "%zu of %zu bytes", v->out.len,
	    c->got.len);
	cr_assert_arr_eq(v->out.data, c->got.data, c->got.len);
}

/* Whatever is sent whole, in parts, from the stream or from the store. */
Test(session_trace, what_is_given)
{
	struct client ann, bob;
	struct view v;
	unsigned i;

	open_rig(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 4608);
	client_drain(&ann);
	view_open(&v, &bob);
	buf_reset(&bob.got);
	for (i = 0; i < 60; i++) {
		say(&ann, i, 700);
		if (i % 7 == 0)
			client_line(&bob, "{\"cmd\":\"ping\"}");
		settle();
		if (i % 3 == 0)
			client_read(&bob, 501);
	}
	client_drain(&bob);
	views_take(&v, NULL);
	cr_assert_eq(v.missed, 0);
	same_bytes(&v, &bob);
	cr_assert(has(&v.in, "{\"cmd\":\"ping\"}\n"));
	cr_assert(has(&v.events, "\"name\":\"bob\""));
	view_close(&v);
	client_close(&ann);
	client_close(&bob);
	settle();
	close_rig();
}

/* It goes where the client goes, and ends with it. */
Test(session_trace, moves)
{
	struct client c;
	struct view v;
	unsigned i;

	open_rig(NULL);
	client_login(&c, 0, "ann", 0);
	view_open(&v, &c);
	for (i = 1; i <= 4; i++) {
		move(&c, i % 2);
		settle();
		cr_assert(c.session->traced);
		cr_assert_null(rig.d.loops[1 - i % 2].traces);
		client_line(&c, "{\"cmd\":\"ping\"}");
		client_drain(&c);
	}
	client_line(&c, "{\"cmd\":\"quit\"}");
	client_drain(&c);
	views_take(&v, NULL);
	same_bytes(&v, &c);
	cr_assert(has(&v.events, "\"moved\""));
	cr_assert(has(&v.events, "\"reason\":\"quit\""));
	cr_assert_eq(v.ends, 1);
	cr_assert_null(rig.d.loops[0].traces);
	view_close(&v);
	client_close(&c);
	settle();
	close_rig();
}

Test(session_trace, two_and_one_that_goes)
{
	struct client c, other;
	struct view a, b;
	struct loop *l;

	open_rig(NULL);
	client_login(&c, 0, "ann", 0);
	client_login(&other, 0, "bob", 0);
	client_drain(&c);
	l = c.loop;
	view_open(&a, &c);
	view_open(&b, &c);
	buf_reset(&c.got);
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_line(&other, "{\"cmd\":\"ping\",\"id\":\"other\"}");
	client_drain(&c);
	views_take(&a, &b);
	same_bytes(&a, &c);
	same_bytes(&b, &c);
	cr_assert_not(other.session->traced);
	atomic_store(&a.trace->over, true);
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_drain(&c);
	loop_trace_sweep(l);
	cr_assert(c.session->traced);
	cr_assert(l->traces == b.trace && b.trace->next == NULL);
	cr_assert_eq(atomic_load(&a.trace->refs), 1);
	atomic_store(&b.trace->over, true);
	loop_trace_sweep(l);
	cr_assert_not(c.session->traced);
	cr_assert_null(l->traces);
	views_take(&a, &b);
	cr_assert_lt(a.out.len, b.out.len);
	same_bytes(&b, &c);
	view_close(&a);
	view_close(&b);
	client_close(&c);
	client_close(&other);
	settle();
	close_rig();
}

/* Who is gone, or never was. */
Test(session_trace, nobody)
{
	struct client c;
	struct view v;

	open_rig(NULL);
	client_login(&c, 0, "ann", 0);
	view_open_of(&v, &c, session_id(c.session) + 1);	/* another's */
	cr_assert_not(c.session->traced);
	cr_assert_eq(atomic_load(&v.trace->refs), 2, "ours, the answer's");
	views_take(&v, NULL);
	cr_assert_eq(v.in.len + v.out.len, 0);
	view_close(&v);
	client_close(&c);
	settle();
	close_rig();
}

/* The reader takes nothing: what does not fit is counted, line by line. */
Test(session_trace, bounded)
{
	static const char ping[] = "{\"cmd\":\"ping\"}";
	unsigned i, n = 10000, shown = 0;
	struct mail *m, *next;
	struct client c;
	struct view v;

	open_rig(NULL);
	client_login(&c, 0, "ann", 0);
	view_open(&v, &c);
	for (i = 0; i < n; i++) {
		client_line(&c, ping);
		if (i % 100 == 0)
			client_drain(&c);
	}
	client_drain(&c);
	cr_assert_leq(atomic_load(&v.trace->waiting), TRACE_BYTES);
	cr_assert_gt(atomic_load(&v.trace->waiting), TRACE_BYTES / 2);
	cr_assert_gt(atomic_load(&v.trace->missed), 0);
	for (m = mailbox_drain(&box); m != NULL; m = next) {
		struct trace_mail *t = (struct trace_mail *)m;

		next = m->next;
		if (t->kind == TRACE_IN || t->kind == TRACE_OUT)
			shown += trace_count(t->kind, t->data, t->len);
		view_add(&v, t);
		trace_mail_free(t);
	}
	/* The next line that fits says how many there were before it. */
	client_line(&c, ping);
	client_drain(&c);
	views_take(&v, NULL);
	cr_assert_eq(v.missed + shown, 2 * n, "%u and %u lines", v.missed,
	    shown);
	view_close(&v);
	client_close(&c);
	settle();
	close_rig();
}

/* What is typed at a prompt for a secret, on this loop and on the next. */
Test(session_trace, hidden)
{
	static const char *const options[] = { "greet_delay=0", NULL };
	struct client c;
	struct view v;

	open_rig(options);
	client_open(&c, 0, LISTEN_TEXT, 0);
	client_line(&c, "ann");
	client_drain(&c);
	view_open(&v, &c);
	client_line(&c, "/register");
	client_line(&c, "one");
	client_drain(&c);
	move(&c, 1);
	settle();
	client_line(&c, "two");
	client_line(&c, "");
	client_line(&c, "three");
	client_drain(&c);
	views_take(&v, NULL);
	cr_assert_str_eq(buf_str(&v.in), "/register\nhidden\nhidden\nhidden\n"
	    "three\n");
	view_close(&v);
	client_close(&c);
	settle();
	close_rig();
}

/* A daemon that ends has somebody on the way between two loops. */
Test(session_trace, ends_on_the_way)
{
	struct session_record *r;
	struct client c;
	struct view v;

	open_rig(NULL);
	client_login(&c, 0, "ann", 0);
	view_open(&v, &c);
	r = session_detach(c.session);
	loop_stop(&rig.d.loops[1]);
	loops_step();
	loop_give(&rig.d.loops[1], r);
	loops_step();
	views_take(&v, NULL);
	cr_assert_eq(v.ends, 1);
	cr_assert_eq(atomic_load(&v.trace->refs), 1);
	view_close(&v);
	client_close(&c);
	close_rig();
}
