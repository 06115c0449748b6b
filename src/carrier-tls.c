#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "tls-internal.h"


/*
 * What an SSL reads from and writes to: the socket, and before that the bytes
 * that were read from it already. OpenSSL has no BIO for these: BIO_f_buffer()
 * holds whole records back of which epoll does not tell.
 */
struct client_bio {
	int		 fd;		/* -1: let go of */
	bool		 eof;
	char		*first;		/* NULL: all used */
	size_t		 at, len;
};

static int
bio_create(BIO *bio)
{
	struct client_bio *c = xcalloc(1, sizeof(*c));

	c->fd = -1;
	BIO_set_data(bio, c);
	return 1;
}

static int
bio_destroy(BIO *bio)
{
	struct client_bio *c = BIO_get_data(bio);

	free(c->first);
	free(c);
	return 1;
}

static int
take_first(struct client_bio *c, char *data, size_t size)
{
	size_t n = c->len - c->at < size ? c->len - c->at : size;

	memcpy(data, c->first + c->at, n);
	c->at += n;
	if (c->at == c->len) {
		free(c->first);
		c->first = NULL;
	}
	return (int)n;
}

static int
bio_read(BIO *bio, char *data, int size)
{
	struct client_bio *c = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (c->first != NULL && size > 0)
		return take_first(c, data, (size_t)size);
	n = recv(c->fd, data, (size_t)size, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	c->eof = n == 0;
	return (int)n;
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	const struct client_bio *c = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	n = send(c->fd, data, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static long
bio_ctrl(BIO *bio, int cmd, long num, void *arg)
{
	const struct client_bio *c = BIO_get_data(bio);

	(void)num;
	(void)arg;
	switch (cmd) {
	case BIO_C_GET_FD:
		return c->fd;
	case BIO_CTRL_EOF:
		return c->eof;
	case BIO_CTRL_FLUSH:
		return 1;
	default:
		return 0;
	}
}

BIO_METHOD *
carrier_tls_bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() |
	    BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "partyline client");

	if (m == NULL)
		return NULL;
	BIO_meth_set_create(m, bio_create);
	BIO_meth_set_destroy(m, bio_destroy);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* Clients. */

static struct client_bio *
bio_of(struct bufferevent *bev)
{
	return BIO_get_data(SSL_get_wbio(bufferevent_openssl_get_ssl(bev)));
}

struct bufferevent *
tls_open(struct tls *t, struct event_base *base, int fd, const char *first,
    size_t len)
{
	struct client_bio *c;
	SSL *ssl = tls_ssl(t);
	BIO *bio;

	if (ssl == NULL)
		return NULL;
	if ((bio = BIO_new(tls_bio_method(t))) == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	BIO_set_init(bio, 1);
	c = BIO_get_data(bio);
	c->fd = fd;
	c->first = xmemdup(first, len);
	c->len = len;
	SSL_set_bio(ssl, bio, bio);
	return bufferevent_openssl_socket_new(base, fd, ssl,
	    BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
}

static void
add_subject(struct buf *b, const SSL *ssl)
{
	X509 *cert = SSL_get0_peer_certificate(ssl);
	BIO *text;
	char *data;
	long n;

	if (cert == NULL || SSL_get_verify_result(ssl) != X509_V_OK ||
	    (text = BIO_new(BIO_s_mem())) == NULL)
		return;
	X509_NAME_print_ex(text, X509_get_subject_name(cert), 0,
	    XN_FLAG_RFC2253);
	if ((n = BIO_get_mem_data(text, &data)) > 0)
		buf_add(b, data, (size_t)n);
	BIO_free(text);
}

/* The whole of it, without a NUL inside, and no second one beside it. */
static bool
copy_name(X509_NAME *subject, char name[NAME_SIZE])
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), n;
	unsigned char *text;
	bool fits;

	if (at < 0 ||
	    X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
	    X509_NAME_get_entry(subject, at)));
	if (n < 0)
		return false;
	fits = n > 0 && n < NAME_SIZE && memchr(text, '\0', (size_t)n) == NULL;
	if (fits) {
		memcpy(name, text, (size_t)n);
		name[n] = '\0';
	}
	OPENSSL_free(text);
	return fits;
}

bool
tls_common_name(struct bufferevent *bev, char name[NAME_SIZE])
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	X509 *cert = SSL_get0_peer_certificate(ssl);

	return cert != NULL && !SSL_session_reused(ssl) &&
	    SSL_get_verify_result(ssl) == X509_V_OK &&
	    copy_name(X509_get_subject_name(cert), name);
}

