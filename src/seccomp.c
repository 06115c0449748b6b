/*
 * System calls, by libseccomp: lists of those that the daemon, its libraries
 * and the start of a new binary make. Of the others some are what no version of
 * them would ever ask for, only an intruder: they end the process. The rest are
 * told that there is no such call, which libraries know how to do without,
 * since older kernels say so too.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>

#include "sandbox.h"
#include "util.h"

static const char *const allowed[] = {
	/* files */
	"access", "chmod", "close", "close_range", "creat", "dup", "dup2",
	"dup3", "faccessat", "faccessat2", "fallocate", "fchmod", "fchown",
	"fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64",
	"fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
	"ftruncate64", "getcwd", "getdents", "getdents64", "ioctl", "_llseek",
	"lseek", "lstat", "lstat64", "mkdir", "mkdirat", "newfstatat", "open",
	"openat", "pipe", "pipe2", "pread64", "preadv", "pwrite64", "pwritev",
	"read", "readlink", "readlinkat", "readv", "rename", "renameat",
	"renameat2", "rmdir", "stat", "stat64", "statfs", "statfs64", "statx",
	"sync_file_range", "umask", "unlink", "unlinkat", "write", "writev",
	/* memory */
	"brk", "madvise", "membarrier", "mlock", "mremap", "munlock", "munmap",
	/* waiting */
	"clock_nanosleep", "clock_nanosleep_time64", "epoll_create",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
	"epoll_wait", "eventfd", "eventfd2", "futex", "futex_time64",
	"nanosleep", "poll", "ppoll", "ppoll_time64", "pselect6",
	"pselect6_time64", "_newselect", "select", "signalfd", "signalfd4",
	"timerfd_create", "timerfd_settime", "timerfd_settime64",
	/* sockets; which kinds, see below */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname",
	"getsockopt", "listen", "recv", "recvfrom", "recvmmsg", "recvmsg",
	"send", "sendfile", "sendmmsg", "sendmsg", "sendto", "setsockopt",
	"shutdown", "socketpair",
	/* threads, processes and signals */
	"arch_prctl", "capget", "capset", "execve", "exit", "exit_group",
	"fork", "get_robust_list", "get_thread_area", "getegid", "getegid32",
	"geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
	"getgroups32", "getpgid", "getpgrp", "getpid", "getppid", "getresgid",
	"getresgid32", "getresuid", "getresuid32", "getsid", "gettid",
	"getuid", "getuid32", "kill", "pidfd_open", "pidfd_send_signal",
	"prctl", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list",
	"set_thread_area", "set_tid_address", "setsid", "sigaction",
	"sigaltstack", "sigprocmask", "sigreturn", "tgkill", "vfork", "wait4",
	"waitid", "waitpid",
	/* what there is to know */
	"clock_getres", "clock_gettime", "clock_gettime64", "getcpu",
	"getrandom", "getrlimit", "getrusage", "gettimeofday", "prlimit64",
	"sysinfo", "time", "times", "ugetrlimit", "uname",
	NULL
};

/* Of one that computes, and has children like itself. */
static const char *const bare[] = {
	"brk", "clock_gettime", "clock_gettime64", "exit", "exit_group",
	"fork", "futex", "futex_time64", "getpid", "getrandom", "gettid",
	"madvise", "mremap", "munmap", "recv", "recvfrom", "restart_syscall",
	"rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
	"sched_yield", "send", "sendto", "set_robust_list", "sigaction",
	"sigprocmask", "sigreturn", "wait4", "waitid", "waitpid", NULL
};

/* And of its parent, which ends it and starts another. */
static const char *const nurse[] = {
	"close", "close_range", "kill", "prctl", "recvmsg", "seccomp",
	"setpriority", "setsid", NULL
};

static const char *const deadly[] = {
	"acct", "add_key", "bpf", "delete_module", "finit_module",
	"fsopen", "init_module", "io_uring_setup", "kexec_file_load",
	"kexec_load", "keyctl", "mount", "move_mount", "name_to_handle_at",
	"open_by_handle_at", "open_tree", "perf_event_open", "pivot_root",
	"process_vm_readv", "process_vm_writev", "ptrace", "quotactl",
	"reboot", "request_key", "setns", "settimeofday", "swapoff", "swapon",
	"umount2", "unshare", "userfaultfd", NULL
};

