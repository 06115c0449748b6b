/*
 * What the parts of a session share: session.c (its life), session-first.c
 * (how it begins), session-input.c (bytes to requests, replies),
 * session-output.c (writing, places), session-web.c (browsers),
 * session-read.c (what requests read in the store), session-record.c (as
 * bytes).
 */
#ifndef SESSION_IO_H
#define SESSION_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

/* Callbacks set and reading begun. */
void	 session_io_open(struct session *);
/* As the configuration has them. */
void	 session_io_timeouts(struct session *);
/* Gives up places and bufferevent; returns the fd, which stays open. */
int	 session_io_close(struct session *);

/* Its listener's kind, or what it said so far, tells what it is. */
void	 session_begin(struct session *);
/* Whether it may be greeted: a trusted peer that is silent is a person. */
bool	 session_may_greet(struct session *);
/* It said nothing for so long that it is no proxy: it begins without. */
void	 session_begin_plain(struct session *);
/*
 * It is somebody else's, as a trusted peer says. False: that one has
 * max_clients_address already.
 */
bool	 session_forwarded(struct session *, const struct sockaddr *,
	    uint16_t port);
/* The first bytes of one that begins: true if they are taken. */
bool	 session_take_first(struct session *, char *, size_t);
/* The handshake is done. */
void	 session_secured(struct session *);
/* Or it was not, by this BEV_EVENT. */
void	 session_handshake_failed(struct session *, short what);
/* Bytes as they came from the carrier. */
void	 session_take_bytes(struct session *, char *, size_t);
/* NULL: it has none. session_more_make: has it from now on. settle: no more,
 * if it needs none. */
struct session_more *session_more(const struct session *);
struct session_more *session_more_make(struct session *);
void	 session_more_settle(struct session *);
/* Input not yet used: kept behind what is; taken, the caller frees it. */
void	 session_keep(struct session *, const char *, size_t);
struct buf session_take_kept(struct session *);
const struct buf *session_kept(const struct session *);	/* may be empty */
/* It speaks HTTP from now on. */
void	 session_web(struct session *);
/* Bytes of it; once a second; whether it has ended by itself. */
void	 session_take_web(struct session *, const char *, size_t);
void	 session_web_tick(struct session *);
void	 session_web_end(struct session *);
/* Writes the close frame; false if there is none to write. */
bool	 session_web_close(struct session *);

/* NULL: not known yet. */
void	 session_set_dialect(struct session *, const struct dialect *);
/* The dialect from now on; places move to its encoding. */
void	 session_choose(struct session *, const struct dialect *);
/* Bytes for this client alone, to be flushed at the round's end. */
void	 session_write(struct session *, const void *, size_t);
/* So too, whole lines of its dialect: in frames where it is a WebSocket. */
void	 session_tell(struct session *, const struct buf *);
/*
 * Asks for a line unseen, or for no more such. Who has sent no byte of telnet
 * may speak it all the same, so it is tried; on other terminals what is written
 * next covers it.
 */
void	 session_hide(struct session *, bool);
size_t	 session_unwritten(const struct session *);
/* Lines, or messages of a WebSocket: takes them, or keeps them for later. */
void	 session_take_text(struct session *, char *, size_t);
/* Answers a line that was thrown away. */
void	 session_too_long(struct session *);
/* Reads no further if too much is under way. */
void	 session_check_full(struct session *);
/* To the hub; counts it. */
void	 session_send(struct session *, struct request *);
/* Looks at held back input, or the end, at the round's end. */
void	 session_wait(struct session *);
/* Whether a record can carry those of this carrier to another daemon; the
 * record as bytes, now being the loop's. session-record.c. */
bool	 session_record_fits(const struct carrier *);
void	 session_record_save(const struct session_record *, uint32_t now,
	    struct buf *);
/* Whether it waits for an answer or a page. */
bool	 session_is_asking(const struct session *);
/* After a rest: reads and writes again. */
void	 session_go_on(struct session *);
/* Ends in order; see session.c. */
void	 session_finish(struct session *, enum session_end);
/* CMD_MOVED came back: it is here now, or another connection is. */
void	 session_moved(struct session *, const struct request *);
void	 session_replaced(struct session *);

/* A place in a room whose newest seq is head, having all up to after; fresh:
 * see struct place. */
void	 session_place(struct session *, uint32_t id, const char *name,
	    uint64_t head, uint64_t after, bool fresh);
/* The same, at the newest n messages. */
void	 session_place_last(struct session *, uint32_t id, const char *name,
	    uint64_t head, uint64_t floor, uint32_t n);
/* How far it had been given the room, 0: not at all. */
uint64_t session_unplace(struct session *, uint32_t id);
/* Its place was taken away while it was on its way here: it is told why. */
void	 session_expelled(struct session *, const struct moved_room *);
/* How far it has been given each of its rooms, as a request's kept rooms. */
void	 session_list_read(const struct session *, struct request *);
/* Its places move to the streams of the session's encoding and ignores. */
void	 session_reencode(struct session *, enum encoding);
/* A blocked session's places fall behind. */
void	 session_fall(struct session *);

/* Reads what answers a history request, or a search, which then goes to the
 * hub once more; how much is unread for a login, false: that is known. What
 * comes has the request, which waits, as its arg. */
void	 session_read_history(struct session *, struct request *);
void	 session_read_search(struct session *, struct request *);
bool	 session_count_unread(struct session *, struct request *);
void	 session_answer_read(struct session *, struct store_read *);
/* Its place in this room was taken away, and why is written: the dialect may
 * say more. */
void	 session_sent_out(struct session *, const char *room, uint64_t seq);
/* The dialect is told where a room's lines begin. */
void	 session_begins(struct session *, const char *room, uint64_t after);
/* The answer of a request that has waited; takes it. */
void	 session_answer(struct session *, struct request *);

/* session-marks.c */
enum mark_when {
	MARK_NOW,
	MARK_END,		/* of the session */
	MARK_LEAVE		/* of a room, as the person has asked */
};

/* Tells the hub how far its account has read its inbox, and where a person
 * talks if that is another room than before; but for MARK_NOW all that a
 * person was shown. session_marks puts it into the request instead, and says
 * whether there was anything. */
void	 session_mark(struct session *, enum mark_when);
bool	 session_marks(struct session *, struct request *, enum mark_when);
/* Tells it that of one room alone. */
void	 session_mark_room(struct session *, const struct moved_room *);
/* It is known where what was said last begins, in a room with this head. */
void	 session_mark_begins(struct session *, const struct place *,
	    uint64_t head);

/* bufferevent callbacks */
void	 session_read_cb(struct bufferevent *, void *);
void	 session_write_cb(struct bufferevent *, void *);
void	 session_event_cb(struct bufferevent *, short, void *);
/* Nothing could be written for write_timeout: ends a peer that is dead. */
void	 session_stuck(struct session *);

#endif