void
tls_opened(struct bufferevent *bev, struct tls_peer *peer)
{
	static const char http[] = "http/1.1";
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	const unsigned char *protocol;
	unsigned n;

	SSL_get0_alpn_selected(ssl, &protocol, &n);
	*peer = (struct tls_peer){ .version = SSL_get_version(ssl),
	    .cipher = SSL_get_cipher_name(ssl),
	    .http = n == sizeof(http) - 1 && memcmp(protocol, http, n) == 0,
	    .resumed = SSL_session_reused(ssl) };
	add_subject(&peer->subject, ssl);
}

/* Of the errors, which are told last to first, the first. */
const char *
tls_failure(struct bufferevent *bev)
{
	const char *why = NULL, *text;
	unsigned long e;

	while ((e = bufferevent_get_openssl_error(bev)) != 0) {
		if (ERR_GET_LIB(e) != 0 &&
		    (text = ERR_reason_error_string(e)) != NULL)
			why = text;
	}
	return why != NULL ? why : "reset";
}

static ssize_t
tls_send(struct bufferevent *bev, struct iovec *iov, int n)
{
	struct evbuffer *out = bufferevent_get_output(bev);
	size_t have = evbuffer_get_length(out), left = 0, room, take;
	int i;

	if (have >= TLS_RECORD) {
		errno = EAGAIN;
		return -1;
	}
	for (i = 0; i < n; i++)
		left += iov[i].iov_len;
	if (left > TLS_RECORD - have)
		left = TLS_RECORD - have;
	room = left;
	evbuffer_expand(out, room);	/* a record, not one each slice */
	for (i = 0; i < n && left > 0; i++) {
		take = iov[i].iov_len < left ? iov[i].iov_len : left;
		if (evbuffer_add(out, iov[i].iov_base, take) == -1)
			break;
		left -= take;
	}
	if (left == room) {
		errno = ENOMEM;
		return -1;
	}
	return (ssize_t)(room - left);
}

static uint32_t
tls_taken(struct bufferevent *bev)
{
	return carrier_tcp.taken(bev);
}

/* libevent reads all that OpenSSL has. */
static ssize_t
tls_recv(struct bufferevent *bev, void *data, size_t size)
{
	(void)bev;
	(void)data;
	(void)size;
	errno = EAGAIN;
	return -1;
}

/* close_notify, if the socket takes it, and it is not too late for that. */
static void
say_end(SSL *ssl)
{
	if (SSL_is_init_finished(ssl) &&
	    (SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN) == 0)
		SSL_shutdown(ssl);
	ERR_clear_error();
}

static void
tls_shut(struct bufferevent *bev)
{
	say_end(bufferevent_openssl_get_ssl(bev));
	carrier_tcp.shut(bev);
}

static int
tls_close(struct bufferevent *bev)
{
	struct client_bio *c = bio_of(bev);
	int fd = c->fd;

	say_end(bufferevent_openssl_get_ssl(bev));
	c->fd = -1;
	bufferevent_free(bev);
	return fd;
}

const struct carrier carrier_tls = {
	.name = "tls",
	.through = true,
	.send = tls_send,
	.taken = tls_taken,
	.recv = tls_recv,
	.why = tls_failure,
	.shut = tls_shut,
	.close = tls_close,
};
