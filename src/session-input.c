#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "address.h"
#include "log.h"
#include "name.h"
#include "session-io.h"
#include "session.h"
#include "telnet.h"
#include "tls.h"
#include "tracing.h"
#include "web.h"

/*
 * What one client may have under way: it is read no further above any of
 * these, and goes on once answers have come and were written.
 */
#define INFLIGHT_MAX	128		/* requests */
#define COST_MAX	(60 * 1024)	/* bytes of them */
#define UNWRITTEN_MAX	(16 * 1024)	/* bytes not yet written to it */

#define LIBEVENT_READ	4096	/* the most libevent reads at once */
#define READS		4	/* reads of our own behind a full one */

static bool
is_program(const struct session *s)
{
	return session_dialect(s) != NULL && !session_dialect(s)->person;
}

static struct telnet *
telnet_of(const struct session *s)
{
	return s->is_web ? NULL : s->layer.telnet;
}

static bool
full(const struct session *s)
{
	struct loop *l = s->loop;

	if (l->hub_bytes > l->conf->mailbox_bytes) {
		l->overloaded = true;
		return true;
	}
	/* A person's lines are taken one after the other. */
	if (session_is_person(s) && s->inflight > 0)
		return true;
	return s->inflight >= INFLIGHT_MAX || s->cost >= COST_MAX ||
	    session_unwritten(s) >= UNWRITTEN_MAX;
}

static void
pause_input(struct session *s)
{
	if (s->paused)
		return;
	s->paused = true;
	bufferevent_disable(s->bev, EV_READ);
}

void
session_check_full(struct session *s)
{
	if (!s->dead && full(s))
		pause_input(s);
}

void
session_wait(struct session *s)
{
	if (s->is_waiting)
		return;
	s->is_waiting = true;
	session_queue_add(&s->loop->waiting, s);
}

/* Calls of the dialect, and carrying out what they leave. */

static struct dialect_io *
io_begin(struct session *s)
{
	struct dialect_io *io = &s->loop->io;

	buf_reset(&io->out);
	mail_list_init(&io->requests);
	io->act = 0;
	io->refused = ERR_NONE;
	io->refused_cmd = CMD_NONE;
	io->name = session_name(s);
	io->logged_in = s->sid != 0;
	io->hides = telnet_of(s) != NULL && !telnet_is_silent(telnet_of(s));
	return io;
}

static void
carry_out(struct session *s, unsigned act)
{
	if (act & DIALECT_COLOR)
		session_reencode(s, text_encoding(s->state));
	if (act & DIALECT_TO_JSON)
		session_choose(s, &dialect_json);
	if (act & DIALECT_CLOSE)
		session_finish(s, END_QUIT);
}

/* What a call of the dialect has left but for requests. */
static void
tell(struct session *s, struct dialect_io *io)
{
	if (io->act & (DIALECT_HIDE | DIALECT_SHOW))
		session_hide(s, (io->act & DIALECT_HIDE) != 0);
	if (io->out.len > 0) {
		session_tell(s, &io->out);
		buf_trim(&io->out, 64 * 1024);
	}
	if (io->act != 0)
		carry_out(s, io->act);
}

static void
count_answer(struct session *s, enum cmd cmd, enum error error)
{
	struct loop_metrics *m = &s->loop->metrics;

	metric_add(&m->requests[cmd], 1);
	if (error != ERR_NONE)
		metric_add(&m->rejects[error], 1);
	if (cmd == CMD_SAY || cmd == CMD_TELL)
		metric_add(&m->says[error], 1);
}

