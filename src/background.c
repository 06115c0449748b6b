#include <sys/types.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "background.h"
#include "log.h"

int
background_enter(void)
{
	int fds[2], null;
	char ok;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) == -1)
		err(1, "pipe");
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid > 0) {
		close(fds[1]);
		_exit(read(fds[0], &ok, 1) == 1 ? 0 : 1);
	}
	close(fds[0]);
	if (setsid() == -1)
		err(1, "setsid");
	if ((null = open("/dev/null", O_RDWR)) != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	return fds[1];
}

void
background_ready(int parent, const struct conf *conf)
{
	int null;

	if (write(parent, "", 1) == -1)
		log_warn("parent-gone", LEND);
	close(parent);
	if (strcmp(conf->log_to, "stderr") != 0 &&
	    (null = open("/dev/null", O_WRONLY | O_CLOEXEC)) != -1) {
		dup2(null, STDERR_FILENO);
		close(null);
	}
}

bool
pid_write(const char *file)
{
	FILE *f = fopen(file, "we");

	return f != NULL && fprintf(f, "%ld\n", (long)getpid()) >= 0 &&
	    fclose(f) == 0;
}

void
pid_remove(const char *file)
{
	if (unlink(file) == -1 && truncate(file, 0) == -1)
		warn("pid_file %s", file);
}
