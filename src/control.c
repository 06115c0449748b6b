#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <jansson.h>

#include "control-ask.h"
#include "control-table.h"
#include "control-trace.h"
#include "control.h"
#include "json-render.h"
#include "keeper.h"
#include "listener.h"
#include "log.h"
#include "store.h"
#include "tracing.h"

#define CONNS_MAX	16
#define IDLE_SECONDS	60	/* between requests */
#define WRITE_SECONDS	10	/* without a byte taken */
#define REST_MS		250	/* at the descriptor limit */

/* An operator's connection. */
struct conn {
	struct control	*control;
	struct bufferevent *bev;	/* NULL: free */
	const char	*cmd;		/* that is not answered yet; or NULL */
	uint32_t	 slot, gen;
	uid_t		 uid;
	pid_t		 pid;
	struct tracing	*tracing;	/* it has asked its last; or NULL */
	bool		 closing;	/* once the answer is written */
};

struct control {
	struct keeper	*keeper;
	struct event_base *base;
	struct event	*event, *rest;
	char		*path;
	bool		 made_dir;
	int		 fd;
	struct conn	 conns[CONNS_MAX];
};

/* Answers. */

void
control_quote(struct buf *b, const char *value)
{
	char *clean, *p;

	if (utf8_valid(value, strlen(value), NULL)) {
		json_quote(b, value, strlen(value));
		return;
	}
	clean = xstrdup(value);
	for (p = clean; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	json_quote(b, clean, strlen(clean));
	free(clean);
}

void
control_adds(struct buf *b, const char *key, const char *value)
{
	buf_addf(b, ",\"%s\":", key);
	control_quote(b, value);
}

void
control_addu(struct buf *b, const char *key, uint64_t value)
{
	buf_addf(b, ",\"%s\":%llu", key, (unsigned long long)value);
}

static void
conn_free(struct conn *c)
{
	tracing_free(c->tracing);
	c->tracing = NULL;
	bufferevent_free(c->bev);
	c->bev = NULL;
}

static struct conn *
find(struct control *control, client_id id)
{
	struct conn *c;

	if (control == NULL || id == 0)
		return NULL;
	c = &control->conns[CLIENT_SLOT(id)];
	return c->bev != NULL && c->gen == CLIENT_GEN(id) ? c : NULL;
}

/* The next request is read when this is written: see write_cb(). */
static void
answer(struct conn *c, const struct buf *line)
{
	c->cmd = NULL;
	bufferevent_write(c->bev, line->data, line->len);
}

/* What is still to be written, as far as it is taken at once. */
static void
push(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	evbuffer_unfreeze(out, 1);
	while (evbuffer_get_length(out) > 0 &&
	    evbuffer_write(out, bufferevent_getfd(c->bev)) > 0)
		;
}

static void
answer_head(struct buf *b, const struct conn *c, bool ok)
{
	buf_adds(b, "{\"reply\":");
	if (c->cmd != NULL)
		control_quote(b, c->cmd);
	else
		buf_adds(b, "null");
	buf_adds(b, ok ? ",\"ok\":true" : ",\"ok\":false");
}

static void
fail(struct conn *c, const char *error, const char *message)
{
	struct buf b = { 0 };

	answer_head(&b, c, false);
	control_adds(&b, "error", error);
	control_adds(&b, "message", message);
	buf_adds(&b, "}\n");
	answer(c, &b);
	buf_free(&b);
}

void
control_fail(struct control *control, client_id id, const char *error,
    const char *message)
{
	struct conn *c = find(control, id);

	if (c != NULL)
		fail(c, error, message);
}

void
control_ok(struct control *control, client_id id, const struct buf *members)
{
	struct conn *c = find(control, id);
	struct buf b = { 0 };

	if (c == NULL)
		return;
	answer_head(&b, c, true);
	buf_add(&b, members->data, members->len);
	buf_adds(&b, "}\n");
	answer(c, &b);
	buf_free(&b);
}

static client_id
conn_id(const struct conn *c)
{
	return CLIENT_ID(OPERATOR_LOOP, c->slot, c->gen);
}

static void
begin_trace(struct conn *c, client_id client)
{
	struct daemon *d = keeper_daemon(c->control->keeper);

	if (!tracing_ask(d, conn_id(c), client))
		fail(c, "no-such-client", tracing_no_client);
}

/* Whom a trace is for, by a name. */
static void
found(struct conn *c, const struct request *req)
{
	struct buf b = { 0 };

	if (req->error != ERR_NONE)
		fail(c, error_name(req->error), error_text(req->error));
	else if (req->users[0].sessions == 1)
		begin_trace(c, req->users[0].clients[0]);
	else {
		tracing_choices(&b, &req->users[0]);
		fail(c, "several-clients", buf_str(&b));
	}
	buf_free(&b);
}

static void
replied(struct conn *c, struct request *req)
{
	const struct conf *conf = keeper_conf(c->control->keeper);
	struct buf b = { 0 };

	if (req->cmd == CMD_ALL_WHO && req->name != NULL)
		found(c, req);
	else if (req->cmd == CMD_ALL_WHO || req->cmd == CMD_ALL_ROOMS) {
		req->cmd = req->cmd == CMD_ALL_WHO ? CMD_WHO : CMD_ROOMS;
		json_render_reply(&b, conf, req);
		answer(c, &b);
	} else if (req->error != ERR_NONE)
		fail(c, error_name(req->error), req->message != NULL ?
		    req->message : error_text(req->error));
	else {
		control_render(&b, req);
		control_ok(c->control, req->client, &b);
	}
	buf_free(&b);
}

void
control_replied(struct control *control, struct request *req)
{
	struct conn *c = find(control, req->client);

	if (c != NULL)
		replied(c, req);
	request_free(req);
}

void
control_read(struct control *control, const struct store_read *r)
{
	struct buf b = { 0 };

	if (r->error != STORE_OK)
		control_fail(control, r->client,
		    error_name(ERR_STORE_UNAVAILABLE),
		    error_text(ERR_STORE_UNAVAILABLE));
	else {
		control_render_read(&b, r);
		control_ok(control, r->client, &b);
	}
	buf_free(&b);
}

/* Traces. */

/* From here on it is only told: as slowly as it likes, and until it goes. */
static void
traced(struct conn *c, struct trace_mail *m, struct buf *b)
{
	if (m->kind == TRACE_NOBODY) {
		fail(c, "no-such-client", tracing_no_client);
		return;
	}
	if (m->kind == TRACE_BEGIN) {
		answer_head(b, c, true);
		buf_add(b, m->data, m->len);
		buf_adds(b, "}\n");
		c->tracing = tracing_new(m, c->uid, c->pid);
		bufferevent_set_timeouts(c->bev, NULL, NULL);
		bufferevent_enable(c->bev, EV_READ);
	} else if (c->tracing != NULL && !c->closing)
		c->closing = tracing_take(c->tracing, m, b);
	if (b->len > 0)
		bufferevent_write(c->bev, b->data, b->len);
}

void
control_traced(struct control *control, struct trace_mail *m)
{
	struct conn *c = find(control, m->trace->reader);
	struct buf b = { 0 };

	if (c != NULL)
		traced(c, m, &b);
	else		/* it went before the trace had begun */
		atomic_store(&m->trace->over, true);
	trace_mail_free(m);
	buf_free(&b);
}

/* The operator has taken all there was. */
static void
trace_written(struct conn *c)
{
	struct buf b = { 0 };

	tracing_written(c->tracing, &b);
	if (b.len > 0)
		bufferevent_write(c->bev, b.data, b.len);
	buf_free(&b);
}

/* The daemon ends, or another takes its place. */
static void
end_trace(struct conn *c, const char *reason)
{
	struct buf b = { 0 };

	if (c->closing)
		return;
	tracing_end(&b, reason);
	bufferevent_write(c->bev, b.data, b.len);
	buf_free(&b);
}

/* Requests. */

static unsigned
count_traces(const struct control *control)
{
	unsigned i, n = 0;

	for (i = 0; i < CONNS_MAX; i++)
		n += control->conns[i].tracing != NULL;
	return n;
}

/* A client, or a name. */
static void
ask_trace(struct conn *c, const char *arg)
{
	struct request *req;
	struct name name;
	const char *why;
	client_id client;

	if (count_traces(c->control) >= TRACES_MAX)
		fail(c, "busy", "Too many trace somebody now.");
	else if (client_parse(arg, &client))
		begin_trace(c, client);
	else if (!name_parse(&name, arg, strlen(arg), &why))
		fail(c, "bad-name", "That is no client, such as 0:17:3, and no "
		    "name of a person.");
	else {
		req = request_new(CMD_ALL_WHO);
		req->client = conn_id(c);
		request_set_name(req, &name);
		keeper_ask(c->control->keeper, req);
	}
}

/* To the log: who has what done, and to whom. */
static void
note(const struct conn *c, const struct control_cmd *def, const char *arg)
{
	bool whom = arg != NULL && def->field != NULL &&
	    strcmp(def->field, "name") == 0;

	log_notice("control", LS("cmd", def->name), LU("uid", c->uid),
	    LU("pid", c->pid), LS(whom ? "name" : NULL, arg), LEND);
}

static void
run(struct conn *c, const json_t *root)
{
	const json_t *cmd = json_object_get(root, "cmd");
	const json_t *after = json_object_get(root, "after"), *arg = NULL;
	const struct control_cmd *def = NULL;
	enum control_id id;

	if (!json_is_string(cmd)) {
		fail(c, "bad-argument", "cmd is a command's name.");
		return;
	}
	id = control_find(json_string_value(cmd));
	if (id != CONTROL_MAX) {
		def = &control_cmds[id];
		c->cmd = def->name;
		if (def->field != NULL)
			arg = json_object_get(root, def->field);
		if (arg != NULL ? !json_is_string(arg) :
		    def->field != NULL && !def->optional) {
			fail(c, "bad-argument", "The command's argument is "
			    "missing, or no string.");
			return;
		}
		if (def->changes && (id != CONTROL_IMPORT ||
		    json_is_true(json_object_get(root, "begin"))))
			note(c, def, json_string_value(arg));
	}
	if (after != NULL && (!json_is_integer(after) ||
	    json_integer_value(after) < 0)) {
		fail(c, "bad-argument", "after is a number.");
		return;
	}
	if (id == CONTROL_TRACE)
		ask_trace(c, json_string_value(arg));
	else if (id == CONTROL_MAX)
		fail(c, "unknown-command", "There is no such command.");
	else
		control_ask(&(struct asking){ c->control, c->control->keeper,
		    conn_id(c), c->uid, root, json_string_value(arg),
		    (uint64_t)json_integer_value(after) }, id);
}

static void
take_line(struct conn *c, const char *line, size_t len)
{
	json_error_t error;
	json_t *root;

	root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(root))
		run(c, root);
	else
		fail(c, "bad-json", "A request is a JSON object in one line.");
	json_decref(root);
}

