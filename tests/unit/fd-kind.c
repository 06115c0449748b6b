#include <sys/socket.h>
#include <sys/un.h>

#include <criterion/criterion.h>

#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "fd-kind.h"

static int
socket_on_loopback(int type)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type, 0);

	cr_assert_neq(fd, -1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

Test(fd_kind, tells_what_a_descriptor_is)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int listening = socket_on_loopback(SOCK_STREAM);
	int bound = socket_on_loopback(SOCK_STREAM);
	int udp = socket_on_loopback(SOCK_DGRAM);
	int client, served, fds[2];

	cr_assert_eq(listen(listening, 1), 0);
	cr_assert_eq(getsockname(listening, (struct sockaddr *)&ss, &len), 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&ss, len), 0);
	served = accept(listening, NULL, NULL);
	cr_expect_eq(fd_kind(listening), FD_LISTENS);
	cr_expect_eq(fd_kind(bound), FD_GONE);
	cr_expect_eq(fd_kind(udp), FD_OTHER);
	cr_expect_eq(fd_kind(client), FD_CLIENT);
	cr_expect_eq(fd_kind(served), FD_CLIENT);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_expect_eq(fd_kind(fds[0]), FD_PAIR);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	cr_expect_eq(fd_kind(fds[0]), FD_OTHER);
	cr_assert_eq(pipe(fds), 0);
	cr_expect_eq(fd_kind(fds[0]), FD_STREAM);
	close(fds[0]);
	cr_expect_eq(fd_kind(fds[0]), FD_CLOSED);
}

Test(fd_kind, tells_a_unix_client_from_a_pair)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int listening = socket(AF_UNIX, SOCK_STREAM, 0), client, served;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "/tmp/pl-unit-%ld",
	    (long)getpid());
	unlink(sun.sun_path);
	cr_assert_eq(bind(listening, (struct sockaddr *)&sun, sizeof(sun)), 0);
	cr_assert_eq(listen(listening, 1), 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&sun, sizeof(sun)), 0);
	served = accept(listening, NULL, NULL);
	unlink(sun.sun_path);
	cr_expect_eq(fd_kind(served), FD_CLIENT);
	cr_expect_eq(fd_kind(listening), FD_LISTENS);
}
