#include <arpa/inet.h>

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf-table.h"
#include "name.h"
#include "network.h"

#define KIB		UINT64_C(1024)
#define MIB		(KIB * KIB)
#define GIB		(KIB * MIB)
#define TIB		(KIB * GIB)
#define HOUR		UINT64_C(3600)
#define DAY		(24 * HOUR)
#define YEAR		(365 * DAY)
#define CLIENTS_MAX	1000000
#define MOTD_MAX	4096
#define NETWORKS_MAX	4096
#define PATH_BYTES	(PATH_MAX - 64)	/* room for a file's name behind it */
/* Cleaning may make each byte of a text three (U+FFFD); a msg counts 16 bit. */
#define TEXT_MAX	(65535 / 3)

static const char *const store_words[] = { "sqlite", "memory", NULL };
static const char *const answer_words[] = { "no", "yes", NULL };
static const char *const cost_words[] = { "interactive", "moderate",
    "minimal", NULL };
static const char *const tls_login_words[] = { "no", "cn", NULL };
static const char *const tls_words[] = { "1.2", "1.3", NULL };
static const char *const durability_words[] = { "commit", "relaxed", NULL };

static char	*compute_auth_workers(const struct conf *);
static char	*compute_control(const struct conf *);
static char	*compute_loops(const struct conf *);
static char	*compute_pid_file(const struct conf *);
static char	*compute_server_name(const struct conf *);
static char	*compute_state_dir(const struct conf *);
static bool	 check_lobby(char **, char **);
static bool	 check_log_to(char **, char **);
static bool	 check_motd(char **, char **);
static bool	 check_origins(char **, char **);
static bool	 check_server_name(char **, char **);

#define MEMBER(m)							\
	.offset = offsetof(struct conf, m),				\
	.width = sizeof(((struct conf *)0)->m)
#define OPTION(m, t)							\
	.name = #m, .type = (t), MEMBER(m)
#define BOUNDS(lo, hi)	.min = (lo), .max = (hi)

