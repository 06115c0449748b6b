/* Every row of the table of telnet's bytes, whole and cut at every byte. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "telnet.h"

struct row {
	const char	*what;
	const char	*before; /* h hide, s show, y DO ECHO, n DONT ECHO */
	const char	*in;
	size_t		 in_len;
	const char	*text;
	size_t		 text_len;
	const char	*answer; /* the answers to before, too */
	size_t		 answer_len;
	unsigned	 width;
	const char	*ttype;
};

#define B(s)	(s), sizeof(s) - 1
#define WILL_E	"\xff\xfb\x01"
#define WONT_E	"\xff\xfc\x01"
#define ASK	"\xff\xfa\x18\x01\xff\xf0"
#define DO_BIN	"\xff\xfd\0"
#define DONT_BIN "\xff\xfe\0"
#define WILL_BIN "\xff\xfb\0"
#define WONT_BIN "\xff\xfc\0"
#define NAWS_ON	"\xff\xfb\x1f"
#define DO_NAWS	"\xff\xfd\x1f"
#define TTYPE_ON "\xff\xfb\x18"
#define DO_TTYPE "\xff\xfd\x18" ASK

static const struct row rows[] = {
	/* options nobody knows */
	{ "DO unknown", "", B("a\xff\xfd\x05" "b"), B("ab"),
	    B("\xff\xfc\x05"), 0, "" },
	{ "DO unknown twice", "", B("\xff\xfd\x05\xff\xfd\x05"), B(""),
	    B("\xff\xfc\x05\xff\xfc\x05"), 0, "" },
	{ "WILL unknown", "", B("a\xff\xfb\x05" "b"), B("ab"),
	    B("\xff\xfe\x05"), 0, "" },
	{ "WILL unknown twice", "", B("\xff\xfb\x05\xff\xfb\x05"), B(""),
	    B("\xff\xfe\x05\xff\xfe\x05"), 0, "" },
	{ "DONT and WONT of what is off", "",
	    B("\xff\xfe\x05\xff\xfc\x05\xff\xfe\x01\xff\xfc\x1f\xff\xfc\x18x"),
	    B("x"), B(""), 0, "" },
	{ "option 255 and 0", "",
	    B("\xff\xfd\xff" "a\xff\xfb\xff" "b\xff\xfd\0" "c"), B("abc"),
	    B("\xff\xfc\xff\xff\xfe\xff\xff\xfc\0"), 0, "" },
	{ "CHARSET, MCCP2, MCCP3, LINEMODE", "",
	    B("\xff\xfd\x2a\xff\xfb\x56\xff\xfd\x56\xff\xfd\x57\xff\xfb\x22"),
	    B(""),
	    B("\xff\xfc\x2a\xff\xfe\x56\xff\xfc\x56\xff\xfc\x57\xff\xfe\x22"),
	    0, "" },
	{ "SGA and EOR", "",
	    B("\xff\xfd\x03\xff\xfb\x03\xff\xfd\x19\xff\xfb\x19"), B(""),
	    B("\xff\xfc\x03\xff\xfe\x03\xff\xfc\x19\xff\xfe\x19"), 0, "" },

	/* ECHO, RFC 1143 */
	{ "DO ECHO unasked", "", B("\xff\xfd\x01\xff\xfd\x01"), B(""),
	    B(WONT_E WONT_E), 0, "" },
	{ "WILL ECHO of a client", "", B("\xff\xfb\x01"), B(""),
	    B("\xff\xfe\x01"), 0, "" },
	{ "WANTYES, DO", "h", B("\xff\xfd\x01"), B(""), B(WILL_E), 0, "" },
	{ "YES, DO", "h", B("\xff\xfd\x01\xff\xfd\x01\xff\xfd\x01"), B(""),
	    B(WILL_E), 0, "" },
	{ "WANTYES, DONT", "h", B("\xff\xfe\x01\xff\xfe\x01"), B(""),
	    B(WILL_E), 0, "" },
	{ "WANTYES, DONT: off, for DO is refused", "h",
	    B("\xff\xfe\x01\xff\xfd\x01"), B(""), B(WILL_E WONT_E), 0, "" },
	{ "YES, DONT", "hy", B("\xff\xfe\x01\xff\xfe\x01"), B(""),
	    B(WILL_E WONT_E), 0, "" },
	{ "YES, hidden again", "hyh", B("x"), B("x"), B(WILL_E), 0, "" },
	{ "shown in the end", "hys", B("\xff\xfe\x01\xff\xfe\x01"), B(""),
	    B(WILL_E WONT_E), 0, "" },
	{ "a second secret", "hysnh", B("\xff\xfd\x01"), B(""),
	    B(WILL_E WONT_E WILL_E), 0, "" },
	{ "shown before the answer", "hs", B("\xff\xfd\x01\xff\xfe\x01"),
	    B(""), B(WILL_E WONT_E), 0, "" },
	{ "shown before the refusal", "hs", B("\xff\xfe\x01"), B(""),
	    B(WILL_E), 0, "" },
	{ "never answered", "hshshs", B("secret\n"), B("secret\n"),
	    B(WILL_E), 0, "" },
	{ "hidden before the answer to WONT", "hysh",
	    B("\xff\xfe\x01\xff\xfd\x01"), B(""),
	    B(WILL_E WONT_E WILL_E), 0, "" },
	{ "hidden and shown before the answer to WONT", "hyshs",
	    B("\xff\xfe\x01"), B(""), B(WILL_E WONT_E), 0, "" },
	{ "WONT answered by DO", "hys", B("\xff\xfd\x01\xff\xfd\x01"), B(""),
	    B(WILL_E WONT_E WONT_E), 0, "" },
	{ "hidden again, WONT answered by DO", "hysh",
	    B("\xff\xfd\x01\xff\xfd\x01"), B(""), B(WILL_E WONT_E), 0,
	    "" },
	{ "show alone", "s", B(""), B(""), B(""), 0, "" },

	/* TIMING-MARK, RFC 860, and commands */
	{ "TIMING-MARK", "", B("a\xff\xfd\x06" "b\xff\xfd\x06"), B("ab"),
	    B("\xff\xfc\x06\xff\xfc\x06"), 0, "" },
	{ "TIMING-MARK's answer refused", "",
	    B("\xff\xfd\x06\xff\xfe\x06\xff\xfd\x06"), B(""),
	    B("\xff\xfc\x06\xff\xfc\x06"), 0, "" },
	{ "^C of inetutils-telnet", "", B("abc\xff\xf4\xff\xfd\x06" "d\r\n"),
	    B("abc\x03" "d\r\n"), B(DO_BIN "\xff\xfc\x06"), 0, "" },
	{ "TIMING-MARK among other answers", "",
	    B("\xff\xf6\xff\xfd\x06\xff\xf6"), B(""),
	    B("\r\n[Yes]\r\n\xff\xfc\x06\r\n[Yes]\r\n"), 0, "" },
	{ "AYT", "", B("he\xff\xf6llo\n"), B("hello\n"), B("\r\n[Yes]\r\n"),
	    0, "" },
	{ "NOP GA DM AO BRK SE", "",
	    B("a\xff\xf1" "b\xff\xf9" "c\xff\xf2" "d\xff\xf5" "e\xff\xf3"
	    "f\xff\xf0g"), B("abcdefg"), B(DO_BIN), 0, "" },
	{ "EC and EL", "", B("ab\xff\xf7" "c\xff\xf8" "d"),
	    B("ab\x7f" "c\x15" "d"), B(""), 0, "" },
	{ "IP", "", B("ab\xff\xf4" "c"), B("ab\x03" "c"), B(DO_BIN), 0, "" },
	{ "Synch whose mark came out of band", "", B("ab\xff\xf2" "c"),
	    B("abc"), B(""), 0, "" },
	{ "undefined commands", "",
	    B("a\xff\0" "b\xff\x41" "c\xff\x7f" "d\xff\xeb" "e\xff\xef" "f"),
	    B("abcdef"), B(""), 0, "" },
	{ "a lone 255 before the line's end", "", B("a\xff\nb\xff\r\nc\n"),
	    B("ab\nc\n"), B(""), 0, "" },

	/* BINARY, RFC 856 */
	{ "EOF, SUSP, ABORT, BRK, IP, AO: asked once", "",
	    B("a\xff\xec" "b\xff\xed" "c\xff\xee" "d\xff\xf3" "e\xff\xf4"
	    "f\xff\xf5g"), B("abcde\x03" "fg"), B(DO_BIN), 0, "" },
	{ "EOF asks", "", B("\xff\xec"), B(""), B(DO_BIN), 0, "" },
	{ "SUSP asks", "", B("\xff\xed"), B(""), B(DO_BIN), 0, "" },
	{ "ABORT asks", "", B("\xff\xee"), B(""), B(DO_BIN), 0, "" },
	{ "BRK asks", "", B("\xff\xf3"), B(""), B(DO_BIN), 0, "" },
	{ "AO asks", "", B("\xff\xf5"), B(""), B(DO_BIN), 0, "" },
	{ "inetutils-telnet's U umlaut", "", B("\xc3\xff\xf3\xff\xfd\x06"
	    "b\r\n" WILL_BIN "\xc3\x9c\n"), B("\xc3" "b\r\n\xc3\x9c\n"),
	    B(DO_BIN "\xff\xfc\x06"), 0, "" },
	{ "WILL BINARY twice", "", B("\xff\xf3" WILL_BIN WILL_BIN), B(""),
	    B(DO_BIN), 0, "" },
	{ "not asked again when on", "", B("\xff\xf3" WILL_BIN "\xff\xf4"),
	    B("\x03"), B(DO_BIN), 0, "" },
	{ "WONT BINARY, not asked again", "",
	    B("\xff\xf3" WONT_BIN WONT_BIN "\xff\xf3"), B(""), B(DO_BIN), 0,
	    "" },
	{ "WONT BINARY, then WILL", "", B("\xff\xf3" WONT_BIN WILL_BIN),
	    B(""), B(DO_BIN DONT_BIN), 0, "" },
	{ "BINARY off again", "",
	    B("\xff\xf3" WILL_BIN WONT_BIN WONT_BIN "\xff\xf3"), B(""),
	    B(DO_BIN DONT_BIN), 0, "" },
	{ "BINARY unasked", "", B(WILL_BIN WILL_BIN WONT_BIN), B(""),
	    B(DONT_BIN DONT_BIN), 0, "" },
	{ "BINARY unasked, then asked", "", B(WILL_BIN "\xff\xf3" WILL_BIN),
	    B(""), B(DONT_BIN DO_BIN), 0, "" },
	{ "our BINARY stays off", "",
	    B("\xff\xf3" WILL_BIN "\xff\xfd\0\xff\xfe\0"), B(""),
	    B(DO_BIN WONT_BIN), 0, "" },
	{ "BRK ends SB and asks", "", B("\xff\xfa\x05" "a\xff\xf3" "b"),
	    B("b"), B(DO_BIN), 0, "" },
	{ "SUSP in SB is a 255 not doubled", "",
	    B("\xff\xfa\x05" "a\xff\xed" "b\xff\xf0" "c"), B("c"), B(""), 0,
	    "" },
	{ "SB BINARY", "", B("\xff\xf3" WILL_BIN "\xff\xfa\0x\xff\xf0" "a"),
	    B("a"), B(DO_BIN), 0, "" },

	/* data */
	{ "IAC IAC", "", B("a\xff\xff" "b\xff\xff\xff\xff"),
	    B("a\xff" "b\xff\xff"), B(""), 0, "" },
	{ "UTF-8 with bytes that name commands", "",
	    B("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xc3\xbf"),
	    B("\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xc3\xbf"), B(""), 0, "" },
	{ "CR LF, CR NUL, LF", "", B("a\r\nb\r\0c\nd"), B("a\r\nb\r\nc\nd"),
	    B(""), 0, "" },
	{ "CR CR NUL, CR alone", "", B("a\r\r\0b\rc\0"),
	    B("a\r\r\nb\rc\0"), B(""), 0, "" },
	{ "CR LF NUL", "", B("a\r\n\0"), B("a\r\n\0"), B(""), 0, "" },
	{ "a command between CR and NUL", "", B("a\r\xff\xf1\0b"),
	    B("a\r\nb"), B(""), 0, "" },
	{ "data between CR and NUL", "", B("\r\xff\xff\0\r\xff\xf4\0"),
	    B("\r\xff\0\r\x03\0"), B(DO_BIN), 0, "" },
	{ "nothing", "", B(""), B(""), B(""), 0, "" },
	{ "every control character", "",
	    B("\1\2\3\4\5\6\7\10\t\13\14\16\17\20\21\32\33\37\177"),
	    B("\1\2\3\4\5\6\7\10\t\13\14\16\17\20\21\32\33\37\177"), B(""), 0,
	    "" },

	/* subnegotiations */
	{ "SB of an unknown option", "", B("a\xff\xfa\x05xyz\xff\xf0" "b"),
	    B("ab"), B(""), 0, "" },
	{ "a doubled 255 inside", "",
	    B("a\xff\xfa\x05x\xff\xff\xf0y\xff\xff\xff\xf0" "b"), B("ab"),
	    B(""), 0, "" },
	{ "SB COMPRESS2 unasked: no inflating", "",
	    B("\xff\xfa\x56\xff\xf0hi\r\n"), B("hi\r\n"), B(""), 0, "" },
	{ "SB COMPRESS (1) as old clients end it", "",
	    B("\xff\xfa\x55\xfb\xff\xf0hi"), B("hi"), B(""), 0, "" },
	{ "SB without an option", "", B("\xff\xfa\xff\xf0hi"), B("hi"),
	    B(""), 0, "" },
	{ "SB of option 255", "", B("\xff\xfa\xff\xff" "ab\xff\xf0hi"),
	    B("hi"), B(""), 0, "" },
	{ "a command ends SB", "",
	    B("\xff\xfa\x05" "abc\xff\xf6hi\xff\xf0!"), B("hi!"),
	    B("\r\n[Yes]\r\n"), 0, "" },
	{ "GA ends SB", "", B("\xff\xfa\x05" "abc\xff\xf9hi\xff\xf0!"),
	    B("hi!"), B(""), 0, "" },
	{ "NOP ends SB", "", B("\xff\xfa\x05" "abc\xff\xf1hi\xff\xf0!"),
	    B("hi!"), B(""), 0, "" },
	{ "DO ends SB", "", B("\xff\xfa\x05" "abc\xff\xfd\x06hi"), B("hi"),
	    B("\xff\xfc\x06"), 0, "" },
	{ "SB ends SB", "", B("\xff\xfa\x05" "abc\xff\xfa\x06" "d\xff\xf0hi"),
	    B("hi"), B(""), 0, "" },
	{ "an undoubled 255 inside", "", B("\xff\xfa\x05\xff\0ab\xff\xf0hi"),
	    B("hi"), B(""), 0, "" },

	/* NAWS, RFC 1073 */
	{ "NAWS", "", B(NAWS_ON "\xff\xfa\x1f\0\x50\0\x18\xff\xf0x"), B("x"),
	    B(DO_NAWS), 80, "" },
	{ "NAWS, a width of 255", "",
	    B(NAWS_ON "\xff\xfa\x1f\0\xff\xff\0\x18\xff\xf0"), B(""),
	    B(DO_NAWS), 255, "" },
	{ "NAWS, 65535", "",
	    B(NAWS_ON "\xff\xfa\x1f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf0"),
	    B(""), B(DO_NAWS), 65535, "" },
	{ "NAWS, a height of 240", "",
	    B(NAWS_ON "\xff\xfa\x1f\0\x50\0\xf0\xff\xf0x"), B("x"),
	    B(DO_NAWS), 80, "" },
	{ "NAWS anew", "", B(NAWS_ON "\xff\xfa\x1f\0\x50\0\x18\xff\xf0"
	    "\xff\xfa\x1f\1\2\0\x18\xff\xf0"), B(""), B(DO_NAWS), 258, "" },
	{ "NAWS, unknown", "", B(NAWS_ON "\xff\xfa\x1f\0\x50\0\x18\xff\xf0"
	    "\xff\xfa\x1f\0\0\0\0\xff\xf0"), B(""), B(DO_NAWS), 0, "" },
	{ "NAWS, wrong lengths", "", B(NAWS_ON
	    "\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfa\x1f\xff\xf0"
	    "\xff\xfa\x1f\1\1\1\xff\xf0\xff\xfa\x1f\1\1\1\1\1\xff\xf0"),
	    B(""), B(DO_NAWS), 80, "" },
	{ "NAWS, 255 not doubled", "", B(NAWS_ON
	    "\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfa\x1f\0\xff\0\x18\xff\xf0"
	    "\xff\xfa\x1f\0\xff\0\0\x18\xff\xf0x"),
	    B("x"), B(DO_NAWS), 80, "" },
	{ "NAWS, broken and mended", "", B(NAWS_ON
	    "\xff\xfa\x1f\0\xff\0\x18\xff\xf0"
	    "\xff\xfa\x1f\0\x50\0\x18\xff\xf0x"),
	    B("x"), B(DO_NAWS), 80, "" },
	{ "NAWS offered twice", "", B(NAWS_ON NAWS_ON), B(""), B(DO_NAWS), 0,
	    "" },
	{ "NAWS off and on", "",
	    B(NAWS_ON "\xff\xfc\x1f\xff\xfc\x1f" NAWS_ON), B(""),
	    B(DO_NAWS "\xff\xfe\x1f" DO_NAWS), 0, "" },
	{ "NAWS not agreed", "", B("\xff\xfa\x1f\0\x50\0\x18\xff\xf0"), B(""),
	    B(""), 0, "" },
	{ "DO NAWS", "", B("\xff\xfd\x1f"), B(""), B("\xff\xfc\x1f"), 0, "" },
	{ "NAWS cut off by a command", "",
	    B(NAWS_ON "\xff\xfa\x1f\0\x50\0\x18\xff\xf1x"), B("x"),
	    B(DO_NAWS), 0, "" },

	/* TTYPE, RFC 1091 */
	{ "TTYPE", "", B(TTYPE_ON "\xff\xfa\x18\0XTERM-256COLOR\xff\xf0x"),
	    B("x"), B(DO_TTYPE), 0, "XTERM-256COLOR" },
	{ "TTYPE is asked once", "", B(TTYPE_ON "\xff\xfc\x18" TTYPE_ON), B(""),
	    B(DO_TTYPE "\xff\xfe\x18\xff\xfd\x18"), 0, "" },
	{ "TTYPE is cleaned", "",
	    B(TTYPE_ON "\xff\xfa\x18\0a\x1b[3\"\n\xff\xff=\0\x80z\xff\xf0"),
	    B(""), B(DO_TTYPE), 0, "a__3______z" },
	{ "TTYPE is cut", "", B(TTYPE_ON "\xff\xfa\x18\0"
	    "0123456789012345678901234567890123456789012345\xff\xf0"), B(""),
	    B(DO_TTYPE), 0, "0123456789012345678901234567890123456789" },
	{ "TTYPE, empty", "", B(TTYPE_ON "\xff\xfa\x18\xff\xf0"
	    "\xff\xfa\x18\0\xff\xf0"), B(""), B(DO_TTYPE), 0, "" },
	{ "TTYPE SEND from a client", "",
	    B(TTYPE_ON "\xff\xfa\x18\1abc\xff\xf0"), B(""), B(DO_TTYPE), 0,
	    "" },
	{ "TTYPE anew", "", B(TTYPE_ON "\xff\xfa\x18\0xterm\xff\xf0"
	    "\xff\xfa\x18\0vt\xff\xf0"), B(""), B(DO_TTYPE), 0, "vt" },
	{ "TTYPE anew, cut off", "", B(TTYPE_ON "\xff\xfa\x18\0xterm\xff\xf0"
	    "\xff\xfa\x18\0vt\xff\xf1x"), B("x"), B(DO_TTYPE), 0, "" },
	{ "TTYPE not agreed", "", B("\xff\xfa\x18\0xterm\xff\xf0"), B(""),
	    B(""), 0, "" },

	/* what real clients begin with */
	{ "PuTTY", "", B("\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27"
	    "\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03"), B(""),
	    B(DO_NAWS "\xff\xfe\x20" DO_TTYPE "\xff\xfe\x27\xff\xfc\x01"
	    "\xff\xfe\x03\xff\xfc\x03"), 0, "" },
	{ "inetutils-telnet on port 23", "",
	    B("\xff\xfd\x26\xff\xfb\x26\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f"
	    "\xff\xfb\x20\xff\xfb\x21\xff\xfb\x22\xff\xfb\x27\xff\xfd\x05"),
	    B(""),
	    B("\xff\xfc\x26\xff\xfe\x26\xff\xfc\x03" DO_TTYPE DO_NAWS
	    "\xff\xfe\x20\xff\xfe\x21\xff\xfe\x22\xff\xfe\x27\xff\xfc\x05"),
	    0, "" },
	{ "what ncat -t strays", "", B("\xff\0" "a\xff\0"), B("a"), B(""), 0,
	    "" },

	/* what may be the last that comes */
	{ "IAC and the end", "", B("a\xff"), B("a"), B(""), 0, "" },
	{ "IAC DO and the end", "", B("a\xff\xfd"), B("a"), B(""), 0, "" },
	{ "IAC SB and the end", "", B("a\xff\xfa"), B("a"), B(""), 0, "" },
	{ "IAC SB TTYPE IAC and the end", "", B("a\xff\xfa\x18\xff"), B("a"),
	    B(""), 0, "" },
};

