/*
 * The store: the rooms' logs. It numbers messages (one sequence over all
 * rooms), commits them in groups, and reads pages. One const struct per
 * backend; callers use the store_ functions only.
 *
 * Ops are queued by the hub and committed in order; what belongs to one
 * store_flush() may share a commit. Each op comes back exactly once as mail,
 * in order, committed or failed. Reads come back as mail to whoever asked and
 * see everything that has come back committed before they were asked.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "mailbox.h"
#include "metrics.h"
#include "msg.h"
#include "util.h"

struct request;
struct store;

/* How long a say's key is kept, in ms. */
#define STORE_KEY_AGE	(24 * 3600 * INT64_C(1000))

/* Two marks in the log, that ages need not believe a wall clock that jumps. */
struct store_marks {
	struct { uint64_t seq, ms; } older, newer;
};

enum store_error {
	STORE_OK,
	STORE_UNAVAILABLE,	/* disk full, I/O error: nothing was stored */
	STORE_NO_MESSAGE,	/* redact: there is none, or it is another's */
	STORE_BAD_QUERY		/* search: see words_parse() */
};

/*
 * What is kept beside the logs: a value, JSON text, under a key, both the
 * hub's (fact.h). A value of NULL removes the fact.
 */
struct store_fact {
	const char	*key;
	const char	*value;
};

/* A room as the store knows it when it opens. */
struct store_room {
	uint32_t	 id;
	const char	*name;		/* shown */
	const char	*key;
	const char	*topic;		/* "" for none */
	uint64_t	 head;		/* newest seq, 0 if it never had any */
	uint64_t	 floor;		/* highest seq that was removed, or 0 */
};

enum store_op_kind {
	STORE_APPEND,		/* msg, with msg->room set */
	STORE_TOPIC,		/* text */
	STORE_FORGET,		/* remove everything up to seq. If that is all,
				 * the room is over (a guest's inbox): its key
				 * may come again, as another room's id */
	STORE_FACTS,		/* nothing but facts and audit; room may be 0 */
	STORE_ERASE,		/* text is a name's key: of all that it has said
				 * in any room so far, text, actions and
				 * notices, the text goes, and its keys do;
				 * room is 0. No read asked after it came back
				 * shows any */
	STORE_IMPORT,		/* append msgs, each with the time that it has,
				 * all or none; there may be none */
	STORE_SEEK_KEY,		/* store nothing: was this said? As an append of
				 * msg with its key, see duplicate */
	STORE_REDACT		/* append msg, and take the text from the
				 * room's message target; only if it may be,
				 * see store_may_redact() */
};

/*
 * The room is made in the store by the first op that names it: name and key
 * are copied where needed; room, name and key must be set in every op.
 * Owned by the store from store_submit() until it comes back.
 */
struct store_op {
	struct mail	 mail;		/* MAIL_COMMITTED */
	enum store_op_kind kind;
	uint32_t	 room;
	const char	*name, *key;	/* of the room */
	struct msg	*msg;		/* a reference; seq and time are set */
	struct msg	**msgs;		/* import: the asker's; seqs are set */
	uint32_t	 nmsgs;
	const char	*text;
	uint64_t	 target;	/* redact: the seq of a message; */
	uint64_t	 author;	/* whose it is; if from_key is there */
	int64_t		 since;		/* not known whose: of this time or a
					 * later one, and from_key's */
	/* Of any op, all or nothing with what it does itself: not with a
	 * duplicate, nor with an error. They are the asker's, and stay until
	 * the op comes back. */
	const struct store_fact *facts;
	uint32_t	 nfacts;
	const char	*audit;		/* JSON text, appended with a time to
					 * what is never changed; or NULL */
	bool		 by_operator;	/* the line is among the server's own,
					 * whatever the room: see below */
	uint64_t	 seq;		/* append: set too, see duplicate */
	int64_t		 time;
	struct request	*req;		/* the hub's, untouched */
	void		*arg;		/* the hub's, untouched */
	enum store_error error;
	/*
	 * append with a key: the same person (msg_from folded: from_key) has
	 * said this key in this room within 24 h. seq and time are the first
	 * one's, msg is left alone and nothing was stored. Two in one group
	 * are found as well.
	 */
	const char	*from_key;
	bool		 duplicate;
};

/* Retention has removed a room's oldest messages, up to and with floor. */
struct store_pruned {
	struct mail	 mail;		/* MAIL_PRUNED */
	uint32_t	 room;
	uint64_t	 floor;
};

enum store_read_kind {
	READ_AFTER,	/* seq > after, oldest first, the oldest of them */
	READ_BEFORE,	/* seq < before (0: no end) and > after: the newest of
			 * them, still given oldest first */
	READ_SEEK,	/* only sets after: the seq behind which the newest
			 * limit messages with seq < before (0: no end) lie;
			 * 0 if there are no more than that */
	READ_COUNT,	/* only sets count: messages with seq > after, at most
			 * limit; more: there are others. With query only those
			 * before before (0: no end) that are not from who is
			 * named so, of STORE_LOOK * limit that are looked at */
	READ_SEARCH,	/* messages that match query, the newest first, with
			 * seq < before (0: no end); see below. more: ask again
			 * with before, which it sets; even if none were found,
			 * for a search ends after some milliseconds */
	READ_AUDIT	/* only sets text: lines of the audit with an id >
			 * after, and of those if before is not 0 the newest so
			 * many, oldest first, at most limit, or one more than
			 * bytes hold; sets before to the last one's id */
};

