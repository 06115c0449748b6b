/*
 * An upgrade: a new daemon takes the clients of the running one, which goes
 * then. Both speak over a pair of sockets, whose one end the new one inherits:
 *
 *	old	new
 *	OFFER		what state it has; the listeners, the store's handle
 *		HELLO	it knows that state, and is ready for it
 *			[the old one comes to rest]
 *	SESSIONS...	clients and their sockets
 *	HUB		what the hub knows
 *	END
 *		READY	it has taken all of it, and has the store open
 *	GO		the old one lets go
 *
 * Before GO the new one writes nothing and serves nobody, so the old one can go
 * on at any moment: it kills the new one first. NO is the new one's reason for
 * not going on. A new one that is READY and finds the old one dead goes ahead.
 *
 * upgrade.c is the old one's side, on the main thread beside the keeper;
 * upgrade-take.c the new one's, on its main thread while there is no other;
 * upgrade-wire.c what both need.
 */
#ifndef UPGRADE_H
#define UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

#include "hub-thread.h"
#include "keeper.h"
#include "listener.h"
#include "loop.h"
#include "order.h"
#include "service.h"

/* The old one's side. */

struct upgrade;

/*
 * Starts it, for the operator who is to be answered, or 0. file is to be
 * executed with these arguments, the first of which it becomes. NULL, and the
 * operator and the log have been told, if it cannot even be tried.
 */
struct upgrade *upgrade_start(struct keeper *, client_id, const char *file,
	    char *const *argv);
/* An order of it came back; takes it over. */
void	 upgrade_carried_out(struct upgrade *, struct order *);
/* Are the clients at rest? Then nobody may ask the hub or the loops. */
bool	 upgrade_is_still(const struct upgrade *);
/* Has it neither failed nor come to its end? */
bool	 upgrade_is_active(const struct upgrade *);
/* It is to be given up, for this reason, unless the new one has gone ahead. */
void	 upgrade_cancel(struct upgrade *, const char *reason);
/* Has all that belongs to it come to an end? */
bool	 upgrade_is_over(const struct upgrade *);
/* Does the new one serve? */
bool	 upgrade_is_done(const struct upgrade *);
/* Kills what is still there of it. NULL is nothing. */
void	 upgrade_free(struct upgrade *);

/* The new one's side. Each of these ends the process if the old one goes away
 * or makes no sense; the old one hears why. */

struct taken;

/* NULL: nobody has left anything. Else what is offered. */
struct taken *upgrade_take(void);
/* Says NO, and why. NULL is nothing. */
void	 upgrade_refuse(struct taken *, const char *why);
/* If the service manager made the listeners: as service_take_listens(). */
void	 upgrade_listens(struct taken *, struct service_listens *,
	    struct conf_source *);
/* As listener_open_all(). */
struct listener *upgrade_listeners(struct taken *, const struct conf *,
	    char **error);
/* Says HELLO; takes all there is. */
void	 upgrade_receive(struct taken *);
struct store *upgrade_store(struct taken *, const struct conf *, char **error);
/* Fills hub and loops; false and *error. */
bool	 upgrade_fill(struct taken *, struct daemon *, struct hub_thread *,
	    char **error);
/* Says READY; waits for GO. */
void	 upgrade_ready(struct taken *);
/* The control socket at this path, whether its directory was made for it, and
 * the hand-over socket beside it; -1: there is none. What else was handed over
 * and is not used is removed. */
int	 upgrade_control(struct taken *, const char *path, bool *made_dir,
	    int *handover);
void	 upgrade_taken_free(struct taken *);	/* NULL is nothing */

/* What both need. */

#define UPGRADE_ENV	"PARTYLINED_UPGRADE"	/* the descriptor's number */
#define UPGRADE_FDS	128		/* of a message */

enum upgrade_kind {
	UPGRADE_OFFER = 1, UPGRADE_HELLO, UPGRADE_SESSIONS, UPGRADE_HUB,
	UPGRADE_END, UPGRADE_READY, UPGRADE_GO, UPGRADE_NO
};

/* Fields of OFFER; the numbers are for ever. */
enum { OFFER_FORMAT = 1, OFFER_VERSION, OFFER_PID, OFFER_LISTEN,
	OFFER_CONTROL, OFFER_CONTROL_DIR, OFFER_EPOCH, OFFER_GIVEN,
	OFFER_HANDOVER };

struct upgrade_message {
	enum upgrade_kind kind;
	struct buf	 data;
	int		 fds[UPGRADE_FDS];	/* the receiver's */
	unsigned	 nfds;
};

/*
 * Sends one whole, waiting until the peer takes it, at most until due
 * (clock_ms()). False and errno. The sockets stay the caller's.
 */
bool	 upgrade_send(int fd, enum upgrade_kind, const void *, size_t,
	    const int *fds, unsigned nfds, uint64_t due);
/* Waits for one, at most until due; data is the caller's to free. 1; 0 at the
 * end of the stream; -1 and errno, EPROTO for what is none. */
int	 upgrade_recv(int fd, struct upgrade_message *, uint64_t due);

#endif
