/*
 * permessage-deflate (RFC 7692) with no context taken over from one message to
 * the next in either direction: so a compressed message is the same for every
 * reader, and a connection keeps nothing for it. Any thread.
 */
#ifndef WS_DEFLATE_H
#define WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

/*
 * A message's payload, compressed, or NULL if that saves nothing; text,
 * inflated: at most max bytes and one, by which the caller sees that there
 * were more, or NULL if it is not well compressed. The thread's, until its
 * next call.
 */
struct buf *ws_deflate(const char *, size_t);
struct buf *ws_inflate(const char *, size_t, size_t max);

/*
 * Chooses among the offers of Sec-WebSocket-Extensions fields: true, and the
 * answer's value in *answer, at the first that can be met.
 */
bool	 ws_deflate_offer(const char *offers, struct buf *answer);

#endif
