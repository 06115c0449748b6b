#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hasher.h"
#include "log.h"
#include "sandbox.h"
#include "util.h"

#define NICE	19
#define OOM	500		/* of -1000 to 1000 */
#define TITLE	"partylined: auth"
#define TRIES	2		/* of processes with a sum */
#define NURSE_MS 10000		/* that it takes to answer at most */

struct hash_answer {
	bool		 good;
	unsigned char	 sum[HASH_SUM_SIZE];
};

/* What the nurse answers: one was ended, and another is in its place. */
struct nursed {
	pid_t		 old, new;	/* -1: there is none */
};

struct hashers {
	unsigned	 n;
	int		 ms;		/* that a sum takes at most */
	pid_t		 nurse;
	int		 ctl;		/* to it */
	pthread_mutex_t	 lock;		/* to ask it, and of the next one */
	bool		 silent;	/* it has not answered */
	int		 fds[];		/* to each; -1: it is gone */
};

/* Not SCHED_IDLE: on a busy machine that gets next to nothing. A thread's
 * niceness is its own on Linux, whatever POSIX says. */
static void
be_last(void)
{
	setpriority(PRIO_PROCESS, 0, NICE);
}

static void
compute(const struct hash_input *in, struct hash_answer *answer)
{
	answer->good = in->len <= sizeof(in->password) && crypto_pwhash(
	    answer->sum, sizeof(answer->sum), in->password, in->len, in->salt,
	    in->cost.passes, in->cost.memory,
	    crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* Each sum has a process, so that nothing of it stays, and if it is killed
 * (it is what a kernel short of memory looks for), it is that sum alone. */
static void
compute_apart(const struct hash_input *in, struct hash_answer *shared)
{
	pid_t pid;
	int status = 0;

	shared->good = false;
	if ((pid = fork()) == -1)
		return;
	if (pid == 0) {
		compute(in, shared);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (status != 0)
		shared->good = false;
}

static ssize_t
receive(int fd, void *data, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, data, size, 0);
	while (n == -1 && errno == EINTR);
	return n;
}

/* Until the daemon closes its end, or is no more. */
static void __attribute__((noreturn))
serve(int fd)
{
	struct hash_input in;
	struct hash_answer *answer = mmap(NULL, sizeof(*answer),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (answer == MAP_FAILED)
		_exit(1);
	while (receive(fd, &in, sizeof(in)) == (ssize_t)sizeof(in)) {
		compute_apart(&in, answer);
		sodium_memzero(&in, sizeof(in));
		if (send(fd, answer, sizeof(*answer), MSG_NOSIGNAL) == -1)
			break;
		sodium_memzero(answer, sizeof(*answer));
	}
	_exit(0);
}

/* What ps shows, over what the program was started with. */
static void
set_title(char **argv)
{
	char *end;
	size_t i;

	prctl(PR_SET_NAME, "auth");
	if (argv == NULL || argv[0] == NULL)
		return;
	for (i = 1, end = argv[0] + strlen(argv[0]); argv[i] == end + 1; i++)
		end += 1 + strlen(argv[i]);
	memset(argv[0], '\0', (size_t)(end - argv[0]));
	snprintf(argv[0], (size_t)(end - argv[0]) + 1, "%s", TITLE);
}

/* Whoever ends the daemon, from the terminal or as a whole group, leaves these
 * until it has used them for the last time. */
static void
ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM,
	    SIGUSR1, SIGUSR2 };
	size_t i;

	for (i = 0; i < NITEMS(signals); i++)
		signal(signals[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);	/* some inetds have it ignored */
}

/* A kernel short of memory is to take what a login uses, not the daemon. */
static void
be_first_to_go(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd == -1)
		return;		/* then the kernel chooses by itself */
	dprintf(fd, "%d", OOM);
	close(fd);
}

/* Nothing is kept open but these two, the lower one first; they may be one. */
static void
close_others(int low, int high)
{
	if (low > 0)
		close_range(0, (unsigned)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned)low + 1, (unsigned)high - 1, 0);
	close_range((unsigned)high + 1, UINT_MAX, 0);
}

/* A group of its own: what it has begun ends with it. */
static pid_t
bear(int fd, bool confined)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	be_last();
	close_others(fd, fd);
	if (confined)
		free(seccomp_enter_bare(false));
	serve(fd);
}

/* Whether it runs, is stopped, or has ended. */
static void
end(pid_t pid)
{
	if (pid <= 0)
		return;
	if (kill(-pid, SIGKILL) == -1)
		kill(pid, SIGKILL);	/* before it had one */
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		;
}

/* Which one is to be replaced, and its end of the socket to the daemon; -1:
 * the daemon has closed its own. */
