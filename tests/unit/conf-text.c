/*
 * The configuration as a text: its lines and errors, and that what is printed
 * is what was read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "conf-rig.h"

TestSuite(conf, .timeout = 30);

static char *
print(const struct conf *conf)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	conf_print(conf, f);
	fclose(f);
	return text;
}

/* libconfuse alone would count these lines wrong. */
Test(conf, lines)
{
	static const struct {
		const char	*text, *place;
	} lines[] = {
		{ "rate = x", "f:1: " },
		{ "\n\nrate = x", "f:3: " },
		{ "# a\n# b\n## c #\nrate = x", "f:4: " },
		{ "// a\n/// b\n/* c\n\n * d */ rate = x", "f:5: " },
		{ "/**/ /***/\n/*/\n*/rate = x", "f:3: " },
		{ "rate = /* a\nb */ x # c", "f:2: " },
		{ "rate = x# c\nburst = 1", "f:1: " },
		{ "motd = \"a\nb\n\"\nrate = x", "f:4: " },
		{ "motd = \"# /* \\\" // '\"\nrate = x", "f:2: " },
		{ "motd = '# /* \\' // \"'\nrate = x", "f:2: " },
		{ "motd = \"a\\\nb\"\nrate = x", "f:3: " },
		{ "motd = a//b/*c\nrate = x", NULL },
		{ "state_dir = /a//b\nrate = x", "f:2: " },
		{ "motd = \"\\\\\"\nrate = x", "f:2: " },
		{ "motd = \"${X:-\"}\" # \"\nrate = x", "f:2: " },
		{ "\r\n# a\r\nrate = x\r\n", "f:3: " },
		{ "\xef\xbb\xbfrate = x", "f:1: " },
		{ "\xef\xbb\xbf# a\nrate = x", "f:2: " },
		{ "motd = ''\nrate = x", "f:2: " }
	};
	char place[64];
	size_t i;

	for (i = 0; i < NITEMS(lines); i++) {
		if (lines[i].place == NULL) {
			error_has(lines[i].text, NULL, "f:1: ");
			continue;
		}
		snprintf(place, sizeof(place), "%srate: \"x\" is not a number",
		    lines[i].place);
		error_has(lines[i].text, NULL, place);
	}
}

Test(conf, all_errors_at_once)
{
	error_is("rate = x\nfoo = {a, b}\n\nlisen = y # z\nburst = 0\n"
	    "bar += 3\nlobby = \"\xc3\xa4\"", OPTS("loops=65"),
	    "f:1: rate: \"x\" is not a number; a number from 0 to 1000000\n"
	    "f:2: \"foo\": unknown option; one of those that partylined -n -t "
	    "prints\n"
	    "f:4: \"lisen\": unknown option; perhaps listen\n"
	    "f:5: burst: \"0\" is too small; a number from 1 to 1000000\n"
	    "f:6: \"bar\": unknown option; one of those that partylined -n -t "
	    "prints\n"
	    "-o loops=65: loops: \"65\" is too large; a number from 0 to 64");
}

Test(conf, many_errors)
{
	struct buf b = { 0 };
	char *error;
	int i;

	for (i = 0; i < 100; i++)
		buf_addf(&b, "unknown%d = 1\n", i);
	error = bad(buf_str(&b), NULL);
	cr_assert_not_null(strstr(error, "f:1: \"unknown0\": unknown"));
	cr_assert_not_null(strstr(error, "f:20: \"unknown19\": unknown"));
	free(error);
	buf_reset(&b);
	for (i = 0; i < 64; i++)
		buf_adds(&b, "listen += {\"x\"}\n");
	error = bad(buf_str(&b), NULL);
	cr_assert_not_null(strstr(error, "\nf:50: listen"));
	cr_assert_null(strstr(error, "\nf:51: listen"));
	cr_assert_not_null(strstr(error, "\nand 14 more"));
	free(error);
	buf_free(&b);
}

