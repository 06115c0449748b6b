/*
 * Mail between threads. The link is inside the message, which belongs to its
 * sender until it is posted and to the receiver from then on. A mailbox wakes
 * its owner when it turns from empty to non-empty, and is drained whole.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum mail_kind {
	/* loop to hub */
	MAIL_REQUEST,		/* struct request */
	/* hub to loop */
	MAIL_REPLY,		/* struct request, answered */
	MAIL_BATCH,		/* struct batch */
	MAIL_PLACE,		/* struct place_mail */
	MAIL_UNPLACE,		/* struct unplace_mail */
	MAIL_SESSION,		/* struct session_mail */
	MAIL_WRITTEN,		/* struct mail: the loop has written its news */
	/* store to hub */
	MAIL_COMMITTED,		/* struct store_op */
	MAIL_PRUNED,		/* struct store_pruned */
	/* store to loop */
	MAIL_READ,		/* struct store_read, answered */
	/* listener or loop to loop */
	MAIL_ATTACH,		/* struct attach_mail */
	/* main to loop 0 */
	MAIL_WELCOME,		/* struct welcome_mail */
	/* main to loop or hub */
	MAIL_CONTROL,		/* struct mail: to end */
	MAIL_ORDER,		/* struct order */
	/* and back to main */
	MAIL_DONE,		/* struct order, carried out */
	/* main to loop, and loop to main */
	MAIL_TRACE		/* struct trace_mail */
};

struct mail {
	struct mail	*next;
	enum mail_kind	 kind;
};

/* A list in order of sending, gathered to be posted with one lock. */
struct mail_list {
	struct mail	 *first;
	struct mail	**last;
	uint32_t	  n;
};

void	 mail_list_init(struct mail_list *);
bool	 mail_list_empty(const struct mail_list *);
void	 mail_list_add(struct mail_list *, struct mail *);
/* Moves all of the second list behind the first one. */
void	 mail_list_join(struct mail_list *, struct mail_list *);
/* Takes the oldest out; NULL if there is none. */
struct mail *mail_list_pop(struct mail_list *);

struct mailbox {
	pthread_mutex_t	 lock;
	pthread_cond_t	 cond;		/* for owners that wait on it */
	struct mail_list list;
	void		(*wake)(void *);/* or NULL: then the owner waits */
	void		*arg;
	_Atomic uint64_t posted;	/* mails ever; read by any thread */
	bool		 timed;		/* the owner wants to know: */
	uint64_t	 since;		/* us: when it was empty last */
	uint64_t	 oldest;	/* of the mail taken last: its since */
};

/*
 * wake is called without the lock, on the sender's thread, once for every
 * change from empty to non-empty. With wake == NULL the owner is a thread
 * that blocks in mailbox_wait().
 */
void	 mailbox_init(struct mailbox *, void (*wake)(void *), void *);
/* There must be no mail left in it. */
void	 mailbox_destroy(struct mailbox *);
/* Any thread. Takes the whole list, and leaves it empty; an empty one is
 * nothing. */
void	 mailbox_post(struct mailbox *, struct mail_list *);
void	 mailbox_post_one(struct mailbox *, struct mail *);
/* The owner's thread: all mail, oldest first, linked by next, or NULL. */
struct mail *mailbox_drain(struct mailbox *);
/* As mailbox_drain, but waits for mail: at most this many ms, -1 for ever. */
struct mail *mailbox_wait(struct mailbox *, int);

#endif
