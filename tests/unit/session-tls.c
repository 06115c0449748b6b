/* Sessions within TLS, with a client that shakes hands in memory. */
#include <event2/buffer.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "session-rig.h"
#include "tls.h"

static char dir[] = "/tmp/pl-tls-XXXXXX";
static char cert_option[96], key_option[96];
static const char *const tls_conf[] = { cert_option, key_option, NULL };

static const char *
path(const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s/%s", dir, name);
	return text;
}

/* A certificate of a day, signed by itself, in two files. */
static void
make_certificate(const char *cert, const char *key)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	FILE *f;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 24L * 60 * 60);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
	    MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_set_pubkey(x, pkey);
	cr_assert_neq(X509_sign(x, pkey, EVP_sha256()), 0);
	cr_assert_not_null(f = fopen(path(cert), "w"));
	cr_assert_eq(PEM_write_X509(f, x), 1);
	fclose(f);
	cr_assert_not_null(f = fopen(path(key), "w"));
	cr_assert_eq(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL),
	    1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static void
open_all(void)
{
	char *error = NULL;

	cr_assert_not_null(mkdtemp(dir));
	make_certificate("cert.pem", "key.pem");
	snprintf(cert_option, sizeof(cert_option), "tls_cert=%s",
	    path("cert.pem"));
	snprintf(key_option, sizeof(key_option), "tls_key=%s",
	    path("key.pem"));
	rig_open(tls_conf);
	rig.d.tls = tls_new(rig.conf, &error);
	cr_assert_not_null(rig.d.tls, "%s", error);
}

static void
close_all(void)
{
	static const char *const names[] = { "cert.pem", "key.pem",
	    "other.pem", "other.key" };
	size_t i;

	rig_close();
	tls_free(rig.d.tls);
	for (i = 0; i < NITEMS(names); i++)
		unlink(path(names[i]));
	rmdir(dir);
}

/* A client: what it gets is plain text; the wire is the struct client. */

struct hands {
	struct client	 c;
	SSL_CTX		*ctx;
	SSL		*ssl;
	BIO		*in, *out;
	struct buf	 got;
};

static void
hands_open(struct hands *h, enum listen_kind kind, int sndbuf)
{
	*h = (struct hands){ .ctx = SSL_CTX_new(TLS_client_method()) };
	h->ssl = SSL_new(h->ctx);
	h->in = BIO_new(BIO_s_mem());
	h->out = BIO_new(BIO_s_mem());
	SSL_set_bio(h->ssl, h->in, h->out);
	SSL_set_connect_state(h->ssl);
	client_open(&h->c, 0, kind, sndbuf);
}

