/*
 * Keeping a room in order, for people: what they type, and the answers that do
 * not come back as news of the room.
 */
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "text.h"

#define LOOK_BACK	200	/* messages: whose last one is sought */
#define LISTED		10	/* messages that /redact alone shows */

static const char an_address[] = "ip:";

/* "90s", "10m", "2h", "3d", "1w", or several: "1d12h". False if it is none. */
bool
text_duration(const char *s, uint32_t *seconds)
{
	static const char units[] = "smhdw";
	static const uint32_t in_seconds[] = { 1, 60, 3600, 86400, 604800 };
	uint64_t sum = 0, n;
	const char *unit;

	if (*s == '\0')
		return false;
	while (*s != '\0') {
		for (n = 0; *s >= '0' && *s <= '9' && n < SECONDS_MAX; s++)
			n = n * 10 + (uint64_t)(*s - '0');
		if (n == 0 || *s == '\0' || (unit = strchr(units, *s)) == NULL)
			return false;
		sum += n * in_seconds[unit - units];
		if (sum > SECONDS_MAX)
			return false;
		s++;
	}
	*seconds = (uint32_t)sum;
	return true;
}

/* For the current room and this person. */
static struct request *
whom_request(struct text *t, struct dialect_io *io, enum cmd cmd,
    const char *whom)
{
	const struct text_room *here = text_here(t, io);
	struct request *r;

	if (here == NULL)
		return NULL;
	if (strncmp(whom, an_address, sizeof(an_address) - 1) == 0) {
		r = text_request(io, cmd);
		r->whom_address = request_str(r,
		    whom + sizeof(an_address) - 1);
	} else if ((r = text_name_request(t, io, cmd, whom)) == NULL)
		return NULL;
	r->room = request_str(r, here->shown);
	r->room_key = request_str(r, text_room_key(here));
	return r;
}

/* Of cmd on a person: NAME [TIME] [REASON], or without the time. */
static bool
act(struct text *t, struct dialect_io *io, enum cmd cmd, bool timed,
    char *args)
{
	const char *whom = text_word(&args);
	uint32_t seconds = 0;
	struct request *r;
	char *rest = args;
	size_t n;

	if (*whom == '\0')
		return false;
	n = strcspn(args, " \t");
	if (timed && *args >= '0' && *args <= '9') {
		rest += n + (args[n] != '\0');
		rest += strspn(rest, " \t");
		args[n] = '\0';
		if (!text_duration(args, &seconds)) {
			text_error(t, &io->out, "TIME is a number and a unit, "
			    "as 30s, 10m, 2h or 3d.");
			return true;
		}
	}
	if (!text_fits(t, io, rest, STRING_BYTES))
		return true;
	r = whom_request(t, io, cmd, whom);
	if (r == NULL)
		return true;
	r->seconds = seconds;
	if (*rest != '\0')
		r->string = request_str(r, rest);
	return true;
}

bool
text_cmd_kick(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_KICK, false, args);
}

bool
text_cmd_ban(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_BAN, true, args);
}

bool
text_cmd_unban(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_UNBAN, false, args);
}

bool
text_cmd_mute(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_MUTE, true, args);
}

bool
text_cmd_unmute(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_UNMUTE, false, args);
}

bool
text_cmd_op(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_OP, false, args);
}

bool
text_cmd_deop(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_DEOP, false, args);
}

bool
text_cmd_owner(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_OWNER, false, args);
}

bool
text_cmd_invite(struct text *t, struct dialect_io *io, char *args)
{
	return act(t, io, CMD_INVITE, false, args);
}

bool
text_cmd_bans(struct text *t, struct dialect_io *io, char *args)
{
	uint64_t after = 0;
	struct request *r;

	if (*args != '\0' && !text_number(args, INT64_MAX, &after))
		return false;
	r = text_room_request(t, io, CMD_BANS, "");
	if (r != NULL && after > 0) {
		r->after = after;
		r->has |= HAS_AFTER;
	}
	return true;
}

/* False, and the person was told what it may be. */
static bool
setting_value(struct text *t, struct dialect_io *io, enum setting i,
    const char *s, uint32_t *value)
{
	uint64_t n;

	if (proto_settings[i].flag) {
		*value = strcmp(s, "on") == 0 || strcmp(s, "yes") == 0;
		if (*value || strcmp(s, "off") == 0 || strcmp(s, "no") == 0)
			return true;
		text_error(t, &io->out, "%s may be on or off.",
		    proto_settings[i].name);
		return false;
	}
	if (i == SET_PACE && text_duration(s, value) && *value <= PACE_MAX)
		return true;
	if (!text_number(s, i == SET_PACE ? PACE_MAX : PRESENCE_MAX, &n)) {
		text_error(t, &io->out, i == SET_PACE ? "%s may be a time of "
		    "at most a day, as 3s or 2m, or 0." :
		    "%s may be a number from 0 to 1000000.",
		    proto_settings[i].name);
		return false;
	}
	*value = (uint32_t)n;
	return true;
}

bool
text_cmd_set(struct text *t, struct dialect_io *io, char *args)
{
	const char *name = text_word(&args);
	struct request *r;
	uint32_t value = 0;
	unsigned i;

	for (i = 0; i < SET_MAX && strcmp(name, proto_settings[i].name) != 0;
	    i++)
		;
	if (*name != '\0' && i == SET_MAX) {
		text_error(t, &io->out, "There is no such setting: /set shows "
		    "them.");
		return true;
	}
	if (*name != '\0' && !setting_value(t, io, (enum setting)i, args,
	    &value))
		return true;
	if ((r = text_room_request(t, io, CMD_CONFIGURE, "")) == NULL)
		return true;
	if (*name == '\0') {
		r->tag = TEXT_SHOW_SETTINGS;
		return true;
	}
	r->set = request_alloc(r, sizeof(*r->set));
	*r->set = (struct settings){ .value = { 0 } };
	r->set->value[i] = value;
	r->set->given[i] = true;
	return true;
}

