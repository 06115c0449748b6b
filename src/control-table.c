#include <limits.h>
#include <string.h>

#include "control-table.h"
#include "name.h"

const struct control_cmd control_cmds[CONTROL_MAX] = {
	[CONTROL_STATUS] = { .name = "status",
	  .help = "how it goes: clients, rooms, loops" },
	[CONTROL_TOP] = { .name = "top", .arg = "count", .optional = true,
	  .help = "show the numbers each second, live" },
	[CONTROL_ROOMS] = { .name = "rooms", .arg = "match", .field = "match",
	  .optional = true, .help = "list the rooms, or those with match in "
	    "their names" },
	[CONTROL_WHO] = { .name = "who", .arg = "room", .field = "room",
	  .optional = true, .help = "list who is here, or in a room" },
	[CONTROL_NOTICE] = { .name = "notice", .arg = "text", .field = "text",
	  .changes = true, .help = "tell everybody something" },
	[CONTROL_KICK] = { .name = "kick", .arg = "name", .field = "name",
	  .rest = "reason", .changes = true,
	  .help = "end all connections of somebody, or one client" },
	[CONTROL_BAN] = { .name = "ban", .arg = "name", .field = "name",
	  .rest = "reason", .timed = true, .changes = true,
	  .help = "keep a name or an address away from the server" },
	[CONTROL_UNBAN] = { .name = "unban", .arg = "name", .field = "name",
	  .changes = true, .help = "and let it come again" },
	[CONTROL_BANS] = { .name = "bans",
	  .help = "list who is kept away, until when, and why" },
	[CONTROL_RELOAD] = { .name = "reload", .changes = true,
	  .help = "read the configuration again" },
	[CONTROL_DRAIN] = { .name = "drain", .changes = true,
	  .help = "accept no more, send all away, and end" },
	[CONTROL_UPGRADE] = { .name = "upgrade", .arg = "binary",
	  .field = "binary", .optional = true, .changes = true,
	  .help = "have a new binary take over, clients and all" },
	[CONTROL_ACCOUNTS] = { .name = "accounts", .arg = "match",
	  .field = "match", .optional = true, .help = "list the accounts, or "
	    "those with match in their names" },
	[CONTROL_REGISTER] = { .name = "register", .arg = "name",
	  .field = "name", .changes = true, .secret = true,
	  .help = "make an account; asks for its password" },
	[CONTROL_PASSWD] = { .name = "passwd", .arg = "name", .field = "name",
	  .changes = true, .secret = true,
	  .help = "give an account another password" },
	[CONTROL_REVOKE] = { .name = "revoke", .arg = "name", .field = "name",
	  .rest = "label", .changes = true,
	  .help = "take an account's tokens away, or one of them" },
	[CONTROL_OP] = { .name = "op", .arg = "name", .field = "name",
	  .changes = true, .help = "make an account operator of the server" },
	[CONTROL_DEOP] = { .name = "deop", .arg = "name", .field = "name",
	  .changes = true, .help = "and take that away again" },
	[CONTROL_AUDIT] = { .name = "audit", .arg = "count", .field = "count",
	  .optional = true, .help = "show the newest of the audit: who "
	    "did what to whom" },
	[CONTROL_BACKUP] = { .name = "backup", .arg = "file", .flags = "f",
	  .local = true, .help = "copy the database to a file, while all goes "
	    "on" },
	[CONTROL_ERASE] = { .name = "erase", .arg = "name", .field = "name",
	  .kinds = "account", .flags = "y", .changes = true,
	  .example = "account ann",
	  .help = "remove an account, and the text of all that it said" },
	[CONTROL_EXPORT] = { .name = "export", .arg = "name",
	  .kinds = "room account", .flags = "p", .local = true,
	  .example = "room lobby",
	  .help = "write all there is of it as lines of JSON" },
	[CONTROL_IMPORT] = { .name = "import", .arg = "file", .flags = "m",
	  .changes = true, .help = "put back what was exported; - is standard "
	    "input" },
	[CONTROL_TRACE] = { .name = "trace", .arg = "client",
	  .field = "client", .help = "show what a client sends and is sent, "
	    "live" },
};

enum control_id
control_find(const char *name)
{
	int i;

	for (i = 0; i < CONTROL_MAX; i++) {
		if (strcmp(control_cmds[i].name, name) == 0)
			break;
	}
	return (enum control_id)i;
}

const char *
control_nearest(const char *word)
{
	unsigned least = UINT_MAX;
	const char *best = NULL;
	int i;

	if (strlen(word) > 32)
		return NULL;
	for (i = 0; i < CONTROL_MAX; i++) {
		if (word_is_near(word, control_cmds[i].name, &least))
			best = control_cmds[i].name;
	}
	return best;
}
