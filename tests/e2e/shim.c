/*
 * Preloaded into the daemon: a clock that jumps and a disk that is slow, as
 * the file named by SHIM_FAULTS says at the moment.
 */
#define _GNU_SOURCE

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

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
};

static struct faults none, *faults = &none;

__attribute__((constructor)) static void
shim_open(void)
{
	const char *path = getenv("SHIM_FAULTS");
	void *at;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		abort();
	at = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		abort();
	close(fd);
	faults = at;
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
