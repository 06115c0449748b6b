/*
 * Any line as it is shown of a client: always one line of JSON that is printed
 * without harm, and a secret in it, told by its letters, is not shown.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "trace.h"

#define SECRET	"qzqzqzqz"

static bool
is_printable(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned char)s[i] < 0x20)
			return false;
	}
	return text_is_clean(s, n);
}

/* True if it is shown. */
static bool
check(enum trace_kind kind, enum trace_form form, const char *line, size_t len)
{
	const json_t *text;
	struct buf b = { 0 };
	bool seen = false;
	json_error_t error;
	json_t *o;

	if (kind == TRACE_IN)
		trace_line(&b, 0, kind, form, line, len);
	else if (trace_lines(&b, 0, kind, form, line, len) >
	    trace_count(kind, line, len))
		abort();
	if (kind == TRACE_IN) {
		o = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &error);
		if (!json_is_object(o))
			abort();
		text = json_object_get(o, "text");
		if (text != NULL && !is_printable(json_string_value(text),
		    json_string_length(text)))
			abort();
		seen = text != NULL && strstr(json_string_value(text),
		    SECRET) != NULL;
		json_decref(o);
	}
	buf_free(&b);
	return seen;
}

/* The bytes as what stands before and behind a secret's member. */
static void
check_secret(const char *s, size_t n)
{
	static const char member[] = "\"pass\\u0077ord\":\"" SECRET "\"";
	size_t cut = n / 2;
	struct buf b = { 0 };

	if (memmem(s, n, "qz", 2) != NULL)
		return;
	buf_addc(&b, '{');
	buf_add(&b, s, cut);
	buf_add(&b, member, sizeof(member) - 1);
	buf_add(&b, s + cut, n - cut);
	buf_addc(&b, '}');
	if (memchr(s, '"', n) == NULL && memchr(s, '\\', n) == NULL &&
	    check(TRACE_IN, TRACE_JSON, b.data, b.len))
		abort();
	buf_reset(&b);
	buf_adds(&b, "/register ");
	buf_add(&b, s, n);
	buf_adds(&b, SECRET);
	if (check(TRACE_IN, TRACE_TEXT, b.data, b.len))
		abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	memcpy(s, data, size);
	check(TRACE_IN, TRACE_TEXT, s, size);
	check(TRACE_IN, TRACE_JSON, s, size);
	check(TRACE_IN, TRACE_HIDDEN, s, size);
	check(TRACE_OUT, TRACE_TEXT, s, size);
	check(TRACE_OUT, TRACE_JSON, s, size);
	check(TRACE_FRAMES, TRACE_JSON, s, size);
	check_secret(s, size);
	free(s);
	return 0;
}
