/*
 * Acts on people in a room: kick, ban, mute and their ends, invite, op, deop,
 * owner.
 * Each is a message of the room, facts and a line of the audit, stored
 * together; here it is done once it is stored.
 */
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "address.h"
#include "util.h"

bool
act_find(struct doing *d)
{
	struct request *req = d->req;

	d->room = room_find(d->hub, req->room_key);
	if (d->room == NULL || d->room->inbox) {
		request_fail(req, d->room == NULL ? ERR_NO_SUCH_ROOM :
		    ERR_FORBIDDEN, NULL);
		return false;
	}
	answer_room(req, d->room);
	d->role = role_in(d->hub, d->by, d->room->rules,
	    member_find(d->by, d->room));
	/* Who was given a role and banned at once may do nothing by it. */
	if (banned(d->hub, d->by, d->room->rules, d->role) != NULL)
		d->role = ROLE_NONE;
	d->op = (struct store_op){ .kind = STORE_APPEND, .req = req };
	return true;
}

bool
act_begin(struct doing *d, enum act act)
{
	return act_find(d) && may_act(act, d->role, d->room, d->req);
}

enum verdict
act_submit(struct doing *d, enum msg_kind kind, const char *to,
    const char *text, json_t *audit)
{
	struct request *req = d->req;
	enum verdict verdict;

	json_object_set_new(audit, "by", json_string(user_shown(d->by->user)));
	json_object_set_new(audit, "room", json_string(room_shown(d->room)));
	if (to != NULL && *to != '\0')
		json_object_set_new(audit, "whom", json_string(to));
	if (req->string != NULL && *req->string != '\0')
		json_object_set_new(audit, "reason", json_string(req->string));
	d->op.audit = audit_line(req, audit);
	d->op.by_operator = d->role == ROLE_OPERATOR;
	d->op.msg = msg_new(kind, user_shown(d->by->user), to, text,
	    strlen(text), NULL);
	verdict = hub_ask_store(d->hub, d->room, &d->op);
	if (verdict == KEPT)
		rules_submitted(d->hub, &d->op);
	return verdict;
}

static json_t *
audit_of(const char *act, const struct request *req)
{
	json_t *audit = json_pack("{s:s}", "act", act);

	if (req->seconds > 0)
		json_object_set_new(audit, "for", json_integer(req->seconds));
	return audit;
}

static const char *
reason(const struct request *req)
{
	return req->string != NULL ? req->string : "";
}

/* Somebody who is here, or has an account. */
static bool
find_whom(struct doing *d)
{
	struct request *req = d->req;
	struct account *a = account_find(d->hub, req->name_key);

	d->user = user_find(d->hub, req->name_key);
	d->account = a != NULL && !a->pending ? a : NULL;
	if (d->user == NULL && d->account == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, NULL);
		return false;
	}
	d->key = d->account != NULL ? account_key(d->account) :
	    user_key(d->user);
	req->name = request_str(req, d->user != NULL ? user_shown(d->user) :
	    account_shown(d->account));
	if (d->account == NULL) {
		req->whom_sid = d->user->logins->sid;
		d->whose = address_whose(d->user->logins->address);
	}
	d->theirs = role_of_user(d->hub, d->user, d->account, d->room);
	return true;
}

/* Or a guest who was, and is gone or has another name now. */
static bool
find_culprit(struct doing *d)
{
	struct request *req = d->req;
	const struct former *f;
	struct login *l;

	if (find_whom(d))
		return true;
	f = formers_find(&d->hub->formers, clock_ms(), req->name_key);
	if (f == NULL) {
		request_fail(req, ERR_NO_SUCH_USER, "There is nobody of that "
		    "name here, nor was there a while ago.");
		return false;
	}
	req->error = ERR_NONE;
	req->message = NULL;
	/* Whom they can see here; where else somebody is stays unsaid. */
	if ((l = login_get(d->hub, f->sid)) != NULL &&
	    login_author(d->hub, l) == f->author &&
	    user_in_room(l->user, d->room)) {
		req->name_key = request_str(req, user_key(l->user));
		return find_whom(d);
	}
	d->key = req->name_key;
	d->whose = f->whose;
	d->theirs = ROLE_NONE;
	req->name = request_str(req, f->shown);
	return true;
}

