/*
 * Orders: what the main thread has the loops and the hub do. One each; it
 * comes back as mail when it is carried out, and until then all it points to
 * is frozen. So an old configuration is known to be used by nobody any more.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

#include "mailbox.h"

struct conf;
struct loop;

enum order_kind {
	ORDER_CONF,		/* conf from now on; nothing of the old one is
				 * kept; also the hub's */
	ORDER_NOTICE,		/* text to everybody who is logged in */
	ORDER_DRAIN,		/* no more clients; bye to those there are */
	ORDER_REST,		/* loop 0's: if there is no client, no more */
	ORDER_ALIVE		/* nothing; also the hub's */
};

struct order {
	struct mail	 mail;		/* MAIL_ORDER, back MAIL_DONE */
	enum order_kind	 kind;
	void		*job;		/* main's own, untouched */
	const struct conf *conf;
	const char	*text;
	uint32_t	 count;		/* back: clients that were told;
					 * whether it rests */
};

/* Carries it out and sends it back. The loop's thread. */
void	 loop_order(struct loop *, struct order *);

/* A loop's drain; NULL is none. */
struct drain;
void	 drain_free(struct drain *);
/* When who is told bye now may come back, ms: once it is over, spread. */
uint32_t drain_after(const struct drain *);

#endif
