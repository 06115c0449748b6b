#include <sys/resource.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "auth.h"
#include "background.h"
#include "hasher.h"
#include "hub-thread.h"
#include "inetd.h"
#include "keeper.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "privileges.h"
#include "sandbox.h"
#include "service.h"
#include "store.h"
#include "tls.h"
#include "upgrade.h"
#include "util.h"

static bool pid_wanted, pid_written;
static struct taken *taken;	/* from the daemon before, or NULL */

/* Else a socket or the database would become 0, 1 or 2, and be written to. */
static void
open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

static void
remove_pid(const struct conf *conf)
{
	if (pid_written)
		pid_remove(conf->pid_file);
	pid_written = false;
}

/* What was logged comes before the reason of the end. */
static void __attribute__((noreturn, format(printf, 2, 3)))
fail(const struct conf *conf, const char *fmt, ...)
{
	struct buf why = { 0 };
	va_list ap;

	log_close();
	remove_pid(conf);
	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	upgrade_refuse(taken, buf_str(&why));
	/* In one piece: another daemon may write there too. */
	fprintf(stderr, "partylined: %s\n", buf_str(&why));
	exit(1);
}

/* As many descriptors as are allowed, for as many clients. */
static void
raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
	}
}

/* One that has clients already goes on without. */
static void
write_pid(const struct conf *conf)
{
	if (pid_write(conf->pid_file))
		pid_written = true;
	else if (taken != NULL)
		log_error("no-pid-file", LS("file", conf->pid_file),
		    LS("reason", strerror(errno)), LEND);
	else
		fail(conf, "pid_file %s: %s", conf->pid_file, strerror(errno));
}

/*
 * This program as it was started, for its successor: not where its links lead,
 * for they may be made to lead elsewhere by then.
 */
static char *
own_path(const char *name)
{
	char *dir, *path;

	if (strchr(name, '/') == NULL)
		return realpath("/proc/self/exe", NULL);
	if (name[0] == '/' || (dir = get_current_dir_name()) == NULL)
		return xstrdup(name);
	path = xasprintf("%s/%s", dir, name);
	free(dir);
	return path;
}

/*
 * A home may not have the directories of the default state_dir yet; they are
 * made as the XDG Base Directory Specification has it. What then cannot be is
 * said where it is needed.
 */
static void
make_home(const struct conf *conf)
{
	char *path = xstrdup(conf->state_dir), *home = conf_home(), *slash;
	size_t n = home != NULL ? strlen(home) : 0;

	if (n > 1 && strncmp(path, home, n) == 0 && path[n] == '/') {
		for (slash = path + n; (slash = strchr(slash + 1, '/')) !=
		    NULL; *slash = '/') {
			*slash = '\0';
			mkdir(path, 0700);
		}
	}
	free(home);
	free(path);
}

/* The sockets of all addresses, or what the daemon before has handed over. */
static struct listener *
open_listeners(const struct conf *conf, const struct service_listens *given)
{
	struct listener *l;
	char *error;

	l = taken != NULL && given->fds == NULL ?
	    upgrade_listeners(taken, conf, &error) :
	    listener_open_all(conf, given->fds, &error);
	if (error != NULL)
		fail(conf, "%s", error);
	if (l == NULL && conf->control[0] == '\0')
		fail(conf, "listen is none and control is empty: nobody could "
		    "ever reach the daemon");
	return l;
}

static struct store *
open_store(const struct conf *conf)
{
	struct store *s;
	char *error;

	s = taken != NULL ? upgrade_store(taken, conf, &error) :
	    store_open(conf, &error);
	if (s == NULL)
		fail(conf, "%s", error);
	return s;
}

/* The state of the daemon before; returns once that is over. */
static void
take_over(struct daemon *d, struct hub_thread *hub)
{
	char *error;

	if (taken == NULL)
		return;
	if (!upgrade_fill(taken, d, hub, &error))
		fail(d->conf, "%s", error);
	upgrade_ready(taken);
	if (pid_wanted)
		write_pid(d->conf);
}

static void
is_ready(int parent, const struct conf *conf)
{
	service_notify("READY=1\nMAINPID=%ld\nSTATUS=serving", (long)getpid());
	log_notice("ready", LU("pid", getpid()), LS("version",
	    PACKAGE_VERSION), LS("store", conf->store), LU("loops",
	    conf->loops), LEND);
	if (parent != -1)
		background_ready(parent, conf);
}

static void
serve(struct daemon *d, struct listener *listeners, struct hashers *hashers,
    struct keeper *keeper, int parent, int lock)
{
	int sig;
	struct hub_thread *hub;
	char *error;
	unsigned i;

	d->nloops = d->conf->loops;
	d->loops = xcalloc(d->nloops, sizeof(*d->loops));
	hub = hub_thread_new(d);
	d->hub = hub_thread_box(hub);
	d->auth = auth_new(d->conf, hashers, d->hub);
	for (i = 0; i < d->nloops; i++)
		loop_init(&d->loops[i], d, i);
	take_over(d, hub);
	listener_serve(&d->loops[0], listeners);
	if (!store_start(d->store, d->hub, &error))
		fail(d->conf, "%s", error);
	keeper_listen(keeper, taken);
	if (lock != -1)		/* others find it now */
		close(lock);
	hub_thread_start(hub);
	for (i = 0; i < d->nloops; i++)
		loop_start(&d->loops[i]);
	is_ready(parent, d->conf);

	upgrade_taken_free(taken);
	taken = NULL;

