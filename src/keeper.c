#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/signalfd.h>

#include <assert.h>
#include <err.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "control-ask.h"
#include "handover.h"
#include "keeper.h"
#include "listener.h"
#include "log.h"
#include "order.h"
#include "service.h"
#include "store.h"
#include "tls.h"
#include "tracing.h"
#include "upgrade.h"

#define DRAIN_LOOK_MS	100	/* between looks whether all are gone */
#define DRAIN_LAST_MS	1000	/* for the last ones to be told and go */
#define LINGER_LOOK_MS	100	/* between looks whether there are clients */
#define STATUS_MS	5000	/* between the service manager's news */

/* What was ordered and is not carried out everywhere yet. */
struct job {
	LIST_ENTRY(job)	 entries;
	enum order_kind	 kind;
	client_id	 who;		/* is to be answered; 0: nobody */
	unsigned	 left;		/* orders still out */
	uint64_t	 count;		/* summed from them */
	char		*text;
	struct conf	*old;		/* nobody uses it afterwards */
	struct buf	 answer;
};

struct keeper {
	struct daemon	*daemon;
	struct conf	*conf;		/* in force */
	const struct conf_source *source;
	struct event_base *base;
	struct event	*signals, *wake;
	struct event	*drain;		/* looks whether it is over */
	struct event	*service;	/* tells the service manager */
	int		 signal_fd, wake_fd;
	struct mailbox	 box;
	struct event	*linger;	/* looks whether to end */
	struct control	*control;
	struct handover	*handover;
	struct upgrade	*upgrade;	/* under way, or NULL */
	const char	*file;		/* this program's */
	char *const	*argv;
	bool		 given;		/* listeners, by the service manager */
	uint16_t	*ports;		/* of them; 0: as the conf says */
	LIST_HEAD(job_list, job) jobs;
	uint64_t	 drain_end;	/* clock_ms(); 0: none */
	uint64_t	 started;	/* clock_ms() */
	uint64_t	 lonely;	/* clock_ms(): no client since then */
	uint64_t	 welcomed;	/* clients so far, as it was then */
	int		 signal;	/* that ends it */
	bool		 ending;
	bool		 made_dir;	/* the control socket's */
};

/* Jobs. */

static struct job *
job_new(struct keeper *k, enum order_kind kind, client_id who)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->kind = kind;
	job->who = who;
	LIST_INSERT_HEAD(&k->jobs, job, entries);
	return job;
}

/* One that is on no list any more. */
static void
job_free(struct job *job)
{
	conf_free(job->old);
	buf_free(&job->answer);
	free(job->text);
	free(job);
}

static struct job *
find_job(const struct keeper *k, enum order_kind kind)
{
	struct job *job;

	LIST_FOREACH(job, &k->jobs, entries) {
		if (job->kind == kind)
			break;
	}
	return job;
}

static void
order(const struct keeper *k, struct job *job, struct mailbox *to)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->mail.kind = MAIL_ORDER;
	o->kind = job->kind;
	o->job = job;
	o->conf = k->conf;
	o->text = job->text;
	job->left++;
	mailbox_post_one(to, &o->mail);
}

static void
order_loops(const struct keeper *k, struct job *job)
{
	unsigned i;

	for (i = 0; i < k->daemon->nloops; i++)
		order(k, job, &k->daemon->loops[i].box);
}

static const struct timeval linger_look = { 0, LINGER_LOOK_MS * 1000 };

static void
rested(struct keeper *k, bool rests)
{
	if (!rests) {
		if (k->drain_end == 0 && k->control != NULL)
			k->handover = handover_open(k->daemon, k->base,
			    k->conf->control, -1);
		evtimer_add(k->linger, &linger_look);
		return;
	}
	log_notice("lonely", LU("seconds", k->conf->inetd_linger), LEND);
	k->ending = true;
	event_base_loopbreak(k->base);
}

/* Who came and went between two looks counts too. */
static bool
has_clients(struct keeper *k)
{
	uint64_t n = metric_get(&k->daemon->loops[0].metrics.accepted);
	bool came = n != k->welcomed;

	k->welcomed = n;
	return came || atomic_load(&k->daemon->nclients) > 0;
}

static void
linger_cb(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	if (has_clients(k))
		k->lonely = clock_ms();
	/* Not while something is ordered: it would not come back. */
	if (clock_ms() - k->lonely < k->conf->inetd_linger * 1000 ||
	    !LIST_EMPTY(&k->jobs) || upgrade_is_active(k->upgrade)) {
		evtimer_add(k->linger, &linger_look);
		return;
	}
	/* Who would be handed over meanwhile waits for the next daemon. */
	handover_close(k->handover, false);
	k->handover = NULL;
	order(k, job_new(k, ORDER_REST, 0), &k->daemon->loops[0].box);
}

