#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

struct words {
	sqlite3		*db;		/* holds the tokenizer */
	fts5_tokenizer	 api;
	Fts5Tokenizer	*tokenizer;
	struct buf	 text;		/* of a text: its words, with NULs */
	size_t		*at;
	size_t		 n, cap;
};

static fts5_api *
find_api(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	fts5_api *api = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL) ==
	    SQLITE_OK) {
		sqlite3_bind_pointer(st, 1, &api, "fts5_api_ptr", NULL);
		sqlite3_step(st);
	}
	sqlite3_finalize(st);
	return api;
}

struct words *
words_new(void)
{
	const char *args[] = { "remove_diacritics", "2" };
	struct words *w = xcalloc(1, sizeof(*w));
	fts5_api *api;
	void *arg;

	if (sqlite3_open_v2(":memory:", &w->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    (api = find_api(w->db)) == NULL ||
	    api->xFindTokenizer(api, "unicode61", &arg, &w->api) !=
	    SQLITE_OK || w->api.xCreate(arg, args, 2, &w->tokenizer) !=
	    SQLITE_OK) {
		words_free(w);
		return NULL;
	}
	return w;
}

void
words_free(struct words *w)
{
	if (w == NULL)
		return;
	if (w->tokenizer != NULL)
		w->api.xDelete(w->tokenizer);
	sqlite3_close(w->db);
	buf_free(&w->text);
	free(w->at);
	free(w);
}

static int
word_cb(void *arg, int flags, const char *word, int n, int from, int to)
{
	struct words *w = arg;

	(void)flags;
	(void)from;
	(void)to;
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->at = xrealloc(w->at, w->cap * sizeof(*w->at));
	}
	w->at[w->n++] = w->text.len;
	buf_add(&w->text, word, (size_t)n);
	buf_addc(&w->text, '\0');
	return SQLITE_OK;
}

static void
take_apart(struct words *w, const char *s, size_t n)
{
	w->n = 0;
	buf_reset(&w->text);
	w->api.xTokenize(w->tokenizer, w, FTS5_TOKENIZE_DOCUMENT, s, (int)n,
	    word_cb);
}

/* A piece of the query becomes a term, if it has a word. */
static bool
add_term(struct words *w, struct words_query *q, const char *s, size_t n,
    bool prefix)
{
	size_t i;

	take_apart(w, s, n);
	if (w->n == 0)
		return true;
	if (q->nterms == WORDS_TERMS || w->n > WORDS_MAX - q->nwords)
		return false;
	/* One letter begins a tenth of all words. */
	if (prefix && w->n == 1 && w->text.len == 2 &&
	    *w->text.data >= 'a' && *w->text.data <= 'z')
		return false;
	q->terms[q->nterms++] = (struct words_term){ q->nwords, w->n, prefix };
	for (i = 0; i < w->n; i++)
		q->at[q->nwords++] = q->text.len + w->at[i];
	buf_add(&q->text, w->text.data, w->text.len);
	return true;
}

bool
words_parse(struct words *w, const char *s, struct words_query *q)
{
	size_t n;

	*q = (struct words_query){ .nterms = 0 };
	while (*(s += strspn(s, " \t\r\n")) != '\0') {
		bool phrase = *s == '"', prefix;

		s += phrase;
		n = strcspn(s, phrase ? "\"" : " \t\r\n\"");
		prefix = s[n] == '"' && phrase ? s[n + 1] == '*' :
		    n > 0 && s[n - 1] == '*';
		if (!add_term(w, q, s, n, prefix))
			return false;
		s += n;
		if (phrase && *s == '"')
			s += 1 + prefix;
	}
	return q->nterms > 0;
}

void
words_query_free(struct words_query *q)
{
	buf_free(&q->text);
}

/* Does the term begin with the text's word i? */
static bool
term_at(const struct words *w, const struct words_query *q,
    const struct words_term *t, size_t i)
{
	size_t k;

	for (k = 0; k < t->n; k++) {
		const char *want = q->text.data + q->at[t->first + k];
		const char *is = w->text.data + w->at[i + k];

		if (k == t->n - 1 && t->prefix ?
		    strncmp(is, want, strlen(want)) != 0 :
		    strcmp(is, want) != 0)
			return false;
	}
	return true;
}

bool
words_match(struct words *w, const struct words_query *q, const char *s,
    size_t n)
{
	size_t i, k;

	take_apart(w, s, n);
	for (k = 0; k < q->nterms; k++) {
		const struct words_term *t = &q->terms[k];

		for (i = 0; i + t->n <= w->n && !term_at(w, q, t, i); i++)
			continue;
		if (i + t->n > w->n)
			return false;
	}
	return true;
}

void
words_expression(const struct words_query *q, struct buf *out)
{
	size_t k, i;

	for (k = 0; k < q->nterms; k++) {
		const struct words_term *t = &q->terms[k];

		buf_adds(out, k > 0 ? " AND \"" : "\"");
		for (i = 0; i < t->n; i++) {
			buf_adds(out, i > 0 ? " " : "");
			buf_adds(out, q->text.data + q->at[t->first + i]);
		}
		buf_adds(out, t->prefix ? "\" *" : "\"");
	}
}
