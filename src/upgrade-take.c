#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "listener.h"
#include "record.h"
#include "session.h"
#include "store.h"
#include "upgrade.h"
#include "util.h"

#define GONE_MS		10000	/* for an old one that ends to be gone */
#define NO_MS		1000	/* for it to take a NO */
#define TEXT_MAX	65536	/* bytes of an address or path */

struct taken {
	int		 fd;
	int		 old;		/* the other's pidfd, -1: none */
	uint64_t	 format;
	char		*version, *epoch;
	struct heirloom	*listeners;
	size_t		 nlisteners;
	struct heirloom	 control;	/* text: its path */
	struct heirloom	 handover;
	bool		 control_dir, given;
	int		 store;		/* the handle */
	struct listener	*bound;		/* by this one, or handed */
	struct session_record **sessions;
	uint32_t	*sids;		/* of those logged in, growing */
	size_t		 n, cap, nsids;
	struct buf	 hub;
};

void
upgrade_refuse(struct taken *t, const char *why)
{
	if (t == NULL)
		return;
	listener_unlink(t->bound);
	if (t->fd != -1)
		upgrade_send(t->fd, UPGRADE_NO, why, strlen(why), NULL, 0,
		    clock_ms() + NO_MS);
}

static void __attribute__((noreturn, format(printf, 2, 3)))
give_up(struct taken *t, const char *fmt, ...)
{
	va_list ap;
	char *why;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) == -1)
		why = NULL;
	va_end(ap);
	upgrade_refuse(t, why != NULL ? why : "out of memory");
	log_close();
	fprintf(stderr, "partylined: upgrade: %s\n", why != NULL ? why :
	    "out of memory");
	exit(1);
}

/* The next message, whatever time it takes. */
static void
receive(struct taken *t, struct upgrade_message *m)
{
	int rc = upgrade_recv(t->fd, m, UINT64_MAX);

	if (rc == 0)
		give_up(t, "the old daemon has gone");
	if (rc == -1)
		give_up(t, "what the old daemon says cannot be read: %s",
		    strerror(errno));
}

/* The offer. */

static int
next_fd(struct record *r, const struct upgrade_message *m, unsigned *used)
{
	if (*used < m->nfds)
		return m->fds[(*used)++];
	r->bad = true;
	return -1;
}

static void
take_offer(struct taken *t, struct record *r, const struct upgrade_message *m,
    unsigned *used)
{
	struct heirloom *h;

	switch (r->tag) {
	case OFFER_FORMAT:
		t->format = record_u(r, UINT64_MAX);
		break;
	case OFFER_VERSION:
		free(t->version);
		t->version = record_s(r, TEXT_MAX);
		break;
	case OFFER_PID:
		t->old = pidfd_open((pid_t)record_u(r, INT32_MAX), 0);
		break;
	case OFFER_EPOCH:
		free(t->epoch);
		t->epoch = record_s(r, TEXT_MAX);
		break;
	case OFFER_LISTEN:
		t->listeners = xrealloc(t->listeners,
		    (t->nlisteners + 1) * sizeof(*t->listeners));
		h = &t->listeners[t->nlisteners++];
		h->text = record_s(r, TEXT_MAX);
		h->fd = next_fd(r, m, used);
		break;
	case OFFER_CONTROL:
		free(t->control.text);
		t->control.text = record_s(r, TEXT_MAX);
		t->control.fd = next_fd(r, m, used);
		break;
	case OFFER_HANDOVER:
		t->handover.fd = next_fd(r, m, used);
		break;
	case OFFER_GIVEN:
		t->given = record_u(r, 1) != 0;
		break;
	case OFFER_CONTROL_DIR:
		t->control_dir = record_u(r, 1) != 0;
		break;
	default:
		r->bad = true;
	}
}

