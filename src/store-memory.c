/*
 * The memory backend: each room is a ring of references to its messages,
 * under one lock that is held for a flush or a page. Ops complete in
 * store_flush(), on the hub's thread; reads complete at once, on the asker's.
 * Mail to the hub is posted under the lock as well, so that news of floors come
 * in order. It has no thread, so what is too old goes when its room is next
 * written or read, or when a flush comes round to it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "id-map.h"
#include "store-audits.h"
#include "store-keys.h"
#include "util.h"
#include "words.h"

#define WINDOW		1024		/* seqs a search looks at in one go */
#define SEARCH_US	30000		/* of a search */

struct room {
	uint32_t	 id;
	bool		 touched;	/* is in the list of touched ones */
	bool		 gone;		/* all of it is forgotten */
	bool		 inbox;
	struct room	*next;
	uint64_t	 floor;
	uint64_t	 bytes;		/* of msg_size() */
	struct msg	**ring;
	size_t		 cap;		/* 0 or a power of two */
	size_t		 first;		/* index of the oldest */
	size_t		 n;
};

struct memory {
	struct store	 store;
	struct mailbox	*to;
	struct mail_list pending;	/* submitted; the hub's thread only */

	pthread_mutex_t	 lock;		/* for all below */
	struct id_map	 rooms;
	struct room	*touched;
	size_t		 sweep;		/* a place in rooms */
	uint64_t	 seq;		/* the highest given */
	uint64_t	 bytes;		/* of all rooms */
	uint64_t	 bytes_max;
	uint64_t	 max, age, room_bytes;	/* retention; age in ms */
	struct store_marks marks;
	struct keys	 keys;
	struct audits	 audits;

	pthread_mutex_t	 searching;	/* for words; taken before lock */
	struct words	*words;		/* made by the first search */
};

static void
memory_configure(struct store *store, const struct conf *conf)
{
	struct memory *s = (struct memory *)store;

	pthread_mutex_lock(&s->lock);
	s->max = conf->history_max;
	s->age = conf->history_age * 1000;
	s->room_bytes = conf->history_bytes;
	audits_configure(&s->audits, conf);
	pthread_mutex_unlock(&s->lock);
}

/* However generous the configuration: never more than a quarter of the
 * machine's memory. */
static uint64_t
memory_bound(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	if (pages <= 0 || size <= 0)
		return UINT64_C(256) << 20;
	return (uint64_t)pages * (uint64_t)size / 4;
}

static struct store *
memory_open(const struct conf *conf, char **error)
{
	struct memory *s = xcalloc(1, sizeof(*s));

	(void)error;
	random_hex(s->store.epoch, (sizeof(s->store.epoch) - 1) / 2);
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->searching, NULL);
	mail_list_init(&s->pending);
	keys_init(&s->keys);
	audits_init(&s->audits);
	s->bytes_max = memory_bound();
	memory_configure(&s->store, conf);
	return &s->store;
}

/* What ends with the process needs no facts: who asks has them. */
static void
memory_facts(struct store *store, void (*cb)(void *, const struct store_fact *),
    void *arg)
{
	(void)store;
	(void)cb;
	(void)arg;
}

static void
memory_rooms(struct store *store, void (*cb)(void *, const struct store_room *),
    void *arg)
{
	(void)store;
	(void)cb;
	(void)arg;
}

static bool
memory_start(struct store *store, struct mailbox *to, char **error)
{
	(void)error;
	((struct memory *)store)->to = to;
	return true;
}

static void
memory_submit(struct store *store, struct store_op *op)
{
	mail_list_add(&((struct memory *)store)->pending, &op->mail);
}

static void
room_touch(struct memory *s, struct room *room)
{
	if (room->touched)
		return;
	room->touched = true;
	room->next = s->touched;
	s->touched = room;
}

static struct room *
room_get(struct memory *s, uint32_t id, const char *key)
{
	struct room *room = id_map_get(&s->rooms, id);

	if (room == NULL) {
		room = xcalloc(1, sizeof(*room));
		room->id = id;
		room->inbox = key[0] == '@';
		id_map_put(&s->rooms, id, room);
	}
	room_touch(s, room);
	room->gone = false;
	return room;
}