const struct conf_option conf_options[] = {
	{ .name = "listen", .type = CONF_LISTEN, .section = "Listening",
	  .offset = offsetof(struct conf, listens), .min = 0, .max = 64,
	  .def = "auto 127.0.0.1:4000",
	  .help = "Where clients connect: auto, text, json, http or tls, then "
	    "address:port, [IPv6]:port, *:port for every address, or the "
	    "path of a unix socket. Port 0 is any free one, and the log says "
	    "which. none for nowhere, as where inetd listens. The default is "
	    "loopback only: the text goes unencrypted." },
	{ OPTION(server_name, CONF_TEXT), BOUNDS(1, 255),
	  .compute = compute_server_name, .computed = "the host's name",
	  .check = check_server_name, .reloadable = true,
	  .help = "What the server calls itself to its clients." },
	{ OPTION(motd, CONF_TEXT), BOUNDS(0, MOTD_MAX), .def = "",
	  .check = check_motd, .reloadable = true,
	  .help = "Message of the day, shown to people at login; may have "
	    "several lines; empty for none." },
	{ OPTION(lobby, CONF_TEXT), BOUNDS(1, NAME_SIZE - 1), .def = "lobby",
	  .check = check_lobby, .reloadable = true,
	  .help = "The room that people at a terminal enter at login." },

	{ OPTION(store, CONF_WORD), .section = "Storing", .words = store_words,
	  .def = "sqlite",
	  .help = "Where messages are kept: sqlite, a database in state_dir "
	    "that outlives the daemon, or memory, gone when it ends." },
	{ OPTION(state_dir, CONF_PATH), BOUNDS(1, PATH_BYTES),
	  .compute = compute_state_dir,
	  .computed = "/var/lib/partyline for root and where user is set, "
	    "else $XDG_STATE_HOME/partyline or ~/.local/state/partyline",
	  .help = "The directory of the database; made if missing." },
	{ OPTION(durability, CONF_CHOICE), .words = durability_words,
	  .def = "commit",
	  .help = "commit: a message is seen only after the disk has it. "
	    "relaxed: faster on slow disks, but a power cut may take the last "
	    "messages that people have seen." },
	{ OPTION(history_max, CONF_NUMBER), BOUNDS(0, 1000000000000),
	  .def = "100000", .reloadable = true,
	  .help = "Messages kept a room; 0 for no limit. The oldest go "
	    "first." },
	{ OPTION(history_age, CONF_SECONDS), BOUNDS(0, 100 * YEAR), .def = "0",
	  .reloadable = true,
	  .help = "How long a message is kept; 0 for no limit." },
	{ OPTION(history_bytes, CONF_SIZE), BOUNDS(0, TIB), .def = "64M",
	  .reloadable = true,
	  .help = "Bytes of messages kept a room; 0 for no limit. By default "
	    "a hundred busy rooms fit a small disk." },
	{ OPTION(audit_max, CONF_NUMBER), BOUNDS(0, 1000000000000),
	  .def = "1000000", .reloadable = true,
	  .help = "Lines of the audit kept of each room, and of the server's "
	    "operators; 0 for no limit. The oldest go first." },
	{ OPTION(audit_rooms, CONF_NUMBER), BOUNDS(0, 1000000000000),
	  .def = "1000000", .reloadable = true,
	  .help = "Lines of the audit kept of all rooms together; 0 for no "
	    "limit. The room that has the most loses its oldest." },
	{ OPTION(audit_age, CONF_SECONDS), BOUNDS(0, 100 * YEAR), .def = "0",
	  .reloadable = true,
	  .help = "How long a line of the audit is kept; 0 for no limit. The "
	    "newest one always stays." },
	{ OPTION(store_queue, CONF_SIZE), BOUNDS(16 * KIB, GIB), .def = "32M",
	  .help = "Bytes that may wait for the disk; above it say is answered "
	    "store-unavailable, and memory does not grow." },

	{ OPTION(loops, CONF_NUMBER), .section = "Threads and memory",
	  BOUNDS(0, 64), .compute = compute_loops,
	  .computed = "0, one per core",
	  .help = "Worker threads that serve clients; 0 for one per core." },
	{ OPTION(stream_bytes, CONF_SIZE), BOUNDS(4 * KIB, 64 * MIB),
	  .def = "256K",
	  .help = "Rendered bytes kept a room, loop and dialect; who falls "
	    "further behind is fed from the store." },
	{ OPTION(page_bytes, CONF_SIZE), BOUNDS(4 * KIB, MIB), .def = "32K",
	  .help = "Bytes read at once from the store for a client that is "
	    "behind; its memory on the server is about this." },
	{ OPTION(mailbox_bytes, CONF_SIZE), BOUNDS(64 * KIB, GIB), .def = "8M",
	  .help = "Bytes of unanswered requests a loop may have; above it the "
	    "loop reads no more from its clients until some are answered." },

	{ OPTION(rate, CONF_NUMBER), .section = "Limits",
	  BOUNDS(0, 1000000), .def = "20", .reloadable = true,
	  .help = "Requests a second a client may go on making; 0 for no "
	    "limit. 20 is more than anybody types and enough for most bots." },
	{ OPTION(burst, CONF_NUMBER), BOUNDS(1, 1000000), .def = "100",
	  .reloadable = true,
	  .help = "Requests a client may make at once before rate holds it." },
	{ OPTION(max_clients, CONF_NUMBER), BOUNDS(1, CLIENTS_MAX),
	  .def = "10000", .reloadable = true,
	  .help = "Clients at once; one more is told server-full. Each needs a "
	    "file descriptor." },
	{ OPTION(max_clients_address, CONF_NUMBER), BOUNDS(0, CLIENTS_MAX),
	  .def = "256", .reloadable = true,
	  .help = "Clients at once from one IP address; 0 for no limit. 256 "
	    "lets a whole office behind one address in, but no single host "
	    "fill the server." },
	{ OPTION(max_rooms, CONF_NUMBER), BOUNDS(1, 10000), .def = "100",
	  .reloadable = true,
	  .help = "Rooms a client may be in at once." },
	{ OPTION(server_rooms, CONF_NUMBER), BOUNDS(0, 100000000),
	  .def = "100000", .reloadable = true,
	  .help = "Rooms that the server has before it makes no more, other "
	    "than for its operators; 0 for no limit. A room in which "
	    "something was said stays." },
	{ OPTION(max_line, CONF_SIZE), BOUNDS(256, MIB), .def = "16K",
	  .reloadable = true,
	  .help = "Bytes of a line from a client, without its end; a longer "
	    "one is thrown away and answered too-long." },
	{ OPTION(max_text, CONF_SIZE), BOUNDS(1, TEXT_MAX), .def = "4K",
	  .reloadable = true,
	  .help = "Bytes of a message's text; at most max_line." },
	{ OPTION(presence_limit, CONF_NUMBER), BOUNDS(0, CLIENTS_MAX),
	  .def = "100", .reloadable = true,
	  .help = "Members up to which a room is told who joins and leaves; "
	    "in a larger one that would drown the talk." },
	{ OPTION(metrics_from, CONF_TEXT), BOUNDS(0, NETWORKS_MAX),
	  .def = "127.0.0.0/8 ::1", .check = network_list_check,
	  .reloadable = true,
	  .help = "Who may read /metrics: addresses, and networks such as "
	    "10.0.0.0/8, with spaces between; empty for nobody. Clients of a "
	    "unix socket count as loopback." },

	{ OPTION(trusted, CONF_TEXT), BOUNDS(0, NETWORKS_MAX), .def = "",
	  .check = network_list_check, .reloadable = true,
	  .help = "Proxies that may say whose connection they forward, by the "
	    "PROXY protocol before all else or by X-Forwarded-For in HTTP: "
	    "addresses and networks, with spaces between. They count as "
	    "those then, and without that are not limited by "
	    "max_clients_address." },

	{ OPTION(greet_delay, CONF_MSECONDS), .section = "Times",
	  BOUNDS(0, 60000), .def = "300ms", .reloadable = true,
	  .help = "How long an auto listener waits for a client's first bytes "
	    "before it greets as a person's terminal. A number alone is in "
	    "milliseconds." },
	{ OPTION(login_timeout, CONF_SECONDS), BOUNDS(0, DAY), .def = "2m",
	  .reloadable = true,
	  .help = "How long a client may take to log in; 0 for ever." },
	{ OPTION(read_timeout, CONF_SECONDS), BOUNDS(0, YEAR), .def = "0",
	  .reloadable = true,
	  .help = "How long a client may say nothing; 0 for ever, so that who "
	    "only reads may stay." },
	{ OPTION(write_timeout, CONF_SECONDS), BOUNDS(0, YEAR), .def = "2m",
	  .reloadable = true,
	  .help = "How long a client with something to read may take not a "
	    "single byte before it is taken for dead; 0 for ever." },

	{ OPTION(auth_cost, CONF_CHOICE), .section = "Accounts",
	  .words = cost_words, .def = "interactive",
	  .help = "What it costs to check a password, and so to guess one: "
	    "interactive, 64M of memory for a tenth of a second; moderate, "
	    "256M for half a second or more; minimal, 8M, for small machines. "
	    "A password of another cost gets this one's at its next login." },
	{ OPTION(auth_workers, CONF_NUMBER), BOUNDS(0, 16),
	  .compute = compute_auth_workers, .computed = "0, one per two cores",
	  .help = "Passwords that are checked at once, by a thread each, none "
	    "of which serves clients; auth_cost's memory is needed as often. "
	    "0 for one per two cores." },
	{ OPTION(auth_queue, CONF_NUMBER), BOUNDS(1, 10000), .def = "64",
	  .help = "Logins that may wait until their password is checked; one "
	    "more is answered rate-limited." },
	{ OPTION(auth_timeout, CONF_SECONDS), BOUNDS(1, 3600), .def = "1m",
	  .help = "How long it takes to check a password at most: what does "
	    "it is then taken for stopped, and replaced." },
	{ OPTION(registration, CONF_CHOICE), .words = answer_words,
	  .def = "yes", .reloadable = true,
	  .help = "Whether people may make their names their own; no: only the "
	    "operator makes accounts." },
	{ OPTION(password_min, CONF_NUMBER), BOUNDS(1, 64), .def = "8",
	  .reloadable = true,
	  .help = "Characters that a new password has at least." },
	{ OPTION(login_tries, CONF_NUMBER), BOUNDS(0, 1000), .def = "10",
	  .reloadable = true,
	  .help = "Logins that may fail from one address, and to one account, "
	    "before more are answered rate-limited; 0 for no limit." },
	{ OPTION(login_tries_window, CONF_SECONDS), BOUNDS(1, DAY),
	  .def = "10m", .reloadable = true,
	  .help = "How long all of login_tries take to come back, one by one: "
	    "with 10 of them in 10m it is one a minute." },

	{ OPTION(register_max, CONF_NUMBER), BOUNDS(0, 100000),
	  .def = "50", .reloadable = true,
	  .help = "Accounts that may be registered from one address before "
	    "more are answered rate-limited; 0 for no limit. The operator's "
	    "do not count." },
	{ OPTION(register_window, CONF_SECONDS), BOUNDS(1, 30 * DAY),
	  .def = "1d", .reloadable = true,
	  .help = "How long all of register_max take to come back, one by "
	    "one." },

	{ OPTION(origins, CONF_TEXT), .section = "Web", BOUNDS(0, 4096),
	  .def = "", .check = check_origins, .reloadable = true,
	  .help = "Other sites whose pages may connect: origins such as "
	    "https://example.org with blanks between, or * for all. The page "
	    "that this server serves always may." },
	{ OPTION(http_timeout, CONF_SECONDS), BOUNDS(1, HOUR), .def = "10s",
	  .reloadable = true,
	  .help = "How long a request of HTTP may take to arrive, and how "
	    "long a connection is kept for the next one." },
	{ OPTION(ping_interval, CONF_SECONDS), BOUNDS(0, DAY), .def = "30s",
	  .reloadable = true,
	  .help = "How long a WebSocket may be silent before it is sent a "
	    "ping; as long again without an answer, and it is taken for dead. "
	    "0 for never." },
	{ OPTION(deflate, CONF_CHOICE), .words = answer_words, .def = "no",
	  .reloadable = true,
	  .help = "Whether to compress what WebSockets are sent, if they ask "
	    "for it: fewer bytes for more CPU." },

	{ OPTION(tls_cert, CONF_PATH), .section = "TLS",
	  BOUNDS(0, PATH_BYTES), .def = "", .reloadable = true,
	  .help = "The server's certificate, in PEM, and those that lead to "
	    "its issuer behind it; empty for no TLS. It is read again at "
	    "every reload." },
	{ OPTION(tls_key, CONF_PATH), BOUNDS(0, PATH_BYTES), .def = "",
	  .reloadable = true,
	  .help = "The certificate's key, in PEM, without a password; empty "
	    "where it is in tls_cert's file." },
	{ OPTION(tls_client_ca, CONF_PATH), BOUNDS(0, PATH_BYTES), .def = "",
	  .reloadable = true,
	  .help = "Certificates, in PEM, of those who sign clients' ones. A "
	    "client need show none, but a bad one is refused. Empty: none is "
	    "asked for." },
	{ OPTION(tls_login, CONF_CHOICE), .words = tls_login_words,
	  .def = "no", .reloadable = true,
	  .help = "cn: a client whose certificate was verified is logged in, "
	    "without a password, to the account that is its common name." },
	{ OPTION(tls_min, CONF_CHOICE), .words = tls_words, .def = "1.2",
	  .reloadable = true,
	  .help = "The oldest version of TLS that is spoken." },
	{ OPTION(handshake_timeout, CONF_SECONDS), BOUNDS(1, HOUR),
	  .def = "10s", .reloadable = true,
	  .help = "How long a client may take from its connect to the end of "
	    "the TLS handshake, and a proxy for the whole of its header." },

	{ OPTION(user, CONF_TEXT), .section = "Privileges", BOUNDS(0, 255),
	  .def = "",
	  .help = "Whom root becomes once the listeners are bound: a name or a "
	    "number; empty to stay. The state directory and new files are "
	    "theirs." },
	{ OPTION(group, CONF_TEXT), BOUNDS(0, 255), .def = "",
	  .help = "The group to go with user, in place of the one that the "
	    "user database has for them." },
	{ OPTION(chroot, CONF_PATH), BOUNDS(0, PATH_BYTES), .def = "",
	  .help = "A directory that root makes the whole file system of the "
	    "daemon once the listeners are bound; every other path is looked "
	    "for in there. Empty for none." },
	{ OPTION(sandbox, CONF_CHOICE), .words = answer_words, .def = "yes",
	  .help = "Whether to give up, before the first client comes, every "
	    "file and system call that the daemon does not need. What is in "
	    "force is in the log." },

	{ OPTION(log_level, CONF_CHOICE), .section = "Log",
	  .words = log_level_names, .def = "notice", .reloadable = true,
	  .help = "The least serious lines that are logged. A message's text "
	    "appears in none." },
	{ OPTION(log_to, CONF_PATH), BOUNDS(1, PATH_BYTES), .def = "stderr",
	  .check = check_log_to,
	  .help = "stderr, syslog or a file's absolute path; a file is opened "
	    "again at SIGHUP." },
	{ OPTION(pid_file, CONF_PATH), BOUNDS(0, PATH_BYTES),
	  .compute = compute_pid_file,
	  .computed = "/run/partylined.pid for root, "
	    "/run/partyline/partylined.pid where user is set, else "
	    "partylined.pid in state_dir",
	  .help = "Where -d writes the process's number; empty for nowhere." },
	{ OPTION(control, CONF_PATH), .section = "Control",
	  BOUNDS(0, PATH_BYTES), .compute = compute_control,
	  .computed = "control in state_dir",
	  .help = "The unix socket by which partylinectl controls the daemon; "
	    "empty for none. If it cannot be had the log says so, and clients "
	    "are served all the same." },
	{ OPTION(drain_time, CONF_SECONDS), BOUNDS(0, DAY), .def = "30s",
	  .reloadable = true,
	  .help = "How long a drain takes to send its clients away, some at "
	    "every moment, before the daemon ends." },
	{ OPTION(upgrade_timeout, CONF_SECONDS), BOUNDS(1, HOUR), .def = "30s",
	  .reloadable = true,
	  .help = "How long the new binary of an upgrade may be silent before "
	    "it is given up; once clients wait for it, 10 s at most." },
	{ OPTION(inetd_linger, CONF_SECONDS), BOUNDS(0, DAY), .def = "1m",
	  .reloadable = true,
	  .help = "How long a daemon that inetd started to wait on a socket "
	    "goes on without a client before it ends." },
	{ .name = NULL }
};

