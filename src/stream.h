/*
 * A room's stream on one loop: the rendered bytes of its newest news in one
 * encoding, in segments that all readers share. A reader is a place: an
 * offset on the stream, or, once it has fallen off the stream's tail, the seq
 * behind which it reads from the store. Nothing is kept for one that is
 * behind. Readers who ignore the same people have a stream of their own, which
 * leaves out what these say. A loop's thread owns its streams.
 */
#ifndef STREAM_H
#define STREAM_H

#include <sys/queue.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "dialect.h"
#include "ignore.h"
#include "metrics.h"
#include "msg.h"

struct session;
struct stream;

/* Writes a message as a line of this encoding; see dialect.h. */
typedef void stream_render(struct buf *, enum encoding, const char *room,
	    const struct msg *);

LIST_HEAD(stream_list, stream);

/* A room that has readers on this loop. */
struct room_view {
	struct stream_list streams;	/* those in use: first who ignore
					 * nobody; by encoding */
	uint64_t	 last_seq;	/* newest this loop was told of */
	uint32_t	 id;
	uint32_t	 nplaces;
	uint32_t	 unflushed;	/* bytes since the last flush */
	char		 name[];	/* as shown */
};

enum place_state {
	PLACE_SEEK,		/* waits for the store to say where to begin */
	PLACE_ON,		/* at.off on the stream */
	PLACE_BEHIND,		/* has all up to at.seq */
	PLACE_READING		/* so too, and a page is on its way */
};

struct place {
	struct place	*next;		/* of the same session */
	LIST_ENTRY(place) readers;	/* of the stream, or of who is behind */
	struct session	*session;
	struct stream	*stream;
	union {
		uint64_t off;
		uint64_t seq;
	}		 at;
	uint32_t	 ticket;	/* of the read it waits for */
	uint8_t		 state;		/* enum place_state */
	bool		 held;		/* counts in the stream's holds */
	bool		 fresh;		/* the session's: may have been given
					 * more than it has told the hub */
};

LIST_HEAD(place_list, place);

/* What one loop's streams share: free segments, bounded; who is on none. */
struct segment_pool {
	struct segment	*free;
	unsigned	 n;
	struct place_list behind;
	struct stream_metrics metrics;
};

void	 segment_pool_free(struct segment_pool *);

/* The room's stream of this encoding, for readers with this list (or NULL);
 * made if need be. */
struct stream *stream_get(struct room_view *, enum encoding,
	    struct ignores *, stream_render *, struct segment_pool *);
/* The room's streams, one after the other. */
struct stream *stream_first(const struct room_view *);
struct stream *stream_next(const struct stream *);
struct room_view *stream_room(const struct stream *);
enum encoding stream_encoding(const struct stream *);
/* Frees it once it has no reader: then true. */
bool	 stream_release(struct stream *);

/*
 * One message on its way into a room's streams, in their order: what several
 * of them need of it is made once. seq is the newest stored seq with it.
 */
struct news {
	const struct msg *msg;
	uint64_t	 seq;
	struct buf	*line;		/* rendered, in this encoding */
	enum encoding	 encoding;
	bool		 parsed;	/* ignorable and sender are known */
	bool		 ignorable;
	struct name	 sender;
};

/* There is one at a time. */
void	 news_begin(struct news *, const struct msg *, uint64_t seq);
/* Renders it behind the newest; false if this stream leaves it out: then there
 * is nothing to write. */
bool	 stream_append(struct stream *, struct news *);
/*
 * What lies behind may no longer be reached: every reader falls behind, the
 * next bytes come after this seq.
 */
void	 stream_skip(struct stream *, uint64_t seq);
/* Keeps nothing: readers who have not had all fall behind. */
void	 stream_forget(struct stream *);
/* Keeps at most this many bytes, or the newest segment: readers on what goes
 * fall behind. */
void	 stream_trim(struct stream *, size_t bytes);
/* Lets go of everything that all readers have; if none is held back. */
void	 stream_settle(struct stream *);
size_t	 stream_bytes(const struct stream *);	/* kept now */
/* A mark of the loop's own: sets it and returns what it was. */
bool	 stream_touch(struct stream *, bool);

/* The readers, for marking them dirty. */
struct place_list *stream_readers(struct stream *);

/* A new reader that has everything up to seq: on the stream if it reaches so
 * far back, else behind. */
void	 place_add(struct place *, struct session *, struct stream *,
	    uint64_t seq);
/* A new reader that is yet to be told where to begin, by place_found(): not
 * before this seq. */
void	 place_add_seeking(struct place *, struct session *, struct stream *,
	    uint64_t floor);
void	 place_found(struct place *, uint64_t seq);
/* Goes on at the same message on another stream of the room. */
void	 place_move(struct place *, struct stream *);
/* Leaves the stream; the place itself is the caller's. */
void	 place_remove(struct place *);
/* The newest seq the reader has been given in full. */
uint64_t place_seq(const struct place *);
/* Tries to get on the stream; false: it must read on from the store. */
bool	 place_join(struct place *);
/* Falls behind: nothing is kept for it any more. */
void	 place_fall(struct place *);
/* While held, the stream keeps what comes, so that a page meets it. */
void	 place_hold(struct place *, bool);
bool	 place_pending(const struct place *);	/* on, with bytes to send */

/*
 * Slices from the place's offset to the end, at most n; returns their number.
 */
int	 place_slices(const struct place *, struct iovec *, int max);
/*
 * n bytes were sent. If that ends within a line, *rest and the result are the
 * rest of that line (shared bytes, valid until the stream is touched) and the
 * place stands behind it.
 */
size_t	 place_advance(struct place *, size_t n, const char **rest);

#endif
