#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf-table.h"
#include "tls.h"

#define FILE_MAX	(256 * 1024)	/* bytes of a file */
#define ERRORS_MAX	50		/* lines told at once */
#define COMMENT_WIDTH	76

/* Where an option was set last: "file:3" or "-o rate=x"; text NULL: nowhere. */
struct place {
	char	*text;
	int	 line, nth;
};

struct parse {
	struct conf	*conf;
	struct conf_errors errors;
	struct place	*places;	/* as in conf_options */
	const struct conf *running;	/* reload; else NULL */
	struct conf_changes *changes;
};

void
conf_error_add(struct conf_errors *e, int line, int nth, char *text)
{
	e->list = xrealloc(e->list, (e->n + 1) * sizeof(*e->list));
	e->list[e->n++] = (struct conf_error){ line, nth, text };
}

bool
conf_error_at(const struct conf_errors *e, int line)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		if (e->list[i].nth == 0 && e->list[i].line == line)
			return true;
	}
	return false;
}

static bool
error_before(const struct conf_error *a, const struct conf_error *b)
{
	return a->nth != b->nth ? a->nth < b->nth : a->line < b->line;
}

/* The lines, LF between them; empties the errors. */
static char *
take_errors(struct conf_errors *e)
{
	struct buf b = { 0 };
	struct conf_error one;
	size_t i, k;
	char *text;

	/* By insertion: there are few, and equals stay as they came. */
	for (i = 1; i < e->n; i++) {
		one = e->list[i];
		for (k = i; k > 0 && error_before(&one, &e->list[k - 1]); k--)
			e->list[k] = e->list[k - 1];
		e->list[k] = one;
	}
	for (i = 0; i < e->n; i++) {
		if (i < ERRORS_MAX)
			buf_addf(&b, "%s%s", i == 0 ? "" : "\n",
			    e->list[i].text);
		free(e->list[i].text);
	}
	if (e->n > ERRORS_MAX)
		buf_addf(&b, "\nand %zu more", e->n - ERRORS_MAX);
	free(e->list);
	*e = (struct conf_errors){ 0 };
	text = xstrdup(buf_str(&b));
	buf_free(&b);
	return text;
}

static struct place *
place_of(struct parse *p, const struct conf_option *o)
{
	return &p->places[o - conf_options];
}

/* Sets the option, and notes where. Takes the place's text over. */
static void
set(struct parse *p, const struct conf_option *o, const char *value,
    struct place place)
{
	struct place *at = place_of(p, o);
	char *why;

	if (o->type == CONF_LISTEN && (at->text == NULL ||
	    (at->nth == 0) != (place.nth == 0)))
		conf_value_free(p->conf, o);
	if (!conf_value_set(p->conf, o, value, place.nth != 0, &why)) {
		conf_error_add(&p->errors, place.line, place.nth,
		    xasprintf("%s: %s: %s", place.text, o->name, why));
		free(why);
	}
	free(at->text);
	*at = place;
}

/* A pipe is good for a start, but a daemon that serves waits for none. */
static bool
is_lasting(struct parse *p, const char *file, int fd)
{
	struct stat st;

	if (p->running == NULL ||
	    (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return true;
	conf_error_add(&p->errors, 0, 0, xasprintf("%s: is no regular file; a "
	    "configuration file, which can be read again", file));
	return false;
}

static bool
read_file(struct parse *p, const char *file, struct buf *text)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC |
	    (p->running != NULL ? O_NONBLOCK : 0));
	ssize_t n = -1;

	if (fd != -1 && !is_lasting(p, file, fd)) {
		close(fd);
		return false;
	}
	if (fd != -1) {
		do {
			n = read(fd, buf_room(text, 8192), 8192);
			if (n > 0)
				text->len += (size_t)n;
		} while ((n > 0 && text->len <= FILE_MAX) ||
		    (n == -1 && errno == EINTR));
	}
	if (n == -1)
		conf_error_add(&p->errors, 0, 0, xasprintf("%s: cannot be "
		    "read: %s; a file that partylined may read, or -n for "
		    "none", file, strerror(errno)));
	else if (n > 0)
		conf_error_add(&p->errors, 0, 0, xasprintf("%s: is larger than "
		    "%d bytes; a configuration file", file, FILE_MAX));
	if (fd != -1)
		close(fd);
	return n == 0;
}

