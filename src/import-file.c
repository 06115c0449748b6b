#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export-form.h"
#include "fact-form.h"
#include "import-file.h"
#include "name.h"
#include "request.h"
#include "util.h"

#define PART_BYTES	(64 * 1024)	/* of the file's lines, about */
#define PART_LINES	500

void
import_file_begin(struct import_file *i, import_send *send, void *arg,
    bool merge)
{
	*i = (struct import_file){ .send = send, .arg = arg, .merge = merge,
	    .facts = json_array(), .messages = json_array(),
	    .olds = json_array(), .redacted = json_object() };
}

void
import_file_free(struct import_file *i)
{
	json_decref(i->facts);
	json_decref(i->messages);
	json_decref(i->olds);
	json_decref(i->redacted);
	json_decref(i->head);
	json_decref(i->refused);
	free(i->error);
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

const char *
import_file_name(const struct import_file *i)
{
	return text(i->head, "name");
}

/* Parts. */

/* What it has gathered, up to this line; NULL: it was refused. */
static json_t *
send_part(struct import_file *i, unsigned long upto, bool begin, bool end)
{
	json_t *request = json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:b,s:O,s:O}",
	    "cmd", "import", "what", text(i->head, "export"), "name",
	    text(i->head, "name"), "of", text(i->head, "id"), "line",
	    (json_int_t)upto, "begin", begin, "end", end, "facts", i->facts,
	    "messages", i->messages), *answer;

	if (begin) {
		json_object_set(request, "topic", json_object_get(i->head,
		    "topic"));
		if (i->merge)
			json_object_set_new(request, "merge", json_true());
	}
	answer = i->send(i->arg, request);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		json_decref(i->refused);
		i->refused = answer;
		return NULL;
	}
	i->left += (unsigned long long)json_integer_value(
	    json_object_get(answer, "left"));
	if (!begin)
		i->stored = upto;
	return answer;
}

/* The new seqs of what others refer to by their old ones. */
static void
learn(struct import_file *i, const json_t *seqs)
{
	const json_t *one, *old;
	char key[24];
	size_t n;

	json_array_foreach(seqs, n, one) {
		old = json_array_get(i->olds, n);
		if (json_integer_value(old) <= i->seen)
			i->seen_now = json_integer_value(one);
		if (!json_is_true(json_object_get(json_array_get(i->messages,
		    n), "redacted")))
			continue;
		snprintf(key, sizeof(key), "%lld",
		    (long long)json_integer_value(old));
		json_object_set(i->redacted, key, (json_t *)(uintptr_t)one);
	}
}

/* Up to this line. Lines of an earlier try are no part of it. */
static bool
flush_part(struct import_file *i, unsigned long upto)
{
	json_t *answer;

	if (upto <= i->done)
		return true;
	if (json_array_size(i->messages) + json_array_size(i->facts) == 0)
		return true;
	if ((answer = send_part(i, upto, false, false)) == NULL)
		return false;
	learn(i, json_object_get(answer, "seqs"));
	i->taken += json_array_size(i->messages);
	json_decref(answer);
	json_array_clear(i->messages);
	json_array_clear(i->olds);
	json_array_clear(i->facts);
	i->bytes = 0;
	return true;
}

/* What stands before it is stored first: then it is known how far it came. */
static bool __attribute__((format(printf, 2, 3)))
bad(struct import_file *i, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (i->head == NULL || flush_part(i, i->line - 1)) {
		if (i->head != NULL && i->stored < i->line - 1)
			i->stored = i->line - 1;	/* nothing of them is
							 * taken up */
		i->bad = i->line;
		i->error = xstrdup(buf_str(&b));
	}
	buf_free(&b);
	return false;
}

bool
import_file_bad(struct import_file *i, const char *why)
{
	i->line++;
	return bad(i, "%s", why);
}

/* Lines. */

static bool
begin(struct import_file *i, json_t *head)
{
	const char *what = text(head, "export"), *s = text(head, "name");
	struct buf topic = { 0 };
	struct name name;
	json_t *answer;
	bool fits;

	i->account = strcmp(what, "account") == 0;
	if (json_integer_value(json_object_get(head, "partyline")) !=
	    EXPORT_VERSION || (!i->account && strcmp(what, "room") != 0))
		return bad(i, "that is no export of this version; its first "
		    "line has \"partyline\":%d and an export of room or "
		    "account", EXPORT_VERSION);
	if (i->account ? !name_parse(&name, s, strlen(s), NULL) :
	    (!name_parse_room(&name, s, strlen(s), NULL) ||
	    name.key[0] == '@'))
		return bad(i, "that is no name of %s", i->account ?
		    "an account" : "a room");
	if (!export_id_fits(text(head, "id")))
		return bad(i, "there is no id, or a longer one than %d bytes, "
		    "or none of plain text", EXPORT_ID_BYTES);
	fits = export_topic(&topic, text(head, "topic"));
	buf_free(&topic);
	if (!fits)
		return bad(i, "the topic is longer than %d bytes",
		    STRING_BYTES);
	i->head = json_incref(head);
	if ((answer = send_part(i, i->line, true, false)) == NULL)
		return false;
	i->done = (unsigned long)json_integer_value(json_object_get(answer,
	    "line"));
	i->stored = i->done > i->line ? i->done : i->line;
	/* As it was begun. */
	i->merge = json_is_true(json_object_get(answer, "merge"));
	json_decref(answer);
	return true;
}

