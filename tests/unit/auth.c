#include <sys/resource.h>

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth.h"
#include "util.h"

#define LIMIT_MS	60000	/* for any of it */

static struct mailbox box;

static struct auth *
start(enum auth_cost cost, unsigned workers, unsigned queue)
{
	const struct conf conf = { .auth_cost = cost, .auth_workers = workers,
	    .auth_queue = queue };

	mailbox_init(&box, NULL, NULL);
	return auth_new(&conf, &box);
}

static struct request *
job(enum auth_job what, const char *password, const char *new, const char *hash)
{
	struct request *r = request_new(CMD_LOGIN);

	r->auth_job = what;
	if (password != NULL)
		r->password = request_str(r, password);
	if (new != NULL)
		r->new_password = request_str(r, new);
	if (hash != NULL)
		r->hash = request_str(r, hash);
	return r;
}

static struct request *
answer(void)
{
	struct mail *m = mailbox_wait(&box, LIMIT_MS);

	cr_assert_not_null(m);
	cr_assert_null(m->next);
	cr_assert_eq(m->kind, MAIL_REQUEST);
	return (struct request *)m;
}

static struct request *
done(struct auth *a, enum auth_job what, const char *password, const char *new,
    const char *hash)
{
	struct request *r = job(what, password, new, hash);

	cr_assert(auth_submit(a, r));
	cr_assert_eq(answer(), r);
	return r;
}

static char *
hash_of(struct auth *a, const char *password)
{
	struct request *r = done(a, AUTH_HASH, password, NULL, NULL);
	char *hash;

	cr_assert_eq(r->proof, PROOF_GOOD);
	hash = xstrdup(r->rehash);
	request_free(r);
	return hash;
}

static enum proof
proof(struct auth *a, const char *password, const char *hash)
{
	struct request *r = done(a, AUTH_VERIFY, password, NULL, hash);
	enum proof p = r->proof;

	cr_assert_null(r->rehash);
	request_free(r);
	return p;
}

static void
end(struct auth *a)
{
	auth_free(a);
	cr_assert_null(mailbox_drain(&box));
	mailbox_destroy(&box);
}

Test(auth, right_wrong_and_nobodys)
{
	struct auth *a = start(COST_MINIMAL, 2, 8);
	char *hash = hash_of(a, "Geheim, geheim"), *again;

	cr_assert_eq(strncmp(hash, "$argon2id$v=19$m=8192,t=5,p=1$", 30), 0,
	    "%s", hash);
	cr_assert_eq(crypto_pwhash_str_verify(hash, "Geheim, geheim", 14), 0);
	cr_assert_eq(proof(a, "Geheim, geheim", hash), PROOF_GOOD);
	cr_assert_eq(proof(a, "Geheim, Geheim", hash), PROOF_BAD);
	cr_assert_eq(proof(a, "", hash), PROOF_BAD);
	cr_assert_eq(proof(a, "Geheim, geheim", NULL), PROOF_BAD);
	again = hash_of(a, "Geheim, geheim");
	cr_assert_neq(strcmp(hash, again), 0, "salted");
	free(again);
	free(hash);
	end(a);
}

Test(auth, changing_a_password)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "the old one");
	struct request *r;

	r = done(a, AUTH_VERIFY_HASH, "the old one", "the new one", hash);
	cr_assert_eq(r->proof, PROOF_GOOD);
	cr_assert_str_eq(r->hash, hash);
	cr_assert_eq(proof(a, "the new one", r->rehash), PROOF_GOOD);
	cr_assert_eq(proof(a, "the old one", r->rehash), PROOF_BAD);
	request_free(r);
	r = done(a, AUTH_VERIFY_HASH, "the odd one", "the new one", hash);
	cr_assert_eq(r->proof, PROOF_BAD);
	cr_assert_null(r->rehash);
	request_free(r);
	free(hash);
	end(a);
}

Test(auth, another_cost_is_renewed)
{
	struct auth *weak = start(COST_MINIMAL, 1, 8), *a;
	char *hash = hash_of(weak, "a password");
	struct request *r;

	end(weak);
	a = start(COST_INTERACTIVE, 1, 8);
	r = done(a, AUTH_VERIFY, "a password", NULL, hash);
	cr_assert_eq(r->proof, PROOF_GOOD);
	cr_assert_not_null(r->rehash);
	cr_assert_not_null(strstr(r->rehash, "$m=65536,t=2,"));
	cr_assert_eq(proof(a, "a password", r->rehash), PROOF_GOOD);
	request_free(r);
	cr_assert_eq(proof(a, "not that", hash), PROOF_BAD);
	free(hash);
	end(a);
}