struct run {
	struct telnet	*t;
	struct buf	 text, answer;
};

static void
begin(struct run *r, const char *before)
{
	*r = (struct run){ .t = telnet_new() };
	for (; *before != '\0'; before++) {
		switch (*before) {
		case 'h':
		case 's':
			telnet_hide(r->t, *before == 'h', &r->answer);
			break;
		case 'y':
			telnet_recv(r->t, "\xff\xfd\x01", 3, &r->text,
			    &r->answer);
			break;
		case 'n':
			telnet_recv(r->t, "\xff\xfe\x01", 3, &r->text,
			    &r->answer);
			break;
		}
	}
}

static void
end(struct run *r)
{
	telnet_free(r->t);
	buf_free(&r->text);
	buf_free(&r->answer);
}

/* From the heap, so that a byte read behind the end is found. */
static void
feed(struct run *r, const char *s, size_t n)
{
	char *copy = xmemdup(s, n);

	cr_assert_eq(telnet_recv(r->t, copy, n, &r->text, &r->answer),
	    TELNET_OK);
	free(copy);
}

static void
check(const struct row *row, struct run *r, const char *how, size_t at)
{
	cr_assert(r->text.len == row->text_len && (r->text.len == 0 ||
	    memcmp(r->text.data, row->text, r->text.len) == 0),
	    "%s, %s %zu: text is \"%s\"", row->what, how, at,
	    buf_str(&r->text));
	cr_assert(r->answer.len == row->answer_len && (r->answer.len == 0 ||
	    memcmp(r->answer.data, row->answer, r->answer.len) == 0),
	    "%s, %s %zu: %zu bytes of answer instead of %zu, or others",
	    row->what, how, at, r->answer.len, row->answer_len);
	cr_assert_eq(telnet_width(r->t), row->width, "%s, %s %zu: width %u",
	    row->what, how, at, telnet_width(r->t));
	cr_assert_str_eq(telnet_ttype(r->t), row->ttype, "%s, %s %zu: \"%s\"",
	    row->what, how, at, telnet_ttype(r->t));
	cr_assert_str_empty(telnet_reason(r->t));
}

