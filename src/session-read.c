/*
 * What a session reads in the store to answer a request: pages of history, what
 * is looked for, and how much is unread. The request waits meanwhile; what the
 * person ignores is in none of it.
 */
#include <stdlib.h>
#include <string.h>

#include "session-io.h"

#define HISTORY_ON	1000	/* messages of a page, where all of the one
				 * before was hidden */
#define PAGES		16	/* then it is answered all the same */
#define UNREAD_LOOK	(STORE_LOOK * UNREAD_MAX)	/* messages, to find
							 * those */

static void
read_for(struct session *s, struct request *req, struct store_read *r)
{
	r->to = &s->loop->box;
	r->client = session_id(s);
	r->arg = req;
	store_read(s->loop->daemon->store, r);
}

/* Takes out what is hidden. */
static void
drop_hidden(const struct session *s, struct store_read *read)
{
	const struct ignores *ignores = session_ignores(s);
	uint32_t i, n = 0;

	for (i = 0; ignores != NULL && i < read->n; i++) {
		if (ignores_hide(ignores, read->msgs[i]))
			msg_unref(read->msgs[i]);
		else
			read->msgs[n++] = read->msgs[i];
	}
	if (ignores != NULL)
		read->n = n;
}

static void
take_messages(struct request *req, struct store_read *read)
{
	req->msgs = read->msgs;
	req->nlisted = read->n;
	read->msgs = NULL;
	read->n = 0;
	req->more = read->more;
}

/* History. */

static bool
goes_forward(const struct request *req)
{
	return (req->has & HAS_AFTER) != 0 && (req->has & HAS_BEFORE) == 0;
}

void
session_read_history(struct session *s, struct request *req)
{
	struct store_read *r;

	r = store_read_new(goes_forward(req) ? READ_AFTER : READ_BEFORE,
	    req->room_id);
	r->after = req->after > req->floor ? req->after : req->floor;
	/* What came since the hub has said yes may be for others alone. */
	r->before = (req->has & HAS_BEFORE) != 0 && req->before != 0 &&
	    req->before <= req->head ? req->before : req->head + 1;
	r->limit = req->pages > 0 ? HISTORY_ON : req->limit;
	r->bytes = s->loop->conf->page_bytes;
	read_for(s, req, r);
}

/* The rest lies behind, or before, the messages of this page. */
static void
go_on(struct request *req, const struct store_read *read)
{
	if (goes_forward(req))
		req->after = req->next = read->msgs[read->n - 1]->seq;
	else {
		req->before = req->next = read->msgs[0]->seq;
		req->has |= HAS_BEFORE;
	}
}

/* At most as many as were asked for, those that come first that way. */
static void
cut(struct request *req, struct store_read *read)
{
	uint32_t i, first = 0, n = read->n;

	if (n <= req->limit)
		return;
	if (!goes_forward(req))
		first = n - req->limit;
	for (i = 0; i < n; i++) {
		if (i < first || i >= first + req->limit)
			msg_unref(read->msgs[i]);
		else
			read->msgs[i - first] = read->msgs[i];
	}
	read->n = req->limit;
	read->more = true;
}

/* READ_AFTER has no end of its own. */
static void
drop_later(const struct request *req, struct store_read *read)
{
	while (read->n > 0 && read->msgs[read->n - 1]->seq > req->head) {
		msg_unref(read->msgs[--read->n]);
		read->more = false;
	}
}

static void
history_read(struct session *s, struct request *req, struct store_read *read)
{
	if (read->error != STORE_OK)
		request_fail(req, ERR_STORE_UNAVAILABLE, NULL);
	drop_later(req, read);
	if (read->more && read->n > 0)
		go_on(req, read);
	drop_hidden(s, read);
	if (read->n == 0 && read->more && ++req->pages < PAGES) {
		session_read_history(s, req);
		return;
	}
	cut(req, read);
	take_messages(req, read);
	session_answer(s, req);
}

/* Search. */

void
session_read_search(struct session *s, struct request *req)
{
	struct store_read *r = store_read_new(READ_SEARCH, req->room_id);

	r->query = xstrdup(req->match != NULL ? req->match : "");
	r->before = req->has & HAS_BEFORE ? req->before : 0;
	r->limit = req->limit;
	r->bytes = SEARCH_BYTES;
	r->inbox = req->inbox;
	r->nhidden = req->nhidden;
	if (req->nhidden > 0)
		r->hidden = (void *)xmemdup(req->hidden, req->nhidden *
		    sizeof(*r->hidden));
	read_for(s, req, r);
}

