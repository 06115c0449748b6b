/*
 * The hub's thread: takes mail from the loops and the store, has the hub
 * decide, and posts what comes of it, one list a loop and round.
 */
#ifndef HUB_THREAD_H
#define HUB_THREAD_H

#include "loop.h"

struct hub_thread;

/* Main thread, before the loops are filled in. */
struct hub_thread *hub_thread_new(struct daemon *);
void	 hub_thread_start(struct hub_thread *);
struct mailbox *hub_thread_box(struct hub_thread *);
/* Before its start: hub_restore(). */
bool	 hub_thread_restore(struct hub_thread *, const struct buf *record,
	    const uint32_t *sids, size_t n);
/* After the loops' end: has everything committed that was asked for, and
 * waits for the thread's end. */
void	 hub_thread_stop(struct hub_thread *);
/* After the store's end, which may mail until then. */
void	 hub_thread_free(struct hub_thread *);

#endif