Test(telnet, rows_whole)
{
	const struct row *row;
	struct run r;

	for (row = rows; row < rows + NITEMS(rows); row++) {
		begin(&r, row->before);
		feed(&r, row->in, row->in_len);
		check(row, &r, "whole", 0);
		end(&r);
	}
}

Test(telnet, rows_cut_in_two)
{
	const struct row *row;
	struct run r;
	size_t at;

	for (row = rows; row < rows + NITEMS(rows); row++) {
		for (at = 0; at <= row->in_len; at++) {
			begin(&r, row->before);
			feed(&r, row->in, at);
			feed(&r, row->in + at, row->in_len - at);
			check(row, &r, "cut at", at);
			end(&r);
		}
	}
}

Test(telnet, rows_byte_by_byte)
{
	const struct row *row;
	struct run r;
	size_t at;

	for (row = rows; row < rows + NITEMS(rows); row++) {
		begin(&r, row->before);
		for (at = 0; at < row->in_len; at++)
			feed(&r, row->in + at, 1);
		check(row, &r, "byte by byte", 0);
		end(&r);
	}
}

/* Peers that answer what they get by a rule; the rounds until silence. */
static unsigned
talk(struct run *r, void (*peer)(const struct buf *, struct buf *))
{
	struct buf reply = { 0 };
	unsigned rounds = 0;

	while (r->answer.len > 0 && rounds < 10) {
		buf_reset(&reply);
		peer(&r->answer, &reply);
		buf_reset(&r->answer);
		feed(r, reply.data ? reply.data : "", reply.len);
		rounds++;
	}
	buf_free(&reply);
	return rounds;
}

