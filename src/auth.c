#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "log.h"
#include "util.h"

#define NICE		19
#define SALT_SIZE	crypto_pwhash_argon2id_SALTBYTES
#define SUM_SIZE	32		/* bytes, as libsodium has it */
#define BASE64		sodium_base64_VARIANT_ORIGINAL_NO_PADDING

/* By enum auth_cost: passes, and bytes of memory. The least is what OWASP's
 * "Password Storage Cheat Sheet" has for so little memory. */
static const struct cost {
	unsigned long long passes;
	size_t		 memory;
} costs[] = {
	[COST_INTERACTIVE] = { crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE,
	    crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE },
	[COST_MODERATE] = { crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
	    crypto_pwhash_argon2id_MEMLIMIT_MODERATE },
	[COST_MINIMAL] = { 5, 8 * 1024 * 1024 }
};

struct auth {
	struct mailbox	*to;
	struct cost	 cost;
	char		 nobodys[crypto_pwhash_STRBYTES];
	pthread_mutex_t	 lock;		/* of the next three */
	pthread_cond_t	 cond;
	struct mail_list waiting;
	bool		 stopped;
	unsigned	 max;		/* of those that wait */
	unsigned	 nthreads;
	pthread_t	 threads[];
};

/* An account's argon2id string, taken apart. */
struct hash {
	struct cost	 cost;
	unsigned char	 salt[SALT_SIZE], sum[SUM_SIZE];
};

static void
init(void)
{
	if (sodium_init() == -1)
		errx(1, "libsodium");
}

/* The string of a cost that no password is known to have. */
static void
make_nobodys(struct auth *a)
{
	unsigned char salt[SALT_SIZE], sum[SUM_SIZE];
	char salt_text[sodium_base64_ENCODED_LEN(SALT_SIZE, BASE64)];
	char sum_text[sodium_base64_ENCODED_LEN(SUM_SIZE, BASE64)];

	random_bytes(salt, sizeof(salt));
	random_bytes(sum, sizeof(sum));
	sodium_bin2base64(salt_text, sizeof(salt_text), salt, sizeof(salt),
	    BASE64);
	sodium_bin2base64(sum_text, sizeof(sum_text), sum, sizeof(sum),
	    BASE64);
	snprintf(a->nobodys, sizeof(a->nobodys),
	    "$argon2id$v=19$m=%zu,t=%llu,p=1$%s$%s", a->cost.memory / 1024,
	    a->cost.passes, salt_text, sum_text);
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
	    !from_base64(h->salt, SALT_SIZE, s, (size_t)(sum - s)) ||
	    !from_base64(h->sum, SUM_SIZE, sum + 1, strlen(sum + 1)))
		return false;
	h->cost = (struct cost){ passes, (size_t)memory * 1024 };
	return true;
}

/*
 * Not crypto_pwhash_str_verify(): for that one a password is wrong as well if
 * there is no memory to check it.
 */
static enum proof
verify(const struct auth *a, const char *password, const char *text)
{
	unsigned char sum[SUM_SIZE];
	struct hash h;

	if (password == NULL ||
	    !hash_parse(&h, text != NULL ? text : a->nobodys) ||
	    crypto_pwhash(sum, sizeof(sum), password, strlen(password), h.salt,
	    h.cost.passes, h.cost.memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return PROOF_FAILED;
	return sodium_memcmp(sum, h.sum, sizeof(sum)) == 0 && text != NULL ?
	    PROOF_GOOD : PROOF_BAD;
}

/* The string of a password, in the request's arena; NULL: no memory. */
static const char *
make_hash(const struct auth *a, struct request *req, const char *password)
{
	char text[crypto_pwhash_STRBYTES];

	if (password == NULL || crypto_pwhash_str_alg(text, password,
	    strlen(password), a->cost.passes, a->cost.memory,
	    crypto_pwhash_ALG_ARGON2ID13) != 0)
		return NULL;
	return request_str(req, text);
}

/* Another cost's hash: a new one, for as long as the password is known. If
 * there is no memory, the next login will do. */
static void
renew(const struct auth *a, struct request *req)
{
	if (crypto_pwhash_str_needs_rehash(req->hash, a->cost.passes,
	    a->cost.memory) == 1)
		req->rehash = make_hash(a, req, req->password);
}

static void
work(const struct auth *a, struct request *req)
{
	const char *wanted = req->new_password;

	req->rehash = NULL;
	if (req->auth_job == AUTH_HASH) {
		req->proof = PROOF_GOOD;
		if (wanted == NULL)
			wanted = req->password;
	} else
		req->proof = verify(a, req->password, req->hash);
	if (req->auth_job == AUTH_VERIFY) {
		if (req->proof == PROOF_GOOD)
			renew(a, req);
	} else if (req->proof == PROOF_GOOD) {
		req->rehash = make_hash(a, req, wanted);
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
	pthread_mutex_unlock(&a->lock);
	return (struct request *)m;
}

/*
 * Behind all other threads: two that hash would take a message's writers half
 * of two cores. A niceness is the thread's own on Linux, whatever POSIX says.
 * It is not SCHED_IDLE: on a busy machine that gets next to nothing.
 */
static void
be_last(void)
{
	if (setpriority(PRIO_PROCESS, 0, NICE) == -1)
		log_warn("auth_priority", LS("error", strerror(errno)), LEND);
}

static void *
run(void *arg)
{
	struct auth *a = arg;
	struct request *req;

	pthread_setname_np(pthread_self(), "auth");
	be_last();
	while ((req = take(a)) != NULL) {
		work(a, req);
		mailbox_post_one(a->to, &req->mail);
	}
	return NULL;
}

struct auth *
auth_new(const struct conf *conf, struct mailbox *to)
{
	struct auth *a = xcalloc(1, sizeof(*a) + conf->auth_workers *
	    sizeof(a->threads[0]));
	int error;

	init();
	a->to = to;
	a->cost = costs[conf->auth_cost];
	a->max = conf->auth_queue;
	make_nobodys(a);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->cond, NULL);
	mail_list_init(&a->waiting);
	for (; a->nthreads < conf->auth_workers; a->nthreads++) {
		error = pthread_create(&a->threads[a->nthreads], NULL, run, a);
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
		pthread_cond_signal(&a->cond);
	}
	pthread_mutex_unlock(&a->lock);
	return taken;
}

void
auth_clear(struct auth *a)
{
	struct mail_list back;
	struct mail *m;

	mail_list_init(&back);
	pthread_mutex_lock(&a->lock);
	mail_list_join(&back, &a->waiting);
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
		pthread_join(a->threads[i], NULL);
	a->nthreads = 0;
	auth_clear(a);
}

void
auth_free(struct auth *a)
{
	if (a == NULL)
		return;
	auth_stop(a);
	pthread_cond_destroy(&a->cond);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* Characters of UTF-8: all bytes but those that go on with one. */
static size_t
characters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

bool
auth_password_fits(struct request *req, const char *password,
    const struct conf *conf, const char **why)
{
	if (strlen(password) > PASSWORD_MAX)
		*why = request_fmt(req, "A password has at most %d bytes.",
		    PASSWORD_MAX);
	else if (characters(password) < conf->password_min)
		*why = request_fmt(req, "A password has at least %u "
		    "characters.", conf->password_min);
	else
		return true;
	return false;
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
