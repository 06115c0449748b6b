/*
 * The floor under every chat server: one thread, one epoll, lines in, each
 * round's lines out with one send a client. No parsing, no names, no store.
 * What partylined costs is told as a share of this. For tests/bench only.
 *
 * The first byte of a line says what it is:
 *	+room	enter this room; the line comes back to its sender
 *	?text	comes back to its sender
 *	!text	comes back, then the connection is closed
 *	=text	goes to the room as it is, and text once more: in a room of
 *		one that is an answer and a message in one send
 *	text	goes to everyone in the room, its sender too
 */
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE	(256 * 1024)
#define MAX_LINE	(16 * 1024)
#define EVENTS		1024
#define NO_ROOM		UINT32_MAX

/* Bytes that grow. */
struct bytes {
	char	*data;
	size_t	 len, cap;
};

/* By descriptor: clients[fd]. rest is the beginning of a line whose end has
 * not come yet, unsent what a short write left. */
struct client {
	uint32_t	 room, place;	/* members[place] of the room */
	struct bytes	*rest;
	struct bytes	*unsent;
};

struct room {
	char		*name;
	int		*members;
	uint32_t	 n, cap;
	struct bytes	 round;		/* what this round's lines add up to */
};

static int		 epfd;
static struct client	*clients;
static size_t		 nclients;
static struct room	*rooms;
static uint32_t		 nrooms;
static uint32_t		*dirty;		/* rooms with news this round */
static uint32_t		 ndirty;
static char		 input[MAX_LINE + READ_SIZE];

static void
bytes_add(struct bytes *b, const char *data, size_t len)
{
	if (b->len + len > b->cap) {
		b->cap = (b->len + len) * 2;
		if ((b->data = realloc(b->data, b->cap)) == NULL)
			err(1, "realloc");
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void
bytes_free(struct bytes **b)
{
	if (*b == NULL)
		return;
	free((*b)->data);
	free(*b);
	*b = NULL;
}

static void
room_leave(int fd)
{
	struct client	*c = &clients[fd];
	struct room	*r;

	if (c->room == NO_ROOM)
		return;
	r = &rooms[c->room];
	r->members[c->place] = r->members[--r->n];
	clients[r->members[c->place]].place = c->place;
	c->room = NO_ROOM;
}

static uint32_t
room_find(const char *name, size_t len)
{
	uint32_t	i;

	for (i = 0; i < nrooms; i++) {
		if (strncmp(rooms[i].name, name, len) == 0 &&
		    rooms[i].name[len] == '\0')
			return i;
	}
	rooms = realloc(rooms, (nrooms + 1) * sizeof(*rooms));
	dirty = realloc(dirty, (nrooms + 1) * sizeof(*dirty));
	if (rooms == NULL || dirty == NULL)
		err(1, "realloc");
	memset(&rooms[nrooms], 0, sizeof(*rooms));
	if ((rooms[nrooms].name = strndup(name, len)) == NULL)
		err(1, "strndup");
	return nrooms++;
}

static void
room_enter(int fd, const char *name, size_t len)
{
	struct client	*c = &clients[fd];
	struct room	*r;

	room_leave(fd);
	c->room = room_find(name, len);
	r = &rooms[c->room];
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 16 : r->cap * 2;
		r->members = realloc(r->members, r->cap * sizeof(int));
		if (r->members == NULL)
			err(1, "realloc");
	}
	c->place = r->n;
	r->members[r->n++] = fd;
}

static void
client_close(int fd)
{
	struct client	*c = &clients[fd];

	room_leave(fd);
	bytes_free(&c->rest);
	bytes_free(&c->unsent);
	close(fd);
}

static void
client_watch(int fd, uint32_t events, int op)
{
	struct epoll_event	ev = { .events = events, .data.fd = fd };

	if (epoll_ctl(epfd, op, fd, &ev) == -1)
		err(1, "epoll_ctl");
}

/* Sends, or keeps what the socket doesn't take. A dead peer is found when it
 * is read from. */
static void
client_send(int fd, const char *data, size_t len)
{
	struct client	*c = &clients[fd];
	ssize_t		 n = 0;

	if (c->unsent == NULL) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n == (ssize_t)len)
			return;
		if (n == -1 && errno != EAGAIN)
			return;
		if ((c->unsent = calloc(1, sizeof(*c->unsent))) == NULL)
			err(1, "calloc");
		client_watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
		n = n < 0 ? 0 : n;
	}
	bytes_add(c->unsent, data + n, len - n);
}

