/*
 * The telnet layer of one connection, from its first IAC on; see "Telnet" in
 * partyline-protocol(7). Bytes in, text and answers out. Pure: no socket. The
 * connection's loop. And what a line editor would make of a line.
 */
#ifndef TELNET_H
#define TELNET_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

struct record;
struct telnet;

enum telnet_status {
	TELNET_OK,
	TELNET_CLOSE	/* a hostile peer: reason in telnet_reason() */
};

struct telnet *telnet_new(void);
void	 telnet_free(struct telnet *);		/* NULL is nothing */

/*
 * Takes bytes from the wire. Appends data bytes to text (for IP a 0x03, EC a
 * 0x7f, EL a 0x15, as if typed), and what must be answered to answer; CR NUL
 * comes out as CR LF. Byte by byte or all at once: the same result.
 * The first command that may be half a character asks for BINARY.
 * TIMING-MARK's answer stands where the mark stood among the answers.
 */
enum telnet_status telnet_recv(struct telnet *, const char *, size_t,
	    struct buf *text, struct buf *answer);
const char *telnet_reason(const struct telnet *);

/* WILL ECHO (hide) or WONT ECHO to answer, if it changes anything. */
void	 telnet_hide(struct telnet *, bool hide, struct buf *answer);
/* The peer has agreed: what is typed there is not seen. */
bool	 telnet_hides(const struct telnet *);
/* No command has come since telnet_new(). */
bool	 telnet_is_silent(const struct telnet *);

/* The window's width the peer told last, 0 unknown. */
unsigned telnet_width(const struct telnet *);
/* The terminal's type the peer told, "" unknown; cleaned, at most 40 bytes. */
const char *telnet_ttype(const struct telnet *);

/* All there is of it, as fields of a record, and back; NULL if that is bad. */
void	 telnet_save(const struct telnet *, struct buf *);
struct telnet *telnet_load(struct record *);

/*
 * What a person typed, as a line editor would leave it: BS and DEL take the
 * character (grapheme) before them away, ^U and ^C the line, ^W the word; ^D
 * is nothing. A ^C inside a character stays, and the line is no UTF-8. A line
 * of which a ^C or ^D leaves nothing, as if to end a program, is LINE_STOPS or
 * LINE_LEAVES. In place; returns the new length.
 */
#define LINE_STOPS	'\x03'
#define LINE_LEAVES	'\x04'

size_t	 line_edit(char *, size_t);
/* The first ^C that is one: it ends a line at once. Or NULL. */
const char *line_stop(const char *, size_t);

#endif
