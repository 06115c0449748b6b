/*
 * Facts: what the store keeps beside the logs. Each is a small JSON value
 * under a key of words with "/" between them, which no name has. One fact says
 * one thing, so that two changes of a thing never undo each other.
 *
 *	account/KEY		{"name","created","author"?,"hash"}
 *	operator/KEY		{"at"}: of the server
 *	login/KEY		ms since the epoch: the last one
 *	token/KEY/LABEL		{"hash","created","expires"}
 *	kept/KEY/ROOM		ms: since when this room is one of the person's
 *	talks/KEY		"ROOM": where the person talks at a terminal
 *	seen/KEY/ROOM		the seq up to which it has been read
 *	shown/KEY/ROOM		[after, upto, ...]: what of it was shown behind
 *				a gap, by pairs of seqs (spans.h)
 *	ignore/KEY/OTHER	{"name","at"}: whom the person ignores
 *	set/ROOM/NAME		a room's setting: true, false or a number
 *	role/ROOM/KEY		{"role"}: "owner", "op" or "member"
 *	ban/ROOM/SUBJECT	{"by","reason","at","until","name"?}
 *	mute/ROOM/SUBJECT	the same; until is 0: for ever
 *	came/ROOM/KEY		the seq behind which a member may read, who
 *				came as history was off
 *
 *	import/ROOM		{"of","line"}: how far one is that is not over
 *	decoy/key		"HEX", random: see decoy.h
 *
 * SUBJECT is a:KEY, an account, n:KEY, a guest's name, or i:ADDRESS, that of
 * the guest of this name, or any client's there.
 *
 * KEY and ROOM are names' keys (name.h), times ms since the epoch. Hub thread.
 */
#ifndef FACT_H
#define FACT_H

#include <jansson.h>

#include "request.h"
#include "store.h"

/* "kind/a/b", in the request's arena; b may be NULL. */
const char *fact_key(struct request *, const char *kind, const char *a,
	    const char *b);
/*
 * One more fact for the op, in the arena of its request. The value is a new
 * reference that is taken over; NULL removes the fact.
 */
void	 fact_add(struct request *, struct store_op *, const char *key,
	    json_t *value);

/* A line for the audit, in the arena; takes over the reference. */
const char *audit_line(struct request *, json_t *);

/* A stored fact, in parts; its strings are clean, as text_clean() has it. */
struct fact {
	char		*kind;		/* malloced, with the others in it */
	const char	*a, *b;		/* b: all behind the second "/" */
	json_t		*value;
};

/* False if it is none of ours or damaged; else fact_free() frees it. */
bool	 fact_parse(struct fact *, const struct store_fact *);
void	 fact_free(struct fact *);
/* A member of an object value; "" or 0 if it is not there. */
const char *fact_str(const struct fact *, const char *member);
int64_t	 fact_int(const struct fact *, const char *member);

#endif
