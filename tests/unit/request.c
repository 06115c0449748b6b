#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "request.h"
#include "util.h"

Test(request, begins_empty)
{
	struct request *r = request_new(CMD_SAY);

	cr_assert_eq(r->mail.kind, MAIL_REQUEST);
	cr_assert_eq(r->cmd, CMD_SAY);
	cr_assert_eq(r->error, ERR_NONE);
	cr_assert_null(r->id);
	cr_assert_null(r->room);
	cr_assert_null(r->msg);
	cr_assert_eq(r->has, 0);
	request_free(r);
	request_free(NULL);
}

Test(request, client_id)
{
	static const struct {
		unsigned	 loop;
		uint32_t	 slot, gen;
	} ids[] = { { 0, 0, 1 }, { 1, 2, 3 }, { 255, 0xffffff, UINT32_MAX },
	    { 255, 0, 0 }, { 0, 0xffffff, 0 } };
	size_t i;

	for (i = 0; i < NITEMS(ids); i++) {
		client_id id = CLIENT_ID(ids[i].loop, ids[i].slot,
		    ids[i].gen);

		cr_assert_eq(CLIENT_LOOP(id), ids[i].loop);
		cr_assert_eq(CLIENT_SLOT(id), ids[i].slot);
		cr_assert_eq(CLIENT_GEN(id), ids[i].gen);
	}
}

/* Pieces of every size, none touching another, all aligned. */
Test(request, arena)
{
	unsigned seed;

	for (seed = 1; seed <= 50; seed++) {
		struct request *r = request_new(CMD_WHO);
		unsigned char *pieces[200];
		size_t sizes[NITEMS(pieces)], i, j;

		srand(seed);
		for (i = 0; i < NITEMS(pieces); i++) {
			sizes[i] = (size_t)rand() % (seed % 2 ? 40 : 1500);
			pieces[i] = request_alloc(r, sizes[i]);
			cr_assert_eq((uintptr_t)pieces[i] % sizeof(void *),
			    0);
			memset(pieces[i], (int)i, sizes[i]);
		}
		for (i = 0; i < NITEMS(pieces); i++) {
			for (j = 0; j < sizes[i]; j++)
				cr_assert_eq(pieces[i][j], i, "seed %u",
				    seed);
		}
		request_free(r);
	}
}

/* Sizes around what comes with the request and what a chunk holds. */
Test(request, arena_edges)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 9, 255, 256, 257, 511,
	    512, 513, 1023, 1024, 1025, 16384, 1000000 };
	size_t i, j;

	for (i = 0; i < NITEMS(sizes); i++) {
		for (j = 0; j < NITEMS(sizes); j++) {
			struct request *r = request_new(CMD_PING);

			memset(request_alloc(r, sizes[i]), 1, sizes[i]);
			memset(request_alloc(r, sizes[j]), 2, sizes[j]);
			memset(request_alloc(r, 8), 3, 8);
			request_free(r);
		}
	}
}

Test(request, strings)
{
	struct request *r = request_new(CMD_SAY);
	char text[] = "changing";
	const char *a = request_str(r, text), *b, *c;

	b = request_strn(r, text, 3);
	c = request_strn(r, NULL, 0);
	text[0] = 'X';
	cr_assert_str_eq(a, "changing");
	cr_assert_str_eq(b, "cha");
	cr_assert_str_empty(c);
	cr_assert_str_empty(request_str(r, ""));
	request_free(r);
}

/* Formatted texts that fill the arena's rest to the last byte, and one less
 * and more. */
Test(request, formats_at_every_length)
{
	char want[1200];
	size_t n;

	memset(want, 'w', sizeof(want));
	for (n = 0; n < sizeof(want); n++) {
		struct request *r = request_new(CMD_SAY);
		const char *a, *b, *c;

		a = request_fmt(r, "%.*s", (int)n, want);
		b = request_fmt(r, "%d", 42);
		c = request_fmt(r, "%.*s!", (int)n, want);
		cr_assert_eq(strlen(a), n);
		cr_assert_arr_eq(a, want, n);
		cr_assert_str_eq(b, "42");
		cr_assert_eq(strlen(c), n + 1);
		cr_assert_eq(c[n], '!');
		request_free(r);
	}
}

