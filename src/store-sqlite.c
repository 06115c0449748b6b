/*
 * The SQLite backend as others see it: what crosses between the hub, those
 * who read, and the store's two threads.
 */
#include <stdlib.h>
#include <string.h>

#include "store-sqlite-words.h"
#include "util.h"

void
sqlite_limits(struct sqlite *s, const struct conf *conf)
{
	s->limits = (struct sqlite_limits){ .max = conf->history_max,
	    .bytes = conf->history_bytes,
	    .age = (int64_t)conf->history_age * 1000,
	    .audit_max = conf->audit_max,
	    .audit_rooms = conf->audit_rooms,
	    .audit_age = (int64_t)conf->audit_age * 1000,
	    .durability = conf->durability };
}

void
sqlite_snapshot(struct sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->checkpoint)
		pthread_cond_wait(&s->rest, &s->lock);
	s->snapshots++;
	pthread_mutex_unlock(&s->lock);
}

void
sqlite_snapshot_end(struct sqlite *s)
{
	pthread_mutex_lock(&s->lock);
	s->snapshots--;
	pthread_cond_broadcast(&s->rest);
	pthread_mutex_unlock(&s->lock);
}

static struct store *
open_handed(const struct conf *conf, int handle, char **error)
{
	struct sqlite *s = sqlite_files_open(conf, handle, error);
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->asked, &attr);
	pthread_cond_init(&s->sought, &attr);
	pthread_cond_init(&s->rest, &attr);
	pthread_condattr_destroy(&attr);
	mail_list_init(&s->submitted);
	mail_list_init(&s->queue);
	mail_list_init(&s->reads);
	mail_list_init(&s->searches);
	return &s->store;
}

static struct store *
backend_open(const struct conf *conf, char **error)
{
	return open_handed(conf, -1, error);
}

static int
backend_handle(const struct store *store)
{
	return ((const struct sqlite *)store)->lock_fd;
}

static void
backend_facts(struct store *store,
    void (*cb)(void *, const struct store_fact *), void *arg)
{
	struct sqlite *s = (struct sqlite *)store;
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->wdb, "SELECT key, value FROM facts "
	    "ORDER BY key", -1, &st, NULL);
	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		struct store_fact fact = {
			.key = (const char *)sqlite3_column_text(st, 0),
			.value = (const char *)sqlite3_column_text(st, 1)
		};

		cb(arg, &fact);
	}
	if (sqlite3_finalize(st) != SQLITE_OK || rc != SQLITE_OK)
		s->rooms_missed = true;
}

static void
backend_rooms(struct store *store,
    void (*cb)(void *, const struct store_room *), void *arg)
{
	struct sqlite *s = (struct sqlite *)store;
	sqlite3_stmt *st = NULL;
	int rc;

	rc = sqlite3_prepare_v2(s->wdb, "SELECT id, name, key, topic, head, "
	    "floor FROM rooms WHERE key IS NOT NULL ORDER BY id", -1, &st,
	    NULL);
	while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		struct store_room room = {
			.id = (uint32_t)sqlite3_column_int64(st, 0),
			.name = (const char *)sqlite3_column_text(st, 1),
			.key = (const char *)sqlite3_column_text(st, 2),
			.topic = (const char *)sqlite3_column_text(st, 3),
			.head = (uint64_t)sqlite3_column_int64(st, 4),
			.floor = (uint64_t)sqlite3_column_int64(st, 5)
		};

		cb(arg, &room);
	}
	if (sqlite3_finalize(st) != SQLITE_OK || rc != SQLITE_OK)
		s->rooms_missed = true;
}

static void
end_threads(struct sqlite *s, unsigned n)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_signal(&s->work);
	pthread_cond_signal(&s->asked);
	pthread_cond_signal(&s->sought);
	pthread_mutex_unlock(&s->lock);
	for (i = 0; i < n; i++)
		pthread_join(s->threads[i], NULL);
}

static bool
backend_start(struct store *store, struct mailbox *to, char **error)
{
	struct sqlite *s = (struct sqlite *)store;
	static void *(*const mains[THREADS])(void *) = {
		sqlite_writer, sqlite_reader, sqlite_searcher
	};
	unsigned n = 0;
	int rc = 0;

	s->to = to;
	if (s->rooms_missed) {
		*error = xasprintf("store: cannot read the rooms from %s: %s",
		    s->path, sqlite3_errmsg(s->wdb));
		return false;
	}
	while (n < THREADS && (rc = pthread_create(&s->threads[n], NULL,
	    mains[n], s)) == 0)
		n++;
	if (rc != 0) {
		end_threads(s, n);
		*error = xasprintf("store: cannot start a thread: %s",
		    strerror(rc));
		return false;
	}
	s->started = true;
	sqlite_sign_lock(s);
	return true;
}

static void
backend_submit(struct store *store, struct store_op *op)
{
	mail_list_add(&((struct sqlite *)store)->submitted, &op->mail);
}

static void
backend_flush(struct store *store)
{
	struct sqlite *s = (struct sqlite *)store;

	if (mail_list_empty(&s->submitted))
		return;
	pthread_mutex_lock(&s->lock);
	mail_list_join(&s->queue, &s->submitted);
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
}

static void
backend_read(struct store *store, struct store_read *r)
{
	struct sqlite *s = (struct sqlite *)store;

	bool search = r->kind == READ_SEARCH;

	pthread_mutex_lock(&s->lock);
	mail_list_add(search ? &s->searches : &s->reads, &r->mail);
	pthread_cond_signal(search ? &s->sought : &s->asked);
	pthread_mutex_unlock(&s->lock);
}

static void
backend_configure(struct store *store, const struct conf *conf)
{
	struct sqlite *s = (struct sqlite *)store;

	pthread_mutex_lock(&s->lock);
	sqlite_limits(s, conf);
	pthread_mutex_unlock(&s->lock);
}

static void
backend_rest(struct store *store)
{
	struct sqlite *s = (struct sqlite *)store;

	backend_flush(store);
	end_threads(s, THREADS);
	s->closing = s->started = false;
}

static void
backend_close(struct store *store)
{
	struct sqlite *s = (struct sqlite *)store;

	backend_flush(store);
	if (s->started)
		end_threads(s, THREADS);
	pthread_cond_destroy(&s->rest);
	pthread_cond_destroy(&s->asked);
	pthread_cond_destroy(&s->sought);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
	sqlite_files_close(s);
}

const struct store_backend store_sqlite = {
	.name = "sqlite",
	.open = backend_open,
	.facts = backend_facts,
	.rooms = backend_rooms,
	.start = backend_start,
	.submit = backend_submit,
	.flush = backend_flush,
	.read = backend_read,
	.configure = backend_configure,
	.close = backend_close,
	.open_handed = open_handed,
	.handle = backend_handle,
	.rest = backend_rest
};
