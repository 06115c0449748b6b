/* Every rule of a request's head, whole and cut at every byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "util.h"

struct row {
	const char	*in;
	unsigned	 status;
	const char	*path, *host;
	bool		 head, keep_alive;
};

#define H	"Host: x\r\n"
#define GET(fields)	"GET / HTTP/1.1\r\n" H fields "\r\n"
#define REFUSED(status)	status, NULL, NULL, false, false
#define GOOD(path, host, keep)	0, path, host, false, keep

static const struct row rows[] = {
	{ GET(""), GOOD("/", "x", true) },
	{ "\r\n" GET(""), GOOD("/", "x", true) },
	{ "\n" GET(""), GOOD("/", "x", true) },
	{ "\r\n\r\n" GET(""), REFUSED(400) },
	{ "GET /a.js?v=1?2 HTTP/1.1\r\n" H "\r\n", GOOD("/a.js", "x", true) },
	{ "GET /? HTTP/1.1\r\n" H "\r\n", GOOD("/", "x", true) },
	{ "GET / HTTP/1.1\nHost: x\n\n", GOOD("/", "x", true) },
	{ "GET / HTTP/1.1\r\nHost:x:80 \t\r\n\r\n", GOOD("/", "x:80", true) },
	{ "GET / HTTP/1.1\r\nhOST: [::1]:80\r\n\r\n",
	    GOOD("/", "[::1]:80", true) },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", GOOD("/", "", true) },
	{ "HEAD / HTTP/1.1\r\n" H "\r\n", 0, "/", "x", true, true },

	/* versions */
	{ "GET / HTTP/1.0\r\n\r\n", GOOD("/", "", false) },
	{ "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	    GOOD("/", "", true) },
	{ "GET / HTTP/1.7\r\n" H "\r\n", GOOD("/", "x", true) },
	{ "GET / HTTP/2.0\r\n" H "\r\n", REFUSED(505) },
	{ "GET / HTTP/0.9\r\n" H "\r\n", REFUSED(505) },
	{ "GET / HTTP/1.1.\r\n" H "\r\n", REFUSED(400) },
	{ "GET / HTTP/11\r\n" H "\r\n", REFUSED(400) },
	{ "GET / http/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET / \r\n" H "\r\n", REFUSED(400) },
	{ "GET /\r\n" H "\r\n", REFUSED(400) },
	{ "PRI * HTTP/2.0\r\n\r\n", REFUSED(505) },

	/* keeping */
	{ GET("Connection: close\r\n"), GOOD("/", "x", false) },
	{ GET("Connection: a, CLOSE ,b\r\n"), GOOD("/", "x", false) },
	{ GET("Connection: Upgrade\r\nConnection: close\r\n"),
	    GOOD("/", "x", false) },
	{ GET("Connection: closed\r\n"), GOOD("/", "x", true) },
	{ GET("Connection: keep-alive, close\r\n"), GOOD("/", "x", false) },

	/* methods */
	{ "POST / HTTP/1.1\r\n" H "\r\n", REFUSED(405) },
	{ "get / HTTP/1.1\r\n" H "\r\n", REFUSED(405) },
	{ "GETS / HTTP/1.1\r\n" H "\r\n", REFUSED(405) },
	{ "OPTIONS * HTTP/1.1\r\n" H "\r\n", REFUSED(405) },
	{ "G@T / HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ " GET / HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET  / HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET /  HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET\t/ HTTP/1.1\r\n" H "\r\n", REFUSED(400) },

	/* targets */
	{ "GET http://h:1/a?b HTTP/1.1\r\n" H "\r\n",
	    GOOD("/a", "h:1", true) },
	{ "GET HTTP://h HTTP/1.1\r\n" H "\r\n", GOOD("/", "h", true) },
	{ "GET http://h?b HTTP/1.1\r\n" H "\r\n", GOOD("/", "h", true) },
	{ "GET http://u@h/ HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET * HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET a HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET /\x7f HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET /\xc3\xbc HTTP/1.1\r\n" H "\r\n", REFUSED(400) },
	{ "GET /\001 HTTP/1.1\r\n" H "\r\n", REFUSED(400) },

	/* fields */
	{ GET("a:\r\n"), GOOD("/", "x", true) },
	{ GET("a: \xe4 b\tc\r\n"), GOOD("/", "x", true) },
	{ GET("a : b\r\n"), REFUSED(400) },
	{ GET("a\r\n"), REFUSED(400) },
	{ GET(": b\r\n"), REFUSED(400) },
	{ GET("a(: b\r\n"), REFUSED(400) },
	{ GET("a: b\r\n c\r\n"), REFUSED(400) },
	{ "GET / HTTP/1.1\r\n a: b\r\n" H "\r\n", REFUSED(400) },
	{ GET("a: b\rc\r\n"), REFUSED(400) },
	{ GET("a: b\r\r\n"), REFUSED(400) },
	{ GET("a: b\x7f\r\n"), REFUSED(400) },
	{ GET("a: b\x1b[2J\r\n"), REFUSED(400) },

	/* Host */
	{ "GET / HTTP/1.1\r\n\r\n", REFUSED(400) },
	{ GET("Host: x\r\n"), REFUSED(400) },
	{ "GET / HTTP/1.0\r\n" H H "\r\n", REFUSED(400) },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", REFUSED(400) },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", REFUSED(400) },
	{ "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", REFUSED(400) },
	{ "GET http://a/ HTTP/1.1\r\nHost: b/c\r\n\r\n", REFUSED(400) },

	/* bodies, which others may see an end of where we see none */
	{ GET("Content-Length: 0\r\n"), GOOD("/", "x", true) },
	{ GET("Content-Length: 1\r\n"), REFUSED(400) },
	{ GET("Content-Length: 00\r\n"), REFUSED(400) },
	{ GET("Content-Length: +0\r\n"), REFUSED(400) },
	{ GET("Content-Length: 0, 0\r\n"), REFUSED(400) },
	{ GET("Content-Length: 0\r\nContent-Length: 0\r\n"), REFUSED(400) },
	{ GET("Transfer-Encoding: chunked\r\n"), REFUSED(400) },
	{ GET("Transfer-Encoding: identity\r\nContent-Length: 0\r\n"),
	    REFUSED(400) },
	{ GET("transfer-encoding:\r\n"), REFUSED(400) }
};

