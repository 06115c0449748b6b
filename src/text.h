/*
 * What the parts of the text dialect share: the state of one person at a
 * terminal, and how lines for them look. The client's loop.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialect.h"

/* For "%s%s": a room as people write it. */
#define TEXT_ROOM(s)	(*(s) == '@' ? "" : "#"), (s)

#define TEXT_ECHO	32	/* columns of what was typed that are shown */
#define TEXT_HISTORY	20	/* messages shown unless asked for more */

struct text_room {
	char	*shown;
	char	*key;
};

struct text {
	struct text_room *rooms;	/* those entered, oldest first */
	uint32_t	 nrooms;
	uint32_t	 current;	/* index in rooms; nrooms: none */
	uint16_t	 width;		/* columns, 0 unknown */
	uint8_t		 encoding;	/* enum encoding */
	bool		 greeted;
	bool		 away;
};

/* What a request was made for, where its cmd does not tell: its tag. */
enum text_tag {
	TEXT_PLAIN,
	TEXT_FIRST,		/* subscribe: the lobby, after login */
	TEXT_SHOW_TOPIC		/* rooms: to show one's topic */
};

/* dialect-text.c */
struct request *text_request(struct dialect_io *, enum cmd);
/* The current room, or NULL, and the person was told that there is none. */
const struct text_room *text_here(struct text *, struct dialect_io *);
/* False, and the person was told what is wrong with the name. */
bool	 text_name(struct text *, struct dialect_io *, struct name *,
	    const char *);
/* Index of an entered room by its key, or nrooms. */
uint32_t text_find(const struct text *, const char *key);
/* True if it is no longer than max, else the person was told. */
bool	 text_fits(struct text *, struct dialect_io *, const char *,
	    uint64_t max);
void	 text_say(struct text *, struct dialect_io *, enum msg_kind,
	    const char *);
void	 text_ask(struct dialect_io *);
/* An error's message, and when to try again, unless that is 0. */
void	 text_failure(struct text *, struct dialect_io *, const char *,
	    uint32_t retry_ms);

/* text-record.c: dialect_text's members of the same names. */
void	 text_save(const void *, struct buf *);
void	*text_load(struct record *);

/* dialect-text.c */
void	*text_open(const struct conf *);
void	 text_close(void *);

/* text-commands.c: a line without its "/", terminated; may be changed. */
void	 text_command(struct text *, struct dialect_io *, char *);

/* text-reply.c: an answered request. */
void	 text_reply(struct text *, struct dialect_io *, struct request *);

/* text-render.c */
void	 text_info(struct buf *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
void	 text_error(const struct text *, struct buf *, const char *, ...)
	    __attribute__((format(printf, 3, 4)));
/* "12:01" of the server's local time; 5 bytes. */
void	 text_time(struct buf *, int64_t ms);
/* As many characters as fit the columns, and "..." if that is not all. */
void	 text_clip(struct buf *, const char *, size_t columns);
void	 text_pad(struct buf *, size_t columns);
/* dialect_text's members of the same names. */
void	 text_render_message(struct buf *, enum encoding, const char *room,
	    const struct msg *);
void	 text_render_lag(struct buf *, const char *room, uint64_t after,
	    uint64_t before);
void	 text_render_notice(struct buf *, const char *);
void	 text_render_bye(struct buf *, const char *reason, bool reconnect,
	    uint32_t after_ms);

#endif
