#include <stdlib.h>
#include <string.h>

#include "hub-fake.h"

static struct store *
fake_open(const struct conf *conf, char **error)
{
	(void)conf;
	(void)error;
	return NULL;
}

static void
fake_rooms(struct store *store, void (*cb)(void *, const struct store_room *),
    void *arg)
{
	const struct fake_store *s = (const struct fake_store *)store;
	const struct store_room *r = s->rooms;
	uint32_t i;

	for (; r != NULL && r->id != 0; r++)
		cb(arg, r);
	for (i = 0; i < s->nmade; i++)
		cb(arg, &s->made[i]);
}

/* The op's room is there from now on. */
static void
make_room(struct fake_store *s, const struct store_op *op)
{
	const struct store_room *r = s->rooms;
	uint32_t i;

	for (; r != NULL && r->id != 0; r++) {
		if (r->id == op->room)
			return;
	}
	for (i = 0; i < s->nmade && s->made[i].id != op->room; i++)
		;
	if (i == s->nmade) {
		s->made = xrealloc(s->made, (i + 1) * sizeof(*s->made));
		s->made[s->nmade++] = (struct store_room){ .id = op->room,
		    .name = xstrdup(op->name), .key = xstrdup(op->key),
		    .topic = "" };
	}
	if (op->seq > s->made[i].head)
		s->made[i].head = op->seq;
}

/* Of one that was made here, if that is all there was in it. */
static void
forget_room(struct fake_store *s, const struct store_op *op)
{
	struct store_room *room;
	uint32_t i;

	for (i = 0; i < s->nmade && s->made[i].id != op->room; i++)
		;
	if (i == s->nmade || s->made[i].head > op->seq)
		return;
	room = &s->made[i];
	free((char *)(uintptr_t)room->name);
	free((char *)(uintptr_t)room->key);
	memmove(room, room + 1, (--s->nmade - i) * sizeof(*room));
}

/* Its log up to there, and the room. */
static void
forget(struct fake_store *s, const struct store_op *op)
{
	uint32_t i;

	for (i = 0; i < s->nlog; i++) {
		if (s->log[i].room == op->room && s->log[i].msg != NULL &&
		    s->log[i].msg->seq <= op->seq) {
			msg_unref(s->log[i].msg);
			s->log[i].msg = NULL;
		}
	}
	forget_room(s, op);
}

static void
fake_submit(struct store *store, struct store_op *op)
{
	struct fake_store *s = (struct fake_store *)store;

	if (s->nops == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 16;
		s->ops = xrealloc(s->ops, s->cap * sizeof(struct store_op *));
	}
	s->ops[s->nops++] = op;
}

static void
fake_flush(struct store *store)
{
	struct fake_store *s = (struct fake_store *)store;

	s->flushed = s->nops;
}

static void
fake_facts(struct store *store, void (*cb)(void *, const struct store_fact *),
    void *arg)
{
	const struct fake_store *s = (struct fake_store *)store;
	uint32_t i;

	for (i = 0; i < s->nfacts; i++) {
		if (s->facts[i].value != NULL)
			cb(arg, &s->facts[i]);
	}
}

static const struct store_backend fake_backend = {
	.name = "fake", .open = fake_open, .rooms = fake_rooms,
	.facts = fake_facts,
	.submit = fake_submit, .flush = fake_flush,
};

/* Has this person said this key here? */
static const struct fake_entry *
find_key(const struct fake_store *s, const struct store_op *op)
{
	uint32_t i;

	for (i = 0; op->msg->key_len > 0 && i < s->nlog; i++) {
		const struct fake_entry *e = &s->log[i];

		if (e->msg != NULL && e->room == op->room &&
		    e->from_key != NULL &&
		    strcmp(e->from_key, op->from_key) == 0 &&
		    strcmp(msg_key(e->msg), msg_key(op->msg)) == 0)
			return e;
	}
	return NULL;
}

