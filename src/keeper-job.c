#include <stdlib.h>

#include "control-ask.h"
#include "keeper-internal.h"
#include "service.h"
#include "upgrade.h"

struct job *
job_new(struct keeper *k, enum order_kind kind, client_id who)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->kind = kind;
	job->who = who;
	LIST_INSERT_HEAD(&k->jobs, job, entries);
	return job;
}

void
job_free(struct job *job)
{
	conf_free(job->old);
	buf_free(&job->answer);
	free(job->text);
	if (job->ban != NULL)
		request_free(job->ban);
	free(job);
}

struct job *
job_find(const struct keeper *k, enum order_kind kind)
{
	struct job *job;

	LIST_FOREACH(job, &k->jobs, entries) {
		if (job->kind == kind)
			break;
	}
	return job;
}

void
job_order(const struct keeper *k, struct job *job, struct mailbox *to)
{
	struct order *o = xcalloc(1, sizeof(*o));

	o->mail.kind = MAIL_ORDER;
	o->kind = job->kind;
	o->job = job;
	o->conf = k->conf;
	o->text = job->text;
	o->ban = job->ban;
	job->left++;
	mailbox_post_one(to, &o->mail);
}

void
job_order_loops(const struct keeper *k, struct job *job)
{
	unsigned i;

	for (i = 0; i < k->daemon->nloops; i++)
		job_order(k, job, &k->daemon->loops[i].box);
}

void
job_carried_out(struct keeper *k, struct order *o)
{
	struct job *job = o->job;

	if (job == NULL) {
		upgrade_carried_out(k->upgrade, o);
		return;
	}
	job->count += o->count;
	free(o);
	if (--job->left > 0)
		return;
	LIST_REMOVE(job, entries);
	if (job->kind == ORDER_ALIVE)
		service_notify("WATCHDOG=1");
	else if (job->kind == ORDER_CONF)
		service_notify("READY=1");
	else if (job->kind == ORDER_REST)
		keeper_rested(k, job->count > 0);
	else if (job->kind == ORDER_SHUT_OUT) {
		job->ban->members += (uint32_t)job->count;
		control_replied(k->control, job->ban);
		job->ban = NULL;
	} else
		control_addu(&job->answer, "clients", job->count);
	control_ok(k->control, job->who, &job->answer);
	job_free(job);
}
