/*
 * Lines for people: events, which are the same bytes for everybody, and the
 * pieces of which replies are made. All end with CR LF.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "name.h"
#include "settings.h"
#include "text.h"

#define ADD(b, literal)	buf_add(b, literal, sizeof(literal) - 1)

#define DIM		"\033[2m"
#define RED		"\033[31m"
#define RESET		"\033[0m"

void
text_time(struct buf *b, int64_t ms)
{
	static _Thread_local int64_t cached = INT64_MIN;
	static _Thread_local char text[6];
	int64_t minute = ms / 60000;
	struct tm tm;
	time_t t;

	if (minute != cached) {
		t = (time_t)(minute * 60);
		if (localtime_r(&t, &tm) == NULL ||
		    strftime(text, sizeof(text), "%H:%M", &tm) != 5)
			memcpy(text, "--:--", 6);
		cached = minute;
	}
	buf_add(b, text, 5);
}

/* "12:01 #lobby", of the time and the room; time 0 is now. */
static void
add_head(struct buf *b, int64_t time, const char *room)
{
	text_time(b, time != 0 ? time : clock_wall());
	buf_addc(b, ' ');
	if (*room != '@')
		buf_addc(b, '#');
	buf_adds(b, room);
}

/* A name in a colour of its own. */
static void
add_nick(struct buf *b, bool color, const char *name, size_t len)
{
	static const char *const colors[] = { "\033[31m", "\033[32m",
	    "\033[33m", "\033[34m", "\033[35m", "\033[36m", "\033[91m",
	    "\033[92m", "\033[93m", "\033[94m", "\033[95m", "\033[96m" };
	uint32_t hash = 2166136261u;	/* FNV-1a */
	size_t i;

	if (!color) {
		buf_add(b, name, len);
		return;
	}
	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	buf_adds(b, colors[hash % NITEMS(colors)]);
	buf_add(b, name, len);
	ADD(b, RESET);
}

/* "<ann> hi", "* ann waves", "-ann- look": with the blank before it. */
static void
add_said(struct buf *b, bool color, const struct msg *m)
{
	static const char *const before[] = { [MSG_TEXT] = " <",
	    [MSG_ACTION] = " * ", [MSG_NOTICE] = " -" };
	static const char *const behind[] = { [MSG_TEXT] = "> ",
	    [MSG_ACTION] = " ", [MSG_NOTICE] = "- " };

	buf_adds(b, before[m->kind]);
	add_nick(b, color, msg_from(m), m->from_len);
	buf_adds(b, behind[m->kind]);
	buf_add(b, msg_text(m), m->text_len);
	ADD(b, "\r\n");
}

static void
render_stored(struct buf *b, bool color, const char *room, const struct msg *m)
{
	buf_room(b, msg_size(m) + 256);
	if (color)
		ADD(b, DIM);
	add_head(b, m->time, room);
	if (color)
		ADD(b, RESET);
	add_said(b, color, m);
}

/* As only searches have them: said by somebody, from any day. */
void
text_render_found(struct buf *b, enum encoding encoding, const char *room,
    const struct msg *m)
{
	bool color = encoding == ENC_COLOR;

	if (m->kind > MSG_NOTICE || (m->flags & MSG_REDACTED))
		return;
	if (color)
		ADD(b, DIM);
	buf_addf(b, "%s%s ", TEXT_ROOM(room));
	text_day(b, m->time);
	buf_addc(b, ' ');
	text_time(b, m->time);
	if (color)
		ADD(b, RESET);
	add_said(b, color, m);
}

/* A reason to leave that says no more than that somebody left. */
static bool
is_usual(const char *reason)
{
	static const char *const usual[] = { "", "eof", "quit", "reset" };
	size_t i;

	for (i = 0; i < NITEMS(usual); i++) {
		if (strcmp(reason, usual[i]) == 0)
			return true;
	}
	return false;
}

/* "kicked bob for 1 h: spamming" */
static void
add_sanction(struct buf *b, const char *what, const struct msg *m)
{
	const char *reason;
	uint64_t n = msg_number(m, &reason);

	buf_addf(b, "%s %s %s", msg_from(m), what,
	    m->to_len > 0 ? msg_to(m) : "an address");
	buf_add_for(b, n);
	if (*reason != '\0')
		buf_addf(b, ": %s", reason);
}