static bool
store_seek(const struct fake_store *s, struct store_op *op)
{
	const struct fake_entry *e = find_key(s, op);

	if (e == NULL)
		return false;
	op->duplicate = true;
	op->seq = e->msg->seq;
	op->time = e->msg->time;
	return true;
}

static void
store_append(struct fake_store *s, struct store_op *op)
{
	if (store_seek(s, op))
		return;
	op->seq = op->msg->seq = ++s->seq;
	op->time = op->msg->time = (int64_t)(1000 + s->seq);
	s->log = xrealloc(s->log, (s->nlog + 1) * sizeof(*s->log));
	s->log[s->nlog++] = (struct fake_entry){ op->room, msg_ref(op->msg),
	    op->msg->key_len > 0 ? xstrdup(op->from_key) : NULL };
}

static void
store_import(struct fake_store *s, const struct store_op *op)
{
	uint32_t i;

	s->log = xrealloc(s->log, (s->nlog + op->nmsgs) * sizeof(*s->log));
	for (i = 0; i < op->nmsgs; i++) {
		op->msgs[i]->seq = ++s->seq;
		s->log[s->nlog++] = (struct fake_entry){ op->room,
		    msg_ref(op->msgs[i]), NULL };
	}
}

const char *
fake_fact(const struct fake *f, const char *key)
{
	const struct fake_store *s = &f->store;
	uint32_t i;

	for (i = 0; i < s->nfacts; i++) {
		if (strcmp(s->facts[i].key, key) == 0)
			return s->facts[i].value;
	}
	return NULL;
}

void
fake_put(struct fake *f, const char *key, const char *value)
{
	struct fake_store *s = &f->store;
	struct store_fact *fact;
	uint32_t i;

	for (i = 0; i < s->nfacts && strcmp(s->facts[i].key, key) < 0; i++)
		;
	if (i == s->nfacts || strcmp(s->facts[i].key, key) != 0) {
		s->facts = xrealloc(s->facts, (s->nfacts + 1) *
		    sizeof(*s->facts));
		memmove(&s->facts[i + 1], &s->facts[i], (s->nfacts++ - i) *
		    sizeof(*s->facts));
		s->facts[i] = (struct store_fact){ xstrdup(key), NULL };
	}
	fact = &s->facts[i];
	free((char *)(uintptr_t)fact->value);
	fact->value = value != NULL ? xstrdup(value) : NULL;
}

/* Takes the text of its target away; false if there is none. */
static bool
store_redact(struct fake_store *s, const struct store_op *op)
{
	struct msg *old, *m;
	uint32_t i;

	for (i = 0; i < s->nlog; i++) {
		old = s->log[i].msg;
		if (old == NULL || s->log[i].room != op->room ||
		    old->seq != op->target || msg_is_act(old) ||
		    (old->flags & MSG_REDACTED) != 0 ||
		    !store_may_redact(op, msg_from(old), old->author,
		    old->time))
			continue;
		m = msg_new((enum msg_kind)old->kind, msg_from(old),
		    msg_to(old), NULL, 0, NULL);
		m->seq = old->seq;
		m->flags = MSG_REDACTED;
		s->log[i].msg = m;
		msg_unref(old);
		return true;
	}
	return false;
}

static void
complete(struct fake *f, struct store_op *op)
{
	struct fake_store *s = &f->store;
	uint32_t i;

	if (s->fail) {
		op->error = STORE_UNAVAILABLE;
		return;
	}
	if (op->kind == STORE_REDACT && !store_redact(s, op)) {
		op->error = STORE_NO_MESSAGE;
		return;
	}
	for (i = 0; i < op->nfacts; i++)
		fake_put(f, op->facts[i].key, op->facts[i].value);
	if (op->kind == STORE_SEEK_KEY) {
		store_seek(s, op);
		return;
	}
	if (op->audit != NULL) {
		buf_addf(&s->audit, "%s\n", op->audit);
		s->audited = store_audit_room(op);
	}
	if (op->kind == STORE_APPEND || op->kind == STORE_REDACT)
		store_append(s, op);
	if (op->kind == STORE_IMPORT && op->nmsgs > 0)
		store_import(s, op);
	if (op->kind == STORE_FORGET)
		forget(s, op);
	else if (op->room != 0)
		make_room(s, op);
}

