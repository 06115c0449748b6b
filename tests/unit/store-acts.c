/* What is kept beside the logs, and what is taken out of them again. */
#include "store-rig.h"

/* They are of the act: none with what was said before, nor with an error. */
BOTH(facts_go_with_the_op)
{
	const struct store_fact fact = { "k", "1" };
	struct store_op *op;
	struct store_read *r;
	const char *text;
	unsigned i;

	for (i = 0; i < 2; i++) {
		op = op_say(1, "ann", "hi", "key");
		op->facts = &fact;
		op->nfacts = 1;
		op->audit = "{\"act\":\"said\"}";
		rig_do(rig, op);
		cr_assert_eq(op->duplicate, i == 1);
		op_free(op);
	}
	op = op_say(1, "ann", "gone", NULL);
	op->kind = STORE_REDACT;
	op->target = 77;
	op->audit = "{\"act\":\"redacted\"}";
	cr_assert_eq(rig_do(rig, op)->error, STORE_NO_MESSAGE);
	op_free(op);
	r = rig_read(rig, READ_AUDIT, 0, 0, 0, 10, SIZE_MAX);
	cr_assert(r->before == 1 && !r->more);
	text = buf_str(&r->text);
	cr_assert_eq(strncmp(text, "{\"id\":1,\"time\":\"", 16), 0);
	cr_assert_not_null(strstr(text, "Z\",\"act\":\"said\"}\n"));
	store_read_free(r);
}

BOTH(audit_in_pages)
{
	struct store_read *r;
	uint64_t after = 0;
	unsigned i, n = 0;

	r = rig_read(rig, READ_AUDIT, 0, 5, 0, 10, SIZE_MAX);
	cr_assert(r->error == STORE_OK && r->text.len == 0 && !r->more &&
	    r->before == 5);
	store_read_free(r);
	for (i = 0; i < 25; i++) {
		char *act = xasprintf("{\"n\":%u}", i);

		rig_facts(rig, NULL, 0, i == 24 ? "{}" : act);
		free(act);
	}
	do {
		char *line, *next;

		r = rig_read(rig, READ_AUDIT, 0, after, 0, 10, SIZE_MAX);
		for (line = (char *)buf_str(&r->text); *line != '\0';
		    line = next) {
			char *tail = n == 24 ? xasprintf("Z\"}") :
			    xasprintf("Z\",\"n\":%u}", n);

			n++;
			cr_assert_not_null(next = strchr(line, '\n'));
			*next++ = '\0';
			cr_assert_eq(strtoull(line + 6, NULL, 10), n);
			cr_assert_str_eq(line + strlen(line) - strlen(tail),
			    tail);
			free(tail);
		}
		cr_assert_eq(r->before, n);
		cr_assert_eq(r->more, n < 25);
		after = r->before;
		store_read_free(r);
	} while (n < 25);
	r = rig_read(rig, READ_AUDIT, 0, 0, 0, 10, 1);
	cr_assert(r->more && r->before == 1, "more than bytes");
	store_read_free(r);
	r = rig_read(rig, READ_AUDIT, 0, 0, 3, 10, SIZE_MAX);
	cr_assert(!r->more && r->before == 25, "the newest");
	cr_assert_eq(strncmp(buf_str(&r->text), "{\"id\":23,", 9), 0);
	store_read_free(r);
	r = rig_read(rig, READ_AUDIT, 0, 24, 3, 10, SIZE_MAX);
	cr_assert_eq(strncmp(buf_str(&r->text), "{\"id\":25,", 9), 0);
	store_read_free(r);
	r = rig_read(rig, READ_AUDIT, 0, 0, 30, 10, SIZE_MAX);
	cr_assert(r->more && r->before == 10, "fewer than that");
	store_read_free(r);
}