static void
reply_all(const struct buf *in, struct buf *out, char to_will, char to_wont,
    char to_do, char to_dont)
{
	size_t i;
	char verb;

	for (i = 0; i + 2 < in->len; i += 3) {
		if (in->data[i] != '\xff' || (unsigned char)in->data[i + 1] <
		    0xfb) {
			i -= 2;
			continue;
		}
		verb = in->data[i + 1] == '\xfb' ? to_will :
		    in->data[i + 1] == '\xfc' ? to_wont :
		    in->data[i + 1] == '\xfd' ? to_do : to_dont;
		if (verb == 0)
			continue;
		buf_addc(out, '\xff');
		buf_addc(out, verb);
		buf_addc(out, in->data[i + 2]);
	}
}

static void
refuser(const struct buf *in, struct buf *out)
{
	reply_all(in, out, '\xfe', '\xfe', '\xfc', '\xfc');
}

static void
agreer(const struct buf *in, struct buf *out)
{
	reply_all(in, out, '\xfd', '\xfe', '\xfb', '\xfc');
}

static void
contrary(const struct buf *in, struct buf *out)
{
	reply_all(in, out, '\xfe', '\xfd', '\xfc', '\xfb');
}

static void
echoer(const struct buf *in, struct buf *out)
{
	buf_add(out, in->data, in->len);
}