static void
search_read(struct session *s, struct request *req, struct store_read *read)
{
	if (read->error == STORE_BAD_QUERY)
		request_fail(req, ERR_BAD_ARGUMENT, "That is nothing to look "
		    "for: give words, \"a phrase\", or with a * behind "
		    "them beginnings of at least two letters.");
	else if (read->error != STORE_OK)
		request_fail(req, ERR_STORE_UNAVAILABLE, NULL);
	drop_hidden(s, read);
	take_messages(req, read);
	if (req->error != ERR_NONE) {
		session_answer(s, req);
		return;
	}
	req->next = read->before;
	req->found = true;
	req->mail.kind = MAIL_REQUEST;
	loop_send(s->loop, req);
}

/*
 * How much is unread in the rooms of an account: for a program, all behind what
 * it has read; to a person, what others said and they were not shown.
 */

/* Of those who ignore nobody the store counts, for a person gap by gap. */
static struct store_read *
count_gap(const struct session *s, struct kept_room *row)
{
	const struct spans *shown = session_is_person(s) ? row->shown : NULL;
	struct store_read *r;
	struct span gap;

	do {
		if (row->more || !spans_gap(shown, row->gap++, row->seen,
		    row->head, &gap))
			return NULL;
	} while (gap.after >= gap.upto);
	r = store_read_new(READ_COUNT, row->room_id);
	r->after = gap.after;
	if (session_is_person(s)) {
		r->before = gap.upto + 1;
		r->query = xstrdup(session_name(s));
	}
	return r;
}

static struct store_read *
count_rest(const struct session *s, struct kept_room *row)
{
	struct store_read *r;

	if (row->head <= row->seen)
		return NULL;
	if (!s->ignoring)
		return count_gap(s, row);
	r = store_read_new(READ_AFTER, row->room_id);
	r->after = row->looked > 0 ? row->looked_at : row->seen;
	r->bytes = s->loop->conf->page_bytes;
	return r;
}

bool
session_count_unread(struct session *s, struct request *req)
{
	struct store_read *r;

	for (; req->next < req->nlisted; req->next++) {
		if ((r = count_rest(s, &req->kept[req->next])) == NULL)
			continue;
		r->limit = UNREAD_MAX;
		read_for(s, req, r);
		return true;
	}
	return false;
}

/* What is no news to a person. */
static void
drop_known(const struct session *s, const struct kept_room *row,
    struct store_read *read)
{
	uint32_t i, n = 0;
	struct msg *m;

	for (i = 0; session_is_person(s) && i < read->n; i++) {
		m = read->msgs[i];
		if (m->seq > row->head || spans_have(row->shown, m->seq) ||
		    strcmp(msg_from(m), session_name(s)) == 0)
			msg_unref(m);
		else
			read->msgs[n++] = m;
	}
	if (session_is_person(s))
		read->n = n;
}

static void
count_more(struct kept_room *row, uint32_t n, bool more)
{
	row->unread += n;
	row->more = more;
	if (row->unread > UNREAD_MAX) {
		row->unread = UNREAD_MAX;
		row->more = true;
	}
}

/* One page of a room; false: there is more to look at. */
static bool
count_page(const struct session *s, struct kept_room *row,
    struct store_read *read)
{
	if (read->n > 0) {
		row->looked += read->n;
		row->looked_at = read->msgs[read->n - 1]->seq;
	}
	drop_hidden(s, read);
	drop_known(s, row, read);
	count_more(row, read->n, read->more && row->looked >= UNREAD_LOOK);
	return row->more || !read->more;
}

static void
unread_read(struct session *s, struct request *req, struct store_read *read)
{
	struct kept_room *row = &req->kept[req->next];

	if (read->kind == READ_AFTER)
		req->next += count_page(s, row, read);
	else
		count_more(row, read->count, read->more);
	if (session_count_unread(s, req))
		return;
	s->counting = false;
	session_answer(s, req);
	session_dirty(s);
}

void
session_answer_read(struct session *s, struct store_read *read)
{
	struct request *req = read->arg;

	if (req->cmd == CMD_LOGIN)
		unread_read(s, req, read);
	else if (req->cmd == CMD_SEARCH)
		search_read(s, req, read);
	else
		history_read(s, req, read);
}
