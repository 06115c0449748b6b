/*
 * What a hub knows, saved and taken over by another: it is the same, for its
 * clients too; and no damage to the record does harm.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hub-test.h"
#include "record.h"

TestSuite(hub_save, .init = start, .fini = end);

#define FIELDS	64

static int
compare_fields(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int d = memcmp(x->data, y->data, n);

	return d != 0 ? d : (x->len > y->len) - (x->len < y->len);
}

/* The record's fields, sorted: users come in no order. */
static struct buf
sorted(const struct buf *b)
{
	struct buf fields[FIELDS], all = { 0 };
	struct record r;
	size_t n = 0, i;

	record_open(&r, b->data, b->len);
	while (record_next(&r)) {
		cr_assert_lt(n, (size_t)FIELDS);
		fields[n] = (struct buf){ 0 };
		buf_addc(&fields[n], (char)r.tag);
		buf_add(&fields[n++], r.data, r.len);
	}
	cr_assert(!r.bad);
	qsort(fields, n, sizeof(fields[0]), compare_fields);
	for (i = 0; i < n; i++) {
		buf_add(&all, fields[i].data, fields[i].len);
		buf_free(&fields[i]);
	}
	return all;
}

static struct buf
saved(const struct hub *h)
{
	struct buf b = { 0 };

	hub_save(h, &b);
	return b;
}

/* Who is where: three people, of whom Ann is here twice, and one who resumed
 * and has not yet come back to all rooms. */
static struct people {
	struct fake_client ann, ann2, bob, cat;
	char		 secret[40];	/* bob's */
} people;

