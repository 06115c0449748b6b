/*
 * Sessions that move from loop to loop, what of one is carried, and which loop
 * is chosen.
 */
#include <stdio.h>

#include <event2/bufferevent.h>

#include "record-fields.h"
#include "session-rig.h"

static const char *const text_conf[] = { "greet_delay=0", NULL };

Test(session, moves_without_a_seam)
{
	struct client ann, bob;
	unsigned i;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 0);
	for (i = 1; i <= 60; i++) {
		say(&ann, i, 10);
		if (i % 3 == 0) {
			/* The news are under way while it moves. */
			loop_round(ann.loop, false);
			hub_step();
			if (i % 2 == 0 || bob.loop->id == 0)
				move(&bob, !bob.loop->id);
			else
				move(&bob, 0);
		}
		settle();
	}
	client_drain(&bob);
	client_drain(&ann);
	expect_said(&bob, 1, 60);
	expect_said(&ann, 1, 60);
	cr_assert_str_eq(session_name(bob.session), "bob");
	client_close(&ann);
	client_close(&bob);
	settle();
	cr_assert_eq(rig.gone, 2, "the hub knows where they ended");
	cr_assert_eq(atomic_load(&rig.d.loops[0].nsessions), 0);
	cr_assert_eq(atomic_load(&rig.d.loops[1].nsessions), 0);
	rig_close();
}

static void
kick_bob(struct client *by)
{
	client_line(by, "{\"cmd\":\"kick\",\"room\":\"lobby\","
	    "\"name\":\"bob\"}");
	client_drain(by);
	expect(by, "\"reply\":\"kick\",\"ok\":true");
}

/* Who is sent out on the way from one loop to another is told so there; who
 * was told before is not told again. */
Test(session, sent_out_on_the_way)
{
	struct session_record *r;
	struct client ann, bob;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 0);
	r = session_detach(bob.session);
	cr_assert_not_null(r);
	kick_bob(&ann);
	arrive(&bob, r, 1);
	client_drain(&bob);
	cr_assert_eq(client_count(&bob, "\"event\":\"kicked\""), 1, "%s",
	    buf_str(&bob.got));
	expect_not(&bob, "\"seq\"");
	move(&bob, 0);
	client_line(&bob, "{\"cmd\":\"subscribe\",\"room\":\"lobby\"}");
	client_drain(&bob);
	expect(&bob, "\"reply\":\"subscribe\",\"ok\":true");
	kick_bob(&ann);
	client_drain(&bob);
	cr_assert_eq(client_count(&bob, "\"event\":\"kicked\""), 2);
	move(&bob, 1);
	client_drain(&bob);
	cr_assert_eq(client_count(&bob, "\"event\":\"kicked\""), 2);
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

/* A person is told in the next line where they talk then. */
Test(session, sent_out_at_a_terminal)
{
	static const char *const options[] = { "greet_delay=0", NULL };
	struct session_record *r;
	struct client ann, bob;

	rig_open(options);
	client_login(&ann, 0, "ann", 0);
	client_open(&bob, 0, LISTEN_TEXT, 0);
	client_line(&bob, "bob");
	client_drain(&bob);
	kick_bob(&ann);
	client_drain(&bob);
	expect(&bob, "#lobby -- ann kicked bob\r\n-- You are in no room now");
	client_line(&bob, "/join lobby");
	client_drain(&bob);
	buf_reset(&bob.got);
	r = session_detach(bob.session);
	cr_assert_not_null(r);
	kick_bob(&ann);
	arrive(&bob, r, 1);
	client_drain(&bob);
	expect(&bob, "#lobby -- ann kicked bob\r\n-- You are in no room now");
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

/* Lines that were held back when it moved are taken up there. */
Test(session, moves_with_lines_held_back)
{
	static const char held[] = "{\"cmd\":\"ping\",\"id\":1}\n"
	    "{\"cmd\":\"ping\",\"id\":2}\n{\"cmd\":\"pi";
	struct client c;

	rig_open(NULL);
	client_login(&c, 0, "ann", 0);
	c.session->paused = true;	/* as by a loop too far ahead */
	bufferevent_disable(c.session->bev, EV_READ);
	session_keep(c.session, held, sizeof(held) - 1);
	move(&c, 1);
	client_drain(&c);
	expect(&c, "\"id\":1");
	expect(&c, "\"id\":2");
	client_line(&c, "ng\",\"id\":3}");
	client_drain(&c);
	expect(&c, "\"id\":3");
	cr_assert(!c.session->paused);
	client_close(&c);
	rig_close();
}

/*
 * Every field of a session, and how it comes to the next loop. A field that is
 * added makes this an error: carry it in session_detach() and attach_old(), or
 * tell here why it needs none, and have it compared in same().
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"

static const struct session session_fields = {
	NULL,		/* loop: another */
	NULL,		/* bev: its fd */
	NULL,		/* state: carried */
	{ NULL },	/* layer: carried */
	NULL,		/* places: as seqs; none waits for a read */
	NULL,		/* address: carried */
	{ "" },		/* name: carried */
	0, 0,		/* slot, gen: new ones */
	0,		/* sid: carried */
	0,		/* cost: no request is under way */
	0, 0,		/* started, heard: as age and idle */
	0, 0,		/* tokens, tokens_at: carried */
	0,		/* port: carried */
	0,		/* inflight: none */
	0,		/* end: it is not about to */
	0, 0,		/* dialect, carrier: carried */
	0, 0,		/* kind, encoding: carried */
	0,		/* stage: it has begun */
	false,		/* trusted: not in HTTP */
	false,		/* is_web: carried */
	false,		/* name_is_long: the name's */
	false,		/* ignoring: the hub tells again */
	false,		/* has_more: its input is carried */
	false, false,	/* is_dirty, is_waiting: the loop's queues */
	false,		/* registered: the hub's answer tells */
	false,		/* counting: no request is under way */
	false, false,	/* unwritten, blocked: it is neither */
	false,		/* paused: it is, if in has anything */
	false, false,	/* skipping, undecided: carried */
	false,		/* eof: it is not */
	false, false, false, false, false,	/* nor about to end */
	false,		/* hidden: carried */
	false		/* traced: its traces are */
};

