#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "dialect.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "network.h"
#include "session.h"
#include "util.h"
#include "web.h"

#define BACKLOG		4096
#define ACCEPTS		64	/* an event, so that others get a turn */
#define REST_MS		250	/* at the descriptor limit */

struct listener {
	struct listener	*next;
	const struct listen_conf *conf;
	struct loop	*loop;
	struct event	*event;
	struct event	*rest;		/* ends a rest */
	int		 fd;
	int		 reserve;	/* given up to tell one more client */
	bool		 full;		/* said in the log */
	bool		 resting;	/* for an upgrade */
	bool		 handed;	/* by another daemon */
	char		*path;		/* a unix socket's, to be removed */
};

/* Binding. */

int
listener_bind_local(const char *path, const char *what, char **error)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	int fd, probe;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		*error = xasprintf("%s: the path is longer than %zu "
		    "bytes", what, sizeof(sun.sun_path) - 1);
		return -1;
	}
	strcpy(sun.sun_path, path);
	/* A socket that nobody serves any more is left from before: replace
	 * it. connect(2) refuses other files in the same way: keep them. */
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe != -1) {
		if (connect(probe, (struct sockaddr *)&sun, sizeof(sun)) == -1
		    && errno == ECONNREFUSED && lstat(path, &st) == 0 &&
		    S_ISSOCK(st.st_mode))
			unlink(path);
		close(probe);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		*error = xasprintf("%s: %s", what, strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	return fd;
}

static int
bind_local(const struct listen_conf *c, char **error)
{
	char *what = xasprintf("listen %s", c->text);
	int fd = listener_bind_local(c->address, what, error);

	free(what);
	return fd;
}

/* "*" is any address, and so this machine's own. */
int
listener_dial(const struct listen_conf *c)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct addrinfo *ai = NULL, local = { .ai_family = AF_UNIX,
	    .ai_addr = (struct sockaddr *)&sun, .ai_addrlen = sizeof(sun) };
	char port[8];
	int fd;

	snprintf(port, sizeof(port), "%u", c->port);
	if (c->local)
		strcpy(sun.sun_path, c->address);
	else if (getaddrinfo(strcmp(c->address, "*") == 0 ? NULL : c->address,
	    port, &hints, &ai) != 0)
		return -1;
	else
		local = *ai;
	fd = socket(local.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, local.ai_addr, local.ai_addrlen) == -1) {
		close(fd);
		fd = -1;
	}
	if (ai != NULL)
		freeaddrinfo(ai);
	return fd;
}

