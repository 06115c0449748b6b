/*
 * A loop: where its sessions are found, whom it greets, and what news make of
 * the rooms that are read on it.
 */
#include <stdio.h>
#include <time.h>

#include "session-rig.h"

/* A client that is gone is not found, nor the next one in its place by its
 * number. */
Test(loop, slots)
{
	client_id ids[100], first;
	struct client c;
	uint32_t i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_JSON, 0);
	first = session_id(c.session);
	cr_assert_eq(loop_find(c.loop, first), c.session);
	client_close(&c);
	settle();
	cr_assert_null(loop_find(c.loop, first));
	for (i = 0; i < NITEMS(ids); i++) {
		client_open(&c, 0, LISTEN_JSON, 0);
		ids[i] = session_id(c.session);
		cr_assert_eq(CLIENT_SLOT(ids[i]), CLIENT_SLOT(first));
		cr_assert_eq(CLIENT_GEN(ids[i]), i + 2);
		cr_assert_eq(loop_find(c.loop, ids[i]), c.session);
		cr_assert_null(loop_find(c.loop, first));
		client_close(&c);
		settle();
	}
	cr_assert_null(loop_find(c.loop, CLIENT_ID(0, 1000, 1)));
	rig_close();
}

/* Who has spoken is waited for no longer: a crowd that speaks takes no memory
 * for that, and who is silent among it is greeted all the same. */
Test(loop, greets_the_silent)
{
	static const char *const options[] = { "greet_delay=300", NULL };
	struct client silent, late, crowd[200];
	uint64_t end;
	size_t i;

	rig_open(options);
	client_open(&silent, 0, LISTEN_AUTO, 0);
	for (i = 0; i < NITEMS(crowd); i++) {
		client_open(&crowd[i], 0, LISTEN_AUTO, 0);
		client_line(&crowd[i], "{\"cmd\":\"ping\"}");
		client_drain(&crowd[i]);
	}
	client_open(&late, 0, LISTEN_AUTO, 0);
	cr_assert_eq(silent.loop->greets.cap, 64);
	end = clock_ms() + 10000;
	while (!client_has(&silent, "What is your name?") ||
	    !client_has(&late, "What is your name?")) {
		cr_assert_lt(clock_ms(), end);
		loop_round(silent.loop, true);
		client_read(&silent, 4096);
		client_read(&late, 4096);
	}
	cr_assert_eq(silent.loop->greets.n, 0);
	for (i = 0; i < NITEMS(crowd); i++) {
		expect_not(&crowd[i], "name?");
		client_close(&crowd[i]);
	}
	client_close(&silent);
	client_close(&late);
	rig_close();
}

Test(loop, greeting)
{
	static const char *const options[] = { "greet_delay=500", NULL };
	struct client c, j, t;
	uint64_t start;

	rig_open(options);
	start = clock_ms();
	client_open(&c, 0, LISTEN_AUTO, 0);
	client_open(&j, 0, LISTEN_AUTO, 0);
	client_line(&j, "{\"cmd\":\"ping\"}");
	client_open(&t, 0, LISTEN_TEXT, 0);
	client_drain(&t);
	expect(&t, "What is your name?");
	while (!client_read(&c, 4096))
		loop_round(c.loop, true);
	cr_assert_geq(clock_ms() - start, 500);
	expect(&c, "What is your name?");
	client_drain(&j);
	expect_not(&j, "Welcome");
	expect(&j, "\"reply\":\"ping\"");
	/* It may be a program all the same. */
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_drain(&c);
	expect(&c, "\r\n{\"reply\":\"ping\"");
	client_close(&c);
	client_close(&j);
	client_close(&t);
	rig_close();
}

/* News that the hub did not make: as it would, on some day. */
static void
hears(struct client *c, uint64_t seq, const char *text, int64_t time)
{
	struct room_view *room = stream_room(c->session->places->stream);
	struct batch *b = xcalloc(1, sizeof(*b) + sizeof(b->msgs[0]));

	b->mail.kind = MAIL_BATCH;
	b->room = room->id;
	b->stamp = c->loop->taken;
	b->n = b->cap = 1;
	b->msgs[0] = msg_new(MSG_TEXT, "bob", NULL, text, strlen(text), NULL);
	b->msgs[0]->room = room->id;
	b->msgs[0]->seq = seq;
	b->msgs[0]->time = time;
	mailbox_post_one(&c->loop->box, &b->mail);
}

/* The first message of a day comes behind a line of that, once, also when the
 * one before has not been written yet. */
Test(loop, a_day_begins)
{
	static const char *const options[] = { "greet_delay=0", NULL };
	int64_t now = clock_wall(), day = 24 * 3600 * INT64_C(1000);
	char want[100];
	struct client ann, cat;
	struct tm tm;
	time_t t;

	setenv("TZ", "UTC", 1);
	tzset();
	rig_open(options);
	client_open(&ann, 0, LISTEN_TEXT, 0);
	client_line(&ann, "ann");
	client_login(&cat, 0, "cat", 0);
	client_drain(&ann);
	buf_reset(&ann.got);
	hears(&ann, 1, "one", now);
	hears(&ann, 2, "two", now + day);
	hears(&ann, 3, "three", now + day);
	client_drain(&ann);
	client_drain(&cat);
	t = (time_t)((now + day) / 1000);
	gmtime_r(&t, &tm);
	strftime(want, sizeof(want), "<bob> one\r\n-- %Y-%m-%d\r\n%H:%M #lobby "
	    "<bob> two\r\n%H:%M #lobby <bob> three\r\n", &tm);
	expect(&ann, want);
	cr_assert_eq(client_count(&ann, "--"), 1);
	expect_not(&cat, "--");
	move(&ann, 1);
	settle();
	hears(&ann, 4, "four", now + day);
	client_drain(&ann);
	expect(&ann, "<bob> three\r\n");
	cr_assert_eq(client_count(&ann, "-- "), 1);
	client_close(&ann);
	client_close(&cat);
	rig_close();
}

/* Texts were taken away in the store: no stream of any room shows what it has
 * still to give; who has had all goes on as before. */
Test(loop, forgets_texts)
{
	struct batch *b = xcalloc(1, sizeof(*b));
	struct client ann, bob;
	struct place *p, *had;
	unsigned i;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 2304);
	client_login(&bob, 0, "bob", 0);
	had = bob.session->places;
	for (i = 0; i < 20; i++)
		say(&ann, i, 500);
	settle();
	client_drain(&bob);
	p = ann.session->places;
	cr_assert(ann.session->blocked);
	cr_assert_eq(p->state, PLACE_ON);
	cr_assert_gt(stream_bytes(p->stream), 0);
	b->mail.kind = MAIL_BATCH;
	b->forget = true;
	mailbox_post_one(&ann.loop->box, &b->mail);
	loop_round(ann.loop, false);
	cr_assert_eq(stream_bytes(p->stream), 0);
	cr_assert_eq(p->state, PLACE_BEHIND);
	cr_assert_eq(had->state, PLACE_ON);
	client_drain(&ann);
	expect(&ann, "\"seq\":20");
	client_close(&ann);
	client_close(&bob);
	settle();
	rig_close();
}
