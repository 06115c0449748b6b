/* Frames: tables of RFC 6455 and RFC 7692, whole and cut at every byte. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "ws.h"
#include "ws-deflate.h"

#define MAX	1000		/* bytes of a message */
#define FIN	0x80
#define RSV1	0x40

/* A masked frame, as a client sends it. */
static void
add_frame(struct buf *b, unsigned first, const void *data, size_t len)
{
	static const unsigned char mask[4] = { 0x12, 0x34, 0xff, 0x00 };
	const unsigned char *p = data;
	size_t i;

	buf_addc(b, (char)first);
	if (len < 126) {
		buf_addc(b, (char)(0x80 | len));
	} else {
		buf_addc(b, (char)(0x80 | 126));
		buf_addc(b, (char)(len >> 8));
		buf_addc(b, (char)len);
	}
	buf_add(b, mask, 4);
	for (i = 0; i < len; i++)
		buf_addc(b, (char)(p[i] ^ mask[i % 4]));
}

/* A script of frames: "t" text, "T" text not final, "c" continuation, "C" not
 * final, "p" ping, "o" pong, "x" close, "b" binary, then their payload up to
 * the next "|". */
static struct buf
frames(const char *script)
{
	static const struct { char c; unsigned first; } kinds[] = {
		{ 't', FIN | 1 }, { 'T', 1 }, { 'c', FIN }, { 'C', 0 },
		{ 'p', FIN | 9 }, { 'P', 9 }, { 'o', FIN | 10 },
		{ 'x', FIN | 8 }, { 'b', FIN | 2 }, { '3', FIN | 3 },
		{ 'f', FIN | 15 }, { '1', FIN | RSV1 | 1 },
		{ '2', FIN | 0x20 | 1 }, { 'q', FIN | RSV1 | 9 }
	};
	struct buf b = { 0 };
	size_t i, n;

	for (; *script != '\0'; script += n + (script[n] == '|')) {
		for (i = 0; kinds[i].c != *script; i++)
			;
		script++;
		n = strcspn(script, "|");
		add_frame(&b, kinds[i].first, script, n);
	}
	return b;
}

struct row {
	const char	*in;		/* a script */
	const char	*messages;	/* "|" behind each */
	const char	*answer;	/* on the wire */
	unsigned	 code;
};

static const struct row rows[] = {
	{ "t", "|", "", 0 },
	{ "thello", "hello|", "", 0 },
	{ "ta|tb|tc", "a|b|c|", "", 0 },
	{ "Ta|c", "a|", "", 0 },
	{ "T|C|C|c", "|", "", 0 },
	{ "Ta|Cb|cc|td", "abc|d|", "", 0 },
	{ "p", "", "\x8a", 0 },
	{ "phi", "", "\x8a\002hi", 0 },
	{ "Ta|p1|Cb|p2|cc", "abc|", "\x8a\0011\x8a\0012", 0 },
	{ "o|ohi|ta", "a|", "", 0 },
	{ "T\xc3|c\xbc", "\xc3\xbc|", "", 0 },

	{ "x", "", "", 1005 },
	{ "x\003\xe8", "", "", 1000 },
	{ "x\003\xe8" "bye|ta", "", "", 1000 },
	{ "ta|x\x0f\xa0\xc3\xbc", "a|", "", 4000 },
	{ "x\003", "", "", 1002 },
	{ "x\003\xe7", "", "", 1002 },
	{ "x\003\xec", "", "", 1002 },
	{ "x\003\xed", "", "", 1002 },
	{ "x\003\xee", "", "", 1002 },
	{ "x\003\xf7", "", "", 1002 },
	{ "x\004\x4c", "", "", 1002 },
	{ "x\x13\x88", "", "", 1002 },
	{ "x\003\xe8\xc3", "", "", 1007 },

	{ "b", "", "", 1003 },
	{ "c", "", "", 1002 },
	{ "ta|cb", "a|", "", 1002 },
	{ "Ta|tb", "", "", 1002 },
	{ "Ta|bb", "", "", 1002 },
	{ "3", "", "", 1002 },
	{ "fx", "", "", 1002 },
	{ "P", "", "", 1002 },
	{ "1x", "", "", 1002 },
	{ "2x", "", "", 1002 },
	{ "q", "", "", 1002 },

	{ "t\xff", "", "", 1007 },
	{ "t\xc3", "", "", 1007 },
	{ "ta|t\xed\xa0\x80", "a|", "", 1007 },
	{ "t\xf4\x90\x80\x80", "", "", 1007 },
	{ "T\xc3|ca", "", "", 1007 }
};

