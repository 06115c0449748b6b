/*
 * Networks as options name them, "127.0.0.0/8 ::1 10.1.2.3": addresses, or
 * networks with the bits that count, with spaces or commas between. No state,
 * any thread.
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <sys/socket.h>

#include <stdbool.h>

/*
 * As an option's check: puts the list into its one form, in which a network
 * of IPv4 addresses in IPv6 (::ffff:0:0/96) is one of IPv4. An empty list is
 * nobody. False: *why (malloced) is "what is wrong; what would be right".
 */
bool	 network_list_check(char **text, char **why);

/*
 * Is the address in one of a checked list's networks? An IPv4 address in IPv6
 * counts as IPv4, and a unix socket's as both loopback addresses.
 */
bool	 network_list_has(const char *, const struct sockaddr *);

#endif
