/* What each option may be, and what it is then. */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "conf-rig.h"
#include "tls.h"

TestSuite(conf, .timeout = 30);

static bool
is_count(const struct conf_option *o)
{
	return o->type == CONF_NUMBER || o->type == CONF_SIZE ||
	    o->type == CONF_SECONDS || o->type == CONF_MSECONDS;
}

Test(conf, defaults)
{
	struct conf *c = good("", NULL);
	char host[256];

	cr_assert_eq(c->nlistens, 1);
	cr_assert_eq(c->listens[0].kind, LISTEN_AUTO);
	cr_assert_str_eq(c->listens[0].address, "127.0.0.1");
	cr_assert_eq(c->listens[0].port, 4000);
	cr_assert(!c->listens[0].local);
	cr_assert_str_eq(c->listens[0].text, "auto 127.0.0.1:4000");
	cr_assert_str_eq(c->store, "sqlite");
	cr_assert_eq(c->durability, DURABILITY_COMMIT);
	cr_assert_eq(c->history_max, 100000);
	cr_assert_eq(c->history_age, 0);
	cr_assert_eq(c->history_bytes, 64 << 20);
	cr_assert_eq(c->audit_max, 1000000);
	cr_assert_eq(c->audit_rooms, 1000000);
	cr_assert_eq(c->audit_age, 0);
	cr_assert_eq(c->register_max, 50);
	cr_assert_eq(c->register_window, 86400);
	cr_assert_eq(c->store_queue, 32 << 20);
	cr_assert_geq(c->loops, 1);
	cr_assert_leq(c->loops, 64);
	cr_assert_eq(c->stream_bytes, 256 << 10);
	cr_assert_eq(c->page_bytes, 32 << 10);
	cr_assert_eq(c->mailbox_bytes, 8 << 20);
	gethostname(host, sizeof(host));
	cr_assert_str_eq(c->server_name, host);
	cr_assert_str_eq(c->lobby, "lobby");
	cr_assert_str_eq(c->motd, "");
	cr_assert_eq(c->rate, 20);
	cr_assert_eq(c->burst, 100);
	cr_assert_eq(c->max_clients, 10000);
	cr_assert_eq(c->max_clients_address, 256);
	cr_assert_eq(c->max_rooms, 100);
	cr_assert_eq(c->max_line, 16384);
	cr_assert_eq(c->max_text, 4096);
	cr_assert_eq(c->presence_limit, 100);
	cr_assert_eq(c->greet_delay, 300);
	cr_assert_eq(c->login_timeout, 120);
	cr_assert_eq(c->read_timeout, 0);
	cr_assert_eq(c->write_timeout, 120);
	cr_assert_eq(c->log_level, LEVEL_NOTICE);
	cr_assert_str_eq(c->log_to, "stderr");
	conf_free(c);
	conf_free(NULL);
}

/* Without a file, and as somebody who is not root. */
Test(conf, state_dir)
{
	bool root = false;
	struct conf *c;
	char *error;

	if (geteuid() == 0) {
		c = conf_parse(NULL, NULL, 0, &error);
		cr_assert_str_eq(c->state_dir, "/var/lib/partyline");
		cr_assert_str_eq(c->pid_file, "/run/partylined.pid");
		conf_free(c);
		cr_assert_eq(seteuid(65534), 0);
		root = true;
	}
	setenv("XDG_STATE_HOME", "/x", 1);
	c = conf_parse(NULL, NULL, 0, &error);
	cr_assert_str_eq(c->state_dir, "/x/partyline");
	cr_assert_str_eq(c->pid_file, "/x/partyline/partylined.pid");
	conf_free(c);
	setenv("XDG_STATE_HOME", "relative", 1);
	setenv("HOME", "/home/ann", 1);
	c = conf_parse(NULL, NULL, 0, &error);
	cr_assert_str_eq(c->state_dir, "/home/ann/.local/state/partyline");
	conf_free(c);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	c = conf_parse(NULL, NULL, 0, &error);
	cr_assert_eq(*c->state_dir, '/');
	conf_free(c);
	set_to("", OPTS("state_dir=/s"), "pid_file", "\"/s/partylined.pid\"");
	/* The leak checker needs to look into the process at its end. */
	cr_assert(!root || (seteuid(0) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0));
}

