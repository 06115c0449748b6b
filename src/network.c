#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "conf-table.h"
#include "network.h"

#define SEPARATORS	" ,\t\n"
#define V4_BITS		32
#define V6_BITS		128
#define V4_AT		12	/* where ::ffff:0:0/96 has its IPv4 address */
#define RIGHT		"addresses and networks such as 127.0.0.0/8 ::1"

/* An IPv4 one's bytes are the first four. */
struct network {
	int		 family;
	unsigned	 bits;		/* that count */
	unsigned char	 bytes[16];
};

/* IPv4 that was written as IPv6. */
static void
unmap(struct network *n)
{
	static const unsigned char mapped[V4_AT] = { [10] = 0xff, [11] = 0xff };

	if (n->family != AF_INET6 || n->bits < V4_AT * 8 ||
	    memcmp(n->bytes, mapped, V4_AT) != 0)
		return;
	n->family = AF_INET;
	n->bits -= V4_AT * 8;
	memmove(n->bytes, n->bytes + V4_AT, 4);
	memset(n->bytes + 4, 0, sizeof(n->bytes) - 4);
}

/* The first so many bits, the rest cleared. */
static void
mask(unsigned char *bytes, unsigned bits, unsigned all)
{
	unsigned i;

	for (i = bits; i < all; i++)
		bytes[i / 8] &= (unsigned char)~(0x80 >> i % 8);
}

/* 0 to max in decimal, or -1. */
static int
parse_bits(const char *text, unsigned max)
{
	size_t n = strspn(text, "0123456789");
	long bits;

	if (n == 0 || n > 3 || text[n] != '\0' || (n > 1 && *text == '0'))
		return -1;
	bits = strtol(text, NULL, 10);
	return bits <= (long)max ? (int)bits : -1;
}

/* One word, which is changed; what is wrong with it, or NULL. */
static const char *
parse(struct network *n, char *word)
{
	char *slash = strchr(word, '/');
	unsigned all;
	int bits;

	*n = (struct network){ .family = strchr(word, ':') != NULL ? AF_INET6 :
	    AF_INET };
	all = n->family == AF_INET ? V4_BITS : V6_BITS;
	if (slash != NULL)
		*slash = '\0';
	if (inet_pton(n->family, word, n->bytes) != 1)
		return "is no IP address, and names are not looked up";
	bits = slash != NULL ? parse_bits(slash + 1, all) : (int)all;
	if (slash != NULL)
		*slash = '/';
	if (bits == -1)
		return n->family == AF_INET ? "has no number from 0 to 32 "
		    "behind its slash" : "has no number from 0 to 128 behind "
		    "its slash";
	n->bits = (unsigned)bits;
	return NULL;
}

static void
add_network(struct buf *b, const struct network *n)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(n->family, n->bytes, text, sizeof(text));
	buf_adds(b, text);
	if (n->bits != (n->family == AF_INET ? V4_BITS : V6_BITS))
		buf_addf(b, "/%u", n->bits);
}

/* Whether the address stands for its network: 10.0.0.0/8, not 10.1.2.3/8. */
static bool
is_whole(const struct network *n, struct network *masked)
{
	*masked = *n;
	mask(masked->bytes, n->bits, n->family == AF_INET ? V4_BITS : V6_BITS);
	return memcmp(n->bytes, masked->bytes, sizeof(n->bytes)) == 0;
}

/* Takes a word up; false and *why. */
static bool
take(struct buf *list, char *word, char **why)
{
	struct network n, masked;
	struct buf b = { 0 };
	const char *wrong = parse(&n, word);

	if (wrong == NULL && is_whole(&n, &masked)) {
		unmap(&n);
		buf_adds(list, list->len > 0 ? " " : "");
		add_network(list, &n);
		return true;
	}
	buf_adds(&b, "is no list of networks: ");
	conf_quote(&b, word);
	if (wrong != NULL)
		buf_addf(&b, " %s; " RIGHT, wrong);
	else {
		buf_addf(&b, " has bits set behind its first %u; ", n.bits);
		add_network(&b, &masked);
	}
	*why = xstrdup(buf_str(&b));
	buf_free(&b);
	return false;
}

bool
network_list_check(char **text, char **why)
{
	struct buf list = { 0 };
	char *copy = xstrdup(*text), *word, *rest;
	bool ok = true;

	for (word = strtok_r(copy, SEPARATORS, &rest); ok && word != NULL;
	    word = strtok_r(NULL, SEPARATORS, &rest))
		ok = take(&list, word, why);
	free(copy);
	if (ok) {
		free(*text);
		*text = xstrdup(buf_str(&list));
	}
	buf_free(&list);
	return ok;
}

/* Of an address: all of its bits. False for a family that has none. */
static bool
describe(struct network *n, const struct sockaddr *sa)
{
	*n = (struct network){ .family = sa->sa_family };
	if (sa->sa_family == AF_INET) {
		n->bits = V4_BITS;
		memcpy(n->bytes, &((const struct sockaddr_in *)(const void *)
		    sa)->sin_addr, 4);
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	n->bits = V6_BITS;
	memcpy(n->bytes, &((const struct sockaddr_in6 *)(const void *)
	    sa)->sin6_addr, 16);
	unmap(n);
	return true;
}

static bool
is_in(const struct network *address, const struct network *net)
{
	struct network n = *address;

	if (n.family != net->family)
		return false;
	mask(n.bytes, net->bits, n.family == AF_INET ? V4_BITS : V6_BITS);
	return memcmp(n.bytes, net->bytes, sizeof(n.bytes)) == 0;
}

/* The list's next network; false at its end. */
static bool
next(const char **list, struct network *n)
{
	char word[INET6_ADDRSTRLEN + 4];
	size_t len;

	*list += strspn(*list, " ");
	if ((len = strcspn(*list, " ")) == 0 || len >= sizeof(word))
		return false;
	memcpy(word, *list, len);
	word[len] = '\0';
	*list += len;
	return parse(n, word) == NULL;
}

bool
network_list_has(const char *list, const struct sockaddr *sa)
{
	static const struct network local[] = {
		{ AF_INET, V4_BITS, { 127, 0, 0, 1 } },
		{ AF_INET6, V6_BITS, { [15] = 1 } }
	};
	struct network address, net;

	if (sa->sa_family != AF_UNIX && !describe(&address, sa))
		return false;
	while (next(&list, &net)) {
		if (sa->sa_family == AF_UNIX ? is_in(&local[0], &net) ||
		    is_in(&local[1], &net) : is_in(&address, &net))
			return true;
	}
	return false;
}