static void
add_messages(struct buf *out, struct buf *records)
{
	size_t used = 0, n, len;
	char *text;

	while (used < records->len && (n = ws_message_next(records->data +
	    used, records->len - used, &text, &len)) > 0) {
		cr_assert_eq(text[len], '\0');
		buf_add(out, text, len);
		buf_addc(out, '|');
		used += n;
	}
	cr_assert_eq(used, records->len);
	buf_reset(records);
}

static void
check(const struct row *row, struct ws *ws, struct buf *records,
    struct buf *answer)
{
	struct buf got = { 0 };

	add_messages(&got, records);
	cr_assert_str_eq(buf_str(&got), row->messages, "%s", row->in);
	/* A ping without a payload is answered by one NUL, a length. */
	if (strcmp(row->answer, "\x8a") == 0)
		cr_assert_eq(answer->len, 2);
	else
		cr_assert_eq(answer->len, strlen(row->answer), "%s", row->in);
	cr_assert_eq(strncmp(buf_str(answer), row->answer,
	    strlen(row->answer)), 0);
	cr_assert_eq(ws->code, row->code, "%u after %s", ws->code, row->in);
	cr_assert_eq(ws->raw.data, NULL, "nothing is kept");
	cr_assert_eq(ws->message.data, NULL);
	buf_free(&got);
	buf_free(records);
	buf_free(answer);
	ws_free(ws);
}

Test(ws, frames)
{
	struct buf in, records = { 0 }, answer = { 0 };
	size_t i, at, cut;
	struct ws ws;
	bool ok;

	for (i = 0; i < NITEMS(rows); i++) {
		in = frames(rows[i].in);
		ws = (struct ws){ .code = 0 };
		ok = ws_recv(&ws, in.data, in.len, MAX, &records, &answer);
		cr_assert_eq(ok, rows[i].code == 0);
		check(&rows[i], &ws, &records, &answer);
		for (cut = 1; cut < in.len; cut++) {
			ws = (struct ws){ .code = 0 };
			ws_recv(&ws, in.data, cut, MAX, &records, &answer);
			ws_recv(&ws, in.data + cut, in.len - cut, MAX,
			    &records, &answer);
			check(&rows[i], &ws, &records, &answer);
		}
		ws = (struct ws){ .code = 0 };
		for (at = 0; at < in.len; at++)
			ws_recv(&ws, in.data + at, 1, MAX, &records, &answer);
		check(&rows[i], &ws, &records, &answer);
		buf_free(&in);
	}
}

static unsigned
code_of(const char *data, size_t len)
{
	struct buf records = { 0 }, answer = { 0 };
	struct ws ws = { .code = 0 };

	ws_recv(&ws, data, len, MAX, &records, &answer);
	buf_free(&records);
	buf_free(&answer);
	ws_free(&ws);
	return ws.code;
}