/* An order came back. */
static void
carried_out(struct keeper *k, struct order *o)
{
	struct job *job = o->job;

	if (job == NULL) {
		upgrade_carried_out(k->upgrade, o);
		return;
	}
	job->count += o->count;
	free(o);
	if (--job->left > 0)
		return;
	LIST_REMOVE(job, entries);
	if (job->kind == ORDER_ALIVE)
		service_notify("WATCHDOG=1");
	else if (job->kind == ORDER_CONF)
		service_notify("READY=1");
	else if (job->kind == ORDER_REST)
		rested(k, job->count > 0);
	else
		control_addu(&job->answer, "clients", job->count);
	control_ok(k->control, job->who, &job->answer);
	job_free(job);
}

static void
take_mail(struct keeper *k)
{
	struct mail *m, *next;

	for (m = mailbox_drain(&k->box); m != NULL; m = next) {
		next = m->next;
		if (m->kind == MAIL_DONE)
			carried_out(k, (struct order *)m);
		else if (m->kind == MAIL_TRACE)
			control_traced(k->control, (struct trace_mail *)m);
		else if (m->kind == MAIL_READ) {
			control_read(k->control, (struct store_read *)m);
			store_read_free((struct store_read *)m);
		} else {
			assert(m->kind == MAIL_REPLY);
			control_replied(k->control, (struct request *)m);
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

/* The operator's commands. */

static void
add_loops(const struct daemon *d, struct buf *b)
{
	const struct loop *l;
	unsigned i;

	buf_adds(b, ",\"loops\":[");
	for (i = 0; i < d->nloops; i++) {
		l = &d->loops[i];
		buf_addf(b, "%s{\"clients\":%u,\"busy_ms\":%u,\"backlog\":%zu}",
		    i > 0 ? "," : "", atomic_load(&l->nsessions),
		    atomic_load(&l->busy), atomic_load(&l->backlog));
	}
	buf_adds(b, "]");
}

void
keeper_status(struct keeper *k, client_id who)
{
	const struct daemon *d = k->daemon;
	char *dir = xasprintf("%s%s", k->conf->chroot, k->conf->state_dir);
	struct buf b = { 0 };

	control_adds(&b, "server", k->conf->server_name);
	control_adds(&b, "version", PACKAGE_VERSION);
	control_adds(&b, "state", k->drain_end != 0 ? "draining" : "serving");
	control_addu(&b, "pid", (uint64_t)getpid());
	control_addu(&b, "uptime", (clock_ms() - k->started) / 1000);
	control_adds(&b, "store", k->conf->store);
	control_adds(&b, "state_dir", dir);
	control_listens(&b, k->conf, k->ports);
	control_addu(&b, "clients", atomic_load(&d->nclients));
	control_addu(&b, "users", metric_get(&d->metrics.users));
	control_addu(&b, "rooms", metric_get(&d->metrics.rooms));
	add_loops(d, &b);
	control_ok(k->control, who, &b);
	buf_free(&b);
	free(dir);
}

/* Is an upgrade under way? One that has failed is done with here. */
static bool
is_upgrading(struct keeper *k)
{
	if (k->upgrade != NULL && upgrade_is_over(k->upgrade)) {
		upgrade_free(k->upgrade);
		k->upgrade = NULL;
	}
	return k->upgrade != NULL;
}

/* If nothing may be asked now, the operator is told. */
static bool
is_busy(struct keeper *k, client_id who, bool busy)
{
	if (busy)
		control_fail(k->control, who, "upgrading",
		    "An upgrade is under way: ask again.");
	return busy;
}

void
keeper_top(struct keeper *k, client_id who)
{
	struct buf b = { 0 };

	control_adds(&b, "server", k->conf->server_name);
	control_adds(&b, "version", PACKAGE_VERSION);
	control_adds(&b, "state", k->drain_end != 0 ? "draining" : "serving");
	control_addu(&b, "uptime", (clock_ms() - k->started) / 1000);
	control_addu(&b, "at_us", clock_us());
	buf_adds(&b, ",\"metrics\":{");
	metrics_json(k->daemon, k->conf, &b);
	buf_adds(&b, "}");
	control_ok(k->control, who, &b);
	buf_free(&b);
}

void
keeper_notice(struct keeper *k, client_id who, const char *text)
{
	struct job *job;

	if (is_busy(k, who, upgrade_is_still(k->upgrade)))
		return;
	job = job_new(k, ORDER_NOTICE, who);
	job->text = xstrdup(text);
	order_loops(k, job);
}

void
keeper_ask(struct keeper *k, struct request *req)
{
	if (is_busy(k, req->client, upgrade_is_still(k->upgrade))) {
		request_free(req);
		return;
	}
	req->mail.kind = MAIL_REQUEST;
	mailbox_post_one(k->daemon->hub, &req->mail);
}

void
keeper_read(struct keeper *k, struct store_read *r)
{
	if (is_busy(k, r->client, upgrade_is_still(k->upgrade))) {
		store_read_free(r);
		return;
	}
	r->to = &k->box;
	store_read(k->daemon->store, r);
}

/* A line of the log for each line of the error. */
static void
reload_failed(struct keeper *k, client_id who, char *error)
{
	char *line, *rest;

	control_fail(k->control, who, "bad-config", error);
	for (line = strtok_r(error, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		log_error("reload-failed", LS("error", line), LEND);
}

/* The new configuration, if all of it can be had; else NULL and *error. */
static struct conf *
new_conf(struct keeper *k, struct conf_changes *changes, char **error)
{
	struct conf *conf = conf_reload(k->conf, k->source, changes, error);

	if (conf != NULL && !tls_reload(k->daemon->tls, conf, error)) {
		conf_changes_free(changes);
		conf_free(conf);
		conf = NULL;
	}
	return conf;
}

void
keeper_reload(struct keeper *k, client_id who)
{
	struct conf_changes changes = { 0 };
	struct conf *conf;
	struct job *job;
	char *error;

	if (is_busy(k, who, upgrade_is_active(k->upgrade))) {
		log_error("reload-failed", LS("error", "upgrading"), LEND);
		return;
	}
	service_reloading();
	conf = new_conf(k, &changes, &error);
	if (conf == NULL) {
		service_notify("READY=1");
		reload_failed(k, who, error);
		free(error);
		return;
	}
	job = job_new(k, ORDER_CONF, who);
	job->old = k->conf;
	k->daemon->conf = k->conf = conf;
	control_changed(&changes, &job->answer);
	conf_changes_free(&changes);
	log_level_set(conf->log_level);
	store_configure(k->daemon->store, conf);
	order(k, job, k->daemon->hub);
	order_loops(k, job);
	log_notice("reloaded", LEND);
}

static const struct timeval drain_look = { 0, DRAIN_LOOK_MS * 1000 };

/* Not before all loops know of it, and whoever asked for it was answered. */
static void
drain_cb(evutil_socket_t fd, short what, void *arg)
{
	struct keeper *k = arg;

	(void)fd;
	(void)what;
	if (find_job(k, ORDER_DRAIN) == NULL && (clock_ms() >= k->drain_end ||
	    atomic_load(&k->daemon->nclients) == 0)) {
		k->ending = true;
		event_base_loopbreak(k->base);
	} else
		evtimer_add(k->drain, &drain_look);
}

void
keeper_drain(struct keeper *k, client_id who)
{
	struct job *job;

	if (k->drain_end != 0) {
		control_fail(k->control, who, "draining",
		    "It is draining already.");
		return;
	}
	if (is_busy(k, who, upgrade_is_active(k->upgrade)))
		return;
	k->drain_end = clock_ms() + k->conf->drain_time * 1000 +
	    DRAIN_LAST_MS;
	job = job_new(k, ORDER_DRAIN, who);
	control_addu(&job->answer, "seconds", k->conf->drain_time);
	service_notify("STOPPING=1\nSTATUS=draining");
	log_notice("draining", LU("seconds", k->conf->drain_time),
	    LU("clients", atomic_load(&k->daemon->nclients)), LEND);
	handover_close(k->handover, false);
	k->handover = NULL;
	order_loops(k, job);
	evtimer_add(k->drain, &drain_look);
}

/* The upgrade. */

void
keeper_program(struct keeper *k, const char *file, char *const *argv,
    bool given)
{
	k->given = given;
	k->file = file;
	k->argv = argv;
}

void
keeper_upgrade(struct keeper *k, client_id who, const char *binary)
{
	if (k->drain_end != 0) {
		control_fail(k->control, who, "draining", "It is draining.");
		return;
	}
	if (is_busy(k, who, is_upgrading(k)))
		return;
	k->upgrade = upgrade_start(k, who, binary != NULL ? binary : k->file,
	    k->argv);
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

void
keeper_left(struct keeper *k)
{
	k->drain_end = clock_ms() + DRAIN_LAST_MS;
	drain_cb(-1, 0, k);
}

void
keeper_end(struct keeper *k)
{
	k->ending = true;
	event_base_loopbreak(k->base);
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

/* Alive are we if all loops and the hub are: see carried_out(). */
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
	if (service_watchdog() == 0 || find_job(k, ORDER_ALIVE) != NULL)
		return;
	job = job_new(k, ORDER_ALIVE, 0);
	order(k, job, d->hub);
	order_loops(k, job);
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
	if (info.ssi_signo == SIGHUP) {
		log_reopen();
		log_notice("reopened", LEND);
		keeper_reload(k, 0);
	} else if (info.ssi_signo == SIGUSR2)
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
	k->drain = evtimer_new(k->base, drain_cb, k);
	k->service = event_new(k->base, -1, EV_PERSIST, service_cb, k);
	k->linger = evtimer_new(k->base, linger_cb, k);
	if (k->signals == NULL || k->wake == NULL || k->drain == NULL ||
	    k->service == NULL || k->linger == NULL)
		errx(1, "libevent: no event");
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

void
keeper_linger(struct keeper *k)
{
	k->lonely = clock_ms();
	evtimer_add(k->linger, &linger_look);
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
	event_free(k->drain);
	event_free(k->service);
	event_free(k->linger);
	event_base_free(k->base);
	close(k->signal_fd);
	close(k->wake_fd);
	conf_free(k->conf);
	free(k->ports);
	free(k);
}
