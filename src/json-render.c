#include <string.h>

#include "json-render.h"
#include "name.h"
#include "settings.h"

#define ADD(b, literal)	buf_add(b, literal, sizeof(literal) - 1)

static void
add_string(struct buf *b, const char *s)
{
	if (s == NULL)
		s = "";
	json_quote(b, s, strlen(s));
}

static void
add_bool(struct buf *b, bool value)
{
	buf_adds(b, value ? "true" : "false");
}

static void
add_ms(struct buf *b, int64_t ms)
{
	char text[TIME_RFC3339];

	time_rfc3339(ms, text);
	buf_addc(b, '"');
	buf_add(b, text, TIME_RFC3339 - 1);
	buf_addc(b, '"');
}

static void
add_time(struct buf *b, int64_t ms)
{
	ADD(b, ",\"time\":");
	add_ms(b, ms);
}

/* What is in a stored message's event and in history alike. */
static void
add_message(struct buf *b, const char *room, const struct msg *m)
{
	static const char *const kinds[] = {
		[MSG_TEXT] = ",\"kind\":\"text\"",
		[MSG_ACTION] = ",\"kind\":\"action\"",
		[MSG_NOTICE] = ",\"kind\":\"notice\""
	};

	ADD(b, "\"room\":");
	add_string(b, room);
	ADD(b, ",\"seq\":");
	buf_addu(b, m->seq);
	add_time(b, m->time);
	ADD(b, ",\"from\":");
	json_quote(b, msg_from(m), m->from_len);
	if (m->to_len > 0) {
		ADD(b, ",\"to\":");
		json_quote(b, msg_to(m), m->to_len);
	}
	buf_adds(b, kinds[m->kind]);
	if (m->flags & MSG_REDACTED) {
		ADD(b, ",\"redacted\":true");
		return;
	}
	ADD(b, ",\"text\":");
	json_quote(b, msg_text(m), m->text_len);
}

/* What an act's event has behind "by". */
enum act_part {
	PART_NAME = 1,		/* whom */
	PART_ROLE = 2,		/* the text is a role */
	PART_FOR = 4,		/* seconds and a reason */
	PART_TARGET = 8,	/* a message's seq and a reason */
	PART_SETTINGS = 16	/* members of the event */
};

static const struct {
	const char	*event;
	unsigned	 parts;
} acts[MSG_KINDS] = {
	[MSG_ROLE] = { "role", PART_NAME | PART_ROLE },
	[MSG_INVITED] = { "invited", PART_NAME },
	[MSG_KICKED] = { "kicked", PART_NAME | PART_FOR },
	[MSG_BANNED] = { "banned", PART_NAME | PART_FOR },
	[MSG_MUTED] = { "muted", PART_NAME | PART_FOR },
	[MSG_UNBANNED] = { "unbanned", PART_NAME },
	[MSG_UNMUTED] = { "unmuted", PART_NAME },
	[MSG_CONFIGURED] = { "configure", PART_SETTINGS },
	[MSG_REDACT] = { "redact", PART_TARGET },
};

/* Of a configure act; nothing of a text that is none. */
static void
add_changed(struct buf *b, const struct msg *m)
{
	struct buf members = { 0 };
	struct settings set;

	settings_parse(&set, msg_text(m), m->text_len);
	settings_render(&members, &set);
	if (members.len > 0) {
		buf_addc(b, ',');
		buf_add(b, members.data, members.len);
	}
	buf_free(&members);
}

static void
add_act_parts(struct buf *b, const struct msg *m, unsigned parts)
{
	const char *reason = "";
	uint64_t n;

	if ((parts & PART_NAME) != 0 && m->to_len > 0) {
		ADD(b, ",\"name\":");
		json_quote(b, msg_to(m), m->to_len);
	}
	if ((parts & PART_ROLE) != 0) {
		ADD(b, ",\"role\":");
		json_quote(b, msg_text(m), m->text_len);
	}
	if ((parts & PART_SETTINGS) != 0)
		add_changed(b, m);
	if ((parts & (PART_FOR | PART_TARGET)) == 0)
		return;
	n = msg_number(m, &reason);
	if ((parts & PART_TARGET) != 0)
		ADD(b, ",\"target\":");
	else if (n > 0)
		ADD(b, ",\"for\":");
	if ((parts & PART_TARGET) != 0 || n > 0)
		buf_addu(b, n);
	if (*reason != '\0') {
		ADD(b, ",\"reason\":");
		add_string(b, reason);
	}
}