static void
client_writable(int fd)
{
	struct bytes	*b = clients[fd].unsent;
	ssize_t		 n;

	n = send(fd, b->data, b->len, MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN)
		n = b->len;
	if (n == -1)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
	if (b->len == 0) {
		bytes_free(&clients[fd].unsent);
		client_watch(fd, EPOLLIN, EPOLL_CTL_MOD);
	}
}

static void
room_say(int fd, const char *line, size_t len)
{
	struct client	*c = &clients[fd];
	struct room	*r;

	if (c->room == NO_ROOM)
		return;
	r = &rooms[c->room];
	if (r->round.len == 0)
		dirty[ndirty++] = c->room;
	bytes_add(&r->round, line, len);
}

/* One line with its LF. False when it ends the connection. */
static bool
client_line(int fd, const char *line, size_t len)
{
	switch (line[0]) {
	case '+':
		room_enter(fd, line + 1, len - 2);
		/* FALLTHROUGH */
	case '?':
		client_send(fd, line, len);
		return true;
	case '=':
		room_say(fd, line, len);
		room_say(fd, line + 1, len - 1);
		return true;
	case '!':
		client_send(fd, line, len);
		client_close(fd);
		return false;
	default:
		room_say(fd, line, len);
		return true;
	}
}

static void
client_readable(int fd)
{
	struct client	*c = &clients[fd];
	char		*p = input, *end, *nl;
	size_t		 have = 0;
	ssize_t		 n;

	if (c->rest != NULL) {
		have = c->rest->len;
		memcpy(input, c->rest->data, have);
	}
	n = recv(fd, input + have, READ_SIZE, 0);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_close(fd);
		return;
	}
	bytes_free(&c->rest);
	end = input + have + n;
	while ((nl = memchr(p, '\n', end - p)) != NULL) {
		if (!client_line(fd, p, nl - p + 1))
			return;
		p = nl + 1;
	}
	if (end - p > MAX_LINE) {
		client_close(fd);
	} else if (p < end) {
		if ((c->rest = calloc(1, sizeof(*c->rest))) == NULL)
			err(1, "calloc");
		bytes_add(c->rest, p, end - p);
	}
}

static void
accept_all(int lfd)
{
	int	fd, on = 1;
	size_t	n;

	while ((fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		if ((size_t)fd >= nclients) {
			n = nclients == 0 ? 64 : nclients * 2;
			clients = realloc(clients, n * sizeof(*clients));
			if (clients == NULL)
				err(1, "realloc");
			memset(clients + nclients, 0,
			    (n - nclients) * sizeof(*clients));
			nclients = n;
		}
		clients[fd].room = NO_ROOM;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		client_watch(fd, EPOLLIN, EPOLL_CTL_ADD);
	}
}

/* The round's end: one send a member. Sending never changes members. */
static void
flush_rooms(void)
{
	struct room	*r;
	uint32_t	 i;

	while (ndirty > 0) {
		r = &rooms[dirty[--ndirty]];
		for (i = 0; i < r->n; i++)
			client_send(r->members[i], r->round.data,
			    r->round.len);
		r->round.len = 0;
	}
}

static int
listen_loopback(uint16_t port)
{
	struct sockaddr_in	 sin = { .sin_family = AF_INET };
	socklen_t		 len = sizeof(sin);
	int			 fd, on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(port);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd == -1)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 4096) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("port %u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event	 evs[EVENTS];
	struct rlimit		 rl;
	int			 fd, i, lfd, n;

	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &rl);
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	lfd = listen_loopback(argc > 1 ? (uint16_t)atoi(argv[1]) : 0);
	if ((epfd = epoll_create1(0)) == -1)
		err(1, "epoll_create1");
	client_watch(lfd, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		n = epoll_wait(epfd, evs, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(1, "epoll_wait");
		for (i = 0; i < n; i++) {
			fd = evs[i].data.fd;
			if (fd == lfd) {
				accept_all(lfd);
				continue;
			}
			if (clients[fd].unsent != NULL &&
			    evs[i].events & EPOLLOUT)
				client_writable(fd);
			if (evs[i].events & ~EPOLLOUT)
				client_readable(fd);
		}
		flush_rooms();
	}
}
