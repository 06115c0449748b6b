/*
 * A simple model of rights: who is in which room, who may enter it, read and
 * write there, and what each act changes. Plain loops over fixed arrays;
 * nothing is shared with src/ but the words.
 *
 * Somebody is a name, whoever bears it: a guest who takes another name goes
 * from one place in these arrays to another.
 */
#ifndef RULES_MODEL_H
#define RULES_MODEL_H

#include "hub-fake.h"
#include "sequences.h"

#define PEOPLE		8
#define ACCOUNTS	4	/* of them at first; one runs the server */
#define ROOMS		3
#define ADDRESSES	3
#define HERE		2	/* this machine's own: it tells nobody apart */
#define FOREVER		UINT64_MAX

enum { NONE, MEMBER, OP, OWNER, OPERATOR };

extern const char *const names[PEOPLE], *const room_names[ROOMS],
    *const addresses[ADDRESSES];

/* All but here, client and address is an account's also while it is away. */
struct person {
	struct fake_client c;
	bool		 here, registered;
	bool		 roamed;		/* has been in a room */
	bool		 upper;			/* the name's first letter */
	int		 address;
	bool		 in[ROOMS], invited[ROOMS], place[ROOMS];
	int		 role[ROOMS];
	bool		 keeps[ROOMS];
	uint64_t	 came[ROOMS];		/* as history was off */
	bool		 late[ROOMS];
	bool		 ignores[PEOPLE];
};

/* Bans or mutes, until then: of names, a guest's or an account's, and of
 * addresses, for somebody's sake (-1: an operator's). */
struct sanctions {
	uint64_t	 names[PEOPLE][2], addresses[ADDRESSES];
	int		 whose[ADDRESSES];
};

struct room {
	bool		 stored, private, moderated, closed, registered;
	uint32_t	 pace;			/* seconds */
	uint64_t	 turn[PEOPLE];		/* when they may speak */
	struct sanctions bans, mutes;
	uint32_t	 id;
	uint64_t	 head;
};

/* A guest of rooms who had that name. */
struct former_one {
	bool		 known;
	int		 address;
	int		 now;			/* the name it has; -1: gone */
};

struct world {
	struct fake	 f;
	struct person	 people[PEOPLE];
	struct former_one formers[PEOPLE];
	struct room	 rooms[ROOMS];
	struct sanctions server;
	uint64_t	 now;			/* ms */
	struct person	 before[PEOPLE];	/* the step */
	struct request	*reply;
	uint64_t	 seed, dice;
	unsigned	 step, slot;
};
extern struct world w;

#define CHECK(cond, ...)						\
	SEQUENCE_CHECK("RULES_SEED", w.seed, w.step, cond, __VA_ARGS__)

/* The model: rules-model.c. */
bool	 m_is_guest(int p);
bool	 m_exists(int r);
int	 m_role(int p, int r);
bool	 m_banned(int p, int r);
bool	 m_muted(int p, int r);
/* May it come by this name from this address? */
bool	 m_shut_out(int p, int address);
/* From outside, or to enter. */
enum error m_sees(int p, int r);
enum error m_speaks(int p, int r);
uint64_t m_floor(int p, int r);
/* Is there an owner who has an account? */
bool	 m_owned(int r);
bool	 m_named(const struct sanctions *, int p);
/* Whom a ban of this name from a room means: who has it, or had it; -1:
 * nobody. */
int	 m_culprit(int q, int r);
/* When what begins now is over: 0 seconds are for ever. */
uint64_t m_until(uint32_t seconds);

/* What may be answered to who takes another name: a set of errors. */
typedef uint32_t errors;
#define ONE(e)	(UINT32_C(1) << (e))
errors	 m_renames(int p, int q);

/* What changes. */
void	 m_leaves(int p, int r, bool for_good);
void	 m_ends(int p);
void	 m_expel_banned(int r);
void	 m_spoke(int p, int r);
void	 m_renamed(int p, int q);
void	 m_registered(int p);
void	 m_sanction(struct sanctions *, int q, uint64_t until);
/* Lifts them. What is over may have been forgotten, or not. */
errors	 m_lift(struct sanctions *, int q);
errors	 m_lift_address(struct sanctions *, int address);

/* The driver: hub-rules.c. */
uint32_t rnd(uint32_t n);
/* i, or rather another of n, if that is so of it. */
int	 rather(int i, int n, bool (*is)(int, int of), int of);
const struct request *ask(int p, const struct ask *);
void	 expect_one_of(int p, const char *where, const char *what, errors);
void	 expect(int p, int r, const char *what, enum error);

/* Acts in rooms: rules-acts.c. */
void	 act(int p, int r, int q);

#endif
