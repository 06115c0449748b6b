#include <err.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "hasher.h"
#include "password.h"
#include "util.h"

#define BASE64		sodium_base64_VARIANT_ORIGINAL_NO_PADDING

/* By enum auth_cost: passes, and bytes of memory. The least is what OWASP's
 * "Password Storage Cheat Sheet" has for so little memory. */
static const struct hash_cost costs[] = {
	[COST_INTERACTIVE] = { crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
	    crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE },
	[COST_MODERATE] = { crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
	    crypto_pwhash_argon2id_MEMLIMIT_MODERATE },
	[COST_MINIMAL] = { 5, 8 * 1024 * 1024 }
};

struct auth {
	struct mailbox	*to;
	struct hashers	*hashers;	/* one for each thread */
	struct hash_cost cost;
	pthread_mutex_t	 lock;		/* of the next four */
	pthread_cond_t	 cond;
	struct mail_list waiting;
	bool		 stopped;
	struct auth_metrics metrics;	/* to be written */
	unsigned	 max;		/* of those that wait */
	unsigned	 nthreads;
	struct worker {
		struct auth *auth;
		pthread_t thread;
		unsigned number;
	} workers[];
};

/* An account's argon2id string, taken apart. */
struct hash {
	struct hash_cost cost;
	unsigned char	 salt[HASH_SALT_SIZE], sum[HASH_SUM_SIZE];
};

static void
init(void)
{
	if (sodium_init() == -1)
		errx(1, "libsodium");
}

/* As libsodium writes and reads it. */
static void
hash_print(const struct hash *h, char text[crypto_pwhash_STRBYTES])
{
	char salt[sodium_base64_ENCODED_LEN(HASH_SALT_SIZE, BASE64)];
	char sum[sodium_base64_ENCODED_LEN(HASH_SUM_SIZE, BASE64)];

	sodium_bin2base64(salt, sizeof(salt), h->salt, sizeof(h->salt),
	    BASE64);
	sodium_bin2base64(sum, sizeof(sum), h->sum, sizeof(h->sum), BASE64);
	snprintf(text, crypto_pwhash_STRBYTES,
	    "$argon2id$v=19$m=%zu,t=%llu,p=1$%s$%s", h->cost.memory / 1024,
	    h->cost.passes, salt, sum);
}

static bool
from_base64(unsigned char *to, size_t size, const char *s, size_t n)
{
	size_t len;

	return sodium_base642bin(to, size, s, n, NULL, &len, NULL,
	    BASE64) == 0 && len == size;
}

static bool
hash_parse(struct hash *h, const char *s)
{
	unsigned memory, passes;
	const char *sum;
	int n = 0;

	if (sscanf(s, "$argon2id$v=19$m=%u,t=%u,p=1$%n", &memory, &passes,
	    &n) != 2 || n == 0)
		return false;
	s += n;
	if ((sum = strchr(s, '$')) == NULL ||
	    !from_base64(h->salt, sizeof(h->salt), s, (size_t)(sum - s)) ||
	    !from_base64(h->sum, sizeof(h->sum), sum + 1, strlen(sum + 1)))
		return false;
	h->cost = (struct hash_cost){ passes, (size_t)memory * 1024 };
	return true;
}

enum auth_cost
auth_hash_cost(const char *s)
{
	struct hash h;
	size_t i;

	for (i = 0; i < NITEMS(costs) && hash_parse(&h, s); i++) {
		if (h.cost.passes == costs[i].passes &&
		    h.cost.memory == costs[i].memory)
			return (enum auth_cost)i;
	}
	return AUTH_COSTS;
}

/* The sum of a password; *is_one: it can be one at all, else the sum is that of
 * none, which takes as long. */
static bool
make_sum(const struct worker *w, const char *password, const struct hash *h,
    unsigned char sum[HASH_SUM_SIZE], bool *is_one)
{
	struct hash_input in = { .cost = h->cost };
	bool good;

	memcpy(in.salt, h->salt, sizeof(in.salt));
	in.len = password_prepare(in.password, password);
	*is_one = in.len > 0;
	good = hashers_sum(w->auth->hashers, w->number, &in, sum);
	sodium_memzero(&in, sizeof(in));
	return good;
}

