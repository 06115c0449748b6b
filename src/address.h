/*
 * How many clients an address has: an IPv4 address, an IPv6 /64, or "unix",
 * which may have any number. One small object an address, shared by its
 * clients. Any thread.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stdint.h>

#define ADDRESS_SIZE	50	/* of a text, with its NUL */

struct address;

/* One more client of it; NULL if it has max already (0: no limit). */
struct address *address_take(const struct sockaddr *, uint64_t max);
/* The same by its text, as address_text() gives it, and with no limit. */
struct address *address_take_text(const char *);
void	 address_give(struct address *);
/* The address itself, without a port; a unix socket's has none. */
void	 address_get(const struct address *, struct sockaddr_storage *);
/* Keeps an address by its text without counting a client, and lets go. */
struct address *address_hold(const char *);
void	 address_drop(struct address *);	/* NULL is nothing */
/* What stands for who is there, an IPv6 address's /64; NULL if that would be
 * anybody on this host. */
const char *address_whose(const struct address *);
/* The same of an address by its text, in out; false if that is none. */
bool	 address_whose_text(const char *, char out[ADDRESS_SIZE]);
/* For the log: the address in full, without the port. */
const char *address_text(const struct address *);

#endif
