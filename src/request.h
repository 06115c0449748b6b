/*
 * A request: one command of one client. It is made and parsed on the client's
 * loop, goes to the hub as mail, comes back answered as the very same object,
 * and is freed on the loop. Strings live in its own arena; no string points
 * elsewhere.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ignore.h"
#include "mailbox.h"
#include "msg.h"
#include "name.h"
#include "proto.h"
#include "spans.h"

/*
 * A client is named by loop, slot and generation, never by a pointer: one
 * that is gone is simply not found. 0 is nobody.
 */
typedef uint64_t client_id;

#define CLIENT_ID(loop, slot, gen)					\
	((uint64_t)(loop) << 56 | (uint64_t)(slot) << 32 | (uint32_t)(gen))
#define CLIENT_LOOP(id)		((unsigned)((id) >> 56))
#define CLIENT_SLOT(id)		((uint32_t)((id) >> 32) & 0xffffff)
#define CLIENT_GEN(id)		((uint32_t)(id))

/* As people see one: loop, slot and generation, "0:17:3", which is nobody's
 * name. CLIENT_TEXT's is there until the end of the block. */
#define CLIENT_TEXT_SIZE	32
#define CLIENT_TEXT(id)		client_text((char [CLIENT_TEXT_SIZE]){ 0 }, id)
const char *client_text(char [CLIENT_TEXT_SIZE], client_id);
/* In that form, or as the number that it is. */
bool	 client_parse(const char *, client_id *);

/* The operator's requests come from the main thread, not from a loop. */
#define OPERATOR_LOOP		255u

#define LIST_BYTES	(32 * 1024)	/* of a page of rooms or who */
#define SEARCH_BYTES	(32 * 1024)	/* of what a search finds */

struct listed_room {
	const char	*room, *topic;
	uint32_t	 members;
	bool		 subscribed;
};

#define UNREAD_MAX	1000

/* One of the rooms of an account that logs in. */
struct kept_room {
	const char	*room;
	const char	*role;		/* NULL: there is no such room now */
	uint32_t	 room_id;	/* 0: there is none now */
	uint32_t	 unread;	/* at most UNREAD_MAX; by the loop */
	bool		 more;		/* than that */
	bool		 talks;		/* here, the last time at a terminal */
	uint64_t	 seen, head;
	const struct spans *shown;	/* behind seen, of a person; or NULL */
	uint32_t	 gap;		/* the one whose unread are counted */
	/* where what is hidden does not count: by the loop, so far */
	uint32_t	 looked;	/* messages */
	uint64_t	 looked_at;	/* seq of the last one */
};

/* ms since the epoch; expires is 0: never. */
struct listed_token {
	const char	*label;
	int64_t		 created, expires;
};

/* An account, for the operator; ms since the epoch, 0: never. */
struct listed_account {
	const char	*name;
	int64_t		 created, login;
	uint32_t	 tokens, sessions;
	bool		 op;
};

struct listed_user {
	const char	*name;
	const char	*role;		/* "owner", "member", or NULL */
	const char	*away;		/* NULL: not away */
	uint32_t	 sessions;
	bool		 guest;
	const client_id	*clients;	/* CMD_ALL_WHO: the first of them */
	uint32_t	 nclients;
};

struct expulsion;

/* What a session tells with CMD_MARK of a room. */
enum mark_how {
	MARK_SHOWN,		/* it was given all up to after */
	MARK_BEGINS,		/* what it is given begins behind after */
	MARK_SENT_OUT		/* between from and after, and it is there no
				 * more */
};

/* One of the rooms of a session that has moved, or tells. */
struct moved_room {
	const char	*room;
	uint32_t	 room_id;
	uint64_t	 head;
	uint64_t	 after;		/* of an inbox whose place_mail was
					 * lost on the way: its beginning */
	const struct expulsion *out;	/* it is in the room no more; NULL: it
					 * is */
	enum mark_how	 how;
	uint64_t	 from;
};

/* Why a place was taken away: as much of the message as is told. */
struct expulsion {
	enum msg_kind	 kind;
	int64_t		 time;
	const char	*from, *to, *text;
};

/* The value of each setting; what is not given is not to be changed. */
struct settings {
	uint32_t	 value[SET_MAX];
	bool		 given[SET_MAX];
};

