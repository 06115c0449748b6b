/*
 * Prints the words of the const tables, one a line with what kind it is, for
 * tests/doc/check.sh to compare with the man pages.
 */
#include <stdio.h>

#include "conf.h"
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

int
main(void)
{
	dump_commands();
	dump_events();
	dump_errors();
	/* The options' own listing, a line each with tabs between. */
	printf("options\n");
	conf_print_options(stdout);
	return 0;
}
