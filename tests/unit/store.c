/* What both backends of the store promise, on both. */
#include "store-rig.h"

#include <pthread.h>

Test(store, unknown_backend)
{
	struct rig rig;

	rig_init(&rig, "punchcards");
	rig_refused(&rig, "\"punchcards\"", "\"sqlite\" or \"memory\"");
	rig_free(&rig);
}

BOTH(epoch)
{
	const char *epoch = store_epoch(rig->store);

	cr_assert_eq(strlen(epoch), 32);
	cr_assert_eq(strspn(epoch, "0123456789abcdef"), 32);
}

Test(store, young)
{
	enum { HOUR = 3600000 };
	struct store_marks marks = { 0 };
	uint64_t start;

	/* What was there before, and nothing said since, may be that old. */
	cr_assert_eq(store_young(&marks, 5, HOUR), 5);
	cr_assert_eq(store_young(&marks, 9, HOUR), 5);
	/* Said longer ago than the age: it may, what came then may not. */
	marks.older.ms -= 2 * HOUR / 3;
	marks.newer = marks.older;
	cr_assert_eq(store_young(&marks, 12, HOUR), 5);
	cr_assert_eq(store_young(&marks, 15, HOUR), 5);
	marks.older.ms -= HOUR / 2;
	cr_assert_eq(store_young(&marks, 20, HOUR), 12);
	marks.older.ms -= HOUR;
	marks.newer.ms -= HOUR;
	cr_assert_eq(store_young(&marks, 30, HOUR), 30);
	/* Of no age at all nothing is young. */
	for (start = clock_ms(); clock_ms() < start + 2; )
		continue;
	cr_assert_eq(store_young(&marks, 40, 1), 40);
}

static void
no_room_cb(void *arg, const struct store_room *room)
{
	(void)arg;
	cr_assert(false, "a new store has a room %s", room->name);
}

Test(store, new_ones_are_empty)
{
	const char *const names[] = { "memory", "sqlite" };
	size_t i;

	for (i = 0; i < NITEMS(names); i++) {
		struct rig rig;
		char *error;

		rig_init(&rig, names[i]);
		rig.store = store_open(&rig.conf, &error);
		cr_assert(rig.store != NULL, "%s", error);
		store_rooms(rig.store, no_room_cb, NULL);
		rig_free(&rig);		/* closed without a start */
	}
}

BOTH(ops_come_back_once_in_order_numbered)
{
	enum { N = 500 };
	struct store_op *sent[N], *back[N];
	int64_t before = clock_wall();
	uint64_t last = 0;
	unsigned i;

	for (i = 0; i < N; i++) {
		if (i % 50 == 7) {
			sent[i] = op_new(STORE_TOPIC, i % 3);
			sent[i]->text = "what we speak of";
		} else
			sent[i] = op_say(i % 3, "ann", "hello", NULL);
		sent[i]->arg = &sent[i];
		store_submit(rig->store, sent[i]);
		if (i % 37 == 0)
			store_flush(rig->store);
	}
	store_flush(rig->store);
	rig_await(rig, back, N);
	for (i = 0; i < N; i++) {
		struct store_op *op = back[i];

		cr_assert_eq(op, sent[i]);
		cr_assert_eq(op->error, STORE_OK);
		cr_assert_eq(op->arg, &sent[i]);
		if (op->kind == STORE_APPEND) {
			cr_assert_gt(op->seq, last);
			last = op->seq;
			cr_assert_eq(op->msg->seq, op->seq);
			cr_assert_eq(op->msg->time, op->time);
			cr_assert(op->time >= before &&
			    op->time <= clock_wall());
			cr_assert_not(op->duplicate);
		}
		op_free(op);
	}
}

BOTH(nothing_comes_before_the_flush)
{
	struct store_op *op = op_say(1, "ann", "hello", NULL), *back;

	store_submit(rig->store, op);
	cr_assert_null(mailbox_wait(&rig->box, 50));
	cr_assert_eq(rig_count(rig, 1, NULL), 0);
	store_flush(rig->store);
	rig_await(rig, &back, 1);
	cr_assert_eq(back, op);
	op_free(op);
}

