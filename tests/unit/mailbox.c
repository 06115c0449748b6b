#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mailbox.h"
#include "util.h"

#define SENDERS	4
#define LETTERS	20000

struct letter {
	struct mail	 mail;		/* first: the mail is the letter */
	unsigned	 sender, number;
};

struct post {
	struct mailbox	*mb;
	unsigned	 sender;
	unsigned	 together;	/* letters in a list */
};

static atomic_uint wakes;

static void
wake_cb(void *arg)
{
	(void)arg;
	atomic_fetch_add(&wakes, 1);
}

static struct letter *
letter_new(unsigned sender, unsigned number)
{
	struct letter *l = xcalloc(1, sizeof(*l));

	l->mail.kind = MAIL_CONTROL;
	l->sender = sender;
	l->number = number;
	return l;
}

static unsigned
free_all(struct mail *m)
{
	struct mail *next;
	unsigned n = 0;

	for (; m != NULL; m = next, n++) {
		next = m->next;
		free(m);
	}
	return n;
}

Test(mailbox, list)
{
	struct letter a = { .number = 1 }, b = { .number = 2 };
	struct mail_list l;

	mail_list_init(&l);
	cr_assert(mail_list_empty(&l));
	a.mail.next = &b.mail;		/* what was there does not matter */
	mail_list_add(&l, &a.mail);
	cr_assert(!mail_list_empty(&l));
	cr_assert_null(a.mail.next);
	mail_list_add(&l, &b.mail);
	cr_assert_eq(l.first, &a.mail);
	cr_assert_eq(a.mail.next, &b.mail);
	cr_assert_null(b.mail.next);
}

Test(mailbox, wakes_when_it_turns_full)
{
	struct mailbox mb;
	struct mail_list l;
	struct mail *m;

	atomic_store(&wakes, 0);
	mailbox_init(&mb, wake_cb, NULL);
	cr_assert_null(mailbox_drain(&mb));
	mail_list_init(&l);
	mailbox_post(&mb, &l);
	cr_assert_eq(atomic_load(&wakes), 0, "nothing was posted");
	mailbox_post_one(&mb, &letter_new(0, 1)->mail);
	mailbox_post_one(&mb, &letter_new(0, 2)->mail);
	mail_list_add(&l, &letter_new(0, 3)->mail);
	mail_list_add(&l, &letter_new(0, 4)->mail);
	mailbox_post(&mb, &l);
	cr_assert(mail_list_empty(&l));
	cr_assert_eq(atomic_load(&wakes), 1);
	m = mailbox_drain(&mb);
	cr_assert_eq(((struct letter *)m)->number, 1);
	cr_assert_eq(((struct letter *)m->next->next->next)->number, 4);
	cr_assert_eq(free_all(m), 4);
	cr_assert_null(mailbox_drain(&mb));
	mail_list_add(&l, &letter_new(0, 5)->mail);
	mailbox_post(&mb, &l);
	cr_assert_eq(atomic_load(&wakes), 2);
	cr_assert_eq(free_all(mailbox_drain(&mb)), 1);
	mailbox_destroy(&mb);
}

static void *
post_thread(void *arg)
{
	struct post *p = arg;
	struct mail_list l;
	unsigned i;

	mail_list_init(&l);
	for (i = 0; i < LETTERS; i++) {
		if (p->together == 1) {
			mailbox_post_one(p->mb,
			    &letter_new(p->sender, i)->mail);
			continue;
		}
		mail_list_add(&l, &letter_new(p->sender, i)->mail);
		if ((i + 1) % p->together == 0)
			mailbox_post(p->mb, &l);
	}
	mailbox_post(p->mb, &l);
	return NULL;
}

/* Takes letters until all have come; how often there were any. */
static unsigned
receive_all(struct mailbox *mb, bool wait)
{
	unsigned expect[SENDERS] = { 0 }, left = SENDERS * LETTERS, full = 0;
	struct mail *m, *next;

	while (left > 0) {
		m = wait ? mailbox_wait(mb, -1) : mailbox_drain(mb);
		cr_assert(!wait || m != NULL);
		full += m != NULL;
		for (; m != NULL; m = next, left--) {
			struct letter *l = (struct letter *)m;

			next = m->next;
			cr_assert_lt(l->sender, SENDERS);
			cr_assert_eq(l->number, expect[l->sender]++,
			    "sender %u: out of order", l->sender);
			free(l);
		}
	}
	return full;
}

