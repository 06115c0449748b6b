#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "name.h"
#include "trace.h"
#include "web.h"

#define MASK		"***"
#define SCRATCH_KEEP	(64 * 1024)

enum { IN = 1, OUT = 2 };

/*
 * Members of JSON that are secret, at any depth: of commands, of replies. One
 * with this many letters or more is so too if it is only mistyped.
 */
#define NEAR	8

static const struct {
	const char	*name;
	unsigned	 where;
} secret_members[] = {
	{ "password", IN | OUT }, { "passwd", IN | OUT }, { "pass", IN },
	{ "pwd", IN }, { "passphrase", IN }, { "secret", IN | OUT },
	{ "old", IN }, { "new", IN }, { "token", IN | OUT }, { "resume", IN },
	{ "session", OUT }
};

/*
 * Commands that bear a secret. Of JSON's only these members are shown, so that
 * a secret under a wrong name is not; of a person's nothing behind the name.
 */
static const struct {
	const char	*name;
	const char	*members[5];	/* NULL: text has it alone */
} secret_cmds[] = {
	{ "login", { "cmd", "id", "name" } },
	{ "register", { "cmd", "id" } },
	{ "passwd", { "cmd", "id" } },
	{ "password", { "cmd", "id" } },
	{ "token", { "cmd", "id", "label", "expires" } },
	{ "pass", { NULL } },
	{ "identify", { NULL } }
};

/* A word in lower case as ASCII has it, cut where none of these would end. */
struct word {
	char	s[32];
};

static struct word
fold(const char *s, size_t len)
{
	struct word w = { "" };
	size_t i;

	for (i = 0; i < len && i < sizeof(w.s) - 1; i++)
		w.s[i] = s[i] >= 'A' && s[i] <= 'Z' ?
		    (char)(s[i] + 'a' - 'A') : s[i];
	return w;
}

static bool
is_like(const struct word *w, const char *secret)
{
	return strcmp(w->s, secret) == 0 || (strlen(secret) >= NEAR &&
	    word_distance(w->s, secret) <= 2);
}

/* JSON. */

static bool
is_secret(const char *key, unsigned where)
{
	struct word w = fold(key, strlen(key));
	size_t i;

	for (i = 0; i < NITEMS(secret_members); i++) {
		if ((secret_members[i].where & where) != 0 &&
		    is_like(&w, secret_members[i].name))
			return true;
	}
	return false;
}

/* Which of secret_cmds it is, or NITEMS() of them. */
static size_t
find_cmd(const char *name, size_t len)
{
	struct word w = fold(name, len);
	size_t i;

	for (i = 0; i < NITEMS(secret_cmds); i++) {
		if (is_like(&w, secret_cmds[i].name))
			break;
	}
	return i;
}

static bool
is_plain(size_t cmd, const char *key)
{
	size_t i;

	for (i = 0; i < NITEMS(secret_cmds[cmd].members); i++) {
		if (secret_cmds[cmd].members[i] != NULL &&
		    strcmp(secret_cmds[cmd].members[i], key) == 0)
			return true;
	}
	return false;
}

/* cmd: the members must be plain ones of it. True if anything was masked. */
static bool
mask(json_t *value, unsigned where, size_t cmd)
{
	bool any = false;
	const char *key;
	json_t *member;
	size_t i;
	void *next;

	json_array_foreach(value, i, member) {
		any |= mask(member, where, NITEMS(secret_cmds));
	}
	json_object_foreach_safe(value, next, key, member) {
		if (is_secret(key, where) || (cmd < NITEMS(secret_cmds) &&
		    !is_plain(cmd, key))) {
			json_object_set_new(value, key, json_string(MASK));
			any = true;
		} else {
			any |= mask(member, where, NITEMS(secret_cmds));
		}
	}
	return any;
}

/*
 * The line without its secrets: itself, or *masked, which the caller frees.
 * NULL: it is no JSON object, and nobody knows what is secret in it.
 */
static const char *
mask_json(const char *line, size_t *len, unsigned where, char **masked)
{
	size_t cmd = NITEMS(secret_cmds);
	json_error_t error;
	json_t *root, *name;

	root = json_loadb(line, *len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
	    &error);
	/* jansson overlooks a NUL behind a number. */
	if (!json_is_object(root) || memchr(line, '\0', *len) != NULL) {
		json_decref(root);
		return NULL;
	}
	name = json_object_get(root, "cmd");
	if (where == IN && json_is_string(name))
		cmd = find_cmd(json_string_value(name),
		    json_string_length(name));
	if (mask(root, where, cmd)) {
		line = *masked = json_dumps(root, JSON_COMPACT);
		*len = line != NULL ? strlen(line) : 0;
	}
	json_decref(root);
	return line;
}

/* Text. */

/* How much of a person's line can be shown; *mask: the rest is secret. */
static size_t
plain_part(const char *line, size_t len, bool *masked)
{
	size_t i = 0, from;

	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	if (i == len || line[i++] != '/')
		return len;
	if (i < len && line[i] == '/')	/* it is said, as it is */
		return len;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	for (from = i; i < len && line[i] != ' ' && line[i] != '\t'; i++)
		;
	if (i == len || find_cmd(line + from, i - from) == NITEMS(secret_cmds))
		return len;
	*masked = true;
	return i + 1;
}