static struct msg *
ring_at(const struct room *room, size_t i)
{
	return room->ring[(room->first + i) & (room->cap - 1)];
}

/* Makes the ring this large; a power of two that holds all there is. */
static void
ring_resize(struct room *room, size_t cap)
{
	struct msg **ring = xmalloc(cap * sizeof(struct msg *));
	size_t i;

	for (i = 0; i < room->n; i++)
		ring[i] = ring_at(room, i);
	free(room->ring);
	room->ring = ring;
	room->cap = cap;
	room->first = 0;
}

/* The index of the first message with a seq above this one, or n. */
static size_t
ring_find(const struct room *room, uint64_t seq)
{
	size_t low = 0, high = room->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ring_at(room, mid)->seq > seq)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void
room_drop_oldest(struct memory *s, struct room *room)
{
	struct msg *m = ring_at(room, 0);

	room->floor = m->seq;
	room->bytes -= msg_size(m);
	s->bytes -= msg_size(m);
	room->first = (room->first + 1) & (room->cap - 1);
	room->n--;
	msg_unref(m);
}

static bool
room_over(const struct memory *s, const struct room *room, int64_t oldest,
    uint64_t young)
{
	if (room->n == 0)
		return false;
	if (s->age > 0 && ring_at(room, 0)->time < oldest &&
	    ring_at(room, 0)->seq <= young)
		return true;
	return room->n > 1 && ((s->max > 0 && room->n > s->max) ||
	    (s->room_bytes > 0 && room->bytes > s->room_bytes) ||
	    s->bytes > s->bytes_max);
}

/* Applies retention; adds the mail about it to the list. */
static void
room_prune(struct memory *s, struct room *room, int64_t now,
    struct mail_list *out)
{
	uint64_t floor = room->floor;
	uint64_t young = store_young(&s->marks, s->seq, s->age);
	int64_t oldest = now - (int64_t)s->age;
	struct store_pruned *p;

	while (room_over(s, room, oldest, young))
		room_drop_oldest(s, room);
	if (room->n == 0) {
		free(room->ring);
		room->ring = NULL;
		room->cap = room->first = 0;
	} else if (room->cap > 64 && room->n * 8 < room->cap)
		ring_resize(room, room->cap / 4);
	if (room->floor == floor)
		return;
	p = xmalloc(sizeof(*p));
	*p = (struct store_pruned){ .mail.kind = MAIL_PRUNED, .room = room->id,
	    .floor = room->floor };
	mail_list_add(out, &p->mail);
}

static void
insert(struct memory *s, struct room *room, struct msg *m, int64_t at)
{
	m->seq = ++s->seq;
	m->time = at;
	if (room->n == room->cap)
		ring_resize(room, room->cap ? room->cap * 2 : 16);
	room->ring[(room->first + room->n++) & (room->cap - 1)] = msg_ref(m);
	room->bytes += msg_size(m);
	s->bytes += msg_size(m);
}

static void
append(struct memory *s, struct store_op *op, int64_t now)
{
	struct room *room = room_get(s, op->room, op->key);

	if (keys_check(&s->keys, op, s->seq + 1, now))
		return;
	insert(s, room, op->msg, now);
	op->seq = s->seq;
	op->time = now;
}

static void
import(struct memory *s, const struct store_op *op)
{
	struct room *room = room_get(s, op->room, op->key);
	uint32_t i;

	for (i = 0; i < op->nmsgs; i++)
		insert(s, room, op->msgs[i], op->msgs[i]->time);
}

static void
room_free(struct memory *s, struct room *room)
{
	while (room->n > 0)
		room_drop_oldest(s, room);
	free(room->ring);
	free(room);
}

static void
forget(struct memory *s, struct store_op *op)
{
	struct room *room = id_map_get(&s->rooms, op->room);

	if (room == NULL)
		return;
	while (room->n > 0 && ring_at(room, 0)->seq <= op->seq)
		room_drop_oldest(s, room);
	if (room->n == 0 && op->seq >= room->floor)
		room->gone = true;
	room_touch(s, room);
}

