/*
 * A room as the SQLite backend's writer keeps it in memory. Only the writer's
 * thread sees it, and the main thread before there is one.
 */
#ifndef STORE_SQLITE_ROOM_H
#define STORE_SQLITE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* A row of the table rooms; also what a failed group gives back. */
struct sqlite_row {
	bool		 stored;	/* the row is there */
	bool		 gone;		/* its key is NULL: all is to go */
	uint64_t	 head, floor;
	uint64_t	 count, bytes;	/* of the messages still there */
	uint64_t	 first;		/* the oldest of them, or just before */
	int64_t		 oldest;	/* its time, ms */
};

struct sqlite_room {
	uint32_t	 id;
	struct sqlite_row row;
	struct sqlite_row undo;		/* as committed last */
	bool		 touched;	/* in this transaction */
	bool		 pruned;	/* by retention, in this transaction */
	bool		 due;		/* waits for pruning */
	struct sqlite_room *next_touched, *next_due;
};

#endif
