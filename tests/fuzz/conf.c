/*
 * The configuration: a file's text and, behind a line of "--", one -o a line.
 * What is accepted must print to what is accepted again and prints the same;
 * what is refused says why. No file is touched.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "name.h"
#include "util.h"

#define INPUT_MAX	16384
#define OVERRIDES_MAX	8

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char *
print(const struct conf *conf)
{
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f == NULL)
		abort();
	conf_print(conf, f);
	fclose(f);
	return text;
}

static void
check_accepted(const struct conf *conf)
{
	char *one = print(conf), *two, *error;
	struct conf *again;

	if (conf->loops == 0 || conf->nlistens == 0 ||
	    conf->max_text > conf->max_line ||
	    !utf8_valid(one, strlen(one), NULL))
		abort();
	again = conf_parse_text("f", one, strlen(one), NULL, 0, &error);
	if (again == NULL) {
		fprintf(stderr, "%s\n%s\n", one, error);
		abort();
	}
	two = print(again);
	if (strcmp(one, two) != 0) {
		fprintf(stderr, "%s\n---\n%s\n", one, two);
		abort();
	}
	conf_free(again);
	free(one);
	free(two);
}

/* Lines of text, without control characters of the input's. */
static void
check_refused(const char *error)
{
	size_t i;

	if (error == NULL || *error == '\0' ||
	    !utf8_valid(error, strlen(error), NULL))
		abort();
	for (i = 0; error[i] != '\0'; i++) {
		if (((unsigned char)error[i] < ' ' && error[i] != '\n') ||
		    error[i] == 0x7f)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_override o[OVERRIDES_MAX];
	char *input, *rest, *error;
	struct conf *conf;
	size_t n = 0, len = size;

	if (size > INPUT_MAX)
		return 0;
	input = xcalloc(size + 1, 1);
	if (size > 0)
		memcpy(input, data, size);
	if ((rest = memmem(input, size, "\n--\n", 4)) != NULL) {
		len = (size_t)(rest - input) + 1;
		rest += 4;
		while (n < OVERRIDES_MAX && rest != NULL)
			o[n++].text = strsep(&rest, "\n");
	}
	conf = conf_parse_text("f", input, len, o, n, &error);
	if (conf != NULL)
		check_accepted(conf);
	else
		check_refused(error);
	conf_free(conf);
	free(error);
	free(input);
	return 0;
}
