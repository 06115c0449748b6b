#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "auth.h"
#include "decoy.h"
#include "util.h"

void
decoys_add(struct decoys *d, const char *hash)
{
	enum auth_cost cost = auth_hash_cost(hash);

	if (cost != AUTH_COSTS)
		d->accounts[cost]++;
}

void
decoys_del(struct decoys *d, const char *hash)
{
	enum auth_cost cost = auth_hash_cost(hash);

	if (cost != AUTH_COSTS)
		d->accounts[cost]--;
}

bool
decoys_load(struct decoys *d, const struct fact *f)
{
	const char *key = json_string_value(f->value);

	if (strcmp(f->kind, "decoy") != 0)
		return false;
	if (key != NULL && strlen(key) == sizeof(d->key) - 1) {
		memcpy(d->key, key, sizeof(d->key));
		d->kept = true;
	}
	return true;
}

bool
decoys_want_key(struct decoys *d)
{
	unsigned i, costs = 0;

	for (i = 0; i < AUTH_COSTS; i++)
		costs += d->accounts[i] > 0;
	if (costs < 2 || d->kept)
		return false;
	if (d->key[0] == '\0')
		random_hex(d->key, DECOY_KEY);
	return true;
}

/* Where the name is among all there could be, from 0 on. */
static uint32_t
place(const struct decoys *d, const char *name)
{
	unsigned char sum[crypto_generichash_BYTES];
	uint32_t at;

	crypto_generichash(sum, sizeof(sum), (const unsigned char *)name,
	    strlen(name), (const unsigned char *)d->key, strlen(d->key));
	memcpy(&at, sum, sizeof(at));
	return le32toh(at);
}

enum auth_cost
decoys_cost(const struct decoys *d, const char *name, enum auth_cost otherwise)
{
	uint64_t total = 0, at;
	unsigned i;

	for (i = 0; i < AUTH_COSTS; i++)
		total += d->accounts[i];
	if (total == 0)
		return otherwise;
	at = place(d, name) * total >> 32;
	for (i = 0; at >= d->accounts[i]; i++)
		at -= d->accounts[i];
	return (enum auth_cost)i;
}
