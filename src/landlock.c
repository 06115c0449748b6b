/* Landlock, by system calls of its own: the C library knows none of them. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sandbox.h"
#include "util.h"

/* As in the kernel's linux/landlock.h of 6.12; a build may have an older. */
#define EXECUTE		(UINT64_C(1) << 0)
#define WRITE_FILE	(UINT64_C(1) << 1)
#define READ_FILE	(UINT64_C(1) << 2)
#define READ_DIR	(UINT64_C(1) << 3)
#define REMOVE_DIR	(UINT64_C(1) << 4)
#define REMOVE_FILE	(UINT64_C(1) << 5)
#define MAKE_CHAR	(UINT64_C(1) << 6)
#define MAKE_DIR	(UINT64_C(1) << 7)
#define MAKE_REG	(UINT64_C(1) << 8)
#define MAKE_SOCK	(UINT64_C(1) << 9)
#define MAKE_FIFO	(UINT64_C(1) << 10)
#define MAKE_BLOCK	(UINT64_C(1) << 11)
#define MAKE_SYM	(UINT64_C(1) << 12)
#define REFER		(UINT64_C(1) << 13)
#define TRUNCATE	(UINT64_C(1) << 14)
#define OF_FILES	(EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE)
#define BIND_TCP	(UINT64_C(1) << 0)
#define CONNECT_TCP	(UINT64_C(1) << 1)
#define SCOPE_SIGNAL	(UINT64_C(1) << 1)

#define GET_VERSION	1U
#define PATH_BENEATH	1

struct ruleset {
	uint64_t	 fs, net, scoped;
};

struct path_beneath {
	uint64_t	 access;
	int32_t		 fd;
} __attribute__((packed));

static int
create(const struct ruleset *r, size_t size, unsigned flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, r, size, flags);
}

/* What a kernel of this version can refuse: all of it is. */
static struct ruleset
handled(int abi)
{
	struct ruleset r = { EXECUTE | WRITE_FILE | READ_FILE | READ_DIR |
	    REMOVE_DIR | REMOVE_FILE | MAKE_CHAR | MAKE_DIR | MAKE_REG |
	    MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM, 0, 0 };

	if (abi >= 2)
		r.fs |= REFER;
	if (abi >= 3)
		r.fs |= TRUNCATE;
	if (abi >= 4)
		r.net = BIND_TCP | CONNECT_TCP;
	if (abi >= 6)
		r.scoped = SCOPE_SIGNAL;
	return r;
}

static uint64_t
access_of(unsigned access)
{
	static const struct {
		unsigned	 may;
		uint64_t	 bits;
	} rights[] = {
		{ MAY_READ, READ_FILE | READ_DIR },
		{ MAY_WRITE, WRITE_FILE | TRUNCATE },
		{ MAY_MAKE, MAKE_REG | MAKE_DIR },
		{ MAY_LISTEN, MAKE_SOCK },
		{ MAY_REMOVE, REMOVE_FILE },
		{ MAY_RMDIR, REMOVE_DIR },
		{ MAY_EXECUTE, EXECUTE }
	};
	uint64_t bits = 0;
	size_t i;

	for (i = 0; i < NITEMS(rights); i++) {
		if (access & rights[i].may)
			bits |= rights[i].bits;
	}
	return bits;
}

/* What is not there, or not to be had, needs no right. */
static bool
allow(int ruleset, uint64_t all, const struct sandbox_path *p)
{
	struct path_beneath rule = { access_of(p->access) & all, 0 };
	struct stat st;
	int error = 0;

	rule.fd = open(p->path, O_PATH | O_CLOEXEC);
	if (rule.fd == -1)
		return true;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.access &= OF_FILES;
	if (rule.access != 0 && syscall(SYS_landlock_add_rule, ruleset,
	    PATH_BENEATH, &rule, 0U) == -1)
		error = errno;
	close(rule.fd);
	errno = error;
	return error == 0;
}

static char *
failed(int error)
{
	switch (error) {
	case ENOSYS:
		return xstrdup("no: the kernel has none");
	case EOPNOTSUPP:
		return xstrdup("no: the kernel has it switched off");
	default:
		return xasprintf("no: %s", strerror(error));
	}
}

char *
landlock_enter(const struct sandbox_paths *paths)
{
	int abi = create(NULL, 0, GET_VERSION), fd, error = 0;
	struct ruleset r;
	size_t i;

	if (abi < 1)
		return failed(abi == -1 ? errno : ENOSYS);
	r = handled(abi);
	/* An older kernel takes a longer one if the rest of it is zero. */
	if ((fd = create(&r, sizeof(r), 0)) == -1)
		return failed(errno);
	for (i = 0; i < paths->n && error == 0; i++) {
		if (!allow(fd, r.fs, &paths->list[i]))
			error = errno;
	}
	if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0U) == -1)
		error = errno;
	close(fd);
	if (error != 0)
		return failed(error);
	return xasprintf("yes, version %d", abi);
}