/* Which there are: the numbers stand nowhere else. */
static void
list_messages(struct text *t, struct dialect_io *io)
{
	struct request *r = text_room_request(t, io, CMD_HISTORY, "");

	if (r == NULL)
		return;
	r->limit = LISTED;
	r->tag = TEXT_NUMBERS;
}

void
text_show_numbers(const struct text *t, struct dialect_io *io,
    const struct request *r)
{
	const struct msg *m;
	uint32_t i, n = 0;

	for (i = 0; i < r->nlisted; i++) {
		m = r->msgs[i];
		if (m->kind > MSG_NOTICE || (m->flags & MSG_REDACTED))
			continue;
		buf_addf(&io->out, "-- %llu  ", (unsigned long long)m->seq);
		text_render_message(&io->out, (enum encoding)t->encoding,
		    r->room, m);
		n++;
	}
	if (n > 0)
		text_info(&io->out, "/redact NUMBER [REASON] takes the text "
		    "of one away.");
	else
		text_info(&io->out, "Nothing was said here of late.");
}

/* A message is sought if its number is not given. */
bool
text_cmd_redact(struct text *t, struct dialect_io *io, char *args)
{
	const char *which = text_word(&args);
	struct request *r;
	struct name name;
	uint64_t seq;
	bool known = text_number(which, INT64_MAX, &seq);

	if (*which == '\0') {
		list_messages(t, io);
		return true;
	}
	if (!text_fits(t, io, args, STRING_BYTES))
		return true;
	if (!known && strcmp(which, "last") == 0)
		which = io->name;
	if (!known && !text_name(t, io, &name, which))
		return true;
	r = text_room_request(t, io, known ? CMD_REDACT : CMD_HISTORY, "");
	if (r == NULL)
		return true;
	if (*args != '\0')
		r->string = request_str(r, args);
	if (known) {
		r->seq = seq;
	} else {
		request_set_name(r, &name);
		r->limit = LOOK_BACK;
		r->tag = TEXT_REDACT;
	}
	return true;
}

void
text_redact_found(struct text *t, struct dialect_io *io,
    const struct request *r)
{
	const struct msg *m = NULL;
	struct request *redact;
	struct name from;
	uint32_t i;

	for (i = r->nlisted; i-- > 0 && m == NULL;) {
		if (r->msgs[i]->kind <= MSG_NOTICE &&
		    !(r->msgs[i]->flags & MSG_REDACTED) &&
		    name_parse(&from, msg_from(r->msgs[i]),
		    r->msgs[i]->from_len, NULL) &&
		    strcmp(from.key, r->name_key) == 0)
			m = r->msgs[i];
	}
	if (m == NULL) {
		text_error(t, &io->out, "Nothing of %s is among the last %u "
		    "here.", r->name, r->nlisted);
		return;
	}
	redact = text_request(io, CMD_REDACT);
	redact->room = request_str(redact, r->room);
	redact->room_key = request_str(redact, r->room_key);
	redact->seq = m->seq;
	if (r->string != NULL)
		redact->string = request_str(redact, r->string);
}

void
text_show_settings(struct dialect_io *io, const struct request *r)
{
	const struct setting_def *def;
	struct buf value = { 0 };
	int i;

	text_info(&io->out, "%s%s is set to:", TEXT_ROOM(r->room));
	for (i = 0; i < SET_MAX && r->set != NULL; i++) {
		def = &proto_settings[i];
		buf_reset(&value);
		if (def->flag)
			buf_adds(&value, r->set->value[i] ? "on" : "off");
		else
			buf_addf(&value, "%u%s", r->set->value[i],
			    i == SET_PACE ? " s" : "");
		text_info(&io->out, "%-10s  %-5s  %s", def->name,
		    buf_str(&value), def->help);
	}
	buf_free(&value);
}

static void
add_date(struct buf *b, int64_t ms)
{
	text_day(b, ms);
	buf_addc(b, ' ');
	text_time(b, ms);
}

void
text_show_bans(struct dialect_io *io, const struct request *r)
{
	const struct listed_sanction *s;
	struct buf *b = &io->out;
	uint32_t i;

	for (i = 0; i < r->nlisted; i++) {
		s = &r->sanctions[i];
		buf_addf(b, "-- %s%s was %s by %s ", s->address != NULL ?
		    an_address : "", s->address != NULL ? s->address :
		    s->name != NULL ? s->name : "somebody",
		    s->mute ? "muted" : "banned", s->by);
		add_date(b, s->at);
		if (s->until != 0) {
			buf_adds(b, ", until ");
			add_date(b, s->until);
		}
		if (s->reason != NULL && *s->reason != '\0')
			buf_addf(b, ": %s", s->reason);
		buf_adds(b, "\r\n");
	}
	if (r->more)
		text_info(b, "more: /bans %llu", (unsigned long long)r->next);
	else if (r->nlisted == 0 && r->after == 0)
		text_info(b, "Nobody is banned or muted in %s%s.",
		    TEXT_ROOM(r->room));
}
