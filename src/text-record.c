/*
 * A person's state as a record, and back. Tags are for ever.
 */
#include <stdlib.h>

#include "name.h"
#include "text.h"

enum { X_ROOM = 1, X_CURRENT, X_WIDTH, X_COLOR, X_GREETED, X_AWAY,
	X_ACCOUNT, X_ASK, X_ASK_NAME, X_CHOSEN, X_DAY };
enum { XR_SHOWN = 1, XR_KEY, XR_AFTER, XR_UPTO };

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

void
text_save(const void *state, struct buf *b)
{
	const struct text *t = state;
	size_t begun;
	uint32_t i;

	for (i = 0; i < t->nrooms; i++) {
		begun = record_begin(b, X_ROOM);
		record_adds(b, XR_SHOWN, t->rooms[i].shown);
		record_adds(b, XR_KEY, text_room_key(&t->rooms[i]));
		record_addu(b, XR_AFTER, t->rooms[i].after);
		record_addu(b, XR_UPTO, t->rooms[i].upto);
		record_end(b, begun);
	}
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

static void
load_room(struct text *t, struct record *outer)
{
	struct text_room *room;
	uint64_t after = 0, upto = 0;
	char *shown = NULL, *key = NULL;
	struct record r;

	record_enter(outer, &r);
	while (record_next(&r)) {
		if (r.tag == XR_SHOWN && shown == NULL)
			shown = record_s(&r, NAME_SIZE);
		else if (r.tag == XR_KEY && key == NULL)
			key = record_s(&r, NAME_SIZE);
		else if (r.tag == XR_AFTER)
			after = record_u(&r, INT64_MAX);
		else if (r.tag == XR_UPTO)
			upto = record_u(&r, INT64_MAX);
		else
			r.bad = true;
	}
	if (shown == NULL || key == NULL || t->nrooms == UINT16_MAX)
		r.bad = true;
	record_close(&r, outer);
	if (!outer->bad) {
		room = text_room_add(t, shown, key);
		room->after = after;
		room->upto = upto;
	}
	free(shown);
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
		if (r->tag == X_ROOM)
			load_room(t, r);
		else if (r->tag == X_CURRENT)
			t->current = (uint16_t)record_u(r, UINT16_MAX);
		else if (r->tag == X_WIDTH)
			t->width = (uint16_t)record_u(r, UINT16_MAX);
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
			t->day = (uint8_t)record_u(r, UINT8_MAX);
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