/* A client that offers and asks for everything, then answers by its rule. */
static void
offer_all(struct run *r)
{
	int option;

	feed(r, "\xff\xf4", 2);	/* asks for BINARY */
	for (option = 0; option < 256; option++) {
		const char bytes[] = { '\xff', '\xfb', (char)option, '\xff',
		    '\xfd', (char)option };

		feed(r, bytes, sizeof(bytes));
	}
}

Test(telnet, no_negotiation_loop)
{
	static void (*const peers[])(const struct buf *, struct buf *) = {
	    refuser, agreer, echoer };
	static const char *const befores[] = { "", "h", "hy", "hs", "hys",
	    "hysh", "hyshs" };
	struct run r;
	size_t p, b;

	for (p = 0; p < NITEMS(peers); p++) {
		for (b = 0; b < NITEMS(befores); b++) {
			unsigned rounds;

			begin(&r, befores[b]);
			rounds = talk(&r, peers[p]);
			cr_assert_leq(rounds, 4, "peer %zu, %s: %u rounds", p,
			    befores[b], rounds);
			offer_all(&r);
			rounds = talk(&r, peers[p]);
			cr_assert_leq(rounds, 4, "peer %zu, %s, offered: %u "
			    "rounds", p, befores[b], rounds);
			end(&r);
		}
	}
}