/* An act in a room, as an event and in history. */
static void
add_act(struct buf *b, const char *room, const struct msg *m)
{
	ADD(b, "\"event\":\"");
	buf_adds(b, acts[m->kind].event);
	ADD(b, "\",\"room\":");
	add_string(b, room);
	if (m->seq > 0) {
		ADD(b, ",\"seq\":");
		buf_addu(b, m->seq);
	}
	add_time(b, m->time);
	ADD(b, ",\"by\":");
	json_quote(b, msg_from(m), m->from_len);
	add_act_parts(b, m, acts[m->kind].parts);
}

static void
add_presence(struct buf *b, const char *event, const char *room,
    const struct msg *m)
{
	buf_adds(b, event);
	add_string(b, room);
	ADD(b, ",\"name\":");
	json_quote(b, msg_from(m), m->from_len);
	if (m->text_len > 0) {
		ADD(b, ",\"reason\":");
		json_quote(b, msg_text(m), m->text_len);
	}
}

void
json_render_message(struct buf *b, enum encoding encoding, const char *room,
    const struct msg *m)
{
	(void)encoding;
	switch ((enum msg_kind)m->kind) {
	case MSG_ROLE:
	case MSG_INVITED:
	case MSG_KICKED:
	case MSG_BANNED:
	case MSG_MUTED:
	case MSG_UNBANNED:
	case MSG_UNMUTED:
	case MSG_CONFIGURED:
	case MSG_REDACT:
		buf_addc(b, '{');
		add_act(b, room, m);
		break;
	case MSG_KINDS:
		break;
	case MSG_TEXT:
	case MSG_ACTION:
	case MSG_NOTICE:
		buf_room(b, msg_size(m) + 256);
		ADD(b, "{\"event\":\"message\",");
		add_message(b, room, m);
		break;
	case MSG_JOIN:
		add_presence(b, "{\"event\":\"join\",\"room\":", room, m);
		break;
	case MSG_LEAVE:
		add_presence(b, "{\"event\":\"leave\",\"room\":", room, m);
		break;
	case MSG_TOPIC:
		ADD(b, "{\"event\":\"topic\",\"room\":");
		add_string(b, room);
		ADD(b, ",\"by\":");
		json_quote(b, msg_from(m), m->from_len);
		ADD(b, ",\"topic\":");
		json_quote(b, msg_text(m), m->text_len);
		break;
	case MSG_RENAMED:
		ADD(b, "{\"event\":\"renamed\",\"room\":");
		add_string(b, room);
		ADD(b, ",\"from\":");
		json_quote(b, msg_from(m), m->from_len);
		ADD(b, ",\"to\":");
		json_quote(b, msg_to(m), m->to_len);
		break;
	}
	ADD(b, "}\n");
}

void
json_render_lag(struct buf *b, const char *room, uint64_t after,
    uint64_t before)
{
	ADD(b, "{\"event\":\"lag\",\"room\":");
	add_string(b, room);
	ADD(b, ",\"after\":");
	buf_addu(b, after);
	ADD(b, ",\"before\":");
	buf_addu(b, before);
	ADD(b, "}\n");
}

void
json_render_notice(struct buf *b, const char *text)
{
	ADD(b, "{\"event\":\"notice\",\"text\":");
	add_string(b, text);
	ADD(b, "}\n");
}

void
json_render_bye(struct buf *b, const char *reason, bool reconnect,
    uint32_t after_ms)
{
	ADD(b, "{\"event\":\"bye\",\"reason\":");
	add_string(b, reason);
	ADD(b, ",\"reconnect\":");
	add_bool(b, reconnect);
	if (after_ms > 0) {
		ADD(b, ",\"after_ms\":");
		buf_addu(b, after_ms);
	}
	ADD(b, "}\n");
}

static void
add_error(struct buf *b, enum error error, const char *message,
    const char *field, uint32_t retry_ms)
{
	ADD(b, ",\"ok\":false,\"error\":\"");
	buf_adds(b, error_name(error));
	ADD(b, "\",\"message\":");
	add_string(b, message != NULL ? message : error_text(error));
	if (field != NULL) {
		ADD(b, ",\"field\":");
		add_string(b, field);
	}
	if (retry_ms > 0) {
		ADD(b, ",\"retry_ms\":");
		buf_addu(b, retry_ms);
	}
}