/* What the manual names. */
Test(conf, names)
{
	static const char *const names[] = {
		"listen", "store", "state_dir", "loops", "server_name",
		"lobby", "motd", "rate", "burst", "max_clients",
		"max_clients_address", "max_rooms", "server_rooms",
		"max_line", "max_text", "presence_limit", "greet_delay",
		"read_timeout", "write_timeout", "history_max",
		"history_age", "history_bytes", "log_level", "log_to"
	};
	const struct conf_option *o, *p;
	size_t i;

	for (i = 0; i < NITEMS(names); i++)
		cr_expect_not_null(conf_option(names[i]), "%s", names[i]);
	for (o = conf_options; o->name != NULL; o++) {
		for (p = conf_options; p < o; p++) {
			cr_expect_str_neq(o->name, p->name);
			cr_expect_neq(o->offset, p->offset, "%s", o->name);
		}
		cr_expect_leq(o->min, o->max);
		cr_expect_not_null(o->help);
		cr_expect_null(strpbrk(o->help, "\t\n"), "%s", o->name);
		cr_expect((o->def == NULL) == (o->compute != NULL));
		cr_expect((o->def == NULL) == (o->computed != NULL));
	}
	cr_assert_null(conf_option("none"));
}

/* 0 stands for another where one is computed. */
static void
expect_number(const struct conf *conf, const struct conf_option *o, unsigned v)
{
	unsigned is = *(const unsigned *)((const char *)conf + o->offset);

	if (v == 0 && o->compute != NULL)
		cr_expect_gt(is, 0, "%s", o->name);
	else
		cr_expect_eq(is, v, "%s", o->name);
}

/* Every number at its bounds and beyond, in the file and by -o. */
Test(conf, bounds)
{
	/* So that the checks of one option against another do not speak. */
	static const char wide[] = "max_text = 1\nmax_line = 256\n"
	    "stream_bytes = 64M\nstore_queue = 1G\nmailbox_bytes = 1G\n"
	    "history_bytes = 0\n";
	const struct conf_option *o;
	struct conf *conf;
	char text[512], place[1024];
	uint64_t v, i;

	for (o = conf_options; o->name != NULL; o++) {
		for (i = 0; is_count(o) && i < 2; i++) {
			v = i == 0 ? o->min : o->max;
			snprintf(text, sizeof(text), "%s\n%s%s = %llu\n", wide,
			    strcmp(o->name, "max_text") == 0 ?
			    "max_line = 1M\n" : "", o->name,
			    (unsigned long long)v);
			conf = good(text, NULL);
			if (o->width == sizeof(unsigned))
				expect_number(conf, o, (unsigned)v);
			else
				cr_expect_eq(*(uint64_t *)((char *)conf +
				    o->offset), v, "%s", o->name);
			conf_free(conf);
			if (v == 0)
				continue;
			v = i == 0 ? v - 1 : v + 1;
			snprintf(text, sizeof(text), "%s = %llu", o->name,
			    (unsigned long long)v);
			snprintf(place, sizeof(place), "f:1: %s: \"%llu\" is "
			    "too %s; ", o->name, (unsigned long long)v,
			    i == 0 ? "small" : "large");
			error_has(text, NULL, place);
			snprintf(place, sizeof(place), "-o %s: %s: \"%llu\" "
			    "is too %s; ", text, o->name, (unsigned long long)v,
			    i == 0 ? "small" : "large");
			error_has("", OPTS(text), place);
		}
	}
}

Test(conf, bad_numbers)
{
	static const char *const wrong[] = {
		"abc", "\"\"", "-1", "1x", "1.5", "0x10", "\"1 2\"", "1e3",
		"18446744073709551616", "99999999999999999999999999999",
		"\" 1\"", "1KK", "K", "\"\xe2\x85\xa8\"", "\"1\\n\""
	};
	const struct conf_option *o;
	char text[256], place[256];
	size_t i;

	for (o = conf_options; o->name != NULL; o++) {
		for (i = 0; is_count(o) && i < NITEMS(wrong); i++) {
			snprintf(text, sizeof(text), "# one\n\n%s = %s",
			    o->name, wrong[i]);
			snprintf(place, sizeof(place), "f:3: %s: \"", o->name);
			error_has(text, NULL, place);
			error_has(text, NULL, "; ");
		}
	}
	error_is("rate = fast", NULL, "f:1: rate: \"fast\" is not a number; "
	    "a number from 0 to 1000000");
	error_is("history_bytes = 12Q", NULL, "f:1: history_bytes: \"12Q\" "
	    "has an unknown unit; bytes, or with K, M, G or T behind, from 0 "
	    "to 1T");
	error_is("", OPTS("login_timeout=1500ms"), "-o login_timeout=1500ms: "
	    "login_timeout: \"1500ms\" is no whole number of seconds; a "
	    "number and ms, s, m, h or d, from 0 to 1d");
	error_has("rate = 1K", NULL, "\"1K\" is not a number");
	error_has("history_bytes = 20000000T", NULL, "is too large");
	error_has("history_bytes = 999999999999999999T", NULL, "is too large");
}

