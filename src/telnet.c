/*
 * RFC 854 and 855 as a table of states, RFC 1143 for the options. All that is
 * kept of a connection is in struct telnet.
 */
#include <assert.h>
#include <stdlib.h>

#include "record.h"
#include "telnet.h"

enum {
	END_OF_FILE = 0xec, SUSP = 0xed, ABORT = 0xee,	/* RFC 1184 */
	SE = 0xf0, BRK = 0xf3, IP = 0xf4, AO = 0xf5, AYT = 0xf6, EC = 0xf7,
	EL = 0xf8, SB = 0xfa,
	WILL = 0xfb, WONT = 0xfc, DO = 0xfd, DONT = 0xfe, IAC = 0xff
};

enum {
	OPT_BINARY = 0,		/* RFC 856 */
	OPT_ECHO = 1,		/* RFC 857 */
	OPT_TTYPE = 24,		/* RFC 1091 */
	OPT_NAWS = 31,		/* RFC 1073 */
	OPT_NONE = 255
};

enum { TTYPE_IS = 0, TTYPE_SEND = 1 };

#define SB_MAX		4096	/* bytes of a subnegotiation */
#define TTYPE_MAX	40

enum state { ST_TEXT, ST_IAC, ST_OPTION, ST_SB_OPTION, ST_SB, ST_SB_IAC,
	ST_CLOSED };

/* Bits of struct telnet's flags. */
enum {
	AFTER_CR = 1,		/* the last data byte was a CR */
	HAS_NAWS = 2,		/* options of the peer that are on */
	HAS_TTYPE = 4,
	TTYPE_ASKED = 8,
	TTYPE_TOLD = 16,	/* ttype is whole */
	SB_BROKEN = 32,		/* the subnegotiation is to be ignored */
	HAS_BINARY = 64,
	BINARY_ASKED = 128,	/* once a connection */
	BINARY_WAITS = 256,	/* RFC 1143's WANTYES */
	SILENT = 512		/* no command so far */
};

/* Our ECHO, as RFC 1143 names it; _BUT: its queue holds the opposite. */
enum echo { ECHO_NO, ECHO_YES, ECHO_WANTNO, ECHO_WANTNO_BUT, ECHO_WANTYES,
	ECHO_WANTYES_BUT };

struct telnet {
	uint8_t		 state;		/* enum state */
	uint8_t		 verb;		/* ST_OPTION: WILL, WONT, DO, DONT */
	uint8_t		 echo;		/* enum echo */
	uint8_t		 sb_option;
	uint8_t		 naws[4];
	uint16_t	 flags;
	uint16_t	 sb_len;
	uint16_t	 width;
	char		 ttype[TTYPE_MAX + 1];
};

static_assert(sizeof(struct telnet) <= 64, "small: many connections have one");

enum byte_class { C_PLAIN, C_CR, C_NUL, C_SE, C_COMMAND, C_SB, C_VERB, C_IAC,
	C_MAX };

static const uint8_t classes[256] = {
	['\0'] = C_NUL, ['\r'] = C_CR, [SE] = C_SE,
	[0xf1 ... 0xf9] = C_COMMAND, [SB] = C_SB, [WILL ... DONT] = C_VERB,
	[IAC] = C_IAC
};

enum action { A_NONE, A_DATA, A_COMMAND, A_VERB, A_OPTION, A_SB_BEGIN,
	A_SB_DATA, A_SB_BREAK, A_SB_END };

struct step {
	uint8_t		 action, next;
};

/*
 * Behind an IAC C_PLAIN to C_NUL are undefined but for RFC 1184's. Inside a
 * subnegotiation that is most likely a 255 not doubled: it is skipped to its
 * end. A command of RFC 854 ends it.
 */
static const struct step steps[ST_CLOSED][C_MAX] = {
	[ST_TEXT] = {
		[C_PLAIN ... C_VERB] = { A_DATA, ST_TEXT },
		[C_IAC] = { A_NONE, ST_IAC },
	},
	[ST_IAC] = {
		[C_PLAIN ... C_NUL] = { A_COMMAND, ST_TEXT },
		[C_SE] = { A_NONE, ST_TEXT },
		[C_COMMAND] = { A_COMMAND, ST_TEXT },
		[C_SB] = { A_NONE, ST_SB_OPTION },
		[C_VERB] = { A_VERB, ST_OPTION },
		[C_IAC] = { A_DATA, ST_TEXT },
	},
	[ST_OPTION] = {
		[C_PLAIN ... C_IAC] = { A_OPTION, ST_TEXT },
	},
	[ST_SB_OPTION] = {
		[C_PLAIN ... C_VERB] = { A_SB_BEGIN, ST_SB },
		[C_IAC] = { A_SB_BEGIN, ST_SB_IAC },
	},
	[ST_SB] = {
		[C_PLAIN ... C_VERB] = { A_SB_DATA, ST_SB },
		[C_IAC] = { A_NONE, ST_SB_IAC },
	},
	[ST_SB_IAC] = {
		[C_PLAIN ... C_NUL] = { A_SB_BREAK, ST_SB },
		[C_SE] = { A_SB_END, ST_TEXT },
		[C_COMMAND] = { A_COMMAND, ST_TEXT },
		[C_SB] = { A_NONE, ST_SB_OPTION },
		[C_VERB] = { A_VERB, ST_OPTION },
		[C_IAC] = { A_SB_DATA, ST_SB },
	},
};

