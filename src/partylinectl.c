#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "conf.h"
#include "control-table.h"
#include "ctl-show.h"
#include "ctl-trace.h"
#include "ctl-watch.h"
#include "name.h"
#include "util.h"

#define WAIT_SECONDS	15		/* for an answer */
#define ANSWER_MAX	(1024 * 1024)	/* bytes of one */
#define TRIES		3		/* the daemon may change meanwhile */
#define PAGES_MAX	100000

enum { REFUSED = 1, USAGE = 2, NOT_THERE = 3 };	/* exit statuses */

struct args {
	struct conf_source source;
	const char	*path;
	bool		 json;
	int		 fd;		/* of the socket */
};

static void
usage(FILE *out)
{
	const struct control_cmd *c;
	char *form;

	fputs("usage: partylinectl [-hjnV] [-f file] [-o name=value]... "
	    "[-s socket] command [argument]\n"
	    "  -f  the daemon's configuration, instead of " CONF_FILE "\n"
	    "  -h  print this\n"
	    "  -j  print the answer as JSON\n"
	    "  -n  read no configuration file\n"
	    "  -o  an option that the daemon was given\n"
	    "  -s  the control socket, whatever the configuration says\n"
	    "  -V  print the version\n"
	    "Commands:\n", out);
	for (c = control_cmds; c < control_cmds + CONTROL_MAX; c++) {
		form = xasprintf("%s %s%s%s", c->name, c->optional ? "[" : "",
		    c->arg != NULL ? c->arg : "", c->optional ? "]" : "");
		fprintf(out, "  %-14s  %s\n", form, c->help);
		free(form);
	}
	fputs("See partylinectl(8).\n", out);
}

static void
parse_args(struct args *a, int argc, char **argv)
{
	struct conf_source *s = &a->source;
	int c;

	s->overrides = xcalloc((size_t)argc + 1, sizeof(*s->overrides));
	/* "+": what stands behind the command is its own. */
	option_words(argv);
	while ((c = getopt(argc, argv, "+f:hjno:s:V")) != -1) {
		switch (c) {
		case 'f':
			s->file = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'j':
			a->json = true;
			break;
		case 'n':
			s->no_file = true;
			break;
		case 'o':
			s->overrides[s->noverrides++].text = optarg;
			break;
		case 's':
			a->path = optarg;
			break;
		case 'V':
			puts("partylinectl " PACKAGE_VERSION);
			exit(0);
		default:
			usage(stderr);
			exit(USAGE);
		}
	}
}

static enum control_id
parse_command(int argc, char **argv)
{
	enum control_id id;
	const char *nearest;

	if (argc == 0) {
		usage(stderr);
		exit(USAGE);
	}
	id = control_find(argv[0]);
	if (id == CONTROL_MAX) {
		nearest = control_nearest(argv[0]);
		errx(USAGE, "there is no command %s%s%s", argv[0],
		    nearest != NULL ? "; perhaps " : "; see partylinectl -h",
		    nearest != NULL ? nearest : "");
	}
	if (control_cmds[id].arg == NULL && argc > 1)
		errx(USAGE, "%s takes no argument", argv[0]);
	if (control_cmds[id].arg != NULL && !control_cmds[id].optional &&
	    argc == 1)
		errx(USAGE, "%s needs its %s", argv[0], control_cmds[id].arg);
	return id;
}

