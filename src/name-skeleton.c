#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "skeleton.h"

#define DOT_ABOVE	0x0307
#define CLASS_ABOVE	230	/* canonical combining class of marks above */
#define NONE		SIZE_MAX	/* a length: it does not fit */

/*
 * Letters that are drawn like others, in their order; and the letter, or two,
 * that stands for both. What a small letter looks like goes for its capital
 * too, unless that has a row of its own. What stands for others is in no row,
 * and no capital.
 */
static const struct row {
	uint16_t	from;
	uint16_t	to[2];		/* 0: nothing */
} rows[] = {
	/* Latin */
	{ 0x0049, { 'l' } }, { 0x0131, { 'i' } }, { 0x0138, { 'k' } },
	{ 0x0185, { 'b' } }, { 0x0196, { 'l' } }, { 0x01a8, { '2' } },
	{ 0x01bd, { '5' } }, { 0x01bf, { 'p' } }, { 0x01c0, { 'l' } },
	{ 0x01dd, { 0x0259 } }, { 0x021d, { '3' } }, { 0x0223, { '8' } },
	{ 0x0237, { 'j' } }, { 0x0251, { 'a' } }, { 0x025c, { '3' } },
	{ 0x0261, { 'g' } }, { 0x0262, { 'g' } }, { 0x0263, { 'y' } },
	{ 0x0269, { 'i' } }, { 0x026a, { 'i' } }, { 0x0274, { 'n' } },
	{ 0x0278, { 0x0444 } }, { 0x0280, { 'r' } }, { 0x028b, { 'u' } },
	{ 0x028f, { 'y' } }, { 0x0292, { '3' } }, { 0x0299, { 'b' } },
	{ 0x029c, { 'h' } }, { 0x029f, { 'l' } },
	/* Marks */
	{ 0x030c, { 0x0306 } }, { 0x0326, { 0x0327 } }, { 0x0328, { 0x0327 } },
	/* Greek */
	{ 0x037b, { 0x0254 } }, { 0x0392, { 'b' } }, { 0x0393, { 'r' } },
	{ 0x0395, { 'e' } }, { 0x0396, { 'z' } }, { 0x0397, { 'h' } },
	{ 0x0399, { 'l' } }, { 0x039b, { 0x028c } }, { 0x039c, { 'm' } },
	{ 0x039d, { 'n' } }, { 0x03a0, { 0x043f } }, { 0x03a5, { 'y' } },
	{ 0x03b1, { 'a' } }, { 0x03b2, { 0x00df } }, { 0x03b3, { 'y' } },
	{ 0x03b5, { 0x025b } }, { 0x03b7, { 'n' } }, { 0x03b9, { 'i' } },
	{ 0x03ba, { 'k' } }, { 0x03bd, { 'v' } }, { 0x03bf, { 'o' } },
	{ 0x03c1, { 'p' } }, { 0x03c2, { 0x03c3 } }, { 0x03c4, { 't' } },
	{ 0x03c5, { 'u' } }, { 0x03c6, { 0x0444 } }, { 0x03c7, { 'x' } },
	{ 0x03c9, { 'w' } }, { 0x03dd, { 'f' } }, { 0x03f3, { 'j' } },
	{ 0x03f8, { 0x00fe } },
	/* Cyrillic */
	{ 0x0406, { 'l' } }, { 0x0430, { 'a' } }, { 0x0432, { 'b' } },
	{ 0x0433, { 'r' } }, { 0x0435, { 'e' } }, { 0x0437, { '3' } },
	{ 0x043a, { 'k' } }, { 0x043c, { 'm' } }, { 0x043d, { 'h' } },
	{ 0x043e, { 'o' } }, { 0x0440, { 'p' } }, { 0x0441, { 'c' } },
	{ 0x0442, { 't' } }, { 0x0443, { 'y' } }, { 0x0445, { 'x' } },
	{ 0x0448, { 0x026f } }, { 0x044c, { 'b' } }, { 0x0454, { 0x025b } },
	{ 0x0455, { 's' } }, { 0x0456, { 'i' } }, { 0x0458, { 'j' } },
	{ 0x045b, { 0x0127 } }, { 0x0461, { 'w' } }, { 0x0475, { 'v' } },
	{ 0x04af, { 'y' } }, { 0x04bb, { 'h' } }, { 0x04cf, { 'l' } },
	{ 0x04d5, { 0x00e6 } }, { 0x04d9, { 0x0259 } }, { 0x04e1, { '3' } },
	{ 0x04e9, { 0x0275 } }, { 0x0501, { 'd' } }, { 0x050d, { 'g' } },
	{ 0x0511, { 0x025b } }, { 0x051b, { 'q' } }, { 0x051d, { 'w' } },
	/* Armenian */
	{ 0x054f, { 's' } }, { 0x0561, { 'w' } }, { 0x0566, { 'q' } },
	{ 0x056c, { 'l' } }, { 0x0570, { 'h' } }, { 0x0575, { 'j' } },
	{ 0x0578, { 'n' } }, { 0x057d, { 'u' } }, { 0x0581, { 'g' } },
	{ 0x0585, { 'o' } },
	/* Hebrew */
	{ 0x05d5, { 'l' } }, { 0x05df, { 'l' } }, { 0x05e1, { 'o' } },
	/* Arabic */
	{ 0x0627, { 'l' } }, { 0x0640, { 0 } }, { 0x0643, { 0x06a9 } },
	{ 0x0647, { 'o' } }, { 0x0649, { 0x064a } }, { 0x0661, { 'l' } },
	{ 0x0665, { 'o' } }, { 0x06aa, { 0x06a9 } }, { 0x06be, { 'o' } },
	{ 0x06c1, { 'o' } }, { 0x06cc, { 0x064a } }, { 0x06d5, { 'o' } },
	{ 0x06f0, { 0x0660 } }, { 0x06f1, { 'l' } }, { 0x06f2, { 0x0662 } },
	{ 0x06f3, { 0x0663 } }, { 0x06f7, { 0x0667 } }, { 0x06f8, { 0x0668 } },
	{ 0x06f9, { 0x0669 } },
	/* NKo */
	{ 0x07c0, { 'o' } }, { 0x07ca, { 'l' } }, { 0x07fa, { '_' } },
	/* Noughts and others of India and its neighbours */
	{ 0x0966, { 'o' } }, { 0x09e6, { 'o' } }, { 0x09ea, { '8' } },
	{ 0x0a66, { 'o' } }, { 0x0a6a, { '8' } }, { 0x0ae6, { 'o' } },
	{ 0x0b20, { 'o' } }, { 0x0b66, { 'o' } }, { 0x0be6, { 'o' } },
	{ 0x0be7, { 0x0b95 } }, { 0x0c66, { 'o' } }, { 0x0ce6, { 'o' } },
	{ 0x0d20, { 'o' } }, { 0x0d66, { 'o' } },
	{ 0x0e41, { 0x0e40, 0x0e40 } }, { 0x0e50, { 'o' } },
	{ 0x0ed0, { 'o' } }, { 0x101d, { 'o' } }, { 0x1040, { 'o' } },
	/* Cherokee */
	{ 0x13fb, { 'g' } }, { 0x13fc, { 'b' } },
	/* Khmer */
	{ 0x17e0, { 'o' } },
	/* Latin: small capitals */
	{ 0x1d00, { 'a' } }, { 0x1d04, { 'c' } }, { 0x1d05, { 'd' } },
	{ 0x1d07, { 'e' } }, { 0x1d0a, { 'j' } }, { 0x1d0b, { 'k' } },
	{ 0x1d0d, { 'm' } }, { 0x1d0f, { 'o' } }, { 0x1d10, { 0x0254 } },
	{ 0x1d18, { 'p' } }, { 0x1d1b, { 't' } }, { 0x1d1c, { 'u' } },
	{ 0x1d20, { 'v' } }, { 0x1d21, { 'w' } }, { 0x1d22, { 'z' } },
	{ 0x1d23, { '3' } }, { 0x1d27, { 0x028c } }, { 0x2184, { 0x0254 } },
	/* Coptic */
	{ 0x2c81, { 'a' } }, { 0x2c83, { 'b' } }, { 0x2c85, { 'r' } },
	{ 0x2c89, { 'e' } }, { 0x2c8f, { 'h' } }, { 0x2c93, { 'i' } },
	{ 0x2c95, { 'k' } }, { 0x2c99, { 'm' } }, { 0x2c9b, { 'n' } },
	{ 0x2c9f, { 'o' } }, { 0x2ca1, { 0x043f } }, { 0x2ca3, { 'p' } },
	{ 0x2ca5, { 'c' } }, { 0x2ca7, { 't' } }, { 0x2ca9, { 'y' } },
	{ 0x2cab, { 0x0444 } }, { 0x2cad, { 'x' } }, { 0x2cb1, { 'w' } },
	/* Tifinagh */
	{ 0x2d37, { 0x028c } }, { 0x2d4f, { 'l' } }, { 0x2d54, { 'o' } },
	{ 0x2d5d, { 'x' } },
	/* Kana and Han */
	{ 0x30a8, { 0x5de5 } }, { 0x30aa, { 0x624d } }, { 0x30ab, { 0x529b } },
	{ 0x30bf, { 0x5915 } }, { 0x30c1, { 0x5343 } }, { 0x30c8, { 0x535c } },
	{ 0x30cb, { 0x4e8c } }, { 0x30cf, { 0x516b } }, { 0x30d8, { 0x3078 } },
	{ 0x30ea, { 0x308a } }, { 0x30ed, { 0x53e3 } }, { 0x30fc, { '-' } },
	{ 0x4e00, { '-' } }, { 0x56d7, { 0x53e3 } }, { 0x66f0, { 0x65e5 } },
	/* Lisu */
	{ 0xa4d0, { 'b' } }, { 0xa4d1, { 'p' } }, { 0xa4d3, { 'd' } },
	{ 0xa4d4, { 't' } }, { 0xa4d6, { 'g' } }, { 0xa4d7, { 'k' } },
	{ 0xa4d9, { 'j' } }, { 0xa4da, { 'c' } }, { 0xa4db, { 0x0254 } },
	{ 0xa4dc, { 'z' } }, { 0xa4dd, { 'f' } }, { 0xa4df, { 'm' } },
	{ 0xa4e0, { 'n' } }, { 0xa4e1, { 'l' } }, { 0xa4e2, { 's' } },
	{ 0xa4e3, { 'r' } }, { 0xa4e5, { 0x028c } }, { 0xa4e6, { 'v' } },
	{ 0xa4e7, { 'h' } }, { 0xa4ea, { 'w' } }, { 0xa4eb, { 'x' } },
	{ 0xa4ec, { 'y' } }, { 0xa4ee, { 'a' } }, { 0xa4f0, { 'e' } },
	{ 0xa4f2, { 'l' } }, { 0xa4f3, { 'o' } }, { 0xa4f4, { 'u' } },
	{ 0xa4f8, { '.' } }, { 0xa4fa, { '.', '.' } },
	/* Latin */
	{ 0xa730, { 'f' } }, { 0xa731, { 's' } }, { 0xa78f, { '.' } },
	/* Cherokee */
	{ 0xab70, { 'd' } }, { 0xab71, { 'r' } }, { 0xab72, { 't' } },
	{ 0xab75, { 'i' } }, { 0xab79, { 'y' } }, { 0xab7a, { 'a' } },
	{ 0xab7b, { 'j' } }, { 0xab7c, { 'e' } }, { 0xab83, { 'w' } },
	{ 0xab87, { 'm' } }, { 0xab8b, { 'h' } }, { 0xab8d, { 'y' } },
	{ 0xab90, { 'g' } }, { 0xab93, { 'z' } }, { 0xab9e, { '4' } },
	{ 0xab9f, { 'b' } }, { 0xaba2, { 'r' } }, { 0xaba4, { 'w' } },
	{ 0xaba5, { 's' } }, { 0xaba9, { 'v' } }, { 0xabaa, { 's' } },
	{ 0xabae, { 'l' } }, { 0xabaf, { 'c' } }, { 0xabb2, { 'p' } },
	{ 0xabb6, { 'k' } }, { 0xabb7, { 'd' } },
};

