#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "util.h"

#define SEGMENT_SIZE	(16 * 1024)
#define SEGMENT_SMALL	1024	/* where there may be many streams */
#define POOL_MAX	64
#define NMARKS		128
#define NMARKS_SMALL	8
#define SCRATCH_KEEP	(64 * 1024)

/*
 * Where a line ends, and the newest stored seq up to there. Messages left out
 * behind it have a mark of their own, one for all of them: no reader that has
 * the line is behind for their sake, nor is it given the line once more.
 */
struct mark {
	uint64_t	 seq;
	uint32_t	 end;		/* in the segment */
	uint32_t	 lines;		/* of the segment, up to here */
};

struct segment {
	struct segment	*next;
	struct mark	*marks;
	uint64_t	 base;		/* the stream's offset of data[0] */
	uint32_t	 len, cap;
	uint32_t	 nmarks, marks_cap;
	char		 data[];
};

struct stream {
	LIST_ENTRY(stream) streams;	/* of the room */
	struct room_view *room;
	struct ignores	*ignores;	/* NULL: all is rendered */
	stream_render	*render;
	struct segment_pool *pool;
	struct segment	*first, *last;
	struct place_list readers;
	uint64_t	 tail;		/* offset of the first byte kept */
	uint64_t	 end;		/* offset behind the last byte */
	uint64_t	 base_seq;	/* newest seq before the tail */
	uint32_t	 nreaders;	/* places that are on or may come on */
	uint32_t	 non;		/* places on it */
	uint32_t	 nlate;		/* of these, not at the end */
	uint32_t	 holds;
	uint32_t	 fresh;		/* lines behind fresh_off: a round's */
	uint64_t	 fresh_off;
	uint8_t		 encoding;
	bool		 touched;
};

/* Of size bytes, or as many as are needed. */
static struct segment *
segment_new(struct segment_pool *pool, uint64_t base, size_t size, size_t need)
{
	size_t cap = need > size ? need : size;
	struct segment *g;

	if (cap == SEGMENT_SIZE && (g = pool->free) != NULL) {
		pool->free = g->next;
		pool->n--;
	} else {
		g = xmalloc(sizeof(*g) + cap);
		g->marks_cap = cap < SEGMENT_SIZE ? NMARKS_SMALL : NMARKS;
		g->marks = xmalloc(g->marks_cap * sizeof(*g->marks));
		g->cap = (uint32_t)cap;
	}
	g->next = NULL;
	g->base = base;
	g->len = g->nmarks = 0;
	return g;
}

static void
segment_free(struct segment *g)
{
	free(g->marks);
	free(g);
}

static void
segment_put(struct segment_pool *pool, struct segment *g)
{
	if (g->cap != SEGMENT_SIZE || pool->n >= POOL_MAX) {
		segment_free(g);
		return;
	}
	g->next = pool->free;
	pool->free = g;
	pool->n++;
}

void
segment_pool_free(struct segment_pool *pool)
{
	struct segment *g;

	while ((g = pool->free) != NULL) {
		pool->free = g->next;
		segment_free(g);
	}
	pool->n = 0;
}

/* Its place among the room's streams. */
static int
rank(enum encoding encoding, const struct ignores *ignores)
{
	return (int)encoding + (ignores != NULL ? ENC_MAX : 0);
}

struct stream *
stream_get(struct room_view *room, enum encoding encoding,
    struct ignores *ignores, stream_render *render, struct segment_pool *pool)
{
	struct stream *s, *before = NULL;

	LIST_FOREACH(s, &room->streams, streams) {
		if (rank(s->encoding, s->ignores) > rank(encoding, ignores))
			break;
		if (s->encoding == encoding && s->ignores == ignores)
			return s;
		before = s;
	}
	s = xcalloc(1, sizeof(*s));
	s->room = room;
	s->ignores = ignores_ref(ignores);
	s->render = render;
	s->pool = pool;
	s->base_seq = room->last_seq;
	s->encoding = (uint8_t)encoding;
	LIST_INIT(&s->readers);
	if (before != NULL)
		LIST_INSERT_AFTER(before, s, streams);
	else
		LIST_INSERT_HEAD(&room->streams, s, streams);
	return s;
}

struct stream *
stream_first(const struct room_view *room)
{
	return LIST_FIRST(&room->streams);
}

struct stream *
stream_next(const struct stream *s)
{
	return LIST_NEXT(s, streams);
}

