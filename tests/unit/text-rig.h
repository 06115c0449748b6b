/*
 * A person's dialect alone: lines in, requests and bytes out.
 */
#ifndef TEXT_RIG_H
#define TEXT_RIG_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dialect.h"
#include "name.h"

#define T	1006430580123	/* 2001-11-22T12:03:00.123Z */
#define ASK	"What is your name? "
#define TOO_LONG \
	"** That is too long: a line has at most 16384 bytes.\r\n"
#define BAD_UTF8 "** That line is not valid UTF-8. If you typed it in " \
		"telnet, please type it again.\r\n"
#define NOWHERE	"** You are in no room: /join ROOM enters one.\r\n"

static struct conf conf = { .server_name = (char *)"example",
    .lobby = (char *)"Lobby", .motd = (char *)"", .max_line = 16384,
    .max_text = 64, .max_rooms = 32 };
static struct dialect_io io;
static void *state;

static void
begin(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	conf.motd = (char *)"";
	io = (struct dialect_io){ .conf = &conf };
	mail_list_init(&io.requests);
	state = dialect_text.open(&conf);
	cr_assert_not_null(state);
}

static void
end(void)
{
	cr_assert(mail_list_empty(&io.requests));
	dialect_text.close(state);
	buf_free(&io.out);
}

static void
send_line(const char *line)
{
	size_t n = strlen(line);
	char *copy = malloc(n ? n : 1);

	memcpy(copy, line, n);
	buf_reset(&io.out);
	io.act = 0;
	dialect_text.line(state, &io, copy, n);
	free(copy);
}

/* The line is answered with these bytes and nothing else. */
static void
gets(const char *line, const char *want)
{
	send_line(line);
	cr_assert(mail_list_empty(&io.requests), "%s", line);
	cr_expect_str_eq(buf_str(&io.out), want, "%s: %s", line,
	    buf_str(&io.out));
}

static struct request *
take_request(enum cmd cmd)
{
	struct request *r = (struct request *)io.requests.first;

	cr_assert_not_null(r);
	cr_assert_null(r->mail.next);
	mail_list_init(&io.requests);
	cr_expect_eq(r->cmd, cmd);
	return r;
}

/* The line becomes one request, and nothing is answered yet. */
static struct request *
asks(const char *line, enum cmd cmd)
{
	send_line(line);
	cr_expect_eq(io.out.len, 0, "%s: %s", line, buf_str(&io.out));
	return take_request(cmd);
}

/* The request, answered as set up in it, becomes these bytes. */
static void
answers(struct request *r, const char *want)
{
	buf_reset(&io.out);
	dialect_text.reply(state, &io, r);
	cr_expect_str_eq(buf_str(&io.out), want, "%s", buf_str(&io.out));
	request_free(r);
}

static void
log_in(void)
{
	struct request *r = asks("Ann", CMD_LOGIN);

	io.logged_in = r->guest = true;
	answers(r, "-- Welcome to example.\r\n"
	    "-- You are Ann. /help lists the commands.\r\n");
	r = take_request(CMD_SUBSCRIBE);
	cr_expect_str_eq(r->room, "Lobby");
	cr_expect_str_eq(r->room_key, "lobby");
	cr_expect_eq(r->has, HAS_LAST);
	cr_expect_eq(r->last, 20);
	r->members = 3;
	answers(r, "-- You are in #Lobby (3 here).\r\n");
}

/* A line said goes there, with this text. */
static void
says(const char *line, const char *room, const char *text)
{
	struct request *r = asks(line, CMD_SAY);

	cr_expect_str_eq(r->room_key, room);
	cr_assert_not_null(r->msg);
	cr_expect_str_eq(msg_text(r->msg), text);
	cr_expect_eq(r->msg->kind, MSG_TEXT);
	r->seq = 1;
	answers(r, "");
}

#endif
