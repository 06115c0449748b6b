/*
 * Records: their bytes, and sessions that went through them into another
 * daemon. Every field is compared, and every record is read cut off at each of
 * its bytes and with each of them changed.
 */
#include <event2/buffer.h>

#include "record.h"
#include "record-fields.h"
#include "session-rig.h"
#include "telnet.h"
#include "web.h"

/* The bytes. */

Test(record, fields)
{
	static const uint64_t numbers[] = { 1, 255, 256, 65535, UINT32_MAX,
	    UINT64_MAX };
	struct buf b = { 0 }, bytes = { 0 };
	struct record r, inner;
	size_t i, begun;
	char *s;

	for (i = 0; i < NITEMS(numbers); i++)
		record_addu(&b, 1, numbers[i]);
	record_addu(&b, 2, 0);
	record_adds(&b, 3, NULL);
	record_add(&b, 4, "", 0);
	record_adds(&b, 255, "text");
	begun = record_begin(&b, 6);
	record_addu(&b, 7, 8);
	record_end(&b, begun);
	record_open(&r, b.data, b.len);
	for (i = 0; i < NITEMS(numbers); i++) {
		cr_assert(record_next(&r));
		cr_assert_eq(r.tag, 1);
		cr_assert_eq(record_u(&r, UINT64_MAX), numbers[i]);
	}
	cr_assert(record_next(&r));
	cr_assert_eq(r.tag, 255, "what is nothing takes no room");
	s = record_s(&r, 4);
	cr_assert_str_eq(s, "text");
	free(s);
	record_b(&r, &bytes, 4);
	cr_assert(bytes.len == 4 && memcmp(bytes.data, "text", 4) == 0);
	cr_assert(record_next(&r));
	record_enter(&r, &inner);
	cr_assert(record_next(&inner));
	cr_assert_eq(inner.tag, 7);
	cr_assert_eq(record_u(&inner, 8), 8);
	cr_assert(!record_next(&inner));
	record_close(&inner, &r);
	cr_assert(!record_next(&r));
	cr_assert(!r.bad);
	buf_free(&b);
	buf_free(&bytes);
}

Test(record, what_is_bad)
{
	static const char nul[] = { 'a', 0, 'b' };
	struct buf b = { 0 }, bytes = { 0 };
	struct record r, inner;
	uint32_t fixed;
	unsigned i;
	char *s;

	record_addu(&b, 1, 1000);
	record_add(&b, 2, nul, sizeof(nul));
	record_add(&b, 3, "123456789", 9);
	record_add(&b, 4, "\4\1\0\0", 4);	/* a head cut off */
	for (i = 0; i < 7; i++) {
		record_open(&r, b.data, b.len);
		cr_assert(record_next(&r));
		if (i > 0)
			cr_assert(record_next(&r));
		if (i > 2)
			cr_assert(record_next(&r));
		if (i > 5)
			cr_assert(record_next(&r));
		if (i == 0)
			cr_assert_eq(record_u(&r, 999), 0);
		else if (i == 1 || i == 2) {
			s = record_s(&r, i == 1 ? 3 : 2);
			cr_assert_str_eq(s, "");
			free(s);
		} else if (i == 3)
			cr_assert_eq(record_u(&r, UINT64_MAX), 0);
		else if (i == 4)
			record_b(&r, &bytes, 8);
		else if (i == 5)
			record_fixed(&r, &fixed, sizeof(fixed));
		else {
			record_enter(&r, &inner);
			cr_assert(!record_next(&inner));
			record_close(&inner, &r);
		}
		cr_assert(r.bad, "%u", i);
		cr_assert(!record_next(&r));
	}
	cr_assert_eq(bytes.len, 0);
	buf_free(&b);
}

/* Sessions. */

/* A record read, to be thrown away without a word to anybody. */
static void
drop(struct session_record *r)
{
	if (r == NULL)
		return;
	r->fd = -1;
	session_record_end(r);
}

/* Whatever is wrong with it: no crash, no leak; cut off it may be whole. */
static void
damage(const struct buf *b)
{
	char *copy;
	size_t i;

	for (i = 0; i < b->len; i++) {
		copy = xmemdup(b->data, i > 0 ? i : 1);
		drop(session_record_load(copy, i, -1));
		free(copy);
	}
	copy = xmemdup(b->data, b->len);
	for (i = 0; i < b->len; i++) {
		copy[i] ^= (char)0xff;
		drop(session_record_load(copy, b->len, -1));
		copy[i] ^= (char)0xfe;
		drop(session_record_load(copy, b->len, -1));
		copy[i] = b->data[i];
	}
	free(copy);
}

