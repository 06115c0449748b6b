#include <stdlib.h>
#include <string.h>

#include "conf-table.h"

/* In the file's syntax, as -t prints it. */
static char *
value_text(const struct conf *conf, const struct conf_option *o)
{
	struct buf b = { 0 };

	conf_value_add(&b, conf, o);
	buf_str(&b);
	return b.data;
}

void
conf_changes_take(struct conf_changes *changes, struct conf *conf,
    const struct conf *running)
{
	const struct conf_option *o;
	char *from, *to;

	for (o = conf_options; o->name != NULL; o++) {
		from = value_text(running, o);
		to = value_text(conf, o);
		if (strcmp(from, to) == 0) {
			free(from);
			free(to);
			continue;
		}
		changes->list = xrealloc(changes->list, (changes->n + 1) *
		    sizeof(*changes->list));
		changes->list[changes->n++] = (struct conf_change){ o->name,
		    from, to, !o->reloadable };
		if (!o->reloadable)
			conf_value_copy(conf, running, o);
	}
}

void
conf_changes_free(struct conf_changes *changes)
{
	size_t i;

	for (i = 0; i < changes->n; i++) {
		free(changes->list[i].from);
		free(changes->list[i].to);
	}
	free(changes->list);
	*changes = (struct conf_changes){ 0 };
}
