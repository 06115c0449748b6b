#include <arpa/inet.h>
#include <sys/un.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf-table.h"
#include "tls.h"
#include "web.h"

const char *const conf_listen_kinds[] = {
	[LISTEN_AUTO] = "auto", [LISTEN_TEXT] = "text", [LISTEN_JSON] = "json",
	[LISTEN_HTTP] = "http", [LISTEN_TLS] = "tls", NULL
};

static const char form[] = "kind and address such as auto 127.0.0.1:4000, "
    "json [::1]:4001, text *:4002 or auto /run/partyline.sock";

static bool
fail(char **why, const char *before, const char *text, const char *what,
    const char *right)
{
	struct buf b = { 0 };

	buf_adds(&b, before);
	conf_quote(&b, text);
	buf_addf(&b, " %s; %s", what, right);
	*why = xstrdup(buf_str(&b));
	buf_free(&b);
	return false;
}

static bool
parse_kind(struct listen_conf *l, const char *word, char **why)
{
	static const char left_out[] = "was left out of this build";
	const char *nearest;
	char *right;
	size_t i;

	for (i = 0; conf_listen_kinds[i] != NULL; i++) {
		if (strcmp(conf_listen_kinds[i], word) != 0)
			continue;
		l->kind = (enum listen_kind)i;
		if (l->kind == LISTEN_HTTP && !web_built())
			return fail(why, "the kind ", word, left_out,
			    "configure --with-websocket, or auto, text or "
			    "json");
		return l->kind != LISTEN_TLS || tls_built() ||
		    fail(why, "the kind ", word, left_out,
		    "configure --with-tls, or auto, text or json");
	}
	if ((nearest = conf_nearest_word(conf_listen_kinds, word)) == NULL)
		return fail(why, "the kind ", word, "is unknown", form);
	right = xasprintf("perhaps %s", nearest);
	fail(why, "the kind ", word, "is unknown", right);
	free(right);
	return false;
}

bool
conf_listen_kind(enum listen_kind *kind, const char *word)
{
	struct listen_conf l = { 0 };
	char *why;

	if (!parse_kind(&l, word, &why)) {
		free(why);
		return false;
	}
	*kind = l.kind;
	return true;
}

static bool
parse_port(struct listen_conf *l, const char *text, char **why)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port;

	if (n == 0 || n > 5 || text[n] != '\0')
		return fail(why, "the port ", text, "is no number",
		    "0 to 65535, 0 for any free one");
	if ((port = strtoul(text, NULL, 10)) > 65535)
		return fail(why, "the port ", text, "is too large",
		    "0 to 65535, 0 for any free one");
	l->port = (uint16_t)port;
	return true;
}

/* "host:port" in a buffer of ours; address points into it then. */
static bool
parse_inet(struct listen_conf *l, char *host, char **why)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char *colon = strrchr(host, ':'), *end;
	const char *whole = l->text;

	if (colon == NULL)
		return fail(why, "", whole, "has no port", form);
	if (*host == '[') {
		if ((end = strchr(host, ']')) == NULL || end + 1 != colon)
			return fail(why, "", whole, "has no \"]:\" between "
			    "address and port", form);
		*end = '\0';
		host++;
		if (inet_pton(AF_INET6, host, raw) != 1)
			return fail(why, "the address ", host,
			    "is no IPv6 address", "one such as [::1]");
	} else {
		*colon = '\0';
		if (strchr(host, ':') != NULL)
			return fail(why, "", whole, "has an IPv6 address "
			    "without brackets", "json [::1]:4001");
		if (strcmp(host, "*") != 0 &&
		    inet_pton(AF_INET, host, raw) != 1)
			return fail(why, "the address ", host, "is no IPv4 "
			    "address, and names are not looked up",
			    "one such as 127.0.0.1, or * for all");
	}
	l->address = xstrdup(host);
	if (parse_port(l, colon + 1, why))
		return true;
	free(l->address);
	return false;
}

static bool
parse_local(struct listen_conf *l, const char *path, bool shell, char **why)
{
	char dir[PATH_MAX];

	if (*path == '\0' || path[strlen(path) - 1] == '/')
		return fail(why, "the path ", path, "names no socket",
		    "one such as /run/partyline.sock");
	if (*path == '/')
		l->address = xstrdup(path);
	else if (shell && getcwd(dir, sizeof(dir)) != NULL)
		l->address = xasprintf("%s/%s", dir, path);
	else
		return fail(why, "the path ", path, "is not absolute",
		    "one such as /run/partyline.sock");
	if (strlen(l->address) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
		l->local = true;
		return true;
	}
	fail(why, "the path ", l->address, "is too long for a socket",
	    "at most 107 bytes");
	free(l->address);
	return false;
}

bool
conf_listen_parse(struct listen_conf *l, const char *text, bool shell,
    char **why)
{
	char *copy, *where;
	bool ok;

	*l = (struct listen_conf){ .text = xstrdup(text) };
	copy = xstrdup(text);
	where = copy + strcspn(copy, " ");
	if (*where != '\0') {
		*where++ = '\0';
		where += strspn(where, " ");
	}
	if (strchr(copy, ':') != NULL || strchr(copy, '/') != NULL)
		ok = fail(why, "", text, "has no kind before the address",
		    form);
	else if (!parse_kind(l, copy, why))
		ok = false;
	else if (*where == '\0')
		ok = fail(why, "", text, "has no address", form);
	else if (strncmp(where, "unix:", 5) == 0)
		ok = parse_local(l, where + 5, shell, why);
	else if (strchr(where, '/') != NULL)
		ok = parse_local(l, where, shell, why);
	else if (strchr(where, ' ') != NULL)
		ok = fail(why, "", text, "has more than kind and address",
		    form);
	else
		ok = parse_inet(l, where, why);
	free(copy);
	if (!ok)
		free(l->text);
	else if (l->local) {
		/* An absolute path, wherever it is read again. */
		free(l->text);
		l->text = xasprintf("%s unix:%s", conf_listen_kinds[l->kind],
		    l->address);
	}
	return ok;
}
