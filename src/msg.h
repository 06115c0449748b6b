/*
 * What happened in a room: a message, or a passing thing such as a join. A
 * msg is made by one thread, then frozen and shared by reference count; the
 * count is taken once a loop, never once a client.
 */
#ifndef MSG_H
#define MSG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mailbox.h"

enum msg_kind {
	/* stored, with a seq: said by somebody */
	MSG_TEXT, MSG_ACTION, MSG_NOTICE,
	/* passing; seq is 0 */
	MSG_JOIN,		/* from */
	MSG_LEAVE,		/* from; text is the reason, may be empty */
	MSG_TOPIC,		/* from is who set it; text is the topic */
	MSG_RENAMED,		/* from, to */
	/* stored as well: what from did, to whom, if to anybody. text is */
	MSG_ROLE,		/* the role */
	MSG_INVITED,
	MSG_KICKED, MSG_BANNED,	/* seconds, or 0, and a reason */
	MSG_MUTED,		/* likewise */
	MSG_UNBANNED, MSG_UNMUTED,
	MSG_CONFIGURED,		/* the changed settings, a JSON object */
	MSG_REDACT,		/* the seq of a message, and a reason */
	MSG_KINDS
};

#define msg_is_act(m)	((m)->kind >= MSG_ROLE)
#define msg_stored(m)	((m)->kind <= MSG_NOTICE || msg_is_act(m))

enum { MSG_REDACTED = 1 };	/* flags: text is empty and not to be shown */

/*
 * Strings lie one behind the other, each with a NUL: from, to, text, key.
 * An absent one is empty.
 */
struct msg {
	atomic_uint	 refs;
	uint32_t	 room;		/* the hub's and the store's number */
	uint64_t	 seq;		/* given by the store */
	int64_t		 time;		/* ms since the epoch, by the store */
	uint64_t	 author;	/* who said it, for the hub; 0: not
					 * known. Is stored, and not read */
	uint8_t		 kind;		/* enum msg_kind */
	uint8_t		 flags;
	uint8_t		 from_len;
	uint8_t		 to_len;
	uint8_t		 key_len;
	uint16_t	 text_len;
	char		 data[];
};

#define msg_from(m)	((m)->data)
#define msg_to(m)	((m)->data + (m)->from_len + 1)
#define msg_text(m)	(msg_to(m) + (m)->to_len + 1)
#define msg_key(m)	(msg_text(m) + (m)->text_len + 1)

/* Bytes the msg occupies, for bounds. */
#define msg_size(m)	(sizeof(struct msg) + (m)->from_len + (m)->to_len + \
			    (m)->text_len + (m)->key_len + 4u)

/* The number that the text of an act begins with; *rest is what follows. */
uint64_t msg_number(const struct msg *, const char **rest);

/* One reference, the caller's. Strings are copied; NULL is empty. Lengths:
 * names and key at most 255 bytes, text at most 65,535. */
struct msg *msg_new(enum msg_kind, const char *from, const char *to,
	    const char *text, size_t text_len, const char *key);
struct msg *msg_ref(struct msg *);
void	 msg_unref(struct msg *);		/* NULL is nothing */

/* From the wire's "text", "action", "notice", and back. -1 if none. */
int	 msg_kind_parse(const char *);
const char *msg_kind_name(enum msg_kind);

/*
 * One room's news for one loop, in order: each loop gets a batch of its own
 * and a reference to each msg. The receiver frees it.
 */
struct batch {
	struct mail	 mail;
	uint32_t	 room;
	uint32_t	 n, cap;
	uint32_t	 stamp;		/* of the loop's batches, growing */
	size_t		 bytes;		/* of msg_size() */
	uint64_t	 skip;		/* n is 0: the loop is too far behind to
					 * be given them; all up to this seq is
					 * to be read from the store */
	bool		 forget;	/* n is 0, room too: what slow readers
					 * of any room have yet to be given is
					 * to be read again */
	struct msg	*msgs[];
};

void	 batch_free(struct batch *);		/* drops the references */

#endif