static void
receive_offer(struct taken *t)
{
	struct upgrade_message m;
	struct record r;
	unsigned used = 0;

	receive(t, &m);
	record_open(&r, m.data.data, m.data.len);
	t->store = next_fd(&r, &m, &used);
	/* A newer one's format comes first: what follows may be of any kind. */
	while (m.kind == UPGRADE_OFFER && record_next(&r)) {
		take_offer(t, &r, &m, &used);
		if (t->format > SESSION_RECORD_VERSION)
			give_up(t, "the state is of format %llu; partylined "
			    PACKAGE_VERSION " reads up to %d",
			    (unsigned long long)t->format,
			    SESSION_RECORD_VERSION);
	}
	if (m.kind != UPGRADE_OFFER || r.bad || t->version == NULL ||
	    t->epoch == NULL || used != m.nfds)
		give_up(t, "what the old daemon offers makes no sense");
	buf_free(&m.data);
}

struct taken *
upgrade_take(void)
{
	const char *value = getenv(UPGRADE_ENV);
	int fd, domain = 0;
	socklen_t len = sizeof(domain);
	struct taken *t;
	char *end;

	if (value == NULL)
		return NULL;
	fd = (int)strtol(value, &end, 10);
	if (end == value || *end != '\0' || fd <= STDERR_FILENO ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1 ||
	    domain != AF_UNIX)
		errx(1, UPGRADE_ENV " is set, but not by a daemon");
	unsetenv(UPGRADE_ENV);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	t = xcalloc(1, sizeof(*t));
	t->fd = fd;
	t->old = t->control.fd = t->handover.fd = t->store = -1;
	receive_offer(t);
	return t;
}

void
upgrade_listens(struct taken *t, struct service_listens *l,
    struct conf_source *source)
{
	size_t i;

	if (!t->given)
		return;
	l->fds = xcalloc(t->nlisteners, sizeof(*l->fds));
	l->texts = xcalloc(t->nlisteners, sizeof(*l->texts));
	for (i = 0; i < t->nlisteners; i++) {
		l->fds[i] = t->listeners[i].fd;
		l->texts[i] = xasprintf("listen=%s", t->listeners[i].text);
		t->listeners[i].fd = -1;
	}
	l->n = t->nlisteners;
	service_replace_listens(l, source);
}

struct listener *
upgrade_listeners(struct taken *t, const struct conf *conf, char **error)
{
	return t->bound = listener_take_all(conf, t->listeners, t->nlisteners,
	    error);
}

/* The state. */

static void
take_session(struct taken *t, const char *data, size_t len, int fd)
{
	struct session_record *r = session_record_load(data, len, fd);

	if (r == NULL)
		give_up(t, "the state of a client cannot be read");
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 256;
		t->sessions = xrealloc(t->sessions,
		    t->cap * sizeof(struct session_record *));
		t->sids = xrealloc(t->sids, t->cap * sizeof(*t->sids));
	}
	t->sessions[t->n++] = r;
	if (r->sid != 0)
		t->sids[t->nsids++] = r->sid;
}

static void
take_sessions(struct taken *t, const struct upgrade_message *m)
{
	const char *at = m->data.data;
	size_t left = m->data.len;
	uint32_t len;
	unsigned i;

	for (i = 0; i < m->nfds; i++) {
		if (left < sizeof(len))
			break;
		memcpy(&len, at, sizeof(len));
		at += sizeof(len);
		left -= sizeof(len);
		if (len > left)
			break;
		take_session(t, at, len, m->fds[i]);
		at += len;
		left -= len;
	}
	if (i < m->nfds || left > 0)
		give_up(t, "the state of the clients cannot be read");
}

static int
compare_sids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void
upgrade_receive(struct taken *t)
{
	static const char version[] = PACKAGE_VERSION;
	struct upgrade_message m;
	bool more = true;

	if (!upgrade_send(t->fd, UPGRADE_HELLO, version, sizeof(version) - 1,
	    NULL, 0, UINT64_MAX))
		give_up(t, "the old daemon has gone");
	while (more) {
		receive(t, &m);
		if (m.kind == UPGRADE_SESSIONS)
			take_sessions(t, &m);
		else if (m.kind == UPGRADE_HUB && t->hub.len == 0) {
			t->hub = m.data;
			m.data = (struct buf){ 0 };
		} else if (m.kind == UPGRADE_END)
			more = false;
		else
			give_up(t, "what the old daemon says makes no sense");
		buf_free(&m.data);
	}
	if (t->nsids > 0)
		qsort(t->sids, t->nsids, sizeof(*t->sids), compare_sids);
}