static void
populate(void)
{
	struct people *p = &people;
	struct fake_client old;

	p->ann = login(0, "Ann");
	strcpy(p->secret, f.reply->session);
	p->ann2 = client(1, 7);
	ASK(&f, &p->ann2, CMD_LOGIN, .name = "ann", .resume = p->secret);
	cr_assert_eq(f.reply->error, ERR_NONE);
	p->ann = p->ann2;
	p->bob = login(2, "bob");
	strcpy(p->secret, f.reply->session);
	old = login(0, "cat");
	enter(&p->ann, "Lobby");
	enter(&p->bob, "lobby");
	enter(&p->bob, "fresh");
	enter(&old, "lobby");
	enter(&old, "fresh");
	ASK(&f, &old, CMD_RENAME, .name = "cat");
	p->cat = client(2, 60);
	ASK(&f, &old, CMD_RENAME, .name = "Cat");
	ASK(&f, &p->bob, CMD_AWAY, .string = "gone to lunch");
	ASK(&f, &p->bob, CMD_IGNORE, .name = "Dan");
	ASK(&f, &p->bob, CMD_IGNORE, .name = "cat");
	ASK(&f, &p->bob, CMD_SAY, .room = "lobby", .text = "hi");
	ASK(&f, &p->bob, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	ASK(&f, &p->ann, CMD_SEEN, .room = "lobby", .seq = 1);
	p->cat = old;
	fake_round(&f);
	fake_trace(&f);
}

/* As the store opens after that: the lobby and Ann's inbox have messages. */
static const struct store_room rooms[] = {
	{ .id = 1, .name = "Lobby", .key = "lobby", .topic = "", .head = 1 },
	{ .id = 3, .name = "@Ann", .key = "@ann", .topic = "", .head = 2 },
	{ .id = 0 }
};

static struct fake g;

static bool
take_over(const struct buf *b, const struct fake_client *const *who, size_t n)
{
	uint32_t sids[8], swap;
	size_t i, j;

	for (i = 0; i < n; i++)
		sids[i] = who[i]->sid;
	for (i = 0; i < n; i++) {
		for (j = i + 1; j < n; j++) {
			if (sids[j] < sids[i]) {
				swap = sids[i];
				sids[i] = sids[j];
				sids[j] = swap;
			}
		}
	}
	fake_start(&g, rooms);
	g.store.seq = f.store.seq;
	return hub_restore(g.hub, b->data, b->len, sids, n);
}

static const struct fake_client *const all[] = { &people.ann, &people.bob,
	&people.cat };

static void
check_rooms(void)
{
	cr_assert_eq(f.store.nlog, 2);
	cr_assert_eq(f.store.log[0].room, rooms[0].id);
	cr_assert_eq(f.store.log[1].room, rooms[1].id);
}

Test(hub_save, there_and_back)
{
	struct buf b, again, x, y;

	populate();
	check_rooms();
	b = saved(f.hub);
	cr_assert(take_over(&b, all, NITEMS(all)));
	again = saved(g.hub);
	x = sorted(&b);
	y = sorted(&again);
	cr_assert_eq(x.len, y.len);
	cr_assert_arr_eq(x.data, y.data, x.len);
	cr_assert_eq(hub_users(g.hub), 3);
	cr_assert_eq(hub_rooms(g.hub), hub_rooms(f.hub));
	ASK(&g, &people.bob, CMD_MOVED);
	ASK(&g, &people.bob, CMD_SUBSCRIBE, .room = "frеsh");
	cr_assert_eq(g.reply->error, ERR_BAD_NAME);
	buf_free(&b);
	buf_free(&again);
	buf_free(&x);
	buf_free(&y);
	fake_end(&g);
}

/* The new one's loops tell where who is; then all is as it was. */
Test(hub_save, goes_on)
{
	struct fake_client ann, bob, cat, other = client(0, 99);
	struct buf b;

	populate();
	b = saved(f.hub);
	cr_assert(take_over(&b, all, NITEMS(all)));
	ann = (struct fake_client){ CLIENT_ID(0, 1, 1), people.ann.sid };
	bob = (struct fake_client){ CLIENT_ID(1, 1, 1), people.bob.sid };
	cat = (struct fake_client){ CLIENT_ID(1, 2, 1), people.cat.sid };
	ASK(&g, &ann, CMD_MOVED);
	cr_assert_eq(g.reply->error, ERR_NONE);
	cr_assert_eq(g.reply->nlisted, 2, "the lobby and the inbox");
	ASK(&g, &bob, CMD_MOVED);
	cr_assert_eq(g.reply->nlisted, 2);
	ASK(&g, &cat, CMD_MOVED);
	fake_trace(&g);
	ASK(&g, &bob, CMD_SAY, .room = "lobby", .text = "again");
	ASK(&g, &bob, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&g);
	eq_str(fake_trace(&g), "1 say ok\n1 tell ok\n0 #1: 3 bob again\n"
	    "1 #1: 3 bob again\n0 #3: 4 bob to Ann psst\n");
	ASK(&g, &ann, CMD_WHO);
	cr_assert_eq(g.reply->nlisted, 3);
	ASK(&g, &ann, CMD_WHO, .room = "fresh");
	cr_assert_eq(g.reply->nlisted, 2);
	ASK(&g, &bob, CMD_UNSUBSCRIBE, .room = "lobby");
	ASK(&g, &bob, CMD_SUBSCRIBE, .room = "fresh");
	cr_assert_eq(g.reply->error, ERR_ALREADY_SUBSCRIBED);
	ASK(&g, &other, CMD_LOGIN, .name = "bob");
	cr_assert_eq(g.reply->error, ERR_NAME_TAKEN);
	ASK(&g, &other, CMD_LOGIN, .name = "bob", .resume = people.secret);
	cr_assert_eq(g.reply->error, ERR_NONE, "the secret is the same");
	ASK(&g, &other, CMD_SUBSCRIBE, .room = "fresh");
	cr_assert_eq(g.reply->error, ERR_NONE);
	buf_free(&b);
	fake_end(&g);
}

/* Whoever could not come along is not there, and takes along what was his. */
Test(hub_save, some_stay_behind)
{
	static const struct fake_client *const some[] = { &people.cat };
	struct fake_client cat, ann = client(0, 5);
	struct buf b;

	populate();
	b = saved(f.hub);
	cr_assert(take_over(&b, some, NITEMS(some)));
	cr_assert_eq(hub_users(g.hub), 1);
	cat = (struct fake_client){ CLIENT_ID(2, 1, 1), people.cat.sid };
	ASK(&g, &cat, CMD_MOVED);
	cr_assert_eq(g.reply->nlisted, 2);
	ASK(&g, &cat, CMD_WHO);
	cr_assert_eq(g.reply->nlisted, 1);
	ASK(&g, &ann, CMD_LOGIN, .name = "Ann");
	cr_assert_eq(g.reply->error, ERR_NONE);
	fake_round(&g);
	ASK(&g, &ann, CMD_HISTORY, .room = "@ann");
	cr_assert_eq(g.reply->head, 0, "another Ann's inbox");
	buf_free(&b);
	fake_end(&g);
}

/* Cut off or changed at any byte it is refused, or taken for another one. */
Test(hub_save, damage)
{
	struct buf b;
	size_t i;
	char *cut;

	populate();
	b = saved(f.hub);
	for (i = 0; i < b.len; i++) {
		struct buf part = { xmemdup(b.data, i > 0 ? i : 1), i, i };

		take_over(&part, all, NITEMS(all));
		fake_end(&g);
		buf_free(&part);
	}
	cut = b.data;
	for (i = 0; i < b.len; i++) {
		cut[i] ^= (char)0xff;
		take_over(&b, all, NITEMS(all));
		fake_end(&g);
		cut[i] ^= (char)0xfe;
		take_over(&b, all, NITEMS(all));
		fake_end(&g);
		cut[i] ^= 1;
	}
	buf_free(&b);
}

/* With the same store, and nobody comes along. */
static void
upgrade(void)
{
	struct buf b = saved(f.hub);

	fake_restart(&f);
	cr_assert(hub_restore(f.hub, b.data, b.len, NULL, 0));
	buf_free(&b);
}

/* The inbox of an account that is not here, which nothing is in yet. */
Test(hub_save, empty_inbox)
{
	struct fake_client ann = login(0, "ann"), bob;

	ASK(&f, &ann, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	gone(&ann, NULL);
	bob = login(0, "bob");
	f.store.fail = true;
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "in vain");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_STORE_UNAVAILABLE);
	f.store.fail = false;
	upgrade();
	cr_assert_eq(hub_rooms(f.hub), 1);
	bob = login(0, "bob");
	ASK(&f, &bob, CMD_TELL, .name = "ann", .text = "psst");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_eq(hub_rooms(f.hub), 1);
}

