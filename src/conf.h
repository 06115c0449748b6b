/*
 * The configuration: one const table of options (conf-table.c) from which
 * parsing, validation, -t, and the check of the man page derive. A struct
 * conf is a frozen snapshot: a reload makes a new one. Main thread makes them,
 * any thread reads them.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "log.h"

enum listen_kind {
	LISTEN_AUTO, LISTEN_TEXT, LISTEN_JSON, LISTEN_HTTP, LISTEN_TLS
};

struct listen_conf {
	enum listen_kind kind;
	char		*address;	/* "127.0.0.1", "::1", "*", or a path */
	uint16_t	 port;		/* 0: any */
	bool		 local;		/* address is a unix socket's path */
	char		*text;		/* as it was written */
};

enum answer { ANSWER_NO, ANSWER_YES };

enum tls_version { TLS_1_2, TLS_1_3 };

enum tls_login { TLS_LOGIN_NO, TLS_LOGIN_CN };

enum auth_cost {
	COST_INTERACTIVE, COST_MODERATE, COST_MINIMAL,
	AUTH_COSTS
};

enum durability { DURABILITY_COMMIT, DURABILITY_RELAXED };

struct conf {
	struct listen_conf *listens;
	size_t		 nlistens;
	bool		 listen_set;	/* not the default */

	char		*store;		/* "sqlite" or "memory" */
	char		*state_dir;
	enum durability	 durability;
	uint64_t	 history_max;	/* messages a room, 0: no limit */
	uint64_t	 history_age;	/* seconds, 0: no limit */
	uint64_t	 history_bytes;	/* bytes a room, 0: no limit */
	uint64_t	 audit_age;	/* seconds, 0: no limit */
	uint64_t	 audit_max;	/* lines of a room, 0: no limit */
	uint64_t	 audit_rooms;	/* of all rooms, 0: no limit */
	uint64_t	 store_queue;	/* bytes waiting for a commit */

	unsigned	 loops;		/* worker loops; never 0 once parsed */
	uint64_t	 stream_bytes;	/* rendered tail, a room and encoding */
	uint64_t	 page_bytes;	/* a page of catching up */
	uint64_t	 mailbox_bytes;	/* a loop's unanswered requests */

	char		*server_name;
	char		*lobby;		/* a room's name, checked */
	char		*motd;		/* "" for none; may hold \n */

	uint64_t	 rate;		/* requests a second a client, 0: any */
	uint64_t	 burst;
	uint64_t	 max_clients;
	uint64_t	 max_clients_address;	/* 0: any */
	uint64_t	 max_rooms;	/* rooms a client is in */
	uint64_t	 server_rooms;	/* of the server, 0: no limit */
	uint64_t	 max_line;	/* bytes without the line's end */
	uint64_t	 max_text;	/* bytes */
	uint64_t	 presence_limit;/* members up to which joins are told */

	char		*metrics_from;	/* networks, checked: network.h */

	uint64_t	 greet_delay;	/* ms */
	uint64_t	 login_timeout;	/* seconds, 0: never */
	uint64_t	 read_timeout;	/* seconds, 0: never */
	uint64_t	 write_timeout;	/* seconds, 0: never */

	unsigned	 auth_workers;	/* that hash passwords; never 0, once
					 * parsed */
	unsigned	 auth_queue;	/* requests that wait for them */
	uint64_t	 auth_timeout;	/* seconds */
	enum auth_cost	 auth_cost;
	unsigned	 password_min;	/* characters */
	uint64_t	 login_tries;	/* failed logins; 0: any number */
	uint64_t	 login_tries_window;	/* seconds for all of them */
	uint64_t	 register_max;	/* accounts an address; 0: any number */
	uint64_t	 register_window;	/* seconds for all of them */
	enum answer	 registration;	/* by people themselves */

	char		*origins;	/* with " " between; "*" for any */
	uint64_t	 http_timeout;	/* seconds */
	uint64_t	 ping_interval;	/* seconds, 0: never */
	enum answer	 deflate;