static void
same_places(const struct session *s, const struct session_record *r)
{
	const struct place *p;
	uint32_t n = 0;

	for (p = s->places; p != NULL; p = p->next, n++) {
		cr_assert_lt(n, r->places->n);
		cr_assert_eq(r->places->at[n].room_id,
		    stream_room(p->stream)->id);
		cr_assert_str_eq(r->places->at[n].room,
		    stream_room(p->stream)->name);
		cr_assert_eq(r->places->at[n].seq, place_seq(p));
	}
	cr_assert_eq(n, r->places != NULL ? r->places->n : 0);
}

/* The layers and the dialect's state are compared by what they save. */
static void
same(const struct session *s, const struct session_record *r)
{
	struct evbuffer *out = bufferevent_get_output(s->bev);

	cr_assert_eq(r->version, record_fields.version);
	cr_assert_eq(r->mail.kind, MAIL_ATTACH);
	cr_assert_eq(r->fd, 99);
	cr_assert_eq(r->carrier, session_carrier(s));
	cr_assert_eq(r->kind, s->kind);
	cr_assert_str_eq(address_text(r->address), address_text(s->address));
	cr_assert_eq(r->port, s->port);
	cr_assert(r->old);
	cr_assert_eq(r->dialect, session_dialect(s));
	cr_assert_eq(r->state == NULL, s->state == NULL);
	cr_assert_eq(r->is_web, s->is_web);
	cr_assert_eq(r->layer.telnet == NULL, s->layer.telnet == NULL);
	if (session_dialect(s) != NULL)
		cr_assert_eq(r->encoding, s->encoding);
	cr_assert_eq(r->name == NULL, session_name(s) == NULL);
	if (r->name != NULL)
		cr_assert_str_eq(r->name, session_name(s));
	cr_assert_eq(r->sid, s->sid);
	cr_assert_eq(r->tokens, s->tokens);
	cr_assert_eq(r->tokens_at, s->tokens_at);
	cr_assert_eq(r->age, s->loop->now - s->started);
	cr_assert_eq(r->idle, s->loop->now - s->heard);
	cr_assert_eq(r->skipping, s->skipping);
	cr_assert_eq(r->undecided, s->undecided);
	cr_assert_eq(r->trusted, s->trusted);
	cr_assert_eq(r->stage, s->stage);
	cr_assert_eq(r->paused, s->paused);
	cr_assert_eq(r->closing, s->closing);
	cr_assert_eq(r->say_bye, s->say_bye);
	cr_assert_eq(r->reconnect, s->reconnect);
	cr_assert_eq(r->lingering, s->lingering);
	cr_assert_eq(r->hidden, s->hidden);
	cr_assert_null(r->traces);
	cr_assert_eq(r->end, s->end);
	cr_assert_eq(r->in.len, session_kept(s)->len);
	if (r->in.len > 0)
		cr_assert_arr_eq(r->in.data, session_kept(s)->data, r->in.len);
	cr_assert_eq(r->out.len, evbuffer_get_length(out));
	evbuffer_unfreeze(out, 1);
	if (r->out.len > 0)
		cr_assert_eq(memcmp(r->out.data, evbuffer_pullup(out, -1),
		    r->out.len), 0);
	evbuffer_freeze(out, 1);
	same_places(s, r);
}

/*
 * Saves it, reads that, compares, and saves what was read: the same bytes. What
 * it was is left as it is.
 */
static void
there_and_back(struct session *s)
{
	struct buf b = { 0 }, again = { 0 };
	struct session_record *r;

	cr_assert(session_save(s, &b));
	r = session_record_load(b.data, b.len, 99);
	cr_assert_not_null(r);
	same(s, r);
	session_record_save(r, 0, &again);
	cr_assert_eq(again.len, b.len);
	cr_assert_arr_eq(again.data, b.data, b.len);
	drop(r);
	damage(&b);
	buf_free(&b);
	buf_free(&again);
}

static const char *const text_conf[] = { "greet_delay=0", NULL };

