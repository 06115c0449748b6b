/*
 * Streams and places against a simple model: a log of all that happened, and
 * readers of which each must be given every stored message of it, whole, in
 * order, once; and every passing one too as long as it has not fallen behind.
 * Nothing of those whom it ignores, and it is not behind for their sake.
 * STREAM_SEED and STREAM_RUNS choose the sequences.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "stream.h"
#include "util.h"

#define SEGMENT		(16 * 1024)	/* stream.c's */
#define BIG		(20 * 1000)	/* a text larger than that */
#define READERS		6
#define LOG_MAX		512
#define STEPS		160
#define PAGE		5		/* messages of a page */

#define PEOPLE		3
#define LISTS		5

static const char *const people[PEOPLE] = { "ann", "Bob", "C\303\251cile" };
static const char *const keys[PEOPLE] = { "ann", "bob", "c\303\251cile" };

/* Who is ignored, a bit each; two are the same, but not the same list. */
static const unsigned hides[LISTS] = { 0, 2, 4, 6, 2 };

struct entry {
	struct msg	*msg;
	uint64_t	 seq;		/* 0: passing */
	unsigned	 who;		/* bit */
};

struct reader {
	struct place	 place;
	bool		 here;
	bool		 strict;	/* has not fallen since its last line */
	unsigned	 list;		/* whom it ignores */
	int		 last;		/* in the log; -1 before it */
	struct buf	 got;		/* not yet checked */
	/* the page on its way */
	bool		 reading;
	int		 from, n;	/* n entries behind from */
	bool		 more;
	uint64_t	 head;
};

static struct {
	struct room_view *room;
	struct segment_pool pool;
	struct ignores	*lists[LISTS];
	struct entry	 log[LOG_MAX];
	int		 n;
	uint64_t	 seq;
	struct reader	 readers[READERS];
} t;

static void
render(struct buf *out, enum encoding e, const char *room, const struct msg *m)
{
	buf_addf(out, "%c%s ", "tcjwz"[e], room);
	buf_add(out, msg_text(m), m->text_len);
	buf_addc(out, '\n');
}

/* The log. */

static struct msg *
make(bool stored)
{
	static char text[BIG];
	size_t len = (size_t)snprintf(text, sizeof(text), "%d:", t.n), more;
	unsigned who = below(PEOPLE);

	more = below(40) == 0 ? BIG - len : below(8) == 0 ? below(6000) :
	    below(100);
	memset(text + len, 'a' + t.n % 26, more);
	cr_assert_lt(t.n, LOG_MAX);
	t.log[t.n].msg = msg_new(stored ? MSG_TEXT : MSG_JOIN, people[who],
	    NULL, text, len + more, NULL);
	t.log[t.n].who = 1u << who;
	t.log[t.n].seq = 0;
	if (stored)
		t.log[t.n].seq = t.log[t.n].msg->seq = t.seq += 1 + below(3);
	return t.log[t.n++].msg;
}

static void
append(bool stored)
{
	struct msg *m = make(stored);
	struct stream *s;
	struct news n;

	t.room->last_seq = t.seq;
	news_begin(&n, m, t.seq);
	for (s = stream_first(t.room); s != NULL; s = stream_next(s)) {
		if (stream_append(s, &n))
			stream_touch(s, true);
	}
}

/* Some are stored that the streams are not given. */
static void
skip(void)
{
	int n = 1 + (int)below(4);
	struct stream *s;

	while (n-- > 0)
		make(true);
	t.room->last_seq = t.seq;
	for (s = stream_first(t.room); s != NULL; s = stream_next(s))
		stream_skip(s, t.seq);
}

/* The index of the newest entry that who has all up to seq has. */
static int
index_of(uint64_t seq)
{
	int i, last = -1;

	for (i = 0; i < t.n; i++) {
		if (t.log[i].seq != 0 && t.log[i].seq <= seq)
			last = i;
	}
	return last;
}

static bool
hidden(const struct reader *r, int i)
{
	return (hides[r->list] & t.log[i].who) != 0;
}