static bool
is_bracket(const char *line, size_t len)
{
	size_t i;

	/* A byte order mark, too, is before it at times. */
	for (i = 0; i < len && line[i] != '{'; i++) {
		if (strchr(" \t\xef\xbb\xbf", line[i]) == NULL)
			return false;
	}
	return i < len;
}

/* What is shown. */

static size_t
sequence_len(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static unsigned
code_point(const char *s, size_t n)
{
	unsigned c = (unsigned char)s[0] & (0xffu >> (n == 1 ? 0 : n + 1));
	size_t i;

	for (i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3fu);
	return c;
}

/* Appends it with what is no text, or is obeyed by terminals, as \x1b. */
static void
escape(struct buf *b, const char *s, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		unsigned char c = (unsigned char)s[i];

		n = sequence_len(c);
		if (c >= 0x20 && c < 0x7f)
			buf_addc(b, s[i]);
		else if (n > len - i || !utf8_valid(s + i, n, NULL)) {
			n = 1;
			buf_addf(b, "\\x%02x", c);
		} else if (c < 0x80)
			buf_addf(b, c == '\t' ? "\\t" : "\\x%02x", c);
		else if (!text_is_clean(s + i, n))
			buf_addf(b, "\\u%04x", code_point(s + i, n));
		else
			buf_add(b, s + i, n);
	}
}

static void
begin(struct buf *b, int64_t ms, const char *what)
{
	char time[TIME_RFC3339];

	time_rfc3339(ms, time);
	buf_addf(b, "{\"trace\":\"%s\",\"time\":\"%s\"", what, time);
}

static void
add_text(struct buf *b, const char *line, size_t len, bool masked)
{
	static _Thread_local struct scratch scratch;
	struct buf *clean = scratch_take(&scratch, SCRATCH_KEEP);

	escape(clean, line, len);
	if (masked)
		buf_adds(clean, MASK);
	buf_adds(b, ",\"text\":");
	json_quote(b, clean->data != NULL ? clean->data : "", clean->len);
}

void
trace_line(struct buf *b, int64_t ms, enum trace_kind kind,
    enum trace_form form, const char *line, size_t len)
{
	size_t all = len;
	char *copy = NULL;
	bool masked = false;

	begin(b, ms, kind == TRACE_IN ? "in" : "out");
	if (form == TRACE_HIDDEN) {
		masked = true;
		add_text(b, "", 0, true);
	} else if (form == TRACE_JSON ||
	    (kind == TRACE_IN && is_bracket(line, len))) {
		line = mask_json(line, &len, kind == TRACE_IN ? IN : OUT,
		    &copy);
		masked = line == NULL || copy != NULL;
		if (line != NULL)
			add_text(b, line, len, false);
		else
			buf_addf(b, ",\"bytes\":%zu", all);
	} else {
		if (kind == TRACE_IN)
			len = plain_part(line, len, &masked);
		add_text(b, line, len, masked);
	}
	buf_adds(b, masked ? ",\"masked\":true}\n" : "}\n");
	free(copy);
}

/* The line's length, without its end; *used is with it. */
static size_t
next_line(const char *s, size_t len, size_t *used)
{
	const char *lf = memchr(s, '\n', len);
	size_t n = lf != NULL ? (size_t)(lf - s) : len;

	*used = lf != NULL ? n + 1 : n;
	return n > 0 && s[n - 1] == '\r' ? n - 1 : n;
}

unsigned
trace_lines(struct buf *b, int64_t ms, enum trace_kind kind,
    enum trace_form form, const char *s, size_t len)
{
	const char *text = s;
	unsigned lines = 0;
	size_t used, n;

	for (; len > 0; s += used, len -= used, lines++) {
		if (kind != TRACE_FRAMES) {
			n = next_line(s, len, &used);
			text = s;
		} else if ((used = web_read_back(s, len, &text, &n)) == 0) {
			break;		/* none of ours: nothing is known */
		}
		trace_line(b, ms, TRACE_OUT, form, text, n);
	}
	return lines;
}

unsigned
trace_count(enum trace_kind kind, const char *s, size_t len)
{
	unsigned lines = 0;
	size_t used;

	if (kind == TRACE_IN)
		return 1;
	for (; len > 0; s += used, len -= used, lines++) {
		if (kind == TRACE_FRAMES)
			used = web_frame_len(s, len);
		else
			next_line(s, len, &used);
		if (used == 0)
			break;
	}
	return lines;
}

void
trace_event(struct buf *b, int64_t ms, const char *members, size_t len)
{
	char time[TIME_RFC3339];

	time_rfc3339(ms, time);
	buf_addc(b, '{');
	buf_add(b, members + 1, len - 1);
	buf_addf(b, ",\"time\":\"%s\"}\n", time);
}

void
trace_missed(struct buf *b, int64_t ms, unsigned lines)
{
	begin(b, ms, "missed");
	buf_addf(b, ",\"lines\":%u}\n", lines);
}