BOTH(close_gives_back_all)
{
	struct store_op *back[100];
	unsigned i;

	for (i = 0; i < 100; i++) {
		store_submit(rig->store, op_say(1, "ann", "hello", NULL));
		if (i < 60)
			store_flush(rig->store);
	}
	rig_close(rig);
	rig_await(rig, back, 100);
	for (i = 0; i < 100; i++) {
		cr_assert_eq(back[i]->error, STORE_OK);
		op_free(back[i]);
	}
}

BOTH(every_field_comes_back)
{
	static char text[65536];
	static const char odd[] = "'; DROP TABLE rooms;--\t\xf0\x9f\x98\x80";
	struct store_op *op;
	struct store_read *r;
	struct msg *m;

	memset(text, 'x', sizeof(text) - 1);
	op = op_new(STORE_APPEND, 9);
	op->msg = msg_new(MSG_NOTICE, "Ann", "Bob", text, 65535, NULL);
	op->msg->flags = 64;
	op->msg->room = 9;
	op_free(rig_do(rig, op));
	op = op_new(STORE_APPEND, 9);
	op->msg = msg_new(MSG_ACTION, odd, "", odd, strlen(odd), NULL);
	op->msg->room = 9;
	op_free(rig_do(rig, op));
	rig_say(rig, 9, "");

	r = rig_read(rig, READ_AFTER, 9, 0, 0, 10, SIZE_MAX);
	cr_assert_eq(r->n, 3);
	m = r->msgs[0];
	cr_assert(m->room == 9 && m->kind == MSG_NOTICE &&
	    m->flags == 64 && m->text_len == 65535);
	cr_assert_str_eq(msg_from(m), "Ann");
	cr_assert_str_eq(msg_to(m), "Bob");
	cr_assert_str_eq(msg_text(m), text);
	m = r->msgs[1];
	cr_assert_eq(m->kind, MSG_ACTION);
	cr_assert_str_eq(msg_from(m), odd);
	cr_assert_str_eq(msg_to(m), "");
	cr_assert_str_eq(msg_text(m), odd);
	cr_assert_str_eq(msg_text(r->msgs[2]), "");
	store_read_free(r);
}

BOTH(unknown_rooms_are_empty)
{
	struct store_read *r;

	rig_say(rig, 1, "hello");
	r = rig_read(rig, READ_AFTER, 4000000000u, 0, 0, 10, 1000);
	cr_assert(r->error == STORE_OK && r->n == 0 && !r->more &&
	    r->floor == 0);
	store_read_free(r);
	r = rig_read(rig, READ_SEEK, 2, 5, 0, 10, 1000);
	cr_assert(r->error == STORE_OK && r->after == 0);
	store_read_free(r);
	rig_forget(rig, 3, 1000);
	cr_assert_eq(rig_count(rig, 3, NULL), 0);
}

/* A room as the model sees it: what was said, by seq. */
struct model {
	struct msg	*msgs[4000];
	uint32_t	 n;
	uint64_t	 floor;
};

/* The answer that store.h promises, found the plain way. */
static void
model_read(const struct model *model, struct store_read *want)
{
	uint64_t before = want->before ? want->before : UINT64_MAX;
	uint64_t after = want->kind == READ_SEEK ? 0 : want->after;
	struct msg *in[4000];
	uint32_t n = 0, i;
	size_t bytes = 0;

	if (want->kind == READ_AFTER)
		before = UINT64_MAX;
	for (i = 0; i < model->n; i++) {
		struct msg *m = model->msgs[i];

		if (m->seq > model->floor && m->seq > after && m->seq < before)
			in[n++] = m;
	}
	want->floor = model->floor;
	if (want->kind == READ_SEEK) {
		want->after = n > want->limit ?
		    in[n - want->limit - 1]->seq : 0;
		return;
	}
	want->msgs = xcalloc(n + 1, sizeof(struct msg *));
	for (i = 0; i < n && want->n < want->limit; i++) {
		struct msg *m = in[want->kind == READ_AFTER ? i : n - 1 - i];

		bytes += msg_size(m);
		if (want->n > 0 && bytes > want->bytes)
			break;
		want->msgs[want->n++] = msg_ref(m);
	}
	want->more = want->n < n;
	for (i = 0; want->kind == READ_BEFORE && i < want->n / 2; i++) {
		struct msg *m = want->msgs[i];

		want->msgs[i] = want->msgs[want->n - 1 - i];
		want->msgs[want->n - 1 - i] = m;
	}
}

