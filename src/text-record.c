/*
 * A person's state as a record, and back. Tags are for ever.
 */
#include <stdlib.h>

#include "name.h"
#include "text.h"

enum { X_ROOM = 1, X_CURRENT, X_WIDTH, X_COLOR, X_GREETED, X_AWAY,
	X_ACCOUNT, X_ASK, X_ASK_NAME, X_CHOSEN, X_DAY, X_LEFT };
enum { XR_SHOWN = 1, XR_KEY, XR_AFTER, XR_UPTO, XR_MORE_AFTER, XR_MORE_UPTO,
	XR_READ };

/* Secrets never leave this process: a question that has some is lost. */
static void
save_ask(const struct text_ask *ask, struct buf *b)
{
	if (ask == NULL)
		return;
	record_addu(b, X_ASK, ask->old != NULL || ask->new != NULL ?
	    ASK_LOST : ask->what);
	if (ask->name != NULL)
		record_adds(b, X_ASK_NAME, ask->name);
}

static void
save_room(const struct text_room *room, int tag, struct buf *b)
{
	const struct spans *gaps = room->gaps;
	size_t begun = record_begin(b, tag);
	uint32_t i;

	record_adds(b, XR_SHOWN, room->shown);
	record_adds(b, XR_KEY, text_room_key(room));
	record_addu(b, XR_AFTER, gaps != NULL ? gaps->list[0].after : 0);
	record_addu(b, XR_UPTO, gaps != NULL ? gaps->list[0].upto : 0);
	for (i = 1; gaps != NULL && i < gaps->n; i++) {
		record_addu(b, XR_MORE_AFTER, gaps->list[i].after);
		record_addu(b, XR_MORE_UPTO, gaps->list[i].upto);
	}
	if (room->read != TEXT_UNKNOWN)
		record_addu(b, XR_READ, room->read);
	record_end(b, begun);
}

void
text_save(const void *state, struct buf *b)
{
	const struct text *t = state;
	uint32_t i;

	for (i = 0; i < t->nrooms; i++)
		save_room(&t->rooms[i], X_ROOM, b);
	for (; i < (uint32_t)t->nrooms + t->nleft; i++)
		save_room(&t->rooms[i], X_LEFT, b);
	record_addu(b, X_CURRENT, t->current);
	record_addu(b, X_WIDTH, t->width);
	record_addu(b, X_COLOR, t->encoding == ENC_COLOR);
	record_addu(b, X_GREETED, t->greeted);
	record_addu(b, X_AWAY, t->away);
	record_addu(b, X_ACCOUNT, t->account);
	record_addu(b, X_CHOSEN, t->chosen);
	record_addu(b, X_DAY, t->day);
	save_ask(t->ask, b);
}

/* A room's fields, its gaps one behind the other. */
static void
load_field(struct record *r, struct text_room *room, char **key,
    uint64_t *after)
{
	switch (r->tag) {
	case XR_SHOWN:
		free(room->shown);
		room->shown = record_s(r, NAME_SIZE);
		break;
	case XR_KEY:
		free(*key);
		*key = record_s(r, NAME_SIZE);
		break;
	case XR_AFTER:
	case XR_MORE_AFTER:
		*after = record_u(r, INT64_MAX);
		break;
	case XR_UPTO:
	case XR_MORE_UPTO:
		spans_cover(&room->gaps, *after, record_u(r, INT64_MAX));
		break;
	case XR_READ:
		room->read = record_u(r, INT64_MAX);
		break;
	default:
		r->bad = true;
	}
}

static void
load_room(struct text *t, struct record *outer)
{
	struct text_room room = { .read = TEXT_UNKNOWN }, *to;
	bool left = outer->tag == X_LEFT;
	uint64_t after = 0;
	char *key = NULL;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r))
		load_field(&r, &room, &key, &after);
	if (room.shown == NULL || key == NULL ||
	    (left ? t->nleft == TEXT_LEFT || room.read == 0 ||
	    room.read == TEXT_UNKNOWN :
	    t->nrooms == UINT16_MAX || t->nleft > 0))
		r.bad = true;
	record_close(&r, outer);
	if (outer->bad) {
		free(room.gaps);
	} else {
		to = text_room_add(t, room.shown, key);
		free(to->gaps);
		to->gaps = room.gaps;
		to->read = room.read;
		if (left)
			text_room_leave(t, t->nrooms - 1u, room.read);
	}
	free(room.shown);
	free(key);
}

static struct text_ask *
asked(struct text *t)
{
	if (t->ask == NULL)
		t->ask = xcalloc(1, sizeof(*t->ask));
	return t->ask;
}

static void
load_ask(struct text *t, struct record *r)
{
	struct text_ask *ask = asked(t);

	if (r->tag == X_ASK)
		ask->what = (enum text_asked)record_u(r, ASK_LOST);
	else if (ask->name == NULL)
		ask->name = record_s(r, NAME_SIZE);
	else
		r->bad = true;
}

void *
text_load(struct record *r)
{
	struct text *t = text_open(NULL);

	while (record_next(r)) {
		if (r->tag == X_ROOM || r->tag == X_LEFT)
			load_room(t, r);
		else if (r->tag == X_CURRENT)
			t->current = (uint16_t)record_u(r, UINT16_MAX);
		else if (r->tag == X_WIDTH)
			t->width = record_u(r, UINT16_MAX) & 0x3ff;
		else if (r->tag == X_COLOR)
			t->encoding = record_u(r, 1) ? ENC_COLOR : ENC_TEXT;
		else if (r->tag == X_GREETED)
			t->greeted = record_u(r, 1) != 0;
		else if (r->tag == X_AWAY)
			t->away = record_u(r, 1) != 0;
		else if (r->tag == X_ACCOUNT)
			t->account = record_u(r, 1) != 0;
		else if (r->tag == X_CHOSEN)
			t->chosen = record_u(r, 1) != 0;
		else if (r->tag == X_DAY)
			t->day = record_u(r, UINT8_MAX) & 0xff;
		else if (r->tag == X_ASK || r->tag == X_ASK_NAME)
			load_ask(t, r);
		else
			r->bad = true;
	}
	if (t->current > t->nrooms || (t->ask != NULL &&
	    (t->ask->what == ASK_DOOR) != (t->ask->name != NULL)))
		r->bad = true;
	if (!r->bad)
		return t;
	text_close(t);
	return NULL;
}
