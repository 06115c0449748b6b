/* PROXY headers, whole and cut at every byte; X-Forwarded-For. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "util.h"

#define BYTES(s)	(s), sizeof(s) - 1
#define SIGNATURE	"\r\n\r\n\0\r\nQUIT\n"
#define V4		"\xc0\0\2\1" "\xc6\x33\x64\2" "\x30\x39" "\x01\xbb"
#define V6		"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"	\
			"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2"	\
			"\x30\x39" "\x01\xbb"
#define F15		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

struct row {
	const char	*in;
	size_t		 len;
	enum proxy_status status;
	const char	*from;		/* "address port" */
};

static const struct row rows[] = {
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_FROM, "192.0.2.1 12345" },
	{ BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
	    PROXY_FROM, "255.255.255.255 65535" },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n"),
	    PROXY_FROM, "192.0.2.1 0" },
	{ BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n"),
	    PROXY_FROM, "2001:db8::1 12345" },
	{ BYTES("PROXY TCP6 " F15 " " F15 " 65535 65535\r\n"),
	    PROXY_FROM, F15 " 65535" },
	{ BYTES("PROXY UNKNOWN\r\n"), PROXY_LOCAL, NULL },
	{ BYTES("PROXY UNKNOWN " F15 " " F15 " 65535 65535\r\n"),
	    PROXY_LOCAL, NULL },
	{ BYTES("PROXY UNKNOWN what ever  this is\r\n"), PROXY_LOCAL, NULL },

	{ BYTES("PROXY \r\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY UNKNOWNS\r\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY UNKNOWN\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4\r\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY TCP5 192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY UDP4 192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY  TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4  192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443 \r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443 1\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2\r\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1\r\n"), PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 012345 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 01 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1x 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.256 198.51.100.2 1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.256 1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 2001:db8::1 2001:db8::2 1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP6 192.0.2.1 198.51.100.2 1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 443\r\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\n"),
	    PROXY_BAD, NULL },
	{ BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 1\r2345 443\r\n"),
	    PROXY_BAD, NULL },
	/* 107 bytes is the most */
	{ BYTES("PROXY UNKNOWN 345678901234567890123456789012345678901234567890"
	    "1234567890123456789012345678901234567890123\r\n"),
	    PROXY_LOCAL, NULL },
	{ BYTES("PROXY UNKNOWN 345678901234567890123456789012345678901234567890"
	    "12345678901234567890123456789012345678901234\r\n"),
	    PROXY_BAD, NULL },

	{ BYTES(SIGNATURE "\x21\x11\0\x0c" V4), PROXY_FROM,
	    "192.0.2.1 12345" },
	{ BYTES(SIGNATURE "\x21\x11\0\x13" V4 "\4\0\4abcd"), PROXY_FROM,
	    "192.0.2.1 12345" },
	{ BYTES(SIGNATURE "\x21\x21\0\x24" V6), PROXY_FROM,
	    "2001:db8::1 12345" },
	{ BYTES(SIGNATURE "\x21\x21\0\x2b" V6 "\4\0\4abcd"), PROXY_FROM,
	    "2001:db8::1 12345" },
	{ BYTES(SIGNATURE "\x20\0\0\0"), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x20\x11\0\x0c" V4), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x20\xff\0\3abc"), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x21\0\0\0"), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x21\x12\0\x0c" V4), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x21\x31\0\4abcd"), PROXY_LOCAL, NULL },
	{ BYTES(SIGNATURE "\x21\x11\0\x0b" V4), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x21\x21\0\x0c" V4), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x21\x21\0\x23" V6), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x22\x11\0\x0c" V4), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x11\x11\0\x0c" V4), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x31\x11\0\x0c" V4), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x21\x11\x08\1"), PROXY_BAD, NULL },
	{ BYTES(SIGNATURE "\x21\x11\xff\xff"), PROXY_BAD, NULL },

	{ BYTES("proxy TCP4 192.0.2.1 198.51.100.2 12345 443\r\n"),
	    PROXY_NO, NULL },
	{ BYTES("PROXYING is fun\r\n"), PROXY_NO, NULL },
	{ BYTES("PRIVMSG\r\n"), PROXY_NO, NULL },
	{ BYTES("{\"cmd\":\"ping\"}\n"), PROXY_NO, NULL },
	{ BYTES("\r\n\r\nhello"), PROXY_NO, NULL },
	{ BYTES("\r\n\r\n\0\r\nQUIT\r"), PROXY_NO, NULL },
	{ BYTES("\x16\x03\x01"), PROXY_NO, NULL },
	{ BYTES("\n"), PROXY_NO, NULL },
};

