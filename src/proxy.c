#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "network.h"
#include "proxy.h"

#define V1_MAX		107	/* section 2.1, with CR LF */
#define V2_HEAD		16	/* section 2.2 */
#define V2_SIGNATURE	12
#define V2_TCP4		12	/* bytes of both addresses and ports */
#define V2_TCP6		36

static const char v1_begin[] = "PROXY ";
static const char v2_begin[] = "\r\n\r\n\0\r\nQUIT\n";

static void
set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET)
		((struct sockaddr_in *)(void *)ss)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)(void *)ss)->sin6_port = htons(port);
}

uint16_t
proxy_port(const struct sockaddr_storage *ss)
{
	return ntohs(ss->ss_family == AF_INET ?
	    ((const struct sockaddr_in *)(const void *)ss)->sin_port :
	    ((const struct sockaddr_in6 *)(const void *)ss)->sin6_port);
}

/* An address of that family in exactly these bytes. */
static bool
parse_address(struct sockaddr_storage *ss, int family, const char *s, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	if (n >= sizeof(text) || memchr(s, '\0', n) != NULL)
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = (sa_family_t)family;
	return inet_pton(family, text, family == AF_INET ?
	    (void *)&((struct sockaddr_in *)(void *)ss)->sin_addr :
	    (void *)&((struct sockaddr_in6 *)(void *)ss)->sin6_addr) == 1;
}

/* Version 1: one line of text. */

/* The next word, which one blank follows, or the end. */
static bool
next_word(const char **at, const char *end, const char **word, size_t *n)
{
	const char *blank;

	*word = *at;
	if (*at > end)
		return false;
	blank = memchr(*at, ' ', (size_t)(end - *at));
	*n = (size_t)((blank != NULL ? blank : end) - *at);
	*at += *n + 1;
	return *n > 0;
}

static bool
parse_port(const char *s, size_t n, uint16_t *port)
{
	unsigned v = 0;
	size_t i;

	if (n == 0 || n > 5 || (n > 1 && *s == '0'))
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	*port = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* Behind "PROXY ", up to the line's end. */
static enum proxy_status
parse_line(struct proxy_header *h, const char *at, const char *end)
{
	struct sockaddr_storage to;
	const char *word;
	uint16_t port, to_port;
	int family;
	size_t n;

	if (!next_word(&at, end, &word, &n))
		return PROXY_BAD;
	if (n == 7 && memcmp(word, "UNKNOWN", n) == 0)
		return PROXY_LOCAL;	/* whatever follows */
	if (n != 4 || memcmp(word, "TCP", 3) != 0 ||
	    (word[3] != '4' && word[3] != '6'))
		return PROXY_BAD;
	family = word[3] == '4' ? AF_INET : AF_INET6;
	if (!next_word(&at, end, &word, &n) ||
	    !parse_address(&h->from, family, word, n) ||
	    !next_word(&at, end, &word, &n) ||
	    !parse_address(&to, family, word, n) ||
	    !next_word(&at, end, &word, &n) || !parse_port(word, n, &port) ||
	    !next_word(&at, end, &word, &n) ||
	    !parse_port(word, n, &to_port) || at != end + 1)
		return PROXY_BAD;
	set_port(&h->from, port);
	return PROXY_FROM;
}

static enum proxy_status
parse_v1(struct proxy_header *h, const char *data, size_t len)
{
	const char *lf = memchr(data, '\n', len < V1_MAX ? len : V1_MAX);

	if (lf == NULL)
		return len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	h->len = (size_t)(lf + 1 - data);
	if (lf[-1] != '\r')
		return PROXY_BAD;
	return parse_line(h, data + sizeof(v1_begin) - 1, lf - 1);
}

/* Version 2: binary. */

static enum proxy_status
parse_v2_addresses(struct proxy_header *h, unsigned family, const char *p,
    size_t n)
{
	struct sockaddr_in *in = (void *)&h->from;
	struct sockaddr_in6 *in6 = (void *)&h->from;

	memset(&h->from, 0, sizeof(h->from));
	switch (family) {
	case 0x11:		/* TCP over IPv4 */
		if (n < V2_TCP4)
			return PROXY_BAD;
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, p, 4);
		memcpy(&in->sin_port, p + 8, 2);
		return PROXY_FROM;
	case 0x21:		/* and over IPv6 */
		if (n < V2_TCP6)
			return PROXY_BAD;
		in6->sin6_family = AF_INET6;
		memcpy(&in6->sin6_addr, p, 16);
		memcpy(&in6->sin6_port, p + 32, 2);
		return PROXY_FROM;
	default:		/* unspecified, unix sockets, datagrams */
		return PROXY_LOCAL;
	}
}

