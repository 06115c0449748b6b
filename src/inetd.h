/*
 * partylined -i: what inetd, xinetd, systemd's Accept=yes or sshd start for a
 * client, or for a socket that listens. A client's socket is handed over to
 * the daemon, pipes and terminals are relayed, and for a socket that listens
 * this process becomes the daemon, unless there is one. A process of its own,
 * before there are threads.
 */
#ifndef INETD_H
#define INETD_H

#include "conf.h"

struct inetd {
	const struct conf *conf;
	const struct conf_source *source;
	enum listen_kind kind;
	bool		 kind_set;	/* by -k; else the descriptor's name */
};

/*
 * At the very beginning: standard error may be the client. What is written to
 * it goes to the log when the process ends: to syslog, until inetd_run() knows
 * better.
 */
void	 inetd_guard(void);
/*
 * Ends the process when its client has been handed over, has gone, or cannot
 * be served. Returns if it is to be the daemon: a socket that listens, and
 * *lock (see hand_claim(); -1: none), to be closed once it serves.
 */
int	 inetd_run(struct inetd *, int *lock);

#endif
