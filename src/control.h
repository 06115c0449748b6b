/*
 * The control socket: how the operator speaks to the daemon. A unix socket
 * that only root and the daemon's own user may use; JSON lines in, and one
 * line of answer for each before the next one is read. Everything is bounded.
 * Main thread.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "request.h"
#include "util.h"

struct control;
struct event_base;
struct keeper;
struct store_read;
struct trace_mail;

/*
 * Makes the directory of a control socket, for its owner alone; before the
 * sandbox is entered. True if there was none: it goes with the socket.
 */
bool	 control_make_dir(const char *path);
/* NULL, and the log says why, if the socket cannot be had. */
struct control *control_open(struct keeper *, struct event_base *,
	    const char *path, bool made_dir);
/* One that another daemon has handed over. */
struct control *control_take(struct keeper *, struct event_base *,
	    const char *path, int fd, bool made_dir);
void	 control_close(struct control *);	/* NULL is nothing */
/* The socket that listens, to be handed over; and closing it, when it was,
 * once what is to be answered is written. */
int	 control_fd(const struct control *, bool *made_dir);
void	 control_hand_over(struct control *);

/*
 * The answer to what this client asked; one that is gone, or 0, is nothing.
 * members stand behind "ok":true, each with a comma before it.
 */
void	 control_ok(struct control *, client_id, const struct buf *members);
void	 control_fail(struct control *, client_id, const char *error,
	    const char *message);
/* Takes over a request that came back from the hub; a loop's part of a
 * trace. */
void	 control_replied(struct control *, struct request *);
void	 control_traced(struct control *, struct trace_mail *);
/* What the store has read for the operator; the caller's. */
void	 control_read(struct control *, const struct store_read *);

/* "value", and ,"key":value; what is no UTF-8 becomes question marks. */
void	 control_quote(struct buf *, const char *value);
void	 control_adds(struct buf *, const char *key, const char *value);
void	 control_addu(struct buf *, const char *key, uint64_t value);

#endif
