/*
 * JSON lines: never a crash, and for every line exactly one thing: a request
 * that is well-formed, or one reply that is valid JSON. A request, answered, is
 * one valid JSON line too. And a line that the scan of plain ones takes means
 * the same to jansson.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dialect.h"
#include "json-line.h"
#include "name.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(int ok)
{
	if (!ok)
		abort();
}

static void
check_reply(const struct buf *out)
{
	json_t *reply;
	size_t i;

	need(out->len > 1 && out->data[out->len - 1] == '\n');
	for (i = 0; i < out->len - 1; i++)
		need((unsigned char)out->data[i] >= 0x20);
	need(utf8_valid(out->data, out->len, NULL));
	reply = json_loadb(out->data, out->len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	need(json_object_get(reply, "reply") != NULL);
	need(json_is_boolean(json_object_get(reply, "ok")));
	json_decref(reply);
}

static void
check_text(const char *s)
{
	struct buf clean = { 0 };

	if (s == NULL)
		return;
	need(utf8_valid(s, strlen(s), NULL));
	text_clean(&clean, s, strlen(s));
	need(clean.len == strlen(s) &&
	    (clean.len == 0 || memcmp(clean.data, s, clean.len) == 0));
	buf_free(&clean);
}

static void
check_request(const struct request *r, const struct conf *conf)
{
	bool says = r->cmd == CMD_SAY || r->cmd == CMD_TELL;
	struct name name;

	need(r->cmd > CMD_NONE && r->cmd < CMD_MAX && r->error == ERR_NONE);
	need((r->name == NULL) == (r->name_key == NULL));
	need((r->room == NULL) == (r->room_key == NULL));
	if (r->name != NULL)
		need(name_parse(&name, r->name, strlen(r->name), NULL) &&
		    strcmp(name.key, r->name_key) == 0);
	if (r->room != NULL)
		need(name_parse_room(&name, r->room, strlen(r->room), NULL) &&
		    strcmp(name.key, r->room_key) == 0);
	check_text(r->string);
	check_text(r->match);
	check_text(r->epoch);
	check_text(r->resume);
	need((r->msg != NULL) == says);
	if (!says)
		return;
	check_text(msg_text(r->msg));
	check_text(msg_key(r->msg));
	need(strlen(msg_text(r->msg)) == r->msg->text_len);
	need(r->msg->text_len > 0 && r->msg->text_len <= conf->max_text);
}

/* The request of the line, or NULL and its reply is in io->out. */
static struct request *
parse(struct dialect_io *io, const char *s, size_t n)
{
	char *line = malloc(n ? n : 1);
	struct request *r;

	memcpy(line, s, n);
	buf_reset(&io->out);
	mail_list_init(&io->requests);
	dialect_json.line(NULL, io, line, n);
	free(line);
	r = (struct request *)io->requests.first;
	need((r != NULL) != (io->out.len > 0));
	need(r == NULL || r->mail.next == NULL);
	return r;
}

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
need_same(const struct request *a, const struct request *b)
{
	need((a == NULL) == (b == NULL));
	if (a == NULL)
		return;
	need(a->cmd == b->cmd && a->has == b->has);
	need(same(a->id, b->id) && same(a->name, b->name));
	need(same(a->room, b->room) && same(a->string, b->string));
	need(same(a->epoch, b->epoch) && same(a->match, b->match));
	need(same(a->resume, b->resume));
	need(a->after == b->after && a->before == b->before);
	need(a->seq == b->seq && a->last == b->last && a->limit == b->limit);
	if (a->msg != NULL) {
		need(a->msg->kind == b->msg->kind);
		need(same(msg_text(a->msg), msg_text(b->msg)));
		need(same(msg_key(a->msg), msg_key(b->msg)));
		need(same(msg_to(a->msg), msg_to(b->msg)));
	}
}

static void
need_equal(const struct json_value *a, const struct json_value *b)
{
	need(a->kind == b->kind);
	if (a->kind == VALUE_INTEGER)
		need(a->integer == b->integer);
	if (a->kind == VALUE_STRING)
		need(a->len == b->len &&
		    memcmp(a->string, b->string, a->len + 1) == 0);
}

/* What the scan takes is to jansson the same members with the same values;
 * what it doesn't take it leaves as it was. */
static void
check_scan(const char *s, size_t n)
{
	struct request *r = request_new(CMD_NONE);
	struct json_line scanned, loaded;
	struct json_value value;
	char *line = malloc(n ? n : 1), *key;
	unsigned i;

	memcpy(line, s, n);
	if (!json_line_scan(&scanned, line, n)) {
		need(memcmp(line, s, n) == 0);
	} else {
		need(json_line_load(&loaded, s, n, r));
		need(json_object_size(loaded.root) == scanned.n);
		for (i = 0; i < scanned.n; i++) {
			key = strndup(scanned.members[i].key,
			    scanned.members[i].key_len);
			json_line_get(&loaded, key, &value);
			need_equal(&scanned.members[i].value, &value);
			json_line_get(&scanned, key, &value);
			need_equal(&scanned.members[i].value, &value);
			free(key);
		}
		json_line_free(&scanned);
		json_line_free(&loaded);
	}
	free(line);
	request_free(r);
}

static bool
is_syntax_error(struct buf *out)
{
	const char *s = buf_str(out);

	return strstr(s, "\"error\":\"bad-json\"") != NULL ||
	    strstr(s, "\"error\":\"bad-utf8\"") != NULL;
}

/* With a null before its members a line is none for the scan; and what is
 * unknown is ignored. */
static void
check_slow(struct dialect_io *io, const char *s, size_t n,
    const struct request *r)
{
	struct dialect_io slow = { .conf = io->conf };
	const char *brace = memchr(s, '{', n);
	struct buf line = { 0 };
	struct request *other;
	size_t at = brace == NULL ? n : (size_t)(brace - s) + 1;
	size_t next = at;

	while (next < n && strchr(" \t\r", s[next]) != NULL)
		next++;
	if (next == n || s[next] == '}' || memmem(s, n, "~", 1) != NULL)
		return;
	buf_add(&line, s, at);
	buf_adds(&line, "\"~\":null,");
	buf_add(&line, s + at, n - at);
	other = parse(&slow, line.data, line.len);
	need_same(r, other);
	if (r == NULL) {
		need(is_syntax_error(&io->out) == is_syntax_error(&slow.out));
		need(is_syntax_error(&io->out) ||
		    strcmp(buf_str(&io->out), buf_str(&slow.out)) == 0);
	}
	request_free(other);
	buf_free(&slow.out);
	buf_free(&line);
}

static void
one_line(struct dialect_io *io, const char *s, size_t n)
{
	struct request *r = parse(io, s, n);

	check_scan(s, n);
	check_slow(io, s, n, r);
	if (r != NULL) {
		check_request(r, io->conf);
		dialect_json.reply(NULL, io, r);
		request_free(r);
	}
	check_reply(&io->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf = { .server_name = (char *)"fuzz",
	    .lobby = (char *)"lobby", .motd = (char *)"", .max_text = 4096,
	    .max_line = 16384, .max_rooms = 32 };
	struct dialect_io io = { .conf = &conf };
	const char *s = (const char *)data, *lf;
	size_t n;

	for (; size > 0; s += n, size -= n) {
		lf = memchr(s, '\n', size);
		n = lf != NULL ? (size_t)(lf - s) : size;
		if (n > 0)
			one_line(&io, s, n);
		n += lf != NULL;
	}
	buf_free(&io.out);
	return 0;
}
