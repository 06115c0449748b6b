#include <sys/ioctl.h>

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl-top.h"
#include "ctl-watch.h"
#include "util.h"

#define EVERY_MS	1000

/* Without a cursor, and long lines are cut; and all as it was. */
#define TAKE		"\033[?25l\033[?7l\033[2J"
#define GIVE_BACK	"\033[?7h\033[?25h"

/* The terminal's, as it was found; a signal's handler needs it too. */
static struct termios found;

/* Async-signal-safe. */
static void
give_back(void)
{
	ssize_t n = write(STDOUT_FILENO, GIVE_BACK, sizeof(GIVE_BACK) - 1);

	(void)n;
	tcsetattr(STDIN_FILENO, TCSANOW, &found);
}

static void
end_cb(int signo)
{
	(void)signo;
	give_back();
	_exit(0);
}

/* False, and nothing is changed, if it is none. */
static bool
take_terminal(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = end_cb };
	struct termios t;
	size_t i;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &found) == -1)
		return false;
	for (i = 0; i < NITEMS(signals); i++)
		sigaddset(&sa.sa_mask, signals[i]);
	for (i = 0; i < NITEMS(signals); i++)
		sigaction(signals[i], &sa, NULL);
	if (atexit(give_back) != 0)
		errx(1, "out of memory");
	t = found;
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;	/* it would keep our modes */
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	fputs(TAKE, stdout);
	return true;
}

static size_t
screen_rows(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_row < 2)
		return 24;
	return size.ws_row;
}

/* The lines that there is room for; the cursor is left in the one below. */
static void
draw(struct buf *b)
{
	size_t left = screen_rows() - 1;
	const char *line = buf_str(b), *end;

	fputs("\033[H", stdout);
	for (; left > 0 && (end = strchr(line, '\n')) != NULL; left--) {
		fwrite(line, 1, (size_t)(end - line), stdout);
		fputs("\033[K\r\n", stdout);
		line = end + 1;
	}
	fputs("\033[J", stdout);
}

/* Whether it is enough: q was pressed, or nobody can press it any more. */
static bool
wait_key(uint64_t until)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t now;
	char key;

	while ((now = clock_ms()) < until) {
		if (poll(&pfd, 1, (int)(until - now)) > 0 &&
		    (read(pfd.fd, &key, 1) != 1 || key == 'q' || key == 'Q'))
			return true;
	}
	return false;
}

static void
wait_time(uint64_t until)
{
	uint64_t now;

	while ((now = clock_ms()) < until)
		poll(NULL, 0, (int)(until - now));
}

static void
finish(void)
{
	if (fflush(stdout) == EOF)
		err(1, "standard output");
}

static void
show(const json_t *before, const json_t *now, bool screen)
{
	struct buf b = { 0 };

	ctl_top(&b, before, now);
	if (screen)
		draw(&b);
	else {
		buf_addc(&b, '\n');
		fwrite(b.data, 1, b.len, stdout);
	}
	buf_free(&b);
	finish();
}

/* True: it was ended by a key. */
static bool
wait_next(uint64_t until, bool screen)
{
	if (screen)
		return wait_key(until);
	wait_time(until);
	return false;
}

static void
watch_json(const struct ctl_watch *w)
{
	uint64_t due = clock_ms();
	unsigned long n;
	json_t *now;

	for (n = 0; w->count == 0 || n < w->count; n++) {
		wait_time(due);
		due += EVERY_MS;
		now = w->ask(w->arg);
		json_dumpf(now, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(now);
		finish();
	}
}

void
ctl_watch(const struct ctl_watch *w)
{
	uint64_t due = clock_ms();
	json_t *before, *now;
	unsigned long n;
	bool screen;

	if (w->json) {
		watch_json(w);
		return;
	}
	before = w->ask(w->arg);
	screen = w->count == 0 && take_terminal();
	if (screen)
		show(before, before, true);
	for (n = 0; w->count == 0 || n < w->count; n++) {
		due += EVERY_MS;
		if (wait_next(due, screen))
			break;
		now = w->ask(w->arg);
		show(before, now, screen);
		json_decref(before);
		before = now;
	}
	json_decref(before);
}
