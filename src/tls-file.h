/* What is wrong with a file that should hold a certificate or a key, in words
 * for whom the configuration is; OpenSSL's own name its decoder instead. Main
 * thread, only once such a file was not taken; keeps nothing. */
#ifndef TLS_FILE_H
#define TLS_FILE_H

enum tls_file {
	TLS_FILE_CERTIFICATE,
	TLS_FILE_KEY
};

/* To be freed; behind a semicolon what would be right. reason is OpenSSL's,
 * for what only it knows. */
char	*tls_file_fault(const char *path, enum tls_file, const char *reason);

#endif
