#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "sandbox.h"
#include "util.h"

#define DEADLINE	20000	/* ms */
#define NONE		77	/* a child's status: no such thing here */

static char dir[] = "/tmp/partyline-sandbox-XXXXXX";
static char inside[64], outside[64];
static char program[4096];

/* What a child does within; its status is the number of the line that fails. */
#define NEED(condition) do {						\
	if (!(condition))						\
		_exit(__LINE__ % 199 + 1 == NONE ? 1 :			\
		    __LINE__ % 199 + 1);				\
} while (0)

static void
setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(inside, sizeof(inside), "%s/in", dir);
	snprintf(outside, sizeof(outside), "%s/out", dir);
	cr_assert_eq(mkdir(inside, 0700), 0);
	cr_assert_eq(mkdir(outside, 0700), 0);
}

static void
teardown(void)
{
	char *command = xasprintf("rm -rf %s", dir);

	cr_assert_eq(system(command), 0);
	free(command);
}

TestSuite(sandbox, .init = setup, .fini = teardown, .timeout = 60);

/* The status of a child that runs this. */
static int
child(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		run();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void
passes(void (*run)(void))
{
	int status = child(run);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NONE)
		cr_skip_test("the kernel or the build has none");
	cr_assert_eq(status, 0, "status %#x", status);
}

static void
need_yes(char *said)
{
	if (strncmp(said, "yes", 3) != 0)
		_exit(NONE);
	free(said);
}

static int
make(const char *in, const char *name)
{
	char *path = xasprintf("%s/%s", in, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = errno;

	free(path);
	if (fd != -1)
		close(fd);
	errno = error;
	return fd == -1 ? -1 : 0;
}

/* Landlock. */

static void
files(void)
{
	struct sandbox_paths paths = { 0 };
	char *old = xasprintf("%s/old", outside);
	char *to = xasprintf("%s/new", inside);

	NEED(make(outside, "old") == 0);
	sandbox_paths_add(&paths, inside, MAY_READ | MAY_WRITE | MAY_MAKE |
	    MAY_REMOVE);
	sandbox_paths_add(&paths, "/nowhere/at/all", MAY_READ);
	sandbox_paths_add(&paths, "/dev/null", MAY_READ | MAY_WRITE |
	    MAY_MAKE);
	need_yes(landlock_enter(&paths));
	sandbox_paths_free(&paths);
	NEED(make(inside, "new") == 0);
	NEED(truncate(to, 0) == 0);
	NEED(unlink(to) == 0);
	NEED(open("/dev/null", O_RDWR | O_CLOEXEC) != -1);
	NEED(make(outside, "new") == -1 && errno == EACCES);
	NEED(open(old, O_RDONLY | O_CLOEXEC) == -1 && errno == EACCES);
	NEED(unlink(old) == -1 && errno == EACCES);
	NEED(rename(old, to) == -1);
	NEED(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) == -1);
	free(old);
	free(to);
}

Test(sandbox, files)
{
	passes(files);
}

static void
network(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr =
	    htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sandbox_paths paths = { 0 };
	char *said = landlock_enter(&paths);
	int version;

	if (sscanf(said, "yes, version %d", &version) != 1 || version < 4)
		_exit(NONE);
	free(said);
	NEED(bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1);
	NEED(errno == EACCES);
	sin.sin_port = htons(1);
	NEED(connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1);
	NEED(errno == EACCES);
}

Test(sandbox, network)
{
	passes(network);
}

/* System calls. */

static void *
thread(void *arg)
{
	return arg;
}

static void
calls(void)
{
	int local, fds[2];
	pthread_t id;
	void *p;

	need_yes(seccomp_enter(false));
	NEED(make(inside, "file") == 0);
	NEED((local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) != -1);
	NEED(close(local) == 0);
	NEED(pipe2(fds, O_CLOEXEC) == 0);
	NEED(pthread_create(&id, NULL, thread, &local) == 0);
	NEED(pthread_join(id, &p) == 0 && p == &local);
	NEED(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == ENOSYS);
	NEED(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == ENOSYS);
	NEED(syscall(SYS_setuid, 0) == -1 && errno == ENOSYS);
	NEED(syscall(SYS_chroot, "/") == -1 && errno == ENOSYS);
	NEED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL,
	    NULL) == -1);
	if (sandbox_extra_calls[0] != NULL)
		return;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(p == MAP_FAILED && errno == ENOSYS);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	NEED(p != MAP_FAILED);
	NEED(mprotect(p, 4096, PROT_READ | PROT_EXEC) == -1 && errno == ENOSYS);
	NEED(mprotect(p, 4096, PROT_READ) == 0);
}

Test(sandbox, calls)
{
	passes(calls);
}

/* Threads with 64 MiB each, for a moment. */
static void
passwords(void)
{
	const struct conf conf = { .auth_cost = COST_INTERACTIVE,
	    .auth_workers = 2, .auth_queue = 2 };
	struct request *req = request_new(CMD_LOGIN);
	char token[TOKEN_SIZE];
	struct mailbox box;
	struct auth *a;

	struct hashers *h = hashers_start(conf.auth_workers, DEADLINE,
	    true, NULL);

	need_yes(seccomp_enter(false));
	mailbox_init(&box, NULL, NULL);
	a = auth_new(&conf, h, &box);
	req->auth_job = AUTH_HASH;
	req->password = request_str(req, "password");
	NEED(auth_submit(a, req));
	NEED(mailbox_wait(&box, DEADLINE) == &req->mail);
	NEED(req->proof == PROOF_GOOD);
	req->auth_job = AUTH_VERIFY;
	req->hash = req->rehash;
	req->password = request_str(req, "password");
	NEED(auth_submit(a, req));
	NEED(mailbox_wait(&box, DEADLINE) == &req->mail);
	NEED(req->proof == PROOF_GOOD && req->rehash == NULL);
	auth_token_new(token);
	request_free(req);
	auth_free(a);
	mailbox_destroy(&box);
}

