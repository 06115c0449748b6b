#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "hub-internal.h"
#include "util.h"

#define SLOT_BITS	20	/* of a sid; the rest is the generation */
#define SLOT_MAX	(1u << SLOT_BITS)
#define GEN_MAX		(UINT32_MAX >> SLOT_BITS)
#define NOWHERE		0xffffffu	/* a slot of no client */

#define SID(gen, slot)	((uint32_t)(gen) << SLOT_BITS | (slot))
#define SID_SLOT(sid)	((sid) & (SLOT_MAX - 1))
#define SID_GEN(sid)	((sid) >> SLOT_BITS)

/* A free slot's word: next free slot, last generation, and the lowest bit. */
#define FREE_SLOT(gen, next)	((uint64_t)(next) << 32 | (gen) << 1 | 1)
#define FREE_NEXT(word)		((uint32_t)((word) >> 32))
#define FREE_GEN(word)		((uint32_t)(word) >> 1)

struct user *
user_find(const struct hub *h, const char *key)
{
	return table_get(&h->users, key);
}

static struct user *
user_alloc(const char *key, const char *shown, const char *away)
{
	size_t nkey = strlen(key) + 1, nshown = strlen(shown) + 1, n;
	size_t naway = away != NULL ? strlen(away) + 1 : 0;
	struct user *u;

	if (strcmp(key, shown) == 0)
		nshown = 0;
	n = nkey + nshown;
	u = xmalloc(offsetof(struct user, names) + n + naway);
	u->logins = NULL;
	u->shown_at = nshown > 0 ? (uint16_t)nkey : 0;
	u->away_at = naway > 0 ? (uint16_t)n : 0;
	memcpy(u->names, key, nkey);
	memcpy(u->names + nkey, shown, nshown);
	if (naway > 0)
		memcpy(u->names + n, away, naway);
	return u;
}

struct user *
user_new(struct hub *h, const char *key, const char *shown)
{
	struct user *u = user_alloc(key, shown, NULL);

	table_put(&h->users, u);
	return u;
}

/* In the old one's place. */
static struct user *
replace(struct hub *h, struct user *old, const char *key, const char *shown,
    const char *away)
{
	struct user *u = user_alloc(key, shown, away);
	struct room *inbox = user_inbox(h, old);
	struct login *l;

	u->logins = old->logins;
	for (l = u->logins; l != NULL; l = l->next)
		l->user = u;
	if (inbox != NULL)
		inbox->owner = u;
	table_del(&h->users, user_key(old));
	table_put(&h->users, u);
	free(old);
	return u;
}

/* A guest of rooms goes, or has another name. */
static void
remember(struct hub *h, const struct login *l)
{
	if (l->roamed && user_account(h, l->user) == NULL)
		formers_add(&h->formers, &(struct former){ .at = clock_ms(),
		    .sid = l->sid, .author = login_author(h, l),
		    .shown = user_shown(l->user),
		    .whose = address_whose(l->address) }, user_key(l->user));
}

struct user *
user_rename(struct hub *h, struct user *u, const char *key, const char *shown)
{
	if (strcmp(user_key(u), key) != 0)
		remember(h, u->logins);
	return replace(h, u, key, shown, user_away(u));
}

struct user *
user_set_away(struct hub *h, struct user *u, const char *away)
{
	return replace(h, u, user_key(u), user_shown(u), away);
}

struct room *
user_inbox(const struct hub *h, const struct user *u)
{
	char key[NAME_SIZE + 1];
	struct room *room;

	snprintf(key, sizeof(key), "@%s", user_key(u));
	room = room_find(h, key);
	return room != NULL && room->owner == u ? room : NULL;
}

void
user_settle(struct hub *h, struct user *u)
{
	struct room *inbox;

	if (u->logins != NULL)
		return;
	inbox = user_inbox(h, u);
	if (account_find(h, user_key(u)) == NULL)
		ignores_set(h, user_key(u), NULL);
	if (inbox != NULL && user_account(h, u) != NULL)
		inbox_rest(h, inbox, u);
	else if (inbox != NULL)
		inbox_end(h, inbox, 0);
	table_del(&h->users, user_key(u));
	free(u);
}

struct account *
user_account(const struct hub *h, const struct user *u)
{
	struct account *a = account_find(h, user_key(u));

	return a != NULL && !a->pending ? a : NULL;
}

