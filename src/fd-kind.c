#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stddef.h>

#include "fd-kind.h"

/* A connected stream socket. */
static enum fd_kind
client_kind(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &len) == -1)
		return errno == ENOTCONN ? FD_GONE : FD_OTHER;
	if (ss.ss_family == AF_INET || ss.ss_family == AF_INET6)
		return FD_CLIENT;
	/* What was accepted has the listener's name. */
	len = sizeof(ss);
	if (ss.ss_family != AF_UNIX ||
	    getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return FD_OTHER;
	return len > offsetof(struct sockaddr_un, sun_path) ? FD_CLIENT :
	    FD_PAIR;
}

enum fd_kind
fd_kind(int fd)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);
	struct stat st;

	if (fstat(fd, &st) == -1)
		return FD_CLOSED;
	if (!S_ISSOCK(st.st_mode))
		return FD_STREAM;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    type != SOCK_STREAM)
		return FD_OTHER;
	len = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
	    listens != 0)
		return FD_LISTENS;
	return client_kind(fd);
}