/* Forms of a header that no client of ours writes. */
Test(ws, headers)
{
	char big[131 + 8] = "\x81\x7e";

	cr_assert_eq(code_of("\x81\001a", 3), 1002, "not masked");
	cr_assert_eq(code_of("\x81\xfe\0\001....a", 9), 1002, "not shortest");
	cr_assert_eq(code_of("\x81\xff\0\0\0\0\0\0\0\001....a", 15), 1002);
	cr_assert_eq(code_of("\x81\xff\x80\0\0\0\0\0\0\001....a", 15), 1002);
	cr_assert_eq(code_of("\x89\xfe\0\x7e....a", 9), 1002, "a long ping");
	cr_assert_eq(code_of("\x81\xff\0\0\0\001\0\0\0\0....a", 15), 1009,
	    "4 GiB are refused at the first byte");
	cr_assert_eq(code_of(big, sizeof(big)), 1002);
}

Test(ws, bounds)
{
	struct buf in = { 0 }, records = { 0 }, answer = { 0 };
	char text[MAX + 1];
	struct ws ws = { .code = 0 };
	size_t n, len;
	char *got;
	int i;

	memset(text, 'x', sizeof(text));
	add_frame(&in, FIN | 1, text, MAX);
	cr_assert(ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	n = ws_message_next(records.data, records.len, &got, &len);
	cr_assert_eq(n, records.len);
	cr_assert_eq(len, MAX);
	buf_reset(&in);
	add_frame(&in, FIN | 1, text, MAX + 1);
	cr_assert_eq(code_of(in.data, in.len), 1009);
	buf_reset(&in);
	add_frame(&in, 1, text, MAX);
	add_frame(&in, FIN, text, 1);
	cr_assert_eq(code_of(in.data, in.len), 1009);
	/* Any number of empty fragments costs nothing. */
	buf_reset(&in);
	buf_reset(&records);
	add_frame(&in, 1, "a", 1);
	for (i = 0; i < 10000; i++)
		add_frame(&in, 0, "", 0);
	add_frame(&in, FIN, "b", 1);
	for (n = 0; n < in.len; n += 7)
		cr_assert(ws_recv(&ws, in.data + n,
		    in.len - n < 7 ? in.len - n : 7, MAX, &records, &answer));
	ws_message_next(records.data, records.len, &got, &len);
	cr_assert_str_eq(got, "ab");
	buf_free(&in);
	buf_free(&records);
	ws_free(&ws);
}

/* A reload may have made max smaller than what is there of a message. */
Test(ws, smaller_max)
{
	struct buf in = { 0 }, records = { 0 }, answer = { 0 };
	struct ws ws = { .code = 0 };
	char text[500] = { 0 };

	add_frame(&in, 1, text, sizeof(text));
	cr_assert(ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	cr_assert(!ws_recv(&ws, "\x80\xff\0\0\0\0\x10\0\0\0....a", 15, 400,
	    &records, &answer));
	cr_assert_eq(ws.code, 1009);
	buf_free(&in);
}

/* Of much at once so much is taken, and the rest kept as it came. */
Test(ws, batches)
{
	struct buf in = { 0 }, records = { 0 }, answer = { 0 };
	struct ws ws = { .deflate = true };
	char text[MAX];
	unsigned i, calls = 0, n = 0;
	struct buf *small;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < 1000; i++) {
		small = ws_deflate(text, sizeof(text));
		add_frame(&in, FIN | RSV1 | 1, small->data, small->len);
	}
	add_frame(&in, FIN | 8, "", 0);
	do {
		ws_recv(&ws, in.data, calls++ == 0 ? in.len : 0, MAX, &records,
		    &answer);
		cr_assert_lt(records.len, WS_BATCH + MAX + 8);
		n += (unsigned)(records.len / (MAX + 5));
		buf_reset(&records);
	} while (ws.left);
	cr_assert_eq(n, 1000);
	cr_assert_eq(calls, 1000 / (WS_BATCH / (MAX + 5) + 1) + 1);
	cr_assert_eq(ws.code, 1005);
	buf_free(&in);
	buf_free(&records);
}

/* After a hand-over only bytes are left: another ws with them goes on. */
Test(ws, is_all_bytes)
{
	struct buf in = frames("Thalf|p|Ca|cx"), records = { 0 };
	struct buf answer = { 0 };
	struct ws ws = { .code = 0 }, other;
	size_t at;

	for (at = 0; at < in.len; at++) {
		cr_assert(ws_recv(&ws, in.data + at, 1, MAX, &records,
		    &answer));
		other = ws;
		other.raw = other.message = (struct buf){ 0 };
		buf_add(&other.raw, ws.raw.data, ws.raw.len);
		buf_add(&other.message, ws.message.data, ws.message.len);
		ws_free(&ws);
		ws = other;
	}
	cr_assert_eq(records.len, sizeof(uint32_t) + 7);
	cr_assert_str_eq(records.data + sizeof(uint32_t), "halfax");
	buf_free(&in);
	buf_free(&records);
	buf_free(&answer);
	ws_free(&ws);
}

/* Sending. */

Test(ws, sent_headers)
{
	static const size_t lens[] = { 0, 1, 125, 126, 65535, 65536 };
	static const char *const heads[] = { "\x81\0", "\x81\001", "\x81\x7d",
	    "\x81\x7e\0\x7e", "\x81\x7e\xff\xff",
	    "\x81\x7f\0\0\0\0\0\001\0\0" };
	static const size_t sizes[] = { 2, 2, 2, 4, 4, 10 };
	char *text = xcalloc(1, 65536);
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < NITEMS(lens); i++) {
		ws_add_message(&b, text, lens[i], false);
		cr_assert_eq(b.len, sizes[i] + lens[i]);
		cr_assert_eq(memcmp(b.data, heads[i], sizes[i]), 0);
		buf_reset(&b);
	}
	ws_add_close(&b, 1009);
	ws_add_close(&b, WS_NO_STATUS);
	ws_add_ping(&b);
	cr_assert_eq(b.len, 8);
	cr_assert_eq(memcmp(b.data, "\x88\002\003\xf1\x88\0\x89\0", 8), 0);
	buf_free(&b);
	free(text);
}

