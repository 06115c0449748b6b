/*
 * Names of people and rooms, and what text may hold. Pure, any thread.
 */
#ifndef NAME_H
#define NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

#define NAME_CHARS	32	/* code points after NFKC */
#define NAME_SIZE	136	/* bytes of a name, an @ before it, its NUL */

/* A checked name. key is what is compared: NFKC, case folded, NFKC again. */
struct name {
	char	shown[NAME_SIZE];	/* NFKC, as its owner wrote it */
	char	key[NAME_SIZE];
};

/*
 * Checks a name of a person or room: 1 to 32 characters after NFKC, letters,
 * marks, digits and "-_.", no leading mark, "-" or "."; nothing invisible, no
 * piles of marks, digits of one script, nothing that does not fit NAME_SIZE.
 * False, and *why says what is wrong in a phrase for people ("is longer than
 * 32 characters"), a constant. ASCII does not touch libunistring.
 */
bool	name_parse(struct name *, const char *, size_t, const char **why);

/* As name_parse, but takes a leading "#" away and lets "@name" be an inbox. */
bool	name_parse_room(struct name *, const char *, size_t, const char **why);

/* RFC 3629: no surrogates, no overlong forms, at most U+10FFFF. On failure
 * *at (if not NULL) is where the first sequence that is none begins. */
bool	utf8_valid(const char *, size_t, size_t *at);

/*
 * Appends valid UTF-8 to out, control characters (C0 but TAB, DEL, C1, bidi
 * overrides and isolates U+202A-202E, U+2066-2069) replaced by U+FFFD.
 */
void	text_clean(struct buf *out, const char *, size_t);
/* Valid UTF-8 that text_clean() would leave as it is. */
bool	text_is_clean(const char *, size_t);

/* Appends the text as a quoted JSON string (RFC 8259 section 7), its UTF-8
 * kept as it is. The text is valid UTF-8. */
void	json_quote(struct buf *out, const char *, size_t);

/* Columns on a terminal (libunistring's u8_width). */
size_t	text_width(const char *, size_t);

/* Edit distance of two short ASCII words, for "did you mean". */
unsigned word_distance(const char *, const char *);
/* May the word be meant for name? So many slips as its length lets one make,
 * and less than *best, which the number of them becomes. */
bool	 word_is_near(const char *word, const char *name, unsigned *best);

#endif
