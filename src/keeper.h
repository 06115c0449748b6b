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
struct store_read;

/*
 * Takes over conf, which source gave and daemon uses, makes the control
 * socket's directory, and blocks the signals that it will take: threads made
 * before must do that for themselves. The source is read again at a reload.
 * Exits if there is no memory.
 */
struct keeper *keeper_new(struct daemon *, struct conf *,
	    const struct conf_source *);
/* What this program is and was started with, and whether its listeners were
 * given to it, for its successor; both outlive the keeper. */
void	 keeper_program(struct keeper *, const char *file, char *const *argv,
	    bool given);
/* Where it listens, as the system has chosen; NULL: nowhere. */
struct listener;
void	 keeper_ports(struct keeper *, const struct listener *);
/* Makes the control and hand-over sockets, or goes on with those of the daemon
 * taken over: once nothing can fail any more. */
struct taken;
void	 keeper_listen(struct keeper *, struct taken *);
/* It is to end inetd_linger after its last client. */
void	 keeper_linger(struct keeper *);
/* Until the daemon is to end: the signal, or 0 if it was drained or upgraded:
 * then keeper_is_replaced(), and what has a path is the new one's. */
int	 keeper_run(struct keeper *);
bool	 keeper_is_replaced(const struct keeper *);
/* After all other threads. Frees the daemon's configuration too. */
void	 keeper_free(struct keeper *);

/*
 * The operator's commands, for the client that is to be answered by control_ok
 * or control_fail, at once or later. text and name are checked.
 */
void	 keeper_status(struct keeper *, client_id);
void	 keeper_top(struct keeper *, client_id);
void	 keeper_notice(struct keeper *, client_id, const char *text);
void	 keeper_reload(struct keeper *, client_id);
void	 keeper_drain(struct keeper *, client_id);
/* binary NULL: the one that this is. */
void	 keeper_upgrade(struct keeper *, client_id, const char *binary);
/* Takes over; it is answered by control_replied(). */
void	 keeper_ask(struct keeper *, struct request *);
/* Takes over; it is answered by control_read(). */
void	 keeper_read(struct keeper *, struct store_read *);
const struct conf *keeper_conf(const struct keeper *);

/* For upgrade.c. */
struct daemon *keeper_daemon(const struct keeper *);
struct event_base *keeper_base(const struct keeper *);
bool	 keeper_was_given(const struct keeper *);
/* The control socket, and whether its directory was made for it; or -1. */
int	 keeper_control(const struct keeper *, bool *made_dir);
/* The hand-over socket, or -1; and whether it takes nobody for a while. */
int	 keeper_handover(const struct keeper *);
void	 keeper_rest(struct keeper *, bool rest);
/* Answers the operator: error is NULL, or members. */
void	 keeper_answer(struct keeper *, client_id, const struct buf *members,
	    const char *error, const char *message);
/* The loops have let go of their clients: ends, once those left are gone. */
void	 keeper_left(struct keeper *);
/* Ends, for nothing can go on. */
void	 keeper_end(struct keeper *);

#endif