/* limited: ms to wait before the next request, 0 if it may go on. */
static void
io_end(struct session *s, struct dialect_io *io, uint32_t limited)
{
	struct mail *m = io->requests.first, *next;
	const struct dialect *d = session_dialect(s);
	struct request *req;

	mail_list_init(&io->requests);
	if (io->refused != ERR_NONE)
		count_answer(s, io->refused_cmd, io->refused);
	for (; m != NULL; m = next) {
		next = m->next;
		req = (struct request *)m;
		if (limited == 0 && req->cmd != CMD_QUIT) {
			session_send(s, req);
			continue;
		}
		if (req->cmd != CMD_QUIT) {
			request_fail(req, ERR_RATE_LIMITED, NULL);
			req->retry_ms = limited;
		} else {
			session_list_read(s, req);
			session_finish(s, END_QUIT);
		}
		count_answer(s, req->cmd, req->error);
		d->reply(s->state, io, req);
		request_free(req);
	}
	tell(s, io);
}

void
session_greet(struct session *s)
{
	struct dialect_io *io;

	if (session_dialect(s) != NULL || s->closing || s->is_web ||
	    !session_may_greet(s))
		return;
	session_choose(s, &dialect_text);
	io = io_begin(s);
	session_dialect(s)->greet(s->state, io);
	io_end(s, io, 0);
}

void
session_sent_out(struct session *s, const char *room, uint64_t seq)
{
	struct dialect_io *io;

	if (session_dialect(s)->sent_out == NULL)
		return;
	io = io_begin(s);
	session_dialect(s)->sent_out(s->state, io, room, seq);
	io_end(s, io, 0);
}

void
session_begins(struct session *s, const char *room, uint64_t after)
{
	struct dialect_io *io;

	if (session_dialect(s)->begins == NULL)
		return;
	io = io_begin(s);
	session_dialect(s)->begins(s->state, io, room, after);
	io_end(s, io, 0);
}

/*
 * The token bucket of the rate: 0 if there is a token, else the ms until there
 * is one again.
 */
static uint32_t
take_token(struct session *s)
{
	const struct conf *conf = s->loop->conf;
	uint64_t tokens = s->tokens, max = conf->burst * 1000;
	uint32_t now;

	if (conf->rate == 0)
		return 0;
	now = (uint32_t)clock_ms();
	if (s->tokens == UINT32_MAX)	/* new */
		tokens = max;
	else
		tokens += (uint64_t)(uint32_t)(now - s->tokens_at) * conf->rate;
	if (tokens > max)
		tokens = max;
	s->tokens_at = now;
	if (tokens >= 1000) {
		s->tokens = (uint32_t)(tokens - 1000);
		return 0;
	}
	s->tokens = (uint32_t)tokens;
	return (uint32_t)((1000 - tokens + conf->rate - 1) / conf->rate);
}

/*
 * A page elsewhere can make a browser send lines of its own behind a request's
 * first one, or within a handshake of TLS, which the browser's user knows
 * nothing of. Nobody else's first line looks like these.
 */
static const char elsewhere[] = "http-elsewhere";

static bool
is_tls(const char *line, size_t len)
{
	return len >= 2 && memcmp(line, "\x16\x03", 2) == 0;
}

static void
take_line(struct session *s, char *line, size_t len)
{
	struct dialect_io *io;
	uint32_t limited;

	if (s->sid == 0 && !s->is_web && (http_is_request_line(line, len) ||
	    is_tls(line, len))) {
		session_close(s, elsewhere);
		return;
	}
	if (s->undecided) {
		s->undecided = false;
		if (len > 0 && line[0] == '{') {
			/* A program looks for { where a line begins. */
			if (session_dialect(s) != NULL)
				session_write(s, "\r\n", 2);
			session_choose(s, &dialect_json);
		} else if (session_dialect(s) == NULL)
			session_choose(s, &dialect_text);
	}
	if (is_program(s)) {
		if (strspn(line, " \t\r") >= len && !s->is_web)
			return;
	} else
		len = line_edit(line, len);
	if (s->traced)
		session_trace_in(s, line, len);
	limited = take_token(s);
	io = io_begin(s);
	session_dialect(s)->line(s->state, io, line, len);
	io_end(s, io, limited);
}