/* Is there anything for it, stored or also passing? */
static bool
any_between(const struct reader *r, int from, int to, bool stored)
{
	int i;

	for (i = from + 1; i < to; i++) {
		if ((t.log[i].seq != 0 || !stored) && !hidden(r, i))
			return true;
	}
	return false;
}

/* What a reader was given must be whole lines, in order, the right ones. */
static void
check_got(struct reader *r, enum encoding e)
{
	static struct buf want;
	size_t at = 0;
	int i;

	while (at < r->got.len) {
		buf_reset(&want);
		i = atoi(r->got.data + at + 2 + strlen(t.room->name));
		check(i > r->last && i < t.n);
		check(!hidden(r, i));
		check(!any_between(r, r->last, i, !r->strict));
		render(&want, e, t.room->name, t.log[i].msg);
		check(r->got.len - at >= want.len);
		check(memcmp(r->got.data + at, want.data, want.len) == 0);
		at += want.len;
		r->last = i;
		r->strict = r->place.state == PLACE_ON;
	}
	buf_reset(&r->got);
}

static void
check_place(struct reader *r)
{
	uint64_t seq;

	check_got(r, stream_encoding(r->place.stream));
	if (r->place.state != PLACE_ON)
		r->strict = false;
	if (r->place.state == PLACE_SEEK)
		return;
	/* Nothing stored lies between what it has and what it says it has. */
	seq = place_seq(&r->place);
	check(!any_between(r, r->last, index_of(seq) + 1, true));
	if (r->place.state == PLACE_ON && !place_pending(&r->place)) {
		check(!any_between(r, r->last, t.n, true));
		check(seq == t.seq);
	}
}

/* Readers. */

static void
left(struct stream *s)
{
	stream_release(s);
}

static struct stream *
a_stream(struct reader *r)
{
	r->list = below(2) ? 0 : below(LISTS);
	return stream_get(t.room, (enum encoding)below(ENC_MAX),
	    t.lists[r->list], render, &t.pool);
}

static void
enter(struct reader *r)
{
	uint64_t seq = below(2) ? t.seq : t.n > 0 ?
	    t.log[below((uint32_t)t.n)].seq : 0;

	*r = (struct reader){ .here = true, .got = r->got };
	if (below(3) == 0)
		place_add_seeking(&r->place, NULL, a_stream(r), 0);
	else
		place_add(&r->place, NULL, a_stream(r), seq);
	r->last = index_of(seq);
}

/* The store says where a seeking reader begins. */
static void
found(struct reader *r)
{
	int i = t.n > 0 ? (int)below((uint32_t)t.n) : -1;

	place_found(&r->place, i >= 0 ? t.log[i].seq : 0);
	r->last = index_of(i >= 0 ? t.log[i].seq : 0);
	place_join(&r->place);
}

static void
leave(struct reader *r)
{
	struct stream *s = r->place.stream;

	place_remove(&r->place);
	left(s);
	r->here = false;
}

static void
move(struct reader *r)
{
	struct stream *old = r->place.stream, *to;
	int i;

	/* What was hidden so far stays so. */
	if (r->place.state != PLACE_SEEK) {
		i = index_of(place_seq(&r->place));
		r->last = i > r->last ? i : r->last;
	}
	to = a_stream(r);
	place_move(&r->place, to);
	left(old);
	r->reading = r->strict = false;
}

