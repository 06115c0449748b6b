/*
 * What the hub knows, as a record for the hub of another daemon, and back:
 * rooms that the store does not know (and all inboxes), users, their sessions
 * and places, who has tries left, who is known where, and who has to wait
 * before they speak again. Tags are for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "record.h"
#include "tries.h"
#include "util.h"

#define KEY_MAX		(NAME_SIZE + 64)	/* bytes of what is tried */

enum { H_LAST_ID = 1, H_ROOM, H_USER, H_TRIED, H_REGISTERED,
	H_PROVED, H_TURN, H_FORMER };
enum { N_ROOM = 1, N_KEY, N_MS };
enum { F_KEY = 1, F_SHOWN, F_WHOSE, F_SID, F_AGE, F_AUTHOR };
enum { P_KEY = 1, P_FROM };
enum { T_KEY = 1, T_MS };
enum { R_ID = 1, R_NAME, R_KEY, R_HEAD, R_FLOOR, R_STORED };
enum { U_KEY = 1, U_SHOWN, U_AWAY, U_INBOX, U_LOGIN, U_IGNORED };
enum { I_KEY = 1, I_NAME, I_AT };
enum { L_SID = 1, L_SECRET, L_MEMBER, L_ADDRESS, L_INVITED,
	L_MARKS, L_AUTHOR, L_TOKEN, L_ROAMED };
/* M_OWNER is that of older daemons; M_CAME is a guest's. */
enum { M_ROOM = 1, M_SEEN, M_OWNER, M_HELD, M_ROLE, M_CAME };

/* Writing. */

static void
save_room(const struct room *room, struct buf *b)
{
	size_t begun = record_begin(b, H_ROOM);

	record_addu(b, R_ID, room->id);
	record_adds(b, R_NAME, room_shown(room));
	record_adds(b, R_KEY, room_key(room));
	record_addu(b, R_HEAD, room->head);
	record_addu(b, R_FLOOR, room->floor);
	record_addu(b, R_STORED, room->stored);
	record_end(b, begun);
}

static const struct arrival *
arrival(const struct room *room, const struct user *u)
{
	return room->rules != NULL ?
	    table_get(&room->rules->arrivals, user_key(u)) : NULL;
}

static const struct token *
login_token(const struct hub *h, const struct login *l)
{
	const struct account *a = user_account(h, l->user);

	return a != NULL && l->token != 0 ? token_by_num(a, l->token) : NULL;
}

static void
save_login(const struct hub *h, const struct login *l, struct buf *b)
{
	size_t begun = record_begin(b, U_LOGIN), place;
	const struct arrival *came;
	const struct invite *i;
	const struct member *m;
	const struct token *t;

	record_addu(b, L_SID, l->sid);
	record_add(b, L_SECRET, l->secret, sizeof(l->secret));
	if (l->address != NULL)
		record_adds(b, L_ADDRESS, address_text(l->address));
	if (l->marks)
		record_addu(b, L_MARKS, true);
	if (l->roamed)
		record_addu(b, L_ROAMED, true);
	if (l->heir)
		record_addu(b, L_AUTHOR, login_author(h, l));
	if ((t = login_token(h, l)) != NULL)
		record_adds(b, L_TOKEN, t->label);
	for (i = rules_invites(h, l->sid); i != NULL; i = i->next)
		record_adds(b, L_INVITED, i->rules->key);
	for (m = l->members; m != NULL; m = m->next) {
		place = record_begin(b, L_MEMBER);
		record_addu(b, M_ROOM, m->room->id);
		record_addu(b, M_SEEN, m->after);
		record_addu(b, M_HELD, m->held);
		record_addu(b, M_ROLE, m->role);
		came = arrival(m->room, l->user);
		if (came != NULL && !came->kept)
			record_addu(b, M_CAME, came->seq + 1);
		record_end(b, place);
	}
	record_end(b, begun);
}

/* An account's are stored. */
static void
save_ignores(const struct ignores *list, struct buf *b)
{
	size_t begun;
	uint32_t i;

	for (i = 0; list != NULL && i < list->n; i++) {
		begun = record_begin(b, U_IGNORED);
		record_adds(b, I_KEY, list->list[i].key);
		record_adds(b, I_NAME, list->list[i].name);
		record_addu(b, I_AT, (uint64_t)list->list[i].at);
		record_end(b, begun);
	}
}

