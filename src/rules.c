#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "rules.h"
#include "settings.h"
#include "util.h"

#define TURNS_FIRST	64	/* before those over are looked for */

static const char *
standing_key(const void *item)
{
	return ((const struct standing *)item)->key;
}

static const char *
sanction_key(const void *item)
{
	return ((const struct sanction *)item)->subject;
}

static const char *
arrival_key(const void *item)
{
	return ((const struct arrival *)item)->key;
}

static const char *
turn_key(const void *item)
{
	return ((const struct turn *)item)->key;
}

struct rules *
rules_find(const struct hub *h, const char *room)
{
	return table_get(&h->rules, room);
}

struct rules *
rules_get(struct hub *h, const char *key)
{
	struct rules *r = rules_find(h, key);
	size_t n = strlen(key) + 1;
	struct room *room;
	int i;

	if (r != NULL)
		return r;
	r = xcalloc(1, sizeof(*r) + n);
	memcpy(r->key, key, n);
	for (i = 0; i < SET_MAX; i++)
		r->set.value[i] = proto_settings[i].preset;
	table_init(&r->roles, standing_key);
	table_init(&r->bans, sanction_key);
	table_init(&r->mutes, sanction_key);
	table_init(&r->arrivals, arrival_key);
	table_init(&r->turns, turn_key);
	r->turns_max = TURNS_FIRST;
	table_put(&h->rules, r);
	if ((room = room_find(h, key)) != NULL)
		room->rules = r;
	return r;
}

static void
sanction_free(struct sanction *s)
{
	if (s == NULL)
		return;
	free(s->by);
	free(s->reason);
	free(s->name);
	free(s);
}

static void
free_items(struct table *t)
{
	size_t pos = 0;
	void *item;

	while ((item = table_next(t, &pos)) != NULL)
		free(item);
	table_free(t);
}

static void
free_sanctions(struct table *t)
{
	struct sanction *s;
	size_t pos = 0;

	while ((s = table_next(t, &pos)) != NULL)
		sanction_free(s);
	table_free(t);
}

void
rules_free_all(struct hub *h)
{
	struct invite *i, *next;
	struct rules *r;
	size_t pos = 0;

	while ((i = id_map_next(&h->invites, &pos)) != NULL) {
		for (; i != NULL; i = next) {
			next = i->next;
			free(i);
		}
	}
	id_map_free(&h->invites);
	pos = 0;
	while ((r = table_next(&h->rules, &pos)) != NULL) {
		free_items(&r->roles);
		free_sanctions(&r->bans);
		free_sanctions(&r->mutes);
		free_items(&r->arrivals);
		free_items(&r->turns);
		free(r);
	}
	table_free(&h->rules);
}

/* Facts. In each a is the room, b the rest; a value of null removes. */

static bool
removes(const struct fact *f)
{
	return json_is_null(f->value);
}

static void
take_setting(struct hub *h, struct rules *r, const struct fact *f)
{
	int i;

	(void)h;
	for (i = 0; i < SET_MAX; i++) {
		if (strcmp(f->b, proto_settings[i].name) != 0)
			continue;
		if (removes(f))
			r->set.value[i] = proto_settings[i].preset;
		else
			setting_parse((enum setting)i, f->value,
			    &r->set.value[i]);
	}
	if (r->set.value[SET_PACE] == 0)
		free_items(&r->turns);
}

/* One owner more or less. */
static void
count_owner(struct hub *h, struct rules *r, const char *key, int n)
{
	struct account *a = account_find(h, key);

	r->owners += (uint32_t)n;
	if (a != NULL)
		a->owned += (uint32_t)n;
}

static void
take_role(struct hub *h, struct rules *r, const struct fact *f)
{
	struct standing *s = table_get(&r->roles, f->b);
	size_t n = strlen(f->b) + 1;
	enum role role;

	if (s != NULL && s->role == ROLE_OWNER)
		count_owner(h, r, f->b, -1);
	if (!role_parse(fact_str(f, "role"), &role)) {
		free(table_del(&r->roles, f->b));
		return;
	}
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s) + n);
		memcpy(s->key, f->b, n);
		table_put(&r->roles, s);
	}
	s->role = role;
	if (role == ROLE_OWNER)
		count_owner(h, r, f->b, 1);
}

static void
take_sanction(struct table *t, const struct fact *f)
{
	size_t n = strlen(f->b) + 1;
	struct sanction *s;

	sanction_free(table_del(t, f->b));
	if (removes(f))
		return;
	s = xcalloc(1, sizeof(*s) + n);
	memcpy(s->subject, f->b, n);
	s->at = fact_int(f, "at");
	s->until = fact_int(f, "until");
	s->by = xstrdup(fact_str(f, "by"));
	s->reason = xstrdup(fact_str(f, "reason"));
	s->name = xstrdup(fact_str(f, "name"));
	table_put(t, s);
}

