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

void
text_kept_entered(struct text *t, struct dialect_io *io,
    const struct request *r)
{
	uint32_t i = text_find(t, r->room_key);
	struct text_room *room = &t->rooms[i];

	if (i == t->nrooms || r->limit == 0 || r->head <= r->seq)
		return;
	room->after = r->seq;
	room->upto = r->head;
	buf_addf(&io->out, "-- %s%u unread in %s%s: /catchup",
	    r->limit == MORE ? "over " : "",
	    r->limit == MORE ? UNREAD_MAX : r->limit, TEXT_ROOM(r->room));
	if (i != t->current)
		buf_addf(&io->out, " %s", r->room);
	buf_adds(&io->out, "\r\n");
}

/* One with something unread, the current one first; or NULL. */
static struct text_room *
unread(struct text *t)
{
	uint32_t i;

	if (t->current < t->nrooms && t->rooms[t->current].upto != 0)
		return &t->rooms[t->current];
	for (i = 0; i < t->nrooms; i++) {
		if (t->rooms[i].upto != 0)
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
	room = text_find(t, r->room_key) < t->nrooms ?
	    &t->rooms[text_find(t, r->room_key)] : NULL;
	if (*args != '\0') {
		read_behind(r, TEXT_BEHIND, after);
	} else if (room != NULL && room->upto != 0) {
		read_behind(r, TEXT_CATCHUP, room->after);
	} else {
		text_info(&io->out, "You have read everything in %s%s. "
		    "/history shows it again.", TEXT_ROOM(r->room));
		mail_list_init(&io->requests);
		request_free(r);
	}
	return true;
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

void
text_caught_up(struct text *t, struct dialect_io *io, const struct request *r)
{
	bool behind = r->tag == TEXT_BEHIND, more = r->more;
	uint32_t i, n = text_find(t, r->room_key);
	struct text_room *room = n < t->nrooms ? &t->rooms[n] : NULL;
	uint64_t upto = INT64_MAX, at = r->after;
	int64_t last = 0;

	if (!behind && (room == NULL || room->upto == 0))
		return;		/* left meanwhile */
	if (!behind)
		upto = room->upto;
	if (r->floor > at)
		text_render_lag(&io->out, r->room, at, r->floor + 1);
	for (i = 0; i < r->nlisted && r->msgs[i]->seq <= upto; i++) {
		text_render_day(&io->out, &last, r->msgs[i]->time);
		text_render_message(&io->out, (enum encoding)t->encoding,
		    r->room, r->msgs[i]);
		at = r->msgs[i]->seq;
	}
	if (i < r->nlisted || at >= upto)
		more = false;
	if (more && behind)
		text_info(&io->out, "more: /catchup %s %llu", r->room,
		    (unsigned long long)at);
	else if (more)
		text_info(&io->out, "more: /catchup%s%s", n == t->current ?
		    "" : " ", n == t->current ? "" : r->room);
	else
		text_info(&io->out, "that is all of %s%s",
		    TEXT_ROOM(r->room));
	if (behind)
		return;
	mark(io, r, more ? at : upto);
	room->after = at;
	room->upto = more ? upto : 0;
}

/* Up to where there is no gap: what came behind one was shown, but who goes on
 * from there would skip what lies in it. */
static bool
read_upto(const struct text *t, const struct kept_room *row, uint64_t *seq)
{
	const struct text_room *room;
	struct name name;
	uint32_t i;

	*seq = row->seen;
	if (!name_parse_room(&name, row->room, strlen(row->room), NULL) ||
	    (i = text_find(t, name.key)) == t->nrooms)
		return row->seen != 0;
	room = &t->rooms[i];
	if (room->upto != 0)
		*seq = room->after;
	return room->upto != 0 || row->seen != 0;
}

void
text_where(const struct text *t, struct dialect_io *io,
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
