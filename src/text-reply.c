/*
 * Answers for people: what the person's own commands did.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "name.h"
#include "text.h"

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

static bool
keeps_lobby(const struct dialect_io *io, const struct request *r)
{
	uint32_t i;

	for (i = 0; i < r->nlisted && !text_is_lobby(io, r->kept[i].room); i++)
		;
	return i < r->nlisted;
}

static void
logged_in(struct text *t, struct dialect_io *io, const struct request *r)
{
	text_ask_end(t, io);
	t->account = !r->guest;
	text_today(t, NULL, local_day(clock_wall()));
	if (!t->greeted)
		text_info(&io->out, "Welcome to %s.", io->conf->server_name);
	text_info(&io->out, "You are %s. /help lists the commands.", r->name);
	if (r->operator)
		text_info(&io->out, "You are an operator of this server.");
	if (!keeps_lobby(io, r))
		enter_lobby(io);
	text_enter_kept(io, r);
}

/* Among the rooms entered. */
static void
remember(struct text *t, const struct request *r, bool current)
{
	uint32_t i = text_find(t, r->room_key);

	if (i == t->nrooms && i < UINT16_MAX)
		text_room_add(t, r->room, r->room_key);
	if (!current)
		return;
	t->current = (uint16_t)i;
	t->chosen |= r->tag == TEXT_PLAIN;
}

static void
tell_talks(const struct text *t, struct dialect_io *io)
{
	if (t->current < t->nrooms)
		text_info(&io->out, "You are talking in %s%s now.",
		    TEXT_ROOM(t->rooms[t->current].shown));
}

static void
entered(struct text *t, struct dialect_io *io, struct request *r)
{
	struct text_room *room;
	uint64_t read;

	remember(t, r, r->tag != TEXT_KEPT || t->nrooms == 0);
	buf_addf(&io->out, "-- You are in %s%s (%u here).", TEXT_ROOM(r->room),
	    r->members);
	if (r->topic != NULL && *r->topic != '\0')
		buf_addf(&io->out, " Topic: %s", r->topic);
	buf_adds(&io->out, "\r\n");
	if (r->tag == TEXT_KEPT || r->tag == TEXT_TALKS) {
		text_kept_entered(t, io, r);
	} else if ((room = text_room_of(t, r->room_key)) != NULL) {
		if (room->read < r->floor)
			room->read = r->floor;
		read = room->read != TEXT_UNKNOWN ? room->read : 0;
		r->seq = read;
		text_returned(room, r);
		if (r->head > r->floor && r->head > read && r->last > 0)
			text_info(&io->out, "The last messages follow; "
			    "/history goes further back.");
		else if (read != 0)
			text_info(&io->out, "Nothing was said here since you "
			    "left.");
	}
	if (r->tag == TEXT_TALKS)
		tell_talks(t, io);
}

/* The next one entered becomes the current one, behind the last the first.
 * read: how far it was shown, 0: who knows. */
static void
forget(struct text *t, uint16_t i, uint64_t read)
{
	bool current = i == t->current;

	text_room_leave(t, i, read);
	if (t->current > i)
		t->current--;
	if (current && i == t->nrooms)
		t->current = 0;
	t->chosen |= current;
}

static void
left(struct text *t, struct dialect_io *io, const struct request *r)
{
	uint16_t i = (uint16_t)text_find(t, r->room_key);
	bool current = i < t->nrooms && i == t->current;

	if (i < t->nrooms)
		forget(t, i, r->seq);
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
	if (r->offline)
		text_info(&io->out, "%s is not here: it is in their inbox.",
		    r->name);
	else if (r->away != NULL)
		text_info(&io->out, "%s is away: %s", r->name, r->away);
}

/* With a line where another day than today begins. */
static void
show_history(struct text *t, struct dialect_io *io, const struct request *r)
{
	int64_t last = 0;
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		text_render_day(&io->out, &last, r->msgs[i]->time);
		text_render_message(&io->out, (enum encoding)t->encoding,
		    r->room, r->msgs[i]);
	}
	if (r->more)
		text_info(&io->out, "older ones: /history %u %llu",
		    r->limit, (unsigned long long)(r->nlisted > 0 ?
		    r->msgs[0]->seq : r->next));
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

