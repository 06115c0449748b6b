/*
 * Sessions without threads: real loops, the real hub and the memory store, all
 * driven by the test in one thread; clients are ends of socket pairs.
 */
#ifndef SESSION_RIG_H
#define SESSION_RIG_H

#include <sys/socket.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "hub.h"
#include "loop.h"
#include "session-io.h"
#include "session.h"
#include "util.h"

#define LOOPS	2

static struct {
	struct daemon	 d;
	struct conf	*conf;
	struct mailbox	 hub_box;
	struct hub	*hub;
	struct mail_list out[LOOPS];
	unsigned	 gone;		/* CMD_GONE seen by the hub */
} rig;

static void
to_loop(client_id client, struct mail *m, enum mail_kind kind)
{
	m->kind = kind;
	mail_list_add(&rig.out[CLIENT_LOOP(client)], m);
}

static void
rig_reply(void *arg, struct request *req)
{
	(void)arg;
	to_loop(req->client, &req->mail, MAIL_REPLY);
}

static uint32_t
rig_batch(void *arg, unsigned loop, struct batch *b)
{
	static uint32_t stamp;

	(void)arg;
	atomic_fetch_add(&rig.d.loops[loop].backlog, b->bytes);
	b->stamp = ++stamp;
	b->mail.kind = MAIL_BATCH;
	mail_list_add(&rig.out[loop], &b->mail);
	return stamp;
}

static void
rig_place(void *arg, struct place_mail *m)
{
	(void)arg;
	to_loop(m->client, &m->mail, MAIL_PLACE);
}

static void
rig_unplace(void *arg, struct unplace_mail *m)
{
	(void)arg;
	to_loop(m->client, &m->mail, MAIL_UNPLACE);
}

static void
rig_session(void *arg, struct session_mail *m)
{
	(void)arg;
	to_loop(m->client, &m->mail, MAIL_SESSION);
}

/* The options of one test, ended by NULL. */
static void
rig_open(const char *const *options)
{
	static struct loop loops[LOOPS];
	const struct hub_out out = { NULL, rig_reply, rig_batch, NULL,
	    rig_place, rig_unplace, rig_session, NULL };
	struct conf_override o[16] = { { "store=memory" }, { "loops=2" },
	    { "rate=0" }, { "log_level=error" } };
	size_t n = 4;
	char *error;
	unsigned i;

	signal(SIGPIPE, SIG_IGN);	/* as main() does */
	while (options != NULL && *options != NULL)
		o[n++].text = *options++;
	rig.conf = conf_parse(NULL, o, n, &error);
	cr_assert_not_null(rig.conf, "%s", error);
	log_level_set(rig.conf->log_level);
	rig.d.conf = rig.conf;
	rig.d.loops = loops;
	rig.d.nloops = LOOPS;
	rig.d.hub = &rig.hub_box;
	mailbox_init(&rig.hub_box, NULL, NULL);
	rig.d.store = store_open(rig.conf, &error);
	cr_assert_not_null(rig.d.store);
	cr_assert(store_start(rig.d.store, &rig.hub_box, &error));
	rig.hub = hub_new(rig.conf, rig.d.store, LOOPS, &out);
	for (i = 0; i < LOOPS; i++) {
		mail_list_init(&rig.out[i]);
		loop_init(&loops[i], &rig.d, i);
	}
}

/* The hub takes its mail and answers; false if there was none. */
static bool
hub_step(void)
{
	struct mail *m = mailbox_drain(&rig.hub_box), *next;
	bool any = m != NULL;
	unsigned i;

	for (; m != NULL; m = next) {
		next = m->next;
		switch (m->kind) {
		case MAIL_REQUEST:
			if (((struct request *)m)->cmd == CMD_GONE)
				rig.gone++;
			hub_request(rig.hub, (struct request *)m);
			break;
		case MAIL_COMMITTED:
			hub_committed(rig.hub, (struct store_op *)m);
			break;
		case MAIL_PRUNED:
			hub_pruned(rig.hub, (struct store_pruned *)m);
			break;
		default:
			free(m);
		}
	}
	hub_flush(rig.hub);
	for (i = 0; i < LOOPS; i++)
		mailbox_post(&rig.d.loops[i].box, &rig.out[i]);
	return any;
}

static void
loops_step(void)
{
	unsigned i;

	for (i = 0; i < LOOPS; i++)
		loop_round(&rig.d.loops[i], false);
}

/* Until nothing moves any more: no time passes. */
static void
settle(void)
{
	unsigned still = 0, turns = 0;

	while (still < 4) {
		loops_step();
		still = hub_step() ? 0 : still + 1;
		cr_assert_lt(turns++, 100000u, "it never comes to rest");
	}
}

static void
rig_close(void)
{
	unsigned i, turns = 0;

	for (i = 0; i < LOOPS; i++)
		loop_stop(&rig.d.loops[i]);
	settle();
	for (i = 0; i < LOOPS; i++) {
		while (atomic_load(&rig.d.loops[i].nsessions) > 0) {
			settle();
			rig.d.loops[i].stop_at = 0;
			loop_round(&rig.d.loops[i], true);
			cr_assert_lt(turns++, 100u, "the loop ends");
		}
	}
	settle();
	store_close(rig.d.store);
	while (hub_step())
		;
	hub_free(rig.hub);
	for (i = 0; i < LOOPS; i++)
		loop_free(&rig.d.loops[i]);
	mailbox_destroy(&rig.hub_box);
	cr_assert_eq(atomic_load(&rig.d.nclients), 0);
	conf_free(rig.conf);
}

