/*
 * A session: one client on its loop. It takes the bytes a carrier brings
 * apart into lines, lets the dialect make requests of them, and writes
 * replies and the news of the rooms it has places in. Attach and detach are
 * the one way in and out.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "carrier.h"
#include "conf.h"
#include "loop.h"
#include "tls.h"

struct address;
struct telnet;
struct trace;
struct web;

/* Why the server ends a session in order; see session_end_name(). Their numbers
 * stand in records. */
enum session_end {
	END_QUIT, END_SHUTDOWN, END_REPLACED, END_LOGIN_TIMEOUT,
	END_READ_TIMEOUT, END_STORE, END_WEB, END_DRAIN, END_KICKED,
	END_FULL, END_UPGRADE, END_REVOKED
};

/* How far its beginning is; see session-first.c. */
enum session_stage {
	STAGE_OPEN,		/* over */
	STAGE_PROXY,		/* a trusted peer may say whom it is for */
	STAGE_TLS,		/* TLS, and nothing else, is to begin */
	STAGE_HANDSHAKE		/* of TLS */
};

/* What stands between a client's bytes and its lines. */
union session_layer {
	struct telnet	*telnet;	/* NULL: no IAC so far */
	struct web	*web;		/* if is_web, then never NULL */
};

/* What few sessions have, and for a while: in the loop's map. */
struct session_more {
	struct buf	 in;		/* input not yet used */
	uint32_t	 taken;		/* when blocked: carrier's, then */
};

/* Its size is paid for every idle client: see the benchmark's (d). */
struct session {
	struct loop	*loop;
	struct bufferevent *bev;
	void		*state;		/* the dialect's */
	union session_layer layer;
	struct place	*places;
	struct address	*address;
	union {
		char	 bytes[16];	/* "" before login */
		char	*text;
	}		 name;		/* see session_name() */
	uint32_t	 slot, gen;
	uint32_t	 sid;		/* the hub's handle */
	uint32_t	 cost;		/* bytes of its unanswered requests */
	uint32_t	 started;	/* loop seconds, as is heard */
	uint32_t	 heard;		/* last input; lingering: since when */
	uint32_t	 tokens;	/* of the rate, in thousandths */
	uint32_t	 tokens_at;	/* ms, when they were counted */
	uint16_t	 port;		/* the peer's */
	uint8_t		 inflight;	/* unanswered requests */
	uint8_t		 end : 4;	/* enum session_end: closing: why */
	uint8_t		 dialect : 2;	/* see session_dialect() */
	uint8_t		 carrier : 1;	/* see session_carrier() */
	uint8_t		 kind : 4;	/* enum listen_kind */
	uint8_t		 encoding : 4;	/* enum encoding */
	uint8_t		 stage : 2;	/* enum session_stage */
	bool		 trusted : 1;	/* in HTTP: as a proxy */
	bool		 is_web : 1;
	bool		 name_is_long : 1;
	bool		 ignoring : 1;	/* see session_ignores() */
	bool		 has_more : 1;	/* see session_more() */
	bool		 is_dirty : 1;
	bool		 is_waiting : 1;
	bool		 registered : 1; /* logged in to an account */
	bool		 counting : 1;	/* its login's answer is on its way: no
					 * room's lines before that */
	bool		 unwritten : 1;	/* there is own output */
	bool		 blocked : 1;	/* the socket is full */
	bool		 paused : 1;	/* its input is held back */
	bool		 skipping : 1;	/* a line too long, up to its end */
	bool		 undecided : 1;	/* auto, before its first line */
	bool		 eof : 1;	/* it will send no more */
	bool		 closing : 1;	/* closes once all is written */
	bool		 say_bye : 1;	/* closing: a bye is still to be said */
	bool		 reconnect : 1;	/* which invites to come back */
	bool		 lingering : 1;	/* shut down; waits for the peer */
	bool		 dead : 1;
	bool		 hidden : 1;	/* the next line is a secret */
	bool		 traced : 1;	/* has a trace in loop->traces */
};

enum { CARRIER_TCP, CARRIER_TLS };

static inline const struct carrier *
session_carrier(const struct session *s)
{
	return s->carrier == CARRIER_TLS ? &carrier_tls : &carrier_tcp;
}

/* NULL: not known yet (auto). */
extern const struct dialect *const session_dialects[3];

static inline const struct dialect *
session_dialect(const struct session *s)
{
	return session_dialects[s->dialect];
}

