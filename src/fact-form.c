#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "auth.h"
#include "fact-form.h"
#include "name.h"
#include "proto.h"
#include "rights.h"
#include "settings.h"
#include "util.h"

#define MS_MAX	INT64_C(253402300799999)	/* the year 9999 ends */

/* What a part of the key, or a member of the value, is. */
enum form {
	END, NAME,		/* a person's, its key */
	ROOM,			/* a room's, or an inbox's */
	LABEL, SETTING,
	SUBJECT,		/* a:NAME, n:NAME, i:ADDRESS */
	SHOWN,			/* a name, as people see it */
	MAY_SHOW,		/* likewise, or "" */
	STRING, ROLE, TIME, SEQ, SUM, HASH
};

struct member {
	const char	*name;		/* NULL: the value itself */
	enum form	 form;
};

static const struct kind {
	const char	*kind;
	enum form	 a, b;		/* b is END: there is none */
	struct member	 members[6];
} forms[] = {
	{ "account", NAME, END, { { "name", SHOWN }, { "created", TIME },
	  { "hash", HASH } } },
	{ "login", NAME, END, { { NULL, TIME } } },
	{ "token", NAME, LABEL, { { "hash", SUM }, { "created", TIME },
	  { "expires", TIME } } },
	{ "kept", NAME, ROOM, { { NULL, TIME } } },
	{ "talks", NAME, END, { { NULL, ROOM } } },
	{ "seen", NAME, ROOM, { { NULL, SEQ } } },
	{ "ignore", NAME, NAME, { { "name", SHOWN }, { "at", TIME } } },
	{ "set", ROOM, SETTING, { { NULL, SETTING } } },
	{ "role", ROOM, NAME, { { "role", ROLE } } },
	{ "ban", ROOM, SUBJECT, { { "by", SHOWN }, { "reason", STRING },
	  { "at", TIME }, { "until", TIME }, { "name", MAY_SHOW } } },
	{ "mute", ROOM, SUBJECT, { { "by", SHOWN }, { "reason", STRING },
	  { "at", TIME }, { "until", TIME }, { "name", MAY_SHOW } } },
};

static bool
is_name(const char *s, bool room, bool key)
{
	struct name name;
	bool fits = room ? name_parse_room(&name, s, strlen(s), NULL) :
	    name_parse(&name, s, strlen(s), NULL);

	return fits && (!key || strcmp(name.key, s) == 0);
}

static bool
is_subject(const char *s)
{
	char whose[ADDRESS_SIZE];

	if (s[0] == '\0' || s[1] != ':')
		return false;
	if (s[0] == 'i')
		return address_whose_text(s + 2, whose) &&
		    strcmp(whose, s + 2) == 0;
	return (s[0] == 'a' || s[0] == 'n') && is_name(s + 2, false, true);
}

static int
setting_of(const char *s)
{
	int i;

	for (i = 0; i < SET_MAX && strcmp(s, proto_settings[i].name) != 0; i++)
		;
	return i;
}

static bool
is_sum(const char *s)
{
	return strlen(s) == TOKEN_HASH_SIZE - 1 &&
	    strspn(s, "0123456789abcdef") == TOKEN_HASH_SIZE - 1;
}

static bool
is_part(const char *s, enum form form)
{
	switch (form) {
	case NAME:
		return is_name(s, false, true);
	case ROOM:
		return is_name(s, true, true);
	case LABEL:
		return *s != '\0' && strlen(s) <= STRING_BYTES &&
		    text_is_clean(s, strlen(s));
	case SETTING:
		return setting_of(s) < SET_MAX;
	case SUBJECT:
		return is_subject(s);
	default:
		return false;
	}
}

static bool
is_string(const char *s, enum form form)
{
	enum role role;

	switch (form) {
	case ROOM:
		return is_name(s, true, true);
	case SHOWN:
		return is_name(s, false, false);
	case MAY_SHOW:
		return *s == '\0' || is_name(s, false, false);
	case ROLE:
		return role_parse(s, &role);
	case SUM:
		return is_sum(s);
	case HASH:
		return *s == '\0' || auth_hash_cost(s) != AUTH_COSTS;
	default:
		return true;
	}
}

/* As a command takes a string in: clean, and not too long. */
static json_t *
clean(const json_t *value)
{
	struct buf b = { 0 };
	json_t *made = NULL;

	text_clean(&b, json_string_value(value), json_string_length(value));
	if (b.len <= STRING_BYTES)
		made = json_string(buf_str(&b));
	buf_free(&b);
	return made;
}

/* The value anew, NULL if it is none of this form; one that is not there is 0
 * or "", where that may be. */
static json_t *
make(const json_t *value, enum form form, const char *b)
{
	json_int_t n = json_integer_value(value);
	const char *s = json_string_value(value);
	enum setting set;
	uint32_t to;

	if (form == SETTING && b != NULL) {
		set = (enum setting)setting_of(b);
		return !setting_parse(set, value, &to) ? NULL :
		    proto_settings[set].flag ? json_boolean(to != 0) :
		    json_integer(to);
	}
	if (form == TIME || form == SEQ)
		return (value == NULL || json_is_integer(value)) && n >= 0 &&
		    n <= (form == TIME ? MS_MAX : INT64_MAX) ?
		    json_integer(n) : NULL;
	if (value == NULL)
		s = "";
	if (s == NULL || !is_string(s, form))
		return NULL;
	return form == STRING && value != NULL ? clean(value) : json_string(s);
}

/* Whose name stands in a value too: that of the key. */
static bool
agrees(const struct kind *k, const char *a, const char *b, const json_t *o)
{
	const char *shown = json_string_value(json_object_get(o, "name"));
	const char *key = k->b == END ? a : b;
	struct name name;

	return k->members[0].form != SHOWN || k->a != NAME ||
	    (shown != NULL && key != NULL &&
	    name_parse(&name, shown, strlen(shown), NULL) &&
	    strcmp(name.key, key) == 0);
}

static const char *
take(const struct kind *k, const char *a, const char *b, json_t **value)
{
	const struct member *m = k->members;
	json_t *made, *one;

	if (!is_part(a, k->a) || (k->b == END ? b != NULL :
	    b == NULL || !is_part(b, k->b)))
		return "that is no key of such a fact";
	if (m->name == NULL) {
		made = *value != NULL ? make(*value, m->form, b) : NULL;
	} else if ((made = json_is_object(*value) ? json_object() : NULL) !=
	    NULL) {
		for (; m->name != NULL; m++) {
			one = make(json_object_get(*value, m->name), m->form,
			    b);
			if (one == NULL) {
				json_decref(made);
				return "a member of the fact's value is not "
				    "what a command would have made it";
			}
			json_object_set_new(made, m->name, one);
		}
	}
	if (made == NULL || !agrees(k, a, b, made)) {
		json_decref(made);
		return "the fact's value is not what a command would have "
		    "made it";
	}
	json_decref(*value);
	*value = made;
	return NULL;
}

const char *
fact_form(const char *key, json_t **value)
{
	char *kind = xstrdup(key), *a = strchr(kind, '/'), *b = NULL;
	const char *why = NULL;
	size_t i;

	if (a != NULL) {
		*a++ = '\0';
		if ((b = strchr(a, '/')) != NULL)
			*b++ = '\0';
	}
	for (i = 0; i < NITEMS(forms); i++) {
		if (strcmp(kind, forms[i].kind) == 0)
			why = take(&forms[i], a != NULL ? a : "", b, value);
	}
	free(kind);
	return why;
}
