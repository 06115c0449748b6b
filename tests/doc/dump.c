/*
 * Prints the words of the const tables, one a line with what kind it is, for
 * tests/doc/check.sh to compare with the man pages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "control-table.h"
#include "dialect.h"
#include "metrics.h"
#include "proto.h"

static void
dump_commands(void)
{
	const struct cmd_def *c;
	const struct field_def *f;

	for (c = proto_cmds; c->name != NULL; c++) {
		printf("command\t%s", c->name);
		for (f = c->fields; f->name != NULL; f++)
			printf(" %s%s", f->name, f->required ? "" : "?");
		printf("\n");
	}
}

static void
dump_errors(void)
{
	int e;

	for (e = ERR_NONE + 1; e < ERR_MAX; e++)
		printf("error\t%s\n", error_name((enum error)e));
}

static void
dump_events(void)
{
	const char *const *e;

	for (e = proto_events; *e != NULL; e++)
		printf("event\t%s\n", *e);
}

/* What it says to this line is in io->out, terminated. */
static void
say(void *state, struct dialect_io *io, char *line)
{
	buf_reset(&io->out);
	dialect_text.line(state, io, line, strlen(line));
	buf_str(&io->out);
}

/* The text dialect's commands: as it lists them, each as it explains it. */
static void
dump_help(void)
{
	char all[] = "/help all", *error, *list, *word, *rest;
	struct dialect_io io = { .logged_in = true };
	struct conf *conf = conf_parse(NULL, NULL, 0, &error);
	char line[64];
	void *state;

	if (conf == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	io.conf = conf;
	mail_list_init(&io.requests);
	state = dialect_text.open(conf);
	say(state, &io, all);
	list = xstrdup(io.out.data);
	for (word = strtok_r(list, " \r\n", &rest); word != NULL &&
	    strcmp(word, "COMMAND") != 0; word = strtok_r(NULL, " \r\n",
	    &rest)) {
		if (*word != '/' || strlen(word) < 2)
			continue;
		snprintf(line, sizeof(line), "/help %s", word);
		say(state, &io, line);
		if (strncmp(io.out.data, "-- /", 4) == 0)
			printf("text\t%.*s\n", (int)strcspn(io.out.data,
			    "\r"), io.out.data);
	}
	free(list);
	dialect_text.close(state);
	buf_free(&io.out);
	conf_free(conf);
}

/* "audit count?", "export p? room | account name" */
static void
dump_form(const struct control_cmd *c)
{
	const char *flag, *kind;

	printf("operator\t%s", c->name);
	for (flag = c->flags; flag != NULL && *flag != '\0'; flag++)
		printf(" %c?", *flag);
	for (kind = c->kinds; kind != NULL && *kind != '\0'; kind++)
		printf(kind == c->kinds ? " %c" : *kind == ' ' ? " |%c" :
		    "%c", *kind);
	if (c->arg != NULL)
		printf(" %s%s", c->arg, c->optional ? "?" : "");
	if (c->timed)
		printf(" time?");
	if (c->rest != NULL)
		printf(" %s?", c->rest);
	putchar('\n');
}

/* The operator's, with their arguments. */
static void
dump_control(void)
{
	const struct control_cmd *c;

	for (c = control_cmds; c < control_cmds + CONTROL_MAX; c++)
		dump_form(c);
}

int
main(void)
{
	dump_control();
	dump_commands();
	dump_help();
	dump_events();
	dump_errors();
	printf("metrics\n");
	metrics_print(stdout);
	/* The options' own listing, a line each with tabs between. */
	printf("options\n");
	conf_print_options(stdout);
	return 0;
}
