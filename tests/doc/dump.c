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

/* The text dialect's commands, as it lists them itself. */
static void
dump_help(void)
{
	char help[] = "/help", *error, *line, *rest;
	struct dialect_io io = { .logged_in = true };
	struct conf *conf = conf_parse(NULL, NULL, 0, &error);
	void *state;

	if (conf == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	io.conf = conf;
	mail_list_init(&io.requests);
	state = dialect_text.open(conf);
	dialect_text.line(state, &io, help, sizeof(help) - 1);
	buf_str(&io.out);
	for (line = strtok_r(io.out.data, "\r\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\r\n", &rest))
		printf("text\t%s\n", line);
	dialect_text.close(state);
	buf_free(&io.out);
	conf_free(conf);
}

/* "audit count?", "export p? room | account name" */
static void
dump_form(const struct control_cmd *c)
{
	const char *flag;

	printf("operator\t%s", c->name);
	for (flag = c->flags; flag != NULL && *flag != '\0'; flag++)
		printf(" %c?", *flag);
	if (c->arg != NULL)
		printf(" %s%s", c->arg, c->optional ? "?" : "");
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
