/*
 * What the tests of the JSON dialect share: lines go in, requests come out, and
 * what they are answered with.
 */
#ifndef JSON_RIG_H
#define JSON_RIG_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "util.h"

static struct dialect_io io;

static void
rig_begin(const struct conf *conf)
{
	io = (struct dialect_io){ .conf = conf };
	mail_list_init(&io.requests);
	cr_assert(dialect_json.open == NULL && dialect_json.greet == NULL);
}

static void
rig_end(void)
{
	cr_assert(mail_list_empty(&io.requests));
	buf_free(&io.out);
}

static void
send_bytes(const char *line, size_t n)
{
	/* exactly as large, so that a sanitizer sees an overrun */
	char *copy = malloc(n ? n : 1);

	memcpy(copy, line, n);
	buf_reset(&io.out);
	dialect_json.line(NULL, &io, copy, n);
	free(copy);
}

/* The line becomes one request, and nothing is answered yet. */
static struct request *
asks(const char *line)
{
	struct request *r;

	send_bytes(line, strlen(line));
	cr_assert_eq(io.out.len, 0, "%s: %s", line, buf_str(&io.out));
	cr_assert_not(mail_list_empty(&io.requests), "%s", line);
	r = (struct request *)io.requests.first;
	cr_assert_null(r->mail.next);
	cr_assert_eq(r->mail.kind, MAIL_REQUEST);
	mail_list_init(&io.requests);
	return r;
}

/* The request, answered as set up in it, becomes these bytes. */
static void
answers(struct request *r, const char *reply)
{
	buf_reset(&io.out);
	dialect_json.reply(NULL, &io, r);
	cr_expect_str_eq(buf_str(&io.out), reply);
	request_free(r);
}

#endif
