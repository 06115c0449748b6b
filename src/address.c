#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "table.h"
#include "util.h"

struct address {
	uint64_t	 clients;
	char		 key[INET6_ADDRSTRLEN + 4];	/* what is counted */
	char		 text[INET6_ADDRSTRLEN];	/* the first one's */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct table addresses;

static const char *
address_key(const void *item)
{
	return ((const struct address *)item)->key;
}

static void
describe(struct address *a, const struct sockaddr *sa)
{
	struct in6_addr net;

	if (sa->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)
		    sa)->sin_addr, a->text, sizeof(a->text));
		strcpy(a->key, a->text);
	} else if (sa->sa_family == AF_INET6) {
		net = ((const struct sockaddr_in6 *)(const void *)
		    sa)->sin6_addr;
		if (IN6_IS_ADDR_V4MAPPED(&net)) {
			inet_ntop(AF_INET, &net.s6_addr[12], a->text,
			    sizeof(a->text));
			strcpy(a->key, a->text);
			return;
		}
		inet_ntop(AF_INET6, &net, a->text, sizeof(a->text));
		memset(&net.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &net, a->key, sizeof(a->key));
		strcat(a->key, "/64");
	} else {
		strcpy(a->text, "unix");
		strcpy(a->key, "unix");
	}
}

struct address *
address_take(const struct sockaddr *sa, uint64_t max)
{
	struct address probe, *a;

	describe(&probe, sa);
	pthread_mutex_lock(&lock);
	if (addresses.key == NULL)
		table_init(&addresses, address_key);
	a = table_get(&addresses, probe.key);
	if (a == NULL) {
		probe.clients = 0;
		a = (struct address *)xmemdup(&probe, sizeof(probe));
		table_put(&addresses, a);
	}
	if (max != 0 && a->clients >= max && a->key[0] != 'u')
		a = NULL;
	else
		a->clients++;
	pthread_mutex_unlock(&lock);
	return a;
}

void
address_give(struct address *a)
{
	if (a == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (--a->clients == 0) {
		table_del(&addresses, a->key);
		free(a);
		if (addresses.n == 0) {
			table_free(&addresses);
			addresses.key = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
}

const char *
address_text(const struct address *a)
{
	return a != NULL ? a->text : "unknown";
}
