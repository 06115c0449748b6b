/*
 * A worker loop: one thread, one libevent base, the sessions on it and the
 * streams they read. It parses, renders and writes; it never waits for
 * anything but its events. What is in struct loop belongs to its thread,
 * except the mailbox and the atomics.
 *
 * A round is: events (sockets, mail), then the end of the round: mail for the
 * hub goes out, and that the last round's news are written; sessions with
 * something to write are flushed, input held back is taken up, and what comes
 * of it is flushed and mailed as well; sessions that ended are freed.
 */
#ifndef LOOP_H
#define LOOP_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "dialect.h"
#include "id-map.h"
#include "mailbox.h"
#include "metrics.h"
#include "request.h"
#include "store.h"
#include "stream.h"
#include "util.h"

struct auth;
struct drain;
struct listener;
struct session;
struct session_record;
struct tls;
struct trace;

/* What the threads share; frozen but for the mailboxes and atomics. */
struct daemon {
	const struct conf *conf;	/* main's: others have their own */
	struct store	*store;
	struct mailbox	*hub;
	struct mailbox	*keeper;	/* the main thread's */
	struct tls	*tls;
	struct auth	*auth;		/* the hub's to submit to */
	struct loop	*loops;
	unsigned	 nloops;
	atomic_uint	 nclients;	/* all loops together */
	int64_t		 started;	/* ms since the epoch */
	struct hub_metrics metrics;	/* the hub's thread's */
};

/* Sessions to be visited before the round ends. */
struct session_queue {
	struct session	**sessions;
	uint32_t	 n, cap;
};

/* Silent clients to be greeted, oldest first: a ring. */
struct greets {
	struct greet {
		client_id	 client;
		uint64_t	 due;	/* clock_ms() */
	}		*ring;
	uint32_t	 first, n, cap;
};

struct loop {
	unsigned	 id;
	pthread_t	 thread;
	struct daemon	*daemon;
	const struct conf *conf;
	struct event_base *base;
	struct event	*wake;		/* the eventfd's */
	struct event	*tick;		/* once a second */
	struct event	*greet;		/* when the first of greets is due */
	struct mailbox	 box;
	int		 wake_fd;
	atomic_uint	 nsessions;	/* for choosing the least busy loop */
	atomic_uint	 ncoming;	/* sent to it, not yet attached */
	atomic_uint	 busy;		/* CPU ms used in the last second */
	atomic_size_t	 backlog;	/* bytes of batches not yet taken */
	atomic_uint	 written;	/* flushed, as the hub is told of it */
	atomic_bool	 hub_waits;	/* for that: it wants mail */

	uint64_t	*slots;		/* see loop_session() */
	uint32_t	 nslots;
	uint32_t	 free_slot;	/* + 1; 0: none */
	struct id_map	 rooms;		/* struct room_view */
	struct id_map	 ignores;	/* struct ignores, by slot + 1, of the
					 * sessions that ignore anybody */
	struct id_map	 more;		/* struct session_more, likewise */
	struct segment_pool pool;

	struct mail_list to_hub;
	size_t		 hub_bytes;	/* of requests not yet answered */
	bool		 overloaded;	/* too many: input is held back */
	struct session_queue dirty;	/* have something to write */
	struct session_queue dead;	/* to be freed */
	struct session_queue waiting;	/* input held back, may go on now */
	struct greets	 greets;
	struct stream	**touched;	/* appended to in this round */
	uint32_t	 ntouched, touched_cap;
	uint32_t	 ticket;	/* of the newest read of a place */
	uint32_t	 taken;		/* stamp of the newest batch */
	uint32_t	 flushed;	/* and of the newest one written */
	size_t		 unflushed;	/* bytes since the last flush */
	uint32_t	 day;		/* local_day() of the newest news */

	struct dialect_io io;		/* scratch, one call deep */
	struct buf	 text, answer;	/* scratch of the telnet layer */
	char		*rbuf;		/* READ_SIZE bytes, for own reads */
	uint32_t	 now;		/* seconds since the start */
	uint64_t	 cpu_us;	/* thread's, at the last tick */
	uint64_t	 began;		/* us: this round's work; 0: not yet */
	struct loop_metrics metrics;
	struct listener	*listeners;	/* loop 0's */
	struct drain	*drain;		/* NULL: who is here may stay */
	struct trace	*traces;	/* of sessions here: see tracing.h */
	struct order	*quiet;		/* an ORDER_QUIET not yet carried out */
	uint8_t		 still;		/* enum stillness */
	bool		 stopping;
	uint32_t	 stop_at;	/* now at which it waits no longer */
	uint32_t	 balance_at;	/* slot to go on giving away from */
};

#define READ_SIZE	16384

/* How much it rests, for an upgrade. */
enum stillness {
	STILL_NOT,
	STILL_INPUT,		/* takes none; answers what was asked */
	STILL_ALL		/* does not write either */
};

/* Main thread: fills in a zeroed loop; then starts its thread. */
void	 loop_init(struct loop *, struct daemon *, unsigned id);
void	 loop_start(struct loop *);
/* Main thread: asks it to say bye to everyone and end; waits for its end. */
void	 loop_stop(struct loop *);
void	 loop_join(struct loop *);
/* After the hub has ended too: frees it and mail that came too late. */
void	 loop_free(struct loop *);

/* Any thread: the loop that has least to do; a session for a loop. */
struct loop *loop_least_busy(struct daemon *);
void	 loop_give(struct loop *, struct session_record *);

/* The loop's own thread, all of them. */
uint32_t loop_slot_take(struct loop *, struct session *, uint32_t *gen);
void	 loop_slot_give(struct loop *, uint32_t slot, uint32_t gen);
/* A slot's session, NULL if it has none; a client's, NULL if that is gone. */
struct session *loop_session(const struct loop *, uint32_t slot);
struct session *loop_find(const struct loop *, client_id);
struct room_view *loop_room_make(struct loop *, uint32_t id, const char *name,
	    uint64_t head);
void	 session_queue_add(struct session_queue *, struct session *);
/* Writes what there is for its clients. */
void	 loop_flush(struct loop *);
/* Frees stream and room if nobody reads them any more. */
void	 loop_stream_left(struct loop *, struct stream *);
/* Hands a request to the hub at the end of the round. */
void	 loop_send(struct loop *, struct request *);
/* Greets the client after greet_delay, unless it has spoken by then. */
void	 loop_greet_later(struct loop *, client_id);
/* The first of those who wait for that may be due earlier than it was. */
void	 loop_greet_arm(struct loop *);
/* The timer's. */
void	 loop_greet_cb(evutil_socket_t, short, void *);
/* Not any more: what it was to be greeted as has changed. */
void	 loop_greet_never(struct loop *, client_id);
/* The first thing every callback does: from here on the round's time counts. */
static inline void
loop_began(struct loop *l)
{
	if (l->began == 0)
		l->began = clock_us();
}
/* Events, if there are any or wait, and the end of the round. */
void	 loop_round(struct loop *, bool wait);
/* A tick's work: gives sessions to a loop that has much less to do. */
void	 loop_balance(struct loop *);

#endif
