/*
 * Searches, newest message first: what is not in the index yet is gone
 * through, then the index is asked, part by part. A search ends after a while
 * with what it has, and says how far it came.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store-sqlite-words.h"
#include "util.h"

#define SEARCH_US	25000		/* of a search */
#define LOOK_ROWS	64		/* between looks at the clock */
#define IDLE_MS		1000
#define REST		5		/* as long as it took */

struct search {
	struct sqlite	*s;
	struct sqlite_words *w;
	struct store_read *r;
	struct words_query query;
	struct buf	 expression;
	uint64_t	 end;		/* us: when to stop */
	uint64_t	 top;		/* all from here on has been looked at*/
	uint32_t	 cap;
	size_t		 bytes;
};

static bool
is_hidden(const struct store_read *r, uint32_t room)
{
	uint32_t low = 0, high = r->nhidden;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (r->hidden[mid] == room)
			return true;
		if (r->hidden[mid] < room)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* May the asker find this row? Its text is not looked at. */
static bool
may_find(const struct search *f, sqlite3_stmt *st)
{
	uint32_t room = (uint32_t)sqlite3_column_int64(st, 7);
	int kind = sqlite3_column_int(st, 2);

	if (kind > MSG_NOTICE || (sqlite3_column_int(st, 3) & MSG_REDACTED) ||
	    is_hidden(f->r, room))
		return false;
	if (f->r->room != 0 ? room != f->r->room :
	    sqlite3_column_int(st, 8) != 0 && room != f->r->inbox)
		return false;
	return !sqlite_is_erased(&f->w->erased, (enum msg_kind)kind,
	    (uint64_t)sqlite3_column_int64(st, 0),
	    (const char *)sqlite3_column_text(st, 4));
}

/* Takes up the row's message; false if the page is full. */
static bool
take(struct search *f, sqlite3_stmt *st)
{
	struct store_read *r = f->r;
	struct msg *m;

	if (r->n == r->limit)
		return false;
	m = sqlite_msg(st, sqlite3_column_int(st, 3));
	if (r->n > 0 && msg_size(m) > r->bytes - f->bytes) {
		msg_unref(m);
		return false;
	}
	f->bytes = msg_size(m) < r->bytes - f->bytes ?
	    f->bytes + msg_size(m) : r->bytes;
	m->room = (uint32_t)sqlite3_column_int64(st, 7);
	if (r->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 16;
		r->msgs = xrealloc(r->msgs, f->cap * sizeof(struct msg *));
	}
	r->msgs[r->n++] = m;
	f->top = m->seq;
	return true;
}

/* What the index does not have yet. SQLITE_ROW: that is as far as it goes. */
static int
search_tail(struct search *f)
{
	sqlite3_stmt *st = f->w->find[f->r->room ? F_TAIL_ROOM : F_TAIL];
	uint64_t low = f->w->db != NULL ? f->w->upto : 0;
	unsigned n = 0;
	int rc;

	if (f->top <= low)
		return SQLITE_DONE;
	sqlite_bind(st, 1, low);
	sqlite_bind(st, 2, f->top);
	if (f->r->room != 0)
		sqlite_bind(st, 3, f->r->room);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (may_find(f, st) && words_match(f->w->words, &f->query,
		    (const char *)sqlite3_column_text(st, 6),
		    (size_t)sqlite3_column_bytes(st, 6)) && !take(f, st))
			break;
		f->top = (uint64_t)sqlite3_column_int64(st, 0);
		if (++n % LOOK_ROWS == 0 && clock_us() >= f->end)
			break;
	}
	sqlite3_reset(st);
	if (rc == SQLITE_DONE)
		f->top = low + 1;
	return rc;
}

/* The row of a hit, which may be gone or another's by now. */
static int
search_row(struct search *f, uint64_t seq)
{
	sqlite3_stmt *st = f->w->find[F_ROW];
	int rc;

	sqlite_bind(st, 1, seq);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW && (!may_find(f, st) || take(f, st)))
		rc = SQLITE_DONE;
	sqlite3_reset(st);
	return rc;
}

static int
search_part(struct search *f, uint64_t part)
{
	sqlite3_stmt *st = NULL;
	char text[128];
	unsigned n = 0;
	int rc;

	snprintf(text, sizeof(text), "SELECT rowid FROM words_%" PRIu64
	    " WHERE words_%" PRIu64 " MATCH ?1 AND rowid < ?2"
	    " ORDER BY rowid DESC", part, part);
	rc = sqlite3_prepare_v2(f->w->db, text, -1, &st, NULL);
	sqlite3_bind_text(st, 1, buf_str(&f->expression), -1, SQLITE_STATIC);
	sqlite_bind(st, 2, f->top);
	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		uint64_t seq = (uint64_t)sqlite3_column_int64(st, 0);

		if ((rc = search_row(f, seq)) != SQLITE_DONE)
			break;
		f->top = seq;
		rc = SQLITE_OK;
		if (++n % LOOK_ROWS == 0 && clock_us() >= f->end)
			rc = SQLITE_ROW;
	}
	sqlite3_finalize(st);
	return rc;
}

