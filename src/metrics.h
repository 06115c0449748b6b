/*
 * The daemon's numbers. Each is written by one thread and read by any: an add
 * is a load and a store without a lock. They are summed only when somebody
 * asks. One const table (metrics.c) says what there is; rendering derives, and
 * so does the check of partylined(8).
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "proto.h"

struct buf;
struct conf;
struct daemon;

/* What a client is now: session_client_kind() says. */
enum client_kind {
	CLIENT_NEW,		/* not told apart yet */
	CLIENT_TEXT, CLIENT_JSON, CLIENT_HTTP, CLIENT_WEBSOCKET,
	CLIENT_KINDS
};
#define CLIENT_COUNTS	(2 * CLIENT_KINDS)	/* and once more, over TLS */

enum handshake {
	HANDSHAKE_FULL, HANDSHAKE_RESUMED, HANDSHAKE_FAILED,
	HANDSHAKES
};

enum refusal {
	REFUSED_CLIENTS,	/* max_clients */
	REFUSED_ADDRESS,	/* max_clients_address */
	REFUSED_DESCRIPTORS,	/* none left */
	REFUSALS
};

/* Why a password is not looked at now. */
enum auth_refusal {
	AUTH_REFUSED_QUEUE,	/* auth_queue: too many wait */
	AUTH_REFUSED_TRIES,	/* login_tries: too many have failed */
	AUTH_REFUSED_REGISTER,	/* register_max: too many of one address */
	AUTH_REFUSALS
};

#define HISTOGRAM_BUCKETS	16

/* How many values fell up to each bound, the last one without a bound. */
struct histogram {
	_Atomic uint64_t counts[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum;
};

/* Ended by 0. */
extern const uint64_t histogram_us[], histogram_ops[];

/* A loop's. What is taken once a second is so at its tick. */
struct loop_metrics {
	_Atomic uint64_t accepted;	/* by the loop that listens */
	_Atomic uint64_t refused[REFUSALS];
	_Atomic uint64_t handshakes[HANDSHAKES];	/* of TLS */
	_Atomic uint64_t requests[CMD_MAX];	/* answered */
	_Atomic uint64_t rejects[ERR_MAX];	/* of them, with an error */
	_Atomic uint64_t says[ERR_MAX];	/* says and tells; ERR_NONE: good */
	_Atomic uint64_t bytes_in, bytes_out;	/* at the carriers */
	_Atomic uint64_t clients[CLIENT_COUNTS];	/* once a second */
	_Atomic uint64_t lag;		/* seqs, likewise */
	_Atomic uint64_t cpu_us;	/* likewise */
	struct histogram rounds;	/* us */
};

/* A loop's streams'. */
struct stream_metrics {
	_Atomic uint64_t deliveries;	/* news, once for each reader */
	_Atomic uint64_t places;	/* readers, now */
	_Atomic uint64_t on;		/* of them, on their stream */
};

/* The hub's thread's. */
struct hub_metrics {
	_Atomic uint64_t taken;		/* mails, of those posted */
	_Atomic uint64_t users, rooms, inboxes;	/* now */
	_Atomic uint64_t queued;	/* bytes that the store has, now */
	_Atomic uint64_t login_failures;
	_Atomic uint64_t auth_refused[AUTH_REFUSALS];
	struct histogram waits;		/* us; of each turn's oldest mail */
};

/* The auth pool's, each written under its lock. */
struct auth_metrics {
	_Atomic uint64_t workers;	/* threads */
	_Atomic uint64_t waiting, busy;	/* now; busy are threads */
	_Atomic uint64_t done;
};

/* Of the thread that commits. */
struct store_metrics {
	_Atomic uint64_t messages, duplicates, failed;
	struct histogram commits;	/* us */
	struct histogram groups;	/* ops */
};

static inline uint64_t
metric_get(const _Atomic uint64_t *m)
{
	return atomic_load_explicit(m, memory_order_relaxed);
}

static inline void
metric_set(_Atomic uint64_t *m, uint64_t value)
{
	atomic_store_explicit(m, value, memory_order_relaxed);
}

/* Its one writer's thread. */
static inline void
metric_add(_Atomic uint64_t *m, uint64_t n)
{
	metric_set(m, metric_get(m) + n);
}

/* "max_clients"; for the log as well. */
const char *refusal_name(enum refusal);

void	 histogram_add(struct histogram *, const uint64_t *bounds, uint64_t);

/*
 * Appends all of it in Prometheus' text format 0.0.4. Any thread, while the
 * daemon's loops, hub and store exist; waits for nobody, and reads /proc/self.
 * conf is the one that the thread uses, not the daemon's.
 */
void	 metrics_render(const struct daemon *, const struct conf *,
	    struct buf *);
/*
 * The same as members of a JSON object, with a comma between: a number; of one
 * with labels a list of {"label":"text",...,"value":n}; of each loop's a list
 * of numbers; of a histogram {"bounds":[...],"counts":[...],"sum":n}, where
 * counts has one more, for what is above all bounds.
 */
void	 metrics_json(const struct daemon *, const struct conf *,
	    struct buf *);
#define METRICS_TYPE	"text/plain; version=0.0.4; charset=utf-8"
/* The table, for the man page's check: "name type label label" a line. */
void	 metrics_print(FILE *);

#endif
