#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

#define DEADLINE	20000	/* ms */

static char dir[] = "/tmp/partyline-log-XXXXXX";
static char file[64], old[64];

static void
setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/log", dir);
	snprintf(old, sizeof(old), "%s/log.1", dir);
}

static void
teardown(void)
{
	unlink(file);
	unlink(old);
	rmdir(dir);
}

TestSuite(log, .init = setup, .fini = teardown, .timeout = 60);

static void
open_log(const char *target)
{
	char *error;
	bool ok = log_open(target, &error);

	cr_assert(ok, "%s", error);
}

static char *
read_fd(int fd)
{
	struct buf b = { 0 };
	ssize_t n;

	while ((n = read(fd, buf_room(&b, 65536), 65536)) > 0)
		b.len += (size_t)n;
	buf_str(&b);
	return b.data;
}

static char *
read_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	char *text;

	cr_assert_neq(fd, -1, "%s: %s", path, strerror(errno));
	text = read_fd(fd);
	close(fd);
	return text;
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

/* Lines that tell of dropped ones are summed, the others counted. */
static unsigned long
account(const char *text, unsigned long *dropped)
{
	unsigned long lines = 0, n;
	const char *end, *at;

	for (; (end = strchr(text, '\n')) != NULL; text = end + 1) {
		at = memmem(text, (size_t)(end - text), " warn log-dropped ",
		    18);
		if (at == NULL) {
			lines += memmem(text, (size_t)(end - text),
			    " notice flood ", 14) != NULL &&
			    strchr("0123456789\"", end[-1]) != NULL;
			continue;
		}
		cr_assert_eq(sscanf(at, " warn log-dropped lines=%lu", &n), 1);
		*dropped += n;
	}
	return lines;
}

/* The log's text behind the time, of one call. */
#define LOGGED(...) __extension__ ({					\
	static char logged_[8192];					\
	char *text_;							\
									\
	open_log(file);							\
	log_write(LEVEL_NOTICE, "event", (struct log_field[]){		\
	    __VA_ARGS__ });						\
	log_close();							\
	text_ = read_file(file);					\
	cr_assert_eq(count(text_, "\n"), 1, "%s", text_);		\
	cr_assert_str_eq(text_ + strlen(text_) - 1, "\n");		\
	text_[strlen(text_) - 1] = '\0';				\
	snprintf(logged_, sizeof(logged_), "%s", text_ + 25);		\
	free(text_);							\
	unlink(file);							\
	logged_;							\
})

Test(log, line)
{
	char *text;

	open_log(file);
	log_notice("client-closed", LU("client", 1),
	    LS("reason", "end of file"), LS("name", "ann"), LI("n", -5),
	    LS("none", NULL), LEND);
	log_close();
	text = read_file(file);
	/* 2026-11-22T06:33:00.123Z */
	cr_assert_eq(strspn(text, "0123456789-T:.Z"), 24);
	cr_assert_eq(text[10], 'T');
	cr_assert_eq(text[23], 'Z');
	cr_assert_str_eq(text + 24, " notice client-closed client=1 "
	    "reason=\"end of file\" name=ann n=-5\n");
	free(text);
}

Test(log, numbers)
{
	cr_assert_str_eq(LOGGED(LI("a", INT64_MIN), LI("b", INT64_MAX),
	    LU("c", UINT64_MAX), LU("d", 0), LEND),
	    "notice event a=-9223372036854775808 b=9223372036854775807 "
	    "c=18446744073709551615 d=0");
}