static int
search_parts(struct search *f)
{
	sqlite3_stmt *st = NULL;
	int rc;

	if (f->w->db == NULL || f->top <= 1)
		return SQLITE_DONE;
	rc = sqlite3_prepare_v2(f->w->db, "SELECT part FROM parts WHERE "
	    "part <= ?1 ORDER BY part DESC", -1, &st, NULL);
	sqlite_bind(st, 1, (f->top - 1) / WORDS_PART);
	while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		uint64_t part = (uint64_t)sqlite3_column_int64(st, 0);

		if ((rc = search_part(f, part)) != SQLITE_DONE)
			break;
		f->top = part * WORDS_PART;
		rc = clock_us() >= f->end && part > 0 ? SQLITE_ROW : SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc;
}

static int
search(struct search *f)
{
	sqlite3_stmt *begin = f->w->find[F_BEGIN];
	int rc;

	/* Of all rooms what is found is looked at: to go through a list of
	 * nearly everything would take longer. */
	if (f->r->room != 0)
		buf_addf(&f->expression, "place : r%" PRIu32 " AND ",
		    f->r->room);
	buf_adds(&f->expression, "text : (");
	words_expression(&f->query, &f->expression);
	buf_addc(&f->expression, ')');
	if ((rc = sqlite_run(begin)) != SQLITE_OK ||
	    (rc = sqlite_erasures(f->w->find[F_ERASURES], &f->w->erased)) !=
	    SQLITE_OK)
		return rc;
	if ((rc = search_tail(f)) == SQLITE_DONE)
		rc = search_parts(f);
	return rc;
}

static void
answer(struct search *f, int rc)
{
	struct store_read *r = f->r;

	if (rc == SQLITE_ROW) {
		r->more = true;
		r->before = f->top;
	} else if (rc != SQLITE_DONE) {
		while (r->n > 0)
			msg_unref(r->msgs[--r->n]);
		r->error = STORE_UNAVAILABLE;
		log_warn("store-search-failed", LI("code", rc),
		    LS("error", sqlite3_errstr(rc)), LEND);
	}
}

void
sqlite_search(struct sqlite *s, struct store_read *r)
{
	struct search f = { .s = s, .w = s->words, .r = r,
	    .end = clock_us() + SEARCH_US,
	    .top = r->before && r->before < INT64_MAX ? r->before : INT64_MAX };

	if (f.w->words == NULL) {
		r->error = STORE_UNAVAILABLE;
		return;
	}
	if (!words_parse(f.w->words, r->query != NULL ? r->query : "",
	    &f.query))
		r->error = STORE_BAD_QUERY;
	else {
		sqlite_snapshot(s);
		answer(&f, search(&f));
		if (!sqlite3_get_autocommit(f.w->log))
			sqlite_run(f.w->find[F_END]);
		sqlite_snapshot_end(s);
	}
	words_query_free(&f.query);
	buf_free(&f.expression);
}

/*
 * The next search, or NULL: it is over, or time to index, as it is whenever
 * *busy becomes true. It is true: there is more to index, and the last slice
 * took so many ms. While much is being said that rests a while, so as not to
 * be in the way.
 */
static struct store_read *
next_search(struct sqlite *s, bool *busy, uint64_t ms, bool *over)
{
	struct store_read *r;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&s->lock);
	ms = !*busy ? IDLE_MS : s->unindexed ? ms * REST : 0;
	until.tv_sec += (time_t)(ms / 1000);
	if ((until.tv_nsec += (long)(ms % 1000) * 1000000) >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (ms > 0 && mail_list_empty(&s->searches) && !s->closing &&
	    (*busy || !s->unindexed)) {
		if (pthread_cond_timedwait(&s->sought, &s->lock, &until) != 0)
			break;
	}
	r = (struct store_read *)mail_list_pop(&s->searches);
	*busy = *busy || s->unindexed || r == NULL ||
	    clock_ms() >= s->words->next;
	s->unindexed = false;
	*over = s->closing && r == NULL;
	pthread_mutex_unlock(&s->lock);
	return r;
}

void *
sqlite_searcher(void *arg)
{
	struct sqlite *s = arg;
	struct store_read *r;
	bool busy = true, over;
	uint64_t ms = 0;

	pthread_setname_np(pthread_self(), "store-words");
	for (;;) {
		r = next_search(s, &busy, ms, &over);
		if (over)
			return NULL;
		if (r != NULL) {
			sqlite_search(s, r);
			mailbox_post_one(r->to, &r->mail);
		}
		if (!busy)
			continue;
		ms = clock_ms();
		busy = sqlite_words_index(s);
		ms = clock_ms() - ms + 1;
	}
}
