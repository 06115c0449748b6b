#include <stdio.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_struct.h>

#include "session-rig.h"
#include "telnet.h"

/* Input: lines. */

static const char *const text_conf[] = { "greet_delay=0", NULL };

static void
replies_at_every_cut(enum listen_kind kind, const char *in, size_t len,
    const char *const *wanted)
{
	size_t cut, i;

	for (cut = 0; cut <= len; cut++) {
		struct client c;

		client_open(&c, 0, kind, 0);
		client_send(&c, in, cut);
		settle();
		client_send(&c, in + cut, len - cut);
		client_drain(&c);
		for (i = 0; wanted[i] != NULL; i++)
			cr_assert_eq(client_count(&c, wanted[i]), 1,
			    "cut at %zu: %s in %s", cut, wanted[i],
			    buf_str(&c.got));
		client_close(&c);
		settle();
	}
}

/* Asks this very often, of a hub that is slow, and reads nothing: what waits
 * for it then is bounded. */
static void
asks_often(struct client *c, const char *line)
{
	unsigned i;

	for (i = 0; i < 100; i++) {
		send(c->fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
		loops_step();
	}
	settle();
	cr_assert_leq(session_unwritten(c->session), 64 * 1024u, "%zu",
	    session_unwritten(c->session));
}

/* What is echoed counts among what a client may have under way. */
Test(session, long_ids_are_bounded)
{
	struct buf line = { 0 };
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_login(&c, 0, "ann", 2304);
	buf_adds(&line, "{\"cmd\":\"ping\",\"id\":\"");
	for (i = 0; i < 15000; i++)
		buf_addc(&line, 'x');
	buf_adds(&line, "\"}\n");
	asks_often(&c, buf_str(&line));
	buf_free(&line);
	client_close(&c);
	rig_close();
}

/* And so do lists. */
Test(session, lists_are_bounded)
{
	struct client c;
	char line[100];
	unsigned i;

	rig_open(NULL);
	client_login(&c, 0, "ann", 2304);
	for (i = 0; i < 200; i++) {
		snprintf(line, sizeof(line), "{\"cmd\":\"ignore\",\"name\":"
		    "\"somebody-with-a-long-name-%u\"}", i);
		client_line(&c, line);
		client_drain(&c);
	}
	asks_often(&c, "{\"cmd\":\"ignored\"}\n");
	client_close(&c);
	rig_close();
}

/* What is said once the hub has let somebody read is not theirs to read: the
 * room may be private by then. */
Test(session, history_of_the_moment)
{
	static const char *const asks[] = {
	    "{\"cmd\":\"history\",\"room\":\"lobby\"}",
	    "{\"cmd\":\"history\",\"room\":\"lobby\",\"after\":1}",
	    "{\"cmd\":\"history\",\"room\":\"lobby\",\"before\":99}" };
	struct client ann, bob;
	unsigned i;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 1, "bob", 0);
	client_line(&bob, "{\"cmd\":\"unsubscribe\",\"room\":\"lobby\"}");
	say(&ann, 1, 1);
	client_drain(&bob);
	for (i = 0; i < NITEMS(asks); i++) {
		buf_reset(&bob.got);
		client_line(&bob, asks[i]);
		loop_round(bob.loop, false);
		hub_step();		/* it may, now */
		say(&ann, 2 + i, 1);
		loop_round(ann.loop, false);
		hub_step();
		hub_step();
		client_drain(&bob);
		expect(&bob, "\"reply\":\"history\",\"ok\":true");
		cr_assert_eq(client_count(&bob, "\"text\":\"<"), i == 1 ?
		    1 : i + 1, "%u: %s", i, buf_str(&bob.got));
		expect(&bob, "\"more\":false");
	}
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

Test(session, json_lines_cut_anywhere)
{
	static const char in[] = "{\"cmd\":\"ping\",\"id\":1}\r\n\n\r\n  \n"
	    "{\"cmd\":\"ping\",\"id\":2}\n{\"cmd\":\"p\0ing\",\"id\":3}\n"
	    "{\"cmd\":\"ping\",\"id\":4}\n";
	static const char *const wanted[] = { "\"id\":1,", "\"id\":2,",
	    "bad-json", "\"id\":4,", NULL };

	rig_open(NULL);
	replies_at_every_cut(LISTEN_JSON, in, sizeof(in) - 1, wanted);
	replies_at_every_cut(LISTEN_AUTO, in, sizeof(in) - 1, wanted);
	rig_close();
}

Test(session, text_lines_cut_anywhere)
{
	/* LF, CR LF, CR NUL; a CR and a NUL alone end nothing */
	static const char in[] = "ann\r\0/nosuch1\r\n/nosuch2\n"
	    "/nosuch3 \r x\0y\n/quit\r\n";
	static const char *const wanted[] = { "You are ann.", "/nosuch1",
	    "/nosuch2", "/nosuch3", NULL };

	rig_open(text_conf);
	replies_at_every_cut(LISTEN_TEXT, in, sizeof(in) - 1, wanted);
	replies_at_every_cut(LISTEN_AUTO, in, sizeof(in) - 1, wanted);
	rig_close();
}

/* len bytes of a line, then end. */
static void
send_long(struct client *c, size_t len, const char *end, size_t end_len)
{
	char *line = xmalloc(len);

	memset(line, ' ', len);
	memcpy(line, "{\"cmd\":\"ping\"}", 14);
	client_send(c, line, len);
	settle();
	client_send(c, end, end_len);
	client_drain(c);
	free(line);
}

Test(session, too_long)
{
	static const char *const options[] = { "max_line=512", "max_text=256",
	    NULL };
	struct client c;

	rig_open(options);
	client_open(&c, 0, LISTEN_JSON, 0);
	send_long(&c, 512, "\n", 1);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 1);
	send_long(&c, 512, "\r\n", 2);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 2);
	expect_not(&c, "too-long");
	send_long(&c, 513, "\n", 1);
	cr_assert_eq(client_count(&c, "too-long"), 1);
	send_long(&c, 513, "\r\n", 2);
	cr_assert_eq(client_count(&c, "too-long"), 2);
	/* Far too long, cut at its CR, and answered once. */
	send_long(&c, 100000, "\r", 1);
	cr_assert_eq(client_count(&c, "too-long"), 2);
	cr_assert(c.session->skipping);
	cr_assert(session_kept(c.session)->len <= 1);
	client_send(&c, "\n{\"cmd\":\"ping\"}\n", 16);
	client_drain(&c);
	cr_assert_eq(client_count(&c, "too-long"), 3);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 3);
	client_close(&c);
	rig_close();
}

