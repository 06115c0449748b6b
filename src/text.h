/*
 * What the parts of the text dialect share: the state of one person at a
 * terminal, and how lines for them look. The client's loop.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dialect.h"

/* For "%s%s": a room as people write it. */
#define TEXT_ROOM(s)	(*(s) == '@' ? "" : "#"), (s)

#define TEXT_ECHO	32	/* columns of what was typed that are shown */
#define TEXT_HISTORY	20	/* messages shown unless asked for more */

/* A room entered, or left. */
struct text_room {
	char		*shown;		/* and behind it the key */
	struct spans	*gaps;		/* what is unread, but for what came
					 * since it was entered */
	uint64_t	 read;		/* left: up to here, but for these;
					 * entered: the same, until begins()
					 * tells how far what follows goes;
					 * or TEXT_UNKNOWN */
};

#define TEXT_UNKNOWN	UINT64_MAX

#define TEXT_LEFT	8	/* rooms left that are remembered */

#define text_room_key(r)	((r)->shown + strlen((r)->shown) + 1)

/* What the next line answers; numbers stand in records. */
enum text_asked {
	ASK_DOOR,		/* the password of a registered name */
	ASK_REGISTER,
	ASK_REGISTER_AGAIN,
	ASK_OLD,		/* /password */
	ASK_NEW,
	ASK_NEW_AGAIN,
	ASK_LOST		/* no more: what had been typed is forgotten */
};

/* A question for something secret. */
struct text_ask {
	enum text_asked	 what;
	char		*name;		/* ASK_DOOR: whose */
	char		*old, *new;	/* typed so far, or NULL */
};

/* Its size is paid for every idle client: 32 bytes are the allocator's next
 * step. */
struct text {
	struct text_room *rooms;	/* those entered, oldest first, and
					 * then nleft others */
	struct text_ask	*ask;		/* NULL: lines are said */
	uint16_t	 nrooms;
	uint16_t	 current;	/* index in rooms; nrooms: none */
	unsigned	 width : 10;	/* columns, 0 unknown */
	unsigned	 encoding : 4;	/* enum encoding */
	unsigned	 nleft : 4;
	bool		 greeted : 1;
	bool		 away : 1;
	bool		 account : 1;	/* no guest */
	bool		 chosen : 1;	/* current, and the hub is to be told */
	unsigned	 day : 8;	/* of what was shown last; 0: nothing */
};