static const struct {
	const char	*text, *error;
} broken[] = {
	{ "motd = hello world\nrate = 1", "f:1: \"world\": unknown option; "
	  "name = value, with quotes around a value that has spaces in it" },
	{ "\nmotd = \"hello\n\nrate = 1\n", "f:2: the string that begins here "
	  "is never closed; a quote at its end" },
	{ "\nmotd = 'hello\n", "f:2: the string that begins here is never" },
	{ "\"", "f:1: the string that begins here is never closed" },
	{ "motd = \"a\\", "f:1: the string that begins here is never closed" },
	{ "\n\n/* rate = 1\n", "f:3: the comment that begins here is never "
	  "closed; close it with */" },
	{ "/*/", "f:1: the comment that begins here is never closed" },
	{ "motd = \"${HOME\"\n}", "f:1: \"${\" without \"}\" in this line; " },
	{ "motd = ${HOME\n}", "f:1: \"${\" without \"}\" in this line; " },
	{ "listen = *:4000", "f:1: \"*\" outside of quotes; quotes around it" },
	{ "rate = +5", "f:1: \"+\" outside of quotes" },
	{ "rate = 1\nburst =\n", "f:3: syntax: \"premature end of file\"; " },
	{ "rate 5", "f:1: syntax: \"missing equal sign after option 'rate'\"" },
	{ "rate = {5}", "f:1: syntax: \"unexpected token '{'\"" },
	{ "rate += 5", "f:1: syntax: \"attempt to append to non-list option" },
	{ "rate = 5 }", "f:1: syntax: \"unexpected closing brace\"" },
	{ "= 5", "f:1: syntax: " },
	{ "\"\" = 5", "f:1: syntax: \"the name of an option is missing\"" },
	{ "rate = ;", "f:1: rate: \";\" is not a number" },
	{ "rate = 5;", "f:1: rate: \"5;\" is not a number" },
	{ "motd = \"\\400\"", "f:1: syntax: \"invalid octal number" },
	{ "motd = \"\\0123\"", "f:1: syntax: \"bad escape sequence" },
	{ "listen = {\"auto *:1\"", "f:1: syntax: \"premature end of file\"" },
	{ "listen = {\"auto *:1\" \"auto *:2\"}", "f:1: syntax: " },
	{ "a|b = 1", "f:1: " },
	{ "section { rate = 1 }", "f:1: \"section\": unknown option" },
	{ "include(\"/etc/passwd\")", "f:1: \"include\": unknown option" },
	{ "rate = 1\n\nmotd = \"\xff\"", "f:3: bytes that are not UTF-8" },
	{ "RATE = 1", "f:1: \"RATE\": unknown option" },
	{ "\x01\x02", "f:1: \"" }
};

/* Each a clear error, and nothing of it is left in libconfuse's lexer. */
Test(conf, broken)
{
	size_t i;

	for (i = 0; i < NITEMS(broken); i++) {
		error_has(broken[i].text, NULL, broken[i].error);
		set_to("rate = 7", NULL, "rate", "7");
	}
}

Test(conf, nul_byte)
{
	static const char text[] = "rate = 1\nmotd = \"a\0b\"\n";
	char *error;

	cr_assert_null(conf_parse_text("f", text, sizeof(text) - 1, NULL, 0,
	    &error));
	cr_assert_str_eq(error, "f:2: a NUL byte; a text file");
	free(error);
}

Test(conf, environment)
{
	setenv("PARTY", "say \"hi\"", 1);
	set_to("motd = \"${PARTY}!\"", NULL, "motd", "\"say \\\"hi\\\"!\"");
	set_to("motd = ${NOBODY:-none}", NULL, "motd", "\"none\"");
	set_to("motd = '${PARTY}'", NULL, "motd", "\"\\${PARTY}\"");
	set_to("motd = \"\\${PARTY}\"", NULL, "motd", "\"\\${PARTY}\"");
}

static void
round_trip(const char *text, const char *const *o)
{
	struct conf *first = good(text, o), *second;
	char *one = print(first), *two;

	second = good(one, NULL);
	two = print(second);
	cr_expect_str_eq(one, two);
	cr_expect_str_eq(first->motd, second->motd);
	cr_expect_eq(first->nlistens, second->nlistens);
	free(one);
	free(two);
	conf_free(first);
	conf_free(second);
}

Test(conf, round_trip)
{
	static const char *const motds[] = {
		"motd=", "motd=\"", "motd='", "motd=\\", "motd=\\\\\"",
		"motd=a\nb", "motd=\n", "motd=\t", "motd=${HOME}",
		"motd=$HOME $", "motd=# a", "motd=/* a */ // b",
		"motd={a, b}", "motd=\\x41\\101\\n", "motd=%s%n",
		"motd=\xc3\xa4 \xe6\x97\xa5 \xf0\x9f\x98\x80 e\xcc\x81",
		"motd=\n### Listening\nrate = 3\n# \"", "motd=\\\n"
	};
	size_t i;

	round_trip("", NULL);
	round_trip("listen = {\"auto *:0\", \"json [::1]:3\", \"text /a b\"}",
	    OPTS("listen=text /tmp/$\"'\\x"));
	round_trip("state_dir = \"/a \\\" \\$ \\\\ b\" log_to = '/l\"' "
	    "pid_file = \"\" loops = 3 greet_delay = 1234ms max_text = 21845 "
	    "max_line = 65537 history_age = 61 store = memory "
	    "durability = relaxed log_level = error max_clients_address = 0",
	    NULL);
	for (i = 0; i < NITEMS(motds); i++)
		round_trip("", OPTS(motds[i]));
}

