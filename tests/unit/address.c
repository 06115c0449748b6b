#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/un.h>

#include "address.h"
#include "util.h"

/* NULL is a unix socket's. */
static struct address *
take(const char *text, uint64_t max)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	ss.ss_family = AF_UNIX;
	if (text != NULL && inet_pton(AF_INET, text, &in->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else if (text != NULL) {
		cr_assert_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
		ss.ss_family = AF_INET6;
	}
	return address_take((struct sockaddr *)&ss, max);
}

Test(address, counts)
{
	struct address *a = take("192.0.2.1", 2), *b = take("192.0.2.1", 2);
	struct address *other = take("192.0.2.2", 2);

	cr_assert(a != NULL && b != NULL && other != NULL);
	cr_assert_null(take("192.0.2.1", 2));
	cr_assert_null(take("192.0.2.1", 1));
	address_give(a);
	a = take("192.0.2.1", 2);
	cr_assert_not_null(a, "a place given back can be taken");
	cr_assert_null(take("192.0.2.1", 2));
	cr_assert_not_null(b = take("192.0.2.1", 3));
	address_give(b);
	address_give(b);
	address_give(a);
	address_give(other);
	cr_assert_not_null(a = take("192.0.2.1", 1), "all were given back");
	address_give(a);
	address_give(NULL);
}

Test(address, no_limit)
{
	struct address *a[1000];
	size_t i;

	for (i = 0; i < NITEMS(a); i++)
		cr_assert_not_null(a[i] = take("2001:db8::1", 0));
	cr_assert_null(take("2001:db8::1", 1000));
	for (i = 0; i < NITEMS(a); i++)
		address_give(a[i]);
	cr_assert_not_null(a[0] = take("2001:db8::1", 1));
	address_give(a[0]);
}

Test(address, a_network_of_ipv6_counts_as_one)
{
	struct address *a = take("2001:db8:0:1::1", 2);
	struct address *b = take("2001:db8:0:1:ffff:ffff:ffff:ffff", 2);
	struct address *c = take("2001:db8:0:2::1", 2);

	cr_assert(a != NULL && b != NULL && c != NULL);
	cr_assert_null(take("2001:db8:0:1::2", 2));
	/* Each is told by its own address all the same. */
	cr_assert_str_eq(address_text(a), "2001:db8:0:1::1");
	cr_assert_str_eq(address_text(b), "2001:db8:0:1:ffff:ffff:ffff:ffff");
	address_give(a);
	cr_assert_not_null(a = take("2001:db8:0:1::", 2));
	cr_assert_str_eq(address_text(a), "2001:db8:0:1::");
	cr_assert_null(take("2001:db8:0:1::", 2));
	address_give(a);
	address_give(b);
	address_give(c);
}

Test(address, ipv4_in_ipv6_is_ipv4)
{
	struct address *a = take("::ffff:192.0.2.1", 2);
	struct address *b = take("192.0.2.1", 2);
	struct address *c = take("::ffff:192.0.2.2", 2);

	cr_assert(a != NULL && b != NULL && c != NULL);
	cr_assert_str_eq(address_text(a), "192.0.2.1");
	cr_assert_null(take("::ffff:192.0.2.1", 2));
	cr_assert_null(take("192.0.2.1", 2));
	address_give(a);
	address_give(b);
	address_give(c);
}

Test(address, unix_is_not_limited)
{
	struct address *a = take(NULL, 1), *b = take(NULL, 1);

	cr_assert(a != NULL && b != NULL);
	cr_assert_str_eq(address_text(a), "unix");
	cr_assert_str_eq(address_text(NULL), "unknown");
	address_give(a);
	address_give(b);
}

static void *
many(void *arg)
{
	struct address *a[8];
	unsigned round, i;

	for (round = 0; round < 2000; round++) {
		for (i = 0; i < NITEMS(a); i++)
			a[i] = take(i & 1 ? "2001:db8::1" : arg, 1000);
		for (i = 0; i < NITEMS(a); i++)
			address_give(a[i]);
	}
	return NULL;
}

Test(address, many_threads)
{
	char *names[] = { "192.0.2.1", "2001:db8::2", "2001:db8::3" };
	pthread_t threads[NITEMS(names)];
	struct address *a;
	size_t i;

	for (i = 0; i < NITEMS(names); i++)
		pthread_create(&threads[i], NULL, many, names[i]);
	for (i = 0; i < NITEMS(names); i++)
		pthread_join(threads[i], NULL);
	cr_assert_not_null(a = take("2001:db8::1", 1), "all were given back");
	address_give(a);
}