Test(request, names)
{
	struct request *r = request_new(CMD_LOGIN);
	struct name n;

	cr_assert(name_parse(&n, "Ann", 3, NULL));
	request_set_name(r, &n);
	cr_assert_str_eq(r->name, "Ann");
	cr_assert_str_eq(r->name_key, "ann");
	cr_assert(name_parse_room(&n, "#lobby", 6, NULL));
	request_set_room(r, &n);
	memset(&n, 'x', sizeof(n));
	cr_assert_str_eq(r->room, "lobby");
	cr_assert_str_eq(r->room_key, "lobby");
	cr_assert_str_eq(r->name_key, "ann");
	request_free(r);
}

Test(request, fails)
{
	struct request *r = request_new(CMD_SAY);

	request_fail(r, ERR_TOO_LONG, "%s is %d bytes too long.", "It", 7);
	cr_assert_eq(r->error, ERR_TOO_LONG);
	cr_assert_str_eq(r->message, "It is 7 bytes too long.");
	request_fail(r, ERR_BANNED, NULL);
	cr_assert_eq(r->error, ERR_BANNED);
	cr_assert_null(r->message);
	request_free(r);
}

Test(request, drops_its_messages)
{
	struct request *r = request_new(CMD_HISTORY);
	struct msg *m = msg_new(MSG_TEXT, "a", "", "x", 1, "");

	r->msg = msg_ref(m);
	r->msgs = xmalloc(2 * sizeof(*r->msgs));
	r->msgs[0] = msg_ref(m);
	r->msgs[1] = NULL;
	r->nlisted = 2;
	cr_assert_eq(atomic_load(&m->refs), 3);
	request_free(r);
	cr_assert_eq(atomic_load(&m->refs), 1);
	msg_unref(m);

	r = request_new(CMD_ROOMS);	/* listed are rooms: no messages */
	r->rooms = request_alloc(r, sizeof(*r->rooms));
	r->nlisted = 1;
	request_free(r);
}

/* What was freed comes again, empty, the last first; with no pool open it is
 * only freed, which the sanitizers see, and so are other commands. */
Test(request, pool)
{
	struct request *a, *b;

	request_pool_open();
	a = request_new(CMD_SAY);
	b = request_new(CMD_TELL);
	a->room = request_strn(a, "room", 4);
	request_alloc(a, 5000);
	request_fail(a, ERR_INTERNAL, "%s", "x");
	a->mail.next = &b->mail;
	request_free(a);
	request_free(b);
	cr_assert_eq(request_new(CMD_PING), b);
	cr_assert_eq(request_new(CMD_QUIT), a);
	cr_expect_eq(a->cmd, CMD_QUIT);
	cr_expect_eq(a->mail.kind, MAIL_REQUEST);
	cr_expect_null(a->mail.next);
	cr_expect_null(a->room);
	cr_expect_null(a->message);
	cr_expect_eq(a->error, ERR_NONE);
	cr_expect_str_eq(request_str(a, "arena"), "arena");
	request_free(a);
	request_free(b);
	request_pool_close();
	request_pool_close();
	request_free(request_new(CMD_PING));
}

/* A trim gives back what was not needed since the last one, no more. */
Test(request, pool_trim)
{
	struct request *all[10];
	size_t i;

	request_pool_open();
	cr_expect_eq(request_pool_trim(), 0);
	for (i = 0; i < 10; i++)
		all[i] = request_new(CMD_SAY);
	for (i = 0; i < 10; i++)
		request_free(all[i]);
	request_free(request_new(CMD_TELL));
	cr_expect_eq(request_pool_trim(), 0, "all ten were needed");
	for (i = 0; i < 6; i++)
		all[i] = request_new(CMD_SAY);
	for (i = 0; i < 6; i++)
		request_free(all[i]);
	cr_expect_eq(request_pool_trim(), 4);
	request_free(request_new(CMD_PING));
	cr_expect_eq(request_pool_trim(), 5, "one went, as a ping");
	cr_expect_eq(request_pool_trim(), 0);
	request_pool_close();
	request_free(request_new(CMD_SAY));
	cr_expect_eq(request_pool_trim(), 0);
}
