/*
 * What the parts of the web share: web.c (a connection), web-serve.c (what is
 * served), web-upgrade.c (the way to a WebSocket), web-assets.c (the page).
 */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "http.h"
#include "web.h"

/* An answer; the rest of its head derives from it and from the request. */
struct web_reply {
	unsigned	 status;
	const char	*headers;	/* whole lines, or NULL */
	const char	*type;		/* NULL: plain text */
	const char	*body;
	size_t		 len;
};

void	 web_add_reply(struct buf *, const struct http_request *,
	    const struct web_reply *);
/* Plain text of one line, for people. */
void	 web_add_error(struct buf *, const struct http_request *,
	    unsigned status, const char *headers, const char *why);

/* Answers a request that is in order, but one for /ws. */
void	 web_serve(struct buf *, const struct http_request *,
	    const struct web_env *);

/* Whom the request comes from: the client, or whom it forwards. True: that. */
bool	 web_peer(struct sockaddr_storage *, const struct web_env *,
	    const struct http_request *);

/*
 * Whether a browser of this host may have been led here by a name that is not
 * this host's (DNS rebinding): it asks for one that the public DNS may have,
 * over the loopback. Then the page is of whoever has that name.
 */
bool	 web_is_misled(const struct web_env *, const struct http_request *);

/*
 * Answers a request for /ws: true if it is a WebSocket from now on, and
 * whether its messages may be compressed.
 */
bool	 web_upgrade(struct buf *, const struct http_request *,
	    const struct web_env *, bool *deflate);

/* A part of the page; its bytes are in the binary, in two forms. */
struct web_form {
	const char	*begin, *end;
	char		 etag[20];	/* with its quotes */
};

struct web_asset {
	const char	*path, *type;
	struct web_form	 plain, gzip;
};

const struct web_asset *web_asset(const char *path);	/* or NULL */

#endif