/* Input held back. */

/* Who gets answers by the loop alone goes on at once: no tick, no event. */
Test(session, goes_on_without_an_event)
{
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_JSON, 4096);
	for (i = 0; i < 3000; i++) {
		client_line(&c, "no json");
		while (client_read(&c, 65536))
			;
	}
	client_drain(&c);
	cr_assert_eq(client_count(&c, "bad-json"), 3000);
	client_close(&c);
	rig_close();
}

/* Its lines fit one read, its answers do not fit what it may have unwritten:
 * each round must take it a step further. */
Test(session, goes_on_round_by_round)
{
	struct buf in = { 0 };
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_JSON, 1 << 20);
	for (i = 0; i < 1500; i++)
		buf_adds(&in, "x\n");
	client_send(&c, in.data, in.len);
	for (i = 0; i < 100 && client_count(&c, "bad-json") < 1500; i++) {
		/* As a loop's thread does: it would wait for an event. */
		if (i > 0 && c.loop->waiting.n == 0 && c.session->paused)
			cr_assert_fail("it waits for nothing");
		loop_round(c.loop, false);
		while (client_read(&c, 65536))
			;
	}
	cr_assert_eq(client_count(&c, "bad-json"), 1500);
	cr_assert(!c.session->paused);
	buf_free(&in);
	client_close(&c);
	rig_close();
}

/* At one blow. */
static void
send_pings(struct client *c, unsigned n)
{
	struct buf in = { 0 };

	while (n-- > 0)
		buf_adds(&in, "{\"cmd\":\"ping\"}\n");
	client_send(c, in.data, in.len);
	buf_free(&in);
}

Test(session, requests_under_way_are_bounded)
{
	struct client c;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_JSON, 0);
	send_pings(&c, 400);
	loop_round(c.loop, false);
	cr_assert_gt(c.session->inflight, 64);
	cr_assert_leq(c.session->inflight, 128);
	cr_assert_lt(c.session->cost, 61 * 1024);
	cr_assert(c.session->paused);
	cr_assert_eq(c.loop->hub_bytes, c.session->cost);
	client_drain(&c);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 400);
	cr_assert(!c.session->paused);
	cr_assert_eq(c.session->inflight, 0);
	cr_assert_eq(c.session->cost, 0);
	cr_assert_eq(c.loop->hub_bytes, 0);
	client_close(&c);
	rig_close();
}