static const char *
shown(const struct sockaddr_storage *ss)
{
	static char text[INET6_ADDRSTRLEN + 8];

	inet_ntop(ss->ss_family, ss->ss_family == AF_INET ?
	    (const void *)&((const struct sockaddr_in *)ss)->sin_addr :
	    (const void *)&((const struct sockaddr_in6 *)ss)->sin6_addr,
	    text, INET6_ADDRSTRLEN);
	snprintf(text + strlen(text), 8, " %u", proxy_port(ss));
	return text;
}

/* In memory of just this size, so that a sanitizer sees what reads on. */
static enum proxy_status
parse(struct proxy_header *h, const char *data, size_t len)
{
	char *copy = xmemdup(data, len);
	enum proxy_status status = proxy_parse(h, copy, len);

	free(copy);
	return status;
}

Test(proxy, rows)
{
	struct proxy_header h;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++) {
		const struct row *row = &rows[i];

		cr_assert_eq(parse(&h, row->in, row->len), row->status,
		    "row %zu: %s", i, row->in);
		if (row->status == PROXY_FROM)
			cr_assert_str_eq(shown(&h.from), row->from);
		if (row->status == PROXY_FROM || row->status == PROXY_LOCAL)
			cr_assert_eq(h.len, row->len, "row %zu", i);
		if (row->status == PROXY_NO)
			cr_assert_eq(h.len, 0, "row %zu", i);
	}
}

/* Of a header cut short: more, until what there is tells; then it stays so. */
Test(proxy, cut_at_every_byte)
{
	struct proxy_header h;
	enum proxy_status status;
	size_t i, n;
	bool told;

	for (i = 0; i < NITEMS(rows); i++) {
		const struct row *row = &rows[i];

		for (n = 1, told = false; n < row->len; n++) {
			status = parse(&h, row->in, n);
			if (status == PROXY_MORE) {
				cr_assert(!told, "row %zu, %zu bytes", i, n);
				continue;
			}
			told = true;
			cr_assert_eq(status, row->status, "row %zu, %zu", i,
			    n);
			cr_assert(status == PROXY_BAD || status == PROXY_NO,
			    "row %zu: whole after %zu bytes", i, n);
		}
	}
}

/* What follows is the client's. */
Test(proxy, followed)
{
	struct buf b = { 0 };
	struct proxy_header h;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++) {
		const struct row *row = &rows[i];

		if (row->status != PROXY_FROM && row->status != PROXY_LOCAL)
			continue;
		buf_reset(&b);
		buf_add(&b, row->in, row->len);
		buf_adds(&b, "\r\n\r\nPROXY \r\n");
		cr_assert_eq(parse(&h, b.data, b.len), row->status);
		cr_assert_eq(h.len, row->len);
	}
	buf_free(&b);
}

/* More never waits for more than PROXY_MAX. */
Test(proxy, bounded)
{
	static const char begins[][18] = { "PROXY UNKNOWN ",
	    "PROXY TCP4 1.2.3.4", SIGNATURE "\x21\x11\x08\0" };
	static const size_t lens[] = { 14, 18, 16 };
	struct proxy_header h;
	char data[PROXY_MAX];
	size_t i;

	for (i = 0; i < NITEMS(lens); i++) {
		memset(data, 'x', sizeof(data));
		memcpy(data, begins[i], lens[i]);
		cr_assert_neq(proxy_parse(&h, data, sizeof(data)),
		    PROXY_MORE, "row %zu", i);
	}
	cr_assert_eq(h.len, PROXY_MAX);
}

