/*
 * Answers for people: what the person's own commands did.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "name.h"
#include "text.h"

#define DAY_SIZE	16	/* "2026-11-22" and NUL */
#define WIDTH		80	/* columns, unless the terminal told */
#define AWAY_WIDTH	20	/* columns of an away text in a list */

static void
enter_lobby(struct dialect_io *io)
{
	const char *lobby = io->conf->lobby;
	struct request *r;
	struct name name;

	if (!name_parse_room(&name, lobby, strlen(lobby), NULL))
		return;
	r = text_request(io, CMD_SUBSCRIBE);
	request_set_room(r, &name);
	r->last = TEXT_HISTORY;
	r->has = HAS_LAST;
	r->tag = TEXT_FIRST;
}

static void
logged_in(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (!t->greeted)
		text_info(&io->out, "Welcome to %s.", io->conf->server_name);
	text_info(&io->out, "You are %s. /help lists the commands.", r->name);
	enter_lobby(io);
}

/* Among the rooms entered, and the current one. */
static void
remember(struct text *t, const struct request *r)
{
	uint32_t i = text_find(t, r->room_key);

	if (i == t->nrooms) {
		t->rooms = xrealloc(t->rooms, (i + 1) * sizeof(*t->rooms));
		t->rooms[i].shown = xstrdup(r->room);
		t->rooms[i].key = xstrdup(r->room_key);
		t->nrooms++;
	}
	t->current = i;
}

static void
entered(struct text *t, struct dialect_io *io, const struct request *r)
{
	remember(t, r);
	buf_addf(&io->out, "-- You are in %s%s (%u here).", TEXT_ROOM(r->room),
	    r->members);
	if (r->head > r->floor && r->head - r->floor > r->last)
		buf_addf(&io->out, " The last %u messages follow; older ones: "
		    "/history", r->last);
	else if (r->head > r->floor)
		buf_adds(&io->out, " What was said so far follows.");
	if (r->topic != NULL && *r->topic != '\0')
		buf_addf(&io->out, " Topic: %s", r->topic);
	buf_adds(&io->out, "\r\n");
}

/* The next one entered becomes the current one, behind the last the first. */
static void
forget(struct text *t, uint32_t i)
{
	bool current = i == t->current;

	free(t->rooms[i].shown);
	free(t->rooms[i].key);
	t->nrooms--;
	memmove(&t->rooms[i], &t->rooms[i + 1],
	    (t->nrooms - i) * sizeof(*t->rooms));
	if (t->current > i)
		t->current--;
	if (current && i == t->nrooms)
		t->current = 0;
}

static void
left(struct text *t, struct dialect_io *io, const struct request *r)
{
	uint32_t i = text_find(t, r->room_key);
	bool current = i < t->nrooms && i == t->current;

	if (i < t->nrooms)
		forget(t, i);
	if (!current)
		text_info(&io->out, "You left %s%s.", TEXT_ROOM(r->room));
	else if (t->nrooms == 0)
		text_info(&io->out, "You left %s%s. You are in no room now: "
		    "/join ROOM enters one.", TEXT_ROOM(r->room));
	else
		text_info(&io->out, "You left %s%s. You are talking in %s%s "
		    "now.", TEXT_ROOM(r->room),
		    TEXT_ROOM(t->rooms[t->current].shown));
}

static void
told(struct dialect_io *io, const struct request *r)
{
	text_time(&io->out, r->time);
	buf_addf(&io->out, " -> @%s %s\r\n", r->name,
	    r->string != NULL ? r->string : "");
}

static void
local_day(int64_t ms, char day[DAY_SIZE])
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(day, DAY_SIZE, "%Y-%m-%d", &tm) == 0)
		day[0] = '\0';
}

/* With a line where another day than today begins. */
static void
show_history(struct text *t, struct dialect_io *io, const struct request *r)
{
	char last[DAY_SIZE], day[DAY_SIZE];
	uint32_t i;

	local_day(clock_wall(), last);
	for (i = 0; i < r->nlisted; i++) {
		local_day(r->msgs[i]->time, day);
		if (strcmp(day, last) != 0)
			text_info(&io->out, "%s", day);
		memcpy(last, day, sizeof(last));
		text_render_message(&io->out, (enum encoding)t->encoding,
		    r->room, r->msgs[i]);
	}
	if (r->more && r->nlisted > 0)
		text_info(&io->out, "older ones: /history %u %llu",
		    r->limit, (unsigned long long)r->msgs[0]->seq);
	else
		text_info(&io->out, "end of history");
}