static void
check(const struct row *row, const struct http_request *r)
{
	cr_assert_eq(r->status, row->status, "%u for %s", r->status, row->in);
	if (row->status != 0) {
		cr_assert_not_null(r->why, "%s", row->in);
		return;
	}
	cr_assert_str_eq(r->path, row->path, "%s", row->in);
	cr_assert_str_eq(r->host, row->host, "%s", row->in);
	cr_assert_eq(r->head, row->head, "%s", row->in);
	cr_assert_eq(r->keep_alive, row->keep_alive, "%s", row->in);
}

Test(http, heads)
{
	struct http_request r;
	char data[256];
	size_t i, n, len;

	for (i = 0; i < NITEMS(rows); i++) {
		len = strlen(rows[i].in);
		cr_assert_lt(len + 8, sizeof(data));
		memcpy(data, rows[i].in, len);
		memcpy(data + len, "GET / X", 8);
		n = http_parse(&r, data, len + 7);
		check(&rows[i], &r);
		if (r.status == 0)
			cr_assert_eq(n, len, "what follows is the next's");
		/* Nothing is wrong with a beginning of one that is right. */
		for (n = 0; n < len && rows[i].status == 0; n++) {
			memcpy(data, rows[i].in, len);
			cr_assert_eq(http_parse(&r, data, n), 0, "%zu of %s",
			    n, rows[i].in);
			cr_assert_eq(r.status, 0);
			cr_assert_eq(memcmp(data, rows[i].in, len), 0);
		}
	}
}

Test(http, a_nul_is_refused)
{
	char data[] = "GET / HTTP/1.1\r\nHost: x\r\na: b\0\r\n\r\n";
	char line[] = "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n";
	struct http_request r;

	cr_assert_gt(http_parse(&r, data, sizeof(data) - 1), 0);
	cr_assert_eq(r.status, 400);
	cr_assert_gt(http_parse(&r, line, sizeof(line) - 1), 0);
	cr_assert_eq(r.status, 400);
}

/* What can be no request is refused before its line ends. */
Test(http, refused_at_once)
{
	char tls[] = "\x16\x03\x01\x02";
	struct http_request r;

	cr_assert_gt(http_parse(&r, tls, 4), 0);
	cr_assert_eq(r.status, 400);
}

static struct buf
long_head(const char *begin, size_t pad, unsigned nfields, const char *end)
{
	struct buf b = { 0 };

	buf_adds(&b, begin);
	while (pad-- > 0)
		buf_addc(&b, 'x');
	for (; nfields > 0; nfields--)
		buf_adds(&b, "\r\na: b");
	buf_adds(&b, end);
	return b;
}

static unsigned
parse(struct buf b)
{
	struct http_request r;
	size_t n = http_parse(&r, b.data, b.len);

	cr_assert(n > 0 || r.status == 0);
	buf_free(&b);
	return n == 0 ? 1 : r.status;
}

Test(http, bounds)
{
	const char *end = " HTTP/1.1\r\nHost: x\r\n\r\n";

	/* "GET /" and " HTTP/1.1" are 16 bytes with their CR LF. */
	cr_assert_eq(parse(long_head("GET /", HTTP_LINE_MAX - 16, 0, end)), 0);
	cr_assert_eq(parse(long_head("GET /", HTTP_LINE_MAX - 15, 0, end)),
	    414);
	cr_assert_eq(parse(long_head("GET /", HTTP_LINE_MAX - 5, 0, "")), 1);
	cr_assert_eq(parse(long_head("GET /", HTTP_LINE_MAX - 4, 0, "")), 414);
	cr_assert_eq(parse(long_head(GET(""), 0, 0, "")), 0);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x", 0,
	    HTTP_FIELDS_MAX - 1, "\r\n\r\n")), 0);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x", 0,
	    HTTP_FIELDS_MAX, "\r\n\r\n")), 431);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x\r\na: ",
	    HTTP_HEAD_MAX - 28 - 4, 0, "\r\n\r\n")), 0);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x\r\na: ",
	    HTTP_HEAD_MAX - 28 - 3, 0, "\r\n\r\n")), 431);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x\r\na: ",
	    HTTP_HEAD_MAX - 28, 0, "")), 1);
	cr_assert_eq(parse(long_head("GET / HTTP/1.1\r\nHost: x\r\na: ",
	    HTTP_HEAD_MAX - 27, 0, "")), 431);
}