static bool
is_above(struct doing *d, enum act act)
{
	if (!may_act(act, d->role, d->room, d->req))
		return false;
	if (right_over(act, d->role, d->theirs))
		return true;
	if (d->user == d->by->user)
		request_fail(d->req, ERR_FORBIDDEN, "You cannot %s yourself.",
		    act == ACT_KICK ? "kick" : act == ACT_BAN ? "ban" : "mute");
	else
		request_fail(d->req, ERR_FORBIDDEN, "You are %s in #%s, and %s "
		    "is %s.", role_one(d->role), room_shown(d->room),
		    d->req->name, role_one(d->theirs));
	return false;
}

/* Facts. */

/* Every name that a ban or mute of this person has. */
static void
add_sanction(struct doing *d, const char *kind, const char *subj,
    const char *name)
{
	const struct rules *r = d->room->rules;
	struct request *req = d->req;
	int64_t now = clock_wall();

	if (r != NULL)
		rules_renew(kind[0] == 'm' ? &r->mutes : &r->bans, subj);
	fact_add(req, &d->op, fact_key(req, kind, room_key(d->room), subj),
	    json_pack("{s:s,s:s,s:I,s:I,s:s}", "by", user_shown(d->by->user),
	    "reason", reason(req), "at", (json_int_t)now, "until",
	    (json_int_t)(req->seconds == 0 ? 0 :
	    now + (int64_t)req->seconds * 1000), "name", name));
}

/* For n more; those that are over go with the op. */
static bool
has_space(struct doing *d, bool mute, uint32_t n)
{
	const struct rules *r = d->room->rules;

	if (r != NULL)
		rules_expire(d->req, &d->op, r, mute ? &r->mutes : &r->bans,
		    mute ? "mute" : "ban");
	if (!rules_full(r, mute ? RULES_MUTE : RULES_BAN, n, d->op.nfacts))
		return true;
	request_fail(d->req, ERR_FORBIDDEN, "#%s has %d of them, and may not "
	    "have more.", room_shown(d->room), RULES_MAX);
	return false;
}

static const struct table *
table_of(const struct doing *d, bool mute)
{
	const struct rules *r = d->room->rules;

	return r == NULL ? NULL : mute ? &r->mutes : &r->bans;
}

/* One that is on its way to the store as well. */
static void
drop_role(struct doing *d)
{
	struct request *req = d->req;

	if (d->account != NULL)
		fact_add(req, &d->op, fact_key(req, "role",
		    room_key(d->room), d->key), NULL);
}

/* The person by name, and a guest by its address, too: a name is soon
 * changed. */
static bool
sanction(struct doing *d, bool mute)
{
	const char *kind = mute ? "mute" : "ban";
	struct request *req = d->req;

	if (!has_space(d, mute, d->whose != NULL ? 2 : 1))
		return false;
	add_sanction(d, kind, subject(req, d->account != NULL ? 'a' : 'n',
	    d->key), req->name);
	if (d->whose != NULL)
		add_sanction(d, kind, subject(req, 'i', d->whose), d->key);
	if (!mute)
		drop_role(d);
	return true;
}

/* Commands. */

enum verdict
cmd_kick(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };

	if (!act_begin(&d, ACT_KICK) || !find_whom(&d) ||
	    !is_above(&d, ACT_KICK))
		return ANSWER;
	if (d.user == NULL || !user_in_room(d.user, d.room)) {
		request_fail(req, ERR_NO_SUCH_USER, "%s is not in #%s.",
		    req->name, room_shown(d.room));
		return ANSWER;
	}
	if (req->seconds > 0 && !sanction(&d, false))
		return ANSWER;
	return act_submit(&d, MSG_KICKED, req->name, request_fmt(req, "%u %s",
	    req->seconds, reason(req)), audit_of("kick", req));
}

static bool
names_somebody(struct request *req)
{
	if ((req->name_key == NULL) != (req->whom_address == NULL))
		return true;
	request_fail(req, ERR_BAD_ARGUMENT, "A name or an address must be "
	    "there, and not both.");
	req->field = "name";
	return false;
}