Test(record, person)
{
	struct client c;
	struct session *s;

	rig_open(text_conf);
	rig.d.loops[0].now = 1000;
	client_open(&c, 0, LISTEN_AUTO, 0);
	s = c.session;
	there_and_back(s);		/* nothing said yet */
	client_send(&c, "GE", 2);	/* HTTP, perhaps */
	settle();
	there_and_back(s);
	client_send(&c, "\xff\xfb\x1f\xff\xfb\x18", 6);
	client_send(&c, "\xff\xfa\x1f\0\x50\0\x18\xff\xf0", 9);
	client_line(&c, "");
	client_drain(&c);
	client_line(&c, "robert-the-very-long-name");
	client_drain(&c);
	client_line(&c, "/color on");
	client_drain(&c);
	client_line(&c, "/join other");
	client_drain(&c);
	client_line(&c, "/away gone to lunch");
	client_drain(&c);
	client_send(&c, "half a line \xff\xfa\x18\0te", 18);
	settle();
	s->tokens = 77;
	s->tokens_at = 78;
	s->started = 900;
	s->heard = 950;
	cr_assert_gt(session_kept(s)->len, 0);
	cr_assert_not_null(s->layer.telnet);
	cr_assert_not_null(s->places);
	cr_assert_not_null(s->places->next);
	cr_assert_eq(s->encoding, ENC_COLOR);
	there_and_back(s);
	s->skipping = s->undecided = true;
	there_and_back(s);
	client_close(&c);
	settle();
	rig_close();
}

Test(record, blocked_and_ending)
{
	struct client c;
	struct session *s;
	unsigned i;

	rig_open(NULL);
	client_login(&c, 0, "ann", 2304);
	s = c.session;
	there_and_back(s);
	for (i = 0; i < 20; i++)
		say(&c, i, 500);
	settle();
	cr_assert(s->blocked);
	cr_assert_gt(evbuffer_get_length(bufferevent_get_output(s->bev)), 0);
	there_and_back(s);
	session_bye(s, END_READ_TIMEOUT, true);
	cr_assert(s->closing && s->say_bye && s->reconnect);
	there_and_back(s);
	s->lingering = s->hidden = true;
	there_and_back(s);
	s->lingering = false;
	client_drain(&c);
	client_close(&c);
	settle();
	rig_close();
}

static const char *const deflate_conf[] = { "deflate=yes", NULL };
static const char handshake[] = "GET /ws HTTP/1.1\r\nHost: a\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

/* A frame of that many bytes, masked with zeros. */
static void
frame(struct client *c, unsigned first, const char *payload, size_t n)
{
	char head[6] = { (char)first, (char)(0x80 | n), 0, 0, 0, 0 };

	client_send(c, head, sizeof(head));
	client_send(c, payload, strlen(payload));
}

Test(record, browser)
{
	struct client c;
	struct session *s;

	if (!web_built())
		return;
	rig_open(deflate_conf);
	rig.d.loops[0].now = 50;
	client_open(&c, 0, LISTEN_HTTP, 0);
	s = c.session;
	there_and_back(s);
	client_send(&c, handshake, 30);
	settle();
	there_and_back(s);		/* half a request */
	client_send(&c, handshake + 30, sizeof(handshake) - 31);
	client_drain(&c);
	cr_assert(web_is_open(s->layer.web));
	cr_assert_eq(s->encoding, ENC_WEB_DEFLATE);
	there_and_back(s);
	frame(&c, 0x81, "{\"cmd\":\"login\",\"name\":\"ann\"}", 28);
	client_drain(&c);
	cr_assert_str_eq(session_name(s), "ann");
	frame(&c, 0x01, "{\"cmd\":", 7);
	settle();
	there_and_back(s);		/* a fragment */
	frame(&c, 0x80, "\"pi", 7);
	settle();
	there_and_back(s);		/* and half of another */
	buf_reset(&c.got);
	client_send(&c, "ng\"}", 4);
	client_drain(&c);
	expect(&c, "\"reply\":\"ping\"");	/* too short to compress */
	frame(&c, 0x88, "\x03\xe8", 2);
	loop_round(&rig.d.loops[0], false);
	client_close(&c);
	settle();
	rig_close();
}

/* A newer one's record, and what only looks like one. */
Test(record, refused)
{
	struct buf b = { 0 };
	struct client c;

	rig_open(NULL);
	client_login(&c, 0, "ann", 0);
	cr_assert(session_save(c.session, &b));
	drop(session_record_load(b.data, b.len, -1));
	record_addu(&b, 200, 1);
	cr_assert_null(session_record_load(b.data, b.len, -1), "a new field");
	cr_assert_null(session_record_load("", 0, -1), "nothing");
	buf_free(&b);
	client_close(&c);
	settle();
	rig_close();
}
