#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf-table.h"
#include "name.h"

struct unit {
	const char	*name;
	uint64_t	 size;
};

/* Largest first; the last one is what a number alone means. */
static const struct unit no_units[] = { { "", 1 }, { NULL, 0 } };
static const struct unit sizes[] = {
	{ "T", UINT64_C(1) << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 },
	{ "K", 1 << 10 }, { "", 1 }, { NULL, 0 }
};
static const struct unit milliseconds[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 }, { NULL, 0 }
};

#define QUOTE_MAX	60	/* bytes shown of what the user wrote */

void
conf_quote(struct buf *b, const char *s)
{
	struct buf clean = { 0 };
	size_t n = strlen(s), i, at;

	if (n > QUOTE_MAX) {
		n = QUOTE_MAX;
		while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
			n--;
	}
	buf_addc(b, '"');
	if (utf8_valid(s, n, &at)) {
		text_clean(&clean, s, n);
		for (i = 0; i < clean.len; i++)
			buf_addc(b, clean.data[i] == '\t' ? ' ' :
			    clean.data[i]);
		buf_free(&clean);
	} else {
		for (i = 0; i < n; i++)
			buf_addc(b, s[i] < ' ' || s[i] > '~' ? '?' : s[i]);
	}
	buf_adds(b, s[n] != '\0' ? "...\"" : "\"");
}

/* The text as a double-quoted string of the file. */
static void
add_string(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '\t')
			buf_adds(b, "\\t");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			buf_addf(b, "\\x%02x", (unsigned char)*s);
		else {
			if (strchr("\"\\$", *s) != NULL)
				buf_addc(b, '\\');
			buf_addc(b, *s);
		}
	}
	buf_addc(b, '"');
}

static bool
is_string(const struct conf_option *o)
{
	return o->type == CONF_TEXT || o->type == CONF_PATH ||
	    o->type == CONF_WORD;
}

static bool
is_number(const struct conf_option *o)
{
	return o->type == CONF_NUMBER || o->type == CONF_SIZE ||
	    o->type == CONF_SECONDS || o->type == CONF_MSECONDS;
}

static const struct unit *
units(const struct conf_option *o)
{
	if (o->type == CONF_NUMBER)
		return no_units;
	return o->type == CONF_SIZE ? sizes : milliseconds;
}

/* Units are in milliseconds; what is stored may be in seconds. */
static uint64_t
scale(const struct conf_option *o)
{
	return o->type == CONF_SECONDS ? 1000 : 1;
}

static void
number_add(struct buf *b, const struct conf_option *o, uint64_t v)
{
	const struct unit *u;

	if (v == 0) {
		buf_addc(b, '0');
		return;
	}
	v *= scale(o);
	for (u = units(o); v % u->size != 0; u++)
		;
	buf_addu(b, v / u->size);
	buf_adds(b, u->name);
}

static void *
member(const struct conf *conf, const struct conf_option *o)
{
	return (char *)(uintptr_t)conf + o->offset;
}

static uint64_t
number_get(const struct conf *conf, const struct conf_option *o)
{
	if (o->width == sizeof(unsigned))
		return *(unsigned *)member(conf, o);
	return *(uint64_t *)member(conf, o);
}

static void
number_set(struct conf *conf, const struct conf_option *o, uint64_t v)
{
	if (o->width == sizeof(unsigned))
		*(unsigned *)member(conf, o) = (unsigned)v;
	else
		*(uint64_t *)member(conf, o) = v;
}

const char *
conf_type_name(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_LISTEN:
		return "list";
	case CONF_TEXT:
		return "text";
	case CONF_PATH:
		return "path";
	case CONF_WORD:
	case CONF_CHOICE:
		return "word";
	case CONF_NUMBER:
		return "number";
	case CONF_SIZE:
		return "size";
	case CONF_SECONDS:
	case CONF_MSECONDS:
		return "time";
	}
	abort();
}

void
conf_bounds_add(struct buf *b, const struct conf_option *o)
{
	const char *const *w;

	if (o->words != NULL) {
		for (w = o->words; *w != NULL; w++)
			buf_addf(b, "%s%s", w == o->words ? "" :
			    w[1] == NULL ? " or " : ", ", *w);
		return;
	}
	number_add(b, is_number(o) ? o : &(struct conf_option){ .type =
	    CONF_NUMBER }, o->min);
	buf_adds(b, " to ");
	number_add(b, is_number(o) ? o : &(struct conf_option){ .type =
	    CONF_NUMBER }, o->max);
	if (o->type == CONF_LISTEN)
		buf_adds(b, " listeners");
	else if (o->type == CONF_TEXT || o->type == CONF_PATH)
		buf_adds(b, " bytes");
}

