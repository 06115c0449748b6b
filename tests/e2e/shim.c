/*
 * Preloaded into the daemon: a clock that jumps and a disk that is slow, as
 * the file named by SHIM_FAULTS says at the moment; and what the last password
 * has cost is told there.
 */
#define _GNU_SOURCE

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct faults {
	_Atomic int64_t	 jump;		/* s, added to the wall clock */
	_Atomic int64_t	 sync_ms;	/* that a sync takes longer */
	_Atomic uint64_t memory;	/* bytes, of the last crypto_pwhash() */
};

/* libsodium's, in a process of its own that can open nothing any more. */
typedef int pwhash(unsigned char *, unsigned long long, const char *,
    unsigned long long, const unsigned char *, unsigned long long, size_t, int);

static struct faults none, *faults = &none;
static pwhash *sodiums;

__attribute__((constructor)) static void
shim_open(void)
{
	const char *path = getenv("SHIM_FAULTS");
	void *at;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		abort();
	at = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	close(fd);
	faults = at;
	*(void **)&sodiums = dlsym(RTLD_NEXT, "crypto_pwhash");
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	if (syscall(SYS_clock_gettime, id, ts) == -1)
		return -1;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec += faults->jump;
	return 0;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *at)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (at != NULL)
		*at = ts.tv_sec;
	return ts.tv_sec;
}

static void
rest(void)
{
	if (faults->sync_ms > 0)
		poll(NULL, 0, (int)faults->sync_ms);
}

int
fdatasync(int fd)
{
	rest();
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	rest();
	return (int)syscall(SYS_fsync, fd);
}

int
crypto_pwhash(unsigned char *out, unsigned long long size,
    const char *password, unsigned long long len, const unsigned char *salt,
    unsigned long long passes, size_t memory, int algorithm)
{
	faults->memory = memory;
	return sodiums(out, size, password, len, salt, passes, memory,
	    algorithm);
}
