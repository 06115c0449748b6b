/*
 * A person's state as a record, and back. Tags are for ever.
 */
#include <stdlib.h>

#include "name.h"
#include "text.h"

enum { X_ROOM = 1, X_CURRENT, X_WIDTH, X_COLOR, X_GREETED, X_AWAY };
enum { XR_SHOWN = 1, XR_KEY };

void
text_save(const void *state, struct buf *b)
{
	const struct text *t = state;
	size_t begun;
	uint32_t i;

	for (i = 0; i < t->nrooms; i++) {
		begun = record_begin(b, X_ROOM);
		record_adds(b, XR_SHOWN, t->rooms[i].shown);
		record_adds(b, XR_KEY, t->rooms[i].key);
		record_end(b, begun);
	}
	record_addu(b, X_CURRENT, t->current);
	record_addu(b, X_WIDTH, t->width);
	record_addu(b, X_COLOR, t->encoding == ENC_COLOR);
	record_addu(b, X_GREETED, t->greeted);
	record_addu(b, X_AWAY, t->away);
}

static void
load_room(struct text *t, struct record *outer)
{
	struct text_room room = { NULL, NULL };
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == XR_SHOWN && room.shown == NULL)
			room.shown = record_s(&r, NAME_SIZE);
		else if (r.tag == XR_KEY && room.key == NULL)
			room.key = record_s(&r, NAME_SIZE);
		else
			r.bad = true;
	}
	if (room.shown == NULL || room.key == NULL)
		r.bad = true;
	record_close(&r, outer);
	if (outer->bad) {
		free(room.shown);
		free(room.key);
		return;
	}
	t->rooms = xrealloc(t->rooms, (t->nrooms + 1) * sizeof(*t->rooms));
	t->rooms[t->nrooms++] = room;
}

void *
text_load(struct record *r)
{
	struct text *t = text_open(NULL);

	while (record_next(r)) {
		if (r->tag == X_ROOM)
			load_room(t, r);
		else if (r->tag == X_CURRENT)
			t->current = (uint32_t)record_u(r, UINT32_MAX);
		else if (r->tag == X_WIDTH)
			t->width = (uint16_t)record_u(r, UINT16_MAX);
		else if (r->tag == X_COLOR)
			t->encoding = record_u(r, 1) ? ENC_COLOR : ENC_TEXT;
		else if (r->tag == X_GREETED)
			t->greeted = record_u(r, 1) != 0;
		else if (r->tag == X_AWAY)
			t->away = record_u(r, 1) != 0;
		else
			r->bad = true;
	}
	if (t->current > t->nrooms)
		r->bad = true;
	if (!r->bad)
		return t;
	text_close(t);
	return NULL;
}
