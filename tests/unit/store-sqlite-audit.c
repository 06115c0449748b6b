/* The audit in the SQLite store: who has how many lines, and how they are
 * found. */
#include "store-shell.h"
#include "store-sqlite.h"

#include <sys/resource.h>

#include <signal.h>

TestSuite(audit, .init = setup, .fini = teardown, .timeout = 120);

/* Lines that are too old, too many, and taken back as their group fails. */
Test(audit, lines_of_the_audit_are_counted)
{
	struct rlimit limit = { 1, RLIM_INFINITY };
	struct store_op *op;
	unsigned i;

	signal(SIGXFSZ, SIG_IGN);
	rig.conf.audit_max = 5;
	rig.conf.audit_rooms = 12;
	reopen();
	for (i = 0; i < 300; i++) {
		op = op_say(i % 7, "ann", "said", NULL);
		op->kind = i % 7 == 0 ? STORE_FACTS : STORE_APPEND;
		op->audit = "{}";
		cr_assert_eq(rig_do(&rig, op)->error, STORE_OK);
		op_free(op);
	}
	sql_until("SELECT count(*) FROM audit", 5 + 12);
	sql_until("SELECT max(count) FROM audits WHERE room > 0", 2);
	check_audits();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(rig_facts(&rig, NULL, 0, "{}"), STORE_UNAVAILABLE);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	check_audits();
	rig.conf.audit_age = 1;
	store_configure(rig.store, &rig.conf);
	sql_until("SELECT count(*) FROM audit", 1);
	check_audits();
	cr_assert_eq(sql_int("SELECT count(*) FROM audits"), 2);
}

/* How SQLite goes about a statement, a line a step. */
static char *
plan_of(const char *text)
{
	char *sql = xasprintf("EXPLAIN QUERY PLAN %s", text);
	sqlite3 *db = shell();
	struct buf plan = { 0 };
	sqlite3_stmt *st;

	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW)
		buf_addf(&plan, "%s\n", (const char *)
		    sqlite3_column_text(st, 3));
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(sql);
	return plan.data;
}

/* What the slices ask looks at a few rows only, however many there are. */
Test(audit, the_audit_is_pruned_by_its_indexes)
{
	static const struct {
		enum sqlite_write what;
		const char	*by;
	} plans[] = {
		{ W_AUDIT_MOST, "INDEX audits_count" },
		{ W_AUDIT_ROOMS, "SEARCH audits USING INTEGER PRIMARY KEY" },
		{ W_AUDIT_CUT, "SEARCH audit USING COVERING INDEX audit_room" },
	};
	size_t i;

	reopen();
	for (i = 0; i < NITEMS(plans); i++) {
		char *plan = plan_of(sqlite_writes[plans[i].what]);

		cr_assert_not_null(strstr(plan, plans[i].by), "%s", plan);
		cr_assert_null(strstr(plan, "TEMP B-TREE"), "%s", plan);
		free(plan);
	}
}
