/*
 * A simple model of what the hub promises: who is here and in which room,
 * what each request gets for an answer, and what is to be seen in each room in
 * which order. Fixed arrays and plain loops; nothing is shared with src/.
 */
#ifndef MODEL_H
#define MODEL_H

#include "hub-fake.h"

#define M_NAMES		5
#define M_ROOMS		4
#define M_LIMIT		3	/* presence_limit and max_rooms */

extern const char *const m_names[M_NAMES], *const m_rooms[M_ROOMS];

enum m_in { M_OUT, M_HELD, M_IN };

struct m_inbox {
	bool		 exists, in;
	uint32_t	 id;		/* 0: not seen yet */
	uint64_t	 head, since;
};

struct m_user {
	bool		 here;
	client_id	 client;
	uint32_t	 sid;
	unsigned	 instance;	/* of the session */
	char		 shown[16], away[16], secret[17];
	enum m_in	 in[M_ROOMS];
	bool		 owner[M_ROOMS];
	struct m_inbox	 inbox;
};

struct m_room {
	uint32_t	 id;		/* 0: there is no such room */
	bool		 stored;
	unsigned	 pending;
	uint64_t	 head, floor;
	char		 shown[16], topic[16];
};

/* What is to be seen in a room (by id), in order. */
struct m_events {
	char		(*list)[64];
	uint32_t	 n, cap;
	bool		 known;		/* some room has had this id */
	bool		 dead;		/* an inbox given up */
	unsigned	 heir;		/* the instance it went to */
};

/* What the store has been given, oldest first. */
struct m_op {
	struct request	*req;
	int		 room;		/* index; -1: an inbox */
	uint32_t	 id;
	unsigned	 instance;
	client_id	 client;
	char		 author[16], shown[16], text[16], key[16];
	enum msg_kind	 kind;		/* or MSG_TOPIC */
};

struct m_key {
	uint32_t	 id;
	uint64_t	 seq;
	char		 author[16], key[16];
};

/* What the answer must be like. */
struct m_answer {
	enum error	 error;
	bool		 kept;		/* it comes once stored */
	int		 user;		/* index, after the request; -1: none */
	int		 room;
	uint64_t	 after, gap_before;
	bool		 reset, gap, owner, created, replaced, has_after;
	client_id	 old;		/* replaced: whom */
	uint32_t	 id;		/* rename: the inbox left behind */
	bool		 any_id;	/* which has never been seen */
	uint32_t	 mark;		/* what was to be seen in the room */
	char		 name[16];
};

struct model {
	struct fake	*f;
	struct m_user	 users[M_NAMES];
	struct m_room	 rooms[M_ROOMS];
	struct m_events	*events;
	uint32_t	 nevents;
	struct m_op	*ops;
	uint32_t	 nops;
	struct m_key	*keys;
	uint32_t	 nkeys;
	unsigned	 instances;
	uint64_t	 dice;
	char		 secrets[M_NAMES][17];	/* that clients know */
};

void	 model_free(struct model *);
uint32_t model_rnd(struct model *, uint32_t n);
struct ask model_ask(struct model *, bool logged_in);
/* What this request must get, were it asked now; and what it changes. */
struct m_answer model_request(struct model *, const struct request *);
/* Learns what the hub has chosen: ids, sids, secrets. True if it fits. */
bool	 model_learn(struct model *, const struct m_answer *,
	    const struct request *);
/* What comes of the store's oldest op; kept: it must be submitted anew. */
struct m_answer model_commit(struct model *, bool fails, struct m_op *);
void	 model_pruned(struct model *, int room, uint64_t floor);

struct m_events *model_events(struct model *, uint32_t id);
/* A user who is here, a room; or -1. */
int	 model_user(const struct model *, const char *key);
int	 model_room(const char *key);
uint32_t model_members(const struct model *, int room);
uint32_t model_hub_rooms(const struct model *);

#endif