uint32_t
fake_commit(struct fake *f, uint32_t n)
{
	struct fake_store *s = &f->store;
	struct store_op *op;
	uint32_t done = 0;

	while (done < n && s->flushed > 0) {
		op = s->ops[0];
		memmove(s->ops, s->ops + 1,
		    --s->nops * sizeof(struct store_op *));
		s->flushed--;
		complete(f, op);
		hub_committed(f->hub, op);
		done++;
	}
	return done;
}

void
fake_round(struct fake *f)
{
	do
		hub_flush(f->hub);
	while (fake_commit(f, UINT32_MAX) > 0);
}

static void
trace_reply(struct fake *f, struct request *req)
{
	const struct cmd_def *c = proto_cmd_by_id(req->cmd);

	buf_addf(&f->trace, "%s %s\n", c != NULL ? c->name :
	    req->cmd == CMD_MOVED ? "moved" : req->cmd >= CMD_EXPEL &&
	    req->cmd <= CMD_ALL_WHO ? "operator" : "?",
	    req->error == ERR_NONE ? "ok" : error_name(req->error));
	request_free(f->reply);
	f->reply = req;
}

static const char *const acts[] = { [MSG_ROLE] = "role",
    [MSG_INVITED] = "invited", [MSG_KICKED] = "kicked",
    [MSG_BANNED] = "banned", [MSG_MUTED] = "muted",
    [MSG_UNBANNED] = "unbanned", [MSG_UNMUTED] = "unmuted",
    [MSG_CONFIGURED] = "configured", [MSG_REDACT] = "redact" };

static void
trace_msg(struct fake *f, const struct msg *m)
{
	static const char *const passing[] = { [MSG_JOIN] = "join",
	    [MSG_LEAVE] = "leave", [MSG_TOPIC] = "topic",
	    [MSG_RENAMED] = "renamed" };


	if (msg_is_act(m))
		buf_addf(&f->trace, " %llu %s", (unsigned long long)m->seq,
		    acts[m->kind]);
	else if (msg_stored(m))
		buf_addf(&f->trace, " %llu", (unsigned long long)m->seq);
	else
		buf_addf(&f->trace, " %s", passing[m->kind]);
	buf_addf(&f->trace, " %s", msg_from(m));
	if (m->to_len > 0)
		buf_addf(&f->trace, " to %s", msg_to(m));
	if (m->text_len > 0)
		buf_addf(&f->trace, " %s", msg_text(m));
}

static void
trace_batch(struct fake *f, struct batch *b)
{
	size_t bytes = 0;
	uint32_t i;

	buf_addf(&f->trace, "#%u:", b->room);
	for (i = 0; i < b->n; i++) {
		if (i > 0)
			buf_addc(&f->trace, ';');
		trace_msg(f, b->msgs[i]);
		bytes += msg_size(b->msgs[i]);
		if (b->msgs[i]->room != b->room)
			buf_adds(&f->trace, " OF ANOTHER ROOM");
	}
	if (bytes != b->bytes)
		buf_adds(&f->trace, " WRONG BYTES");
	buf_addc(&f->trace, '\n');
	batch_free(b);
}

static void
trace_place(struct fake *f, struct place_mail *p)
{
	buf_addf(&f->trace, "place #%u %s after %llu\n", p->room_id, p->room,
	    (unsigned long long)p->after);
	free(p);
}

static void
trace_session(struct fake *f, struct session_mail *m)
{
	uint32_t i;

	if (m->act == SESSION_TOLD)
		buf_addf(&f->trace, "told %s", m->why);
	else if (m->act != SESSION_IGNORES)
		buf_adds(&f->trace, m->act == SESSION_REPLACED ? "replaced" :
		    m->act == SESSION_REVOKED ? "revoked" : "kicked");
	else
		buf_adds(&f->trace, "ignores");
	for (i = 0; m->ignores != NULL && i < m->ignores->n; i++)
		buf_addf(&f->trace, " %s", m->ignores->list[i].key);
	buf_addc(&f->trace, '\n');
	session_mail_free(m);
}

