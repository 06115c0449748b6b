/*
 * Input: the first bytes of a connection, taken as a PROXY header, and as the
 * value of X-Forwarded-For. Cut anywhere a header must say more, or what it
 * says whole; and what it waits for is bounded.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "util.h"

static void
check_header(const char *data, size_t n)
{
	struct proxy_header whole, cut;
	enum proxy_status status, first;
	size_t i;
	char *copy;

	status = proxy_parse(&whole, data, n);
	if (status == PROXY_MORE && n >= PROXY_MAX)
		abort();
	if (status == PROXY_FROM || status == PROXY_LOCAL) {
		if (whole.len == 0 || whole.len > n || whole.len > PROXY_MAX)
			abort();
	}
	if (status == PROXY_FROM && whole.from.ss_family != AF_INET &&
	    whole.from.ss_family != AF_INET6)
		abort();
	for (i = 1; i < n; i++) {
		copy = xmemdup(data, i);
		first = proxy_parse(&cut, copy, i);
		free(copy);
		if (first == PROXY_MORE)
			continue;
		if (first != status)
			abort();
		if ((first == PROXY_FROM || first == PROXY_LOCAL) &&
		    (cut.len != whole.len || i < cut.len))
			abort();
		break;
	}
}

static void
check_forwarded(const char *data, size_t n)
{
	struct sockaddr_storage ss;
	struct http_request r = { .nfields = 2 };
	char *value = xmalloc(n + 1);

	memcpy(value, data, n);
	value[n] = '\0';
	r.fields[0] = (struct http_field){ "X-Forwarded-For", "10.0.0.1" };
	r.fields[1] = (struct http_field){ "x-forwarded-for", value };
	if (proxy_forwarded(&ss, &r, "10.0.0.0/8 ::1") &&
	    ss.ss_family != AF_INET && ss.ss_family != AF_INET6)
		abort();
	free(value);
}

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy;

	if (n == 0)
		return 0;
	copy = xmemdup(data, n);
	check_header(copy, n);
	check_forwarded(copy, n);
	free(copy);
	return 0;
}
