/*
 * A person's lines: never a crash; what is written is valid UTF-8 without
 * control characters but TAB and CR LF, and without escapes but for colours;
 * requests are well-formed. The first byte says what goes wrong.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dialect.h"
#include "name.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct conf conf = { .server_name = (char *)"fuzz",
    .lobby = (char *)"lobby", .motd = (char *)"one\ntwo", .max_text = 4096,
    .max_line = 16384, .max_rooms = 32 };

static void
need(int ok)
{
	if (!ok)
		abort();
}

/* The bytes of a colour at s, which is an ESC. */
static size_t
color_len(const char *s, size_t n)
{
	size_t i = 2;

	need(n > 2 && s[1] == '[');
	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	need(i < n && s[i] == 'm');
	return i + 1;
}

static void
check_output(const struct buf *out, bool color)
{
	struct buf rest = { 0 }, clean = { 0 };
	size_t i, n;

	for (i = 0; i < out->len; i += n) {
		n = 1;
		if (out->data[i] == '\033') {
			need(color);
			n = color_len(out->data + i, out->len - i);
		} else if (out->data[i] == '\r') {
			need(i + 1 < out->len && out->data[i + 1] == '\n');
			n = 2;
		} else
			buf_addc(&rest, out->data[i]);
	}
	if (rest.len > 0) {
		need(utf8_valid(rest.data, rest.len, NULL));
		text_clean(&clean, rest.data, rest.len);
		need(clean.len == rest.len &&
		    memcmp(clean.data, rest.data, rest.len) == 0);
	}
	buf_free(&rest);
	buf_free(&clean);
}

static void
check_names(const struct request *r)
{
	struct name name;

	need((r->name == NULL) == (r->name_key == NULL));
	need((r->room == NULL) == (r->room_key == NULL));
	if (r->name != NULL)
		need(name_parse(&name, r->name, strlen(r->name), NULL) &&
		    strcmp(name.key, r->name_key) == 0);
	if (r->room != NULL)
		need(name_parse_room(&name, r->room, strlen(r->room), NULL) &&
		    strcmp(name.key, r->room_key) == 0);
}

static void
check_request(const struct request *r)
{
	bool says = r->cmd == CMD_SAY || r->cmd == CMD_TELL;

	need(r->cmd > CMD_NONE && r->cmd < CMD_MAX && r->error == ERR_NONE);
	check_names(r);
	need((r->msg != NULL) == says);
	if (says) {
		need(r->msg->text_len > 0);
		need(r->msg->text_len <= conf.max_text);
		need(strlen(msg_text(r->msg)) == r->msg->text_len);
	}
	if (r->cmd == CMD_HISTORY)
		need(r->limit >= 1 && r->limit <= 1000);
}

/* An account's answers. */
static void
fill_account(struct request *r, const char *text)
{
	static struct listed_token token;
	static struct kept_room kept[] = { { .room = "dev", .seen = 1,
	    .unread = 2 }, { .room = "lobby", .unread = UNREAD_MAX,
	    .more = true } };

	r->name = r->cmd == CMD_REGISTER ? "ann" : r->name;
	r->token = r->cmd == CMD_TOKEN ? request_str(r, "pl_x") : NULL;
	r->offline = text[0] == 'o';
	r->away = text[0] == 'a' ? text : NULL;
	token = (struct listed_token){ text, 1, text[0] == 'x' };
	if (r->cmd == CMD_TOKENS) {
		r->tokens = &token;
		r->nlisted = 1;
	} else if (r->cmd == CMD_QUIT || r->cmd == CMD_LOGIN) {
		r->kept = kept;
		r->nlisted = NITEMS(kept);
	}
}