/* Of a state_dir that is wrong enough is told. */
static char *
in_state_dir(const struct conf *conf, const char *name)
{
	if (conf->state_dir == NULL)
		return xstrdup("");
	return xasprintf("%s/%s", conf->state_dir, name);
}

static char *
compute_control(const struct conf *conf)
{
	return in_state_dir(conf, "control");
}

/* One per so many cores that are online, from 1 to max. */
static char *
by_cores(long cores, long max)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN) / cores;

	return xasprintf("%ld", n < 1 ? 1 : n > max ? max : n);
}

/* Half of the cores: hashing fills caches and the way to memory, which no
 * thread's priority is asked for. */
static char *
compute_auth_workers(const struct conf *conf)
{
	(void)conf;
	return by_cores(2, 16);
}

static char *
compute_loops(const struct conf *conf)
{
	(void)conf;
	return by_cores(1, 64);
}

static char *
compute_pid_file(const struct conf *conf)
{
	if (conf->user[0] != '\0')	/* who can remove it from there */
		return xstrdup("/run/partyline/partylined.pid");
	if (geteuid() == 0)
		return xstrdup("/run/partylined.pid");
	return in_state_dir(conf, "partylined.pid");
}

static char *
compute_server_name(const struct conf *conf)
{
	char name[HOST_NAME_MAX + 1], *text, *why = NULL;

	(void)conf;
	if (gethostname(name, sizeof(name)) == -1)
		return xstrdup("localhost");
	name[sizeof(name) - 1] = '\0';
	text = xstrdup(name);
	if (*text != '\0' && check_server_name(&text, &why))
		return text;
	free(text);
	free(why);
	return xstrdup("localhost");
}

