/*
 * An import's part, as partylinectl sends it: checked here, so that the hub
 * gets nothing that it would not have made itself.
 */
#include <stdlib.h>
#include <string.h>

#include "control-ask.h"
#include "control.h"
#include "export-form.h"
#include "fact-form.h"
#include "import.h"
#include "keeper.h"

#define MSGS_MAX	1000	/* of a part */
#define FACTS_MAX	1000

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static bool
is_set(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* The room, or the account with its inbox. */
static bool
take_name(struct request *req, const json_t *root, bool account)
{
	const char *s = text(root, "name");
	struct name name;

	if (account ? !name_parse(&name, s, strlen(s), NULL) :
	    !name_parse_room(&name, s, strlen(s), NULL) ||
	    name.key[0] == '@')		/* that is an account's */
		return false;
	request_set_name(req, &name);
	if (account) {
		req->room = request_fmt(req, "@%s", name.shown);
		req->room_key = request_fmt(req, "@%s", name.key);
	} else
		request_set_room(req, &name);
	return true;
}

static const char *
take_msgs(struct request *req, const json_t *list)
{
	const char *why = NULL;
	const json_t *one;
	size_t i;

	if (json_array_size(list) == 0)
		return NULL;
	if (json_array_size(list) > MSGS_MAX)
		return "too many messages";
	req->msgs = xcalloc(json_array_size(list), sizeof(struct msg *));
	json_array_foreach(list, i, one) {
		if ((req->msgs[i] = export_msg(one, &why)) == NULL)
			return why;
		req->nlisted++;
	}
	return NULL;
}

/* One, as the command that makes it would have it. */
static const char *
take_fact(struct request *req, struct store_fact *to, const json_t *one)
{
	const char *key = text(one, "fact"), *why;
	json_t *value = json_incref(json_object_get(one, "value"));
	char *s = NULL;

	if (*key == '\0' || strlen(key) > EXPORT_FACT_BYTES || value == NULL)
		why = "that is no fact; one has a key and a value";
	else if ((why = fact_form(key, &value)) == NULL &&
	    (s = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)) == NULL)
		why = "that is no value";
	if (why == NULL)
		*to = (struct store_fact){ request_str(req, key),
		    request_str(req, s) };
	free(s);
	json_decref(value);
	return why;
}

static const char *
take_facts(struct request *req, struct import_part *p, const json_t *list)
{
	size_t n = json_array_size(list), i;
	struct store_fact *facts;
	const char *why;
	const json_t *one;

	if (n > FACTS_MAX)
		return "too many facts";
	p->facts = facts = request_alloc(req, (n + 1) * sizeof(*facts));
	json_array_foreach(list, i, one) {
		if ((why = take_fact(req, &facts[i], one)) != NULL)
			return why;
		p->nfacts++;
	}
	return NULL;
}

/* As the command that sets one. NULL: it is too long. */
static const char *
take_topic(struct request *req, const char *s)
{
	struct buf b = { 0 };

	s = export_topic(&b, s) ? request_str(req, buf_str(&b)) : NULL;
	buf_free(&b);
	return s;
}

const char *
control_import_part(struct request *req, const json_t *root)
{
	struct import_part *p = request_alloc(req, sizeof(*p));
	const char *why;

	*p = (struct import_part){ .of = request_str(req, text(root, "of")),
	    .topic = take_topic(req, text(root, "topic")),
	    .line = (uint64_t)json_integer_value(json_object_get(root,
	    "line")), .account = strcmp(text(root, "what"), "account") == 0,
	    .begin = is_set(root, "begin"), .end = is_set(root, "end"),
	    .merge = is_set(root, "merge") };
	req->import = p;
	if (!take_name(req, root, p->account))
		return "that is no name";
	if (!export_id_fits(p->of) || p->topic == NULL)
		return "the first line has no id, or too long a topic";
	why = take_msgs(req, json_object_get(root, "messages"));
	return why != NULL ? why : take_facts(req, p, json_object_get(root,
	    "facts"));
}

void
control_import(const struct asking *a)
{
	struct request *req = request_new(CMD_IMPORT);
	const char *why = control_import_part(req, a->root);

	req->client = a->who;
	req->address = request_fmt(req, "uid %lu", (unsigned long)a->uid);
	if (why == NULL)
		keeper_ask(a->keeper, req);
	else {
		control_fail(a->control, a->who, "bad-argument", why);
		request_free(req);
	}
}

void
control_render_import(struct buf *b, const struct request *req)
{
	uint32_t i;

	control_adds(b, "name", req->name);
	control_addu(b, "line", req->seq);
	control_addu(b, "left", req->members);
	if (req->more)
		buf_adds(b, ",\"merge\":true");
	buf_adds(b, ",\"seqs\":[");
	for (i = 0; i < req->nlisted; i++)
		buf_addf(b, "%s%llu", i > 0 ? "," : "",
		    (unsigned long long)req->msgs[i]->seq);
	buf_addc(b, ']');
}
