/*
 * Text in: a person's lines become requests. The session takes one line after
 * the other: there is never a second while a request is under way.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "telnet.h"
#include "text.h"

#define SCRATCH_KEEP	8192

void *
text_open(const struct conf *conf)
{
	struct text *t = xcalloc(1, sizeof(*t));

	(void)conf;
	t->encoding = ENC_TEXT;
	return t;
}

void
text_close(void *state)
{
	struct text *t = state;
	uint32_t i;

	for (i = 0; i < (uint32_t)t->nrooms + t->nleft; i++) {
		free(t->rooms[i].shown);
		free(t->rooms[i].gaps);
	}
	free(t->rooms);
	text_ask_free(t->ask);
	free(t);
}

enum encoding
text_encoding(const void *state)
{
	const struct text *t = state;

	return (enum encoding)t->encoding;
}

void
text_set_width(void *state, unsigned width)
{
	struct text *t = state;

	t->width = (width < 1000 ? width : 1000) & 0x3ff;
}

static const char *
text_talks(void *state)
{
	struct text *t = state;
	bool told = !t->chosen || t->current >= t->nrooms;

	t->chosen = false;
	return told ? NULL : text_room_key(&t->rooms[t->current]);
}

void
text_ask(struct dialect_io *io)
{
	buf_adds(&io->out, "What is your name? ");
}

static void
text_greet(void *state, struct dialect_io *io)
{
	const char *motd = io->conf->motd;
	struct text *t = state;
	size_t n;

	t->greeted = true;
	text_info(&io->out, "Welcome to %s.", io->conf->server_name);
	while (*motd != '\0') {
		n = strcspn(motd, "\n");
		buf_adds(&io->out, "-- ");
		text_clean(&io->out, motd, n);
		buf_adds(&io->out, "\r\n");
		motd += n + (motd[n] != '\0');
	}
	text_info(&io->out, "Say /help for help, /quit to go.");
	if (!io->logged_in)
		text_ask(io);
}

struct request *
text_request(struct dialect_io *io, enum cmd cmd)
{
	struct request *r = request_new(cmd);

	mail_list_add(&io->requests, &r->mail);
	return r;
}

bool
text_fits(struct text *t, struct dialect_io *io, const char *text,
    uint64_t max)
{
	size_t n = strlen(text);

	if (n <= max)
		return true;
	text_error(t, &io->out, "That is too long: %zu bytes, %llu are "
	    "allowed.", n, (unsigned long long)max);
	return false;
}

void
text_failure(struct text *t, struct dialect_io *io, const char *message,
    uint32_t retry_ms)
{
	if (retry_ms >= 60 * 1000)
		text_error(t, &io->out, "%s (%u min)", message,
		    retry_ms / (60 * 1000) + (retry_ms % (60 * 1000) != 0));
	else if (retry_ms > 0)
		text_error(t, &io->out, "%s (%u.%u s)", message,
		    retry_ms / 1000, retry_ms % 1000 / 100);
	else
		text_error(t, &io->out, "%s", message);
}

const struct text_room *
text_here(struct text *t, struct dialect_io *io)
{
	if (t->current < t->nrooms)
		return &t->rooms[t->current];
	text_error(t, &io->out, "You are in no room: /join ROOM enters one.");
	return NULL;
}

bool
text_name(struct text *t, struct dialect_io *io, struct name *name,
    const char *word)
{
	const char *why = "is wrong";
	struct buf shown = { 0 };

	if (name_parse(name, word, strlen(word), &why))
		return true;
	if (strpbrk(word, " \t") != NULL) {
		text_clip(&shown, word, TEXT_ECHO);
		text_error(t, &io->out, "A name is one word: \"%s\" has a "
		    "space.", buf_str(&shown));
		buf_free(&shown);
	} else {
		text_error(t, &io->out, "The name %s.", why);
	}
	return false;
}

char *
text_word(char **rest)
{
	char *s = *rest;

	*rest += strcspn(s, " \t");
	if (**rest != '\0')
		*(*rest)++ = '\0';
	*rest += strspn(*rest, " \t");
	return s;
}

bool
text_number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || n > max / 10)
			return false;
		n = n * 10 + (uint64_t)(*s - '0');
	}
	*value = n;
	return n <= max;
}

struct request *
text_room_request(struct text *t, struct dialect_io *io, enum cmd cmd,
    const char *room)
{
	const struct text_room *here;
	const char *why = "is wrong";
	struct request *r;
	struct name name;

	if (*room == '\0') {
		if ((here = text_here(t, io)) == NULL)
			return NULL;
		r = text_request(io, cmd);
		r->room = request_str(r, here->shown);
		r->room_key = request_str(r, text_room_key(here));
		return r;
	}
	if (!name_parse_room(&name, room, strlen(room), &why)) {
		text_error(t, &io->out, "The room's name %s.", why);
		return NULL;
	}
	r = text_request(io, cmd);
	request_set_room(r, &name);
	return r;
}

struct request *
text_name_request(struct text *t, struct dialect_io *io, enum cmd cmd,
    const char *who)
{
	struct request *r;
	struct name name;

	if (!text_name(t, io, &name, who))
		return NULL;
	r = text_request(io, cmd);
	request_set_name(r, &name);
	return r;
}

uint32_t
text_find(const struct text *t, const char *key)
{
	uint32_t i;

	for (i = 0; i < t->nrooms &&
	    strcmp(text_room_key(&t->rooms[i]), key) != 0; i++)
		;
	return i;
}

struct text_room *
text_room_of(struct text *t, const char *key)
{
	uint32_t i = text_find(t, key);

	return i < t->nrooms ? &t->rooms[i] : NULL;
}

/* The room at from, at to, and those between one on or back. */
static void
move(struct text_room *rooms, uint32_t from, uint32_t to)
{
	struct text_room room = rooms[from];

	if (from < to)
		memmove(&rooms[from], &rooms[from + 1],
		    (to - from) * sizeof(room));
	else
		memmove(&rooms[to + 1], &rooms[to],
		    (from - to) * sizeof(room));
	rooms[to] = room;
}