#pragma GCC diagnostic pop

/* Everything but what a new loop must make anew. */
static void
same(const struct session *a, const struct session *b)
{
	cr_assert_eq(a->carrier, b->carrier);
	cr_assert_eq(a->dialect, b->dialect);
	cr_assert_eq(a->state, b->state);
	cr_assert_eq(a->is_web, b->is_web);
	cr_assert_eq(a->layer.telnet, b->layer.telnet);
	cr_assert_eq(a->address, b->address);
	cr_assert_eq(a->sid, b->sid);
	cr_assert_eq(a->started, b->started);
	cr_assert_eq(a->heard, b->heard);
	cr_assert_eq(a->tokens, b->tokens);
	cr_assert_eq(a->tokens_at, b->tokens_at);
	cr_assert_eq(a->port, b->port);
	cr_assert_eq(a->kind, b->kind);
	cr_assert_eq(a->encoding, b->encoding);
	cr_assert_eq(a->name_is_long, b->name_is_long);
	cr_assert_eq(a->skipping, b->skipping);
	cr_assert_eq(a->undecided, b->undecided);
	cr_assert_eq(a->hidden, b->hidden);
}

Test(session, round_trip)
{
	static const char *names[] = { "bob", "robert-the-very-long-name" };
	struct session before;
	struct client c;
	size_t i;

	(void)session_fields;
	cr_assert_eq(record_fields.version, 3);
	rig_open(text_conf);
	rig.d.loops[0].now = rig.d.loops[1].now = 1000;
	for (i = 0; i < NITEMS(names); i++) {
		client_open(&c, 0, LISTEN_AUTO, 0);
		client_send(&c, "\xff\xfb\x1f", 3);	/* WILL NAWS */
		client_line(&c, names[i]);
		client_drain(&c);
		client_line(&c, "/color on");
		client_drain(&c);
		client_send(&c, "half", 4);
		settle();
		c.session->skipping = i == 1;
		c.session->undecided = true;
		c.session->hidden = i == 0;
		c.session->tokens = 77;
		c.session->tokens_at = 78;
		c.session->started = 900;
		c.session->heard = 950;
		before = *c.session;
		cr_assert_not_null(before.layer.telnet);
		cr_assert_eq(session_kept(c.session)->len, 4);
		cr_assert_eq(before.encoding, ENC_COLOR);
		cr_assert_eq(before.port, 7);
		move(&c, 1);
		same(&before, c.session);
		cr_assert_str_eq(session_name(c.session), names[i]);
		settle();
		same(&before, c.session);
		cr_assert(i == 1 || session_kept(c.session)->len == 4);
		cr_assert_not_null(c.session->places);
		cr_assert(c.session->layer.telnet == before.layer.telnet);
		c.session->undecided = false;
		client_line(&c, " a word");
		client_drain(&c);
		expect(&c, i == 1 ? "too long" : "half a word");
		client_close(&c);
		settle();
	}
	rig_close();
}

