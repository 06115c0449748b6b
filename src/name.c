#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>
#include <uniwidth.h>

#include "name.h"
#include "word.h"

/* No name of 32 characters after NFKC is longer before it: a character is
 * composed of at most four, each of at most four bytes. */
#define NAME_RAW_MAX	(NAME_CHARS * 16)
#define NAME_BYTES	(NAME_SIZE - 2)	/* room for an @ and the NUL */

#define MARKS_MAX	4	/* on a character: more reach other lines */
#define KHITAN_FILLER	0x16fe4	/* nothing to see, and no property says so */

#define REPLACEMENT	"\xef\xbf\xbd"	/* U+FFFD */

static const char too_long[] = "is longer than 32 characters";
static const char begins[] = "begins with \"-\" or \".\"";
static const char begins_mark[] = "begins with a combining mark";
static const char holds[] =
    "holds something other than letters, digits, \"-\", \"_\" and \".\"";
static const char invisible[] = "holds an invisible character";
static const char piled[] =
    "holds a mark twice, or more than four on a character";
static const char numerals[] = "mixes digits of two scripts";

/* What an ASCII character of names is folded to; 0: it is none. */
static const char folded[0x80] = { ['-'] = '-', ['.'] = '.', ['_'] = '_',
	['0'] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
	['A'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l',
	'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
	['a'] = 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l',
	'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z' };

static char
ascii_fold(char c)
{
	return (unsigned char)c < sizeof(folded) ? folded[(unsigned char)c] : 0;
}

/* Parses as long as it is ASCII; the number of bytes that were good. */
static size_t
parse_ascii(struct name *name, const char *s, size_t n)
{
	size_t i;
	char c;

	for (i = 0; i < n && i < NAME_CHARS; i++) {
		if ((c = ascii_fold(s[i])) == '\0')
			break;
		name->shown[i] = s[i];
		name->key[i] = c;
	}
	name->shown[i] = name->key[i] = '\0';
	return i;
}

/*
 * What libunistring left in out, or in memory of its own where out was too
 * small: then the name is too long. The length, or 0 if too long.
 */
static size_t
take(uint8_t *got, const uint8_t *out, size_t n)
{
	if (got == NULL)
		err(1, "libunistring");
	if (got == out)
		return n;
	free(got);
	return 0;
}

/* What of a name has been looked at. */
struct sight {
	size_t	 chars;
	unsigned marks;		/* nonspacing ones since the last letter */
	ucs4_t	 last;		/* of these */
	ucs4_t	 zero;		/* its digits' nought, 0 before the first */
};

/* What is wrong with a character where it stands, or NULL. */
static const char *
check_char(struct sight *at, ucs4_t c)
{
	int digit;

	if (c < 0x80 ? ascii_fold((char)c) == '\0' :
	    !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L |
	    UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_Nd))
		return holds;
	if (uc_is_property_default_ignorable_code_point(c) ||
	    c == KHITAN_FILLER)
		return invisible;
	if (at->chars == 0 && uc_is_general_category_withtable(c,
	    UC_CATEGORY_MASK_M))
		return begins_mark;
	if (++at->chars > NAME_CHARS)
		return too_long;
	if (!uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Mn |
	    UC_CATEGORY_MASK_Me))
		at->marks = 0;
	else if (++at->marks > MARKS_MAX || (at->marks > 1 && c == at->last))
		return piled;
	at->last = c;
	if ((digit = uc_decimal_value(c)) >= 0) {
		if (at->zero != 0 && at->zero != c - (ucs4_t)digit)
			return numerals;
		at->zero = c - (ucs4_t)digit;
	}
	return NULL;
}

/* What is wrong with a name that is NFKC, or NULL. */
static const char *
check_chars(const uint8_t *s, size_t n)
{
	struct sight at = { .chars = 0 };
	const char *wrong;
	ucs4_t c;
	int len;

	if (*s == '-' || *s == '.')
		return begins;
	for (; n > 0; s += len, n -= (size_t)len) {
		len = u8_mbtouc(&c, s, n);
		if ((wrong = check_char(&at, c)) != NULL)
			return wrong;
	}
	return NULL;
}

