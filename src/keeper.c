#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <assert.h>
#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "control-ask.h"
#include "handover.h"
#include "keeper-internal.h"
#include "listener.h"
#include "log.h"
#include "service.h"
#include "store.h"
#include "tracing.h"
#include "upgrade.h"

#define STATUS_MS	5000	/* between the service manager's news */

static void
take_mail(struct keeper *k)
{
	struct mail *m, *next;

	for (m = mailbox_drain(&k->box); m != NULL; m = next) {
		next = m->next;
		if (m->kind == MAIL_DONE)
			job_carried_out(k, (struct order *)m);
		else if (m->kind == MAIL_TRACE)
			control_traced(k->control, (struct trace_mail *)m);
		else if (m->kind == MAIL_READ) {
			control_read(k->control, (struct store_read *)m);
			store_read_free((struct store_read *)m);
		} else {
			assert(m->kind == MAIL_REPLY);
			keeper_replied(k, (struct request *)m);
		}
	}
}

static void
wake_cb(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) != -1)
		take_mail(arg);
}

/* The mailbox's sender calls this, on its own thread. */
static void
wake(void *arg)
{
	const struct keeper *k = arg;
	uint64_t one = 1;

	if (write(k->wake_fd, &one, sizeof(one)) == -1)
		log_error("wake-failed", LEND);
}

/* What main and the upgrade ask. */

void
keeper_program(struct keeper *k, const char *file, char *const *argv,
    bool given)
{
	k->given = given;
	k->file = file;
	k->argv = argv;
}

void
keeper_ports(struct keeper *k, const struct listener *listeners)
{
	size_t i;

	if (listeners == NULL)
		return;
	k->ports = xcalloc(k->conf->nlistens + 1, sizeof(*k->ports));
	for (i = 0; i < k->conf->nlistens; i++)
		k->ports[i] = listener_port(listeners, i);
}

struct daemon *
keeper_daemon(const struct keeper *k)
{
	return k->daemon;
}

struct event_base *
keeper_base(const struct keeper *k)
{
	return k->base;
}

bool
keeper_was_given(const struct keeper *k)
{
	return k->given;
}

int
keeper_control(const struct keeper *k, bool *made_dir)
{
	return k->control != NULL ? control_fd(k->control, made_dir) : -1;
}

void
keeper_answer(struct keeper *k, client_id who, const struct buf *members,
    const char *error, const char *message)
{
	if (error == NULL)
		control_ok(k->control, who, members);
	else
		control_fail(k->control, who, error, message);
}

int
keeper_handover(const struct keeper *k)
{
	return k->handover != NULL ? handover_fd(k->handover) : -1;
}

void
keeper_rest(struct keeper *k, bool rest)
{
	if (k->handover != NULL)
		handover_rest(k->handover, rest);
}

bool
keeper_is_replaced(const struct keeper *k)
{
	return upgrade_is_done(k->upgrade);
}

const struct conf *
keeper_conf(const struct keeper *k)
{
	return k->conf;
}

/* The service manager. */

/* Alive are we if all loops and the hub are: see job_carried_out(). */
static void
service_cb(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;
	const struct daemon *d = k->daemon;
	struct job *job;

	(void)fd;
	(void)what;
	service_notify("STATUS=%s: %u clients, %u users, %u rooms",
	    k->drain_end != 0 ? "draining" : "serving",
	    atomic_load(&d->nclients),
	    (unsigned)metric_get(&d->metrics.users),
	    (unsigned)metric_get(&d->metrics.rooms));
	if (service_watchdog() == 0 || job_find(k, ORDER_ALIVE) != NULL)
		return;
	job = job_new(k, ORDER_ALIVE, 0);
	job_order(k, job, d->hub);
	job_order_loops(k, job);
}

static void
service_begin(const struct keeper *k)
{
	uint64_t ms = service_watchdog() / 3;
	struct timeval tv;

	if (ms == 0 || ms > STATUS_MS)
		ms = STATUS_MS;
	tv.tv_sec = (time_t)(ms / 1000);
	tv.tv_usec = (suseconds_t)(ms % 1000 * 1000);
	if (service_listens())
		event_add(k->service, &tv);
}

/* Signals. */

