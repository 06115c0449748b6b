/*
 * The writer's thread: all that waits becomes one transaction, goes back as
 * mail in one piece, and only then is there time for the -wal. A group that
 * fails is rolled back whole, here in memory as well as on disk; the next one
 * just tries again.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store-sqlite.h"
#include "util.h"

#define GROUP_OPS	4096		/* bounds of one transaction */
#define GROUP_BYTES	(4 << 20)
#define PRUNE_US	2000		/* pruning within a transaction */
#define TELL_SEQS	1024		/* are worth indexing at once */
#define IDLE_MS		1000		/* between looks for what is too old */
#define PRUNED_MS	3600000		/* between scrubs for what was pruned */
#define WAL_PAGES	1000		/* from here on a checkpoint is tried */
#define WAL_PRESS	(4 * WAL_PAGES)	/* from here on the reader must wait */
#define WAL_TELL	(64 * WAL_PAGES)/* somebody else must be holding it */
#define ROW_COST	64		/* bytes of a row beside its strings */

uint64_t
sqlite_cost(size_t from, size_t to, size_t text)
{
	return ROW_COST + from + to + text;
}

int
sqlite_run(sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);
	int reset = sqlite3_reset(st);

	assert(rc != SQLITE_ROW);
	return rc == SQLITE_DONE ? SQLITE_OK : reset != SQLITE_OK ? reset : rc;
}

static void
bind_str(sqlite3_stmt *st, int at, const char *s, size_t n)
{
	sqlite3_bind_text(st, at, s, (int)n, SQLITE_STATIC);
}

void
sqlite_touch(struct sqlite *s, struct sqlite_room *room)
{
	if (room->touched)
		return;
	room->touched = true;
	room->undo = room->row;
	room->next_touched = s->touched;
	s->touched = room;
}

/* Its messages go in slices, and in the end the room itself. */
static int
room_gone(struct sqlite *s, struct sqlite_room *room)
{
	sqlite_touch(s, room);
	room->row.gone = true;
	room->row.floor = room->row.head;
	sqlite_bind(s->w[W_ROOM_GONE], 1, room->id);
	return sqlite_run(s->w[W_ROOM_GONE]);
}

/* A key has come again as another id: the room that had it is over. */
static int
displace(struct sqlite *s, const char *key, uint32_t id)
{
	sqlite3_stmt *st = s->w[W_ROOM_BY_KEY];
	struct sqlite_room *old = NULL;
	int rc;

	bind_str(st, 1, key, strlen(key));
	if ((rc = sqlite3_step(st)) == SQLITE_ROW)
		old = id_map_get(&s->rooms,
		    (uint32_t)sqlite3_column_int64(st, 0));
	sqlite3_reset(st);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? SQLITE_OK : rc;
	if (old == NULL)
		return SQLITE_CORRUPT;
	log_notice("store-room-displaced", LS("room", key), LU("old", old->id),
	    LU("new", id), LEND);
	return room_gone(s, old);
}

/* The op's room, made if need be, and noted as changed. */
static int
room_of(struct sqlite *s, const struct store_op *op, struct sqlite_room **out)
{
	struct sqlite_room *room = id_map_get(&s->rooms, op->room);
	sqlite3_stmt *st = s->w[W_ROOM_NEW];
	int rc;

	if (room == NULL) {
		room = xcalloc(1, sizeof(*room));
		room->id = op->room;
		id_map_put(&s->rooms, room->id, room);
	}
	sqlite_touch(s, room);
	*out = room;
	if (room->row.stored && !room->row.gone)
		return SQLITE_OK;
	if ((rc = displace(s, op->key, op->room)) != SQLITE_OK)
		return rc;
	sqlite_bind(st, 1, room->id);
	bind_str(st, 2, op->name, strlen(op->name));
	bind_str(st, 3, op->key, strlen(op->key));
	rc = sqlite_run(st);
	if (rc == SQLITE_OK) {
		room->row.stored = true;
		room->row.gone = false;
	}
	return rc;
}

/* Finds the row of the op's key: SQLITE_ROW, and its seq and time; or
 * SQLITE_DONE. */
static int
key_find(struct sqlite *s, const struct store_op *op, uint64_t *seq,
    int64_t *at)
{
	sqlite3_stmt *st = s->w[W_KEY_FIND];
	int rc;

	sqlite_bind(st, 1, op->room);
	bind_str(st, 2, op->from_key, strlen(op->from_key));
	bind_str(st, 3, msg_key(op->msg), op->msg->key_len);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		*seq = (uint64_t)sqlite3_column_int64(st, 0);
		*at = sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return rc;
}

