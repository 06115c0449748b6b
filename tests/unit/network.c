#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/un.h>

#include "conf.h"
#include "network.h"
#include "util.h"

/* The list in its one form, to be freed; or what is wrong with it. */
static char *
form(const char *text, bool *ok)
{
	char *list = xstrdup(text), *why = NULL;

	*ok = network_list_check(&list, &why);
	if (*ok) {
		cr_assert_null(why);
		return list;
	}
	cr_assert_str_eq(list, text, "it is left alone");
	free(list);
	return why;
}

static const struct {
	const char	*text, *form;
} good[] = {
	{ "", "" },
	{ " , \t", "" },
	{ "127.0.0.0/8 ::1 10.1.2.3", "127.0.0.0/8 ::1 10.1.2.3" },
	{ "  10.1.2.3,,::1\n", "10.1.2.3 ::1" },
	{ "10.1.2.3/32 ::1/128", "10.1.2.3 ::1" },
	{ "0.0.0.0/0 ::/0", "0.0.0.0/0 ::/0" },
	{ "2001:DB8:0:0::/32", "2001:db8::/32" },
	{ "10.128.0.0/9 10.255.255.254/31 fe80::/10",
	  "10.128.0.0/9 10.255.255.254/31 fe80::/10" },
	{ "::ffff:10.1.2.3 ::ffff:10.0.0.0/104 ::ffff:0:0/96",
	  "10.1.2.3 10.0.0.0/8 0.0.0.0/0" },
	{ "::fffe:0:0/95", "::fffe:0:0/95" },
};

Test(network, lists_have_one_form)
{
	char *list, *again;
	size_t i;
	bool ok;

	for (i = 0; i < NITEMS(good); i++) {
		list = form(good[i].text, &ok);
		cr_assert(ok, "%s: %s", good[i].text, list);
		cr_assert_str_eq(list, good[i].form);
		again = form(list, &ok);
		cr_assert(ok);
		cr_assert_str_eq(again, list);
		free(list);
		free(again);
	}
}

