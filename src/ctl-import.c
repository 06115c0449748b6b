#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl-export.h"
#include "import-file.h"
#include "util.h"

static json_t *
send_cb(void *arg, json_t *request)
{
	return ctl_ask(((const struct ctl *)arg)->fd, request);
}

static void
read_all(struct import_file *i, FILE *f, const char *path)
{
	static char s[IMPORT_LINE + 2];
	bool more = true;
	size_t n;

	while (more && fgets(s, sizeof(s), f) != NULL) {
		n = strlen(s);
		if (n > 0 && (s[n - 1] == '\n' || (feof(f) &&
		    n <= IMPORT_LINE)))
			more = import_file_line(i, s, n);
		else
			more = import_file_bad(i, n <= IMPORT_LINE ? "there "
			    "is a NUL in the line" : "the line is too long");
	}
	if (ferror(f))
		err(REFUSED, "%s", path);
	if (more)
		import_file_end(i);
}

/* "; left out 2 acts", if there were any. */
static void
add_left(struct buf *b, unsigned long long n, const char *what)
{
	if (n > 0)
		buf_addf(b, "; left out %llu %s%s", n, what, n == 1 ? "" :
		    "s");
}

static void
show_done(const struct import_file *i)
{
	struct buf b = { 0 };

	buf_addf(&b, "imported %llu message%s of %s", i->taken,
	    i->taken == 1 ? "" : "s", import_file_name(i));
	if (i->done > 0)
		buf_addf(&b, ", from line %lu on, behind what was imported "
		    "before", i->done + 1);
	add_left(&b, i->left, "fact");
	add_left(&b, i->acts, "act");
	if (i->missing > 0)
		buf_addf(&b, "\nthe file has %llu message%s less than its end "
		    "says", i->missing, i->missing == 1 ? "" : "s");
	puts(buf_str(&b));
	buf_free(&b);
}

/* What is to be known to go on: how far it came. */
static void
show_stored(const struct import_file *i)
{
	if (i->stored == 0)
		warnx("nothing was imported");
	else if (i->bad > 0)
		warnx("all lines up to %lu are imported; mend line %lu and "
		    "import the same file again: it goes on there", i->stored,
		    i->bad);
	else
		warnx("all lines up to %lu are imported; import the same file "
		    "again: it goes on there", i->stored);
}

static int
fail(const struct ctl *c, const struct import_file *i, const char *path)
{
	json_t *o;

	if (i->error == NULL && (i->stored == 0 || c->json))
		return ctl_refused(c, i->refused);
	if (c->json) {
		o = json_pack("{s:s,s:b,s:s,s:s,s:I,s:I}", "reply", "import",
		    "ok", 0, "error", "bad-line", "message", i->error, "line",
		    (json_int_t)i->bad, "stored", (json_int_t)i->stored);
		ctl_refused(c, o);
		json_decref(o);
		return REFUSED;
	}
	if (i->error != NULL)
		warnx("%s:%lu: %s", path, i->bad, i->error);
	else
		ctl_refused(c, i->refused);
	show_stored(i);
	return REFUSED;
}

int
ctl_import(const struct ctl *c, const char *path)
{
	bool input = strcmp(path, "-") == 0;
	FILE *f = input ? stdin : fopen(path, "re");
	struct import_file i;
	int status = 0;

	if (f == NULL)
		err(REFUSED, "%s", path);
	import_file_begin(&i, send_cb, (void *)(uintptr_t)c,
	    ctl_flag(c, 'm'));
	read_all(&i, f, input ? "standard input" : path);
	if (!input)
		fclose(f);
	if (!i.ended || i.error != NULL)
		status = fail(c, &i, input ? "standard input" : path);
	else if (c->json)
		printf("{\"reply\":\"import\",\"ok\":true,\"messages\":%llu,"
		    "\"left\":%llu,\"acts\":%llu,\"missing\":%llu}\n", i.taken,
		    i.left, i.acts, i.missing);
	else
		show_done(&i);
	import_file_free(&i);
	return status;
}
