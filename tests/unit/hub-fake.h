/*
 * For the tests of the hub: a store that completes when it is told to, a
 * place for the hub's mail, and a way to write requests briefly.
 */
#ifndef HUB_FAKE_H
#define HUB_FAKE_H

#include "hub.h"
#include "util.h"

#define FAKE_LOOPS	3
#define FAKE_EPOCH	"0123456789abcdef0123456789abcdef"

/* What the fake store keeps of a message. */
struct fake_entry {
	uint32_t	 room;
	struct msg	*msg;		/* NULL: forgotten */
	char		*from_key;	/* NULL: said without a key */
};

struct fake_store {
	struct store	 base;
	const struct store_room *rooms;	/* it opens with; ended by id 0 */
	struct store_room *made;	/* since; key is malloced, and name */
	uint32_t	 nmade;
	struct store_op	**ops;		/* submitted, oldest first */
	uint32_t	 nops, cap;
	uint32_t	 flushed;	/* of them */
	struct fake_entry *log;
	uint32_t	 nlog;
	struct store_fact *facts;	/* by key; value NULL: none */
	uint32_t	 nfacts;
	struct buf	 audit;
	uint32_t	 audited;	/* whose the last line is, as
					 * store_audit_room() has it */
	uint64_t	 seq;
	bool		 fail;		/* nothing can be stored */
};

struct fake {
	struct conf	 conf;
	struct fake_store store;
	struct hub_out	 out;
	struct hub	*hub;
	struct mail_list proving;	/* what the auth pool has */
	bool		 full;		/* that takes no more */
	bool		 renews;	/* what is good gets a better hash */
	bool		 untried;	/* that gives all back as it is */
	const char	*address;	/* of who logs in, or NULL */
	uint32_t	 stamp;		/* of the newest batch */
	uint32_t	 written;	/* the newest that all loops wrote */
	struct request	*reply;		/* the newest; NULL: none since the
					 * last request */
	struct buf	 trace;		/* the mail, a line each */
	/* If set it takes the mail over instead. */
	void		(*mail)(void *, unsigned loop, struct mail *);
	void		*arg;
};

struct fake_client {
	client_id	 id;
	uint32_t	 sid;
};

/* A request in short. Names are folded as ASCII. */
struct ask {
	enum cmd	 cmd;
	const char	*name, *room, *text, *key, *string;
	const char	*epoch, *match, *resume;
	const char	*password, *new_password, *token;
	bool		 proves;
	const char	*address, *whom_address;
	const struct settings *set;
	uint32_t	 seconds;
	const char	*from, *to;	/* in the message already */
	enum msg_kind	 kind;
	uint64_t	 after, before, seq;
	uint32_t	 last, limit;
	uint8_t		 has;
};

void	 fake_start(struct fake *, const struct store_room *);
/* Completes what waits, then frees all. */
void	 fake_end(struct fake *);
struct request *fake_request(const struct fake_client *, const struct ask *);
/* Asks; returns the reply, owned by the fake until the next one, or NULL. */
struct request *fake_ask(struct fake *, struct fake_client *,
	    const struct ask *);
#define ASK(f, c, ...)							\
	fake_ask((f), (c), &(struct ask){ .cmd = __VA_ARGS__ })

/* The fact's value, NULL if there is none; and sets one (NULL: removes). */
const char *fake_fact(const struct fake *, const char *key);
void	 fake_put(struct fake *, const char *key, const char *value);
/* Proves what the pool has, and gives it back; fake_ask() does so, too. */
uint32_t fake_prove(struct fake *);
/* Another hub takes up what the store has. */
void	 fake_restart(struct fake *);
/* Completes at most n flushed ops; returns how many. */
uint32_t fake_commit(struct fake *, uint32_t n);
/* hub_flush(), and completes all there is. */
void	 fake_round(struct fake *);
/* The mail since the last call, a line each, in order:
 *	0 say ok		a reply to loop 0
 *	1 #2: join ann; 7 ann hi
 *	1 place #3 @bob after 0
 *	1 unplace #2 kicked
 *	1 replaced
 *	1 ignores bob cid */
const char *fake_trace(struct fake *);

#endif