static void
save_user(const struct hub *h, const struct user *u, struct buf *b)
{
	size_t begun = record_begin(b, H_USER);
	const struct room *inbox = user_inbox(h, u);
	const struct login *l;

	record_adds(b, U_KEY, user_key(u));
	record_adds(b, U_SHOWN, user_shown(u));
	record_adds(b, U_AWAY, user_away(u));
	if (inbox != NULL)
		record_addu(b, U_INBOX, inbox->id);
	for (l = u->logins; l != NULL; l = l->next)
		save_login(h, l, b);
	if (user_account(h, u) == NULL)
		save_ignores(ignores_of(h, user_key(u)), b);
	record_end(b, begun);
}

struct saving {
	struct buf	*b;
	unsigned	 tag;
};

static void
save_tried(void *arg, const char *key, uint64_t ms)
{
	const struct saving *x = arg;
	size_t begun = record_begin(x->b, x->tag);

	record_adds(x->b, T_KEY, key);
	record_addu(x->b, T_MS, ms);
	record_end(x->b, begun);
}

/* From where an account's password was proved: see guess_begin(). */
static void
save_proved(const struct account *a, struct buf *b)
{
	size_t begun;

	if (a->proved_from == NULL)
		return;
	begun = record_begin(b, H_PROVED);
	record_adds(b, P_KEY, account_key(a));
	record_adds(b, P_FROM, a->proved_from);
	record_end(b, begun);
}

/* Who has spoken in a room with a pace, and has to wait still. */
static void
save_turns(const struct rules *r, struct buf *b)
{
	const struct turn *t;
	uint32_t wait;
	size_t pos = 0, begun;

	while ((t = table_next(&r->turns, &pos)) != NULL) {
		if ((wait = rules_wait(r, t->key)) == 0)
			continue;
		begun = record_begin(b, H_TURN);
		record_adds(b, N_ROOM, r->key);
		record_adds(b, N_KEY, t->key);
		record_addu(b, N_MS, wait);
		record_end(b, begun);
	}
}

static void
save_former(const struct former *f, uint64_t now, struct buf *b)
{
	size_t begun = record_begin(b, H_FORMER);

	record_adds(b, F_KEY, f->key);
	record_adds(b, F_SHOWN, f->shown);
	record_adds(b, F_WHOSE, f->whose);
	record_addu(b, F_SID, f->sid);
	record_addu(b, F_AUTHOR, f->author);
	record_addu(b, F_AGE, now - f->at);
	record_end(b, begun);
}

void
hub_save(const struct hub *h, struct buf *b)
{
	uint64_t now = clock_ms();
	const struct former *f;
	const struct account *a;
	const struct rules *rules;
	const struct room *room;
	const struct user *u;
	uint32_t at = 0;
	size_t pos = 0;

	record_addu(b, H_LAST_ID, h->last_id);
	while ((room = roll_next(&h->room_roll, &at)) != NULL) {
		if (!room->dead && (!room->stored || room->inbox))
			save_room(room, b);
	}
	while ((u = table_next(&h->users, &pos)) != NULL)
		save_user(h, u, b);
	for (pos = 0; (rules = table_next(&h->rules, &pos)) != NULL;)
		save_turns(rules, b);
	for (at = 0; (a = roll_next(&h->account_roll, &at)) != NULL;)
		save_proved(a, b);
	for (at = 0; (f = formers_next(&h->formers, now, &at)) != NULL;)
		save_former(f, now, b);
	tries_each(h->tries, now, save_tried,
	    &(struct saving){ b, H_TRIED });
	tries_each(h->registers, now, save_tried,
	    &(struct saving){ b, H_REGISTERED });
}

/* Reading. */

struct restoring {
	struct hub	*hub;
	const uint32_t	*sids;		/* of the sessions there are */
	size_t		 nsids;
	/* rooms that the store has not given, by id */
	struct new_room {
		struct store_room from;
		bool		 stored;
	}		*rooms;
	size_t		 nrooms;
	uint32_t	 last;		/* id of the newest one read */
};

static void
room_names_free(struct store_room *from)
{
	free((char *)(uintptr_t)from->name);
	free((char *)(uintptr_t)from->key);
}

static void
load_room(struct restoring *x, struct record *outer)
{
	struct new_room new = { 0 };
	struct store_room *from = &new.from;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == R_ID)
			from->id = (uint32_t)record_u(&r, UINT32_MAX);
		else if (r.tag == R_NAME && from->name == NULL)
			from->name = record_s(&r, NAME_SIZE);
		else if (r.tag == R_KEY && from->key == NULL)
			from->key = record_s(&r, NAME_SIZE);
		else if (r.tag == R_HEAD)
			from->head = record_u(&r, UINT64_MAX);
		else if (r.tag == R_FLOOR)
			from->floor = record_u(&r, UINT64_MAX);
		else if (r.tag == R_STORED)
			new.stored = record_u(&r, 1) != 0;
		else
			r.bad = true;
	}
	if (from->id <= x->last || from->name == NULL || from->key == NULL)
		r.bad = true;
	record_close(&r, outer);
	x->last = from->id;
	if (outer->bad || room_by_id(x->hub, from->id) != NULL) {
		room_names_free(from);
		return;
	}
	x->rooms = xrealloc(x->rooms, (x->nrooms + 1) * sizeof(*x->rooms));
	x->rooms[x->nrooms++] = new;
}