#define WRITE_EXEC	(PROT_WRITE | PROT_EXEC)
#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |	\
			CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |	\
			CLONE_NEWNET)

/* Allowed where an argument, masked, has this value. */
static const struct condition {
	const char	*name;
	unsigned	 arg;
	scmp_datum_t	 mask, value;
} conditional[] = {
	/* Nothing that was written is executed. */
	{ "mmap", 2, WRITE_EXEC, 0 },
	{ "mmap", 2, WRITE_EXEC, PROT_WRITE },
	{ "mmap", 2, WRITE_EXEC, PROT_EXEC },
	{ "mmap2", 2, WRITE_EXEC, 0 },
	{ "mmap2", 2, WRITE_EXEC, PROT_WRITE },
	{ "mmap2", 2, WRITE_EXEC, PROT_EXEC },
	{ "mprotect", 2, PROT_EXEC, 0 },
	/* Threads and processes, no namespaces. clone3(2), whose arguments
	 * cannot be seen, is not there: the C library uses this then. */
	{ "clone", 0, NAMESPACES, 0 }
}, conditional_daemon[] = {
	/* For the log and the operator; clients come by what listens. */
	{ "socket", 0, UINT32_MAX, AF_UNIX },
	/* Whoever hashes comes last, in an upgraded daemon too. */
	{ "setpriority", 1, UINT32_MAX, 0 }
};

static bool
is_extra(const char *name)
{
	const char *const *extra = sandbox_extra_calls;

	while (*extra != NULL && strcmp(*extra, name) != 0)
		extra++;
	return *extra != NULL;
}

/* A call that this machine does not have, or the library not know, is none. */
static int
add_names(scmp_filter_ctx ctx, uint32_t action, const char *const *names)
{
	int rc = 0, number;

	for (; *names != NULL && rc == 0; names++) {
		number = seccomp_syscall_resolve_name(*names);
		if (number >= 0 && (action == SCMP_ACT_ALLOW ||
		    !is_extra(*names)))
			rc = seccomp_rule_add_array(ctx, action, number, 0,
			    NULL);
	}
	return rc;
}

static int
add_conditional(scmp_filter_ctx ctx, const struct condition *c, size_t n)
{
	int rc = 0, number;

	for (; n-- > 0 && rc == 0; c++) {
		const struct scmp_arg_cmp when = { c->arg, SCMP_CMP_MASKED_EQ,
		    c->mask, c->value };

		number = seccomp_syscall_resolve_name(c->name);
		if (number >= 0)
			rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
			    number, 1, &when);
	}
	return rc;
}

enum kind { WHOLE, NURSE, BARE };

static int
add_rules(scmp_filter_ctx ctx, enum kind kind)
{
	int rc;

	if ((rc = add_names(ctx, SCMP_ACT_ALLOW, sandbox_extra_calls)) != 0 ||
	    (rc = add_names(ctx, SCMP_ACT_ALLOW, kind == WHOLE ? allowed :
	    bare)) != 0 || (rc = add_conditional(ctx, conditional,
	    NITEMS(conditional))) != 0)
		return rc;
	if (kind == NURSE && (rc = add_names(ctx, SCMP_ACT_ALLOW, nurse)) != 0)
		return rc;
	if (kind == WHOLE && (rc = add_conditional(ctx, conditional_daemon,
	    NITEMS(conditional_daemon))) != 0)
		return rc;
	return add_names(ctx, SCMP_ACT_KILL_PROCESS, deadly);
}

static char *
enter(bool tell, enum kind wanted)
{
	/* Sanitizers need what the daemon does, besides. */
	enum kind kind = sandbox_extra_calls[0] != NULL ? WHOLE : wanted;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc;

	if (ctx == NULL)
		return xstrdup("no: out of memory");
	/* Where it cannot be told, it is not; the sanitizers have threads; and
	 * nobody else's code runs here that would have to be slowed down. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, tell);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_SSB, 1);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(ctx, SCMP_FLTATR_API_SYSRAWRC, 1);
	if ((rc = add_rules(ctx, kind)) == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	if (rc == -EINVAL || rc == -ENOSYS)
		return xstrdup("no: the kernel has none");
	return rc == 0 ? xstrdup("yes") : xasprintf("no: %s", strerror(-rc));
}

char *
seccomp_enter(bool tell)
{
	return enter(tell, WHOLE);
}

char *
seccomp_enter_bare(bool parent)
{
	return enter(false, parent ? NURSE : BARE);
}
