#include <sys/socket.h>

#include <linux/tcp.h>		/* its tcp_info has tcpi_bytes_acked */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "carrier.h"

/*
 * What the kernel may hold that it has not sent yet (tcp(7),
 * TCP_NOTSENT_LOWAT): a reader that stops costs no more than that there.
 */
#define NOTSENT		(64 * 1024)

struct bufferevent *
carrier_tcp_open(struct event_base *base, int fd)
{
	int on = 1, notsent = NOTSENT;

	/* These fail on unix sockets, which need none of them. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent,
	    sizeof(notsent));
	/* telnet's urgent data mark stays in the stream (RFC 854, Synch) */
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return bufferevent_socket_new(base, fd, 0);
}

static ssize_t
tcp_send(struct bufferevent *bev, struct iovec *iov, int n)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };

	if (n == 1)	/* most are, and this spares the kernel some work */
		return send(bufferevent_getfd(bev), iov->iov_base,
		    iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sendmsg(bufferevent_getfd(bev), &msg,
	    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static uint32_t
tcp_taken(struct bufferevent *bev)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_INFO, &info,
	    &len) == -1)
		return 0;
	return (uint32_t)info.tcpi_bytes_acked;
}

static ssize_t
tcp_recv(struct bufferevent *bev, void *data, size_t size)
{
	return recv(bufferevent_getfd(bev), data, size, MSG_DONTWAIT);
}

static const char *
tcp_why(struct bufferevent *bev)
{
	(void)bev;
	return errno == ECONNRESET || errno == EPIPE ? "reset" :
	    strerror(errno);
}

static void
tcp_shut(struct bufferevent *bev)
{
	shutdown(bufferevent_getfd(bev), SHUT_WR);
}

static int
tcp_close(struct bufferevent *bev)
{
	int fd = bufferevent_getfd(bev);

	bufferevent_free(bev);
	return fd;
}

const struct carrier carrier_tcp = {
	.name = "tcp",
	.send = tcp_send,
	.taken = tcp_taken,
	.recv = tcp_recv,
	.why = tcp_why,
	.shut = tcp_shut,
	.close = tcp_close,
};
