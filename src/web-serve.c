#include <arpa/inet.h>
#include <sys/socket.h>

#include <string.h>
#include <strings.h>
#include <time.h>

#include "address.h"
#include "loop.h"
#include "metrics.h"
#include "network.h"
#include "proxy.h"
#include "web-internal.h"

/* All that the page needs comes from where it came from itself. */
#define PAGE_HEADERS							\
	"Cache-Control: no-cache\r\n"					\
	"Content-Security-Policy: default-src 'none'; script-src 'self'; " \
	"style-src 'self'; img-src 'self'; connect-src 'self'; "	\
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n" \
	"Cross-Origin-Opener-Policy: same-origin\r\n"			\
	"Cross-Origin-Resource-Policy: same-origin\r\n"			\
	"Referrer-Policy: no-referrer\r\n"

#define NO_STORE	"Cache-Control: no-store\r\n"

static const char plain[] = "text/plain; charset=utf-8";

static void
add_date(struct buf *b)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[40];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_addf(b, "Date: %s\r\n", text);
}

void
web_add_reply(struct buf *b, const struct http_request *r,
    const struct web_reply *reply)
{
	buf_addf(b, "HTTP/1.1 %u %s\r\n", reply->status,
	    http_status_text(reply->status));
	add_date(b);
	buf_adds(b, "Server: partylined\r\n"
	    "X-Content-Type-Options: nosniff\r\n");
	if (!r->keep_alive)
		buf_adds(b, "Connection: close\r\n");
	else if (r->minor == 0)
		buf_adds(b, "Connection: keep-alive\r\n");
	if (reply->headers != NULL)
		buf_adds(b, reply->headers);
	if (reply->status == 304) {	/* it has no body, of no length */
		buf_adds(b, "\r\n");
		return;
	}
	buf_addf(b, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
	    reply->type != NULL ? reply->type : plain, reply->len);
	if (!r->head)
		buf_add(b, reply->body, reply->len);
}

void
web_add_error(struct buf *b, const struct http_request *r, unsigned status,
    const char *headers, const char *why)
{
	struct buf body = { 0 };

	buf_addf(&body, "%s\n", why);
	web_add_reply(b, r, &(struct web_reply){ .status = status,
	    .headers = headers, .body = body.data, .len = body.len });
	buf_free(&body);
}

/* Whether an If-None-Match has the tag (RFC 9110 section 13.1.2). */
static bool
has_etag(const struct http_request *r, const char *etag)
{
	size_t len = strlen(etag), n;
	const char *s;
	unsigned i;

	for (i = 0; (s = http_field(r, "If-None-Match", i)) != NULL; i++) {
		while (*(s += strspn(s, ", \t")) != '\0') {
			if (strncmp(s, "W/", 2) == 0)
				s += 2;
			n = strcspn(s, ", \t");
			if ((n == len && memcmp(s, etag, n) == 0) ||
			    (n == 1 && *s == '*'))
				return true;
			s += n;
		}
	}
	return false;
}

static void
serve_asset(struct buf *b, const struct http_request *r,
    const struct web_asset *asset)
{
	struct buf headers = { 0 };
	bool small = http_accepts(r, "gzip");
	const struct web_form *form = small ? &asset->gzip : &asset->plain;
	bool known = has_etag(r, form->etag);

	buf_addf(&headers, PAGE_HEADERS "Vary: Accept-Encoding\r\n"
	    "ETag: %s\r\n", form->etag);
	if (small && !known)
		buf_adds(&headers, "Content-Encoding: gzip\r\n");
	web_add_reply(b, r, &(struct web_reply){
	    .status = known ? 304 : 200, .headers = buf_str(&headers),
	    .type = asset->type, .body = form->begin,
	    .len = (size_t)(form->end - form->begin) });
	buf_free(&headers);
}

static void
serve_health(struct buf *b, const struct http_request *r,
    const struct web_env *env)
{
	bool ok = store_ok(env->daemon->store);

	web_add_error(b, r, ok ? 200 : 503, NO_STORE, ok ? "ok" :
	    "store-unavailable");
}

bool
web_peer(struct sockaddr_storage *ss, const struct web_env *env,
    const struct http_request *r)
{
	if (env->trusted && proxy_forwarded(ss, r, env->conf->trusted))
		return true;
	address_get(env->address, ss);
	return false;
}

/* One with a dot in it, but for addresses and what never leaves a network. */
static bool
is_public_name(const char *host)
{
	static const char *const local[] = { ".localhost", ".local" };
	size_t n = strcspn(host, ":"), i, m;
	char name[256];
	struct in_addr in;

	if (*host == '[' || memchr(host, '.', n) == NULL || n >= sizeof(name))
		return n >= sizeof(name);
	memcpy(name, host, n);
	name[n] = '\0';
	for (i = 0; i < NITEMS(local); i++) {
		m = strlen(local[i]);
		if (n > m && strcasecmp(name + n - m, local[i]) == 0)
			return false;
	}
	return inet_pton(AF_INET, name, &in) != 1;
}

bool
web_is_misled(const struct web_env *env, const struct http_request *r)
{
	struct sockaddr_storage ss;

	return !web_peer(&ss, env, r) && ss.ss_family != AF_UNIX &&
	    network_list_has("127.0.0.0/8 ::1", (struct sockaddr *)&ss) &&
	    is_public_name(r->host);
}

static bool
is_forwarded(const struct http_request *r)
{
	static const char *const fields[] = { "X-Forwarded-For", "Forwarded",
	    "X-Real-IP", "Via" };
	size_t i;

	for (i = 0; i < NITEMS(fields); i++) {
		if (http_field(r, fields[i], 0) != NULL)
			return true;
	}
	return false;
}

static void
serve_metrics(struct buf *b, const struct http_request *r,
    const struct web_env *env)
{
	struct sockaddr_storage ss;
	struct buf text = { 0 };

	/* What is forwarded by who is not trusted comes from anywhere. */
	if (web_is_misled(env, r) || (!web_peer(&ss, env, r) &&
	    is_forwarded(r)) ||
	    !network_list_has(env->conf->metrics_from,
	    (struct sockaddr *)&ss)) {
		web_add_error(b, r, 403, NO_STORE, "The numbers are for the "
		    "addresses in metrics_from.");
		return;
	}
	metrics_render(env->daemon, env->conf, &text);
	web_add_reply(b, r, &(struct web_reply){ .status = 200,
	    .headers = NO_STORE, .type = METRICS_TYPE, .body = text.data,
	    .len = text.len });
	buf_free(&text);
}

static const struct route {
	const char	*path;
	void		 (*serve)(struct buf *, const struct http_request *,
			    const struct web_env *);
} routes[] = {
	{ "/healthz", serve_health },
	{ "/metrics", serve_metrics }
};

void
web_serve(struct buf *b, const struct http_request *r,
    const struct web_env *env)
{
	const struct web_asset *asset = web_asset(r->path);
	size_t i;

	if (asset != NULL) {
		serve_asset(b, r, asset);
		return;
	}
	for (i = 0; i < NITEMS(routes); i++) {
		if (strcmp(routes[i].path, r->path) == 0) {
			routes[i].serve(b, r, env);
			return;
		}
	}
	web_add_error(b, r, 404, NULL, "There is nothing here; the chat is "
	    "at /.");
}
