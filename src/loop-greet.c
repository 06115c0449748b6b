/*
 * Clients that are silent at first: who stays so for greet_delay is greeted as
 * a person at a terminal.
 */
#include <stdlib.h>

#include "loop.h"
#include "session.h"
#include "util.h"

void
loop_greet_arm(struct loop *l)
{
	struct greets *g = &l->greets;
	uint64_t now = clock_ms(), due = g->ring[g->first].due;
	uint64_t wait = due > now ? due - now : 0;
	struct timeval tv = { (time_t)(wait / 1000),
	    (suseconds_t)(wait % 1000 * 1000) };

	evtimer_add(l->greet, &tv);
}

/* Most have spoken, and stay silent no more: the ring need not grow for them.
 * The first one stays, for which the timer runs. */
static void
make_space(struct loop *l)
{
	struct greets *g = &l->greets, old = *g;
	const struct session *s;
	uint32_t i;

	g->cap = old.cap ? old.cap * 2 : 64;
	g->ring = xmalloc(g->cap * sizeof(*g->ring));
	g->first = g->n = 0;
	for (i = 0; i < old.n; i++) {
		const struct greet *one = &old.ring[(old.first + i) % old.cap];

		s = loop_find(l, one->client);
		if (i == 0 || (s != NULL && session_dialect(s) == NULL))
			g->ring[g->n++] = *one;
	}
	free(old.ring);
	if (g->cap > 64 && g->n <= old.cap / 2) {
		g->cap = old.cap;
		g->ring = xrealloc(g->ring, g->cap * sizeof(*g->ring));
	}
}

void
loop_greet_later(struct loop *l, client_id client)
{
	struct greets *g = &l->greets;

	if (g->n == g->cap)
		make_space(l);
	g->ring[(g->first + g->n++) % g->cap] = (struct greet){ client,
	    clock_ms() + l->conf->greet_delay };
	if (g->n == 1)
		loop_greet_arm(l);
}

void
loop_greet_never(struct loop *l, client_id client)
{
	struct greets *g = &l->greets;
	uint32_t i;

	for (i = 0; i < g->n; i++) {
		if (g->ring[(g->first + i) % g->cap].client == client)
			g->ring[(g->first + i) % g->cap].client = 0;
	}
}

void
loop_greet_cb(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct greets *g = &l->greets;
	uint64_t now = clock_ms();
	struct session *s;

	(void)fd;
	(void)what;
	loop_began(l);
	while (g->n > 0 && g->ring[g->first].due <= now) {
		s = loop_find(l, g->ring[g->first].client);
		g->first = (g->first + 1) % g->cap;
		g->n--;
		if (s != NULL && !s->dead)
			session_greet(s);
	}
	if (g->n > 0)
		loop_greet_arm(l);
	else {		/* what a burst of connects made large */
		free(g->ring);
		*g = (struct greets){ 0 };
	}
}