/* Whether somebody types there, as far as is known yet. */
static inline bool
session_is_person(const struct session *s)
{
	return session_dialect(s) != NULL && session_dialect(s)->person;
}

/*
 * What a detached session is. version grows with every change of meaning;
 * tests/unit/session.c fails when a field of it is missed on the way.
 */
#define SESSION_RECORD_VERSION	3

struct session_place {
	uint32_t	 room_id;
	uint64_t	 seq;		/* all up to here has been given */
	char		*room;
};

struct session_places {
	uint32_t	 n;
	struct session_place at[];
};

struct session_record {
	struct mail	 mail;		/* MAIL_ATTACH */
	uint32_t	 version;
	int		 fd;
	const struct carrier *carrier;
	enum listen_kind kind;
	struct address	*address;
	uint16_t	 port;
	bool		 trusted;	/* as a proxy */
	/* empty in one just accepted */
	bool		 old;		/* it is not */
	uint8_t		 stage;		/* enum session_stage */
	const struct dialect *dialect;	/* NULL: not known yet */
	void		*state;
	union session_layer layer;
	bool		 is_web;
	enum encoding	 encoding;
	char		*name;
	uint32_t	 sid;
	uint32_t	 tokens, tokens_at;
	uint32_t	 age, idle;	/* seconds: connected, since input */
	bool		 skipping, undecided, paused;
	bool		 closing, say_bye, reconnect, lingering;
	bool		 hidden;	/* the next line is a secret */
	enum session_end end;		/* if closing */
	struct buf	 in;		/* received, not yet used */
	struct buf	 out;		/* to be sent first */
	struct session_places *places;
	struct trace	*traces;	/* of this daemon: not saved */
};

/* An accepted socket's; fd and address are owned. */
struct session_record *session_record_new(int fd, enum listen_kind,
	    struct address *, uint16_t port);
/* Closes what it still owns; says bye, if the socket takes it at once. */
void	 session_record_end(struct session_record *);

/* Takes the record over, on the loop that is to have it. */
void	 session_attach(struct loop *, struct session_record *);
/*
 * Takes the session off its loop, all it was on its way with in the record;
 * the session itself is freed at the round's end. NULL if it can't be taken
 * now: a request is unanswered, or it is about to end.
 */
struct session_record *session_detach(struct session *);

/*
 * For the daemon that takes this one's place. save appends what the session is,
 * as a record (record.h), in whatever state, and leaves it as it is; nothing
 * may happen to it afterwards. Its socket goes beside it. False: it cannot be
 * carried, and is to be sent away. load makes it one to attach, which has fd;
 * NULL if the record is bad, and fd is the caller's.
 */
bool	 session_save(const struct session *, struct buf *);
struct session_record *session_record_load(const void *, size_t, int fd);
/* Lets go of a session that another daemon has: no word to anybody. */
void	 session_abandon(struct session *);

/* The loop's calls. */
void	 session_replied(struct session *, struct request *);	/* takes it */
void	 session_read_done(struct session *, struct store_read *);
void	 session_place_given(struct session *, const struct place_mail *);
void	 session_place_taken(struct session *, const struct unplace_mail *);
void	 session_act(struct session *, struct session_mail *);
void	 session_flush(struct session *);
void	 session_resume(struct session *);	/* takes held back input up */
void	 session_greet(struct session *);
void	 session_tick(struct session *);	/* each second: timeouts */
/* Bytes for this client from the operator; false if too much waits already. */
bool	 session_notice(struct session *, const struct buf *);
/* The operator does not want it: why, unless NULL, and bye. */
void	 session_kick(struct session *, const char *why);
/* Says bye, inviting to come back or not, and ends in order. */
void	 session_bye(struct session *, enum session_end, bool reconnect);
const char *session_end_name(enum session_end);
/* Of one that ends, for the log. */
const char *session_end_reason(const struct session *);
void	 session_close(struct session *, const char *reason);
void	 session_free(struct session *);	/* a dead one */
void	 session_dirty(struct session *);
client_id session_id(const struct session *);
/* What it counts as; once a second. */
enum client_kind session_client_kind(const struct session *);
/* As it was logged in by, NULL before. */
const char *session_name(const struct session *);
void	 session_name_set(struct session *, const char *);
/* Whom it ignores; NULL: nobody. Set: takes over a reference; its places move
 * to other streams. */
struct ignores *session_ignores(const struct session *);
void	 session_ignore(struct session *, struct ignores *);
void	 session_places_free(struct session_places *);	/* NULL is nothing */

#endif