Test(conf, units)
{
	static const struct {
		const char	*text, *name, *shown;
	} units[] = {
		{ "history_bytes = 1T", "history_bytes", "1T" },
		{ "history_bytes = 1024g", "history_bytes", "1T" },
		{ "history_bytes = 1536M", "history_bytes", "1536M" },
		{ "history_bytes = 64k", "history_bytes", "64K" },
		{ "history_bytes = 100001", "history_bytes", "100001" },
		{ "history_bytes = 00010000", "history_bytes", "10000" },
		{ "history_age = 30d", "history_age", "30d" },
		{ "history_age = 86400", "history_age", "1d" },
		{ "history_age = 36h", "history_age", "36h" },
		{ "history_age = 90s", "history_age", "90s" },
		{ "history_age = 60m", "history_age", "1h" },
		{ "history_age = 2000ms", "history_age", "2s" },
		{ "history_age = 0d", "history_age", "0" },
		{ "greet_delay = 250", "greet_delay", "250ms" },
		{ "greet_delay = 2s", "greet_delay", "2s" },
		{ "greet_delay = 1500ms", "greet_delay", "1500ms" },
		{ "greet_delay = 0", "greet_delay", "0" },
		{ "rate = 0", "rate", "0" },
		{ "max_clients = \"77\"", "max_clients", "77" }
	};
	size_t i;

	for (i = 0; i < NITEMS(units); i++)
		set_to(units[i].text, NULL, units[i].name, units[i].shown);
}

Test(conf, by_cores)
{
	struct conf *none = good("", NULL), *zero = good("loops = 0\n"
	    "auth_workers = 0", NULL);

	cr_assert_geq(zero->loops, 1);
	cr_assert_eq(zero->loops, none->loops);
	cr_assert_geq(zero->auth_workers, 1);
	cr_assert_leq(zero->auth_workers, zero->loops);
	cr_assert_eq(zero->auth_workers, none->auth_workers);
	conf_free(zero);
	conf_free(none);
	set_to("auth_workers = 3", NULL, "auth_workers", "3");
	set_to("loops = 3", NULL, "loops", "3");
	set_to("loops = 3", OPTS("loops=64"), "loops", "64");
}

Test(conf, words)
{
	struct conf *conf = good("store = memory durability = relaxed "
	    "log_level = debug", NULL);

	cr_assert_str_eq(conf->store, "memory");
	cr_assert_eq(conf->durability, DURABILITY_RELAXED);
	cr_assert_eq(conf->log_level, LEVEL_DEBUG);
	conf_free(conf);
	error_is("\nstore = sqlit", NULL, "f:2: store: \"sqlit\" is unknown; "
	    "perhaps sqlite: sqlite or memory");
	error_is("log_level = loud", NULL, "f:1: log_level: \"loud\" is "
	    "unknown; error, warn, notice, info or debug");
	error_has("durability = Commit", NULL, "\"Commit\" is unknown");
	error_has("log_level = \"\"", NULL, "\"\" is unknown");
	error_has("log_level = 3", NULL, "\"3\" is unknown");
}