static void
post(struct fake *f, unsigned loop, struct mail *m)
{
	if (f->mail != NULL) {
		f->mail(f->arg, loop, m);
		return;
	}
	buf_addf(&f->trace, "%u ", loop);
	switch (m->kind) {
	case MAIL_REPLY:
		trace_reply(f, (struct request *)m);
		break;
	case MAIL_BATCH:
		trace_batch(f, (struct batch *)m);
		break;
	case MAIL_PLACE:
		trace_place(f, (struct place_mail *)m);
		break;
	case MAIL_UNPLACE:
		buf_addf(&f->trace, "unplace #%u %s\n",
		    ((struct unplace_mail *)m)->room_id,
		    acts[((struct unplace_mail *)m)->why->kind]);
		msg_unref(((struct unplace_mail *)m)->why);
		free(m);
		break;
	case MAIL_SESSION:
		trace_session(f, (struct session_mail *)m);
		break;
	default:
		abort();
	}
}

static void
reply_cb(void *arg, struct request *req)
{
	post(arg, CLIENT_LOOP(req->client), &req->mail);
}

static uint32_t
batch_cb(void *arg, unsigned loop, struct batch *b)
{
	struct fake *f = arg;

	post(arg, loop, &b->mail);
	return ++f->stamp;
}

static bool
writing_cb(void *arg, unsigned loop, uint32_t stamp)
{
	struct fake *f = arg;

	(void)loop;
	return stamp > f->written;
}

static void
place_cb(void *arg, struct place_mail *p)
{
	post(arg, CLIENT_LOOP(p->client), &p->mail);
}

static void
unplace_cb(void *arg, struct unplace_mail *u)
{
	post(arg, CLIENT_LOOP(u->client), &u->mail);
}

static void
session_cb(void *arg, struct session_mail *s)
{
	post(arg, CLIENT_LOOP(s->client), &s->mail);
}

/* "!x" is the hash of "x". */
static bool
auth_cb(void *arg, struct request *req)
{
	struct fake *f = arg;

	if (f->full)
		return false;
	mail_list_add(&f->proving, &req->mail);
	return true;
}

static void
prove(const struct fake *f, struct request *req)
{
	const char *word = req->auth_job == AUTH_VERIFY_HASH ?
	    req->new_password : req->password;

	req->proof = PROOF_GOOD;
	if (req->auth_job != AUTH_HASH && (req->hash == NULL ||
	    strcmp(req->hash + 1, req->password) != 0))
		req->proof = PROOF_BAD;
	else if (req->auth_job != AUTH_VERIFY)
		req->rehash = request_fmt(req, "!%s", word);
	else if (f->renews && req->hash[0] == '!')
		req->rehash = request_fmt(req, "+%s", word);
	req->password = req->new_password = NULL;
}

uint32_t
fake_prove(struct fake *f)
{
	struct request *req;
	uint32_t n = 0;

	while ((req = (struct request *)mail_list_pop(&f->proving)) != NULL) {
		prove(f, req);
		if (f->untried) {
			req->proof = PROOF_UNTRIED;
			req->rehash = NULL;
		}
		hub_request(f->hub, req);
		n++;
	}
	return n;
}

void
fake_restart(struct fake *f)
{
	fake_round(f);
	hub_free(f->hub);
	f->hub = hub_new(&f->conf, &f->store.base, FAKE_LOOPS, &f->out);
	buf_reset(&f->trace);
}

