/*
 * What the store's tests share: a store in a directory of its own, ops sent
 * and awaited, pages read. Every wait has a deadline. Used by one file each.
 */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "util.h"

#define DEADLINE	20000		/* ms for anything to come */

struct rig {
	struct conf	 conf;
	struct store	*store;
	struct mailbox	 box, reads;
	char		 dir[64];
	uint32_t	 pruned_room;	/* of the newest news of a pruning */
	uint64_t	 pruned_floor;
	unsigned	 prunings;
};

static inline char *
rig_file(const struct rig *rig, const char *name)
{
	return xasprintf("%s/%s", rig->conf.state_dir, name);
}

static inline void
rig_init(struct rig *rig, const char *backend)
{
	memset(rig, 0, sizeof(*rig));
	snprintf(rig->dir, sizeof(rig->dir), "/tmp/partyline-store.XXXXXX");
	cr_assert_not_null(mkdtemp(rig->dir));
	rig->conf.store = (char *)backend;
	rig->conf.state_dir = rig->dir;
	mailbox_init(&rig->box, NULL, NULL);
	mailbox_init(&rig->reads, NULL, NULL);
}

static inline void
rig_open(struct rig *rig)
{
	char *error;

	rig->store = store_open(&rig->conf, &error);
	cr_assert(rig->store != NULL, "%s", error);
	cr_assert(store_start(rig->store, &rig->box, &error), "%s", error);
}

/* Expects that it can't be opened; the error, which must name the words. */
static inline void
rig_refused(struct rig *rig, const char *word, const char *word2)
{
	char *error = NULL;
	struct store *s = store_open(&rig->conf, &error);

	cr_assert(s == NULL, "opened, where \"%s\" was to be said", word);
	cr_assert_not_null(error);
	cr_assert(strstr(error, word) != NULL, "no \"%s\" in: %s", word, error);
	cr_assert(strstr(error, word2) != NULL, "no \"%s\" in: %s", word2,
	    error);
	free(error);
}

static inline void
rig_close(struct rig *rig)
{
	store_close(rig->store);
	rig->store = NULL;
}

static inline void
rig_clean(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char *path = xasprintf("%s/%s", dir, e->d_name);

		if (strcmp(e->d_name, ".") != 0 &&
		    strcmp(e->d_name, "..") != 0 && unlink(path) < 0)
			rig_clean(path);
		free(path);
	}
	if (d != NULL)
		closedir(d);
	rmdir(dir);
}

static inline void
rig_free(struct rig *rig)
{
	struct mail *m, *next;

	rig_close(rig);
	for (m = mailbox_drain(&rig->box); m != NULL; m = next) {
		next = m->next;
		cr_assert_eq(m->kind, MAIL_PRUNED, "an op came too often");
		free(m);
	}
	cr_assert_null(mailbox_drain(&rig->reads));
	mailbox_destroy(&rig->box);
	mailbox_destroy(&rig->reads);
	rig_clean(rig->dir);
}

static inline struct store_op *
op_new(enum store_op_kind kind, uint32_t room)
{
	struct store_op *op = xcalloc(1, sizeof(*op));

	op->kind = kind;
	op->room = room;
	op->name = xasprintf("Room%u", room);
	op->key = xasprintf("room%u", room);
	return op;
}

static inline struct store_op *
op_say(uint32_t room, const char *from, const char *text, const char *key)
{
	struct store_op *op = op_new(STORE_APPEND, room);

	op->msg = msg_new(MSG_TEXT, from, NULL, text, strlen(text), key);
	op->msg->room = room;
	op->from_key = from;
	return op;
}

static inline void
op_free(struct store_op *op)
{
	msg_unref(op->msg);
	free((char *)op->name);
	free((char *)op->key);
	free(op);
}

static inline void
rig_news(struct rig *rig, struct mail *m)
{
	struct store_pruned *p = (struct store_pruned *)m;

	cr_assert_eq(m->kind, MAIL_PRUNED);
	rig->pruned_room = p->room;
	rig->pruned_floor = p->floor;
	rig->prunings++;
	free(p);
}

/* Waits for n ops; each must be back within the deadline. */
static inline void
rig_await(struct rig *rig, struct store_op **ops, size_t n)
{
	size_t got = 0;

	while (got < n) {
		struct mail *m = mailbox_wait(&rig->box, DEADLINE), *next;

		cr_assert_not_null(m, "%zu of %zu ops came back", got, n);
		for (; m != NULL; m = next) {
			next = m->next;
			if (m->kind != MAIL_COMMITTED) {
				rig_news(rig, m);
				continue;
			}
			cr_assert_lt(got, n, "more ops back than sent");
			ops[got++] = (struct store_op *)m;
		}
	}
}

/* Sends one op, flushes, and waits until it is back. */
static inline struct store_op *
rig_do(struct rig *rig, struct store_op *op)
{
	struct store_op *back;

	store_submit(rig->store, op);
	store_flush(rig->store);
	rig_await(rig, &back, 1);
	cr_assert_eq(back, op);
	return op;
}