static void
make_rooms(struct restoring *x, struct record *r)
{
	size_t i;

	for (i = 0; i < x->nrooms; i++) {
		struct new_room *new = &x->rooms[i];

		if (r->bad || room_find(x->hub, new->from.key) != NULL)
			r->bad = true;
		else
			room_restore(x->hub, &new->from, new->stored);
		room_names_free(&new->from);
	}
	free(x->rooms);
	roll_sort(&x->hub->room_roll);
}

static bool
is_there(const struct restoring *x, uint32_t sid)
{
	size_t low = 0, high = x->nsids, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (x->sids[mid] < sid)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->nsids && x->sids[low] == sid;
}

static void
load_member(struct hub *h, struct login *l, struct record *outer)
{
	enum role role = ROLE_NONE;
	struct room *room = NULL;
	uint64_t seen = 0, came = 0;
	bool held = false;
	struct member *m;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == M_ROOM)
			room = room_by_id(h, (uint32_t)record_u(&r,
			    UINT32_MAX));
		else if (r.tag == M_SEEN)
			seen = record_u(&r, UINT64_MAX);
		else if (r.tag == M_OWNER)
			role = record_u(&r, 1) != 0 ? ROLE_OWNER : ROLE_NONE;
		else if (r.tag == M_HELD)
			held = record_u(&r, 1) != 0;
		else if (r.tag == M_ROLE)
			role = (enum role)record_u(&r, ROLE_OWNER);
		else if (r.tag == M_CAME)
			came = record_u(&r, UINT64_MAX);
		else
			r.bad = true;
	}
	if (room == NULL || room->dead || member_find(l, room) != NULL ||
	    (room->inbox && room->owner != l->user))
		r.bad = true;
	record_close(&r, outer);
	if (outer->bad || room == NULL)
		return;
	m = member_add(room, l);
	m->after = seen;
	member_set_role(m, role);
	if (came > 0 && room->rules != NULL)
		rules_arrived(room->rules, user_key(l->user), came - 1);
	if (held)
		member_hold(m);
}

static void
load_invite(struct hub *h, const struct login *l, struct record *r)
{
	char *room = record_s(r, NAME_SIZE);

	if (*room == '\0' || room[0] == '@')
		r->bad = true;
	else
		rules_invite(h, rules_get(h, room), l->sid);
	free(room);
}

/* Numbers of tokens are a hub's own. */
static void
load_token(struct hub *h, struct login *l, struct record *r)
{
	const struct account *a = user_account(h, l->user);
	char *label = record_s(r, SIZE_MAX);
	const struct token *t = a != NULL ? token_find(a, label) : NULL;

	l->token = t != NULL ? t->num : 0;
	free(label);
}

/* A guest of rooms whom the upgrade has sent away. */
static void
remember_left(struct hub *h, const struct user *u, const char *address,
    const unsigned char secret[SECRET_BYTES], struct record r)
{
	char whose[ADDRESS_SIZE];
	struct former one = { .at = clock_ms(), .shown = user_shown(u),
	    .author = author_of(secret, SECRET_BYTES) };
	bool roamed = false;

	while (record_next(&r)) {
		if (r.tag == L_ROAMED)
			roamed = record_u(&r, 1) != 0;
		else if (r.tag == L_AUTHOR)
			one.author = record_u(&r, INT64_MAX);
	}
	if (address != NULL && address_whose_text(address, whose))
		one.whose = whose;
	if (roamed && !r.bad && user_account(h, u) == NULL)
		formers_add(&h->formers, &one, user_key(u));
}