enum echo_event { ON_DO, ON_DONT, ON_HIDE, ON_SHOW };

/* RFC 1143 section 7, our side: what comes next and what is sent. */
static const struct {
	uint8_t		 next, send;
} echoes[][4] = {
	[ECHO_NO] = {
		[ON_DO] = { ECHO_NO, WONT },
		[ON_DONT] = { ECHO_NO, 0 },
		[ON_HIDE] = { ECHO_WANTYES, WILL },
		[ON_SHOW] = { ECHO_NO, 0 },
	},
	[ECHO_YES] = {
		[ON_DO] = { ECHO_YES, 0 },
		[ON_DONT] = { ECHO_NO, WONT },
		[ON_HIDE] = { ECHO_YES, 0 },
		[ON_SHOW] = { ECHO_WANTNO, WONT },
	},
	[ECHO_WANTNO] = {
		[ON_DO] = { ECHO_NO, 0 },	/* an error of the peer */
		[ON_DONT] = { ECHO_NO, 0 },
		[ON_HIDE] = { ECHO_WANTNO_BUT, 0 },
		[ON_SHOW] = { ECHO_WANTNO, 0 },
	},
	[ECHO_WANTNO_BUT] = {
		[ON_DO] = { ECHO_YES, 0 },	/* an error of the peer */
		[ON_DONT] = { ECHO_WANTYES, WILL },
		[ON_HIDE] = { ECHO_WANTNO_BUT, 0 },
		[ON_SHOW] = { ECHO_WANTNO, 0 },
	},
	[ECHO_WANTYES] = {
		[ON_DO] = { ECHO_YES, 0 },
		[ON_DONT] = { ECHO_NO, 0 },
		[ON_HIDE] = { ECHO_WANTYES, 0 },
		[ON_SHOW] = { ECHO_WANTYES_BUT, 0 },
	},
	[ECHO_WANTYES_BUT] = {
		[ON_DO] = { ECHO_WANTNO, WONT },
		[ON_DONT] = { ECHO_NO, 0 },
		[ON_HIDE] = { ECHO_WANTYES, 0 },
		[ON_SHOW] = { ECHO_WANTYES_BUT, 0 },
	},
};

struct telnet *
telnet_new(void)
{
	struct telnet *t = xcalloc(1, sizeof(*t));

	t->flags = SILENT;
	return t;
}

void
telnet_free(struct telnet *t)
{
	free(t);
}

static void
send_verb(struct buf *answer, uint8_t verb, uint8_t option)
{
	const uint8_t bytes[] = { IAC, verb, option };

	buf_add(answer, bytes, sizeof(bytes));
}

static void
echo_event(struct telnet *t, enum echo_event event, struct buf *answer)
{
	uint8_t verb = echoes[t->echo][event].send;

	t->echo = echoes[t->echo][event].next;
	if (verb != 0)
		send_verb(answer, verb, OPT_ECHO);
}

/* The flag of an option that the peer may switch on, or 0. */
static uint16_t
peer_flag(uint8_t option)
{
	return option == OPT_NAWS ? HAS_NAWS :
	    option == OPT_TTYPE ? HAS_TTYPE :
	    option == OPT_BINARY ? HAS_BINARY : 0;
}

static void
peer_will(struct telnet *t, uint8_t option, struct buf *answer)
{
	static const uint8_t ask[] = { IAC, SB, OPT_TTYPE, TTYPE_SEND, IAC,
	    SE };
	uint16_t flag = peer_flag(option);

	if (flag == HAS_BINARY && (t->flags & BINARY_WAITS)) {
		t->flags ^= BINARY_WAITS | HAS_BINARY;
		return;
	}
	if (t->flags & flag)
		return;
	if (flag == 0 || flag == HAS_BINARY) {	/* BINARY: not unasked */
		send_verb(answer, DONT, option);
		return;
	}
	t->flags |= flag;
	send_verb(answer, DO, option);
	if (flag == HAS_TTYPE && !(t->flags & TTYPE_ASKED)) {
		t->flags |= TTYPE_ASKED;
		buf_add(answer, ask, sizeof(ask));
	}
}

