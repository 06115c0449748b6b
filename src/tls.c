#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "log.h"
#include "tls-file.h"
#include "tls-internal.h"
#include "tls-ticket.h"

/*
 * Up to TLS 1.2: only what is forward secret and authenticates what it
 * encrypts. Of 1.3, all ciphers are.
 */
#define CIPHERS		"ECDHE+AESGCM:ECDHE+CHACHA20"
#define CLIENT_CERTS	(32 * 1024)	/* bytes of a client's chain */

struct tls {
	pthread_mutex_t	 lock;
	SSL_CTX		*ctx;		/* in force; NULL: no certificate */
	BIO_METHOD	*bio;
	struct tickets	*tickets;	/* of all contexts */
};

bool
tls_built(void)
{
	return true;
}

/* Errors. */

/* The oldest of OpenSSL's errors, which is nearest to the cause; *system: it
 * is the system's. */
static const char *
reason(bool *system)
{
	unsigned long e = ERR_get_error();
	const char *text = ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) :
	    ERR_reason_error_string(e);

	*system = ERR_SYSTEM_ERROR(e);
	ERR_clear_error();
	return text != NULL ? text : "unknown error";
}

static bool
fail(char **error, const char *option, const char *path)
{
	bool system;

	*error = xasprintf("%s: %s: %s", option, path, reason(&system));
	return false;
}

/* The file can't be read, or does not hold what it should. */
static bool
fail_file(char **error, const char *option, const char *path,
    enum tls_file kind)
{
	bool system;
	const char *why = reason(&system);
	char *said;

	if (system) {
		*error = xasprintf("%s: %s: %s", option, path, why);
		return false;
	}
	said = tls_file_fault(path, kind, why);
	*error = xasprintf("%s: %s", option, said);
	free(said);
	return false;
}

/* Contexts. */

/* Nobody sits at the daemon's terminal. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/*
 * HTTP is the one protocol that is asked for by name. Who asks for others only
 * means another server (RFC 7301 section 3.2).
 */
static int
alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char http[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len,
	    http, sizeof(http) - 1, in, in_len) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void
set_defaults(SSL_CTX *ctx, const struct conf *conf)
{
	SSL_CTX_set_min_proto_version(ctx, conf->tls_min == TLS_1_3 ?
	    TLS1_3_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, CIPHERS);
	/* A line that was cut off is not taken, so an end without
	 * close_notify, as many give, is as good as one with it. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_max_send_fragment(ctx, TLS_RECORD);
	/* 15 KB an idle client instead of 49. */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* Tickets only: nothing is kept here for who may come back. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
	SSL_CTX_set_alpn_select_cb(ctx, alpn_cb, NULL);
}

/* Read here: SSL_CTX_use_PrivateKey_file() tells a key of another certificate
 * in different ways, by what kinds of keys the two have. */
static bool
load_key(SSL_CTX *ctx, const char *path, const char *cert, char **error)
{
	BIO *file = BIO_new_file(path, "r");
	EVP_PKEY *key = file == NULL ? NULL :
	    PEM_read_bio_PrivateKey(file, NULL, no_password, NULL);
	bool ok = true;

	BIO_free(file);
	if (key == NULL)
		return fail_file(error, "tls_key", path, TLS_FILE_KEY);
	if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1) {
		*error = xasprintf("tls_key: %s holds the key of another "
		    "certificate; that of the first one in %s", path, cert);
		ok = false;
	} else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		ok = fail(error, "tls_key", path);
	ERR_clear_error();
	EVP_PKEY_free(key);
	return ok;
}

static bool
load_certificate(SSL_CTX *ctx, const struct conf *conf, char **error)
{
	const char *key = conf->tls_key[0] != '\0' ? conf->tls_key :
	    conf->tls_cert;

	if (SSL_CTX_use_certificate_chain_file(ctx, conf->tls_cert) != 1)
		return fail_file(error, "tls_cert", conf->tls_cert,
		    TLS_FILE_CERTIFICATE);
	return load_key(ctx, key, conf->tls_cert, error);
}

/* Of the file as it is now; false: it can't be read. */
static bool
hash_file(const char *path, unsigned char hash[EVP_MAX_MD_SIZE], unsigned *len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	BIO *file = BIO_new_file(path, "r");
	char data[4096];
	bool ok = md != NULL && file != NULL &&
	    EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	int n;

	while (ok && (n = BIO_read(file, data, sizeof(data))) > 0)
		EVP_DigestUpdate(md, data, (size_t)n);
	ok = ok && EVP_DigestFinal_ex(md, hash, len) == 1;
	BIO_free(file);
	EVP_MD_CTX_free(md);
	return ok;
}

/*
 * Asks for certificates that these have signed. A ticket bears the context's
 * name: who was let in by other certificates does not come back by it.
 */
