/*
 * A line of JSON as a command bears it: an object of which strings and
 * integers are of interest. Most lines are plain, which a scan in place can
 * tell; jansson does all others, and alone says what is wrong.
 */
#ifndef JSON_LINE_H
#define JSON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "request.h"

enum json_kind {
	VALUE_ABSENT, VALUE_STRING, VALUE_INTEGER, VALUE_BOOL, VALUE_OTHER
};

struct json_value {
	enum json_kind	 kind;
	const char	*string;	/* terminated; may hold a NUL itself */
	size_t		 len;
	int64_t		 integer;	/* and true, which is 1 */
};

struct json_member {
	const char	*key;
	size_t		 key_len;
	struct json_value value;
};

#define JSON_LINE_MEMBERS	8

struct json_line {
	json_t		*root;		/* NULL: members hold it all */
	unsigned	 n;
	struct json_member members[JSON_LINE_MEMBERS];
};

/*
 * Changes the line in place, and points into it. False: it is no object, and
 * why is set in the request; then there is nothing to free. It is
 * json_line_scan(), and json_line_load() of what that does not take.
 */
bool	 json_line_parse(struct json_line *, char *, size_t, struct request *);
/* In place too. False: it is not plain, and unchanged. */
bool	 json_line_scan(struct json_line *, char *, size_t);
/* By jansson; the line is not needed any more afterwards. */
bool	 json_line_load(struct json_line *, const char *, size_t,
	    struct request *);
void	 json_line_free(struct json_line *);
void	 json_line_get(const struct json_line *, const char *key,
	    struct json_value *);

#endif