static void
apply_text(struct parse *p, const char *name, struct buf *text)
{
	struct conf_items items = { 0 };
	size_t i;

	conf_items_read(&items, name, text, &p->errors);
	for (i = 0; i < items.n; i++) {
		const struct conf_item *item = &items.list[i];

		set(p, item->option, item->text, (struct place){
		    xasprintf("%s:%d", name, item->line), item->line, 0 });
	}
	conf_items_free(&items);
}

/* "name=value", blanks around the name and before the value allowed. */
static void
apply_override(struct parse *p, const char *text, int nth)
{
	const char *equal = strchr(text, '='), *nearest, *value;
	const struct conf_option *o;
	struct buf place = { 0 };
	char *name;
	size_t n;

	text += strspn(text, " \t");
	n = equal == NULL ? strlen(text) : (size_t)(equal - text);
	while (n > 0 && strchr(" \t", text[n - 1]) != NULL)
		n--;
	name = xasprintf("%.*s", (int)n, text);
	buf_adds(&place, "-o ");
	conf_quote(&place, text);
	/* The quotes of conf_quote() are not the user's. */
	memmove(place.data + 3, place.data + 4, place.len - 4);
	place.len -= 2;
	buf_str(&place);
	if (equal == NULL)
		conf_error_add(&p->errors, 0, nth, xasprintf("%s: has no "
		    "value; -o name=value", place.data));
	else if ((o = conf_option(name)) == NULL) {
		nearest = conf_nearest_option(name);
		conf_error_add(&p->errors, 0, nth, xasprintf("%s: unknown "
		    "option; %s%s", place.data, nearest == NULL ?
		    "one of those that partylined -n -t prints" :
		    "perhaps ", nearest == NULL ? "" : nearest));
	} else {
		value = equal + 1 + strspn(equal + 1, " \t");
		set(p, o, value, (struct place){ xstrdup(place.data), 0, nth });
	}
	buf_free(&place);
	free(name);
}

static void
set_defaults(struct parse *p)
{
	const struct conf_option *o;
	char *why;

	for (o = conf_options; o->name != NULL; o++) {
		if (o->def != NULL && !conf_value_set(p->conf, o, o->def,
		    false, &why))
			abort();
	}
}

/* What was not set, from what was; in the table's order. */
static void
compute_defaults(struct parse *p)
{
	const struct conf_option *o;
	char *text, *why;

	for (o = conf_options; o->name != NULL; o++) {
		if (o->compute == NULL)
			continue;
		if (place_of(p, o)->text != NULL && (o->type != CONF_NUMBER ||
		    *(unsigned *)((char *)p->conf + o->offset) != 0))
			continue;
		text = o->compute(p->conf);
		if (!conf_value_set(p->conf, o, text, false, &why)) {
			conf_error_add(&p->errors, 0, 0, xasprintf("default: "
			    "%s: %s", o->name, why));
			free(why);
		}
		free(text);
	}
}

/* Tells it at the place of the one of two options that was set last. */
static void
clash(struct parse *p, const char *one, const char *other, char *text)
{
	const struct conf_option *o = conf_option(one);
	const struct place *a = place_of(p, o);
	const struct place *b = place_of(p, conf_option(other));

	if (a->text == NULL)
		a = b;
	conf_error_add(&p->errors, a->line, a->nth, xasprintf("%s: %s: %s%s",
	    a->text == NULL ? "default" : a->text, one, text,
	    p->changes != NULL && p->changes->n > 0 ?
	    "; what needs a restart is as it was" : ""));
	free(text);
}