static const struct {
	const char	*value, *shown;
} values[] = {
	{ "", "\"\"" },
	{ "aZ09_.:/@+-", "aZ09_.:/@+-" },
	{ "a b", "\"a b\"" },
	{ "a=b", "\"a=b\"" },
	{ "a\"b", "\"a\\\"b\"" },
	{ "a\\b", "\"a\\\\b\"" },
	{ "\" level=forged", "\"\\\" level=forged\"" },
	{ "x\n2026-11-22T06:33:00.123Z error forged",
	  "\"x\\n2026-11-22T06:33:00.123Z error forged\"" },
	{ "x\r\ty", "\"x\\r\\ty\"" },
	{ "\x1b[2J\x7f\x01", "\"\\u001b[2J\\u007f\\u0001\"" },
	{ "\xc2\x80\xc2\x9b\xc2\x9f", "\"\\u0080\\u009b\\u009f\"" },
	{ "\xc2\xa0", "\"\xc2\xa0\"" },
	{ "\xe2\x80\xae" "evil", "\"\\u202eevil\"" },
	{ "\xe2\x81\xa6\xe2\x81\xa9", "\"\\u2066\\u2069\"" },
	{ "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"" },
	{ "\xe2\x80\x8f\xd8\x9c", "\"\\u200f\\u061c\"" },
	{ "\xff\xc0\xaf", "\"\\xff\\xc0\\xaf\"" },
	{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },	/* a surrogate */
	{ "\xe2\x82", "\"\\xe2\\x82\"" },		/* cut short */
	{ "\xe6\x97\xa5\xf0\x9f\x98\x80", "\"\xe6\x97\xa5\xf0\x9f\x98\x80\"" },
	{ "%s%n%d", "\"%s%n%d\"" }
};

Test(log, values)
{
	char expected[256];
	size_t i;

	for (i = 0; i < NITEMS(values); i++) {
		snprintf(expected, sizeof(expected), "notice event k=%s l=1",
		    values[i].shown);
		cr_expect_str_eq(LOGGED(LS("k", values[i].value), LU("l", 1),
		    LEND), expected);
	}
}

/* What a reader of the log would take the value for. */
static void
unquote(char *out, const char *s)
{
	unsigned v;
	int used;

	if (*s != '"') {
		strcpy(out, s);
		return;
	}
	for (s++; *s != '"'; ) {
		cr_assert_neq(*s, '\0');
		if (*s != '\\') {
			*out++ = *s++;
			continue;
		}
		if (s[1] == 'n' || s[1] == 'r' || s[1] == 't') {
			*out++ = s[1] == 'n' ? '\n' : s[1] == 'r' ? '\r' : '\t';
			s += 2;
		} else if (sscanf(s, "\\x%2x%n", &v, &used) == 1 ||
		    sscanf(s, "\\u%4x%n", &v, &used) == 1) {
			if (s[1] == 'u' && v >= 0x80) {
				*out++ = (char)(0xc0 | v >> 6);
				v = 0x80 | (v & 0x3f);
			}
			*out++ = (char)v;
			s += used;
		} else {
			*out++ = s[1];
			s += 2;
		}
	}
	cr_assert_eq(s[1], '\0');
	*out = '\0';
}

/* Any bytes at all make one line, from which they can be had again. */
Test(log, any_bytes)
{
	char value[65], back[512];
	unsigned seed = 20261122, i, k, n;
	const char *line;

	for (i = 1; i < 600; i++) {
		if (i < 256) {
			value[0] = (char)i;
			value[1] = '\0';
		} else {
			n = (unsigned)rand_r(&seed) % 64;
			for (k = 0; k < n; k++)
				value[k] = (char)(1 + rand_r(&seed) % 255);
			value[n] = '\0';
		}
		line = LOGGED(LS("k", value), LEND);
		cr_assert_eq(strncmp(line, "notice event k=", 15), 0);
		for (k = 0; line[k] != '\0'; k++)
			cr_assert((unsigned char)line[k] >= ' ' &&
			    line[k] != 0x7f, "seed 20261122, round %u", i);
		unquote(back, line + 15);
		cr_assert_str_eq(back, value, "seed 20261122, round %u", i);
	}
}

Test(log, long_value)
{
	char value[301], expected[400];

	memset(value, 'a', 300);
	value[300] = '\0';
	snprintf(expected, sizeof(expected), "notice event k=\"%.256s...\" l=1",
	    value);
	cr_assert_str_eq(LOGGED(LS("k", value), LU("l", 1), LEND), expected);
	value[256] = '\0';
	snprintf(expected, sizeof(expected), "notice event k=%s l=1", value);
	cr_assert_str_eq(LOGGED(LS("k", value), LU("l", 1), LEND), expected);
	/* Not within a character. */
	memcpy(value + 254, "\xe6\x97\xa5" "aaa", 7);
	snprintf(expected, sizeof(expected), "notice event k=\"%.254s...\"",
	    value);
	cr_assert_str_eq(LOGGED(LS("k", value), LEND), expected);
	/* 256 bytes that are no character: four each, all of them. */
	memset(value, 0x80, 300);
	value[300] = '\0';
	cr_assert_eq(count(LOGGED(LS("k", value), LEND), "\\x80"), 253);
}

/* More than a line holds: it ends in order, with what fits. */
Test(log, long_line)
{
	char value[257], keys[40][8], *text;
	struct log_field f[41];
	size_t i, n, quotes;

	memset(value, 0x01, 256);
	value[256] = '\0';
	/* Every length up to where the line is full. */
	for (n = 0; n < 40; n++) {
		for (i = 0; i < 40; i++) {
			snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
			f[i] = LS(keys[i], i < 3 ? value : value + 256 - n * 2 -
			    i);
		}
		f[40] = LEND;
		open_log(file);
		log_write(LEVEL_NOTICE, "event", f);
		log_notice("next", LEND);
		log_close();
		text = read_file(file);
		unlink(file);
		cr_assert_eq(count(text, "\n"), 2);
		cr_assert_leq(strchr(text, '\n') - text, 4095);
		cr_assert_not_null(strstr(text, "notice next\n"));
		for (i = quotes = 0; text[i] != '\n'; i++)
			quotes += text[i] == '"';
		cr_assert_eq(quotes % 2, 0);
		cr_assert(text[i - 1] == '"');
		free(text);
	}
}

Test(log, levels)
{
	char *text;

	cr_assert(!log_enabled(LEVEL_INFO));
	cr_assert(log_enabled(LEVEL_NOTICE));
	log_level_set(LEVEL_DEBUG);
	cr_assert(log_enabled(LEVEL_DEBUG));
	log_level_set(LEVEL_ERROR);
	cr_assert(!log_enabled(LEVEL_WARN));
	open_log(file);
	log_error("one", LEND);
	log_warn("two", LEND);
	log_level_set(LEVEL_INFO);
	log_warn("three", LEND);
	log_info("four", LEND);
	log_debug("five", LEND);
	log_close();
	text = read_file(file);
	cr_assert_eq(count(text, "\n"), 3);
	cr_assert_not_null(strstr(text, " error one\n"));
	cr_assert_not_null(strstr(text, " warn three\n"));
	cr_assert_not_null(strstr(text, " info four\n"));
	free(text);
}

/* A pipe at stderr; its reading end. */
static int
pipe_stderr(void)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	return fds[0];
}