static const struct {
	const char	*text, *address;
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1 0" }, { "192.0.2.1:80", "192.0.2.1 0" },
	{ "2001:db8::1", "2001:db8::1 0" }, { "::", ":: 0" },
	{ "[2001:db8::1]", "2001:db8::1 0" },
	{ "[2001:db8::1]:80", "2001:db8::1 0" },
	{ "", NULL }, { "unknown", NULL }, { "_hidden", NULL },
	{ "192.0.2", NULL }, { "192.0.2.1 ", NULL }, { "[192.0.2.1]", NULL },
	{ "[2001:db8::1", NULL }, { "[2001:db8::1]x", NULL }, { "[]", NULL },
	{ "[", NULL }, { ":", NULL }, { ":::", NULL }, { "host:80", NULL },
	{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL },
};

Test(proxy, addresses)
{
	struct sockaddr_storage ss;
	char *copy;
	size_t i;

	for (i = 0; i < NITEMS(addresses); i++) {
		size_t n = strlen(addresses[i].text);
		bool found;

		copy = xmemdup(addresses[i].text, n > 0 ? n : 1);
		found = proxy_address(&ss, copy, n);
		free(copy);
		cr_assert_eq(found, addresses[i].address != NULL, "%s",
		    addresses[i].text);
		if (found)
			cr_assert_str_eq(shown(&ss), addresses[i].address);
	}
}

#define TRUSTED		"10.0.0.0/8 2001:db8::/32"

static const struct {
	const char	*fields, *from;
} forwarded[] = {
	{ "", NULL },
	{ "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 0" },
	{ "x-forwarded-for: 192.0.2.1:1234\r\n", "192.0.2.1 0" },
	/* what the client wrote itself stands to the left */
	{ "X-Forwarded-For: 1.2.3.4, 192.0.2.1\r\n", "192.0.2.1 0" },
	{ "X-Forwarded-For: 1.2.3.4,192.0.2.1 ,\t10.1.1.1, 10.2.2.2\r\n",
	    "192.0.2.1 0" },
	{ "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 192.0.2.1\r\n"
	    "X-Forwarded-For: 10.1.1.1\r\n", "192.0.2.1 0" },
	{ "X-Forwarded-For: 192.0.2.1, [2001:db8::7]:80\r\n", "192.0.2.1 0" },
	{ "X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n", "10.1.1.1 0" },
	{ "X-Forwarded-For: 192.0.2.1, , 10.2.2.2,\r\n", "192.0.2.1 0" },
	/* what nobody can believe hides what is to the left of it */
	{ "X-Forwarded-For: 192.0.2.1, unknown, 10.2.2.2\r\n", "10.2.2.2 0" },
	{ "X-Forwarded-For: 192.0.2.1, unknown\r\n", NULL },
	{ "X-Forwarded-For: 192.0.2.1 10.1.1.1\r\n", NULL },
	{ "X-Forwarded-For: , ,\r\n", NULL },
	{ "X-Forwarded-For:\r\n", NULL },
	{ "X-Forwarded: 192.0.2.1\r\n", NULL },
};

Test(proxy, forwarded)
{
	struct http_request r;
	struct sockaddr_storage ss;
	struct buf b = { 0 };
	size_t i;
	bool found;

	for (i = 0; i < NITEMS(forwarded); i++) {
		buf_reset(&b);
		buf_addf(&b, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n",
		    forwarded[i].fields);
		cr_assert_eq(http_parse(&r, b.data, b.len), b.len);
		cr_assert_eq(r.status, 0);
		found = proxy_forwarded(&ss, &r, TRUSTED);
		cr_assert_eq(found, forwarded[i].from != NULL, "%s",
		    forwarded[i].fields);
		if (found)
			cr_assert_str_eq(shown(&ss), forwarded[i].from, "%s",
			    forwarded[i].fields);
	}
	buf_free(&b);
}