static void
add_role(struct buf *b, const struct msg *m)
{
	const char *role = msg_text(m);

	if (strcmp(role, "none") == 0)
		buf_addf(b, "%s took %s's role away", msg_from(m), msg_to(m));
	else
		buf_addf(b, "%s made %s %s %s", msg_from(m), msg_to(m),
		    strcmp(role, "member") == 0 ? "a" : "an", role);
}

/* {"private":true,"pace":5}: "private on, pace 5 s" */
static void
add_settings(struct buf *b, const struct msg *m)
{
	const char *comma = "";
	struct settings set;
	int i;

	settings_parse(&set, msg_text(m), m->text_len);
	buf_addf(b, "%s set ", msg_from(m));
	for (i = 0; i < SET_MAX; i++) {
		if (!set.given[i])
			continue;
		buf_addf(b, "%s%s ", comma, proto_settings[i].name);
		if (proto_settings[i].flag)
			buf_adds(b, set.value[i] != 0 ? "on" : "off");
		else
			buf_addf(b, "%u%s", set.value[i],
			    i == SET_PACE ? " s" : "");
		comma = ", ";
	}
}

static void
add_act(struct buf *b, const struct msg *m)
{
	const char *reason;

	switch ((enum msg_kind)m->kind) {
	case MSG_ROLE:
		add_role(b, m);
		break;
	case MSG_INVITED:
		buf_addf(b, "%s invited %s", msg_from(m), msg_to(m));
		break;
	case MSG_KICKED:
		add_sanction(b, "kicked", m);
		break;
	case MSG_BANNED:
		add_sanction(b, "banned", m);
		break;
	case MSG_MUTED:
		add_sanction(b, "muted", m);
		break;
	case MSG_UNBANNED:
	case MSG_UNMUTED:
		buf_addf(b, "%s %s %s", msg_from(m), m->kind == MSG_UNMUTED ?
		    "unmuted" : "unbanned", m->to_len > 0 ? msg_to(m) :
		    "an address");
		break;
	case MSG_CONFIGURED:
		add_settings(b, m);
		break;
	default:
		msg_number(m, &reason);
		buf_addf(b, "%s removed a message", msg_from(m));
		if (*reason != '\0')
			buf_addf(b, ": %s", reason);
	}
}

/* What is no message: dim as a whole. */
static void
render_passing(struct buf *b, bool color, const char *room,
    const struct msg *m)
{
	const char *from = msg_from(m), *text = msg_text(m);

	if (color)
		ADD(b, DIM);
	add_head(b, m->time, room);
	ADD(b, " -- ");
	if (msg_is_act(m))
		add_act(b, m);
	else if (msg_stored(m))		/* then it is a redacted one */
		buf_addf(b, "a message of %s was removed", from);
	else if (m->kind == MSG_JOIN)
		buf_addf(b, "%s joined", from);
	else if (m->kind == MSG_LEAVE && is_usual(text))
		buf_addf(b, "%s left", from);
	else if (m->kind == MSG_LEAVE)
		buf_addf(b, "%s left (%s)", from, text);
	else if (m->kind == MSG_RENAMED)
		buf_addf(b, "%s is now %s", from, msg_to(m));
	else if (*text == '\0')
		buf_addf(b, "%s took the topic away", from);
	else
		buf_addf(b, "%s set the topic: %s", from, text);
	if (color)
		ADD(b, RESET);
	ADD(b, "\r\n");
}

void
text_render_message(struct buf *b, enum encoding encoding, const char *room,
    const struct msg *m)
{
	bool color = encoding == ENC_COLOR;

	if (msg_stored(m) && !msg_is_act(m) && !(m->flags & MSG_REDACTED))
		render_stored(b, color, room, m);
	else
		render_passing(b, color, room, m);
}

void
text_day(struct buf *b, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	char day[16];
	struct tm tm;

	if (localtime_r(&t, &tm) != NULL &&
	    strftime(day, sizeof(day), "%Y-%m-%d", &tm) == 10)
		buf_adds(b, day);
}

