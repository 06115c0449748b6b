#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "util.h"

void *
xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (p == NULL)
		err(1, "out of memory (%zu bytes)", size);
	return p;
}

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (p == NULL)
		err(1, "out of memory (%zu x %zu bytes)", n, size);
	return p;
}

void *
xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (p == NULL)
		err(1, "out of memory (%zu bytes)", size);
	return p;
}

char *
xstrdup(const char *s)
{
	return xmemdup(s, strlen(s) + 1);
}

char *
xmemdup(const void *p, size_t n)
{
	char *copy = xmalloc(n);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) == -1)
		err(1, "out of memory");
	va_end(ap);
	return s;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
}

void
buf_trim(struct buf *b, size_t keep)
{
	if (b->cap > keep)
		buf_free(b);
	else
		b->len = 0;
}

void
buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 128;

	while (cap - b->len < n)
		cap *= 2;
	b->data = xrealloc(b->data, cap);
	b->cap = cap;
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	size_t left = b->cap - b->len;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(left ? b->data + b->len : NULL, left, fmt, again);
	va_end(again);
	if (n < 0)
		err(1, "format %s", fmt);
	if ((size_t)n >= left) {
		buf_room(b, (size_t)n + 1);
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	}
	b->len += (size_t)n;
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void
buf_add_for(struct buf *b, uint64_t seconds)
{
	static const struct { uint64_t s; const char *name; } units[] = {
	    { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;

	if (seconds == 0)
		return;
	while (seconds % units[i].s != 0)
		i++;
	buf_addf(b, " for %llu %s", (unsigned long long)(seconds / units[i].s),
	    units[i].name);
}

void
buf_addu(struct buf *b, uint64_t v)
{
	char tmp[20], *p = tmp + sizeof(tmp);
	unsigned two;

	for (; v >= 10; v /= 100) {
		two = (unsigned)(v % 100);
		*--p = (char)('0' + two % 10);
		*--p = (char)('0' + two / 10);
	}
	if (v > 0 || p == tmp + sizeof(tmp))
		*--p = (char)('0' + v);
	buf_add(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

const char *
buf_str(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->data;
}

uint64_t
clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

/* At a thread's end, with the first of its scratch buffers. */
static void
scratch_release(void *arg)
{
	struct scratch *s;

	for (s = arg; s != NULL; s = s->next)
		buf_free(&s->buf);
}

static void
scratch_init(void)
{
	if (pthread_key_create(&scratch_key, scratch_release) != 0)
		errx(1, "pthread_key_create failed");
}

struct buf *
scratch_take(struct scratch *s, size_t keep)
{
	if (!s->kept) {
		pthread_once(&scratch_once, scratch_init);
		s->next = pthread_getspecific(scratch_key);
		if (pthread_setspecific(scratch_key, s) != 0)
			errx(1, "pthread_setspecific failed");
		s->kept = true;
	}
	buf_trim(&s->buf, keep);
	return &s->buf;
}

uint64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

int64_t
clock_wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define DAYS	366	/* of a year, in numbers of days */

uint32_t
local_day(int64_t ms)
{
	static _Thread_local int64_t cached = INT64_MIN;
	static _Thread_local uint32_t day;
	time_t t = (time_t)(ms / 1000);
	struct tm tm;

	if (t != cached && localtime_r(&t, &tm) != NULL) {
		day = (uint32_t)(tm.tm_year * DAYS + tm.tm_yday);
		cached = t;
	}
	return day;
}

int64_t
local_noon(uint32_t day)
{
	struct tm tm = { .tm_year = (int)(day / DAYS), .tm_hour = 12,
	    .tm_mday = (int)(day % DAYS) + 1, .tm_isdst = -1 };

	return (int64_t)mktime(&tm) * 1000;
}

void
time_rfc3339(int64_t ms, char out[TIME_RFC3339])
{
	static _Thread_local int64_t cached = INT64_MIN;
	static _Thread_local char text[TIME_RFC3339];
	int64_t s = ms / 1000, frac = ms % 1000;

	if (frac < 0) {
		frac += 1000;
		s--;
	}
	if (s != cached) {
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		if (strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S",
		    &tm) != 19)
			memcpy(text, "1970-01-01T00:00:00", 20);
		cached = s;
	}
	memcpy(out, text, 19);
	out[19] = '.';
	out[20] = (char)('0' + frac / 100);
	out[21] = (char)('0' + frac / 10 % 10);
	out[22] = (char)('0' + frac % 10);
	out[23] = 'Z';
	out[24] = '\0';
}

void
option_words(char **argv)
{
	static char help[] = "-h", version[] = "-V";

	if (argv[0] == NULL || argv[1] == NULL)
		return;
	if (strcmp(argv[1], "--help") == 0)
		argv[1] = help;
	else if (strcmp(argv[1], "--version") == 0)
		argv[1] = version;
}

char *
path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xasprintf("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

void
random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			err(1, "getrandom");
		}
		at += got;
		n -= (size_t)got;
	}
}

void
random_hex(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	/* In the upper half first: writing stays behind reading. */
	random_bytes(out + n, n);
	for (i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)out[n + i];

		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * n] = '\0';
}