/* A message is shared and frozen: another one takes its place. */
static void
blank(struct memory *s, struct room *room, size_t i)
{
	struct msg **at = &room->ring[(room->first + i) & (room->cap - 1)];
	struct msg *old = *at, *m = msg_new((enum msg_kind)old->kind,
	    msg_from(old), msg_to(old), NULL, 0, NULL);

	m->room = old->room;
	m->seq = old->seq;
	m->time = old->time;
	m->flags = old->flags | MSG_REDACTED;
	room->bytes -= msg_size(old) - msg_size(m);
	s->bytes -= msg_size(old) - msg_size(m);
	*at = m;
	msg_unref(old);
}

static void
redact(struct memory *s, struct store_op *op, int64_t now)
{
	struct room *room = id_map_get(&s->rooms, op->room);
	struct msg *m;
	size_t i;

	op->error = STORE_NO_MESSAGE;
	if (room == NULL || op->target == 0 ||
	    (i = ring_find(room, op->target - 1)) == room->n)
		return;
	m = ring_at(room, i);
	if (m->seq != op->target || m->kind > MSG_NOTICE ||
	    (m->flags & MSG_REDACTED) ||
	    !store_may_redact(op, msg_from(m), m->author, m->time))
		return;
	op->error = STORE_OK;
	blank(s, room, i);
	append(s, op, now);
}

static void
erase(struct memory *s, const char *key)
{
	struct room *room;
	size_t pos = 0, i;

	keys_erase(&s->keys, key);
	while ((room = id_map_next(&s->rooms, &pos)) != NULL) {
		for (i = 0; i < room->n; i++) {
			const struct msg *m = ring_at(room, i);

			if (m->kind <= MSG_NOTICE && !(m->flags &
			    MSG_REDACTED) && store_is_from(msg_from(m), key))
				blank(s, room, i);
		}
	}
}

static void
run_op(struct memory *s, struct store_op *op, int64_t now)
{
	switch (op->kind) {
	case STORE_APPEND:
		append(s, op, now);
		break;
	case STORE_IMPORT:
		import(s, op);
		break;
	case STORE_FORGET:
		forget(s, op);
		break;
	case STORE_REDACT:
		redact(s, op, now);
		break;
	case STORE_ERASE:
		erase(s, op->text);
		break;
	case STORE_SEEK_KEY:
		keys_known(&s->keys, op);
		break;
	case STORE_TOPIC:
	case STORE_FACTS:
		break;
	}
	if (op->audit != NULL && op->error == STORE_OK && !op->duplicate)
		audits_put(&s->audits, store_audit_room(op), op->audit, now);
}

static void
run(struct memory *s, struct mail *first, struct mail_list *out)
{
	uint64_t began = clock_us();
	int64_t now = clock_wall();
	struct room *room;
	struct mail *m;

	keys_expire(&s->keys, s->seq, now);
	for (m = first; m != NULL; m = m->next)
		run_op(s, (struct store_op *)m, now);
	if (s->age > 0 && s->rooms.n > 0) {
		if ((room = id_map_next(&s->rooms, &s->sweep)) == NULL)
			s->sweep = 0;
		else
			room_prune(s, room, now, out);
	}
	while ((room = s->touched) != NULL) {
		s->touched = room->next;
		room->touched = false;
		room_prune(s, room, now, out);
		if (room->gone) {
			id_map_del(&s->rooms, room->id);
			room_free(s, room);
		}
	}
	store_count(&s->store, first, clock_us() - began);
}

static void
memory_flush(struct store *store)
{
	struct memory *s = (struct memory *)store;
	struct mail_list pruned;

	if (mail_list_empty(&s->pending))
		return;
	mail_list_init(&pruned);
	pthread_mutex_lock(&s->lock);
	run(s, s->pending.first, &pruned);
	mail_list_join(&s->pending, &pruned);
	mailbox_post(s->to, &s->pending);
	pthread_mutex_unlock(&s->lock);
}

