#include <stdlib.h>
#include <string.h>

#include "skeleton.h"
#include "util.h"

/* An item with this skeleton, in a list of all those that have it. */
struct look {
	struct look	*next;
	const void	*item;
	char		 skeleton[];
};

static const char *
look_key(const void *p)
{
	return ((const struct look *)p)->skeleton;
}

/* The skeletons of a name as shown and in small letters: how many differ. */
static unsigned
looks_of(const char *key, const char *shown, enum looks looks,
    char out[2][SKELETON_SIZE])
{
	name_skeleton(shown, looks, out[0]);
	name_skeleton(key, looks, out[1]);
	return strcmp(out[0], out[1]) == 0 ? 1 : 2;
}

bool
names_alike(const struct name *a, const struct name *b, enum looks looks)
{
	char of_a[2][SKELETON_SIZE], of_b[2][SKELETON_SIZE];
	unsigned na = looks_of(a->key, a->shown, looks, of_a), i;
	unsigned nb = looks_of(b->key, b->shown, looks, of_b), k;

	for (i = 0; i < na; i++) {
		for (k = 0; k < nb; k++) {
			if (strcmp(of_a[i], of_b[k]) == 0)
				return true;
		}
	}
	return false;
}

void
skeletons_init(struct skeletons *s, const struct table *names,
    const char *(*shown)(const void *), enum looks looks)
{
	s->names = names;
	s->shown = shown;
	s->looks = looks;
	table_init(&s->index, look_key);
}

void
skeletons_free(struct skeletons *s)
{
	struct look *look, *next;
	size_t pos = 0;

	while ((look = table_next(&s->index, &pos)) != NULL) {
		for (; look != NULL; look = next) {
			next = look->next;
			free(look);
		}
	}
	table_free(&s->index);
}

static void
add(struct skeletons *s, const void *item, const char *skeleton)
{
	struct look *first = table_get(&s->index, skeleton);
	size_t n = strlen(skeleton) + 1;
	struct look *look = xmalloc(sizeof(*look) + n);

	look->item = item;
	look->next = NULL;
	memcpy(look->skeleton, skeleton, n);
	if (first == NULL) {
		table_put(&s->index, look);
		return;
	}
	look->next = first->next;
	first->next = look;
}

static void
del(struct skeletons *s, const void *item, const char *skeleton)
{
	struct look *look = table_get(&s->index, skeleton), **at;

	if (look == NULL)
		return;
	if (look->item == item) {
		table_del(&s->index, skeleton);
		if (look->next != NULL)
			table_put(&s->index, look->next);
		free(look);
		return;
	}
	for (at = &look->next; (look = *at) != NULL; at = &look->next) {
		if (look->item == item) {
			*at = look->next;
			free(look);
			return;
		}
	}
}

static void
each(struct skeletons *s, const void *item,
    void (*run)(struct skeletons *, const void *, const char *))
{
	const char *key = s->names->key(item);
	char own[2][SKELETON_SIZE];
	unsigned i, n = looks_of(key, s->shown(item), s->looks, own);

	for (i = 0; i < n; i++) {
		if (strcmp(own[i], key) != 0)
			run(s, item, own[i]);
	}
}

void
skeletons_add(struct skeletons *s, const void *item)
{
	each(s, item, add);
}

void
skeletons_del(struct skeletons *s, const void *item)
{
	each(s, item, del);
}

const char *
skeletons_find(const struct skeletons *s, const char *key, const char *shown)
{
	char own[2][SKELETON_SIZE];
	unsigned i, n = looks_of(key, shown, s->looks, own);
	const struct look *look;
	const void *item;

	for (i = 0; i < n; i++) {
		item = table_get(s->names, own[i]);
		if (item != NULL && strcmp(s->names->key(item), key) != 0)
			return s->shown(item);
		look = table_get(&s->index, own[i]);
		for (; look != NULL; look = look->next) {
			if (strcmp(s->names->key(look->item), key) != 0)
				return s->shown(look->item);
		}
	}
	return NULL;
}