static int
receive_order(int ctl, unsigned *number)
{
	union {
		struct cmsghdr	 head;
		char		 bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { number, sizeof(*number) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;
	ssize_t n;
	int fd;

	do
		n = recvmsg(ctl, &m, 0);
	while (n == -1 && errno == EINTR);
	if (n != (ssize_t)sizeof(*number) || (c = CMSG_FIRSTHDR(&m)) == NULL)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/*
 * The parent of those that hash. The daemon may signal nobody from its sandbox,
 * and what it forked later would have all that its clients said: so this one
 * ends and starts them.
 */
static void __attribute__((noreturn))
nurse(int ctl, const int *fds, unsigned n, bool confined)
{
	pid_t *pids = xcalloc(n, sizeof(*pids));
	struct nursed done;
	unsigned i;
	int fd;

	for (i = 0; i < n; i++) {
		if ((pids[i] = bear(fds[i], confined)) == -1)
			err(1, "fork");
	}
	close_others(ctl, ctl);
	if (confined)
		free(seccomp_enter_bare(true));
	while ((fd = receive_order(ctl, &i)) != -1) {
		done.old = done.new = -1;
		if (i < n) {
			end(done.old = pids[i]);
			done.new = pids[i] = bear(fd, confined);
		}
		close(fd);
		send(ctl, &done, sizeof(done), MSG_NOSIGNAL);
	}
	for (i = 0; i < n; i++)
		end(pids[i]);
	_exit(0);
}

/* Both ends of a socket to a process. */
static void
make_pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
		err(1, "socketpair");
}

struct hashers *
hashers_start(unsigned n, unsigned ms, bool sandbox, char **argv)
{
	struct hashers *h = xcalloc(1, sizeof(*h) + n * sizeof(h->fds[0]));
	int *theirs = xcalloc(n, sizeof(*theirs)), fds[2];
	unsigned i;

	if (sodium_init() == -1)
		errx(1, "libsodium");
	h->n = n;
	h->ms = (int)ms;
	pthread_mutex_init(&h->lock, NULL);
	for (i = 0; i < n; i++) {
		make_pair(fds);
		h->fds[i] = fds[0];
		theirs[i] = fds[1];
	}
	make_pair(fds);
	h->ctl = fds[0];
	if ((h->nurse = fork()) == -1)
		err(1, "fork");
	if (h->nurse == 0) {
		ignore_signals();
		set_title(argv);
		be_first_to_go();
		nurse(fds[1], theirs, n, sandbox && !sandbox_inherited());
	}
	close(fds[1]);
	for (i = 0; i < n; i++)
		close(theirs[i]);
	free(theirs);
	return h;
}

static bool
is_readable(int fd, int ms)
{
	uint64_t end = clock_ms() + (uint64_t)ms, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	while ((n = poll(&p, 1, ms)) == -1 && errno == EINTR) {
		now = clock_ms();
		ms = now < end ? (int)(end - now) : 0;
	}
	return n == 1;
}

/* Gives the nurse the other end of a new one's socket. */
static bool
send_order(int ctl, unsigned number, int fd)
{
	union {
		struct cmsghdr	 head;
		char		 bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { &number, sizeof(number) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(ctl, &m, MSG_NOSIGNAL) != -1;
}

/* The descriptor of another one in its place, or -1. */
static int
renew(struct hashers *h, unsigned i, struct nursed *done)
{
	int fds[2];

	if (h->silent || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    fds) == -1)
		return -1;
	h->silent = !send_order(h->ctl, i, fds[1]) ||
	    !is_readable(h->ctl, NURSE_MS) ||
	    receive(h->ctl, done, sizeof(*done)) != (ssize_t)sizeof(*done);
	close(fds[1]);
	if (!h->silent && done->new != -1)
		return fds[0];
	close(fds[0]);
	return -1;
}

/* Somebody has ended or stopped it. If there is none in its place this is done
 * in the daemon from now on, if need be in everybody's way. */
static void
replace(struct hashers *h, unsigned i, const char *reason)
{
	struct nursed done = { -1, -1 };

	close(h->fds[i]);
	pthread_mutex_lock(&h->lock);
	h->fds[i] = renew(h, i, &done);
	pthread_mutex_unlock(&h->lock);
	if (h->fds[i] != -1)
		log_error("auth-process-gone", LU("pid", done.old),
		    LS("reason", reason), LU("replaced_by", done.new), LEND);
	else
		log_error("auth-process-gone", LU("worker", i),
		    LS("reason", reason), LEND);
}

/* NULL, or what keeps it from an answer. */
static const char *
ask(const struct hashers *h, unsigned i, const struct hash_input *in,
    struct hash_answer *answer)
{
	if (send(h->fds[i], in, sizeof(*in), MSG_NOSIGNAL) == -1)
		return "ended";
	if (!is_readable(h->fds[i], h->ms))
		return "silent";
	return receive(h->fds[i], answer, sizeof(*answer)) ==
	    (ssize_t)sizeof(*answer) ? NULL : "ended";
}

bool
hashers_sum(struct hashers *h, unsigned i, const struct hash_input *in,
    unsigned char sum[HASH_SUM_SIZE])
{
	struct hash_answer answer = { 0 };
	const char *why = "none";
	unsigned tries;
	bool good;

	for (tries = 0; tries < TRIES && why != NULL && h->fds[i] != -1;
	    tries++) {
		if ((why = ask(h, i, in, &answer)) != NULL)
			replace(h, i, why);
	}
	if (why != NULL) {
		be_last();
		compute(in, &answer);
	}
	if ((good = answer.good))
		memcpy(sum, answer.sum, sizeof(answer.sum));
	sodium_memzero(&answer, sizeof(answer));
	return good;
}

void
hashers_end(struct hashers *h)
{
	unsigned i;

	if (h == NULL)
		return;
	for (i = 0; i < h->n; i++) {
		if (h->fds[i] != -1)
			close(h->fds[i]);
	}
	/* It closes its own as it ends; if it is stopped it is left alone. */
	shutdown(h->ctl, SHUT_WR);
	if (is_readable(h->ctl, NURSE_MS)) {
		while (waitpid(h->nurse, NULL, 0) == -1 && errno == EINTR)
			;
	}
	close(h->ctl);
	pthread_mutex_destroy(&h->lock);
	free(h);
}
