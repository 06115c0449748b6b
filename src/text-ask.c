/*
 * Questions for a secret: what is typed next answers them, is never shown or
 * said to anybody, and is kept only until the request for it is made.
 */
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "name.h"
#include "password.h"
#include "text.h"

static void
forget(char **secret)
{
	if (*secret != NULL)
		explicit_bzero(*secret, strlen(*secret));
	free(*secret);
	*secret = NULL;
}

void
text_ask_free(struct text_ask *ask)
{
	if (ask == NULL)
		return;
	forget(&ask->old);
	forget(&ask->new);
	free(ask->name);
	free(ask);
}

void
text_ask_again(struct text *t, struct dialect_io *io)
{
	static const char *const prompts[] = {
		[ASK_DOOR] = "Password", [ASK_REGISTER] = "New password",
		[ASK_REGISTER_AGAIN] = "Once more, please",
		[ASK_OLD] = "Old password", [ASK_NEW] = "New password",
		[ASK_NEW_AGAIN] = "Once more, please", [ASK_LOST] = ""
	};

	io->act |= DIALECT_HIDE;
	buf_addf(&io->out, "%s%s: ", prompts[t->ask->what],
	    io->hides ? "" : " (only telnet hides it)");
}

void
text_ask_secret(struct text *t, struct dialect_io *io, enum text_asked what,
    const char *name)
{
	text_ask_free(t->ask);
	t->ask = xcalloc(1, sizeof(*t->ask));
	t->ask->what = what;
	if (name != NULL)
		t->ask->name = xstrdup(name);
	text_ask_again(t, io);
}

void
text_ask_end(struct text *t, struct dialect_io *io)
{
	if (t->ask == NULL)
		return;
	text_ask_free(t->ask);
	t->ask = NULL;
	io->act = (io->act & ~(unsigned)DIALECT_HIDE) | DIALECT_SHOW;
}

/* The question stands until the answer is here: nothing is shown before. */
static void
log_in(struct text *t, struct dialect_io *io, const char *password)
{
	const char *who = t->ask->name;
	struct request *r;
	struct name name;

	if (!name_parse(&name, who, strlen(who), NULL)) {
		text_ask_end(t, io);
		text_ask(io);
		return;
	}
	r = text_request(io, CMD_LOGIN);
	request_set_name(r, &name);
	r->password = request_str(r, password);
}

/* What was wrong; and the way out, with the question. */
static void
asked_again(struct text *t, struct dialect_io *io, const char *why)
{
	text_error(t, &io->out, "%s An empty line changes nothing.", why);
	text_ask_again(t, io);
}

static void
next(struct text *t, struct dialect_io *io, enum text_asked what)
{
	t->ask->what = what;
	text_ask_again(t, io);
}

/* What was typed twice is the same, or both are asked for again: who types a
 * password must not find that it was said to the room. */
static bool
same(struct text *t, struct dialect_io *io, const char *again,
    enum text_asked first)
{
	if (strcmp(t->ask->new, again) == 0)
		return true;
	forget(&t->ask->new);
	t->ask->what = first;
	asked_again(t, io, "Those two are not the same.");
	return false;
}

/* A new password may be one; or it was said why not, and is asked for again. */
static bool
fits(struct text *t, struct dialect_io *io, const char *secret)
{
	struct request *r = request_new(CMD_NONE);
	const char *why = "The password is missing.";
	bool ok = auth_password_fits(r, secret, io->conf, &why);

	if (!ok)
		asked_again(t, io, why);
	request_free(r);
	return ok;
}

static void
answered(struct text *t, struct dialect_io *io, const char *secret)
{
	struct text_ask *ask = t->ask;
	struct request *r;

	switch (ask->what) {
	case ASK_DOOR:
		log_in(t, io, secret);
		break;
	case ASK_OLD:
		ask->old = xstrdup(secret);
		r = text_request(io, CMD_PASSWD);
		r->password = request_str(r, secret);
		r->proves = true;
		break;
	case ASK_REGISTER:
	case ASK_NEW:
		if (!fits(t, io, secret))
			break;
		ask->new = xstrdup(secret);
		next(t, io, ask->what == ASK_NEW ? ASK_NEW_AGAIN :
		    ASK_REGISTER_AGAIN);
		break;
	case ASK_REGISTER_AGAIN:
		if (!same(t, io, secret, ASK_REGISTER))
			break;
		r = text_request(io, CMD_REGISTER);
		r->password = request_str(r, secret);
		break;
	case ASK_NEW_AGAIN:
		if (!same(t, io, secret, ASK_NEW))
			break;
		r = text_request(io, CMD_PASSWD);
		r->password = request_str(r, ask->old);
		r->new_password = request_str(r, secret);
		break;
	case ASK_LOST:
		break;
	}
}

void
text_proved(struct text *t, struct dialect_io *io)
{
	if (t->ask != NULL && t->ask->what == ASK_OLD)
		next(t, io, ASK_NEW);
}

static void
given_up(struct text *t, struct dialect_io *io)
{
	bool lost = t->ask->what == ASK_LOST;

	text_ask_end(t, io);
	if (lost)
		text_error(t, &io->out, "The server has moved while you typed, "
		    "and has kept no password. Please begin again.");
	else if (io->logged_in)
		text_info(&io->out, "Nothing was changed.");
	if (!io->logged_in)
		text_ask(io);
}

static bool
may_be_one(const char *secret, size_t len)
{
	char prepared[PASSWORD_MAX];
	bool may = strlen(secret) == len &&
	    password_prepare(prepared, secret) > 0;

	explicit_bzero(prepared, sizeof(prepared));
	return may;
}

void
text_secret(struct text *t, struct dialect_io *io, char *line, size_t len)
{
	char *secret;

	if (t->ask->what == ASK_LOST || len == 0) {
		given_up(t, io);
	} else if (!utf8_valid(line, len, NULL)) {
		text_error(t, &io->out, "%s", error_text(ERR_BAD_UTF8));
		text_ask_again(t, io);
	} else {
		secret = xcalloc(1, len + 1);
		memcpy(secret, line, len);
		if (may_be_one(secret, len)) {
			answered(t, io, secret);
		} else {
			text_error(t, &io->out, "A password has at most %d "
			    "bytes, and no NUL.", PASSWORD_MAX);
			text_ask_again(t, io);
		}
		forget(&secret);
	}
	explicit_bzero(line, len);
}