uint32_t
user_sessions(const struct user *u)
{
	const struct login *l;
	uint32_t n = 0;

	for (l = u->logins; l != NULL; l = l->next)
		n++;
	return n;
}

/* Gives the login a slot, and so a sid; false if there is none left. */
static bool
slot_take(struct login_slots *s, struct login *l)
{
	uint32_t slot, gen = 0;

	if (s->free != 0) {
		slot = s->free - 1;
		s->free = FREE_NEXT(s->slots[slot]);
		gen = FREE_GEN(s->slots[slot]);
	} else {
		if (s->n == SLOT_MAX)
			return false;
		if (s->n == s->cap) {
			s->cap = s->cap ? s->cap * 2 : 64;
			s->slots = xrealloc(s->slots,
			    s->cap * sizeof(*s->slots));
		}
		slot = s->n++;
	}
	gen = gen < GEN_MAX ? gen + 1 : 1;
	s->slots[slot] = (uint64_t)(uintptr_t)l;
	l->sid = SID(gen, slot);
	return true;
}

static void
slot_give_back(struct login_slots *s, const struct login *l)
{
	uint32_t slot = SID_SLOT(l->sid);

	s->slots[slot] = FREE_SLOT(SID_GEN(l->sid), s->free);
	s->free = slot + 1;
}

struct login *
login_at(const struct hub *h, uint32_t slot)
{
	if (slot >= h->logins.n || (h->logins.slots[slot] & 1) != 0)
		return NULL;
	return (struct login *)(uintptr_t)h->logins.slots[slot];
}

struct login *
login_get(const struct hub *h, uint32_t sid)
{
	struct login *l = login_at(h, SID_SLOT(sid));

	return l != NULL && l->sid == sid ? l : NULL;
}

struct login *
login_by_client(const struct hub *h, client_id client)
{
	const struct client_sids *c;
	struct login *l;

	if (CLIENT_LOOP(client) >= h->nloops)
		return NULL;
	c = &h->clients[CLIENT_LOOP(client)];
	if (CLIENT_SLOT(client) >= c->n)
		return NULL;
	l = login_get(h, c->sids[CLIENT_SLOT(client)]);
	return l != NULL && l->client == client ? l : NULL;
}

struct login *
login_of(const struct hub *h, const struct request *req)
{
	struct login *l;

	/* A replaced session may have logged in anew, before it heard of it. */
	if (req->sid != 0 && req->cmd != CMD_GONE) {
		l = login_get(h, req->sid);
		return l != NULL && (l->client == req->client ||
		    req->cmd == CMD_MOVED) ? l : NULL;
	}
	return login_by_client(h, req->client);
}

static void
client_bind(struct hub *h, struct login *l, client_id client)
{
	struct client_sids *c = &h->clients[CLIENT_LOOP(client)];
	uint32_t slot = CLIENT_SLOT(client), n = c->n;

	assert(CLIENT_LOOP(client) < h->nloops);
	if (slot >= n) {
		for (n = n ? n : 64; n <= slot; n *= 2)
			;
		c->sids = xrealloc(c->sids, n * sizeof(*c->sids));
		memset(c->sids + c->n, 0, (n - c->n) * sizeof(*c->sids));
		c->n = n;
	}
	c->sids[slot] = l->sid;
	l->client = client;
}

struct login *
login_new(struct hub *h, struct user *u, client_id client)
{
	struct login *l = xcalloc(1, sizeof(*l));

	if (!slot_take(&h->logins, l)) {
		free(l);
		return NULL;
	}
	client_bind(h, l, client);
	random_bytes(l->secret, sizeof(l->secret));
	l->user = u;
	l->next = u->logins;
	u->logins = l;
	return l;
}

bool
login_restore(struct hub *h, struct user *u, uint32_t sid,
    const unsigned char secret[SECRET_BYTES])
{
	struct login_slots *s = &h->logins;
	struct login **at = &u->logins, *l;
	uint32_t slot = SID_SLOT(sid);

	if (SID_GEN(sid) == 0 || (slot < s->n && s->slots[slot] != 0))
		return false;
	if (slot >= s->cap) {
		s->cap = slot < 64 ? 64 : slot + slot / 2;
		s->slots = xrealloc(s->slots, s->cap * sizeof(*s->slots));
	}
	while (s->n <= slot)
		s->slots[s->n++] = 0;
	l = xcalloc(1, sizeof(*l));
	s->slots[slot] = (uint64_t)(uintptr_t)l;
	l->sid = sid;
	l->client = CLIENT_ID(0, NOWHERE, 0);
	memcpy(l->secret, secret, SECRET_BYTES);
	l->user = u;
	while (*at != NULL)
		at = &(*at)->next;
	*at = l;
	return true;
}

