/*
 * The browser's side of a connection: HTTP, by which the page is served, and
 * the WebSocket that a connection may turn into. It stands between a session's
 * bytes and its lines. Bytes in, messages and answers out; the session writes
 * and ends. The connection's loop.
 *
 * An optional part: web-none.c stands in its place where it was left out, and
 * then no connection is ever one of these.
 */
#ifndef WEB_H
#define WEB_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "dialect.h"
#include "http.h"
#include "msg.h"
#include "record.h"
#include "util.h"

struct address;
struct daemon;
struct web;

/* What a call needs to know of where it happens. */
struct web_env {
	const struct conf *conf;
	const struct daemon *daemon;
	const struct address *address;	/* the client's */
	bool		 trusted;	/* so is what it forwards */
	/* Lets in whom a trusted proxy forwards; false: has too many. */
	bool		 (*admit)(void *, const struct sockaddr *);
	void		*arg;		/* its first one */
	uint32_t	 now;		/* loop seconds */
};

enum web_status {
	WEB_MORE,	/* all there was is taken */
	WEB_AGAIN,	/* not all, for that is enough at once: call again,
			 * with no bytes */
	WEB_OPENED,	/* so too, and the connection is a WebSocket now */
	WEB_END		/* it ends once all is written; see web_end_name() */
};

/* Whether this part was built in. */
bool	 web_built(void);

struct web *web_new(uint32_t now);
void	 web_free(struct web *);	/* NULL is nothing */

/*
 * Takes bytes from the wire, one request of HTTP or any number of frames. The
 * messages are to be read by web_message_next().
 */
enum web_status web_recv(struct web *, const struct web_env *, const char *,
	    size_t, struct buf *messages, struct buf *answer);
/* Takes the first message off data; see ws_message_next(). */
size_t	 web_message_next(char *data, size_t len, char **text, size_t *n);

bool	 web_is_open(const struct web *);	/* a WebSocket */
/* Of a WebSocket: what its streams hold. */
enum encoding web_encoding(const struct web *);
/* Whether WEB_END was said; of such a one why, for the log: "close-frame". */
bool	 web_has_ended(const struct web *);
const char *web_end_name(const struct web *);
/* Whether that was a message longer than max_line. */
bool	 web_is_too_long(const struct web *);

/* Appends lines of JSON, each as a message of its own. */
void	 web_add_lines(const struct web *, struct buf *, const char *, size_t);
/* A stream's line: the message in a frame. */
void	 web_render(struct buf *, enum encoding, const char *room,
	    const struct msg *);
/*
 * Reads back the first frame that was rendered so: its text, which is data's
 * or the thread's until its next call; the bytes used up, 0 if it is none.
 */
size_t	 web_read_back(const char *data, size_t len, const char **text,
	    size_t *n);
/* These bytes alone. */
size_t	 web_frame_len(const char *data, size_t len);
/*
 * Appends the close frame of a WebSocket that ends, once: the code is the
 * peer's or an error's, else that of the reason. False: there is none to send.
 */
enum web_reason { WEB_DONE, WEB_GOING_AWAY, WEB_POLICY, WEB_FAILED };
bool	 web_add_close(struct web *, struct buf *, enum web_reason);
/* What one hears who is not let in: server-full. */
void	 web_add_refusal(struct buf *);

/*
 * Once a second, unless the session's input is held back. A request that is
 * not whole in time, a connection that idles: WEB_END. A WebSocket that was
 * silent is sent a ping; one that stays so: WEB_END.
 */
enum web_status web_tick(struct web *, const struct web_env *,
	    struct buf *answer);

/* All there is of it, as fields of a record, and back; NULL if that is bad, or
 * this part was not built in. now is in loop seconds. */
void	 web_save(const struct web *, uint32_t now, struct buf *);
struct web *web_load(struct record *, uint32_t now);

#endif
