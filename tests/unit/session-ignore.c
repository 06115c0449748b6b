/*
 * Sessions that ignore people: what they are given is what the others are
 * given less what is hidden, in order, however they read, move and change
 * their lists. IGNORE_SEED and IGNORE_RUNS choose the sequences.
 */
#include <stdio.h>

#include "dice.h"
#include "session-rig.h"

#define SAYERS	3
#define READERS	4
#define TEXTS	4000

static const char *const names[SAYERS] = { "ann", "Bob", "cid" };

struct reader {
	struct client	 c;
	unsigned	 hides;		/* a bit each */
	unsigned	 next;		/* the number it is to be given next */
};

static struct {
	struct client	 sayers[SAYERS];
	struct reader	 readers[READERS];
	unsigned char	 who[TEXTS];	/* said the text of this number */
	unsigned	 said;
} t;

/* Everything it was given by now is what it was to be given, and no more. */
static void
check_got(struct reader *r)
{
	char *p = (char *)(uintptr_t)buf_str(&r->c.got), *end, *text;
	unsigned number;

	for (; (end = strchr(p, '\n')) != NULL; p = end + 1) {
		check(*p == '{' && end[-1] == '}');
		*end = '\0';
		text = strstr(p, "\"text\":\"<");
		if (text == NULL || strstr(p, "\"event\":\"message\"") == NULL)
			continue;
		number = (unsigned)atoi(text + 9);
		while (r->next < number &&
		    (r->hides & 1u << t.who[r->next]) != 0)
			r->next++;
		check(number == r->next);
		check((r->hides & 1u << t.who[number]) == 0);
		r->next++;
	}
	end = xstrdup(p);	/* half a line */
	buf_reset(&r->c.got);
	buf_adds(&r->c.got, end);
	free(end);
}

static void
check_all(struct reader *r)
{
	client_drain(&r->c);
	check_got(r);
	while (r->next < t.said && (r->hides & 1u << t.who[r->next]) != 0)
		r->next++;
	check(r->next == t.said);
}

static void
talk(void)
{
	unsigned n = 1 + below(below(4) == 0 ? 200 : 10), who = below(SAYERS);

	while (n-- > 0 && t.said < TEXTS) {
		if (below(3) == 0)
			who = below(SAYERS);
		t.who[t.said] = (unsigned char)who;
		say(&t.sayers[who], t.said++, below(300));
		settle();	/* in the order of their numbers */
		client_read(&t.sayers[who], 65536);
		buf_reset(&t.sayers[who].got);
	}
}

/* It has all there is, then ignores others than before. */
static void
turn(struct reader *r)
{
	unsigned who = below(SAYERS);
	char line[100];

	check_all(r);
	snprintf(line, sizeof(line), "{\"cmd\":\"%s\",\"name\":\"%s\"}",
	    r->hides & 1u << who ? "unignore" : "ignore", names[who]);
	client_line(&r->c, line);
	client_drain(&r->c);
	check(client_has(&r->c, "ignore\",\"ok\":true"));
	buf_reset(&r->c.got);
	r->hides ^= 1u << who;
}

static void
step_reader(struct reader *r)
{
	switch (below(8)) {
	case 0:
		turn(r);
		break;
	case 1:
		check_all(r);
		move(&r->c, !r->c.loop->id);
		break;
	case 2:
		session_fall(r->c.session);
		break;
	case 3:
		check_all(r);
		break;
	default:
		settle();
		client_read(&r->c, 1 + below(4000));
		check_got(r);
	}
}

static void
run(unsigned number)
{
	static const char *const options[] = { "stream_bytes=16K",
	    "page_bytes=32K", NULL };
	char name[16];
	unsigned i, step;

	dice_run(number);
	rig_open(options);
	t.said = 0;
	for (i = 0; i < SAYERS; i++)
		client_login(&t.sayers[i], below(2), names[i], 0);
	for (i = 0; i < READERS; i++) {
		snprintf(name, sizeof(name), "reader%u", i);
		client_login(&t.readers[i].c, below(2), name, 4096);
		t.readers[i].hides = t.readers[i].next = 0;
	}
	for (step = 0; step < 150; step++) {
		if (below(3) == 0)
			talk();
		else
			step_reader(&t.readers[below(READERS)]);
	}
	for (i = 0; i < READERS; i++) {
		check_all(&t.readers[i]);
		client_close(&t.readers[i].c);
	}
	for (i = 0; i < SAYERS; i++)
		client_close(&t.sayers[i]);
	settle();
	for (i = 0; i < LOOPS; i++)
		check(rig.d.loops[i].ignores.n == 0);
	rig_close();
	memset(rig.d.loops, 0, LOOPS * sizeof(*rig.d.loops));
}

Test(session_ignore, model)
{
	unsigned n = dice_runs("IGNORE_RUNS", 20), i;

	dice_seed("IGNORE_SEED");
	for (i = 0; i < n; i++)
		run(i);
}