static void
take_ban(struct hub *h, struct rules *r, const struct fact *f)
{
	(void)h;
	take_sanction(&r->bans, f);
}

static void
take_mute(struct hub *h, struct rules *r, const struct fact *f)
{
	(void)h;
	take_sanction(&r->mutes, f);
}

static void
arrive(struct rules *r, const char *key, uint64_t seq, bool kept)
{
	struct arrival *a = table_get(&r->arrivals, key);
	size_t n = strlen(key) + 1;

	if (a == NULL) {
		a = xcalloc(1, sizeof(*a) + n);
		memcpy(a->key, key, n);
		table_put(&r->arrivals, a);
	}
	a->seq = seq;
	a->kept = kept;
}

static void
take_arrival(struct hub *h, struct rules *r, const struct fact *f)
{
	(void)h;
	if (removes(f))
		free(table_del(&r->arrivals, f->b));
	else
		arrive(r, f->b, (uint64_t)json_integer_value(f->value), true);
}

static const struct {
	const char	*kind;
	void		(*take)(struct hub *, struct rules *,
			    const struct fact *);
} kinds[RULES_KINDS] = {
	[RULES_SET] = { "set", take_setting },
	[RULES_ROLE] = { "role", take_role },
	[RULES_BAN] = { "ban", take_ban },
	[RULES_MUTE] = { "mute", take_mute },
	[RULES_CAME] = { "came", take_arrival },
};

/* RULES_KINDS if it is none of ours. */
static unsigned
find_kind(const struct fact *f)
{
	unsigned i = 0;

	while (i < RULES_KINDS && strcmp(f->kind, kinds[i].kind) != 0)
		i++;
	return i;
}

/* Keeps the list of those by which somebody may be kept out. */
static void
note_guard(struct hub *h, struct rules *r)
{
	bool guards = r->set.value[SET_PRIVATE] != 0 ||
	    r->set.value[SET_REGISTERED] != 0 || r->bans.n > 0;

	if (guards && !r->guards)
		LIST_INSERT_HEAD(&h->guarding, r, guarding);
	else if (!guards && r->guards)
		LIST_REMOVE(r, guarding);
	r->guards = guards;
}

bool
rules_load(struct hub *h, const struct fact *f)
{
	unsigned i = find_kind(f);
	struct rules *r;

	if (i == RULES_KINDS)
		return false;
	if (*f->b != '\0') {
		r = rules_get(h, f->a);
		kinds[i].take(h, r, f);
		note_guard(h, r);
	}
	return true;
}

void
rules_stored(struct hub *h, const struct store_op *op)
{
	struct store_fact stored;
	struct fact f;
	uint32_t i;

	for (i = 0; i < op->nfacts; i++) {
		stored = op->facts[i];
		if (stored.value == NULL)
			stored.value = "null";
		if (!fact_parse(&f, &stored))
			continue;
		rules_load(h, &f);
		fact_free(&f);
	}
}

static void
count_coming(struct hub *h, const struct store_op *op, int n)
{
	struct fact f;
	uint32_t i;
	unsigned kind;

	for (i = 0; i < op->nfacts; i++) {
		if (op->facts[i].value == NULL ||
		    !fact_parse(&f, &op->facts[i]))
			continue;
		if ((kind = find_kind(&f)) < RULES_KINDS)
			rules_get(h, f.a)->coming[kind] += (uint32_t)n;
		fact_free(&f);
	}
}

void
rules_submitted(struct hub *h, const struct store_op *op)
{
	count_coming(h, op, 1);
}

void
rules_back(struct hub *h, const struct store_op *op)
{
	count_coming(h, op, -1);
}

/* Questions. */

bool
rules_full(const struct rules *r, enum rules_kind kind, uint32_t more,
    uint32_t less)
{
	size_t n = 0;

	if (r != NULL)
		n = r->coming[kind] + (kind == RULES_ROLE ? r->roles.n :
		    kind == RULES_BAN ? r->bans.n : r->mutes.n);
	return n + more > RULES_MAX + less;
}

enum role
rules_role(const struct rules *r, const char *account)
{
	const struct standing *s = r != NULL ?
	    table_get(&r->roles, account) : NULL;

	return s != NULL ? s->role : ROLE_NONE;
}

bool
sanction_over(const struct sanction *s, int64_t now)
{
	return s->until != 0 && s->until <= now;
}

const struct sanction *
rules_sanction(const struct table *t, const char *subject)
{
	const struct sanction *s = table_get(t, subject);

	return s != NULL && !sanction_over(s, clock_wall()) ? s : NULL;
}

/* If that fails, the old one stays until the next start, or the next try. */
void
rules_renew(const struct table *t, const char *subject)
{
	struct sanction *s = table_get(t, subject);

	if (s != NULL)
		s->renewed = true;
}

