/*
 * The one const table of options, and what stands on a row of it: parsing,
 * checking and printing a value, reading a file's settings. For conf.c and
 * its parts only; everybody else reads a struct conf. Main thread.
 */
#ifndef CONF_TABLE_H
#define CONF_TABLE_H

#include "conf.h"
#include "util.h"

enum conf_type {
	CONF_LISTEN,		/* a list; struct listen_conf */
	CONF_TEXT,		/* char *; min and max are bytes */
	CONF_PATH,		/* char *; absolute, min and max are bytes */
	CONF_WORD,		/* char *; one of words */
	CONF_CHOICE,		/* an enum; the index of one of words */
	CONF_NUMBER,		/* unsigned or uint64_t, see width */
	CONF_SIZE,		/* uint64_t, bytes; K, M, G, T may follow */
	CONF_SECONDS,		/* uint64_t, s; ms, s, m, h, d may follow */
	CONF_MSECONDS		/* uint64_t, ms; likewise */
};

struct conf_option {
	const char	*name;
	const char	*section;	/* heading; NULL: as the row before */
	enum conf_type	 type;
	bool		 reloadable;
	size_t		 offset;	/* in struct conf */
	size_t		 width;		/* sizeof the member */
	uint64_t	 min, max;
	const char	*def;		/* as given to -o; NULL: computed */
	char		*(*compute)(const struct conf *);
	const char	*computed;	/* what compute gives, in words */
	const char	*const *words;	/* ended by NULL */
	/* Further checks of a CONF_TEXT or CONF_PATH. May replace the text by
	 * a better form (both malloced). False: *why is "what; right". */
	bool		(*check)(char **text, char **why);
	const char	*help;		/* one line */
};

extern const struct conf_option conf_options[];	/* ended by a NULL name */

const struct conf_option *conf_option(const char *name);	/* or NULL */
/* The option, or a word of NULL-ended words, nearest to this; or NULL. */
const char *conf_nearest_option(const char *);
const char *conf_nearest_word(const char *const *, const char *);

/*
 * Checks one value as it stands behind the "=", without quotes, and puts it
 * into the conf; a listener is added to the list. In the shell's -o a path may
 * be relative to the working directory. False: *why (caller frees) is "what is
 * wrong; what would be right".
 */
bool	 conf_value_set(struct conf *, const struct conf_option *,
	    const char *, bool shell, char **why);
/* Appends the value in the file's syntax. */
void	 conf_value_add(struct buf *, const struct conf *,
	    const struct conf_option *);
/* "word", "size" and so on; bounds and default as people say them. */
const char *conf_type_name(const struct conf_option *);
void	 conf_bounds_add(struct buf *, const struct conf_option *);
void	 conf_default_add(struct buf *, const struct conf_option *);
void	 conf_value_free(struct conf *, const struct conf_option *);
/* The first one's becomes as the second one's. */
void	 conf_value_copy(struct conf *, const struct conf *,
	    const struct conf_option *);

/* Lists where conf differs from what is running; what needs a restart becomes
 * as it is there. */
void	 conf_changes_take(struct conf_changes *, struct conf *,
	    const struct conf *running);

/* As conf_value_set() for one listener; nothing to free on error but *why. */
bool	 conf_listen_parse(struct listen_conf *, const char *, bool shell,
	    char **why);

/* What the user wrote, in quotes, cut and with nothing unprintable. */
void	 conf_quote(struct buf *, const char *);

/* Errors, gathered; told in the order of their places. */
struct conf_errors {
	struct conf_error {
		int	 line;		/* of the file, 0: the file itself */
		int	 nth;		/* -o: from 1; 0: the file */
		char	*text;
	}		*list;
	size_t		 n;
};

/* Takes the text over: all of the line but its end. */
void	 conf_error_add(struct conf_errors *, int line, int nth, char *text);
bool	 conf_error_at(const struct conf_errors *, int line);

/* One setting of a file. */
struct conf_item {
	const struct conf_option *option;
	int		 line;
	char		*text;
};

struct conf_items {
	struct conf_item *list;
	size_t		 n;
};

/*
 * Reads a file's whole text, which is changed, into items: those of a list in
 * order, the last of the others. name is for the errors.
 */
void	 conf_items_read(struct conf_items *, const char *name, struct buf *,
	    struct conf_errors *);
void	 conf_items_free(struct conf_items *);

/*
 * Makes a file's text ready for libconfuse, which counts a comment as more
 * lines than it has and takes an unfinished string for the end of the file:
 * blanks comments, and finds what is never closed. False: errors were added.
 */
bool	 conf_text_prepare(const char *name, struct buf *,
	    struct conf_errors *);

#endif