char *
conf_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if ((home == NULL || *home != '/') &&
	    (pw = getpwuid(geteuid())) != NULL)
		home = pw->pw_dir;
	return home != NULL && *home == '/' ? xstrdup(home) : NULL;
}

/* XDG Base Directory: what is not absolute counts as unset. */
static char *
compute_state_dir(const struct conf *conf)
{
	const char *xdg = getenv("XDG_STATE_HOME");
	char *home, *dir;

	/* The same before root is given up and after. */
	if (geteuid() == 0 || conf->user[0] != '\0')
		return xstrdup("/var/lib/partyline");
	if (xdg != NULL && *xdg == '/')
		return xasprintf("%s/partyline", xdg);
	if ((home = conf_home()) == NULL)
		return xstrdup("/var/lib/partyline");
	dir = xasprintf("%s/.local/state/partyline", home);
	free(home);
	return dir;
}

/* The name as it is shown; an inbox is nobody's lobby. */
static bool
check_lobby(char **text, char **why)
{
	struct name name;
	const char *phrase = "is a person's inbox";

	if (**text != '@' && name_parse_room(&name, *text, strlen(*text),
	    &phrase)) {
		free(*text);
		*text = xstrdup(name.shown);
		return true;
	}
	*why = xasprintf("%s; a room's name has 1 to %d letters, "
	    "digits, \"-\", \"_\" or \".\", and begins with none of \"-.@\"",
	    phrase, NAME_CHARS);
	return false;
}