static enum proxy_status
parse_v2(struct proxy_header *h, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	size_t n;

	if (len > V2_SIGNATURE && p[12] != 0x20 && p[12] != 0x21)
		return PROXY_BAD;	/* version 2; LOCAL or PROXY */
	if (len < V2_HEAD)
		return PROXY_MORE;
	n = (size_t)p[14] << 8 | p[15];
	if (V2_HEAD + n > PROXY_MAX)
		return PROXY_BAD;
	if (len < V2_HEAD + n)
		return PROXY_MORE;
	h->len = V2_HEAD + n;
	if (p[12] == 0x20)
		return PROXY_LOCAL;
	return parse_v2_addresses(h, p[13], data + V2_HEAD, n);
}

enum proxy_status
proxy_parse(struct proxy_header *h, const char *data, size_t len)
{
	size_t v1 = sizeof(v1_begin) - 1;

	h->len = 0;
	if (memcmp(data, v1_begin, len < v1 ? len : v1) == 0)
		return len < v1 ? PROXY_MORE : parse_v1(h, data, len);
	if (memcmp(data, v2_begin, len < V2_SIGNATURE ? len :
	    V2_SIGNATURE) == 0)
		return len < V2_SIGNATURE ? PROXY_MORE :
		    parse_v2(h, data, len);
	return PROXY_NO;
}

/* X-Forwarded-For. */

bool
proxy_address(struct sockaddr_storage *ss, const char *s, size_t n)
{
	const char *end, *colon;

	if (n > 0 && *s == '[') {
		if ((end = memchr(s, ']', n)) == NULL)
			return false;
		if (end + 1 < s + n && end[1] != ':')
			return false;
		return parse_address(ss, AF_INET6, s + 1,
		    (size_t)(end - s - 1));
	}
	colon = memchr(s, ':', n);
	if (colon != NULL && memchr(colon + 1, ':',
	    n - (size_t)(colon + 1 - s)) != NULL)
		return parse_address(ss, AF_INET6, s, n);
	return parse_address(ss, AF_INET, s, colon != NULL ?
	    (size_t)(colon - s) : n);
}

/* Takes the last element off s, n bytes; false if there is none. */
static bool
last_element(const char *s, size_t *n, const char **element, size_t *len)
{
	const char *end;

	if (*n == 0)
		return false;
	end = s + *n;
	*element = memrchr(s, ',', *n);
	*n = *element != NULL ? (size_t)(*element - s) : 0;
	*element = *element != NULL ? *element + 1 : s;
	while (*element < end && (**element == ' ' || **element == '\t'))
		(*element)++;
	while (end > *element && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*len = (size_t)(end - *element);
	return true;
}

bool
proxy_forwarded(struct sockaddr_storage *from, const struct http_request *r,
    const char *trusted)
{
	static const char name[] = "X-Forwarded-For";
	struct sockaddr_storage ss;
	const char *s, *element;
	unsigned nth = 0;
	bool found = false;
	size_t n, len;

	while (http_field(r, name, nth) != NULL)
		nth++;
	while (nth-- > 0) {
		s = http_field(r, name, nth);
		n = strlen(s);
		while (last_element(s, &n, &element, &len)) {
			if (len == 0)	/* RFC 9110 section 5.6.1 */
				continue;
			/* Who put it there did not know better. */
			if (!proxy_address(&ss, element, len))
				return found;
			*from = ss;
			found = true;
			if (!network_list_has(trusted, (struct sockaddr *)&ss))
				return true;
		}
	}
	return found;
}
