#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "auth.h"
#include "log.h"
#include "record.h"
#include "sandbox.h"
#include "session.h"
#include "store.h"
#include "upgrade.h"
#include "util.h"

#define STILL_MS	10000	/* clients rest at most this long, or as long
				 * as upgrade_timeout */
#define REAP_MS		10	/* between looks at what was killed */
#define TELL_MS		2000	/* until a failure is told at the latest */
#define CHUNK		(256u << 10)	/* bytes of a message, about */

/* What is waited for. */
enum step {
	STEP_HELLO,		/* the new one starts; clients are served */
	STEP_STILL,		/* all loops without input */
	STEP_QUIET,		/* and without requests unanswered */
	STEP_HUB_QUIET,		/* and the hub */
	STEP_LOOPS,		/* the loops' records */
	STEP_HUB,		/* the hub's */
	STEP_READY,		/* the new one, to have taken them */
	STEP_LEAVE,		/* it serves; the last clients to let go */
	STEP_DONE,
	STEP_FAILED		/* the loops go on */
};

struct upgrade {
	struct keeper	*keeper;
	struct daemon	*daemon;
	client_id	 who;		/* is to be answered; 0: nobody */
	char		*file;
	pid_t		 pid;		/* 0: reaped */
	int		 fd;		/* -1: closed */
	struct event	*input, *timer;
	enum step	 step;
	unsigned	 left;		/* orders out */
	struct saved	**saved;	/* of the loops, then the hub's */
	unsigned	 nsaved;
	uint32_t	 clients;
	uint64_t	 still_since, due;	/* clock_ms() */
	bool		 store_rests;
	char		*version;	/* the new one's */
	char		*why;		/* it failed, to be told the operator */
	uint64_t	 failed;	/* clock_ms() */
};

static void step_on(struct upgrade *);

/*
 * The operator hears of a failure when another try would be possible; or after
 * a while, for the store may have to answer first.
 */
static void
tell_failure(struct upgrade *u)
{
	if (u->why == NULL || (!upgrade_is_over(u) &&
	    clock_ms() - u->failed < TELL_MS))
		return;
	keeper_answer(u->keeper, u->who, NULL, "upgrade-failed", u->why);
	free(u->why);
	u->why = NULL;
}

/* Orders. */

static void
order(struct upgrade *u, enum order_kind kind, bool hub)
{
	struct daemon *d = u->daemon;
	struct order *o;
	unsigned i, n = hub ? 1 : d->nloops;

	for (i = 0; i < n; i++) {
		o = xcalloc(1, sizeof(*o));
		o->mail.kind = MAIL_ORDER;
		o->kind = kind;
		u->left++;
		mailbox_post_one(hub ? d->hub : &d->loops[i].box, &o->mail);
	}
}

static void
saved_drop(struct upgrade *u)
{
	while (u->nsaved > 0)
		saved_free(u->saved[--u->nsaved]);
	free(u->saved);
	u->saved = NULL;
}

void
upgrade_carried_out(struct upgrade *u, struct order *o)
{
	if (o->saved != NULL) {
		u->saved = xrealloc(u->saved,
		    (u->nsaved + 1) * sizeof(*u->saved));
		u->saved[u->nsaved++] = o->saved;
		u->clients += o->count;
	}
	free(o);
	if (--u->left > 0)
		return;
	if (u->step == STEP_FAILED) {
		saved_drop(u);
		tell_failure(u);
	} else
		step_on(u);
}

/* The end of it. */

static void
wait_at_most(struct upgrade *u, uint64_t ms)
{
	struct timeval tv = { (time_t)(ms / 1000),
	    (suseconds_t)(ms % 1000 * 1000) };

	u->due = clock_ms() + ms;
	evtimer_add(u->timer, &tv);
}

static void
disconnect(struct upgrade *u)
{
	if (u->input != NULL)
		event_free(u->input);
	u->input = NULL;
	if (u->fd != -1)
		close(u->fd);
	u->fd = -1;
}

/* How it has ended, which is told in a buffer; false if it has not. */
static bool
reap(struct upgrade *u, struct buf *how)
{
	int status;

	if (u->pid == 0 || waitpid(u->pid, &status, WNOHANG) != u->pid)
		return u->pid == 0;
	u->pid = 0;
	if (how == NULL)
		return true;
	if (WIFEXITED(status))
		buf_addf(how, "it ended with status %d", WEXITSTATUS(status));
	else
		buf_addf(how, "it was ended by signal %s",
		    sigabbrev_np(WTERMSIG(status)));
	return true;
}