/*
 * Owned by the asker before store_read() and after it came back; freed with
 * store_read_free().
 */
struct store_read {
	struct mail	 mail;		/* MAIL_READ */
	struct mailbox	*to;
	enum store_read_kind kind;
	uint32_t	 room;
	uint64_t	 after, before;
	uint32_t	 limit;		/* messages, at least 1 */
	size_t		 bytes;		/* of msg_size(), but at least one */
	/*
	 * Search: words, word* and "phrases", all of which must be there. In
	 * this room; if that is 0, in all rooms but inboxes, and in inbox
	 * (0: none); never in a hidden one: their ids, growing, malloced,
	 * freed with the read.
	 */
	char		*query;		/* malloced, freed with the read */
	uint32_t	 inbox;
	uint32_t	*hidden;
	uint32_t	 nhidden;
	/* the asker's, untouched */
	uint64_t	 client;
	void		*arg;
	uint64_t	 num, head;
	/* the answer */
	enum store_error error;
	bool		 more;		/* beyond limit or bytes */
	uint64_t	 floor;		/* the room's, when it was read */
	uint32_t	 count;
	uint32_t	 n;
	struct msg	**msgs;		/* references */
	struct buf	 text;		/* audit: an object a line */
};

#define STORE_LOOK	4

struct store_read *store_read_new(enum store_read_kind, uint32_t room);
void	 store_read_free(struct store_read *);

struct store_backend {
	const char	*name;
	struct store	*(*open)(const struct conf *, char **error);
	void		 (*facts)(struct store *, void (*)(void *,
			    const struct store_fact *), void *);
	void		 (*rooms)(struct store *, void (*)(void *,
			    const struct store_room *), void *);
	bool		 (*start)(struct store *, struct mailbox *,
			    char **error);
	void		 (*submit)(struct store *, struct store_op *);
	void		 (*flush)(struct store *);
	void		 (*read)(struct store *, struct store_read *);
	void		 (*configure)(struct store *, const struct conf *);
	void		 (*close)(struct store *);
	/* NULL: this one cannot be handed over. */
	struct store	*(*open_handed)(const struct conf *, int handle,
			    char **error);
	int		 (*handle)(const struct store *);
	void		 (*rest)(struct store *);
};

/* The first member of every backend's own struct. */
struct store {
	const struct store_backend *backend;
	char		 epoch[33];	/* another log has another */
	atomic_bool	 failing;	/* the last group was not stored */
	struct store_metrics metrics;	/* of who runs the groups */
};

extern const struct store_backend store_memory, store_sqlite;

/*
 * Opens conf->store. NULL and *error (caller frees; says what is wrong, where
 * and what would be right) if that fails: an unknown backend, no permission, a
 * damaged or newer database, another daemon's lock. Main thread.
 */
struct store *store_open(const struct conf *, char **error);
const char *store_epoch(const struct store *);
/* Calls back for every fact there is, by growing key; for every room. Before
 * store_start(). */
void	 store_facts(struct store *, void (*)(void *,
	    const struct store_fact *), void *);
void	 store_rooms(struct store *, void (*)(void *,
	    const struct store_room *), void *);
/* Starts the store's threads; ops and prunings come back to this mailbox. */
bool	 store_start(struct store *, struct mailbox *, char **error);
/* Hub thread. */
void	 store_submit(struct store *, struct store_op *);
void	 store_flush(struct store *);
/* Any thread that owns a mailbox. */
void	 store_read(struct store *, struct store_read *);
/*
 * Does it take messages? False from a group that could not be stored until one
 * can; an SQLite store tries each second. Any thread.
 */
bool	 store_ok(const struct store *);
/* For the backends: these ops, whose errors are set, took this many us. */
void	 store_count(struct store *, const struct mail *, uint64_t us);
/* For the backends: is this name, as it stands in a message, that of key? */
bool	 store_is_from(const char *from, const char *key);
/* For the backends: may the op redact what this one said then? */
bool	 store_may_redact(const struct store_op *, const char *from,
	    uint64_t author, int64_t time);
/*
 * For the backends: among whose lines of the audit the op's one is: a room's,
 * or 0, the server's own. They are bounded each by themselves, and those of
 * rooms all together, where the rooms with the most lose theirs.
 */
uint32_t store_audit_room(const struct store_op *);
/* For the backends: appends a line of the audit, the act's own object with id
 * and time before the rest. */
void	 store_audit_line(struct buf *, uint64_t id, int64_t at,
	    const char *act);
/*
 * For the backends: whatever has a seq above this one is not of that age yet,
 * in ms, by the monotonic clock. head is the highest seq there is. The newer
 * half of the age is known, if this is called now and then.
 */
uint64_t store_young(struct store_marks *, uint64_t head, uint64_t age);
/* New retention and so on after a reload; conf outlives the next call. */
void	 store_configure(struct store *, const struct conf *);
/*
 * For an upgrade. rest has all committed that was flushed, mails it back, and
 * ends the threads: nothing is asked, written or read any more, until perhaps
 * store_start() again. Meanwhile another process may open it as well, given the
 * handle, a descriptor that stays the store's; -1: it lives in this process and
 * cannot be handed over. open_handed takes handle over, if it succeeds.
 */
int	 store_handle(const struct store *);
void	 store_rest(struct store *);
struct store *store_open_handed(const struct conf *, int handle, char **error);
/* Commits all that was flushed, mails it back, ends the threads, frees. */
void	 store_close(struct store *);

#endif
