/*
 * Passwords, proved by the auth pool: what is there, and how often it may be
 * tried. A request goes there and comes back to the hub, which may then see
 * another state of things than before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub-internal.h"
#include "tries.h"
#include "util.h"

#define RETRY_MS	500	/* the auth pool is full */

static void
busy(struct request *req)
{
	request_fail(req, ERR_RATE_LIMITED, "The server is busy with other "
	    "passwords: try again in a moment.");
	req->retry_ms = RETRY_MS;
}

void
auth_failed(struct request *req)
{
	if (req->proof == PROOF_UNTRIED)
		busy(req);
	else
		request_fail(req, ERR_INTERNAL, NULL);
}

bool
auth_ask(struct hub *h, struct request *req, enum auth_job job)
{
	req->auth_job = job;
	req->waits = h->proving;
	h->proving = req;
	if (h->out.auth(h->out.arg, req)) {
		h->nproving++;
		return true;
	}
	h->proving = req->waits;
	h->counts.refused[AUTH_REFUSED_QUEUE]++;
	busy(req);
	return false;
}

void
auth_answered(struct hub *h, struct request *req)
{
	struct request **at;

	for (at = &h->proving; *at != req; at = &(*at)->waits)
		;
	*at = req->waits;
	h->nproving--;
}

void
login_abandon(struct hub *h, client_id client)
{
	struct request *req;

	for (req = h->proving; req != NULL; req = req->waits) {
		if (req->client == client)
			req->abandoned = true;
	}
}

#define ADDRESS_KEY_SIZE	(TRIES_KEY_SIZE + 2)

/* Under what a request's address is counted; "": under nothing. */
static void
address_key(char text[ADDRESS_KEY_SIZE], const struct request *req)
{
	char key[TRIES_KEY_SIZE];

	text[0] = '\0';
	if (req->address != NULL && strcmp(req->address, "unix") != 0) {
		tries_address_key(key, req->address);
		snprintf(text, ADDRESS_KEY_SIZE, "a/%s", key);
	}
}

bool
enrol_ask(struct hub *h, struct request *req)
{
	char key[ADDRESS_KEY_SIZE];

	address_key(key, req);
	if (*key != '\0' && !tries_allowed(h->registers, key, clock_ms(),
	    &req->retry_ms)) {
		h->counts.refused[AUTH_REFUSED_REGISTER]++;
		request_fail(req, ERR_RATE_LIMITED, "Too many have registered "
		    "from your address: wait.");
		return false;
	}
	if (*key != '\0')
		tries_failed(h->registers, key, clock_ms());
	if (auth_ask(h, req, AUTH_HASH))
		return true;
	enrol_undo(h, req);
	return false;
}

void
enrol_undo(struct hub *h, struct request *req)
{
	char key[ADDRESS_KEY_SIZE];

	address_key(key, req);
	if (*key != '\0')
		tries_undo(h->registers, key);
}

/* Keys under which a guess is counted. */
struct guess {
	char		 address[ADDRESS_KEY_SIZE];
	const char	*name;
};

static void
guess_keys(struct guess *g, struct request *req, const char *name)
{
	address_key(g->address, req);
	g->name = request_fmt(req, "n/%s", name);
}

/*
 * Whoever has logged in from an address is not kept from it by strangers who
 * guess at the name from elsewhere.
 */
static bool
guess_begin(struct hub *h, const struct account *a, struct request *req,
    const struct guess *g)
{
	bool known = a != NULL && a->proved_from != NULL &&
	    req->address != NULL && strcmp(a->proved_from, req->address) == 0;
	uint64_t now = clock_ms();

	if ((*g->address != '\0' && !tries_allowed(h->tries, g->address, now,
	    &req->retry_ms)) || (!known && !tries_allowed(h->tries, g->name,
	    now, &req->retry_ms))) {
		h->counts.refused[AUTH_REFUSED_TRIES]++;
		request_fail(req, ERR_RATE_LIMITED, "Too many logins have "
		    "failed: wait.");
		return false;
	}
	if (*g->address != '\0')
		tries_failed(h->tries, g->address, now);
	tries_failed(h->tries, g->name, now);
	return true;
}

static void
guess_undo(struct hub *h, const struct guess *g)
{
	if (*g->address != '\0')
		tries_undo(h->tries, g->address);
	tries_undo(h->tries, g->name);
}

static void
guess_good(struct hub *h, struct account *a, const struct request *req,
    const struct guess *g)
{
	if (*g->address != '\0')
		tries_undo(h->tries, g->address);
	tries_forget(h->tries, g->name);
	if (req->address == NULL)
		return;
	free(a->proved_from);
	a->proved_from = xstrdup(req->address);
}

/* If it cannot be stored now, the next guess will do. */
static void
keep_key(struct hub *h)
{
	struct request *note = request_new(CMD_NOTE);
	struct store_op op = { .kind = STORE_FACTS, .req = note };

	fact_add(note, &op, DECOY_FACT, json_string(h->decoys.key));
	h->decoys.kept = hub_submit(h, NULL, &op);
	if (!h->decoys.kept)
		request_free(note);
}

/* What the password is compared with. An account may have none yet. */
static void
set_hash(struct hub *h, const struct account *a, struct request *req,
    const char *name)
{
	if (a != NULL && *a->hash != '\0') {
		req->hash = request_str(req, a->hash);
		return;
	}
	req->hash = NULL;
	if (decoys_want_key(&h->decoys))
		keep_key(h);
	req->decoy = (uint8_t)decoys_cost(&h->decoys, name,
	    h->conf->auth_cost);
}

bool
guess_ask(struct hub *h, struct account *a, struct request *req,
    enum auth_job job, const char *name)
{
	struct guess g;

	guess_keys(&g, req, name);
	if (!guess_begin(h, a, req, &g))
		return false;
	set_hash(h, a, req, name);
	if (auth_ask(h, req, job))
		return true;
	guess_undo(h, &g);
	return false;
}

void
guess_wrong(struct hub *h, const struct account *a, struct request *req,
    const char *name)
{
	struct guess g;

	guess_keys(&g, req, name);
	if (!guess_begin(h, a, req, &g))
		return;
	h->counts.failures++;
	request_fail(req, ERR_BAD_PASSWORD, NULL);
}

/* Is the password that was shown the account's still? */
static bool
is_same(const struct account *a, const struct request *req)
{
	return a != NULL && req->hash != NULL &&
	    (strcmp(a->hash, req->hash) == 0 || (a->hash_before != NULL &&
	    strcmp(a->hash_before, req->hash) == 0));
}

bool
guess_right(struct hub *h, struct account *a, struct request *req,
    const char *name)
{
	bool same = is_same(a, req);
	struct guess g;

	guess_keys(&g, req, name);
	if (req->proof == PROOF_GOOD && same) {
		guess_good(h, a, req, &g);
		return true;
	}
	if (req->proof == PROOF_FAILED || req->proof == PROOF_UNTRIED) {
		guess_undo(h, &g);
		auth_failed(req);
	} else {
		h->counts.failures++;
		request_fail(req, ERR_BAD_PASSWORD, NULL);
	}
	return false;
}
