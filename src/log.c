#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <unistr.h>

#include "log.h"
#include "util.h"

#define LINE_SIZE	4096		/* a line with its end; PIPE_BUF */
#define LINE_TAIL	5		/* what ends a cut line: ..."\n */
#define VALUE_MAX	256		/* bytes of a value, before escaping */
#define QUEUE_LINES	4096
#define QUEUE_BYTES	(1024 * 1024)
#define QUEUE_KEEP	(64 * 1024)	/* memory kept once it is written */
#define CLOSE_WAIT	2		/* seconds */
#define POLL_WAIT	200		/* ms between looks at abandoned */

struct line {
	char		 data[LINE_SIZE];
	size_t		 len;
	bool		 full;
};

/* Lines on their way. */
struct queue {
	struct buf	 text;
	uint8_t		 levels[QUEUE_LINES];
	size_t		 lines;
	uint64_t	 dropped;	/* behind the last of them */
	bool		 reopen;
	size_t		 reopen_at;	/* bytes that belong to the old file */
};

/* An open target and its thread. */
struct sink {
	pthread_t	 thread;
	pthread_cond_t	 wake;		/* something is in the queue */
	pthread_cond_t	 done;		/* ended was set */
	/* under the lock */
	struct queue	*filling;
	bool		 closing;
	bool		 abandoned;	/* nobody waits: the thread frees it */
	bool		 ended;
	/* the thread's own */
	struct queue	*writing;
	int		 fd;		/* -1: syslog */
	char		*path;		/* NULL: no file */
	bool		 torn;		/* the last line has no end */
	uint64_t	 failed;	/* lines lost in writing */
	int		 error;		/* and why */
};

const char *const log_level_names[] = {
	[LEVEL_ERROR] = "error", [LEVEL_WARN] = "warn",
	[LEVEL_NOTICE] = "notice", [LEVEL_INFO] = "info",
	[LEVEL_DEBUG] = "debug", NULL
};

static _Atomic uint64_t lost;		/* lines */
static atomic_int threshold = LEVEL_NOTICE;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sink *sink;		/* under the lock */

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold,
	    memory_order_relaxed);
}

