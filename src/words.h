/*
 * The words of texts, as searching sees them: letters and digits, without
 * case and accents (the rules of SQLite's unicode61), and a query made of
 * them. One thread at a time owns a struct words.
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "util.h"

#define WORDS_PART	16384		/* seqs in a part of the index */
#define WORDS_TERMS	16		/* of a query */
#define WORDS_MAX	64		/* of all its terms */

struct words;

/* A word or a phrase, the last word of which may be the beginning of one. */
struct words_term {
	size_t		 first, n;	/* of the query's words */
	bool		 prefix;
};

struct words_query {
	struct buf	 text;		/* the words, each with a NUL */
	size_t		 at[WORDS_MAX];	/* where each begins */
	size_t		 nwords;
	struct words_term terms[WORDS_TERMS];
	size_t		 nterms;
};

/* NULL: SQLite here is built without FTS5. */
struct words *words_new(void);
void	 words_free(struct words *);
/*
 * Takes apart: word, word*, "a phrase", which may lack its end. False: it has
 * no word, or too many, or a beginning of a single ASCII letter. The caller
 * frees the query all the same.
 */
bool	 words_parse(struct words *, const char *, struct words_query *);
void	 words_query_free(struct words_query *);
/* Does the text have every term of the query? */
bool	 words_match(struct words *, const struct words_query *, const char *,
	    size_t);
/* Appends the query as an FTS5 expression. */
void	 words_expression(const struct words_query *, struct buf *);

#endif