/* Nor is whoever has shown a password kept out by strangers' guesses then. */
Test(hub_save, known_where)
{
	struct fake_client c = login(0, "ann");

	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	gone(&c, NULL);
	f.conf.login_tries = 2;
	f.conf.login_tries_window = 600;
	hub_configure(f.hub, &f.conf);
	c = client(0, 50);
	f.address = "192.0.2.1";
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	gone(&c, NULL);
	f.address = "192.0.2.2";
	c = client(0, 51);
	do
		ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "wrong");
	while (f.reply->error == ERR_BAD_PASSWORD);
	upgrade();
	f.address = "192.0.2.3";
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	f.address = "192.0.2.1";
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "secret");
	cr_assert_eq(f.reply->error, ERR_NONE);
	f.address = NULL;
}

/* Nor does it hide who came in by a token. */
Test(hub_save, by_token)
{
	struct fake_client c = login(0, "ann"), bot = client(1, 50);
	struct buf b;
	char *token;

	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	ASK(&f, &c, CMD_TOKEN, .string = "first");
	ASK(&f, &c, CMD_TOKEN, .string = "bot");
	fake_round(&f);
	token = strdup(f.reply->token);
	ASK(&f, &bot, CMD_LOGIN, .name = "ann", .token = token);
	cr_assert_eq(f.reply->error, ERR_NONE);
	free(token);
	ASK(&f, &c, CMD_REVOKE, .string = "first");
	fake_round(&f);
	gone(&c, NULL);
	fake_round(&f);
	b = saved(f.hub);
	fake_restart(&f);
	cr_assert(hub_restore(f.hub, b.data, b.len, &bot.sid, 1));
	buf_free(&b);
	cr_assert_eq(hub_users(f.hub), 1);
	ASK(&f, &c, CMD_DISOWN, .name = "ann");
	fake_round(&f);
	cr_assert_eq(hub_users(f.hub), 0);
	cr_assert_not_null(strstr(fake_trace(&f), "0 revoked\n"));
}

