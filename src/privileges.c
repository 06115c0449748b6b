#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "privileges.h"
#include "sandbox.h"
#include "util.h"

#define STATE_PREFIX	"partyline."	/* of the files in state_dir */
#define STATE_LOCK	"partyline.lock"

struct identity {
	uid_t		 uid;
	gid_t		 gid;
	char		*name;		/* in the user database, or NULL */
};

/* Who. */

/* A number stands for itself, for those who have no such database. */
static bool
number(const char *s, unsigned *n)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	*n = (unsigned)v;
	/* The highest one means "as it is" to the system. */
	return isdigit((unsigned char)*s) && *end == '\0' && errno == 0 &&
	    v < UINT32_MAX;
}

static bool
find_user(const char *user, struct identity *id, char **error)
{
	const struct passwd *pw = getpwnam(user);
	unsigned n;

	if (pw == NULL && number(user, &n)) {
		id->uid = id->gid = n;
		pw = getpwuid(n);
	}
	if (pw != NULL) {
		id->uid = pw->pw_uid;
		id->gid = pw->pw_gid;
		id->name = xstrdup(pw->pw_name);
		return true;
	}
	if (number(user, &n))
		return true;
	*error = xasprintf("user: there is no user %s here; one that getent "
	    "passwd lists", user);
	return false;
}

static bool
find_group(const char *group, struct identity *id, char **error)
{
	const struct group *gr = getgrnam(group);
	unsigned n;

	if (gr != NULL)
		id->gid = gr->gr_gid;
	else if (number(group, &n))
		id->gid = n;
	else {
		*error = xasprintf("group: there is no group %s here; one that "
		    "getent group lists", group);
		return false;
	}
	return true;
}

/* Whom conf names; who it is already where it names nobody. */
static bool
find(const struct conf *conf, struct identity *id, char **error)
{
	*error = NULL;
	*id = (struct identity){ geteuid(), getegid(), NULL };
	if (conf->user[0] != '\0' && !find_user(conf->user, id, error))
		return false;
	if (conf->group[0] != '\0' && !find_group(conf->group, id, error)) {
		free(id->name);
		return false;
	}
	return true;
}

bool
privileges_check(const struct conf *conf, char **error)
{
	struct identity id;

	if (!find(conf, &id, error))
		return false;
	free(id.name);
	return true;
}

/* What they need, made over to them. */

static void
give_file(int at, const char *name, const struct identity *id)
{
	int fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	struct stat st;

	if (fd == -1)
		return;
	/* Only root's own: no other name may lead to it. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
	    st.st_nlink == 1 && fchown(fd, id->uid, id->gid) == -1)
		log_warn("not-given", LS("file", name), LS("reason",
		    strerror(errno)), LEND);
	close(fd);
}

/*
 * A state directory that is new, or root's from an earlier run: then it is
 * private and has the lock file in it. Any other is left alone, and refused by
 * the store if it does not do.
 */
static void
give_state(const char *path, const struct identity *id)
{
	bool made = mkdir(path, 0700) == 0;
	const struct dirent *e;
	struct stat st, lock;
	DIR *dir = opendir(path);

	if (dir == NULL)
		return;
	if (fstat(dirfd(dir), &st) == 0 && st.st_uid == 0 && (made ||
	    ((st.st_mode & 077) == 0 && fstatat(dirfd(dir), STATE_LOCK, &lock,
	    AT_SYMLINK_NOFOLLOW) == 0)) &&
	    fchown(dirfd(dir), id->uid, id->gid) == -1)
		log_warn("not-given", LS("file", path), LS("reason",
		    strerror(errno)), LEND);
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, STATE_PREFIX,
		    strlen(STATE_PREFIX)) == 0)
			give_file(dirfd(dir), e->d_name, id);
	}
	closedir(dir);
}

/* A file that is new is theirs; one that is there stays whose it is. */
static void
give_new_file(const char *path, mode_t mode, const struct identity *id)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd == -1)
		return;
	if (fchown(fd, id->uid, id->gid) == -1)
		log_warn("not-given", LS("file", path), LS("reason",
		    strerror(errno)), LEND);
	close(fd);
}

/* The directory of a file, if there is none yet. */
static void
give_new_dir_of(const char *path, mode_t mode, const struct identity *id)
{
	char *dir = path_dir(path);

	if (mkdir(dir, mode) == 0 && chown(dir, id->uid, id->gid) == -1)
		log_warn("not-given", LS("file", dir), LS("reason",
		    strerror(errno)), LEND);
	free(dir);
}