static void
show_topic(struct text *t, struct dialect_io *io, const struct request *r)
{
	const struct listed_room *room = NULL;
	struct request *again;
	struct name name;
	uint32_t i;

	for (i = 0; i < r->nlisted && room == NULL; i++) {
		if (name_parse_room(&name, r->rooms[i].room,
		    strlen(r->rooms[i].room), NULL) &&
		    strcmp(name.key, r->room_key) == 0)
			room = &r->rooms[i];
	}
	if (room != NULL && room->topic != NULL && *room->topic != '\0') {
		text_info(&io->out, "The topic of %s%s: %s",
		    TEXT_ROOM(room->room), room->topic);
	} else if (room != NULL) {
		text_info(&io->out, "%s%s has no topic.",
		    TEXT_ROOM(room->room));
	} else if (r->more) {
		again = text_request(io, CMD_ROOMS);
		again->room = request_str(again, r->room);
		again->room_key = request_str(again, r->room_key);
		again->match = again->room_key;
		again->after = r->next;
		again->has = HAS_AFTER;
		again->tag = TEXT_SHOW_TOPIC;
	} else {
		text_error(t, &io->out, "%s", error_text(ERR_NO_SUCH_ROOM));
	}
}

static size_t
width(const char *s)
{
	return text_width(s, strlen(s));
}

static void
show_rooms(struct text *t, struct dialect_io *io, const struct request *r)
{
	size_t widest = 4, used, cut = t->width > 0 ? t->width : SIZE_MAX;
	const struct listed_room *room;
	struct buf *b = &io->out;
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		used = width(r->rooms[i].room);
		widest = used > widest ? used : widest;
	}
	for (i = 0; i < r->nlisted; i++) {
		room = &r->rooms[i];
		buf_addf(b, "-- %c %s%s", room->subscribed ? '*' : ' ',
		    TEXT_ROOM(room->room));
		text_pad(b, widest - width(room->room));
		buf_addf(b, " %5u", room->members);
		used = widest + 14;
		if (room->topic != NULL && *room->topic != '\0') {
			buf_adds(b, "  ");
			text_clip(b, room->topic, cut > used + 8 ?
			    cut - used : 8);
		}
		buf_adds(b, "\r\n");
	}
	if (r->more)
		text_info(b, "more: /rooms %s %llu", r->match != NULL ?
		    r->match : "*", (unsigned long long)r->next);
	else if (r->nlisted == 0 && r->after == 0 && r->match != NULL)
		text_info(b, "No room has \"%s\" in its name.", r->match);
	else if (r->nlisted == 0 && r->after == 0)
		text_info(b, "no room");
	else
		text_info(b, "end of the rooms; a * marks those you are in");
}

/* "ann (owner, away: lunch)" */
static void
add_user(struct buf *b, const struct listed_user *user)
{
	const char *mark = " (";

	buf_adds(b, user->name);
	if (user->role != NULL && strcmp(user->role, "member") != 0) {
		buf_addf(b, "%s%s", mark, user->role);
		mark = ", ";
	}
	if (user->sessions > 1) {
		buf_addf(b, "%s%u times", mark, user->sessions);
		mark = ", ";
	}
	if (user->away != NULL) {
		buf_addf(b, "%saway", mark);
		mark = ", ";
		if (*user->away != '\0') {
			buf_adds(b, ": ");
			text_clip(b, user->away, AWAY_WIDTH);
		}
	}
	if (mark[0] == ',')
		buf_addc(b, ')');
}

