/*
 * The hub's rooms, their members and their news. News are gathered and go out
 * as one batch to each loop that has somebody in the room: the fan-out counts
 * members a loop and never walks them. Hub thread.
 */
#ifndef ROOM_H
#define ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"
#include "rules.h"
#include "store.h"
#include "user.h"

struct room {
	uint32_t	 id;
	uint32_t	 users;		/* distinct ones among the members */
	uint64_t	 head;		/* newest seq, 0 if none */
	uint64_t	 floor;		/* highest seq that was removed */
	char		*topic;		/* NULL: none */
	struct user	*owner;		/* of an inbox; NULL: is not here */
	struct rules	*rules;		/* NULL: an ordinary room */
	struct member	**members;
	uint32_t	 nmembers, cap;
	uint32_t	 owners;	/* members that are */
	uint32_t	 pending;	/* ops in the store; uses the names */
	uint32_t	 heir;		/* dead inbox: the sid that renamed */
	bool		 stored;	/* the store knows it: never freed */
	bool		 inbox;
	bool		 dead;		/* an inbox to forget, without a key */
	bool		 forgotten;	/* the store was told so */
	uint16_t	 key_at, shown_at;	/* the names' offsets */
	struct batch	*news;
	struct mail_list answers;	/* of those who said them */
	uint32_t	 listed;	/* its place in hub->news, + 1 */
	struct {
		uint32_t members;
		uint32_t stamp;		/* of the newest batch it was given */
	}		 loops[];	/* then the names */
};

/*
 * A session in a room. A resumed session holds the places of the one before
 * it, so that nobody sees it leave and join, until it has subscribed again or
 * shows by another command that it will not. A held place gets no news.
 */
struct member {
	struct member	*next;		/* of the same login */
	struct room	*room;
	struct login	*login;
	uint64_t	 after;		/* all behind this seq is given to it */
	uint32_t	 index;		/* in room->members */
	uint8_t		 role;		/* enum role; in an inbox its owner's */
	bool		 held;
	bool		 making;	/* its own room, not yet stored */
};

/*
 * A place that was taken from a session. Its client may have been on its way
 * to another loop, where the mail of that does not follow: so it is kept until
 * the session shows by a command that it was not, or comes and is told.
 */
struct taken_place {
	struct taken_place *next;	/* of the same session */
	struct msg	*why;		/* a reference */
	uint32_t	 room_id;
	char		 room[];	/* as shown */
};

#define room_key(r)	((const char *)(r) + (r)->key_at)
#define room_shown(r)	((const char *)(r) + (r)->shown_at)

struct room *room_find(const struct hub *, const char *key);
struct room *room_by_id(const struct hub *, uint32_t);
/* NULL if there can be no more. */
struct room *room_new(struct hub *, const char *key, const char *shown);
/* One that was dead is found by its key again. */
void	 room_enlist(struct hub *, struct room *);
/* Takes over a room of the store's; or one that another daemon's hub had and
 * the store may not know. Then: roll_sort(). */
void	 room_adopt(struct hub *, const struct store_room *);
struct room *room_restore(struct hub *, const struct store_room *,
	    bool stored);
void	 room_free(struct hub *, struct room *);
/* Frees the room if nobody and nothing needs it any more. */
void	 room_settle(struct hub *, struct room *);

/* The user's inbox, made if there is none. NULL as room_new(). */
struct room *inbox_get(struct hub *, struct user *);
/* The same of an account, whether its user is here or not. */
struct room *inbox_of(struct hub *, struct account *);
/* An account's user goes; the inbox stays. */
void	 inbox_rest(struct hub *, struct room *, const struct user *);
/* It is nobody's from now on, and to be forgotten; heir is 0 or a sid. */
void	 inbox_end(struct hub *, struct room *, uint32_t heir);

/* The login's member in this room, NULL if it is not in it. */
struct member *member_find(struct login *, const struct room *);
struct member *member_add(struct room *, struct login *);
void	 member_set_role(struct member *, enum role);
/* Turns the order of a login's places round. */
void	 member_reverse(struct login *);
/* Makes a place a held one. */
void	 member_hold(struct member *);
/* Quietly. */
void	 member_remove(struct member *);
/* Quietly, but its client is told why; behind the news that say so. */
void	 member_expel(struct hub *, struct member *, struct msg *why);
/* Those of a login, NULL: none; and forgets them. */
const struct taken_place *taken_places(const struct hub *,
	    const struct login *);
void	 taken_forget(struct hub *, struct login *);
/* Removes, tells the others, and settles the room. */
void	 member_leave(struct hub *, struct member *, const char *reason);
/* The first of its user's members in the room stands for the user. */
bool	 member_is_first(const struct member *);
bool	 user_in_room(const struct user *, const struct room *);
/* Up to so many people's coming and going is told in the room. */
uint32_t room_presence(const struct hub *, const struct room *);

/* Takes over one reference. */
void	 news_add(struct hub *, struct room *, struct msg *);
/* The answer to who said it. Where news wait it does too, so that who says
 * more than can be written is slowed down to that. */
void	 news_answer(struct hub *, struct room *, struct request *);
/* Posts what was gathered now. */
void	 news_post(struct hub *, struct room *);
/* Has all streams forget their texts: some were taken away in the store. */
void	 news_forget(struct hub *);
/* Its readers are to read up to this seq in the store. */
void	 news_skip(struct hub *, struct room *, uint64_t seq);
/* All rooms'; with wait, but for those a loop still writes news of. */
void	 news_post_all(struct hub *, bool wait);

#endif
