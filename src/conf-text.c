#include <stdlib.h>
#include <string.h>

#include "conf-table.h"
#include "name.h"

/*
 * The rules of libconfuse 3.3's lexer: outside of quotes "#" begins a comment
 * anywhere, "//" and "/" "*" only where a word could begin; "${" runs to the
 * next "}", quotes or not; what it does not know it drops without a word.
 */
struct scan {
	const char	*name;
	char		*at, *end;
	int		 line;
	bool		 word;		/* inside an unquoted word */
	struct conf_errors *errors;
};

static bool
unfinished(struct scan *s, int line, const char *what, const char *right)
{
	conf_error_add(s->errors, line, 0, xasprintf("%s:%d: %s; %s", s->name,
	    line, what, right));
	return false;
}

static bool
is(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, word, n) == 0;
}

static void
skip_line_comment(struct scan *s)
{
	while (s->at < s->end && *s->at != '\n')
		*s->at++ = ' ';
}

static bool
skip_comment(struct scan *s)
{
	int begin = s->line;

	memset(s->at, ' ', 2);
	for (s->at += 2; s->at < s->end; s->at++) {
		if (is(s, "*/")) {
			memset(s->at, ' ', 2);
			s->at += 2;
			return true;
		}
		if (*s->at == '\n')
			s->line++;
		else
			*s->at = ' ';
	}
	return unfinished(s, begin, "the comment that begins here is never "
	    "closed", "close it with */");
}

/* "${NAME}" or "${NAME:-else}". */
static bool
skip_variable(struct scan *s)
{
	for (; s->at < s->end && *s->at != '\n'; s->at++) {
		if (*s->at == '}') {
			s->at++;
			return true;
		}
	}
	return unfinished(s, s->line, "\"${\" without \"}\" in this line",
	    "${NAME} for a variable of the environment, \"\\$\" for the "
	    "character");
}

static bool
skip_string(struct scan *s)
{
	char quote = *s->at++;
	int begin = s->line;

	while (s->at < s->end && *s->at != quote) {
		if (quote == '"' && is(s, "${")) {
			if (!skip_variable(s))
				return false;
			continue;
		}
		if (*s->at == '\\' && s->at + 1 < s->end)
			s->at++;
		if (*s->at++ == '\n')
			s->line++;
	}
	if (s->at == s->end)
		return unfinished(s, begin, "the string that begins here is "
		    "never closed", "a quote at its end");
	s->at++;
	return true;
}

static bool
step(struct scan *s)
{
	bool word = s->word;

	s->word = false;
	if (*s->at == '#' || (!word && is(s, "//"))) {
		skip_line_comment(s);
		return true;
	}
	if (!word && is(s, "/*"))
		return skip_comment(s);
	if (*s->at == '"' || *s->at == '\'')
		return skip_string(s);
	if (!word && is(s, "${"))
		return skip_variable(s);
	if (*s->at == '*' || (*s->at == '+' && !is(s, "+=")))
		return unfinished(s, s->line, *s->at == '*' ?
		    "\"*\" outside of quotes" : "\"+\" outside of quotes",
		    "quotes around it");
	if (*s->at == '\n')
		s->line++;
	else
		s->word = strchr(" \t\r={}()+,", *s->at) == NULL;
	s->at++;
	return true;
}

/* The line of a byte. */
static int
line_of(const struct buf *text, size_t at)
{
	const char *p = text->data, *end = text->data + at;
	int line = 1;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		line++;
		p++;
	}
	return line;
}

bool
conf_text_prepare(const char *name, struct buf *text,
    struct conf_errors *errors)
{
	struct scan s = { .name = name, .line = 1, .errors = errors };
	const char *nul;
	size_t bad;

	if (text->len == 0)
		return true;
	s.at = text->data;
	s.end = text->data + text->len;
	if (is(&s, "\xef\xbb\xbf"))	/* a byte order mark */
		memset(s.at, ' ', 3);
	if ((nul = memchr(text->data, '\0', text->len)) != NULL)
		return unfinished(&s, line_of(text, (size_t)(nul - text->data)),
		    "a NUL byte", "a text file");
	if (!utf8_valid(text->data, text->len, &bad))
		return unfinished(&s, line_of(text, bad), "bytes that are not "
		    "UTF-8", "a file in UTF-8");
	while (s.at < s.end) {
		if (!step(&s))
			return false;
	}
	return true;
}
