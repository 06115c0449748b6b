/*
 * The operator's commands, as far as the keeper itself has to do with them.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control-ask.h"
#include "keeper-internal.h"
#include "log.h"
#include "service.h"
#include "store.h"
#include "tls.h"
#include "upgrade.h"

bool
keeper_is_busy(struct keeper *k, client_id who, bool busy)
{
	if (busy)
		control_fail(k->control, who, "upgrading",
		    "An upgrade is under way: ask again.");
	return busy;
}

static void
add_loops(const struct daemon *d, struct buf *b)
{
	const struct loop *l;
	unsigned i;

	buf_adds(b, ",\"loops\":[");
	for (i = 0; i < d->nloops; i++) {
		l = &d->loops[i];
		buf_addf(b, "%s{\"clients\":%u,\"busy_ms\":%u,\"backlog\":%zu}",
		    i > 0 ? "," : "", atomic_load(&l->nsessions),
		    atomic_load(&l->busy), atomic_load(&l->backlog));
	}
	buf_adds(b, "]");
}

void
keeper_status(struct keeper *k, client_id who)
{
	const struct daemon *d = k->daemon;
	char *dir = xasprintf("%s%s", k->conf->chroot, k->conf->state_dir);
	struct buf b = { 0 };

	control_adds(&b, "server", k->conf->server_name);
	control_adds(&b, "version", PACKAGE_VERSION);
	control_adds(&b, "state", k->drain_end != 0 ? "draining" : "serving");
	control_addu(&b, "pid", (uint64_t)getpid());
	control_addu(&b, "uptime", (clock_ms() - k->started) / 1000);
	control_adds(&b, "store", k->conf->store);
	control_adds(&b, "state_dir", dir);
	control_listens(&b, k->conf, k->ports);
	control_addu(&b, "clients", atomic_load(&d->nclients));
	control_addu(&b, "users", metric_get(&d->metrics.users));
	control_addu(&b, "rooms", metric_get(&d->metrics.rooms));
	control_addu(&b, "inboxes", metric_get(&d->metrics.inboxes));
	add_loops(d, &b);
	control_ok(k->control, who, &b);
	buf_free(&b);
	free(dir);
}

void
keeper_top(struct keeper *k, client_id who)
{
	struct buf b = { 0 };

	control_adds(&b, "server", k->conf->server_name);
	control_adds(&b, "version", PACKAGE_VERSION);
	control_adds(&b, "state", k->drain_end != 0 ? "draining" : "serving");
	control_addu(&b, "uptime", (clock_ms() - k->started) / 1000);
	control_addu(&b, "at_us", clock_us());
	buf_adds(&b, ",\"metrics\":{");
	metrics_json(k->daemon, k->conf, &b);
	buf_adds(&b, "}");
	control_ok(k->control, who, &b);
	buf_free(&b);
}

void
keeper_notice(struct keeper *k, client_id who, const char *text)
{
	struct job *job;

	if (keeper_is_busy(k, who, upgrade_is_still(k->upgrade)))
		return;
	job = job_new(k, ORDER_NOTICE, who);
	job->text = xstrdup(text);
	job_order_loops(k, job);
}

void
keeper_ask(struct keeper *k, struct request *req)
{
	if (keeper_is_busy(k, req->client, upgrade_is_still(k->upgrade))) {
		request_free(req);
		return;
	}
	req->mail.kind = MAIL_REQUEST;
	mailbox_post_one(k->daemon->hub, &req->mail);
}

/* Of those who have not logged in only the loops know. */
void
keeper_replied(struct keeper *k, struct request *req)
{
	struct job *job;

	if (req->cmd != CMD_SHUT_OUT || req->error != ERR_NONE ||
	    req->whom_address == NULL || upgrade_is_still(k->upgrade)) {
		control_replied(k->control, req);
		return;
	}
	job = job_new(k, ORDER_SHUT_OUT, 0);
	job->ban = req;
	job_order_loops(k, job);
}

void
keeper_read(struct keeper *k, struct store_read *r)
{
	if (keeper_is_busy(k, r->client, upgrade_is_still(k->upgrade))) {
		store_read_free(r);
		return;
	}
	r->to = &k->box;
	store_read(k->daemon->store, r);
}

/* A line of the log for each line of the error. */
static void
reload_failed(struct keeper *k, client_id who, char *error)
{
	char *line, *rest;

	control_fail(k->control, who, "bad-config", error);
	for (line = strtok_r(error, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		log_error("reload-failed", LS("error", line), LEND);
}

/* The new configuration, if all of it can be had; else NULL and *error. */
static struct conf *
new_conf(struct keeper *k, struct conf_changes *changes, char **error)
{
	struct conf *conf = conf_reload(k->conf, k->source, changes, error);

	if (conf != NULL && !tls_reload(k->daemon->tls, conf,
	    &changes->certificate, error)) {
		conf_changes_free(changes);
		conf_free(conf);
		conf = NULL;
	}
	return conf;
}

void
keeper_reload(struct keeper *k, client_id who)
{
	struct conf_changes changes = { 0 };
	struct conf *conf;
	struct job *job;
	char *error;

	log_reopen();
	log_notice("reopened", LEND);
	if (keeper_is_busy(k, who, upgrade_is_active(k->upgrade))) {
		log_error("reload-failed", LS("error", "upgrading"), LEND);
		return;
	}
	service_reloading();
	conf = new_conf(k, &changes, &error);
	if (conf == NULL) {
		service_notify("READY=1");
		reload_failed(k, who, error);
		free(error);
		return;
	}
	job = job_new(k, ORDER_CONF, who);
	job->old = k->conf;
	k->daemon->conf = k->conf = conf;
	control_changed(&changes, &job->answer);
	conf_changes_free(&changes);
	log_level_set(conf->log_level);
	store_configure(k->daemon->store, conf);
	job_order(k, job, k->daemon->hub);
	job_order_loops(k, job);
	log_notice("reloaded", LEND);
}

/* Is an upgrade under way? One that has failed is done with here. */
static bool
is_upgrading(struct keeper *k)
{
	if (k->upgrade != NULL && upgrade_is_over(k->upgrade)) {
		upgrade_free(k->upgrade);
		k->upgrade = NULL;
	}
	return k->upgrade != NULL;
}

void
keeper_upgrade(struct keeper *k, client_id who, const char *binary)
{
	if (k->drain_end != 0) {
		control_fail(k->control, who, "draining", "It is draining.");
		return;
	}
	if (keeper_is_busy(k, who, is_upgrading(k)))
		return;
	k->upgrade = upgrade_start(k, who, binary != NULL ? binary : k->file,
	    k->argv);
}