static bool
check_log_to(char **text, char **why)
{
	if (strcmp(*text, "stderr") == 0 || strcmp(*text, "syslog") == 0 ||
	    **text == '/')
		return true;
	*why = xstrdup("is neither a target nor an absolute path; stderr, "
	    "syslog or a path such as /var/log/partylined.log");
	return false;
}

/* Whether cleaning would leave the text as it is; lines: LF may be in it. */
static bool
is_clean(const char *text, bool lines)
{
	size_t n;

	for (;; text += n + 1) {
		n = lines ? strcspn(text, "\n") : strlen(text);
		if (!text_is_clean(text, n))
			return false;
		if (text[n] == '\0')
			return true;
	}
}

static bool
check_motd(char **text, char **why)
{
	if (is_clean(*text, true))
		return true;
	*why = xstrdup("has control characters in it, which would reach "
	    "terminals; text, tabs and ends of lines only");
	return false;
}

/* Of each: a scheme, "://", a host and perhaps a port, and no more. */
static bool
is_origin(const char *s, size_t n)
{
	const char *host = memmem(s, n, "://", 3);

	if (n == 1 && *s == '*')
		return true;
	if (host == NULL || host == s || host + 3 == s + n)
		return false;
	host += 3;
	return memchr(host, '/', (size_t)(s + n - host)) == NULL &&
	    memchr(host, '@', (size_t)(s + n - host)) == NULL;
}