Test(sandbox, passwords)
{
	passes(passwords);
}

static void
intruder(void)
{
	need_yes(seccomp_enter(false));
	syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

Test(sandbox, intruder_is_ended)
{
	int status = child(intruder);

	if (WIFEXITED(status) && WEXITSTATUS(status) == NONE)
		cr_skip_test("the kernel or the build has none");
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
	    "status %#x", status);
}

/* All of it. */

static struct conf *
configure(void)
{
	const char *const texts[] = { xasprintf("state_dir=%s", inside),
	    xasprintf("listen=text %s/sock", inside), "loops=1" };
	struct conf_override o[NITEMS(texts)];
	struct conf *conf;
	char *error;
	size_t i;

	for (i = 0; i < NITEMS(texts); i++)
		o[i].text = texts[i];
	conf = conf_parse(NULL, o, NITEMS(o), &error);
	cr_assert_not_null(conf, "%s", error);
	free((void *)(uintptr_t)texts[0]);
	free((void *)(uintptr_t)texts[1]);
	return conf;
}

static unsigned
access_to(const struct sandbox_paths *p, const char *path)
{
	unsigned access = 0;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (strcmp(p->list[i].path, path) == 0)
			access |= p->list[i].access;
	}
	return access;
}

Test(sandbox, paths)
{
	struct sandbox_paths p = { 0 };
	struct conf *conf = configure();
	char *directory;
	ssize_t n;

	free(conf->log_to);
	conf->log_to = xstrdup("/var/log/party/log");
	sandbox_paths_make(&p, conf, "/srv/party/conf");
	cr_assert_eq(access_to(&p, inside), MAY_READ | MAY_WRITE | MAY_MAKE |
	    MAY_LISTEN | MAY_REMOVE);
	cr_assert_eq(access_to(&p, "/var/log/party"), MAY_WRITE | MAY_MAKE);
	cr_assert_eq(access_to(&p, "/srv/party"), MAY_READ);
	cr_assert_eq(access_to(&p, "/etc"), MAY_READ);
	cr_assert_eq(access_to(&p, outside), 0);
	/* A new binary beside this one. */
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	cr_assert_gt(n, 0);
	program[n] = '\0';
	directory = path_dir(program);
	cr_assert_eq(access_to(&p, directory), MAY_READ | MAY_EXECUTE);
	free(directory);
	sandbox_paths_free(&p);
	conf_free(conf);
}

/* The program takes this one's place within, as an upgrade does. */
static void
become(const char *beside)
{
	struct sandbox_paths paths = { 0 };
	struct conf *conf = configure();
	char *listen = xasprintf("listen=text %s/sock", inside);
	char *state = xasprintf("state_dir=%s", inside);

	NEED(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	sandbox_paths_make(&paths, conf, NULL);
	if (beside != NULL)
		sandbox_paths_add(&paths, beside, MAY_READ | MAY_EXECUTE);
	need_yes(landlock_enter(&paths));
	need_yes(seccomp_enter(false));
	setenv("PARTYLINED_SANDBOXED", "1", 1);
	execl(program, program, "-n", "-o", listen, "-o", state, "-o",
	    "loops=1", NULL);
}

static void
become_what_was_written(void)
{
	become(NULL);
	NEED(errno == EACCES);
}

/* Only what lies beside the running binary is executed. */
Test(sandbox, no_binary_from_elsewhere)
{
	char *command = xasprintf("cp /bin/true %s/true", inside);

	if (sandbox_extra_calls[0] != NULL)
		cr_skip_test("sanitizers execute what they need");
	cr_assert_eq(system(command), 0);
	free(command);
	snprintf(program, sizeof(program), "%s/true", inside);
	cr_assert_eq(access(program, X_OK), 0);
	passes(become_what_was_written);
}

/* Connects and is greeted: by then it serves. */
static bool
is_served(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool done;
	char c;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/sock", inside);
	done = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    read(fd, &c, 1) == 1;
	close(fd);
	return done;
}

static void
become_the_daemon(void)
{
	char *directory = path_dir(program);

	become(directory);
	_exit(1);
}

/* The daemon finds all that it needs, and ends in order. */
Test(sandbox, binary_starts_within)
{
	const char *partylined = getenv("PARTYLINED");
	uint64_t end = clock_ms() + DEADLINE;
	struct pollfd none = { .fd = -1 };
	int status = 0;
	pid_t pid;

	if (partylined == NULL)
		cr_skip_test("PARTYLINED is not set");
	snprintf(program, sizeof(program), "%s", partylined);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		become_the_daemon();
	}
	while (!is_served()) {
		cr_assert_lt(clock_ms(), end);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			cr_assert(WIFEXITED(status) && WEXITSTATUS(status) ==
			    NONE, "it has ended: %#x", status);
			cr_skip_test("the kernel or the build has none");
		}
		poll(&none, 1, 10);
	}
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "status %#x", status);
}