/* Random texts of what is special somewhere, all the way round. */
Test(conf, round_trip_random)
{
	static const char *const bits[] = {
		"\"", "'", "\\", "$", "{", "}", "${", "#", "//", "/*", "*/",
		"\n", "\t", " ", "a", "n", "x41", "0", "101", "=", "+=", ",",
		"\xc3\xa4", "\xf0\x9f\x98\x80", "\xc2\xa0", "%s", "(", ")"
	};
	unsigned seed = 4000, round, n;
	struct buf b = { 0 };

	for (round = 0; round < 500; round++) {
		buf_reset(&b);
		buf_adds(&b, "motd=");
		for (n = (unsigned)rand_r(&seed) % 20; n > 0; n--)
			buf_adds(&b, bits[(unsigned)rand_r(&seed) %
			    NITEMS(bits)]);
		/* Blanks before the value are not the value's. */
		round_trip("", OPTS(buf_str(&b)));
	}
	buf_free(&b);
}

Test(conf, print_is_complete)
{
	struct conf *conf = good("", NULL);
	const struct conf_option *o;
	char *text = print(conf), line[64];
	const char *at = text, *end;

	for (o = conf_options; o->name != NULL; o++) {
		snprintf(line, sizeof(line), "\n%s = ", o->name);
		at = strstr(at, line);
		cr_assert_not_null(at, "%s, in the table's order", o->name);
	}
	for (at = text; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		if (*at == '#')
			cr_expect_leq(end - at, 79, "%.90s", at);
	}
	free(text);
	conf_free(conf);
}

Test(conf, print_options)
{
	const struct conf_option *o = conf_options;
	char *text, *line, *column, *at, *rest;
	size_t n, columns;
	FILE *f = open_memstream(&text, &n);

	conf_print_options(f);
	fclose(f);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL && *line; o++) {
		cr_assert_not_null(o->name);
		columns = 0;
		for (at = line; (column = strsep(&at, "\t")) != NULL;) {
			cr_expect_neq(*column, '\0', "%s: column %zu", o->name,
			    columns);
			if (columns == 0)
				cr_expect_str_eq(column, o->name);
			if (columns == 4)
				cr_expect_str_eq(column, o->reloadable ? "yes" :
				    "no");
			columns++;
		}
		cr_expect_eq(columns, 6, "%s", o->name);
	}
	cr_assert_null(o->name);
	free(text);
}

static void
write_text(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_neq(fd, -1);
	cr_assert_eq(write(fd, text, n), (ssize_t)n);
	close(fd);
}

Test(conf, files)
{
	char dir[] = "/tmp/partyline-conf-XXXXXX", path[64], expected[256];
	struct conf_override o = { "burst=5" };
	struct buf big = { 0 };
	struct conf *conf;
	char *error;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
	cr_assert_null(conf_parse(path, NULL, 0, &error));
	snprintf(expected, sizeof(expected), "%s: cannot be read: No such "
	    "file or directory; ", path);
	cr_assert_eq(strncmp(error, expected, strlen(expected)), 0, "%s",
	    error);
	free(error);
	cr_assert_null(conf_parse(dir, NULL, 0, &error));
	cr_assert_not_null(strstr(error, "Is a directory"));
	free(error);
	write_text(path, "rate = 3\n", 9);
	conf = conf_parse(path, &o, 1, &error);
	cr_assert_not_null(conf, "%s", error);
	cr_assert_eq(conf->rate, 3);
	cr_assert_eq(conf->burst, 5);
	conf_free(conf);
	write_text(path, "", 0);
	conf = conf_parse(path, NULL, 0, &error);
	cr_assert_not_null(conf, "%s", error);
	conf_free(conf);
	write_text(path, "rate = x\n", 9);
	cr_assert_null(conf_parse(path, NULL, 0, &error));
	snprintf(expected, sizeof(expected), "%s:1: rate: ", path);
	cr_assert_eq(strncmp(error, expected, strlen(expected)), 0, "%s",
	    error);
	free(error);
	memset(buf_room(&big, 300000), '\n', 300000);
	write_text(path, big.data, 300000);
	cr_assert_null(conf_parse(path, NULL, 0, &error));
	cr_assert_not_null(strstr(error, "is larger than 262144 bytes"));
	free(error);
	buf_free(&big);
	unlink(path);
	rmdir(dir);
}