static bool
check_origins(char **text, char **why)
{
	const char *s = *text;
	size_t n;

	for (; *(s += strspn(s, " ")) != '\0'; s += n) {
		n = strcspn(s, " ");
		if (!is_origin(s, n)) {
			*why = xstrdup("has a word that is no origin; such as "
			    "https://example.org or https://a.example:8443, "
			    "without a path, or *");
			return false;
		}
	}
	return true;
}

static bool
check_server_name(char **text, char **why)
{
	if (is_clean(*text, false) && (*text)[strcspn(*text, " \t")] == '\0')
		return true;
	*why = xstrdup("has spaces or control characters in it; one word such "
	    "as chat.example.org");
	return false;
}

const struct conf_option *
conf_option(const char *name)
{
	const struct conf_option *o;

	for (o = conf_options; o->name != NULL; o++) {
		if (strcmp(o->name, name) == 0)
			return o;
	}
	return NULL;
}

/* Near enough to be meant: a third of the word at most is different. */
static bool
is_nearer(const char *word, const char *name, unsigned *best)
{
	unsigned d;

	if (strlen(word) > 64)
		return false;
	d = word_distance(word, name);
	if (d >= *best || d > 1 + strlen(name) / 3)
		return false;
	*best = d;
	return true;
}

const char *
conf_nearest_option(const char *word)
{
	const struct conf_option *o;
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	for (o = conf_options; o->name != NULL; o++) {
		if (is_nearer(word, o->name, &best))
			nearest = o->name;
	}
	return nearest;
}

const char *
conf_nearest_word(const char *const *words, const char *word)
{
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	for (; *words != NULL; words++) {
		if (is_nearer(word, *words, &best))
			nearest = *words;
	}
	return nearest;
}