/* Its places come once it is there itself. */
static void
load_login(const struct restoring *x, struct user *u, struct record *outer)
{
	unsigned char secret[SECRET_BYTES] = { 0 };
	struct login *l = NULL;
	struct record r, again;
	char *address = NULL;
	uint32_t sid = 0;

	record_enter(outer, &r);
	again = r;
	while (record_next(&r)) {
		if (r.tag == L_SID)
			sid = (uint32_t)record_u(&r, UINT32_MAX);
		else if (r.tag == L_SECRET)
			record_fixed(&r, secret, sizeof(secret));
		else if (r.tag == L_ADDRESS && address == NULL)
			address = record_s(&r, ADDRESS_SIZE);
		else if (r.tag != L_MEMBER && r.tag != L_INVITED &&
		    r.tag != L_MARKS && r.tag != L_AUTHOR &&
		    r.tag != L_TOKEN && r.tag != L_ROAMED)
			r.bad = true;
	}
	record_close(&r, outer);
	if (!r.bad && is_there(x, sid)) {
		outer->bad = !login_restore(x->hub, u, sid, secret);
		l = login_get(x->hub, sid);
	}
	if (!outer->bad && l == NULL)
		remember_left(x->hub, u, address, secret, again);
	if (!outer->bad && l != NULL && address != NULL)
		l->address = address_hold(address);
	free(address);
	if (outer->bad || l == NULL)
		return;
	while (record_next(&again)) {
		if (again.tag == L_MARKS)
			l->marks = record_u(&again, 1) != 0;
		else if (again.tag == L_ROAMED)
			l->roamed = record_u(&again, 1) != 0;
		else if (again.tag == L_AUTHOR)
			login_set_author(x->hub, l,
			    record_u(&again, INT64_MAX));
		else if (again.tag == L_TOKEN)
			load_token(x->hub, l, &again);
		else if (again.tag == L_MEMBER)
			load_member(x->hub, l, &again);
		else if (again.tag == L_INVITED)
			load_invite(x->hub, l, &again);
	}
	member_reverse(l);
	record_close(&again, outer);
}

/* The inbox that the store gave as one to be forgotten is its again. */
static void
take_inbox(struct hub *h, struct user *u, uint32_t id, struct record *r)
{
	struct room *room = id != 0 ? room_by_id(h, id) : NULL;
	struct account *a;
	const char *key;

	if (id == 0)
		return;
	key = room != NULL ? room_key(room) : "";
	if (key[0] != '@' || strcmp(key + 1, user_key(u)) != 0 ||
	    room->owner != NULL || (room->dead && room_find(h, key) != NULL)) {
		r->bad = true;
		return;
	}
	if (room->dead) {
		room->dead = false;
		room_enlist(h, room);
	}
	room->owner = u;
	if ((a = user_account(h, u)) != NULL)
		a->inbox = room;
}

static void
load_ignored(struct hub *h, const struct user *u, struct record *outer)
{
	char *key = NULL, *name = NULL;
	struct record r;
	int64_t at = 0;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == I_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == I_NAME && name == NULL)
			name = record_s(&r, NAME_SIZE);
		else if (r.tag == I_AT)
			at = (int64_t)record_u(&r, INT64_MAX);
		else
			r.bad = true;
	}
	if (key == NULL || name == NULL)
		r.bad = true;
	record_close(&r, outer);
	if (!outer->bad && user_account(h, u) == NULL)
		ignores_set(h, user_key(u), ignores_with(ignores_of(h,
		    user_key(u)), &(struct ignored){ at, key, name }));
	free(key);
	free(name);
}

static void
load_logins(const struct restoring *x, struct user *u, struct record *r)
{
	while (record_next(r)) {
		if (r->tag == U_LOGIN)
			load_login(x, u, r);
		else if (r->tag == U_IGNORED)
			load_ignored(x->hub, u, r);
	}
	/* Nobody of it came along. */
	user_settle(x->hub, u);
}

static void
load_user(const struct restoring *x, struct record *outer)
{
	char *key = NULL, *shown = NULL, *away = NULL;
	struct record r, again;
	uint32_t inbox = 0;
	struct user *u;

	record_enter(outer, &r);
	again = r;
	while (record_next(&r)) {
		if (r.tag == U_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == U_SHOWN && shown == NULL)
			shown = record_s(&r, NAME_SIZE);
		else if (r.tag == U_AWAY && away == NULL)
			away = record_s(&r, SIZE_MAX);
		else if (r.tag == U_INBOX)
			inbox = (uint32_t)record_u(&r, UINT32_MAX);
		else if (r.tag != U_LOGIN && r.tag != U_IGNORED)
			r.bad = true;
	}
	record_close(&r, outer);
	if (key == NULL || shown == NULL || user_find(x->hub, key) != NULL)
		outer->bad = true;
	if (!outer->bad) {
		u = user_new(x->hub, key, shown);
		if (away != NULL)
			u = user_set_away(x->hub, u, away);
		take_inbox(x->hub, u, inbox, &again);
		load_logins(x, u, &again);
		record_close(&again, outer);
	}
	free(key);
	free(shown);
	free(away);
}