Test(conf, texts)
{
	char text[6000];

	set_to("lobby = \"#Kitchen\"", NULL, "lobby", "\"Kitchen\"");
	error_is("lobby = \"@ann\"", NULL, "f:1: lobby: \"@ann\" is a "
	    "person's inbox; a room's name has 1 to 32 letters, digits, \"-\","
	    " \"_\" or \".\", and begins with none of \"-.@\"");
	error_has("lobby = \"a b\"", NULL, "f:1: lobby: \"a b\" ");
	error_has("lobby = \"\"", NULL, "f:1: lobby: ");
	error_has("lobby = \"-x\"", NULL, "f:1: lobby: ");
	error_has("lobby = \"#\"", NULL, "f:1: lobby: ");
	error_has("lobby = abcdefghijklmnopqrstuvwxyzabcdefg", NULL,
	    "f:1: lobby: ");
	error_has("server_name = \"a b\"", NULL, "has spaces");
	error_has("server_name = \"\"", NULL, "is too short; 1 to 255 bytes");
	error_has("server_name = \"a\\nb\"", NULL, "control");
	error_has("motd = \"\\e[2J\"", NULL, "has control characters");
	error_has("motd = \"a\\r\\nb\"", NULL, "has control characters");
	error_has("motd = \"\xe2\x80\xae\"", NULL, "has control characters");
	error_has("motd = \"\xc2\x9b\"", NULL, "has control characters");
	error_has("motd = \"\\xff\"", NULL, "is not UTF-8");
	set_to("motd = \"a\\n\\tb\"", NULL, "motd", "\"a\\n\\tb\"");
	memset(text, 'x', sizeof(text));
	memcpy(text, "motd=", 5);
	text[5 + 4096] = '\0';
	conf_free(good("", OPTS(text)));
	text[5 + 4096] = 'x';
	text[5 + 4097] = '\0';
	error_has("", OPTS(text), "xxx...\" is too long; 0 to 4096 bytes");
}

Test(conf, paths)
{
	char cwd[4096], expected[5000];

	cr_assert_not_null(getcwd(cwd, sizeof(cwd)));
	set_to("state_dir = /a/b", NULL, "state_dir", "\"/a/b\"");
	error_is("state_dir = a/b", NULL, "f:1: state_dir: \"a/b\" is not "
	    "absolute; an absolute path, 1 to 4032 bytes");
	error_has("state_dir = \"\"", NULL, "is too short");
	error_has("", OPTS("state_dir="), "is too short");
	error_has("state_dir = \"/a\\nb\"", NULL, "control characters");
	snprintf(expected, sizeof(expected), "\"%s/a/b\"", cwd);
	set_to("", OPTS("state_dir=a/b"), "state_dir", expected);
	set_to("log_to = syslog", NULL, "log_to", "\"syslog\"");
	set_to("log_to = /l", OPTS("log_to=stderr"), "log_to", "\"stderr\"");
	error_is("log_to = sylsog", NULL, "f:1: log_to: \"sylsog\" is neither "
	    "a target nor an absolute path; stderr, syslog or a path such as "
	    "/var/log/partylined.log");
	error_has("log_to = a/b", NULL, "is neither");
	snprintf(expected, sizeof(expected), "\"%s/./l\"", cwd);
	set_to("", OPTS("log_to=./l"), "log_to", expected);
	set_to("pid_file = \"\"", NULL, "pid_file", "\"\"");
	set_to("", OPTS("pid_file="), "pid_file", "\"\"");
}