/* A client. */

struct client {
	int		 fd;
	struct loop	*loop;
	struct session	*session;	/* NULL: dead, or elsewhere */
	struct buf	 got;
	bool		 eof;
};


static void
client_open(struct client *c, unsigned loop, enum listen_kind kind, int sndbuf)
{
	const struct sockaddr sa = { .sa_family = AF_UNIX };
	struct session_record *r;
	int fds[2];
	uint32_t i;

	*c = (struct client){ .loop = &rig.d.loops[loop] };
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds),
	    0);
	if (sndbuf > 0)
		setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &sndbuf,
		    sizeof(sndbuf));
	c->fd = fds[0];
	r = session_record_new(fds[1], kind, address_take(&sa, 0), 7);
	atomic_fetch_add(&rig.d.nclients, 1);
	session_attach(c->loop, r);
	for (i = 0; i < c->loop->nslots; i++) {
		struct session *s = loop_session(c->loop, i);

		if (s != NULL && !s->dead &&
		    bufferevent_getfd(s->bev) == fds[1])
			c->session = s;
	}
	cr_assert_not_null(c->session);
}

/* Reads at most this many bytes; false if there was nothing. */
static bool
client_read(struct client *c, size_t max)
{
	ssize_t n;

	if (c->eof || max == 0)
		return false;
	n = recv(c->fd, buf_room(&c->got, max), max, MSG_DONTWAIT);
	if (n > 0)
		c->got.len += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		c->eof = true;
	return n > 0;
}

/* Everything that comes while nobody else does anything. */
static void
client_drain(struct client *c)
{
	do
		settle();
	while (client_read(c, 65536));
}

static void
client_send(struct client *c, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = send(c->fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1) {
			cr_assert(errno == EAGAIN);
			settle();
			while (client_read(c, 65536))
				settle();
			continue;
		}
		p += n;
		len -= (size_t)n;
	}
}

static void
client_line(struct client *c, const char *line)
{
	client_send(c, line, strlen(line));
	client_send(c, "\n", 1);
}

static bool
client_has(struct client *c, const char *text)
{
	return strstr(buf_str(&c->got), text) != NULL;
}

static inline unsigned
client_count(struct client *c, const char *text)
{
	const char *p = buf_str(&c->got);
	unsigned n = 0;

	for (; (p = strstr(p, text)) != NULL; p += strlen(text))
		n++;
	return n;
}

#define expect(c, text)							\
	cr_assert(client_has((c), (text)), "no %s in: %s", (text),	\
	    buf_str(&(c)->got))
#define expect_not(c, text)						\
	cr_assert(!client_has((c), (text)), "%s in: %s", (text),	\
	    buf_str(&(c)->got))

static void
client_login(struct client *c, unsigned loop, const char *name, int sndbuf)
{
	char line[200];

	client_open(c, loop, LISTEN_JSON, sndbuf);
	snprintf(line, sizeof(line), "{\"cmd\":\"login\",\"name\":\"%s\"}\n"
	    "{\"cmd\":\"subscribe\",\"room\":\"lobby\"}", name);
	client_line(c, line);
	client_drain(c);
	expect(c, "\"reply\":\"subscribe\",\"ok\":true");
	buf_reset(&c->got);
}

/* At another loop, as when that one has less to do; and all the way there. */
static inline void
arrive(struct client *c, struct session_record *r, unsigned to)
{
	int fd = r->fd;
	uint32_t i;

	c->loop = &rig.d.loops[to];
	loop_give(c->loop, r);
	loops_step();
	c->session = NULL;
	for (i = 0; i < c->loop->nslots; i++) {
		struct session *s = loop_session(c->loop, i);

		if (s != NULL && !s->dead && bufferevent_getfd(s->bev) == fd)
			c->session = s;
	}
	cr_assert_not_null(c->session);
	cr_assert_eq(atomic_load(&c->loop->ncoming), 0);
}

static inline void
move(struct client *c, unsigned to)
{
	struct session_record *r = session_detach(c->session);

	cr_assert_not_null(r);
	arrive(c, r, to);
}

static void
client_close(struct client *c)
{
	close(c->fd);
	buf_free(&c->got);
}

static inline void
say(struct client *c, unsigned number, size_t pad)
{
	struct buf line = { 0 };

	buf_addf(&line, "{\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"<%u>",
	    number);
	while (pad-- > 0)
		buf_addc(&line, 'x');
	buf_adds(&line, "\"}\n");
	client_send(c, line.data, line.len);
	buf_free(&line);
}

/* The texts <from> to <to> stand in what it got, in order, each once, in whole
 * lines of JSON. */
static inline void
expect_said(struct client *c, unsigned from, unsigned to)
{
	char *p = (char *)(uintptr_t)buf_str(&c->got), *end, *text;

	for (; (end = strchr(p, '\n')) != NULL; p = end + 1) {
		cr_assert(*p == '{' && end[-1] == '}', "a torn line: %.*s",
		    (int)(end - p), p);
		*end = '\0';
		if (strstr(p, "\"event\":\"message\"") != NULL) {
			text = strstr(p, "\"text\":\"<");
			cr_assert_not_null(text, "%s", p);
			cr_assert_eq((unsigned)atoi(text + 9), from,
			    "%s is not %u", text, from);
			from++;
		}
		*end = '\n';
	}
	cr_assert_eq(*p, '\0', "half a line at the end: %s", p);
	cr_assert_eq(from, to + 1, "said up to %u, not %u", from - 1, to);
}

#endif
