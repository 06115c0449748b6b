/*
 * Where one stands: what an account has not read when it comes, what anybody
 * has read when they go, and /catchup, which shows what lies between.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "text.h"

#define MORE	(UNREAD_MAX + 1)	/* of a subscribe's limit */
#define ENTERED	200	/* rooms at a login: all at once, and a session counts
			 * up to 255 requests */

bool
text_is_lobby(const struct dialect_io *io, const char *room)
{
	const char *lobby = io->conf->lobby;
	struct name a, b;

	return name_parse_room(&a, lobby, strlen(lobby), NULL) &&
	    name_parse_room(&b, room, strlen(room), NULL) &&
	    strcmp(a.key, b.key) == 0;
}

static void
enter(struct dialect_io *io, const struct kept_room *row, enum text_tag tag)
{
	struct request *r;
	struct name name;

	if (!name_parse_room(&name, row->room, strlen(row->room), NULL))
		return;
	r = text_request(io, CMD_SUBSCRIBE);
	request_set_room(r, &name);
	r->tag = (uint8_t)tag;
	r->seq = row->seen;
	r->limit = row->more ? MORE : row->unread;
	if (row->shown == NULL)
		return;
	r->kept = request_alloc(r, sizeof(*r->kept));
	*r->kept = (struct kept_room){ .shown = request_spans(r, row->shown) };
}

void
text_enter_kept(struct dialect_io *io, const struct request *r)
{
	const struct kept_room *talks = NULL;
	uint32_t i, n = 0;

	for (i = 0; i < r->nlisted; i++) {
		if (text_is_lobby(io, r->kept[i].room))
			enter(io, &r->kept[i], TEXT_KEPT);
	}
	for (i = 0; i < r->nlisted; i++) {
		if (text_is_lobby(io, r->kept[i].room))
			continue;
		if (r->kept[i].talks)
			talks = &r->kept[i];
		else if (n++ < ENTERED)
			enter(io, &r->kept[i], TEXT_KEPT);
	}
	if (n > ENTERED)
		text_info(&io->out, "You were in %u rooms more: /join ROOM "
		    "enters one.", n - ENTERED);
	if (talks != NULL)
		enter(io, talks, TEXT_TALKS);
}

/* All up to there has been read, and is so the next time. */
static void
mark(struct dialect_io *io, const struct request *r, uint64_t seq)
{
	struct request *seen = text_request(io, CMD_SEEN);

	seen->room = request_str(seen, r->room);
	seen->room_key = request_str(seen, r->room_key);
	seen->seq = seq;
	seen->tag = TEXT_MARK;
}

/* Between what was read and upto: all but what was shown. */
static void
set_gaps(struct text_room *room, const struct spans *shown, uint64_t after,
    uint64_t upto)
{
	struct span gap;
	uint32_t i;

	free(room->gaps);
	room->gaps = NULL;
	for (i = 0; spans_gap(shown, i, after, upto, &gap); i++)
		spans_cover(&room->gaps, gap.after, gap.upto);
}

void
text_kept_entered(struct text *t, struct dialect_io *io,
    const struct request *r)
{
	struct text_room *room = text_room_of(t, r->room_key);

	if (room == NULL || r->head <= r->seq)
		return;
	if (r->limit == 0) {	/* nothing but what one has said oneself */
		mark(io, r, r->head);
		return;
	}
	set_gaps(room, r->kept != NULL ? r->kept->shown : NULL, r->seq,
	    r->head);
	buf_addf(&io->out, "-- %s%u unread in %s%s: /catchup",
	    r->limit == MORE ? "over " : "",
	    r->limit == MORE ? UNREAD_MAX : r->limit, TEXT_ROOM(r->room));
	if (room != &t->rooms[t->current])
		buf_addf(&io->out, " %s", r->room);
	buf_adds(&io->out, "\r\n");
}

void
text_returned(struct text_room *room, const struct request *r)
{
	const struct spans *shown;
	uint64_t after;

	if (r->kept == NULL || room->read != TEXT_UNKNOWN)
		return;
	shown = r->kept->shown;
	after = r->kept->seen > r->floor ? r->kept->seen : r->floor;
	room->read = after;
	if (shown != NULL && shown->list[shown->n - 1].upto > after)
		room->read = shown->list[shown->n - 1].upto;
	set_gaps(room, shown, after, room->read);
}

/* What came while one was not there, but for what follows now. */
void
text_begins(void *state, struct dialect_io *io, const char *shown,
    uint64_t after)
{
	struct text_room *room;
	struct text *t = state;
	struct name name;
	uint64_t read;

	if (!name_parse_room(&name, shown, strlen(shown), NULL) ||
	    (room = text_room_of(t, name.key)) == NULL)
		return;
	read = room->read;
	room->read = TEXT_UNKNOWN;
	if (after > read)
		spans_cover(&room->gaps, read, after);
	if (room->gaps != NULL)
		text_info(&io->out, "What came before that is unread: "
		    "/catchup%s%s", room == &t->rooms[t->current] ? "" : " ",
		    room == &t->rooms[t->current] ? "" : room->shown);
}

/* One with something unread, the current one first; or NULL. */
static struct text_room *
unread(struct text *t)
{
	uint32_t i;

	if (t->current < t->nrooms && t->rooms[t->current].gaps != NULL)
		return &t->rooms[t->current];
	for (i = 0; i < t->nrooms; i++) {
		if (t->rooms[i].gaps != NULL)
			return &t->rooms[i];
	}
	return NULL;
}

