/*
 * HTTP/1.1 as far as a page and a WebSocket need it (RFC 9110, RFC 9112): a
 * reader of request heads, strict and bounded, that takes no bodies. Pure:
 * bytes in, a request or the status that refuses it out. Any thread.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_LINE_MAX	8192	/* bytes of a request line */
#define HTTP_HEAD_MAX	16384	/* bytes of a whole head */
#define HTTP_FIELDS_MAX	100

struct http_field {
	const char	*name, *value;	/* without blanks around it */
};

struct http_request {
	unsigned	 status;	/* 0, or the status it is refused by */
	const char	*why;		/* then: one sentence for people */
	bool		 head;		/* HEAD, else GET */
	bool		 keep_alive;	/* RFC 9112 section 9.3 */
	unsigned	 minor;		/* of the version: 0 or more */
	const char	*path;		/* before any "?" */
	const char	*host;		/* "" if HTTP/1.0 has none */
	unsigned	 nfields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * Reads the head at the beginning of data, which is changed in place and
 * pointed into. Bytes that it has, 0 if there is not yet enough to tell. One
 * that is refused (status) is to be answered and ends the connection: what
 * follows it has no known beginning.
 */
size_t	 http_parse(struct http_request *, char *data, size_t len);
/* The value of the nth field of that name, from 0; NULL if there is none. */
const char *http_field(const struct http_request *, const char *name,
	    unsigned nth);
/* Whether a token is in a comma-separated list, in all fields of that name;
 * compared without case. */
bool	 http_has_token(const struct http_request *, const char *name,
	    const char *token);
/*
 * Whether an answer is to be in that coding (RFC 9110 section 12.5.3): some
 * Accept-Encoding takes it, by its name or by "*", and "identity" is not liked
 * better.
 */
bool	 http_accepts(const struct http_request *, const char *coding);

enum http_sniff { SNIFF_NO, SNIFF_MORE, SNIFF_HTTP };

/* Whether a connection's first bytes are those of a request, of any method. */
enum http_sniff http_sniff(const char *, size_t);
/* Whether a line, without its end, is a request's first one. */
bool	 http_is_request_line(const char *, size_t);

/* "Not Found" of 404. */
const char *http_status_text(unsigned);

#endif