Test(log, stderr_before_between_after)
{
	int fd = pipe_stderr();
	char *text;

	log_notice("before", LEND);
	open_log("stderr");
	log_notice("between", LEND);
	log_close();
	log_notice("after", LEND);
	log_close();
	log_reopen();
	close(STDERR_FILENO);
	text = read_fd(fd);
	cr_assert_eq(count(text, "\n"), 3, "%s", text);
	cr_assert_lt(strstr(text, " before\n"), strstr(text, " between\n"));
	cr_assert_lt(strstr(text, " between\n"), strstr(text, " after\n"));
	free(text);
}

Test(log, cannot_be_opened)
{
	char *error, path[80];

	snprintf(path, sizeof(path), "%s/none/log", dir);
	cr_assert(!log_open(path, &error));
	cr_assert_not_null(strstr(error, path));
	cr_assert_not_null(strstr(error, "No such file"));
	free(error);
	cr_assert(!log_open(dir, &error));
	cr_assert_not_null(strstr(error, "directory"));
	free(error);
	/* A pipe that nobody reads does not hang the start. */
	cr_assert_eq(mkfifo(file, 0600), 0);
	cr_assert(!log_open(file, &error));
	free(error);
	close(STDERR_FILENO);
	cr_assert(!log_open("stderr", &error));
	free(error);
}