/* The address as a subject; NULL, and the request is refused. */
static const char *
whom_address(struct doing *d)
{
	char whose[ADDRESS_SIZE];

	if (!may_act(ACT_ADDRESS, d->role, d->room, d->req))
		return NULL;
	if (address_whose_text(d->req->whom_address, whose))
		return subject(d->req, 'i', whose);
	request_fail(d->req, ERR_BAD_ARGUMENT, "\"%s\" is no address that "
	    "tells hosts apart.", d->req->whom_address);
	d->req->field = "address";
	return NULL;
}

enum verdict
cmd_ban(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	bool mute = req->cmd == CMD_MUTE;
	enum act act = mute ? ACT_MUTE : ACT_BAN;
	const char *kind = mute ? "mute" : "ban", *address;
	json_t *audit;

	if (!names_somebody(req) || !act_begin(&d, act))
		return ANSWER;
	if (req->whom_address != NULL) {
		if ((address = whom_address(&d)) == NULL ||
		    !has_space(&d, mute, 1))
			return ANSWER;
		add_sanction(&d, kind, address, "");
	} else if (!find_culprit(&d) || !is_above(&d, act) ||
	    !sanction(&d, mute))
		return ANSWER;
	audit = audit_of(kind, req);
	if (req->whom_address != NULL)
		json_object_set_new(audit, "address",
		    json_string(req->whom_address));
	return act_submit(&d, mute ? MSG_MUTED : MSG_BANNED,
	    req->whom_address != NULL ? NULL : req->name,
	    request_fmt(req, "%u %s", req->seconds, reason(req)), audit);
}

static bool
lift(struct doing *d, const struct table *t, const char *kind,
    const char *subj)
{
	if (t == NULL || table_get(t, subj) == NULL)
		return false;
	fact_add(d->req, &d->op, fact_key(d->req, kind, room_key(d->room),
	    subj), NULL);
	return true;
}

/* All that was made for this name. */
static bool
lift_name(struct doing *d, const struct table *t, const char *kind)
{
	struct request *req = d->req;
	const struct sanction *s;
	const char *a = subject(req, 'a', req->name_key);
	const char *n = subject(req, 'n', req->name_key);
	bool found = false;
	size_t pos = 0;

	while (t != NULL && (s = table_next(t, &pos)) != NULL) {
		if (strcmp(s->subject, a) == 0 || strcmp(s->subject, n) == 0)
			req->name = request_str(req, s->name);
		else if (s->subject[0] != 'i' ||
		    strcmp(s->name, req->name_key) != 0)
			continue;
		found = lift(d, t, kind, s->subject);
	}
	return found;
}

enum verdict
cmd_unban(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	bool mute = req->cmd == CMD_UNMUTE, found;
	const char *kind = mute ? "mute" : "ban", *address;
	const char *name = NULL;
	json_t *audit;

	if (!names_somebody(req) ||
	    !act_begin(&d, mute ? ACT_UNMUTE : ACT_UNBAN))
		return ANSWER;
	if (req->whom_address != NULL) {
		if ((address = whom_address(&d)) == NULL)
			return ANSWER;
		found = lift(&d, table_of(&d, mute), kind, address);
	} else {
		found = lift_name(&d, table_of(&d, mute), kind);
		name = req->name;
	}
	if (!found) {
		request_fail(req, ERR_NO_SUCH_USER, "%s is not %s #%s.",
		    name != NULL ? name : req->whom_address,
		    mute ? "muted in" : "banned from", room_shown(d.room));
		return ANSWER;
	}
	audit = audit_of(mute ? "unmute" : "unban", req);
	if (name == NULL)
		json_object_set_new(audit, "address",
		    json_string(req->whom_address));
	return act_submit(&d, mute ? MSG_UNMUTED : MSG_UNBANNED, name, "",
	    audit);
}

