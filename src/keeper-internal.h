/*
 * What the keeper's own files share; nobody else includes it.
 */
#ifndef KEEPER_INTERNAL_H
#define KEEPER_INTERNAL_H

#include <sys/queue.h>

#include "keeper.h"
#include "mailbox.h"
#include "order.h"

/* What was ordered and is not carried out everywhere yet. */
struct job {
	LIST_ENTRY(job)	 entries;
	enum order_kind	 kind;
	client_id	 who;		/* is to be answered; 0: nobody */
	unsigned	 left;		/* orders still out */
	uint64_t	 count;		/* summed from them */
	char		*text;
	struct request	*ban;		/* gets the count; or NULL */
	struct conf	*old;		/* nobody uses it afterwards */
	struct buf	 answer;
};

struct keeper {
	struct daemon	*daemon;
	struct conf	*conf;		/* in force */
	const struct conf_source *source;
	struct event_base *base;
	struct event	*signals, *wake;
	struct event	*drain;		/* looks whether it is over */
	struct event	*service;	/* tells the service manager */
	int		 signal_fd, wake_fd;
	struct mailbox	 box;
	struct event	*linger;	/* looks whether to end */
	struct control	*control;
	struct handover	*handover;
	struct upgrade	*upgrade;	/* under way, or NULL */
	const char	*file;		/* this program's */
	char *const	*argv;
	bool		 given;		/* listeners, by the service manager */
	uint16_t	*ports;		/* of them; 0: as the conf says */
	LIST_HEAD(job_list, job) jobs;
	uint64_t	 drain_end;	/* clock_ms(); 0: none */
	uint64_t	 started;	/* clock_ms() */
	uint64_t	 lonely;	/* clock_ms(): no client since then */
	uint64_t	 welcomed;	/* clients so far, as it was then */
	int		 signal;	/* that ends it */
	bool		 ending;
	bool		 made_dir;	/* the control socket's */
};

struct job *job_new(struct keeper *, enum order_kind, client_id who);
/* One that is on no list any more. */
void	 job_free(struct job *);
struct job *job_find(const struct keeper *, enum order_kind);
void	 job_order(const struct keeper *, struct job *, struct mailbox *to);
void	 job_order_loops(const struct keeper *, struct job *);
/* An order came back, which is taken over. With a job's last one that is done,
 * and answered. */
void	 job_carried_out(struct keeper *, struct order *);

/* The hub has answered. */
void	 keeper_replied(struct keeper *, struct request *);
/* If nothing may be asked now, the operator is told. */
bool	 keeper_is_busy(struct keeper *, client_id who, bool busy);

void	 keeper_end_init(struct keeper *);
void	 keeper_end_free(struct keeper *);
/* Loop 0 takes nobody any more, since nobody is here; or somebody is. */
void	 keeper_rested(struct keeper *, bool rests);

#endif