void
text_render_day(struct buf *b, int64_t *last, int64_t time)
{
	struct buf was = { 0 }, is = { 0 };

	text_day(&was, *last != 0 ? *last : clock_wall());
	text_day(&is, time != 0 ? time : clock_wall());
	if (strcmp(buf_str(&was), buf_str(&is)) != 0)
		text_info(b, "%s", buf_str(&is));
	*last = time;
	buf_free(&was);
	buf_free(&is);
}

void
text_today(void *state, struct buf *b, uint32_t day)
{
	uint8_t n = (uint8_t)(day % UINT8_MAX + 1);
	struct text *t = state;
	struct buf is = { 0 };

	if (b != NULL && t->day != 0 && t->day != n) {
		text_day(&is, local_noon(day));
		text_info(b, "%s", buf_str(&is));
		buf_free(&is);
	}
	t->day = n;
}

void
text_render_lag(struct buf *b, const char *room, uint64_t after,
    uint64_t before)
{
	(void)after;
	(void)before;
	add_head(b, 0, room);
	ADD(b, " -- messages are missing here: the history no longer holds "
	    "them\r\n");
}

/* A line for every line of the text. */
void
text_render_notice(struct buf *b, const char *text)
{
	size_t n;

	for (;; text += n + 1) {
		n = strcspn(text, "\n");
		text_time(b, clock_wall());
		ADD(b, " -- ");
		text_clean(b, text, n);
		ADD(b, "\r\n");
		if (text[n] == '\0' || text[n + 1] == '\0')
			break;
	}
}

void
text_render_bye(struct buf *b, const char *reason, bool reconnect,
    uint32_t after_ms)
{
	static const struct {
		const char	*reason, *text;
	} known[] = {
		{ "shutdown", "The server is closing." },
		{ "drain", "The server is closing." },
		{ "kicked", "The operator has ended your connection." },
		{ "revoked", "The token that you came in by has been "
		    "revoked." },
		{ "replaced", "You are connected from elsewhere now." },
		{ "login-timeout", "You were not logged in in time." },
		{ "read-timeout", "Nothing was heard of you for long." },
		{ "server-full", "The server is full (server-full)." },
		{ "store-unavailable",
		    "The server cannot read what was said." },
	};
	size_t i;

	for (i = 0; i < NITEMS(known) &&
	    strcmp(known[i].reason, reason) != 0; i++)
		;
	ADD(b, "-- ");
	if (i < NITEMS(known)) {
		buf_adds(b, known[i].text);
	} else {
		ADD(b, "Bye: ");
		text_clean(b, reason, strlen(reason));
		buf_addc(b, '.');
	}
	if (reconnect && after_ms > 0)
		buf_addf(b, " Please come back in %u s.",
		    (after_ms + 999) / 1000);
	else if (reconnect)
		ADD(b, " Please come back.");
	ADD(b, "\r\n");
}

void
text_info(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	ADD(b, "-- ");
	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
	ADD(b, "\r\n");
}

void
text_error(const struct text *t, struct buf *b, const char *fmt, ...)
{
	bool color = t->encoding == ENC_COLOR;
	va_list ap;

	if (color)
		ADD(b, RED);
	ADD(b, "** ");
	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
	if (color)
		ADD(b, RESET);
	ADD(b, "\r\n");
}

void
text_pad(struct buf *b, size_t columns)
{
	while (columns-- > 0)
		buf_addc(b, ' ');
}

/* Bytes of the character at s, which is valid UTF-8. */
static size_t
char_len(const char *s)
{
	size_t n = 1;

	while (((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

void
text_clip(struct buf *b, const char *s, size_t columns)
{
	size_t i = 0, n, used = 0, len = strlen(s);

	if (text_width(s, len) <= columns) {
		buf_add(b, s, len);
		return;
	}
	for (columns -= columns < 3 ? columns : 3; i < len; i += n) {
		n = char_len(s + i);
		used += text_width(s + i, n);
		if (used > columns)
			break;
	}
	buf_add(b, s, i);
	ADD(b, "...");
}