static void
check_sizes(struct parse *p)
{
	const struct conf *c = p->conf;

	if (c->max_text > c->max_line)
		clash(p, "max_text", "max_line", xasprintf("%" PRIu64 " is "
		    "more than max_line; at most %" PRIu64 ", or a larger "
		    "max_line", c->max_text, c->max_line));
	if (c->stream_bytes < 4 * c->max_text)
		clash(p, "stream_bytes", "max_text", xasprintf("%" PRIu64 " is "
		    "less than four messages of max_text; at least %" PRIu64
		    ", or a smaller max_text", c->stream_bytes,
		    4 * c->max_text));
	if (c->store_queue < 4 * c->max_text)
		clash(p, "store_queue", "max_text", xasprintf("%" PRIu64 " is "
		    "less than four messages of max_text; at least %" PRIu64
		    ", or a smaller max_text", c->store_queue,
		    4 * c->max_text));
	if (c->mailbox_bytes < 4 * c->max_line)
		clash(p, "mailbox_bytes", "max_line", xasprintf("%" PRIu64
		    " is less than four lines of max_line; at least %" PRIu64
		    ", or a smaller max_line", c->mailbox_bytes,
		    4 * c->max_line));
	if (c->history_bytes != 0 && c->history_bytes < c->max_text)
		clash(p, "history_bytes", "max_text", xasprintf("%" PRIu64
		    " does not hold a message of max_text; at least %" PRIu64
		    ", or 0 for no limit", c->history_bytes, c->max_text));
}

static void
check_user(struct parse *p)
{
	if (p->conf->group[0] != '\0' && p->conf->user[0] == '\0')
		clash(p, "group", "user", xstrdup("is set without user; with "
		    "one, or leave it out"));
}

static void
check_listens(struct parse *p)
{
	const struct listen_conf *a, *b;
	const struct conf *c = p->conf;
	size_t i, k;

	for (i = 0; i < c->nlistens; i++) {
		for (k = 0; k < i; k++) {
			a = &c->listens[k];
			b = &c->listens[i];
			if (a->local != b->local || a->port != b->port ||
			    strcmp(a->address, b->address) != 0 ||
			    (!a->local && a->port == 0))
				continue;
			clash(p, "listen", "listen", xasprintf("\"%s\" and "
			    "\"%s\" are the same address; each address once",
			    a->text, b->text));
			return;
		}
	}
}

static void
check_tls(struct parse *p)
{
	const struct conf *c = p->conf;
	size_t i;

	if (c->tls_login != TLS_LOGIN_NO && (c->tls_client_ca[0] == '\0' ||
	    c->tls_cert[0] == '\0'))
		clash(p, "tls_login", "tls_client_ca", xstrdup("clients are "
		    "asked for no certificate; tls_cert and tls_client_ca, or "
		    "no"));
	if (c->tls_cert[0] != '\0') {
		if (!tls_built())
			clash(p, "tls_cert", "tls_cert", xstrdup("TLS was left "
			    "out of this build; configure --with-tls"));
		return;
	}
	for (i = 0; i < c->nlistens; i++) {
		if (c->listens[i].kind == LISTEN_TLS) {
			clash(p, "listen", "tls_cert", xasprintf("\"%s\" "
			    "without a certificate; tls_cert names one, "
			    "contrib/tls-selfsigned makes one for trying",
			    c->listens[i].text));
			return;
		}
	}
	if (c->tls_key[0] != '\0')
		clash(p, "tls_key", "tls_cert", xstrdup("a key without a "
		    "certificate; tls_cert names one"));
}

/* What clashes may be no one's fault while a value is wrong. */
static void
check(struct parse *p)
{
	if (p->errors.n == 0) {
		check_sizes(p);
		check_user(p);
		check_listens(p);
		check_tls(p);
	}
	if (p->errors.n == 0 && p->running != NULL) {
		conf_changes_take(p->changes, p->conf, p->running);
		check_sizes(p);
		check_tls(p);
		if (p->errors.n > 0)
			conf_changes_free(p->changes);
	}
}

static struct conf *
parse(struct parse *in, const char *file, struct buf *text,
    const struct conf_override *o, size_t n, char **error)
{
	struct parse p = *in;
	size_t noptions = 0, i;

	*error = NULL;
	p.conf = xcalloc(1, sizeof(*p.conf));
	while (conf_options[noptions].name != NULL)
		noptions++;
	p.places = xcalloc(noptions, sizeof(*p.places));
	set_defaults(&p);
	if (file != NULL && (text->data != NULL || read_file(&p, file, text)))
		apply_text(&p, file, text);
	for (i = 0; i < n; i++)
		apply_override(&p, o[i].text, (int)i + 1);
	compute_defaults(&p);
	p.conf->listen_set = place_of(&p, conf_option("listen"))->text != NULL;
	check(&p);
	for (i = 0; i < noptions; i++)
		free(p.places[i].text);
	free(p.places);
	if (p.errors.n == 0)
		return p.conf;
	*error = take_errors(&p.errors);
	conf_free(p.conf);
	return NULL;
}

