#include <criterion/criterion.h>

#include "columns.h"

TestSuite(columns, .timeout = 30);

static void
expect_table(size_t width, const char *const *cells, const char *wanted)
{
	struct columns c;
	struct buf b = { 0 };

	columns_init(&c, width);
	for (; *cells != NULL; cells++)
		columns_add(&c, *cells);
	columns_render(&c, &b);
	cr_expect_str_eq(buf_str(&b), wanted);
	columns_free(&c);
	buf_free(&b);
}

#define CELLS(...)	((const char *const []){ __VA_ARGS__, NULL })

Test(columns, aligned)
{
	expect_table(2, CELLS(NULL), "");
	expect_table(1, CELLS("a", "bcd", "ef"), "a\nbcd\nef\n");
	expect_table(3, CELLS("NAME", "N", "TEXT", "a", "100", "x y",
	    "longer", "7", "z"),
	    "NAME    N    TEXT\n"
	    "a       100  x y\n"
	    "longer  7    z\n");
}

/* What is empty at a row's end leaves no blanks there. */
Test(columns, empty_cells)
{
	struct columns c;
	struct buf b = { 0 };

	expect_table(3, CELLS("a", "", "c", "dd", "e", "", "", "", "f"),
	    "a      c\ndd  e\n       f\n");
	expect_table(2, CELLS("", "", "a", "b"), "\na  b\n");
	columns_init(&c, 2);
	columns_add(&c, "a");
	columns_add(&c, NULL);
	columns_add(&c, "half a row");
	columns_render(&c, &b);
	cr_expect_str_eq(buf_str(&b), "a\nhalf a row\n");
	columns_free(&c);
	buf_free(&b);
}

/* Columns on a terminal, not bytes or characters. */
Test(columns, width)
{
	expect_table(2, CELLS("\u00e4", "1", "e\u0301e", "2",
	    "\u65e5\u672c", "3", "abcd", "4"),
	    "\u00e4     1\n" "e\u0301e    2\n" "\u65e5\u672c  3\n"
	    "abcd  4\n");
}

/* Nothing reaches the terminal that it would obey. */
Test(columns, cleaned)
{
	expect_table(2, CELLS("a\033[2Jb", "x", "t\tt", "y", "l\nl", "z"),
	    "a\ufffd[2Jb  x\nt t     y\nl\ufffdl     z\n");
	expect_table(1, CELLS("\xff", "\u202eevil"), "\n\ufffdevil\n");
}