/* Who has most to say in the room, and then by name. */
static int
by_role(const void *one, const void *two)
{
	static const char *const above[] = { "owner", "operator", "op" };
	const struct listed_user *a = one, *b = two;
	size_t i;
	int diff;
	bool is;

	for (i = 0; i < NITEMS(above); i++) {
		is = a->role != NULL && strcmp(a->role, above[i]) == 0;
		if (is != (b->role != NULL && strcmp(b->role, above[i]) == 0))
			return is ? -1 : 1;
	}
	diff = strcasecmp(a->name, b->name);
	return diff != 0 ? diff : strcmp(a->name, b->name);
}

static void
show_who(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->nlisted > 1)
		qsort(r->users, r->nlisted, sizeof(*r->users), by_role);
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
history(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->tag == TEXT_CATCHUP || r->tag == TEXT_BEHIND)
		text_caught_up(t, io, r);
	else if (r->tag == TEXT_REDACT)
		text_redact_found(t, io, r);
	else if (r->tag == TEXT_NUMBERS)
		text_show_numbers(t, io, r);
	else
		show_history(t, io, r);
}

static void
rooms(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->tag == TEXT_SHOW_TOPIC)
		show_topic(t, io, r);
	else
		show_rooms(t, io, r);
}

static void
configured(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->tag == TEXT_HELP)
		text_help(t, io, r);
	else if (r->tag == TEXT_SHOW_SETTINGS)
		text_show_settings(io, r);
	else if (r->seq == 0)
		text_info(&io->out, "%s%s is set so already.",
		    TEXT_ROOM(r->room));
}

static void
account(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->proves) {
		text_proved(t, io);
		return;
	}
	text_ask_end(t, io);
	text_account_reply(t, io, r);
}

static void
answer(struct text *t, struct dialect_io *io, struct request *r)
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
		history(t, io, r);
		break;
	case CMD_SEARCH:
		text_found(t, io, r);
		break;
	case CMD_ROOMS:
		rooms(t, io, r);
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
	case CMD_REGISTER:
	case CMD_PASSWD:
	case CMD_TOKEN:
	case CMD_TOKENS:
	case CMD_REVOKE:
		account(t, io, r);
		break;
	case CMD_IGNORE:
	case CMD_UNIGNORE:
	case CMD_IGNORED:
		text_ignore_reply(io, r);
		break;
	case CMD_CONFIGURE:
		configured(t, io, r);
		break;
	case CMD_BANS:
		text_show_bans(io, r);
		break;
	default:		/* says and acts are news of the room */
		break;
	}
}

/* When to try again, where the message does not say so. */
static uint32_t
retry(const struct request *r)
{
	bool paced = r->message != NULL && (r->cmd == CMD_SAY ||
	    r->cmd == CMD_TOPIC || r->cmd == CMD_REDACT);

	return paced || r->error == ERR_BANNED || r->error == ERR_MUTED ? 0 :
	    r->retry_ms;
}

/* The door asks for the password, once more, or for a name. */
static void
not_logged_in(struct text *t, struct dialect_io *io, const struct request *r)
{
	if (r->error == ERR_NAME_REGISTERED && t->ask == NULL) {
		text_info(&io->out, "%s is registered. An empty line goes back "
		    "to the name.", r->name);
		text_ask_secret(t, io, ASK_DOOR, r->name);
		return;
	}
	text_failure(t, io, r->message != NULL ? r->message :
	    error_text(r->error), retry(r));
	if (t->ask != NULL && (r->error == ERR_BAD_PASSWORD ||
	    r->error == ERR_RATE_LIMITED)) {
		text_ask_again(t, io);
	} else {
		text_ask_end(t, io);
		text_ask(io);
	}
}

