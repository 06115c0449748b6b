/*
 * What the operator asks for by the control socket, once it is read: each
 * command's checks, whom it is handed to, and how the answer looks. Main
 * thread.
 */
#ifndef CONTROL_ASK_H
#define CONTROL_ASK_H

#include <sys/types.h>

#include <jansson.h>

#include "conf.h"
#include "control-table.h"
#include "request.h"
#include "util.h"

struct control;
struct keeper;
struct store_read;

struct asking {
	struct control	*control;
	struct keeper	*keeper;
	client_id	 who;		/* is to be answered */
	uid_t		 uid;
	const json_t	*root;		/* all of the request */
	const char	*arg;		/* the command's argument, or NULL */
	uint64_t	 after;		/* of lists */
};

/* Any command but trace; it is answered at once or later. */
void	 control_ask(const struct asking *, enum control_id);
/* One of them, by control-import.c; and its answer. */
void	 control_import(const struct asking *);
/* Takes the request's arguments up; what is wrong with them, or NULL. Pure. */
const char *control_import_part(struct request *, const json_t *root);
void	 control_render_import(struct buf *, const struct request *);
/* The members of the answer to what the hub has done; not of lists. */
void	 control_render(struct buf *, const struct request *);
/* What a reload has changed: to the log, and into the answer. */
void	 control_changed(const struct conf_changes *, struct buf *);
/* "listen":[…], with the ports that were chosen (NULL: not known). */
void	 control_listens(struct buf *, const struct conf *,
	    const uint16_t *ports);
/* The same of what the store has read. */
void	 control_render_read(struct buf *, const struct store_read *);

#endif