/* Who has no tries left gets none by an upgrade. */
Test(hub_save, tries)
{
	struct fake_client c = login(0, "ann");

	f.conf.login_tries = f.conf.register_max = 1;
	f.conf.login_tries_window = f.conf.register_window = 600;
	hub_configure(f.hub, &f.conf);
	f.address = "192.0.2.1";
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	gone(&c, NULL);
	c = client(0, 50);
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "wrong");
	cr_assert_eq(f.reply->error, ERR_BAD_PASSWORD);
	upgrade();
	f.address = "192.0.2.2";
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	f.address = "192.0.2.1";
	ASK(&f, &c, CMD_LOGIN, .name = "bob", .password = "wrong");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	c = client(0, 51);
	ASK(&f, &c, CMD_LOGIN, .name = "cat");
	cr_assert_eq(f.reply->error, ERR_NONE);
	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	f.address = NULL;
}

/* Who has spoken in a slow room waits as long as before. */
Test(hub_save, turns)
{
	struct fake_client c;
	uint32_t wait;

	fake_put(&f, "set/den/pace", "60");
	fake_restart(&f);
	c = login(0, "cat");
	enter(&c, "den");
	ASK(&f, &c, CMD_SAY, .room = "den", .text = "1");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	upgrade();
	c = login(0, "cat");
	enter(&c, "den");
	ASK(&f, &c, CMD_SAY, .room = "den", .text = "2");
	cr_assert_eq(f.reply->error, ERR_RATE_LIMITED);
	wait = f.reply->retry_ms;
	cr_assert(wait > 0 && wait <= 60000);
	c = login(0, "dee");
	enter(&c, "den");
	ASK(&f, &c, CMD_SAY, .room = "den", .text = "1");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
}

/* Who has gone can be banned still. */
Test(hub_save, former_names)
{
	struct fake_client c = login(0, "ann");

	ASK(&f, &c, CMD_REGISTER, .password = "secret");
	fake_round(&f);
	enter(&c, "den");
	f.address = "192.0.2.1";
	c = login(0, "Bob");
	enter(&c, "den");
	gone(&c, NULL);
	f.address = "192.0.2.2";
	c = login(0, "cat");
	enter(&c, "den");
	f.address = NULL;
	upgrade();		/* nobody comes along */
	c = client(0, 50);
	ASK(&f, &c, CMD_LOGIN, .name = "ann", .password = "secret");
	fake_prove(&f);
	c.sid = f.reply->sid;
	enter(&c, "den");
	ASK(&f, &c, CMD_BAN, .room = "den", .name = "bob");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_not_null(fake_fact(&f, "ban/den/n:bob"));
	cr_assert_not_null(fake_fact(&f, "ban/den/i:192.0.2.1"));
	ASK(&f, &c, CMD_MUTE, .room = "den", .name = "cat");
	fake_round(&f);
	cr_assert_eq(f.reply->error, ERR_NONE);
	cr_assert_not_null(fake_fact(&f, "mute/den/i:192.0.2.2"));
}
