/*
 * Fuzzes what a new daemon reads from an old one: a client's record, or the
 * hub's, by the first byte. Whatever is read is saved again, and that read once
 * more must be the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub.h"
#include "record.h"
#include "session-io.h"
#include "session.h"
#include "store.h"

#define EVERY_SID	64

static void
drop(struct session_record *r)
{
	r->fd = -1;
	session_record_end(r);
}

static void
client(const uint8_t *data, size_t size)
{
	struct session_record *r, *again;
	struct buf first = { 0 }, second = { 0 };

	if ((r = session_record_load(data, size, -1)) == NULL)
		return;
	session_record_save(r, 0, &first);
	again = session_record_load(first.data, first.len, -1);
	if (again == NULL)
		abort();
	session_record_save(again, 0, &second);
	if (first.len != second.len ||
	    memcmp(first.data, second.data, first.len) != 0)
		abort();
	drop(r);
	drop(again);
	buf_free(&first);
	buf_free(&second);
}

/* The hub's mail is of no interest. */
static void
out_reply(void *arg, struct request *r)
{
	(void)arg;
	request_free(r);
}

static uint32_t
out_batch(void *arg, unsigned loop, struct batch *b)
{
	(void)arg;
	(void)loop;
	batch_free(b);
	return 0;
}

static void
out_place(void *arg, struct place_mail *m)
{
	(void)arg;
	free(m);
}

static void
out_unplace(void *arg, struct unplace_mail *m)
{
	(void)arg;
	msg_unref(m->why);
	free(m);
}

static void
out_session(void *arg, struct session_mail *m)
{
	(void)arg;
	session_mail_free(m);
}

/* What a restored hub had the store do comes back. */
static void
settle(struct hub *h, struct mailbox *box)
{
	struct mail *m, *next;
	int i;

	for (i = 0; i < 4; i++) {
		hub_flush(h);
		for (m = mailbox_drain(box); m != NULL; m = next) {
			next = m->next;
			if (m->kind == MAIL_COMMITTED)
				hub_committed(h, (struct store_op *)m);
			else
				hub_pruned(h, (struct store_pruned *)m);
		}
	}
}

static void
hub(const uint8_t *data, size_t size)
{
	static const struct conf_override o[] = { { "store=memory" } };
	static struct conf *conf;
	const struct hub_out out = { NULL, out_reply, out_batch, NULL,
	    out_place, out_unplace, out_session, NULL };
	uint32_t sids[EVERY_SID];
	struct mailbox box;
	struct store *store;
	struct hub *h;
	char *error;
	uint32_t i;

	if (conf == NULL && (conf = conf_parse(NULL, o, 1, &error)) == NULL)
		abort();
	if ((store = store_open(conf, &error)) == NULL)
		abort();
	mailbox_init(&box, NULL, NULL);
	if (!store_start(store, &box, &error))
		abort();
	for (i = 0; i < EVERY_SID; i++)
		sids[i] = 1u << 20 | i;		/* as the first ones are */
	h = hub_new(conf, store, 2, &out);
	hub_restore(h, data, size, sids, EVERY_SID);
	settle(h, &box);
	hub_free(h);
	store_close(store);
	mailbox_destroy(&box);
}

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] == 'h')
		hub(data + 1, size - 1);
	else
		client(data + 1, size - 1);
	return 0;
}