/* A line waits for the answer to the one before to be written. */
static void
take_input(struct conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t len;
	char *line;

	line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF);
	if (line != NULL && len <= CONTROL_LINE) {
		bufferevent_disable(c->bev, EV_READ);
		take_line(c, line, len);
	} else if (line != NULL || evbuffer_get_length(in) > CONTROL_LINE) {
		bufferevent_disable(c->bev, EV_READ);
		c->closing = true;
		fail(c, "too-long", "That line is too long.");
	} else
		bufferevent_enable(c->bev, EV_READ);
	if (line != NULL)	/* it may hold a password */
		explicit_bzero(line, len);
	free(line);
}

static void
read_cb(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;

	if (c->tracing != NULL)
		evbuffer_drain(in, evbuffer_get_length(in));
	else
		take_input(c);
}

static void
write_cb(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (c->closing)
		conn_free(c);
	else if (c->tracing != NULL)
		trace_written(c);
	else if (c->cmd == NULL)
		take_input(c);
}

static void
event_cb(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	conn_free(arg);
}

/* The socket. */

/* Whoever may not, or has no place, is told why. */
static void
turn_away(int fd, const char *error, const char *message)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"reply\":null,\"ok\":false");
	control_adds(&b, "error", error);
	control_adds(&b, "message", message);
	buf_adds(&b, "}\n");
	send(fd, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	buf_free(&b);
	close(fd);
}