/* ms since the epoch; until is 0: for ever. */
struct listed_sanction {
	const char	*name, *address;	/* or NULL */
	const char	*by, *reason;
	int64_t		 at, until;
	bool		 mute;
};

/* What the pool of auth.h is to do with a request, and what came of it. */
enum auth_job {
	AUTH_VERIFY,		/* password against hash */
	AUTH_HASH,		/* new_password, or else password */
	AUTH_VERIFY_HASH	/* and, if that is good, new_password */
};
enum proof {
	PROOF_NONE,		/* it was not there yet */
	PROOF_GOOD,
	PROOF_BAD,
	PROOF_FAILED,		/* no memory, or that is no hash */
	PROOF_UNTRIED		/* its turn did not come */
};

struct import_part;
struct request_chunk;

struct request {
	struct mail	 mail;		/* MAIL_REQUEST, then MAIL_REPLY */
	client_id	 client;
	uint32_t	 sid;		/* the hub's handle; 0 before login */
	enum cmd	 cmd;
	uint8_t		 tag;		/* the dialect's own, untouched */
	uint8_t		 has;		/* HAS_ bits: optional numbers given */
	uint32_t	 cost;		/* bytes of the session's bound */
	void		*arg;		/* the session's own; likewise */

	/* the command's arguments; a name is its key and how it was written */
	const char	*id;		/* rendered JSON to echo, or NULL */
	const char	*wire_cmd;	/* an unknown cmd, rendered JSON */
	const char	*name, *name_key;
	const char	*room, *room_key;
	const char	*string;	/* topic, away text, reason; or NULL */
	const char	*epoch;		/* subscribe; the answer: the store's */
	const char	*match;		/* rooms; search: the query */
	const char	*resume;	/* login: session of an earlier login */
	const char	*password;	/* login, register, passwd */
	const char	*new_password;
	bool		 proves;		/* passwd: the old one alone */
	const char	*token;		/* login */
	const char	*certified;	/* login: the key of the account whose
					 * certificate was shown, or NULL */
	bool		 marks;		/* login; moved: it tells by seen itself
					 * what it has read, of its inbox too */
	bool		 stay;		/* revoke: who came in by it does */
	const char	*address;	/* login: the client's, as text; or
					 * which operator it is: "uid 0" */
	int64_t		 since;		/* redact: ms, when the client came */
	uint32_t	 seconds;	/* for, expires; 0: for ever */
	const char	*whom_address;	/* ban, mute: instead of a name */
	client_id	 target;	/* the operator's kick; or 0 */
	struct settings	*set;		/* configure; the answer: all of them */
	const struct import_part *import;	/* the operator's */
	uint32_t	 whom_sid;	/* the hub's: of a guest, or 0 */
	bool		 resigns;	/* likewise: an owner is one no more */
	/* The hub's: by this name a turn to speak was taken, up to then; or
	 * NULL. And the store was asked for the key of what was refused. */
	const char	*turn_of;
	uint64_t	 turn;
	bool		 sought;
	struct msg	*msg;		/* owned; back comes only tell's */
	uint64_t	 after, before, seq;
	uint32_t	 last, limit;

	/*
	 * Between hub and auth pool. hash: what the password is compared with
	 * (NULL: with nothing, but that takes as long as decoy, an enum
	 * auth_cost, has it); rehash: the hash that was asked for, or that is
	 * to take the old one's place, or NULL.
	 */
	enum auth_job	 auth_job;
	enum proof	 proof;
	const char	*hash, *rehash;
	struct request	*waits;		/* the hub's, of those being proved */
	bool		 abandoned;	/* its client is gone meanwhile */
	uint8_t		 decoy;