void
fake_start(struct fake *f, const struct store_room *rooms)
{
	struct hub_out out = { f, reply_cb, batch_cb, writing_cb, place_cb,
	    unplace_cb, session_cb, auth_cb };

	*f = (struct fake){ .written = UINT32_MAX, .conf = {
	    .store_queue = 1 << 20, .max_rooms = 10, .presence_limit = 100,
	    .max_text = 4096, .lobby = (char *)(uintptr_t)"lobby",
	    .password_min = 4, .registration = true },
	    .out = out };
	mail_list_init(&f->proving);
	f->store.base.backend = &fake_backend;
	memcpy(f->store.base.epoch, FAKE_EPOCH, sizeof(FAKE_EPOCH));
	f->store.rooms = rooms;
	f->hub = hub_new(&f->conf, &f->store.base, FAKE_LOOPS, &out);
}

void
fake_end(struct fake *f)
{
	uint32_t i;

	fake_round(f);
	hub_free(f->hub);
	for (i = 0; i < f->store.nlog; i++) {
		msg_unref(f->store.log[i].msg);
		free(f->store.log[i].from_key);
	}
	for (i = 0; i < f->store.nfacts; i++) {
		free((char *)(uintptr_t)f->store.facts[i].key);
		free((char *)(uintptr_t)f->store.facts[i].value);
	}
	free(f->store.facts);
	for (i = 0; i < f->store.nmade; i++) {
		free((char *)(uintptr_t)f->store.made[i].key);
		free((char *)(uintptr_t)f->store.made[i].name);
	}
	free(f->store.made);
	buf_free(&f->store.audit);
	free(f->store.log);
	free(f->store.ops);
	request_free(f->reply);
	buf_free(&f->trace);
}

static void
fold(struct name *n, const char *s)
{
	size_t i;

	*n = (struct name){ .shown = "" };
	for (i = 0; s[i] != '\0' && i < NAME_SIZE - 1; i++) {
		n->shown[i] = s[i];
		n->key[i] = s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] + 'a' - 'A') : s[i];
	}
}

struct request *
fake_request(const struct fake_client *c, const struct ask *a)
{
	struct request *r = request_new(a->cmd);
	struct name n;

	r->client = c->id;
	r->sid = c->sid;
	if (a->name != NULL) {
		fold(&n, a->name);
		request_set_name(r, &n);
	}
	if (a->room != NULL) {
		fold(&n, a->room);
		request_set_room(r, &n);
	}
	if (a->text != NULL)
		r->msg = msg_new(a->kind, a->from, a->to, a->text,
		    strlen(a->text), a->key);
	r->string = a->string ? request_str(r, a->string) : NULL;
	r->epoch = a->epoch ? request_str(r, a->epoch) : NULL;
	r->match = a->match ? request_str(r, a->match) : NULL;
	r->resume = a->resume ? request_str(r, a->resume) : NULL;
	r->password = a->password ? request_str(r, a->password) : NULL;
	r->new_password = a->new_password ?
	    request_str(r, a->new_password) : NULL;
	r->proves = a->proves;
	r->token = a->token ? request_str(r, a->token) : NULL;
	r->address = a->address ? request_str(r, a->address) : NULL;
	r->whom_address = a->whom_address ?
	    request_str(r, a->whom_address) : NULL;
	if (a->set != NULL) {
		r->set = request_alloc(r, sizeof(*r->set));
		*r->set = *a->set;
	}
	r->seconds = a->seconds;
	r->after = a->after;
	r->before = a->before;
	r->seq = a->seq;
	r->last = a->last;
	r->limit = a->limit;
	r->has = a->has;
	return r;
}

struct request *
fake_ask(struct fake *f, struct fake_client *c, const struct ask *a)
{
	struct request *req;

	request_free(f->reply);
	f->reply = NULL;
	req = fake_request(c, a);
	if (f->address != NULL)
		req->address = request_str(req, f->address);
	hub_request(f->hub, req);
	fake_prove(f);
	if (f->reply != NULL && a->cmd == CMD_LOGIN &&
	    f->reply->error == ERR_NONE)
		c->sid = f->reply->sid;
	return f->reply;
}

const char *
fake_trace(struct fake *f)
{
	static struct buf last;

	buf_reset(&last);
	buf_add(&last, f->trace.data, f->trace.len);
	buf_reset(&f->trace);
	return buf_str(&last);
}
