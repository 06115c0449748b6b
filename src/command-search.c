/*
 * Search. The hub says where the asker may look, the loop has the store look
 * there, and the hub, which alone knows rooms' names, sees what was found
 * before anybody else does: meanwhile a room may have become private.
 */
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "util.h"

static int
compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Ids of all rooms that the asker may not read, growing. There may be very many
 * rooms: only those are looked at whose rules may keep somebody out. */
static void
list_hidden(struct hub *h, struct login *l, struct request *req)
{
	uint32_t *ids = NULL, n = 0, cap = 0;
	const struct room *room;
	const struct rules *r;

	LIST_FOREACH(r, &h->guarding, guarding) {
		room = room_find(h, r->key);
		if (room == NULL || may_read(h, l, room))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			ids = xrealloc(ids, cap * sizeof(*ids));
		}
		ids[n++] = room->id;
	}
	req->hidden = request_alloc(req, n * sizeof(*ids));
	if (n > 0) {
		qsort(ids, n, sizeof(*ids), compare_ids);
		memcpy(req->hidden, ids, n * sizeof(*ids));
	}
	req->nhidden = n;
	free(ids);
}

/* Names the rooms of what was found, and lets go of what may not be read. */
static enum verdict
found(struct hub *h, struct login *l, struct request *req)
{
	uint32_t i, n = 0;

	req->rooms = request_alloc(req, req->nlisted * sizeof(*req->rooms));
	for (i = 0; i < req->nlisted; i++) {
		struct msg *m = req->msgs[i];
		const struct room *room = room_by_id(h, m->room);

		if (room == NULL || msg_is_act(m) || !may_read(h, l, room) ||
		    m->seq <= read_floor(h, l, room)) {
			msg_unref(m);
			continue;
		}
		req->rooms[n] = (struct listed_room){
		    .room = request_str(req, room_shown(room)) };
		req->msgs[n++] = m;
	}
	req->nlisted = n;
	return ANSWER;
}

enum verdict
cmd_search(struct hub *h, struct login *l, struct request *req)
{
	const struct room *room = NULL, *inbox;

	if (req->found)
		return found(h, l, req);
	if (req->room_key != NULL) {
		room = room_find(h, req->room_key);
		if (room == NULL || !may_read(h, l, room)) {
			if (room == NULL || room->inbox ||
			    may_see(h, l, room, req))
				request_fail(req, req->room_key[0] == '@' ?
				    ERR_FORBIDDEN : ERR_NO_SUCH_ROOM, NULL);
			return ANSWER;
		}
		req->room_id = room->id;
		return ANSWER;
	}
	inbox = user_inbox(h, l->user);
	req->inbox = inbox != NULL ? inbox->id : 0;
	list_hidden(h, l, req);
	return ANSWER;
}
