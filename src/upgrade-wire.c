#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "upgrade.h"
#include "util.h"

#define MAGIC		0x5055	/* "UP" */
#define PIECE		(256u << 10)	/* read at once */
#define DATA_MAX	(1u << 30)
#define POLL_MS		60000	/* of one call */
#define REFS_MS		1	/* between tries to send sockets */

struct head {
	uint16_t	 magic, kind;
	uint32_t	 len;
	uint32_t	 nfds;
};

/* Waits until the socket can be read or written; false and errno. */
static bool
wait_for(int fd, short what, uint64_t due)
{
	struct pollfd p = { .fd = fd, .events = what };
	uint64_t now;
	int n;

	do {
		now = clock_ms();
		n = now >= due ? 0 : poll(&p, 1, due - now < POLL_MS ?
		    (int)(due - now) : POLL_MS);
	} while ((n == -1 && errno == EINTR) || (n == 0 && now < due));
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* Whether a call that failed is to be tried again, once it may succeed. */
static bool
again(int fd, short what, uint64_t due)
{
	if (errno == EINTR)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return wait_for(fd, what, due);
	if (errno == ETOOMANYREFS) {	/* the peer has yet to take some */
		poll(NULL, 0, REFS_MS);
		errno = ETIMEDOUT;
		return clock_ms() < due;
	}
	return false;
}

bool
upgrade_send(int fd, enum upgrade_kind kind, const void *data, size_t len,
    const int *fds, unsigned nfds, uint64_t due)
{
	char control[CMSG_SPACE(sizeof(int) * UPGRADE_FDS)] = { 0 };
	struct head head = { MAGIC, (uint16_t)kind, (uint32_t)len, nfds };
	struct iovec iov[2] = { { &head, sizeof(head) },
	    { (void *)(uintptr_t)data, len } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct cmsghdr *c;
	ssize_t n;

	if (nfds > 0) {
		m.msg_control = control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	while (iov[0].iov_len + iov[1].iov_len > 0) {
		n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1) {
			if (!again(fd, POLLOUT, due))
				return false;
			continue;
		}
		m.msg_control = NULL;	/* they go with the first byte */
		m.msg_controllen = 0;
		for (; m.msg_iovlen > 0 && (size_t)n >= m.msg_iov->iov_len;
		    m.msg_iovlen--, m.msg_iov++) {
			n -= (ssize_t)m.msg_iov->iov_len;
			m.msg_iov->iov_len = 0;
		}
		if (n > 0) {
			m.msg_iov->iov_base = (char *)m.msg_iov->iov_base + n;
			m.msg_iov->iov_len -= (size_t)n;
		}
	}
	return true;
}

static void
take_fds(struct msghdr *m, struct upgrade_message *to)
{
	struct cmsghdr *c;
	size_t n, i;
	int fd;

	for (c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(fd));
			if (to->nfds < UPGRADE_FDS)
				to->fds[to->nfds++] = fd;
			else
				close(fd);
		}
	}
}

/* As upgrade_recv(); all of len. */
static int
recv_all(int fd, void *data, size_t len, struct upgrade_message *to,
    uint64_t due)
{
	union {
		char	 bytes[CMSG_SPACE(sizeof(int) * UPGRADE_FDS)];
		struct cmsghdr align;
	} control;
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		struct iovec iov = { (char *)data + got, len - got };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		    .msg_control = control.bytes,
		    .msg_controllen = sizeof(control.bytes) };

		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n == -1) {
			if (!again(fd, POLLIN, due))
				return -1;
			continue;
		}
		take_fds(&m, to);
		/* A descriptor that there was no room for is lost. */
		if (n == 0 || (m.msg_flags & MSG_CTRUNC) != 0) {
			errno = n > 0 ? EMFILE : EPROTO;
			return n == 0 && got == 0 ? 0 : -1;
		}
		got += (size_t)n;
	}
	return 1;
}

static int
recv_message(int fd, struct upgrade_message *m, uint64_t due)
{
	struct head head;
	size_t n;
	int rc;

	rc = recv_all(fd, &head, sizeof(head), m, due);
	if (rc != 1)
		return rc;
	if (head.magic != MAGIC || head.len > DATA_MAX ||
	    head.nfds > UPGRADE_FDS) {
		errno = EPROTO;
		return -1;
	}
	m->kind = (enum upgrade_kind)head.kind;
	while (m->data.len < head.len) {
		n = head.len - m->data.len;
		if (n > PIECE)
			n = PIECE;
		rc = recv_all(fd, buf_room(&m->data, n), n, m, due);
		if (rc != 1) {
			errno = rc == 0 ? EPROTO : errno;
			return -1;
		}
		m->data.len += n;
	}
	if (m->nfds == head.nfds)
		return 1;
	errno = EPROTO;
	return -1;
}

int
upgrade_recv(int fd, struct upgrade_message *m, uint64_t due)
{
	int rc, saved;

	m->data = (struct buf){ 0 };
	m->nfds = 0;
	rc = recv_message(fd, m, due);
	if (rc == 1)
		return 1;
	saved = errno;
	buf_free(&m->data);
	while (m->nfds > 0)
		close(m->fds[--m->nfds]);
	errno = saved;
	return rc;
}
