#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth.h"
#include "util.h"

#define LIMIT_MS	60000	/* for any of it */

static struct mailbox box;
static enum auth_cost pool;	/* of the one started last */

static struct auth *
start_within(unsigned ms, enum auth_cost cost, unsigned workers,
    unsigned queue)
{
	const struct conf conf = { .auth_cost = cost, .auth_workers = workers,
	    .auth_queue = queue };

	pool = cost;
	mailbox_init(&box, NULL, NULL);
	return auth_new(&conf, hashers_start(workers, ms, true, NULL), &box);
}

static struct auth *
start(enum auth_cost cost, unsigned workers, unsigned queue)
{
	return start_within(LIMIT_MS, cost, workers, queue);
}

static struct request *
job(enum auth_job what, const char *password, const char *new, const char *hash)
{
	struct request *r = request_new(CMD_LOGIN);

	r->auth_job = what;
	r->decoy = (uint8_t)pool;
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

/* Composed, decomposed, and with another space. */
Test(auth, the_same_however_it_was_typed)
{
	static const char *const same[] = { "caf\xc3\xa9 glac\xc3\xa9",
	    "cafe\xcc\x81 glace\xcc\x81",
	    "caf\xc3\xa9\xc2\xa0glac\xc3\xa9" };
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash;
	size_t i, j;

	for (i = 0; i < NITEMS(same); i++) {
		hash = hash_of(a, same[i]);
		for (j = 0; j < NITEMS(same); j++)
			cr_assert_eq(proof(a, same[j], hash), PROOF_GOOD,
			    "%zu by %zu", i, j);
		cr_assert_eq(proof(a, "cafe creme", hash), PROOF_BAD);
		free(hash);
	}
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

/* The number of a line of /proc/self/status. */
static unsigned long
status_kib(const char *format)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[256];

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL &&
	    sscanf(line, format, &kib) != 1)
		;
	fclose(f);
	cr_assert_neq(kib, 0);
	return kib;
}

/* It takes the memory that the decoy's cost does, whatever auth_cost is. */
Test(auth, nobodys_costs_what_it_is_to)
{
	static const enum auth_cost costs[] = { COST_MINIMAL,
	    COST_INTERACTIVE };
	struct rlimit before, limit;
	struct request *r;
	struct auth *a;
	size_t i;

	cr_assert_eq(getrlimit(RLIMIT_DATA, &before), 0);
	limit = before;
	limit.rlim_cur = status_kib("VmData: %lu") * 1024 + (32 << 20);
	for (i = 0; i < NITEMS(costs); i++) {
		cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
		a = start(COST_MODERATE, 1, 8);
		cr_assert_eq(setrlimit(RLIMIT_DATA, &before), 0);
		r = job(AUTH_VERIFY, "password", NULL, NULL);
		r->decoy = (uint8_t)costs[i];
		cr_assert(auth_submit(a, r));
		cr_assert_eq(answer(), r);
		cr_assert_eq(r->proof, costs[i] == COST_MINIMAL ? PROOF_BAD :
		    PROOF_FAILED);
		request_free(r);
		end(a);
	}
}

Test(auth, no_memory_is_not_a_wrong_password)
{
	static const char hash[] = "$argon2id$v=19$m=65536,t=2,p=1$"
	    "AAAAAAAAAAAAAAAAAAAAAA$"
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct rlimit before, limit;
	struct request *r;
	struct auth *a;

	cr_assert_eq(getrlimit(RLIMIT_DATA, &before), 0);
	limit = before;
	limit.rlim_cur = status_kib("VmData: %lu") * 1024 + (32 << 20);
	cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
	a = start(COST_INTERACTIVE, 1, 8);
	cr_assert_eq(proof(a, "password", hash), PROOF_FAILED);
	r = done(a, AUTH_HASH, "password", NULL, NULL);
	cr_assert_eq(r->proof, PROOF_FAILED);
	cr_assert_null(r->rehash);
	request_free(r);
	end(a);
	cr_assert_eq(setrlimit(RLIMIT_DATA, &before), 0);
	a = start(COST_INTERACTIVE, 1, 8);
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
	cr_assert_eq(metric_get(&auth_metrics(a)->workers), 1);
	cr_assert_leq(metric_get(&auth_metrics(a)->waiting), 1);
	cr_assert_leq(metric_get(&auth_metrics(a)->busy), 1);
	cr_assert_str_eq(r->password, "password");
	for (; back < taken; back += n) {
		n = free_all(mailbox_wait(&box, LIMIT_MS));
		cr_assert_neq(n, 0);
	}
	cr_assert(auth_submit(a, r), "there is room again");
	cr_assert_eq(answer(), r);
	cr_assert_eq(metric_get(&auth_metrics(a)->done), taken + 1);
	cr_assert_eq(metric_get(&auth_metrics(a)->waiting), 0);
	cr_assert_eq(metric_get(&auth_metrics(a)->busy), 0);
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

/* CPU time, which others on the machine disturb little, of a pool's processes
 * for some wrong passwords, us. */
static int64_t
cost_of(const char *hash)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	struct rusage before, after;
	unsigned i;

	cr_assert_eq(getrusage(RUSAGE_CHILDREN, &before), 0);
	for (i = 0; i < 15; i++)
		cr_assert_eq(proof(a, "guess", hash), PROOF_BAD);
	end(a);
	cr_assert_eq(getrusage(RUSAGE_CHILDREN, &after), 0);
	timersub(&after.ru_utime, &before.ru_utime, &after.ru_utime);
	timersub(&after.ru_stime, &before.ru_stime, &after.ru_stime);
	timeradd(&after.ru_utime, &after.ru_stime, &after.ru_utime);
	return after.ru_utime.tv_sec * 1000000 + after.ru_utime.tv_usec;
}

