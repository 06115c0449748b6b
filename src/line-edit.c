#include <string.h>

#include <unigbrk.h>

#include "name.h"
#include "telnet.h"

enum { CTRL_C = 0x03, CTRL_D = 0x04, BS = 0x08, CTRL_U = 0x15,
	CTRL_W = 0x17, DEL = 0x7f };

#define LOOK_BACK	64	/* bytes a grapheme is looked for in */

static bool
edits(char c)
{
	return c == CTRL_C || c == CTRL_D || c == BS || c == CTRL_U ||
	    c == CTRL_W || c == DEL;
}

static bool
continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The length without the last grapheme; where that is no UTF-8, without the
 * last byte. */
static size_t
without_grapheme(const char *s, size_t n)
{
	size_t from = n > LOOK_BACK ? n - LOOK_BACK : 0;
	char breaks[LOOK_BACK];

	if (n == 0)
		return 0;
	if ((s[n - 1] & 0x80) == 0)
		return n - 1;
	while (from > 0 && from < n && continues(s[from]))
		from++;
	if (!utf8_valid(s + from, n - from, NULL))
		return n - 1;
	u8_grapheme_breaks((const uint8_t *)s + from, n - from, breaks);
	while (--n > from && breaks[n - from] != 1)
		;
	return n;
}

/* Whether the last character's bytes have not all come. */
static bool
incomplete(const char *s, size_t n)
{
	size_t have = 1;
	unsigned char lead;

	while (have < 4 && have < n && continues(s[n - have]))
		have++;
	lead = n > 0 ? (unsigned char)s[n - have] : 0;
	return have < (lead >= 0xf0 ? 4U : lead >= 0xe0 ? 3U :
	    lead >= 0xc0 ? 2U : 1U);
}

static bool
blank(char c)
{
	return c == ' ' || c == '\t';
}

static size_t
without_word(const char *s, size_t n)
{
	while (n > 0 && blank(s[n - 1]))
		n--;
	while (n > 0 && !blank(s[n - 1]))
		n--;
	return n;
}

size_t
line_edit(char *s, size_t n)
{
	size_t i, out;
	char last = '\0';

	for (i = 0; i < n && !edits(s[i]); i++)
		;
	for (out = i; i < n; i++) {
		last = s[i];
		switch (s[i]) {
		case BS:
		case DEL:
			out = without_grapheme(s, out);
			break;
		case CTRL_W:
			out = without_word(s, out);
			break;
		case CTRL_C:
			/* No key, but telnet's idea of a character's last
			 * byte. It stays, for the line to be refused. */
			if (incomplete(s, out)) {
				s[out++] = s[i];
				break;
			}
			out = 0;
			break;
		case CTRL_D:
			break;
		case CTRL_U:
			out = 0;
			break;
		default:
			s[out++] = s[i];
		}
	}
	if (out == 0 && (last == CTRL_C || last == CTRL_D))
		s[out++] = last == CTRL_C ? LINE_STOPS : LINE_LEAVES;
	return out;
}

const char *
line_stop(const char *s, size_t n)
{
	const char *at = s, *end = s + n;

	while ((at = memchr(at, CTRL_C, (size_t)(end - at))) != NULL &&
	    incomplete(s, (size_t)(at - s)))
		at++;
	return at;
}