/* Takes references from first on, upwards, or from first down. */
static void
take(struct room *room, struct store_read *r, size_t first, size_t n, bool up)
{
	size_t bytes = 0, i;

	if (n == 0)
		return;
	r->more = n > r->limit;
	if (r->more)
		n = r->limit;
	r->msgs = xmalloc(n * sizeof(struct msg *));
	for (i = 0; i < n; i++) {
		struct msg *m = ring_at(room, up ? first + i : first - i);

		if (i > 0 && msg_size(m) > r->bytes - bytes) {
			r->more = true;
			break;
		}
		bytes += msg_size(m);
		if (bytes > r->bytes)
			bytes = r->bytes;
		r->msgs[i] = msg_ref(m);
	}
	r->n = (uint32_t)i;
	for (i = 0; !up && i < r->n / 2; i++) {
		struct msg *m = r->msgs[i];

		r->msgs[i] = r->msgs[r->n - 1 - i];
		r->msgs[r->n - 1 - i] = m;
	}
}

/* Those before end that are not from who is named so. */
static void
count_others(const struct room *room, struct store_read *r, size_t first,
    size_t end)
{
	size_t look = (size_t)r->limit * STORE_LOOK, n = 0, i;

	for (i = first; i < end && i - first <= look; i++)
		n += strcmp(msg_from(ring_at(room, i)), r->query) != 0;
	r->more = n > r->limit || i - first > look;
	r->count = n > r->limit ? r->limit : (uint32_t)n;
}

static void
read_room(struct room *room, struct store_read *r)
{
	size_t end = r->before ? ring_find(room, r->before - 1) : room->n;
	size_t first = ring_find(room, r->after);

	r->floor = room->floor;
	switch (r->kind) {
	case READ_AFTER:
		take(room, r, first, room->n - first, true);
		break;
	case READ_BEFORE:
		if (end > first)
			take(room, r, end - 1, end - first, false);
		break;
	case READ_SEEK:
		r->more = end > r->limit;
		r->after = r->more ? ring_at(room, end - r->limit - 1)->seq : 0;
		break;
	case READ_COUNT:
		if (r->query != NULL) {
			count_others(room, r, first, end);
			break;
		}
		r->more = room->n - first > r->limit;
		r->count = r->more ? r->limit : (uint32_t)(room->n - first);
		break;
	case READ_SEARCH:
	case READ_AUDIT:
		break;
	}
}

static bool
may_search(const struct store_read *r, const struct room *room)
{
	uint32_t i;

	for (i = 0; i < r->nhidden && r->hidden[i] <= room->id; i++) {
		if (r->hidden[i] == room->id)
			return false;
	}
	return r->room != 0 ? room->id == r->room :
	    !room->inbox || room->id == r->inbox;
}

static int
newest_first(const void *a, const void *b)
{
	uint64_t x = (*(struct msg *const *)a)->seq;
	uint64_t y = (*(struct msg *const *)b)->seq;

	return (x < y) - (x > y);
}

/* References to what may be found with low <= seq < top, newest first; what is
 * too old goes before. */
static size_t
window(struct memory *s, const struct store_read *r, uint64_t low,
    uint64_t top, struct msg *msgs[WINDOW], struct mail_list *pruned)
{
	int64_t now = clock_wall();
	struct room *room;
	size_t pos = 0, n = 0, i;

	while ((room = id_map_next(&s->rooms, &pos)) != NULL) {
		if (!may_search(r, room))
			continue;
		if (s->age > 0)
			room_prune(s, room, now, pruned);
		if (room->n == 0)
			continue;
		for (i = ring_find(room, low - 1); i < room->n &&
		    ring_at(room, i)->seq < top; i++) {
			struct msg *m = ring_at(room, i);

			if (m->kind <= MSG_NOTICE && !(m->flags & MSG_REDACTED))
				msgs[n++] = msg_ref(m);
		}
	}
	qsort(msgs, n, sizeof(struct msg *), newest_first);
	return n;
}

