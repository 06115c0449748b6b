/*
 * The index of words beside the log, partyline.words: a database of its own,
 * which can be made anew from the log at any time, and is if anything is
 * wrong with it. It has a full-text table for each WORDS_PART seqs: what a
 * search does in one go has an end, and what was redacted is gone with the
 * part it was in. One thread, store-words, answers searches and, between
 * them, brings the index up to the log, which it follows a little behind.
 */
#ifndef STORE_SQLITE_WORDS_H
#define STORE_SQLITE_WORDS_H

#include <sqlite3.h>

#include "store-sqlite.h"
#include "words.h"

/* What is read of the log. */
enum sqlite_find {
	F_BEGIN, F_END, F_ERASURES, F_STALE, F_LIVE,
	F_NEXT, F_ROWS,		/* to be indexed */
	F_TAIL, F_TAIL_ROOM,	/* that are not indexed yet */
	F_ROW,
	F_MAX
};

struct sqlite_words {
	char		*path;
	struct words	*words;		/* NULL: no FTS5 here */
	sqlite3		*log;		/* only read */
	sqlite3_stmt	*find[F_MAX];
	sqlite3		*db;		/* the index; NULL: it can't be had */
	sqlite3_stmt	*put;		/* into part */
	uint64_t	 part;
	uint64_t	 upto;		/* what the index has */
	uint64_t	 purged;	/* up to this row of stale */
	uint64_t	 sweep;		/* the next part to be looked at */
	uint64_t	 next;		/* monotonic ms: of the next look */
	uint64_t	 few_next;	/* of the next part for few rows */
	bool		 failing;
	bool		 scrub;		/* the -wal may hold redacted words */
	struct sqlite_erasures erased;
};

/* Main thread. NULL and *error if the log cannot be read. */
struct sqlite_words *sqlite_words_open(struct sqlite *, const char *dir,
	    char **error);
void	 sqlite_words_close(struct sqlite_words *);
/* The thread's: one slice of what is to be done. True: there is more. */
bool	 sqlite_words_index(struct sqlite *);
void	 sqlite_search(struct sqlite *, struct store_read *);
void	*sqlite_searcher(void *);

#endif