static void
compare(struct rig *rig, const struct model *model, uint32_t room,
    uint64_t top)
{
	struct store_read *want = store_read_new((enum store_read_kind)
	    (rand() % 3), room), *got;
	uint32_t i;

	want->after = rand() % 3 ? (uint64_t)rand() % (top + 3) : 0;
	want->before = rand() % 3 ? (uint64_t)rand() % (top + 3) : 0;
	if (rand() % 20 == 0)
		want->after = UINT64_MAX;
	if (rand() % 20 == 0)
		want->before = UINT64_MAX;
	want->limit = 1 + (uint32_t)rand() % (rand() % 2 ? 5 : 2000);
	want->bytes = rand() % 2 ? SIZE_MAX : (size_t)rand() % 4000;
	got = rig_read(rig, want->kind, room, want->after, want->before,
	    want->limit, want->bytes);
	model_read(model, want);
	cr_assert_eq(got->error, STORE_OK);
	cr_assert_eq(got->floor, want->floor);
	cr_assert_eq(got->n, want->n, "kind %d: %u instead of %u", want->kind,
	    got->n, want->n);
	if (want->kind == READ_SEEK)
		cr_assert_eq(got->after, want->after);
	else
		cr_assert_eq(got->more, want->more);
	for (i = 0; i < got->n; i++) {
		cr_assert_eq(got->msgs[i]->seq, want->msgs[i]->seq);
		cr_assert_eq(got->msgs[i]->time, want->msgs[i]->time);
		cr_assert_str_eq(msg_text(got->msgs[i]),
		    msg_text(want->msgs[i]));
	}
	store_read_free(want);
	store_read_free(got);
}

BOTH(reads_agree_with_a_model)
{
	static struct model models[3];
	unsigned seed = (unsigned)getpid(), round, i;
	struct store_op *back[300];
	uint64_t top = 0;

	cr_log_info("seed %u\n", seed);
	srand(seed);
	for (round = 0; round < 10; round++) {
		unsigned n = 1 + (unsigned)rand() % 300;

		for (i = 0; i < n; i++) {
			char text[200];

			snprintf(text, sizeof(text), "%u %0*d", i,
			    rand() % 150 + 1, 7);
			store_submit(rig->store, op_say((uint32_t)rand() % 3,
			    "ann", text, NULL));
		}
		store_flush(rig->store);
		rig_await(rig, back, n);
		for (i = 0; i < n; i++) {
			struct model *m = &models[back[i]->room];

			m->msgs[m->n++] = msg_ref(back[i]->msg);
			top = back[i]->seq;
			op_free(back[i]);
		}
		for (i = 0; i < 3; i++) {
			uint64_t seq = (uint64_t)rand() % (top / 2 + 1);
			struct model *m = &models[i];
			uint32_t k, gone = 0;

			for (k = 0; k < m->n && m->msgs[k]->seq <= seq; k++)
				gone = k + 1;
			/* All but everything: then the room would be over. */
			if (gone == 0 || gone == m->n || rand() % 2)
				continue;
			/* Up to a message's own seq, which is the floor. */
			seq = m->msgs[gone - 1]->seq;
			rig_forget(rig, i, seq);
			if (seq > m->floor)
				m->floor = seq;
		}
		for (i = 0; i < 150; i++)
			compare(rig, &models[i % 3], i % 3, top);
	}
	for (i = 0; i < 3; i++) {
		while (models[i].n > 0)
			msg_unref(models[i].msgs[--models[i].n]);
	}
}

/* Says with a key and frees; the op as it came back is in *op. */
static void
say_key(struct rig *rig, struct store_op *out, uint32_t room,
    const char *from, const char *key)
{
	struct store_op *op = rig_do(rig, op_say(room, from, "hi", key));

	*out = *op;
	op_free(op);
	cr_assert_eq(out->error, STORE_OK);
}

