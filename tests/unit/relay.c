#include <sys/socket.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay.h"
#include "util.h"

#define MUCH	(3 * 1024 * 1024 + 17)

/* The three ends that are not the relay's. */
struct ends {
	int	 in, out, sock;
	pid_t	 pid;
};

static struct ends
start(void)
{
	int in[2], out[2], sock[2];
	struct ends e;

	cr_assert_eq(pipe(in), 0);
	cr_assert_eq(pipe(out), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
	signal(SIGPIPE, SIG_IGN);
	cr_assert_neq(e.pid = fork(), -1);
	if (e.pid == 0) {
		close(in[1]);
		close(out[0]);
		close(sock[0]);
		relay(in[0], out[1], sock[1]);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	close(sock[1]);
	e.in = in[1];
	e.out = out[0];
	e.sock = sock[0];
	return e;
}

static void
ends_well(struct ends *e)
{
	int status;

	cr_assert_eq(waitpid(e->pid, &status, 0), e->pid);
	cr_expect_eq(status, 0);
}

static unsigned char
byte_at(size_t i)
{
	return (unsigned char)(i * 31 + i / 4096);
}

static void
write_much(int fd)
{
	unsigned char *bytes = (unsigned char *)xmalloc(MUCH);
	size_t i, at;
	ssize_t n;

	for (i = 0; i < MUCH; i++)
		bytes[i] = byte_at(i);
	for (at = 0; at < MUCH; at += (size_t)n)
		cr_assert_gt(n = write(fd, bytes + at, MUCH - at), 0);
	free(bytes);
}

/* So many, all as they should be; fewer if it ends before. */
static size_t
read_much(int fd, size_t max)
{
	unsigned char bytes[5000];
	size_t at = 0;
	ssize_t n, i;

	while (at < max && (n = read(fd, bytes, sizeof(bytes))) > 0) {
		for (i = 0; i < n; i++, at++)
			cr_assert_eq(bytes[i], byte_at(at), "byte %zu", at);
	}
	return at;
}

static void *
writer(void *arg)
{
	int fd = *(int *)arg;

	write_much(fd);
	return NULL;
}

Test(relay, both_ways_at_once, .timeout = 60)
{
	struct ends e = start();
	pthread_t up, down;
	char byte;

	cr_assert_eq(pthread_create(&up, NULL, writer, &e.in), 0);
	cr_assert_eq(pthread_create(&down, NULL, writer, &e.sock), 0);
	/* One way stands still while the other one is read. */
	cr_expect_eq(read_much(e.out, MUCH), MUCH);
	cr_expect_eq(read_much(e.sock, MUCH), MUCH);
	pthread_join(up, NULL);
	pthread_join(down, NULL);
	close(e.sock);
	cr_expect_eq(read(e.out, &byte, 1), 0);
	ends_well(&e);
}

Test(relay, the_end_of_input_is_passed_on, .timeout = 60)
{
	struct ends e = start();
	char bytes[16];

	cr_assert_eq(write(e.in, "last", 4), 4);
	close(e.in);
	cr_assert_eq(recv(e.sock, bytes, 4, MSG_WAITALL), 4);
	cr_expect_eq(read(e.sock, bytes, 1), 0);
	cr_assert_eq(send(e.sock, "answer", 6, 0), 6);
	close(e.sock);
	cr_assert_eq(read(e.out, bytes, 6), 6);
	cr_expect_eq(read(e.out, bytes, 1), 0);
	ends_well(&e);
}

Test(relay, all_is_written_before_it_ends, .timeout = 60)
{
	struct ends e = start();
	int room = MUCH;
	char first[1000], byte;

	/* What the pipe has no room for waits in the socket and the relay. */
	setsockopt(e.sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	memset(first, 'x', sizeof(first));
	while (send(e.sock, first, sizeof(first), MSG_DONTWAIT) > 0)
		room -= (int)sizeof(first);
	close(e.sock);
	for (room = MUCH - room; room > 0; room--)
		cr_assert_eq(read(e.out, &byte, 1), 1);
	cr_expect_eq(read(e.out, &byte, 1), 0);
	ends_well(&e);
}

Test(relay, ends_where_nobody_reads, .timeout = 60)
{
	struct ends e = start();

	close(e.out);
	cr_assert_eq(send(e.sock, "x", 1, 0), 1);
	ends_well(&e);
}
