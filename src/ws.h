/*
 * The frames of one WebSocket connection (RFC 6455), server's side: bytes in,
 * whole messages and what must be answered out. Pure: no socket. The
 * connection's loop. wslay takes frames apart; nothing of it is kept from one
 * call to the next, so all there is of a half-received message is bytes.
 */
#ifndef WS_H
#define WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

/* Section 7.4.1. */
enum ws_code {
	WS_NORMAL = 1000, WS_GOING_AWAY = 1001, WS_PROTOCOL_ERROR = 1002,
	WS_UNSUPPORTED = 1003, WS_NO_STATUS = 1005, WS_BAD_PAYLOAD = 1007,
	WS_POLICY = 1008, WS_TOO_BIG = 1009, WS_INTERNAL_ERROR = 1011
};

/* All zeros is a connection just opened. */
struct ws {
	struct buf	 raw;		/* of frames that are not taken yet */
	struct buf	 message;	/* the message's fragments so far */
	size_t		 need;		/* bytes of that frame, once known */
	uint16_t	 code;		/* why no more is taken; 0: it is */
	uint8_t		 opcode;	/* of the message; 0: none begun */
	bool		 deflated;	/* that message is */
	bool		 left;		/* raw has more than one call took */
	bool		 by_peer;	/* code came in a close frame */
	bool		 deflate;	/* permessage-deflate was agreed on */
};

void	 ws_free(struct ws *);	/* what it holds */

#define WS_BATCH	(16 * 1024)	/* bytes of messages that are enough */

/*
 * Takes bytes from the wire. Each whole message, of at most max bytes, is
 * added to messages as ws_message_next() reads them, each pong to answer.
 * Once these are WS_BATCH bytes the rest is kept as it came, and ws->left says
 * so: call again, with no bytes. False: the connection is to be closed with
 * ws->code, after what was asked so far; nothing behind that is taken. Byte by
 * byte or all at once, the result is the same.
 */
bool	 ws_recv(struct ws *, const char *, size_t, size_t max,
	    struct buf *messages, struct buf *answer);

/*
 * The first message in data: its text, terminated by a NUL and changeable, and
 * its length. Returns the bytes used up, 0 if there is no more.
 */
size_t	 ws_message_next(char *data, size_t len, char **text, size_t *n);

/* Appends a text message of one frame, compressed if that was agreed on and
 * saves anything. */
void	 ws_add_message(struct buf *, const char *, size_t, bool deflate);
/*
 * The first frame in data, which was appended so: the bytes of it, 0 if it is
 * none; its text, which is data's or, inflated, the thread's until its next
 * call.
 */
size_t	 ws_frame_len(const char *data, size_t len);
size_t	 ws_read_back(const char *data, size_t len, const char **text,
	    size_t *n);
void	 ws_add_ping(struct buf *);
/* Code WS_NO_STATUS: an empty one. */
void	 ws_add_close(struct buf *, unsigned code);

#endif
