/*
 * Where pages have grown empty SQLite moves rows to the pages beside them. In
 * those that they leave, copies of them stay behind, between the list of a
 * page's cells and the cells: nobody reads that, but secure_delete does not
 * write over it either, and a text that is taken away later would still be in
 * the file. So after a redaction all pages are gone through, a slice at a
 * time, and what lies in a gap is wiped.
 *
 * What the gaps have means nothing to anybody, so this needs no transaction of
 * its own. It only must not meet a checkpoint, and the pages that the writer
 * remembers must not bring it back: nobody writes meanwhile, the -wal is
 * empty, and the writer's memory of pages is given up before.
 */
#include <stdlib.h>
#include <string.h>

#include "store-sqlite.h"
#include "util.h"

#define SLICE_US	10000	/* of a second */
#define CHUNK		65536	/* bytes read at once; no page is larger */
#define LEAF		0x0d	/* a page with a table's rows; see SQLite's
				 * "Database File Format" */
#define LEAF_HEAD	8
/* Of a file that has more, a page with this number and the rest of a long row
 * begins like a leaf. */
#define PAGES_MAX	((uint64_t)LEAF << 24)

static size_t
number(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* False if the page has none. */
static bool
find_gap(const unsigned char *page, size_t size, size_t *at, size_t *n)
{
	size_t end = number(page + 5);

	if (end == 0)
		end = 65536;
	*at = LEAF_HEAD + 2 * number(page + 3);
	if (page[0] != LEAF || end > size || *at >= end)
		return false;
	*n = end - *at;
	return true;
}

static bool
is_blank(const unsigned char *p, size_t n)
{
	return *p == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Wipes n pages from this one on, counted from 0. The first has the schema. */
static int
wipe(sqlite3_file *f, unsigned char *data, uint64_t page, size_t n,
    size_t size, bool *wrote)
{
	sqlite3_int64 first = (sqlite3_int64)page * (sqlite3_int64)size;
	int rc = f->pMethods->xRead(f, data, (int)(n * size), first);
	size_t i, at, len;

	for (i = page == 0; i < n && rc == SQLITE_OK; i++) {
		if (!find_gap(data + i * size, size, &at, &len) ||
		    is_blank(data + i * size + at, len))
			continue;
		*wrote = true;
		at += i * size;
		memset(data + at, 0, len);
		rc = f->pMethods->xWrite(f, data + at, (int)len,
		    first + (sqlite3_int64)at);
	}
	return rc;
}

/* The size of a page, and how many there are; 0: it can't be told. */
static size_t
measure(sqlite3_file *f, uint64_t *pages)
{
	unsigned char head[18];
	sqlite3_int64 bytes;
	size_t size;

	if (f->pMethods->xRead(f, head, sizeof(head), 0) != SQLITE_OK ||
	    f->pMethods->xFileSize(f, &bytes) != SQLITE_OK)
		return 0;
	size = number(head + 16);
	if (size == 1)
		size = 65536;
	if (size < 512 || CHUNK % size != 0)
		return 0;
	*pages = (uint64_t)bytes / size;
	return *pages <= PAGES_MAX ? size : 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
wipe_slice(struct sqlite *s, sqlite3_file *f)
{
	uint64_t end = clock_us() + SLICE_US, pages = 0, n;
	size_t size = measure(f, &pages);
	unsigned char *data = xmalloc(CHUNK);
	bool wrote = false;

	s->gaps = size > 0 ? least(s->gaps, pages) : 0;
	while (s->gaps > 0 && clock_us() < end) {
		if (s->gap_page >= pages)
			s->gap_page = 0;
		n = least(least(s->gaps, pages - s->gap_page), CHUNK / size);
		if (wipe(f, data, s->gap_page, (size_t)n, size, &wrote) !=
		    SQLITE_OK)
			break;		/* again in a second */
		s->gap_page += n;
		s->gaps -= n;
	}
	if (wrote)
		f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
	free(data);
}

static sqlite3_file *
file_of(sqlite3 *db, int what)
{
	sqlite3_file *f = NULL;

	if (sqlite3_file_control(db, "main", what, &f) != SQLITE_OK ||
	    f == NULL || f->pMethods == NULL)
		return NULL;
	return f;
}

static bool
is_empty(sqlite3_file *wal)
{
	sqlite3_int64 bytes;

	return wal != NULL && wal->pMethods->xFileSize(wal, &bytes) ==
	    SQLITE_OK && bytes == 0;
}

void
sqlite_wipe_gaps(struct sqlite *s)
{
	sqlite3_file *f;

	if (sqlite_run(s->w[W_BEGIN]) != SQLITE_OK)
		return;
	f = file_of(s->wdb, SQLITE_FCNTL_FILE_POINTER);
	if (f != NULL && is_empty(file_of(s->wdb,
	    SQLITE_FCNTL_JOURNAL_POINTER))) {
		sqlite3_db_release_memory(s->wdb);
		wipe_slice(s, f);
	}
	sqlite_run(s->w[W_ROLLBACK]);
}
