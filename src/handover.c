#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "fd-kind.h"
#include "handover.h"
#include "listener.h"
#include "log.h"

#define GIVERS_MAX	64	/* that have said nothing yet */
#define ACCEPTS		64	/* an event, so that others get a turn */
#define WAIT_SECONDS	5	/* for what a giver has to say */
#define REST_MS		250	/* at the descriptor limit */
#define FDS_MAX		4	/* more are closed by the kernel */

/* A connection that has not brought its client yet. */
struct giver {
	LIST_ENTRY(giver) entries;
	struct handover	*handover;
	struct event	*event;
	int		 fd;
};

struct handover {
	struct daemon	*daemon;
	struct event_base *base;
	struct event	*event, *rest;
	char		*path;
	int		 fd;
	LIST_HEAD(giver_list, giver) givers;
	unsigned	 ngivers;
	bool		 resting;	/* for an upgrade */
};

/* What came in one piece. */
struct gift {
	char		 line[HANDOVER_LINE];
	int		 fds[FDS_MAX];
	size_t		 nfds;
	bool		 cut;		/* there was no descriptor left */
	enum listen_kind kind;
	struct sockaddr_storage address;
};

char *
handover_path(const char *control)
{
	return xasprintf("%s.handover", control);
}

static void
say(int fd, const char *line)
{
	send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
take_fds(struct gift *gift, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t n;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > FDS_MAX)
			n = FDS_MAX;
		memcpy(gift->fds, CMSG_DATA(c), n * sizeof(int));
		gift->nfds = n;
	}
}

/* Bytes of the line; 0 at the end, -1 with errno. */
static ssize_t
receive(int fd, struct gift *gift)
{
	union {
		struct cmsghdr	 align;
		char		 room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { gift->line, sizeof(gift->line) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	ssize_t n;

	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n >= 0) {
		gift->line[n] = '\0';
		take_fds(gift, &msg);
		gift->cut = (msg.msg_flags & MSG_CTRUNC) != 0;
	}
	return n;
}

/* "192.0.2.1 4711" */
static bool
parse_address(struct sockaddr_storage *ss, char *text)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	char *port = strchr(text, ' '), *end;
	unsigned long n;

	if (port == NULL)
		return false;
	*port++ = '\0';
	n = strtoul(port, &end, 10);
	if (*end != '\0' || n > 65535)
		return false;
	*ss = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)n);
		return true;
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)n);
	return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
}

/* NULL, or the answer that says what is wrong with it. */
static const char *
check(struct gift *gift)
{
	static const char bad[] = "bad-argument a kind and an address\n";
	socklen_t len = sizeof(gift->address);
	char *end = strchr(gift->line, '\n'), *address;
	enum fd_kind kind;

	if (end == NULL || end[1] != '\0')
		return bad;
	*end = '\0';
	if ((address = strchr(gift->line, ' ')) != NULL)
		*address++ = '\0';
	if (!conf_listen_kind(&gift->kind, gift->line))
		return "bad-argument there is no such kind of listener\n";
	if (gift->cut && gift->nfds == 0)
		return "server-full no descriptor is left\n";
	if (gift->nfds != 1 || gift->cut)
		return "bad-argument one descriptor\n";
	kind = fd_kind(gift->fds[0]);
	if (kind == FD_GONE)
		return "ok\n";
	if ((kind != FD_CLIENT && kind != FD_PAIR) ||
	    getpeername(gift->fds[0], (struct sockaddr *)&gift->address,
	    &len) == -1)
		return "bad-argument the descriptor is no client's\n";
	if (address != NULL && gift->address.ss_family == AF_UNIX &&
	    !parse_address(&gift->address, address))
		return bad;
	return NULL;
}

static void
give_to_loop(const struct handover *h, const struct gift *gift)
{
	struct welcome_mail *m = xcalloc(1, sizeof(*m));
	int fd = gift->fds[0];

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	m->mail.kind = MAIL_WELCOME;
	m->fd = fd;
	m->kind = gift->kind;
	m->address = gift->address;
	mailbox_post_one(&h->daemon->loops[0].box, &m->mail);
}

static void
take(const struct handover *h, int fd, struct gift *gift)
{
	const char *wrong = check(gift);
	size_t kept = 0;

	if (wrong != NULL) {
		log_info("handover-refused", LS("reason", wrong), LEND);
		say(fd, wrong);
	} else {
		/* Before it is served: else, were this daemon to die, the next
		 * one would be given a client in the middle of its talk. */
		say(fd, "ok\n");
		give_to_loop(h, gift);
		kept = 1;
	}
	while (kept < gift->nfds)
		close(gift->fds[kept++]);
}