BOTH(said_twice_stands_once)
{
	struct store_op first, again;

	say_key(rig, &first, 1, "ann", "k");
	cr_assert_not(first.duplicate);
	rig_say(rig, 1, "between");
	say_key(rig, &again, 1, "ann", "k");
	cr_assert(again.duplicate);
	cr_assert_eq(again.seq, first.seq);
	cr_assert_eq(again.time, first.time);
	cr_assert_eq(rig_count(rig, 1, NULL), 2);

	say_key(rig, &again, 1, "bob", "k");
	cr_assert_not(again.duplicate, "another person's key");
	say_key(rig, &again, 2, "ann", "k");
	cr_assert_not(again.duplicate, "another room's key");
	say_key(rig, &again, 1, "ann", "K");
	cr_assert_not(again.duplicate, "another key");
	/* Where one string ends and the other begins matters. */
	say_key(rig, &again, 1, "an", "nk");
	cr_assert_not(again.duplicate);
	cr_assert_eq(rig_count(rig, 1, NULL), 5);
}

BOTH(said_twice_in_one_group_stands_once)
{
	struct store_op *back[6];
	unsigned i;

	for (i = 0; i < 6; i++)
		store_submit(rig->store, op_say(1, "ann", "hi",
		    i % 2 ? "odd" : "even"));
	store_flush(rig->store);
	rig_await(rig, back, 6);
	for (i = 0; i < 6; i++) {
		cr_assert_eq(back[i]->duplicate, i >= 2);
		cr_assert_eq(back[i]->seq, back[i % 2]->seq);
		cr_assert_eq(back[i]->time, back[i % 2]->time);
		if (i >= 2)
			cr_assert_eq(back[i]->msg->seq, 0);
	}
	cr_assert_eq(rig_count(rig, 1, NULL), 2);
	for (i = 0; i < 6; i++)
		op_free(back[i]);
}

/* A key is looked for behind what was submitted, and nothing is stored. */
BOTH(seek_key)
{
	struct store_op *op, first, again;

	op = op_say(1, "ann", "hi", "k");
	op->kind = STORE_SEEK_KEY;
	op = rig_do(rig, op);
	cr_assert_eq(op->error, STORE_OK);
	cr_assert_not(op->duplicate);
	op_free(op);
	say_key(rig, &first, 1, "ann", "k");
	cr_assert_not(first.duplicate);
	cr_assert_eq(first.seq, 1);
	op = op_say(1, "ann", "hi", "k");
	op->kind = STORE_SEEK_KEY;
	op = rig_do(rig, op);
	cr_assert(op->duplicate);
	cr_assert_eq(op->seq, first.seq);
	cr_assert_eq(op->time, first.time);
	op_free(op);
	say_key(rig, &again, 1, "ann", "l");
	cr_assert_eq(again.seq, 2);
}

/* Whoever has an erased one's name then says what it likes. */
BOTH(keys_of_the_erased)
{
	struct store_op *op, first, again;
	static const char *const keys[] = { "j", "k", "l" };
	size_t i;

	for (i = 0; i < NITEMS(keys); i++) {
		say_key(rig, &first, 1, "ann", keys[i]);
		say_key(rig, &first, 1, "an", keys[i]);
		say_key(rig, &first, 2, "ann", keys[i]);
	}
	op = op_new(STORE_ERASE, 0);
	op->text = "ann";
	op = rig_do(rig, op);
	cr_assert_eq(op->error, STORE_OK);
	op_free(op);
	for (i = 0; i < NITEMS(keys); i++) {
		say_key(rig, &again, 1, "ann", keys[i]);
		cr_assert_not(again.duplicate);
		say_key(rig, &again, 2, "ann", keys[i]);
		cr_assert_not(again.duplicate);
		say_key(rig, &again, 1, "an", keys[i]);
		cr_assert(again.duplicate);
		say_key(rig, &again, 1, "ann", keys[i]);
		cr_assert(again.duplicate);
	}
}

BOTH(keys_outlive_their_messages)
{
	struct store_op first, again;

	rig->conf.history_max = 1;
	store_configure(rig->store, &rig->conf);
	say_key(rig, &first, 1, "ann", "k");
	rig_say(rig, 1, "newer");
	rig_until(rig, 1, 1);
	say_key(rig, &again, 1, "ann", "k");
	cr_assert(again.duplicate && again.seq == first.seq);
}

BOTH(count_is_kept)
{
	struct store_read *r;

	rig->conf.history_max = 10;
	store_configure(rig->store, &rig->conf);
	rig_fill(rig, 1, 1000);
	rig_fill(rig, 2, 5);
	rig_until(rig, 1, 10);
	cr_assert_eq(rig_count(rig, 2, NULL), 5);
	r = rig_read(rig, READ_AFTER, 1, 0, 0, 100, SIZE_MAX);
	cr_assert_str_eq(msg_text(r->msgs[0]), "990");
	cr_assert_str_eq(msg_text(r->msgs[9]), "999");
	cr_assert_eq(r->floor, r->msgs[0]->seq - 1);
	cr_assert_eq(rig->pruned_room, 1);
	cr_assert_eq(rig->pruned_floor, r->floor, "the news are not the floor");
	store_read_free(r);
}

