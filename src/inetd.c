#include <sys/mman.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fd-kind.h"
#include "hand.h"
#include "inetd.h"
#include "listener.h"
#include "log.h"
#include "relay.h"
#include "service.h"
#include "util.h"

#define SAID_MAX	65536	/* bytes of standard error that are logged */

/* Standard error. */

static char *log_target;	/* NULL: syslog */

/* Each line that was written to it, by this process or a daemon it started. */
static void
tell_log(int status, void *arg)
{
	struct buf said = { 0 };
	char *error, *line, *rest;
	ssize_t n;

	(void)arg;
	n = pread(STDERR_FILENO, buf_room(&said, SAID_MAX), SAID_MAX - 1, 0);
	if (n <= 0) {
		buf_free(&said);
		return;
	}
	said.len = (size_t)n;
	buf_str(&said);
	log_close();
	if (!log_open(log_target != NULL ? log_target : "syslog", &error))
		free(error);
	for (line = strtok_r(said.data, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		log_at(status != 0 ? LEVEL_ERROR : LEVEL_NOTICE, "inetd",
		    LS("said", line), LEND);
	log_close();
	buf_free(&said);
	free(log_target);
}

void
inetd_guard(void)
{
	int fd;

	/* By hand: a person who wants to see it. */
	if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
	    getenv("SSH_CONNECTION") == NULL)
		return;
	fd = memfd_create("stderr", 0);
	if (fd == -1)
		fd = open("/dev/null", O_RDWR);
	if (fd == -1)
		close(STDERR_FILENO);
	else if (fd != STDERR_FILENO) {
		dup2(fd, STDERR_FILENO);
		close(fd);
	}
	on_exit(tell_log, NULL);
}

/* A client. */

/* HANDED, or the process ends; HAND_FORBIDDEN if the caller can do without. */
static enum handed
hand_over(const struct inetd *i, int fd, const char *address,
    char **forbidden)
{
	char *line, *why;
	enum handed result;

	line = xasprintf("%s%s", conf_listen_kinds[i->kind], address);
	result = hand(i->conf, i->source, fd, line, &why);
	free(line);
	if (result == HAND_FULL)
		listener_refuse(i->kind, fd, "no descriptors");
	if (result == HAND_FORBIDDEN && forbidden != NULL)
		*forbidden = why;
	else if (result != HANDED)
		errx(1, "a client was not served: %s", why);
	return result;
}

/* " 192.0.2.1 4711", as sshd gives it, or "". */
static char *
ssh_address(void)
{
	const char *text = getenv("SSH_CONNECTION");
	size_t host, port;

	if (text == NULL)
		return xstrdup("");
	host = strcspn(text, " ");
	if (host == 0 || text[host] != ' ' || host > 64)
		return xstrdup("");
	port = strspn(text + host + 1, "0123456789");
	if (port == 0 || port > 5)
		return xstrdup("");
	return xasprintf(" %.*s", (int)(host + 1 + port), text);
}

/* As any other client of this machine, where the daemon listens; or -1. */
static int
dial_as_client(const struct conf *conf)
{
	const struct listen_conf *l;
	int fd;

	for (l = conf->listens; l < conf->listens + conf->nlistens; l++) {
		if (l->kind != LISTEN_AUTO && l->kind != LISTEN_TEXT)
			continue;
		if ((fd = listener_dial(l)) != -1)
			return fd;
	}
	return -1;
}

/* Whoever is at the other end may be another user than the daemon's. */
static void __attribute__((noreturn))
relay_client(const struct inetd *i, int in)
{
	char *address = ssh_address(), *why = NULL;
	int pair[2];

	if (fd_kind(STDOUT_FILENO) == FD_CLOSED)
		errx(1, "descriptor 1 is closed: the client's standard output "
		    "belongs there");
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		err(1, "socketpair");
	if (hand_over(i, pair[1], address, &why) == HAND_FORBIDDEN) {
		close(pair[0]);
		pair[0] = dial_as_client(i->conf);
		if (pair[0] == -1)
			errx(1, "a client was not served: %s, nor could it be "
			    "reached where it listens", why);
		free(why);
	}
	close(pair[1]);
	free(address);
	relay(in, in == STDIN_FILENO ? STDOUT_FILENO : in, pair[0]);
	exit(0);
}

/* A socket that listens. */

/* While another daemon serves: its clients are handed over one by one. */
static void
hand_over_all(const struct inetd *i, int lfd)
{
	struct pollfd poller = { .fd = lfd, .events = POLLIN };
	uint64_t linger = i->conf->inetd_linger * 1000;
	uint64_t until = clock_ms() + linger, now;
	int fd;

	while ((now = clock_ms()) < until) {
		if (poll(&poller, 1, (int)(until - now)) != 1)
			continue;
		fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1 && (errno == EAGAIN || errno == EINTR ||
		    errno == ECONNABORTED))
			continue;
		if (fd == -1)
			err(1, "accept");
		hand_over(i, fd, "", NULL);
		close(fd);
		until = clock_ms() + linger;
	}
	exit(0);
}

static int
serve_listener(const struct inetd *i, int fd, int *lock)
{
	int null, own;
	char *why;

	*lock = -1;
	if (i->conf->control[0] != '\0' && !hand_claim(i->conf, lock, &why)) {
		if (why != NULL)
			errx(1, "%s", why);
		hand_over_all(i, fd);
	}
	own = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (own == -1 || null == -1)
		err(1, "a descriptor");
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
	return own;
}

/* The one that is served: systemd's, if there is one. */
static int
descriptor(struct inetd *i)
{
	struct service_socket *sockets;
	char *error;
	int fd, n;

	if ((n = service_sockets(&sockets, &error)) == -1)
		errx(1, "%s", error);
	if (n > 1)
		errx(1, "LISTEN_FDS is %d; -i serves one socket, and several "
		    "are served without -i", n);
	fd = n == 1 ? sockets[0].fd : STDIN_FILENO;
	if (n == 1 && !i->kind_set &&
	    !conf_listen_kind(&i->kind, sockets[0].name))
		i->kind = LISTEN_AUTO;
	if (n == 1)
		free(sockets[0].name);
	free(sockets);
	return fd;
}

int
inetd_run(struct inetd *i, int *lock)
{
	int fd;

	if (strcmp(i->conf->log_to, "stderr") != 0)
		log_target = xstrdup(i->conf->log_to);
	fd = descriptor(i);
	switch (fd_kind(fd)) {
	case FD_LISTENS:
		return serve_listener(i, fd, lock);
	case FD_CLIENT:
		hand_over(i, fd, "", NULL);
		exit(0);
	case FD_GONE:
		exit(0);
	case FD_PAIR:
	case FD_STREAM:
		relay_client(i, fd);
	case FD_CLOSED:
		errx(1, "descriptor %d is closed: -i is for inetd, xinetd and "
		    "sshd, which have a client there", fd);
	case FD_OTHER:
		break;
	}
	errx(1, "descriptor %d is a socket, but no stream: the line for inetd "
	    "has \"stream tcp\"", fd);
}
