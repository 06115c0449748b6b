#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

#define NEWS_FIRST	4	/* messages a new batch has room for */

struct room *
room_find(const struct hub *h, const char *key)
{
	return table_get(&h->rooms, key);
}

struct room *
room_by_id(const struct hub *h, uint32_t id)
{
	return roll_find(&h->room_roll, id);
}

static struct room *
room_alloc(struct hub *h, uint32_t id, const char *key, const char *shown)
{
	size_t nkey = strlen(key) + 1, nshown = strlen(shown) + 1;
	struct room *room;
	size_t at = sizeof(*room) + h->nloops * sizeof(room->loops[0]);
	bool same = strcmp(key, shown) == 0;

	room = xcalloc(1, at + nkey + (same ? 0 : nshown));
	room->id = id;
	room->key_at = room->shown_at = (uint16_t)at;
	memcpy((char *)room + at, key, nkey);
	if (!same) {
		room->shown_at = (uint16_t)(at + nkey);
		memcpy((char *)room + room->shown_at, shown, nshown);
	}
	room->inbox = key[0] == '@';
	room->rules = rules_find(h, key);
	mail_list_init(&room->answers);
	roll_add(&h->room_roll, id, room);
	if (!room->inbox)
		skeletons_add(&h->looks, room);
	return room;
}

/* It is found by its key from now on; and no more. */
void
room_enlist(struct hub *h, struct room *room)
{
	table_put(&h->rooms, room);
	h->ninboxes += room->inbox;
}

static void
room_delist(struct hub *h, struct room *room)
{
	table_del(&h->rooms, room_key(room));
	h->ninboxes -= room->inbox;
}

struct room *
room_new(struct hub *h, const char *key, const char *shown)
{
	struct room *room;

	if (h->last_id == UINT32_MAX)
		return NULL;
	room = room_alloc(h, ++h->last_id, key, shown);
	room_enlist(h, room);
	return room;
}

/* The store's, which may have been brought there. */
static char *
topic_clean(const char *topic)
{
	struct buf b = { 0 };
	char *s;

	text_clean(&b, topic, strlen(topic));
	s = xstrdup(buf_str(&b));
	buf_free(&b);
	return s;
}

void
room_adopt(struct hub *h, const struct store_room *from)
{
	struct account *a = from->key[0] == '@' ?
	    account_find(h, from->key + 1) : NULL;
	struct room *room;

	if (from->id > h->last_id)
		h->last_id = from->id;

	room = room_alloc(h, from->id, from->key, from->name);
	room->head = from->head;
	room->floor = from->floor;
	room->stored = true;
	/* An inbox's guest did not outlive the daemon: see hub_flush(). */
	if (room->inbox && a == NULL) {
		room->dead = true;
		h->stale = true;
		return;
	}
	if (a != NULL)
		a->inbox = room;
	if (from->topic[0] != '\0')
		room->topic = topic_clean(from->topic);
	room_enlist(h, room);
}

struct room *
room_restore(struct hub *h, const struct store_room *from, bool stored)
{
	struct room *room = room_alloc(h, from->id, from->key, from->name);
	struct account *a = room->inbox ? account_find(h, from->key + 1) : NULL;

	if (from->id > h->last_id)
		h->last_id = from->id;
	room->head = from->head;
	room->floor = from->floor;
	room->stored = stored;
	room_enlist(h, room);
	if (a != NULL)
		a->inbox = room;
	return room;
}

/* Does a loop still write what it was given of this room before? */
static bool
news_wait(const struct hub *h, const struct room *room)
{
	unsigned loop;

	if (h->out.writing == NULL || room->news == NULL)
		return false;
	for (loop = 0; loop < h->nloops; loop++) {
		if (room->loops[loop].members > 0 &&
		    h->out.writing(h->out.arg, loop, room->loops[loop].stamp))
			return true;
	}
	return false;
}

static void
answers_post(struct hub *h, struct room *room)
{
	struct mail *m = room->answers.first, *next;

	mail_list_init(&room->answers);
	for (; m != NULL; m = next) {
		next = m->next;
		hub_reply_late(h, (struct request *)m);
	}
}

