/*
 * The opening handshake, RFC 6455 section 4.2: what a client must send, who is
 * let in, and the answer.
 */
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "web-internal.h"
#include "ws-deflate.h"

#define KEY_LEN		24	/* of 16 bytes in base64 */
#define ORIGIN_MAX	256
#define GUID		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define UPGRADE		"Upgrade: websocket\r\nConnection: Upgrade\r\n"

static bool
is_key(const char *s)
{
	unsigned char raw[KEY_LEN];

	return s != NULL && strlen(s) == KEY_LEN &&
	    strcmp(s + KEY_LEN - 2, "==") == 0 &&
	    strchr(s, '=') == s + KEY_LEN - 2 &&
	    EVP_DecodeBlock(raw, (const unsigned char *)s, KEY_LEN) != -1;
}

/* Section 4.2.2, step 5, /key/. */
static void
add_accept(struct buf *b, const char *key)
{
	unsigned char text[KEY_LEN + sizeof(GUID)];
	unsigned char hash[EVP_MAX_MD_SIZE], base64[2 * EVP_MAX_MD_SIZE];
	unsigned len = 0;

	memcpy(text, key, KEY_LEN);
	memcpy(text + KEY_LEN, GUID, sizeof(GUID));
	EVP_Digest(text, sizeof(text) - 1, hash, &len, EVP_sha1(), NULL);
	EVP_EncodeBlock(base64, hash, (int)len);
	buf_addf(b, "Sec-WebSocket-Accept: %s\r\n", (char *)base64);
}

/* The length of "host:port" without a port that the scheme implies. */
static size_t
authority_len(const char *s, const char *port)
{
	size_t n = strlen(s), m = strlen(port);

	return n > m && strcmp(s + n - m, port) == 0 ? n - m : n;
}

/*
 * Whether the page was served by the host that is asked (RFC 6454): then the
 * origin has the request's Host in it. The scheme is not compared, for what
 * stands before this server may speak TLS.
 */
static bool
is_same_origin(const char *origin, const char *host)
{
	const char *port;
	size_t n;

	if (strncasecmp(origin, "http://", 7) == 0) {
		origin += 7;
		port = ":80";
	} else if (strncasecmp(origin, "https://", 8) == 0) {
		origin += 8;
		port = ":443";
	} else
		return false;
	n = authority_len(origin, port);
	return n > 0 && n == authority_len(host, port) &&
	    strncasecmp(origin, host, n) == 0;
}

/* Whether the option origins has this one, or "*". */
static bool
is_listed(const char *origin, const char *list)
{
	size_t len = strlen(origin), n;

	for (; *(list += strspn(list, " ")) != '\0'; list += n) {
		n = strcspn(list, " ");
		if ((n == 1 && *list == '*') ||
		    (n == len && strncasecmp(list, origin, n) == 0))
			return true;
	}
	return false;
}

/* Who bears no Origin is no browser: nobody sent it here unawares. */
static bool
is_welcome(const struct http_request *r, const struct web_env *env)
{
	const char *origin = http_field(r, "Origin", 0);

	if (origin == NULL)
		return true;
	if (http_field(r, "Origin", 1) != NULL || strlen(origin) > ORIGIN_MAX)
		return false;
	return (is_same_origin(origin, r->host) && !web_is_misled(env, r)) ||
	    is_listed(origin, env->conf->origins);
}

/* False: answered with what is wrong. */
static bool
check(struct buf *b, const struct http_request *r, const struct web_env *env)
{
	const char *version = http_field(r, "Sec-WebSocket-Version", 0);

	if (r->head || r->minor == 0)
		web_add_error(b, r, 400, NULL, "A WebSocket begins with GET "
		    "and HTTP/1.1.");
	else if (!http_has_token(r, "Upgrade", "websocket") ||
	    !http_has_token(r, "Connection", "upgrade"))
		web_add_error(b, r, 426, UPGRADE,
		    "This is the address of a WebSocket: ask with \"Upgrade: "
		    "websocket\" and \"Connection: Upgrade\".");
	else if (version == NULL || strcmp(version, "13") != 0)
		web_add_error(b, r, 426, UPGRADE
		    "Sec-WebSocket-Version: 13\r\n",
		    "Only version 13 of WebSocket is spoken here.");
	else if (!is_key(http_field(r, "Sec-WebSocket-Key", 0)) ||
	    http_field(r, "Sec-WebSocket-Key", 1) != NULL)
		web_add_error(b, r, 400, NULL, "Sec-WebSocket-Key is not 16 "
		    "bytes in base64.");
	else if (!is_welcome(r, env))
		web_add_error(b, r, 403, NULL, "Pages of this Origin are not "
		    "let in: see the option origins.");
	else
		return true;
	return false;
}

/* The fields' offers are one list, in order (RFC 6455 section 9.1). */
static bool
choose_deflate(const struct http_request *r, struct buf *answer)
{
	struct buf offers = { 0 };
	const char *s;
	unsigned i;
	bool chosen;

	for (i = 0; (s = http_field(r, "Sec-WebSocket-Extensions", i)) != NULL;
	    i++) {
		if (i > 0)
			buf_addc(&offers, ',');
		buf_adds(&offers, s);
	}
	chosen = ws_deflate_offer(buf_str(&offers), answer);
	buf_free(&offers);
	return chosen;
}

/* Who is forwarded counts as a client of its own from now on. */
static bool
admit(struct buf *b, const struct http_request *r, const struct web_env *env)
{
	struct sockaddr_storage ss;

	if (!web_peer(&ss, env, r) ||
	    env->admit(env->arg, (struct sockaddr *)&ss))
		return true;
	web_add_error(b, r, 503, "Retry-After: 5\r\n", "There are too many "
	    "clients of your address; try again in a while.");
	return false;
}

bool
web_upgrade(struct buf *b, const struct http_request *r,
    const struct web_env *env, bool *deflate)
{
	struct buf extension = { 0 };

	if (!check(b, r, env) || !admit(b, r, env))
		return false;
	buf_adds(b, "HTTP/1.1 101 Switching Protocols\r\n" UPGRADE);
	add_accept(b, http_field(r, "Sec-WebSocket-Key", 0));
	*deflate = env->conf->deflate && choose_deflate(r, &extension);
	if (*deflate)
		buf_addf(b, "Sec-WebSocket-Extensions: %s\r\n",
		    buf_str(&extension));
	buf_free(&extension);
	buf_adds(b, "\r\n");
	return true;
}
