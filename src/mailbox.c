#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "mailbox.h"
#include "util.h"

void
mail_list_init(struct mail_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

bool
mail_list_empty(const struct mail_list *l)
{
	return l->first == NULL;
}

void
mail_list_add(struct mail_list *l, struct mail *m)
{
	m->next = NULL;
	*l->last = m;
	l->last = &m->next;
	l->n++;
}

void
mail_list_join(struct mail_list *to, struct mail_list *from)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	mail_list_init(from);
}

struct mail *
mail_list_pop(struct mail_list *l)
{
	struct mail *m = l->first;

	if (m == NULL)
		return NULL;
	if ((l->first = m->next) == NULL)
		l->last = &l->first;
	l->n--;
	return m;
}

void
mailbox_init(struct mailbox *mb, void (*wake)(void *), void *arg)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&mb->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&mb->cond, &attr);
	pthread_condattr_destroy(&attr);
	mail_list_init(&mb->list);
	mb->wake = wake;
	mb->arg = arg;
	mb->timed = false;
	mb->since = mb->oldest = 0;
	atomic_init(&mb->posted, 0);
}

void
mailbox_destroy(struct mailbox *mb)
{
	pthread_cond_destroy(&mb->cond);
	pthread_mutex_destroy(&mb->lock);
}

void
mailbox_post(struct mailbox *mb, struct mail_list *l)
{
	bool was_empty;

	if (mail_list_empty(l))
		return;
	pthread_mutex_lock(&mb->lock);
	was_empty = mail_list_empty(&mb->list);
	if (was_empty && mb->timed)
		mb->since = clock_us();
	atomic_store_explicit(&mb->posted, atomic_load_explicit(&mb->posted,
	    memory_order_relaxed) + l->n, memory_order_relaxed);
	mail_list_join(&mb->list, l);
	if (was_empty && mb->wake == NULL)
		pthread_cond_signal(&mb->cond);
	pthread_mutex_unlock(&mb->lock);
	if (was_empty && mb->wake != NULL)
		mb->wake(mb->arg);
}

void
mailbox_post_one(struct mailbox *mb, struct mail *m)
{
	struct mail_list l;

	mail_list_init(&l);
	mail_list_add(&l, m);
	mailbox_post(mb, &l);
}

/* All of it, locked. */
static struct mail *
take(struct mailbox *mb)
{
	struct mail *first = mb->list.first;

	mail_list_init(&mb->list);
	mb->oldest = mb->since;
	return first;
}

struct mail *
mailbox_drain(struct mailbox *mb)
{
	struct mail *first;

	pthread_mutex_lock(&mb->lock);
	first = take(mb);
	pthread_mutex_unlock(&mb->lock);
	return first;
}

struct mail *
mailbox_wait(struct mailbox *mb, int timeout_ms)
{
	struct timespec until;
	struct mail *first;

	if (timeout_ms >= 0) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += timeout_ms / 1000;
		until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
	}
	pthread_mutex_lock(&mb->lock);
	while (mail_list_empty(&mb->list)) {
		if (timeout_ms < 0)
			pthread_cond_wait(&mb->cond, &mb->lock);
		else if (pthread_cond_timedwait(&mb->cond, &mb->lock,
		    &until) == ETIMEDOUT)
			break;
	}
	first = take(mb);
	pthread_mutex_unlock(&mb->lock);
	return first;
}
