/*
 * Commands about a room's rules, and its messages: configure, bans, redact.
 */
#include <string.h>

#include "act.h"
#include "util.h"

#define ROW_BYTES	64		/* a row beside its strings */
#define MUTES		(UINT64_C(1) << 32)	/* in a page's place */

void
answer_settings(const struct hub *h, const struct room *room,
    struct request *req)
{
	struct settings *set = request_alloc(req, sizeof(*set));
	int i;

	for (i = 0; i < SET_MAX; i++) {
		set->given[i] = true;
		set->value[i] = room->rules != NULL ?
		    room->rules->set.value[i] : proto_settings[i].preset;
	}
	set->value[SET_PRESENCE] = room_presence(h, room);
	req->set = set;
}

static json_t *
setting(enum setting i, uint32_t value)
{
	return proto_settings[i].flag ? json_boolean(value != 0) :
	    json_integer(value);
}

static bool
turns_on(const struct request *req, enum setting i)
{
	return req->set->given[i] && req->set->value[i] != 0;
}

/* The lobby is where everybody comes in, and whoever came first owns it. And
 * nobody keeps out themselves. */
static bool
may_set(struct doing *d)
{
	bool guest = user_account(d->hub, d->by->user) == NULL;
	struct request *req = d->req;
	bool lobby = is_lobby(d->hub, room_key(d->room));

	if (d->role == ROLE_OPERATOR)
		return true;
	if (guest && lobby)
		request_fail(req, ERR_FORBIDDEN, "Only who has an account may "
		    "say how the lobby is set: register first.");
	else if (guest && turns_on(req, SET_REGISTERED))
		request_fail(req, ERR_FORBIDDEN, "Only who has an account may "
		    "keep guests out: register first (/register).");
	else if (guest && turns_on(req, SET_PRIVATE))
		request_fail(req, ERR_FORBIDDEN, "Only who has an account may "
		    "make a room private: register first (/register).");
	else if (lobby && turns_on(req, SET_PRIVATE))
		request_fail(req, ERR_FORBIDDEN, "Only an operator of the "
		    "server may make the lobby private.");
	else if (lobby && turns_on(req, SET_REGISTERED))
		request_fail(req, ERR_FORBIDDEN, "Only an operator of the "
		    "server may keep guests out of the lobby.");
	else
		return true;
	return false;
}

/* Has it these values, with nothing on its way that may change them? */
static bool
is_so(const struct room *room, const struct settings *set)
{
	const struct rules *r = room->rules;
	int i;

	for (i = 0; i < SET_MAX; i++) {
		if (set->given[i] && set->value[i] != (r != NULL ?
		    r->set.value[i] : proto_settings[i].preset))
			return false;
	}
	return room->pending == 0;
}

enum verdict
cmd_configure(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	const struct settings *set = req->set;
	json_t *changed, *audit;
	const char *text;
	int i;

	if (!act_find(&d) || !may_see(h, l, d.room, req))
		return ANSWER;
	if (set == NULL) {
		answer_settings(h, d.room, req);
		req->role = role_shown(d.room, d.role);
		return ANSWER;
	}
	if (!may_act(ACT_CONFIGURE, d.role, d.room, req) ||
	    !may_set(&d))
		return ANSWER;
	if (is_so(d.room, set)) {
		answer_settings(h, d.room, req);
		return ANSWER;
	}
	changed = json_object();
	for (i = 0; i < SET_MAX; i++) {
		const struct setting_def *def = &proto_settings[i];

		if (!set->given[i])
			continue;
		json_object_set_new(changed, def->name,
		    setting((enum setting)i, set->value[i]));
		fact_add(req, &d.op, fact_key(req, "set", room_key(d.room),
		    def->name), set->value[i] == def->preset ? NULL :
		    setting((enum setting)i, set->value[i]));
	}
	audit = json_pack("{s:s,s:O}", "act", "configure", "set", changed);
	text = audit_line(req, changed);
	return act_submit(&d, MSG_CONFIGURED, NULL, text, audit);
}