/* Gives an account its role in the room; a guest's is its session's. */
static bool
add_role(struct doing *d, enum role role)
{
	struct request *req = d->req;
	const struct rules *r = d->room->rules;

	req->role = role_name(role);
	if (d->account == NULL)
		return true;
	if (role != ROLE_NONE && rules_full(r, RULES_ROLE, 1, 0) &&
	    table_get(&r->roles, d->key) == NULL) {
		request_fail(req, ERR_FORBIDDEN, "#%s has %d people with a "
		    "role, and may not have more.", room_shown(d->room),
		    RULES_MAX);
		return false;
	}
	fact_add(req, &d->op, fact_key(req, "role", room_key(d->room),
	    d->key), role == ROLE_NONE ? NULL :
	    json_pack("{s:s}", "role", role_name(role)));
	return true;
}

static bool
is_banned(struct doing *d)
{
	const struct rules *r = d->room->rules;

	if (r == NULL || (rules_sanction(&r->bans, subject(d->req, 'a',
	    d->key)) == NULL && rules_sanction(&r->bans, subject(d->req, 'n',
	    d->key)) == NULL))
		return false;
	request_fail(d->req, ERR_FORBIDDEN, "%s is banned from #%s: unban "
	    "comes first.", d->req->name, room_shown(d->room));
	return true;
}

/* One whom the room would not let in all the same. */
static bool
is_unwanted(struct doing *d)
{
	const struct rules *r = d->room->rules;

	if (d->account != NULL || r == NULL || !r->set.value[SET_REGISTERED])
		return false;
	request_fail(d->req, ERR_FORBIDDEN, "%s is a guest, and only who has "
	    "an account may enter #%s.", d->req->name, room_shown(d->room));
	return true;
}

/* Of one who has no account; counted until it is stored, too. */
static enum verdict
invite_guest(struct doing *d)
{
	struct rules *r = rules_get(d->hub, room_key(d->room));
	enum verdict verdict;

	if (r->invited + r->inviting >= RULES_MAX) {
		request_fail(d->req, ERR_FORBIDDEN, "#%s has %d guests "
		    "invited, and may not have more.", room_shown(d->room),
		    RULES_MAX);
		return ANSWER;
	}
	verdict = act_submit(d, MSG_INVITED, d->req->name, "",
	    audit_of("invite", d->req));
	if (verdict == KEPT)
		r->inviting++;
	return verdict;
}

enum verdict
cmd_invite(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };

	if (!act_begin(&d, ACT_INVITE) || !find_whom(&d) || is_banned(&d) ||
	    is_unwanted(&d))
		return ANSWER;
	if (d.theirs >= ROLE_MEMBER) {
		request_fail(req, ERR_FORBIDDEN, "%s is %s in #%s already.",
		    req->name, role_name(d.theirs), room_shown(d.room));
		return ANSWER;
	}
	if (!add_role(&d, ROLE_MEMBER))
		return ANSWER;
	if (d.account == NULL)
		return invite_guest(&d);
	return act_submit(&d, MSG_INVITED, req->name, "",
	    audit_of("invite", req));
}

enum verdict
cmd_op(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };

	if (!act_begin(&d, ACT_OP) || !find_whom(&d) || is_banned(&d))
		return ANSWER;
	if (d.theirs >= ROLE_OP) {
		request_fail(req, ERR_FORBIDDEN, "%s is %s in #%s already.",
		    req->name, role_name(d.theirs), room_shown(d.room));
		return ANSWER;
	}
	if (d.account == NULL && !user_in_room(d.user, d.room)) {
		request_fail(req, ERR_NO_SUCH_USER, "%s is a guest, who must "
		    "be in #%s for that.", req->name, room_shown(d.room));
		return ANSWER;
	}
	if (!add_role(&d, ROLE_OP))
		return ANSWER;
	return act_submit(&d, MSG_ROLE, req->name, req->role,
	    audit_of("op", req));
}

