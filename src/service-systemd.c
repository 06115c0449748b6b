#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "service.h"
#include "util.h"

bool
service_listens(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

void
service_notify(const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	if (!service_listens())
		return;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	sd_notify(0, buf_str(&b));
	buf_free(&b);
}

/* It takes no older "ready" for the end of this. */
void
service_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	service_notify("RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)
	    ts.tv_sec * 1000000 + (unsigned long long)ts.tv_nsec / 1000);
}

uint64_t
service_watchdog(void)
{
	uint64_t us;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}

int
service_sockets(struct service_socket **sockets, char **error)
{
	char **names = NULL;
	int i, n;

	n = sd_listen_fds_with_names(1, &names);
	if (n < 0) {
		*error = xasprintf("LISTEN_FDS: %s", strerror(-n));
		return -1;
	}
	*sockets = xcalloc((size_t)n + 1, sizeof(**sockets));
	for (i = 0; i < n; i++)
		(*sockets)[i] = (struct service_socket){
		    SD_LISTEN_FDS_START + i, names[i] };
	free(names);
	return n;
}