/* Takes those that match; false if the page is full. Drops the references. */
static bool
take_found(struct memory *s, struct store_read *r, struct words_query *q,
    struct msg **msgs, size_t n, size_t *bytes)
{
	bool room = true;
	size_t i;

	for (i = 0; i < n; i++) {
		struct msg *m = msgs[i];

		if (room && words_match(s->words, q, msg_text(m),
		    m->text_len)) {
			room = r->n < r->limit && (r->n == 0 ||
			    msg_size(m) <= r->bytes - *bytes);
			if (room) {
				*bytes = msg_size(m) < r->bytes - *bytes ?
				    *bytes + msg_size(m) : r->bytes;
				r->msgs = xrealloc(r->msgs, (r->n + 1) *
				    sizeof(struct msg *));
				r->msgs[r->n++] = msg_ref(m);
			}
		}
		msg_unref(m);
	}
	return room;
}

/* Newest to oldest, in windows of seqs, the lock held for one at a time. */
static void
look_through(struct memory *s, struct store_read *r, struct words_query *q)
{
	uint64_t end = clock_us() + SEARCH_US, low;
	uint64_t top = r->before ? r->before : UINT64_MAX;
	struct msg *msgs[WINDOW] = { NULL };
	struct mail_list pruned;
	size_t n, bytes = 0;

	mail_list_init(&pruned);
	do {
		pthread_mutex_lock(&s->lock);
		if (top > s->seq)
			top = s->seq + 1;
		low = top > WINDOW ? top - WINDOW : 1;
		n = window(s, r, low, top, msgs, &pruned);
		mailbox_post(s->to, &pruned);
		pthread_mutex_unlock(&s->lock);
		if (!take_found(s, r, q, msgs, n, &bytes)) {
			r->more = true;
			r->before = r->msgs[r->n - 1]->seq;
			return;
		}
		top = low;
	} while (low > 1 && clock_us() < end);
	r->more = low > 1;
	if (r->more)
		r->before = low;
}

static void
search(struct memory *s, struct store_read *r)
{
	struct words_query q;

	pthread_mutex_lock(&s->searching);
	if (s->words == NULL && (s->words = words_new()) == NULL)
		r->error = STORE_UNAVAILABLE;
	else {
		if (!words_parse(s->words, r->query ? r->query : "", &q))
			r->error = STORE_BAD_QUERY;
		else
			look_through(s, r, &q);
		words_query_free(&q);
	}
	pthread_mutex_unlock(&s->searching);
	mailbox_post_one(r->to, &r->mail);
}

static void
memory_read(struct store *store, struct store_read *r)
{
	struct memory *s = (struct memory *)store;
	struct mail_list pruned;
	struct room *room;

	if (r->kind == READ_SEARCH) {
		search(s, r);
		return;
	}
	mail_list_init(&pruned);
	pthread_mutex_lock(&s->lock);
	if (r->kind == READ_AUDIT)
		audits_read(&s->audits, r, clock_wall());
	else if ((room = id_map_get(&s->rooms, r->room)) != NULL) {
		if (s->age > 0)
			room_prune(s, room, clock_wall(), &pruned);
		read_room(room, r);
	} else if (r->kind == READ_SEEK)
		r->after = 0;
	mailbox_post(s->to, &pruned);
	pthread_mutex_unlock(&s->lock);
	mailbox_post_one(r->to, &r->mail);
}

static void
memory_close(struct store *store)
{
	struct memory *s = (struct memory *)store;
	struct room *room;
	size_t pos = 0;

	memory_flush(store);
	while ((room = id_map_next(&s->rooms, &pos)) != NULL)
		room_free(s, room);
	id_map_free(&s->rooms);
	keys_free(&s->keys);
	audits_free(&s->audits);
	words_free(s->words);
	pthread_mutex_destroy(&s->searching);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

const struct store_backend store_memory = {
	.name = "memory",
	.open = memory_open,
	.facts = memory_facts,
	.rooms = memory_rooms,
	.start = memory_start,
	.submit = memory_submit,
	.flush = memory_flush,
	.read = memory_read,
	.configure = memory_configure,
	.close = memory_close
};
