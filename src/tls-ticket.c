#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "tls-ticket.h"
#include "util.h"

#define NAME_BYTES	16	/* as OpenSSL's callback has it, */
#define IV_BYTES	16	/* of a block */

struct key {
	unsigned char	 name[NAME_BYTES], aes[32], mac[32];
	uint64_t	 made;		/* clock_ms() */
};

struct tickets {
	pthread_mutex_t	 lock;
	unsigned	 n;
	struct key	 keys[TICKET_KEYS];	/* the newest first */
};

static void
make_key(struct key *k, uint64_t now)
{
	random_bytes(k->name, sizeof(k->name));
	random_bytes(k->aes, sizeof(k->aes));
	random_bytes(k->mac, sizeof(k->mac));
	k->made = now;
}

struct tickets *
tickets_new(uint64_t now)
{
	struct tickets *t = xcalloc(1, sizeof(*t));

	pthread_mutex_init(&t->lock, NULL);
	make_key(&t->keys[0], now);
	t->n = 1;
	return t;
}

void
tickets_free(struct tickets *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	OPENSSL_cleanse(t, sizeof(*t));
	free(t);
}

/* Those that no good ticket is by. */
static void
wipe_old(struct tickets *t, uint64_t now)
{
	while (t->n > 1 && now - t->keys[t->n - 1].made >=
	    (uint64_t)TICKET_KEYS * TICKET_TURN_MS) {
		t->n--;
		OPENSSL_cleanse(&t->keys[t->n], sizeof(t->keys[0]));
	}
}

void
tickets_turn(struct tickets *t, uint64_t now)
{
	pthread_mutex_lock(&t->lock);
	if (now >= t->keys[0].made &&
	    now - t->keys[0].made >= TICKET_TURN_MS) {
		if (t->n == TICKET_KEYS)
			t->n--;
		memmove(&t->keys[1], &t->keys[0], t->n * sizeof(t->keys[0]));
		t->n++;
		make_key(&t->keys[0], now);
		wipe_old(t, now);
	}
	pthread_mutex_unlock(&t->lock);
}

/* A copy of the newest, or of the one of this name; its place, or -1. */
static int
find_key(struct tickets *t, const unsigned char *name, struct key *key)
{
	unsigned i = 0;

	pthread_mutex_lock(&t->lock);
	while (name != NULL && i < t->n &&
	    memcmp(t->keys[i].name, name, NAME_BYTES) != 0)
		i++;
	if (i < t->n)
		*key = t->keys[i];
	else
		i = TICKET_KEYS;
	pthread_mutex_unlock(&t->lock);
	return i < TICKET_KEYS ? (int)i : -1;
}

static bool
init_mac(EVP_MAC_CTX *mac, struct key *key)
{
	static char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY,
		    key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
		    digest, 0),
		OSSL_PARAM_construct_end()
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1 an error, 0 a whole handshake, 1
 * good, 2 good, and to be renewed. */
static int
key_cb(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
    EVP_MAC_CTX *mac, int encrypt)
{
	struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct key key;
	int place = find_key(t, encrypt ? NULL : name, &key);
	bool ok;

	if (place == -1)
		return 0;
	if (encrypt) {
		memcpy(name, key.name, NAME_BYTES);
		random_bytes(iv, IV_BYTES);
	}
	ok = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.aes, iv,
	    encrypt) == 1 && init_mac(mac, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!ok)
		return -1;
	return place == 0 ? 1 : 2;
}

void
tickets_use(struct tickets *t, SSL_CTX *ctx)
{
	SSL_CTX_set_app_data(ctx, t);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, key_cb);
}