/* Says it and expects success; the seq. */
static inline uint64_t
rig_say(struct rig *rig, uint32_t room, const char *text)
{
	struct store_op *op = rig_do(rig, op_say(room, "ann", text, NULL));
	uint64_t seq = op->seq;

	cr_assert_eq(op->error, STORE_OK);
	op_free(op);
	return seq;
}

/* Says n messages "0", "1", ... in one group. */
static inline void
rig_fill(struct rig *rig, uint32_t room, unsigned n)
{
	struct store_op **ops = xcalloc(n, sizeof(struct store_op *));
	char text[16];
	unsigned i;

	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u", i);
		store_submit(rig->store, op_say(room, "ann", text, NULL));
	}
	store_flush(rig->store);
	rig_await(rig, ops, n);
	for (i = 0; i < n; i++) {
		cr_assert_eq(ops[i]->error, STORE_OK);
		op_free(ops[i]);
	}
	free(ops);
}

static inline void
rig_forget(struct rig *rig, uint32_t room, uint64_t seq)
{
	struct store_op *op = op_new(STORE_FORGET, room);

	op->seq = seq;
	cr_assert_eq(rig_do(rig, op)->error, STORE_OK);
	op_free(op);
}

static inline enum store_error
rig_facts(struct rig *rig, const struct store_fact *facts, uint32_t n,
    const char *audit)
{
	struct store_op *op = op_new(STORE_FACTS, 0);
	enum store_error error;

	op->facts = facts;
	op->nfacts = n;
	op->audit = audit;
	error = rig_do(rig, op)->error;
	op_free(op);
	return error;
}

/* The op of a redaction; its event is "ann" having taken it away. */
static inline struct store_op *
op_redact(uint32_t room, uint64_t target, const char *from_key)
{
	struct store_op *op = op_say(room, "ann", "event", NULL);

	op->kind = STORE_REDACT;
	op->target = target;
	op->from_key = from_key;
	return op;
}

static inline enum store_error
rig_redact(struct rig *rig, uint32_t room, uint64_t target,
    const char *from_key)
{
	struct store_op *op = rig_do(rig, op_redact(room, target, from_key));
	enum store_error error = op->error;

	cr_assert_eq(op->seq > 0, error == STORE_OK);
	cr_assert_eq(op->msg->seq, op->seq);
	op_free(op);
	return error;
}

static inline struct store_read *
rig_read(struct rig *rig, enum store_read_kind kind, uint32_t room,
    uint64_t after, uint64_t before, uint32_t limit, size_t bytes)
{
	struct store_read *r = store_read_new(kind, room);
	struct mail *m;

	r->to = &rig->reads;
	r->after = after;
	r->before = before;
	r->limit = limit;
	r->bytes = bytes;
	r->client = 17;
	r->num = 18;
	r->arg = rig;
	store_read(rig->store, r);
	m = mailbox_wait(&rig->reads, DEADLINE);
	cr_assert_eq(m, &r->mail, "the read did not come back");
	cr_assert_null(m->next);
	cr_assert_eq(m->kind, MAIL_READ);
	cr_assert(r->client == 17 && r->num == 18 && r->arg == rig);
	return r;
}

/* How many messages the room has, and its floor. */
static inline uint32_t
rig_count(struct rig *rig, uint32_t room, uint64_t *floor)
{
	struct store_read *r = rig_read(rig, READ_AFTER, room, 0, 0,
	    UINT32_MAX, SIZE_MAX);
	uint32_t n = r->n;

	cr_assert_eq(r->error, STORE_OK);
	cr_assert_not(r->more);
	if (floor != NULL)
		*floor = r->floor;
	store_read_free(r);
	return n;
}

/* Reads until the room has this many messages. A read also gives the memory
 * backend, which has no thread, its chance to prune. */
static inline void
rig_until(struct rig *rig, uint32_t room, uint32_t n)
{
	uint64_t end = clock_ms() + DEADLINE;
	struct mail *m, *next;

	while (rig_count(rig, room, NULL) != n) {
		cr_assert_lt(clock_ms(), end, "%u messages instead of %u",
		    rig_count(rig, room, NULL), n);
		for (m = mailbox_wait(&rig->box, 10); m != NULL; m = next) {
			next = m->next;
			rig_news(rig, m);
		}
	}
	for (m = mailbox_drain(&rig->box); m != NULL; m = next) {
		next = m->next;
		rig_news(rig, m);
	}
}

/* A test of both backends. */
#define BOTH(name, ...)							\
	static void name(struct rig *);					\
	Test(memory, name, ##__VA_ARGS__)				\
	{								\
		struct rig rig;						\
									\
		rig_init(&rig, "memory");				\
		rig_open(&rig);						\
		name(&rig);						\
		rig_free(&rig);						\
	}								\
	Test(sqlite, name, ##__VA_ARGS__)				\
	{								\
		struct rig rig;						\
									\
		rig_init(&rig, "sqlite");				\
		rig_open(&rig);						\
		name(&rig);						\
		rig_free(&rig);						\
	}								\
	static void name(struct rig *rig)

#endif
