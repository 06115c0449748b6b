/*
 * Connections of the load generator: connecting, saying, hearing, counting.
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen.h"

#define BUF_SIZE	(1024 * 1024)
#define EVENTS		1024
#define SAY_ID		1000000000u	/* of a writer's first say */
#define STALL_NS	20000000000ull	/* nobody got on for so long: give up */

uint64_t
now_ns(void)
{
	struct timespec	ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static uint64_t
cpu_ns(clockid_t clock)
{
	struct timespec	ts;

	if (clock_gettime(clock, &ts) == -1)
		err(1, "the server's CPU clock");
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

void
gen_open(struct gen *g)
{
	int	error;

	if ((g->epfd = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	if ((g->buf = malloc(BUF_SIZE)) == NULL ||
	    (g->conns = calloc(g->nconns, sizeof(*g->conns))) == NULL)
		err(1, "malloc");
	/* All threads of the process, those that ended too, in ns. */
	if ((error = clock_getcpuclockid(g->opts.pid, &g->server_clock)) != 0)
		errx(1, "process %d: %s", (int)g->opts.pid, strerror(error));
}

void
gen_mark(const struct gen *g, struct mark *m)
{
	m->wall = now_ns();
	m->server = cpu_ns(g->server_clock);
	m->self = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
	m->bytes = g->bytes;
	m->reads = g->reads;
	m->split_bytes = g->split_bytes;
	m->split_lines = g->split_lines;
	m->done = g->done;
}

static void
conn_watch(struct gen *g, struct conn *c, int op)
{
	struct epoll_event	ev;

	ev.events = EPOLLIN | (c->out_len > 0 ? EPOLLOUT : 0);
	ev.data.ptr = c;
	if (epoll_ctl(g->epfd, op, c->fd, &ev) == -1)
		err(1, "epoll_ctl");
}

static void
conn_keep(char **to, uint32_t *to_len, const char *data, size_t len)
{
	if (len > 0) {
		if ((*to = realloc(*to, *to_len + len)) == NULL)
			err(1, "realloc");
		memcpy(*to + *to_len, data, len);
		*to_len += len;
	}
}

static void
conn_send(struct gen *g, struct conn *c, const char *data, size_t len)
{
	ssize_t	n = 0;

	if (c->out_len == 0) {
		n = send(c->fd, data, len, MSG_NOSIGNAL);
		if (n == (ssize_t)len)
			return;
		if (n == -1 && errno != EAGAIN)
			err(1, "send");
		n = n < 0 ? 0 : n;
	}
	conn_keep(&c->out, &c->out_len, data + n, len - n);
	conn_watch(g, c, EPOLL_CTL_MOD);
}

static void
conn_writable(struct gen *g, struct conn *c)
{
	ssize_t	n;

	n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);
	if (n == -1) {
		if (errno != EAGAIN)
			err(1, "send");
		return;
	}
	c->out_len -= n;
	memmove(c->out, c->out + n, c->out_len);
	if (c->out_len == 0)
		conn_watch(g, c, EPOLL_CTL_MOD);
}

/* From many addresses of the loopback net, so that ports left in TIME_WAIT
 * don't run out. */
void
conn_open(struct gen *g, struct conn *c)
{
	struct sockaddr_in	sin = { .sin_family = AF_INET };
	char			line[SAY_MAX];
	int			on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1)
		err(1, "socket");
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + c->num % 250);
	if (bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "bind");
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(g->opts.port);
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1)
		err(1, "fcntl");
	c->state = CONN_LOGIN;
	c->heard = 0;
	c->tail_len = c->out_len = 0;
	conn_watch(g, c, EPOLL_CTL_ADD);
	conn_send(g, c, line, g->proto->login(g, c, line));
}