/* Perhaps no more: somebody may have sent the person out. */
static void
not_there(struct text *t, struct dialect_io *io, const struct request *r)
{
	uint16_t i = (uint16_t)text_find(t, r->room_key);
	bool was = i < t->nrooms;

	if (was)
		forget(t, i, 0);
	if (was && t->current < t->nrooms)
		text_error(t, &io->out, "You are not in %s%s any more. You are "
		    "talking in %s%s now.", TEXT_ROOM(r->room),
		    TEXT_ROOM(t->rooms[t->current].shown));
	else
		text_error(t, &io->out, "You are not in %s%s: /join ROOM "
		    "enters a room.", TEXT_ROOM(r->room));
}

/* One is not in that room any more: if one talked there, where one does now. */
static void
out_of(struct text *t, struct dialect_io *io, const char *key, uint64_t seq)
{
	uint16_t i = (uint16_t)text_find(t, key);
	bool current = i == t->current;

	if (i >= t->nrooms)
		return;
	forget(t, i, seq);
	if (current && t->current < t->nrooms)
		text_info(&io->out, "You are talking in %s%s now.",
		    TEXT_ROOM(t->rooms[t->current].shown));
	else if (current)
		text_info(&io->out, "You are in no room now: /join ROOM enters "
		    "one.");
}

void
text_sent_out(void *state, struct dialect_io *io, const char *room,
    uint64_t seq)
{
	struct name name;

	if (name_parse_room(&name, room, strlen(room), NULL))
		out_of(state, io, name.key, seq);
}

static void
refused(struct text *t, struct dialect_io *io, const struct request *r)
{
	const char *text = r->message != NULL ? r->message :
	    error_text(r->error);

	if (r->cmd == CMD_LOGIN) {
		not_logged_in(t, io, r);
		return;
	}
	text_ask_end(t, io);
	if (r->cmd == CMD_CONFIGURE && r->tag == TEXT_HELP)
		text_help(t, io, r);
	else if (r->error == ERR_NOT_SUBSCRIBED && r->room != NULL)
		not_there(t, io, r);
	else if (r->cmd == CMD_TELL && r->error == ERR_NO_SUCH_USER)
		text_error(t, &io->out, "%s is not here, so that was not sent.",
		    r->name);
	else if (r->cmd == CMD_RENAME && r->error == ERR_NAME_REGISTERED)
		text_error(t, &io->out, "%s is registered. If it is yours: "
		    "/quit, and come back by that name.", r->name);
	else if ((r->tag == TEXT_KEPT || r->tag == TEXT_TALKS) &&
	    r->cmd == CMD_SUBSCRIBE && r->room != NULL)
		text_error(t, &io->out, "%s%s: %s", TEXT_ROOM(r->room), text);
	else
		text_failure(t, io, text, retry(r));
	if (r->cmd == CMD_SUBSCRIBE && r->room_key != NULL &&
	    (r->error == ERR_BANNED || r->error == ERR_PRIVATE ||
	    r->error == ERR_FORBIDDEN))
		out_of(t, io, r->room_key, 0);
	if (r->cmd == CMD_SUBSCRIBE && r->tag == TEXT_TALKS)
		tell_talks(t, io);
	if (r->cmd == CMD_SUBSCRIBE && r->tag == TEXT_FIRST)
		text_info(&io->out, "You are in no room: /join ROOM enters "
		    "one.");
}

void
text_reply(struct text *t, struct dialect_io *io, struct request *r)
{
	if (r->cmd == CMD_QUIT) {
		text_where(t, io, r);
		text_info(&io->out, "Bye.");
		io->act |= DIALECT_CLOSE;
	} else if (r->error == ERR_NONE) {
		answer(t, io, r);
	} else if (r->cmd == CMD_SUBSCRIBE &&
	    r->error == ERR_ALREADY_SUBSCRIBED) {
		remember(t, r, true);
		text_info(&io->out, "You are talking in %s%s now.",
		    TEXT_ROOM(t->rooms[t->current].shown));
	} else {
		refused(t, io, r);
	}
}