/* One that asks for what it was refused is answered each time, by as much as
 * it sent and no more. */
Test(telnet, contrary_peer_is_answered_in_kind)
{
	struct run r;
	struct buf reply = { 0 };
	unsigned i;

	begin(&r, "");
	feed(&r, "\xff\xfd\x05\xff\xfb\x05", 6);
	for (i = 0; i < 100; i++) {
		cr_assert_eq(r.answer.len, 6);
		buf_reset(&reply);
		contrary(&r.answer, &reply);
		buf_reset(&r.answer);
		feed(&r, reply.data, reply.len);
	}
	buf_free(&reply);
	end(&r);
}

/* Removes n bytes in front. */
static void
drop(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

/*
 * Hides and shows at random while the peer's answers, those of RFC 1143, are
 * under way; when all have come the peer is as was wanted last.
 */
Test(telnet, echo_ends_as_wanted)
{
	unsigned seed;

	for (seed = 1; seed <= 300; seed++) {
		struct run r;
		struct buf wire = { 0 };
		bool wanted = false, peer_on = false;
		unsigned step, left = 40;

		srand(seed);
		begin(&r, "");
		for (step = 0; left > 0 || r.answer.len > 0 || wire.len > 0;
		    step++) {
			cr_assert_lt(step, 10000);
			switch (rand() % 3) {
			case 0:
				if (left == 0)
					break;
				left--;
				wanted = rand() % 2;
				telnet_hide(r.t, wanted, &r.answer);
				break;
			case 1:	/* the peer reads one command */
				if (r.answer.len == 0)
					break;
				cr_assert(r.answer.len % 3 == 0);
				cr_assert_neq(peer_on,
				    r.answer.data[1] == '\xfb',
				    "seed %u: said twice", seed);
				peer_on = r.answer.data[1] == '\xfb';
				drop(&r.answer, 3);
				buf_add(&wire, peer_on ? "\xff\xfd\x01" :
				    "\xff\xfe\x01", 3);
				break;
			case 2:	/* one byte of its answer arrives */
				if (wire.len == 0)
					break;
				feed(&r, wire.data, 1);
				drop(&wire, 1);
				break;
			}
		}
		cr_assert_eq(peer_on, wanted, "seed %u", seed);
		cr_assert_eq(r.text.len, 0);
		buf_free(&wire);
		end(&r);
	}
}

/* The n-th byte of a subnegotiation that never ends. */
static size_t
closed_after(struct telnet *t, const char *piece, size_t len)
{
	struct buf text = { 0 }, answer = { 0 };
	size_t sent = 0;

	while (telnet_recv(t, piece + sent % len, 1, &text, &answer) ==
	    TELNET_OK) {
		sent++;
		cr_assert_lt(sent, 1000000, "it takes all");
	}
	cr_assert_eq(text.len, 0);
	cr_assert_eq(answer.len, 0);
	buf_free(&text);
	buf_free(&answer);
	return sent;
}

Test(telnet, endless_subnegotiation_closes)
{
	static const struct {
		const char	*piece;
		size_t		 len, after;
	} tests[] = {
		{ B("A"), 4096 }, { B("\xff\xff"), 8193 },
		{ B("\xff\0"), 8193 }, { B("\xff\x41" "A"), 6145 },
	};
	static const char *const begins[] = { "\xff\xfa\x05",
	    "\xff\xfb\x18\xff\xfa\x18", "\xff\xfb\x1f\xff\xfa\x1f" };
	size_t i, j;

	for (i = 0; i < NITEMS(tests); i++) {
		for (j = 0; j < NITEMS(begins); j++) {
			struct run r;

			begin(&r, "");
			feed(&r, begins[j], strlen(begins[j]));
			cr_assert_eq(closed_after(r.t, tests[i].piece,
			    tests[i].len), tests[i].after);
			cr_assert_str_not_empty(telnet_reason(r.t));
			cr_assert_str_empty(telnet_ttype(r.t));
			end(&r);
		}
	}
}

Test(telnet, closed_stays_closed)
{
	struct run r;
	char *much = xmalloc(100000);

	begin(&r, "");
	feed(&r, "before\xff\xfa\x05", 9);
	memset(much, 'A', 100000);
	cr_assert_eq(telnet_recv(r.t, much, 100000, &r.text, &r.answer),
	    TELNET_CLOSE);
	cr_assert_eq(telnet_recv(r.t, "\xff\xf0hi\xff\xf6", 6, &r.text,
	    &r.answer), TELNET_CLOSE);
	cr_assert_eq(telnet_recv(r.t, "", 0, &r.text, &r.answer),
	    TELNET_CLOSE);
	cr_assert_eq(r.text.len, 6);
	cr_assert_eq(r.answer.len, 0);
	free(much);
	end(&r);
}

/* One of the greatest length that passes, and the next begins anew. */
Test(telnet, long_subnegotiations_pass)
{
	struct run r;
	char *much = xmalloc(4096);
	int i;

	memset(much, 'A', 4096);
	begin(&r, "");
	for (i = 0; i < 3; i++) {
		feed(&r, "\xff\xfa\x05", 3);
		feed(&r, much, 4096);
		feed(&r, "\xff\xf0x", 3);
	}
	cr_assert_eq(r.text.len, 3);
	cr_assert_eq(r.answer.len, 0);
	free(much);
	end(&r);
}

/* Freed in every state. */
Test(telnet, ends_in_any_state)
{
	const struct row *row;
	struct run r;
	size_t at;

	telnet_free(NULL);
	for (row = rows; row < rows + NITEMS(rows); row++) {
		for (at = 0; at <= row->in_len; at++) {
			begin(&r, row->before);
			feed(&r, row->in, at);
			end(&r);
		}
	}
}
