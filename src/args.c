#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "args.h"
#include "util.h"

#define OPTIONS	"df:hik:no:tVv"

static void
usage(FILE *out)
{
	fputs("usage: partylined [-dhintVv] [-f file] [-k kind] "
	    "[-o name=value]...\n"
	    "  -d  to the background, with a pid file\n"
	    "  -f  read this configuration instead of " CONF_FILE "\n"
	    "  -h  print this\n"
	    "  -i  started by inetd, xinetd or sshd: hand the client over to "
	    "the daemon\n"
	    "  -k  with -i, auto, text, json or http\n"
	    "  -n  read no configuration file\n"
	    "  -o  set an option, over the file's; may be repeated\n"
	    "  -t  check the configuration, print it in full, and end\n"
	    "  -V  print the version\n"
	    "  -v  log more: as -o log_level=debug\n"
	    "With no argument it serves browsers, telnet, nc and JSON clients "
	    "on 127.0.0.1\nport 4000. See partylined(8).\n", out);
}

void
args_parse(struct args *a, int argc, char **argv)
{
	struct conf_source *s = &a->source;
	int c;

	conf_source_init(s, argc);
	option_words(argv);
	while ((c = getopt(argc, argv, OPTIONS)) != -1) {
		if (conf_source_option(s, c, optarg))
			continue;
		switch (c) {
		case 'd':
			a->background = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'i':
			a->inetd = true;
			break;
		case 'k':
			if (!conf_listen_kind(&a->kind, optarg))
				errx(2, "-k %s: there is no such kind; auto, "
				    "text, json or http", optarg);
			a->kind_set = true;
			break;
		case 't':
			a->test = true;
			break;
		case 'V':
			puts("partylined " PACKAGE_VERSION);
			exit(0);
		case 'v':
			conf_source_option(s, 'o', "log_level=debug");
			break;
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (a->inetd && a->background)
		errx(2, "-i is started by inetd: -d has no place there");
	if (a->kind_set && !a->inetd)
		errx(2, "-k is for -i; else listen says the kind");
	if (optind < argc) {
		warnx("what is \"%s\"? there are only options", argv[optind]);
		usage(stderr);
		exit(2);
	}
}

bool
args_are_inetd(int argc, char **argv)
{
	bool found = false;
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		found |= c == 'i';
	opterr = 1;
	optind = 0;		/* glibc: from the beginning again */
	return found;
}