Test(auth, nobodys_takes_as_long)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "password");
	int64_t known = INT64_MAX, unknown = INT64_MAX, cost;
	unsigned i;

	end(a);
	/* The least of each, until they are near: a busy machine makes both
	 * dearer, now the one, now the other. */
	for (i = 0; i < 3 || (i < 12 && (known >= unknown * 3 / 2 ||
	    unknown >= known * 3 / 2)); i++) {
		known = (cost = cost_of(hash)) < known ? cost : known;
		unknown = (cost = cost_of(NULL)) < unknown ? cost : unknown;
	}
	cr_log_info("%lld us known, %lld us unknown", (long long)known,
	    (long long)unknown);
	cr_assert_gt(known, 15000, "it costs something");
	cr_assert_lt(known, unknown * 3 / 2);
	cr_assert_lt(unknown, known * 3 / 2);
	free(hash);
}

Test(auth, it_takes_no_memory_of_ours)
{
	struct auth *a = start(COST_INTERACTIVE, 2, 8);
	unsigned long before = status_kib("VmHWM: %lu");
	char *hash = hash_of(a, "password");

	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_lt(status_kib("VmHWM: %lu") - before, 16 << 10);
	free(hash);
	end(a);
}

/* The first child of a process; waits for it. */
static pid_t
child_of(pid_t pid)
{
	uint64_t limit = clock_us() + LIMIT_MS * UINT64_C(1000);
	char path[64];
	int child = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid,
	    (int)pid);
	do {
		cr_assert_lt(clock_us(), limit, "%s", path);
		cr_assert_not_null(f = fopen(path, "re"));
		if (fscanf(f, "%d", &child) != 1)
			child = 0;
		fclose(f);
	} while (child == 0);
	return child;
}

/* As a kernel does that is short of memory. */
Test(auth, a_sum_that_is_killed_is_one_login)
{
	struct auth *a = start(COST_MODERATE, 1, 8);
	struct request *r = job(AUTH_HASH, "password", NULL, NULL);
	char *hash;

	cr_assert(auth_submit(a, r));
	cr_assert_eq(kill(child_of(child_of(child_of(getpid()))), SIGKILL), 0);
	cr_assert_eq(answer(), r);
	cr_assert_eq(r->proof, PROOF_FAILED);
	cr_assert_null(r->rehash);
	request_free(r);
	hash = hash_of(a, "password");
	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	free(hash);
	end(a);
}

Test(auth, another_takes_the_place_of_one_that_is_killed)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "password");
	pid_t pid = child_of(child_of(getpid()));

	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_eq(proof(a, "Password", hash), PROOF_BAD);
	cr_assert_neq(child_of(child_of(getpid())), pid);
	free(hash);
	end(a);
}

Test(auth, another_takes_the_place_of_one_that_is_stopped)
{
	struct auth *a = start_within(500, COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "password");
	pid_t pid = child_of(child_of(getpid()));

	cr_assert_eq(kill(pid, SIGSTOP), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_eq(kill(pid, 0), -1, "it is there still");
	cr_assert_neq(child_of(child_of(getpid())), pid);
	cr_assert_eq(proof(a, "Password", hash), PROOF_BAD);
	free(hash);
	end(a);
}

/* What it has begun goes with it. */
Test(auth, a_sum_that_is_stopped_is_begun_again)
{
	struct auth *a = start_within(3000, COST_MODERATE, 1, 8);
	struct request *r = job(AUTH_HASH, "password", NULL, NULL);
	uint64_t limit = clock_us() + LIMIT_MS * UINT64_C(1000);
	pid_t pid;

	cr_assert(auth_submit(a, r));
	pid = child_of(child_of(child_of(getpid())));
	cr_assert_eq(kill(pid, SIGSTOP), 0);
	cr_assert_eq(answer(), r);
	cr_assert_eq(r->proof, PROOF_GOOD);
	while (kill(pid, 0) == 0)
		cr_assert_lt(clock_us(), limit, "it is there still");
	request_free(r);
	end(a);
}

Test(auth, it_goes_on_without_its_processes)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	char *hash = hash_of(a, "password");
	pid_t nurse = child_of(getpid()), pid = child_of(nurse);

	cr_assert_eq(kill(nurse, SIGKILL), 0);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_eq(proof(a, "Password", hash), PROOF_BAD);
	free(hash);
	end(a);
}

/* What a group is sent, at a terminal or by systemd, is not for them. */
Test(auth, only_the_pool_ends_it)
{
	struct auth *a = start(COST_MINIMAL, 1, 8);
	pid_t nurse = child_of(getpid()), pid = child_of(nurse);
	char *hash = hash_of(a, "password");

	cr_assert_eq(kill(pid, SIGINT), 0);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(kill(nurse, SIGTERM), 0);
	cr_assert_eq(proof(a, "password", hash), PROOF_GOOD);
	cr_assert_eq(child_of(getpid()), nurse);
	cr_assert_eq(child_of(nurse), pid);
	free(hash);
	end(a);
	cr_assert_eq(waitpid(-1, NULL, 0), -1, "no child is left");
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
	cr_assert_not(auth_password_fits(r, "cafe\xcc\x81 cr", &conf, &why),
	    "seven characters, once it is composed");
	cr_assert(auth_password_fits(r, "cafe\xcc\x81 cre", &conf, &why));
	cr_assert_not(auth_password_fits(r, "1234\t5678", &conf, &why));
	cr_assert_str_eq(why, "A password holds no control characters.");
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