Test(auth, what_is_no_hash_proves_nothing)
{
	static const char *const bad[] = {
		"", "x", "$argon2id$v=19$m=8192,t=5,p=1$",
		"$argon2id$v=19$m=8192,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8192,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
		"$argon2id$v=19$m=8192,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
		"$argon2id$v=19$m=8192,t=5,p=1$AAAA$"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8192,t=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2i$v=19$m=8192,t=5,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8192,t=5,p=1$AAAAAAAAAAAAAAAAAAAA!A$"
		    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	};
	struct auth *a = start(COST_MINIMAL, 1, 8);
	size_t i;

	for (i = 0; i < NITEMS(bad); i++)
		cr_assert_eq(proof(a, "password", bad[i]), PROOF_FAILED,
		    "%s", bad[i]);
	cr_assert_eq(proof(a, NULL, NULL), PROOF_FAILED);
	end(a);
}

/* Of this process's private memory, as RLIMIT_DATA counts it. */
static rlim_t
data_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL &&
	    sscanf(line, "VmData: %lu", &kib) != 1)
		;
	fclose(f);
	cr_assert_neq(kib, 0);
	return (rlim_t)kib * 1024;
}

Test(auth, no_memory_is_not_a_wrong_password)
{
	static const char hash[] = "$argon2id$v=19$m=65536,t=2,p=1$"
	    "AAAAAAAAAAAAAAAAAAAAAA$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct auth *a = start(COST_INTERACTIVE, 1, 8);
	struct rlimit before, limit;
	struct request *r;

	cr_assert_eq(proof(a, "password", hash), PROOF_BAD);
	cr_assert_eq(getrlimit(RLIMIT_DATA, &before), 0);
	limit = before;
	limit.rlim_cur = data_bytes() + (32 << 20);
	cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_FAILED);
	r = done(a, AUTH_HASH, "password", NULL, NULL);
	cr_assert_eq(r->proof, PROOF_FAILED);
	cr_assert_null(r->rehash);
	request_free(r);
	cr_assert_eq(setrlimit(RLIMIT_DATA, &before), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_BAD);
	end(a);
}

static bool
is_zero(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && s[i] == '\0'; i++)
		;
	return i == n;
}

Test(auth, secrets_are_wiped)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	const char *old, *new, *token;
	struct request *r;

	r = job(AUTH_VERIFY_HASH, "an old secret", "a new secret", NULL);
	r->token = token = request_str(r, "pl_secret");
	old = r->password;
	new = r->new_password;
	cr_assert(auth_submit(a, r));
	cr_assert_eq(answer(), r);
	cr_assert(is_zero(old, 13));
	cr_assert(is_zero(new, 12));
	cr_assert(is_zero(token, 9));
	cr_assert_null(r->password);
	cr_assert_null(r->new_password);
	cr_assert_null(r->token);
	request_free(r);
	end(a);
}

/* What was hashed; how many that were. */
static unsigned
free_all(struct mail *m)
{
	struct mail *next;
	unsigned n = 0;

	for (; m != NULL; m = next, n++) {
		next = m->next;
		cr_assert_eq(((struct request *)m)->proof, PROOF_GOOD);
		request_free((struct request *)m);
	}
	return n;
}

/* The first is refused once one is hashed and another one waits. */
Test(auth, a_full_queue_takes_nothing)
{
	struct auth *a = start(COST_MINIMAL, 1, 1);
	struct request *r = NULL;
	unsigned taken, back = 0, n;

	for (taken = 0; taken < 1000; taken++) {
		r = job(AUTH_HASH, "password", NULL, NULL);
		if (!auth_submit(a, r))
			break;
	}
	cr_assert_lt(taken, 1000);
	cr_assert_str_eq(r->password, "password");
	for (; back < taken; back += n) {
		n = free_all(mailbox_wait(&box, LIMIT_MS));
		cr_assert_neq(n, 0);
	}
	cr_assert(auth_submit(a, r), "there is room again");
	cr_assert_eq(answer(), r);
	request_free(r);
	end(a);
}

/* What came back untried; how many that were. */
static unsigned
free_untried(struct mail *m)
{
	struct mail *next;
	unsigned n = 0;

	for (; m != NULL; m = next) {
		struct request *r = (struct request *)m;

		next = m->next;
		cr_assert_null(r->password);
		cr_assert_null(r->rehash);
		cr_assert_eq(r->proof, PROOF_UNTRIED);
		request_free(r);
		n++;
	}
	return n;
}

