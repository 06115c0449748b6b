#include <string.h>
#include <strings.h>

#include "http.h"
#include "util.h"

/* RFC 9110 section 5.6.2; c is one byte. */
static bool
is_token_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static size_t
token_len(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]))
		n++;
	return n;
}

/* What may stand in a field's value (RFC 9110 section 5.5). */
static bool
is_value_char(char c)
{
	return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f);
}

static void
refuse(struct http_request *r, unsigned status, const char *why)
{
	if (r->status != 0)
		return;
	r->status = status;
	r->why = why;
}

/*
 * The line at *at becomes a string, and *at the next one's beginning; NULL if
 * it has no end yet. It ends with LF or CR LF (RFC 9112 section 2.2).
 */
static char *
take_line(char **at, const char *end)
{
	char *line = *at, *lf = memchr(line, '\n', (size_t)(end - line));

	if (lf == NULL)
		return NULL;
	*at = lf + 1;
	if (lf > line && lf[-1] == '\r')
		lf--;
	*lf = '\0';
	return line;
}

/* "HTTP/1.1" and nothing else behind it. */
static void
take_version(struct http_request *r, const char *s)
{
	bool shaped = strncmp(s, "HTTP/", 5) == 0 && s[5] >= '0' &&
	    s[5] <= '9' && s[6] == '.' && s[7] >= '0' && s[7] <= '9' &&
	    s[8] == '\0';

	if (!shaped) {
		refuse(r, 400, "The request line has no version such as "
		    "HTTP/1.1 at its end.");
		return;
	}
	if (s[5] != '1')
		refuse(r, 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
	r->minor = (unsigned)(s[7] - '0');
	r->keep_alive = r->minor > 0;
}

/* A path, or a whole address of which host and path are taken. */
static void
take_target(struct http_request *r, char *s)
{
	size_t n;

	for (n = 0; s[n] > ' ' && s[n] < 0x7f; n++)
		;
	if (s[n] != '\0') {
		refuse(r, 400, "The request's target has a byte in it that is "
		    "to be %-encoded.");
		return;
	}
	if (strncasecmp(s, "http://", 7) == 0) {
		n = 7 + strcspn(s + 7, "/?");
		memmove(s, s + 7, n - 7);	/* room for its NUL */
		s[n - 7] = '\0';
		r->host = s;
		s += n;
		if (*s != '/')		/* "http://host?query", "http://host" */
			*s = '\0';
	} else if (*s != '/') {
		refuse(r, 400, "The request's target is no path.");
		return;
	}
	s[strcspn(s, "?")] = '\0';
	r->path = *s != '\0' ? s : "/";
}

static void
take_request_line(struct http_request *r, char *line)
{
	size_t n = token_len(line);
	char *target = line + n, *version;

	if (n == 0 || *target != ' ') {
		refuse(r, 400, "This is no HTTP request.");
		return;
	}
	*target++ = '\0';
	version = strchr(target, ' ');
	if (version == NULL || version == target) {
		refuse(r, 400, "The request line is not \"method target "
		    "version\".");
		return;
	}
	*version++ = '\0';
	take_version(r, version);
	r->head = strcmp(line, "HEAD") == 0;
	if (!r->head && strcmp(line, "GET") != 0)
		refuse(r, 405, "Only GET and HEAD are served here.");
	take_target(r, target);
}

static void
take_field(struct http_request *r, char *line)
{
	size_t n = token_len(line);
	char *value = line + n, *end;

	if (n == 0 || *value != ':') {
		refuse(r, 400, "A header line is not \"name: value\".");
		return;
	}
	*value++ = '\0';
	value += strspn(value, " \t");
	for (end = value; is_value_char(*end); end++)
		;
	if (*end != '\0') {
		refuse(r, 400, "A header's value has a control character in "
		    "it.");
		return;
	}
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	if (r->nfields == HTTP_FIELDS_MAX) {
		refuse(r, 431, "The request has too many headers.");
		return;
	}
	r->fields[r->nfields++] = (struct http_field){ line, value };
}

const char *
http_field(const struct http_request *r, const char *name, unsigned nth)
{
	unsigned i;

	for (i = 0; i < r->nfields; i++) {
		if (strcasecmp(r->fields[i].name, name) == 0 && nth-- == 0)
			return r->fields[i].value;
	}
	return NULL;
}

bool
http_has_token(const struct http_request *r, const char *name,
    const char *token)
{
	size_t len = strlen(token), n;
	const char *s;
	unsigned i;

	for (i = 0; (s = http_field(r, name, i)) != NULL; i++) {
		while (*(s += strspn(s, ", \t")) != '\0') {
			n = strcspn(s, ", \t");
			if (n == len && strncasecmp(s, token, n) == 0)
				return true;
			s += n;
		}
	}
	return false;
}

/*
 * A weight, "0" to "1" with up to three digits behind the point, in
 * thousandths. Anything else weighs nothing.
 */
static int
parse_weight(const char *s, size_t n)
{
	int weight = *s == '1' ? 1000 : 0, digit = 100;
	size_t i;

	if (n == 0 || n > 5 || (*s != '0' && *s != '1') ||
	    (n > 1 && s[1] != '.'))
		return 0;
	for (i = 2; i < n; i++, digit /= 10) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		weight += (s[i] - '0') * digit;
	}
	return weight > 1000 ? 0 : weight;
}

