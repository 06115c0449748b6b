#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

struct hash_answer {
	bool		 good;
	unsigned char	 sum[HASH_SUM_SIZE];
};

struct hashers {
	unsigned	 n;
	struct hasher {
		int	 fd;		/* -1: it is gone */
		pid_t	 pid;
	} list[];
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

static void __attribute__((noreturn))
become(int fd, bool sandbox, char **argv)
{
	ignore_signals();
	if (fd > 0)
		close_range(0, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, UINT_MAX, 0);
	set_title(argv);
	be_last();
	be_first_to_go();
	if (sandbox && !sandbox_inherited())
		free(seccomp_enter_bare());
	serve(fd);
}

struct hashers *
hashers_start(unsigned n, bool sandbox, char **argv)
{
	struct hashers *h = xcalloc(1, sizeof(*h) + n * sizeof(h->list[0]));
	struct hasher *at;
	int fds[2];

	if (sodium_init() == -1)
		errx(1, "libsodium");
	for (; h->n < n; h->n++) {
		at = &h->list[h->n];
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		    fds) == -1)
			err(1, "socketpair");
		if ((at->pid = fork()) == -1)
			err(1, "fork");
		if (at->pid == 0)
			become(fds[1], sandbox, argv);
		close(fds[1]);
		at->fd = fds[0];
	}
	return h;
}

/* Somebody has ended it: from now on in the daemon, if need be in everybody's
 * way. */
static void
lose(struct hasher *h)
{
	log_error("auth-process-gone", LU("pid", h->pid), LEND);
	close(h->fd);
	h->fd = -1;
	be_last();
}

bool
hashers_sum(struct hashers *h, unsigned i, const struct hash_input *in,
    unsigned char sum[HASH_SUM_SIZE])
{
	struct hasher *at = &h->list[i];
	struct hash_answer answer = { 0 };
	bool good;

	if (at->fd != -1 && (send(at->fd, in, sizeof(*in), MSG_NOSIGNAL) ==
	    -1 || receive(at->fd, &answer, sizeof(answer)) !=
	    (ssize_t)sizeof(answer)))
		lose(at);
	if (at->fd == -1)
		compute(in, &answer);
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
		if (h->list[i].fd != -1)
			close(h->list[i].fd);
	}
	for (i = 0; i < h->n; i++) {
		while (waitpid(h->list[i].pid, NULL, 0) == -1 &&
		    errno == EINTR)
			;
	}
	free(h);
}