static bool
load_client_ca(SSL_CTX *ctx, const struct conf *conf, char **error)
{
	const char *path = conf->tls_client_ca;
	unsigned char id[EVP_MAX_MD_SIZE] = { 0 };
	STACK_OF(X509_NAME) *names;
	unsigned len = 1;

	if (path[0] != '\0') {
		names = SSL_load_client_CA_file(path);
		if (names == NULL || !hash_file(path, id, &len) ||
		    SSL_CTX_load_verify_file(ctx, path) != 1) {
			sk_X509_NAME_pop_free(names, X509_NAME_free);
			return fail_file(error, "tls_client_ca", path,
			    TLS_FILE_CERTIFICATE);
		}
		SSL_CTX_set_client_CA_list(ctx, names);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_max_cert_list(ctx, CLIENT_CERTS);
	}
	if (SSL_CTX_set_session_id_context(ctx, id, len) == 1)
		return true;
	return fail(error, "tls_client_ca", path);
}

/* *ctx is NULL where the configuration names no certificate. */
static bool
load(SSL_CTX **made, const struct conf *conf, char **error)
{
	SSL_CTX *ctx;

	*made = NULL;
	if (conf->tls_cert[0] == '\0')
		return true;
	ERR_clear_error();
	if ((ctx = SSL_CTX_new(TLS_server_method())) == NULL)
		return fail(error, "tls_cert", conf->tls_cert);
	set_defaults(ctx, conf);
	if (!load_certificate(ctx, conf, error) ||
	    !load_client_ca(ctx, conf, error)) {
		SSL_CTX_free(ctx);
		return false;
	}
	*made = ctx;
	return true;
}

/* What is in force now: whose it is and until when. */
static void
tell(SSL_CTX *ctx)
{
	const X509 *cert = SSL_CTX_get0_certificate(ctx);
	char name[256] = "", until[64] = "";
	struct tm tm;

	X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof(name));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1)
		strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		log_warn("certificate-expired", LS("subject", name),
		    LS("until", until), LEND);
	else
		log_notice("certificate", LS("subject", name),
		    LS("until", until), LEND);
}

/* The one in force. */

struct tls *
tls_new(const struct conf *conf, char **error)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	t->tickets = tickets_new(clock_ms());
	if ((t->bio = carrier_tls_bio_method()) == NULL) {
		fail(error, "tls", "OpenSSL");
		tls_free(t);
		return NULL;
	}
	if (!tls_reload(t, conf, NULL, error)) {
		tls_free(t);
		return NULL;
	}
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	tickets_free(t->tickets);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Whether clients are shown the same by both; NULL shows nothing. */
static bool
is_same(SSL_CTX *a, SSL_CTX *b)
{
	STACK_OF(X509) *one, *two;
	int i;

	if (a == NULL || b == NULL)
		return a == b;
	if (X509_cmp(SSL_CTX_get0_certificate(a),
	    SSL_CTX_get0_certificate(b)) != 0)
		return false;
	SSL_CTX_get0_chain_certs(a, &one);
	SSL_CTX_get0_chain_certs(b, &two);
	if (sk_X509_num(one) != sk_X509_num(two))
		return false;
	for (i = 0; i < sk_X509_num(one); i++) {
		if (X509_cmp(sk_X509_value(one, i), sk_X509_value(two, i)) != 0)
			return false;
	}
	return true;
}

bool
tls_reload(struct tls *t, const struct conf *conf, bool *changed,
    char **error)
{
	SSL_CTX *new, *old;

	if (!load(&new, conf, error))
		return false;
	if (new != NULL)
		tickets_use(t->tickets, new);
	pthread_mutex_lock(&t->lock);
	old = t->ctx;
	t->ctx = new;
	pthread_mutex_unlock(&t->lock);
	if (changed != NULL)
		*changed = !is_same(old, new);
	SSL_CTX_free(old);
	if (new != NULL)
		tell(new);
	return true;
}

void
tls_turn(struct tls *t, uint64_t now)
{
	if (t != NULL)
		tickets_turn(t->tickets, now);
}

bool
tls_is_on(struct tls *t)
{
	bool on;

	if (t == NULL)
		return false;
	pthread_mutex_lock(&t->lock);
	on = t->ctx != NULL;
	pthread_mutex_unlock(&t->lock);
	return on;
}

SSL *
tls_ssl(struct tls *t)
{
	SSL *ssl = NULL;

	pthread_mutex_lock(&t->lock);
	if (t->ctx != NULL)
		ssl = SSL_new(t->ctx);	/* which holds it */
	pthread_mutex_unlock(&t->lock);
	return ssl;
}

const BIO_METHOD *
tls_bio_method(const struct tls *t)
{
	return t->bio;
}
