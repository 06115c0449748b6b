/*
 * What the hub's own files share; nobody else includes it.
 */
#ifndef HUB_INTERNAL_H
#define HUB_INTERNAL_H

#include "account.h"
#include "decoy.h"
#include "former.h"
#include "hub.h"
#include "id-map.h"
#include "roll.h"
#include "room.h"
#include "skeleton.h"
#include "table.h"
#include "user.h"

struct hub {
	const struct conf *conf;	/* see hub_configure() */
	struct store	*store;
	struct hub_out	 out;
	unsigned	 nloops;

	struct table	 accounts;	/* struct account by key */
	struct roll	 account_roll;	/* of them */
	uint64_t	 last_account;	/* a number there */
	struct skeletons guises;	/* of them */
	struct decoys	 decoys;	/* of names that have no account */
	struct table	 ignorers;	/* see ignorer.c */
	struct tries	*tries;		/* logins that failed */
	struct tries	*registers;	/* accounts made, by address */
	struct hub_counts counts;
	struct request	*proving;	/* what the auth pool has */
	uint32_t	 nproving;
	struct table	 users;		/* struct user by key */
	struct formers	 formers;	/* names of guests who have gone */
	struct login_slots logins;
	struct client_sids *clients;	/* one a loop */
	struct id_map	 taken;		/* struct taken_place by sid */
	struct id_map	 authors;	/* of resumed guests: uint64_t by sid */

	struct table	 rules;		/* struct rules by their rooms' keys */
	struct rules_list guarding;	/* of them */
	struct id_map	 invites;	/* of guests: struct invite by sid */
	struct table	 rooms;		/* struct room by key, no dead ones */
	uint32_t	 ninboxes;	/* of them */
	struct skeletons looks;		/* of the rooms that are no inboxes */
	struct roll	 room_roll;	/* struct room by id, dead ones too */
	uint32_t	 last_id;	/* of a room */
	struct import	*imports;	/* under way */
	struct room	**news;		/* rooms that had some, or NULL */
	uint32_t	 nnews, news_cap;

	uint64_t	 queued;	/* bytes that the store has */
	uint64_t	 ops;		/* how many these are */
	bool		 submitted;	/* since the last store_flush() */
	bool		 stale;		/* inboxes of before the start remain */
	struct store_op	*lost;		/* removes facts of accounts that are no
					 * more; or NULL */
};

/* What a command's function has done with its request. */
enum verdict {
	ANSWER,			/* it is answered: send it */
	KEPT			/* the store has it, or it is freed */
};

/* login is NULL before login only; the table in hub.c sees to that. */
enum verdict cmd_login(struct hub *, struct login *, struct request *);
enum verdict cmd_register(struct hub *, struct login *, struct request *);
enum verdict cmd_passwd(struct hub *, struct login *, struct request *);
enum verdict cmd_token(struct hub *, struct login *, struct request *);
enum verdict cmd_tokens(struct hub *, struct login *, struct request *);
enum verdict cmd_revoke(struct hub *, struct login *, struct request *);
enum verdict cmd_ignore(struct hub *, struct login *, struct request *);
enum verdict cmd_unignore(struct hub *, struct login *, struct request *);
enum verdict cmd_ignored(struct hub *, struct login *, struct request *);
enum verdict cmd_rename(struct hub *, struct login *, struct request *);
enum verdict cmd_away(struct hub *, struct login *, struct request *);
enum verdict cmd_ping(struct hub *, struct login *, struct request *);
enum verdict cmd_quit(struct hub *, struct login *, struct request *);
enum verdict cmd_gone(struct hub *, struct login *, struct request *);
enum verdict cmd_mark(struct hub *, struct login *, struct request *);
/* Takes note of how far an account was read to, and where it talks (room_key),
 * as the request has it. True: that is on its way to the store, and the request
 * with it. */
