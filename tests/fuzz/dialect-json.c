/*
 * JSON lines: never a crash, and for every line exactly one thing: a request
 * that is well-formed, or one reply that is valid JSON. A request, answered, is
 * one valid JSON line too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "dialect.h"
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

static void
one_line(const struct dialect *d, struct dialect_io *io, const char *s,
    size_t n)
{
	char *line = malloc(n ? n : 1);
	struct request *r;

	memcpy(line, s, n);
	buf_reset(&io->out);
	mail_list_init(&io->requests);
	d->line(NULL, io, line, n);
	free(line);
	r = (struct request *)io->requests.first;
	need((r != NULL) != (io->out.len > 0));
	if (r != NULL) {
		need(r->mail.next == NULL);
		check_request(r, io->conf);
		d->reply(NULL, io, r);
		request_free(r);
	}
	check_reply(&io->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf = { .server_name = (char *)"fuzz", .max_text = 4096,
	    .max_line = 16384, .max_rooms = 32 };
	struct dialect_io io = { .conf = &conf };
	const char *s = (const char *)data, *lf;
	size_t n;

	for (; size > 0; s += n, size -= n) {
		lf = memchr(s, '\n', size);
		n = lf != NULL ? (size_t)(lf - s) : size;
		if (n > 0)
			one_line(&dialect_json, &io, s, n);
		n += lf != NULL;
	}
	buf_free(&io.out);
	return 0;
}
