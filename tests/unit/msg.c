#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "util.h"

Test(msg, strings_lie_behind_one_another)
{
	struct msg *m = msg_new(MSG_TEXT, "ann", "bob", "hi\0there", 8, "k1");

	cr_assert_str_eq(msg_from(m), "ann");
	cr_assert_str_eq(msg_to(m), "bob");
	cr_assert_arr_eq(msg_text(m), "hi\0there", 9);
	cr_assert_str_eq(msg_key(m), "k1");
	cr_assert_eq(m->from_len, 3);
	cr_assert_eq(m->to_len, 3);
	cr_assert_eq(m->text_len, 8);
	cr_assert_eq(m->key_len, 2);
	cr_assert_eq(m->kind, MSG_TEXT);
	cr_assert_eq(m->flags, 0);
	cr_assert_eq(m->seq, 0);
	cr_assert_eq(m->time, 0);
	cr_assert_eq(m->room, 0);
	cr_assert_eq(msg_size(m), sizeof(*m) + 3 + 3 + 8 + 2 + 4);
	msg_unref(m);
}

Test(msg, empty)
{
	struct msg *m = msg_new(MSG_JOIN, NULL, NULL, NULL, 0, NULL);

	cr_assert_str_empty(msg_from(m));
	cr_assert_str_empty(msg_to(m));
	cr_assert_str_empty(msg_text(m));
	cr_assert_str_empty(msg_key(m));
	cr_assert_eq(msg_size(m), sizeof(*m) + 4);
	msg_unref(m);
	msg_unref(NULL);
}

/* As long as each may be: the lengths' last values. */
Test(msg, longest)
{
	char name[256], *text = xmalloc(65535);
	struct msg *m;

	memset(name, 'n', 255);
	name[255] = '\0';
	memset(text, 't', 65535);
	m = msg_new(MSG_TEXT, name, name, text, 65535, name);
	cr_assert_str_eq(msg_from(m), name);
	cr_assert_str_eq(msg_to(m), name);
	cr_assert_arr_eq(msg_text(m), text, 65535);
	cr_assert_eq(msg_text(m)[65535], '\0');
	cr_assert_str_eq(msg_key(m), name);
	msg_unref(m);
	free(text);
}

Test(msg, kinds)
{
	static const char *const no_kinds[] = { "", "tex", "texts", "TEXT",
	    "join", "Notice", " text" };
	size_t i;

	cr_assert_eq(msg_kind_parse("text"), MSG_TEXT);
	cr_assert_eq(msg_kind_parse("action"), MSG_ACTION);
	cr_assert_eq(msg_kind_parse("notice"), MSG_NOTICE);
	for (i = 0; i < NITEMS(no_kinds); i++)
		cr_assert_eq(msg_kind_parse(no_kinds[i]), -1);
	cr_assert_str_eq(msg_kind_name(MSG_TEXT), "text");
	cr_assert_str_eq(msg_kind_name(MSG_ACTION), "action");
	cr_assert_str_eq(msg_kind_name(MSG_NOTICE), "notice");
	cr_assert_str_empty(msg_kind_name(MSG_JOIN));
	cr_assert_str_empty(msg_kind_name(MSG_RENAMED));
}

Test(msg, stored)
{
	static const struct {
		enum msg_kind	 kind;
		bool		 stored;
	} kinds[] = { { MSG_TEXT, true }, { MSG_ACTION, true },
	    { MSG_NOTICE, true }, { MSG_JOIN, false }, { MSG_LEAVE, false },
	    { MSG_TOPIC, false }, { MSG_RENAMED, false },
	    { MSG_ROLE, true }, { MSG_KICKED, true }, { MSG_REDACT, true } };
	size_t i;

	for (i = 0; i < NITEMS(kinds); i++) {
		struct msg *m = msg_new(kinds[i].kind, "a", "", "", 0, "");

		cr_assert_eq(msg_stored(m), kinds[i].stored);
		msg_unref(m);
	}
}

Test(msg, number)
{
	static const struct {
		const char	*text;
		uint64_t	 n;
		const char	*rest;
	} texts[] = { { "", 0, "" }, { "0 ", 0, "" }, { "90 too loud", 90,
	    "too loud" }, { "7", 7, "" }, { "x 7", 0, "x 7" } };
	const char *rest;
	size_t i;

	for (i = 0; i < NITEMS(texts); i++) {
		struct msg *m = msg_new(MSG_KICKED, "a", "b", texts[i].text,
		    strlen(texts[i].text), NULL);

		cr_assert_eq(msg_number(m, &rest), texts[i].n);
		cr_assert_str_eq(rest, texts[i].rest);
		msg_unref(m);
	}
}

static void *
count_thread(void *arg)
{
	struct msg *m = arg;
	int i;

	for (i = 0; i < 100000; i++)
		msg_unref(msg_ref(m));
	msg_unref(m);
	return NULL;
}

/* Counted by four threads at once: freed once, and by the last. */
Test(msg, counted_by_threads)
{
	struct msg *m = msg_new(MSG_TEXT, "a", "", "x", 1, "");
	pthread_t threads[4];
	size_t i;

	for (i = 0; i < NITEMS(threads); i++)
		pthread_create(&threads[i], NULL, count_thread, msg_ref(m));
	for (i = 0; i < NITEMS(threads); i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(atomic_load(&m->refs), 1);
	cr_assert_str_eq(msg_text(m), "x");
	msg_unref(m);
}

Test(msg, batch_drops_its_references)
{
	struct msg *m = msg_new(MSG_TEXT, "a", "", "x", 1, "");
	struct batch *b = xcalloc(1, sizeof(*b) + 3 * sizeof(b->msgs[0]));

	b->cap = 3;
	while (b->n < 2)
		b->msgs[b->n++] = msg_ref(m);
	cr_assert_eq(atomic_load(&m->refs), 3);
	batch_free(b);
	cr_assert_eq(atomic_load(&m->refs), 1);
	msg_unref(m);
}