void
news_answer(struct hub *h, struct room *room, struct request *req)
{
	if (!mail_list_empty(&room->answers) || news_wait(h, room))
		mail_list_add(&room->answers, &req->mail);
	else
		hub_reply_late(h, req);
}

static void
news_drop(struct hub *h, struct room *room)
{
	if (room->listed != 0)
		h->news[room->listed - 1] = NULL;
	room->listed = 0;
	if (room->news != NULL)
		batch_free(room->news);
	answers_post(h, room);
	room->news = NULL;
}

void
room_free(struct hub *h, struct room *room)
{
	roll_del(&h->room_roll, room->id);
	if (!room->inbox)
		skeletons_del(&h->looks, room);
	if (!room->dead)
		room_delist(h, room);
	news_drop(h, room);
	free(room->members);
	free(room->topic);
	free(room);
}

void
room_settle(struct hub *h, struct room *room)
{
	if (room->nmembers > 0 || room->pending > 0)
		return;
	if (room->dead && !room->forgotten && (room->stored ||
	    room->head > room->floor)) {
		struct store_op forget = { .kind = STORE_FORGET,
		    .seq = room->head };

		/* If the store can't now, the next start forgets it. */
		room->floor = room->head;
		room->forgotten = true;
		hub_submit(h, room, &forget);
	} else if (room->dead || (!room->stored && !room->inbox))
		room_free(h, room);
}

static struct room *
inbox_new(struct hub *h, const char *of_key, const char *of_shown)
{
	char key[NAME_SIZE + 1], shown[NAME_SIZE + 1];

	snprintf(key, sizeof(key), "@%s", of_key);
	snprintf(shown, sizeof(shown), "@%s", of_shown);
	return room_new(h, key, shown);
}

struct room *
inbox_get(struct hub *h, struct user *u)
{
	struct account *a = user_account(h, u);
	struct room *inbox = user_inbox(h, u);

	if (inbox == NULL) {
		inbox = a != NULL ? inbox_of(h, a) :
		    inbox_new(h, user_key(u), user_shown(u));
		if (inbox != NULL)
			inbox->owner = u;
	}
	return inbox;
}

struct room *
inbox_of(struct hub *h, struct account *a)
{
	if (a->inbox == NULL && (a->inbox = inbox_new(h, account_key(a),
	    account_shown(a))) != NULL)
		a->inbox->owner = user_find(h, account_key(a));
	return a->inbox;
}

void
inbox_rest(struct hub *h, struct room *room, const struct user *u)
{
	room->owner = NULL;
	if (room->stored || room->pending > 0)
		return;
	user_account(h, u)->inbox = NULL;
	room_free(h, room);
}

void
inbox_end(struct hub *h, struct room *room, uint32_t heir)
{
	news_post(h, room);
	while (room->nmembers > 0)
		member_remove(room->members[0]);
	room_delist(h, room);
	room->dead = true;
	room->heir = heir;
	room->owner = NULL;
	room_settle(h, room);
}

struct member *
member_find(struct login *l, const struct room *room)
{
	struct member **at, *m;

	for (at = &l->members; (m = *at) != NULL; at = &m->next) {
		if (m->room == room) {
			/* The next one to be asked for, most likely. */
			*at = m->next;
			m->next = l->members;
			l->members = m;
			return m;
		}
	}
	return NULL;
}

bool
member_is_first(const struct member *m)
{
	struct login *l;

	for (l = m->login->user->logins; l != m->login; l = l->next) {
		if (member_find(l, m->room) != NULL)
			return false;
	}
	return true;
}

bool
user_in_room(const struct user *u, const struct room *room)
{
	struct login *l;

	for (l = u->logins; l != NULL; l = l->next) {
		if (member_find(l, room) != NULL)
			return true;
	}
	return false;
}

