/*
 * Who is here, as the hub knows it: users by name, each with one login for
 * every session of theirs. An idle one must stay small: 64 bytes a login, 32
 * a user of a short name. Hub thread.
 */
#ifndef USER_H
#define USER_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"

struct account;
struct address;
struct hub;
struct member;
struct room;

#define SECRET_BYTES	8
#define SECRET_HEX	(2 * SECRET_BYTES)

/* A session. Requests name it by sid. */
struct login {
	struct user	*user;
	struct login	*next;		/* another session of the user */
	struct member	*members;	/* its places in rooms */
	client_id	 client;
	struct address	*address;	/* held; NULL: not known */
	unsigned char	 secret[SECRET_BYTES];	/* to resume by */
	uint32_t	 sid;
	uint16_t	 nrooms;	/* subscribed, without the inbox */
	bool		 holds : 1;	/* has held places: see struct member */
	bool		 marks : 1;	/* tells itself what it has read */
	bool		 taken : 1;	/* see struct taken_place */
	bool		 heir : 1;	/* hub->authors has its author */
	bool		 roamed : 1;	/* has been in a room */
	uint8_t		 token;		/* its number, if it came in by one */
};

struct user {
	struct login	*logins;
	uint16_t	 shown_at;	/* offset of the shown name */
	uint16_t	 away_at;	/* of what tells why; 0: is here */
	char		 names[];	/* key; shown, if it differs; away */
};

#define user_key(u)	((u)->names)
#define user_shown(u)	((u)->names + (u)->shown_at)
#define user_away(u)	((u)->away_at != 0 ? (u)->names + (u)->away_at : NULL)

/*
 * The sids: a slot's number and its generation, which makes a sid of an ended
 * session unknown. A slot in use holds a pointer; a free one, told by its
 * lowest bit, the generation of its last user and the next free slot.
 */
struct login_slots {
	uint64_t	*slots;
	uint32_t	 n, cap;
	uint32_t	 free;		/* slot + 1; 0: none */
};

/* Which session a client of a loop has or had last; by its slot there. */
struct client_sids {
	uint32_t	*sids;
	uint32_t	 n;
};

struct user *user_find(const struct hub *, const char *key);
struct user *user_new(struct hub *, const char *key, const char *shown);
/* Another name; away, or here (NULL): the user is another object from then on,
 * and is returned. */
struct user *user_rename(struct hub *, struct user *, const char *key,
	    const char *shown);
struct user *user_set_away(struct hub *, struct user *, const char *);
/* NULL until somebody needs it. */
struct room *user_inbox(const struct hub *, const struct user *);
/* Frees a user who has no session left. */
void	 user_settle(struct hub *, struct user *);
uint32_t user_sessions(const struct user *);
/* Whose name it is; NULL for a guest. */
struct account *user_account(const struct hub *, const struct user *);

/*
 * A session as another daemon's hub had it, under its sid, which must be free;
 * false if it is none that one can have. It is on loop 0, as if it were on its
 * way from there: see CMD_MOVED. Behind the last one: logins_restored().
 */
bool	 login_restore(struct hub *, struct user *, uint32_t sid,
	    const unsigned char secret[SECRET_BYTES]);
void	 logins_restored(struct hub *);
/* NULL if there can be no more sessions. */
struct login *login_new(struct hub *, struct user *, client_id);
struct login *login_get(const struct hub *, uint32_t sid);
/* Who is logged in on this client; NULL: nobody. */
struct login *login_by_client(const struct hub *, client_id);
/* A request's session; by its client if the sid was not known yet, or if the
 * client is gone. */
struct login *login_of(const struct hub *, const struct request *);
/* The slot's session, NULL if it has none. */
struct login *login_at(const struct hub *, uint32_t slot);
void	 login_move(struct hub *, struct login *, client_id);
/* The session leaves its rooms, telling others this reason (NULL: none); the
 * last one takes its user along. */
void	 login_end(struct hub *, struct login *, const char *reason);
/* Hands the places and the name of a session to another and ends it. */
void	 login_replace(struct hub *, struct login *old, struct login *);
/* Leaves the rooms that a resumed session has not subscribed to again. */
void	 login_release(struct hub *, struct login *);
const char *login_secret(const struct login *, char [SECRET_HEX + 1]);
bool	 login_secret_is(const struct login *, const char *hex);
/* Who that is, as what they say is marked with: see struct msg. A guest is the
 * same one under another name and as a resumed session. */
uint64_t login_author(const struct hub *, const struct login *);
/* It goes on as this one: a guest that was resumed. */
void	 login_set_author(struct hub *, struct login *, uint64_t);
void	 login_drop_author(struct hub *, struct login *);
/* One made of what nobody else has, which it does not tell; never 0. */
uint64_t author_of(const void *, size_t);

#endif
