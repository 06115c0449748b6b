#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl-ask.h"
#include "util.h"

#define ANSWER_MAX	(1024 * 1024)	/* bytes of one */
#define PAGES_MAX	100000

static void __attribute__((noreturn))
nobody_there(const struct ctl *c)
{
	if (c->trouble != NULL)
		warnx("the configuration has errors:\n%s", c->trouble);
	errx(NOT_THERE, "no daemon is running at %s; if it has another "
	    "state_dir or control, say so with -o, -f or -s", c->path);
}

int
ctl_try_dial(const struct ctl *c, time_t seconds)
{
	const struct timeval wait = { seconds, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = c->path;
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
	if (errno == ENOENT || errno == ECONNREFUSED) {
		close(fd);
		return -1;
	}
	if (errno == EACCES)
		errx(REFUSED, "%s: permission denied; only root and the "
		    "daemon's own user may control it", path);
	err(REFUSED, "%s", path);
}

int
ctl_dial(const struct ctl *c, time_t seconds)
{
	int fd = ctl_try_dial(c, seconds);

	if (fd == -1)
		nobody_there(c);
	return fd;
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

json_t *
ctl_request(enum control_id id, const char *arg, const char *rest)
{
	const struct control_cmd *def = &control_cmds[id];
	json_t *request = json_object();

	json_object_set_new(request, "cmd", json_string(def->name));
	if (arg != NULL && def->field != NULL)
		json_object_set_new(request, def->field, json_string(arg));
	if (rest != NULL && def->rest != NULL)
		json_object_set_new(request, def->rest, json_string(rest));
	return request;
}

void
ctl_send(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n;

	if (text == NULL)
		errx(REFUSED, "out of memory");
	if ((n = strlen(text)) > CONTROL_LINE)
		errx(USAGE, "the argument is too long");
	text[n] = '\n';			/* where the NUL was */
	send_all(fd, text, n + 1);
	explicit_bzero(text, n);	/* it may hold a password */
	free(text);
}

json_t *
ctl_try_ask(int fd, json_t *request)
{
	struct buf line = { 0 };
	json_t *answer = NULL;
	json_error_t error;

	ctl_send(fd, request);
	json_decref(request);
	if (receive(fd, &line)) {
		answer = json_loadb(line.data, line.len, 0, &error);
		if (!json_is_object(answer))
			errx(NOT_THERE, "what answers is no partylined");
	}
	buf_free(&line);
	return answer;
}

json_t *
ctl_ask(int fd, json_t *request)
{
	json_t *answer = ctl_try_ask(fd, request);

	if (answer == NULL)
		errx(NOT_THERE, "the daemon has ended the connection");
	return answer;
}

json_t *
ctl_ask_all(int fd, json_t *request, const char *key)
{
	json_t *all = ctl_ask(fd, json_incref(request)), *page, *list;
	json_int_t next = json_integer_value(json_object_get(all, "next"));
	int pages;

	list = key != NULL ? json_object_get(all, key) : NULL;
	for (pages = 0; list != NULL && next > 0 && pages < PAGES_MAX;
	    pages++) {
		json_object_set_new(request, "after", json_integer(next));
		page = ctl_ask(fd, json_incref(request));
		json_array_extend(list, json_object_get(page, key));
		next = json_integer_value(json_object_get(page, "next"));
		json_decref(page);
	}
	if (list != NULL) {
		json_object_del(all, "more");
		json_object_del(all, "next");
	}
	json_decref(request);
	return all;
}

bool
ctl_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

int
ctl_refused(const struct ctl *c, const json_t *answer)
{
	const char *message;

	if (c->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		message = json_string_value(json_object_get(answer,
		    "message"));
		warnx("%s", message != NULL ? message : "refused");
	}
	return REFUSED;
}

bool
ctl_flag(const struct ctl *c, char flag)
{
	return strchr(c->words, flag) != NULL;
}