/* Nobody is made the owner of what they did not come to. */
static bool
may_own(struct doing *d)
{
	const struct account *a = d->account;
	struct request *req = d->req;
	const struct kept *k = a != NULL ? kept_find(a, room_key(d->room)) :
	    NULL;

	if (a == NULL)
		request_fail(req, ERR_FORBIDDEN, "%s is a guest: only who has "
		    "an account may be given a room.", req->name);
	else if (rules_role(d->room->rules, d->key) == ROLE_OWNER)
		request_fail(req, ERR_FORBIDDEN, "%s is owner in #%s already.",
		    req->name, room_shown(d->room));
	else if ((k == NULL || !k->kept) &&
	    (d->user == NULL || !user_in_room(d->user, d->room)))
		request_fail(req, ERR_NO_SUCH_USER, "%s is not in #%s: "
		    "nobody is given a room that they did not enter.",
		    req->name, room_shown(d->room));
	else if (a->owned + a->making >= d->hub->conf->max_rooms)
		request_fail(req, ERR_TOO_MANY_ROOMS, "%s owns %u rooms, and "
		    "may not own more.", req->name, a->owned + a->making);
	else
		return true;
	return false;
}

/* Beside who does it, who may then give the role up. */
enum verdict
cmd_owner(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	enum verdict verdict;

	if (!act_begin(&d, ACT_OWNER) || !find_whom(&d) || is_banned(&d) ||
	    !may_own(&d) || !add_role(&d, ROLE_OWNER))
		return ANSWER;
	verdict = act_submit(&d, MSG_ROLE, req->name, req->role,
	    audit_of("owner", req));
	if (verdict == KEPT)
		d.account->making++;
	return verdict;
}

/* The last owner stays one, for nobody but they could make another, as long as
 * there is anybody whose room it is as well. */
static bool
may_resign(struct doing *d)
{
	const struct rules *r = d->room->rules;
	uint32_t own = d->account != NULL;

	if (d->user != d->by->user || d->theirs != ROLE_OWNER ||
	    (r != NULL && r->owners - r->resigning > own))
		return true;
	if ((r == NULL || r->roles.n == own) && d->room->users ==
	    user_in_room(d->user, d->room))
		return true;
	request_fail(d->req, ERR_FORBIDDEN, "You are the only owner of #%s: "
	    "make another one first (/owner NAME).", room_shown(d->room));
	return false;
}

/* An op becomes a member, a member nobody in particular. Anybody may give up
 * a role of one's own. */
enum verdict
cmd_deop(struct hub *h, struct login *l, struct request *req)
{
	struct doing d = { .hub = h, .by = l, .req = req };
	enum verdict verdict;
	enum act act;

	if (!act_find(&d) || !find_whom(&d))
		return ANSWER;
	act = d.theirs > ROLE_MEMBER ? ACT_DEOP : ACT_VOICE;
	if (d.user == l->user && d.account != NULL)
		d.theirs = rules_role(d.room->rules, d.key);
	else if (d.user != l->user && !is_above(&d, act))
		return ANSWER;
	if (d.theirs == ROLE_NONE) {
		request_fail(req, ERR_FORBIDDEN, "%s has no role in #%s.",
		    req->name, room_shown(d.room));
		return ANSWER;
	}
	if (!may_resign(&d) || !add_role(&d, d.theirs > ROLE_MEMBER ?
	    ROLE_MEMBER : ROLE_NONE))
		return ANSWER;
	req->resigns = d.account != NULL && d.theirs == ROLE_OWNER;
	verdict = act_submit(&d, MSG_ROLE, req->name, req->role,
	    audit_of("deop", req));
	if (verdict == KEPT && req->resigns)
		d.room->rules->resigning++;
	return verdict;
}

/* Done. */

/* Is this member whom it was done to, by whatever name a guest has now? One
 * who has resumed meanwhile, and so has another session, is sent out by the
 * name; but nobody is given a role for bearing it. */
static bool
is_whom(const struct hub *h, const struct member *m, const struct request *req)
{
	if (req->whom_sid != 0 && (login_get(h, req->whom_sid) != NULL ||
	    (req->cmd != CMD_KICK && req->cmd != CMD_BAN)))
		return m->login->sid == req->whom_sid;
	return req->name_key != NULL &&
	    strcmp(user_key(m->login->user), req->name_key) == 0;
}