static void
peer_wont(struct telnet *t, uint8_t option, struct buf *answer)
{
	uint16_t flag = peer_flag(option);

	if (flag == HAS_BINARY)
		t->flags &= (uint16_t)~BINARY_WAITS;
	if (!(t->flags & flag))
		return;
	t->flags &= (uint16_t)~flag;
	send_verb(answer, DONT, option);
}

/*
 * SGA is refused with the rest: with it and ECHO clients leave line mode. So
 * is TIMING-MARK each time, which is all the answer it wants (RFC 860), and
 * unlike WILL leads into no loop with a peer that agrees to everything.
 */
static void
negotiate(struct telnet *t, uint8_t option, struct buf *answer)
{
	switch (t->verb) {
	case WILL:
		peer_will(t, option, answer);
		break;
	case WONT:
		peer_wont(t, option, answer);
		break;
	case DO:
		if (option == OPT_ECHO)
			echo_event(t, ON_DO, answer);
		else
			send_verb(answer, WONT, option);
		break;
	case DONT:
		if (option == OPT_ECHO)
			echo_event(t, ON_DONT, answer);
		break;
	}
}

static void
add_data(struct telnet *t, uint8_t byte, struct buf *text)
{
	if (byte == '\0' && (t->flags & AFTER_CR))
		byte = '\n';	/* RFC 1123 section 3.3.1 */
	if (byte == '\r')
		t->flags |= AFTER_CR;
	else
		t->flags &= (uint16_t)~AFTER_CR;
	buf_addc(text, (char)byte);
}

/*
 * Clients in line mode take bytes of UTF-8 characters for the keys of these
 * commands (inetutils-telnet 0x83, 0x8f, 0x9a and 0x9c), unless in BINARY.
 */
static bool
may_be_text(uint8_t command)
{
	return command == IP || command == BRK || command == AO ||
	    command == END_OF_FILE || command == SUSP || command == ABORT;
}

static void
ask_binary(struct telnet *t, struct buf *answer)
{
	if (t->flags & BINARY_ASKED)
		return;
	t->flags |= BINARY_ASKED | BINARY_WAITS;
	send_verb(answer, DO, OPT_BINARY);
}

static void
command(struct telnet *t, uint8_t byte, struct buf *text, struct buf *answer)
{
	static const uint8_t keys[] = { [IP - SE] = 0x03, [EC - SE] = 0x7f,
	    [EL - SE] = 0x15 };

	if (may_be_text(byte))
		ask_binary(t, answer);
	if (byte == AYT)
		buf_adds(answer, "\r\n[Yes]\r\n");
	else if ((size_t)(byte - SE) < sizeof(keys) && keys[byte - SE] != 0)
		add_data(t, keys[byte - SE], text);
}

static void
sb_begin(struct telnet *t, uint8_t option)
{
	t->sb_option = t->flags & peer_flag(option) ? option : OPT_NONE;
	t->sb_len = 0;
	t->flags &= (uint16_t)~SB_BROKEN;
	if (t->sb_option == OPT_TTYPE)
		t->flags &= (uint16_t)~TTYPE_TOLD;
}

static char
ttype_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '+' ||
	    c == '/' ? (char)c : '_';
}

static void
sb_data(struct telnet *t, uint8_t byte)
{
	if (t->sb_len == SB_MAX) {
		t->state = ST_CLOSED;
		return;
	}
	if (t->sb_option == OPT_NAWS && t->sb_len < sizeof(t->naws))
		t->naws[t->sb_len] = byte;
	if (t->sb_option == OPT_TTYPE && t->sb_len == 0 && byte != TTYPE_IS)
		t->flags |= SB_BROKEN;
	if (t->sb_option == OPT_TTYPE && t->sb_len > 0 &&
	    t->sb_len <= TTYPE_MAX)
		t->ttype[t->sb_len - 1] = ttype_char(byte);
	t->sb_len++;
}

static void
sb_end(struct telnet *t)
{
	size_t n = t->sb_len;

	if (t->flags & SB_BROKEN)
		return;
	if (t->sb_option == OPT_NAWS && n == sizeof(t->naws))
		t->width = (uint16_t)(t->naws[0] << 8 | t->naws[1]);
	if (t->sb_option == OPT_TTYPE && n > 0) {
		t->ttype[n - 1 < TTYPE_MAX ? n - 1 : TTYPE_MAX] = '\0';
		t->flags |= TTYPE_TOLD;
	}
}