Test(http, fields)
{
	char data[] = GET("Up: a\r\nX: 1, two ,\r\nx:THREE\r\n");
	struct http_request r;

	http_parse(&r, data, sizeof(data) - 1);
	cr_assert_str_eq(http_field(&r, "x", 0), "1, two ,");
	cr_assert_str_eq(http_field(&r, "X", 1), "THREE");
	cr_assert_null(http_field(&r, "X", 2));
	cr_assert_null(http_field(&r, "y", 0));
	cr_assert(http_has_token(&r, "x", "two"));
	cr_assert(http_has_token(&r, "x", "Three"));
	cr_assert(!http_has_token(&r, "x", "tw"));
	cr_assert(!http_has_token(&r, "y", "two"));
}

Test(http, accepts)
{
	static const struct {
		const char	*value;
		bool		 wanted;
	} fields[] = {
		{ "gzip", true }, { "GZip", true }, { "*", true },
		{ "deflate, gzip, br", true }, { "deflate,gzip;q=0.001", true },
		{ "gzip ; q=1", true }, { "gzip;Q=1.000", true },
		{ "gzip\t;\tq=0.5\t", true }, { "gzip;q=0.", false },
		{ "*;q=0, gzip", true }, { "gzip;q=0, *", false },
		{ "gzip;q=0.5, identity;q=0.5", true },
		{ "gzip;q=0.5, identity", false },
		{ "identity;q=0.6,*;q=0.5", false },
		{ "gzip, identity;q=0", true }, { ",, gzip ,", true },
		{ "", false }, { "gzip;q=0", false }, { "gzip;q=0.000", false },
		{ "*;q=0", false }, { "identity", false }, { "br", false },
		{ "gzipped", false }, { "x-gzip", false }, { "gzi", false },
		{ "gzip gzip", false }, { "gzip;q", false }, { "gzip;", false },
		{ "gzip;q=", false }, { "gzip;q=2", false },
		{ "gzip;q=-1", false }, { "gzip;q=1.001", false },
		{ "gzip;q=0.1234", false }, { "gzip;q=.5", false },
		{ "gzip;q=0,5", false }, { "gzip;level=9", false },
		{ "gzip;q=1;q=0", false }, { "gzip;q=x, *", false },
		{ "\"gzip\"", false }
	};
	struct http_request r;
	char data[200];
	size_t i;

	for (i = 0; i < NITEMS(fields); i++) {
		snprintf(data, sizeof(data), "GET / HTTP/1.1\r\nHost: x\r\n"
		    "Accept-Encoding: %s\r\n\r\n", fields[i].value);
		cr_assert(http_parse(&r, data, strlen(data)) > 0);
		cr_assert_eq(r.status, 0);
		cr_assert_eq(http_accepts(&r, "gzip"), fields[i].wanted, "%s",
		    fields[i].value);
	}
	snprintf(data, sizeof(data), "GET / HTTP/1.1\r\nHost: x\r\n"
	    "Accept-Encoding: br\r\naccept-encoding: gzip\r\n\r\n");
	http_parse(&r, data, strlen(data));
	cr_assert(http_accepts(&r, "gzip"));
	snprintf(data, sizeof(data), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	http_parse(&r, data, strlen(data));
	cr_assert(!http_accepts(&r, "gzip"));
}

Test(http, sniff)
{
	static const struct {
		const char	*bytes;
		enum http_sniff	 wanted;
	} begins[] = {
		{ "", SNIFF_MORE }, { "G", SNIFF_MORE }, { "GET", SNIFF_MORE },
		{ "GET ", SNIFF_HTTP }, { "GET / HT", SNIFF_HTTP },
		{ "GETS", SNIFF_NO }, { "get ", SNIFF_NO },
		{ "P", SNIFF_MORE }, { "PO", SNIFF_MORE },
		{ "POST ", SNIFF_HTTP }, { "OPTIONS ", SNIFF_HTTP },
		{ "ann", SNIFF_NO }, { "{", SNIFF_NO }, { "GET\n", SNIFF_NO },
		{ "\xff", SNIFF_NO }
	};
	size_t i;

	for (i = 0; i < NITEMS(begins); i++)
		cr_assert_eq(http_sniff(begins[i].bytes,
		    strlen(begins[i].bytes)), begins[i].wanted, "%s",
		    begins[i].bytes);
	cr_assert(http_is_request_line("POST / HTTP/1.1", 15));
	cr_assert(http_is_request_line("x HTTP/1.0", 10));
	cr_assert(!http_is_request_line("x HTTP/1.1 ", 11));
	cr_assert(!http_is_request_line(" HTTP/1.", 8));
	cr_assert(!http_is_request_line("", 0));
}