static void
hex_put(char *p, int digits, uint64_t v)
{
	while (digits-- > 0) {
		p[digits] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
}

static uint64_t
hex_get(const char *p, int digits)
{
	uint64_t	v = 0;

	while (digits-- > 0) {
		v = v << 4 | (*p <= '9' ? *p - '0' : *p - 'a' + 10);
		p++;
	}
	return v;
}

static void
id_put(char *p, uint32_t id)
{
	int	i;

	for (i = 9; i >= 0; i--, id /= 10)
		p[i] = '0' + id % 10;
}

/* ~T<time of saying, ns>.<writer>.<its number>. */
static void
text_stamp(struct conn *c, uint64_t when)
{
	char	*p = c->say + c->say_text + MARK_LEN;

	hex_put(p, 16, when);
	hex_put(p + 22, 8, c->said);
	if (c->say_id != 0)
		id_put(c->say + c->say_id, SAY_ID + c->said);
	if (c->say_key != 0)
		id_put(c->say + c->say_key, SAY_ID + c->said);
}

void
conn_prepare(struct gen *g, struct conn *c)
{
	if (c->say == NULL && (c->say = malloc(SAY_MAX)) == NULL)
		err(1, "malloc");
	c->say_len = g->proto->say(g, c, c->say);
}

void
conn_say(struct gen *g, struct conn *c, uint64_t when)
{
	char	out[8 * SAY_MAX];
	size_t	len = 0;

	if (when == 0)
		when = now_ns();
	for (; c->credit > 0 && !g->stopping; c->credit--) {
		if (len + c->say_len > sizeof(out)) {
			conn_send(g, c, out, len);
			len = 0;
		}
		text_stamp(c, when);
		if (c->sent != NULL)
			c->sent[c->said % g->opts.outstanding] = when;
		memcpy(out + len, c->say, c->say_len);
		len += c->say_len;
		c->said++;
	}
	if (len > 0)
		conn_send(g, c, out, len);
}

static void
latency_add(struct gen *g, uint64_t since)
{
	if (g->sampling && g->nlatency < g->cap_latency)
		g->latency[g->nlatency++] = (now_ns() - since) / 1000;
}

/* An answer to a say; those of one writer come in order. */
static void
conn_answered(struct gen *g, struct conn *c, const char *line, size_t len)
{
	if (g->proto->id(line, len) != SAY_ID + c->done)
		g->disorder++;
	latency_add(g, c->sent[c->done % g->opts.outstanding]);
}

/* A sampled reader: was anything lost or doubled, and how late is it? */
static void
conn_sample(struct gen *g, struct conn *c, const char *line, size_t len)
{
	const char	*p;
	uint32_t	 number, *next;

	p = memmem(line, len, MARK, MARK_LEN);
	if (p == NULL || p + TEXT_MIN > line + len)
		errx(1, "a message without our text: %.*s", (int)len, line);
	next = &c->next[hex_get(p + 19, 4) % g->opts.writers];
	number = hex_get(p + 24, 8);
	if (number != *next)
		g->disorder++;
	*next = number + 1;
	latency_add(g, hex_get(p + 2, 16));
}

static void
conn_next(struct gen *g, struct conn *c)
{
	char	line[SAY_MAX];

	switch (c->state) {
	case CONN_LOGIN:
		c->state = CONN_ENTER;
		conn_send(g, c, line, g->proto->enter(g, c, line));
		break;
	case CONN_ENTER:
		c->state = CONN_READY;
		g->ready++;
		if (g->opts.mode != MODE_SESSION)
			break;
		c->state = CONN_SAY;
		c->credit = 1;
		conn_prepare(g, c);
		conn_say(g, c, 0);
		break;
	case CONN_SAY:
		c->state = CONN_QUIT;
		conn_send(g, c, line, g->proto->quit(g, c, line));
		break;
	case CONN_QUIT:
		c->state = CONN_CLOSING;
		break;
	}
}

static void
conn_line(struct gen *g, struct conn *c, const char *line, size_t len)
{
	unsigned	heard = g->proto->hear(c, line, len);

	if (heard & HEARD_REFUSED)
		errx(1, "refused in state %d: %.*s", c->state, (int)len, line);
	if (heard & (HEARD_MESSAGE | HEARD_PART) && c->state == CONN_READY) {
		c->bytes += len;
		g->split_bytes += len;
	}
	if (heard & HEARD_MESSAGE) {
		c->lines++;
		g->split_lines++;
		if (c->next != NULL)
			conn_sample(g, c, line, len);
	}
	if (c->state == CONN_READY) {
		if (heard & HEARD_CREDIT) {
			if (c->sent != NULL)
				conn_answered(g, c, line, len);
			c->credit++;
			c->done++;
			g->done++;
		}
	} else if (c->state == CONN_SAY) {
		c->heard |= heard & (HEARD_MESSAGE | HEARD_REPLY);
		if (c->heard == (HEARD_MESSAGE | HEARD_REPLY))
			conn_next(g, c);
	} else if (heard & HEARD_REPLY)
		conn_next(g, c);
}

static void
conn_eof(struct gen *g, struct conn *c)
{
	if (c->state != CONN_CLOSING)
		errx(1, "the server closed a connection in state %d", c->state);
	close(c->fd);
	c->fd = -1;
	g->done++;
	if (!g->stopping) {
		c->num = g->opened++;
		c->said = 0;
		conn_open(g, c);
	}
}

static void
conn_lines(struct gen *g, struct conn *c)
{
	char	*p = g->buf, *end;
	size_t	 len;
	ssize_t	 n;

	memcpy(p, c->tail, c->tail_len);
	n = recv(c->fd, p + c->tail_len, BUF_SIZE - c->tail_len, 0);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			err(1, "recv");
		return;
	}
	if (n == 0) {
		conn_eof(g, c);
		return;
	}
	end = p + c->tail_len + n;
	c->tail_len = 0;
	while ((len = g->proto->cut(p, end - p)) > 0) {
		conn_line(g, c, p, len);
		p += len;
	}
	conn_keep(&c->tail, &c->tail_len, p, end - p);
}

