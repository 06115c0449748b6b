/*
 * Browsers' sessions: HTTP and WebSocket on real loops, and what a session
 * takes along when it moves. Frames alone are in ws.c, heads in http.c.
 */
#include "session-rig.h"
#include "web.h"

#define HANDSHAKE							\
	"GET /ws HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\n"	\
	"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"		\
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void
web_send(struct client *c, const char *text)
{
	client_send(c, text, strlen(text));
	client_drain(c);
}

/* A masked frame; its mask is zero. */
static void
add_frame(struct buf *b, unsigned first, const char *data, size_t len)
{
	cr_assert_lt(len, 65536);
	buf_addc(b, (char)first);
	if (len < 126)
		buf_addc(b, (char)(0x80 | len));
	else {
		buf_addc(b, (char)0xfe);
		buf_addc(b, (char)(len >> 8));
		buf_addc(b, (char)len);
	}
	buf_add(b, "\0\0\0\0", 4);
	buf_add(b, data, len);
}

static void
frame(struct client *c, unsigned first, const char *data)
{
	struct buf b = { 0 };

	add_frame(&b, first, data, strlen(data));
	client_send(c, b.data, b.len);
	buf_free(&b);
}

static void
web_open(struct client *c, unsigned loop, const char *name, int sndbuf)
{
	char login[100];

	client_open(c, loop, LISTEN_HTTP, sndbuf);
	web_send(c, HANDSHAKE "\r\n");
	expect(c, "HTTP/1.1 101 Switching Protocols\r\n");
	expect(c, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
	buf_reset(&c->got);
	snprintf(login, sizeof(login), "{\"cmd\":\"login\",\"name\":\"%s\"}",
	    name);
	frame(c, 0x81, login);
	frame(c, 0x81, "{\"cmd\":\"subscribe\",\"room\":\"lobby\"}");
	client_drain(c);
	buf_reset(&c->got);
}

/* The frames that came become lines, opcodes other than text "#8" and so on,
 * which all must be whole. */
static void
unframe(struct client *c)
{
	struct buf lines = { 0 };
	unsigned char *p = (unsigned char *)c->got.data;
	size_t at = 0, len;

	while (at < c->got.len) {
		cr_assert(p[at] & 0x80, "no fragments");
		if ((p[at] & 0x7f) != 1)
			buf_addf(&lines, "#%x", p[at] & 0x7f);
		len = p[at + 1];
		cr_assert_lt(len, 127, "not masked, not that long");
		at += 2;
		if (len == 126) {
			len = p[at] * 256u + p[at + 1];
			at += 2;
		}
		cr_assert_leq(at + len, c->got.len, "a torn frame");
		buf_add(&lines, p + at, len);
		buf_addc(&lines, '\n');
		at += len;
	}
	buf_free(&c->got);
	c->got = lines;
}

Test(session_web, pages)
{
	struct client c;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_HTTP, 0);
	web_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	    "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	    "GET /no HTTP/1.1\r\nHost: x\r\n\r\n");
	cr_assert_eq(client_count(&c, "HTTP/1.1 200 OK\r\n"), 2);
	expect(&c, "<!doctype html>");
	expect(&c, "Content-Security-Policy: default-src 'none'; ");
	expect(&c, "HTTP/1.1 404 Not Found\r\n");
	cr_assert(!c.eof, "it is kept");
	cr_assert_null(session_detach(c.session), "but does not move");
	web_send(&c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	cr_assert(c.eof);
	client_close(&c);
	rig_close();
}

/* More than may wait unwritten is answered as it is read, in order. */
Test(session_web, many_requests_at_once)
{
	struct buf all = { 0 };
	struct client c;
	unsigned i;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_AUTO, 4096);
	for (i = 0; i < 200; i++)
		buf_adds(&all, "GET /partyline.js HTTP/1.1\r\nHost: x\r\n\r\n");
	buf_adds(&all, "GET /last HTTP/1.1\r\nHost: x\r\n"
	    "Connection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
	client_send(&c, all.data, all.len);
	client_drain(&c);
	cr_assert_eq(client_count(&c, "HTTP/1.1 200 OK\r\n"), 200);
	cr_assert_eq(client_count(&c, "HTTP/1.1 404 Not Found\r\n"), 1);
	cr_assert(c.eof, "and nothing behind the last");
	buf_free(&all);
	client_close(&c);
	rig_close();
}

/* An auto listener, with the request cut at every byte. */
Test(session_web, auto_listener)
{
	const char *text = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct client c;
	size_t cut;

	rig_open(NULL);
	for (cut = 1; cut < strlen(text); cut++) {
		client_open(&c, 0, LISTEN_AUTO, 0);
		client_send(&c, text, cut);
		settle();
		cr_assert(!client_read(&c, 100));
		client_send(&c, text + cut, strlen(text) - cut);
		client_drain(&c);
		expect(&c, "HTTP/1.1 200 OK\r\n");
		client_close(&c);
		settle();
	}
	client_open(&c, 0, LISTEN_AUTO, 0);
	client_send(&c, "GE", 2);
	settle();
	client_line(&c, "NERAL");
	client_drain(&c);
	expect(&c, "You are GENERAL.");
	client_close(&c);
	rig_close();
}

/* What a page elsewhere can make a browser send is no conversation. */
Test(session_web, posts_from_elsewhere)
{
	static const struct {
		enum listen_kind kind;
		const char	*begin, *wanted;
	} posts[] = {
		{ LISTEN_AUTO, "POST / HTTP/1.1\r\n", "405" },
		{ LISTEN_AUTO, "X-ODD / HTTP/1.1\r\n", "" },
		{ LISTEN_JSON, "POST / HTTP/1.1\r\n", "" },
		{ LISTEN_TEXT, "POST / HTTP/1.0\r\n", "" },
		{ LISTEN_HTTP, "POST / HTTP/1.1\r\n", "405" }
	};
	struct client c;
	char text[200];
	size_t i;

	rig_open(NULL);
	for (i = 0; i < NITEMS(posts); i++) {
		client_open(&c, 0, posts[i].kind, 0);
		client_drain(&c);
		snprintf(text, sizeof(text), "%sHost: x\r\n\r\nmallory\r\n"
		    "{\"cmd\":\"login\",\"name\":\"mallory\"}\r\n",
		    posts[i].begin);
		web_send(&c, text);
		cr_assert(c.eof);
		expect(&c, posts[i].wanted);
		expect_not(&c, "mallory");
		client_close(&c);
		settle();
	}
	rig_close();
}

Test(session_web, says_and_hears)
{
	struct client web, bot;

	rig_open(NULL);
	client_login(&bot, 1, "bot", 0);
	web_open(&web, 0, "ann", 0);
	say(&bot, 1, 0);
	settle();
	frame(&web, 0x01, "{\"cmd\":\"say\",\n\"room\":\"lo");
	frame(&web, 0x89, "there?");
	frame(&web, 0x80, "bby\",\"text\":\"<2>\"}");
	client_drain(&web);
	say(&bot, 3, 0);
	client_drain(&web);
	client_drain(&bot);
	unframe(&web);
	expect(&web, "#athere?\n");
	expect_said(&bot, 1, 3);
	cr_assert_eq(client_count(&web, "\"event\":\"message\""), 3);
	buf_reset(&web.got);
	frame(&web, 0x81, "");
	frame(&web, 0x81, "nonsense");
	frame(&web, 0x81, "{\"cmd\":\"ping\"} ");
	client_drain(&web);
	unframe(&web);
	cr_assert_eq(client_count(&web, "\"error\":\"bad-json\""), 2);
	expect(&web, "{\"reply\":\"ping\",\"ok\":true");
	client_close(&web);
	client_close(&bot);
	rig_close();
}

/* It moves with a frame half received and a message half begun. */
Test(session_web, moves)
{
	const char *text = "{\"cmd\":\"say\",\"room\":\"lobby\","
	    "\"text\":\"<1>\"}";
	struct client web, bot;
	struct buf b = { 0 };
	size_t cut;

	rig_open(NULL);
	client_login(&bot, 1, "bot", 0);
	add_frame(&b, 0x01, text, 10);
	add_frame(&b, 0x80, text + 10, strlen(text) - 10);
	for (cut = 0; cut <= b.len; cut++) {
		web_open(&web, 0, "ann", 0);
		client_send(&web, b.data, cut);
		client_drain(&web);
		move(&web, 1);
		client_send(&web, b.data + cut, b.len - cut);
		client_drain(&web);
		unframe(&web);
		expect(&web, "{\"reply\":\"say\",\"ok\":true");
		expect(&web, "{\"event\":\"message\",\"room\":\"lobby\"");
		cr_assert_eq(client_count(&web, "<1>"), 1);
		client_close(&web);
		client_drain(&bot);
		cr_assert_eq(client_count(&bot, "<1>"), 1);
		buf_reset(&bot.got);
	}
	buf_free(&b);
	client_close(&bot);
	rig_close();
}

/* A reader that stops and goes on: whole frames, each message once, and
 * nothing between the halves of one. */
Test(session_web, slow_reader)
{
	struct client web, bot;
	unsigned i;

	rig_open((const char *[]){ "stream_bytes=64K", NULL });
	client_login(&bot, 1, "bot", 0);
	web_open(&web, 0, "ann", 2304);
	for (i = 1; i <= 400; i++) {
		say(&bot, i, 900);
		if (i % 7 == 0)
			frame(&web, 0x89, "x");
		if (i % 50 == 0) {
			settle();
			client_read(&web, i);
		}
	}
	client_drain(&web);
	client_drain(&bot);
	client_drain(&web);
	unframe(&web);
	cr_assert_eq(client_count(&web, "#ax\n"), 400 / 7);
	for (i = 0; i + 4 < web.got.len; i++) {	/* pongs out of the way */
		if (memcmp(web.got.data + i, "#ax\n", 4) == 0 &&
		    (i == 0 || web.got.data[i - 1] == '\n')) {
			memmove(web.got.data + i, web.got.data + i + 4,
			    web.got.len - i - 4);
			web.got.len -= 4;
			i--;
		}
	}
	if (web.got.len >= 4 && memcmp(web.got.data + web.got.len - 4, "#ax\n",
	    4) == 0)
		web.got.len -= 4;
	expect_said(&web, 1, 400);
	client_close(&web);
	client_close(&bot);
	rig_close();
}

Test(session_web, ends)
{
	static const struct {
		unsigned	 first;
		const char	*data, *last;
	} ends[] = {
		{ 0x88, "\003\xe9", "#8\003\xe9\n" },
		{ 0x88, "", "#8\n" },
		{ 0x81, "{\"cmd\":\"quit\"}", "#8\003\xe8\n" },
		{ 0x82, "{}", "#8\003\xeb\n" },
		{ 0x81, "\xff", "#8\003\xef\n" },
		{ 0x83, "", "#8\003\xea\n" }
	};
	struct client web, bot;
	size_t i, n;

	rig_open(NULL);
	client_login(&bot, 1, "bot", 0);
	for (i = 0; i < NITEMS(ends); i++) {
		web_open(&web, 0, "ann", 0);
		/* What was asked before is answered, nothing after. */
		frame(&web, 0x81, "{\"cmd\":\"ping\",\"id\":1}");
		frame(&web, ends[i].first, ends[i].data);
		frame(&web, 0x81, "{\"cmd\":\"ping\",\"id\":2}");
		say(&bot, 1, 0);
		client_drain(&web);
		cr_assert(web.eof);
		unframe(&web);
		expect(&web, "\"id\":1");
		expect_not(&web, "\"id\":2");
		n = strlen(ends[i].last);
		cr_assert(web.got.len >= n && memcmp(web.got.data +
		    web.got.len - n, ends[i].last, n) == 0, "end %zu: %s", i,
		    buf_str(&web.got));
		client_close(&web);
		settle();
	}
	client_close(&bot);
	rig_close();
}

/* Says before a close are all done, even those that were held back. */
Test(session_web, close_behind_many)
{
	struct buf b = { 0 };
	struct client web;
	unsigned i;

	rig_open(NULL);
	web_open(&web, 0, "ann", 0);
	for (i = 1; i <= 400; i++) {
		char text[80];
		int n = snprintf(text, sizeof(text), "{\"cmd\":\"say\","
		    "\"room\":\"lobby\",\"text\":\"<%u>\"}", i);

		add_frame(&b, 0x81, text, (size_t)n);
	}
	add_frame(&b, 0x88, "", 0);
	client_send(&web, b.data, b.len);
	client_drain(&web);
	cr_assert(web.eof);
	unframe(&web);
	cr_assert_eq(client_count(&web, "{\"reply\":\"say\",\"ok\":true"),
	    400);
	buf_free(&b);
	client_close(&web);
	rig_close();
}

Test(session_web, too_long)
{
	struct buf b = { 0 };
	struct client web;
	char *text;

	rig_open((const char *[]){ "max_line=300", "max_text=200", NULL });
	web_open(&web, 0, "ann", 0);
	text = xcalloc(1, 302);
	memset(text, ' ', 301);
	memcpy(text, "{\"cmd\":\"ping\"}", 14);
	add_frame(&b, 0x81, text, 300);
	add_frame(&b, 0x81, text, 301);
	client_send(&web, b.data, b.len);
	client_drain(&web);
	unframe(&web);
	expect(&web, "{\"reply\":\"ping\",\"ok\":true");
	expect(&web, "{\"reply\":null,\"ok\":false,\"error\":\"too-long\"");
	expect(&web, "#8\003\xf1\n");
	cr_assert(web.eof);
	free(text);
	buf_free(&b);
	client_close(&web);
	rig_close();
}

Test(session_web, bye_at_the_end)
{
	struct client web, page;

	rig_open(NULL);
	web_open(&web, 0, "ann", 0);
	client_open(&page, 1, LISTEN_HTTP, 0);
	web_send(&page, "GET / HT");
	loop_stop(&rig.d.loops[0]);
	loop_stop(&rig.d.loops[1]);
	client_drain(&web);
	client_drain(&page);
	unframe(&web);
	expect(&web, "{\"event\":\"bye\",\"reason\":\"shutdown\"");
	expect(&web, "#8\003\xe9\n");
	cr_assert(page.eof);
	cr_assert_eq(page.got.len, 0, "no words for who has asked nothing");
	client_close(&web);
	client_close(&page);
	rig_close();
}

/* Time, as ticks see it. */
Test(session_web, silence)
{
	struct client web, page, slow;
	unsigned i;

	rig_open((const char *[]){ "ping_interval=3s", "http_timeout=2s",
	    NULL });
	web_open(&web, 0, "ann", 0);
	client_open(&page, 0, LISTEN_HTTP, 0);
	client_open(&slow, 0, LISTEN_HTTP, 0);
	for (i = 0; i < 7; i++) {
		rig.d.loops[0].now++;
		session_tick(web.session);
		if (!page.eof)
			session_tick(page.session);
		if (!slow.eof) {
			session_tick(slow.session);
			web_send(&slow, "G");
		}
		client_drain(&web);
		client_drain(&page);
	}
	cr_assert(page.eof, "nothing was asked");
	cr_assert_eq(page.got.len, 0);
	client_drain(&slow);
	expect(&slow, "HTTP/1.1 408 Request Timeout\r\n");
	cr_assert(slow.eof);
	cr_assert(web.eof, "no answer to the ping");
	unframe(&web);
	cr_assert_str_eq(buf_str(&web.got), "#9\n");
	client_close(&web);
	client_close(&page);
	client_close(&slow);
	rig_close();
}

Test(session_web, origins)
{
	static const struct {
		const char	*headers, *wanted;
	} tries[] = {
		{ "", "101" },
		{ "Origin: http://here\r\n", "101" },
		{ "Origin: HTTP://HERE\r\n", "101" },
		{ "Origin: http://here:80\r\n", "101" },
		{ "Origin: https://here:443\r\n", "101" },
		{ "Origin: https://here\r\n", "101" },
		{ "Origin: http://here:81\r\n", "403" },
		{ "Origin: http://here.evil.example\r\n", "403" },
		{ "Origin: http://evil.example/here\r\n", "403" },
		{ "Origin: http://evil@here\r\n", "403" },
		{ "Origin: http://\r\n", "403" },
		{ "Origin: null\r\n", "403" },
		{ "Origin:\r\n", "403" },
		{ "Origin: http://here\r\nOrigin: http://here\r\n", "403" },
		{ "Origin: https://friend.example\r\n", "101" },
		{ "Origin: https://friend.example:8443\r\n", "403" },
		{ "Origin: https://other.example:8443\r\n", "101" },
		{ "Origin: *\r\n", "403" }
	};
	struct client c;
	size_t i;

	rig_open((const char *[]){ "origins=https://friend.example  "
	    "https://other.example:8443", NULL });
	for (i = 0; i < NITEMS(tries); i++) {
		client_open(&c, 0, LISTEN_HTTP, 0);
		client_send(&c, HANDSHAKE, strlen(HANDSHAKE));
		client_send(&c, tries[i].headers, strlen(tries[i].headers));
		web_send(&c, "\r\n");
		cr_assert_eq(strncmp(buf_str(&c.got) + 9, tries[i].wanted, 3),
		    0, "%s: %s", tries[i].headers, c.got.data);
		client_close(&c);
		settle();
	}
	rig_close();
}

/* How it is: whether messages can be stored, and what it counts. */
Test(session_web, health)
{
	struct client c;

	rig_open(NULL);
	client_open(&c, 0, LISTEN_HTTP, 0);
	web_send(&c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(&c, "HTTP/1.1 200 ");
	expect(&c, "\r\n\r\nok\n");
	buf_reset(&c.got);
	atomic_store(&rig.d.store->failing, true);
	web_send(&c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(&c, "HTTP/1.1 503 ");
	expect(&c, "\r\n\r\nstore-unavailable\n");
	atomic_store(&rig.d.store->failing, false);
	client_close(&c);
	rig_close();
}

Test(session_web, metrics)
{
	struct client page, socket;
	char length[40];
	char *body;

	rig_open(NULL);
	web_open(&socket, 1, "ann", 0);
	client_open(&page, 0, LISTEN_HTTP, 0);
	settle();
	event_active(rig.d.loops[0].tick, EV_TIMEOUT, 1);
	event_active(rig.d.loops[1].tick, EV_TIMEOUT, 1);
	settle();
	web_send(&page, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(&page, "HTTP/1.1 200 ");
	expect(&page, "\r\nContent-Type: text/plain; version=0.0.4; "
	    "charset=utf-8\r\n");
	expect(&page, "\npartyline_clients{carrier=\"http\","
	    "dialect=\"none\"} 1\n");
	expect(&page, "\npartyline_clients{carrier=\"websocket\","
	    "dialect=\"json\"} 1\n");
	expect(&page, "\npartyline_readers 1\n");
	body = strstr(page.got.data, "\r\n\r\n");
	snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n",
	    strlen(body + 4));
	expect(&page, length);
	client_close(&page);
	client_close(&socket);
	rig_close();
}

Test(session_web, metrics_are_not_for_all)
{
	static const char *const options[] = { "metrics_from=10.0.0.0/8",
	    NULL };
	struct client c;

	rig_open(options);
	client_open(&c, 0, LISTEN_HTTP, 0);
	web_send(&c, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	expect(&c, "HTTP/1.1 403 ");
	expect_not(&c, "partyline_");
	client_close(&c);
	rig_close();
}
