#include <string.h>

#include "json-line.h"
#include "name.h"
#include "word.h"

#define MAX_DEPTH	16	/* nesting of objects and arrays in a line */
#define MAX_DIGITS	18	/* of an integer that surely fits 64 bits */

/* What is read, and where. A scan that meets anything that is not plain, be it
 * wrong or only rare, gives up. */
struct scan {
	const char	*s;
	size_t		 at, len;
};

static void
skip_blanks(struct scan *in)
{
	while (in->at < in->len && (in->s[in->at] == ' ' ||
	    in->s[in->at] == '\t' || in->s[in->at] == '\r'))
		in->at++;
}

/* Takes the character, and blanks around it. */
static bool
take(struct scan *in, char c)
{
	skip_blanks(in);
	if (in->at == in->len || in->s[in->at] != c)
		return false;
	in->at++;
	skip_blanks(in);
	return true;
}

/* The first byte from i on that is no plain ASCII within a string, or len. */
static size_t
find_odd(const char *s, size_t i, size_t len)
{
	uint64_t w, marks;

	for (; len - i >= 8; i += 8) {
		w = word_at(s + i);
		marks = (w & WORD_HIGHS) | WORD_BELOW(w, 0x20) |
		    WORD_EQUALS(w, '"') | WORD_EQUALS(w, '\\');
		if (marks != 0)
			return i + word_first(marks);
	}
	while (i < len && (unsigned char)s[i] >= 0x20 &&
	    (unsigned char)s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

/* A quoted string without escapes. */
static bool
scan_string(struct scan *in, const char **string, size_t *len)
{
	const char *s = in->s;
	size_t i = in->at + 1, start = i;
	bool ascii = true;

	if (in->at == in->len || s[in->at] != '"')
		return false;
	while ((i = find_odd(s, i, in->len)) < in->len && (s[i] & 0x80) != 0) {
		ascii = false;
		while (i < in->len && (s[i] & 0x80) != 0)
			i++;
	}
	if (i == in->len || s[i] != '"' ||
	    !(ascii || utf8_valid(s + start, i - start, NULL)))
		return false;
	*string = s + start;
	*len = i - start;
	in->at = i + 1;
	return true;
}

static bool
scan_integer(struct scan *in, int64_t *value)
{
	bool negative = in->at < in->len && in->s[in->at] == '-';
	size_t start = in->at += negative, digits;
	int64_t n = 0;

	for (; in->at < in->len && in->s[in->at] >= '0' &&
	    in->s[in->at] <= '9'; in->at++) {
		if (in->at - start == MAX_DIGITS)
			return false;
		n = n * 10 + (in->s[in->at] - '0');
	}
	digits = in->at - start;
	*value = negative ? -n : n;
	return digits == 1 || (digits > 1 && in->s[start] != '0');
}

static bool
scan_member(struct scan *in, struct json_line *line)
{
	struct json_member *m = &line->members[line->n];
	unsigned i;

	if (line->n == JSON_LINE_MEMBERS ||
	    !scan_string(in, &m->key, &m->key_len) || !take(in, ':'))
		return false;
	for (i = 0; i < line->n; i++) {
		if (m->key_len == line->members[i].key_len &&
		    memcmp(m->key, line->members[i].key, m->key_len) == 0)
			return false;
	}
	line->n++;
	if (in->at < in->len && in->s[in->at] == '"') {
		m->value.kind = VALUE_STRING;
		return scan_string(in, &m->value.string, &m->value.len);
	}
	m->value.kind = VALUE_INTEGER;
	return scan_integer(in, &m->value.integer);
}

/* The strings are terminated at last, over their closing quotes: until then
 * the line is as it was. */
bool
json_line_scan(struct json_line *line, char *s, size_t len)
{
	struct scan in = { s, 0, len };
	struct json_value *v;
	unsigned i;

	line->root = NULL;
	line->n = 0;
	if (!take(&in, '{'))
		return false;
	do {
		if (!scan_member(&in, line))
			return false;
	} while (take(&in, ','));
	if (!take(&in, '}') || in.at < len)
		return false;
	for (i = 0; i < line->n; i++) {
		v = &line->members[i].value;
		if (v->kind == VALUE_STRING)
			s[v->string - s + (ptrdiff_t)v->len] = '\0';
	}
	return true;
}

/* Offset of the bracket that nests too deep, or len. */
static size_t
find_deep(const char *s, size_t len)
{
	size_t i, depth = 0;
	bool quoted = false;

	for (i = 0; i < len; i++) {
		if (quoted && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if ((s[i] == '[' || s[i] == '{') && ++depth > MAX_DEPTH)
			return i;
		else if ((s[i] == ']' || s[i] == '}') && depth > 0)
			depth--;
	}
	return len;
}

/* Why jansson gave up, in words that hold nothing of the line itself. */
static const char *
syntax_error(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "there is more behind its end";
	case json_error_duplicate_key:
		return "a key stands in it twice";
	case json_error_null_byte_in_key:
		return "a key holds a NUL";
	case json_error_numeric_overflow:
		return "a number is too big";
	default:
		return "it is wrong";
	}
}

static void
fail(struct request *r, const char *s, size_t len, const json_error_t *error)
{
	size_t at;

	if (!utf8_valid(s, len, &at))
		request_fail(r, ERR_BAD_UTF8,
		    "That line is not valid UTF-8 at byte %zu.", at + 1);
	else
		request_fail(r, ERR_BAD_JSON,
		    "That is no JSON object: %s at column %d.",
		    syntax_error(error), error->column);
}

bool
json_line_load(struct json_line *line, const char *s, size_t len,
    struct request *r)
{
	json_error_t error;
	const char *nul;
	size_t deep;

	/* jansson overlooks one behind a number. */
	if ((nul = memchr(s, '\0', len)) != NULL) {
		request_fail(r, ERR_BAD_JSON, "That is no JSON object: it has "
		    "a zero byte at byte %zu.", (size_t)(nul - s) + 1);
		return false;
	}
	if ((deep = find_deep(s, len)) < len) {
		request_fail(r, ERR_BAD_JSON, "That is no JSON object for this "
		    "server: it nests deeper than %d at byte %zu.", MAX_DEPTH,
		    deep + 1);
		return false;
	}
	line->root = json_loadb(s, len, JSON_REJECT_DUPLICATES |
	    JSON_ALLOW_NUL, &error);
	if (line->root == NULL) {
		fail(r, s, len, &error);
		return false;
	}
	if (!json_is_object(line->root)) {
		request_fail(r, ERR_BAD_JSON,
		    "That is no JSON object but an array at column 1.");
		json_line_free(line);
		return false;
	}
	return true;
}

bool
json_line_parse(struct json_line *line, char *s, size_t len,
    struct request *r)
{
	return json_line_scan(line, s, len) ||
	    json_line_load(line, s, len, r);
}

void
json_line_free(struct json_line *line)
{
	json_decref(line->root);
}

/* A scanned key holds no NUL. */
static bool
key_is(const struct json_member *m, const char *key)
{
	size_t i;

	for (i = 0; i < m->key_len && m->key[i] == key[i]; i++)
		;
	return i == m->key_len && key[i] == '\0';
}

void
json_line_get(const struct json_line *line, const char *key,
    struct json_value *value)
{
	const json_t *v;
	unsigned i;

	value->kind = VALUE_ABSENT;
	if (line->root == NULL) {
		for (i = 0; i < line->n; i++) {
			if (key_is(&line->members[i], key)) {
				*value = line->members[i].value;
				break;
			}
		}
		return;
	}
	if ((v = json_object_get(line->root, key)) == NULL)
		return;
	value->kind = VALUE_OTHER;
	if (json_is_integer(v)) {
		value->kind = VALUE_INTEGER;
		value->integer = json_integer_value(v);
	} else if (json_is_boolean(v)) {
		value->kind = VALUE_BOOL;
		value->integer = json_is_true(v);
	} else if (json_is_string(v)) {
		value->kind = VALUE_STRING;
		value->string = json_string_value(v);
		value->len = json_string_length(v);
	}
}