/* What no password is known to have. */
static void
make_nobodys(struct hash *h, enum auth_cost cost)
{
	h->cost = costs[cost];
	random_bytes(h->salt, sizeof(h->salt));
	random_bytes(h->sum, sizeof(h->sum));
}

/*
 * Not crypto_pwhash_str_verify(): for that one a password is wrong as well if
 * there is no memory to check it.
 */
static enum proof
verify(const struct worker *w, const struct request *req)
{
	unsigned char sum[HASH_SUM_SIZE];
	struct hash h;
	bool is_one;

	if (req->hash == NULL)
		make_nobodys(&h, (enum auth_cost)req->decoy);
	if (req->password == NULL ||
	    (req->hash != NULL && !hash_parse(&h, req->hash)) ||
	    !make_sum(w, req->password, &h, sum, &is_one))
		return PROOF_FAILED;
	return sodium_memcmp(sum, h.sum, sizeof(sum)) == 0 &&
	    req->hash != NULL && is_one ? PROOF_GOOD : PROOF_BAD;
}

/* The string of a password, in the request's arena; NULL: no memory, or it can
 * be none. */
static const char *
make_hash(const struct worker *w, struct request *req, const char *password)
{
	char text[crypto_pwhash_STRBYTES];
	struct hash h = { .cost = w->auth->cost };
	bool is_one;

	if (password == NULL)
		return NULL;
	random_bytes(h.salt, sizeof(h.salt));
	if (!make_sum(w, password, &h, h.sum, &is_one) || !is_one)
		return NULL;
	hash_print(&h, text);
	return request_str(req, text);
}

/* Another cost's hash: a new one, for as long as the password is known. If
 * there is no memory, the next login will do. */
static void
renew(const struct worker *w, struct request *req)
{
	const struct hash_cost *cost = &w->auth->cost;

	if (crypto_pwhash_str_needs_rehash(req->hash, cost->passes,
	    cost->memory) == 1)
		req->rehash = make_hash(w, req, req->password);
}

static void
work(const struct worker *w, struct request *req)
{
	const char *wanted = req->new_password;

	req->rehash = NULL;
	if (req->auth_job == AUTH_HASH) {
		req->proof = PROOF_GOOD;
		if (wanted == NULL)
			wanted = req->password;
	} else
		req->proof = verify(w, req);
	if (req->auth_job == AUTH_VERIFY) {
		if (req->proof == PROOF_GOOD)
			renew(w, req);
	} else if (req->proof == PROOF_GOOD) {
		req->rehash = make_hash(w, req, wanted);
		if (req->rehash == NULL)
			req->proof = PROOF_FAILED;
	}
	request_wipe(req);
}

static struct request *
take(struct auth *a)
{
	struct mail *m = NULL;

	pthread_mutex_lock(&a->lock);
	while (!a->stopped && (m = mail_list_pop(&a->waiting)) == NULL)
		pthread_cond_wait(&a->cond, &a->lock);
	metric_set(&a->metrics.waiting, a->waiting.n);
	if (m != NULL)
		metric_add(&a->metrics.busy, 1);
	pthread_mutex_unlock(&a->lock);
	return (struct request *)m;
}

static void
count_done(struct auth *a)
{
	pthread_mutex_lock(&a->lock);
	metric_set(&a->metrics.busy, metric_get(&a->metrics.busy) - 1);
	metric_add(&a->metrics.done, 1);
	pthread_mutex_unlock(&a->lock);
}

static void *
run(void *arg)
{
	const struct worker *w = arg;
	struct request *req;

	pthread_setname_np(pthread_self(), "auth");
	while ((req = take(w->auth)) != NULL) {
		work(w, req);
		count_done(w->auth);
		mailbox_post_one(w->auth->to, &req->mail);
	}
	return NULL;
}

