#include <stdlib.h>
#include <string.h>

#include "former.h"
#include "util.h"

void
formers_free(struct formers *f)
{
	uint32_t i;

	for (i = 0; i < FORMER_MAX; i++)
		free(f->ring[i]);
	*f = (struct formers){ 0 };
}

/* An address, by a hash of it; or a guest. */
static uint64_t
owner_of(const struct former *one)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);	/* FNV-1a */
	const char *s;

	if (one->whose == NULL)
		return one->author;
	for (s = one->whose; *s != '\0'; s++)
		hash = (hash ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return hash;
}

/* Who has many pushes out the oldest of its own: else the next one goes. */
static uint32_t
find_place(struct formers *f, uint64_t owner)
{
	uint32_t i, n = 0, oldest = 0;

	for (i = 0; i < FORMER_MAX; i++) {
		if (f->owners[i] != owner || f->ring[i] == NULL)
			continue;
		if (n++ == 0 || f->ring[i]->at < f->ring[oldest]->at)
			oldest = i;
	}
	if (n >= FORMER_OWN)
		return oldest;
	i = f->next;
	f->next = (i + 1) % FORMER_MAX;
	return i;
}

void
formers_add(struct formers *f, const struct former *from, const char *key)
{
	uint64_t owner = owner_of(from);
	uint32_t place = find_place(f, owner);
	size_t keys = strlen(key) + 1, shows = strlen(from->shown) + 1;
	size_t whoses = from->whose != NULL ? strlen(from->whose) + 1 : 0;
	struct former *one = xmalloc(sizeof(*one) + keys + shows + whoses);
	char *s = one->key;

	*one = *from;
	memcpy(s, key, keys);
	one->shown = memcpy(s + keys, from->shown, shows);
	if (from->whose != NULL)
		one->whose = memcpy(s + keys + shows, from->whose, whoses);
	free(f->ring[place]);
	f->ring[place] = one;
	f->sids[place] = one->sid;
	f->owners[place] = owner;
}

/* By their sids alone: of those who come back many may come at once. */
void
formers_resumed(struct formers *f, uint32_t sid, uint32_t by)
{
	uint32_t i;

	for (i = 0; i < FORMER_MAX; i++) {
		if (f->sids[i] == sid && f->ring[i] != NULL)
			f->ring[i]->sid = f->sids[i] = by;
	}
}

const struct former *
formers_next(const struct formers *f, uint64_t now, uint32_t *at)
{
	const struct former *one;

	while (*at < FORMER_MAX) {
		one = f->ring[(*at)++];
		if (one != NULL && one->at + FORMER_MS > now)
			return one;
	}
	return NULL;
}

const struct former *
formers_find(const struct formers *f, uint64_t now, const char *key)
{
	const struct former *one, *last = NULL;
	uint32_t at = 0;

	while ((one = formers_next(f, now, &at)) != NULL) {
		if (strcmp(one->key, key) == 0 &&
		    (last == NULL || one->at >= last->at))
			last = one;
	}
	return last;
}

void
formers_forget(struct formers *f, const char *key)
{
	uint32_t i;

	for (i = 0; i < FORMER_MAX; i++) {
		if (f->ring[i] == NULL || strcmp(f->ring[i]->key, key) != 0)
			continue;
		free(f->ring[i]);
		f->ring[i] = NULL;
		f->sids[i] = 0;
	}
}
