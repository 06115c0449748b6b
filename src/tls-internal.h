/* What the parts of TLS share: tls.c (the certificate), carrier-tls.c (a
 * client). */
#ifndef TLS_INTERNAL_H
#define TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "tls.h"

/*
 * Bytes of a record, and what waits in a client's bufferevent for one: twice
 * as much (RFC 8446 section 5.1) would cost a reader that does not read twice
 * that.
 */
#define TLS_RECORD	(8 * 1024)

/* A client's, by the certificate in force; NULL: there is none. */
SSL	*tls_ssl(struct tls *);
const BIO_METHOD *tls_bio_method(const struct tls *);

/* Reads and writes the socket; freed by BIO_meth_free(). */
BIO_METHOD *carrier_tls_bio_method(void);

#endif
