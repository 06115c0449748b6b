/*
 * A detached session as bytes, for another daemon, and back. Tags, and the
 * numbers of the enums that stand here, are for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "name.h"
#include "record.h"
#include "session-io.h"
#include "session.h"
#include "telnet.h"
#include "web.h"

enum {
	S_CARRIER = 1, S_KIND, S_ADDRESS, S_PORT, S_DIALECT, S_STATE, S_TELNET,
	S_WEB, S_NAME, S_SID, S_TOKENS, S_TOKENS_AT, S_AGE, S_IDLE, S_BITS,
	S_END, S_IN, S_OUT, S_PLACE, S_STAGE
};

/* Of S_BITS. */
enum { B_SKIPPING = 1, B_UNDECIDED = 2, B_PAUSED = 4, B_CLOSING = 8,
	B_SAY_BYE = 16, B_RECONNECT = 32, B_LINGERING = 64,
	B_TRUSTED = 128, B_HIDDEN = 256, B_ALL = 511 };

/* Of S_PLACE. */
enum { P_ROOM_ID = 1, P_SEQ, P_ROOM };

#define ADDRESS_MAX	64

/* Those whose state the kernel holds. */
static const struct carrier *const carriers[] = { &carrier_tcp };
static const struct dialect *const dialects[] = { &dialect_text,
	&dialect_json };

bool
session_record_fits(const struct carrier *carrier)
{
	size_t i;

	for (i = 0; i < NITEMS(carriers) && carriers[i] != carrier; i++)
		;
	return i < NITEMS(carriers);
}

/* Writing. */

static void
save_layers(const struct session_record *r, uint32_t now, struct buf *b)
{
	size_t begun;

	if (r->dialect != NULL)
		record_adds(b, S_DIALECT, r->dialect->name);
	if (r->dialect != NULL && r->dialect->save != NULL) {
		begun = record_begin(b, S_STATE);
		r->dialect->save(r->state, b);
		record_end(b, begun);
	}
	if (r->is_web) {
		begun = record_begin(b, S_WEB);
		web_save(r->layer.web, now, b);
		record_end(b, begun);
	} else if (r->layer.telnet != NULL) {
		begun = record_begin(b, S_TELNET);
		telnet_save(r->layer.telnet, b);
		record_end(b, begun);
	}
}

static void
save_places(const struct session_places *places, struct buf *b)
{
	size_t begun;
	uint32_t i;

	for (i = 0; places != NULL && i < places->n; i++) {
		begun = record_begin(b, S_PLACE);
		record_addu(b, P_ROOM_ID, places->at[i].room_id);
		record_addu(b, P_SEQ, places->at[i].seq);
		record_adds(b, P_ROOM, places->at[i].room);
		record_end(b, begun);
	}
}

void
session_record_save(const struct session_record *r, uint32_t now,
    struct buf *b)
{
	record_adds(b, S_CARRIER, r->carrier->name);
	record_addu(b, S_KIND, r->kind);
	record_adds(b, S_ADDRESS, address_text(r->address));
	record_addu(b, S_PORT, r->port);
	save_layers(r, now, b);
	record_adds(b, S_NAME, r->name);
	record_addu(b, S_SID, r->sid);
	record_addu(b, S_TOKENS, r->tokens);
	record_addu(b, S_TOKENS_AT, r->tokens_at);
	record_addu(b, S_AGE, r->age);
	record_addu(b, S_IDLE, r->idle);
	record_addu(b, S_BITS, (r->skipping ? B_SKIPPING : 0u) |
	    (r->undecided ? B_UNDECIDED : 0u) | (r->paused ? B_PAUSED : 0u) |
	    (r->closing ? B_CLOSING : 0u) | (r->say_bye ? B_SAY_BYE : 0u) |
	    (r->reconnect ? B_RECONNECT : 0u) |
	    (r->lingering ? B_LINGERING : 0u) |
	    (r->trusted ? B_TRUSTED : 0u) |
	    (r->hidden ? B_HIDDEN : 0u));
	record_addu(b, S_STAGE, r->stage);
	record_addu(b, S_END, r->end);
	record_add(b, S_IN, r->in.data, r->in.len);
	record_add(b, S_OUT, r->out.data, r->out.len);
	save_places(r->places, b);
}

/* Reading. */

static void
load_carrier(struct session_record *s, struct record *r)
{
	char *name = record_s(r, NAME_SIZE);
	size_t i;

	for (i = 0; i < NITEMS(carriers); i++) {
		if (strcmp(carriers[i]->name, name) == 0)
			s->carrier = carriers[i];
	}
	free(name);
}

static void
load_dialect(struct session_record *s, struct record *r)
{
	char *name = record_s(r, NAME_SIZE);
	size_t i;

	if (s->dialect != NULL)
		r->bad = true;
	for (i = 0; i < NITEMS(dialects) && !r->bad; i++) {
		if (strcmp(dialects[i]->name, name) == 0)
			s->dialect = dialects[i];
	}
	if (s->dialect == NULL)
		r->bad = true;
	free(name);
}