BOTH(size_is_kept)
{
	static char text[1001];
	struct store_read *r;
	unsigned i;

	memset(text, 'x', 1000);
	rig->conf.history_bytes = 5000;
	store_configure(rig->store, &rig->conf);
	for (i = 0; i < 20; i++)
		rig_say(rig, 1, text);
	rig_until(rig, 1, 4);	/* each counts a little more than its text */
	r = rig_read(rig, READ_AFTER, 1, 0, 0, 100, SIZE_MAX);
	cr_assert_eq(rig->pruned_floor, r->floor);
	store_read_free(r);
}

BOTH(age_is_kept)
{
	uint64_t floor;

	rig->conf.history_age = 1;
	store_configure(rig->store, &rig->conf);
	rig_fill(rig, 1, 700);
	cr_assert_eq(rig_count(rig, 2, NULL), 0);
	rig_until(rig, 1, 0);
	rig_count(rig, 1, &floor);
	cr_assert_eq(rig->pruned_room, 1);
	cr_assert_eq(rig->pruned_floor, floor);
	cr_assert_gt(rig_say(rig, 1, "new"), floor);
}

BOTH(the_newest_stays_however_large)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	rig->conf.history_bytes = 1000;
	store_configure(rig->store, &rig->conf);
	rig_say(rig, 1, "small");
	rig_say(rig, 1, text);
	rig_until(rig, 1, 1);
	rig_say(rig, 1, "small");
	rig_until(rig, 1, 1);
}

BOTH(a_reload_counts)
{
	rig_fill(rig, 1, 3000);
	cr_assert_eq(rig_count(rig, 1, NULL), 3000);
	rig->conf.history_max = 100;
	rig->conf.durability = DURABILITY_RELAXED;
	store_configure(rig->store, &rig->conf);
	rig_say(rig, 1, "on");
	rig_until(rig, 1, 100);
	rig->conf.history_max = 0;
	rig->conf.durability = DURABILITY_COMMIT;
	store_configure(rig->store, &rig->conf);
	rig_fill(rig, 2, 500);
	rig_fill(rig, 1, 500);
	cr_assert_eq(rig_count(rig, 2, NULL), 500);
	cr_assert_geq(rig_count(rig, 1, NULL), 100);
}

BOTH(forgotten_is_gone_at_once)
{
	uint64_t seq, floor;

	rig_fill(rig, 1, 3000);
	seq = rig_say(rig, 1, "last but one");
	rig_say(rig, 1, "last");
	rig_forget(rig, 1, seq);
	cr_assert_eq(rig_count(rig, 1, &floor), 1);
	cr_assert_eq(floor, seq);
	rig_forget(rig, 1, seq - 5);	/* less than before is nothing */
	cr_assert_eq(rig_count(rig, 1, &floor), 1);
	cr_assert_eq(floor, seq);
}

BOTH(a_forgotten_room_may_go_on)
{
	uint64_t seq;

	rig_fill(rig, 1, 2000);
	rig_forget(rig, 1, UINT64_MAX);
	cr_assert_eq(rig_count(rig, 1, NULL), 0);
	rig_fill(rig, 1, 10);
	cr_assert_eq(rig_count(rig, 1, NULL), 10);
	seq = rig_say(rig, 1, "last");
	rig_forget(rig, 1, seq);
	cr_assert_eq(rig_count(rig, 1, NULL), 0);
	rig_fill(rig, 2, 10);
	cr_assert_gt(rig_say(rig, 1, "again"), seq);
	cr_assert_eq(rig_count(rig, 1, NULL), 1);
}

/* Follows a room from its beginning, page by page, as a client that is behind
 * does; checks that nothing is missing that the floor does not explain. */
struct follower {
	struct rig	*rig;
	struct mailbox	 box;
	unsigned	 total;
	unsigned	 missed;
	bool		 ok;
};