/* Joins, leaves and renames are hidden too; what changes the room is not. */
Test(session_ignore, what_is_hidden)
{
	struct client ann, bob;

	rig_open(NULL);
	client_login(&ann, 0, "ann", 0);
	client_line(&ann, "{\"cmd\":\"ignore\",\"name\":\"bob\"}");
	client_drain(&ann);
	client_login(&bob, 1, "BOB", 0);
	client_line(&bob, "{\"cmd\":\"say\",\"room\":\"lobby\",\"text\":\"1\","
	    "\"kind\":\"action\"}\n{\"cmd\":\"say\",\"room\":\"lobby\","
	    "\"text\":\"2\",\"kind\":\"notice\"}\n"
	    "{\"cmd\":\"tell\",\"to\":\"ann\",\"text\":\"3\"}\n"
	    "{\"cmd\":\"topic\",\"room\":\"lobby\",\"topic\":\"soup\"}\n"
	    "{\"cmd\":\"rename\",\"name\":\"Bob\"}\n"
	    "{\"cmd\":\"unsubscribe\",\"room\":\"lobby\"}");
	client_drain(&bob);
	expect_not(&bob, "\"ok\":false");
	client_drain(&ann);
	expect(&ann, "\"event\":\"topic\"");
	cr_assert_eq(client_count(&ann, "\"event\""), 1);
	buf_reset(&ann.got);
	client_line(&ann, "{\"cmd\":\"history\",\"room\":\"lobby\"}\n"
	    "{\"cmd\":\"history\",\"room\":\"@ann\"}");
	client_drain(&ann);
	cr_assert_eq(client_count(&ann, "\"messages\":[],\"more\":false}"), 2);
	client_line(&ann, "{\"cmd\":\"unignore\",\"name\":\"bob\"}\n"
	    "{\"cmd\":\"history\",\"room\":\"lobby\"}\n"
	    "{\"cmd\":\"history\",\"room\":\"@ann\"}");
	client_drain(&ann);
	expect(&ann, "\"text\":\"1\"");
	expect(&ann, "\"text\":\"2\"");
	expect(&ann, "\"text\":\"3\"");
	client_close(&ann);
	client_close(&bob);
	rig_close();
}

/* The text dialect, plain and in colour, on the stream and behind it. */
Test(session_ignore, text)
{
	static const char *const options[] = { "greet_delay=0", NULL };
	struct client ann, bob, cid;

	rig_open(options);
	client_open(&ann, 0, LISTEN_TEXT, 0);
	client_line(&ann, "ann");
	client_drain(&ann);
	client_login(&bob, 0, "bob", 0);
	client_login(&cid, 1, "cid", 0);
	session_ignore(ann.session, ignores_with(NULL, &(struct ignored){ 1,
	    "bob", "bob" }));
	client_drain(&ann);
	buf_reset(&ann.got);
	say(&bob, 1, 0);
	client_drain(&bob);
	say(&cid, 2, 0);
	client_drain(&ann);
	expect_not(&ann, "<1>");
	expect(&ann, "<2>");
	client_line(&ann, "/color on");
	client_drain(&ann);
	session_fall(ann.session);
	say(&bob, 3, 0);
	client_drain(&bob);
	say(&cid, 4, 0);
	client_drain(&cid);
	client_line(&ann, "/history 10");
	client_drain(&ann);
	expect_not(&ann, "<1>");
	expect_not(&ann, "<3>");
	cr_assert_eq(client_count(&ann, "<2>"), 2);
	cr_assert_eq(client_count(&ann, "<4>"), 2);
	client_close(&ann);
	client_close(&bob);
	client_close(&cid);
	rig_close();
}

static void
ask_history(struct client *c, const char *fields, const char *wanted)
{
	char line[200];
	unsigned i;

	buf_reset(&c->got);
	snprintf(line, sizeof(line), "{\"cmd\":\"history\",\"room\":\"lobby\""
	    "%s}", fields);
	client_line(c, line);
	for (i = 0; i < 100 && !client_has(c, "\n"); i++)
		client_drain(c);	/* it reads on: the hub rests */
	expect(c, wanted);
}

/* A page is never empty while there is more to show, but for very many that
 * are hidden: then it tells where to go on. */
Test(session_ignore, pages_of_history)
{
	static const char *const options[] = { "history_max=0", NULL };
	struct client ann, bob;
	unsigned i;

	rig_open(options);
	client_login(&ann, 0, "ann", 0);
	client_login(&bob, 0, "bob", 0);
	client_line(&ann, "{\"cmd\":\"ignore\",\"name\":\"bob\"}");
	client_drain(&ann);
	say(&ann, 1, 0);
	settle();
	for (i = 2; i <= 17001; i++) {
		say(&bob, i, 0);
		client_read(&bob, 65536);
		buf_reset(&bob.got);
	}
	client_drain(&bob);
	say(&ann, 17002, 0);
	say(&ann, 17003, 0);
	client_drain(&ann);
	ask_history(&ann, ",\"limit\":1",
	    "\"text\":\"<17003>\"}],\"more\":true");
	ask_history(&ann, ",\"limit\":1,\"before\":17003",
	    "\"text\":\"<17002>\"}],\"more\":true");
	ask_history(&ann, ",\"limit\":1,\"before\":9000",
	    "\"text\":\"<1>\"}],\"more\":false");
	ask_history(&ann, ",\"limit\":1,\"after\":9000",
	    "\"text\":\"<17002>\"}],\"more\":true");
	ask_history(&ann, ",\"limit\":2,\"after\":9000",
	    "\"text\":\"<17003>\"}],\"more\":false");
	ask_history(&ann, ",\"limit\":1,\"before\":17002",
	    "\"messages\":[],\"more\":true,\"next\":");
	ask_history(&ann, ",\"limit\":1,\"after\":1",
	    "\"messages\":[],\"more\":true,\"next\":");
	client_close(&ann);
	client_close(&bob);
	rig_close();
}