/* What a request was made for, where its cmd does not tell: its tag. */
enum text_tag {
	TEXT_PLAIN,
	TEXT_FIRST,		/* subscribe: the lobby, after login */
	TEXT_KEPT,		/* subscribe: an account's room, after login;
				 * seq: read so far, limit: unread */
	TEXT_SHOW_TOPIC,	/* rooms: to show one's topic */
	TEXT_SHOW_SETTINGS,	/* configure: all of them */
	TEXT_HELP,		/* configure: one's role, for /help */
	TEXT_REDACT,		/* history: where name's last one is */
	TEXT_CATCHUP,		/* history: what is unread */
	TEXT_BEHIND,		/* history: what came behind a message */
	TEXT_MARK,		/* seen: nobody asked for it */
	TEXT_TALKS,		/* subscribe: as TEXT_KEPT, and talked in */
	TEXT_NUMBERS,		/* history: to show the messages' numbers */
	TEXT_SEEN		/* register: the password was typed in sight */
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
/* The entered room of this key, or NULL. */
struct text_room *text_room_of(struct text *, const char *key);
/* Behind those entered; one that was left is it again. Valid until the next
 * one comes. */
struct text_room *text_room_add(struct text *, const char *shown,
	    const char *key);
/* Of this number: among those left, with what was read of it. */
void	 text_room_leave(struct text *, uint32_t, uint64_t read);
/* True if it is no longer than max, else the person was told. */
bool	 text_fits(struct text *, struct dialect_io *, const char *,
	    uint64_t max);
void	 text_say(struct text *, struct dialect_io *, enum msg_kind,
	    const char *);
void	 text_ask(struct dialect_io *);
/* An error's message, and when to try again, unless that is 0. */
void	 text_failure(struct text *, struct dialect_io *, const char *,
	    uint32_t retry_ms);

/* The room or, if it is "", the current one; NULL, and the person was told. */
struct request *text_room_request(struct text *, struct dialect_io *,
	    enum cmd, const char *room);
/* For this person; NULL, and the person was told. */
struct request *text_name_request(struct text *, struct dialect_io *,
	    enum cmd, const char *who);
/* Cuts the first word off: *rest is behind it and the blanks. */
char	*text_word(char **rest);
/* A number of at most max; false if it is none. */
bool	 text_number(const char *, uint64_t max, uint64_t *);

/* text-ask.c: asks for it, hidden; the next line goes to text_answered(). */
void	 text_ask_secret(struct text *, struct dialect_io *, enum text_asked,
	    const char *name);
void	 text_secret(struct text *, struct dialect_io *, char *, size_t);
/* The old password is right: a new one is asked for. */
void	 text_proved(struct text *, struct dialect_io *);
/* Asks once more for the same. */
void	 text_ask_again(struct text *, struct dialect_io *);
/* No question any more. */
void	 text_ask_end(struct text *, struct dialect_io *);
void	 text_ask_free(struct text_ask *);	/* NULL is nothing */

/* text-account.c: commands, and what came of them; see text-commands.c. */
bool	 text_cmd_register(struct text *, struct dialect_io *, char *);
bool	 text_cmd_password(struct text *, struct dialect_io *, char *);
bool	 text_cmd_token(struct text *, struct dialect_io *, char *);
bool	 text_cmd_tokens(struct text *, struct dialect_io *, char *);
bool	 text_cmd_revoke(struct text *, struct dialect_io *, char *);
bool	 text_cmd_ignore(struct text *, struct dialect_io *, char *);
bool	 text_cmd_unignore(struct text *, struct dialect_io *, char *);
void	 text_ignore_reply(struct dialect_io *, const struct request *);
void	 text_account_reply(struct text *, struct dialect_io *,
	    const struct request *);

/* text-catchup.c: where one stands. */
bool	 text_cmd_catchup(struct text *, struct dialect_io *, char *);
/* Whether this is the room that people enter first. */
bool	 text_is_lobby(const struct dialect_io *, const char *room);
/* Enters an account's rooms, the lobby first, and last where it talks. */
void	 text_enter_kept(struct dialect_io *, const struct request *);
/* A room is entered: what of it is unread, as the hub knows of an account. */
void	 text_returned(struct text_room *, const struct request *);
/* dialect_text's member of the same name. */
void	 text_begins(void *, struct dialect_io *, const char *shown,
	    uint64_t after);
/* What is unread in a room that was entered so. */
void	 text_kept_entered(struct text *, struct dialect_io *,
	    const struct request *);
void	 text_caught_up(struct text *, struct dialect_io *,
	    const struct request *);
/* What has been read, of one who goes. */
void	 text_where(struct text *, struct dialect_io *,
	    const struct request *);

/* text-search.c */
bool	 text_cmd_search(struct text *, struct dialect_io *, char *);
void	 text_found(struct text *, struct dialect_io *,
	    const struct request *);

/* text-moderate.c */
bool	 text_duration(const char *, uint32_t *seconds);
bool	 text_cmd_kick(struct text *, struct dialect_io *, char *);
bool	 text_cmd_ban(struct text *, struct dialect_io *, char *);
bool	 text_cmd_unban(struct text *, struct dialect_io *, char *);
bool	 text_cmd_mute(struct text *, struct dialect_io *, char *);
bool	 text_cmd_unmute(struct text *, struct dialect_io *, char *);
bool	 text_cmd_op(struct text *, struct dialect_io *, char *);
bool	 text_cmd_deop(struct text *, struct dialect_io *, char *);
bool	 text_cmd_owner(struct text *, struct dialect_io *, char *);
bool	 text_cmd_invite(struct text *, struct dialect_io *, char *);
bool	 text_cmd_bans(struct text *, struct dialect_io *, char *);
bool	 text_cmd_set(struct text *, struct dialect_io *, char *);
bool	 text_cmd_redact(struct text *, struct dialect_io *, char *);
void	 text_redact_found(struct text *, struct dialect_io *,
	    const struct request *);
void	 text_show_numbers(const struct text *, struct dialect_io *,
	    const struct request *);
void	 text_show_settings(struct dialect_io *, const struct request *);
void	 text_show_bans(struct dialect_io *, const struct request *);

/* text-record.c: dialect_text's members of the same names. */
void	 text_save(const void *, struct buf *);
void	*text_load(struct record *);

/* dialect-text.c */
void	*text_open(const struct conf *);
void	 text_close(void *);

/* text-commands.c: a line without its "/", terminated; may be changed. */
void	 text_command(struct text *, struct dialect_io *, char *);
/* The list that /help asked for: the answer has the person's role. */
void	 text_help(struct text *, struct dialect_io *,
	    const struct request *);

/* text-reply.c: an answered request; and dialect_text's sent_out. */
void	 text_reply(struct text *, struct dialect_io *, struct request *);
void	 text_sent_out(void *, struct dialect_io *, const char *room,
	    uint64_t seq);

/* text-render.c */
void	 text_info(struct buf *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
void	 text_error(const struct text *, struct buf *, const char *, ...)
	    __attribute__((format(printf, 3, 4)));
/* "12:01" of the server's local time; 5 bytes. */
void	 text_time(struct buf *, int64_t ms);
/* "2026-11-22" of the server's local time; 10 bytes, or none. */
void	 text_day(struct buf *, int64_t ms);
/* As many characters as fit the columns, and "..." if that is not all. */
void	 text_clip(struct buf *, const char *, size_t columns);
void	 text_pad(struct buf *, size_t columns);
/* "#lobby 2026-11-22 12:01 <ann> hi" */
void	 text_render_found(struct buf *, enum encoding, const char *room,
	    const struct msg *);
/* dialect_text's members of the same names. */
void	 text_render_message(struct buf *, enum encoding, const char *room,
	    const struct msg *);
void	 text_render_day(struct buf *, int64_t *last, int64_t time);
void	 text_today(void *, struct buf *, uint32_t day);
void	 text_render_lag(struct buf *, const char *room, uint64_t after,
	    uint64_t before);
void	 text_render_notice(struct buf *, const char *);
void	 text_render_bye(struct buf *, const char *reason, bool reconnect,
	    uint32_t after_ms);

#endif