/* The weight in what follows a coding's name. */
static int
take_weight(const char *s, size_t n)
{
	size_t i = strspn(s, " \t");

	if (i >= n)
		return 1000;
	if (s[i++] != ';')
		return 0;
	i += strspn(s + i, " \t");
	if (n - i < 2 || strncasecmp(s + i, "q=", 2) != 0)
		return 0;
	for (i += 2; n > i && (s[n - 1] == ' ' || s[n - 1] == '\t');)
		n--;
	return parse_weight(s + i, n - i);
}

/* The weight that Accept-Encoding gives the coding; -1 if it gives none. */
static int
coding_weight(const struct http_request *r, const char *coding)
{
	size_t len = strlen(coding), n, name;
	const char *s;
	unsigned i;

	for (i = 0; (s = http_field(r, "Accept-Encoding", i)) != NULL; i++) {
		for (; *(s += strspn(s, ", \t")) != '\0'; s += n) {
			n = strcspn(s, ",");
			name = strcspn(s, ",; \t");
			if (name == len && strncasecmp(s, coding, len) == 0)
				return take_weight(s + name, n - name);
		}
	}
	return -1;
}

bool
http_accepts(const struct http_request *r, const char *coding)
{
	int weight = coding_weight(r, coding);

	if (weight < 0)
		weight = coding_weight(r, "*");
	return weight > 0 && weight >= coding_weight(r, "identity");
}

/* A name or address and a port, with no byte that RFC 3986 section 3.2.2 does
 * not have in them. */
static bool
is_host(const char *s)
{
	for (; *s != '\0'; s++) {
		if (!is_token_char(*s) && strchr(":[]", *s) == NULL)
			return false;
		if (strchr("#^`|", *s) != NULL)
			return false;
	}
	return true;
}

/* RFC 9112 section 3.2: a request to a version with Host has one. */
static void
take_host(struct http_request *r)
{
	const char *host = http_field(r, "Host", 0);

	if (host == NULL && r->minor > 0)
		refuse(r, 400, "The request has no Host header.");
	else if (http_field(r, "Host", 1) != NULL)
		refuse(r, 400, "The request has two Host headers.");
	if (host == NULL)
		host = "";
	if (r->host == NULL)
		r->host = host;
	if (!is_host(r->host) || !is_host(host))
		refuse(r, 400, "The request's host is no host and port.");
}

/*
 * Whether anything may follow the head. How long it would be, others may read
 * in another way (RFC 9112 section 11.2): so there is none, and the connection
 * ends.
 */
