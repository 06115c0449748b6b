#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sandbox.h"
#include "util.h"

/* Set for whatever program this process may become, to whether Landlock is
 * among it. */
#define MARK	"PARTYLINED_SANDBOXED"
#define LANDLOCKED	"1"
#define NO_LANDLOCK	"2"

/*
 * For the C library (time zones, users and groups, the count of processors),
 * SQLite (random bytes), what /metrics says of the process, and the libraries
 * of a new binary.
 */
static const struct {
	const char	*path;
	unsigned	 access;
} everywhere[] = {
	{ "/dev/null", MAY_READ | MAY_WRITE },
	{ "/dev/urandom", MAY_READ },
	{ "/etc", MAY_READ },
	{ "/lib", MAY_READ },
	{ "/lib64", MAY_READ },
	{ "/proc", MAY_READ },
	{ "/sys/devices/system/cpu", MAY_READ },
	{ "/usr/lib", MAY_READ },
	{ "/usr/lib64", MAY_READ },
	{ "/usr/local/lib", MAY_READ },
	{ "/usr/share/zoneinfo", MAY_READ }
};

void
sandbox_paths_add(struct sandbox_paths *p, const char *path, unsigned access)
{
	p->list = xrealloc(p->list, (p->n + 1) * sizeof(*p->list));
	p->list[p->n++] = (struct sandbox_path){ xstrdup(path), access };
}

void
sandbox_paths_free(struct sandbox_paths *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->list[i].path);
	free(p->list);
	*p = (struct sandbox_paths){ 0 };
}

static void
add_dir_of(struct sandbox_paths *p, const char *path, unsigned access)
{
	char *dir = path_dir(path);

	sandbox_paths_add(p, dir, access);
	free(dir);
}

/* The one that loads this program, as it is written in it. */
static int
find_loader(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **loader = arg;
	size_t i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			*loader = (const char *)(info->dlpi_addr +
			    info->dlpi_phdr[i].p_vaddr);
	}
	return 1;	/* the program itself comes first */
}

/* A new binary takes the place of the running one, or lies beside it. */
static void
add_program(struct sandbox_paths *p)
{
	const char *loader = NULL;
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		add_dir_of(p, self, MAY_READ | MAY_EXECUTE);
	}
	dl_iterate_phdr(find_loader, &loader);
	if (loader != NULL)
		sandbox_paths_add(p, loader, MAY_READ | MAY_EXECUTE);
}

/* A directory that was made for the socket goes with it. */
static void
add_control(struct sandbox_paths *p, const char *path)
{
	char *dir = path_dir(path);

	sandbox_paths_add(p, dir, MAY_LISTEN | MAY_REMOVE);
	add_dir_of(p, dir, MAY_RMDIR);
	free(dir);
}

/* A file that others replace by a new one of its name, or that a link names
 * which they turn to another one beside it. */
static void
add_renewed(struct sandbox_paths *p, const char *path)
{
	char *real;

	if (path[0] == '\0')
		return;
	add_dir_of(p, path, MAY_READ);
	if ((real = realpath(path, NULL)) != NULL)
		add_dir_of(p, real, MAY_READ);
	free(real);
}

void
sandbox_paths_make(struct sandbox_paths *p, const struct conf *conf,
    const char *file)
{
	size_t i;

	for (i = 0; i < NITEMS(everywhere); i++)
		sandbox_paths_add(p, everywhere[i].path, everywhere[i].access);
	add_program(p);
	if (file != NULL)
		add_dir_of(p, file, MAY_READ);
	sandbox_paths_add(p, conf->state_dir, MAY_READ | MAY_WRITE | MAY_MAKE |
	    MAY_LISTEN | MAY_REMOVE);
	if (conf->log_to[0] == '/')
		add_dir_of(p, conf->log_to, MAY_WRITE | MAY_MAKE);
	if (conf->pid_file[0] != '\0') {
		add_dir_of(p, conf->pid_file, MAY_REMOVE);
		sandbox_paths_add(p, conf->pid_file, MAY_WRITE);
	}
	if (conf->control[0] != '\0')
		add_control(p, conf->control);
	add_renewed(p, conf->tls_cert);
	add_renewed(p, conf->tls_key);
	add_renewed(p, conf->tls_client_ca);
	for (i = 0; i < conf->nlistens; i++) {
		if (conf->listens[i].local)
			add_dir_of(p, conf->listens[i].address, MAY_REMOVE);
	}
	sandbox_extra_paths(p);
}

bool
sandbox_inherited(void)
{
	return getenv(MARK) != NULL;
}

bool
sandbox_bars(const char *file, char **where)
{
	const char *mark = getenv(MARK);
	char *real, self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	bool inside;
	size_t len;

	if (mark == NULL || strcmp(mark, LANDLOCKED) != 0 || n <= 0 ||
	    (real = realpath(file, NULL)) == NULL)
		return false;
	self[n] = '\0';
	*where = path_dir(self);
	len = strlen(*where);
	inside = len == 1 || (strncmp(real, *where, len) == 0 &&
	    real[len] == '/');
	free(real);
	if (inside)
		free(*where);
	return !inside;
}

void
sandbox_enter(const struct conf *conf, const char *file, struct privileges *p)
{
	struct sandbox_paths paths = { 0 };

	if (sandbox_inherited() || conf->sandbox == ANSWER_NO) {
		p->landlock = xstrdup(sandbox_inherited() ?
		    "inherited" : "no: sandbox = no");
		p->seccomp = xstrdup(p->landlock);
		return;
	}
	sandbox_paths_make(&paths, conf, file);
	p->landlock = landlock_enter(&paths);
	sandbox_paths_free(&paths);
	p->seccomp = seccomp_enter(log_enabled(LEVEL_DEBUG));
	setenv(MARK, strncmp(p->landlock, "yes", 3) == 0 ? LANDLOCKED :
	    NO_LANDLOCK, 1);
}
