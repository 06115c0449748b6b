#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf-table.h"
#include "tls.h"

static char path[] = "/tmp/pl-conf-XXXXXX";
static struct conf_override overrides[2];
static struct conf_source source = { .file = path, .overrides = overrides };
static struct conf *running;
static struct conf_changes changes;

static void
put(const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
}

static void
start(void)
{
	int fd = mkstemp(path);

	cr_assert_neq(fd, -1);
	close(fd);
}

static void
end(void)
{
	conf_changes_free(&changes);
	conf_free(running);
	unlink(path);
}

TestSuite(conf_reload, .init = start, .fini = end, .timeout = 30);

static void
run(const char *text)
{
	char *error;

	put(text);
	running = conf_load(&source, &error);
	cr_assert_not_null(running, "%s", error);
}

/* What is running is another one from then on. */
static void
reload(const char *text)
{
	struct conf *conf;
	char *error;

	put(text);
	conf_changes_free(&changes);
	conf = conf_reload(running, &source, &changes, &error);
	cr_assert_not_null(conf, "%s", error);
	conf_free(running);
	running = conf;
}

static void
refuses(const char *text, const char *wanted)
{
	struct conf *conf;
	char *error;

	put(text);
	conf_changes_free(&changes);
	conf = conf_reload(running, &source, &changes, &error);
	cr_assert_null(conf);
	cr_assert_not_null(strstr(error, wanted), "%s", error);
	cr_assert_eq(changes.n, 0);
	cr_assert_null(changes.list);
	free(error);
}

static void
expect_change(size_t i, const char *name, const char *from, const char *to,
    bool restart)
{
	cr_assert_lt(i, changes.n);
	cr_expect_str_eq(changes.list[i].name, name);
	cr_expect_str_eq(changes.list[i].from, from);
	cr_expect_str_eq(changes.list[i].to, to);
	cr_expect_eq(changes.list[i].restart, restart);
}

Test(conf_reload, same)
{
	run("rate = 7\nmotd = \"a\\nb\"\nlisten = {\"text /a\", \"json /b\"}");
	reload("listen = {\"text /a\", \"json /b\"}\n"
	    "motd = 'a\nb'\nrate = 007\n");
	cr_expect_eq(changes.n, 0);
	reload("listen = {\"text /a\", \"json /b\"}\n"
	    "motd = 'a\nb'\nrate = 007\nhistory_bytes = 65536K\n");
	cr_expect_eq(changes.n, 0, "the same in another unit");
}

Test(conf_reload, takes_and_keeps)
{
	run("rate = 7\nlisten = {\"text /a\", \"json /b\"}\nstore = memory\n"
	    "loops = 3");
	reload("rate = 8\nlisten = \"auto /c\"\nstore = sqlite\nloops = 4\n"
	    "motd = hi");
	cr_expect_eq(running->rate, 8);
	cr_expect_str_eq(running->motd, "hi");
	cr_expect_eq(running->nlistens, 2);
	cr_expect_str_eq(running->listens[1].text, "json unix:/b");
	cr_expect_str_eq(running->listens[1].address, "/b");
	cr_expect_str_eq(running->store, "memory");
	cr_expect_eq(running->loops, 3);
	cr_assert_eq(changes.n, 5);
	expect_change(0, "listen", "{\"text unix:/a\", \"json unix:/b\"}",
	    "{\"auto unix:/c\"}", true);
	expect_change(1, "motd", "\"\"", "\"hi\"", false);
	expect_change(2, "store", "memory", "sqlite", true);
	expect_change(3, "loops", "3", "4", true);
	expect_change(4, "rate", "7", "8", false);
	/* What has not taken effect is told each time. */
	reload("rate = 8\nstore = memory\nloops = 5\n"
	    "motd = hi\nlisten = {\"text /a\", \"json /b\"}\n");
	cr_assert_eq(changes.n, 1);
	expect_change(0, "loops", "3", "5", true);
}

/* Another value that the option may have, in the file's syntax. */
static const char *
another(const struct conf_option *o, const char *before)
{
	static const struct {
		const char	*name, *value;
	} own[] = { { "lobby", "hall" }, { "origins", "\"https://a.b\"" },
	    { "metrics_from", "\"10.0.0.0/8\"" },
	    { "trusted", "\"10.0.0.0/8\"" }, { "max_text", "2K" } };
	size_t i;

	for (i = 0; i < NITEMS(own); i++) {
		if (strcmp(o->name, own[i].name) == 0)
			return own[i].value;
	}
	if (o->words != NULL)
		return o->words[strcmp(before, o->words[0]) == 0];
	switch (o->type) {
	case CONF_LISTEN:
		return "\"auto /other\"";
	case CONF_TEXT:
		return "other";
	case CONF_PATH:
		return "/other";
	case CONF_SIZE:
		return "1M";
	default:
		return "3";
	}
}

/* Every option, changed by itself: it is taken or kept as its row says. */
Test(conf_reload, every_option)
{
	const struct conf_option *o;
	const char *base = tls_built() ? "state_dir = /s\nuser = daemon\n"
	    "tls_cert = /c\ntls_client_ca = /a" :
	    "state_dir = /s\nuser = daemon";
	struct buf before = { 0 }, b = { 0 };

	run(base);
	for (o = conf_options; o->name != NULL; o++) {
		if (strncmp(o->name, "tls_", 4) == 0 && !tls_built())
			continue;
		buf_reset(&before);
		conf_value_add(&before, running, o);
		buf_reset(&b);
		buf_addf(&b, "%s\n%s = %s\n", base, o->name,
		    another(o, buf_str(&before)));
		reload(buf_str(&b));
		cr_assert_geq(changes.n, 1, "%s", o->name);
		buf_reset(&b);
		conf_value_add(&b, running, o);
		cr_expect_eq(strcmp(buf_str(&b), buf_str(&before)) != 0,
		    o->reloadable, "%s: %s, was %s", o->name, b.data,
		    before.data);
		reload(base);
	}
	buf_free(&before);
	buf_free(&b);
}

Test(conf_reload, all_or_nothing)
{
	run("rate = 7");
	refuses("rate = 8\nburst = lots", "burst");
	refuses("rate = 8\nmax_text = 5K\nmax_line = 4K", "max_line");
	cr_expect_eq(running->rate, 7);
}

/* Good by itself, but not with what cannot change. */
Test(conf_reload, clash)
{
	run("max_text = 1K\nstream_bytes = 4K");
	refuses("max_text = 2K\nstream_bytes = 8K",
	    "what needs a restart is as it was");
	reload("max_text = 512\nstream_bytes = 8K");
	cr_expect_eq(running->max_text, 512);
	cr_expect_eq(running->stream_bytes, 4096);
}

Test(conf_reload, source)
{
	char *error;

	overrides[0].text = "rate=9";
	source.noverrides = 1;
	run("rate = 7\nburst = 70");
	cr_expect_eq(running->rate, 9);
	reload("rate = 8\nburst = 80");
	cr_assert_eq(changes.n, 1);
	expect_change(0, "burst", "70", "80", false);
	unlink(path);
	conf_changes_free(&changes);
	cr_assert_null(conf_reload(running, &source, &changes, &error));
	cr_expect_not_null(strstr(error, "cannot be read"), "%s", error);
	free(error);
}