static const uint16_t *
find(ucs4_t c)
{
	size_t low = 0, high = NITEMS(rows), mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (rows[mid].from < c)
			low = mid + 1;
		else
			high = mid;
	}
	return low < NITEMS(rows) && rows[low].from == c ? rows[low].to : NULL;
}

/* What stands for the character; how many these are. */
static int
shape(ucs4_t c, ucs4_t to[2])
{
	const uint16_t *row = find(c);

	if (row == NULL) {
		c = uc_tolower(c);
		row = find(c);
	}
	to[0] = row != NULL ? row[0] : c;
	to[1] = row != NULL ? row[1] : 0;
	return (to[0] != 0) + (to[1] != 0);
}

/*
 * The shapes of what is decomposed. An i is drawn without its own dot where
 * one is put above it: then the mark is nothing to see. NONE if it does not
 * fit.
 */
static size_t
shapes(const uint8_t *s, size_t n, uint8_t out[SKELETON_SIZE])
{
	bool dotted = false, above = false;
	size_t len = 0;
	ucs4_t c, to[2];
	int i, used, parts;

	for (; n > 0; s += used, n -= (size_t)used) {
		used = u8_mbtouc(&c, s, n);
		parts = shape(c, to);
		if (parts == 0 || (c == DOT_ABOVE && dotted && !above))
			continue;
		if (uc_combining_class(c) == 0) {
			dotted = to[0] == 'i' || to[0] == 'j';
			above = false;
		} else if (uc_combining_class(c) == CLASS_ABOVE)
			above = true;
		for (i = 0; i < parts; i++) {
			int put = u8_uctomb(out + len, to[i],
			    (ptrdiff_t)(SKELETON_SIZE - 1 - len));

			if (put < 0)
				return NONE;
			len += (size_t)put;
		}
	}
	return len;
}