void
conf_default_add(struct buf *b, const struct conf_option *o)
{
	if (o->def == NULL)
		buf_adds(b, o->computed);
	else if (o->type == CONF_LISTEN) {
		buf_addc(b, '{');
		add_string(b, o->def);
		buf_addc(b, '}');
	} else if (*o->def == '\0')
		buf_adds(b, "\"\"");
	else
		buf_adds(b, o->def);
}

/* "text" is wrong; what would be right, by the option's type and bounds. */
static bool
fail(const struct conf_option *o, const char *text, const char *wrong,
    char **why)
{
	static const char *const expect[] = {
		[CONF_NUMBER] = "a number from ",
		[CONF_SIZE] = "bytes, or with K, M, G or T behind, from ",
		[CONF_SECONDS] = "a number and ms, s, m, h or d, from ",
		[CONF_MSECONDS] = "a number and ms, s, m, h or d, from ",
		[CONF_WORD] = "", [CONF_CHOICE] = "", [CONF_TEXT] = "",
		[CONF_PATH] = "an absolute path, ", [CONF_LISTEN] = ""
	};
	struct buf b = { 0 };

	conf_quote(&b, text);
	buf_addf(&b, " %s; %s", wrong, expect[o->type]);
	conf_bounds_add(&b, o);
	*why = xstrdup(buf_str(&b));
	buf_free(&b);
	return false;
}

static bool
unit_is(const struct unit *u, const char *suffix, bool fold)
{
	return (fold ? strcasecmp(u->name, suffix) :
	    strcmp(u->name, suffix)) == 0;
}

static bool
set_number(struct conf *conf, const struct conf_option *o, const char *text,
    char **why)
{
	size_t n = strspn(text, "0123456789"), i;
	const struct unit *u;
	uint64_t v = 0, size;

	if (n == 0)
		return fail(o, text, *text == '-' ? "is negative" :
		    "is not a number", why);
	for (u = units(o); u->name != NULL &&
	    !unit_is(u, text + n, o->type == CONF_SIZE); u++)
		;
	if (u->name == NULL && (text[n] != '\0' || o->type == CONF_NUMBER))
		return fail(o, text, o->type == CONF_NUMBER ?
		    "is not a number" : "has an unknown unit", why);
	/* No unit: the one the option is stored in. */
	size = u->name == NULL ? scale(o) : u->size;
	for (i = 0; i < n; i++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return fail(o, text, "is too large", why);
	}
	if (__builtin_mul_overflow(v, size, &v))
		return fail(o, text, "is too large", why);
	if (v % scale(o) != 0)
		return fail(o, text, "is no whole number of seconds", why);
	v /= scale(o);
	if (v < o->min)
		return fail(o, text, "is too small", why);
	if (v > o->max)
		return fail(o, text, "is too large", why);
	number_set(conf, o, v);
	return true;
}

static bool
set_word(struct conf *conf, const struct conf_option *o, const char *text,
    char **why)
{
	struct buf b = { 0 };
	const char *nearest;
	unsigned i;

	for (i = 0; o->words[i] != NULL; i++) {
		if (strcmp(o->words[i], text) != 0)
			continue;
		if (o->type == CONF_CHOICE) {
			*(unsigned *)member(conf, o) = i;
		} else {
			conf_value_free(conf, o);
			*(char **)member(conf, o) = xstrdup(text);
		}
		return true;
	}
	if ((nearest = conf_nearest_word(o->words, text)) == NULL)
		return fail(o, text, "is unknown", why);
	conf_quote(&b, text);
	buf_addf(&b, " is unknown; perhaps %s: ", nearest);
	conf_bounds_add(&b, o);
	*why = xstrdup(buf_str(&b));
	buf_free(&b);
	return false;
}

/* What no text may hold: bad UTF-8; and outside of TEXT, any control. */
static bool
check_bytes(const struct conf_option *o, const char *text, char **why)
{
	const char *p;

	if (!utf8_valid(text, strlen(text), NULL))
		return fail(o, text, "is not UTF-8", why);
	for (p = text; o->type != CONF_TEXT && *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return fail(o, text, "has control characters in it",
			    why);
	}
	return true;
}