static void
signal_cb(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo info;
	struct keeper *k = arg;

	(void)what;
	if (read(fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		keeper_reload(k, 0);
	else if (info.ssi_signo == SIGUSR2)
		keeper_upgrade(k, 0, NULL);
	else if (k->upgrade != NULL && upgrade_is_done(k->upgrade))
		return;		/* it ends as it is; meant for the new one */
	else if (info.ssi_signo == SIGQUIT) {
		if (k->upgrade != NULL)
			upgrade_cancel(k->upgrade, "the daemon is to drain");
		keeper_drain(k, 0);
	} else {
		if (k->upgrade != NULL)
			upgrade_cancel(k->upgrade, "the daemon is to end");
		k->signal = (int)info.ssi_signo;
		keeper_end(k);
	}
}

/* Every thread inherits the mask: signals come to the descriptor alone. */
static int
signals_open(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT,
	    SIGUSR2 };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < NITEMS(numbers); i++)
		sigaddset(&set, numbers[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

struct keeper *
keeper_new(struct daemon *d, struct conf *conf,
    const struct conf_source *source)
{
	struct event_config *cfg = event_config_new();
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->daemon = d;
	k->conf = conf;
	k->source = source;
	k->started = clock_ms();
	k->made_dir = conf->control[0] != '\0' &&
	    control_make_dir(conf->control);
	LIST_INIT(&k->jobs);
	if (cfg == NULL ||
	    event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK) == -1 ||
	    (k->base = event_base_new_with_config(cfg)) == NULL)
		errx(1, "libevent: no event base");
	event_config_free(cfg);
	if ((k->signal_fd = signals_open()) == -1)
		err(1, "signalfd");
	if ((k->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1)
		err(1, "eventfd");
	mailbox_init(&k->box, wake, k);
	d->keeper = &k->box;
	k->signals = event_new(k->base, k->signal_fd, EV_READ | EV_PERSIST,
	    signal_cb, k);
	k->wake = event_new(k->base, k->wake_fd, EV_READ | EV_PERSIST, wake_cb,
	    k);
	k->service = event_new(k->base, -1, EV_PERSIST, service_cb, k);
	if (k->signals == NULL || k->wake == NULL || k->service == NULL)
		errx(1, "libevent: no event");
	keeper_end_init(k);
	event_add(k->signals, NULL);
	event_add(k->wake, NULL);
	service_begin(k);
	return k;
}

void
keeper_listen(struct keeper *k, struct taken *taken)
{
	const char *path = k->conf->control;
	bool made_dir = false;
	int handover = -1, fd = taken != NULL ? upgrade_control(taken, path,
	    &made_dir, &handover) : -1;

	if (fd != -1)
		k->control = control_take(k, k->base, path, fd, made_dir);
	else if (*path != '\0')
		k->control = control_open(k, k->base, path, k->made_dir);
	if (k->control != NULL)
		k->handover = handover_open(k->daemon, k->base, path,
		    handover);
}

int
keeper_run(struct keeper *k)
{
	while (!k->ending) {
		if (event_base_dispatch(k->base) == -1)
			err(1, "event_base_dispatch");
	}
	handover_close(k->handover, keeper_is_replaced(k));
	k->handover = NULL;
	if (keeper_is_replaced(k))
		control_hand_over(k->control);
	else {
		service_notify("STOPPING=1");
		control_close(k->control);
	}
	k->control = NULL;
	return k->signal;
}

void
keeper_free(struct keeper *k)
{
	struct job *job, *next_job;
	struct mail *m, *next;

	handover_close(k->handover, false);
	control_close(k->control);
	upgrade_free(k->upgrade);
	for (m = mailbox_drain(&k->box); m != NULL; m = next) {
		next = m->next;
		if (m->kind == MAIL_DONE) {
			saved_free(((struct order *)m)->saved);
			free(m);
		} else if (m->kind == MAIL_READ)
			store_read_free((struct store_read *)m);
		else if (m->kind == MAIL_TRACE)
			trace_mail_free((struct trace_mail *)m);
		else
			request_free((struct request *)m);
	}
	/* Loops that had ended did not carry theirs out. */
	for (job = LIST_FIRST(&k->jobs); job != NULL; job = next_job) {
		next_job = LIST_NEXT(job, entries);
		job_free(job);
	}
	mailbox_destroy(&k->box);
	event_free(k->signals);
	event_free(k->wake);
	event_free(k->service);
	keeper_end_free(k);
	event_base_free(k->base);
	close(k->signal_fd);
	close(k->wake_fd);
	conf_free(k->conf);
	free(k->ports);
	free(k);
}