/* If the op's key is known, and not too old, op->duplicate is set. */
static int
key_known(struct sqlite *s, struct store_op *op, int64_t now, uint64_t *seq)
{
	int64_t at;
	int rc = key_find(s, op, seq, &at);

	if (rc == SQLITE_ROW && (at > now - STORE_KEY_AGE ||
	    *seq > s->young_key)) {
		op->duplicate = true;
		op->seq = *seq;
		op->time = at;
	}
	return rc;
}

/* Remembers the op's key under the coming seq, or finds that it is known:
 * then op->duplicate is set. One that is too old gives way. */
static int
key_put(struct sqlite *s, struct store_op *op, int64_t now)
{
	sqlite3_stmt *st = s->w[W_KEY];
	uint64_t seq;
	int rc, tries;

	for (tries = 0; tries < 2; tries++) {
		sqlite_bind(st, 1, s->seq + 1);
		sqlite3_bind_int64(st, 2, now);
		sqlite_bind(st, 3, op->room);
		bind_str(st, 4, op->from_key, strlen(op->from_key));
		bind_str(st, 5, msg_key(op->msg), op->msg->key_len);
		if ((rc = sqlite_run(st)) != SQLITE_OK ||
		    sqlite3_changes(s->wdb) > 0)
			return rc;
		if ((rc = key_known(s, op, now, &seq)) != SQLITE_ROW)
			return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
		if (op->duplicate)
			return SQLITE_OK;
		sqlite_bind(s->w[W_KEY_DROP], 1, seq);
		if ((rc = sqlite_run(s->w[W_KEY_DROP])) != SQLITE_OK)
			return rc;
	}
	return SQLITE_CORRUPT;
}

/* The next message of the room; its seq is s->seq then. */
static int
insert(struct sqlite *s, struct sqlite_room *room, const struct msg *m,
    int64_t at)
{
	sqlite3_stmt *st = s->w[W_MESSAGE];
	int rc;

	sqlite_bind(st, 1, ++s->seq);
	sqlite_bind(st, 2, room->id);
	sqlite3_bind_int64(st, 3, at);
	sqlite_bind(st, 4, m->kind);
	sqlite_bind(st, 5, m->flags);
	bind_str(st, 6, msg_from(m), m->from_len);
	bind_str(st, 7, msg_to(m), m->to_len);
	bind_str(st, 8, msg_text(m), m->text_len);
	sqlite_bind(st, 9, m->author);
	if ((rc = sqlite_run(st)) != SQLITE_OK)
		return rc;
	room->row.head = s->seq;
	room->row.bytes += sqlite_cost(m->from_len, m->to_len, m->text_len);
	if (room->row.count++ == 0) {
		room->row.first = s->seq;
		room->row.oldest = at;
	}
	return SQLITE_OK;
}

static int
append(struct sqlite *s, struct sqlite_room *room, struct store_op *op,
    int64_t now)
{
	const struct msg *m = op->msg;
	int rc;

	if (op->kind == STORE_APPEND && m->key_len > 0 &&
	    ((rc = key_put(s, op, now)) != SQLITE_OK || op->duplicate))
		return rc;
	op->seq = s->seq + 1;
	op->time = now;
	return insert(s, room, m, now);
}

/* Should the group fail, their seqs mean nothing. */
static int
import(struct sqlite *s, struct sqlite_room *room, const struct store_op *op)
{
	int rc = SQLITE_OK;
	uint32_t i;

	for (i = 0; i < op->nmsgs && rc == SQLITE_OK; i++) {
		rc = insert(s, room, op->msgs[i], op->msgs[i]->time);
		op->msgs[i]->seq = s->seq;
	}
	return rc;
}

static int
set_topic(struct sqlite *s, const struct sqlite_room *room,
    const struct store_op *op)
{
	const char *text = op->text != NULL ? op->text : "";

	sqlite_bind(s->w[W_TOPIC], 1, room->id);
	bind_str(s->w[W_TOPIC], 2, text, strlen(text));
	return sqlite_run(s->w[W_TOPIC]);
}

/* Reads respect the floor at once; the rows go in slices. */
static int
forget(struct sqlite *s, struct store_op *op)
{
	struct sqlite_room *room = id_map_get(&s->rooms, op->room);

	if (room == NULL || !room->row.stored || room->row.gone)
		return SQLITE_OK;
	if (op->seq >= room->row.head)
		return room_gone(s, room);
	sqlite_touch(s, room);
	if (op->seq > room->row.floor)
		room->row.floor = op->seq;
	return SQLITE_OK;
}

