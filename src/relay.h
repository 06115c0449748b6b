/*
 * Bytes between a client on pipes or a terminal, as sshd has them, and the
 * daemon. The descriptors may block; a process of its own.
 */
#ifndef RELAY_H
#define RELAY_H

/*
 * What is read from in goes to sock, what comes from sock to out, until sock
 * has ended and all of it is written, or nobody takes it any more. The end of
 * in is passed on, and does not end it. Closes sock.
 */
void	 relay(int in, int out, int sock);

#endif
