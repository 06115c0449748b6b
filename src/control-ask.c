#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "control-ask.h"
#include "control.h"
#include "keeper.h"
#include "log.h"
#include "store.h"
#include "text.h"

#define AUDIT_LINES	20	/* shown if no number is given */
#define AUDIT_MAX	1000000000
#define AUDIT_BYTES	(256 * 1024)	/* of a page, or one line more */

static void
fail(const struct asking *a, const char *error, const char *message)
{
	control_fail(a->control, a->who, error, message);
}

/* A member of the request that is a string, NULL if there is none. */
static const char *
text(const struct asking *a, const char *key)
{
	return json_string_value(json_object_get(a->root, key));
}

/* Of rooms, who and accounts: arg names a room, or is what names hold. */
static void
ask_list(const struct asking *a, enum cmd cmd)
{
	struct request *req = request_new(cmd);
	struct name name;
	const char *why;

	req->client = a->who;
	req->after = a->after;
	if (cmd == CMD_ALL_WHO && a->arg != NULL) {
		if (!name_parse_room(&name, a->arg, strlen(a->arg), &why)) {
			request_free(req);
			fail(a, "bad-name", "That is no name of a room.");
			return;
		}
		request_set_room(req, &name);
	} else if (a->arg != NULL)
		req->match = request_str(req, a->arg);
	keeper_ask(a->keeper, req);
}

static struct request *
by_operator(const struct asking *a, enum cmd cmd)
{
	struct request *req = request_new(cmd);

	req->client = a->who;
	req->address = request_fmt(req, "uid %lu", (unsigned long)a->uid);
	return req;
}

/* A request about a person, of whom a kick may mean one client alone; NULL,
 * and it is answered, if arg is no name. */
static struct request *
about(const struct asking *a, enum cmd cmd)
{
	struct request *req;
	struct name name;
	const char *why;
	client_id client;

	if (cmd == CMD_EXPEL && strchr(a->arg, ':') != NULL &&
	    client_parse(a->arg, &client) && client != 0) {
		req = by_operator(a, cmd);
		req->target = client;
		return req;
	}
	if (!name_parse(&name, a->arg, strlen(a->arg), &why)) {
		fail(a, "bad-name", "That is no name of a person.");
		return NULL;
	}
	req = by_operator(a, cmd);
	request_set_name(req, &name);
	return req;
}

/* The words behind the name: a reason, a label. False, and it is answered. */
static bool
add_string(const struct asking *a, struct request *req, const char *key)
{
	const char *s = text(a, key);
	struct buf clean = { 0 };
	bool fits = true;

	if (s == NULL)
		return true;
	text_clean(&clean, s, strlen(s));
	if (clean.len > STRING_BYTES) {
		fail(a, "bad-argument", "That is too long.");
		fits = false;
	} else if (clean.len > 0)
		req->string = request_str(req, buf_str(&clean));
	buf_free(&clean);
	return fits;
}

static bool
add_password(const struct asking *a, struct request *req)
{
	const char *s = text(a, "password"), *why = "The password is missing.";

	if (s != NULL && auth_password_fits(req, s, keeper_conf(a->keeper),
	    &why)) {
		req->password = request_str(req, s);
		/* It was read into memory of jansson's. */
		explicit_bzero((char *)(uintptr_t)s, strlen(s));
		return true;
	}
	fail(a, "bad-argument", why);
	return false;
}

static void
ask_person(const struct asking *a, enum cmd cmd, enum control_id id)
{
	const struct control_cmd *def = &control_cmds[id];
	struct request *req = about(a, cmd);

	if (req == NULL)
		return;
	if ((def->secret && !add_password(a, req)) || (def->rest != NULL &&
	    !add_string(a, req, def->rest)))
		request_free(req);
	else
		keeper_ask(a->keeper, req);
}

/* The reason may begin with how long: 2h, 3d. False if that is no time. */
static bool
take_time(struct request *req)
{
	const char *s = req->string;
	size_t n = s != NULL ? strcspn(s, " \t") : 0;
	uint32_t seconds;

	if (n == 0 || *s < '0' || *s > '9')
		return true;
	if (!text_duration(request_strn(req, s, n), &seconds))
		return false;
	req->seconds = seconds;
	s += n;
	s += strspn(s, " \t");
	req->string = *s != '\0' ? s : NULL;
	return true;
}

/* Not a name that anybody has: digits and dots as an address has them, or
 * what no name may hold. */
static bool
looks_like_address(const char *s)
{
	unsigned dots = 0;

	if (strpbrk(s, "/:") != NULL)
		return true;
	for (; (*s >= '0' && *s <= '9') || *s == '.'; s++)
		dots += *s == '.';
	return *s == '\0' && dots == 3;
}