/* Clients go on where they were: the new one never served anybody. */
static void
go_on(struct upgrade *u)
{
	char *error;

	if (u->store_rests && !store_start(u->daemon->store, u->daemon->hub,
	    &error)) {
		log_error("upgrade-failed", LS("reason", error), LEND);
		free(error);
		keeper_end(u->keeper);
		return;
	}
	u->store_rests = false;
	if (u->step >= STEP_STILL) {
		order(u, ORDER_GO_ON, false);
		keeper_rest(u->keeper, false);
	}
}

static void
fail(struct upgrade *u, const char *reason)
{
	if (u->step >= STEP_LEAVE)
		return;
	/* First of all: one that is READY goes ahead when it is alone. */
	if (u->pid != 0)
		kill(u->pid, SIGKILL);
	disconnect(u);
	go_on(u);
	log_error("upgrade-failed", LS("binary", u->file), LS("reason",
	    reason), LU("still_ms", u->step >= STEP_STILL ?
	    clock_ms() - u->still_since : 0), LEND);
	u->step = STEP_FAILED;
	u->why = xstrdup(reason);
	u->failed = clock_ms();
	saved_drop(u);
	wait_at_most(u, REAP_MS);
	tell_failure(u);
}

void
upgrade_cancel(struct upgrade *u, const char *reason)
{
	fail(u, reason);
}

/* The socket says no more: what has become of it? */
static void
fail_ended(struct upgrade *u)
{
	struct buf how = { 0 };
	int i;

	/* What has closed its last descriptor is about to be gone. */
	for (i = 0; i < 50 && !reap(u, &how); i++)
		poll(NULL, 0, 2);
	if (how.len == 0)
		buf_adds(&how, "it does not speak");
	fail(u, buf_str(&how));
	buf_free(&how);
}

static void
timer_cb(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;

	(void)fd;
	(void)what;
	if (u->step < STEP_LEAVE)
		fail(u, u->step == STEP_HELLO || u->step == STEP_READY ?
		    "it is silent" :
		    "what clients asked for is still unanswered");
	else if (u->step == STEP_FAILED) {
		reap(u, NULL);
		tell_failure(u);
		if (u->pid != 0 || u->why != NULL)
			wait_at_most(u, REAP_MS);
	}
}

/* The state, once everything rests. */

/* A loop's clients, some in a message. */
static bool
send_clients(const struct upgrade *u, const struct saved *saved)
{
	struct buf b = { 0 };
	const char *at = saved->bytes.data;
	uint32_t i, first = 0;
	bool ok = true;

	for (i = 0; i < saved->n && ok; i++) {
		buf_add(&b, &saved->lens[i], sizeof(saved->lens[i]));
		buf_add(&b, at, saved->lens[i]);
		at += saved->lens[i];
		if (i + 1 < saved->n && i + 1 - first < UPGRADE_FDS &&
		    b.len < CHUNK)
			continue;
		ok = upgrade_send(u->fd, UPGRADE_SESSIONS, b.data, b.len,
		    saved->fds + first, i + 1 - first, u->due);
		first = i + 1;
		buf_reset(&b);
	}
	buf_free(&b);
	return ok;
}

static void
send_state(struct upgrade *u)
{
	const struct saved *hub = u->saved[u->nsaved - 1];
	unsigned i;

	store_rest(u->daemon->store);
	u->store_rests = true;
	for (i = 0; i + 1 < u->nsaved; i++) {
		if (!send_clients(u, u->saved[i]))
			goto failed;
	}
	if (!upgrade_send(u->fd, UPGRADE_HUB, hub->bytes.data, hub->bytes.len,
	    NULL, 0, u->due) || !upgrade_send(u->fd, UPGRADE_END, NULL, 0,
	    NULL, 0, u->due))
		goto failed;
	saved_drop(u);
	u->step = STEP_READY;
	return;
failed:
	if (errno == EPIPE || errno == ECONNRESET)
		fail_ended(u);
	else
		fail(u, errno == ETIMEDOUT ? "it takes nothing" :
		    strerror(errno));
}

static void
leave(struct upgrade *u)
{
	struct buf b = { 0 };

	if (!upgrade_send(u->fd, UPGRADE_GO, NULL, 0, NULL, 0, u->due)) {
		fail_ended(u);
		return;
	}
	service_notify("MAINPID=%ld", (long)u->pid);
	log_notice("upgraded", LU("pid", u->pid), LS("version", u->version),
	    LU("clients", u->clients), LU("still_ms", clock_ms() -
	    u->still_since), LEND);
	control_addu(&b, "pid", (uint64_t)u->pid);
	control_adds(&b, "version", u->version);
	control_addu(&b, "clients", u->clients);
	control_addu(&b, "still_ms", clock_ms() - u->still_since);
	keeper_answer(u->keeper, u->who, &b, NULL, NULL);
	buf_free(&b);
	evtimer_del(u->timer);
	disconnect(u);
	u->step = STEP_LEAVE;
	order(u, ORDER_LEAVE, false);
}

