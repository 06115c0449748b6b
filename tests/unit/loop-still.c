/*
 * Loops at rest: nothing is read, then nothing is written either; going on is
 * as if nothing had been; and who cannot be carried is told so when the others
 * have been handed over.
 */
#include "order.h"
#include "session-rig.h"

static struct mailbox keeper;

static void
open_rig(void)
{
	rig_open(NULL);
	mailbox_init(&keeper, NULL, NULL);
	rig.d.keeper = &keeper;
}

static void
close_rig(void)
{
	rig_close();
	mailbox_destroy(&keeper);
}

static void
order(unsigned loop, enum order_kind kind)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->mail.kind = MAIL_ORDER;
	o->kind = kind;
	mailbox_post_one(&rig.d.loops[loop].box, &o->mail);
}

/* The one that came back, or NULL. */
static struct order *
done(void)
{
	struct mail *m = mailbox_drain(&keeper);

	if (m != NULL) {
		cr_assert_null(m->next);
		cr_assert_eq(m->kind, MAIL_DONE);
	}
	return (struct order *)m;
}

/* Two came back at once. */
static void
both_back(void)
{
	struct mail *m = mailbox_drain(&keeper), *next;
	unsigned n = 0;

	for (; m != NULL; m = next, n++) {
		next = m->next;
		free(m);
	}
	cr_assert_eq(n, 2);
}

static void
carried_out(enum order_kind kind)
{
	struct order *o = done();

	cr_assert_not_null(o);
	cr_assert_eq(o->kind, kind);
	saved_free(o->saved);
	free(o);
}

Test(loop_still, rests_and_goes_on)
{
	struct client ann, bob;
	struct order *o;

	open_rig();
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 1, "bob", 0);
	client_drain(&ann);
	buf_reset(&ann.got);
	order(0, ORDER_STILL);
	loops_step();
	carried_out(ORDER_STILL);
	say(&ann, 1, 0);		/* is not read */
	settle();
	say(&bob, 2, 0);		/* is still told */
	client_drain(&ann);
	expect(&ann, "<2>");
	expect_not(&ann, "<1>");
	client_drain(&bob);
	order(0, ORDER_SAVE);
	loops_step();
	o = done();
	cr_assert_not_null(o);
	cr_assert_eq(o->kind, ORDER_SAVE);
	cr_assert_eq(o->count, 1);
	cr_assert_eq(o->saved->n, 1);
	cr_assert_eq(o->saved->lens[0], o->saved->bytes.len);
	cr_assert_eq(o->saved->fds[0], bufferevent_getfd(ann.session->bev));
	saved_free(o->saved);
	free(o);
	buf_reset(&ann.got);
	say(&bob, 3, 0);		/* waits */
	client_drain(&ann);
	cr_assert_eq(ann.got.len, 0);
	order(0, ORDER_GO_ON);
	loops_step();
	carried_out(ORDER_GO_ON);
	client_drain(&ann);
	expect(&ann, "<3>");
	expect(&ann, "<1>");
	expect(&ann, "\"reply\":\"say\",\"ok\":true");
	client_close(&ann);
	client_close(&bob);
	settle();
	close_rig();
}

Test(loop_still, quiet_when_all_is_answered)
{
	struct client ann;

	open_rig();
	client_login(&ann, 0, "ann", 0);
	client_line(&ann, "{\"cmd\":\"ping\"}");
	loop_round(&rig.d.loops[0], false);
	cr_assert_eq(ann.session->inflight, 1);
	order(0, ORDER_STILL);
	loop_round(&rig.d.loops[0], false);
	carried_out(ORDER_STILL);
	order(0, ORDER_QUIET);
	loop_round(&rig.d.loops[0], false);
	cr_assert_null(done(), "the ping is unanswered");
	settle();
	carried_out(ORDER_QUIET);
	/* Given up while it waits, it comes back as well. */
	ann.session->inflight++;
	order(0, ORDER_QUIET);
	loop_round(&rig.d.loops[0], false);
	cr_assert_null(done());
	ann.session->inflight--;
	order(0, ORDER_GO_ON);
	loop_round(&rig.d.loops[0], false);
	both_back();
	client_line(&ann, "{\"cmd\":\"ping\",\"id\":7}");
	client_drain(&ann);
	expect(&ann, "\"id\":7");
	client_close(&ann);
	settle();
	close_rig();
}

/* As a carrier would be whose state is in this process. */
Test(loop_still, leaves)
{
	struct client carried, left;
	struct order *o;

	open_rig();
	client_login(&carried, 0, "ann", 0);
	client_login(&left, 0, "bob", 0);
	client_drain(&carried);
	buf_reset(&carried.got);
	left.session->carrier = CARRIER_TLS;
	order(0, ORDER_STILL);
	loops_step();
	carried_out(ORDER_STILL);
	order(0, ORDER_SAVE);
	loops_step();
	o = done();
	cr_assert_eq(o->saved->n, 1, "one can be carried");
	saved_free(o->saved);
	free(o);
	order(0, ORDER_LEAVE);
	loops_step();
	left.session->carrier = CARRIER_TCP;	/* which it is, below */
	carried_out(ORDER_LEAVE);
	client_drain(&carried);
	cr_assert_eq(carried.got.len, 0, "it hears of nothing");
	cr_assert(carried.eof, "here nobody else has its socket");
	client_drain(&left);
	expect(&left, "\"event\":\"bye\",\"reason\":\"upgrade\","
	    "\"reconnect\":true,\"after_ms\":");
	cr_assert_eq(rig.gone, 0, "the hub is told of neither");
	client_close(&carried);
	client_close(&left);
	settle();
	close_rig();
}