Test(session, a_loop_too_far_ahead_of_the_hub_waits)
{
	static const char *const options[] = { "mailbox_bytes=64K", NULL };
	struct client c[8];
	unsigned i;

	rig_open(options);
	for (i = 0; i < NITEMS(c); i++) {
		client_open(&c[i], 0, LISTEN_JSON, 0);
		send_pings(&c[i], 200);
	}
	loop_round(c[0].loop, false);
	cr_assert(c[0].loop->overloaded);
	cr_assert_lt(c[0].loop->hub_bytes, 66 * 1024);
	for (i = 0; i < NITEMS(c); i++) {
		client_drain(&c[i]);
		cr_assert_eq(client_count(&c[i], "\"ok\":true"), 200);
		client_close(&c[i]);
	}
	cr_assert_eq(c[0].loop->hub_bytes, 0);
	rig_close();
}

/* Nobody's output grows without bound, whatever it asks and never reads. */
static void
flood(const char *data, size_t len, enum listen_kind kind)
{
	struct evbuffer *out;
	struct client c;
	unsigned i;
	size_t most = 0;

	client_open(&c, 0, kind, 4096);
	out = bufferevent_get_output(c.session->bev);
	for (i = 0; i < 20000; i++) {
		if (send(c.fd, data, len, MSG_DONTWAIT |
		    MSG_NOSIGNAL) == -1) {
			settle();
			if (send(c.fd, data, len, MSG_DONTWAIT |
		    MSG_NOSIGNAL) == -1)
				break;
		}
		if (evbuffer_get_length(out) > most)
			most = evbuffer_get_length(out);
	}
	cr_assert_lt(most, 64u * 1024);
	cr_assert(!client_read(&c, 1 << 20) || !c.eof);
	cr_assert(c.session->paused, "it is read no more");
	client_close(&c);
	settle();
}

Test(session, output_is_bounded)
{
	struct buf in = { 0 };
	unsigned i;

	rig_open(text_conf);
	for (i = 0; i < 500; i++)
		buf_add(&in, "\xff\xf6", 2);
	flood(in.data, in.len, LISTEN_TEXT);	/* AYT, no line at all */
	buf_reset(&in);
	for (i = 0; i < 300; i++)
		buf_add(&in, "\xff\xfd\x2a", 3);
	flood(in.data, in.len, LISTEN_TEXT);
	flood("x\n", 2, LISTEN_JSON);
	flood("{\"cmd\":\"ping\"}\n", 15, LISTEN_JSON);
	buf_free(&in);
	rig_close();
}

/* The rate. */

Test(session, rate)
{
	static const char *const options[] = { "rate=10", "burst=3", NULL };
	struct client c;
	struct session *s;
	uint32_t now;

	rig_open(options);
	client_open(&c, 0, LISTEN_JSON, 0);
	s = c.session;
	client_line(&c, "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}\n"
	    "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}");
	client_drain(&c);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 3);
	cr_assert_eq(client_count(&c, "rate-limited"), 1);
	expect(&c, "\"retry_ms\":");
	/* The clock of 32 bits wraps; what was left stays. */
	buf_reset(&c.got);
	now = (uint32_t)clock_ms();
	s->tokens = 0;
	s->tokens_at = now - 250;	/* maybe before the wrap */
	client_line(&c, "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}");
	client_drain(&c);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 2);
	/* However long it was silent: the burst, no more. */
	buf_reset(&c.got);
	s->tokens = 3000;
	s->tokens_at = (uint32_t)clock_ms() + 1;	/* 49 days ago */
	client_line(&c, "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}\n"
	    "{\"cmd\":\"ping\"}\n{\"cmd\":\"ping\"}");
	client_drain(&c);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 3);
	cr_assert_eq(client_count(&c, "rate-limited"), 1);
	/* To go is always allowed. */
	client_line(&c, "{\"cmd\":\"quit\"}");
	client_drain(&c);
	cr_assert(c.eof);
	client_close(&c);
	rig_close();
}

/* Output. */

/* A reader takes so many bytes at a time, through a small buffer: streams and
 * its own replies come in whole lines, all of them. */
