/*
 * JSON in: a line's fields are checked against the tables of proto.c, and it
 * becomes a request, or at once the reply that says what is wrong with it.
 */
#include <string.h>

#include "dialect.h"
#include "json-line.h"
#include "json-render.h"
#include "name.h"

#define MAX_ECHO	32	/* bytes of an unknown command in a message */
#define SCRATCH_KEEP	8192

/* A say's or tell's parts, until all are known. */
struct parts {
	const struct conf *conf;
	struct request	*r;
	const char	*from;		/* who says it, or NULL */
	const char	*text;		/* in the line, or in scratch */
	size_t		 text_len;
	const char	*key;
	enum msg_kind	 kind;
};

/* Cleaned text, one at a time. */
static _Thread_local struct scratch scratch;

static bool
bad_argument(struct request *r, const char *field, const char *message)
{
	r->error = ERR_BAD_ARGUMENT;
	r->field = field;
	r->message = message;
	return false;
}

/* What a field should be, in words. */
static const char *
wanted(struct request *r, const struct field_def *f)
{
	switch (f->type) {
	case FIELD_NAME:
		return "a person's name, a string";
	case FIELD_ROOM:
		return "a room's name, a string";
	case FIELD_TEXT:
		return "a string that is not empty";
	case FIELD_STRING:
		return "a string";
	case FIELD_KEY:
		return "a string of 1 to 128 bytes without control characters";
	case FIELD_SECRET:
		return "a string of 1 to 512 bytes";
	case FIELD_KIND:
		return "\"text\", \"action\" or \"notice\"";
	case FIELD_SEQ:
		return "an integer from 0 to 9223372036854775807";
	case FIELD_BOOL:
		return "true or false";
	case FIELD_COUNT:
		break;
	}
	return request_fmt(r, "an integer from %ld to %ld", f->min, f->max);
}

static bool
wrong_field(struct request *r, const struct field_def *f)
{
	return bad_argument(r, f->name, request_fmt(r, "\"%s\" must be %s.",
	    f->name, wanted(r, f)));
}

static bool
take_name(struct request *r, const struct field_def *f, const char *s,
    size_t n)
{
	const char *why = "is wrong";
	struct name name;

	if (f->type == FIELD_ROOM) {
		if (name_parse_room(&name, s, n, &why)) {
			request_set_room(r, &name);
			return true;
		}
	} else if (name_parse(&name, s, n, &why)) {
		request_set_name(r, &name);
		return true;
	}
	request_fail(r, ERR_BAD_NAME, "The %s %s.",
	    f->type == FIELD_ROOM ? "room's name" : "name", why);
	r->field = f->name;
	return false;
}

/* The string becomes a clean one, in scratch unless it was clean. */
static bool
clean(struct request *r, const struct field_def *f, const char **s, size_t *n,
    uint64_t max)
{
	if (!text_is_clean(*s, *n)) {
		scratch_take(&scratch, SCRATCH_KEEP);
		text_clean(&scratch.buf, *s, *n);
		*s = scratch.buf.data;
		*n = scratch.buf.len;
	}
	if (*n <= max)
		return true;
	request_fail(r, ERR_TOO_LONG, "\"%s\" has %zu bytes; it may have %llu.",
	    f->name, *n, (unsigned long long)max);
	r->field = f->name;
	return false;
}

static bool
take_string(struct parts *p, const struct field_def *f, const char *s,
    size_t n)
{
	struct request *r = p->r;
	int kind;

	switch (f->type) {
	case FIELD_NAME:
	case FIELD_ROOM:
		return take_name(r, f, s, n);
	case FIELD_TEXT:
		if (n == 0)
			return wrong_field(r, f);
		if (!clean(r, f, &s, &n, p->conf->max_text))
			return false;
		p->text = s;
		p->text_len = n;
		return true;
	case FIELD_KIND:
		kind = msg_kind_parse(s);
		if (kind == -1 || strlen(s) != n)
			return wrong_field(r, f);
		p->kind = (enum msg_kind)kind;
		return true;
	case FIELD_KEY:
		if (n == 0 || n > KEY_BYTES || !text_is_clean(s, n))
			return wrong_field(r, f);
		break;
	case FIELD_SECRET:
		if (n == 0 || n > STRING_BYTES || memchr(s, '\0', n) != NULL)
			return wrong_field(r, f);
		break;
	default:
		if (!clean(r, f, &s, &n, STRING_BYTES))
			return false;
	}
	if (n == 0 && !f->required)
		return true;		/* an empty option is none */
	s = request_strn(r, s, n);
	if (f->slot == SLOT_KEY)
		p->key = s;
	else if (f->slot == SLOT_EPOCH)
		r->epoch = s;
	else if (f->slot == SLOT_RESUME)
		r->resume = s;
	else if (f->slot == SLOT_MATCH)
		r->match = s;
	else if (f->slot == SLOT_PASSWORD)
		r->password = s;
	else if (f->slot == SLOT_NEW_PASSWORD)
		r->new_password = s;
	else if (f->slot == SLOT_TOKEN)
		r->token = s;
	else if (f->slot == SLOT_ADDRESS)
		r->whom_address = s;
	else
		r->string = s;
	return true;
}

