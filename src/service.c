#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "service.h"
#include "util.h"

/* Its own name if it was given none: then the socket unit's, or no unit's. */
static bool
is_default_name(const char *name)
{
	size_t n = strlen(name);

	return strcmp(name, "unknown") == 0 || *name == '\0' ||
	    (n > 7 && strcmp(name + n - 7, ".socket") == 0);
}

static char *
local_text(const struct sockaddr_un *sun, socklen_t len)
{
	if (len <= offsetof(struct sockaddr_un, sun_path) ||
	    sun->sun_path[0] != '/')
		return NULL;
	return xasprintf("unix:%.*s", (int)strnlen(sun->sun_path, len -
	    offsetof(struct sockaddr_un, sun_path)), sun->sun_path);
}

/* As "listen" has it behind the kind; NULL if it cannot. */
static char *
address_text(int fd)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		return NULL;
	if (ss.ss_family == AF_UNIX)
		return local_text((struct sockaddr_un *)&ss, len);
	if (getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
	    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return NULL;
	host[strcspn(host, "%")] = '\0';	/* the scope */
	return ss.ss_family == AF_INET6 ? xasprintf("[%s]:%s", host, port) :
	    xasprintf("%s:%s", host, port);
}

/* "listen=kind address", malloced; or NULL, and *error. */
static char *
listen_text(const struct service_socket *s, char **error)
{
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);
	char *address, *text;

	getsockopt(s->fd, SOL_SOCKET, SO_TYPE, &type, &len);
	getsockopt(s->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	if (type != SOCK_STREAM || !listens) {
		*error = xasprintf("the socket %s, which the service manager "
		    "has made, is no listening stream socket", s->name);
		return NULL;
	}
	if ((address = address_text(s->fd)) == NULL) {
		*error = xasprintf("the socket %s, which the service manager "
		    "has made, has no address of TCP and no path", s->name);
		return NULL;
	}
	text = xasprintf("listen=%s %s", is_default_name(s->name) ? "auto" :
	    s->name, address);
	free(address);
	return text;
}

static bool
is_listen(const char *override)
{
	override += strspn(override, " \t");
	return strncmp(override, "listen", 6) == 0 &&
	    override[6 + strspn(override + 6, " \t")] == '=';
}

/* The user's overrides but "listen", and then the sockets'. */
void
service_replace_listens(const struct service_listens *l,
    struct conf_source *source)
{
	struct conf_override *o;
	size_t i, n = 0;

	o = xcalloc(source->noverrides + l->n, sizeof(*o));
	for (i = 0; i < source->noverrides; i++) {
		if (!is_listen(source->overrides[i].text))
			o[n++] = source->overrides[i];
	}
	for (i = 0; i < l->n; i++)
		o[n++].text = l->texts[i];
	free(source->overrides);
	source->overrides = o;
	source->noverrides = n;
}

bool
service_set_listens(struct service_listens *l, struct conf_source *source,
    struct service_socket *sockets, size_t n, char **error)
{
	bool good = true;
	size_t i;

	l->fds = xcalloc(n, sizeof(*l->fds));
	l->texts = xcalloc(n, sizeof(*l->texts));
	for (i = 0; i < n; i++) {
		l->fds[i] = sockets[i].fd;
		fcntl(l->fds[i], F_SETFL, fcntl(l->fds[i], F_GETFL) |
		    O_NONBLOCK);
		if (good && (l->texts[i] = listen_text(&sockets[i], error)) ==
		    NULL)
			good = false;
		free(sockets[i].name);
	}
	if (!good)
		return false;
	l->n = n;
	service_replace_listens(l, source);
	return true;
}

bool
service_take_listens(struct service_listens *l, struct conf_source *source,
    char **error)
{
	struct service_socket *sockets;
	int n = service_sockets(&sockets, error);
	bool good = n >= 0;

	if (n > 0)
		good = service_set_listens(l, source, sockets, (size_t)n,
		    error);
	if (n >= 0)
		free(sockets);
	return good;
}

void
service_listens_free(struct service_listens *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->texts[i]);
	free(l->texts);
	free(l->fds);
}