/* Everyone gets the same bytes: most readers need only count them. The
 * kernel doesn't even copy them. */
static void
conn_skip(struct gen *g, struct conn *c)
{
	ssize_t	n;

	n = recv(c->fd, g->buf, BUF_SIZE, MSG_TRUNC);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			err(1, "recv");
		return;
	}
	if (n == 0)
		conn_eof(g, c);
	c->bytes += n;
	g->bytes += n;
	g->reads++;
}

void
gen_turn(struct gen *g, uint64_t ns)
{
	struct timespec		 ts = { ns / 1000000000, ns % 1000000000 };
	struct epoll_event	 evs[EVENTS];
	struct conn		*c;
	int			 i, n;

	n = epoll_pwait2(g->epfd, evs, EVENTS, &ts, NULL);
	if (n == -1 && errno != EINTR)
		err(1, "epoll_pwait2");
	for (i = 0; i < n; i++) {
		c = evs[i].data.ptr;
		if (evs[i].events & EPOLLOUT && c->out_len > 0)
			conn_writable(g, c);
		if ((evs[i].events & ~EPOLLOUT) == 0)
			continue;
		if (c->split || c->state != CONN_READY)
			conn_lines(g, c);
		else
			conn_skip(g, c);
		if (c->writer && c->credit > 0 && !g->opts.lockstep &&
		    (g->opts.mode == MODE_FAN || g->opts.mode == MODE_SAY))
			conn_say(g, c, 0);
	}
}

void
gen_connect(struct gen *g, uint32_t n)
{
	uint64_t	last = now_ns();
	uint32_t	ready = g->ready;

	while (g->ready < n) {
		while (g->opened < n &&
		    g->opened - g->ready < g->opts.pending)
			conn_open(g, &g->conns[g->opened++]);
		gen_turn(g, 1000000000);
		if (g->ready != ready) {
			ready = g->ready;
			last = now_ns();
		} else if (now_ns() - last > STALL_NS)
			errx(1, "%u of %u clients are in, and no more come",
			    ready, n);
	}
}