static void
take_setting(struct request *r, const struct field_def *f, uint32_t value)
{
	unsigned i = f->slot - SLOT_SETTING;

	if (r->set == NULL) {
		r->set = request_alloc(r, sizeof(*r->set));
		*r->set = (struct settings){ .value = { 0 } };
	}
	r->set->value[i] = value;
	r->set->given[i] = true;
}

static bool
take_number(struct request *r, const struct field_def *f, int64_t n)
{
	if (n < 0 || (f->type == FIELD_COUNT && (n < f->min || n > f->max)))
		return wrong_field(r, f);
	switch (f->slot) {
	case SLOT_AFTER:
		r->after = (uint64_t)n;
		r->has |= HAS_AFTER;
		break;
	case SLOT_BEFORE:
		r->before = (uint64_t)n;
		r->has |= HAS_BEFORE;
		break;
	case SLOT_SEQ:
		r->seq = (uint64_t)n;
		break;
	case SLOT_LAST:
		r->last = (uint32_t)n;
		r->has |= HAS_LAST;
		break;
	case SLOT_SECONDS:
		r->seconds = (uint32_t)n;
		break;
	case SLOT_LIMIT:
		r->limit = (uint32_t)n;
		break;
	default:
		take_setting(r, f, (uint32_t)n);
	}
	return true;
}

static bool
take_field(struct parts *p, const struct field_def *f,
    const struct json_value *value)
{
	bool number = f->type == FIELD_SEQ || f->type == FIELD_COUNT;

	if (number && value->kind == VALUE_INTEGER)
		return take_number(p->r, f, value->integer);
	if (f->type == FIELD_BOOL && value->kind == VALUE_BOOL) {
		if (f->slot == SLOT_MARKS)
			p->r->marks = value->integer != 0;
		else if (f->slot == SLOT_STAY)
			p->r->stay = value->integer != 0;
		else
			take_setting(p->r, f, (uint32_t)value->integer);
		return true;
	}
	if (number || f->type == FIELD_BOOL || value->kind != VALUE_STRING)
		return wrong_field(p->r, f);
	return take_string(p, f, value->string, value->len);
}

/* The text comes last: what it is cleaned into is used by other fields. */
static bool
take_fields(struct parts *p, const struct cmd_def *def,
    const struct json_line *line)
{
	const struct field_def *f, *text = NULL;
	struct json_value value, text_value;
	struct request *r = p->r;

	for (f = def->fields; f->name != NULL; f++) {
		json_line_get(line, f->name, &value);
		if (value.kind == VALUE_ABSENT && f->required)
			return bad_argument(r, f->name, request_fmt(r,
			    "\"%s\" is missing: it must be %s.", f->name,
			    wanted(r, f)));
		if (value.kind == VALUE_ABSENT) {
			if (f->slot == SLOT_LIMIT)
				r->limit = f->preset;
		} else if (f->type == FIELD_TEXT) {
			text = f;
			text_value = value;
		} else if (!take_field(p, f, &value)) {
			return false;
		}
	}
	if (r->has == (HAS_AFTER | HAS_BEFORE))
		return bad_argument(r, "before",
		    "Give \"after\" or \"before\", not both.");
	if (r->has == (HAS_AFTER | HAS_LAST))
		return bad_argument(r, "last",
		    "Give \"after\" or \"last\", not both.");
	if (text == NULL)
		return true;
	if (!take_field(p, text, &text_value))
		return false;
	r->msg = msg_new(p->kind, p->from, r->name, p->text, p->text_len,
	    p->key);
	return true;
}

