#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "conf.h"
#include "control-table.h"
#include "ctl-ask.h"
#include "ctl-backup.h"
#include "ctl-export.h"
#include "ctl-secret.h"
#include "ctl-show.h"
#include "ctl-trace.h"
#include "ctl-watch.h"
#include "name.h"
#include "util.h"

#define TRIES		3		/* the daemon may change meanwhile */
#define FORM_WIDTH	23		/* of a command's usage in the help */

/* "room | account" */
static void
add_kinds(struct buf *b, const char *kinds)
{
	buf_addc(b, ' ');
	for (; *kinds != '\0'; kinds++) {
		if (*kinds == ' ')
			buf_adds(b, " | ");
		else
			buf_addc(b, *kinds);
	}
}

/* "kick name [reason]" */
static void
add_form(struct buf *b, const struct control_cmd *c)
{
	buf_adds(b, c->name);
	if (c->flags != NULL)
		buf_addf(b, " [-%s]", c->flags);
	if (c->kinds != NULL)
		add_kinds(b, c->kinds);
	if (c->arg != NULL)
		buf_addf(b, c->optional ? " [%s]" : " %s", c->arg);
	buf_adds(b, c->timed ? " [time]" : "");
	if (c->rest != NULL)
		buf_addf(b, " [%s]", c->rest);
}

static void
usage(FILE *out)
{
	const struct control_cmd *c;
	struct buf form = { 0 };

	fputs("usage: partylinectl [-hjnV] [-f file] [-o name=value]... "
	    "[-s socket]\n"
	    "                    command [argument]...\n"
	    "  -f  the daemon's configuration, instead of " CONF_FILE "\n"
	    "  -h  print this\n"
	    "  -j  print the answer as JSON\n"
	    "  -n  read no configuration file\n"
	    "  -o  an option that the daemon was given\n"
	    "  -s  the control socket, whatever the configuration says\n"
	    "  -V  print the version\n"
	    "Commands:\n", out);
	for (c = control_cmds; c < control_cmds + CONTROL_MAX; c++) {
		buf_reset(&form);
		add_form(&form, c);
		if (form.len > FORM_WIDTH)	/* a line of its own */
			fprintf(out, "  %s\n  %*s", buf_str(&form),
			    FORM_WIDTH, "");
		else
			fprintf(out, "  %-*s", FORM_WIDTH, buf_str(&form));
		fprintf(out, "  %s\n", c->help);
	}
	buf_free(&form);
	fputs("See partylinectl(8).\n", out);
}

static void
parse_args(struct ctl *a, int argc, char **argv)
{
	struct conf_source *s = &a->source;
	int c;

	conf_source_init(s, argc);
	/* "+": what stands behind the command is its own. */
	option_words(argv);
	while ((c = getopt(argc, argv, "+f:hjno:s:V")) != -1) {
		if (conf_source_option(s, c, optarg))
			continue;
		switch (c) {
		case 'h':
			usage(stdout);
			exit(0);
		case 'j':
			a->json = true;
			break;
		case 's':
			a->path = optarg;
			break;
		case 'V':
			puts("partylinectl " PACKAGE_VERSION);
			exit(0);
		default:
			usage(stderr);
			exit(USAGE);
		}
	}
}

static enum control_id
find_command(int argc, char **argv)
{
	enum control_id id;
	const char *nearest;

	if (argc == 0) {
		usage(stderr);
		exit(USAGE);
	}
	id = control_find(argv[0]);
	if (id == CONTROL_MAX) {
		nearest = control_nearest(argv[0]);
		errx(USAGE, "there is no command %s%s%s", argv[0],
		    nearest != NULL ? "; perhaps " : "; see partylinectl -h",
		    nearest != NULL ? nearest : "");
	}
	return id;
}

/* How the command is written, behind what is wrong with how it was. */
static void __attribute__((noreturn, format(printf, 3, 4)))
misused(const struct control_cmd *c, const char *example, const char *fmt, ...)
{
	struct buf form = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
	add_form(&form, c);
	fprintf(stderr, "usage: partylinectl %s\n", buf_str(&form));
	if (example != NULL)
		fprintf(stderr, "such as: partylinectl %s %s\n", c->name,
		    example);
	exit(USAGE);
}

/* Which of the kinds this is: NULL is none of them. */
static const char *
find_kind(enum control_id id, const char *word)
{
	const char *kinds = control_cmds[id].kinds, *at;
	size_t n = word != NULL ? strlen(word) : 0;

	at = n > 0 && strchr(word, ' ') == NULL ? strstr(kinds, word) : NULL;
	if (at == NULL || (at > kinds && at[-1] != ' ') ||
	    (at[n] != ' ' && at[n] != '\0'))
		return NULL;
	return word;
}