static int
bind_address(const struct addrinfo *ai, bool any)
{
	int fd, on = 1, off = 0, saved;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (any)	/* it takes IPv4 too, whatever bindv6only says */
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == -1 ||
	    listen(fd, BACKLOG) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int
bind_inet(const struct listen_conf *c, char **error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *ai;
	bool any = strcmp(c->address, "*") == 0;
	char port[8];
	int fd, e;

	snprintf(port, sizeof(port), "%u", c->port);
	if (any)
		hints.ai_family = AF_INET6;
	e = getaddrinfo(any ? NULL : c->address, port, &hints, &ai);
	if (e != 0) {
		*error = xasprintf("listen %s: %s", c->text, gai_strerror(e));
		return -1;
	}
	fd = bind_address(ai, any);
	if (fd == -1 && any && (errno == EAFNOSUPPORT ||
	    errno == EADDRNOTAVAIL)) {
		freeaddrinfo(ai);
		hints.ai_family = AF_INET;
		if ((e = getaddrinfo(NULL, port, &hints, &ai)) != 0) {
			*error = xasprintf("listen %s: %s", c->text,
			    gai_strerror(e));
			return -1;
		}
		fd = bind_address(ai, false);
	}
	if (fd == -1)
		*error = xasprintf("listen %s: %s%s", c->text, strerror(errno),
		    errno == EADDRINUSE ? ": another program has this port; "
		    "stop it, or choose another with -o listen=…" : "");
	freeaddrinfo(ai);
	return fd;
}

static void
undo_all(struct listener *l)
{
	struct listener *next;

	for (; l != NULL; l = next) {
		next = l->next;
		close(l->fd);
		if (l->path != NULL && !l->handed)
			unlink(l->path);
		free(l->path);
		free(l);
	}
}

void
listener_unlink(const struct listener *l)
{
	for (; l != NULL; l = l->next) {
		if (l->path != NULL && !l->handed)
			unlink(l->path);
	}
}

/* The socket of this address among those handed over; -1: there is none. */
static int
take_handed(const struct listen_conf *c, struct heirloom *handed, size_t n)
{
	size_t i;
	int fd;

	for (i = 0; i < n; i++) {
		if (handed[i].fd == -1 || strcmp(handed[i].text, c->text) != 0)
			continue;
		fd = handed[i].fd;
		handed[i].fd = -1;
		return fd;
	}
	return -1;
}

static struct listener *
open_each(const struct conf *conf, const int *fds, struct heirloom *handed,
    size_t n, char **error)
{
	struct listener *first = NULL, **last = &first, *l;
	size_t i;

	*error = NULL;
	for (i = 0; i < conf->nlistens; i++) {
		const struct listen_conf *c = &conf->listens[i];
		int fd = fds != NULL ? fds[i] : take_handed(c, handed, n);
		bool was_handed = fd != -1;

		if (!was_handed)
			fd = c->local ? bind_local(c, error) :
			    bind_inet(c, error);
		if (fd == -1) {
			undo_all(first);
			return NULL;
		}
		l = xcalloc(1, sizeof(*l));
		l->conf = c;
		l->fd = fd;
		l->handed = was_handed;
		l->reserve = -1;
		l->path = c->local && fds == NULL ? xstrdup(c->address) : NULL;
		*last = l;
		last = &l->next;
	}
	return first;
}

struct listener *
listener_open_all(const struct conf *conf, const int *fds, char **error)
{
	return open_each(conf, fds, NULL, 0, error);
}

struct listener *
listener_take_all(const struct conf *conf, struct heirloom *handed, size_t n,
    char **error)
{
	return open_each(conf, NULL, handed, n, error);
}

/* Serving. */

static const char *
kind_name(enum listen_kind kind)
{
	static const char *const names[] = { [LISTEN_AUTO] = "auto",
	    [LISTEN_TEXT] = "text", [LISTEN_JSON] = "json",
	    [LISTEN_HTTP] = "http", [LISTEN_TLS] = "tls" };

	return names[kind];
}

void
listener_refuse(enum listen_kind kind, int fd, const char *why)
{
	struct buf out = { 0 };
	char sink[4096];
	int i;

	if (kind == LISTEN_TLS)
		;		/* it would have to shake hands first */
	else if (kind == LISTEN_HTTP)
		web_add_refusal(&out);
	else if (kind == LISTEN_JSON)
		dialect_json.bye(&out, error_name(ERR_SERVER_FULL), true, 0);
	else
		dialect_text.bye(&out, error_name(ERR_SERVER_FULL), true, 0);
	send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&out);
	/* Unread, what it has sent already would turn this into a reset. */
	shutdown(fd, SHUT_WR);
	for (i = 0; i < 16 && recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0;
	    i++)
		;
	close(fd);
	log_debug("client-refused", LS("reason", why), LEND);
}

/* The same, counted. */
static void
refuse(struct loop *l, enum listen_kind kind, int fd, enum refusal why)
{
	metric_add(&l->metrics.refused[why], 1);
	listener_refuse(kind, fd, refusal_name(why));
}

static void
rest_cb(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)fd;
	(void)what;
	if (l->reserve == -1)
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!l->resting)
		event_add(l->event, NULL);
}

/* No descriptor is left: tell one client by the reserve, then rest. */
static void
out_of_descriptors(struct listener *l)
{
	struct timeval tv = { 0, REST_MS * 1000 };
	int fd;

	if (!l->full)
		log_warn("no-descriptors", LS("listen", l->conf->text),
		    LS("advice", "raise the limit of open files"), LEND);
	l->full = true;
	if (l->reserve != -1) {
		close(l->reserve);
		l->reserve = -1;
		fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1)
			refuse(l->loop, l->conf->kind, fd,
			    REFUSED_DESCRIPTORS);
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	event_del(l->event);
	evtimer_add(l->rest, &tv);
}

static uint16_t
port_of(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)
		    sa)->sin_port);
	if (sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)
		    sa)->sin6_port);
	return 0;
}

