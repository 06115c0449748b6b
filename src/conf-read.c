#include <confuse.h>
#include <stdlib.h>
#include <string.h>

#include "conf-table.h"

#define UNKNOWN_MAX	20	/* unknown options told of one file */

/* One value as libconfuse's callback found it. */
struct value {
	int	 line;
	char	 text[];
};

struct unknown {
	char	*name;
	int	 line;
	bool	 bare;		/* and no "=" behind it */
};

struct reader {
	const char	*name;
	struct conf_errors *errors;
	struct unknown	 unknown[UNKNOWN_MAX];
	size_t		 nunknown;
	bool		 again;		/* one more unknown one was found */
	bool		 told;		/* by it, what message says */
	char		*message;	/* why the parser gave up */
	int		 line;
};

/* libconfuse hands nothing of ours to its error function. */
static _Thread_local struct reader *reader;

static int
value_cb(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	size_t n = strlen(text) + 1;
	struct value *v = xmalloc(sizeof(*v) + n);

	(void)opt;
	v->line = cfg->line;
	memcpy(v->text, text, n);
	*(void **)result = v;
	return 0;
}

static struct unknown *
find_unknown(struct reader *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->nunknown; i++) {
		if (strcmp(r->unknown[i].name, name) == 0)
			return &r->unknown[i];
	}
	return NULL;
}

/*
 * The first error of a pass, after which libconfuse gives up. An unknown
 * option is noted and known, as one to pass over, in the next pass.
 */
static void
error_cb(cfg_t *cfg, const char *fmt, va_list ap)
{
	static const char no_such[] = "no such option";
	static const char no_equal[] = "missing equal sign";
	struct reader *r = reader;
	struct unknown *u;
	va_list copy;

	if (r->message != NULL)
		return;
	va_copy(copy, ap);
	if (vasprintf(&r->message, fmt, copy) == -1)
		r->message = xstrdup("cannot be read");
	va_end(copy);
	r->line = cfg->line;
	if (strncmp(fmt, no_such, strlen(no_such)) == 0 &&
	    r->nunknown < UNKNOWN_MAX) {
		r->unknown[r->nunknown++] = (struct unknown){
		    xstrdup(va_arg(ap, const char *)), cfg->line, false };
		r->again = true;
	} else if (strncmp(fmt, no_equal, strlen(no_equal)) == 0 &&
	    (u = find_unknown(r, va_arg(ap, const char *))) != NULL)
		u->bare = r->told = true;
}

static cfg_opt_t *
make_options(const struct reader *r)
{
	const struct conf_option *o;
	cfg_opt_t *opts, *opt, end = CFG_END();
	size_t n = 0, i;

	while (conf_options[n].name != NULL)
		n++;
	opts = opt = xcalloc(n + r->nunknown + 1, sizeof(*opts));
	for (o = conf_options; o->name != NULL; o++) {
		cfg_opt_t one = CFG_PTR_CB(o->name, NULL, CFGF_NODEFAULT,
		    value_cb, free);

		if (o->type == CONF_LISTEN)
			one.flags |= CFGF_LIST;
		*opt++ = one;
	}
	for (i = 0; i < r->nunknown; i++) {
		cfg_opt_t one = CFG_PTR_LIST_CB(r->unknown[i].name, NULL,
		    CFGF_NODEFAULT, value_cb, free);

		*opt++ = one;
	}
	*opt = end;
	return opts;
}

/* One pass over the text; NULL if libconfuse could not even begin. */
static cfg_t *
pass(struct reader *r, const char *text)
{
	cfg_opt_t *opts = make_options(r);
	cfg_t *cfg = cfg_init(opts, CFGF_NONE);

	free(opts);
	if (cfg == NULL)
		return NULL;
	free(r->message);
	r->message = NULL;
	r->again = false;
	cfg_set_error_function(cfg, error_cb);
	reader = r;
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS && r->message == NULL) {
		r->message = xstrdup("the name of an option is missing");
		r->line = cfg->line;
	}
	reader = NULL;
	return cfg;
}

static void
tell_unknown(const struct reader *r, const struct unknown *u)
{
	const char *nearest = conf_nearest_option(u->name);
	struct buf b = { 0 };

	buf_addf(&b, "%s:%d: ", r->name, u->line);
	conf_quote(&b, u->name);
	buf_adds(&b, ": unknown option; ");
	if (u->bare)
		buf_adds(&b, "name = value, with quotes around a value that "
		    "has spaces in it");
	else if (nearest != NULL)
		buf_addf(&b, "perhaps %s", nearest);
	else
		buf_adds(&b, "one of those that partylined -n -t prints");
	conf_error_add(r->errors, u->line, 0, xstrdup(buf_str(&b)));
	buf_free(&b);
}

static void
tell_errors(struct reader *r)
{
	struct buf b = { 0 };
	size_t i;

	for (i = 0; i < r->nunknown; i++)
		tell_unknown(r, &r->unknown[i]);
	if (r->message != NULL && !r->told &&
	    !conf_error_at(r->errors, r->line)) {
		buf_addf(&b, "%s:%d: syntax: ", r->name, r->line);
		conf_quote(&b, r->message);
		buf_adds(&b, "; name = value, or name = {\"one\", \"two\"}");
		conf_error_add(r->errors, r->line, 0, xstrdup(buf_str(&b)));
		buf_free(&b);
	}
	for (i = 0; i < r->nunknown; i++)
		free(r->unknown[i].name);
	free(r->message);
}

static void
take(struct conf_items *items, const struct conf_option *o, cfg_opt_t *opt)
{
	unsigned i;

	for (i = 0; i < cfg_opt_size(opt); i++) {
		const struct value *v = cfg_opt_getnptr(opt, i);

		if (v == NULL)	/* its value is where the parser gave up */
			continue;
		items->list = xrealloc(items->list, (items->n + 1) *
		    sizeof(*items->list));
		items->list[items->n++] = (struct conf_item){ o, v->line,
		    xstrdup(v->text) };
	}
}

void
conf_items_read(struct conf_items *items, const char *name, struct buf *text,
    struct conf_errors *errors)
{
	struct reader r = { .name = name, .errors = errors };
	const struct conf_option *o;
	cfg_t *cfg = NULL;

	if (!conf_text_prepare(name, text, errors))
		return;
	do {
		if (cfg != NULL)
			cfg_free(cfg);
		if ((cfg = pass(&r, buf_str(text))) == NULL)
			abort();
	} while (r.again);
	for (o = conf_options; o->name != NULL; o++) {
		cfg_opt_t *opt = cfg_getopt(cfg, o->name);

		take(items, o, opt);
		if ((opt->flags & CFGF_MODIFIED) && cfg_opt_size(opt) == 0 &&
		    r.message == NULL)
			conf_error_add(errors, cfg->line, 0, xasprintf("%s: "
			    "%s: an empty list; at least one value", name,
			    o->name));
	}
	cfg_free(cfg);
	tell_errors(&r);
}

void
conf_items_free(struct conf_items *items)
{
	size_t i;

	for (i = 0; i < items->n; i++)
		free(items->list[i].text);
	free(items->list);
	*items = (struct conf_items){ 0 };
}
