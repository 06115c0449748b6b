/*
 * The hub: the central room dispatcher. It owns who is there, the rooms and
 * their members, and decides every request. It is pure: requests and store
 * completions in; replies, batches and store calls out. It parses nothing,
 * does no I/O and never waits. One thread (hub-thread.c), or a test.
 */
#ifndef HUB_H
#define HUB_H

#include <stdint.h>

#include "conf.h"
#include "request.h"
#include "store.h"

struct hub;

/* Where the hub's decisions go. Each call hands its object over. */
struct hub_out {
	void	*arg;
	/* To CLIENT_LOOP(client). */
	void	(*reply)(void *, struct request *);
	/* The result is a stamp, and the next one's answer: is the loop still
	 * writing the batch of this stamp? writing may be NULL: never. */
	uint32_t (*batch)(void *, unsigned loop, struct batch *);
	bool	(*writing)(void *, unsigned loop, uint32_t stamp);
	void	(*place)(void *, struct place_mail *);
	void	(*unplace)(void *, struct unplace_mail *);
	void	(*session)(void *, struct session_mail *);
	/* To the auth pool; it comes back by hub_request(), its proof set.
	 * False: that is full, and the request is still the hub's. */
	bool	(*auth)(void *, struct request *);
};

/* Takes over the store's rooms, before store_start(). The store outlives the
 * hub, and conf too unless another takes its place. */
struct hub *hub_new(const struct conf *, struct store *, unsigned nloops,
	    const struct hub_out *);
void	 hub_configure(struct hub *, const struct conf *);
/* Every op has come back. News not flushed are dropped. */
void	 hub_free(struct hub *);

/*
 * Takes over the request; it comes back by reply, now or, if something must be
 * stored first, after hub_committed(). A request of an unknown sid is answered
 * not-logged-in; one with sid 0 is its client's, so that a client need not
 * wait for its login's reply. A stored request's reply follows a client that
 * has moved meanwhile.
 *
 * CMD_GONE (string = reason for others, may be NULL) is not answered but freed;
 * it ends whatever session the client has, its sid known or not. CMD_MOVED
 * (sid, client = the new one) is answered to the new client with the session's
 * rooms in moved: from this reply on their news come to the new loop. If it
 * fails with not-logged-in, the session was replaced meanwhile.
 *
 * The operator's CMD_EXPEL ends all sessions of the user named, members of
 * them. CMD_ALL_ROOMS and CMD_ALL_WHO are rooms and who of nobody in
 * particular.
 */
void	 hub_request(struct hub *, struct request *);
/* Takes over an op that came back from the store. */
void	 hub_committed(struct hub *, struct store_op *);
/* Takes over. */
void	 hub_pruned(struct hub *, struct store_pruned *);
/*
 * The end of a round: news gathered go out, one batch a room and loop, but
 * for those that are held back; the store is flushed. Order for a client: news
 * of a room that came before its subscribe's reply precede it, those behind
 * come after.
 */
void	 hub_flush(struct hub *);
/*
 * News of a room wait while a loop still writes its last ones: so all loops
 * write a room's news together, and fewer, larger batches are as soon done.
 * hub_held tells whether some wait; hub_release posts them all the same.
 */
bool	 hub_held(const struct hub *);
void	 hub_release(struct hub *);

/*
 * For the daemon that takes this one's place: appends all that the hub knows
 * and the store does not, as a record. Nothing may be pending or held.
 * restore takes that over: into a hub just made, before its first request, of
 * the sessions whose sids these are, in growing order, and no others. Each is
 * to be told with CMD_MOVED where it is now. False: the record is bad, and the
 * hub good for nothing but hub_free().
 */
void	 hub_save(const struct hub *, struct buf *);
bool	 hub_restore(struct hub *, const void *, size_t, const uint32_t *sids,
	    size_t);

/* Ops the store has not given back yet: the hub may not be freed before. */
uint64_t hub_pending(const struct hub *);
uint64_t hub_queued(const struct hub *);	/* bytes of them */
uint32_t hub_users(const struct hub *);
uint32_t hub_rooms(const struct hub *);		/* inboxes among them, */
uint32_t hub_inboxes(const struct hub *);	/* so many */
/* Of passwords and tokens, so far. */
struct hub_counts {
	uint64_t	 failures;		/* one was wrong */
	uint64_t	 refused[AUTH_REFUSALS];
};
const struct hub_counts *hub_counts(const struct hub *);

#endif