struct auth *
auth_new(const struct conf *conf, struct hashers *hashers, struct mailbox *to)
{
	struct auth *a = xcalloc(1, sizeof(*a) + conf->auth_workers *
	    sizeof(a->workers[0]));
	struct worker *w;
	int error;

	init();
	a->to = to;
	a->hashers = hashers;
	a->cost = costs[conf->auth_cost];
	a->max = conf->auth_queue;
	metric_set(&a->metrics.workers, conf->auth_workers);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->cond, NULL);
	mail_list_init(&a->waiting);
	for (; a->nthreads < conf->auth_workers; a->nthreads++) {
		w = &a->workers[a->nthreads];
		w->auth = a;
		w->number = a->nthreads;
		error = pthread_create(&w->thread, NULL, run, w);
		if (error != 0)
			errx(1, "pthread_create: %s", strerror(error));
	}
	return a;
}

bool
auth_submit(struct auth *a, struct request *req)
{
	bool taken;

	pthread_mutex_lock(&a->lock);
	if ((taken = !a->stopped && a->waiting.n < a->max)) {
		mail_list_add(&a->waiting, &req->mail);
		metric_set(&a->metrics.waiting, a->waiting.n);
		pthread_cond_signal(&a->cond);
	}
	pthread_mutex_unlock(&a->lock);
	return taken;
}

const struct auth_metrics *
auth_metrics(const struct auth *a)
{
	return &a->metrics;
}

void
auth_clear(struct auth *a)
{
	struct mail_list back;
	struct mail *m;

	mail_list_init(&back);
	pthread_mutex_lock(&a->lock);
	mail_list_join(&back, &a->waiting);
	metric_set(&a->metrics.waiting, 0);
	pthread_mutex_unlock(&a->lock);
	for (m = back.first; m != NULL; m = m->next) {
		struct request *req = (struct request *)m;

		req->proof = PROOF_UNTRIED;
		request_wipe(req);
	}
	mailbox_post(a->to, &back);
}

void
auth_stop(struct auth *a)
{
	unsigned i;

	pthread_mutex_lock(&a->lock);
	a->stopped = true;
	pthread_cond_broadcast(&a->cond);
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->nthreads; i++)
		pthread_join(a->workers[i].thread, NULL);
	a->nthreads = 0;
	auth_clear(a);
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	auth_stop(a);
	hashers_end(a->hashers);
	pthread_cond_destroy(&a->cond);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Characters of UTF-8: all bytes but those that go on with one. */
static size_t
characters(const char *s, size_t len)
{
	size_t n = 0, i;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

bool
auth_password_fits(struct request *req, const char *password,
    const struct conf *conf, const char **why)
{
	char prepared[PASSWORD_MAX];
	size_t len = password_prepare(prepared, password);

	if (len == 0 && *password != '\0')
		*why = request_fmt(req, "A password has at most %d bytes.",
		    PASSWORD_MAX);
	else if (len == 0 || characters(prepared, len) < conf->password_min)
		*why = request_fmt(req, "A password has at least %u "
		    "characters.", conf->password_min);
	else if (password_has_control(prepared, len))
		*why = "A password holds no control characters.";
	else
		*why = NULL;
	sodium_memzero(prepared, sizeof(prepared));
	return *why == NULL;
}

void
auth_token_new(char text[TOKEN_SIZE])
{
	unsigned char bytes[TOKEN_RANDOM];
	size_t n = strlen(TOKEN_PREFIX);

	random_bytes(bytes, sizeof(bytes));
	memcpy(text, TOKEN_PREFIX, n);
	sodium_bin2base64(text + n, TOKEN_SIZE - n, bytes, sizeof(bytes),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof(bytes));
}

void
auth_token_hash(const char *token, char hex[TOKEN_HASH_SIZE])
{
	unsigned char sum[crypto_generichash_BYTES];

	init();
	crypto_generichash(sum, sizeof(sum), (const unsigned char *)token,
	    strlen(token), NULL, 0);
	sodium_bin2hex(hex, TOKEN_HASH_SIZE, sum, sizeof(sum));
}

bool
auth_equal(const char *a, const char *b)
{
	size_t n = strlen(a);

	return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}
