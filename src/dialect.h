/*
 * A dialect turns lines into requests, and replies and events into bytes. It
 * is pure: it sees no socket. Everything on the client's loop.
 */
#ifndef DIALECT_H
#define DIALECT_H

#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "msg.h"
#include "record.h"
#include "request.h"
#include "util.h"

/* What bytes a room's stream holds; one stream a room and encoding in use. */
enum encoding {
	ENC_TEXT, ENC_COLOR, ENC_JSON,
	ENC_WEB, ENC_WEB_DEFLATE,	/* JSON in frames: web_render() */
	ENC_MAX
};

enum {
	DIALECT_CLOSE = 1,	/* close once all is written */
	DIALECT_TO_JSON = 2,	/* the connection is json from now on */
	DIALECT_COLOR = 4,	/* the encoding changed: text_encoding() */
	DIALECT_HIDE = 8,	/* the next line is a secret: telnet's ECHO; it
				 * begins before out is written */
	DIALECT_SHOW = 16	/* what follows is not */
};

/* What a dialect's call leaves behind, for the session to carry out. */
struct dialect_io {
	const struct conf *conf;
	struct buf	 out;		/* bytes for this client alone */
	struct mail_list requests;	/* for the hub, in order */
	unsigned	 act;		/* DIALECT_ bits */
	enum error	 refused;	/* what was answered at once, for the */
	enum cmd	 refused_cmd;	/* count; ERR_NONE: nothing was */
	const char	*name;		/* logged in as; may be NULL if not */
	bool		 logged_in;
	bool		 hides;		/* DIALECT_HIDE is known to work */
};

struct dialect {
	const char	*name;
	/* A person types its lines and reads the answers: lines are edited and
	 * taken one after the other, and what was shown has been read. */
	bool		 person;
	/* Per-session state; NULL where there is none. */
	void		*(*open)(const struct conf *);
	void		 (*close)(void *);
	/* The greeting; called once, when it is due (json: NULL). */
	void		 (*greet)(void *, struct dialect_io *);
	/* The width the terminal told (telnet NAWS), 0 unknown; NULL: it does
	 * not matter. */
	void		 (*width)(void *, unsigned);
	/* One line without its end. May be changed in place. Never empty for
	 * json. */
	void		 (*line)(void *, struct dialect_io *, char *, size_t);
	/* An answer that belongs to no command: ERR_TOO_LONG, when a line was
	 * thrown away. */
	void		 (*error)(void *, struct dialect_io *, enum error,
			    uint32_t retry_ms);
	/* An answered request; the caller frees it. */
	void		 (*reply)(void *, struct dialect_io *,
			    struct request *);
	/* Into a stream or a client's catching up; room as shown. */
	void		 (*message)(struct buf *, enum encoding,
			    const char *room, const struct msg *);
	/* Before one of time is shown that was said a while ago: a line if that
	 * was another day than *last, which it becomes; 0 is now. NULL: no
	 * such lines. */
	void		 (*day)(struct buf *, int64_t *last, int64_t time);
	/* What is shown next is of this local_day(): a line if what was shown
	 * before was of another; without a buffer that was told. NULL: no such
	 * lines. */
	void		 (*today)(void *, struct buf *, uint32_t day);
	/* Its place in this room, as shown, was taken away, as it was told:
	 * seq is how far it had been given the room, or 0. NULL: nothing is to
	 * be done. */
	void		 (*sent_out)(void *, struct dialect_io *,
			    const char *room, uint64_t seq);
	/* What it is given of this room, as shown, begins behind after, for it
	 * has entered with last; NULL: likewise. */
	void		 (*begins)(void *, struct dialect_io *,
			    const char *room, uint64_t after);
	/* The key of the room that is talked in, if it is another one since
	 * it was asked last; else NULL. NULL: nobody chooses one. */
	const char	*(*talks)(void *);
	void		 (*lag)(struct buf *, const char *room,
			    uint64_t after, uint64_t before);
	void		 (*notice)(struct buf *, const char *text);
	void		 (*bye)(struct buf *, const char *reason,
			    bool reconnect, uint32_t after_ms);
	/* The state as fields of a record, and back: NULL, and the record is
	 * bad. NULL where there is no state. */
	void		 (*save)(const void *, struct buf *);
	void		*(*load)(struct record *);
};

extern const struct dialect dialect_json, dialect_text;

/* ENC_TEXT or ENC_COLOR of a text dialect's state. */
enum encoding text_encoding(const void *);
/* struct dialect's width, of a text dialect's state */
void	 text_set_width(void *, unsigned);

#endif