static void
welcome(struct control *control, int fd)
{
	const struct timeval idle = { IDLE_SECONDS, 0 };
	const struct timeval write_wait = { WRITE_SECONDS, 0 };
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);
	struct conn *c;
	uint32_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1 ||
	    (peer.uid != 0 && peer.uid != geteuid())) {
		log_warn("control-refused", LU("uid", peer.uid), LU("pid",
		    peer.pid), LEND);
		turn_away(fd, "forbidden", "Only root and the daemon's own "
		    "user may control it.");
		return;
	}
	for (i = 0; i < CONNS_MAX && control->conns[i].bev != NULL; i++)
		;
	if (i == CONNS_MAX) {
		turn_away(fd, "busy", "Too many control it now.");
		return;
	}
	c = &control->conns[i];
	c->bev = bufferevent_socket_new(control->base, fd,
	    BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		close(fd);
		return;
	}
	*c = (struct conn){ control, c->bev, NULL, i, c->gen + 1, peer.uid,
	    peer.pid, NULL, false };
	bufferevent_setcb(c->bev, read_cb, write_cb, event_cb, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, CONTROL_LINE + 1);
	bufferevent_set_timeouts(c->bev, &idle, &write_wait);
	bufferevent_enable(c->bev, EV_READ);
}

static void
rest_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_add(((struct control *)arg)->event, NULL);
}