static bool
set_text(struct conf *conf, const struct conf_option *o, const char *text,
    bool shell, char **why)
{
	char dir[PATH_MAX], *mine;
	struct buf b = { 0 };

	if (strlen(text) < o->min)
		return fail(o, text, "is too short", why);
	/* log_to's words have no slash; all else in -o starts from here. */
	if (shell && o->type == CONF_PATH && *text != '/' && *text != '\0' &&
	    (o->check == NULL || strchr(text, '/') != NULL) &&
	    getcwd(dir, sizeof(dir)) != NULL)
		mine = xasprintf("%s/%s", dir, text);
	else
		mine = xstrdup(text);
	if (strlen(mine) > o->max)
		fail(o, text, "is too long", why);
	else if (o->check != NULL) {
		if (!o->check(&mine, why)) {
			conf_quote(&b, text);
			buf_addf(&b, " %s", *why);
			free(*why);
			*why = xstrdup(buf_str(&b));
			buf_free(&b);
		}
	} else if (o->type == CONF_PATH && *mine != '/' && *mine != '\0')
		fail(o, text, "is not absolute", why);
	if (*why != NULL) {
		free(mine);
		return false;
	}
	conf_value_free(conf, o);
	*(char **)member(conf, o) = mine;
	return true;
}

static bool
add_listen(struct conf *conf, const struct conf_option *o, const char *text,
    bool shell, char **why)
{
	struct listen_conf l;

	if (strcmp(text, "none") == 0)
		return true;
	if (conf->nlistens == o->max)
		return fail(o, text, "is one too many", why);
	if (!conf_listen_parse(&l, text, shell, why))
		return false;
	conf->listens = xrealloc(conf->listens, (conf->nlistens + 1) *
	    sizeof(l));
	conf->listens[conf->nlistens++] = l;
	return true;
}

bool
conf_value_set(struct conf *conf, const struct conf_option *o,
    const char *text, bool shell, char **why)
{
	*why = NULL;
	if (!check_bytes(o, text, why))
		return false;
	switch (o->type) {
	case CONF_LISTEN:
		return add_listen(conf, o, text, shell, why);
	case CONF_TEXT:
	case CONF_PATH:
		return set_text(conf, o, text, shell, why);
	case CONF_WORD:
	case CONF_CHOICE:
		return set_word(conf, o, text, why);
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_SECONDS:
	case CONF_MSECONDS:
		return set_number(conf, o, text, why);
	}
	abort();
}

void
conf_value_add(struct buf *b, const struct conf *conf,
    const struct conf_option *o)
{
	size_t i;

	if (o->type == CONF_LISTEN) {
		buf_adds(b, "{");
		for (i = 0; i < conf->nlistens; i++) {
			buf_adds(b, i == 0 ? "" : ", ");
			add_string(b, conf->listens[i].text);
		}
		if (conf->nlistens == 0)
			add_string(b, "none");
		buf_adds(b, "}");
	} else if (o->type == CONF_CHOICE)
		buf_adds(b, o->words[*(unsigned *)member(conf, o)]);
	else if (o->type == CONF_WORD)
		buf_adds(b, *(char **)member(conf, o));
	else if (is_number(o))
		number_add(b, o, number_get(conf, o));
	else
		add_string(b, *(char **)member(conf, o));
}

void
conf_value_free(struct conf *conf, const struct conf_option *o)
{
	size_t i;

	if (o->type == CONF_LISTEN) {
		for (i = 0; i < conf->nlistens; i++) {
			free(conf->listens[i].address);
			free(conf->listens[i].text);
		}
		free(conf->listens);
		conf->listens = NULL;
		conf->nlistens = 0;
	} else if (is_string(o)) {
		free(*(char **)member(conf, o));
		*(char **)member(conf, o) = NULL;
	}
}

void
conf_value_copy(struct conf *to, const struct conf *from,
    const struct conf_option *o)
{
	struct listen_conf *l;
	size_t i;

	conf_value_free(to, o);
	if (o->type == CONF_LISTEN) {
		to->nlistens = from->nlistens;
		to->listens = xcalloc(to->nlistens, sizeof(*to->listens));
		for (i = 0; i < to->nlistens; i++) {
			l = &to->listens[i];
			*l = from->listens[i];
			l->address = xstrdup(l->address);
			l->text = xstrdup(l->text);
		}
	} else if (is_string(o))
		*(char **)member(to, o) = xstrdup(*(char **)member(from, o));
	else
		memcpy(member(to, o), member(from, o), o->width);
}
