/*
 * The hub's thread: takes mail from the loops and the store, has the hub
 * decide, and posts what comes of it, one list a loop and round.
 */
#ifndef HUB_THREAD_H
#define HUB_THREAD_H

#include "loop.h"

struct hub_thread;

/* Main thread, once the loops are filled in; sets daemon->hub. */
struct hub_thread *hub_thread_new(struct daemon *);
void	 hub_thread_start(struct hub_thread *);
struct mailbox *hub_thread_box(struct hub_thread *);
/*
 * After the loops' end: has everything committed that was asked for, waits
 * for the thread, frees.
 */
void	 hub_thread_stop(struct hub_thread *);

#endif
