/*
 * What the files of the SQLite backend share. Threads: the main thread opens
 * (store-sqlite-open.c); the hub's submits and flushes (store-sqlite.c); the
 * writer's commits groups (store-sqlite-write.c), prunes between them
 * (store-sqlite-prune.c) and checkpoints; the reader's answers reads on a
 * connection of its own (store-sqlite-read.c).
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "id-map.h"
#include "store.h"
#include "store-sqlite-room.h"

enum sqlite_write {
	W_BEGIN, W_COMMIT, W_ROLLBACK,
	W_MESSAGE, W_KEY, W_KEY_FIND, W_KEY_DROP, W_KEY_EXPIRED, W_KEY_EXPIRE,
	W_KEY_ERASE,
	W_ROOM_BY_KEY, W_ROOM_NEW, W_ROOM_GONE, W_ROOM_DROP, W_ROOM_KEYS,
	W_ROOM, W_TOPIC, W_SEQ, W_OLDEST, W_PRUNE, W_TRY, W_TRIED,
	W_FACT, W_FACT_DROP,
	W_AUDIT, W_AUDIT_OLDEST, W_AUDIT_PRUNE, W_AUDIT_MOST, W_AUDIT_ROOMS,
	W_AUDIT_CUT,
	W_TARGET, W_REDACT, W_STALE,
	W_ERASE, W_ERASING, W_ERASE_ROWS, W_ERASED_TO, W_ERASED,
	W_MAX
};

enum sqlite_read {
	R_BEGIN, R_END, R_FLOOR, R_AFTER, R_BEFORE, R_SEEK, R_COUNT,
	R_COUNT_OTHERS, R_AUDIT,
	R_ERASURES,
	R_MAX
};

#define THREADS	3		/* writer, reader, searcher */

/* Retention, as configured. */
struct sqlite_limits {
	uint64_t	 max, bytes;	/* 0: none */
	int64_t		 age;		/* ms, 0: none */
	uint64_t	 audit_max;	/* the audit's, likewise */
	uint64_t	 audit_rooms;
	int64_t		 audit_age;
	enum durability	 durability;
};

/* Whose messages, up to which, are not to be shown any more. */
struct sqlite_erasures {
	struct sqlite_erasure {
		char		*key;
		uint64_t	 upto;
	}		*all;
	size_t		 n;
};

struct sqlite {
	struct store	 store;
	char		*path;
	int		 lock_fd;
	bool		 started;
	bool		 rooms_missed;	/* a room could not be read */
	pthread_t	 threads[THREADS];
	struct mail_list submitted;	/* hub's thread */

	pthread_mutex_t	 lock;		/* for the block below */
	pthread_cond_t	 work;		/* for the writer */
	pthread_cond_t	 asked;		/* for the reader */
	pthread_cond_t	 sought;	/* for the searcher */
	pthread_cond_t	 rest;		/* between readers and checkpoint */
	struct mail_list queue, reads, searches;
	bool		 unindexed;	/* the searcher has enough to do */
	struct sqlite_limits limits;
	bool		 closing;
	unsigned	 snapshots;	/* held by readers */
	bool		 checkpoint;	/* readers are to keep off */

	/* the writer's, and before store_start() the main thread's */
	struct mailbox	*to;
	sqlite3		*wdb;
	sqlite3_stmt	*w[W_MAX];
	struct id_map	 rooms;
	struct sqlite_room *touched;
	struct sqlite_room *due, **due_last;
	struct sqlite_limits now;	/* a copy of limits */
	enum durability	 durability;	/* in force */
	uint64_t	 seq;		/* the highest ever given */
	uint64_t	 committed_seq;
	uint64_t	 looked;	/* monotonic ms: for what is too old */
	struct store_marks marks, key_marks, audit_marks;
	uint64_t	 young, young_key; /* above it none is too old */
	bool		 keys_due;	/* there may be keys too old */
	bool		 audit_due;	/* and lines of the audit */
	int		 wal_pages;
	bool		 erasing;	/* there may be erasures to work on */
	bool		 scrub;		/* the -wal may hold redacted text */
	bool		 pruned;	/* or what retention took */
	uint64_t	 pruned_next;	/* monotonic ms */
	uint64_t	 gaps;		/* pages that may hold copies of it */
	uint64_t	 gap_page;	/* the next of them */
	uint64_t	 scrub_next;	/* monotonic ms */
	bool		 wal_told;	/* its size has been complained of */

	/* the reader's */
	sqlite3		*rdb;
	sqlite3_stmt	*r[R_MAX];
	struct sqlite_erasures erased;
	bool		 read_failing;

