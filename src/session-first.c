/*
 * How a session begins: what its listener's kind and its first bytes make of
 * it. A trusted proxy's header comes first, then TLS, then what is inside.
 */
#include <string.h>

#include "log.h"
#include "proxy.h"
#include "session-io.h"
#include "session.h"
#include "tls.h"
#include "tracing.h"
#include "web.h"

/* What is plain from now on, or inside of TLS. */
static void
open_stage(struct session *s, bool http)
{
	s->stage = STAGE_OPEN;
	s->undecided = s->kind == LISTEN_AUTO || s->kind == LISTEN_TLS;
	if (s->kind == LISTEN_JSON)
		session_choose(s, &dialect_json);
	else if (s->kind == LISTEN_TEXT)
		session_greet(s);
	else if (s->kind == LISTEN_HTTP || http)
		session_web(s);
	else
		loop_greet_later(s->loop, session_id(s));
}

void
session_begin_plain(struct session *s)
{
	if (s->kind == LISTEN_TLS)
		s->stage = STAGE_TLS;
	else
		open_stage(s, false);
}

void
session_begin(struct session *s)
{
	if (!s->trusted) {
		session_begin_plain(s);
		return;
	}
	s->stage = STAGE_PROXY;
	/* A person who comes directly is not kept waiting. */
	if (s->kind == LISTEN_AUTO || s->kind == LISTEN_TEXT)
		loop_greet_later(s->loop, session_id(s));
}

/* The PROXY protocol. */

/* Somebody who tries the Enter key may also begin version 2's signature. */
bool
session_may_greet(struct session *s)
{
	const struct buf *in = session_kept(s);
	size_t i;

	if (s->stage != STAGE_PROXY)
		return s->stage == STAGE_OPEN;
	for (i = 0; i < in->len; i++) {
		if (in->data[i] != '\r' && in->data[i] != '\n')
			return false;
	}
	s->stage = STAGE_OPEN;
	s->undecided = s->kind == LISTEN_AUTO;
	return true;
}

/* Whom it is for has too many clients already. */
static void
refuse(struct session *s)
{
	if (s->kind == LISTEN_HTTP || s->kind == LISTEN_TLS) {
		session_close(s, "max_clients_address");
		return;
	}
	s->stage = STAGE_OPEN;
	session_choose(s, s->kind == LISTEN_JSON ? &dialect_json :
	    &dialect_text);
	session_bye(s, END_FULL, true);
}

static void
take_proxy(struct session *s, const char *data, size_t len)
{
	struct buf first = session_take_kept(s);
	struct proxy_header h;
	enum proxy_status status;

	buf_add(&first, data, len);
	status = proxy_parse(&h, first.data, first.len);
	if (status == PROXY_MORE)
		session_keep(s, first.data, first.len);
	else if (status == PROXY_BAD)
		session_close(s, "bad-proxy-header");
	else if (status == PROXY_FROM && !session_forwarded(s,
	    (struct sockaddr *)&h.from, proxy_port(&h.from)))
		refuse(s);
	else {
		loop_greet_never(s->loop, session_id(s));
		session_begin_plain(s);
		if (h.len < first.len && !s->dead)
			session_take_bytes(s, first.data + h.len,
			    first.len - h.len);
	}
	buf_free(&first);
}

/* TLS. */

static void
start_tls(struct session *s, const char *data, size_t len)
{
	struct loop *l = s->loop;
	struct bufferevent *bev;

	bev = tls_open(l->daemon->tls, l->base, bufferevent_getfd(s->bev),
	    data, len);
	if (bev == NULL) {
		session_close(s, "no-tls");
		return;
	}
	loop_greet_never(l, session_id(s));
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	session_carrier(s)->close(s->bev);
	s->carrier = CARRIER_TLS;
	s->bev = bev;
	s->stage = STAGE_HANDSHAKE;
	session_io_open(s);
	/* The first bytes are here: it must not wait for more of them. */
	bufferevent_enable(bev, EV_WRITE);
}

void
session_secured(struct session *s)
{
	struct tls_peer peer;

	bufferevent_disable(s->bev, EV_WRITE);
	tls_opened(s->bev, &peer);
	log_info("client-tls", LS("client", CLIENT_TEXT(session_id(s))),
	    LS("version", peer.version), LS("cipher", peer.cipher),
	    LS("resumed", peer.resumed ? "yes" : "no"),
	    LS("subject", peer.subject.len > 0 ? buf_str(&peer.subject) :
	    NULL), LEND);
	buf_free(&peer.subject);
	metric_add(&s->loop->metrics.handshakes[peer.resumed ?
	    HANDSHAKE_RESUMED : HANDSHAKE_FULL], 1);
	if (s->traced)
		session_trace_carrier(s);
	open_stage(s, peer.http && web_built());
}

void
session_handshake_failed(struct session *s, short what)
{
	const char *why = what & BEV_EVENT_TIMEOUT ? "timeout" :
	    what & BEV_EVENT_EOF ? "eof" : session_carrier(s)->why(s->bev);

	log_info("handshake-failed", LS("client", CLIENT_TEXT(session_id(s))),
	    LS("reason", why), LEND);
	metric_add(&s->loop->metrics.handshakes[HANDSHAKE_FAILED], 1);
	session_close(s, "handshake-failed");
}

/* HTTP. */

/* A beginning that may yet become a method is kept. True: they are taken. */
static bool
sniff_http(struct session *s, const char *data, size_t len)
{
	char head[16];
	size_t kept = session_kept(s)->len;
	struct buf first;

	if (kept >= sizeof(head) || !web_built())
		return false;
	if (kept > 0)
		memcpy(head, session_kept(s)->data, kept);
	memcpy(head + kept, data, len < sizeof(head) - kept ? len :
	    sizeof(head) - kept);
	switch (http_sniff(head, len < sizeof(head) - kept ? kept + len :
	    sizeof(head))) {
	case SNIFF_NO:
		return false;
	case SNIFF_MORE:
		session_keep(s, data, len);
		return true;
	case SNIFF_HTTP:
		break;
	}
	session_keep(s, data, len);
	first = session_take_kept(s);
	session_web(s);
	session_take_web(s, first.data, first.len);
	buf_free(&first);
	return true;
}

/* Whether its first byte, this one, begins TLS that may begin here. */
static bool
begins_tls(const struct session *s, const char *data)
{
	return session_kept(s)->len == 0 && *data == TLS_FIRST_BYTE &&
	    s->carrier == CARRIER_TCP && tls_is_on(s->loop->daemon->tls);
}

bool
session_take_first(struct session *s, char *data, size_t len)
{
	if (len == 0)
		return true;
	if (s->stage == STAGE_PROXY)
		take_proxy(s, data, len);
	else if (begins_tls(s, data))
		start_tls(s, data, len);
	else if (s->stage == STAGE_TLS)
		session_close(s, "not-tls");
	else
		return sniff_http(s, data, len);
	return true;
}