static void
accept_cb(evutil_socket_t lfd, short what, void *arg)
{
	const struct timeval rest = { 0, REST_MS * 1000 };
	struct control *control = arg;
	int fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (fd != -1)
		welcome(control, fd);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		event_del(control->event);
		evtimer_add(control->rest, &rest);
	}
}

bool
control_make_dir(const char *path)
{
	char *dir = path_dir(path);
	mode_t mask = umask(077);
	bool made = mkdir(dir, 0700) == 0;

	umask(mask);
	free(dir);
	return made;
}

static void
remove_dir(const struct control *control)
{
	char *dir = path_dir(control->path);

	if (control->made_dir)
		rmdir(dir);	/* unless others put something there */
	free(dir);
}

static bool
listen_at(struct control *control, char **error)
{
	mode_t mask = umask(0177);

	control->fd = listener_bind_local(control->path, control->path, error);
	umask(mask);
	if (control->fd == -1)
		remove_dir(control);
	return control->fd != -1;
}

static void
serve(struct control *control)
{
	control->event = event_new(control->base, control->fd, EV_READ |
	    EV_PERSIST, accept_cb, control);
	control->rest = evtimer_new(control->base, rest_cb, control);
	event_add(control->event, NULL);
}

static struct control *
control_new(struct keeper *k, struct event_base *base, const char *path)
{
	struct control *control = xcalloc(1, sizeof(*control));

	control->keeper = k;
	control->base = base;
	control->path = xstrdup(path);
	return control;
}

struct control *
control_open(struct keeper *k, struct event_base *base, const char *path,
    bool made_dir)
{
	struct control *control = control_new(k, base, path);
	char *error = NULL;

	control->made_dir = made_dir;
	if (!listen_at(control, &error)) {
		log_warn("no-control", LS("reason", error), LEND);
		free(error);
		free(control->path);
		free(control);
		return NULL;
	}
	serve(control);
	return control;
}

struct control *
control_take(struct keeper *k, struct event_base *base, const char *path,
    int fd, bool made_dir)
{
	struct control *control = control_new(k, base, path);

	control->fd = fd;
	control->made_dir = made_dir;
	serve(control);
	return control;
}

int
control_fd(const struct control *control, bool *made_dir)
{
	*made_dir = control->made_dir;
	return control->fd;
}

/* What is answered is still written, as far as it is taken at once. */
static void
close_conns(struct control *control, const char *reason)
{
	struct conn *c;

	for (c = control->conns; c < control->conns + CONNS_MAX; c++) {
		if (c->bev == NULL)
			continue;
		if (c->tracing != NULL)
			end_trace(c, reason);
		push(c);
		conn_free(c);
	}
}

static void
control_free(struct control *control)
{
	event_free(control->event);
	event_free(control->rest);
	close(control->fd);
	free(control->path);
	free(control);
}

void
control_hand_over(struct control *control)
{
	if (control == NULL)
		return;
	close_conns(control, "upgrade");
	control_free(control);
}

void
control_close(struct control *control)
{
	if (control == NULL)
		return;
	close_conns(control, "shutdown");
	unlink(control->path);
	remove_dir(control);
	control_free(control);
}