/* Case folded and NFKC again; false if that does not fit. Of what is NFKC
 * already the result is its own. */
static bool
fold(char key[NAME_SIZE], const char *shown)
{
	uint8_t out[NAME_BYTES], *got;
	size_t len = sizeof(out);

	got = u8_casefold((const uint8_t *)shown, strlen(shown), NULL,
	    UNINORM_NFKC, out, &len);
	len = take(got, out, len);
	memcpy(key, out, len);
	key[len] = '\0';
	return len > 0;
}

/* What is wrong with the name, or NULL. */
static const char *
parse(struct name *name, const char *s, size_t n)
{
	uint8_t out[NAME_BYTES], *got;
	const char *wrong;
	size_t len;

	name->shown[0] = name->key[0] = '\0';
	if (n == 0)
		return "is empty";
	if (n > NAME_RAW_MAX)
		return too_long;
	len = parse_ascii(name, s, n);
	if (len == n)
		return *s == '-' || *s == '.' ? begins : NULL;
	if (!utf8_valid(s, n, NULL))
		return "is not valid UTF-8";
	len = sizeof(out);
	got = u8_normalize(UNINORM_NFKC, (const uint8_t *)s, n, out, &len);
	if ((len = take(got, out, len)) == 0)
		return too_long;
	if ((wrong = check_chars(out, len)) != NULL)
		return wrong;
	memcpy(name->shown, out, len);
	name->shown[len] = '\0';
	return fold(name->key, name->shown) ? NULL : "takes too many bytes";
}

bool
name_parse(struct name *name, const char *s, size_t n, const char **why)
{
	const char *wrong = parse(name, s, n);

	if (wrong == NULL)
		return true;
	name->shown[0] = name->key[0] = '\0';
	if (why != NULL)
		*why = wrong;
	return false;
}

static void
prepend_at(char s[NAME_SIZE])
{
	memmove(s + 1, s, strlen(s) + 1);
	s[0] = '@';
}

bool
name_parse_room(struct name *name, const char *s, size_t n, const char **why)
{
	if (n > 0 && *s == '#') {
		s++;
		n--;
	}
	if (n == 0 || *s != '@')
		return name_parse(name, s, n, why);
	if (!name_parse(name, s + 1, n - 1, why))
		return false;
	prepend_at(name->shown);
	prepend_at(name->key);
	return true;
}

/* Length of the multibyte character at s, or 0 if it is none. RFC 3629
 * section 4, the table of well-formed sequences. */
static size_t
utf8_char(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len, i;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;		/* overlong */
	else if (s[0] == 0xed)
		high = 0x9f;		/* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;		/* overlong */
	else if (s[0] == 0xf4)
		high = 0x8f;		/* above U+10FFFF */
	if (n < len || s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool
utf8_valid(const char *s, size_t n, size_t *at)
{
	size_t i = 0, len;

	while (i < n) {
		if (n - i >= 8 && (word_at(s + i) & WORD_HIGHS) == 0) {
			i += 8;
			continue;
		}
		len = (s[i] & 0x80) == 0 ? 1 :
		    utf8_char((const unsigned char *)s + i, n - i);
		if (len == 0) {
			if (at != NULL)
				*at = i;
			return false;
		}
		i += len;
	}
	return true;
}

/* Bytes of the control character at s, or 0 if it is none. */
static size_t
control_len(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] < 0x80)
		return (u[0] < 0x20 && u[0] != '\t') || u[0] == 0x7f;
	if (u[0] == 0xc2)
		return n >= 2 && u[1] < 0xa0 ? 2 : 0;
	if (u[0] != 0xe2 || n < 3)
		return 0;
	if (u[1] == 0x80)		/* U+202A to U+202E */
		return u[2] >= 0xaa && u[2] <= 0xae ? 3 : 0;
	return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9 ? 3 : 0;
}