static void
show_users(struct text *t, struct dialect_io *io, const struct request *r)
{
	size_t columns, widest = 1, n, room = t->width > 0 ? t->width : WIDTH;
	struct buf cell = { 0 };
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		buf_reset(&cell);
		add_user(&cell, &r->users[i]);
		n = text_width(cell.data, cell.len);
		widest = n > widest ? n : widest;
	}
	columns = room > widest + 2 ? (room - 1) / (widest + 2) : 1;
	for (i = 0; i < r->nlisted; i++) {
		buf_adds(&io->out, i % columns == 0 ? "-- " : "  ");
		buf_reset(&cell);
		add_user(&cell, &r->users[i]);
		buf_add(&io->out, cell.data, cell.len);
		if (i + 1 == r->nlisted || (i + 1) % columns == 0)
			buf_adds(&io->out, "\r\n");
		else
			text_pad(&io->out, widest -
			    text_width(cell.data, cell.len));
	}
	buf_free(&cell);
}

static void
show_who(struct text *t, struct dialect_io *io, const struct request *r)
{
	show_users(t, io, r);
	if (r->more && r->room != NULL)
		text_info(&io->out, "more: /who %s %llu", r->room,
		    (unsigned long long)r->next);
	else if (r->more)
		text_info(&io->out, "more: /who * %llu",
		    (unsigned long long)r->next);
	else if (r->after > 0)
		text_info(&io->out, "end of the list");
	else if (r->room != NULL)
		text_info(&io->out, "%u in %s%s", r->nlisted,
		    TEXT_ROOM(r->room));
	else
		text_info(&io->out, "%u here", r->nlisted);
}

static void
away(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->string != NULL)
		text_info(&io->out, "You are away.");
	else if (t->away)
		text_info(&io->out, "You are back.");
	else
		text_info(&io->out, "You were not away. /away TEXT says that "
		    "you are.");
	t->away = r->string != NULL;
}

static void
answer(struct text *t, struct dialect_io *io, const struct request *r)
{
	switch (r->cmd) {
	case CMD_LOGIN:
		logged_in(t, io, r);
		break;
	case CMD_SUBSCRIBE:
		entered(t, io, r);
		break;
	case CMD_UNSUBSCRIBE:
		left(t, io, r);
		break;
	case CMD_TELL:
		told(io, r);
		break;
	case CMD_HISTORY:
		show_history(t, io, r);
		break;
	case CMD_ROOMS:
		if (r->tag == TEXT_SHOW_TOPIC)
			show_topic(t, io, r);
		else
			show_rooms(t, io, r);
		break;
	case CMD_WHO:
		show_who(t, io, r);
		break;
	case CMD_AWAY:
		away(t, io, r);
		break;
	case CMD_RENAME:
		text_info(&io->out, "You are %s now.", r->name);
		break;
	default:		/* a say comes back with the room's news */
		break;
	}
}

static void
refused(struct text *t, struct dialect_io *io, const struct request *r)
{
	const char *text = r->message != NULL ? r->message :
	    error_text(r->error);

	if (r->error == ERR_NOT_SUBSCRIBED && r->room != NULL)
		text_error(t, &io->out, "You are not in %s%s: /join ROOM "
		    "enters a room.", TEXT_ROOM(r->room));
	else if (r->cmd == CMD_TELL && r->error == ERR_NO_SUCH_USER)
		text_error(t, &io->out, "%s is not here, so that was not sent.",
		    r->name);
	else
		text_failure(t, io, text, r->retry_ms);
	if (r->cmd == CMD_LOGIN)
		text_ask(io);
	else if (r->cmd == CMD_SUBSCRIBE && r->tag == TEXT_FIRST)
		text_info(&io->out, "You are in no room: /join ROOM enters "
		    "one.");
}

void
text_reply(struct text *t, struct dialect_io *io, struct request *r)
{
	if (r->cmd == CMD_QUIT) {
		text_info(&io->out, "Bye.");
		io->act |= DIALECT_CLOSE;
	} else if (r->error == ERR_NONE) {
		answer(t, io, r);
	} else if (r->cmd == CMD_SUBSCRIBE &&
	    r->error == ERR_ALREADY_SUBSCRIBED) {
		remember(t, r);
		text_info(&io->out, "You are in %s%s already.",
		    TEXT_ROOM(r->room));
	} else {
		refused(t, io, r);
	}
}