/* The words as one text, NULL if there are none. */
static char *
join(int argc, char **argv)
{
	struct buf b = { 0 };
	int i;

	for (i = 0; i < argc; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", argv[i]);
	if (argc > 0 && !utf8_valid(buf_str(&b), b.len, NULL))
		errx(USAGE, "the argument is not UTF-8");
	return b.data;
}

static char *
socket_path(const struct args *a)
{
	struct conf *conf;
	char *error, *path;

	if (a->path != NULL)
		return xstrdup(a->path);
	if ((conf = conf_load(&a->source, &error)) == NULL)
		errx(REFUSED, "%s", error);
	if (conf->control[0] == '\0')
		errx(REFUSED, "control is empty in the configuration: the "
		    "daemon has no control socket");
	path = xstrdup(conf->control);
	conf_free(conf);
	return path;
}

/* As the daemon must have it, which is in another directory. */
static char *
absolute(char *arg)
{
	char *dir, *path;

	if (arg == NULL || arg[0] == '/' ||
	    (dir = get_current_dir_name()) == NULL)
		return arg;
	path = xasprintf("%s/%s", dir, arg);
	free(dir);
	free(arg);
	return path;
}

/* Whose answers may take so long; 0: any time. */
static int
dial(const char *path, time_t seconds)
{
	const struct timeval wait = { seconds, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(REFUSED, "%s: the path is longer than %zu bytes", path,
		    sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(REFUSED, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		errx(NOT_THERE, "no daemon is running at %s; if it has another "
		    "state_dir or control, say so with -o, -f or -s", path);
	if (errno == EACCES)
		errx(REFUSED, "%s: permission denied; only root and the "
		    "daemon's own user may control it", path);
	err(REFUSED, "%s", path);
}

/*
 * One line; what comes behind it is nothing, for it was not asked for. False:
 * the daemon has ended the connection.
 */
static bool
receive(int fd, struct buf *line)
{
	ssize_t n;

	buf_reset(line);
	do {
		n = read(fd, buf_room(line, 16384), 16384);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			errx(NOT_THERE, "the daemon does not answer");
		if (n <= 0 || line->len > ANSWER_MAX)
			return false;
		line->len += (size_t)n;
	} while (line->data[line->len - 1] != '\n');
	return true;
}

static void
send_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n == -1 && errno == EPIPE)
			return;		/* it has said why: that is read */
		else if (n == -1)
			err(NOT_THERE, "send");
	}
}

static void
send_request(int fd, enum control_id id, const char *arg, json_int_t after)
{
	json_t *request = json_object();
	struct buf line = { 0 };
	char *text;

	json_object_set_new(request, "cmd", json_string(control_cmds[id].name));
	if (arg != NULL)
		json_object_set_new(request, control_cmds[id].field,
		    json_string(arg));
	if (after > 0)
		json_object_set_new(request, "after", json_integer(after));
	if ((text = json_dumps(request, JSON_COMPACT)) == NULL)
		errx(REFUSED, "out of memory");
	if (strlen(text) > CONTROL_LINE)
		errx(USAGE, "the argument is too long");
	buf_addf(&line, "%s\n", text);
	send_all(fd, line.data, line.len);
	free(text);
	json_decref(request);
	buf_free(&line);
}

/* NULL: the daemon has ended the connection. */
static json_t *
try_ask(int fd, enum control_id id, const char *arg, json_int_t after)
{
	struct buf line = { 0 };
	json_t *answer = NULL;
	json_error_t error;

	send_request(fd, id, arg, after);
	if (receive(fd, &line)) {
		answer = json_loadb(line.data, line.len, 0, &error);
		if (!json_is_object(answer))
			errx(NOT_THERE, "what answers is no partylined");
	}
	buf_free(&line);
	return answer;
}

static json_t *
ask(int fd, enum control_id id, const char *arg, json_int_t after)
{
	json_t *answer = try_ask(fd, id, arg, after);

	if (answer == NULL)
		errx(NOT_THERE, "the daemon has ended the connection");
	return answer;
}

/* Prints why, in either form. */
static int
refused(const struct args *a, json_t *answer)
{
	const char *message;

	if (a->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		message = json_string_value(json_object_get(answer,
		    "message"));
		warnx("%s", message != NULL ? message : "refused");
	}
	return REFUSED;
}

/* All pages of an answer as one. */
static json_t *
ask_all(int fd, enum control_id id, const char *arg)
{
	json_t *all = ask(fd, id, arg, 0), *page, *list;
	const char *key = ctl_list(id);
	json_int_t next;
	int pages;

	if (key == NULL)
		return all;
	list = json_object_get(all, key);
	next = json_integer_value(json_object_get(all, "next"));
	for (pages = 0; next > 0 && pages < PAGES_MAX; pages++) {
		page = ask(fd, id, arg, next);
		json_array_extend(list, json_object_get(page, key));
		next = json_integer_value(json_object_get(page, "next"));
		json_decref(page);
	}
	json_object_del(all, "more");
	json_object_del(all, "next");
	return all;
}

/* After an upgrade it is the new daemon that answers. */
static json_t *
ask_top(void *arg)
{
	struct args *a = arg;
	json_t *answer = try_ask(a->fd, CONTROL_TOP, NULL, 0);
	int tries;

	for (tries = 1; answer == NULL && tries < TRIES; tries++) {
		close(a->fd);
		a->fd = dial(a->path, WAIT_SECONDS);
		answer = try_ask(a->fd, CONTROL_TOP, NULL, 0);
	}
	if (answer == NULL)
		errx(NOT_THERE, "the daemon has ended the connection");
	if (!json_is_true(json_object_get(answer, "ok")))
		exit(refused(a, answer));
	return answer;
}

static void
top(struct args *a, const char *count)
{
	struct ctl_watch w = { .ask = ask_top, .arg = a, .json = a->json };
	char *end;

	if (count != NULL) {
		w.count = strtoul(count, &end, 10);
		if (*count < '0' || *count > '9' || *end != '\0' ||
		    w.count == 0)
			errx(USAGE, "top takes a number of tables, not %s",
			    count);
	}
	ctl_watch(&w);
}

static void
print(const struct args *a, const json_t *line)
{
	struct buf out = { 0 };

	if (a->json) {
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	ctl_trace_show(&out, line);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
}

static int
trace(const struct args *a, const char *client)
{
	static const struct timeval for_ever;
	struct ctl_trace t = { .fd = a->fd };
	bool ended = false;
	int status = 0;
	json_t *line;

	send_request(a->fd, CONTROL_TRACE, client, 0);
	line = ctl_trace_next(&t);
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever,
	    sizeof(for_ever));
	if (line != NULL && !json_is_true(json_object_get(line, "ok"))) {
		status = refused(a, line);
		ended = true;
	}
	while (line != NULL && !ended) {
		print(a, line);
		ended = ctl_trace_is_end(line);
		json_decref(line);
		line = ended ? NULL : ctl_trace_next(&t);
	}
	json_decref(line);
	ctl_trace_free(&t);
	if (fflush(stdout) == EOF)
		err(REFUSED, "standard output");
	if (!ended)
		errx(NOT_THERE, "the daemon has ended the connection");
	return status;
}

static int
run(const struct args *a, enum control_id id, const char *arg)
{
	json_t *answer = ask_all(a->fd, id, arg);
	struct buf out = { 0 };
	int status = 0;

	if (!json_is_true(json_object_get(answer, "ok")))
		status = refused(a, answer);
	else if (a->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		ctl_show(&out, id, answer);
		fwrite(out.data, 1, out.len, stdout);
	}
	if (fflush(stdout) == EOF)
		err(REFUSED, "standard output");
	buf_free(&out);
	json_decref(answer);
	return status;
}

int
main(int argc, char **argv)
{
	struct args args = { 0 };
	enum control_id id;
	char *arg, *path;
	int status = 0;

	parse_args(&args, argc, argv);
	argc -= optind;
	argv += optind;
	id = parse_command(argc, argv);
	arg = join(argc - 1, argv + 1);
	if (id == CONTROL_UPGRADE)
		arg = absolute(arg);
	args.path = path = socket_path(&args);
	args.fd = dial(path, id == CONTROL_UPGRADE ? 0 : WAIT_SECONDS);
	if (id == CONTROL_TOP)
		top(&args, arg);
	else if (id == CONTROL_TRACE)
		status = trace(&args, arg);
	else
		status = run(&args, id, arg);
	close(args.fd);
	free(path);
	free(arg);
	free(args.source.overrides);
	return status;
}
