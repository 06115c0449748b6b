/* A session that a browser opened: HTTP, and the WebSocket it may become. */
#include "log.h"
#include "session-io.h"
#include "session.h"
#include "web.h"

static bool
admit(void *arg, const struct sockaddr *sa)
{
	return session_forwarded(arg, sa, 0);
}

static struct web_env
env(struct session *s)
{
	return (struct web_env){ .conf = s->loop->conf,
	    .daemon = s->loop->daemon, .address = s->address,
	    .trusted = s->trusted, .admit = admit, .arg = s,
	    .now = s->loop->now };
}

void
session_web(struct session *s)
{
	s->layer.web = web_new(s->loop->now);
	s->is_web = true;
	s->undecided = false;
}

static void
opened(struct session *s)
{
	log_debug("websocket", LS("client", CLIENT_TEXT(session_id(s))),
	    LEND);
	s->started = s->loop->now;
	session_choose(s, &dialect_json);
}

/* The other side has ended it, or made an error; all that it had asked for
 * before is on its way. */
void
session_web_end(struct session *s)
{
	if (!web_has_ended(s->layer.web) || s->paused || s->closing || s->dead)
		return;
	if (web_is_too_long(s->layer.web))
		session_too_long(s);
	session_finish(s, END_WEB);
}

void
session_take_web(struct session *s, const char *data, size_t len)
{
	const struct web_env e = env(s);
	struct web *w = s->layer.web;
	struct loop *l = s->loop;
	enum web_status status;

	do {
		buf_reset(&l->text);
		buf_reset(&l->answer);
		status = web_recv(w, &e, data, len, &l->text, &l->answer);
		len = 0;
		session_write(s, l->answer.data, l->answer.len);
		if (status == WEB_OPENED)
			opened(s);
		if (l->text.len > 0)
			session_take_text(s, l->text.data, l->text.len);
		session_check_full(s);
	} while ((status == WEB_AGAIN || status == WEB_OPENED) && !s->paused);
	session_web_end(s);
}

void
session_web_tick(struct session *s)
{
	const struct web_env e = env(s);
	struct loop *l = s->loop;

	/* Not heard is not silent. */
	if (s->paused || s->blocked)
		return;
	buf_reset(&l->answer);
	if (web_tick(s->layer.web, &e, &l->answer) == WEB_END)
		session_finish(s, END_WEB);
	session_write(s, l->answer.data, l->answer.len);
}

bool
session_web_close(struct session *s)
{
	static const enum web_reason reasons[] = {
		[END_QUIT] = WEB_DONE, [END_SHUTDOWN] = WEB_GOING_AWAY,
		[END_REPLACED] = WEB_POLICY, [END_LOGIN_TIMEOUT] = WEB_POLICY,
		[END_READ_TIMEOUT] = WEB_GOING_AWAY, [END_STORE] = WEB_FAILED,
		[END_WEB] = WEB_DONE, [END_DRAIN] = WEB_GOING_AWAY,
		[END_KICKED] = WEB_POLICY, [END_UPGRADE] = WEB_GOING_AWAY,
		[END_FULL] = WEB_GOING_AWAY, [END_REVOKED] = WEB_POLICY
	};
	struct buf *out = &s->loop->answer;

	buf_reset(out);
	if (!web_add_close(s->layer.web, out, reasons[s->end]))
		return false;
	session_write(s, out->data, out->len);
	return true;
}
