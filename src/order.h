/*
 * Orders: what the main thread has the loops and the hub do. One each; it
 * comes back as mail when it is carried out, and until then all it points to
 * is frozen. So an old configuration is known to be used by nobody any more.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdint.h>

#include "mailbox.h"
#include "util.h"

struct conf;
struct loop;
struct request;

enum order_kind {
	ORDER_CONF,		/* conf from now on; nothing of the old one is
				 * kept; also the hub's */
	ORDER_NOTICE,		/* text to everybody who is logged in */
	ORDER_DRAIN,		/* no more clients; bye to those there are */
	ORDER_REST,		/* loop 0's: if there is no client, no more */
	ORDER_ALIVE,		/* nothing; also the hub's */
	ORDER_SHUT_OUT,		/* who is not logged in and has the address
				 * of ban */
	/* An upgrade, step by step: see upgrade.c. */
	ORDER_STILL,		/* no new clients, no input, no timeouts */
	ORDER_QUIET,		/* back once no request is unanswered */
	ORDER_SAVE,		/* nothing any more; state is what there is */
	ORDER_GO_ON,		/* as if nothing had been */
	ORDER_LEAVE		/* let go of whom the new one has; bye to the
				 * rest, who may come back */
};

struct order {
	struct mail	 mail;		/* MAIL_ORDER, back MAIL_DONE */
	enum order_kind	 kind;
	void		*job;		/* main's own, untouched */
	const struct conf *conf;
	const char	*text;
	const struct request *ban;	/* answered by the hub */
	uint32_t	 count;		/* back: clients that were told, or
					 * are in state; whether it rests */
	struct saved	*saved;		/* back from ORDER_SAVE */
};

/*
 * A loop's clients, one record each, of the lengths in lens, with their
 * sockets, which are the loop's; or the hub's one record.
 */
struct saved {
	struct buf	 bytes;
	uint32_t	*lens;
	int		*fds;
	uint32_t	 n, cap;
};

void	 saved_free(struct saved *);	/* NULL is nothing */

/* Carries it out and sends it back, at once or later. The loop's thread. */
void	 loop_order(struct loop *, struct order *);
/* At a round's end: is it as quiet as was ordered? */
void	 loop_look_quiet(struct loop *);
/* The steps of an upgrade, by loop-still.c. False: it is to be sent later. */
bool	 loop_still_order(struct loop *, struct order *);
void	 loop_order_done(struct loop *, struct order *);

/* A loop's drain; NULL is none. */
struct drain;
void	 drain_free(struct drain *);
/* When who is told bye now may come back, ms: once it is over, spread. */
uint32_t drain_after(const struct drain *);
/* So too where an upgrade cannot keep a client: spread over drain_time. */
uint32_t spread_after(const struct conf *);

#endif
