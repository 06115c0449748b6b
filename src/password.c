#include <err.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "name.h"
#include "password.h"

/* NFC of as much fits in it: no copy is made that would have to be wiped. */
#define NFC_MAX		(3 * PASSWORD_TYPED_MAX)

static bool
is_ascii(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && (unsigned char)s[i] < 0x80; i++)
		;
	return i == n;
}

/* Valid UTF-8, its spaces made U+0020, which is no longer than any. */
static size_t
map_spaces(uint8_t *out, const char *s, size_t n)
{
	const uint8_t *at = (const uint8_t *)s;
	size_t len = 0;
	ucs4_t c;
	int size;

	for (; n > 0; at += size, n -= (size_t)size) {
		size = u8_mbtouc(&c, at, n);
		if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Zs)) {
			out[len++] = ' ';
			continue;
		}
		memcpy(out + len, at, (size_t)size);
		len += (size_t)size;
	}
	return len;
}

/* What does not fit is 0 bytes. */
static size_t
compose(char out[PASSWORD_MAX], const uint8_t *s, size_t n)
{
	uint8_t nfc[NFC_MAX], *got;
	size_t len = sizeof(nfc);

	got = u8_normalize(UNINORM_NFC, s, n, nfc, &len);
	if (got == NULL)
		err(1, "libunistring");
	if (len > PASSWORD_MAX)
		len = 0;
	memcpy(out, got, len);
	sodium_memzero(nfc, sizeof(nfc));
	if (got != nfc)
		free(got);
	return len;
}

size_t
password_prepare(char out[PASSWORD_MAX], const char *typed)
{
	size_t n = strnlen(typed, PASSWORD_TYPED_MAX + 1);
	uint8_t mapped[PASSWORD_TYPED_MAX];

	if (n > PASSWORD_TYPED_MAX)
		return 0;
	if (is_ascii(typed, n)) {
		if (n > PASSWORD_MAX)
			return 0;
		memcpy(out, typed, n);
		return n;
	}
	if (!utf8_valid(typed, n, NULL))
		return 0;
	n = compose(out, mapped, map_spaces(mapped, typed, n));
	sodium_memzero(mapped, sizeof(mapped));
	return n;
}

bool
password_has_control(const char *s, size_t n)
{
	const unsigned char *at = (const unsigned char *)s;
	size_t i;

	for (i = 0; i < n; i++) {
		if (at[i] < 0x20 || at[i] == 0x7f || (at[i] == 0xc2 &&
		    i + 1 < n && at[i + 1] < 0xa0))
			return true;
	}
	return false;
}
