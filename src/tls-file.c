#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls-file.h"
#include "util.h"

#define FILE_MAX	(64 * 1024)	/* bytes that are looked at */

static const struct {
	const char	*what, *marker, *convert;
} kinds[] = {
	[TLS_FILE_CERTIFICATE] = { "certificate", "CERTIFICATE-----",
	    "openssl x509 -inform DER" },
	[TLS_FILE_KEY] = { "private key", "PRIVATE KEY-----",
	    "openssl pkey -inform DER" },
};

static bool
is_der(enum tls_file kind, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool is;

	if (kind == TLS_FILE_KEY)
		is = (key = d2i_AutoPrivateKey(NULL, &p, (long)len)) != NULL;
	else
		is = (cert = d2i_X509(NULL, &p, (long)len)) != NULL;
	EVP_PKEY_free(key);
	X509_free(cert);
	ERR_clear_error();
	return is;
}

/* data ends with a NUL. */
static char *
fault(const char *path, enum tls_file kind, const char *data, size_t len,
    const char *reason)
{
	const char *what = kinds[kind].what;

	if (len == 0)
		return xasprintf("%s is empty; a %s in PEM", path, what);
	if (strstr(data, kinds[kind].marker) == NULL) {
		if (is_der(kind, data, len))
			return xasprintf("%s holds a %s in DER; one in PEM, "
			    "which \"%s\" makes of it", path, what,
			    kinds[kind].convert);
		return xasprintf("%s holds no %s in PEM", path, what);
	}
	if (kind == TLS_FILE_KEY && strstr(data, "ENCRYPTED") != NULL)
		return xasprintf("%s holds a private key with a password, "
		    "which nobody is there to give; one without, which "
		    "\"openssl pkey\" makes of it", path);
	return xasprintf("%s holds a %s that cannot be used: %s", path, what,
	    reason);
}

char *
tls_file_fault(const char *path, enum tls_file kind, const char *reason)
{
	FILE *file = fopen(path, "r");
	char *data, *said;
	size_t len;

	if (file == NULL)
		return xasprintf("%s: %s", path, strerror(errno));
	setvbuf(file, NULL, _IONBF, 0);		/* no copy of a key stays */
	data = xcalloc(1, FILE_MAX + 1);
	len = fread(data, 1, FILE_MAX, file);
	if (ferror(file))
		said = xasprintf("%s: %s", path, strerror(errno));
	else
		said = fault(path, kind, data, len, reason);
	OPENSSL_cleanse(data, FILE_MAX + 1);
	free(data);
	fclose(file);
	return said;
}