static int
put_fact(struct sqlite *s, const struct store_fact *fact)
{
	sqlite3_stmt *st = s->w[fact->value != NULL ? W_FACT : W_FACT_DROP];

	bind_str(st, 1, fact->key, strlen(fact->key));
	if (fact->value != NULL)
		bind_str(st, 2, fact->value, strlen(fact->value));
	return sqlite_run(st);
}

/* What any op may bring along. */
static int
put_facts(struct sqlite *s, const struct store_op *op, int64_t now)
{
	int rc = SQLITE_OK;
	uint32_t i;

	for (i = 0; i < op->nfacts && rc == SQLITE_OK; i++)
		rc = put_fact(s, &op->facts[i]);
	return rc == SQLITE_OK && op->audit != NULL ?
	    sqlite_audit_put(s, op, now) : rc;
}

static int
act(struct sqlite *s, struct store_op *op, int64_t now)
{
	struct sqlite_room *room;
	uint64_t seq;
	int rc;

	switch (op->kind) {
	case STORE_FACTS:
		return op->room != 0 ? room_of(s, op, &room) : SQLITE_OK;
	case STORE_FORGET:
		return forget(s, op);
	case STORE_ERASE:
		return sqlite_erase(s, op);
	case STORE_SEEK_KEY:
		rc = key_known(s, op, now, &seq);
		return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
	case STORE_REDACT:
		room = id_map_get(&s->rooms, op->room);
		if (room == NULL || !room->row.stored || room->row.gone) {
			op->error = STORE_NO_MESSAGE;
			return SQLITE_OK;
		}
		if ((rc = sqlite_redact(s, room, op)) != SQLITE_OK ||
		    op->error != STORE_OK)
			return rc;
		sqlite_touch(s, room);
		return append(s, room, op, now);
	case STORE_TOPIC:
	case STORE_APPEND:
	case STORE_IMPORT:
		break;
	}
	if ((rc = room_of(s, op, &room)) != SQLITE_OK)
		return rc;
	if (op->kind == STORE_IMPORT)
		return import(s, room, op);
	return op->kind == STORE_TOPIC ? set_topic(s, room, op) :
	    append(s, room, op, now);
}

/* An op that changes nothing brings no facts either. */
static int
run_op(struct sqlite *s, struct store_op *op, int64_t now)
{
	int rc = act(s, op, now);

	if (rc != SQLITE_OK || op->error != STORE_OK || op->duplicate)
		return rc;
	return put_facts(s, op, now);
}

