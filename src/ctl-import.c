#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl-export.h"
#include "export-form.h"
#include "name.h"
#include "util.h"

#define PART_BYTES	(64 * 1024)	/* of the file's lines, about */
#define PART_LINES	500
#define LINE_BYTES	(512 * 1024)

struct import {
	const struct ctl *ctl;
	const char	*path;
	json_t		*head;		/* the first line */
	json_t		*facts, *messages;	/* of the part so far */
	json_t		*olds;		/* the seqs that the messages had */
	json_t		*redacted;	/* {"old seq": new one} */
	size_t		 bytes;
	unsigned long	 line;		/* of the file */
	unsigned long	 done;		/* up to here an earlier try came */
	unsigned long long taken, left, told;
	json_int_t	 seen, seen_now;	/* of the inbox: old, new */
	bool		 account, ended;
};

static void __attribute__((noreturn, format(printf, 2, 3)))
bad(const struct import *i, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	errx(REFUSED, "%s:%lu: %s%s", i->path, i->line, buf_str(&b),
	    i->told > 0 ? "\nmost of what stands before that is imported; mend "
	    "the line and import the file again: it goes on there" : "");
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

/* What it has gathered, sent and stored. */
static json_t *
send_part(struct import *i, bool begin, bool end)
{
	json_t *request = json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:b,s:O,s:O}",
	    "cmd", "import", "what", text(i->head, "export"), "name",
	    text(i->head, "name"), "of", text(i->head, "id"), "line",
	    (json_int_t)i->line, "begin", begin, "end", end, "facts",
	    i->facts, "messages", i->messages), *answer;

	if (begin) {
		json_object_set(request, "topic", json_object_get(i->head,
		    "topic"));
		if (ctl_flag(i->ctl, 'm'))
			json_object_set_new(request, "merge", json_true());
	}
	answer = ctl_ask(i->ctl->fd, request);
	if (!ctl_ok(answer))
		exit(ctl_refused(i->ctl, answer));
	i->left += (unsigned long long)json_integer_value(
	    json_object_get(answer, "left"));
	i->told++;
	return answer;
}

/* The new seqs of what others refer to by their old ones. */
static void
learn(struct import *i, const json_t *seqs)
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

/* Up to this line. */
static void
flush_part(struct import *i, unsigned long upto)
{
	unsigned long line = i->line;
	json_t *answer;

	if (json_array_size(i->messages) + json_array_size(i->facts) == 0)
		return;
	i->line = upto;
	answer = send_part(i, false, false);
	i->line = line;
	learn(i, json_object_get(answer, "seqs"));
	json_decref(answer);
	json_array_clear(i->messages);
	json_array_clear(i->olds);
	json_array_clear(i->facts);
	i->bytes = 0;
}

static void
begin(struct import *i, json_t *head)
{
	json_t *answer;

	i->head = head;
	i->account = strcmp(text(head, "export"), "account") == 0;
	if (json_integer_value(json_object_get(head, "partyline")) !=
	    EXPORT_VERSION || (!i->account && strcmp(text(head, "export"),
	    "room") != 0))
		bad(i, "that is no export of this version; its first line has "
		    "\"partyline\":%d and an export of room or account",
		    EXPORT_VERSION);
	answer = send_part(i, true, false);
	i->done = (unsigned long)json_integer_value(json_object_get(answer,
	    "line"));
	json_decref(answer);
}

/* Facts of rooms come with the rooms, and what was read has other seqs. */
static void
take_fact(struct import *i, json_t *o)
{
	const char *key = text(o, "fact"), *room;

	if (json_object_get(o, "value") == NULL)
		bad(i, "a fact without a value");
	if (strncmp(key, "seen/", 5) == 0) {
		room = strrchr(key, '/') + 1;
		if (*room == '@')
			i->seen = json_integer_value(json_object_get(o,
			    "value"));
		return;
	}
	json_array_append(i->facts, o);
}

/* An act that took a text away names it: by its new seq, if that is known. */
static void
refer(struct import *i, json_t *o)
{
	const char *s = text(o, "text");
	size_t n = strcspn(s, " ");
	char *key, *changed;

	flush_part(i, i->line - 1);
	key = xasprintf("%.*s", (int)n, s);
	changed = xasprintf("%lld%s", (long long)json_integer_value(
	    json_object_get(i->redacted, key)), s + n);
	json_object_set_new(o, "text", json_string(changed));
	free(changed);
	free(key);
}