/* The first control character from i on, or n. */
static size_t
find_control(const char *s, size_t i, size_t n)
{
	while (i < n) {
		if (n - i >= 8) {
			uint64_t w = word_at(s + i);
			uint64_t marks = (w & WORD_HIGHS) |
			    WORD_BELOW(w, 0x20) | WORD_EQUALS(w, 0x7f);

			if (marks == 0) {
				i += 8;
				continue;
			}
			i += word_first(marks);
		}
		if (control_len(s + i, n - i) > 0)
			break;
		i++;
	}
	return i;
}

bool
text_is_clean(const char *s, size_t n)
{
	return find_control(s, 0, n) == n;
}

void
text_clean(struct buf *out, const char *s, size_t n)
{
	size_t i = 0, end;

	while (i < n) {
		end = find_control(s, i, n);
		buf_add(out, s + i, end - i);
		if ((i = end) == n)
			break;
		buf_add(out, REPLACEMENT, 3);
		i += control_len(s + i, n - i);
	}
}

/* The first character from i on that JSON wants escaped, or n. */
static size_t
find_special(const char *s, size_t i, size_t n)
{
	while (n - i >= 8) {
		uint64_t w = word_at(s + i);
		uint64_t marks = WORD_BELOW(w, 0x20) | WORD_EQUALS(w, '"') |
		    WORD_EQUALS(w, '\\');

		if (marks != 0)
			return i + word_first(marks);
		i += 8;
	}
	while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' &&
	    s[i] != '\\')
		i++;
	return i;
}

static void
add_escape(struct buf *out, unsigned char c)
{
	static const char letters[0x20] = { ['\b'] = 'b', ['\t'] = 't',
	    ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	static const char digits[] = "0123456789abcdef";
	char *at = buf_room(out, 6);

	*at++ = '\\';
	out->len += 2;
	if (c >= 0x20) {
		*at = (char)c;
	} else if (letters[c] != '\0') {
		*at = letters[c];
	} else {
		*at++ = 'u';
		*at++ = '0';
		*at++ = '0';
		*at++ = digits[c >> 4];
		*at = digits[c & 15];
		out->len += 4;
	}
}

void
json_quote(struct buf *out, const char *s, size_t n)
{
	size_t i, end;

	buf_room(out, n + 2);
	buf_addc(out, '"');
	for (i = 0; i < n;) {
		end = find_special(s, i, n);
		buf_add(out, s + i, end - i);
		if ((i = end) < n)
			add_escape(out, (unsigned char)s[i++]);
	}
	buf_addc(out, '"');
}

size_t
text_width(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20 || (unsigned char)s[i] > 0x7e)
			return (size_t)u8_width((const uint8_t *)s, n,
			    "UTF-8");
	}
	return n;
}

/* With transpositions (optimal string alignment); what is behind a word's
 * 32nd letter counts as inserted. */
unsigned
word_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned rows[3][MAX + 1], *two = rows[0], *one = rows[1];
	unsigned *row = rows[2], *spare, d;
	size_t na = strlen(a), nb = strlen(b), i, j;
	size_t rest = (na > MAX ? na - MAX : 0) + (nb > MAX ? nb - MAX : 0);

	na = na > MAX ? MAX : na;
	nb = nb > MAX ? MAX : nb;
	for (j = 0; j <= nb; j++)
		one[j] = two[j] = (unsigned)j;
	for (i = 1; i <= na; i++) {
		row[0] = (unsigned)i;
		for (j = 1; j <= nb; j++) {
			d = one[j - 1] + (a[i - 1] != b[j - 1]);
			if (one[j] + 1 < d)
				d = one[j] + 1;
			if (row[j - 1] + 1 < d)
				d = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < d)
				d = two[j - 2] + 1;
			row[j] = d;
		}
		spare = two;
		two = one;
		one = row;
		row = spare;
	}
	return one[nb] + (unsigned)rest;
}

bool
word_is_near(const char *word, const char *name, unsigned *best)
{
	unsigned d = word_distance(word, name);
	size_t n = strlen(name);

	if (d >= *best || d >= n || d > (n < 5 ? 1 : 2))
		return false;
	*best = d;
	return true;
}