void
member_set_role(struct member *m, enum role role)
{
	if (m->role == ROLE_OWNER)
		m->room->owners--;
	m->role = (uint8_t)role;
	if (m->role == ROLE_OWNER)
		m->room->owners++;
}

struct member *
member_add(struct room *room, struct login *l)
{
	struct member *m;

	if (!user_in_room(l->user, room))
		room->users++;
	m = xcalloc(1, sizeof(*m));
	m->room = room;
	m->login = l;
	member_set_role(m, room->inbox ? ROLE_OWNER : ROLE_NONE);
	if (room->nmembers == room->cap) {
		room->cap = room->cap ? room->cap * 2 : 4;
		room->members = xrealloc(room->members,
		    room->cap * sizeof(struct member *));
	}
	m->index = room->nmembers;
	room->members[room->nmembers++] = m;
	room->loops[CLIENT_LOOP(l->client)].members++;
	m->next = l->members;
	l->members = m;
	if (!room->inbox) {
		l->nrooms++;
		l->roamed = true;
	}
	return m;
}

void
member_reverse(struct login *l)
{
	struct member *m, *list = NULL;

	while ((m = l->members) != NULL) {
		l->members = m->next;
		m->next = list;
		list = m;
	}
	l->members = list;
}

void
member_hold(struct member *m)
{
	m->room->loops[CLIENT_LOOP(m->login->client)].members--;
	if (!m->room->inbox)
		m->login->nrooms--;
	m->held = true;
	m->login->holds = true;
}

void
member_remove(struct member *m)
{
	struct room *room = m->room;
	struct login *l = m->login;
	struct member **at = &l->members, *last;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	member_set_role(m, ROLE_NONE);
	if (!m->held) {
		room->loops[CLIENT_LOOP(l->client)].members--;
		if (!room->inbox)
			l->nrooms--;
	}
	last = room->members[--room->nmembers];
	room->members[m->index] = last;
	last->index = m->index;
	if (room->cap > 16 && room->nmembers * 4 < room->cap) {
		room->cap /= 2;
		room->members = xrealloc(room->members,
		    room->cap * sizeof(struct member *));
	}
	if (!user_in_room(l->user, room)) {
		room->users--;
		if (room->rules != NULL)
			rules_left(room->rules, user_key(l->user));
	}
	free(m);
}

const struct taken_place *
taken_places(const struct hub *h, const struct login *l)
{
	return l->taken ? id_map_get(&h->taken, l->sid) : NULL;
}

void
taken_forget(struct hub *h, struct login *l)
{
	struct taken_place *t, *next;

	if (!l->taken)
		return;
	for (t = id_map_del(&h->taken, l->sid); t != NULL; t = next) {
		next = t->next;
		msg_unref(t->why);
		free(t);
	}
	l->taken = false;
}

static void
remember_taken(struct hub *h, const struct member *m, struct msg *why)
{
	size_t n = strlen(room_shown(m->room)) + 1;
	struct taken_place *t = xmalloc(sizeof(*t) + n);

	*t = (struct taken_place){ m->login->taken ?
	    id_map_del(&h->taken, m->login->sid) : NULL, msg_ref(why),
	    m->room->id };
	memcpy(t->room, room_shown(m->room), n);
	id_map_put(&h->taken, m->login->sid, t);
	m->login->taken = true;
}

void
member_expel(struct hub *h, struct member *m, struct msg *why)
{
	struct unplace_mail *mail;

	if (!m->held) {
		remember_taken(h, m, why);
		mail = xcalloc(1, sizeof(*mail));
		mail->mail.kind = MAIL_UNPLACE;
		mail->client = m->login->client;
		mail->room_id = m->room->id;
		mail->after = m->after;
		mail->why = msg_ref(why);
		h->out.unplace(h->out.arg, mail);
	}
	member_remove(m);
}

uint32_t
room_presence(const struct hub *h, const struct room *room)
{
	uint32_t limit = room->rules != NULL ?
	    room->rules->set.value[SET_PRESENCE] : PRESENCE_CONF;

	return limit != PRESENCE_CONF ? limit :
	    (uint32_t)h->conf->presence_limit;
}