/* About a name, or about an address. */
static void
ask_ban(const struct asking *a, enum cmd cmd)
{
	struct in6_addr address;
	struct request *req;

	if (inet_pton(AF_INET, a->arg, &address) == 1 ||
	    inet_pton(AF_INET6, a->arg, &address) == 1) {
		req = by_operator(a, cmd);
		req->whom_address = request_str(req, a->arg);
	} else if (cmd == CMD_SHUT_OUT && looks_like_address(a->arg)) {
		fail(a, "bad-argument", "That is no address: a ban is of a "
		    "name or of one address.");
		return;
	} else if ((req = about(a, cmd)) == NULL)
		return;
	if (!add_string(a, req, "reason")) {
		request_free(req);
		return;
	}
	if (!take_time(req)) {
		request_free(req);
		fail(a, "bad-argument", "A time is a number and a unit, as "
		    "30s, 10m, 2h or 3d; a reason begins with no digit.");
		return;
	}
	keeper_ask(a->keeper, req);
}

static void
tell_notice(const struct asking *a)
{
	struct buf clean = { 0 };

	text_clean(&clean, a->arg, strlen(a->arg));
	if (clean.len == 0 || clean.len > STRING_BYTES)
		fail(a, "bad-argument", clean.len == 0 ?
		    "A notice says something." : "That is too long.");
	else
		keeper_notice(a->keeper, a->who, buf_str(&clean));
	buf_free(&clean);
}

/* The newest lines; then those behind the ones that are known. */
static void
read_audit(const struct asking *a)
{
	unsigned long n = AUDIT_LINES;
	struct store_read *r;
	char *end;

	if (a->arg != NULL) {
		n = strtoul(a->arg, &end, 10);
		if (*a->arg < '0' || *a->arg > '9' || *end != '\0' || n == 0 ||
		    n > AUDIT_MAX) {
			fail(a, "bad-argument", "count is a number of lines, "
			    "1 to 1000000000.");
			return;
		}
	}
	r = store_read_new(READ_AUDIT, 0);
	r->client = a->who;
	r->after = a->after;
	if (a->after == 0)
		r->before = n;
	r->limit = (uint32_t)n;
	r->bytes = AUDIT_BYTES;
	keeper_read(a->keeper, r);
}

void
control_ask(const struct asking *a, enum control_id id)
{
	static const struct {
		enum cmd	 cmd;
		void		(*ask)(const struct asking *, enum cmd);
	} lists[CONTROL_MAX] = {
		[CONTROL_ROOMS] = { CMD_ALL_ROOMS, ask_list },
		[CONTROL_WHO] = { CMD_ALL_WHO, ask_list },
		[CONTROL_ACCOUNTS] = { CMD_ACCOUNTS, ask_list },
		[CONTROL_BAN] = { CMD_SHUT_OUT, ask_ban },
		[CONTROL_BANS] = { CMD_SHUT_OUTS, ask_list },
		[CONTROL_UNBAN] = { CMD_LET_IN, ask_ban },
	};
	static const enum cmd persons[CONTROL_MAX] = {
		[CONTROL_KICK] = CMD_EXPEL, [CONTROL_REGISTER] = CMD_ENROL,
		[CONTROL_PASSWD] = CMD_REPASS, [CONTROL_REVOKE] = CMD_DISOWN,
		[CONTROL_OP] = CMD_PROMOTE, [CONTROL_DEOP] = CMD_DEMOTE,
		[CONTROL_ERASE] = CMD_ERASE,
	};

	if (lists[id].ask != NULL)
		lists[id].ask(a, lists[id].cmd);
	else if (persons[id] != CMD_NONE)
		ask_person(a, persons[id], id);
	else if (id == CONTROL_STATUS)
		keeper_status(a->keeper, a->who);
	else if (id == CONTROL_TOP)
		keeper_top(a->keeper, a->who);
	else if (id == CONTROL_NOTICE)
		tell_notice(a);
	else if (id == CONTROL_IMPORT)
		control_import(a);
	else if (id == CONTROL_AUDIT)
		read_audit(a);
	else if (id == CONTROL_RELOAD)
		keeper_reload(a->keeper, a->who);
	else if (id == CONTROL_DRAIN)
		keeper_drain(a->keeper, a->who);
	else if (id == CONTROL_UPGRADE)
		keeper_upgrade(a->keeper, a->who, a->arg);
}

/* Answers. */

static void
add_time(struct buf *b, const char *key, int64_t ms)
{
	char at[TIME_RFC3339];

	if (ms == 0)
		return;
	time_rfc3339(ms, at);
	control_adds(b, key, at);
}

/* Where to go on, if there is more. */
static void
add_next(struct buf *b, const struct request *req)
{
	if (!req->more)
		return;
	buf_adds(b, ",\"more\":true");
	control_addu(b, "next", req->next);
}