/* Is this member the one who is kicked or banned? */
static bool
is_expelled(const struct hub *h, const struct member *m,
    const struct request *req)
{
	return req->cmd != CMD_DEOP && is_whom(h, m, req);
}

static bool
is_hit(const struct hub *h, const struct member *m, const struct request *req)
{
	return is_expelled(h, m, req) || banned(h, m->login, m->room->rules,
	    role_in(h, m->login, m->room->rules, m)) != NULL;
}

/* Whom it hits leaves, and learns why before the place goes. */
static void
expel(struct hub *h, struct room *room, const struct request *req,
    struct msg *why)
{
	struct member *m;
	uint32_t i;

	for (i = room->nmembers; i-- > 0;) {
		m = room->members[i];
		if (is_expelled(h, m, req) || !is_hit(h, m, req) ||
		    !member_is_first(m))
			continue;
		news_add(h, room, msg_new(MSG_LEAVE, user_shown(m->login->user),
		    NULL, "banned", 6, NULL));
	}
	news_add(h, room, msg_ref(why));
	news_post(h, room);
	for (i = room->nmembers; i-- > 0;) {
		struct account *a;

		m = room->members[i];
		if (!is_hit(h, m, req))
			continue;
		if ((a = user_account(h, m->login->user)) != NULL)
			keep_room(h, a, room, false, 0);
		member_expel(h, m, why);
	}
}

/* For those of the account's sessions, or the guest's, that are here. */
static void
set_role(struct hub *h, struct room *room, const struct request *req)
{
	enum role role = ROLE_NONE;
	uint32_t i;

	role_parse(req->role, &role);
	for (i = 0; i < room->nmembers; i++) {
		if (is_whom(h, room->members[i], req))
			member_set_role(room->members[i], role);
	}
	/* An invitation ends with its session, which may be over by now. */
	if (req->cmd == CMD_INVITE && login_get(h, req->whom_sid) != NULL)
		rules_invite(h, rules_get(h, room_key(room)), req->whom_sid);
	if (req->cmd == CMD_DEOP && req->whom_sid != 0 && role == ROLE_NONE)
		rules_uninvite(h, room->rules, req->whom_sid);
}

/* Keeps somebody out from then on: then no invitation holds any more. */
static bool
is_ban(const struct request *req)
{
	return req->cmd == CMD_BAN ||
	    (req->cmd == CMD_KICK && req->seconds > 0);
}

/* Who has no role any more is hit by a ban of their address. */
static bool
ends_exemption(const struct room *room, const struct request *req)
{
	return req->cmd == CMD_DEOP && room->rules != NULL &&
	    room->rules->bans.n > 0;
}

enum verdict
act_committed(struct hub *h, struct store_op *op)
{
	struct room *room = op->arg;
	struct request *req = op->req;
	struct account *a;

	rules_back(h, op);
	if (req->resigns)
		room->rules->resigning--;
	if (req->cmd == CMD_INVITE && req->whom_sid != 0)
		room->rules->inviting--;
	if (req->cmd == CMD_OWNER &&
	    (a = account_find(h, req->name_key)) != NULL)
		a->making--;
	if (op->error != STORE_OK)
		return ANSWER;
	rules_stored(h, op);
	req->seq = op->seq;
	req->time = op->time;
	if (op->seq > room->head)
		room->head = op->seq;
	if (req->cmd == CMD_OP || req->cmd == CMD_DEOP ||
	    req->cmd == CMD_OWNER || req->cmd == CMD_INVITE)
		set_role(h, room, req);
	else if (req->cmd == CMD_CONFIGURE)
		answer_settings(h, room, req);
	if (req->cmd == CMD_INVITE)
		inbox_note(h, req->name_key, msg_from(op->msg), request_fmt(req,
		    "You are invited to #%s.", room_shown(room)));
	if (req->cmd == CMD_KICK || req->cmd == CMD_BAN ||
	    ends_exemption(room, req)) {
		if (is_ban(req) && req->whom_sid != 0)
			rules_uninvite(h, room->rules, req->whom_sid);
		expel(h, room, req, op->msg);
	} else
		news_add(h, room, msg_ref(op->msg));
	news_answer(h, room, req);
	return KEPT;
}