	/* the answer */
	enum error	 error;
	const char	*field;		/* bad-argument: which */
	const char	*message;	/* NULL: error_text() */
	uint32_t	 retry_ms;	/* rate-limited */
	uint32_t	 room_id;	/* subscribe, unsubscribe, history;
					 * rename: the inbox left, or 0 */
	uint64_t	 head;		/* subscribe; say has it in seq */
	uint64_t	 floor;		/* highest seq that was removed */
	int64_t		 time;		/* ms since the epoch; login: when
					 * the account was made */
	const char	*topic;
	const char	*role;
	uint32_t	 members;
	const char	*away;		/* tell: to whom is away, or NULL */
	bool		 offline;	/* tell: to whom is not here */
	bool		 duplicate, guest, operator, reset, gap, more;
	uint64_t	 gap_after, gap_before;
	uint64_t	 next;		/* lists: where to go on, if more */
	uint8_t		 pages;		/* history: read with nothing to show */
	const char	*session;	/* login: secret to resume by */
	struct listed_room *rooms;	/* in the arena */
	struct listed_user *users;
	struct listed_token *tokens;
	struct listed_account *accounts;
	struct kept_room *kept;		/* subscribe: of the room, one row, as
					 * it was before; or NULL */
	struct listed_sanction *sanctions;
	struct moved_room *moved;	/* CMD_MOVED: nlisted of them */
	struct ignores	*ignores;	/* login, CMD_MOVED, ignored: whom the
					 * person ignores; a reference */
	struct msg	**msgs;		/* history: malloced, nlisted of them,
					 * references; all owned */
	uint32_t	 nlisted;
	/* search: where not to look; found: what that gave is there, and is
	 * given rooms, each as many as msgs */
	uint32_t	 inbox, nhidden;
	uint32_t	*hidden;
	bool		 found;

	struct request_chunk *chunks;	/* private */
	char		*free;
	size_t		 left;
};

enum { HAS_AFTER = 1, HAS_BEFORE = 2, HAS_LAST = 4 };

#define REQUEST_ARENA	112	/* bytes of the arena that come with it */

struct request *request_new(enum cmd);
void	 request_free(struct request *);	/* NULL is nothing */
/*
 * A thread with an open pool keeps what it frees of says and tells for its
 * next requests: else their memory is mixed with that of their messages, which
 * stay, and has holes. Once a second a trim gives back what was not needed
 * since the last one. To be closed before the thread ends.
 */
void	 request_pool_open(void);
unsigned request_pool_trim(void);	/* how many that were */
void	 request_pool_close(void);
/* Memory that lives as long as the request, aligned for pointers. */
void	*request_alloc(struct request *, size_t);
const char *request_str(struct request *, const char *);
const char *request_strn(struct request *, const char *, size_t);
const char *request_fmt(struct request *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
const struct spans *request_spans(struct request *, const struct spans *);
void	 request_set_name(struct request *, const struct name *);
void	 request_set_room(struct request *, const struct name *);
/* Overwrites its secrets, which it then has no more; as freeing does. */
void	 request_wipe(struct request *);
/* name_key alone; name is left alone. */
void	 request_set_key(struct request *, const char *key);
/* Sets the error and a message of its own (NULL: the error's usual one). */
void	 request_fail(struct request *, enum error, const char *, ...)
	    __attribute__((format(printf, 3, 4)));

/*
 * Hub to loop: a session is now also in this room (its inbox), from after on,
 * without having asked.
 */
struct place_mail {
	struct mail	 mail;
	client_id	 client;
	uint32_t	 room_id;
	uint64_t	 after, head;
	char		 room[NAME_SIZE];
};

/*
 * Hub to loop: a session's place in this room is over, without that it asked.
 * Its client is told all that the room has shown it so far, which ends with
 * why. Follows the batch that has that.
 */
struct unplace_mail {
	struct mail	 mail;
	client_id	 client;
	uint32_t	 room_id;
	uint64_t	 after;		/* where the place began */
	struct msg	*why;		/* a reference */
};

enum session_act {
	SESSION_REPLACED,	/* it was resumed elsewhere: bye */
	SESSION_KICKED,		/* the operator does not want it: bye */
	SESSION_REVOKED,	/* the token it came in by is no more: bye */
	SESSION_IGNORES,	/* whom it ignores from now on */
	SESSION_TOLD		/* why, and no more */
};

/* Hub to loop: about one session. */
struct session_mail {
	struct mail	 mail;
	client_id	 client;
	enum session_act act;
	struct ignores	*ignores;	/* a reference, or NULL */
	char		*why;		/* kicked: said before; told; or NULL */
};

void	 session_mail_free(struct session_mail *);

#endif