void
log_level_set(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

uint64_t
log_lost(void)
{
	return atomic_load_explicit(&lost, memory_order_relaxed);
}

/* Adds all or nothing, and nothing any more once something did not fit. */
static void
put(struct line *l, const char *s, size_t n)
{
	if (l->full || l->len + n > LINE_SIZE - LINE_TAIL) {
		l->full = true;
		return;
	}
	memcpy(l->data + l->len, s, n);
	l->len += n;
}

static void
puts_line(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

/* Ends a line or hides what stands there, on a terminal or in a viewer. */
static bool
is_unsafe(ucs4_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static void
put_escaped(struct line *l, const char *s, size_t n)
{
	char tmp[8];
	ucs4_t c;
	int size;

	for (; n > 0; s += size, n -= (size_t)size) {
		size = u8_mbtoucr(&c, (const uint8_t *)s, n);
		if (size <= 0) {
			size = 1;
			snprintf(tmp, sizeof(tmp), "\\x%02x",
			    (unsigned char)*s);
		} else if (c == '\n' || c == '\t' || c == '\r')
			snprintf(tmp, sizeof(tmp), "\\%c", c == '\n' ? 'n' :
			    c == '\t' ? 't' : 'r');
		else if (c == '"' || c == '\\')
			snprintf(tmp, sizeof(tmp), "\\%c", (char)c);
		else if (is_unsafe(c))
			snprintf(tmp, sizeof(tmp), "\\u%04x", (unsigned)c);
		else {
			put(l, s, (size_t)size);
			continue;
		}
		puts_line(l, tmp);
	}
}

/* False if it did not fit: then the line is to end before it. */
static bool
put_value(struct line *l, const char *s)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/@+-";
	size_t n = strnlen(s, VALUE_MAX + 1);
	bool cut = n > VALUE_MAX;
	int back;

	if (!cut && n > 0 && strspn(s, bare) == n) {
		put(l, s, n);
		return !l->full;
	}
	if (cut) {
		/* Not within a character, if it is one. */
		n = VALUE_MAX;
		for (back = 0; back < 3 && ((unsigned char)s[n] & 0xc0) == 0x80;
		    back++)
			n--;
	}
	put(l, "\"", 1);
	if (l->full)
		return false;
	put_escaped(l, s, n);
	/* LINE_TAIL is kept for this. */
	s = cut || l->full ? "...\"" : "\"";
	memcpy(l->data + l->len, s, strlen(s));
	l->len += strlen(s);
	return true;
}

static bool
put_field(struct line *l, const struct log_field *f)
{
	char tmp[24];

	puts_line(l, " ");
	puts_line(l, f->key);
	puts_line(l, "=");
	if (f->type == LOG_FIELD_STR)
		return put_value(l, f->str);
	if (f->type == LOG_FIELD_INT)
		snprintf(tmp, sizeof(tmp), "%lld", (long long)f->num);
	else
		snprintf(tmp, sizeof(tmp), "%llu", (unsigned long long)f->num);
	puts_line(l, tmp);
	return !l->full;
}

static void
format(struct line *l, enum log_level level, const char *event,
    const struct log_field *f)
{
	char now[TIME_RFC3339];
	size_t mark;

	l->len = 0;
	l->full = false;
	time_rfc3339(clock_wall(), now);
	puts_line(l, now);
	puts_line(l, " ");
	puts_line(l, log_level_names[level]);
	puts_line(l, " ");
	puts_line(l, event);
	for (; f->key != NULL && !l->full; f++) {
		if (f->type == LOG_FIELD_STR && f->str == NULL)
			continue;
		mark = l->len;
		if (!put_field(l, f))
			l->len = mark;
	}
	l->data[l->len++] = '\n';
}

void
log_write(enum log_level level, const char *event, const struct log_field *f)
{
	struct line l;
	struct queue *q;

	format(&l, level, event, f);
	pthread_mutex_lock(&lock);
	if (sink == NULL) {
		pthread_mutex_unlock(&lock);
		while (write(STDERR_FILENO, l.data, l.len) == -1 &&
		    errno == EINTR)
			;
		return;
	}
	q = sink->filling;
	if (q->lines == QUEUE_LINES || q->text.len + l.len > QUEUE_BYTES) {
		q->dropped++;
		atomic_fetch_add(&lost, 1);
	} else {
		q->levels[q->lines++] = (uint8_t)level;
		buf_add(&q->text, l.data, l.len);
	}
	if (q->lines == 1)
		pthread_cond_signal(&sink->wake);
	pthread_mutex_unlock(&lock);
}

static bool
is_abandoned(struct sink *s)
{
	bool abandoned;

	pthread_mutex_lock(&lock);
	abandoned = s->abandoned;
	pthread_mutex_unlock(&lock);
	return abandoned;
}

/* What is left of n bytes of lines that could not be written. */
static void
count_lost(struct sink *s, const char *p, size_t n, size_t left)
{
	const char *end = p + n;

	p += n - left;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		s->failed++;
		atomic_fetch_add(&lost, 1);
		p++;
	}
}

/*
 * Writes whole lines; the bytes left if that fails, and s->error. A pipe is
 * polled and given no more than it takes at once, so that log_close() need not
 * wait for who does not read it.
 */
static size_t
write_lines(struct sink *s, const char *p, size_t n)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLOUT };
	ssize_t done;

	while (n > 0) {
		if (poll(&pfd, 1, POLL_WAIT) == 0) {
			if (!is_abandoned(s))
				continue;
			return n;
		}
		done = write(s->fd, p, s->path != NULL || n < LINE_SIZE ? n :
		    LINE_SIZE);
		if (done == -1) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			s->error = errno;
			return n;
		}
		p += done;
		n -= (size_t)done;
		s->torn = done > 0 ? p[-1] != '\n' : s->torn;
	}
	return 0;
}

/* One line without its end; syslog has a time and a level of its own. */
static void
write_syslog(enum log_level level, const char *p, size_t n)
{
	static const int priorities[] = {
		[LEVEL_ERROR] = LOG_ERR, [LEVEL_WARN] = LOG_WARNING,
		[LEVEL_NOTICE] = LOG_NOTICE, [LEVEL_INFO] = LOG_INFO,
		[LEVEL_DEBUG] = LOG_DEBUG
	};
	size_t skip = TIME_RFC3339 + strlen(log_level_names[level]) + 1;

	syslog(priorities[level], "%.*s", (int)(n - skip), p + skip);
}

static void
write_own(struct sink *s, enum log_level level, const char *event,
    const struct log_field *f)
{
	struct line l;

	format(&l, level, event, f);
	if (s->fd == -1)
		write_syslog(level, l.data, l.len - 1);
	else
		count_lost(s, l.data, l.len, write_lines(s, l.data, l.len));
}

/* Says what was lost in writing before anything is written again. */
static void
write_out(struct sink *s, const char *p, size_t n)
{
	struct line l;

	if (n == 0)
		return;
	if (s->torn && write_lines(s, "\n", 1) > 0) {
		count_lost(s, p, n, n);
		return;
	}
	if (s->failed > 0) {
		format(&l, LEVEL_WARN, "log-dropped", (struct log_field[]){
		    LU("lines", s->failed), LS("reason", strerror(s->error)),
		    LEND });
		if (write_lines(s, l.data, l.len) > 0) {
			count_lost(s, p, n, n);
			return;
		}
		s->failed = 0;
	}
	count_lost(s, p, n, write_lines(s, p, n));
}

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK, 0640);
}

