/*
 * The reader's thread: pages of rooms, on a connection of its own, so that no
 * read waits for a commit nor the other way round. A read is one snapshot:
 * the floor and the messages fit together.
 */
#include <stdlib.h>

#include "store-sqlite.h"
#include "util.h"

#define FIRST	16	/* slots for messages to begin with */

void
sqlite_erasures_free(struct sqlite_erasures *e)
{
	while (e->n > 0)
		free(e->all[--e->n].key);
	free(e->all);
	e->all = NULL;
}

int
sqlite_erasures(sqlite3_stmt *st, struct sqlite_erasures *e)
{
	int rc;

	sqlite_erasures_free(e);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		e->all = xrealloc(e->all, (e->n + 1) * sizeof(*e->all));
		e->all[e->n++] = (struct sqlite_erasure){
		    xstrdup((const char *)sqlite3_column_text(st, 0)),
		    (uint64_t)sqlite3_column_int64(st, 1) };
	}
	sqlite3_reset(st);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

bool
sqlite_is_erased(const struct sqlite_erasures *e, enum msg_kind kind,
    uint64_t seq, const char *from)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		if (kind <= MSG_NOTICE && seq <= e->all[i].upto &&
		    store_is_from(from, e->all[i].key))
			return true;
	}
	return false;
}

struct msg *
sqlite_msg(sqlite3_stmt *st, int flags)
{
	const char *from = (const char *)sqlite3_column_text(st, 4);
	const char *to = (const char *)sqlite3_column_text(st, 5);
	const char *text = (const char *)sqlite3_column_text(st, 6);
	struct msg *m;

	m = msg_new((enum msg_kind)sqlite3_column_int(st, 2), from, to, text,
	    flags & MSG_REDACTED ? 0 : (size_t)sqlite3_column_bytes(st, 6),
	    NULL);
	if (!msg_stored(m) || m->kind >= MSG_KINDS)	/* damaged */
		m->kind = MSG_TEXT;
	m->seq = (uint64_t)sqlite3_column_int64(st, 0);
	m->time = sqlite3_column_int64(st, 1);
	m->flags = (uint8_t)flags;
	return m;
}

/* Takes up the row's message; false if the page is full. */
static bool
take(struct sqlite *s, struct store_read *r, sqlite3_stmt *st, uint32_t *cap,
    size_t *bytes)
{
	int flags = sqlite3_column_int(st, 3);
	struct msg *m;

	if (r->n == r->limit)
		return false;
	if (sqlite_is_erased(&s->erased, (enum msg_kind)sqlite3_column_int(st,
	    2), (uint64_t)sqlite3_column_int64(st, 0),
	    (const char *)sqlite3_column_text(st, 4)))
		flags |= MSG_REDACTED;
	m = sqlite_msg(st, flags);
	if (r->n > 0 && msg_size(m) > r->bytes - *bytes) {
		msg_unref(m);
		return false;
	}
	*bytes = msg_size(m) < r->bytes - *bytes ? *bytes + msg_size(m) :
	    r->bytes;
	m->room = r->room;
	if (r->n == *cap) {
		*cap = *cap ? *cap * 2 : FIRST;
		r->msgs = xrealloc(r->msgs, *cap * sizeof(struct msg *));
	}
	r->msgs[r->n++] = m;
	return true;
}