void
member_leave(struct hub *h, struct member *m, const char *reason)
{
	struct room *room = m->room;
	struct user *u = m->login->user;
	uint32_t before = room->users;

	member_remove(m);
	if (room->users < before && before <= room_presence(h, room) &&
	    !room->inbox)
		news_add(h, room, msg_new(MSG_LEAVE, user_shown(u), NULL,
		    reason, reason != NULL ? strlen(reason) : 0, NULL));
	room_settle(h, room);
}

void
news_add(struct hub *h, struct room *room, struct msg *m)
{
	struct batch *b = room->news;

	if (room->nmembers == 0) {
		msg_unref(m);
		return;
	}
	if (!msg_stored(m))	/* a stored one is the store's as well */
		m->room = room->id;
	if (b == NULL || b->n == b->cap) {
		uint32_t cap = b != NULL ? b->cap * 2 : NEWS_FIRST;

		b = xrealloc(b, sizeof(*b) + cap * sizeof(b->msgs[0]));
		if (room->news == NULL)
			*b = (struct batch){ .mail.kind = MAIL_BATCH,
			    .room = room->id };
		b->cap = cap;
		room->news = b;
	}
	b->msgs[b->n++] = m;
	b->bytes += msg_size(m);
	if (room->listed == 0) {
		if (h->nnews == h->news_cap) {
			h->news_cap = h->news_cap ? h->news_cap * 2 : 64;
			h->news = xrealloc(h->news,
			    h->news_cap * sizeof(*h->news));
		}
		h->news[h->nnews++] = room;
		room->listed = h->nnews;
	}
}

void
news_post_all(struct hub *h, bool wait)
{
	struct room *room;
	uint32_t i, n = 0;

	for (i = 0; i < h->nnews; i++) {
		if ((room = h->news[i]) == NULL)
			continue;
		if (wait && news_wait(h, room)) {
			h->news[n++] = room;
			room->listed = n;
			continue;
		}
		room->listed = 0;
		news_post(h, room);
	}
	h->nnews = n;
}

/* Behind all that was given; to a loop, of one room or of all. */
static uint32_t
post_without(struct hub *h, unsigned loop, uint32_t room, uint64_t skip,
    bool forget)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->mail.kind = MAIL_BATCH;
	b->room = room;
	b->skip = skip;
	b->forget = forget;
	return h->out.batch(h->out.arg, loop, b);
}

void
news_forget(struct hub *h)
{
	unsigned loop;

	news_post_all(h, false);
	for (loop = 0; loop < h->nloops; loop++)
		post_without(h, loop, 0, 0, true);
}

void
news_skip(struct hub *h, struct room *room, uint64_t seq)
{
	unsigned loop;

	news_post(h, room);
	for (loop = 0; loop < h->nloops; loop++) {
		if (room->loops[loop].members > 0)
			room->loops[loop].stamp = post_without(h, loop,
			    room->id, seq, false);
	}
}

static struct batch *
batch_copy(const struct batch *b)
{
	struct batch *copy;
	size_t size = sizeof(*b) + b->n * sizeof(b->msgs[0]);
	uint32_t i;

	copy = (void *)xmemdup(b, size);
	copy->cap = b->n;
	for (i = 0; i < b->n; i++)
		msg_ref(b->msgs[i]);
	return copy;
}

void
news_post(struct hub *h, struct room *room)
{
	struct batch *b = room->news;
	unsigned loop, last = h->nloops;

	if (b == NULL)
		return;
	room->news = NULL;
	answers_post(h, room);
	for (loop = 0; loop < h->nloops; loop++) {
		if (room->loops[loop].members == 0)
			continue;
		if (last < h->nloops)
			room->loops[last].stamp = h->out.batch(h->out.arg,
			    last, batch_copy(b));
		last = loop;
	}
	if (last < h->nloops)
		room->loops[last].stamp = h->out.batch(h->out.arg, last, b);
	else
		batch_free(b);
}