bool	 take_marks(struct hub *, struct login *, struct request *);
enum verdict cmd_moved(struct hub *, struct login *, struct request *);
enum verdict cmd_subscribe(struct hub *, struct login *, struct request *);
enum verdict cmd_unsubscribe(struct hub *, struct login *, struct request *);
enum verdict cmd_history(struct hub *, struct login *, struct request *);
enum verdict cmd_search(struct hub *, struct login *, struct request *);
enum verdict cmd_seen(struct hub *, struct login *, struct request *);
enum verdict cmd_topic(struct hub *, struct login *, struct request *);
enum verdict cmd_say(struct hub *, struct login *, struct request *);
enum verdict cmd_tell(struct hub *, struct login *, struct request *);
enum verdict cmd_rooms(struct hub *, struct login *, struct request *);
enum verdict cmd_who(struct hub *, struct login *, struct request *);
enum verdict cmd_expel(struct hub *, struct login *, struct request *);
enum verdict cmd_configure(struct hub *, struct login *, struct request *);
enum verdict cmd_invite(struct hub *, struct login *, struct request *);
enum verdict cmd_kick(struct hub *, struct login *, struct request *);
/* And mute. */
enum verdict cmd_ban(struct hub *, struct login *, struct request *);
enum verdict cmd_unban(struct hub *, struct login *, struct request *);
enum verdict cmd_op(struct hub *, struct login *, struct request *);
enum verdict cmd_deop(struct hub *, struct login *, struct request *);
enum verdict cmd_owner(struct hub *, struct login *, struct request *);
enum verdict cmd_bans(struct hub *, struct login *, struct request *);
enum verdict cmd_redact(struct hub *, struct login *, struct request *);
enum verdict cmd_accounts(struct hub *, struct login *, struct request *);
enum verdict cmd_enrol(struct hub *, struct login *, struct request *);
enum verdict cmd_repass(struct hub *, struct login *, struct request *);
enum verdict cmd_disown(struct hub *, struct login *, struct request *);
enum verdict cmd_promote(struct hub *, struct login *, struct request *);
enum verdict cmd_erase(struct hub *, struct login *, struct request *);
enum verdict cmd_import(struct hub *, struct login *, struct request *);

/* What came back from the store. KEPT: the op was submitted once more. */
enum verdict say_committed(struct hub *, struct store_op *);
enum verdict topic_committed(struct hub *, struct store_op *);
enum verdict seen_committed(struct hub *, struct store_op *);
enum verdict subscribe_committed(struct hub *, struct store_op *);
enum verdict act_committed(struct hub *, struct store_op *);
enum verdict register_committed(struct hub *, struct store_op *);
enum verdict passwd_committed(struct hub *, struct store_op *);
enum verdict token_committed(struct hub *, struct store_op *);
enum verdict revoke_committed(struct hub *, struct store_op *);
enum verdict disown_committed(struct hub *, struct store_op *);
enum verdict promote_committed(struct hub *, struct store_op *);
enum verdict erase_committed(struct hub *, struct store_op *);
enum verdict ignore_committed(struct hub *, struct store_op *);
enum verdict unignore_committed(struct hub *, struct store_op *);
enum verdict import_committed(struct hub *, struct store_op *);
/* Of what nobody is answered for: CMD_NOTE. */
enum verdict note_committed(struct hub *, struct store_op *);

/* The account's password is to be the one hashed for the request. */
enum verdict passwd_submit(struct hub *, struct account *, struct request *,
	    struct store_op *);

/* The line of the audit about an operator's act; and one of an act that stores
 * nothing else. */
const char *operator_audit(struct request *, const char *act);
void	 operator_note(struct hub *, struct request *, const char *act);

/* Takes up a stored fact; false if it is of another kind. */
bool	 import_load(struct hub *, const struct fact *);
void	 imports_free(struct hub *);
/* The room, an account's inbox, goes: none goes on there. With the op. */
void	 import_drop(struct hub *, struct request *, struct store_op *,
	    const char *room);