struct store *
upgrade_store(struct taken *t, const struct conf *conf, char **error)
{
	struct store *s = store_open_handed(conf, t->store, error);

	if (s == NULL)
		return NULL;
	t->store = -1;
	if (strcmp(store_epoch(s), t->epoch) == 0)
		return s;
	store_close(s);
	*error = xasprintf("state_dir: %s holds another log than the old "
	    "daemon's", conf->state_dir);
	return NULL;
}

bool
upgrade_fill(struct taken *t, struct daemon *d, struct hub_thread *hub,
    char **error)
{
	size_t i;

	if (!hub_thread_restore(hub, &t->hub, t->sids, t->nsids)) {
		*error = xstrdup("the state of rooms and users cannot be "
		    "read");
		return false;
	}
	buf_free(&t->hub);
	atomic_fetch_add(&d->nclients, (unsigned)t->n);
	for (i = 0; i < t->n; i++)
		loop_give(loop_least_busy(d), t->sessions[i]);
	return true;
}

/* The old one has closed its end: because it has ended? */
static bool
is_gone(const struct taken *t)
{
	struct pollfd p = { .fd = t->old, .events = POLLIN };

	return t->old != -1 && poll(&p, 1, GONE_MS) == 1;
}

void
upgrade_ready(struct taken *t)
{
	struct upgrade_message m;
	int rc = -1;

	if (upgrade_send(t->fd, UPGRADE_READY, NULL, 0, NULL, 0, UINT64_MAX))
		rc = upgrade_recv(t->fd, &m, UINT64_MAX);
	if (rc == 1) {
		buf_free(&m.data);
		if (m.kind != UPGRADE_GO)
			give_up(t, "what the old daemon says makes no sense");
	} else if (!is_gone(t))
		give_up(t, "the old daemon goes on");
	close(t->fd);
	t->fd = -1;
	t->bound = NULL;
	log_notice("taken-over", LU("clients", t->n), LS("from", t->version),
	    LS("old", rc == 1 ? NULL : "dead"), LEND);
}

/* Nobody serves it any more: its path goes. */
static void
remove_handed(struct heirloom *h)
{
	struct sockaddr_un sun = { 0 };
	socklen_t len = sizeof(sun);

	if (h->fd != -1 && getsockname(h->fd, (struct sockaddr *)&sun,
	    &len) == 0 && sun.sun_family == AF_UNIX && sun.sun_path[0] == '/')
		unlink(sun.sun_path);
	if (h->fd != -1)
		close(h->fd);
	h->fd = -1;
}

int
upgrade_control(struct taken *t, const char *path, bool *made_dir,
    int *handover)
{
	int fd = -1;
	size_t i;

	*made_dir = t->control_dir;
	if (t->control.text != NULL && strcmp(t->control.text, path) == 0) {
		fd = t->control.fd;
		t->control.fd = -1;
		*handover = t->handover.fd;
		t->handover.fd = -1;
	}
	remove_handed(&t->control);
	remove_handed(&t->handover);
	for (i = 0; i < t->nlisteners; i++)
		remove_handed(&t->listeners[i]);
	return fd;
}

void
upgrade_taken_free(struct taken *t)
{
	size_t i;

	if (t == NULL)
		return;
	if (t->old != -1)
		close(t->old);
	for (i = 0; i < t->nlisteners; i++)
		free(t->listeners[i].text);
	free(t->listeners);
	free(t->control.text);
	free(t->sessions);
	free(t->sids);
	free(t->version);
	free(t->epoch);
	free(t);
}