/* As much as a socket might take of what is there, or that many bytes. */
static void
take(struct reader *r, size_t n)
{
	struct iovec iov[64];
	size_t total = 0, left_over, part;
	const char *rest = NULL;
	int i, max = 1 + (int)below(NITEMS(iov));
	int slices = place_slices(&r->place, iov, max);
	uint64_t delivered = metric_get(&t.pool.metrics.deliveries);
	size_t before = r->got.len;

	check(slices > 0 && slices <= max);
	for (i = 0; i < slices; i++)
		total += iov[i].iov_len;
	if (n == 0 || n > total)
		n = 1 + below((uint32_t)total);
	for (i = 0, part = n; part > 0; i++) {
		size_t k = iov[i].iov_len < part ? iov[i].iov_len : part;

		buf_add(&r->got, iov[i].iov_base, k);
		part -= k;
	}
	left_over = place_advance(&r->place, n, &rest);
	if (left_over > 0)
		buf_add(&r->got, rest, left_over);
	for (; before < r->got.len; before++)
		delivered += r->got.data[before] == '\n';
	check(metric_get(&t.pool.metrics.deliveries) == delivered);
}

static void
drain(struct reader *r)
{
	while (place_pending(&r->place))
		take(r, BIG * 2);
}

/* A page is asked for: what the store holds at this moment. */
static void
ask(struct reader *r)
{
	int i, n = 0;

	r->from = index_of(r->place.at.seq);
	r->head = t.room->last_seq;
	r->more = false;
	for (i = r->from + 1; i < t.n; i++) {
		if (t.log[i].seq == 0)
			continue;
		if (n == PAGE) {
			r->more = true;
			break;
		}
		n++;
	}
	r->n = n;
	r->place.state = PLACE_READING;
	r->reading = true;
	place_hold(&r->place, true);
}

/* It has come; see render_page() of session-output.c. */
static void
answer(struct reader *r)
{
	int i, n = r->n;

	r->reading = false;
	r->strict = false;
	r->place.state = PLACE_BEHIND;
	for (i = r->from + 1; n > 0; i++) {
		if (t.log[i].seq == 0)
			continue;
		if (!hidden(r, i))
			render(&r->got, stream_encoding(r->place.stream),
			    t.room->name, t.log[i].msg);
		r->place.at.seq = t.log[i].seq;
		n--;
	}
	if (!r->more && r->place.at.seq < r->head)
		r->place.at.seq = r->head;
	check_got(r, stream_encoding(r->place.stream));
	r->strict = false;
	if (!place_join(&r->place))
		place_hold(&r->place, false);
	stream_settle(r->place.stream);
}

/* One thing that may happen to a reader. */
static void
step_reader(struct reader *r)
{
	if (!r->here) {
		enter(r);
		return;
	}
	switch (below(12)) {
	case 0:
		leave(r);
		return;
	case 1:
		move(r);
		return;
	case 2:
		if (r->place.state == PLACE_ON) {
			place_fall(&r->place);
			stream_settle(r->place.stream);
		}
		return;
	}
	if (r->place.state == PLACE_SEEK)
		found(r);
	else if (r->place.state == PLACE_READING)
		answer(r);
	else if (r->place.state == PLACE_BEHIND) {
		if (!place_join(&r->place))
			ask(r);
	} else if (place_pending(&r->place)) {
		if (below(2))
			drain(r);
		else
			take(r, 0);
		stream_settle(r->place.stream);
	}
}

static void
trim(size_t bytes)
{
	size_t max = bytes > SEGMENT ? bytes : SEGMENT;
	struct stream *s;

	for (s = stream_first(t.room); s != NULL; s = stream_next(s)) {
		stream_trim(s, bytes);
		/* The newest segment stays, with however long a line. */
		check(stream_bytes(s) <= (max > BIG + 64 ? max : BIG + 64));
		check(t.pool.n <= 64);
	}
}

/* Who reads, who of them is on a stream, and who is not. */
static void
check_numbers(void)
{
	const struct place *p;
	uint64_t places = 0, on = 0, behind = 0;
	int i;

	for (i = 0; i < READERS; i++) {
		places += t.readers[i].here;
		on += t.readers[i].here &&
		    t.readers[i].place.state == PLACE_ON;
	}
	LIST_FOREACH(p, &t.pool.behind, readers) {
		check(p->state != PLACE_ON);
		behind++;
	}
	check(metric_get(&t.pool.metrics.places) == places);
	check(metric_get(&t.pool.metrics.on) == on);
	check(behind == places - on);
}

