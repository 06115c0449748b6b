/*
 * A password as it is compared, whatever it was typed on. Pure, any thread.
 */
#ifndef PASSWORD_H
#define PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "hasher.h"

/* Bytes of one as it is typed: no character takes more than three times as many
 * before NFC as after it. */
#define PASSWORD_TYPED_MAX	(3 * PASSWORD_MAX)

/*
 * RFC 8265 section 4.2.2, OpaqueString: other spaces become U+0020, and all of
 * it NFC. How many bytes that is, without a NUL; 0 if it is empty, too long or
 * no UTF-8.
 */
size_t	password_prepare(char [PASSWORD_MAX], const char *typed);
/* Holds it a control character (C0, DEL, C1)? No such one is set. */
bool	password_has_control(const char *, size_t);

#endif