static bool
take_id(struct request *r, const struct json_value *id)
{
	if (id->kind == VALUE_OTHER || id->kind == VALUE_BOOL)
		return bad_argument(r, "id",
		    "\"id\" must be a string or an integer.");
	scratch_take(&scratch, SCRATCH_KEEP);
	if (id->kind == VALUE_STRING) {
		json_quote(&scratch.buf, id->string, id->len);
	} else if (id->kind == VALUE_INTEGER) {
		if (id->integer < 0)
			buf_addc(&scratch.buf, '-');
		buf_addu(&scratch.buf, id->integer < 0 ?
		    -(uint64_t)id->integer : (uint64_t)id->integer);
	}
	if (scratch.buf.len > 0)
		r->id = request_strn(r, scratch.buf.data, scratch.buf.len);
	return true;
}

static bool
unknown_command(struct request *r, const char *word, size_t n)
{
	const char *near;
	size_t i;

	scratch_take(&scratch, SCRATCH_KEEP);
	json_quote(&scratch.buf, word, n);
	r->wire_cmd = request_strn(r, scratch.buf.data, scratch.buf.len);
	for (i = 0; i < n && word[i] > ' ' && word[i] < 0x7f; i++)
		;
	if (i < n || n == 0 || n > MAX_ECHO) {
		request_fail(r, ERR_UNKNOWN_COMMAND, NULL);
		return false;
	}
	near = proto_nearest(word);
	if (near == NULL)
		request_fail(r, ERR_UNKNOWN_COMMAND,
		    "There is no command \"%s\".", word);
	else
		request_fail(r, ERR_UNKNOWN_COMMAND,
		    "There is no command \"%s\"; did you mean \"%s\"?", word,
		    near);
	return false;
}

static bool
take_object(struct request *r, const struct dialect_io *io,
    const struct json_line *line)
{
	struct parts parts = { .conf = io->conf, .r = r, .from = io->name,
	    .kind = MSG_TEXT };
	const struct cmd_def *def;
	struct json_value cmd, id;
	bool id_ok;

	json_line_get(line, "id", &id);
	id_ok = take_id(r, &id);
	json_line_get(line, "cmd", &cmd);
	if (cmd.kind != VALUE_STRING)
		return bad_argument(r, "cmd", cmd.kind == VALUE_ABSENT ?
		    "\"cmd\" is missing: it must be a command, a string." :
		    "\"cmd\" must be a command, a string.");
	def = proto_cmd(cmd.string);
	if (def == NULL || strlen(def->name) != cmd.len)
		return unknown_command(r, cmd.string, cmd.len);
	r->cmd = def->cmd;
	return id_ok && take_fields(&parts, def, line);
}

static bool
parse(struct request *r, const struct dialect_io *io, char *s, size_t len)
{
	struct json_line line;
	bool ok;

	if (!json_line_parse(&line, s, len, r))
		return false;
	ok = take_object(r, io, &line);
	json_line_free(&line);
	return ok;
}

static void
json_line(void *state, struct dialect_io *io, char *line, size_t len)
{
	struct request *r = request_new(CMD_NONE);

	(void)state;
	if (parse(r, io, line, len)) {
		mail_list_add(&io->requests, &r->mail);
	} else {
		io->refused = r->error;
		io->refused_cmd = r->cmd;
		json_render_reply(&io->out, io->conf, r);
		request_free(r);
	}
}

static void
json_error(void *state, struct dialect_io *io, enum error error,
    uint32_t retry_ms)
{
	(void)state;
	json_render_error(&io->out, error, retry_ms);
}

static void
json_reply(void *state, struct dialect_io *io, struct request *r)
{
	(void)state;
	json_render_reply(&io->out, io->conf, r);
	if (r->cmd == CMD_QUIT)
		io->act |= DIALECT_CLOSE;
}

const struct dialect dialect_json = {
	.name = "json",
	.line = json_line,
	.error = json_error,
	.reply = json_reply,
	.message = json_render_message,
	.lag = json_render_lag,
	.notice = json_render_notice,
	.bye = json_render_bye
};