static void
take_message(struct import *i, json_t *o)
{
	struct name name, own;
	const char *room = text(o, "room"), *why = "", *is = text(i->head,
	    "name");
	struct msg *m = export_msg(o, &why);

	if (m == NULL)
		bad(i, "%s", why);
	msg_unref(m);
	/* Of an account the inbox; what it said elsewhere is the rooms'. */
	if (i->account && (*room != '@' || !name_parse(&name, room + 1,
	    strlen(room + 1), NULL) || !name_parse(&own, is, strlen(is),
	    NULL) || strcmp(name.key, own.key) != 0))
		return;
	if (strcmp(text(o, "kind"), "redact") == 0)
		refer(i, o);
	json_array_append(i->messages, o);
	json_array_append(i->olds, json_object_get(o, "seq"));
	i->taken++;
}

static void
finish(struct import *i)
{
	const char *is = text(i->head, "name");
	struct name name;
	char *key;

	flush_part(i, i->line - 1);
	if (i->account && i->seen_now > 0 &&
	    name_parse(&name, is, strlen(is), NULL)) {
		key = xasprintf("seen/%s/@%s", name.key, name.key);
		json_array_append_new(i->facts, json_pack("{s:s,s:I}", "fact",
		    key, "value", i->seen_now));
		free(key);
	}
	json_decref(send_part(i, false, true));
	i->ended = true;
}

static void
take_line(struct import *i, const char *s, size_t len)
{
	json_error_t error;
	json_t *o = json_loadb(s, len, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(o))
		bad(i, "%s; a JSON object in each line", o == NULL ?
		    error.text : "that is no object");
	if (i->ended)
		bad(i, "there is a line behind the end");
	if (i->head == NULL) {
		begin(i, json_incref(o));
		json_decref(o);
		return;
	}
	/* The mark of the inbox is to be known in any case. */
	if (i->line <= i->done && strncmp(text(o, "fact"), "seen/", 5) != 0) {
		json_decref(o);
		return;
	}
	if (json_is_true(json_object_get(o, "end")))
		finish(i);
	else if (json_object_get(o, "fact") != NULL)
		take_fact(i, o);
	else
		take_message(i, o);
	json_decref(o);
	i->bytes += len;
	if (i->bytes > PART_BYTES ||
	    json_array_size(i->messages) >= PART_LINES ||
	    json_array_size(i->facts) >= PART_LINES)
		flush_part(i, i->line);
}

static void
read_all(struct import *i, FILE *f)
{
	static char s[LINE_BYTES];

	while (fgets(s, sizeof(s), f) != NULL) {
		i->line++;
		if (strchr(s, '\n') == NULL && !feof(f))
			bad(i, "the line is longer than %d bytes", LINE_BYTES);
		take_line(i, s, strlen(s));
	}
	if (ferror(f))
		err(REFUSED, "%s", i->path);
	if (!i->ended) {
		flush_part(i, i->line);
		i->line++;
		bad(i, "the file is cut short: its last line says end");
	}
}

int
ctl_import(const struct ctl *c, const char *path)
{
	bool input = strcmp(path, "-") == 0;
	struct import i = { .ctl = c, .path = input ? "standard input" : path,
	    .facts = json_array(), .messages = json_array(),
	    .olds = json_array(), .redacted = json_object() };
	FILE *f = input ? stdin : fopen(path, "re");

	if (f == NULL)
		err(REFUSED, "%s", path);
	read_all(&i, f);
	if (!input)
		fclose(f);
	if (c->json)
		printf("{\"reply\":\"import\",\"ok\":true,\"messages\":%llu,"
		    "\"left\":%llu}\n", i.taken, i.left);
	else
		printf("imported %llu message%s of %s; left out %llu fact%s\n",
		    i.taken, i.taken == 1 ? "" : "s", text(i.head, "name"),
		    i.left, i.left == 1 ? "" : "s");
	json_decref(i.facts);
	json_decref(i.messages);
	json_decref(i.olds);
	json_decref(i.redacted);
	json_decref(i.head);
	return 0;
}