static void
hands_close(struct hands *h)
{
	/* Else its session would count as broken. */
	SSL_set_shutdown(h->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(h->ssl);
	SSL_CTX_free(h->ctx);
	buf_free(&h->got);
	client_close(&h->c);
}

/* What it has to send goes out in pieces of so many bytes. */
static void
hands_send(struct hands *h, int piece)
{
	char data[4096];
	int n;

	while ((n = BIO_read(h->out, data, piece)) > 0) {
		client_send(&h->c, data, (size_t)n);
		if (piece < 16)
			settle();
	}
}

static void
hands_read(struct hands *h)
{
	char data[16384];
	int n;

	client_drain(&h->c);
	BIO_write(h->in, h->c.got.data, (int)h->c.got.len);
	buf_reset(&h->c.got);
	while ((n = SSL_read(h->ssl, data, sizeof(data))) > 0)
		buf_add(&h->got, data, (size_t)n);
}

static void
hands_shake(struct hands *h, int piece)
{
	unsigned turns = 0;

	while (SSL_do_handshake(h->ssl) != 1) {
		cr_assert_lt(turns++, 10u, "the handshake ends");
		hands_send(h, piece);
		hands_read(h);
	}
	hands_send(h, piece);
}

static void
hands_say(struct hands *h, const char *text)
{
	cr_assert_eq(SSL_write(h->ssl, text, (int)strlen(text)),
	    (int)strlen(text));
	hands_send(h, 4096);
	hands_read(h);
}

#define hands_expect(h, text)						\
	cr_assert_not_null(strstr(buf_str(&(h)->got), text),		\
	    "no %s in: %s", text, buf_str(&(h)->got))

Test(session_tls, cut_at_every_byte)
{
	static const enum listen_kind kinds[] = { LISTEN_AUTO, LISTEN_TLS };
	struct hands h;
	size_t i;

	open_all();
	for (i = 0; i < NITEMS(kinds); i++) {
		hands_open(&h, kinds[i], 0);
		hands_shake(&h, 1);
		hands_say(&h, "{\"cmd\":\"login\",\"name\":\"ann\"}\n");
		hands_expect(&h, "\"reply\":\"login\",\"ok\":true");
		cr_assert_null(session_detach(h.c.session),
		    "it stays on its loop");
		hands_close(&h);
		settle();
	}
	close_all();
}

/* News up to what fits a record wait for a reader that does not read; the rest
 * stays where all readers have it, and comes, once and in order. */
Test(session_tls, slow_reader)
{
	char line[4096], want[16];
	struct client talker;
	struct hands h;
	const char *p;
	size_t most = 0, n;
	unsigned i;

	open_all();
	hands_open(&h, LISTEN_TLS, 4096);
	hands_shake(&h, 4096);
	hands_say(&h, "{\"cmd\":\"login\",\"name\":\"ann\"}\n"
	    "{\"cmd\":\"subscribe\",\"room\":\"lobby\"}\n");
	hands_expect(&h, "\"reply\":\"subscribe\",\"ok\":true");
	client_login(&talker, 1, "bob", 0);
	for (i = 0; i < 600; i++) {
		snprintf(line, sizeof(line), "{\"cmd\":\"say\",\"room\":"
		    "\"lobby\",\"text\":\"<%u>%0*u\"}", i, 2000, 0);
		client_line(&talker, line);
		client_drain(&talker);
		buf_reset(&talker.got);
		n = evbuffer_get_length(
		    bufferevent_get_output(h.c.session->bev));
		if (n > most)
			most = n;
	}
	cr_assert(h.c.session->blocked);
	cr_assert_lt(most, 32u * 1024, "%zu bytes wait for it", most);
	hands_read(&h);
	p = buf_str(&h.got);
	for (i = 0; i < 600; i++) {
		snprintf(want, sizeof(want), "\"<%u>", i);
		cr_assert_not_null(p = strstr(p, want), "%s", want);
	}
	cr_assert_null(strstr(p + 1, "\"<"), "nothing twice");
	client_close(&talker);
	hands_close(&h);
	close_all();
}

Test(session_tls, not_tls)
{
	struct client c;

	open_all();
	client_open(&c, 0, LISTEN_TLS, 0);
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_drain(&c);
	cr_assert(c.eof);
	cr_assert_eq(c.got.len, 0);
	client_close(&c);
	client_open(&c, 0, LISTEN_AUTO, 0);
	client_send(&c, "\x16\x09\x09\x00\x01\x01", 6);
	client_drain(&c);
	cr_assert(c.eof, "a handshake that is none");
	client_close(&c);
	close_all();
}

/* A client's session for the next time, which it hears of with a first line. */
static SSL_SESSION *
be_known(void)
{
	SSL_SESSION *session;
	struct hands h;

	hands_open(&h, LISTEN_TLS, 0);
	hands_shake(&h, 4096);
	hands_say(&h, "{\"cmd\":\"ping\"}\n");
	session = SSL_get1_session(h.ssl);
	cr_assert(SSL_SESSION_has_ticket(session));
	hands_close(&h);
	settle();
	return session;
}

/* Whether it is known by this; it gets the next one, if it wants one. */
static bool
is_known(SSL_SESSION *session, SSL_SESSION **next)
{
	struct hands h;
	bool known;

	hands_open(&h, LISTEN_TLS, 0);
	SSL_set_session(h.ssl, session);
	hands_shake(&h, 4096);
	hands_say(&h, "{\"cmd\":\"ping\"}\n");
	hands_expect(&h, "\"reply\":\"ping\",\"ok\":true");
	known = SSL_session_reused(h.ssl) == 1;
	if (next != NULL)
		*next = SSL_get1_session(h.ssl);
	hands_close(&h);
	settle();
	return known;
}

/* A key encrypts for an hour and is known for two more, whatever is reloaded;
 * who comes back before then is known for ever. */
Test(session_tls, tickets_keys_turn)
{
	const uint64_t hour = UINT64_C(60) * 60 * 1000;
	SSL_SESSION *old, *kept, *next;
	uint64_t now;
	char *error;
	unsigned i;

	open_all();
	now = clock_ms() + 1000;
	old = be_known();
	kept = be_known();
	for (i = 0; i < 6; i++) {
		now += hour / 2;
		tls_turn(rig.d.tls, now);
		cr_assert_eq(is_known(old, NULL), i < 5, "%u", i);
		cr_assert(is_known(kept, &next), "%u", i);
		SSL_SESSION_free(kept);
		kept = next;
		cr_assert(tls_reload(rig.d.tls, rig.conf, NULL, &error));
	}
	tls_turn(rig.d.tls, now - hour);
	cr_assert(is_known(kept, NULL), "a clock that went back");
	/* Nobody looked for a day. */
	tls_turn(rig.d.tls, now + 24 * hour);
	cr_assert_not(is_known(kept, NULL));
	SSL_SESSION_free(old);
	SSL_SESSION_free(kept);
	close_all();
}

static void
expect_handshakes(unsigned full, unsigned resumed, unsigned failed)
{
	const _Atomic uint64_t *n = rig.d.loops[0].metrics.handshakes;

	cr_assert_eq(metric_get(&n[HANDSHAKE_FULL]), full);
	cr_assert_eq(metric_get(&n[HANDSHAKE_RESUMED]), resumed);
	cr_assert_eq(metric_get(&n[HANDSHAKE_FAILED]), failed);
}

Test(session_tls, handshakes_are_counted)
{
	SSL_SESSION *session;
	struct client c;

	open_all();
	session = be_known();
	expect_handshakes(1, 0, 0);
	cr_assert(is_known(session, NULL));
	expect_handshakes(1, 1, 0);
	client_open(&c, 0, LISTEN_AUTO, 0);
	client_send(&c, "\x16\x09\x09\x00\x01\x01", 6);
	client_drain(&c);
	cr_assert(c.eof);
	expect_handshakes(1, 1, 1);
	client_close(&c);
	/* Who does not begin one has not failed in it. */
	client_open(&c, 0, LISTEN_TLS, 0);
	client_line(&c, "{\"cmd\":\"ping\"}");
	client_drain(&c);
	cr_assert(c.eof);
	expect_handshakes(1, 1, 1);
	client_close(&c);
	SSL_SESSION_free(session);
	close_all();
}

/* In the middle of a handshake nobody can be told anything. */
Test(session_tls, handshake_at_the_end)
{
	struct hands h;

	open_all();
	hands_open(&h, LISTEN_AUTO, 0);
	SSL_do_handshake(h.ssl);
	hands_send(&h, 4096);
	client_drain(&h.c);
	buf_reset(&h.c.got);
	session_bye(h.c.session, END_SHUTDOWN, true);
	client_drain(&h.c);
	cr_assert(h.c.eof);
	cr_assert_eq(h.c.got.len, 0);
	hands_close(&h);
	close_all();
}

/* Where a new certificate is bad the old one stays; where there is none to be
 * any more, TLS is off. */
Test(session_tls, reload)
{
	const struct conf_override none[] = { { "store=memory" } };
	struct conf *conf;
	struct client c;
	struct hands h;
	char *error = NULL;

	open_all();
	make_certificate("other.pem", "other.key");
	conf = conf_parse(NULL, none, 1, &error);
	cr_assert_not_null(conf);
	free(conf->tls_cert);
	free(conf->tls_key);
	conf->tls_cert = xstrdup(path("other.pem"));
	conf->tls_key = xstrdup(path("key.pem"));
	cr_assert(!tls_reload(rig.d.tls, conf, NULL, &error));
	cr_assert_not_null(strstr(error, "key.pem holds the key of another "
	    "certificate; "), "%s", error);
	free(error);
	hands_open(&h, LISTEN_TLS, 0);
	hands_shake(&h, 4096);
	hands_close(&h);

	free(conf->tls_key);
	conf->tls_key = xstrdup(path("other.key"));
	cr_assert(tls_reload(rig.d.tls, conf, NULL, &error));
	cr_assert(tls_is_on(rig.d.tls));
	conf->tls_cert[0] = '\0';
	cr_assert(tls_reload(rig.d.tls, conf, NULL, &error));
	cr_assert(!tls_is_on(rig.d.tls));
	client_open(&c, 0, LISTEN_AUTO, 0);
	client_send(&c, "\x16\x03\x01\r\n", 5);
	client_drain(&c);
	cr_assert(c.eof, "nobody's line, without a certificate");
	client_close(&c);
	conf_free(conf);
	close_all();
}