static void
give_sockets(const struct conf *conf, const struct identity *id)
{
	size_t i;

	for (i = 0; i < conf->nlistens; i++) {
		const struct listen_conf *c = &conf->listens[i];

		if (c->local && lchown(c->address, id->uid, id->gid) == -1)
			log_warn("not-given", LS("file", c->address),
			    LS("reason", strerror(errno)), LEND);
	}
}

static void
give(const struct conf *conf, const struct privileges *p,
    const struct identity *id)
{
	if (strcmp(conf->store, "memory") != 0)
		give_state(conf->state_dir, id);
	if (conf->log_to[0] == '/')
		give_new_file(conf->log_to, 0640, id);
	if (p->background && conf->pid_file[0] != '\0') {
		give_new_dir_of(conf->pid_file, 0755, id);
		unlink(conf->pid_file);		/* an earlier run's */
		give_new_file(conf->pid_file, 0644, id);
	}
	if (conf->control[0] != '\0')
		give_new_dir_of(conf->control, 0700, id);
}

/* Becoming them. */

static bool
set_groups(const struct identity *id, char **error)
{
	if ((id->name != NULL ? initgroups(id->name, id->gid) :
	    setgroups(1, &id->gid)) == 0)
		return true;
	*error = xasprintf("group: the groups cannot be set: %s",
	    strerror(errno));
	return false;
}

static bool
set_ids(const struct identity *id, char **error)
{
	if (setresgid(id->gid, id->gid, id->gid) == -1 ||
	    setresuid(id->uid, id->uid, id->uid) == -1) {
		*error = xasprintf("user: root cannot be given up: %s",
		    strerror(errno));
		return false;
	}
	/* There is no way back, or it was not done. */
	if (id->uid != 0 && setuid(0) == 0) {
		*error = xstrdup("user: root was not given up");
		return false;
	}
	return true;
}

/* Everything that is read outside has been. */
static bool
change_root(const struct conf *conf, char **error)
{
	if (conf->chroot[0] == '\0')
		return true;
	if (chroot(conf->chroot) == 0 && chdir("/") == 0)
		return true;
	*error = xasprintf("chroot: %s: %s%s", conf->chroot, strerror(errno),
	    errno == EPERM ? "; start it as root, or leave it out" : "");
	return false;
}

/* Who is not root can only be who they are. */
static bool
is_already(const struct conf *conf, const struct identity *id, char **error)
{
	if (id->uid != geteuid())
		*error = xasprintf("user: only root can become %s; start it as "
		    "root, or leave user out", conf->user);
	else if (id->gid != getegid())
		*error = xasprintf("group: only root can become of group %s; "
		    "start it as root, or leave group out", conf->group);
	return *error == NULL;
}

static bool
become(const struct conf *conf, const struct privileges *p,
    const struct identity *id, char **error)
{
	bool leaves = geteuid() == 0 && conf->user[0] != '\0';

	tzset();	/* people's local time, even in there */
	if (leaves) {
		if (!set_groups(id, error))
			return false;
		if (!p->given)
			give_sockets(conf, id);
	} else if (!is_already(conf, id, error))
		return false;
	/* After an upgrade it is in there. */
	if (!sandbox_inherited() && !change_root(conf, error))
		return false;
	if (leaves)
		give(conf, p, id);
	caps_bound(id->uid == 0);
	return !leaves || set_ids(id, error);
}

void
privileges_mkdir(const struct conf *conf, const char *path)
{
	struct identity id;
	char *error;

	if (mkdir(path, 0700) == -1 || geteuid() != 0)
		return;
	if (!find(conf, &id, &error)) {
		free(error);
		return;
	}
	if (chown(path, id.uid, id.gid) == -1)
		log_warn("not-given", LS("file", path), LS("reason",
		    strerror(errno)), LEND);
	free(id.name);
}

bool
privileges_drop(const struct conf *conf, struct privileges *p, char **error)
{
	struct identity id;
	bool done;

	if (!find(conf, &id, error))
		return false;
	done = become(conf, p, &id, error);
	free(id.name);
	if (!done)
		return false;
	p->capabilities = caps_drop(geteuid() == 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
		*error = xasprintf("new privileges cannot be given up: %s",
		    strerror(errno));
		return false;
	}
	return true;
}

void
privileges_log(struct privileges *p)
{
	log_notice("privileges", LU("uid", geteuid()), LU("gid", getegid()),
	    LS("capabilities", p->capabilities), LS("new_privileges", "no"),
	    LS("seccomp", p->seccomp), LS("landlock", p->landlock), LEND);
	free(p->seccomp);
	free(p->landlock);
	p->seccomp = p->landlock = NULL;
}