/* A room's. */
static void
fill_room(struct request *r, struct listed_room *room, const char *text)
{
	static struct listed_sanction sanction;
	static struct settings set;

	if (r->cmd == CMD_BANS) {
		sanction = (struct listed_sanction){ text, NULL, "ann", text,
		    1, text[0] == 'x', text[0] == 'm' };
		r->sanctions = &sanction;
		r->nlisted = 1;
	} else if (r->cmd == CMD_SEARCH) {
		*room = (struct listed_room){ .room = "dev" };
		r->rooms = room;
		r->msgs = xmalloc(sizeof(*r->msgs));
		r->msgs[0] = msg_new(MSG_ACTION, "ann", NULL, "hi", 2, NULL);
		r->nlisted = 1;
	} else if (r->cmd == CMD_CONFIGURE && r->set == NULL) {
		r->set = &set;
		r->role = "op";
	}
}

/* Lists of what the person wrote, since that is what can do harm. */
static void
fill(struct request *r, struct listed_room *room, struct listed_user *user)
{
	const char *text = r->string != NULL ? r->string : "";

	fill_account(r, text);
	fill_room(r, room, text);
	r->head = 9;
	r->members = 2;
	r->topic = text;
	if (r->cmd == CMD_ROOMS) {
		*room = (struct listed_room){ r->match != NULL &&
		    r->match[0] != '\0' ? "dev" : "lobby", text, 1, true };
		r->rooms = room;
		r->nlisted = 1;
	} else if (r->cmd == CMD_WHO) {
		*user = (struct listed_user){ .name = "ann",
		    .role = "owner", .away = text, .sessions = 2,
		    .guest = true };
		r->users = user;
		r->nlisted = 1;
	} else if (r->cmd == CMD_HISTORY) {
		r->msgs = xmalloc(sizeof(*r->msgs));
		r->msgs[0] = msg_new(MSG_TEXT, "ann", NULL, "hi", 2, NULL);
		r->nlisted = 1;
	}
}

static void
check_message(const struct request *r)
{
	struct buf out = { 0 };

	if (r->msg == NULL)
		return;
	dialect_text.message(&out, ENC_TEXT, "lobby", r->msg);
	check_output(&out, false);
	buf_reset(&out);
	dialect_text.message(&out, ENC_COLOR, "lobby", r->msg);
	check_output(&out, true);
	buf_free(&out);
}

/* Answers all requests, and those that come of it. */
static void
answer(void *state, struct dialect_io *io, unsigned fate)
{
	struct listed_room room;
	struct listed_user user;
	struct request *r;

	while ((r = (struct request *)io->requests.first) != NULL) {
		io->requests.first = r->mail.next;
		if (r->mail.next == NULL)
			mail_list_init(&io->requests);
		check_request(r);
		check_message(r);
		request_wipe(r);
		if (fate % 5 == 4)
			request_fail(r, (enum error)(fate % ERR_MAX), NULL);
		else if (fate % 11 == 3 && r->cmd == CMD_LOGIN)
			request_fail(r, ERR_NAME_REGISTERED, NULL);
		else
			fill(r, &room, &user);
		r->more = fate % 7 == 3 && r->tag == 0;
		if (r->cmd == CMD_LOGIN && r->error == ERR_NONE)
			io->logged_in = true;
		dialect_text.reply(state, io, r);
		request_free(r);
	}
}

static void
one_line(void *state, struct dialect_io *io, const char *s, size_t n,
    unsigned fate)
{
	char *line = malloc(n ? n : 1);

	memcpy(line, s, n);
	dialect_text.line(state, io, line, n);
	free(line);
	answer(state, io, fate);
	check_output(&io->out, true);
	buf_reset(&io->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dialect_io io = { .conf = &conf, .name = "ann" };
	const char *s = (const char *)data, *lf;
	unsigned fate;
	void *state;
	size_t n;

	if (size == 0)
		return 0;
	mail_list_init(&io.requests);
	state = dialect_text.open(&conf);
	fate = (unsigned char)*s++;
	text_set_width(state, fate);
	if (fate & 1)
		dialect_text.greet(state, &io);
	for (size--; size > 0; s += n, size -= n) {
		lf = memchr(s, '\n', size);
		n = lf != NULL ? (size_t)(lf - s) : size;
		one_line(state, &io, s, n, fate++);
		n += lf != NULL;
	}
	dialect_text.close(state);
	buf_free(&io.out);
	return 0;
}