struct room_view *
stream_room(const struct stream *s)
{
	return s->room;
}

enum encoding
stream_encoding(const struct stream *s)
{
	return s->encoding;
}

static void
drop_all(struct stream *s)
{
	struct segment *g;

	while ((g = s->first) != NULL) {
		s->first = g->next;
		segment_put(s->pool, g);
	}
	s->last = NULL;
	s->tail = s->end;
}

bool
stream_release(struct stream *s)
{
	if (s->nreaders > 0)
		return false;
	drop_all(s);
	LIST_REMOVE(s, streams);
	ignores_unref(s->ignores);
	free(s);
	return true;
}

bool
stream_touch(struct stream *s, bool touched)
{
	bool was = s->touched;

	s->touched = touched;
	return was;
}

struct place_list *
stream_readers(struct stream *s)
{
	return &s->readers;
}

size_t
stream_bytes(const struct stream *s)
{
	return (size_t)(s->end - s->tail);
}

/* How many of the segment's marks lie up to this offset. */
static uint32_t
marks_until(const struct segment *g, uint64_t off)
{
	uint32_t lo = 0, hi = g->nmarks, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (g->base + g->marks[mid].end <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The newest seq whose line lies before this offset. */
static uint64_t
seq_at(const struct stream *s, uint64_t off)
{
	const struct segment *g;
	uint64_t seq = s->base_seq;
	uint32_t marks;

	for (g = s->first; g != NULL && g->base <= off; g = g->next) {
		if (g->nmarks > 0 && g->base + g->len <= off) {
			seq = g->marks[g->nmarks - 1].seq;
			continue;
		}
		marks = marks_until(g, off);
		if (marks > 0)
			seq = g->marks[marks - 1].seq;
	}
	return seq;
}

static uint32_t
lines_until(const struct segment *g, uint64_t off)
{
	uint32_t marks = marks_until(g, off);

	return marks > 0 ? g->marks[marks - 1].lines : 0;
}

/* Lines from one end of a line to another; all of a round's, mostly. */
static uint64_t
lines_between(const struct stream *s, uint64_t from, uint64_t to)
{
	const struct segment *g;
	uint64_t lines = 0;

	if (from == s->fresh_off && to == s->end)
		return s->fresh;
	for (g = s->first; g != NULL && g->base < to; g = g->next) {
		if (g->base + g->len > from)
			lines += lines_until(g, to) - lines_until(g, from);
	}
	return lines;
}

/* The offset behind the last line whose seq is not above this one. */
static uint64_t
offset_behind(const struct stream *s, uint64_t seq)
{
	const struct segment *g;
	uint32_t lo, hi, mid;

	for (g = s->first; g != NULL; g = g->next) {
		if (g->nmarks == 0 || g->marks[g->nmarks - 1].seq <= seq)
			continue;
		for (lo = 0, hi = g->nmarks; lo < hi;) {
			mid = (lo + hi) / 2;
			if (g->marks[mid].seq <= seq)
				lo = mid + 1;
			else
				hi = mid;
		}
		return g->base + (lo > 0 ? g->marks[lo - 1].end : 0);
	}
	return s->end;
}

void
news_begin(struct news *n, const struct msg *m, uint64_t seq)
{
	n->msg = m;
	n->seq = seq;
	n->line = NULL;
	n->parsed = false;
}

static const struct buf *
news_line(struct news *n, const struct stream *s)
{
	static _Thread_local struct scratch scratch;

	if (n->line == NULL || n->encoding != s->encoding) {
		n->line = scratch_take(&scratch, SCRATCH_KEEP);
		n->encoding = s->encoding;
		s->render(n->line, s->encoding, s->room->name, n->msg);
	}
	return n->line;
}

static bool
leaves_out(const struct stream *s, struct news *n)
{
	if (!n->parsed) {
		n->parsed = true;
		n->ignorable = msg_ignorable(n->msg, &n->sender);
	}
	return n->ignorable && ignores_find(s->ignores, n->sender.key) != NULL;
}

/* The newest segment, if it has room for this many bytes; else another one. */
static struct segment *
room_for(struct stream *s, size_t len)
{
	struct segment *g = s->last;
	size_t size = SEGMENT_SIZE;

	if (g != NULL && g->cap - g->len >= len)
		return g;
	if (s->ignores != NULL) {
		size = g != NULL ? (size_t)g->cap * 2 : SEGMENT_SMALL;
		if (size > SEGMENT_SIZE)
			size = SEGMENT_SIZE;
	}
	g = segment_new(s->pool, s->end, size, len);
	if (s->last == NULL)
		s->first = g;
	else
		s->last->next = g;
	s->last = g;
	return g;
}

static void
add_mark(struct segment *g, uint64_t seq, uint32_t lines)
{
	if (g->nmarks == g->marks_cap) {
		g->marks_cap *= 2;
		g->marks = xrealloc(g->marks, g->marks_cap * sizeof(*g->marks));
	}
	if (g->nmarks > 0)
		lines += g->marks[g->nmarks - 1].lines;
	g->marks[g->nmarks++] = (struct mark){ seq, g->len, lines };
}

/* All up to seq that is not on the stream is left out. */
static void
pass(struct stream *s, uint64_t seq)
{
	struct segment *g = s->last;
	struct mark *last;

	if (g == NULL && seq > s->base_seq) {
		if (s->holds == 0)
			s->base_seq = seq;	/* all are at the end */
		else			/* a page is to meet it */
			add_mark(room_for(s, 0), seq, 0);
		return;
	}
	if (g == NULL || g->nmarks == 0)
		return;
	last = &g->marks[g->nmarks - 1];
	if (seq <= last->seq)
		return;
	if (last->end == (g->nmarks > 1 ? last[-1].end : 0))
		last->seq = seq;
	else
		add_mark(g, seq, 0);
}

bool
stream_append(struct stream *s, struct news *n)
{
	const struct buf *line;
	struct segment *g;

	if (LIST_EMPTY(&s->readers) && s->holds == 0) {
		/* Nobody is on it: whoever comes back reads the store. */
		drop_all(s);
		s->base_seq = n->seq;
		return true;
	}
	if (s->ignores != NULL && leaves_out(s, n)) {
		pass(s, n->seq);
		return false;
	}
	if (!s->touched) {
		s->fresh_off = s->end;
		s->fresh = 0;
	}
	line = news_line(n, s);
	g = room_for(s, line->len);
	memcpy(g->data + g->len, line->data, line->len);
	g->len += (uint32_t)line->len;
	add_mark(g, n->seq, 1);
	s->nlate = s->non;
	s->end += line->len;
	s->fresh++;
	return true;
}

/* Everything before the new tail goes; readers there fall behind. */
static void
cut(struct stream *s, uint64_t tail)
{
	struct segment *g;
	struct place *p, *next;

	for (p = LIST_FIRST(&s->readers); p != NULL; p = next) {
		next = LIST_NEXT(p, readers);
		if (p->at.off < tail)
			place_fall(p);
	}
	while ((g = s->first) != NULL && g->base + g->len <= tail) {
		if (g->nmarks > 0)
			s->base_seq = g->marks[g->nmarks - 1].seq;
		s->first = g->next;
		segment_put(s->pool, g);
	}
	if (s->first == NULL)
		s->last = NULL;
	s->tail = s->first != NULL ? s->first->base : s->end;
}

void
stream_skip(struct stream *s, uint64_t seq)
{
	struct place *p;

	while ((p = LIST_FIRST(&s->readers)) != NULL)
		place_fall(p);
	drop_all(s);
	if (seq > s->base_seq)
		s->base_seq = seq;
}

void
stream_forget(struct stream *s)
{
	cut(s, s->end);
}

void
stream_trim(struct stream *s, size_t bytes)
{
	const struct segment *g = s->first;

	if (stream_bytes(s) <= bytes)
		return;
	while (g != NULL && s->end - g->base > bytes && g->next != NULL)
		g = g->next;
	if (g != NULL && g != s->first)
		cut(s, g->base);
}

void
stream_settle(struct stream *s)
{
	if (s->nlate > 0 || s->holds > 0 || s->first == NULL)
		return;
	if (s->last->nmarks > 0)
		s->base_seq = s->last->marks[s->last->nmarks - 1].seq;
	drop_all(s);
}

static bool
late(const struct place *p)
{
	return p->state == PLACE_ON && p->at.off < p->stream->end;
}

bool
place_pending(const struct place *p)
{
	return late(p);
}

static void
get_on(struct place *p, uint64_t off)
{
	p->state = PLACE_ON;
	p->at.off = off;
	LIST_REMOVE(p, readers);
	LIST_INSERT_HEAD(&p->stream->readers, p, readers);
	p->stream->non++;
	metric_add(&p->stream->pool->metrics.on, 1);
	if (late(p))
		p->stream->nlate++;
}

static void
get_off(struct place *p)
{
	if (late(p))
		p->stream->nlate--;
	LIST_REMOVE(p, readers);
	p->stream->non--;
	metric_add(&p->stream->pool->metrics.on, UINT64_MAX);
}

/* A new reader, on no stream yet. */
static void
begin(struct place *p)
{
	LIST_INSERT_HEAD(&p->stream->pool->behind, p, readers);
	p->stream->nreaders++;
	p->stream->room->nplaces++;
	metric_add(&p->stream->pool->metrics.places, 1);
}

void
place_add(struct place *p, struct session *session, struct stream *s,
    uint64_t seq)
{
	*p = (struct place){ .session = session, .stream = s,
	    .state = PLACE_BEHIND, .at.seq = seq };
	begin(p);
	place_join(p);
}

void
place_add_seeking(struct place *p, struct session *session, struct stream *s,
    uint64_t floor)
{
	*p = (struct place){ .session = session, .stream = s,
	    .state = PLACE_SEEK, .at.seq = floor };
	begin(p);
}

void
place_found(struct place *p, uint64_t seq)
{
	p->state = PLACE_BEHIND;
	if (seq > p->at.seq)
		p->at.seq = seq;
}

void
place_move(struct place *p, struct stream *to)
{
	if (p->state == PLACE_ON)
		place_fall(p);
	place_hold(p, false);
	p->stream->nreaders--;
	to->nreaders++;
	p->stream = to;
	if (p->state == PLACE_READING)
		p->state = PLACE_BEHIND;
	if (p->state == PLACE_BEHIND)
		place_join(p);
}

void
place_remove(struct place *p)
{
	place_hold(p, false);
	if (p->state == PLACE_ON)
		get_off(p);
	else
		LIST_REMOVE(p, readers);
	p->stream->nreaders--;
	p->stream->room->nplaces--;
	metric_add(&p->stream->pool->metrics.places, UINT64_MAX);
}

uint64_t
place_seq(const struct place *p)
{
	return p->state == PLACE_ON ? seq_at(p->stream, p->at.off) : p->at.seq;
}

bool
place_join(struct place *p)
{
	assert(p->state == PLACE_BEHIND);
	if (p->at.seq < p->stream->base_seq)
		return false;
	get_on(p, offset_behind(p->stream, p->at.seq));
	place_hold(p, false);
	return true;
}

void
place_fall(struct place *p)
{
	uint64_t seq = place_seq(p);

	assert(p->state == PLACE_ON);
	get_off(p);
	LIST_INSERT_HEAD(&p->stream->pool->behind, p, readers);
	p->state = PLACE_BEHIND;
	p->at.seq = seq;
}

void
place_hold(struct place *p, bool hold)
{
	if (p->held == hold)
		return;
	p->held = hold;
	if (hold)
		p->stream->holds++;
	else
		p->stream->holds--;
}

int
place_slices(const struct place *p, struct iovec *iov, int max)
{
	const struct segment *g;
	uint64_t off = p->at.off;
	int n = 0;

	for (g = p->stream->first; g != NULL && n < max; g = g->next) {
		uint64_t in = off > g->base ? off - g->base : 0;

		if (in >= g->len)
			continue;
		iov[n].iov_base = (char *)(uintptr_t)(g->data + in);
		iov[n].iov_len = (size_t)(g->len - in);
		n++;
	}
	return n;
}

size_t
place_advance(struct place *p, size_t n, const char **rest)
{
	const struct segment *g;
	uint64_t from = p->at.off, off = from + n;
	uint32_t in, line;		/* the mark of the one it lies in */
	size_t left = 0;

	p->stream->nlate--;
	if (off < p->stream->end) {
		for (g = p->stream->first; g->base + g->len <= off; g = g->next)
			;
		in = (uint32_t)(off - g->base);
		line = marks_until(g, off);	/* or where it begins */
		if (in != (line > 0 ? g->marks[line - 1].end : 0)) {
			left = g->marks[line].end - in;
			*rest = g->data + in;
		}
	}
	p->at.off = off + left;
	metric_add(&p->stream->pool->metrics.deliveries,
	    lines_between(p->stream, from, p->at.off));
	if (late(p))
		p->stream->nlate++;
	return left;
}
