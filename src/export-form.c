#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "export-form.h"
#include "name.h"
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

static const char *
member(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

struct msg *
export_msg(const json_t *o, const char **why)
{
	const char *from = member(o, "from"), *to = member(o, "to");
	const char *text = member(o, "text");
	bool redacted = json_is_true(json_object_get(o, "redacted"));
	struct buf clean = { 0 };
	struct name name;
	struct msg *m;
	int64_t time;
	int kind;

	if ((kind = parse_kind(member(o, "kind"))) == -1)
		*why = "the kind is unknown; text, action, notice, or an act";
	else if (!parse_time(member(o, "time"), &time))
		*why = "the time is none; one such as "
		    "2026-11-24T20:45:56.123Z";
	else if (!name_parse(&name, from, strlen(from), NULL) ||
	    (*to != '\0' && !name_parse(&name, to, strlen(to), NULL)))
		*why = "that is no name; from, and to if there is one, are "
		    "names of people";
	else if (strlen(text) > UINT16_MAX || (*text == '\0' && !redacted &&
	    kind <= MSG_NOTICE))
		*why = "there is no text, or too much; 1 to 65535 bytes, or "
		    "redacted";
	else {
		text_clean(&clean, text, strlen(text));
		m = msg_new((enum msg_kind)kind, from, to, redacted ? "" :
		    buf_str(&clean), redacted ? 0 : clean.len, NULL);
		m->time = time;
		m->flags = redacted ? MSG_REDACTED : 0;
		buf_free(&clean);
		return m;
	}
	return NULL;
}
