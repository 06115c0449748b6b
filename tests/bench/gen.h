/*
 * The load generator: many connections on one epoll, one thread. What it must
 * not do is cost much itself: it shares the machine with the server. So most
 * readers only count bytes, which the kernel throws away (MSG_TRUNC); some
 * readers and all writers split lines, and from them it is known how many
 * bytes everyone must have got. For tests/bench only.
 */
#ifndef GEN_H
#define GEN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define MARK		"~T"	/* begins every text said */
#define MARK_LEN	2
#define TEXT_MIN	33	/* ~T, time, writer, number: see text_stamp() */
#define SAY_MAX		8192	/* a rendered say command */

enum mode { MODE_FAN, MODE_PACE, MODE_IDLE, MODE_SESSION, MODE_SAY };

enum conn_state { CONN_LOGIN, CONN_ENTER, CONN_READY, CONN_SAY, CONN_QUIT,
	CONN_CLOSING };

/* What a line means; bits. */
enum {
	HEARD_MESSAGE = 1,	/* a message of the room */
	HEARD_PART = 2,		/* bytes of a message, not its counted line */
	HEARD_REPLY = 4,	/* the answer to our command */
	HEARD_CREDIT = 8,	/* one of our outstanding says is done */
	HEARD_REFUSED = 16	/* the command failed */
};

struct conn {
	int		 fd;
	uint8_t		 state;
	bool		 writer;
	bool		 split;		/* looks at lines */
	uint8_t		 heard;		/* session: what the say has got */
	uint32_t	 num;		/* connection's or session's */
	uint32_t	 room;
	uint32_t	 credit;	/* says it may send now */
	uint32_t	 said, done;
	uint64_t	 bytes, lines;	/* of messages */
	char		*tail;		/* a line's beginning */
	uint32_t	 tail_len;
	char		*out;		/* what a short write left */
	uint32_t	 out_len;
	char		*say;		/* rendered, stamped in place */
	uint32_t	 say_len, say_text, say_id, say_key;	/* or 0 */
	uint32_t	*next;		/* sampled: next number a writer */
	uint64_t	*sent;		/* say: when, of each unanswered one */
};

struct opts {
	enum mode	 mode;
	uint16_t	 port;
	pid_t		 pid;		/* the server's */
	uint32_t	 rooms;
	uint32_t	 readers, writers;	/* a room */
	uint32_t	 outstanding, text, line, sample, pending, rate;
	double		 warmup, seconds;
	bool		 lockstep, keyed;
};

struct gen;

/* How a server is spoken to. Each writes a command and returns its length. */
struct proto {
	const char *name;
	size_t	(*login)(const struct gen *, const struct conn *, char *);
	size_t	(*enter)(const struct gen *, const struct conn *, char *);
	size_t	(*say)(const struct gen *, struct conn *, char *);
	size_t	(*quit)(const struct gen *, const struct conn *, char *);
	/* Bytes of the first whole line, or frame; 0 if there is none. */
	size_t	(*cut)(const char *, size_t);
	/* HEARD_ bits of it, with its LF. */
	unsigned (*hear)(const struct conn *, const char *, size_t);
	/* The id in the answer to a say; NULL: it bears none. */
	uint32_t (*id)(const char *, size_t);
};

/* A moment of a run: everything counted since the beginning. */
struct mark {
	uint64_t	 wall, server, self;	/* ns; the last two CPU */
	uint64_t	 bytes, reads;	/* of readers that don't split */
	uint64_t	 split_bytes, split_lines;
	uint64_t	 done;		/* says answered, or sessions ended */
};

struct gen {
	struct opts	 opts;
	const struct proto *proto;
	int		 epfd;
	clockid_t	 server_clock;
	struct conn	*conns;
	uint32_t	 nconns, opened, ready;
	uint64_t	 bytes, reads, split_bytes, split_lines;
	uint64_t	 done;		/* says or sessions */
	uint64_t	 disorder;	/* messages lost, doubled, misplaced */
	bool		 stopping;	/* no more says */
	uint32_t	*latency;	/* us */
	size_t		 nlatency, cap_latency;
	bool		 sampling;	/* in the window: latencies count */
	char		*buf;
};

extern const struct proto proto_json, proto_raw, proto_redis, proto_ws;

/* gen.c */
uint64_t now_ns(void);
void	 gen_open(struct gen *);
/* One round of events; waits at most this many ns. */
void	 gen_turn(struct gen *, uint64_t);
void	 gen_mark(const struct gen *, struct mark *);
/* Connects and lets enter until n are ready, few at a time. */
void	 gen_connect(struct gen *, uint32_t);
void	 conn_open(struct gen *, struct conn *);
/* Renders what a writer says. */
void	 conn_prepare(struct gen *, struct conn *);
/* Says as many lines as there is credit, stamped with this time (0: now). */
void	 conn_say(struct gen *, struct conn *, uint64_t);

#endif