/* Without persistence there is at least the newest of it. */
Test(memory, audit_is_bounded)
{
	struct store_read *r;
	struct rig mine;
	unsigned i;

	rig_init(&mine, "memory");
	rig_open(&mine);
	for (i = 0; i < 3000; i++)
		rig_facts(&mine, NULL, 0, "{}");
	r = rig_read(&mine, READ_AUDIT, 0, 0, 0, 10000, SIZE_MAX);
	cr_assert_eq(r->before, 3000);
	cr_assert_eq(strncmp(buf_str(&r->text), "{\"id\":1977,", 11), 0);
	store_read_free(r);
	rig_free(&mine);
}

BOTH(counts_up_to_a_limit)
{
	struct store_read *r;

	r = rig_read(rig, READ_COUNT, 1, 0, 0, 10, SIZE_MAX);
	cr_assert(r->error == STORE_OK && r->count == 0 && !r->more);
	store_read_free(r);
	rig_fill(rig, 1, 50);
	rig_fill(rig, 2, 50);
	r = rig_read(rig, READ_COUNT, 1, 0, 0, 50, SIZE_MAX);
	cr_assert(r->count == 50 && !r->more && r->n == 0);
	store_read_free(r);
	r = rig_read(rig, READ_COUNT, 1, 0, 0, 49, SIZE_MAX);
	cr_assert(r->count == 49 && r->more);
	store_read_free(r);
	r = rig_read(rig, READ_COUNT, 2, 60, 0, 1000, SIZE_MAX);
	cr_assert(r->count == 40 && !r->more);
	store_read_free(r);
	rig_forget(rig, 1, 20);
	r = rig_read(rig, READ_COUNT, 1, 10, 0, UINT32_MAX, SIZE_MAX);
	cr_assert(r->count == 30 && !r->more);
	store_read_free(r);
}

static uint64_t
say_as(struct rig *r, uint32_t room, enum msg_kind kind, const char *from,
    const char *text)
{
	struct store_op *op = op_new(STORE_APPEND, room);
	uint64_t seq;

	op->msg = msg_new(kind, from, "bob", text, strlen(text), NULL);
	op->msg->room = room;
	seq = rig_do(r, op)->seq;
	op_free(op);
	return seq;
}

static struct store_read *
count_others(struct rig *rig, const char *name, uint64_t after, uint64_t before,
    uint32_t limit)
{
	struct store_read *r = store_read_new(READ_COUNT, 1);

	r->to = &rig->reads;
	r->query = xstrdup(name);
	r->after = after;
	r->before = before;
	r->limit = limit;
	store_read(rig->store, r);
	cr_assert_eq(mailbox_wait(&rig->reads, DEADLINE), &r->mail);
	cr_assert_eq(r->error, STORE_OK);
	return r;
}

BOTH(counts_what_others_said)
{
	struct store_read *r;
	int i;

	for (i = 0; i < 10; i++) {
		say_as(rig, 1, MSG_TEXT, "Ann", "hi");
		say_as(rig, 1, MSG_TEXT, i % 2 ? "ann" : "bob", "hi");
	}
	say_as(rig, 2, MSG_TEXT, "bob", "hi");
	r = count_others(rig, "Ann", 0, 0, 10);
	cr_expect(r->count == 10 && !r->more, "%u", r->count);
	store_read_free(r);
	r = count_others(rig, "Ann", 0, 0, 9);
	cr_expect(r->count == 9 && r->more);
	store_read_free(r);
	r = count_others(rig, "Ann", 4, 9, 9);
	cr_expect(r->count == 2 && !r->more, "%u", r->count);
	store_read_free(r);
	for (i = 0; i < STORE_LOOK + 1; i++)
		say_as(rig, 1, MSG_TEXT, "Ann", "hi");
	r = count_others(rig, "Ann", 20, 0, 1);
	cr_expect(r->count == 0 && r->more, "more than is looked at");
	store_read_free(r);
}