/* Sends away whoever has this name (NULL: nobody); how many that were. They are
 * told why (NULL: no more than that it was the operator), others the reason. */
uint32_t end_sessions(struct hub *, struct user *, const char *reason,
	    const char *why);
/* One of them; it is logged in no more. */
void	 end_session(struct hub *, struct login *, const char *reason,
	    const char *why);

/* Those that came in by the account's token of this number (0: none), which is
 * no more. */
void	 end_by_token(struct hub *, const struct account *, uint8_t);

void	 ignorers_init(struct hub *);
void	 ignorers_free(struct hub *);
/* Whom the person of this key ignores; NULL: nobody. */
struct ignores *ignores_of(const struct hub *, const char *key);
/* Takes over a reference. Nobody is told. */
void	 ignores_set(struct hub *, const char *key, struct ignores *);
/* How many changes of an account's list the store has; one more, one less. */
uint32_t ignores_pending(const struct hub *, const char *key);
void	 ignores_submitted(struct hub *, const char *key);
void	 ignores_committed(struct hub *, const char *key);
/* The loops of the person's sessions are told. */
void	 ignores_tell(struct hub *, const char *key);
/* A guest has another key; nobody ignores oneself. */
void	 ignores_rename(struct hub *, const char *from, const char *to);
/* Facts of an account: one name more; what makes one list of another; and one
 * that was stored. */
void	 ignore_fact(struct request *, struct store_op *, const char *key,
	    const struct ignored *);
void	 ignores_facts(struct request *, struct store_op *, const char *key,
	    const struct ignores *from, const struct ignores *to);
void	 ignore_load(struct hub *, const char *key, const struct fact *);

/* May a guest have the request's name? Else the request fails. */
bool	 may_bear(struct hub *, struct request *);
/*
 * A password is to be proved for the account (NULL: there is none, which takes
 * as long); by this name failures are counted, and by the request's address.
 * guess_ask: false, and the request is answered: too many have failed, or
 * auth_ask() says so. guess_right: back from there; false, and it is answered.
 */
bool	 guess_ask(struct hub *, struct account *, struct request *,
	    enum auth_job, const char *name);
bool	 guess_right(struct hub *, struct account *, struct request *,
	    const char *name);
/* A token was wrong: counted as a failed password is. One that is right is let
 * in whatever has failed, for none is found by guessing. */
void	 guess_wrong(struct hub *, const struct account *, struct request *,
	    const char *name);
/*
 * A guest's password is to be hashed, for an account: as guess_ask(), counted
 * by the request's address. enrol_undo: it came to nothing.
 */
bool	 enrol_ask(struct hub *, struct request *);
void	 enrol_undo(struct hub *, struct request *);
/* Gives the request to the auth pool, from where it comes again; false if that
 * is full, and the request is answered so. */
bool	 auth_ask(struct hub *, struct request *, enum auth_job);
/* It came back with neither hash nor verdict: the request fails. */
void	 auth_failed(struct request *);
/* It is back. */
void	 auth_answered(struct hub *, struct request *);
/* Whatever the auth pool has of this client is for nobody any more. */
void	 login_abandon(struct hub *, client_id);
/* What its loop is to do, once the hub has let go of the session. */
struct session_mail *session_mail_new(const struct login *, enum session_act);
/* The session sees its user's inbox, from what comes behind after on; head is
 * the newest that is not among the news to come. */
void	 inbox_place(struct hub *, struct room *, struct login *, uint64_t head,
	    uint64_t after);

/* Sends a request that is answered after a while, when its client may have
 * moved. */
void	 hub_reply_late(struct hub *, struct request *);
/*
 * Gives the store something to do for this room (NULL: for none): an op of this
 * kind with msg (a reference, handed over), text or facts. False if as much as
 * allowed is waiting already; then nothing was taken.
 */
bool	 hub_submit(struct hub *, struct room *, const struct store_op *);
/*
 * The same of an op whose request waits for it. ANSWER: the store can't take
 * it, msg was let go of, and the request is answered so.
 */