static size_t
add_row(const struct hub *h, struct request *req, const struct sanction *s,
    bool mute)
{
	struct listed_sanction *row = &req->sanctions[req->nlisted++];
	const struct account *a = s->subject[0] == 'a' ?
	    account_find(h, s->subject + 2) : NULL;

	row->name = a != NULL ? request_str(req, account_shown(a)) :
	    s->name[0] != '\0' ? request_str(req, s->name) : NULL;
	row->address = s->subject[0] == 'i' ?
	    request_str(req, s->subject + 2) : NULL;
	row->by = request_str(req, s->by);
	row->reason = request_str(req, s->reason);
	row->at = s->at;
	row->until = s->until;
	row->mute = mute;
	return ROW_BYTES + strlen(s->subject) + strlen(s->name) +
	    strlen(row->by) + strlen(row->reason);
}

/* From a place in the table on; false: the page is full, and it goes on. */
static bool
list(const struct hub *h, struct request *req, const struct table *t,
    size_t pos, bool mute, bool addresses, size_t *bytes)
{
	const struct sanction *s;
	int64_t now = clock_wall();
	size_t at = pos;

	for (; (s = table_next(t, &pos)) != NULL; at = pos) {
		if (sanction_over(s, now) ||
		    (s->subject[0] == 'i' && !addresses))
			continue;
		if (*bytes >= LIST_BYTES) {
			req->more = true;
			req->next = (mute ? MUTES : 0) + at;
			return false;
		}
		*bytes += add_row(h, req, s, mute);
	}
	return true;
}

enum verdict
cmd_bans(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	size_t bytes = 0, from = (size_t)(req->after & (MUTES - 1));
	const struct rules *r;
	bool all;

	if (!act_begin(&d, ACT_BANS) || (r = d.room->rules) == NULL)
		return ANSWER;
	req->sanctions = request_alloc(req, (r->bans.n + r->mutes.n) *
	    sizeof(*req->sanctions));
	all = right_has(ACT_ADDRESS, d.role);
	if (req->after >= MUTES)
		list(h, req, &r->mutes, from, true, all, &bytes);
	else if (list(h, req, &r->bans, from, false, all, &bytes))
		list(h, req, &r->mutes, 0, true, all, &bytes);
	return ANSWER;
}

/* The operator's, of the server. */
enum verdict
cmd_shut_outs(struct hub *h, struct login *l, struct request *req)
{
	const struct rules *r = rules_find(h, SERVER);
	size_t bytes = 0;

	(void)l;
	if (r == NULL)
		return ANSWER;
	req->sanctions = request_alloc(req, r->bans.n *
	    sizeof(*req->sanctions));
	list(h, req, &r->bans, (size_t)req->after, false, true, &bytes);
	return ANSWER;
}

/* A reason is told to all in the room: who may not speak there gives none. */
static bool
may_give_reason(struct doing *d)
{
	struct request *req = d->req;
	const struct member *m;

	if (req->string == NULL || *req->string == '\0' ||
	    right_has(ACT_REDACT, d->role))
		return true;
	m = answer_member(d->hub, d->by, req);
	return m != NULL && may_speak(d->hub, m, req);
}

enum verdict
cmd_redact(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	json_t *audit;

	if (!act_begin(&d, ACT_REDACT_OWN) || !may_see(h, l, d.room, req) ||
	    !may_give_reason(&d))
		return ANSWER;
	d.op.kind = STORE_REDACT;
	d.op.target = req->seq;
	if (!right_has(ACT_REDACT, d.role)) {
		d.op.from_key = request_str(req, user_key(l->user));
		d.op.author = login_author(h, l);
	}
	/* Where it is not known whose it is: before, somebody else may have
	 * been a guest of this name. */
	if (!right_has(ACT_REDACT, d.role) && user_account(h, l->user) == NULL)
		d.op.since = req->since;
	audit = json_pack("{s:s,s:I}", "act", "redact", "seq",
	    (json_int_t)req->seq);
	return act_submit(&d, MSG_REDACT, NULL, request_fmt(req, "%llu %s",
	    (unsigned long long)req->seq, req->string != NULL ? req->string :
	    ""), audit);
}