void
session_too_long(struct session *s)
{
	struct dialect_io *io;

	if (session_dialect(s) == NULL)
		session_choose(s, &dialect_text);
	s->undecided = false;
	if (s->traced)
		session_trace_too_long(s);
	io = io_begin(s);
	count_answer(s, CMD_NONE, ERR_TOO_LONG);
	session_dialect(s)->error(s->state, io, ERR_TOO_LONG, 0);
	io_end(s, io, 0);
}

/* The end of the first line in data: LF, or for people CR NUL, or ^C; or
 * NULL. */
static char *
line_end(const struct session *s, char *data, size_t len)
{
	char *end = memchr(data, '\n', len), *nul = data, *stop;

	if (is_program(s))
		return end;
	if (end != NULL)
		len = (size_t)(end - data);
	while ((nul = memchr(nul, '\0', len - (size_t)(nul - data))) != NULL) {
		if (nul > data && nul[-1] == '\r') {
			end = nul;
			break;
		}
		nul++;
	}
	if (end != NULL)
		len = (size_t)(end - data);
	stop = (char *)(uintptr_t)line_stop(data, len);
	return stop != NULL ? stop : end;
}

/* The program is to end: whatever was typed of a line, up to a ^C, is nothing.
 * TLS has one, too: its second byte. */
static void
stop(struct session *s, const char *typed, size_t len)
{
	char line[] = { LINE_STOPS, '\0' };

	if (s->sid == 0 && is_tls(typed, len))
		session_close(s, elsewhere);
	else
		take_line(s, line, 1);
}

/* A line too long, or as much of it as is here, is thrown away. */
static void
skip_line(struct session *s, const char *line, size_t len, bool whole)
{
	bool begins = !s->skipping;

	s->skipping = !whole;
	if (begins && s->sid == 0 && (http_sniff(line, len) == SNIFF_HTTP ||
	    is_tls(line, len)))
		session_close(s, elsewhere);
	else if (whole)
		session_too_long(s);
}

/* Takes lines until the input is used up or held back; bytes used. */
static size_t
split(struct session *s, char *data, size_t len)
{
	size_t max = s->loop->conf->max_line, used = 0, n;
	char *line, *end;

	while (used < len && !s->paused && !s->closing && !s->dead) {
		line = data + used;
		end = line_end(s, line, len - used);
		if (end == NULL) {
			/* A CR may be the first half of its end. */
			if (len - used > max + 1 || s->skipping) {
				skip_line(s, line, len - used, false);
				used = data[len - 1] == '\r' ? len - 1 : len;
			}
			break;
		}
		n = (size_t)(end - line);
		used += n + 1;
		if (n > 0 && line[n - 1] == '\r')
			n--;
		if (s->skipping || n > max) {
			skip_line(s, line, n, true);
		} else if (*end == LINE_STOPS) {
			stop(s, line, n + 1);
		} else {
			line[n] = '\0';
			take_line(s, line, n);
		}
		session_check_full(s);
	}
	return used;
}

/* The same of a WebSocket's messages, which are all whole. */
static size_t
take_messages(struct session *s, char *data, size_t len)
{
	size_t used = 0, n, size;
	char *text;

	while (!s->paused && !s->closing && !s->dead &&
	    (n = web_message_next(data + used, len - used, &text, &size)) > 0) {
		used += n;
		take_line(s, text, size);
		session_check_full(s);
	}
	return used;
}

static size_t
take_input(struct session *s, char *data, size_t len)
{
	return s->is_web ? take_messages(s, data, len) : split(s, data, len);
}

void
session_keep(struct session *s, const char *data, size_t len)
{
	if (len > 0)
		buf_add(&session_more_make(s)->in, data, len);
}

struct buf
session_take_kept(struct session *s)
{
	struct session_more *more = session_more(s);
	struct buf kept = { 0 };

	if (more != NULL) {
		kept = more->in;
		more->in = (struct buf){ 0 };
		session_more_settle(s);
	}
	return kept;
}