static const struct {
	const char	*text, *wrong, *right;
} bad[] = {
	{ "localhost", "\"localhost\" is no IP address, and names are not "
	  "looked up", "such as 127.0.0.0/8" },
	{ "::1 10.1.2", "\"10.1.2\" is no IP address", "such as" },
	{ "10.1.2.3.4", "is no IP address", "such as" },
	{ "10.01.2.3", "is no IP address", "such as" },
	{ "[::1]", "\"[::1]\" is no IP address", "such as" },
	{ "fe80::1%eth0", "is no IP address", "such as" },
	{ "/8", "is no IP address", "such as" },
	{ "10.0.0.0/", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/33", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/08", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/8/8", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/-1", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/4294967304", "no number from 0 to 32", "such as" },
	{ "10.0.0.0/255.0.0.0", "no number from 0 to 32", "such as" },
	{ "::/129", "no number from 0 to 128", "such as" },
	{ "10.1.2.3/8", "\"10.1.2.3/8\" has bits set behind its first 8",
	  "; 10.0.0.0/8" },
	{ "2001:db8::1/32", "has bits set behind its first 32",
	  "; 2001:db8::/32" },
	{ "128.0.0.0/0", "has bits set behind its first 0", "; 0.0.0.0/0" },
	{ "\x1b[2J", "\"\xef\xbf\xbd[2J\" is no IP address", "such as" },
};

Test(network, errors_say_what_would_be_right)
{
	size_t i;
	char *why;
	bool ok;

	for (i = 0; i < NITEMS(bad); i++) {
		why = form(bad[i].text, &ok);
		cr_assert(!ok, "%s is taken as %s", bad[i].text, why);
		cr_assert(strstr(why, bad[i].wrong) != NULL, "%s: %s",
		    bad[i].text, why);
		cr_assert(strstr(why, bad[i].right) != NULL, "%s: %s",
		    bad[i].text, why);
		free(why);
	}
}

/* "unix" is a unix socket's. */
static bool
has(const char *list, const char *address)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

	if (strcmp(address, "unix") == 0)
		;
	else if (inet_pton(AF_INET, address, &in->sin_addr) == 1)
		ss.ss_family = AF_INET;
	else {
		cr_assert_eq(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
		ss.ss_family = AF_INET6;
	}
	return network_list_has(list, (struct sockaddr *)&ss);
}

Test(network, addresses_are_found)
{
	const char *list = "127.0.0.0/8 ::1 10.1.2.3 192.168.4.0/23 "
	    "2001:db8:8000::/33";

	cr_assert(has(list, "127.0.0.0") && has(list, "127.255.255.255"));
	cr_assert(!has(list, "126.255.255.255") && !has(list, "128.0.0.0"));
	cr_assert(has(list, "::1") && !has(list, "::") && !has(list, "::2"));
	cr_assert(has(list, "10.1.2.3") && !has(list, "10.1.2.2"));
	cr_assert(has(list, "192.168.4.0") && has(list, "192.168.5.255"));
	cr_assert(!has(list, "192.168.3.255") && !has(list, "192.168.6.0"));
	cr_assert(has(list, "2001:db8:8000::1"));
	cr_assert(has(list, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"));
	cr_assert(!has(list, "2001:db8:7fff:ffff::1"));
	cr_assert(!has(list, "2001:db9:8000::1"));
}

Test(network, ipv4_in_ipv6_is_ipv4)
{
	cr_assert(has("127.0.0.0/8", "::ffff:127.0.0.1"));
	cr_assert(!has("127.0.0.0/8", "::ffff:128.0.0.1"));
	/* and not a part of any IPv6 network */
	cr_assert(!has("::/0", "::ffff:127.0.0.1"));
	cr_assert(!has("::/0", "127.0.0.1"));
	cr_assert(!has("0.0.0.0/0", "::1"));
	/* 127.0.0.1 as the first bytes of an IPv6 address */
	cr_assert(!has("127.0.0.0/8", "7f00:1::"));
	cr_assert(!has("7f00::/8", "127.0.0.1"));
}

Test(network, all_and_nobody)
{
	cr_assert(has("0.0.0.0/0", "255.255.255.255"));
	cr_assert(has("::/0", "ffff::1"));
	cr_assert(!has("", "127.0.0.1") && !has("", "::1"));
	cr_assert(!has("", "unix"));
}

Test(network, a_unix_socket_is_local)
{
	cr_assert(has("127.0.0.1", "unix") && has("::1", "unix"));
	cr_assert(has("127.0.0.0/8 10.0.0.0/8", "unix"));
	cr_assert(has("0.0.0.0/0", "unix") && has("::/0", "unix"));
	cr_assert(!has("127.0.0.2", "unix") && !has("10.0.0.0/8", "unix"));
}

Test(network, other_families_are_nobody)
{
	const struct sockaddr sa = { .sa_family = AF_UNSPEC };

	cr_assert(!network_list_has("0.0.0.0/0 ::/0", &sa));
}

/* As the option has it. */
Test(network, metrics_from)
{
	struct conf_override o[] = { { "metrics_from=::1, 10.0.0.0/8" } };
	struct conf *conf;
	char *error;

	conf = conf_parse(NULL, NULL, 0, &error);
	cr_assert_not_null(conf);
	cr_assert_str_eq(conf->metrics_from, "127.0.0.0/8 ::1");
	cr_assert(has(conf->metrics_from, "unix"));
	conf_free(conf);
	conf = conf_parse(NULL, o, 1, &error);
	cr_assert_not_null(conf, "%s", error);
	cr_assert_str_eq(conf->metrics_from, "::1 10.0.0.0/8");
	conf_free(conf);
	o[0].text = "metrics_from=10.1.0.0/8";
	cr_assert_null(conf_parse(NULL, o, 1, &error));
	cr_assert_not_null(strstr(error, "metrics_from: \"10.1.0.0/8\" is no "
	    "list of networks: \"10.1.0.0/8\" has bits set behind its first "
	    "8; 10.0.0.0/8"), "%s", error);
	free(error);
}
