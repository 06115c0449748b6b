/*
 * How many clients an address has: an IPv4 address, an IPv6 /64, or "unix",
 * which may have any number. One small object an address, shared by its
 * clients. Any thread.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

#include <stdint.h>

struct address;

/* One more client of it; NULL if it has max already (0: no limit). */
struct address *address_take(const struct sockaddr *, uint64_t max);
/* The same by its text, as address_text() gives it, and with no limit. */
struct address *address_take_text(const char *);
void	 address_give(struct address *);
/* The address itself, without a port; a unix socket's has none. */
void	 address_get(const struct address *, struct sockaddr_storage *);
/* For the log: the address in full, without the port. */
const char *address_text(const struct address *);

#endif