Test(session, whole_lines_only)
{
	struct client ann, bob;
	unsigned step, i, from = 1;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 2304);
	for (step = 1; step <= 4000; step += step < 40 ? 1 : 397) {
		for (i = 0; i < 12; i++) {
			say(&ann, from + i, (i * 211 + step) % 900);
			client_line(&bob, "{\"cmd\":\"ping\"}");
			settle();
			client_read(&bob, step);
			if (i == 7 && step % 3 == 0)
				session_fall(bob.session);
		}
		do
			settle();
		while (client_read(&bob, step));
		expect_said(&bob, from, from + 11);
		cr_assert_eq(client_count(&bob, "\"reply\":\"ping\""), 12);
		buf_reset(&bob.got);
		client_drain(&ann);
		expect_said(&ann, from, from + 11);
		buf_reset(&ann.got);
		from += 12;
		cr_assert(!bob.session->blocked);
	}
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

static size_t
kept(unsigned loop)
{
	const struct id_map *rooms = &rig.d.loops[loop].rooms;
	const struct room_view *r;
	size_t bytes = 0, pos = 0;
	const struct stream *s;

	while ((r = id_map_next(rooms, &pos)) != NULL) {
		for (s = stream_first(r); s != NULL; s = stream_next(s))
			bytes += stream_bytes(s);
	}
	return bytes;
}

/* Nothing is kept for who does not read, nor once all have read. */
Test(session, streams_let_go)
{
	static const char *const options[] = { "stream_bytes=32K", NULL };
	struct client ann, bob;
	unsigned i;

	rig_open(options);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 2304);
	for (i = 1; i <= 200; i++) {
		say(&ann, i, 1000);
		settle();
		cr_assert_leq(kept(0), 48u * 1024);
		client_drain(&ann);
		if (i == 10) {
			cr_assert_gt(kept(0), 0);
			cr_assert(bob.session->blocked);
			session_tick(bob.session);
			cr_assert_eq(kept(0), 0, "it has fallen behind");
		}
	}
	for (i = 201; i <= 220; i++) {
		say(&ann, i, 1000);
		settle();
	}
	cr_assert_eq(kept(0), 0);
	/* News come between all its pages. */
	for (; i <= 240; i++) {
		say(&ann, i, 1000);
		client_read(&bob, 3000);
		settle();
	}
	client_drain(&bob);
	expect_said(&bob, 1, 240);
	client_drain(&ann);
	expect_said(&ann, 1, 240);
	cr_assert_eq(kept(0), 0, "all have read all");
	/* Late on the stream, without falling: freed when it has read. */
	buf_reset(&bob.got);
	for (i = 241; i <= 250; i++)
		say(&ann, i, 1000);
	client_drain(&ann);
	cr_assert_gt(kept(0), 0);
	client_drain(&bob);
	expect_said(&bob, 241, 250);
	cr_assert_eq(kept(0), 0, "bytes that nobody needs");
	client_close(&bob);
	client_close(&ann);
	rig_close();
}

Test(session, lag)
{
	static const char *const options[] = { "history_max=5", NULL };
	struct client ann, bob;
	unsigned i;

	rig_open(options);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 2304);
	for (i = 1; i <= 100; i++)
		say(&ann, i, 1000);
	client_drain(&ann);
	session_tick(bob.session);
	client_drain(&bob);
	cr_assert_eq(client_count(&bob, "\"event\":\"lag\""), 1);
	expect(&bob, "\"text\":\"<96>");
	expect(&bob, "\"text\":\"<100>");
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

/* More was removed than this loop was told of: what it was told of is lost,
 * and said to be; what follows comes by the stream. */
Test(session, lag_ahead_of_the_stream)
{
	struct client bob;
	struct room_view *room;
	struct store_read *r;
	struct place *p;

	rig_open(NULL);
	client_login(&bob, 0, "bob", 0);
	p = bob.session->places;
	while (p->next != NULL && strcmp(stream_room(p->stream)->name,
	    "lobby") != 0)
		p = p->next;
	room = stream_room(p->stream);
	room->last_seq = 100;
	stream_skip(p->stream, 100);
	p->at.seq = 10;
	p->state = PLACE_READING;
	r = store_read_new(READ_AFTER, room->id);
	r->num = p->ticket = ++bob.loop->ticket;
	r->floor = 120;
	r->head = 100;
	session_read_done(bob.session, r);
	store_read_free(r);
	client_drain(&bob);
	expect(&bob, "\"after\":10,\"before\":101");
	cr_assert_eq(place_seq(p), 100);
	client_close(&bob);
	rig_close();
}