/* False: it has not spoken yet. Else it is done with. */
static bool
hear(const struct handover *h, int fd)
{
	struct gift gift = { 0 };
	ssize_t n = receive(fd, &gift);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		take(h, fd, &gift);
	close(fd);
	return true;
}

static void
listen_again(struct handover *h)
{
	if (!h->resting)
		event_add(h->event, NULL);
}

static void
giver_free(struct giver *g)
{
	struct handover *h = g->handover;

	LIST_REMOVE(g, entries);
	event_free(g->event);
	free(g);
	if (h->ngivers-- == GIVERS_MAX)
		listen_again(h);
}

static void
giver_cb(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval wait = { WAIT_SECONDS, 0 };
	struct giver *g = arg;

	if ((what & EV_TIMEOUT) != 0)
		close(fd);
	else if (!hear(g->handover, fd)) {
		event_add(g->event, &wait);
		return;
	}
	giver_free(g);
}

static void
wait_for(struct handover *h, int fd)
{
	const struct timeval wait = { WAIT_SECONDS, 0 };
	struct giver *g = xcalloc(1, sizeof(*g));

	g->handover = h;
	g->fd = fd;
	g->event = event_new(h->base, fd, EV_READ, giver_cb, g);
	if (g->event == NULL)
		errx(1, "libevent: no event");
	event_add(g->event, &wait);
	LIST_INSERT_HEAD(&h->givers, g, entries);
	if (++h->ngivers == GIVERS_MAX)
		event_del(h->event);
}

static void
welcome(struct handover *h, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		log_warn("handover-forbidden", LU("uid", peer.uid), LU("pid",
		    peer.pid), LEND);
		say(fd, "forbidden only root and the daemon's own user\n");
		close(fd);
	} else if (!hear(h, fd))
		wait_for(h, fd);
}

static void
rest_cb(evutil_socket_t fd, short what, void *arg)
{
	struct handover *h = arg;

	(void)fd;
	(void)what;
	if (h->ngivers < GIVERS_MAX)
		listen_again(h);
}

static void
accept_cb(evutil_socket_t lfd, short what, void *arg)
{
	const struct timeval rest = { 0, REST_MS * 1000 };
	struct handover *h = arg;
	int i, fd;

	(void)what;
	for (i = 0; i < ACCEPTS && h->ngivers < GIVERS_MAX; i++) {
		fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			welcome(h, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			event_del(h->event);
			evtimer_add(h->rest, &rest);
		}
		return;
	}
}

struct handover *
handover_open(struct daemon *d, struct event_base *base, const char *control,
    int fd)
{
	struct handover *h = xcalloc(1, sizeof(*h));
	mode_t mask = umask(0177);
	char *error;

	h->daemon = d;
	h->base = base;
	h->path = handover_path(control);
	LIST_INIT(&h->givers);
	h->fd = fd != -1 ? fd : listener_bind_local(h->path, h->path, &error);
	umask(mask);
	if (h->fd == -1) {
		log_warn("no-handover", LS("reason", error), LEND);
		free(error);
		free(h->path);
		free(h);
		return NULL;
	}
	h->event = event_new(base, h->fd, EV_READ | EV_PERSIST, accept_cb, h);
	h->rest = evtimer_new(base, rest_cb, h);
	if (h->event == NULL || h->rest == NULL)
		errx(1, "libevent: no event");
	event_add(h->event, NULL);
	return h;
}

void
handover_close(struct handover *h, bool replaced)
{
	struct giver *g, *next;
	int fd;

	if (h == NULL)
		return;
	for (g = LIST_FIRST(&h->givers); g != NULL; g = next) {
		next = LIST_NEXT(g, entries);
		fd = g->fd;
		giver_free(g);
		close(fd);
	}
	event_free(h->event);
	event_free(h->rest);
	close(h->fd);
	if (!replaced)
		unlink(h->path);
	free(h->path);
	free(h);
}

int
handover_fd(const struct handover *h)
{
	return h->fd;
}

void
handover_rest(struct handover *h, bool rest)
{
	const struct timeval wait = { WAIT_SECONDS, 0 };
	struct giver *g;

	h->resting = rest;
	if (rest)
		event_del(h->event);
	else if (h->ngivers < GIVERS_MAX && !evtimer_pending(h->rest, NULL))
		event_add(h->event, NULL);
	LIST_FOREACH(g, &h->givers, entries) {
		if (rest)
			event_del(g->event);
		else
			event_add(g->event, &wait);
	}
}
