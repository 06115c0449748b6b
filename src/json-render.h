/*
 * JSON as the server writes it: replies and events, by hand around quoted
 * strings. Every line ends with LF. Pure, any thread.
 */
#ifndef JSON_RENDER_H
#define JSON_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "dialect.h"
#include "msg.h"
#include "request.h"
#include "util.h"

void	 json_render_reply(struct buf *, const struct conf *,
	    const struct request *);
/* An error that belongs to no command. retry_ms 0: none. */
void	 json_render_error(struct buf *, enum error, uint32_t retry_ms);

/* These four are dialect_json's members of the same names. */
void	 json_render_message(struct buf *, enum encoding, const char *room,
	    const struct msg *);
void	 json_render_lag(struct buf *, const char *room, uint64_t after,
	    uint64_t before);
void	 json_render_notice(struct buf *, const char *text);
void	 json_render_bye(struct buf *, const char *reason, bool reconnect,
	    uint32_t after_ms);

#endif