Test(log, is_private)
{
	struct stat st;

	umask(0);
	open_log(file);
	log_close();
	cr_assert_eq(stat(file, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0640);
}

static void *
reader(void *arg)
{
	return read_fd(*(int *)arg);
}

/* Nobody reads: lines are dropped, and what was dropped is counted. */
Test(log, dropped)
{
	unsigned long i, lines, dropped = 0;
	int fd = pipe_stderr();
	uint64_t begin;
	pthread_t t;
	void *text;

	open_log("stderr");
	begin = clock_ms();
	for (i = 0; i < 20000; i++)
		log_notice("flood", LU("n", i), LEND);
	cr_assert_lt(clock_ms() - begin, DEADLINE / 2);
	pthread_create(&t, NULL, reader, &fd);
	log_close();
	log_notice("flood", LU("n", i), LEND);
	close(STDERR_FILENO);
	pthread_join(t, &text);
	lines = account(text, &dropped);
	cr_assert_gt(dropped, 0);
	cr_assert_gt(lines, 4096);
	cr_assert_eq(lines + dropped, 20001, "%lu and %lu", lines, dropped);
	cr_assert_eq(log_lost(), dropped);
	cr_assert_not_null(strstr(text, "reason=\"queue full\""));
	free(text);
}

/* Long lines fill the queue by bytes before they do by number. */
Test(log, dropped_bytes)
{
	unsigned long i, dropped = 0, shown = 0;
	int fd = pipe_stderr();
	char value[257];
	pthread_t t;
	void *text;

	memset(value, 1, 256);
	value[256] = '\0';
	open_log("stderr");
	for (i = 0; i < 4000; i++)
		log_notice("flood", LS("v", value), LU("n", i), LEND);
	pthread_create(&t, NULL, reader, &fd);
	log_close();
	close(STDERR_FILENO);
	pthread_join(t, &text);
	shown = account(text, &dropped);
	cr_assert_gt(dropped, 2000);
	cr_assert_eq(shown + dropped, 4000, "%lu and %lu", shown, dropped);
	free(text);
}

/* Nobody ever reads: the end is bounded. */
Test(log, close_is_bounded)
{
	int fd = pipe_stderr();
	uint64_t begin;
	unsigned i;

	open_log("stderr");
	for (i = 0; i < 5000; i++)
		log_notice("flood", LU("n", i), LEND);
	begin = clock_ms();
	log_close();
	cr_assert_lt(clock_ms() - begin, DEADLINE);
	close(fd);
}

/* Whether a thread has this signal pending: it is blocked in the log's. */
static bool
is_pending(int sig)
{
	char path[300], line[128];
	unsigned long mask = 0, all = 0;
	struct dirent *e;
	DIR *d = opendir("/proc/self/task");
	FILE *f;

	cr_assert_not_null(d);
	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/status",
		    e->d_name);
		if ((f = fopen(path, "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), f) != NULL) {
			if (sscanf(line, "SigPnd: %lx", &mask) == 1)
				all |= mask;
		}
		fclose(f);
	}
	closedir(d);
	return all >> (sig - 1) & 1;
}

static void
wait_pending(int sig)
{
	uint64_t begin = clock_ms();

	while (!is_pending(sig)) {
		cr_assert_lt(clock_ms() - begin, DEADLINE);
		sched_yield();
	}
}

Test(log, stderr_is_a_closed_pipe)
{
	int fd = pipe_stderr();

	signal(SIGPIPE, SIG_DFL);
	open_log("stderr");
	close(fd);
	log_notice("lost", LEND);
	wait_pending(SIGPIPE);
	log_notice("lost", LEND);
	log_close();
}

/* A full disk costs lines, which are told once there is room again. */
Test(log, disk_full)
{
	struct rlimit limit, before;
	unsigned long i, lines, dropped = 0;
	char *text, *at;

	signal(SIGXFSZ, SIG_DFL);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = 10000;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	open_log(file);
	for (i = 0; i < 1000; i++)
		log_notice("flood", LU("n", i), LEND);
	wait_pending(SIGXFSZ);
	setrlimit(RLIMIT_FSIZE, &before);
	for (; i < 1100; i++)
		log_notice("flood", LU("n", i), LEND);
	log_close();
	text = read_file(file);
	lines = account(text, &dropped);
	cr_assert_gt(dropped, 0);
	/* A line that was cut by the full disk is among the dropped ones. */
	cr_assert_geq(lines + dropped, 1100);
	cr_assert_leq(lines + dropped, 1101);
	cr_assert_eq(log_lost(), dropped);
	cr_assert_not_null(strstr(text, "reason=\"File too large\""));
	/* The torn line did not swallow what came behind it. */
	for (at = text; (at = strstr(at, " warn log-dropped")) != NULL; at++)
		cr_assert(at == text + 24 || at[-25] == '\n');
	free(text);
}

Test(log, device_full)
{
	unsigned i;

	open_log("/dev/full");
	cr_assert_eq(log_lost(), 0);
	for (i = 0; i < 10000; i++)
		log_notice("flood", LU("n", i), LEND);
	log_close();
	cr_assert_geq(log_lost(), 10000);
}

/* What is logged before the call is in the old file, the rest in the new. */
Test(log, rotation)
{
	char *text;
	unsigned i;

	open_log(file);
	for (i = 0; i < 500; i++)
		log_notice("early", LU("n", i), LEND);
	cr_assert_eq(rename(file, old), 0);
	log_reopen();
	for (i = 0; i < 500; i++)
		log_notice("late", LU("n", i), LEND);
	log_close();
	text = read_file(old);
	cr_assert_eq(count(text, " early "), 500);
	cr_assert_eq(count(text, " late "), 0);
	free(text);
	text = read_file(file);
	cr_assert_eq(count(text, " early "), 0);
	cr_assert_eq(count(text, " late "), 500);
	free(text);
}

Test(log, rotation_fails)
{
	char moved[80], *text;
	int fd;

	open_log(file);
	log_notice("early", LEND);
	fd = open(file, O_RDONLY);
	snprintf(moved, sizeof(moved), "%s.moved", dir);
	cr_assert_eq(rename(dir, moved), 0);
	log_reopen();
	log_notice("late", LEND);
	log_close();
	text = read_fd(fd);
	cr_assert_not_null(strstr(text, " early\n"));
	cr_assert_not_null(strstr(text, " error log-reopen-failed path="));
	cr_assert_not_null(strstr(text, " late\n"));
	free(text);
	close(fd);
	rename(moved, dir);
}

static void *
flood(void *arg)
{
	unsigned i;

	for (i = 0; i < 3000; i++)
		log_notice("flood", LS("from", arg), LU("n", i), LEND);
	return NULL;
}

/* Many threads and rotations: each line whole, once, or counted. */
Test(log, threads)
{
	static const char *const names[] = { "ann", "bob", "c c", "dan" };
	unsigned long lines = 0, dropped = 0, all = 0;
	struct buf text = { 0 };
	const char *p, *end;
	char *part;
	pthread_t t[4];
	unsigned i, k;

	open_log(file);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, flood, (void *)(uintptr_t)names[i]);
	for (k = 0; k < 20; k++) {
		rename(file, old);
		log_reopen();
		/* Until it is there, the old one may still be written. */
		for (uint64_t b = clock_ms(); access(file, F_OK) != 0;) {
			cr_assert_lt(clock_ms() - b, DEADLINE);
			sched_yield();
		}
		part = read_file(old);
		buf_adds(&text, part);
		free(part);
		unlink(old);
	}
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	log_close();
	part = read_file(file);
	buf_adds(&text, part);
	free(part);
	for (p = buf_str(&text); (end = strchr(p, '\n')) != NULL; p = end + 1) {
		cr_assert_eq(strspn(p, "0123456789-T:.Z"), 24, "%.80s", p);
		if (strncmp(p + 25, "notice flood from=", 18) == 0)
			lines++;
		all++;
	}
	cr_assert_eq(*p, '\0');
	account(text.data, &dropped);
	cr_assert_eq(lines + dropped, 12000, "%lu and %lu", lines, dropped);
	cr_assert_leq(all, lines + 100);
	buf_free(&text);
}

/* A /dev/log of our own, where the system lets us have one. */
Test(log, syslog)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char got[512];
	ssize_t n;
	int fd;

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) == -1)
		cr_skip_test("no mount namespace: %s", strerror(errno));
	strcpy(sun.sun_path, "/dev/log");
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	open_log("syslog");
	log_warn("client-closed", LS("reason", "100%s\n"), LEND);
	log_close();
	n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	cr_assert_gt(n, 0);
	got[n] = '\0';
	/* LOG_DAEMON 3 << 3, LOG_WARNING 4 */
	cr_assert_eq(strncmp(got, "<28>", 4), 0, "%s", got);
	cr_assert_not_null(strstr(got, " partylined["));
	cr_assert_not_null(strstr(got, "]: client-closed "
	    "reason=\"100%s\\n\""), "%s", got);
	close(fd);
}