/* Asks for what came behind a message. */
static void
read_behind(struct request *r, enum text_tag tag, uint64_t after)
{
	r->after = after;
	r->has |= HAS_AFTER;
	r->limit = TEXT_HISTORY;
	r->tag = (uint8_t)tag;
}

bool
text_cmd_catchup(struct text *t, struct dialect_io *io, char *args)
{
	const char *word = text_word(&args);
	struct text_room *room = NULL;
	struct request *r;
	uint64_t after = 0;

	if (*args != '\0' && !text_number(args, INT64_MAX, &after))
		return false;
	if (*word == '\0') {
		if ((room = unread(t)) == NULL) {
			text_info(&io->out, "You have read everything. "
			    "/history shows it again.");
			return true;
		}
		word = room->shown;
	}
	r = text_room_request(t, io, CMD_HISTORY, word);
	if (r == NULL)
		return true;
	room = text_room_of(t, r->room_key);
	if (*args != '\0') {
		read_behind(r, TEXT_BEHIND, after);
	} else if (room != NULL && room->gaps != NULL) {
		read_behind(r, TEXT_CATCHUP, room->gaps->list[0].after);
	} else {
		if (room == NULL)
			text_error(t, &io->out, "You are not in %s%s: /join "
			    "ROOM enters a room.", TEXT_ROOM(r->room));
		else
			text_info(&io->out, "You have read everything in "
			    "%s%s. /history shows it again.",
			    TEXT_ROOM(r->room));
		mail_list_init(&io->requests);
		request_free(r);
	}
	return true;
}

/* Those of the page up to there: how many, the seq that this shows, and
 * whether more of it is to come. */
static uint32_t
show_page(const struct text *t, struct dialect_io *io, const struct request *r,
    uint64_t upto, uint64_t *shown, bool *more)
{
	uint64_t at = r->after;
	int64_t last = 0;
	uint32_t i;

	*more = r->more;
	if (r->floor > at)
		text_render_lag(&io->out, r->room, at, r->floor + 1);
	for (i = 0; i < r->nlisted && r->msgs[i]->seq <= upto; i++) {
		text_render_day(&io->out, &last, r->msgs[i]->time);
		text_render_message(&io->out, (enum encoding)t->encoding,
		    r->room, r->msgs[i]);
		at = r->msgs[i]->seq;
	}
	if (i < r->nlisted || at >= upto)
		*more = false;
	*shown = at;
	return i;
}

static void
show_behind(const struct text *t, struct dialect_io *io,
    const struct request *r)
{
	uint64_t at;
	bool more;

	show_page(t, io, r, INT64_MAX, &at, &more);
	if (more)
		text_info(&io->out, "more: /catchup %s %llu", r->room,
		    (unsigned long long)at);
	else
		text_info(&io->out, "that is all of %s%s",
		    TEXT_ROOM(r->room));
}

/* The next gap, while there is room on the page. */
static bool
go_on(struct dialect_io *io, const struct text_room *room,
    const struct request *r, uint32_t shown)
{
	struct request *again;

	if (shown >= r->limit)
		return false;
	again = text_request(io, CMD_HISTORY);
	again->room = request_str(again, r->room);
	again->room_key = request_str(again, r->room_key);
	read_behind(again, TEXT_CATCHUP, room->gaps->list[0].after);
	again->limit = r->limit - shown;
	return true;
}

void
text_caught_up(struct text *t, struct dialect_io *io, const struct request *r)
{
	struct text_room *room = text_room_of(t, r->room_key);
	uint64_t at, upto;
	uint32_t n;
	bool more;

	if (r->tag == TEXT_BEHIND) {
		show_behind(t, io, r);
		return;
	}
	if (room == NULL || room->gaps == NULL)
		return;		/* left meanwhile */
	upto = room->gaps->list[0].upto;
	n = show_page(t, io, r, upto, &at, &more);
	if (!more)
		at = upto;
	mark(io, r, at);
	if (more)
		room->gaps->list[0].after = at;
	else
		spans_read(&room->gaps, upto);
	if (room->gaps == NULL)
		text_info(&io->out, "that is all of %s%s",
		    TEXT_ROOM(r->room));
	else if (more || !go_on(io, room, r, n))
		text_info(&io->out, "more: /catchup%s%s",
		    room == &t->rooms[t->current] ? "" : " ",
		    room == &t->rooms[t->current] ? "" : r->room);
}

/* Up to where there is no gap: what came behind one was shown, but who goes on
 * from there would skip what lies in it. */
static bool
read_upto(struct text *t, const struct kept_room *row, uint64_t *seq)
{
	const struct text_room *room;
	struct name name;

	*seq = row->seen;
	if (name_parse_room(&name, row->room, strlen(row->room), NULL) &&
	    (room = text_room_of(t, name.key)) != NULL && room->gaps != NULL) {
		*seq = room->gaps->list[0].after;
		return true;
	}
	return row->seen != 0;
}

void
text_where(struct text *t, struct dialect_io *io,
    const struct request *r)
{
	const char *between = "-- You have read ";
	uint64_t seq;
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		if (r->kept[i].room[0] == '@' ||
		    !read_upto(t, &r->kept[i], &seq))
			continue;
		buf_addf(&io->out, "%s#%s up to %llu", between,
		    r->kept[i].room, (unsigned long long)seq);
		between = ", ";
	}
	if (*between == ',')
		buf_adds(&io->out, ".\r\n-- /catchup ROOM NUMBER goes on from "
		    "there when you are back.\r\n");
}