void
listener_welcome(struct loop *l, int fd, enum listen_kind kind,
    const struct sockaddr *sa)
{
	struct daemon *d = l->daemon;
	const struct conf *conf = l->conf;
	struct session_record *r;
	struct address *address;
	struct loop *to;
	bool trusted;

	if (atomic_load(&d->nclients) >= conf->max_clients) {
		refuse(l, kind, fd, REFUSED_CLIENTS);
		return;
	}
	trusted = network_list_has(conf->trusted, sa);
	address = address_take(sa, trusted ? 0 : conf->max_clients_address);
	if (address == NULL) {
		refuse(l, kind, fd, REFUSED_ADDRESS);
		return;
	}
	atomic_fetch_add(&d->nclients, 1);
	metric_add(&l->metrics.accepted, 1);
	r = session_record_new(fd, kind, address, port_of(sa));
	r->trusted = trusted;
	to = loop_least_busy(d);
	if (to == l)
		session_attach(to, r);
	else
		loop_give(to, r);
}

static void
accept_cb(evutil_socket_t lfd, short what, void *arg)
{
	struct listener *l = arg;
	struct sockaddr_storage ss = { 0 };
	socklen_t len;
	int i, fd;

	(void)what;
	loop_began(l->loop);
	for (i = 0; i < ACCEPTS; i++) {
		len = sizeof(ss);
		fd = accept4(lfd, (struct sockaddr *)&ss, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1) {
			l->full = false;
			listener_welcome(l->loop, fd, l->conf->kind,
			    (struct sockaddr *)&ss);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM)
			out_of_descriptors(l);
		return;
	}
}

static void
log_listening(const struct listener *l)
{
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "0";
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (l->conf->local) {
		log_notice("listening", LS("kind", kind_name(l->conf->kind)),
		    LS("address", l->conf->address), LEND);
		return;
	}
	if (getsockname(l->fd, (struct sockaddr *)&ss, &len) == 0)
		getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host),
		    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	log_notice("listening", LS("kind", kind_name(l->conf->kind)),
	    LS("address", host), LS("port", port), LEND);
}

void
listener_serve(struct loop *loop, struct listener *first)
{
	struct listener *l;

	loop->listeners = first;
	for (l = first; l != NULL; l = l->next) {
		l->loop = loop;
		l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
		l->event = event_new(loop->base, l->fd, EV_READ | EV_PERSIST,
		    accept_cb, l);
		l->rest = evtimer_new(loop->base, rest_cb, l);
		event_add(l->event, NULL);
		log_listening(l);
	}
}

void
listener_configure(struct loop *loop)
{
	const struct listen_conf *conf = loop->conf->listens;
	struct listener *l;

	for (l = loop->listeners; l != NULL; l = l->next)
		l->conf = conf++;
}

void
listener_rest(struct loop *loop, bool rest)
{
	struct listener *l;

	for (l = loop->listeners; l != NULL; l = l->next) {
		l->resting = rest;
		if (rest)
			event_del(l->event);
		else if (!evtimer_pending(l->rest, NULL))
			event_add(l->event, NULL);
	}
}

static void
close_all(struct loop *loop, bool hand_over)
{
	struct listener *l;

	while ((l = loop->listeners) != NULL) {
		loop->listeners = l->next;
		event_free(l->event);
		event_free(l->rest);
		close(l->fd);
		if (l->reserve != -1)
			close(l->reserve);
		if (l->path != NULL && !hand_over)
			unlink(l->path);
		free(l->path);
		free(l);
	}
}

void
listener_close_all(struct loop *loop)
{
	close_all(loop, false);
}

void
listener_hand_over(struct loop *loop)
{
	close_all(loop, true);
}

uint16_t
listener_port(const struct listener *l, size_t n)
{
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof(at);

	if (getsockname(listener_fd(l, n), (struct sockaddr *)&at, &len) == -1)
		return 0;
	if (at.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&at)->sin_port);
	return at.ss_family == AF_INET6 ?
	    ntohs(((struct sockaddr_in6 *)&at)->sin6_port) : 0;
}

int
listener_fd(const struct listener *l, size_t n)
{
	while (n-- > 0)
		l = l->next;
	return l->fd;
}