void
session_take_text(struct session *s, char *data, size_t len)
{
	struct buf joined;
	size_t used;

	if (s->loop->overloaded)
		pause_input(s);
	if (s->paused) {
		session_keep(s, data, len);
		return;
	}
	joined = session_take_kept(s);
	if (joined.len > 0) {
		buf_add(&joined, data, len);
		data = joined.data;
		len = joined.len;
	}
	used = take_input(s, data, len);
	if (used < len && !s->dead && !s->closing)
		session_keep(s, data + used, len - used);
	buf_free(&joined);
}

void
session_take_bytes(struct session *s, char *data, size_t len)
{
	const struct dialect *d;
	struct loop *l = s->loop;
	enum telnet_status status;
	bool stops;

	if ((s->stage != STAGE_OPEN || (s->undecided &&
	    session_dialect(s) == NULL && !s->is_web &&
	    s->layer.telnet == NULL)) &&
	    session_take_first(s, data, len))
		return;
	if (s->is_web) {
		session_take_web(s, data, len);
		return;
	}
	if (s->layer.telnet == NULL) {
		if (is_program(s) || memchr(data, 0xff, len) == NULL) {
			session_take_text(s, data, len);
			return;
		}
		s->layer.telnet = telnet_new();
	}
	buf_reset(&l->text);
	buf_reset(&l->answer);
	status = telnet_recv(s->layer.telnet, data, len, &l->text, &l->answer);
	d = session_dialect(s);
	if (d != NULL && d->width != NULL)
		d->width(s->state, telnet_width(s->layer.telnet));
	/* Text first: a mark's answer says that all before it was taken. But
	 * who sends one behind a ^C shows nothing that comes before it. */
	stops = l->text.len > 0 &&
	    memchr(l->text.data, LINE_STOPS, l->text.len) != NULL;
	if (stops)
		session_write(s, l->answer.data, l->answer.len);
	if (l->text.len > 0)
		session_take_text(s, l->text.data, l->text.len);
	if (s->dead)
		return;
	if (!stops)
		session_write(s, l->answer.data, l->answer.len);
	if (status == TELNET_CLOSE)
		session_close(s, telnet_reason(s->layer.telnet));
	/* There may have been no line in all this. */
	else if (!s->closing && session_unwritten(s) >= UNWRITTEN_MAX)
		pause_input(s);
}

static void
received(struct session *s, char *data, size_t len)
{
	metric_add(&s->loop->metrics.bytes_in, len);
	s->heard = s->loop->now;
	session_take_bytes(s, data, len);
}

void
session_read_cb(struct bufferevent *bev, void *arg)
{
	struct session *s = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t len = evbuffer_get_length(in);
	ssize_t n = 0;
	int i;

	loop_began(s->loop);
	if (s->closing || s->lingering) {
		evbuffer_drain(in, len);
		return;
	}
	received(s, (char *)evbuffer_pullup(in, -1), len);
	if (s->dead || s->bev != bev)	/* or TLS has taken over */
		return;
	evbuffer_drain(in, len);
	/* Telnet's answers are several times as long as what asks for them. */
	if (len < LIBEVENT_READ || telnet_of(s) != NULL)
		return;
	for (i = 0; i < READS && !s->paused && !s->closing && !s->dead &&
	    s->bev == bev; i++) {
		n = session_carrier(s)->recv(bev, s->loop->rbuf, READ_SIZE);
		if (n <= 0)
			break;	/* an end or error shows again at libevent's */
		received(s, s->loop->rbuf, (size_t)n);
		if (n < READ_SIZE)
			break;
	}
}

/*
 * Half closed, perhaps: what it asked for is still given. Said once more, it is
 * a write's failure: so does libevent's TLS tell of one behind close_notify.
 * And it stops writing where it finds the end.
 */
