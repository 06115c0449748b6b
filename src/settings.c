#include <string.h>

#include "settings.h"

bool
setting_parse(enum setting i, const json_t *value, uint32_t *n)
{
	const struct setting_def *def = &proto_settings[i];
	json_int_t given = json_integer_value(value);

	if (def->flag ? !json_is_boolean(value) : !json_is_integer(value) ||
	    given < 0 || given > (json_int_t)def->max)
		return false;
	*n = def->flag ? json_is_true(value) : (uint32_t)given;
	return true;
}

bool
settings_parse(struct settings *set, const char *s, size_t len)
{
	json_t *o = json_loadb(s, len, JSON_REJECT_DUPLICATES, NULL), *value;
	bool whole;
	size_t n = 0;
	int i;

	*set = (struct settings){ .value = { 0 } };
	for (i = 0; i < SET_MAX; i++) {
		value = json_object_get(o, proto_settings[i].name);
		set->given[i] = value != NULL &&
		    setting_parse((enum setting)i, value, &set->value[i]);
		n += set->given[i];
	}
	/* Of what is no object the size is 0. */
	whole = n > 0 && n == json_object_size(o);
	json_decref(o);
	return whole;
}

void
settings_render(struct buf *b, const struct settings *set)
{
	const struct setting_def *def;
	const char *comma = "";
	int i;

	for (i = 0; i < SET_MAX; i++) {
		if (!set->given[i])
			continue;
		def = &proto_settings[i];
		buf_addf(b, "%s\"%s\":", comma, def->name);
		if (def->flag)
			buf_adds(b, set->value[i] != 0 ? "true" : "false");
		else
			buf_addu(b, set->value[i]);
		comma = ",";
	}
}