/* What was ordered is carried out. */
static void
step_on(struct upgrade *u)
{
	switch (u->step) {
	case STEP_STILL:
		/* Else all would wait for whose passwords do. */
		auth_clear(u->daemon->auth);
		u->step = STEP_QUIET;
		order(u, ORDER_QUIET, false);
		break;
	case STEP_QUIET:
		u->step = STEP_HUB_QUIET;
		order(u, ORDER_QUIET, true);
		break;
	case STEP_HUB_QUIET:
		u->step = STEP_LOOPS;
		order(u, ORDER_SAVE, false);
		break;
	case STEP_LOOPS:
		u->step = STEP_HUB;
		order(u, ORDER_SAVE, true);
		break;
	case STEP_HUB:
		send_state(u);
		break;
	case STEP_LEAVE:
		u->step = STEP_DONE;
		keeper_left(u->keeper);
		break;
	default:
		break;
	}
}

/* What the new one says. */

static void
take_message(struct upgrade *u, struct upgrade_message *m)
{
	if (m->kind == UPGRADE_NO) {
		fail(u, buf_str(&m->data));
	} else if (m->kind == UPGRADE_HELLO && u->step == STEP_HELLO) {
		u->version = xstrdup(buf_str(&m->data));
		u->step = STEP_STILL;
		u->still_since = clock_ms();
		wait_at_most(u, keeper_conf(u->keeper)->upgrade_timeout * 1000 <
		    STILL_MS ? keeper_conf(u->keeper)->upgrade_timeout * 1000 :
		    STILL_MS);
		keeper_rest(u->keeper, true);
		order(u, ORDER_STILL, false);
	} else if (m->kind == UPGRADE_READY && u->step == STEP_READY) {
		leave(u);
	} else
		fail(u, "what it says makes no sense");
}

static void
input_cb(evutil_socket_t fd, short what, void *arg)
{
	struct upgrade *u = arg;
	struct upgrade_message m;
	int rc;

	(void)what;
	rc = upgrade_recv(fd, &m, u->due);
	if (rc != 1) {
		if (rc == 0 || errno == ECONNRESET)
			fail_ended(u);
		else
			fail(u, errno == ETIMEDOUT ? "it is silent" :
			    "what it says makes no sense");
		return;
	}
	while (m.nfds > 0)
		close(m.fds[--m.nfds]);
	take_message(u, &m);
	buf_free(&m.data);
}

/* The beginning. */

static char **
environment(int fd)
{
	/* The service manager's watchdog hears whoever is its main process. */
	static const char number[] = "WATCHDOG_PID=";
	char **env;
	size_t n, i, j = 0;

	for (n = 0; environ[n] != NULL; n++)
		;
	env = xcalloc(n + 2, sizeof(*env));
	for (i = 0; i < n; i++) {
		if (strncmp(environ[i], number, sizeof(number) - 1) != 0)
			env[j++] = environ[i];
	}
	env[j] = xasprintf(UPGRADE_ENV "=%d", fd);
	return env;
}

/* An errno; signals are as any program expects them. */
static int
spawn(struct upgrade *u, int fd, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char **env = environment(fd);
	size_t n = 0;
	sigset_t set;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, fd, fd);	/* no CLOEXEC */
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attr, &set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(&u->pid, u->file, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	while (env[n + 1] != NULL)
		n++;
	free(env[n]);
	free(env);
	if (rc != 0)
		u->pid = 0;
	return rc;
}

static bool
send_offer(struct upgrade *u)
{
	const struct conf *conf = keeper_conf(u->keeper);
	const struct listener *listeners = u->daemon->loops[0].listeners;
	int fds[UPGRADE_FDS], control;
	unsigned n = 0;
	struct buf b = { 0 };
	bool made_dir, ok;
	size_t i;

	record_addu(&b, OFFER_FORMAT, SESSION_RECORD_VERSION);
	record_adds(&b, OFFER_VERSION, PACKAGE_VERSION);
	record_addu(&b, OFFER_PID, (uint64_t)getpid());
	record_adds(&b, OFFER_EPOCH, store_epoch(u->daemon->store));
	record_addu(&b, OFFER_GIVEN, keeper_was_given(u->keeper));
	fds[n++] = store_handle(u->daemon->store);
	for (i = 0; i < conf->nlistens; i++) {
		record_adds(&b, OFFER_LISTEN, conf->listens[i].text);
		fds[n++] = listener_fd(listeners, i);
	}
	if ((control = keeper_control(u->keeper, &made_dir)) != -1) {
		record_adds(&b, OFFER_CONTROL, conf->control);
		record_addu(&b, OFFER_CONTROL_DIR, made_dir);
		fds[n++] = control;
	}
	if (control != -1 && keeper_handover(u->keeper) != -1) {
		record_addu(&b, OFFER_HANDOVER, 1);
		fds[n++] = keeper_handover(u->keeper);
	}
	ok = upgrade_send(u->fd, UPGRADE_OFFER, b.data, b.len, fds, n, 0);
	buf_free(&b);
	return ok;
}