static void
ended(struct session *s)
{
	if (s->lingering || s->eof) {
		session_close(s, s->lingering || s->closing ?
		    session_end_reason(s) : "reset");
		return;
	}
	s->eof = true;
	if (s->blocked) {
		bufferevent_disable(s->bev, EV_WRITE);
		bufferevent_enable(s->bev, EV_WRITE);
	}
	session_wait(s);
}

void
session_event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct session *s = arg;

	loop_began(s->loop);
	if (what & BEV_EVENT_CONNECTED)
		session_secured(s);
	else if (s->stage == STAGE_HANDSHAKE)
		session_handshake_failed(s, what);
	else if (what & BEV_EVENT_TIMEOUT)
		session_stuck(s);
	else if (what & BEV_EVENT_EOF)
		ended(s);
	else if (what & BEV_EVENT_ERROR)
		session_close(s, s->closing ? session_end_reason(s) :
		    session_carrier(s)->why(bev));
}

/* All of its input was used and all that it asked for was given. */
static bool
is_quiet(const struct session *s)
{
	const struct place *p;

	if (s->inflight > 0 || s->paused || s->blocked ||
	    session_unwritten(s) > 0)
		return false;
	for (p = s->places; p != NULL; p = p->next) {
		if (p->state != PLACE_ON || place_pending(p))
			return false;
	}
	return true;
}

void
session_resume(struct session *s)
{
	struct buf kept;
	size_t used;

	if (s->loop->still != STILL_NOT)
		return;		/* session_go_on() */
	if (s->paused && !s->closing && !full(s)) {
		s->paused = false;
		kept = session_take_kept(s);
		used = kept.len > 0 ? take_input(s, kept.data, kept.len) : 0;
		if (used < kept.len && !s->dead && !s->closing)
			session_keep(s, kept.data + used, kept.len - used);
		buf_free(&kept);
		if (s->is_web && !s->paused && !s->closing && !s->dead)
			session_take_web(s, NULL, 0);
		if (!s->paused && !s->closing && !s->dead && !s->eof)
			bufferevent_enable(s->bev, EV_READ);
	}
	if (s->eof && !s->closing && !s->dead && is_quiet(s))
		session_close(s, "eof");
}

/* Requests and their answers. */

/* Who it is by its certificate, where that is enough. */
static void
add_certified(const struct session *s, struct request *req)
{
	char text[NAME_SIZE];
	struct name name;

	if (s->loop->conf->tls_login == TLS_LOGIN_CN &&
	    s->carrier == CARRIER_TLS && tls_common_name(s->bev, text) &&
	    name_parse(&name, text, strlen(text), NULL))
		req->certified = request_str(req, name.key);
}

void
session_send(struct session *s, struct request *req)
{
	if (req->cmd == CMD_UNSUBSCRIBE && session_is_person(s))
		session_mark(s, MARK_LEAVE);
	req->client = session_id(s);
	req->sid = s->sid;
	req->cost = (uint32_t)(sizeof(*req) + REQUEST_ARENA +
	    (req->msg != NULL ? msg_size(req->msg) : 0));
	if (req->cmd == CMD_HISTORY)
		req->cost += (uint32_t)s->loop->conf->page_bytes;
	else if (req->cmd == CMD_SEARCH)
		req->cost += SEARCH_BYTES;
	else if (req->cmd == CMD_ROOMS || req->cmd == CMD_WHO ||
	    req->cmd == CMD_BANS || req->cmd == CMD_TOKENS ||
	    req->cmd == CMD_IGNORED)
		req->cost += LIST_BYTES;
	else if (req->cmd == CMD_REDACT)
		req->since = clock_wall() - 1000 *
		    (int64_t)(s->loop->now - s->started + 1);
	/* It may be as long as a line: here, and in the answer again. */
	if (req->id != NULL)
		req->cost += 2 * (uint32_t)strlen(req->id);
	/* What follows a secret is for who has shown it: answered behind. */
	if (req->password != NULL || req->token != NULL || req->resume != NULL)
		req->cost += COST_MAX;
	if (req->password != NULL || req->cmd == CMD_LOGIN)
		req->address = request_str(req, address_text(s->address));
	if (req->cmd == CMD_LOGIN)
		add_certified(s, req);
	s->cost += req->cost;
	s->inflight++;
	loop_send(s->loop, req);
}