struct conf *
conf_parse(const char *file, const struct conf_override *o, size_t n,
    char **error)
{
	struct parse p = { 0 };
	struct buf text = { 0 };
	struct conf *conf = parse(&p, file, &text, o, n, error);

	buf_free(&text);
	return conf;
}

const char *
conf_source_path(const struct conf_source *s)
{
	return s->file == NULL && !s->no_file ? CONF_FILE : s->file;
}

/* NULL: none. */
static const char *
source_file(const struct conf_source *s)
{
	const char *path = conf_source_path(s);

	return s->file == NULL && path != NULL && access(path, F_OK) == -1 ?
	    NULL : path;
}

struct conf *
conf_load(const struct conf_source *s, char **error)
{
	return conf_parse(source_file(s), s->overrides, s->noverrides, error);
}

struct conf *
conf_reload(const struct conf *running, const struct conf_source *s,
    struct conf_changes *changes, char **error)
{
	struct parse p = { .running = running, .changes = changes };
	struct buf text = { 0 };
	struct conf *conf = parse(&p, source_file(s), &text, s->overrides,
	    s->noverrides, error);

	buf_free(&text);
	return conf;
}

struct conf *
conf_parse_text(const char *name, const char *data, size_t len,
    const struct conf_override *o, size_t n, char **error)
{
	struct parse p = { 0 };
	struct buf text = { 0 };
	struct conf *conf;

	buf_add(&text, data, len);
	buf_str(&text);		/* not NULL, even if empty */
	conf = parse(&p, name, &text, o, n, error);
	buf_free(&text);
	return conf;
}

void
conf_free(struct conf *conf)
{
	const struct conf_option *o;

	if (conf == NULL)
		return;
	for (o = conf_options; o->name != NULL; o++)
		conf_value_free(conf, o);
	free(conf);
}

/* The words as comment lines. */
static void
print_comment(const char *text, FILE *f)
{
	size_t column = 1, n;

	putc('#', f);
	for (; *text != '\0'; text += n) {
		text += strspn(text, " ");
		n = strcspn(text, " ");
		if (column > 1 && column + 1 + n > COMMENT_WIDTH) {
			fputs("\n#", f);
			column = 1;
		}
		fprintf(f, " %.*s", (int)n, text);
		column += 1 + n;
	}
	putc('\n', f);
}

void
conf_print(const struct conf *conf, FILE *f)
{
	const struct conf_option *o;
	struct buf b = { 0 };

	for (o = conf_options; o->name != NULL; o++) {
		if (o->section != NULL)
			fprintf(f, "%s### %s\n", o == conf_options ? "" : "\n",
			    o->section);
		putc('\n', f);
		print_comment(o->help, f);
		buf_reset(&b);
		buf_addf(&b, "(%s: ", conf_type_name(o));
		conf_bounds_add(&b, o);
		buf_adds(&b, "; default: ");
		conf_default_add(&b, o);
		buf_addc(&b, ')');
		print_comment(buf_str(&b), f);
		buf_reset(&b);
		conf_value_add(&b, conf, o);
		fprintf(f, "%s = %s\n", o->name, buf_str(&b));
	}
	buf_free(&b);
}

void
conf_print_options(FILE *f)
{
	const struct conf_option *o;
	struct buf b = { 0 };

	for (o = conf_options; o->name != NULL; o++) {
		buf_reset(&b);
		buf_addf(&b, "%s\t%s\t", o->name, conf_type_name(o));
		conf_default_add(&b, o);
		buf_addc(&b, '\t');
		conf_bounds_add(&b, o);
		buf_addf(&b, "\t%s\t%s\n", o->reloadable ? "yes" : "no",
		    o->help);
		fwrite(b.data, 1, b.len, f);
	}
	buf_free(&b);
}