static void
load_layer(struct session_record *s, struct record *r)
{
	bool has_layer = s->is_web || s->layer.telnet != NULL;
	struct record inner;

	record_enter(r, &inner);
	if (r->tag == S_STATE && s->dialect != NULL && s->state == NULL &&
	    s->dialect->load != NULL)
		s->state = s->dialect->load(&inner);
	else if (r->tag == S_TELNET && !has_layer)
		s->layer.telnet = telnet_load(&inner);
	else if (r->tag == S_WEB && !has_layer)
		s->is_web = (s->layer.web = web_load(&inner, 0)) != NULL;
	else
		inner.bad = true;
	record_close(&inner, r);
}

static void
load_address(struct session_record *s, struct record *r)
{
	char *text = record_s(r, ADDRESS_MAX);

	if (s->address != NULL)
		r->bad = true;
	else
		s->address = address_take_text(text);
	free(text);
}

static void
load_bits(struct session_record *s, uint64_t bits)
{
	s->skipping = bits & B_SKIPPING;
	s->undecided = bits & B_UNDECIDED;
	s->paused = bits & B_PAUSED;
	s->closing = bits & B_CLOSING;
	s->say_bye = bits & B_SAY_BYE;
	s->reconnect = bits & B_RECONNECT;
	s->lingering = bits & B_LINGERING;
	s->trusted = bits & B_TRUSTED;
	s->hidden = bits & B_HIDDEN;
}

static void
load_place(struct session_record *s, struct record *outer)
{
	struct session_place place = { 0, 0, NULL };
	uint32_t n = s->places != NULL ? s->places->n : 0;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == P_ROOM_ID)
			place.room_id = (uint32_t)record_u(&r, UINT32_MAX);
		else if (r.tag == P_SEQ)
			place.seq = record_u(&r, UINT64_MAX);
		else if (r.tag == P_ROOM && place.room == NULL)
			place.room = record_s(&r, NAME_SIZE);
		else
			r.bad = true;
	}
	if (place.room == NULL)
		r.bad = true;
	record_close(&r, outer);
	if (outer->bad) {
		free(place.room);
		return;
	}
	s->places = xrealloc(s->places, sizeof(*s->places) +
	    (n + 1) * sizeof(s->places->at[0]));
	s->places->at[n] = place;
	s->places->n = n + 1;
}

static void
load_number(struct session_record *s, struct record *r)
{
	if (r->tag == S_KIND)
		s->kind = (enum listen_kind)record_u(r, LISTEN_TLS);
	else if (r->tag == S_PORT)
		s->port = (uint16_t)record_u(r, UINT16_MAX);
	else if (r->tag == S_SID)
		s->sid = (uint32_t)record_u(r, UINT32_MAX);
	else if (r->tag == S_TOKENS)
		s->tokens = (uint32_t)record_u(r, UINT32_MAX);
	else if (r->tag == S_TOKENS_AT)
		s->tokens_at = (uint32_t)record_u(r, UINT32_MAX);
	else if (r->tag == S_AGE)
		s->age = (uint32_t)record_u(r, UINT32_MAX);
	else if (r->tag == S_IDLE)
		s->idle = (uint32_t)record_u(r, UINT32_MAX);
	else if (r->tag == S_BITS)
		load_bits(s, record_u(r, B_ALL));
	else if (r->tag == S_STAGE)
		s->stage = (uint8_t)record_u(r, STAGE_TLS);
	else if (r->tag == S_END)
		s->end = (enum session_end)record_u(r, END_REVOKED);
	else
		r->bad = true;
}

static void
load_field(struct session_record *s, struct record *r)
{
	switch (r->tag) {
	case S_CARRIER:
		load_carrier(s, r);
		break;
	case S_ADDRESS:
		load_address(s, r);
		break;
	case S_DIALECT:
		load_dialect(s, r);
		break;
	case S_STATE:
	case S_TELNET:
	case S_WEB:
		load_layer(s, r);
		break;
	case S_NAME:
		free(s->name);
		s->name = record_s(r, NAME_SIZE);
		break;
	case S_IN:
		record_b(r, &s->in, SIZE_MAX);
		break;
	case S_OUT:
		record_b(r, &s->out, SIZE_MAX);
		break;
	case S_PLACE:
		load_place(s, r);
		break;
	default:
		load_number(s, r);
	}
}

/* What the rest of the daemon takes for granted. */
static bool
is_whole(const struct session_record *s)
{
	if (s->carrier == NULL || s->address == NULL ||
	    (s->lingering && !s->closing))
		return false;
	if (s->stage != STAGE_OPEN && (s->dialect != NULL || s->is_web))
		return false;
	if (s->dialect == NULL)
		return s->sid == 0 && !s->say_bye &&
		    (!s->is_web || !web_is_open(s->layer.web));
	return (s->dialect->load == NULL || s->state != NULL) &&
	    (s->sid == 0 || s->name != NULL) &&
	    (!s->is_web || (web_is_open(s->layer.web) &&
	    s->dialect == &dialect_json));
}

struct session_record *
session_record_load(const void *data, size_t len, int fd)
{
	struct session_record *s = session_record_new(-1, LISTEN_AUTO, NULL, 0);
	struct record r;

	s->carrier = NULL;
	s->old = true;
	s->tokens = 0;
	record_open(&r, data, len);
	while (record_next(&r))
		load_field(s, &r);
	if (r.bad || !is_whole(s)) {
		session_record_end(s);
		return NULL;
	}
	s->encoding = s->is_web && s->dialect != NULL ?
	    web_encoding(s->layer.web) : s->dialect == &dialect_text ?
	    text_encoding(s->state) : ENC_JSON;
	s->fd = fd;
	return s;
}