static void
take_body(struct http_request *r)
{
	const char *length = http_field(r, "Content-Length", 0);

	if (http_field(r, "Transfer-Encoding", 0) != NULL ||
	    (length != NULL && (strcmp(length, "0") != 0 ||
	    http_field(r, "Content-Length", 1) != NULL)))
		refuse(r, 400, "A request with a body is not taken here.");
}

/* The head does not end in what is here: is it refused already? */
static size_t
not_whole(struct http_request *r, const char *data, const char *line,
    size_t len)
{
	const char *lf = memchr(line, '\n', len - (size_t)(line - data));
	size_t i, in_line = lf != NULL ? (size_t)(lf - line) :
	    len - (size_t)(line - data);

	for (i = 0; i < in_line; i++) {
		if (!is_value_char(line[i]) && line[i] != '\r')
			refuse(r, 400, "This is no HTTP request.");
	}
	if (in_line > HTTP_LINE_MAX)
		refuse(r, 414, "The request line is too long.");
	if (len > HTTP_HEAD_MAX)
		refuse(r, 431, "The request's headers are too long.");
	return r->status != 0 ? len : 0;
}

/* Behind the empty line that ends the head; NULL if it is not there. */
static const char *
head_end(const char *line, const char *end)
{
	const char *lf = line;

	while ((lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL) {
		lf++;
		if (lf < end && *lf == '\n')
			return lf + 1;
		if (end - lf >= 2 && lf[0] == '\r' && lf[1] == '\n')
			return lf + 2;
	}
	return NULL;
}

size_t
http_parse(struct http_request *r, char *data, size_t len)
{
	char *at = data, *line;
	const char *end;

	*r = (struct http_request){ .host = NULL };
	/* One empty line before a request is let pass (section 2.2). */
	if (len > 0 && *at == '\r')
		at++;
	if (at < data + len && *at == '\n')
		at++;
	else
		at = data;
	end = head_end(at, data + len);
	if (end == NULL)
		return not_whole(r, data, at, len);
	if (end - data > HTTP_HEAD_MAX)
		refuse(r, 431, "The request's headers are too long.");
	if (memchr(at, '\0', (size_t)(end - at)) != NULL)
		refuse(r, 400, "The request has a NUL in it.");
	line = take_line(&at, end);
	if (at - line > HTTP_LINE_MAX)
		refuse(r, 414, "The request line is too long.");
	take_request_line(r, line);
	while (r->status == 0 && (line = take_line(&at, end)) != NULL &&
	    at < end)
		take_field(r, line);
	if (r->status == 0) {
		take_host(r);
		take_body(r);
		if (http_has_token(r, "Connection", "close"))
			r->keep_alive = false;
		else if (http_has_token(r, "Connection", "keep-alive"))
			r->keep_alive = true;
	}
	return (size_t)(end - data);
}

enum http_sniff
http_sniff(const char *s, size_t len)
{
	static const char *const begins[] = {
		"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ",
		"PATCH ", "CONNECT ", "TRACE ", "PRI "
	};
	enum http_sniff found = SNIFF_NO;
	size_t i, n;

	for (i = 0; i < NITEMS(begins); i++) {
		n = strlen(begins[i]);
		if (memcmp(s, begins[i], len < n ? len : n) != 0)
			continue;
		if (len >= n)
			return SNIFF_HTTP;
		found = SNIFF_MORE;
	}
	return found;
}

bool
http_is_request_line(const char *line, size_t len)
{
	return len > 9 && memcmp(line + len - 9, " HTTP/1.", 8) == 0;
}

const char *
http_status_text(unsigned status)
{
	static const struct {
		unsigned	 status;
		const char	*text;
	} texts[] = {
		{ 101, "Switching Protocols" }, { 200, "OK" },
		{ 304, "Not Modified" }, { 400, "Bad Request" },
		{ 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 414, "URI Too Long" }, { 426, "Upgrade Required" },
		{ 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" }
	};
	size_t i;

	for (i = 0; i < NITEMS(texts); i++) {
		if (texts[i].status == status)
			return texts[i].text;
	}
	return "Unknown";
}