void
rules_expire(struct request *req, struct store_op *op, const struct rules *r,
    const struct table *t, const char *kind)
{
	const struct sanction *s;
	int64_t now = clock_wall();
	size_t pos = 0;

	while ((s = table_next(t, &pos)) != NULL) {
		if (sanction_over(s, now) && !s->renewed)
			fact_add(req, op, fact_key(req, kind, r->key,
			    s->subject), NULL);
	}
}

/* What ends with who is here. */

static void
drop_invites(struct hub *h, const struct rules *r, uint32_t sid)
{
	struct invite *list = id_map_del(&h->invites, sid), **at = &list, *i;

	while ((i = *at) != NULL) {
		if (r != NULL && i->rules != r) {
			at = &i->next;
			continue;
		}
		*at = i->next;
		i->rules->invited--;
		free(i);
	}
	if (list != NULL)
		id_map_put(&h->invites, sid, list);
}

void
rules_invite(struct hub *h, struct rules *r, uint32_t sid)
{
	struct invite *i;

	if (rules_invited(h, r, sid))
		return;
	i = xmalloc(sizeof(*i));
	*i = (struct invite){ id_map_del(&h->invites, sid), r };
	id_map_put(&h->invites, sid, i);
	r->invited++;
}

void
rules_uninvite(struct hub *h, const struct rules *r, uint32_t sid)
{
	if (r != NULL)
		drop_invites(h, r, sid);
}

bool
rules_invited(const struct hub *h, const struct rules *r, uint32_t sid)
{
	const struct invite *i = r != NULL ? rules_invites(h, sid) : NULL;

	while (i != NULL && i->rules != r)
		i = i->next;
	return i != NULL;
}

const struct invite *
rules_invites(const struct hub *h, uint32_t sid)
{
	return id_map_get(&h->invites, sid);
}

void
rules_ended(struct hub *h, uint32_t sid)
{
	drop_invites(h, NULL, sid);
}

void
rules_resumed(struct hub *h, uint32_t sid, uint32_t by)
{
	struct invite *i = id_map_del(&h->invites, sid), *next;

	for (; i != NULL; i = next) {
		next = i->next;
		rules_invite(h, i->rules, by);
		i->rules->invited--;
		free(i);
	}
}

void
rules_arrived(struct rules *r, const char *name, uint64_t seq)
{
	arrive(r, name, seq, false);
}

void
rules_left(struct rules *r, const char *name)
{
	const struct arrival *a = table_get(&r->arrivals, name);

	if (a != NULL && !a->kept)
		free(table_del(&r->arrivals, name));
}

static uint64_t
next_turn(const struct rules *r, const char *name)
{
	const struct turn *t = table_get(&r->turns, name);

	return t != NULL ? t->next : 0;
}

uint32_t
rules_wait(const struct rules *r, const char *name)
{
	uint64_t now = clock_ms(), next = next_turn(r, name);

	return next > now ? (uint32_t)(next - now) : 0;
}

/* Makes the table anew, of those who still have to wait. */
static void
drop_turns(struct rules *r)
{
	struct table old = r->turns;
	uint64_t now = clock_ms();
	struct turn *t;
	size_t pos = 0;

	table_init(&r->turns, turn_key);
	while ((t = table_next(&old, &pos)) != NULL) {
		if (t->next > now)
			table_put(&r->turns, t);
		else
			free(t);
	}
	table_free(&old);
	r->turns_max = r->turns.n * 2 > TURNS_FIRST ? r->turns.n * 2 :
	    TURNS_FIRST;
}

static void
put_turn(struct rules *r, const char *name, uint64_t next)
{
	struct turn *t = table_get(&r->turns, name);
	size_t n = strlen(name) + 1;

	if (t == NULL) {
		if (r->turns.n >= r->turns_max)
			drop_turns(r);
		t = xcalloc(1, sizeof(*t) + n);
		memcpy(t->key, name, n);
		table_put(&r->turns, t);
	}
	t->next = next;
}

void
rules_must_wait(struct rules *r, const char *name, uint32_t ms)
{
	if (r->set.value[SET_PACE] > 0)
		put_turn(r, name, clock_ms() + ms);
}

uint64_t
rules_spoke(struct rules *r, const char *name)
{
	uint64_t turn = clock_ms() + r->set.value[SET_PACE] * UINT64_C(1000);

	put_turn(r, name, turn);
	return turn;
}

void
rules_unspoke(struct rules *r, const char *name, uint64_t turn)
{
	if (next_turn(r, name) == turn)
		free(table_del(&r->turns, name));
}

void
rules_renamed(struct rules *r, const char *from, const char *to)
{
	const struct arrival *a = table_get(&r->arrivals, from);
	const struct turn *t = table_get(&r->turns, from);

	if (strcmp(from, to) == 0)
		return;
	/* Whoever had that name before has made it wait perhaps. */
	if (t != NULL && t->next > next_turn(r, to))
		put_turn(r, to, t->next);
	if (a != NULL && !a->kept) {
		arrive(r, to, a->seq, false);
		rules_left(r, from);
	}
}