/* Facts of rooms come with the rooms, and what was read has other seqs. */
static bool
take_fact(struct import_file *i, json_t *o)
{
	const char *key = text(o, "fact"), *room, *why;
	json_t *value = json_object_get(o, "value");

	if (*key == '\0' || strlen(key) > EXPORT_FACT_BYTES)
		return bad(i, "a fact's key has 1 to %d bytes",
		    EXPORT_FACT_BYTES);
	if (value == NULL)
		return bad(i, "a fact without a value");
	if (strncmp(key, "shown/", 6) == 0)
		return true;
	json_incref(value);
	why = fact_form(key, &value);
	json_decref(value);
	if (why != NULL)
		return bad(i, "%s", why);
	if (strncmp(key, "seen/", 5) == 0) {
		room = strrchr(key, '/') + 1;
		if (*room == '@')
			i->seen = json_integer_value(json_object_get(o,
			    "value"));
		return true;
	}
	if (i->line > i->done)
		json_array_append(i->facts, o);
	return true;
}

/* An act that took a text away names it, by its new seq from now on; false:
 * nobody knows that. */
static bool
refer(const struct import_file *i, json_t *o)
{
	const char *s = text(o, "text");
	size_t n = strcspn(s, " ");
	char *key = xasprintf("%.*s", (int)n, s), *changed;
	const json_t *seq = json_object_get(i->redacted, key);

	free(key);
	if (seq == NULL)
		return false;
	changed = xasprintf("%lld%s", (long long)json_integer_value(seq),
	    s + n);
	json_object_set_new(o, "text", json_string(changed));
	free(changed);
	return true;
}

/* In its account's file, not in a room's, a message says where it stands: of
 * an account only the inbox, for what it said elsewhere is the rooms'. */
static bool
belongs(const struct import_file *i, const json_t *o)
{
	const char *room = text(o, "room"), *is = text(i->head, "name");
	struct name name, own;

	return !i->account || (*room == '@' && name_parse(&name, room + 1,
	    strlen(room + 1), NULL) && name_parse(&own, is, strlen(is),
	    NULL) && strcmp(name.key, own.key) == 0);
}

static bool
take_message(struct import_file *i, json_t *o)
{
	const char *why = "";
	struct msg *m = export_msg(o, &why);
	bool act, redaction;

	if (m == NULL)
		return bad(i, "%s", why);
	act = msg_is_act(m);
	redaction = m->kind == MSG_REDACT;
	msg_unref(m);
	i->seen_lines++;
	if (i->line <= i->done || !belongs(i, o))
		return true;
	/* What it refers to has its new seq once that is stored. */
	if (redaction && !i->merge && !flush_part(i, i->line - 1))
		return false;
	if (act && (i->merge || (redaction && !refer(i, o)))) {
		i->acts++;
		return true;
	}
	json_array_append(i->messages, o);
	json_array_append(i->olds, json_object_get(o, "seq"));
	return true;
}

static bool
finish(struct import_file *i, const json_t *o)
{
	json_int_t said = json_integer_value(json_object_get(o, "messages"));
	const char *is = text(i->head, "name");
	struct name name;
	json_t *answer;
	char *key;

	if (!flush_part(i, i->line - 1))
		return false;
	if (said > 0 && (unsigned long long)said > i->seen_lines)
		i->missing = (unsigned long long)said - i->seen_lines;
	if (i->account && !i->merge && i->seen_now > 0 &&
	    name_parse(&name, is, strlen(is), NULL)) {
		key = xasprintf("seen/%s/@%s", name.key, name.key);
		json_array_append_new(i->facts, json_pack("{s:s,s:I}", "fact",
		    key, "value", i->seen_now));
		free(key);
	}
	if ((answer = send_part(i, i->line, false, true)) == NULL)
		return false;
	json_decref(answer);
	json_array_clear(i->facts);
	i->ended = true;
	return true;
}

static bool
take(struct import_file *i, json_t *o, size_t len)
{
	if (i->ended)
		return bad(i, "there is a line behind the end");
	if (i->head == NULL)
		return begin(i, o);
	if (json_is_true(json_object_get(o, "end")))
		return finish(i, o);
	if (i->bytes + len > PART_BYTES && !flush_part(i, i->line - 1))
		return false;
	if (json_object_get(o, "fact") != NULL ? !take_fact(i, o) :
	    !take_message(i, o))
		return false;
	i->bytes += i->line > i->done ? len : 0;
	return (json_array_size(i->messages) < PART_LINES &&
	    json_array_size(i->facts) < PART_LINES) || flush_part(i, i->line);
}

bool
import_file_line(struct import_file *i, const char *s, size_t len)
{
	json_error_t error;
	json_t *o;
	bool more;

	i->line++;
	if (len > IMPORT_LINE)
		return bad(i, "the line is longer than %d bytes", IMPORT_LINE);
	o = json_loadb(s, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(o))
		more = take(i, o, len);
	else if (len > 0 && s[len - 1] != '\n' && i->head != NULL)
		more = bad(i, "the file is cut short in the middle of this "
		    "line");
	else
		more = bad(i, "%s; a JSON object in each line", o == NULL ?
		    error.text : "that is no object");
	json_decref(o);
	return more;
}

bool
import_file_end(struct import_file *i)
{
	if (i->ended)
		return true;
	i->line++;
	if (i->head == NULL)
		return bad(i, "the file is empty; an export begins with a "
		    "line of \"partyline\":%d", EXPORT_VERSION);
	return bad(i, "the file is cut short: its last line says end");
}