Test(session, what_cannot_move)
{
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_AUTO, 0);
	cr_assert_null(session_detach(c.session), "before it is known");
	client_close(&c);
	settle();
	client_login(&c, 0, "ann", 2304);
	client_line(&c, "{\"cmd\":\"ping\"}");
	loop_round(c.loop, false);
	cr_assert_null(session_detach(c.session), "a request is under way");
	settle();
	for (i = 0; i < 20; i++)
		say(&c, i, 500);
	settle();
	cr_assert(c.session->blocked);
	cr_assert_null(session_detach(c.session), "blocked");
	client_drain(&c);
	session_close(c.session, "test");
	cr_assert_null(session_detach(c.session), "dead in this round");
	client_close(&c);
	settle();
	rig_close();
}

/* The choice of loops. */

Test(balance, least_busy)
{
	struct loop *l;

	rig_open(NULL);
	l = rig.d.loops;
	cr_assert_eq(loop_least_busy(&rig.d), &l[0]);
	atomic_store(&l[0].nsessions, 1);
	cr_assert_eq(loop_least_busy(&rig.d), &l[1]);
	atomic_store(&l[1].ncoming, 2);
	cr_assert_eq(loop_least_busy(&rig.d), &l[0], "on the way count");
	atomic_store(&l[0].busy, 200);
	cr_assert_eq(loop_least_busy(&rig.d), &l[0], "a little busier");
	atomic_store(&l[0].busy, 700);
	cr_assert_eq(loop_least_busy(&rig.d), &l[1], "much busier");
	atomic_store(&l[0].nsessions, 0);
	cr_assert_eq(loop_least_busy(&rig.d), &l[1]);
	atomic_store(&l[1].ncoming, 0);
	rig_close();
}

Test(balance, gives_away)
{
	struct client ann, c[20];
	char name[8];
	unsigned i;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	for (i = 0; i < NITEMS(c); i++) {
		snprintf(name, sizeof(name), "u%u", i);
		client_login(&c[i], 0, name, 0);
	}
	atomic_store(&rig.d.loops[0].busy, 390);
	loop_balance(&rig.d.loops[0]);
	settle();
	cr_assert_eq(atomic_load(&rig.d.loops[1].nsessions), 0, "not busy");
	atomic_store(&rig.d.loops[0].busy, 900);
	atomic_store(&rig.d.loops[1].busy, 700);
	loop_balance(&rig.d.loops[0]);
	settle();
	cr_assert_eq(atomic_load(&rig.d.loops[1].nsessions), 0, "both are");
	atomic_store(&rig.d.loops[1].busy, 0);
	/* One that has just ended is passed over. */
	session_close(c[3].session, "test");
	say(&ann, 1, 10);
	loop_balance(&rig.d.loops[0]);
	say(&ann, 2, 10);
	settle();
	cr_assert_eq(atomic_load(&rig.d.loops[1].nsessions), 10);
	cr_assert_eq(atomic_load(&rig.d.loops[0].nsessions), 10);
	for (i = 0; i < NITEMS(c); i++) {
		client_drain(&c[i]);
		if (i != 3) {
			expect(&c[i], "<1>");
			expect(&c[i], "<2>");
			cr_assert_eq(client_count(&c[i],
			    "\"event\":\"message\""), 2);
		}
		client_close(&c[i]);
	}
	client_close(&ann);
	settle();
	rig_close();
}

/* At the daemon's end who is on the way is told as well. */
Test(session, told_bye_on_the_way)
{
	struct session_record *r;
	struct client c;

	rig_open(NULL);
	client_login(&c, 0, "ann", 0);
	r = session_detach(c.session);
	loop_stop(&rig.d.loops[1]);
	loops_step();
	loop_give(&rig.d.loops[1], r);
	loops_step();
	while (client_read(&c, 4096))
		;
	expect(&c, "\"event\":\"bye\",\"reason\":\"shutdown\","
	    "\"reconnect\":true");
	cr_assert(c.eof);
	client_close(&c);
	rig_close();
}

/* What it was given before it moved is noted as given where it is then. */
Test(session, moves_with_what_was_read)
{
	struct session *s;
	struct client ann, bob;
	struct request *req;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 0);
	client_line(&bob, "{\"cmd\":\"tell\",\"to\":\"ann\","
	    "\"text\":\"psst\"}");
	client_drain(&ann);
	expect(&ann, "psst");
	move(&ann, 1);
	client_drain(&ann);
	s = ann.session;
	s->registered = true;	/* as if she had an account */
	req = request_new(CMD_MARK);
	cr_assert(session_marks(s, req, false));
	cr_assert_eq(req->nlisted, 1);
	cr_assert_eq(req->moved[0].after, 1);
	request_free(req);
	client_close(&ann);
	client_close(&bob);
	rig_close();
}