static struct store_read *
follow_page(struct follower *f, uint64_t after)
{
	struct store_read *r = store_read_new(READ_AFTER, 1);

	r->to = &f->box;
	r->after = after;
	r->limit = 1 + (uint32_t)(after % 40);
	store_read(f->rig->store, r);
	return (struct store_read *)mailbox_wait(&f->box, DEADLINE);
}

static void *
follow(void *arg)
{
	struct follower *f = arg;
	unsigned next = 0, text;
	uint64_t after = 0;
	uint32_t i;

	while (next < f->total) {
		struct store_read *r = follow_page(f, after);

		if (r == NULL || r->error != STORE_OK)
			return NULL;
		for (i = 0; i < r->n; i++) {
			text = (unsigned)atoi(msg_text(r->msgs[i]));
			if (r->msgs[i]->seq <= after)
				return NULL;
			if (text != next && (i > 0 || r->floor <= after))
				return NULL;
			f->missed += text - next;
			next = text + 1;
			after = r->msgs[i]->seq;
		}
		store_read_free(r);
	}
	f->ok = true;
	return NULL;
}

static void
say_all(struct rig *rig, unsigned n)
{
	struct store_op *back[200];
	unsigned i = 0, k;
	char text[16];

	while (i < n) {
		for (k = 0; k < 100; k++) {
			snprintf(text, sizeof(text), "%u", i++);
			store_submit(rig->store, op_say(1, "ann", text, NULL));
			store_submit(rig->store, op_say(2, "bob", text, NULL));
			if (k % 10 == 0)
				store_flush(rig->store);
		}
		store_flush(rig->store);
		rig_await(rig, back, 200);
		for (k = 0; k < 200; k++) {
			cr_assert_eq(back[k]->error, STORE_OK);
			op_free(back[k]);
		}
	}
}

static unsigned
run_followers(struct rig *rig, unsigned n)
{
	/* Posting to a mailbox may end after the mail has been read: they
	 * must outlive the store's threads. */
	static struct follower f[3];
	pthread_t threads[3];
	unsigned i, missed = 0;

	for (i = 0; i < 3; i++) {
		f[i] = (struct follower){ .rig = rig, .total = n };
		mailbox_init(&f[i].box, NULL, NULL);
		pthread_create(&threads[i], NULL, follow, &f[i]);
	}
	say_all(rig, n);
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		cr_assert(f[i].ok, "a follower saw what it should not");
		missed += f[i].missed;
	}
	return missed;
}

BOTH(followers_miss_nothing, .timeout = 60)
{
	cr_assert_eq(run_followers(rig, 20000), 0);
}

BOTH(followers_learn_what_retention_took, .timeout = 60)
{
	rig->conf.history_max = 50;
	store_configure(rig->store, &rig->conf);
	run_followers(rig, 20000);
	cr_assert_gt(rig->prunings, 0);
	rig_until(rig, 1, 50);
}

static uint64_t
groups(const struct rig *rig, unsigned bucket)
{
	return metric_get(&rig->store->metrics.groups.counts[bucket]);
}

BOTH(counts)
{
	const struct store_metrics *m = &rig->store->metrics;
	struct store_op *ops[2];
	uint64_t commits = 0;
	unsigned i;

	cr_assert(store_ok(rig->store));
	rig_say(rig, 1, "one");
	rig_fill(rig, 1, 30);
	store_submit(rig->store, op_say(1, "ann", "two", "key"));
	store_submit(rig->store, op_say(1, "ann", "two", "key"));
	store_flush(rig->store);
	rig_await(rig, ops, 2);
	cr_assert(!ops[0]->duplicate && ops[1]->duplicate);
	op_free(ops[0]);
	op_free(ops[1]);
	rig_forget(rig, 1, 1);
	cr_assert_eq(metric_get(&m->messages), 32);
	cr_assert_eq(metric_get(&m->duplicates), 1);
	cr_assert_eq(metric_get(&m->failed), 0);
	/* by size: twice 1, 2, and 30 up to 50 */
	cr_assert_eq(groups(rig, 0), 2);
	cr_assert_eq(groups(rig, 1), 1);
	cr_assert_eq(groups(rig, 5), 1);
	cr_assert_eq(metric_get(&m->groups.sum), 34);
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		commits += metric_get(&m->commits.counts[i]);
	cr_assert_eq(commits, 4);
	cr_assert(store_ok(rig->store));
}