static int
save_rooms(struct sqlite *s)
{
	sqlite3_stmt *st = s->w[W_ROOM];
	struct sqlite_room *room;
	int rc;

	for (room = s->touched; room != NULL; room = room->next_touched) {
		sqlite_bind(st, 1, room->id);
		sqlite_bind(st, 2, room->row.head);
		sqlite_bind(st, 3, room->row.floor);
		sqlite_bind(st, 4, room->row.count);
		sqlite_bind(st, 5, room->row.bytes);
		if ((rc = sqlite_run(st)) != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

/* Somebody removed or replaced the file: nothing would survive us there. */
static bool
moved(struct sqlite *s)
{
	int is = 0;

	return sqlite3_file_control(s->wdb, NULL, SQLITE_FCNTL_HAS_MOVED,
	    &is) == SQLITE_OK && is;
}

/*
 * Dirties a page, so that there is something to write where there is no op:
 * else nobody would know that it works again before somebody says something.
 */
static int
try_write(struct sqlite *s)
{
	int rc = sqlite_run(s->w[W_TRY]);

	return rc == SQLITE_OK ? sqlite_run(s->w[W_TRIED]) : rc;
}

static int
transact(struct sqlite *s, struct mail *first, int64_t now)
{
	struct sqlite_room *room;
	struct mail *m;
	int rc;

	if (moved(s))
		return SQLITE_READONLY_DBMOVED;
	if ((rc = sqlite_run(s->w[W_BEGIN])) != SQLITE_OK)
		return rc;
	if (s->store.failing)
		rc = try_write(s);
	for (m = first; m != NULL && rc == SQLITE_OK; m = m->next)
		rc = run_op(s, (struct store_op *)m, now);
	for (room = s->touched; room != NULL; room = room->next_touched)
		sqlite_prune_due(s, room, now);
	/* A disk that is full needs no more to do. */
	if (rc == SQLITE_OK && !s->store.failing)
		rc = sqlite_prune(s, now, PRUNE_US);
	if (rc == SQLITE_OK && !s->store.failing)
		rc = sqlite_erase_some(s, PRUNE_US);
	if (rc == SQLITE_OK)
		rc = save_rooms(s);
	if (rc == SQLITE_OK)
		rc = sqlite_run(s->w[W_COMMIT]);
	return rc;
}

/* Keeps or gives back what the transaction did to the rooms; on success adds
 * the news of pruning to out. */
static void
settle(struct sqlite *s, bool ok, int64_t now, struct mail_list *out)
{
	struct sqlite_room *room;
	struct store_pruned *p;

	while ((room = s->touched) != NULL) {
		s->touched = room->next_touched;
		room->touched = false;
		if (!ok) {
			room->row = room->undo;
			sqlite_prune_due(s, room, now);
		} else if (room->pruned) {
			p = xmalloc(sizeof(*p));
			*p = (struct store_pruned){ .mail.kind = MAIL_PRUNED,
			    .room = room->id, .floor = room->row.floor };
			mail_list_add(out, &p->mail);
		}
		room->pruned = false;
		if (!room->row.stored && !room->due) {
			id_map_del(&s->rooms, room->id);
			free(room);
		}
	}
	s->erasing = s->erasing || !ok;
	if (ok)
		s->committed_seq = s->seq;
	else
		s->seq = s->committed_seq;
}

static void
tell(struct sqlite *s, int rc)
{
	if (rc != SQLITE_OK && !s->store.failing)
		log_error("store-failing", LS("file", s->path),
		    LI("code", rc), LS("error", moved(s) ?
		    "the file was moved or removed" : sqlite3_errstr(rc)),
		    LS("detail", sqlite3_errmsg(s->wdb)),
		    LI("errno", sqlite3_system_errno(s->wdb)), LEND);
	else if (rc == SQLITE_OK && s->store.failing)
		log_notice("store-recovered", LS("file", s->path), LEND);
	atomic_store(&s->store.failing, rc != SQLITE_OK);
}

static void
run_group(struct sqlite *s, struct mail_list *group)
{
	uint64_t began = clock_us();
	int64_t now = clock_wall();
	int rc = transact(s, group->first, now);
	struct mail *m;

	tell(s, rc);
	if (rc != SQLITE_OK && !sqlite3_get_autocommit(s->wdb))
		sqlite_run(s->w[W_ROLLBACK]);
	for (m = group->first; m != NULL; m = m->next) {
		struct store_op *op = (struct store_op *)m;

		if (rc != SQLITE_OK) {
			op->error = STORE_UNAVAILABLE;
			op->duplicate = false;
		} else if (op->msg != NULL && op->error == STORE_OK &&
		    !op->duplicate) {
			op->msg->seq = op->seq;
			op->msg->time = op->time;
		}
	}
	store_count(&s->store, group->first, clock_us() - began);
	settle(s, rc == SQLITE_OK, now, group);
	mailbox_post(s->to, group);
	if (s->committed_seq >= s->told + TELL_SEQS) {
		s->told = s->committed_seq;
		pthread_mutex_lock(&s->lock);
		s->unindexed = true;
		pthread_cond_signal(&s->sought);
		pthread_mutex_unlock(&s->lock);
	}
}

/*
 * Moves the -wal into the database. Should it grow all the same, because some
 * read always holds a part of it, reads wait once for a checkpoint to catch
 * up: only then does the -wal begin again at its start. What was redacted is
 * to be gone from it as well: then it is cut to nothing.
 */
static void
checkpoint(struct sqlite *s)
{
	bool press = s->scrub || s->wal_pages >= WAL_PRESS;
	int pages = 0, done = 0;

	if (press) {
		pthread_mutex_lock(&s->lock);
		s->checkpoint = true;
		while (s->snapshots > 0)
			pthread_cond_wait(&s->rest, &s->lock);
		pthread_mutex_unlock(&s->lock);
	}
	if (s->scrub) {
		/* Another program that reads it is not waited for. */
		sqlite3_busy_timeout(s->wdb, 0);
		if (sqlite3_wal_checkpoint_v2(s->wdb, NULL,
		    SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK) {
			s->scrub = false;
			s->wal_pages = 0;
		}
		sqlite3_busy_timeout(s->wdb, SQLITE_BUSY_MS);
	} else if (sqlite3_wal_checkpoint_v2(s->wdb, NULL,
	    SQLITE_CHECKPOINT_PASSIVE, &pages, &done) == SQLITE_OK &&
	    pages == done)
		s->wal_pages = 0;
	if (press) {
		pthread_mutex_lock(&s->lock);
		s->checkpoint = false;
		pthread_cond_broadcast(&s->rest);
		pthread_mutex_unlock(&s->lock);
	}
	if (s->wal_pages >= WAL_TELL && !s->wal_told)
		log_warn("store-wal-large", LS("file", s->path),
		    LI("pages", s->wal_pages),
		    LS("hint", "does another program read the database?"),
		    LEND);
	s->wal_told = s->wal_pages >= WAL_TELL;
}

static int
wal_hook_cb(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((struct sqlite *)arg)->wal_pages = pages;
	return SQLITE_OK;
}

static void
configure(struct sqlite *s, const struct sqlite_limits *limits)
{
	struct sqlite_room *room;
	size_t pos = 0;
	int64_t now = clock_wall();
	bool again = limits->max != s->now.max || limits->age != s->now.age ||
	    limits->bytes != s->now.bytes;

	s->now = *limits;
	if (s->durability != s->now.durability &&
	    sqlite_durability(s->wdb, s->now.durability))
		s->durability = s->now.durability;
	while (again && (room = id_map_next(&s->rooms, &pos)) != NULL)
		sqlite_prune_due(s, room, now);
}

static size_t
op_bytes(const struct store_op *op)
{
	return sizeof(*op) + (op->msg != NULL ? msg_size(op->msg) : 0);
}

/* Moves the queue's head, as much as one group may be, to group. Locked. */
static void
take_group(struct sqlite *s, struct mail_list *group)
{
	size_t n = 0, bytes = 0;
	struct mail *m;

	while (n < GROUP_OPS && bytes < GROUP_BYTES &&
	    (m = mail_list_pop(&s->queue)) != NULL) {
		n++;
		bytes += op_bytes((struct store_op *)m);
		mail_list_add(group, m);
	}
}

/* Waits for work; false when it is over. *limits is a fresh copy. */
static bool
wait_work(struct sqlite *s, struct mail_list *group, bool busy,
    struct sqlite_limits *limits)
{
	struct timespec until;
	bool more;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += IDLE_MS / 1000;
	pthread_mutex_lock(&s->lock);
	while (!busy && mail_list_empty(&s->queue) && !s->closing) {
		if (pthread_cond_timedwait(&s->work, &s->lock, &until) ==
		    ETIMEDOUT)
			break;
	}
	take_group(s, group);
	*limits = s->limits;
	more = !mail_list_empty(group) || !s->closing;
	pthread_mutex_unlock(&s->lock);
	return more;
}

/* At most once a second, so that many redactions cost no more than that, and
 * once an hour for retention. Gaps are looked through behind a -wal that was
 * cut. */
static bool
scrub_due(struct sqlite *s)
{
	uint64_t ms = clock_ms();

	if (s->pruned && ms >= s->pruned_next) {
		s->pruned = false;
		s->pruned_next = ms + PRUNED_MS;
		s->scrub = true;
		s->gaps = UINT64_MAX;
	}
	if ((!s->scrub && s->gaps == 0) || ms < s->scrub_next)
		return false;
	s->scrub_next = ms + IDLE_MS;
	s->scrub = true;
	return true;
}

/* What is to be done when nobody waits for it. */
static void
tidy(struct sqlite *s)
{
	bool scrub = scrub_due(s);

	/* A -wal that cannot grow may still be emptied. */
	if (s->wal_pages >= WAL_PAGES || scrub ||
	    (s->wal_pages > 0 && s->store.failing))
		checkpoint(s);
	if (scrub && !s->scrub && s->gaps > 0)
		sqlite_wipe_gaps(s);
}

void *
sqlite_writer(void *arg)
{
	struct sqlite *s = arg;
	struct sqlite_limits limits;
	struct mail_list group;
	bool busy = false;

	pthread_setname_np(pthread_self(), "store");
	mail_list_init(&group);
	sqlite3_wal_hook(s->wdb, wal_hook_cb, s);
	while (wait_work(s, &group, busy, &limits)) {
		configure(s, &limits);
		busy = sqlite_prune_wanted(s, clock_wall()) || s->erasing;
		if (!mail_list_empty(&group) || s->store.failing || busy)
			run_group(s, &group);
		tidy(s);
		busy = (s->due != NULL || s->keys_due || s->audit_due ||
		    s->erasing) && !s->store.failing;
	}
	return NULL;
}