static void
add_bans(struct buf *b, const struct request *req)
{
	const struct listed_sanction *s;
	uint32_t i;

	buf_adds(b, ",\"bans\":[");
	for (i = 0; i < req->nlisted; i++) {
		s = &req->sanctions[i];
		buf_addf(b, "%s{\"whom\":", i > 0 ? "," : "");
		control_quote(b, s->address != NULL ? s->address :
		    s->name != NULL ? s->name : "");
		control_adds(b, "by", s->by);
		if (*s->reason != '\0')
			control_adds(b, "reason", s->reason);
		add_time(b, "at", s->at);
		add_time(b, "until", s->until);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
	add_next(b, req);
}

static void
add_accounts(struct buf *b, const struct request *req)
{
	const struct listed_account *a;
	uint32_t i;

	buf_adds(b, ",\"accounts\":[");
	for (i = 0; i < req->nlisted; i++) {
		a = &req->accounts[i];
		buf_addf(b, "%s{\"name\":", i > 0 ? "," : "");
		control_quote(b, a->name);
		add_time(b, "created", a->created);
		add_time(b, "login", a->login);
		control_addu(b, "tokens", a->tokens);
		control_addu(b, "sessions", a->sessions);
		buf_addf(b, ",\"operator\":%s}", a->op ? "true" : "false");
	}
	buf_addc(b, ']');
	add_next(b, req);
}

void
control_render(struct buf *b, const struct request *req)
{
	if (req->cmd == CMD_ACCOUNTS) {
		add_accounts(b, req);
		return;
	}
	if (req->cmd == CMD_SHUT_OUTS) {
		add_bans(b, req);
		return;
	}
	if (req->cmd == CMD_IMPORT) {
		control_render_import(b, req);
		return;
	}
	control_adds(b, "name", req->name);
	if (req->cmd == CMD_EXPEL || req->cmd == CMD_ERASE ||
	    req->cmd == CMD_SHUT_OUT)
		control_addu(b, "sessions", req->members);
	if (req->cmd == CMD_SHUT_OUT && req->seconds > 0)
		control_addu(b, "for", req->seconds);
	if (req->cmd == CMD_SHUT_OUT && req->operator)
		buf_adds(b, ",\"operator\":true");
	if (req->cmd == CMD_DISOWN)
		control_addu(b, "tokens", req->members);
	else if (req->duplicate)	/* it was so before */
		buf_adds(b, ",\"same\":true");
}

/* Objects, a line each, become a list. */
void
control_render_read(struct buf *b, const struct store_read *r)
{
	size_t at = 0, n;
	const char *end;

	buf_adds(b, ",\"audit\":[");
	while (at < r->text.len) {
		end = memchr(r->text.data + at, '\n', r->text.len - at);
		n = end != NULL ? (size_t)(end - r->text.data) - at :
		    r->text.len - at;
		if (at > 0)
			buf_addc(b, ',');
		buf_add(b, r->text.data + at, n);
		at += n + 1;
	}
	buf_addc(b, ']');
	if (r->more) {
		buf_adds(b, ",\"more\":true");
		control_addu(b, "next", r->before);
	}
}

/* To the log, and as "changed", "restart" and "certificate_changed" into the
 * answer. */
void
control_changed(const struct conf_changes *changes, struct buf *answer)
{
	const struct conf_change *c;
	int restart, n;
	size_t i;

	for (i = 0; i < changes->n; i++) {
		c = &changes->list[i];
		log_notice(c->restart ? "option-needs-restart" :
		    "option-changed", LS("option", c->name), LS("from",
		    c->from), LS("to", c->to), LEND);
	}
	if (changes->certificate)
		log_notice("certificate-changed", LEND);
	buf_addf(answer, ",\"certificate_changed\":%s",
	    changes->certificate ? "true" : "false");
	for (restart = 0; restart <= 1; restart++) {
		buf_addf(answer, ",\"%s\":[", restart ? "restart" : "changed");
		for (i = n = 0; i < changes->n; i++) {
			c = &changes->list[i];
			if (c->restart != restart)
				continue;
			buf_addf(answer, "%s{\"option\":\"%s\"",
			    n++ > 0 ? "," : "", c->name);
			control_adds(answer, "from", c->from);
			control_adds(answer, "to", c->to);
			buf_adds(answer, "}");
		}
		buf_adds(answer, "]");
	}
}

void
control_listens(struct buf *b, const struct conf *conf, const uint16_t *ports)
{
	const struct listen_conf *l;
	char *text;
	size_t i, n;

	buf_adds(b, ",\"listen\":[");
	for (i = 0; i < conf->nlistens; i++) {
		l = &conf->listens[i];
		n = strlen(l->text);
		buf_adds(b, i > 0 ? "," : "");
		if (!l->local && l->port == 0 && ports != NULL &&
		    n > 0 && l->text[n - 1] == '0') {
			text = xasprintf("%.*s%u", (int)n - 1, l->text,
			    ports[i]);
			control_quote(b, text);
			free(text);
		} else
			control_quote(b, l->text);
	}
	buf_addc(b, ']');
}