Test(conf, listen)
{
	static const struct {
		const char	*text;
		enum listen_kind kind;
		const char	*address;
		uint16_t	 port;
		bool		 local;
	} ok[] = {
		{ "auto 127.0.0.1:40", LISTEN_AUTO, "127.0.0.1", 40, false },
		{ "text 0.0.0.0:0", LISTEN_TEXT, "0.0.0.0", 0, false },
		{ "json  *:65535", LISTEN_JSON, "*", 65535, false },
		{ "auto [::1]:4000", LISTEN_AUTO, "::1", 4000, false },
		{ "auto [::]:1", LISTEN_AUTO, "::", 1, false },
		{ "auto [2001:db8::5]:1", LISTEN_AUTO, "2001:db8::5", 1,
		  false },
		{ "auto /run/x.sock", LISTEN_AUTO, "/run/x.sock", 0, true },
		{ "json unix:/run/a:b", LISTEN_JSON, "/run/a:b", 0, true }
	};
	static const struct {
		const char	*text, *error;
	} wrong[] = {
		{ "", "\"\" is unknown" },
		{ "auto", "\"auto\" has no address" },
		{ "auto ", "has no address" },
		{ "127.0.0.1:4000", "has no kind before the address; kind and "
		  "address such as auto 127.0.0.1:4000" },
		{ "jsno 127.0.0.1:1", "the kind \"jsno\" is unknown; perhaps "
		  "json" },
		{ "Auto *:1", "the kind \"Auto\" is unknown" },
		{ "ssl *:1", "the kind \"ssl\" is unknown" },
		{ "auto 4000", "\"auto 4000\" has no port" },
		{ "auto *:65536", "the port \"65536\" is too large; 0 to "
		  "65535" },
		{ "auto *:99999999999", "the port \"99999999999\" is no" },
		{ "auto *:-1", "the port \"-1\" is no number" },
		{ "auto *:", "the port \"\" is no number" },
		{ "auto *:80x", "the port \"80x\" is no number" },
		{ "auto :80", "the address \"\" is no IPv4 address" },
		{ "auto localhost:80", "the address \"localhost\" is no IPv4 "
		  "address, and names are not looked up; one such as" },
		{ "auto 127.0.0.256:80", "\"127.0.0.256\" is no IPv4" },
		{ "auto 127.1:80", "\"127.1\" is no IPv4" },
		{ "auto ::1:80", "has an IPv6 address without brackets" },
		{ "auto [::1]", "has no \"]:\"" },
		{ "auto [::1:80", "has no \"]:\"" },
		{ "auto [::1]80", "has no \"]:\"" },
		{ "auto [127.0.0.1]:80", "is no IPv6 address" },
		{ "auto *:1 *:2", "has more than kind and address" },
		{ "auto run/x.sock", "the path \"run/x.sock\" is not "
		  "absolute" },
		{ "auto unix:", "the path \"\" names no socket" },
		{ "auto /run/", "the path \"/run/\" names no socket" },
		{ "auto /0123456789012345678901234567890123456789012345678901"
		  "23456789012345678901234567890123456789012345678901234567",
		  "is too long for a socket; at most 107 bytes" }
	};
	char text[512];
	struct conf *conf;
	size_t i;

	for (i = 0; i < NITEMS(ok); i++) {
		snprintf(text, sizeof(text), "listen = {\"%s\"}", ok[i].text);
		conf = good(text, NULL);
		cr_expect_eq(conf->nlistens, 1);
		cr_expect_eq(conf->listens[0].kind, ok[i].kind);
		cr_expect_str_eq(conf->listens[0].address, ok[i].address);
		cr_expect_eq(conf->listens[0].port, ok[i].port);
		cr_expect_eq(conf->listens[0].local, ok[i].local);
		conf_free(conf);
	}
	for (i = 0; i < NITEMS(wrong); i++) {
		snprintf(text, sizeof(text), "listen = {\"auto *:1\",\n\"%s\"}",
		    wrong[i].text);
		error_has(text, NULL, "f:2: listen: ");
		error_has(text, NULL, wrong[i].error);
	}
	conf = good("", OPTS("listen=auto x/y.sock"));
	cr_assert(conf->listens[0].local);
	cr_assert_eq(*conf->listens[0].address, '/');
	conf_free(conf);
}

Test(conf, tls)
{
	struct conf *conf;

	if (!tls_built()) {
		error_has("listen = \"tls *:1\"", NULL, "was left out");
		error_has("tls_cert = \"/c.pem\"", NULL, "left out");
		return;
	}
	conf = good("listen = \"tls *:1\"\ntls_cert = \"/c.pem\"", NULL);
	cr_assert_eq(conf->listens[0].kind, LISTEN_TLS);
	conf_free(conf);
	error_is("rate = 1\nlisten = \"tls *:1\"", NULL, "f:2: listen: "
	    "\"tls *:1\" without a certificate; tls_cert names one, "
	    "contrib/tls-selfsigned makes one for trying");
	error_is("tls_key = \"/k.pem\"", NULL, "f:1: tls_key: a key without a "
	    "certificate; tls_cert names one");
	error_has("tls_cert = \"c.pem\"", NULL, "is not absolute");
	error_has("tls_min = \"1.1\"", NULL, "1.2 or 1.3");
}