void
json_render_error(struct buf *b, enum error error, uint32_t retry_ms)
{
	ADD(b, "{\"reply\":null");
	add_error(b, error, NULL, NULL, retry_ms);
	ADD(b, "}\n");
}

static void
add_room(struct buf *b, const struct request *r)
{
	ADD(b, ",\"room\":");
	add_string(b, r->room);
}

static void
add_name(struct buf *b, const struct request *r)
{
	ADD(b, ",\"name\":");
	add_string(b, r->name);
}

/* An account's rooms, to subscribe to again. */
static void
add_kept(struct buf *b, const struct request *r)
{
	const struct kept_room *room;
	uint32_t i;

	ADD(b, ",\"rooms\":[");
	for (i = 0; i < r->nlisted; i++) {
		room = &r->kept[i];
		buf_adds(b, i > 0 ? ",{\"room\":" : "{\"room\":");
		add_string(b, room->room);
		ADD(b, ",\"seen\":");
		buf_addu(b, room->seen);
		ADD(b, ",\"unread\":");
		buf_addu(b, room->unread);
		if (room->more)
			ADD(b, ",\"more\":true");
		if (room->role != NULL) {
			ADD(b, ",\"role\":");
			add_string(b, room->role);
		}
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
add_login(struct buf *b, const struct conf *conf, const struct request *r)
{
	add_name(b, r);
	ADD(b, ",\"guest\":");
	add_bool(b, r->guest);
	ADD(b, ",\"session\":");
	add_string(b, r->session);
	ADD(b, ",\"server\":");
	add_string(b, conf->server_name);
	ADD(b, ",\"version\":\"" PACKAGE_VERSION "\",\"limits\":{\"line\":");
	buf_addu(b, conf->max_line);
	ADD(b, ",\"text\":");
	buf_addu(b, conf->max_text);
	ADD(b, ",\"rooms\":");
	buf_addu(b, conf->max_rooms);
	ADD(b, "},\"lobby\":");
	add_string(b, conf->lobby);
	if (conf->motd[0] != '\0') {
		ADD(b, ",\"motd\":");
		add_string(b, conf->motd);
	}
	if (r->operator)
		ADD(b, ",\"operator\":true");
	if (r->guest)
		return;
	ADD(b, ",\"created\":");
	add_ms(b, r->time);
	add_kept(b, r);
}

static void
add_tokens(struct buf *b, const struct request *r)
{
	uint32_t i;

	ADD(b, ",\"tokens\":[");
	for (i = 0; i < r->nlisted; i++) {
		buf_adds(b, i > 0 ? ",{\"label\":" : "{\"label\":");
		add_string(b, r->tokens[i].label);
		ADD(b, ",\"created\":");
		add_ms(b, r->tokens[i].created);
		if (r->tokens[i].expires != 0) {
			ADD(b, ",\"expires\":");
			add_ms(b, r->tokens[i].expires);
		}
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
add_ignored(struct buf *b, const struct request *r)
{
	uint32_t i, n = r->ignores != NULL ? r->ignores->n : 0;

	ADD(b, ",\"ignored\":[");
	for (i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? ",{\"name\":" : "{\"name\":");
		add_string(b, r->ignores->list[i].name);
		ADD(b, ",\"since\":");
		add_ms(b, r->ignores->list[i].at);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void
add_subscribe(struct buf *b, const struct request *r)
{
	add_room(b, r);
	ADD(b, ",\"epoch\":");
	add_string(b, r->epoch);
	ADD(b, ",\"head\":");
	buf_addu(b, r->head);
	ADD(b, ",\"topic\":");
	add_string(b, r->topic);
	ADD(b, ",\"members\":");
	buf_addu(b, r->members);
	ADD(b, ",\"role\":");
	add_string(b, r->role);
	if (r->reset)
		ADD(b, ",\"reset\":true");
	if (r->gap) {
		ADD(b, ",\"gap\":{\"after\":");
		buf_addu(b, r->gap_after);
		ADD(b, ",\"before\":");
		buf_addu(b, r->gap_before);
		buf_addc(b, '}');
	}
}

/* Of say and tell, behind the room or the name. */
static void
add_stored(struct buf *b, const struct request *r)
{
	ADD(b, ",\"seq\":");
	buf_addu(b, r->seq);
	add_time(b, r->time);
	if (r->duplicate)
		ADD(b, ",\"duplicate\":true");
}

static void
add_history(struct buf *b, const struct request *r)
{
	uint32_t i;

	ADD(b, ",\"messages\":[");
	for (i = 0; i < r->nlisted; i++) {
		buf_adds(b, i > 0 ? ",{" : "{");
		if (msg_is_act(r->msgs[i]))
			add_act(b, r->room, r->msgs[i]);
		else
			add_message(b, r->room, r->msgs[i]);
		buf_addc(b, '}');
	}
	ADD(b, "],\"more\":");
	add_bool(b, r->more);
	if (r->more && r->nlisted == 0) {
		ADD(b, ",\"next\":");
		buf_addu(b, r->next);
	}
}

/* The newest first. Where to go on is told even if nothing was found so far. */
static void
add_found(struct buf *b, const struct request *r)
{
	uint32_t i;

	ADD(b, ",\"messages\":[");
	for (i = 0; i < r->nlisted; i++) {
		buf_adds(b, i > 0 ? ",{" : "{");
		add_message(b, r->rooms[i].room, r->msgs[i]);
		buf_addc(b, '}');
	}
	ADD(b, "],\"more\":");
	add_bool(b, r->more);
	if (r->more) {
		ADD(b, ",\"next\":");
		buf_addu(b, r->next);
	}
}

/* Of rooms and who: where a list goes on. */
static void
add_next(struct buf *b, const struct request *r)
{
	if (r->more) {
		ADD(b, ",\"more\":true,\"next\":");
		buf_addu(b, r->next);
	}
}

static void
add_rooms(struct buf *b, const struct request *r)
{
	const struct listed_room *room;
	uint32_t i;

	ADD(b, ",\"rooms\":[");
	for (i = 0; i < r->nlisted; i++) {
		room = &r->rooms[i];
		buf_adds(b, i > 0 ? ",{\"room\":" : "{\"room\":");
		add_string(b, room->room);
		ADD(b, ",\"members\":");
		buf_addu(b, room->members);
		ADD(b, ",\"topic\":");
		add_string(b, room->topic);
		ADD(b, ",\"subscribed\":");
		add_bool(b, room->subscribed);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
	add_next(b, r);
}

static void
add_clients(struct buf *b, const struct listed_user *user)
{
	uint32_t i;

	for (i = 0; i < user->nclients; i++) {
		buf_adds(b, i > 0 ? "," : ",\"clients\":[");
		buf_addu(b, user->clients[i]);
	}
	buf_addc(b, ']');
}

static void
add_who(struct buf *b, const struct request *r)
{
	const struct listed_user *user;
	uint32_t i;

	if (r->room != NULL)
		add_room(b, r);
	ADD(b, ",\"members\":[");
	for (i = 0; i < r->nlisted; i++) {
		user = &r->users[i];
		buf_adds(b, i > 0 ? ",{\"name\":" : "{\"name\":");
		add_string(b, user->name);
		if (user->role != NULL) {
			ADD(b, ",\"role\":");
			add_string(b, user->role);
		}
		ADD(b, ",\"guest\":");
		add_bool(b, user->guest);
		if (user->away != NULL) {
			ADD(b, ",\"away\":");
			add_string(b, user->away);
		}
		ADD(b, ",\"sessions\":");
		buf_addu(b, user->sessions);
		if (user->nclients > 0)
			add_clients(b, user);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
	add_next(b, r);
}

/* A room's settings, all of them. */
static void
add_settings(struct buf *b, const struct request *r)
{
	int i;

	add_room(b, r);
	for (i = 0; i < SET_MAX && r->set != NULL; i++) {
		ADD(b, ",\"");
		buf_adds(b, proto_settings[i].name);
		ADD(b, "\":");
		if (proto_settings[i].flag)
			add_bool(b, r->set->value[i] != 0);
		else
			buf_addu(b, r->set->value[i]);
	}
}

static void
add_sanction(struct buf *b, const struct listed_sanction *s)
{
	ADD(b, "{\"by\":");
	add_string(b, s->by);
	if (s->name != NULL) {
		ADD(b, ",\"name\":");
		add_string(b, s->name);
	}
	if (s->address != NULL) {
		ADD(b, ",\"address\":");
		add_string(b, s->address);
	}
	if (s->reason[0] != '\0') {
		ADD(b, ",\"reason\":");
		add_string(b, s->reason);
	}
	ADD(b, ",\"at\":");
	add_ms(b, s->at);
	if (s->until != 0) {
		ADD(b, ",\"until\":");
		add_ms(b, s->until);
	}
	buf_addc(b, '}');
}

static void
add_bans(struct buf *b, const struct request *r)
{
	uint32_t i, mute;
	bool first;

	add_room(b, r);
	for (mute = 0; mute < 2; mute++) {
		buf_adds(b, mute ? ",\"mutes\":[" : ",\"bans\":[");
		first = true;
		for (i = 0; i < r->nlisted; i++) {
			if (r->sanctions[i].mute != (mute != 0))
				continue;
			if (!first)
				buf_addc(b, ',');
			add_sanction(b, &r->sanctions[i]);
			first = false;
		}
		buf_addc(b, ']');
	}
	add_next(b, r);
}

/* Of what is done in a room. The others have nothing more to tell. */
static void
add_act_answer(struct buf *b, const struct request *r)
{
	switch (r->cmd) {
	case CMD_CONFIGURE:
		add_settings(b, r);
		break;
	case CMD_BANS:
		add_bans(b, r);
		break;
	case CMD_REDACT:
		add_room(b, r);
		break;
	case CMD_KICK:
	case CMD_BAN:
	case CMD_UNBAN:
	case CMD_MUTE:
	case CMD_UNMUTE:
	case CMD_INVITE:
	case CMD_OP:
	case CMD_OWNER:
	case CMD_DEOP:
		add_room(b, r);
		if (r->name != NULL)
			add_name(b, r);
		break;
	default:
		break;
	}
}

static void
add_tell(struct buf *b, const struct request *r)
{
	ADD(b, ",\"to\":");
	add_string(b, r->name);
	add_stored(b, r);
	if (r->offline)
		ADD(b, ",\"offline\":true");
	if (r->away != NULL) {
		ADD(b, ",\"away\":");
		add_string(b, r->away);
	}
}

static void
add_answer(struct buf *b, const struct conf *conf, const struct request *r)
{
	switch (r->cmd) {
	case CMD_LOGIN:
		add_login(b, conf, r);
		break;
	case CMD_SUBSCRIBE:
		add_subscribe(b, r);
		break;
	case CMD_UNSUBSCRIBE:
		add_room(b, r);
		break;
	case CMD_SAY:
		add_room(b, r);
		add_stored(b, r);
		break;
	case CMD_TELL:
		add_tell(b, r);
		break;
	case CMD_HISTORY:
		add_history(b, r);
		break;
	case CMD_SEARCH:
		add_found(b, r);
		break;
	case CMD_ROOMS:
		add_rooms(b, r);
		break;
	case CMD_WHO:
		add_who(b, r);
		break;
	case CMD_RENAME:
	case CMD_REGISTER:
	case CMD_IGNORE:
	case CMD_UNIGNORE:
		add_name(b, r);
		break;
	case CMD_IGNORED:
		add_ignored(b, r);
		break;
	case CMD_TOKEN:
		ADD(b, ",\"token\":");
		add_string(b, r->token);
		break;
	case CMD_TOKENS:
		add_tokens(b, r);
		break;
	case CMD_PING:
		add_time(b, r->time);
		break;
	default:
		add_act_answer(b, r);
		break;
	}
}

void
json_render_reply(struct buf *b, const struct conf *conf,
    const struct request *r)
{
	const struct cmd_def *def = proto_cmd_by_id(r->cmd);

	buf_room(b, 256);
	if (def != NULL) {
		ADD(b, "{\"reply\":\"");
		buf_adds(b, def->name);
		buf_addc(b, '"');
	} else {
		ADD(b, "{\"reply\":");
		buf_adds(b, r->wire_cmd != NULL ? r->wire_cmd : "null");
	}
	if (r->id != NULL) {
		ADD(b, ",\"id\":");
		buf_adds(b, r->id);
	}
	if (r->error == ERR_NONE) {
		ADD(b, ",\"ok\":true");
		add_answer(b, conf, r);
	} else {
		add_error(b, r->error, r->message, r->field, r->retry_ms);
	}
	ADD(b, "}\n");
}
