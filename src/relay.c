#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "relay.h"

#define RELAY_READ	16384

/*
 * One way. A pipe that poll() calls writable takes PIPE_BUF bytes without
 * blocking, so no more are written at once: the descriptors are others' too,
 * and stay as they are.
 */
struct way {
	int		 from, to;
	char		 bytes[RELAY_READ];
	size_t		 at, len;	/* bytes[at] to bytes[len] are left */
	bool		 ended;		/* no more comes */
	bool		 deaf;		/* nobody takes it */
};

static bool
is_empty(const struct way *w)
{
	return w->at == w->len;
}

static void
way_read(struct way *w)
{
	ssize_t n = read(w->from, w->bytes, sizeof(w->bytes));

	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	w->at = 0;
	w->len = n > 0 ? (size_t)n : 0;
	w->ended = n <= 0;	/* a terminal that is gone is EIO */
}

static void
way_write(struct way *w)
{
	size_t left = w->len - w->at;
	ssize_t n;

	n = write(w->to, w->bytes + w->at, left < PIPE_BUF ? left : PIPE_BUF);
	if (n > 0)
		w->at += (size_t)n;
	else if (n == -1 && errno != EINTR && errno != EAGAIN) {
		w->deaf = w->ended = true;
		w->at = w->len;
	}
}

/* What a way waits for, if anything. */
static void
want(const struct way *w, struct pollfd *from, struct pollfd *to)
{
	*from = (struct pollfd){ .fd = -1, .events = POLLIN };
	*to = (struct pollfd){ .fd = -1, .events = POLLOUT };
	if (!is_empty(w))
		to->fd = w->to;
	else if (!w->ended)
		from->fd = w->from;
}

void
relay(int in, int out, int sock)
{
	struct way up = { .from = in, .to = sock };
	struct way down = { .from = sock, .to = out };
	bool told = false;
	struct pollfd fds[4];

	while (!down.deaf && (!down.ended || !is_empty(&down))) {
		want(&up, &fds[0], &fds[1]);
		want(&down, &fds[2], &fds[3]);
		if (poll(fds, 4, -1) == -1)
			continue;
		if (fds[0].revents != 0)
			way_read(&up);
		if (fds[1].revents != 0)
			way_write(&up);
		if (fds[2].revents != 0)
			way_read(&down);
		if (fds[3].revents != 0)
			way_write(&down);
		if (up.ended && is_empty(&up) && !told) {
			shutdown(sock, SHUT_WR);
			told = true;
		}
	}
	close(sock);
}