enum verdict hub_ask_store(struct hub *, struct room *,
	    const struct store_op *);
/* The same for a CMD_NOTE: if the store can't, nobody hears of it. */
void	 hub_note(struct hub *, struct room *, const struct store_op *);

/*
 * Rights. role_in is what somebody is in a room, a server's operator
 * everywhere; rules may be NULL, and so may m, the login's place there. The
 * may_ functions refuse the request, unless it is NULL, and are false then.
 */
enum role role_in(const struct hub *, const struct login *,
	    const struct rules *, const struct member *);
enum role role_of_user(const struct hub *, const struct user *,
	    const struct account *, const struct room *);
/* What it is by what is known of the room alone. */
enum role role_known(const struct hub *, const struct login *,
	    const struct rules *);
bool	 may_act(enum act, enum role, const struct room *, struct request *);
/* Enter the room of the request; be asked about it, from outside as well. */
bool	 may_enter(const struct hub *, const struct login *,
	    const struct rules *, const struct member *, struct request *);
bool	 may_see(const struct hub *, struct login *, const struct room *,
	    struct request *);
bool	 may_speak(const struct hub *, const struct member *,
	    struct request *);
/* Who may, does: in a room with a pace that takes a turn, which nothing else is
 * said in. It is given back, if nothing was stored. */
void	 turn_take(struct member *, struct request *);
void	 turn_back(struct hub *, const struct room *, struct request *);
/* Whether this one is banned, or muted; the sanction. */
const struct sanction *banned(const struct hub *, const struct login *,
	    const struct rules *, enum role);
const struct sanction *muted(const struct hub *, const struct login *,
	    const struct rules *, enum role);
/* A guest, where only accounts are let in and speak. */
bool	 is_stranger(const struct hub *, const struct login *,
	    const struct rules *);
/* The seq behind which the login may read the room. */
uint64_t read_floor(const struct hub *, struct login *, const struct room *);
/* As it is told: what somebody of this role is called in this room. */
const char *role_shown(const struct room *, enum role);
/* "a:KEY" and so on, in the request's arena. */
const char *subject(struct request *, char kind, const char *what);

/* What looks like the request's room, which is not there, and is; or NULL. */
const char *room_lookalike(const struct hub *, struct request *);
/* The room as its creator wrote it, in the request's arena. */
void	 answer_room(struct request *, const struct room *);
/*
 * The room is one of the account's own from now on, or no more; it has read up
 * to after, if it was never there before. Done at once: if it cannot be stored,
 * that is for this time only.
 */
void	 keep_room(struct hub *, struct account *, const struct room *,
	    bool kept, uint64_t after);
/* A notice in the inbox of who has this key, from somebody who has done
 * something that concerns them; nobody is answered. And once it is stored. */
void	 inbox_note(struct hub *, const char *key, const char *from,
	    const char *text);
void	 inbox_noted(struct hub *, struct store_op *);
/* " for another 2 h 10 min", or "" for ever. */
const char *for_another(struct request *, const struct sanction *);
/* The operator's bans. May who has shown who it is log in? Else it fails. */
bool	 may_log_in(struct hub *, const struct account *, struct request *);
enum verdict cmd_shut_out(struct hub *, struct login *, struct request *);
enum verdict cmd_shut_outs(struct hub *, struct login *, struct request *);
enum verdict cmd_let_in(struct hub *, struct login *, struct request *);
#define SERVER	"*"	/* their room, whose name none can have */
enum verdict shut_out_committed(struct hub *, struct store_op *);
/* Is this the key of the room that people enter first? */
bool	 is_lobby(const struct hub *, const char *key);
/* May it read what was said there? */
bool	 may_read(const struct hub *, struct login *,
	    const struct room *);
/* The login's place in the request's room; else fails the request. Not for
 * KEEP_HELD commands: the place may be a held one there. */
struct member *answer_member(struct hub *, struct login *, struct request *);

#endif
