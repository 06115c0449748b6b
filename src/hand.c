#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hand.h"
#include "handover.h"
#include "privileges.h"
#include "util.h"

#define PATIENCE_MS	30000	/* for all of it */
#define LOOK_MS		2	/* between looks at the lock */
#define START_MS	100	/* after a start that failed; doubled */
#define START_MAX	1600	/* after the last one */

struct giving {
	const struct conf *conf;
	const struct conf_source *source;
	char		*path;		/* the hand-over socket's */
	uint64_t	 until;		/* clock_ms() */
	unsigned	 wait;		/* ms after the next failed start */
};

static void
sleep_ms(unsigned ms)
{
	const struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/* -1 with errno if nobody listens there. */
static int
dial(const char *path)
{
	const struct timeval wait = { PATIENCE_MS / 1000, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Locks. */

/* The daemon's root may be another one than ours. */
static char *
control_path(const struct conf *conf)
{
	return xasprintf("%s%s", conf->chroot, conf->control);
}

static char *
socket_path(const struct conf *conf)
{
	char *control = control_path(conf), *path = handover_path(control);

	free(control);
	return path;
}

/* The directory itself is locked: a file would be some user's. -1 with errno;
 * EWOULDBLOCK if somebody else has it. */
static int
lock(const struct conf *conf)
{
	char *control = control_path(conf), *dir = path_dir(control);
	int fd, saved;

	privileges_mkdir(conf, dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	saved = errno;
	free(control);
	free(dir);
	if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1) {
		saved = errno;
		close(fd);
		fd = -1;
	}
	errno = saved;
	return fd;
}

static char *
cannot_lock(const struct conf *conf)
{
	return xasprintf("control: the directory of %s%s cannot be had: %s",
	    conf->chroot, conf->control, strerror(errno));
}

/* Starting a daemon. */

/* As this process was started, but for the background. */
static char **
command(const struct giving *g)
{
	static char self[PATH_MAX];
	const struct conf_source *s = g->source;
	char **argv = xcalloc(2 * s->noverrides + 10, sizeof(*argv)), **p;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t i;

	self[len > 0 ? len : 0] = '\0';
	p = argv;
	*p++ = self;
	*p++ = xstrdup("-d");
	if (s->file != NULL) {
		*p++ = xstrdup("-f");
		*p++ = xstrdup(s->file);
	} else if (s->no_file)
		*p++ = xstrdup("-n");
	for (i = 0; i < s->noverrides; i++) {
		*p++ = xstrdup("-o");
		*p++ = xstrdup(s->overrides[i].text);
	}
	/* Nobody reads its standard error. */
	if (strcmp(g->conf->log_to, "stderr") == 0) {
		*p++ = xstrdup("-o");
		*p++ = xstrdup("log_to=syslog");
	}
	/* Where inetd listens, the daemon's default would only clash. */
	if (!g->conf->listen_set) {
		*p++ = xstrdup("-o");
		*p++ = xstrdup("listen=none");
	}
	return argv;
}

/* Nothing of the client's, nor of this process's service, is left to it. */
static void __attribute__((noreturn))
become_daemon(char **argv)
{
	static const char *const ours[] = { "NOTIFY_SOCKET", "WATCHDOG_PID",
	    "WATCHDOG_USEC", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY" };
	int null = open("/dev/null", O_RDWR);
	size_t i;

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	for (i = 0; i < NITEMS(ours); i++)
		unsetenv(ours[i]);
	execv(argv[0], argv);
	_exit(127);
}

/* Until it serves; false if it does not. What it says goes to our standard
 * error. */
static bool
start(const struct giving *g)
{
	char **argv = command(g);
	int status = 1, i;
	pid_t pid;

	signal(SIGCHLD, SIG_DFL);	/* some inetds have it ignored */
	pid = fork();
	if (pid == 0)
		become_daemon(argv);
	while (pid != -1 && waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	for (i = 1; argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
	return pid != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Starts one, or waits for who does. False: *why. */
static bool
provide(struct giving *g, char **why)
{
	int fd, probe;

	fd = lock(g->conf);
	if (fd == -1 && errno == EWOULDBLOCK) {
		sleep_ms(LOOK_MS);
		return true;
	}
	if (fd == -1) {
		*why = cannot_lock(g->conf);
		return false;
	}
	probe = dial(g->path);
	if (probe != -1)	/* whoever had the lock has started it */
		close(probe);
	else if (!start(g)) {
		/* The one before may still be about to end. */
		sleep_ms(g->wait);
		g->wait *= 2;
	}
	close(fd);
	if (g->wait > START_MAX)
		*why = xstrdup("no daemon could be started");
	return *why == NULL;
}

/* Handing over. */

static bool
send_gift(int sock, int fd, const char *line)
{
	union {
		struct cmsghdr	 align;
		char		 room[CMSG_SPACE(sizeof(int))];
	} control = { .room = "" };
	struct iovec iov[2] = { { (char *)line, strlen(line) },
	    { (char *)"\n", 1 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2,
	    .msg_control = control.room,
	    .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	while ((n = sendmsg(sock, &msg, MSG_NOSIGNAL)) == -1 &&
	    errno == EINTR)
		;
	return n == (ssize_t)strlen(line) + 1;
}

/* -1: the daemon has gone before it took it. */
static int
give(int sock, int fd, const char *line, char **why)
{
	char answer[HANDOVER_LINE];
	ssize_t n = -1;

	if (send_gift(sock, fd, line) || errno == EPIPE) {
		while ((n = recv(sock, answer, sizeof(answer) - 1, 0)) == -1 &&
		    errno == EINTR)
			;
	}
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		*why = xstrdup("the daemon does not answer");
		return HAND_FAILED;
	}
	if (n <= 0)
		return -1;
	answer[n] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (strcmp(answer, "ok") == 0)
		return HANDED;
	*why = xasprintf("the daemon says: %s", answer);
	if (strncmp(answer, "server-full", strlen("server-full")) == 0)
		return HAND_FULL;
	return strncmp(answer, "forbidden", strlen("forbidden")) == 0 ?
	    HAND_FORBIDDEN : HAND_FAILED;
}

static enum handed
try(struct giving *g, int fd, const char *line, char **why)
{
	int sock, result;

	for (;;) {
		sock = dial(g->path);
		if (sock != -1) {
			result = give(sock, fd, line, why);
			close(sock);
			if (result != -1)
				return (enum handed)result;
		} else if (errno == EACCES || errno == EPERM) {
			*why = xasprintf("%s: %s; only root and the daemon's "
			    "own user may use it", g->path, strerror(errno));
			return HAND_FORBIDDEN;
		} else if (errno != ENOENT && errno != ECONNREFUSED) {
			*why = xasprintf("%s: %s", g->path, strerror(errno));
			return HAND_FAILED;
		}
		if (clock_ms() >= g->until) {
			*why = xstrdup("no daemon has started in time");
			return HAND_FAILED;
		}
		if (!provide(g, why))
			return HAND_FAILED;
	}
}

enum handed
hand(const struct conf *conf, const struct conf_source *source, int fd,
    const char *line, char **why)
{
	struct giving g = { .conf = conf, .source = source, .wait = START_MS };
	enum handed result;

	*why = NULL;
	if (conf->control[0] == '\0') {
		*why = xstrdup("control is empty; -i hands its clients over "
		    "beside the control socket");
		return HAND_FAILED;
	}
	g.path = socket_path(conf);
	g.until = clock_ms() + PATIENCE_MS;
	result = try(&g, fd, line, why);
	free(g.path);
	return result;
}

bool
hand_claim(const struct conf *conf, int *fd, char **why)
{
	uint64_t until = clock_ms() + PATIENCE_MS;
	char *path = socket_path(conf);
	int probe;

	*why = NULL;
	while ((*fd = lock(conf)) == -1 && errno == EWOULDBLOCK &&
	    clock_ms() < until)
		sleep_ms(LOOK_MS);
	if (*fd == -1)
		*why = cannot_lock(conf);	/* or whoever has it hangs */
	else if ((probe = dial(path)) != -1) {
		close(probe);
		close(*fd);
		*fd = -1;
	}
	free(path);
	return *fd != -1;
}
