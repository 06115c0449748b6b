/*
 * The log: one line an event, "time level event key=value ...", to stderr, a
 * file or syslog. Written by a thread of its own, so that no loop waits for a
 * disk; when its bounded queue is full lines are counted and the count is
 * logged. Values are quoted and escaped here and nowhere else, so no peer can
 * forge a line. Any thread.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LEVEL_ERROR, LEVEL_WARN, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG
};

struct log_field {
	const char	*key;		/* NULL ends the list */
	enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UINT } type;
	const char	*str;
	int64_t		 num;
};

#define LS(k, v)							\
	((struct log_field){ (k), LOG_FIELD_STR, (v), 0 })
#define LI(k, v)							\
	((struct log_field){ (k), LOG_FIELD_INT, NULL, (int64_t)(v) })
#define LU(k, v)							\
	((struct log_field){ (k), LOG_FIELD_UINT, NULL, (int64_t)(v) })
#define LEND								\
	((struct log_field){ NULL, LOG_FIELD_STR, NULL, 0 })

/* event is one lower-case word with dashes: "client-closed". A NULL string
 * value leaves its field out. */
#define log_at(level, event, ...) do {					\
	if (log_enabled(level))						\
		log_write((level), (event),				\
		    (const struct log_field[]){ __VA_ARGS__ });		\
} while (0)
#define log_error(event, ...)	log_at(LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...)	log_at(LEVEL_WARN, event, __VA_ARGS__)
#define log_notice(event, ...)	log_at(LEVEL_NOTICE, event, __VA_ARGS__)
#define log_info(event, ...)	log_at(LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...)	log_at(LEVEL_DEBUG, event, __VA_ARGS__)

extern const char *const log_level_names[];	/* by level, ended by NULL */

bool	 log_enabled(enum log_level);
void	 log_write(enum log_level, const char *event, const struct log_field *);
void	 log_level_set(enum log_level);
/* Lines that were not written, since the start. */
uint64_t log_lost(void);

/*
 * Opens the target: "stderr", "syslog" or a file's path, and starts the
 * thread; after a fork, not before. Before log_open() and after log_close()
 * lines go straight to stderr (SIGPIPE is to be ignored by then). False, with
 * *error set (caller frees), if it cannot be opened.
 */
bool	 log_open(const char *target, char **error);
/* SIGHUP, after a rotation: what is logged from now on is in the new file. */
void	 log_reopen(void);
/* Writes what is queued, for at most two seconds, and ends the thread. */
void	 log_close(void);

#endif