static void
step(void)
{
	unsigned what = below(20);
	struct stream *s;
	int e;

	if (what < 5)
		append(true);
	else if (what < 7)
		append(false);
	else if (what == 7)
		skip();
	else if (what == 8)
		trim(below(64 * 1024));
	else if (what == 9) {
		for (s = stream_first(t.room); s != NULL; s = stream_next(s)) {
			stream_touch(s, false);
			stream_settle(s);
		}
	} else
		step_reader(&t.readers[below(READERS)]);
	for (e = 0; e < READERS; e++) {
		if (t.readers[e].here)
			check_place(&t.readers[e]);
	}
	check_numbers();
}

/* Everybody gets everything; then nothing is kept. */
static void
finish(void)
{
	struct reader *r;
	struct stream *s;
	int i, turns;

	for (i = 0; i < READERS; i++) {
		r = &t.readers[i];
		for (turns = 0; r->here && (r->place.state != PLACE_ON ||
		    place_pending(&r->place)); turns++) {
			check(turns < LOG_MAX);
			if (r->place.state == PLACE_SEEK)
				found(r);
			else if (r->place.state == PLACE_READING)
				answer(r);
			else if (r->place.state == PLACE_ON)
				drain(r);
			else if (!place_join(&r->place))
				ask(r);
			check_place(r);
		}
		if (r->here)
			check(!any_between(r, r->last, t.n, true));
	}
	for (s = stream_first(t.room); s != NULL; s = stream_next(s)) {
		stream_settle(s);
		check(stream_bytes(s) == 0);
	}
	for (i = 0; i < READERS; i++) {
		if (t.readers[i].here)
			leave(&t.readers[i]);
	}
	check(t.room->nplaces == 0);
	check_numbers();
	check(stream_first(t.room) == NULL);
}

static void
run(unsigned number)
{
	int i;

	dice_run(number);
	for (i = 0; i < 8; i++)
		below(2);
	t.room = xcalloc(1, sizeof(*t.room) + 16);
	strcpy(t.room->name, "room");
	t.n = 0;
	t.seq = t.room->last_seq = below(2) ? 0 : 1000;
	for (i = 0; i < STEPS; i++)
		step();
	finish();
	for (i = 0; i < t.n; i++)
		msg_unref(t.log[i].msg);
	free(t.room);
}

static void
make_lists(void)
{
	struct ignores *list;
	int i, who;

	for (i = 0; i < LISTS; i++) {
		for (who = 0; who < PEOPLE; who++) {
			if ((hides[i] & 1u << who) == 0)
				continue;
			list = ignores_with(t.lists[i], &(struct ignored){ 1,
			    keys[who], people[who] });
			ignores_unref(t.lists[i]);
			t.lists[i] = list;
		}
	}
}

static void
close_all(void)
{
	int i;

	for (i = 0; i < LISTS; i++) {
		ignores_unref(t.lists[i]);
		t.lists[i] = NULL;
	}
	segment_pool_free(&t.pool);
	for (i = 0; i < READERS; i++)
		buf_free(&t.readers[i].got);
}

Test(stream, model)
{
	unsigned n = dice_runs("STREAM_RUNS", 3000), i;

	dice_seed("STREAM_SEED");
	make_lists();
	for (i = 0; i < n; i++)
		run(i);
	close_all();
}

/* Nothing random: a line cut at every byte is finished, and the next begins
 * where it should. */
Test(stream, cut_at_every_byte)
{
	struct reader *r = &t.readers[0];
	size_t cut, total = 1;

	dice.seed = dice.state = 1;
	for (cut = 1; cut <= total; cut++) {
		t.room = xcalloc(1, sizeof(*t.room) + 16);
		strcpy(t.room->name, "room");
		t.n = 0;
		t.seq = 0;
		*r = (struct reader){ .here = true, .last = -1,
		    .strict = true, .got = r->got };
		place_add(&r->place, NULL, stream_get(t.room, ENC_JSON, NULL,
		    render, &t.pool), 0);
		dice.state = 99;		/* the same texts each time */
		append(true);
		append(false);
		append(true);
		total = stream_bytes(r->place.stream);
		dice.state = 8;
		do
			take(r, cut);
		while (place_pending(&r->place));
		check_place(r);
		check(r->last == 2);
		leave(r);
		while (t.n > 0)
			msg_unref(t.log[--t.n].msg);
		free(t.room);
	}
	check(total > 100);
	close_all();
}

