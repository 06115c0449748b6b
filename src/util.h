/*
 * Small things every module needs: memory that cannot fail, bytes that grow,
 * clocks, random ids. No state, any thread.
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

/* Out of memory is fatal for small allocations: these never return NULL. */
void	*xmalloc(size_t);
void	*xcalloc(size_t, size_t);
void	*xrealloc(void *, size_t);
char	*xstrdup(const char *);
char	*xmemdup(const void *, size_t);
char	*xasprintf(const char *, ...) __attribute__((format(printf, 1, 2)));

/*
 * A growing byte buffer. All zeros is an empty one. data is not terminated
 * unless buf_str() was called last.
 */
struct buf {
	char	*data;
	size_t	 len;
	size_t	 cap;
};

void	 buf_free(struct buf *);		/* empties and releases */
void	 buf_reset(struct buf *);		/* empties, keeps memory */
void	 buf_trim(struct buf *, size_t);	/* empties; frees if cap > n */
void	 buf_grow(struct buf *, size_t);	/* there must be less room */
void	 buf_adds(struct buf *, const char *);
void	 buf_addf(struct buf *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));
void	 buf_vaddf(struct buf *, const char *, va_list)
	    __attribute__((format(printf, 2, 0)));
void	 buf_addu(struct buf *, uint64_t);	/* decimal, fast */
/* " for 90 s", " for 2 h": the largest unit that it is whole in; 0: nothing. */
void	 buf_add_for(struct buf *, uint64_t seconds);
const char *buf_str(struct buf *);		/* terminated view */

/* n writable bytes at the end. */
static inline char *
buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->len < n)
		buf_grow(b, n);
	return b->data + b->len;
}

static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n > 0)
		memcpy(buf_room(b, n), p, n);
	b->len += n;
}

static inline void
buf_addc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->len++;
}

/*
 * A buffer that a thread uses again and again: a _Thread_local one, all zeros
 * at first. It is released when its thread ends.
 */
struct scratch {
	struct buf	 buf;
	struct scratch	*next;
	bool		 kept;
};

/* Its buffer, empty; of its memory no more than so many bytes are kept. */
struct buf *scratch_take(struct scratch *, size_t);

uint64_t clock_ms(void);		/* monotonic, milliseconds */
uint64_t clock_us(void);		/* monotonic, microseconds */
int64_t	 clock_wall(void);		/* ms since the epoch, UTC */

/* The day of a time, as this place has it; another one each day. And a time of
 * such a day. */
uint32_t local_day(int64_t);
int64_t	 local_noon(uint32_t day);

#define TIME_RFC3339	25		/* "2026-11-22T06:33:00.123Z" and NUL */
/* UTC, milliseconds, RFC 3339 section 5.6. The second is cached a thread. */
void	 time_rfc3339(int64_t, char [TIME_RFC3339]);

/* A program's first argument: --help becomes -h, and --version -V. Others may
 * be what somebody wants to say. */
void	 option_words(char **argv);

/* The directory a path is in; "." if it names none. The caller frees. */
char	*path_dir(const char *);

/* Random bytes of the kernel; never fails (getrandom(2)). */
void	 random_bytes(void *, size_t);
/* n random bytes as 2n hex digits and NUL. */
void	 random_hex(char *, size_t);

#endif
