/*
 * The keys of TLS tickets. One encrypts for an hour, and is known for two more,
 * which is as long as a ticket of its last moment is good for (two hours, which
 * is OpenSSL's default); then it is wiped, and nothing that was recorded can be
 * read by it any more. Any thread, under a lock of its own.
 */
#ifndef TLS_TICKET_H
#define TLS_TICKET_H

#include <openssl/ssl.h>
#include <stdint.h>

#define TICKET_TURN_MS	(60 * 60 * 1000)	/* a key encrypts so long */
#define TICKET_KEYS	3			/* known at once */

struct tickets;

/* With a first key, of this moment (clock_ms()). */
struct tickets *tickets_new(uint64_t now);
void	 tickets_free(struct tickets *);	/* NULL is nothing */
/* The context's tickets are by these, which must outlive it. */
void	 tickets_use(struct tickets *, SSL_CTX *);
/* Now and then: another key if it is time for one. */
void	 tickets_turn(struct tickets *, uint64_t now);

#endif
