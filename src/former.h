/*
 * Names that guests of rooms had a while ago: who says something vile and goes,
 * or takes another name, can be banned and muted all the same. The newest
 * FORMER_MAX of the last FORMER_MS, some 100 bytes each, of which an address
 * has FORMER_OWN, or, if that is not known, a guest. Gone with the daemon, but
 * not with an upgrade. Hub thread.
 */
#ifndef FORMER_H
#define FORMER_H

#include <stdint.h>

#define FORMER_MAX	1024
#define FORMER_OWN	16
#define FORMER_MS	(UINT64_C(60) * 60 * 1000)

struct former {
	uint64_t	 at;		/* monotonic ms: had until then */
	uint32_t	 sid;		/* of its session: that goes on if */
	uint64_t	 author;	/* it has this author */
	const char	*shown;
	const char	*whose;		/* see address_whose(); NULL */
	char		 key[];
};

/* All zeros are none. */
struct formers {
	struct former	*ring[FORMER_MAX];
	uint32_t	 sids[FORMER_MAX];	/* theirs */
	uint64_t	 owners[FORMER_MAX];	/* whose they are */
	uint32_t	 next;		/* of the ring: to be filled next */
};

void	 formers_free(struct formers *);
/* Copies all of it, but the key is this one. */
void	 formers_add(struct formers *, const struct former *, const char *key);
/* The session goes on as another one. */
void	 formers_resumed(struct formers *, uint32_t sid, uint32_t by);
/* The last one who had this name; NULL: nobody known. */
const struct former *formers_find(const struct formers *, uint64_t now,
	    const char *key);
/* Nobody had this name. */
void	 formers_forget(struct formers *, const char *key);
/* In no order; *at starts at 0. NULL: that was all. */
const struct former *formers_next(const struct formers *, uint64_t now,
	    uint32_t *at);

#endif