/* permessage-deflate. */

Test(deflate, there_and_back)
{
	char text[2000];
	struct buf *small, copy = { 0 }, *back;
	size_t i;

	for (i = 0; i < sizeof(text); i++)
		text[i] = "the same words "[i % 15];
	small = ws_deflate(text, sizeof(text));
	cr_assert_not_null(small);
	cr_assert_lt(small->len, 100);
	buf_add(&copy, small->data, small->len);
	small = ws_deflate(text, sizeof(text));
	cr_assert_eq(small->len, copy.len, "nothing is taken over");
	cr_assert_eq(memcmp(small->data, copy.data, copy.len), 0);
	back = ws_inflate(copy.data, copy.len, sizeof(text));
	cr_assert_eq(back->len, sizeof(text));
	cr_assert_eq(memcmp(back->data, text, sizeof(text)), 0);
	back = ws_inflate(copy.data, copy.len, 100);
	cr_assert_eq(back->len, 101, "one more than may be, and no more");
	buf_free(&copy);
	for (i = 0; i < sizeof(text); i++)
		text[i] = (char)rand();
	cr_assert_null(ws_deflate(text, sizeof(text)), "it saves nothing");
	cr_assert_null(ws_deflate("short", 5));
	cr_assert_null(ws_inflate("\xff\xff\xff", 3, 100));
}