static int
read_page(struct sqlite *s, sqlite3_stmt *st, struct store_read *r,
    uint64_t after)
{
	uint32_t cap = 0, i;
	size_t bytes = 0;
	int rc;

	if ((rc = sqlite_erasures(s->r[R_ERASURES], &s->erased)) != SQLITE_OK)
		return rc;
	sqlite_bind(st, 1, r->room);
	sqlite_bind(st, 2, after);
	if (r->kind == READ_BEFORE)
		sqlite_bind(st, 3, r->before ? r->before : INT64_MAX);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!take(s, r, st, &cap, &bytes)) {
			r->more = true;
			break;
		}
	}
	sqlite3_reset(st);
	for (i = 0; r->kind == READ_BEFORE && i < r->n / 2; i++) {
		struct msg *m = r->msgs[i];

		r->msgs[i] = r->msgs[r->n - 1 - i];
		r->msgs[r->n - 1 - i] = m;
	}
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
read_seek(sqlite3_stmt *st, struct store_read *r)
{
	int rc;

	sqlite_bind(st, 1, r->room);
	sqlite_bind(st, 2, r->floor);
	sqlite_bind(st, 3, r->before ? r->before : INT64_MAX);
	sqlite_bind(st, 4, r->limit);
	rc = sqlite3_step(st);
	r->more = rc == SQLITE_ROW;
	r->after = r->more ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
read_count(sqlite3_stmt *st, struct store_read *r, uint64_t after)
{
	uint64_t n = 0;
	int rc;

	sqlite_bind(st, 1, r->room);
	sqlite_bind(st, 2, after);
	sqlite_bind(st, 3, (uint64_t)r->limit + 1);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW)
		n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	r->more = n > r->limit;
	r->count = r->more ? r->limit : (uint32_t)n;
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int
read_count_others(sqlite3_stmt *st, struct store_read *r, uint64_t after)
{
	uint64_t n = 0, looked = 0, look = (uint64_t)r->limit * STORE_LOOK;
	int rc;

	sqlite_bind(st, 1, r->room);
	sqlite_bind(st, 2, after);
	sqlite_bind(st, 3, r->before ? r->before : INT64_MAX);
	sqlite_bind(st, 4, look + 1);
	sqlite3_bind_text(st, 5, r->query, -1, SQLITE_STATIC);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		n = (uint64_t)sqlite3_column_int64(st, 0);
		looked = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	r->more = n > r->limit || looked > look;
	r->count = n > r->limit ? r->limit : (uint32_t)n;
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int
read_audit(sqlite3_stmt *st, struct store_read *r)
{
	uint32_t n = 0;
	int rc;

	sqlite_bind(st, 1, r->after);
	sqlite_bind(st, 2, r->before);
	r->before = r->after;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (n++ == r->limit || r->text.len > r->bytes) {
			r->more = true;
			break;
		}
		r->before = (uint64_t)sqlite3_column_int64(st, 0);
		store_audit_line(&r->text, r->before,
		    sqlite3_column_int64(st, 1),
		    (const char *)sqlite3_column_text(st, 2));
	}
	sqlite3_reset(st);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int
read_room(struct sqlite *s, struct store_read *r)
{
	sqlite3_stmt *st = s->r[R_FLOOR];
	uint64_t after;
	int rc;

	if (r->kind == READ_AUDIT)
		return read_audit(s->r[R_AUDIT], r);
	sqlite_bind(st, 1, r->room);
	if ((rc = sqlite3_step(st)) == SQLITE_ROW)
		r->floor = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return rc;
	after = r->after > r->floor ? r->after : r->floor;
	switch (r->kind) {
	case READ_AFTER:
		return read_page(s, s->r[R_AFTER], r, after);
	case READ_BEFORE:
		return read_page(s, s->r[R_BEFORE], r, after);
	case READ_SEEK:
		return read_seek(s->r[R_SEEK], r);
	case READ_COUNT:
		return r->query != NULL ?
		    read_count_others(s->r[R_COUNT_OTHERS], r, after) :
		    read_count(s->r[R_COUNT], r, after);
	case READ_SEARCH:
	case READ_AUDIT:
		break;
	}
	return SQLITE_OK;
}

static void
tell(struct sqlite *s, int rc)
{
	if (rc != SQLITE_OK && !s->read_failing)
		log_error("store-read-failing", LS("file", s->path),
		    LI("code", rc), LS("error", sqlite3_errmsg(s->rdb)), LEND);
	else if (rc == SQLITE_OK && s->read_failing)
		log_notice("store-read-recovered", LS("file", s->path), LEND);
	s->read_failing = rc != SQLITE_OK;
}

static void
answer(struct sqlite *s, struct store_read *r)
{
	int rc = sqlite_run(s->r[R_BEGIN]);

	if (rc == SQLITE_OK)
		rc = read_room(s, r);
	if (!sqlite3_get_autocommit(s->rdb))
		sqlite_run(s->r[R_END]);
	tell(s, rc);
	if (rc != SQLITE_OK) {
		while (r->n > 0)
			msg_unref(r->msgs[--r->n]);
		buf_reset(&r->text);
		r->error = STORE_UNAVAILABLE;
		r->more = false;
	}
}

/* The next read, or NULL when it is over. */
static struct store_read *
next_read(struct sqlite *s)
{
	struct store_read *r;

	pthread_mutex_lock(&s->lock);
	while (mail_list_empty(&s->reads) && !s->closing)
		pthread_cond_wait(&s->asked, &s->lock);
	r = (struct store_read *)mail_list_pop(&s->reads);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void *
sqlite_reader(void *arg)
{
	struct sqlite *s = arg;
	struct store_read *r;

	pthread_setname_np(pthread_self(), "store-read");
	while ((r = next_read(s)) != NULL) {
		sqlite_snapshot(s);
		answer(s, r);
		sqlite_snapshot_end(s);
		mailbox_post_one(r->to, &r->mail);
	}
	return NULL;
}