	char		*trusted;	/* networks, checked: network.h */

	char		*tls_cert;	/* a path; "": no TLS */
	char		*tls_key;	/* "": in tls_cert */
	char		*tls_client_ca;	/* "": clients show no certificate */
	enum tls_login	 tls_login;	/* by what of a certificate */
	enum tls_version tls_min;
	uint64_t	 handshake_timeout;	/* seconds */

	char		*user, *group;	/* "" for whoever it is */
	char		*chroot;	/* "" for none */
	enum answer	 sandbox;

	enum log_level	 log_level;
	char		*log_to;	/* "stderr", "syslog" or a path */
	char		*pid_file;	/* with -d; "" for none */

	char		*control;	/* a unix socket's path, "" for none */
	uint64_t	 drain_time;	/* seconds */
	uint64_t	 upgrade_timeout;	/* seconds */
	uint64_t	 inetd_linger;	/* seconds */
};

extern const char *const conf_listen_kinds[];	/* by kind, ended by NULL */
/* Of the word; false if there is no such kind, or not in this build. */
bool	 conf_listen_kind(enum listen_kind *, const char *);

/* One -o name=value; later ones override, listen= ones add up and replace
 * the file's. */
struct conf_override {
	const char	*text;
};

/*
 * Parses file (NULL: none), then the overrides. NULL on error, and *error
 * (caller frees) is lines of "file:line: option: what is wrong; what would
 * be right", LF between them. The result is freed with conf_free().
 */
struct conf *conf_parse(const char *file, const struct conf_override *, size_t,
	    char **error);
/* The same of a file's text in memory; name is the file in the errors. */
struct conf *conf_parse_text(const char *name, const char *, size_t,
	    const struct conf_override *, size_t, char **error);
void	 conf_free(struct conf *);

/* Where a configuration comes from, as the command line has it. */
struct conf_source {
	const char	*file;		/* NULL: the default one, if there */
	bool		 no_file;
	struct conf_override *overrides;
	size_t		 noverrides;
};

#define CONF_FILE	SYSCONFDIR "/partylined.conf"	/* the Makefile's */

/* The directory of who runs this: $HOME, or as the system has it. NULL: none.
 * The caller frees. */
char	*conf_home(void);

/* What a reload finds changed, as it is written in a file. */
struct conf_changes {
	struct conf_change {
		const char	*name;
		char		*from, *to;
		bool		 restart;	/* takes effect only then */
	}		*list;
	size_t		 n;
	bool		 certificate;	/* the one in the file is another */
};

/* As conf_parse(); whatever the source is now. */
struct conf *conf_load(const struct conf_source *, char **error);
/*
 * The same of the command line: room for all its overrides, and one of its
 * options; false if it is none of -f, -n and -o.
 */
void	 conf_source_init(struct conf_source *, int argc);
bool	 conf_source_option(struct conf_source *, int c, const char *arg);
/*
 * As conf_load(), but of these options alone, ended by NULL: whatever is wrong
 * with others, with them in force or with their lines, is passed over.
 */
struct conf *conf_glean(const struct conf_source *, const char *const *names,
	    char **error);
/* Where the file is, or would be; NULL: none is read. */
const char *conf_source_path(const struct conf_source *);
/*
 * The same while another one is running: what needs a restart is as it is
 * there, and listed with what has changed; the changes are freed by the caller,
 * and none on error.
 */
struct conf *conf_reload(const struct conf *running,
	    const struct conf_source *, struct conf_changes *, char **error);
void	 conf_changes_free(struct conf_changes *);

/* The whole configuration in the file's syntax; parses to the same again. */
void	 conf_print(const struct conf *, FILE *);
/* The options with type, default, bounds and help, for the man page's check:
 * "name\ttype\tdefault\tbounds\treloadable\thelp" a line. */
void	 conf_print_options(FILE *);

#endif
