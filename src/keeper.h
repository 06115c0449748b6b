/*
 * The keeper: the main thread while the others serve. It takes signals and the
 * operator's commands, and owns the configuration: a reload makes a new
 * snapshot, hands it to the loops, the hub and the store, and frees the old one
 * when all of them have said that they use it no more.
 */
#ifndef KEEPER_H
#define KEEPER_H

#include "conf.h"
#include "control.h"
#include "loop.h"

struct keeper;

/*
 * Takes over conf, which source gave and daemon uses, makes the control
 * socket's directory, and blocks the signals that it will take: threads made
 * before must do that for themselves. The source is read again at a reload.
 * Exits if there is no memory.
 */
struct keeper *keeper_new(struct daemon *, struct conf *,
	    const struct conf_source *);
/* Makes the control and hand-over sockets: once nothing can fail any more. */
void	 keeper_listen(struct keeper *);
/* It is to end inetd_linger after its last client. */
void	 keeper_linger(struct keeper *);
/* Until the daemon is to end: the signal, or 0 if it was drained. */
int	 keeper_run(struct keeper *);
/* After all other threads. Frees the daemon's configuration too. */
void	 keeper_free(struct keeper *);

/*
 * The operator's commands, for the client that is to be answered by control_ok
 * or control_fail, at once or later. text and name are checked.
 */
void	 keeper_status(struct keeper *, client_id);
void	 keeper_notice(struct keeper *, client_id, const char *text);
void	 keeper_reload(struct keeper *, client_id);
void	 keeper_drain(struct keeper *, client_id);
/* Takes over; it is answered by control_replied(). */
void	 keeper_ask(struct keeper *, struct request *);
const struct conf *keeper_conf(const struct keeper *);

#endif
