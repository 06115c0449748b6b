/*
 * What the tests of the configuration share: a text that is good, or what is
 * said of it if it is not.
 */
#ifndef CONF_RIG_H
#define CONF_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "conf-table.h"

/* A file's text and up to four -o; or NULL, and its error in *error. */
static inline struct conf *
parse(const char *text, const char *const *o, char **error)
{
	struct conf_override overrides[8];
	size_t n = 0;

	for (; o != NULL && o[n] != NULL; n++)
		overrides[n].text = o[n];
	return conf_parse_text("f", text, strlen(text), overrides, n, error);
}

#define OPTS(...)	((const char *const []){ __VA_ARGS__, NULL })

static inline struct conf *
good(const char *text, const char *const *o)
{
	struct conf *conf;
	char *error;

	conf = parse(text, o, &error);
	cr_assert_not_null(conf, "%.200s: %s", text, error);
	cr_assert_null(error);
	return conf;
}

static inline char *
bad(const char *text, const char *const *o)
{
	struct conf *conf;
	char *error;

	conf = parse(text, o, &error);
	cr_assert_null(conf, "accepted: %.200s", text);
	cr_assert_not_null(error);
	cr_assert_neq(*error, '\0');
	cr_assert_neq(error[strlen(error) - 1], '\n');
	return error;
}

static inline void
error_is(const char *text, const char *const *o, const char *expected)
{
	char *error = bad(text, o);

	cr_expect_str_eq(error, expected, "got: %s", error);
	free(error);
}

static inline void
error_has(const char *text, const char *const *o, const char *expected)
{
	char *error = bad(text, o);

	cr_expect(strstr(error, expected) != NULL, "got: %s\nnot: %s", error,
	    expected);
	free(error);
}

/* The value as it would be printed. */
static inline void
value_is(const struct conf *conf, const char *name, const char *expected)
{
	struct buf b = { 0 };

	conf_value_add(&b, conf, conf_option(name));
	cr_expect_str_eq(buf_str(&b), expected, "%s: %s", name, b.data);
	buf_free(&b);
}

static inline void
set_to(const char *text, const char *const *o, const char *name,
    const char *expected)
{
	struct conf *conf = good(text, o);

	value_is(conf, name, expected);
	conf_free(conf);
}

#endif