static unsigned
exchange(struct mailbox *mb, bool wait)
{
	struct post posts[SENDERS];
	pthread_t threads[SENDERS];
	unsigned i, full;

	for (i = 0; i < SENDERS; i++) {
		posts[i] = (struct post){ mb, i, 1 + i * 3 };
		pthread_create(&threads[i], NULL, post_thread, &posts[i]);
	}
	full = receive_all(mb, wait);
	for (i = 0; i < SENDERS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_null(mailbox_drain(mb));
	return full;
}

/* One wake for every time that there was mail, no more and no less. */
Test(mailbox, four_senders_waking, .timeout = 60)
{
	struct mailbox mb;
	unsigned full;

	atomic_store(&wakes, 0);
	mailbox_init(&mb, wake_cb, NULL);
	full = exchange(&mb, false);
	cr_assert_eq(atomic_load(&wakes), full);
	mailbox_destroy(&mb);
}

/* The waiting owner sleeps between letters and misses none. */
Test(mailbox, four_senders_waited_for, .timeout = 60)
{
	struct mailbox mb;

	mailbox_init(&mb, NULL, NULL);
	exchange(&mb, true);
	mailbox_destroy(&mb);
}

/* A bounce to and fro: a lost wake-up would hang it. */
static void *
answer_thread(void *arg)
{
	struct mailbox *boxes = arg;
	unsigned i;

	for (i = 0; i < LETTERS; i++)
		mailbox_post_one(&boxes[1], mailbox_wait(&boxes[0], -1));
	return NULL;
}

Test(mailbox, to_and_fro, .timeout = 60)
{
	struct mailbox boxes[2];
	struct letter ball = { .number = 7 };
	pthread_t thread;
	unsigned i;

	mailbox_init(&boxes[0], NULL, NULL);
	mailbox_init(&boxes[1], NULL, NULL);
	pthread_create(&thread, NULL, answer_thread, boxes);
	for (i = 0; i < LETTERS; i++) {
		mailbox_post_one(&boxes[0], &ball.mail);
		cr_assert_eq(mailbox_wait(&boxes[1], -1), &ball.mail);
	}
	pthread_join(thread, NULL);
	mailbox_destroy(&boxes[0]);
	mailbox_destroy(&boxes[1]);
}

Test(mailbox, wait_ends, .timeout = 60)
{
	static const int timeouts[] = { 0, 1, 20, 999 };
	struct mailbox mb;
	size_t i;

	mailbox_init(&mb, NULL, NULL);
	for (i = 0; i < NITEMS(timeouts); i++) {
		uint64_t start = clock_us();

		cr_assert_null(mailbox_wait(&mb, timeouts[i]));
		cr_assert_geq(clock_us() - start,
		    (uint64_t)timeouts[i] * 1000);
	}
	mailbox_post_one(&mb, &letter_new(0, 0)->mail);
	cr_assert_eq(free_all(mailbox_wait(&mb, 0)), 1);
	mailbox_post_one(&mb, &letter_new(0, 0)->mail);
	cr_assert_eq(free_all(mailbox_wait(&mb, 60000)), 1);
	mailbox_destroy(&mb);
}

/* How many there are, however they came together, and were ever posted. */
Test(mailbox, lists_are_counted)
{
	struct mail_list a, b;
	struct letter *first = letter_new(0, 0);
	struct mailbox mb;

	mail_list_init(&a);
	mail_list_init(&b);
	cr_assert_null(mail_list_pop(&a));
	mail_list_join(&a, &b);
	cr_assert(mail_list_empty(&a) && a.n == 0);
	mail_list_add(&a, &first->mail);
	mail_list_add(&b, &letter_new(0, 1)->mail);
	mail_list_add(&b, &letter_new(0, 2)->mail);
	mail_list_join(&a, &b);
	cr_assert(a.n == 3 && b.n == 0 && mail_list_empty(&b));
	mail_list_add(&b, mail_list_pop(&a));
	cr_assert(a.n == 2 && b.n == 1 && b.first == &first->mail);
	mail_list_join(&b, &a);
	mailbox_init(&mb, NULL, NULL);
	mailbox_post(&mb, &b);
	cr_assert_eq(b.n, 0);
	mailbox_post_one(&mb, &letter_new(0, 3)->mail);
	cr_assert_eq(atomic_load(&mb.posted), 4);
	cr_assert_eq(free_all(mailbox_drain(&mb)), 4);
	mailbox_post_one(&mb, &letter_new(0, 0)->mail);
	cr_assert_eq(atomic_load(&mb.posted), 5);
	cr_assert_eq(free_all(mailbox_drain(&mb)), 1);
	mailbox_destroy(&mb);
}

/* The oldest of what is taken counts, not what came behind it. */
Test(mailbox, tells_the_oldest)
{
	struct mailbox mb;
	uint64_t before, between;

	mailbox_init(&mb, NULL, NULL);
	mb.timed = true;
	before = clock_us();
	mailbox_post_one(&mb, &letter_new(0, 0)->mail);
	between = clock_us();
	cr_assert_eq(mb.oldest, 0, "nothing was taken yet");
	while (clock_us() == between)
		;
	mailbox_post_one(&mb, &letter_new(0, 1)->mail);
	cr_assert_eq(free_all(mailbox_drain(&mb)), 2);
	cr_assert(mb.oldest >= before && mb.oldest <= between);
	before = clock_us();
	mailbox_post_one(&mb, &letter_new(0, 0)->mail);
	cr_assert_eq(free_all(mailbox_wait(&mb, 0)), 1);
	cr_assert(mb.oldest >= before && mb.oldest <= clock_us());
	mailbox_destroy(&mb);
}