/* One who missed tries does so still. */
static void
load_tried(struct tries *t, struct record *outer)
{
	char *key = NULL;
	struct record r;
	uint64_t ms = 0;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == T_KEY && key == NULL)
			key = record_s(&r, KEY_MAX);
		else if (r.tag == T_MS)
			ms = record_u(&r, UINT64_MAX);
		else
			r.bad = true;
	}
	if (key == NULL || *key == '\0')
		r.bad = true;
	record_close(&r, outer);
	if (!outer->bad)
		tries_restore(t, key, ms, clock_ms());
	free(key);
}

static void
load_proved(struct hub *h, struct record *outer)
{
	char *key = NULL, *from = NULL;
	struct account *a;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == P_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == P_FROM && from == NULL)
			from = record_s(&r, ADDRESS_SIZE);
		else
			r.bad = true;
	}
	if (key == NULL || from == NULL)
		r.bad = true;
	record_close(&r, outer);
	a = outer->bad ? NULL : account_find(h, key);
	if (a != NULL) {
		free(a->proved_from);
		a->proved_from = from;
		from = NULL;
	}
	free(key);
	free(from);
}

static void
load_turn(struct hub *h, struct record *outer)
{
	char *room = NULL, *key = NULL;
	struct record r;
	uint32_t wait = 0;
	struct rules *rules;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == N_ROOM && room == NULL)
			room = record_s(&r, NAME_SIZE);
		else if (r.tag == N_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == N_MS)
			wait = (uint32_t)record_u(&r, UINT32_MAX);
		else
			r.bad = true;
	}
	if (room == NULL || key == NULL)
		r.bad = true;
	record_close(&r, outer);
	if (!outer->bad && (rules = rules_find(h, room)) != NULL)
		rules_must_wait(rules, key, wait);
	free(room);
	free(key);
}

static void
load_former(struct hub *h, struct record *outer)
{
	char *key = NULL, *shown = NULL, *whose = NULL;
	uint64_t now = clock_ms(), age = 0;
	struct former one = { 0 };
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == F_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == F_SHOWN && shown == NULL)
			shown = record_s(&r, NAME_SIZE);
		else if (r.tag == F_WHOSE && whose == NULL)
			whose = record_s(&r, ADDRESS_SIZE);
		else if (r.tag == F_SID)
			one.sid = (uint32_t)record_u(&r, UINT32_MAX);
		else if (r.tag == F_AUTHOR)
			one.author = record_u(&r, UINT64_MAX);
		else if (r.tag == F_AGE)
			age = record_u(&r, UINT64_MAX);
		else
			r.bad = true;
	}
	if (key == NULL || shown == NULL)
		r.bad = true;
	record_close(&r, outer);
	one.at = age < now ? now - age : 0;
	one.shown = shown;
	one.whose = whose;
	if (!outer->bad)
		formers_add(&h->formers, &one, key);
	free(key);
	free(shown);
	free(whose);
}

/* What nobody has come for. */
static void
settle_rooms(struct hub *h, struct record *r)
{
	struct room *room;
	uint32_t at = 0;

	while ((room = roll_next(&h->room_roll, &at)) != NULL) {
		if (room->dead)
			continue;
		if (room->inbox && room->owner == NULL &&
		    account_find(h, room_key(room) + 1) == NULL)
			r->bad = true;
		else
			room_settle(h, room);
	}
}

bool
hub_restore(struct hub *h, const void *data, size_t len, const uint32_t *sids,
    size_t nsids)
{
	struct restoring x = { .hub = h, .sids = sids, .nsids = nsids };
	uint64_t last_id = 0;
	struct record r;

	record_open(&r, data, len);
	while (record_next(&r)) {
		if (r.tag == H_LAST_ID)
			last_id = record_u(&r, UINT32_MAX);
		else if (r.tag == H_ROOM)
			load_room(&x, &r);
		else if (r.tag == H_TRIED)
			load_tried(h->tries, &r);
		else if (r.tag == H_REGISTERED)
			load_tried(h->registers, &r);
		else if (r.tag == H_PROVED)
			load_proved(h, &r);
		else if (r.tag == H_TURN)
			load_turn(h, &r);
		else if (r.tag == H_FORMER)
			load_former(h, &r);
		else if (r.tag != H_USER)
			r.bad = true;
	}
	make_rooms(&x, &r);
	if (last_id > h->last_id)
		h->last_id = (uint32_t)last_id;
	if (!r.bad)
		record_open(&r, data, len);
	while (record_next(&r)) {
		if (r.tag == H_USER)
			load_user(&x, &r);
	}
	logins_restored(h);
	settle_rooms(h, &r);
	return !r.bad;
}