static void
reopen(struct sink *s)
{
	int fd;

	if (s->path == NULL)
		return;
	if ((fd = open_file(s->path)) == -1) {
		write_own(s, LEVEL_ERROR, "log-reopen-failed",
		    (struct log_field[]){ LS("path", s->path),
		    LS("reason", strerror(errno)), LEND });
		return;
	}
	close(s->fd);
	s->fd = fd;
	s->torn = false;
}

static void
write_syslog_lines(const struct queue *q)
{
	const char *p = q->text.data, *end;
	size_t i;

	for (i = 0; i < q->lines; i++, p = end + 1) {
		end = memchr(p, '\n', (size_t)(q->text.data + q->text.len - p));
		write_syslog(q->levels[i], p, (size_t)(end - p));
	}
}

static void
write_queue(struct sink *s, struct queue *q)
{
	size_t old = q->reopen ? q->reopen_at : q->text.len;

	if (s->fd == -1)
		write_syslog_lines(q);
	else {
		write_out(s, q->text.data, old);
		if (q->reopen)
			reopen(s);
		if (old < q->text.len)
			write_out(s, q->text.data + old, q->text.len - old);
	}
	if (q->dropped > 0)
		write_own(s, LEVEL_WARN, "log-dropped", (struct log_field[]){
		    LU("lines", q->dropped), LS("reason", "queue full"),
		    LEND });
	buf_trim(&q->text, QUEUE_KEEP);
	q->lines = 0;
	q->dropped = 0;
	q->reopen = false;
}

static void
free_sink(struct sink *s)
{
	if (s->fd == -1)
		closelog();
	else
		close(s->fd);
	buf_free(&s->filling->text);
	buf_free(&s->writing->text);
	free(s->filling);
	free(s->writing);
	free(s->path);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->done);
	free(s);
}

static void *
run(void *arg)
{
	struct sink *s = arg;
	struct queue *q;
	bool abandoned;

	pthread_mutex_lock(&lock);
	for (;;) {
		q = s->filling;
		if (q->lines == 0 && !q->reopen) {
			if (s->closing)
				break;
			pthread_cond_wait(&s->wake, &lock);
			continue;
		}
		s->filling = s->writing;
		s->writing = q;
		pthread_mutex_unlock(&lock);
		write_queue(s, q);
		pthread_mutex_lock(&lock);
	}
	s->ended = true;
	abandoned = s->abandoned;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&lock);
	if (abandoned)
		free_sink(s);
	return NULL;
}

static struct sink *
new_sink(int fd, const char *path)
{
	struct sink *s = xcalloc(1, sizeof(*s));
	pthread_condattr_t attr;

	s->fd = fd;
	s->path = path != NULL ? xstrdup(path) : NULL;
	s->filling = xcalloc(1, sizeof(*s->filling));
	s->writing = xcalloc(1, sizeof(*s->writing));
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, NULL);
	pthread_cond_init(&s->done, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

/* A thread that gets no signal; SIGPIPE is then only an error of write(2). */
static int
start(struct sink *s)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

bool
log_open(const char *target, char **error)
{
	const char *path = NULL;
	struct sink *s;
	int fd = -1, e;

	*error = NULL;
	if (strcmp(target, "syslog") == 0)
		openlog("partylined", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	else if (strcmp(target, "stderr") == 0)
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open_file(path = target);
	if (fd == -1 && strcmp(target, "syslog") != 0) {
		*error = xasprintf("log_to: %s cannot be opened: %s; stderr, "
		    "syslog or a file that partylined may write", target,
		    strerror(errno));
		return false;
	}
	s = new_sink(fd, path);
	if ((e = start(s)) != 0) {
		*error = xasprintf("log_to: no thread for the log: %s; a "
		    "higher limit of threads", strerror(e));
		free_sink(s);
		return false;
	}
	pthread_mutex_lock(&lock);
	assert(sink == NULL);
	sink = s;
	pthread_mutex_unlock(&lock);
	return true;
}

void
log_reopen(void)
{
	pthread_mutex_lock(&lock);
	if (sink != NULL) {
		sink->filling->reopen = true;
		sink->filling->reopen_at = sink->filling->text.len;
		pthread_cond_signal(&sink->wake);
	}
	pthread_mutex_unlock(&lock);
}

void
log_close(void)
{
	struct timespec until;
	struct sink *s;
	bool ended;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += CLOSE_WAIT;
	pthread_mutex_lock(&lock);
	if ((s = sink) == NULL) {
		pthread_mutex_unlock(&lock);
		return;
	}
	sink = NULL;
	s->closing = true;
	pthread_cond_signal(&s->wake);
	while (!s->ended && pthread_cond_timedwait(&s->done, &lock, &until) !=
	    ETIMEDOUT)
		;
	ended = s->ended;
	s->abandoned = !ended;
	pthread_mutex_unlock(&lock);
	if (!ended) {
		pthread_detach(s->thread);
		return;
	}
	pthread_join(s->thread, NULL);
	free_sink(s);
}