/* Why there is no process of it, and what would be right. */
static char *
why_not(const char *file, int error)
{
	char *where, *why;

	if (error == EACCES && access(file, X_OK) == -1 && errno == EACCES)
		return xasprintf("%s: %s to the daemon's user, uid %u", file,
		    strerror(error), (unsigned)geteuid());
	if (error != EACCES || !sandbox_bars(file, &where))
		return xasprintf("%s: %s", file, strerror(error));
	why = xasprintf("%s: the sandbox lets the daemon execute only what "
	    "lies in %s, as the running binary does: install the new one "
	    "there; any other takes a restart", file, where);
	free(where);
	return why;
}

/* Starts the new one; what is wrong, or NULL. */
static char *
begin(struct upgrade *u, char *const *argv)
{
	struct event_base *base = keeper_base(u->keeper);
	char **args;
	size_t n;
	int fds[2], rc;

	if (store_handle(u->daemon->store) == -1)
		return xasprintf("store = %s lives in this process and cannot "
		    "be handed over", keeper_conf(u->keeper)->store);
	if (keeper_conf(u->keeper)->nlistens + 3 > UPGRADE_FDS)
		return xstrdup("there are too many listeners");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == -1)
		return xasprintf("socketpair: %s", strerror(errno));
	u->fd = fds[0];
	for (n = 0; argv[n] != NULL; n++)
		;
	args = (char **)(void *)xmemdup(argv, (n + 1) * sizeof(*args));
	args[0] = u->file;
	rc = spawn(u, fds[1], args);
	free(args);
	close(fds[1]);
	if (rc != 0)
		return why_not(u->file, rc);
	u->input = event_new(base, u->fd, EV_READ | EV_PERSIST, input_cb, u);
	/* One that has ended already is found by its silence. */
	if (u->input == NULL || (!send_offer(u) && errno != EPIPE &&
	    errno != ECONNRESET))
		return xstrdup("it cannot be spoken to");
	event_add(u->input, NULL);
	return NULL;
}

struct upgrade *
upgrade_start(struct keeper *k, client_id who, const char *file,
    char *const *argv)
{
	struct upgrade *u = xcalloc(1, sizeof(*u));
	char *error;

	u->keeper = k;
	u->daemon = keeper_daemon(k);
	u->who = who;
	u->file = xstrdup(file);
	u->fd = -1;
	u->timer = evtimer_new(keeper_base(k), timer_cb, u);
	error = u->timer != NULL ? begin(u, argv) : xstrdup("out of memory");
	if (error != NULL) {
		fail(u, error);
		free(error);
		if (reap(u, NULL)) {
			upgrade_free(u);
			return NULL;
		}
		return u;
	}
	log_notice("upgrading", LS("binary", file), LU("pid", u->pid), LEND);
	wait_at_most(u, keeper_conf(k)->upgrade_timeout * 1000);
	return u;
}

bool
upgrade_is_still(const struct upgrade *u)
{
	return u != NULL && u->step >= STEP_STILL && u->step < STEP_DONE;
}

bool
upgrade_is_active(const struct upgrade *u)
{
	return u != NULL && u->step != STEP_FAILED;
}

bool
upgrade_is_over(const struct upgrade *u)
{
	return u->step == STEP_FAILED && u->left == 0 && u->pid == 0;
}

bool
upgrade_is_done(const struct upgrade *u)
{
	return u != NULL && (u->step == STEP_LEAVE || u->step == STEP_DONE);
}

void
upgrade_free(struct upgrade *u)
{
	if (u == NULL)
		return;
	if (u->pid != 0 && u->step < STEP_LEAVE)
		kill(u->pid, SIGKILL);
	disconnect(u);
	if (u->timer != NULL)
		event_free(u->timer);
	saved_drop(u);
	free(u->version);
	free(u->why);
	free(u->file);
	free(u);
}
