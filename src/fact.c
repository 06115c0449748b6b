#include <stdlib.h>
#include <string.h>

#include "fact.h"
#include "name.h"
#include "util.h"

const char *
fact_key(struct request *req, const char *kind, const char *a, const char *b)
{
	return b != NULL ? request_fmt(req, "%s/%s/%s", kind, a, b) :
	    request_fmt(req, "%s/%s", kind, a);
}

/* As text in the arena; takes over the reference. */
static const char *
dump(struct request *req, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *s = request_str(req, text != NULL ? text : "null");

	free(text);
	json_decref(value);
	return s;
}

const char *
audit_line(struct request *req, json_t *value)
{
	return dump(req, value);
}

void
fact_add(struct request *req, struct store_op *op, const char *key,
    json_t *value)
{
	struct store_fact *facts = (struct store_fact *)(uintptr_t)op->facts;
	uint32_t n = op->nfacts;

	/* Full when it is a power of two. */
	if ((n & (n - 1)) == 0) {
		facts = request_alloc(req, (n ? n * 2 : 1) * sizeof(*facts));
		if (n > 0)
			memcpy(facts, op->facts, n * sizeof(*facts));
	}
	facts[n] = (struct store_fact){ .key = key };
	if (value != NULL)
		facts[n].value = dump(req, value);
	op->facts = facts;
	op->nfacts = n + 1;
}

/* What the store has may have come there from elsewhere: nothing of it drives
 * anybody's terminal. */
static void
clean(json_t *value)
{
	const char *s = json_string_value(value);
	size_t n = json_string_length(value);
	struct buf b = { 0 };

	if (s == NULL || text_is_clean(s, n))
		return;
	text_clean(&b, s, n);
	json_string_setn(value, b.data, b.len);
	buf_free(&b);
}

bool
fact_parse(struct fact *f, const struct store_fact *from)
{
	char *s = xstrdup(from->key), *a = strchr(s, '/'), *b;
	const char *name;
	json_t *member;

	*f = (struct fact){ .kind = s, .a = "", .b = "" };
	if (a != NULL) {
		*a++ = '\0';
		f->a = a;
		if ((b = strchr(a, '/')) != NULL) {
			*b++ = '\0';
			f->b = b;
		}
	}
	f->value = json_loads(from->value, JSON_DECODE_ANY, NULL);
	clean(f->value);
	json_object_foreach(f->value, name, member) {
		clean(member);
	}
	if (f->value != NULL && *f->a != '\0' &&
	    text_is_clean(from->key, strlen(from->key)))
		return true;
	fact_free(f);
	return false;
}

void
fact_free(struct fact *f)
{
	free(f->kind);
	json_decref(f->value);
}

const char *
fact_str(const struct fact *f, const char *member)
{
	const char *s = json_string_value(json_object_get(f->value, member));

	return s != NULL ? s : "";
}

int64_t
fact_int(const struct fact *f, const char *member)
{
	return json_integer_value(json_object_get(f->value, member));
}