Test(deflate, compressed_messages)
{
	struct buf in = { 0 }, records = { 0 }, answer = { 0 };
	struct ws ws = { .deflate = true };
	static char zeros[20000];
	struct buf *small;
	char *got;
	size_t len;

	memset(zeros, 'a', sizeof(zeros));
	small = ws_deflate(zeros, 900);
	add_frame(&in, FIN | RSV1 | 1, small->data, small->len);
	add_frame(&in, FIN | 1, "plain", 5);
	/* "Hello" of RFC 7692 section 7.2.3.1, in two fragments */
	add_frame(&in, RSV1 | 1, "\xf2\x48\xcd", 3);
	add_frame(&in, FIN, "\xc9\xc9\x07\x00", 4);
	cr_assert(ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	len = ws_message_next(records.data, records.len, &got, &len);
	cr_assert_eq(got[899], 'a');
	len += ws_message_next(records.data + len, records.len - len, &got,
	    &(size_t){ 0 });
	cr_assert_str_eq(got, "plain");
	ws_message_next(records.data + len, records.len - len, &got, &len);
	cr_assert_str_eq(got, "Hello");
	/* more than may be, in few bytes */
	buf_reset(&in);
	small = ws_deflate(zeros, sizeof(zeros));
	add_frame(&in, FIN | RSV1 | 1, small->data, small->len);
	cr_assert(!ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	cr_assert_eq(ws.code, 1009);
	ws = (struct ws){ .deflate = true };
	buf_reset(&in);
	add_frame(&in, FIN | RSV1 | 1, "\xff\xff", 2);
	cr_assert(!ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	cr_assert_eq(ws.code, 1007);
	ws = (struct ws){ .deflate = true };
	buf_reset(&in);
	add_frame(&in, RSV1 | 1, "\xf2", 1);
	add_frame(&in, FIN | RSV1, "\x48", 1);
	cr_assert(!ws_recv(&ws, in.data, in.len, MAX, &records, &answer));
	cr_assert_eq(ws.code, 1002, "RSV1 is the first frame's alone");
	buf_free(&in);
	buf_free(&records);
	ws_free(&ws);
}

#define AGREED	"permessage-deflate; server_no_context_takeover; " \
	"client_no_context_takeover"

Test(deflate, offers)
{
	static const struct { const char *offer, *answer; } offers[] = {
		{ "", NULL },
		{ "permessage-deflate", AGREED },
		{ "Permessage-Deflate", AGREED },
		{ " permessage-deflate ; client_max_window_bits ", AGREED },
		{ "permessage-deflate; client_max_window_bits=10", AGREED },
		{ "permessage-deflate;server_no_context_takeover;"
		    "client_no_context_takeover", AGREED },
		{ "permessage-deflate; server_max_window_bits=12",
		    AGREED "; server_max_window_bits=12" },
		{ "permessage-deflate; server_max_window_bits = \"15\"",
		    AGREED "; server_max_window_bits=15" },
		{ "permessage-deflate; server_max_window_bits=11", NULL },
		{ "permessage-deflate; server_max_window_bits=11, "
		    "permessage-deflate", AGREED },
		{ "x-webkit-deflate-frame, foo; a=b;c, permessage-deflate",
		    AGREED },
		{ "permessage-deflate; server_max_window_bits", NULL },
		{ "permessage-deflate; server_max_window_bits=16", NULL },
		{ "permessage-deflate; server_max_window_bits=7", NULL },
		{ "permessage-deflate; server_max_window_bits=1x", NULL },
		{ "permessage-deflate; server_max_window_bits=\"15", NULL },
		{ "permessage-deflate; client_max_window_bits=0", NULL },
		{ "permessage-deflate; server_no_context_takeover=1", NULL },
		{ "permessage-deflate; unknown", NULL },
		{ "permessage-deflate; client_max_window_bits; "
		    "client_max_window_bits", NULL },
		{ "permessage-deflatex", NULL },
		{ ",;,;;==", NULL }
	};
	struct buf answer = { 0 };
	size_t i;

	for (i = 0; i < NITEMS(offers); i++) {
		buf_reset(&answer);
		cr_assert_eq(ws_deflate_offer(offers[i].offer, &answer),
		    offers[i].answer != NULL, "%s", offers[i].offer);
		if (offers[i].answer != NULL)
			cr_assert_str_eq(buf_str(&answer), offers[i].answer);
	}
	buf_free(&answer);
}
