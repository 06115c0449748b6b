/*
 * What is one's own: /register, /password, tokens, whom one ignores.
 */
#include <string.h>

#include "name.h"
#include "text.h"

#define DAY_S	86400u
#define DAYS_MAX 36500		/* as proto.c has it for a token */

/* False, and a guest was told. */
static bool
has_account(struct text *t, struct dialect_io *io)
{
	if (t->account)
		return true;
	text_error(t, &io->out, "You are a guest: /register makes your name "
	    "your own.");
	return false;
}

bool
text_cmd_register(struct text *t, struct dialect_io *io, char *args)
{
	struct request *r;

	if (t->account) {
		text_error(t, &io->out, "You are registered. /password sets "
		    "another password.");
	} else if (*args == '\0') {
		text_info(&io->out, "Whoever has the password is %s from now "
		    "on. An empty line changes nothing.", io->name);
		text_ask_secret(t, io, ASK_REGISTER, NULL);
	} else if (text_fits(t, io, args, STRING_BYTES)) {
		r = text_request(io, CMD_REGISTER);
		r->password = request_str(r, args);
		r->tag = TEXT_SEEN;
	}
	explicit_bzero(args, strlen(args));
	return true;
}

bool
text_cmd_password(struct text *t, struct dialect_io *io, char *args)
{
	if (*args != '\0') {
		explicit_bzero(args, strlen(args));
		return false;
	}
	if (!has_account(t, io))
		return true;
	text_info(&io->out, "From now on another password is asked for. An "
	    "empty line changes nothing.");
	text_ask_secret(t, io, ASK_OLD, NULL);
	return true;
}

bool
text_cmd_token(struct text *t, struct dialect_io *io, char *args)
{
	const char *label = text_word(&args);
	uint64_t days = 0;
	struct request *r;

	if (*label == '\0' || (*args != '\0' && !text_number(args, DAYS_MAX,
	    &days)))
		return false;
	if (!has_account(t, io) || !text_fits(t, io, label, STRING_BYTES))
		return true;
	r = text_request(io, CMD_TOKEN);
	r->string = request_str(r, label);
	r->seconds = (uint32_t)days * DAY_S;
	return true;
}

bool
text_cmd_tokens(struct text *t, struct dialect_io *io, char *args)
{
	if (*args != '\0')
		return false;
	if (has_account(t, io))
		text_request(io, CMD_TOKENS);
	return true;
}

bool
text_cmd_revoke(struct text *t, struct dialect_io *io, char *args)
{
	struct request *r;

	if (*args == '\0')
		return false;
	if (!has_account(t, io) || !text_fits(t, io, args, STRING_BYTES))
		return true;
	r = text_request(io, CMD_REVOKE);
	r->string = request_str(r, args);
	return true;
}

bool
text_cmd_ignore(struct text *t, struct dialect_io *io, char *args)
{
	if (*args == '\0')
		text_request(io, CMD_IGNORED);
	else
		text_name_request(t, io, CMD_IGNORE, args);
	return true;
}

bool
text_cmd_unignore(struct text *t, struct dialect_io *io, char *args)
{
	if (*args == '\0')
		return false;
	text_name_request(t, io, CMD_UNIGNORE, args);
	return true;
}

void
text_ignore_reply(struct dialect_io *io, const struct request *r)
{
	const struct ignores *list = r->ignores;
	uint32_t i;

	if (r->cmd == CMD_IGNORE) {
		text_info(&io->out, "You see nothing more of %s. /unignore %s "
		    "ends that.", r->name, r->name);
		if (r->offline)
			text_info(&io->out, "But nobody of that name is here, "
			    "or registered.");
	} else if (r->cmd == CMD_UNIGNORE) {
		text_info(&io->out, "You see what %s says again.", r->name);
	} else if (list == NULL) {
		text_info(&io->out, "You ignore nobody.");
	} else {
		buf_adds(&io->out, "-- You ignore ");
		for (i = 0; i < list->n; i++)
			buf_addf(&io->out, "%s%s", i > 0 ? ", " : "",
			    list->list[i].name);
		buf_adds(&io->out, ".\r\n");
	}
}

static void
show_tokens(struct dialect_io *io, const struct request *r)
{
	const struct listed_token *token;
	struct buf *b = &io->out;
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		token = &r->tokens[i];
		buf_addf(b, "-- %s, of ", token->label);
		text_day(b, token->created);
		if (token->expires == 0) {
			buf_adds(b, ", never expires");
		} else {
			buf_addf(b, ", %s ", token->expires > clock_wall() ?
			    "expires" : "has expired");
			text_day(b, token->expires);
		}
		buf_adds(b, "\r\n");
	}
	if (r->nlisted == 0)
		text_info(b, "You have no tokens. /token LABEL makes one.");
}

void
text_account_reply(struct text *t, struct dialect_io *io,
    const struct request *r)
{
	switch (r->cmd) {
	case CMD_REGISTER:
		t->account = true;
		text_info(&io->out, "%s is yours: from now on that name is "
		    "asked for its password.", r->name);
		if (r->tag == TEXT_SEEN)
			text_info(&io->out, "That password was to be seen: "
			    "/password sets another one, unseen in telnet.");
		if (t->nrooms == 0)
			text_info(&io->out, "You are in no room: /join %s "
			    "enters one.", io->conf->lobby);
		break;
	case CMD_PASSWD:
		text_info(&io->out, "Your password is another one now.");
		break;
	case CMD_TOKEN:
		text_info(&io->out, "The token %s, for a program to log in "
		    "with as %s. It is shown this once:", r->string,
		    io->name);
		text_info(&io->out, "%s", r->token);
		break;
	case CMD_TOKENS:
		show_tokens(io, r);
		break;
	default:		/* revoke */
		text_info(&io->out, "The token %s is worth nothing any more.",
		    r->string);
		break;
	}
}