	sig = keeper_run(keeper);
	log_notice("stopping", LS("signal", sig != 0 ? sigabbrev_np(sig) :
	    NULL), LU("clients", atomic_load(&d->nclients)), LEND);
	for (i = 0; i < d->nloops; i++)
		loop_stop(&d->loops[i]);
	for (i = 0; i < d->nloops; i++)
		loop_join(&d->loops[i]);
	auth_stop(d->auth);	/* the hub still stores what it has done */
	hub_thread_stop(hub);
	store_close(d->store);
	hub_thread_free(hub);
	auth_free(d->auth);
	for (i = 0; i < d->nloops; i++)
		loop_free(&d->loops[i]);
	free(d->loops);
}

/* Names a user or group that this machine does not have as well. */
static int
print_conf(struct conf *conf)
{
	char *error;

	if (!privileges_check(conf, &error))
		errx(1, "%s", error);
	conf_print(conf, stdout);
	conf_free(conf);
	return 0;
}

/* The log is opened within, so that its thread is in there as well. */
static void
confine(const struct conf *conf, const char *file, struct privileges *p)
{
	char *error;

	sandbox_enter(conf, file, p);
	if (!log_open(conf->log_to, &error))
		fail(conf, "%s", error);
	privileges_log(p);
}

/* The whole life of a daemon, between its configuration and its end. */
static void
live(struct daemon *d, const struct args *args,
    const struct service_listens *given, char **argv, int lock)
{
	struct conf *conf = (struct conf *)(uintptr_t)d->conf;
	struct privileges priv = { .background = args->background,
	    .given = given->n > 0 };
	struct listener *listeners;
	struct hashers *hashers;
	struct keeper *keeper;
	char *self = own_path(argv[0]), *error;
	int parent = -1;

	if ((d->tls = tls_new(conf, &error)) == NULL)
		fail(conf, "%s", error);
	make_home(conf);
	listeners = open_listeners(conf, given);
	if (args->background && taken == NULL)
		parent = background_enter();
	if (!privileges_drop(conf, &priv, &error))
		fail(conf, "%s", error);
	hashers = hashers_start(conf->auth_workers,
	    (unsigned)conf->auth_timeout * 1000,
	    conf->sandbox != ANSWER_NO, argv);
	pid_wanted = args->background && conf->pid_file[0] != '\0';
	if (taken == NULL) {
		d->store = open_store(conf);
		if (pid_wanted)
			write_pid(conf);
	}
	keeper = keeper_new(d, conf, &args->source);
	keeper_program(keeper, self, argv, given->fds != NULL);
	keeper_ports(keeper, listeners);
	confine(conf, conf_source_path(&args->source), &priv);
	/* Until here the clients did not wait. */
	if (taken != NULL) {
		upgrade_receive(taken);
		d->store = open_store(conf);
	}
	if (args->inetd)
		keeper_linger(keeper);
	serve(d, listeners, hashers, keeper, parent, lock);
	if (!keeper_is_replaced(keeper))
		remove_pid(d->conf);
	tls_free(d->tls);
	log_notice("stopped", LEND);
	log_close();
	keeper_free(keeper);
	free(self);
}

static struct conf *
load(const struct args *a)
{
	struct conf *conf;
	char *error;

	if ((conf = conf_load(&a->source, &error)) != NULL)
		return conf;
	upgrade_refuse(taken, error);
	fprintf(stderr, "%s\n", error);
	exit(1);
}

static void
log_to_syslog(struct conf_source *s)
{
	s->overrides = xrealloc(s->overrides, (s->noverrides + 1) *
	    sizeof(*s->overrides));
	s->overrides[s->noverrides++].text = "log_to=syslog";
}

/* Returns if this is to be the daemon, of the socket that inetd has. */
static struct conf *
serve_inetd(struct args *a, struct service_listens *given, int *lock)
{
	struct conf *conf = load(a);
	struct inetd inetd = { conf, &a->source, a->kind, a->kind_set };
	struct conf_source *s = &a->source;
	struct service_socket socket;
	char *error;

	make_home(conf);	/* what is locked is in there */
	socket.fd = inetd_run(&inetd, lock);
	socket.name = xstrdup(conf_listen_kinds[inetd.kind]);
	if (!service_set_listens(given, s, &socket, 1, &error))
		errx(1, "%s", error);
	if (strcmp(conf->log_to, "stderr") == 0)
		log_to_syslog(s);
	conf_free(conf);
	return load(a);
}

/* In the place of another daemon the sockets are that one's. */
static struct conf *
succeed(struct args *a, struct service_listens *given)
{
	struct conf *conf;

	upgrade_listens(taken, given, &a->source);
	conf = load(a);
	if (!a->inetd || strcmp(conf->log_to, "stderr") != 0)
		return conf;
	conf_free(conf);
	log_to_syslog(&a->source);
	return load(a);
}

static struct conf *
configure(struct args *a, struct service_listens *given, int *lock)
{
	char *error;

	if (taken != NULL)
		return succeed(a, given);
	if (a->inetd && !a->test)
		return serve_inetd(a, given, lock);
	if (!service_take_listens(given, &a->source, &error))
		errx(1, "%s", error);
	return load(a);
}

int
main(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct service_listens given = { 0 };
	struct args args = { 0 };
	struct conf *conf;
	int lock = -1;

	if (args_are_inetd(argc, argv) && getenv(UPGRADE_ENV) == NULL)
		inetd_guard();
	else
		open_standard();
	args_parse(&args, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a full quota is the store's error */
	taken = upgrade_take();
	conf = configure(&args, &given, &lock);
	if (args.test) {
		free(args.source.overrides);
		service_listens_free(&given);
		return print_conf(conf);
	}
	raise_limits();
	log_level_set(conf->log_level);
	d.conf = conf;
	d.started = clock_wall();
	live(&d, &args, &given, argv, lock);
	free(args.source.overrides);
	service_listens_free(&given);
	return 0;
}