/* So many stand behind the command and its flags. */
static void
check_words(enum control_id id, int words)
{
	const struct control_cmd *def = &control_cmds[id];

	if (def->arg == NULL && words > 0)
		misused(def, NULL, "%s takes no argument", def->name);
	if (def->arg != NULL && !def->optional && words == 0)
		misused(def, NULL, "%s needs a %s", def->name, def->arg);
}

/* What kind of thing the command is about stands before its name. */
static const char *
take_kind(enum control_id id, const char *word)
{
	const struct control_cmd *def = &control_cmds[id];
	const char *kind = find_kind(id, word);

	if (kind == NULL)
		misused(def, def->example, "%s of what?", def->name);
	return kind;
}

/* The words as one text, NULL if there are none. */
static char *
join(int argc, char **argv)
{
	struct buf b = { 0 };
	int i;

	for (i = 0; i < argc; i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", argv[i]);
	if (argc > 0 && !utf8_valid(buf_str(&b), b.len, NULL))
		errx(USAGE, "the argument is not UTF-8");
	return b.data;
}

/* What is wrong with other options does not keep it from the daemon. */
static struct conf *
load(struct ctl *a)
{
	static const char *const names[] = { "control", "state_dir", "store",
	    "chroot", NULL };
	struct conf *conf;
	char *error;

	if ((conf = conf_load(&a->source, &error)) != NULL)
		return conf;
	a->trouble = error;
	if ((conf = conf_glean(&a->source, names, &error)) == NULL)
		errx(REFUSED, "%s", error);
	return conf;
}

/* With a socket named, the configuration is none of the daemon's. */
static void
find_daemon(struct ctl *a)
{
	if (a->path != NULL)
		return;
	a->conf = load(a);
	if (a->conf->control[0] == '\0')
		errx(REFUSED, "control is empty in the configuration: the "
		    "daemon has no control socket");
	a->path = a->conf->control;
}

/* As the daemon must have it, which is in another directory. */
static char *
absolute(char *arg)
{
	char *dir, *path;

	if (arg == NULL || arg[0] == '/' ||
	    (dir = get_current_dir_name()) == NULL)
		return arg;
	path = xasprintf("%s/%s", dir, arg);
	free(dir);
	free(arg);
	return path;
}

/* After an upgrade it is the new daemon that answers. */
static json_t *
ask_top(void *arg)
{
	struct ctl *a = arg;
	json_t *answer = NULL;
	int tries;

	for (tries = 0; answer == NULL && tries < TRIES; tries++) {
		if (tries > 0) {
			close(a->fd);
			a->fd = ctl_dial(a, WAIT_SECONDS);
		}
		answer = ctl_try_ask(a->fd, ctl_request(CONTROL_TOP, NULL,
		    NULL));
	}
	if (answer == NULL)
		errx(NOT_THERE, "the daemon has ended the connection");
	if (!ctl_ok(answer))
		exit(ctl_refused(a, answer));
	return answer;
}

static void
top(struct ctl *a, const char *count)
{
	struct ctl_watch w = { .ask = ask_top, .arg = a, .json = a->json };
	char *end;

	if (count != NULL) {
		w.count = strtoul(count, &end, 10);
		if (*count < '0' || *count > '9' || *end != '\0' ||
		    w.count == 0)
			errx(USAGE, "top takes a number of tables, not %s",
			    count);
	}
	ctl_watch(&w);
}

static void
print(const struct ctl *a, const json_t *line)
{
	struct buf out = { 0 };

	if (a->json) {
		json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		return;
	}
	ctl_trace_show(&out, line);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
}

static int
trace(const struct ctl *a, const char *client)
{
	static const struct timeval for_ever;
	struct ctl_trace t = { .fd = a->fd };
	bool ended = false;
	int status = 0;
	json_t *line, *request = ctl_request(CONTROL_TRACE, client, NULL);

	ctl_send(a->fd, request);
	json_decref(request);
	line = ctl_trace_next(&t);
	setsockopt(a->fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever,
	    sizeof(for_ever));
	if (line != NULL && !ctl_ok(line)) {
		status = ctl_refused(a, line);
		ended = true;
	}
	while (line != NULL && !ended) {
		print(a, line);
		ended = ctl_trace_is_end(line);
		json_decref(line);
		line = ended ? NULL : ctl_trace_next(&t);
	}
	json_decref(line);
	ctl_trace_free(&t);
	if (fflush(stdout) == EOF)
		err(REFUSED, "standard output");
	if (!ended)
		errx(NOT_THERE, "the daemon has ended the connection");
	return status;
}

static int
show(const struct ctl *a, enum control_id id, const json_t *answer)
{
	struct buf out = { 0 };
	int status = 0;

	if (!ctl_ok(answer))
		status = ctl_refused(a, answer);
	else if (a->json) {
		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		ctl_show(&out, id, answer, isatty(STDOUT_FILENO) != 0);
		fwrite(out.data, 1, out.len, stdout);
	}
	if (fflush(stdout) == EOF)
		err(REFUSED, "standard output");
	buf_free(&out);
	return status;
}

static void
add_password(json_t *request, const char *name)
{
	char *what = xasprintf("New password of %s", name);
	char *password = ctl_secret(what);

	json_object_set_new(request, "password", json_string(password));
	explicit_bzero(password, strlen(password));
	free(password);
	free(what);
}

/* Nobody is asked about one that is not there. */
static bool
is_account(const struct ctl *a, const char *arg)
{
	json_t *answer = ctl_ask_all(a->fd, ctl_request(CONTROL_ACCOUNTS, arg,
	    NULL), "accounts");
	struct name wanted, name;
	bool found = false;
	const json_t *one;
	const char *s;
	size_t i;

	if (!ctl_ok(answer))
		exit(ctl_refused(a, answer));
	if (name_parse(&wanted, arg, strlen(arg), NULL)) {
		json_array_foreach(json_object_get(answer, "accounts"), i,
		    one) {
			s = json_string_value(json_object_get(one, "name"));
			found = found || (s != NULL && name_parse(&name, s,
			    strlen(s), NULL) &&
			    strcmp(name.key, wanted.key) == 0);
		}
	}
	json_decref(answer);
	return found;
}

static void
need_account(const struct ctl *a, enum control_id id, const char *name)
{
	json_t *none;
	int status;

	if (is_account(a, name))
		return;
	none = json_pack("{s:s,s:b,s:s,s:s}", "reply", control_cmds[id].name,
	    "ok", 0, "error", "no-such-user", "message", "There is no account "
	    "of that name.");
	status = ctl_refused(a, none);
	json_decref(none);
	exit(status);
}

/* There is no way back but a backup. */
static void
confirm(const struct ctl *a, const char *name)
{
	char *question = xasprintf("Erase the account %s, its inbox, and the "
	    "text of all that it ever said?", name);

	need_account(a, CONTROL_ERASE, name);
	if (!ctl_confirm(question))
		errx(REFUSED, "nothing was erased; -y is a yes beforehand");
	free(question);
}

static int
run(const struct ctl *a, enum control_id id, const char *arg, const char *rest)
{
	json_t *request = ctl_request(id, arg, rest), *answer;
	int status;

	if (id == CONTROL_PASSWD)
		need_account(a, id, arg);
	if (control_cmds[id].secret)
		add_password(request, arg);
	if (id == CONTROL_ERASE && !ctl_flag(a, 'y'))
		confirm(a, arg);
	answer = ctl_ask_all(a->fd, request, ctl_list(id));
	status = show(a, id, answer);
	json_decref(answer);
	return status;
}

/* The command's own flags; the number of words that were. */
static int
parse_flags(struct ctl *a, enum control_id id, int argc, char **argv)
{
	const char *flags = control_cmds[id].flags;
	static char given[8];
	char *known;
	size_t n = 0;
	int c;

	a->words = given;
	if (flags == NULL)
		return 1;
	known = xasprintf("+%s", flags);
	optind = 0;		/* glibc: from the beginning */
	while ((c = getopt(argc, argv, known)) != -1) {
		if (c == '?') {
			usage(stderr);
			exit(USAGE);
		}
		if (strchr(given, c) == NULL && n < sizeof(given) - 1)
			given[n++] = (char)c;
	}
	free(known);
	return optind;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .fd = -1 };
	enum control_id id;
	char *arg, *rest = NULL;
	int status = 0, skip;

	parse_args(&ctl, argc, argv);
	argc -= optind;
	argv += optind;
	id = find_command(argc, argv);
	skip = parse_flags(&ctl, id, argc, argv);
	argc -= skip;
	argv += skip;
	if (control_cmds[id].kinds != NULL) {
		ctl.kind = take_kind(id, argv[0]);
		argc--;
		argv++;
	}
	check_words(id, argc);
	if (control_cmds[id].rest != NULL) {
		arg = join(argc < 1 ? argc : 1, argv);
		rest = join(argc - 1, argv + 1);
	} else
		arg = join(argc, argv);
	if (id == CONTROL_UPGRADE)
		arg = absolute(arg);
	find_daemon(&ctl);
	if (!control_cmds[id].local)
		ctl.fd = ctl_dial(&ctl, id == CONTROL_UPGRADE ? 0 :
		    WAIT_SECONDS);
	if (id == CONTROL_BACKUP)
		status = ctl_backup(&ctl, arg);
	else if (id == CONTROL_EXPORT)
		status = ctl_export(&ctl, arg);
	else if (id == CONTROL_IMPORT)
		status = ctl_import(&ctl, arg);
	else if (id == CONTROL_TOP)
		top(&ctl, arg);
	else if (id == CONTROL_TRACE)
		status = trace(&ctl, arg);
	else
		status = run(&ctl, id, arg, rest);
	if (ctl.fd != -1)
		close(ctl.fd);
	free(ctl.trouble);
	conf_free(ctl.conf);
	free(arg);
	free(rest);
	free(ctl.source.overrides);
	return status;
}
