#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "store.h"
#include "util.h"

static const struct store_backend *const backends[] = {
	&store_sqlite,
	&store_memory
};

struct store_read *
store_read_new(enum store_read_kind kind, uint32_t room)
{
	struct store_read *r = xmalloc(sizeof(*r));

	*r = (struct store_read){ .mail.kind = MAIL_READ, .kind = kind,
	    .room = room, .limit = 1, .bytes = SIZE_MAX };
	return r;
}

void
store_read_free(struct store_read *r)
{
	uint32_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n; i++)
		msg_unref(r->msgs[i]);
	free(r->msgs);
	free(r->query);
	free(r->hidden);
	buf_free(&r->text);
	free(r);
}

struct store *
store_open(const struct conf *conf, char **error)
{
	struct buf known = { 0 };
	struct store *s;
	size_t i;

	*error = NULL;
	for (i = 0; i < NITEMS(backends); i++) {
		if (strcmp(conf->store, backends[i]->name) != 0)
			continue;
		if ((s = backends[i]->open(conf, error)) != NULL)
			s->backend = backends[i];
		return s;
	}
	for (i = 0; i < NITEMS(backends); i++)
		buf_addf(&known, "%s\"%s\"", i > 0 ? " or " : "",
		    backends[i]->name);
	*error = xasprintf("store: \"%s\" is unknown; it may be %s",
	    conf->store, buf_str(&known));
	buf_free(&known);
	return NULL;
}

struct store *
store_open_handed(const struct conf *conf, int handle, char **error)
{
	const struct store_backend *backend = NULL;
	struct store *s;
	size_t i;

	*error = NULL;
	for (i = 0; i < NITEMS(backends); i++) {
		if (strcmp(conf->store, backends[i]->name) == 0)
			backend = backends[i];
	}
	if (backend == NULL || backend->open_handed == NULL) {
		*error = xasprintf("store: \"%s\" cannot go on with another "
		    "daemon's log", conf->store);
		return NULL;
	}
	if ((s = backend->open_handed(conf, handle, error)) != NULL)
		s->backend = backend;
	return s;
}

int
store_handle(const struct store *s)
{
	return s->backend->handle != NULL ? s->backend->handle(s) : -1;
}

void
store_rest(struct store *s)
{
	s->backend->rest(s);
}

const char *
store_epoch(const struct store *s)
{
	return s->epoch;
}

void
store_facts(struct store *s, void (*cb)(void *, const struct store_fact *),
    void *arg)
{
	s->backend->facts(s, cb, arg);
}

void
store_rooms(struct store *s, void (*cb)(void *, const struct store_room *),
    void *arg)
{
	s->backend->rooms(s, cb, arg);
}

bool
store_start(struct store *s, struct mailbox *to, char **error)
{
	*error = NULL;
	return s->backend->start(s, to, error);
}

void
store_submit(struct store *s, struct store_op *op)
{
	op->mail.kind = MAIL_COMMITTED;
	op->error = STORE_OK;
	op->duplicate = false;
	s->backend->submit(s, op);
}

void
store_flush(struct store *s)
{
	s->backend->flush(s);
}

void
store_read(struct store *s, struct store_read *r)
{
	r->mail.kind = MAIL_READ;
	r->error = STORE_OK;
	r->more = false;
	r->floor = 0;
	if (r->limit == 0)
		r->limit = 1;
	s->backend->read(s, r);
}

bool
store_ok(const struct store *s)
{
	return !atomic_load_explicit(&s->failing, memory_order_relaxed);
}

void
store_count(struct store *s, const struct mail *first, uint64_t us)
{
	uint64_t n = 0, messages = 0, duplicates = 0, failed = 0;
	const struct mail *m;

	for (m = first; m != NULL; m = m->next) {
		const struct store_op *op = (const struct store_op *)m;
		bool says = op->msg != NULL && op->error == STORE_OK &&
		    (op->kind != STORE_SEEK_KEY || op->duplicate);

		n++;
		failed += op->error == STORE_UNAVAILABLE;
		duplicates += says && op->duplicate;
		messages += says && !op->duplicate;
	}
	if (n == 0)
		return;
	metric_add(&s->metrics.messages, messages);
	metric_add(&s->metrics.duplicates, duplicates);
	metric_add(&s->metrics.failed, failed);
	histogram_add(&s->metrics.groups, histogram_ops, n);
	histogram_add(&s->metrics.commits, histogram_us, us);
}

bool
store_is_from(const char *from, const char *key)
{
	struct name name;

	return name_parse(&name, from, strlen(from), NULL) &&
	    strcmp(name.key, key) == 0;
}

bool
store_may_redact(const struct store_op *op, const char *from, uint64_t author,
    int64_t time)
{
	if (op->from_key == NULL)
		return true;
	if (author != 0)
		return author == op->author;
	return time >= op->since && store_is_from(from, op->from_key);
}

uint32_t
store_audit_room(const struct store_op *op)
{
	return op->by_operator ? 0 : op->room;
}

void
store_audit_line(struct buf *out, uint64_t id, int64_t at, const char *act)
{
	char time[TIME_RFC3339];
	const char *rest = act[0] == '{' ? act + 1 : "}";

	time_rfc3339(at, time);
	buf_addf(out, "{\"id\":%" PRIu64 ",\"time\":\"%s\"%s%s\n", id, time,
	    *rest == '}' ? "" : ",", rest);
}

uint64_t
store_young(struct store_marks *m, uint64_t head, uint64_t age)
{
	uint64_t now = clock_ms();

	if (m->newer.ms == 0) {		/* before, the clock alone knows */
		m->newer.seq = head;
		m->newer.ms = now;
		m->older = m->newer;
	} else if (now - m->newer.ms >= age / 2) {
		m->older = m->newer;
		m->newer.seq = head;
		m->newer.ms = now;
	}
	return now - m->older.ms < age ? m->older.seq : m->newer.seq;
}

void
store_configure(struct store *s, const struct conf *conf)
{
	s->backend->configure(s, conf);
}

void
store_close(struct store *s)
{
	if (s != NULL)
		s->backend->close(s);
}