Test(conf, listen_lists)
{
	struct buf b = { 0 };
	int i;

	set_to("listen = \"auto *:1\"", NULL, "listen", "{\"auto *:1\"}");
	set_to("listen = {\"auto *:1\", \"json *:2\",}", NULL, "listen",
	    "{\"auto *:1\", \"json *:2\"}");
	set_to("listen = {\"auto *:1\"}\nlisten = {\"json *:2\"}", NULL,
	    "listen", "{\"json *:2\"}");
	set_to("listen = {\"auto *:1\"}\nlisten += {\"json *:2\"}", NULL,
	    "listen", "{\"auto *:1\", \"json *:2\"}");
	set_to("listen = {\"auto *:0\", \"auto *:0\"}", NULL, "listen",
	    "{\"auto *:0\", \"auto *:0\"}");
	set_to("listen = none", NULL, "listen", "{\"none\"}");
	set_to("listen = {\"none\"}", OPTS("listen=auto *:1"), "listen",
	    "{\"auto *:1\"}");
	set_to("listen = {\"auto *:1\"}", OPTS("listen=none"), "listen",
	    "{\"none\"}");
	error_has("\n\nlisten = {}", NULL, "listen: an empty list; at least "
	    "one value");
	error_is("listen = {\"auto *:1\", \n\n\"json *:1\"}", NULL, "f:3: "
	    "listen: \"auto *:1\" and \"json *:1\" are the same address; each "
	    "address once");
	error_has("listen = {\"auto /a\", \"json /a\"}", NULL, "the same");
	/* The first -o replaces the file's, the others add up. */
	set_to("listen = {\"auto *:1\", \"auto *:2\"}", OPTS("listen=json *:3",
	    "rate=1", "listen = text *:4"), "listen",
	    "{\"json *:3\", \"text *:4\"}");
	error_has("listen = {\"auto\"}", OPTS("listen=json *:3"), "f:1: ");
	error_is("", OPTS("listen=json *:x"), "-o listen=json *:x: listen: the "
	    "port \"x\" is no number; 0 to 65535, 0 for any free one");
	for (i = 0; i < 64; i++)
		buf_adds(&b, "listen += {\"auto *:0\"}\n");
	conf_free(good(buf_str(&b), NULL));
	buf_adds(&b, "listen += {\"auto *:0\"}\n");
	error_has(buf_str(&b), NULL, "f:65: listen: \"auto *:0\" is one too "
	    "many; 0 to 64 listeners");
	buf_free(&b);
}

Test(conf, overrides)
{
	set_to("", OPTS("motd=hello world"), "motd", "\"hello world\"");
	set_to("motd = a", OPTS("motd=b", "motd=c=d"), "motd", "\"c=d\"");
	set_to("", OPTS("motd=\"quoted\" \\n # $HOME ${HOME}"), "motd",
	    "\"\\\"quoted\\\" \\\\n # \\$HOME \\${HOME}\"");
	set_to("", OPTS("  rate \t =  5"), "rate", "5");
	error_is("", OPTS("rate"), "-o rate: has no value; -o name=value");
	error_is("", OPTS("=5"), "-o =5: unknown option; one of those that "
	    "partylined -n -t prints");
	error_is("", OPTS(""), "-o : has no value; -o name=value");
	error_is("", OPTS("log_lvel=info"), "-o log_lvel=info: unknown option; "
	    "perhaps log_level");
	error_is("", OPTS("rate=x", "burst=y"), "-o rate=x: rate: \"x\" is not "
	    "a number; a number from 0 to 1000000\n-o burst=y: burst: \"y\" is "
	    "not a number; a number from 1 to 1000000");
	/* No way to another's terminal. */
	error_is("", OPTS("r\x1b[2J\xff=\n"), "-o r?[2J?=?: unknown option; "
	    "one of those that partylined -n -t prints");
	error_has("", OPTS("motd=\xff"), "motd: \"?\" is not UTF-8");
}

Test(conf, clashes)
{
	error_is("\nmax_text = 5000\nmax_line = 4999", NULL, "f:2: max_text: "
	    "5000 is more than max_line; at most 4999, or a larger max_line");
	/* The default is not to blame. */
	error_is("max_line = 1K", NULL, "f:1: max_text: 4096 is more than "
	    "max_line; at most 1024, or a larger max_line");
	error_is("", OPTS("max_line=1K"), "-o max_line=1K: max_text: 4096 is "
	    "more than max_line; at most 1024, or a larger max_line");
	conf_free(good("max_line = 4K", NULL));
	error_has("stream_bytes = 8K", NULL, "stream_bytes: 8192 is less than "
	    "four messages of max_text; at least 16384");
	error_has("", OPTS("store_queue=16K", "max_text=5000"),
	    "store_queue: 16384 is less than four");
	error_has("mailbox_bytes = 64K max_line = 17K", NULL,
	    "mailbox_bytes: 65536 is less than four lines");
	error_has("history_bytes = 1", NULL, "history_bytes: 1 does not hold "
	    "a message of max_text; at least 4096, or 0 for no limit");
	conf_free(good("history_bytes = 0", NULL));
}
