/*
 * The audit of a store in memory: the newest lines of the server's own, and of
 * all rooms. The caller locks.
 */
#ifndef STORE_AUDITS_H
#define STORE_AUDITS_H

#include <sys/queue.h>

#include "id-map.h"
#include "store.h"

#define AUDITS		1024		/* lines kept of either at most */

TAILQ_HEAD(audit_lines, audit_line);
LIST_HEAD(audit_owners, audit_owner);

struct audits {
	struct audit_lines all;		/* by growing id */
	struct id_map	 owners;	/* struct audit_owner by room */
	struct audit_owners rooms[AUDITS + 2];	/* by how many they have */
	uint32_t	 most;		/* that one of these has, or had */
	uint32_t	 n;		/* that they have together */
	uint64_t	 newest;	/* the id of it, from 1; 0: none yet */
	uint64_t	 max, max_rooms, age;	/* 0: none; age in ms */
	struct store_marks marks;
};

void	 audits_init(struct audits *);
void	 audits_configure(struct audits *, const struct conf *);
/* room is as store_audit_room() has it. */
void	 audits_put(struct audits *, uint32_t room, const char *act,
	    int64_t now);
/* READ_AUDIT. */
void	 audits_read(struct audits *, struct store_read *, int64_t now);
void	 audits_free(struct audits *);

#endif