static size_t
decompose(const uint8_t *s, size_t n, uint8_t out[SKELETON_SIZE])
{
	size_t len = SKELETON_SIZE - 1;
	uint8_t *got;

	if (n == 0 || n == NONE)
		return n;
	if ((got = u8_normalize(UNINORM_NFD, s, n, out, &len)) == NULL)
		err(1, "libunistring");
	if (got == out)
		return len;
	free(got);
	return NONE;
}

/* The length of the skeleton of what is not all ASCII. */
static size_t
skeleton(const char *shown, size_t n, char out[SKELETON_SIZE])
{
	uint8_t plain[SKELETON_SIZE], drawn[SKELETON_SIZE];
	size_t len = NONE;

	if (utf8_valid(shown, n, NULL))
		len = decompose((const uint8_t *)shown, n, plain);
	if (len != NONE)
		len = shapes(plain, len, drawn);
	/* A mark's stand-in may have another place in the order. */
	len = decompose(drawn, len, (uint8_t *)out);
	if (len != NONE)
		return len;
	memcpy(out, shown, n);
	return n;
}

/* What may be taken for another at a glance. */
static void
close_ones(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == 'i' || *s == '1')
			*to++ = 'l';
		else if (*s == '0')
			*to++ = 'o';
		else if (s[0] == 'r' && s[1] == 'n') {
			*to++ = 'm';
			s++;
		} else if (s[0] == 'v' && s[1] == 'v') {
			*to++ = 'w';
			s++;
		} else
			*to++ = *s;
	}
	*to = '\0';
}

void
name_skeleton(const char *shown, enum looks looks, char out[SKELETON_SIZE])
{
	size_t i, n = strnlen(shown, SKELETON_SIZE - 1);

	for (i = 0; i < n && (unsigned char)shown[i] < 0x80; i++) {
		out[i] = shown[i];
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = out[i] == 'I' ? 'l' :
			    (char)(out[i] - 'A' + 'a');
	}
	if (i < n)
		n = skeleton(shown, n, out);
	out[n] = '\0';
	if (looks == LOOKS_CLOSE)
		close_ones(out);
}