static void
reply(struct session *s, struct request *req)
{
	struct dialect_io *io = io_begin(s);

	count_answer(s, req->cmd, req->error);
	session_dialect(s)->reply(s->state, io, req);
	io_end(s, io, 0);
}

static void
answered(struct session *s, struct request *req)
{
	s->inflight--;
	s->cost -= req->cost;
	/* What a person enters at login comes first, and then what was said. */
	if (req->cmd == CMD_LOGIN && req->error == ERR_NONE &&
	    session_is_person(s))
		s->counting = s->inflight > 0;
	else if (s->counting && s->inflight == 0) {
		s->counting = false;
		session_dirty(s);
	}
	request_free(req);
	if (s->paused || s->eof)
		session_wait(s);
	if (s->closing)
		session_dirty(s);
}

void
session_answer(struct session *s, struct request *req)
{
	reply(s, req);
	answered(s, req);
}

static void
set_name(struct session *s, const struct request *req)
{
	log_info(req->cmd == CMD_LOGIN ? "login" : "rename",
	    LS("client", CLIENT_TEXT(session_id(s))), LS("name", req->name),
	    LS("was", session_name(s)), LEND);
	session_name_set(s, req->name);
}

/* An answer by the hub that changes the session itself, before it is told. */
static void
apply(struct session *s, struct request *req)
{
	switch (req->cmd) {
	case CMD_LOGIN:
		s->sid = req->sid;
		s->registered = !req->guest && !req->marks;
		set_name(s, req);
		session_ignore(s, ignores_ref(req->ignores));
		break;
	case CMD_REGISTER:
		s->registered = !req->marks;
		break;
	case CMD_RENAME:
		set_name(s, req);
		session_unplace(s, req->room_id);	/* the old inbox */
		break;
	case CMD_UNSUBSCRIBE:
		req->seq = session_unplace(s, req->room_id);
		break;
	default:
		break;
	}
}

static void
subscribed(struct session *s, const struct request *req)
{
	uint64_t after = req->has & HAS_AFTER ? req->after : req->head;
	uint64_t floor = req->floor;

	/* A person who returns is not shown again what they have seen. */
	if (session_is_person(s) && req->seq > floor)
		floor = req->seq;
	if (!(req->has & HAS_AFTER) && req->last > 0 && floor < req->head)
		session_place_last(s, req->room_id, req->room, req->head,
		    floor, req->last);
	else
		session_place(s, req->room_id, req->room, req->head,
		    after > req->floor ? after : req->floor, false);
	if (req->last > 0 && floor >= req->head)
		session_begins(s, req->room, req->head);
}

void
session_replied(struct session *s, struct request *req)
{
	if (req->cmd == CMD_MOVED) {
		if (req->error == ERR_NONE)
			session_moved(s, req);
		else {		/* another resumed it meanwhile */
			session_places_free(req->arg);
			session_replaced(s);
		}
	} else if (req->error == ERR_NONE && req->cmd == CMD_HISTORY) {
		session_read_history(s, req);
		return;
	} else if (req->error == ERR_NONE && req->cmd == CMD_SEARCH &&
	    !req->found) {
		session_read_search(s, req);
		return;
	} else {
		if (req->error == ERR_NONE)
			apply(s, req);
		if (req->error == ERR_NONE && req->cmd == CMD_LOGIN &&
		    session_count_unread(s, req)) {
			s->counting = true;
			return;
		}
		reply(s, req);
		if (req->error == ERR_NONE && req->cmd == CMD_SUBSCRIBE &&
		    !s->dead)
			subscribed(s, req);
	}
	answered(s, req);
}