/* Nobody is on it and nothing is held: nothing is kept, none is rendered. */
Test(stream, keeps_nothing_for_who_is_behind)
{
	struct reader *r = &t.readers[0];
	struct stream *s;

	dice.state = 5;
	t.room = xcalloc(1, sizeof(*t.room) + 16);
	s = stream_get(t.room, ENC_TEXT, NULL, render, &t.pool);
	place_add(&r->place, NULL, s, 0);
	append(true);
	cr_assert_gt(stream_bytes(s), 0);
	place_fall(&r->place);
	append(true);
	cr_assert_eq(stream_bytes(s), 0);
	cr_assert(!place_join(&r->place));
	place_hold(&r->place, true);
	append(true);
	stream_settle(s);
	cr_assert_gt(stream_bytes(s), 0, "a page is to meet it");
	cr_assert(!place_join(&r->place), "but two are still missing");
	r->place.at.seq = t.log[1].seq;
	cr_assert(place_join(&r->place));
	cr_assert(place_pending(&r->place));
	cr_assert(!stream_release(s));
	place_remove(&r->place);
	cr_assert(stream_release(s));
	cr_assert_null(stream_first(t.room));
	while (t.n > 0)
		msg_unref(t.log[--t.n].msg);
	free(t.room);
	close_all();
}

Test(stream, touched_once)
{
	struct room_view *room = xcalloc(1, sizeof(*room) + 1);
	struct segment_pool pool = { 0 };
	struct stream *s = stream_get(room, ENC_TEXT, NULL, render, &pool);

	cr_assert_eq(stream_get(room, ENC_TEXT, NULL, render, &pool), s);
	cr_assert_eq(stream_room(s), room);
	cr_assert_eq(stream_encoding(s), ENC_TEXT);
	cr_assert(!stream_touch(s, true));
	cr_assert(stream_touch(s, true));
	cr_assert(stream_touch(s, false));
	cr_assert(!stream_touch(s, false));
	cr_assert(stream_release(s));
	free(room);
}

/* Those who ignore the same people share a stream; nothing is written for who
 * is ignored, and what is kept lies in small segments. */
Test(stream, left_out)
{
	struct reader *r = &t.readers[0];
	struct stream *all, *some;
	struct news n;
	unsigned i;

	make_lists();
	t.room = xcalloc(1, sizeof(*t.room) + 16);
	some = stream_get(t.room, ENC_TEXT, t.lists[1], render, &t.pool);
	all = stream_get(t.room, ENC_WEB, NULL, render, &t.pool);
	cr_assert_eq(stream_get(t.room, ENC_TEXT, t.lists[1], render,
	    &t.pool), some);
	cr_assert_neq(stream_get(t.room, ENC_JSON, t.lists[1], render,
	    &t.pool), some);
	cr_assert_eq(stream_first(t.room), all);
	place_add(&r->place, NULL, some, 0);
	for (i = 1; i <= 1000; i++) {
		struct msg *m = msg_new(MSG_TEXT, people[1], NULL, "x", 1,
		    NULL);

		m->seq = t.room->last_seq = i;
		news_begin(&n, m, i);
		cr_assert(!stream_append(some, &n));
		cr_assert_eq(stream_bytes(some), 0);
		cr_assert(!place_pending(&r->place));
		cr_assert_eq(place_seq(&r->place), i);
		msg_unref(m);
	}
	place_remove(&r->place);
	while ((some = stream_first(t.room)) != NULL)
		cr_assert(stream_release(some));
	free(t.room);
	close_all();
}
