#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ctl-ask.h"
#include "ctl-secret.h"
#include "name.h"
#include "util.h"

#define LINE_BYTES	1024

/* Standard input's, as it was found; a signal's handler needs it too. */
static struct termios found;

/* Async-signal-safe. */
static void
end_cb(int signo)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &found);
	_exit(128 + signo);
}

/* A line of standard input, without its end; NULL at the end of it. */
static char *
read_line(void)
{
	char line[LINE_BYTES], *copy;
	size_t n = 0;
	char c;

	while (n < sizeof(line) - 1 && read(STDIN_FILENO, &c, 1) == 1 &&
	    c != '\n')
		line[n++] = c;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n == sizeof(line) - 1)
		errx(REFUSED, "that is too long");
	line[n] = '\0';
	copy = n > 0 ? xstrdup(line) : NULL;
	explicit_bzero(line, sizeof(line));
	return copy;
}

static char *
read_hidden(const char *prompt)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = end_cb }, old[NITEMS(signals)];
	struct termios t = found;
	char *line;
	size_t i;

	for (i = 0; i < NITEMS(signals); i++)
		sigaction(signals[i], &sa, &old[i]);
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_cc[VSUSP] = _POSIX_VDISABLE;	/* it would keep our modes */
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
	fputs(prompt, stderr);
	line = read_line();
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &found);
	fputc('\n', stderr);
	for (i = 0; i < NITEMS(signals); i++)
		sigaction(signals[i], &old[i], NULL);
	return line;
}

char *
ctl_secret(const char *what)
{
	char *prompt, *first, *again = NULL;

	if (tcgetattr(STDIN_FILENO, &found) == -1)
		first = read_line();
	else {
		prompt = xasprintf("%s: ", what);
		first = read_hidden(prompt);
		free(prompt);
		if (first != NULL)
			again = read_hidden("The same once more: ");
		if (first != NULL && (again == NULL ||
		    strcmp(first, again) != 0))
			errx(REFUSED, "the two differ: nothing was changed");
	}
	if (first == NULL)
		errx(REFUSED, "there is no password: nothing was changed");
	if (!utf8_valid(first, strlen(first), NULL))
		errx(USAGE, "the password is not UTF-8");
	if (again != NULL)
		explicit_bzero(again, strlen(again));
	free(again);
	return first;
}

bool
ctl_confirm(const char *question)
{
	char *line;
	bool yes;

	if (!isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	line = read_line();
	yes = line != NULL && (strcmp(line, "y") == 0 ||
	    strcmp(line, "yes") == 0);
	free(line);
	return yes;
}