/* Whoever waits for a stopped pool would wait for ever. */
Test(auth, ends_in_the_middle)
{
	struct auth *a = start(COST_MINIMAL, 2, 64);
	struct request *r;
	unsigned i, back = 0, untried = 0;
	struct mail *m, *next;

	for (i = 0; i < 20; i++)
		cr_assert(auth_submit(a, job(AUTH_HASH, "password", NULL,
		    NULL)));
	back = free_all(mailbox_wait(&box, LIMIT_MS));
	cr_assert_gt(back, 0);
	auth_stop(a);
	for (m = mailbox_drain(&box); m != NULL; m = next) {
		next = m->next;
		m->next = NULL;
		if (((struct request *)m)->proof == PROOF_UNTRIED)
			untried += free_untried(m);
		else
			back += free_all(m);
	}
	cr_assert_gt(untried, 0);
	cr_assert_eq(back + untried, 20);
	r = job(AUTH_HASH, "password", NULL, NULL);
	cr_assert_not(auth_submit(a, r));
	request_free(r);
	end(a);
	auth_free(NULL);
}

static int64_t
cpu_us(void)
{
	struct timespec ts;

	cr_assert_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts), 0);
	return ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* CPU time, which others on the machine disturb little. */
Test(auth, nobodys_takes_as_long)
{
	enum { TIMES = 15 };
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "password");
	int64_t known[TIMES], unknown[TIMES], at;
	unsigned i;

	for (i = 0; i < TIMES; i++) {
		at = cpu_us();
		cr_assert_eq(proof(a, "guess", hash), PROOF_BAD);
		known[i] = cpu_us() - at;
		at = cpu_us();
		cr_assert_eq(proof(a, "guess", NULL), PROOF_BAD);
		unknown[i] = cpu_us() - at;
	}
	qsort(known, TIMES, sizeof(known[0]), by_value);
	qsort(unknown, TIMES, sizeof(unknown[0]), by_value);
	cr_log_info("%lld us known, %lld us unknown",
	    (long long)known[TIMES / 2], (long long)unknown[TIMES / 2]);
	cr_assert_gt(known[TIMES / 2], 1000, "it costs something");
	cr_assert_lt(known[TIMES / 2], unknown[TIMES / 2] * 3 / 2);
	cr_assert_lt(unknown[TIMES / 2], known[TIMES / 2] * 3 / 2);
	free(hash);
	end(a);
}

static long
resident(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long size, pages;

	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%ld %ld", &size, &pages), 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

Test(auth, its_memory_is_given_back)
{
	struct auth *a = start(COST_INTERACTIVE, 2, 8);
	long before = resident();
	char *hash = hash_of(a, "password");

	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_lt(resident() - before, 16 << 20);
	free(hash);
	end(a);
}

Test(auth, how_long_a_password_may_be)
{
	const struct conf conf = { .password_min = 8 };
	struct request *r = request_new(CMD_LOGIN);
	char many[PASSWORD_MAX + 2];
	const char *why = NULL;

	cr_assert(auth_password_fits(r, "12345678", &conf, &why));
	cr_assert_not(auth_password_fits(r, "1234567", &conf, &why));
	cr_assert_str_eq(why, "A password has at least 8 characters.");
	cr_assert_not(auth_password_fits(r, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4",
	    &conf, &why), "four characters");
	memset(many, 'x', sizeof(many));
	many[PASSWORD_MAX] = '\0';
	cr_assert(auth_password_fits(r, many, &conf, &why));
	many[PASSWORD_MAX] = 'x';
	many[PASSWORD_MAX + 1] = '\0';
	cr_assert_not(auth_password_fits(r, many, &conf, &why));
	cr_assert_str_eq(why, "A password has at most 512 bytes.");
	request_free(r);
}

Test(auth, tokens)
{
	char one[TOKEN_SIZE], two[TOKEN_SIZE];
	char hash[TOKEN_HASH_SIZE], other[TOKEN_HASH_SIZE];

	auth_token_new(one);
	auth_token_new(two);
	cr_assert_eq(strlen(one), TOKEN_SIZE - 1);
	cr_assert_eq(strncmp(one, "pl_", 3), 0);
	cr_assert_eq(strspn(one, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
	    "tuvwxyz0123456789-_"), strlen(one));
	cr_assert_not(auth_equal(one, two));
	auth_token_hash(one, hash);
	auth_token_hash(two, other);
	cr_assert_not(auth_equal(hash, other));
	auth_token_hash("pl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", hash);
	cr_assert_str_eq(hash, "7d7b5d28728d1db48a758b0d69373953"
	    "b0f594a57abea7de760c25d1c7eea822");
}

Test(auth, equal)
{
	cr_assert(auth_equal("", ""));
	cr_assert(auth_equal("same", "same"));
	cr_assert_not(auth_equal("same", "Same"));
	cr_assert_not(auth_equal("same", "some"));
	cr_assert_not(auth_equal("same", "same again"));
	cr_assert_not(auth_equal("", "x"));
}
