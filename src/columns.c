#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "name.h"

void
columns_init(struct columns *c, size_t width)
{
	*c = (struct columns){ .width = width };
}

void
columns_add(struct columns *c, const char *text)
{
	struct buf clean = { 0 };
	char *p;

	if (text != NULL && utf8_valid(text, strlen(text), NULL))
		text_clean(&clean, text, strlen(text));
	buf_str(&clean);
	for (p = clean.data; *p != '\0'; p++) {
		if (*p == '\t' || *p == '\n')
			*p = ' ';
	}
	if (c->n == c->cap) {
		c->cap = c->cap > 0 ? 2 * c->cap : 64;
		c->cells = xrealloc(c->cells, c->cap * sizeof(*c->cells));
	}
	c->cells[c->n++] = clean.data;
}

static size_t
cell_width(const struct columns *c, size_t i)
{
	return text_width(c->cells[i], strlen(c->cells[i]));
}

void
columns_render(const struct columns *c, struct buf *b)
{
	size_t *widths = xcalloc(c->width, sizeof(*widths));
	size_t i, column, width, gap = 0;

	for (i = 0; i < c->n; i++) {
		width = cell_width(c, i);
		if (width > widths[i % c->width])
			widths[i % c->width] = width;
	}
	for (i = 0; i < c->n; i++) {
		column = i % c->width;
		width = cell_width(c, i);
		if (width > 0) {	/* else the gap only grows */
			for (; gap > 0; gap--)
				buf_addc(b, ' ');
			buf_adds(b, c->cells[i]);
		}
		gap += widths[column] - width + 2;
		if (column == c->width - 1 || i == c->n - 1) {
			buf_addc(b, '\n');
			gap = 0;
		}
	}
	free(widths);
}

void
columns_free(struct columns *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->cells[i]);
	free(c->cells);
	*c = (struct columns){ 0 };
}
