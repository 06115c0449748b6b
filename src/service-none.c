/* Where systemd was left out: nobody listens, and nobody made sockets. */
#include <stddef.h>

#include "service.h"

bool
service_listens(void)
{
	return false;
}

void
service_notify(const char *fmt, ...)
{
	(void)fmt;
}

void
service_reloading(void)
{
}

uint64_t
service_watchdog(void)
{
	return 0;
}

int
service_sockets(struct service_socket **sockets, char **error)
{
	(void)error;
	*sockets = NULL;
	return 0;
}
