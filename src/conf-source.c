/*
 * Where a configuration comes from, on the command line of either program.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf-table.h"

void
conf_source_init(struct conf_source *s, int argc)
{
	s->overrides = xcalloc((size_t)argc + 1, sizeof(*s->overrides));
}

bool
conf_source_option(struct conf_source *s, int c, const char *arg)
{
	switch (c) {
	case 'f':
		s->file = arg;
		return true;
	case 'n':
		s->no_file = true;
		return true;
	case 'o':
		s->overrides[s->noverrides++].text = arg;
		return true;
	default:
		return false;
	}
}

/* Whether name=value, or a line of a file, is of one of these options. */
static bool
is_of(const char *line, const char *const *names)
{
	size_t n;

	line += strspn(line, " \t");
	for (; *names != NULL; names++) {
		n = strlen(*names);
		if (strncmp(line, *names, n) == 0 &&
		    line[n + strspn(line + n, " \t")] == '=')
			return true;
	}
	return false;
}

/* Other lines become empty ones, so that each has its number. False: the file
 * cannot be read. */
static bool
glean_file(const char *path, const char *const *names, struct buf *text)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		return false;
	while (getline(&line, &size, f) != -1)
		buf_adds(text, is_of(line, names) ? line : "\n");
	free(line);
	fclose(f);
	return true;
}

struct conf *
conf_glean(const struct conf_source *s, const char *const *names,
    char **error)
{
	struct conf_override *some = xcalloc(s->noverrides + 1, sizeof(*some));
	const char *path = conf_source_path(s);
	struct buf text = { 0 };
	struct conf *conf;
	size_t i, n = 0;

	if (path != NULL && !glean_file(path, names, &text) &&
	    s->file != NULL) {
		*error = xasprintf("%s: %s", path, strerror(errno));
		free(some);
		return NULL;
	}
	for (i = 0; i < s->noverrides; i++) {
		if (is_of(s->overrides[i].text, names))
			some[n++] = s->overrides[i];
	}
	conf = conf_parse_text(path != NULL ? path : "", buf_str(&text),
	    text.len, some, n, error);
	buf_free(&text);
	free(some);
	return conf;
}
