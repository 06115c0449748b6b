/*
 * A part of an import: what the operator's request has beside its messages.
 * In the request's arena.
 */
#ifndef IMPORT_H
#define IMPORT_H

#include "store.h"

struct import_part {
	const char	*of;		/* the export's id */
	const char	*topic;		/* of a room, to begin with; or NULL */
	uint64_t	 line;		/* of the file, with this part */
	bool		 account;	/* else a room */
	bool		 begin, end;
	bool		 merge;		/* with what is there */
	const struct store_fact *facts;
	uint32_t	 nfacts;
};

#endif
