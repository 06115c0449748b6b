#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

uint64_t
process_cpu_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) == -1)
		return 0;
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* A small file of /proc/self as text; false if there is none. */
static bool
read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* proc(5): pages of the whole program, then of what is in memory. */
static uint64_t
memory(bool resident)
{
	char text[128], *end;
	uint64_t whole, in;

	if (!read_text("/proc/self/statm", text, sizeof(text)))
		return 0;
	whole = strtoull(text, &end, 10);
	in = strtoull(end, NULL, 10);
	return (resident ? in : whole) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
process_resident(void)
{
	return memory(true);
}

uint64_t
process_virtual(void)
{
	return memory(false);
}

/* Above this number there is none: FDSize of proc(5). */
static int
fds_end(void)
{
	char text[2048];
	const char *at;

	if (!read_text("/proc/self/status", text, sizeof(text)) ||
	    (at = strstr(text, "\nFDSize:")) == NULL)
		return 0;
	return (int)strtol(at + strlen("\nFDSize:"), NULL, 10);
}

uint64_t
process_fds_scan(void)
{
	uint64_t n = 0;
	int fd, end = fds_end();

	for (fd = 0; fd < end; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

uint64_t
process_fds(void)
{
	struct stat st;

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return (uint64_t)st.st_size;
	return process_fds_scan();
}

uint64_t
process_fds_max(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 0;
	return rl.rlim_cur == RLIM_INFINITY ? UINT64_MAX : rl.rlim_cur;
}