BOTH(redacted_messages_have_no_text)
{
	uint64_t text = say_as(rig, 1, MSG_TEXT, "Ann", "one");
	uint64_t action = say_as(rig, 1, MSG_ACTION, "Ann", "two");
	uint64_t notice = say_as(rig, 1, MSG_NOTICE, "Ann", "three");
	uint64_t last = say_as(rig, 1, MSG_TEXT, "Ann", "four");
	struct store_read *before, *r;
	unsigned i;

	before = rig_read(rig, READ_AFTER, 1, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(rig_redact(rig, 1, text, NULL), STORE_OK);
	cr_assert_eq(rig_redact(rig, 1, action, "ann"), STORE_OK);
	cr_assert_eq(rig_redact(rig, 1, notice, NULL), STORE_OK);
	r = rig_read(rig, READ_AFTER, 1, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(r->n, 7);
	for (i = 0; i < 4; i++) {
		struct msg *was = before->msgs[i], *is = r->msgs[i];

		cr_assert(is->seq == was->seq && is->time == was->time &&
		    is->kind == was->kind && is->room == was->room);
		cr_assert_str_eq(msg_from(is), "Ann");
		cr_assert_str_eq(msg_to(is), "bob");
		cr_assert_eq(is->flags, i < 3 ? MSG_REDACTED : 0);
		cr_assert_str_eq(msg_text(is), i < 3 ? "" : "four");
	}
	/* What was read before is frozen. */
	cr_assert_str_eq(msg_text(before->msgs[0]), "one");
	cr_assert_gt(r->msgs[4]->seq, last);
	cr_assert_str_eq(msg_text(r->msgs[4]), "event");
	store_read_free(before);
	store_read_free(r);
}

BOTH(redactions_that_find_nothing)
{
	uint64_t seq = say_as(rig, 1, MSG_TEXT, "\xc3\x84nn", "one");
	uint64_t other, forgotten;

	cr_assert_eq(rig_redact(rig, 1, 0, NULL), STORE_NO_MESSAGE);
	cr_assert_eq(rig_redact(rig, 1, seq + 1, NULL), STORE_NO_MESSAGE);
	cr_assert_eq(rig_redact(rig, 1, UINT64_MAX, NULL), STORE_NO_MESSAGE);
	cr_assert_eq(rig_redact(rig, 2, seq, NULL), STORE_NO_MESSAGE);
	cr_assert_eq(rig_redact(rig, 1, seq, "bob"), STORE_NO_MESSAGE);
	cr_assert_eq(rig_redact(rig, 1, seq, "\xc3\x84nn"), STORE_NO_MESSAGE,
	    "a key is folded");
	cr_assert_eq(rig_count(rig, 1, NULL), 1);
	cr_assert_eq(rig_count(rig, 2, NULL), 0);
	cr_assert_eq(rig_redact(rig, 1, seq, "\xc3\xa4nn"), STORE_OK);
	cr_assert_eq(rig_redact(rig, 1, seq, NULL), STORE_NO_MESSAGE, "twice");
	other = say_as(rig, 2, MSG_TEXT, "ann", "one");
	cr_assert_eq(rig_redact(rig, 1, other, NULL), STORE_NO_MESSAGE);
	forgotten = rig_say(rig, 1, "soon forgotten");
	rig_say(rig, 1, "last");
	rig_forget(rig, 1, forgotten);
	cr_assert_eq(rig_redact(rig, 1, forgotten, NULL), STORE_NO_MESSAGE);
	rig_forget(rig, 2, UINT64_MAX);
	cr_assert_eq(rig_redact(rig, 2, other, NULL), STORE_NO_MESSAGE);
	cr_assert_eq(metric_get(&rig->store->metrics.failed), 0);
}

/* A guest's name may have been somebody else's before. */
BOTH(redactions_of_one_who_came_later)
{
	uint64_t seq = rig_say(rig, 1, "hi");
	struct store_op *op = op_redact(1, seq, "ann");

	op->since = clock_wall() + 60000;
	op = rig_do(rig, op);
	cr_assert_eq(op->error, STORE_NO_MESSAGE);
	op_free(op);
	op = op_redact(1, seq, "ann");
	op->since = clock_wall() - 60000;
	op = rig_do(rig, op);
	cr_assert_eq(op->error, STORE_OK);
	op_free(op);
}

/* Where it is known who has said something, that is who takes it away, by
 * whatever name; also after a restart. */
BOTH(redactions_go_by_the_author)
{
	static const struct { uint64_t said, by; bool may; } t[] = {
		{ 5, 5, true }, { 5, 6, false }, { 5, 0, false },
		{ 0, 5, true }, { INT64_MAX, INT64_MAX, true },
		{ INT64_MAX, 1, false }
	};
	struct store_op *op;
	uint64_t seqs[NITEMS(t)];
	size_t i;

	for (i = 0; i < NITEMS(t); i++) {
		op = op_say(1, "ann", "hi", NULL);
		op->msg->author = t[i].said;
		op = rig_do(rig, op);
		cr_assert_eq(op->error, STORE_OK);
		seqs[i] = op->seq;
		op_free(op);
	}
	if (rig->store->backend != &store_memory) {
		rig_close(rig);
		rig_open(rig);
	}
	for (i = 0; i < NITEMS(t); i++) {
		op = op_redact(1, seqs[i], t[i].said != 0 ? "bob" : "ann");
		op->author = t[i].by;
		op->since = t[i].said != 0 ? clock_wall() + 60000 : 0;
		op = rig_do(rig, op);
		cr_assert_eq(op->error, t[i].may ? STORE_OK :
		    STORE_NO_MESSAGE, "%zu", i);
		op_free(op);
	}
}

/* One that finds nothing holds up none of its group. */
BOTH(a_redaction_in_a_group)
{
	struct store_op *ops[4], *back[4];
	uint64_t seq = rig_say(rig, 1, "first");
	unsigned i;

	ops[0] = op_say(1, "ann", "second", NULL);
	ops[1] = op_redact(1, seq, NULL);
	ops[2] = op_redact(1, seq, NULL);
	ops[3] = op_redact(1, seq + 1, NULL);
	for (i = 0; i < 4; i++)
		store_submit(rig->store, ops[i]);
	store_flush(rig->store);
	rig_await(rig, back, 4);
	for (i = 0; i < 4; i++) {
		cr_assert_eq(back[i], ops[i]);
		cr_assert_eq(ops[i]->error, i == 2 ? STORE_NO_MESSAGE :
		    STORE_OK);
	}
	cr_assert_eq(ops[1]->seq, seq + 2);
	cr_assert_eq(ops[3]->seq, seq + 3);
	for (i = 0; i < 4; i++)
		op_free(ops[i]);
	cr_assert_eq(rig_count(rig, 1, NULL), 4);
}

static void
erase(struct rig *rig, const char *key)
{
	struct store_op *op = op_new(STORE_ERASE, 0);

	op->text = key;
	cr_assert_eq(rig_do(rig, op)->error, STORE_OK);
	op_free(op);
}

/* Of the room's messages those with a text that ann is not to have said. */
static void
check_erased(struct rig *rig, uint32_t room, uint32_t n)
{
	struct store_read *r = rig_read(rig, READ_AFTER, room, 0, 0, 100000,
	    SIZE_MAX);
	uint32_t i;

	cr_assert_eq(r->n, n);
	for (i = 0; i < n; i++) {
		const struct msg *m = r->msgs[i];
		bool erased = m->kind <= MSG_NOTICE && i + 1 < n &&
		    strcasecmp(msg_from(m), "ann") == 0;

		cr_assert_eq(m->flags, erased ? MSG_REDACTED : 0, "%u", i);
		cr_assert_eq(m->text_len == 0, erased);
		cr_assert_str_eq(msg_to(m), "bob");
	}
	store_read_free(r);
}

/* From when it is answered on, whatever remains to be done. */
BOTH(all_that_somebody_said_is_erased)
{
	static const char *const names[] = { "Ann", "ANN", "Bob", "Annie" };
	struct store_op *ops[3000];
	uint32_t room;
	unsigned i;

	for (i = 0; i < 3000; i++) {
		ops[i] = op_new(STORE_APPEND, i % 3);
		ops[i]->msg = msg_new((enum msg_kind)(i / 4 % 3), names[i % 4],
		    "bob", "something", 9, NULL);
		ops[i]->msg->room = i % 3;
		store_submit(rig->store, ops[i]);
	}
	store_flush(rig->store);
	rig_await(rig, ops, 3000);
	for (i = 0; i < 3000; i++)
		op_free(ops[i]);
	erase(rig, "ann");
	erase(rig, "nobody");
	for (room = 0; room < 3; room++) {
		say_as(rig, room, MSG_TEXT, "Ann", "again");
		check_erased(rig, room, 1001);
	}
	cr_assert_eq(rig_redact(rig, 0, 1, NULL), STORE_NO_MESSAGE);
}

#define IMPORTED	3

static struct msg *
old_msg(enum msg_kind kind, const char *text, int64_t time)
{
	struct msg *m = msg_new(kind, "Ann", NULL, text, strlen(text), NULL);

	m->room = 1;
	m->time = time;
	m->flags = *text == '\0' ? MSG_REDACTED : 0;
	return m;
}

/* Three messages of long ago, one of them without its text. */
static void
import(struct rig *rig, struct msg *msgs[IMPORTED],
    const struct store_fact *fact)
{
	struct store_op *op = op_new(STORE_IMPORT, 1);

	msgs[0] = old_msg(MSG_TEXT, "one", 1000);
	msgs[1] = old_msg(MSG_TEXT, "", 2000);
	msgs[2] = old_msg(MSG_KICKED, "bob", 1500);
	op->msgs = msgs;
	op->nmsgs = IMPORTED;
	op->facts = fact;
	op->nfacts = fact != NULL;
	op->audit = "{\"act\":\"import\"}";
	cr_assert_eq(rig_do(rig, op)->error, STORE_OK);
	op_free(op);
}

static void
check_imported(struct rig *rig, uint64_t after, struct msg *msgs[IMPORTED])
{
	struct store_read *r = rig_read(rig, READ_AFTER, 1, after, 0,
	    IMPORTED, SIZE_MAX);
	unsigned i;

	cr_assert_eq(r->n, IMPORTED);
	for (i = 0; i < IMPORTED; i++) {
		const struct msg *m = r->msgs[i];

		cr_assert(m->seq == msgs[i]->seq && m->time ==
		    msgs[i]->time && m->kind == msgs[i]->kind &&
		    m->flags == msgs[i]->flags);
		cr_assert_str_eq(msg_from(m), "Ann");
		cr_assert_str_eq(msg_text(m), msg_text(msgs[i]));
	}
	store_read_free(r);
}

static void
free_msgs(struct msg *msgs[IMPORTED])
{
	unsigned i;

	for (i = 0; i < IMPORTED; i++)
		msg_unref(msgs[i]);
}

/* In their order, with their own times, behind what is there. */
BOTH(imported_messages_are_as_they_were)
{
	uint64_t first = rig_say(rig, 1, "before"), last;
	struct msg *msgs[IMPORTED];
	struct store_op *op;
	struct store_read *r;

	import(rig, msgs, NULL);
	cr_assert(msgs[0]->seq == first + 1 && msgs[1]->seq == first + 2 &&
	    msgs[2]->seq == first + 3);
	last = rig_say(rig, 1, "after");
	cr_assert_eq(last, first + 4);
	check_imported(rig, first, msgs);
	cr_assert_eq(rig_count(rig, 1, NULL), 5);
	cr_assert_eq(rig_redact(rig, 1, msgs[0]->seq, "ann"), STORE_OK);
	cr_assert_eq(rig_redact(rig, 1, msgs[1]->seq, "ann"),
	    STORE_NO_MESSAGE, "it has no text");
	cr_assert_eq(rig_redact(rig, 1, msgs[2]->seq, NULL),
	    STORE_NO_MESSAGE, "an act");
	r = rig_read(rig, READ_AUDIT, 0, 0, 0, 10, SIZE_MAX);
	cr_assert_not_null(strstr(buf_str(&r->text), "\"act\":\"import\""));
	store_read_free(r);
	op = rig_do(rig, op_new(STORE_IMPORT, 2));
	cr_assert_eq(op->error, STORE_OK, "of none");
	op_free(op);
	cr_assert_eq(rig_count(rig, 2, NULL), 0);
	free_msgs(msgs);
}

/* A keyed say before has its answer still; erased is what was imported too. */
BOTH(imported_messages_are_like_others)
{
	struct store_op *op = rig_do(rig, op_say(1, "ann", "hi", "key"));
	uint64_t seq = op->seq;
	struct msg *msgs[IMPORTED];

	op_free(op);
	import(rig, msgs, NULL);
	op = rig_do(rig, op_say(1, "ann", "hi", "key"));
	cr_assert(op->duplicate && op->seq == seq);
	op_free(op);
	erase(rig, "ann");
	cr_assert_eq(rig_redact(rig, 1, msgs[0]->seq, NULL),
	    STORE_NO_MESSAGE, "its text is gone");
	rig->conf.history_max = 2;
	store_configure(rig->store, &rig->conf);
	rig_say(rig, 1, "last");
	rig_until(rig, 1, 2);
	free_msgs(msgs);
}

static void
fact_cb(void *arg, const struct store_fact *fact)
{
	if (strcmp(fact->key, "import/room1") == 0)
		*(bool *)arg = strcmp(fact->value, "7") == 0;
}

/* How far it came is known with what it brought, or neither is. */
Test(sqlite, an_import_outlives_the_daemon)
{
	const struct store_fact fact = { "import/room1", "7" };
	struct msg *msgs[IMPORTED];
	bool known = false;
	struct rig mine;
	char *error;

	rig_init(&mine, "sqlite");
	rig_open(&mine);
	import(&mine, msgs, &fact);
	rig_close(&mine);
	mine.store = store_open(&mine.conf, &error);
	cr_assert_not_null(mine.store);
	store_facts(mine.store, fact_cb, &known);
	cr_assert(known);
	cr_assert(store_start(mine.store, &mine.box, &error));
	check_imported(&mine, 0, msgs);
	cr_assert_eq(rig_say(&mine, 1, "next"), IMPORTED + 1);
	free_msgs(msgs);
	rig_free(&mine);
}

/* The id of the oldest line there is. */
static uint64_t
oldest_line(struct rig *rig)
{
	struct store_read *r = rig_read(rig, READ_AUDIT, 0, 0, 0, 1, SIZE_MAX);
	uint64_t id = r->before;

	store_read_free(r);
	return id;
}

/* Until that line is the oldest one; the writer looks once a second. */
static void
await_oldest(struct rig *rig, uint64_t id)
{
	uint64_t end = clock_ms() + DEADLINE;

	while (oldest_line(rig) != id) {
		cr_assert_lt(clock_ms(), end, "%llu, not %llu",
		    (unsigned long long)oldest_line(rig),
		    (unsigned long long)id);
		mailbox_wait(&rig->box, 10);
	}
}

BOTH(the_audit_keeps_so_many_lines)
{
	unsigned i;

	rig->conf.audit_max = 10;
	store_configure(rig->store, &rig->conf);
	for (i = 0; i < 700; i++)
		rig_facts(rig, NULL, 0, "{}");
	await_oldest(rig, 691);
	rig->conf.audit_max = 1;
	store_configure(rig->store, &rig->conf);
	await_oldest(rig, 700);
	rig_facts(rig, NULL, 0, "{}");
	await_oldest(rig, 701);
}

/* A line of a room's, or of the server's own (0). */
static void
put_line(struct rig *rig, uint32_t room, bool by_operator)
{
	struct store_op *op = op_new(STORE_FACTS, room);
	char *act = xasprintf("{\"of\":%u}", by_operator ? 0 : room);

	op->audit = act;
	op->by_operator = by_operator;
	cr_assert_eq(rig_do(rig, op)->error, STORE_OK);
	op_free(op);
	free(act);
}

static void
put_lines(struct rig *rig, uint32_t room, unsigned n)
{
	for (; n > 0; n--)
		put_line(rig, room, false);
}

/* "1 1 2 0 " tells whose the lines are, the oldest first. */
static const char *
whose_lines(struct rig *rig)
{
	struct store_read *r = rig_read(rig, READ_AUDIT, 0, 0, 0, 1000000,
	    SIZE_MAX);
	static char got[4096];
	const char *at = buf_str(&r->text);

	got[0] = '\0';
	while ((at = strstr(at, "\"of\":")) != NULL) {
		at += strlen("\"of\":");
		cr_assert_lt(strlen(got) + 16, sizeof(got));
		sprintf(got + strlen(got), "%.*s ", (int)strcspn(at, "}"), at);
	}
	store_read_free(r);
	return got;
}

/* Once the writer has looked. */
static void
lines_are(struct rig *rig, const char *want)
{
	uint64_t end = clock_ms() + DEADLINE;

	while (strcmp(whose_lines(rig), want) != 0) {
		cr_assert_lt(clock_ms(), end, "%s, not %s", whose_lines(rig),
		    want);
		mailbox_wait(&rig->box, 10);
	}
}

/* The same of how many they are and what they end with. */
static void
until_lines(struct rig *rig, unsigned n, const char *end_with)
{
	uint64_t end = clock_ms() + DEADLINE;
	const char *got, *at;
	unsigned spaces;

	do {
		cr_assert_lt(clock_ms(), end, "%s", whose_lines(rig));
		mailbox_wait(&rig->box, 10);
		got = whose_lines(rig);
		for (at = got, spaces = 0; *at != '\0'; at++)
			spaces += *at == ' ';
	} while (spaces != n);
	cr_assert_str_eq(got + strlen(got) - strlen(end_with), end_with);
}

BOTH(a_room_pushes_out_its_own_lines)
{
	rig->conf.audit_max = 3;
	store_configure(rig->store, &rig->conf);
	put_lines(rig, 2, 2);
	put_lines(rig, 0, 2);
	put_lines(rig, 1, 700);
	lines_are(rig, "2 2 0 0 1 1 1 ");
	put_lines(rig, 0, 2);
	lines_are(rig, "2 2 0 1 1 1 0 0 ");
	put_line(rig, 1, true);		/* an operator's, in that room */
	lines_are(rig, "2 2 1 1 1 0 0 0 ");
	rig->conf.audit_max = 1;
	store_configure(rig->store, &rig->conf);
	lines_are(rig, "2 1 0 ");
}

/* Who fills many rooms takes little from one with few lines, and nothing from
 * the server's. */
BOTH(all_rooms_have_so_many_lines)
{
	unsigned i;

	rig->conf.audit_rooms = 8;
	store_configure(rig->store, &rig->conf);
	put_lines(rig, 0, 10);
	put_lines(rig, 1, 2);
	put_lines(rig, 2, 300);
	lines_are(rig, "0 0 0 0 0 0 0 0 0 0 1 1 2 2 2 2 2 2 ");
	put_lines(rig, 3, 300);
	lines_are(rig, "0 0 0 0 0 0 0 0 0 0 1 1 2 2 2 3 3 3 ");
	for (i = 4; i < 6; i++)
		put_lines(rig, i, 1);
	lines_are(rig, "0 0 0 0 0 0 0 0 0 0 1 1 2 2 3 3 4 5 ");
	for (; i < 9; i++)
		put_lines(rig, i, 1);
	lines_are(rig, "0 0 0 0 0 0 0 0 0 0 1 2 3 4 5 6 7 8 ");
	for (; i < 20; i++)
		put_lines(rig, i, 1);
	until_lines(rig, 18, " 19 ");
	rig->conf.audit_rooms = 1;
	store_configure(rig->store, &rig->conf);
	lines_are(rig, "0 0 0 0 0 0 0 0 0 0 19 ");
}

/* The newest stays, whatever its age: no id is given twice. */
BOTH(the_audit_keeps_lines_so_long)
{
	unsigned i;

	for (i = 0; i < 700; i++)
		rig_facts(rig, NULL, 0, "{}");
	cr_assert_eq(oldest_line(rig), 1);
	rig->conf.audit_age = 1;
	store_configure(rig->store, &rig->conf);
	await_oldest(rig, 700);
	rig_facts(rig, NULL, 0, "{}");
	await_oldest(rig, 701);
}