/* The end. */

Test(session, half_closed)
{
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_JSON, 2304);
	for (i = 0; i < 300; i++)
		client_line(&c, "{\"cmd\":\"ping\"}");
	shutdown(c.fd, SHUT_WR);
	client_drain(&c);
	cr_assert_eq(client_count(&c, "\"ok\":true"), 300);
	cr_assert(c.eof, "and then it is closed");
	client_close(&c);
	/* In a room, with news of it under way, and not reading at first. */
	client_login(&c, 0, "ann", 2304);
	for (i = 1; i <= 50; i++)
		say(&c, i, 500);
	shutdown(c.fd, SHUT_WR);
	settle();
	cr_assert(!c.eof);
	client_drain(&c);
	expect_said(&c, 1, 50);
	cr_assert(c.eof);
	client_close(&c);
	settle();
	cr_assert_eq(atomic_load(&rig.d.nclients), 0);
	rig_close();
}

Test(session, quit_with_answers_under_way)
{
	struct client c;

	rig_open(NULL);
	client_login(&c, 0, "ann", 0);
	client_send(&c, "{\"cmd\":\"ping\",\"id\":1}\n{\"cmd\":\"quit\"}\n"
	    "{\"cmd\":\"ping\",\"id\":2}\n", 54 - 1 + 1 - 3);
	loop_round(c.loop, false);
	cr_assert(c.session->closing);
	cr_assert_eq(c.session->inflight, 1);
	client_drain(&c);
	expect(&c, "\"reply\":\"ping\",\"id\":1,\"ok\":true");
	expect_not(&c, "\"id\":2");
	cr_assert(c.eof);
	cr_assert_eq(rig.gone, 1);
	client_close(&c);
	rig_close();
}

/* With input unread, close(2) would reset and take the answers along. */
Test(session, lingers)
{
	struct client c;
	char more[30000];

	rig_open(NULL);
	client_login(&c, 0, "ann", 0);
	memset(more, 'x', sizeof(more));
	memcpy(more, "{\"cmd\":\"quit\"}\n", 15);
	client_send(&c, more, sizeof(more));
	loop_round(c.loop, false);
	cr_assert(c.session->lingering);
	session_tick(c.session);
	cr_assert(!c.session->dead);
	c.loop->now += 2;
	session_tick(c.session);
	cr_assert(c.session->dead);
	client_drain(&c);
	expect(&c, "\"reply\":\"quit\"");
	cr_assert(c.eof);
	client_close(&c);
	rig_close();
}

Test(session, timeouts)
{
	static const char *const options[] = { "login_timeout=10s",
	    "read_timeout=20s", "write_timeout=0", NULL };
	struct client c, d;

	rig_open(options);
	client_open(&c, 0, LISTEN_JSON, 0);
	client_login(&d, 0, "ann", 0);
	c.loop->now += 10;
	session_tick(c.session);
	cr_assert(!c.session->closing);
	c.loop->now++;
	session_tick(c.session);
	session_tick(d.session);
	cr_assert(!d.session->closing);
	client_drain(&c);
	expect(&c, "login-timeout");
	cr_assert(c.eof);
	c.loop->now += 10;
	session_tick(d.session);
	cr_assert(d.session->closing);
	client_drain(&d);
	expect(&d, "read-timeout");
	client_close(&c);
	client_close(&d);
	rig_close();
}

/* Seconds, 0 for none; of the event that libevent waits for. */
static long
write_timeout(struct bufferevent *bev)
{
	const struct timeval *tv = &bev->timeout_write;

	return (long)tv->tv_sec;
}

/* write_timeout = 0: who is ended and takes nothing is not kept for ever. */
Test(session, closing_and_blocked)
{
	static const char *const options[] = { "write_timeout=0", NULL };
	struct client c;
	unsigned i;

	rig_open(options);
	client_login(&c, 0, "ann", 2304);
	for (i = 1; i <= 30; i++)
		say(&c, i, 500);
	settle();
	cr_assert(c.session->blocked);
	session_bye(c.session, END_READ_TIMEOUT, true);
	settle();
	cr_assert(!c.session->dead);
	cr_assert_neq(write_timeout(c.session->bev), 0);
	session_stuck(c.session);
	cr_assert(c.session->dead);
	client_drain(&c);
	cr_assert(c.eof);
	client_close(&c);
	rig_close();
}
