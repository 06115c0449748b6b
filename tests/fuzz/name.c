/* Any bytes as a name, a text, a JSON string and a typed line. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "name.h"
#include "skeleton.h"
#include "telnet.h"

static bool
same(const struct name *a, const struct name *b)
{
	return strcmp(a->shown, b->shown) == 0 && strcmp(a->key, b->key) == 0;
}

/* A skeleton is its own, and a name looks like itself. */
static void
check_skeleton(const struct name *name)
{
	char once[SKELETON_SIZE], twice[SKELETON_SIZE];
	enum looks looks;

	for (looks = LOOKS_SAME; looks <= LOOKS_CLOSE; looks++) {
		name_skeleton(name->shown, looks, once);
		name_skeleton(once, looks, twice);
		if (!utf8_valid(once, strlen(once), NULL) ||
		    strcmp(once, twice) != 0 || !names_alike(name, name, looks))
			abort();
	}
}

/* A name is parsed to itself; its key, where that is a name, to itself. */
static void
check_name(const char *s, size_t n)
{
	struct name name, again;
	const char *why = NULL;

	if (!name_parse(&name, s, n, &why)) {
		if (why == NULL || *name.shown != '\0' || *name.key != '\0')
			abort();
		return;
	}
	if (!utf8_valid(s, n, NULL) ||
	    !utf8_valid(name.shown, strlen(name.shown), NULL) ||
	    !utf8_valid(name.key, strlen(name.key), NULL))
		abort();
	if (u8_mbsnlen((uint8_t *)name.shown, strlen(name.shown)) >
	    NAME_CHARS || strlen(name.key) > NAME_SIZE - 2 ||
	    *name.shown == '\0' || *name.key == '\0')
		abort();
	if (!name_parse(&again, name.shown, strlen(name.shown), NULL) ||
	    !same(&name, &again))
		abort();
	check_skeleton(&name);
	if (name_parse(&again, name.key, strlen(name.key), NULL) &&
	    (strcmp(again.shown, name.key) != 0 ||
	    strcmp(again.key, name.key) != 0))
		abort();
}

static void
check_room(const char *s, size_t n)
{
	struct name name, again;

	if (!name_parse_room(&name, s, n, NULL))
		return;
	if (!name_parse_room(&again, name.shown, strlen(name.shown), NULL) ||
	    !same(&name, &again) || strlen(name.key) >= NAME_SIZE)
		abort();
}

static void
check_clean(const char *s, size_t n)
{
	struct buf out = { 0 }, again = { 0 };
	const uint8_t *p, *end;
	ucs4_t c;
	int len;

	text_clean(&out, s, n);
	if (!utf8_valid(out.data, out.len, NULL) || out.len > 3 * n)
		abort();
	p = (const uint8_t *)buf_str(&out);
	for (end = p + out.len; p < end; p += len) {
		len = u8_mbtouc(&c, p, (size_t)(end - p));
		if ((c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0) ||
		    (c >= 0x202a && c <= 0x202e) ||
		    (c >= 0x2066 && c <= 0x2069))
			abort();
	}
	text_clean(&again, out.data, out.len);
	if (again.len != out.len ||
	    (out.len > 0 && memcmp(again.data, out.data, out.len) != 0))
		abort();
	buf_free(&out);
	buf_free(&again);
}

static void
check_quote(const char *s, size_t n)
{
	struct buf out = { 0 };
	json_t *v;

	json_quote(&out, s, n);
	v = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL,
	    NULL);
	if (v == NULL || json_string_length(v) != n ||
	    (n > 0 && memcmp(json_string_value(v), s, n) != 0))
		abort();
	json_decref(v);
	buf_free(&out);
}

static void
check_edit(char *s, size_t n, bool valid)
{
	size_t len = line_edit(s, n);

	if (len > n || line_edit(s, len) != len ||
	    (valid && !utf8_valid(s, len, NULL)))
		abort();
}

static void
check_distance(const char *s, size_t n)
{
	char *a = xasprintf("%.*s", (int)(n / 2), s);
	char *b = xasprintf("%.*s", (int)(n - n / 2), s + n / 2);
	unsigned d = word_distance(a, b);

	if (d != word_distance(b, a) || word_distance(a, a) > strlen(a) * 2 ||
	    d > strlen(a) + strlen(b))
		abort();
	free(a);
	free(b);
}

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *wrong = u8_check(data, n);
	char *s = xmemdup(data, n);
	struct buf out = { 0 };
	size_t at = 0;

	if (utf8_valid(s, n, &at) != (wrong == NULL) ||
	    (wrong != NULL && wrong != data + at))
		abort();
	check_name(s, n);
	check_room(s, n);
	if (wrong == NULL) {
		check_clean(s, n);
		check_quote(s, n);
		if (text_width(s, n) > 2 * n)
			abort();
	} else {	/* out of contract, but never out of bounds */
		text_clean(&out, s, n);
		json_quote(&out, s, n);
	}
	check_distance(s, n);
	check_edit(s, n, wrong == NULL);
	buf_free(&out);
	free(s);
	return 0;
}