struct text_room *
text_room_add(struct text *t, const char *shown, const char *key)
{
	size_t n = strlen(shown) + 1, size = n + strlen(key) + 1;
	uint32_t i, all = (uint32_t)t->nrooms + t->nleft;

	for (i = t->nrooms; i < all &&
	    strcmp(text_room_key(&t->rooms[i]), key) != 0; i++)
		;
	if (i == all) {
		t->rooms = xrealloc(t->rooms, (all + 1) * sizeof(*t->rooms));
		t->rooms[i] = (struct text_room){ .shown = xmalloc(size),
		    .read = TEXT_UNKNOWN };
		memcpy(t->rooms[i].shown, shown, n);
		memcpy(t->rooms[i].shown + n, key, size - n);
	} else
		t->nleft--;
	move(t->rooms, i, t->nrooms);
	return &t->rooms[t->nrooms++];
}

void
text_room_leave(struct text *t, uint32_t i, uint64_t read)
{
	uint32_t last = (uint32_t)t->nrooms + t->nleft - 1, out = last;

	t->rooms[i].read = read;
	move(t->rooms, i, last);
	t->nrooms--;
	if (read != 0 && t->nleft < TEXT_LEFT) {
		t->nleft++;
		return;
	}
	if (read != 0)
		move(t->rooms, t->nrooms, out);		/* the first one left */
	free(t->rooms[out].shown);
	free(t->rooms[out].gaps);
}

void
text_say(struct text *t, struct dialect_io *io, enum msg_kind kind,
    const char *text)
{
	const struct text_room *here = text_here(t, io);
	struct request *r;

	if (here == NULL || !text_fits(t, io, text, io->conf->max_text))
		return;
	r = text_request(io, CMD_SAY);
	r->room = request_str(r, here->shown);
	r->room_key = request_str(r, text_room_key(here));
	r->msg = msg_new(kind, io->name, NULL, text, strlen(text), NULL);
}

static void
log_in(struct text *t, struct dialect_io *io, const char *word)
{
	struct request *r;
	struct name name;

	if (text_name(t, io, &name, word)) {
		r = text_request(io, CMD_LOGIN);
		request_set_name(r, &name);
	} else {
		text_ask(io);
	}
}

/* The line cleaned and terminated; the thread's until the next one. */
static char *
take_line(const char *line, size_t len)
{
	static _Thread_local struct scratch scratch;
	struct buf *copy = scratch_take(&scratch, SCRATCH_KEEP);

	text_clean(copy, line, len);
	buf_addc(copy, '\0');
	return copy->data;
}

/* Without blanks at its ends; changes it. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = '\0';
	return s;
}

/* ^C or ^D. A telnet that sends the first throws away what is on its way. */
static bool
leaves(const struct text *t, struct dialect_io *io, const char *line,
    size_t len)
{
	if (len != 1 || (*line != LINE_LEAVES && *line != LINE_STOPS))
		return false;
	if (t->ask != NULL && io->hides)
		buf_adds(&io->out, "\r\n");
	if (*line == LINE_STOPS && io->hides && io->logged_in)
		text_info(&io->out, "/quit goes. If lines are missing now, "
		    "/history shows them.");
	else
		text_info(&io->out, "/quit goes.");
	return true;
}

static void
text_line(void *state, struct dialect_io *io, char *line, size_t len)
{
	struct text *t = state;
	char *s;

	len -= leaves(t, io, line, len);
	if (t->ask != NULL) {
		text_secret(t, io, line, len);
		return;
	}
	if (!utf8_valid(line, len, NULL)) {
		text_error(t, &io->out, "%s If you typed it in telnet, "
		    "please type it again.", error_text(ERR_BAD_UTF8));
		if (!io->logged_in)
			text_ask(io);
		return;
	}
	s = take_line(line, len);
	if (s[strspn(s, " \t")] == '\0') {
		if (!io->logged_in)
			text_ask(io);
	} else if (s[0] == '/' && s[1] != '/') {
		text_command(t, io, trim(s + 1));
	} else if (!io->logged_in) {
		log_in(t, io, trim(s));
	} else {
		text_say(t, io, MSG_TEXT, s + (*s == '/'));
	}
}

static void
text_failed(void *state, struct dialect_io *io, enum error error,
    uint32_t retry_ms)
{
	struct text *t = state;

	if (error == ERR_TOO_LONG)
		text_error(t, &io->out, "That is too long: a line has at most "
		    "%llu bytes.", (unsigned long long)io->conf->max_line);
	else
		text_failure(t, io, error_text(error), retry_ms);
	if (t->ask != NULL && error == ERR_TOO_LONG)
		text_ask_again(t, io);
	else if (!io->logged_in && error == ERR_TOO_LONG)
		text_ask(io);
}

static void
text_answered(void *state, struct dialect_io *io, struct request *r)
{
	text_reply(state, io, r);
}

const struct dialect dialect_text = {
	.name = "text",
	.person = true,
	.open = text_open,
	.close = text_close,
	.greet = text_greet,
	.width = text_set_width,
	.line = text_line,
	.error = text_failed,
	.reply = text_answered,
	.message = text_render_message,
	.day = text_render_day,
	.today = text_today,
	.sent_out = text_sent_out,
	.begins = text_begins,
	.talks = text_talks,
	.lag = text_render_lag,
	.notice = text_render_notice,
	.bye = text_render_bye,
	.save = text_save,
	.load = text_load
};