	/* the searcher's, but for upto as the writer last heard of it */
	struct sqlite_words *words;
	uint64_t	 told;		/* writer: of this seq it was told */
};

/* store-sqlite.c */
void	 sqlite_limits(struct sqlite *, const struct conf *);
/* A reader's thread, around what it reads: not during a checkpoint that must
 * have all of the -wal. */
void	 sqlite_snapshot(struct sqlite *);
void	 sqlite_snapshot_end(struct sqlite *);

/* store-sqlite-schema.c */
#define SQLITE_BUSY_MS	2000	/* how long another program may write */
#define SQLITE_OURS	0x504c494e	/* "PLIN", PRAGMA application_id */
extern const int sqlite_version;	/* of the schema */
extern const char *const sqlite_writes[W_MAX], *const sqlite_reads[R_MAX];
/* Steps from this version up to another; the version stands in the header, and
 * in meta, where an SQL dump keeps it. An SQLite result. */
int	 sqlite_upgrade(sqlite3 *, int version, int to);

/* store-sqlite-open.c: NULL and *error, as store_open(). handle is another
 * daemon's lock, -1: its own is taken. */
struct sqlite *sqlite_files_open(const struct conf *, int handle,
	    char **error);
void	 sqlite_files_close(struct sqlite *);
/* Another connection to the database. */
sqlite3	*sqlite_connect(struct sqlite *, const char *dir, char **error);
void	 sqlite_no_files(sqlite3 *);
/* Writes into the lock who holds it. */
void	 sqlite_sign_lock(const struct sqlite *);
/* Binds a 64-bit value that SQLite can hold. */
void	 sqlite_bind(sqlite3_stmt *, int, uint64_t);
bool	 sqlite_durability(sqlite3 *, enum durability);

/* store-sqlite-write.c */
void	*sqlite_writer(void *);
/* Runs a statement that gives no row; SQLITE_DONE becomes SQLITE_OK. */
int	 sqlite_run(sqlite3_stmt *);
/* Notes that the room's row changes in this transaction. */
void	 sqlite_touch(struct sqlite *, struct sqlite_room *);
/* A room's message as retention counts it. */
uint64_t sqlite_cost(size_t from, size_t to, size_t text);

/* store-sqlite-redact.c: the writer's thread, within a transaction. Takes the
 * text from the op's target, or sets its error. An SQLite result. */
int	 sqlite_redact(struct sqlite *, const struct sqlite_room *,
	    struct store_op *);
/* Notes an erasure, which reads respect at once. */
int	 sqlite_erase(struct sqlite *, const struct store_op *);
/* Works on what is noted for at most this many us. */
int	 sqlite_erase_some(struct sqlite *, uint64_t us);

/* store-sqlite-gaps.c: the writer's thread, within no transaction, the -wal
 * having been cut. Looks through some of s->gaps. */
void	 sqlite_wipe_gaps(struct sqlite *);

/* store-sqlite-prune.c: the writer's thread, within a transaction. */
/* Puts a room that is above its limits, or has forgotten ones, on the list. */
void	 sqlite_prune_due(struct sqlite *, struct sqlite_room *, int64_t now);
/* Looks for what is too old, once a second. True: something may be due. */
bool	 sqlite_prune_wanted(struct sqlite *, int64_t now);
/* Works down the list for at most this many us. An SQLite result. */
int	 sqlite_prune(struct sqlite *, int64_t now, uint64_t us);

/* store-sqlite-audit.c: the writer's thread, within a transaction. */
/* Appends the op's line. An SQLite result. */
int	 sqlite_audit_put(struct sqlite *, const struct store_op *,
	    int64_t now);
/* Whether anything bounds it. */
bool	 sqlite_audit_bounded(const struct sqlite *);
/* Removes some of what is too old or too much; audit_due tells whether there
 * may be more. An SQLite result. */
int	 sqlite_audit_slice(struct sqlite *, int64_t now);

/* store-sqlite-read.c: any thread, with a statement of its connection, which
 * is R_ERASURES; those that were there are freed. */
int	 sqlite_erasures(sqlite3_stmt *, struct sqlite_erasures *);
void	 sqlite_erasures_free(struct sqlite_erasures *);
/* The row's message, without its room and, if it is redacted, its text. */
struct msg *sqlite_msg(sqlite3_stmt *, int flags);
bool	 sqlite_is_erased(const struct sqlite_erasures *, enum msg_kind,
	    uint64_t seq, const char *from);
void	*sqlite_reader(void *);

#endif