static void
act(struct telnet *t, enum action action, uint8_t byte, struct buf *text,
    struct buf *answer)
{
	switch (action) {
	case A_NONE:
		break;
	case A_DATA:
		add_data(t, byte, text);
		break;
	case A_COMMAND:
		t->flags &= (uint16_t)~SILENT;
		command(t, byte, text, answer);
		break;
	case A_VERB:
		t->verb = byte;
		break;
	case A_OPTION:
		t->flags &= (uint16_t)~SILENT;
		negotiate(t, byte, answer);
		break;
	case A_SB_BEGIN:
		sb_begin(t, byte);
		break;
	case A_SB_BREAK:
		t->flags |= SB_BROKEN;
		sb_data(t, byte);
		break;
	case A_SB_DATA:
		sb_data(t, byte);
		break;
	case A_SB_END:
		sb_end(t);
		break;
	}
}

/* Bytes in front that are text and nothing else. */
static size_t
plain_run(const uint8_t *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && classes[s[i]] == C_PLAIN; i++)
		;
	return i;
}

enum telnet_status
telnet_recv(struct telnet *t, const char *data, size_t n, struct buf *text,
    struct buf *answer)
{
	const uint8_t *s = (const uint8_t *)data, *end = s + n;
	const struct step *step;
	size_t run;

	while (s < end && t->state != ST_CLOSED) {
		if (t->state == ST_TEXT &&
		    (run = plain_run(s, (size_t)(end - s))) > 0) {
			buf_add(text, s, run);
			t->flags &= (uint16_t)~AFTER_CR;
			s += run;
			continue;
		}
		step = &steps[t->state][classes[*s]];
		t->state = step->next;
		act(t, step->action, *s++, text, answer);
	}
	return t->state == ST_CLOSED ? TELNET_CLOSE : TELNET_OK;
}

const char *
telnet_reason(const struct telnet *t)
{
	return t->state == ST_CLOSED ?
	    "telnet subnegotiation without an end" : "";
}

void
telnet_hide(struct telnet *t, bool hide, struct buf *answer)
{
	echo_event(t, hide ? ON_HIDE : ON_SHOW, answer);
}

bool
telnet_hides(const struct telnet *t)
{
	return t->echo == ECHO_YES;
}

bool
telnet_is_silent(const struct telnet *t)
{
	return (t->flags & SILENT) != 0;
}

unsigned
telnet_width(const struct telnet *t)
{
	return t->width;
}

const char *
telnet_ttype(const struct telnet *t)
{
	return t->flags & TTYPE_TOLD ? t->ttype : "";
}

/* Tags, and with them the numbers of the enums above, are for ever. */
enum { T_STATE = 1, T_VERB, T_ECHO, T_SB_OPTION, T_NAWS, T_FLAGS, T_SB_LEN,
	T_WIDTH, T_TTYPE };

void
telnet_save(const struct telnet *t, struct buf *b)
{
	record_addu(b, T_STATE, t->state);
	record_addu(b, T_VERB, t->verb);
	record_addu(b, T_ECHO, t->echo);
	record_addu(b, T_SB_OPTION, t->sb_option);
	record_add(b, T_NAWS, t->naws, sizeof(t->naws));
	record_addu(b, T_FLAGS, t->flags);
	record_addu(b, T_SB_LEN, t->sb_len);
	record_addu(b, T_WIDTH, t->width);
	record_add(b, T_TTYPE, t->ttype, sizeof(t->ttype));
}

static void
load_field(struct telnet *t, struct record *r)
{
	switch (r->tag) {
	case T_STATE:
		t->state = (uint8_t)record_u(r, ST_CLOSED);
		break;
	case T_VERB:
		t->verb = (uint8_t)record_u(r, UINT8_MAX);
		break;
	case T_ECHO:
		t->echo = (uint8_t)record_u(r, ECHO_WANTYES_BUT);
		break;
	case T_SB_OPTION:
		t->sb_option = (uint8_t)record_u(r, UINT8_MAX);
		break;
	case T_NAWS:
		record_fixed(r, t->naws, sizeof(t->naws));
		break;
	case T_FLAGS:
		t->flags = (uint16_t)record_u(r, UINT16_MAX);
		break;
	case T_SB_LEN:
		t->sb_len = (uint16_t)record_u(r, SB_MAX);
		break;
	case T_WIDTH:
		t->width = (uint16_t)record_u(r, UINT16_MAX);
		break;
	case T_TTYPE:
		record_fixed(r, t->ttype, sizeof(t->ttype));
		break;
	default:
		r->bad = true;
	}
}

struct telnet *
telnet_load(struct record *r)
{
	struct telnet *t = telnet_new();

	t->flags = 0;
	while (record_next(r))
		load_field(t, r);
	if (t->ttype[TTYPE_MAX] != '\0')
		r->bad = true;
	if (!r->bad)
		return t;
	telnet_free(t);
	return NULL;
}
