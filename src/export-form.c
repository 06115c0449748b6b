#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "export-form.h"
#include "name.h"
#include "rights.h"
#include "settings.h"
#include "util.h"

static const char *const kinds[MSG_KINDS] = {
	[MSG_TEXT] = "text", [MSG_ACTION] = "action", [MSG_NOTICE] = "notice",
	[MSG_ROLE] = "role", [MSG_INVITED] = "invited",
	[MSG_KICKED] = "kicked", [MSG_BANNED] = "banned",
	[MSG_MUTED] = "muted", [MSG_UNBANNED] = "unbanned",
	[MSG_UNMUTED] = "unmuted", [MSG_CONFIGURED] = "configure",
	[MSG_REDACT] = "redact",
};

const char *
export_kind(enum msg_kind kind)
{
	return kind < MSG_KINDS ? kinds[kind] : NULL;
}

static int
parse_kind(const char *name)
{
	int i;

	for (i = 0; i < MSG_KINDS; i++) {
		if (kinds[i] != NULL && strcmp(kinds[i], name) == 0)
			return i;
	}
	return -1;
}

/* "2026-11-24T20:45:56.123Z" in ms since the epoch; only what would be written
 * just so. */
static bool
parse_time(const char *s, int64_t *ms)
{
	char again[TIME_RFC3339];
	struct tm tm = { 0 };
	int milli;

	if (sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d.%3d", &tm.tm_year,
	    &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
	    &milli) != 7 || tm.tm_year < 1970)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ms = (int64_t)timegm(&tm) * 1000 + milli;
	time_rfc3339(*ms, again);
	return strcmp(again, s) == 0;
}

bool
export_id_fits(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= EXPORT_ID_BYTES && text_is_clean(s, n);
}

bool
export_topic(struct buf *b, const char *s)
{
	text_clean(b, s, strlen(s));
	return b->len <= STRING_BYTES;
}

static const char *
member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* What an act's text says, and whether somebody is named, as for the commands
 * that do it. */
enum form { FORM_SAID, FORM_NONE, FORM_ROLE, FORM_FOR, FORM_SETTINGS,
	FORM_TARGET };

static const struct {
	enum form	 form;
	bool		 whom;
} acts[MSG_KINDS] = {
	[MSG_ROLE] = { FORM_ROLE, true },
	[MSG_INVITED] = { FORM_NONE, true },
	[MSG_KICKED] = { FORM_FOR, true },
	[MSG_BANNED] = { FORM_FOR, false },
	[MSG_MUTED] = { FORM_FOR, false },
	[MSG_UNBANNED] = { FORM_NONE, false },
	[MSG_UNMUTED] = { FORM_NONE, false },
	[MSG_CONFIGURED] = { FORM_SETTINGS, false },
	[MSG_REDACT] = { FORM_TARGET, false },
};

static bool
settings_form(struct buf *b, const char *s)
{
	struct settings set;

	if (!settings_parse(&set, s, strlen(s)))
		return false;
	buf_addc(b, '{');
	settings_render(b, &set);
	buf_addc(b, '}');
	return true;
}

/* A number up to max, and a reason that may be empty. */
static bool
number_form(struct buf *b, const char *s, uint64_t max)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t n;

	if (digits == 0 || digits > 19 || (s[digits] != ' ' &&
	    s[digits] != '\0') || (n = strtoull(s, NULL, 10)) > max)
		return false;
	s += digits + (s[digits] == ' ');
	buf_addf(b, "%" PRIu64 " ", n);
	digits = b->len;
	text_clean(b, s, strlen(s));
	return b->len - digits <= STRING_BYTES;
}

/* The text as the daemon itself would have it. NULL, or what is wrong. */
static const char *
text_form(struct buf *b, enum msg_kind kind, const char *s)
{
	enum role role;

	switch (acts[kind].form) {
	case FORM_SAID:
		if (*s != '\0')
			text_clean(b, s, strlen(s));
		return b->len > 0 && b->len <= UINT16_MAX ? NULL : "there is "
		    "no text, or too much; 1 to 65535 bytes, or redacted";
	case FORM_NONE:
		return NULL;
	case FORM_ROLE:
		if (strcmp(s, "none") != 0 && !role_parse(s, &role))
			return "the text is no role; owner, op, member or "
			    "none";
		buf_adds(b, s);
		return NULL;
	case FORM_FOR:
		return number_form(b, s, SECONDS_MAX) ? NULL : "the text is "
		    "seconds, or 0 for ever, and a reason of at most "
		    "512 bytes";
	case FORM_TARGET:
		return number_form(b, s, INT64_MAX) ? NULL : "the text is the "
		    "number of a message, and a reason of at most 512 bytes";
	case FORM_SETTINGS:
		return settings_form(b, s) ? NULL : "the text is an object of "
		    "a room's settings, each with a value that it may have";
	}
	return NULL;
}

/* What is wrong with who said it to whom, and when; or NULL. */
static const char *
head_form(const json_t *o, int kind, int64_t *time)
{
	const char *from = member(o, "from"), *to = member(o, "to");
	struct name name;

	if (kind == -1)
		return "the kind is unknown; text, action, notice, or an act";
	if (!parse_time(member(o, "time"), time))
		return "the time is none; one such as "
		    "2026-11-24T20:45:56.123Z";
	if (!name_parse(&name, from, strlen(from), NULL) ||
	    (*to != '\0' && !name_parse(&name, to, strlen(to), NULL)))
		return "that is no name; from, and to if there is one, are "
		    "names of people";
	return *to == '\0' && acts[kind].whom ? "to is missing: whom that was "
	    "done to" : NULL;
}

struct msg *
export_msg(const json_t *o, const char **why)
{
	bool redacted = json_is_true(json_object_get(o, "redacted"));
	int kind = parse_kind(member(o, "kind"));
	struct buf clean = { 0 };
	struct msg *m = NULL;
	int64_t time;

	*why = head_form(o, kind, &time);
	if (*why == NULL && !redacted)
		*why = text_form(&clean, (enum msg_kind)kind, member(o,
		    "text"));
	if (*why == NULL) {
		m = msg_new((enum msg_kind)kind, member(o, "from"), member(o,
		    "to"), buf_str(&clean), clean.len, NULL);
		m->time = time;
		m->flags = redacted ? MSG_REDACTED : 0;
	}
	buf_free(&clean);
	return m;
}
