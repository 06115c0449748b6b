/*
 * What partylined is started with: the table in partylined(8).
 */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>

#include "conf.h"

struct args {
	struct conf_source source;
	bool		 background, test, inetd;
	enum listen_kind kind;		/* of what inetd has */
	bool		 kind_set;
};

/* Before a word is said of what is wrong with the others: is -i among them? */
bool	 args_are_inetd(int argc, char **argv);
/* Exits if they make no sense, or ask for no daemon. What they point to stays
 * where it is; overrides are malloced. */
void	 args_parse(struct args *, int argc, char **argv);

#endif