void
logins_restored(struct hub *h)
{
	struct login_slots *s = &h->logins;
	uint32_t slot;

	for (slot = s->n; slot-- > 0;) {
		if (s->slots[slot] != 0)
			continue;
		s->slots[slot] = FREE_SLOT(0, s->free);
		s->free = slot + 1;
	}
}

void
login_move(struct hub *h, struct login *l, client_id client)
{
	const struct member *m;

	for (m = l->members; m != NULL; m = m->next) {
		if (m->held)
			continue;
		news_post(h, m->room);
		m->room->loops[CLIENT_LOOP(l->client)].members--;
		m->room->loops[CLIENT_LOOP(client)].members++;
	}
	client_bind(h, l, client);
}

static void
login_free(struct hub *h, struct login *l)
{
	struct login **at = &l->user->logins;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	rules_ended(h, l->sid);
	taken_forget(h, l);
	login_drop_author(h, l);
	slot_give_back(&h->logins, l);
	address_drop(l->address);
	free(l);
}

void
login_end(struct hub *h, struct login *l, const char *reason)
{
	struct user *u = l->user;

	remember(h, l);
	while (l->members != NULL)
		member_leave(h, l->members, reason);
	login_free(h, l);
	user_settle(h, u);
}

void
login_replace(struct hub *h, struct login *old, struct login *l)
{
	struct member *m;

	while ((m = old->members) != NULL) {
		if (m->room->inbox) {
			member_remove(m);
			continue;
		}
		if (!m->held)
			m->room->loops[CLIENT_LOOP(old->client)].members--;
		m->held = true;
		m->login = l;
		old->members = m->next;
		m->next = l->members;
		l->members = m;
		l->holds = true;
	}
	rules_resumed(h, old->sid, l->sid);
	formers_resumed(&h->formers, old->sid, l->sid);
	l->roamed = old->roamed;
	if (user_account(h, l->user) == NULL)
		login_set_author(h, l, login_author(h, old));
	login_free(h, old);
}

void
login_release(struct hub *h, struct login *l)
{
	struct member *m, *next;

	for (m = l->members; m != NULL; m = next) {
		next = m->next;
		if (m->held)
			member_leave(h, m, "replaced");
	}
	l->holds = false;
}

const char *
login_secret(const struct login *l, char hex[SECRET_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < SECRET_HEX; i++)
		hex[i] = digits[l->secret[i / 2] >> (i % 2 ? 0 : 4) & 15];
	hex[i] = '\0';
	return hex;
}

/* Takes as long whatever differs. */
bool
login_secret_is(const struct login *l, const char *hex)
{
	char mine[SECRET_HEX + 1];
	unsigned differs = 0;
	size_t i;

	if (strlen(hex) != SECRET_HEX)
		return false;
	login_secret(l, mine);
	for (i = 0; i < SECRET_HEX; i++)
		differs |= (unsigned)(mine[i] ^ hex[i]);
	return differs == 0;
}

uint64_t
author_of(const void *what, size_t n)
{
	static const unsigned char key[] = "partyline author";
	union {
		unsigned char bytes[crypto_shorthash_BYTES];
		uint64_t n;
	} out;

	crypto_shorthash(out.bytes, what, n, key);
	return (out.n & INT64_MAX) | 1;
}

uint64_t
login_author(const struct hub *h, const struct login *l)
{
	const struct account *a = user_account(h, l->user);

	if (a != NULL)
		return a->author;
	return l->heir ? *(uint64_t *)id_map_get(&h->authors, l->sid) :
	    author_of(l->secret, SECRET_BYTES);
}

void
login_set_author(struct hub *h, struct login *l, uint64_t author)
{
	login_drop_author(h, l);
	id_map_put(&h->authors, l->sid, xmemdup(&author, sizeof(author)));
	l->heir = true;
}

void
login_drop_author(struct hub *h, struct login *l)
{
	if (l->heir)
		free(id_map_del(&h->authors, l->sid));
	l->heir = false;
}
