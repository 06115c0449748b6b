#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "table.h"
#include "util.h"

/* A client's address, or what is counted: then net is NULL. */
struct address {
	uint64_t	 clients;
	uint64_t	 holders;	/* who want no more than its text */
	struct address	*net;		/* an IPv6 address's /64 */
	char		 text[ADDRESS_SIZE];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct table addresses;		/* by text */

static const char *
address_key(const void *item)
{
	return ((const struct address *)item)->text;
}

/* Into *a the address, into *net what is counted if it is not that. */
static bool
describe(struct address *a, struct address *net, const struct sockaddr *sa)
{
	struct in6_addr in6;

	*a = *net = (struct address){ 0 };
	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)
		    sa)->sin_addr, a->text, sizeof(a->text));
		return false;
	}
	if (sa->sa_family != AF_INET6) {
		strcpy(a->text, "unix");
		return false;
	}
	in6 = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(&in6)) {
		inet_ntop(AF_INET, &in6.s6_addr[12], a->text, sizeof(a->text));
		return false;
	}
	inet_ntop(AF_INET6, &in6, a->text, sizeof(a->text));
	memset(&in6.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &in6, net->text, INET6_ADDRSTRLEN);
	strcat(net->text, "/64");
	return true;
}

static struct address *
get(const struct address *probe)
{
	struct address *a = table_get(&addresses, probe->text);

	if (a == NULL) {
		a = (struct address *)xmemdup(probe, sizeof(*probe));
		table_put(&addresses, a);
	}
	return a;
}

static void
settle(struct address *a)
{
	if (a->clients > 0 || a->holders > 0)
		return;
	table_del(&addresses, a->text);
	free(a);
}

/* As a client, of whom there may be max, or as a holder. */
static struct address *
take(const struct address *probe, const struct address *probe_net,
    bool client, uint64_t max)
{
	struct address *counted = get(probe_net != NULL ? probe_net : probe);
	struct address *a;

	if (client && max != 0 && counted->clients >= max &&
	    counted->text[0] != 'u')
		return NULL;
	counted->clients += client;
	counted->holders += !client;
	if (probe_net == NULL)
		return counted;
	a = get(probe);
	if (a->net == NULL)	/* it stays, and is read without the lock */
		a->net = counted;
	a->clients += client;
	a->holders += !client;
	return a;
}

static struct address *
take_sockaddr(const struct sockaddr *sa, bool client, uint64_t max)
{
	struct address probe, net, *a;
	bool has_net = describe(&probe, &net, sa);

	pthread_mutex_lock(&lock);
	if (addresses.key == NULL)
		table_init(&addresses, address_key);
	a = take(&probe, has_net ? &net : NULL, client, max);
	pthread_mutex_unlock(&lock);
	return a;
}

struct address *
address_take(const struct sockaddr *sa, uint64_t max)
{
	return take_sockaddr(sa, true, max);
}

/* As a sockaddr in ss; false, and it is a unix socket's, if it is none. */
static bool
parse(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		ss->ss_family = AF_INET;
		return true;
	}
	memset(ss, 0, sizeof(*ss));
	ss->ss_family = AF_UNIX;
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		return false;
	ss->ss_family = AF_INET6;
	return true;
}

struct address *
address_take_text(const char *text)
{
	struct sockaddr_storage ss;

	parse(text, &ss);
	return take_sockaddr((struct sockaddr *)&ss, true, 0);
}

struct address *
address_hold(const char *text)
{
	struct sockaddr_storage ss;

	parse(text, &ss);
	return take_sockaddr((struct sockaddr *)&ss, false, 0);
}

static void
give(struct address *a, bool client)
{
	struct address *net;

	if (a == NULL)
		return;
	pthread_mutex_lock(&lock);
	net = a->net;
	a->clients -= client;
	a->holders -= !client;
	settle(a);
	if (net != NULL) {
		net->clients -= client;
		net->holders -= !client;
		settle(net);
	}
	if (addresses.n == 0) {
		table_free(&addresses);
		addresses.key = NULL;
	}
	pthread_mutex_unlock(&lock);
}

void
address_get(const struct address *a, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (void *)ss;
	struct sockaddr_in6 *in6 = (void *)ss;

	memset(ss, 0, sizeof(*ss));
	if (a == NULL || a->text[0] == 'u')
		ss->ss_family = a == NULL ? AF_UNSPEC : AF_UNIX;
	else if (inet_pton(AF_INET, a->text, &in->sin_addr) == 1)
		ss->ss_family = AF_INET;
	else {
		inet_pton(AF_INET6, a->text, &in6->sin6_addr);
		ss->ss_family = AF_INET6;
	}
}

void
address_give(struct address *a)
{
	give(a, true);
}

void
address_drop(struct address *a)
{
	give(a, false);
}

/* A unix socket's, or the loopback's? */
static bool
is_here(const char *text)
{
	return text[0] == 'u' || strncmp(text, "127.", 4) == 0 ||
	    strcmp(text, "::1") == 0;
}

const char *
address_whose(const struct address *a)
{
	if (a == NULL || is_here(a->text))
		return NULL;
	return a->net != NULL ? a->net->text : a->text;
}

bool
address_whose_text(const char *text, char out[ADDRESS_SIZE])
{
	struct address probe, net;
	struct sockaddr_storage ss;
	bool ok = parse(text, &ss), has_net;

	has_net = describe(&probe, &net, (struct sockaddr *)&ss);
	strcpy(out, has_net ? net.text : probe.text);
	return ok && !is_here(probe.text);
}

const char *
address_text(const struct address *a)
{
	return a != NULL ? a->text : "unknown";
}
