/*
 * The page: the files of src/web/, put into the binary by the assembler, each
 * as it is and as gzip makes it smaller. The Makefile says where they are.
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "web-internal.h"

#define EMBED(symbol, file)						\
	__asm__(".section .rodata\n"					\
	    ".global web_" #symbol "_begin\n"				\
	    ".global web_" #symbol "_end\n"				\
	    "web_" #symbol "_begin:\n"					\
	    ".incbin \"" file "\"\n"					\
	    "web_" #symbol "_end:\n"					\
	    ".byte 0\n"							\
	    ".previous\n");						\
	extern const char web_##symbol##_begin[], web_##symbol##_end[]

#define ASSET(symbol, file)						\
	EMBED(symbol, WEB_DIR "/" file);				\
	EMBED(symbol##_gz, WEB_GZ_DIR "/" file ".gz")

ASSET(index, "index.html");
ASSET(style_css, "style.css");
ASSET(chat_css, "chat.css");
ASSET(log_css, "log.css");
ASSET(dialogs_css, "dialogs.css");
ASSET(account, "account.js");
ASSET(acts, "acts.js");
ASSET(app, "app.js");
ASSET(commands, "commands.js");
ASSET(composer, "composer.js");
ASSET(deeds, "deeds.js");
ASSET(door, "door.js");
ASSET(finder, "finder.js");
ASSET(hear, "hear.js");
ASSET(keep, "keep.js");
ASSET(keys, "keys.js");
ASSET(link, "link.js");
ASSET(lists, "lists.js");
ASSET(marks, "marks.js");
ASSET(orders, "orders.js");
ASSET(partyline, "partyline.js");
ASSET(reader, "reader.js");
ASSET(rights, "rights.js");
ASSET(rules, "rules.js");
ASSET(search, "search.js");
ASSET(sides, "sides.js");
ASSET(sight, "sight.js");
ASSET(speak, "speak.js");
ASSET(talk, "talk.js");
ASSET(talks, "talks.js");
ASSET(view, "view.js");
ASSET(icon, "icon.svg");

#define FORM(symbol)							\
	{ web_##symbol##_begin, web_##symbol##_end, "" }
#define ROW(path, type, symbol)						\
	{ path, type, FORM(symbol), FORM(symbol##_gz) }

static const char script[] = "text/javascript; charset=utf-8";
static const char style[] = "text/css; charset=utf-8";

static struct web_asset assets[] = {
	ROW("/", "text/html; charset=utf-8", index),
	ROW("/style.css", style, style_css),
	ROW("/chat.css", style, chat_css),
	ROW("/log.css", style, log_css),
	ROW("/dialogs.css", style, dialogs_css),
	ROW("/account.js", script, account),
	ROW("/acts.js", script, acts),
	ROW("/app.js", script, app),
	ROW("/commands.js", script, commands),
	ROW("/composer.js", script, composer),
	ROW("/deeds.js", script, deeds),
	ROW("/door.js", script, door),
	ROW("/finder.js", script, finder),
	ROW("/hear.js", script, hear),
	ROW("/keep.js", script, keep),
	ROW("/keys.js", script, keys),
	ROW("/link.js", script, link),
	ROW("/lists.js", script, lists),
	ROW("/marks.js", script, marks),
	ROW("/orders.js", script, orders),
	ROW("/partyline.js", script, partyline),
	ROW("/reader.js", script, reader),
	ROW("/rights.js", script, rights),
	ROW("/rules.js", script, rules),
	ROW("/search.js", script, search),
	ROW("/sides.js", script, sides),
	ROW("/sight.js", script, sight),
	ROW("/speak.js", script, speak),
	ROW("/talk.js", script, talk),
	ROW("/talks.js", script, talks),
	ROW("/view.js", script, view),
	ROW("/icon.svg", "image/svg+xml", icon)
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A tag changes with the bytes: the first eight of their SHA-256. */
static void
make_etag(struct web_form *f)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t i;
	int j;

	if (EVP_Digest(f->begin, (size_t)(f->end - f->begin), hash, NULL,
	    EVP_sha256(), NULL) != 1)
		errx(1, "libcrypto: no SHA-256");
	f->etag[0] = '"';
	for (i = 1, j = 0; j < 8; j++, i += 2)
		snprintf(f->etag + i, 3, "%02x", hash[j]);
	f->etag[i] = '"';
}

static void
make_etags(void)
{
	struct web_asset *a;

	for (a = assets; a < assets + NITEMS(assets); a++) {
		make_etag(&a->plain);
		make_etag(&a->gzip);
	}
}

const struct web_asset *
web_asset(const char *path)
{
	size_t i;

	pthread_once(&once, make_etags);
	for (i = 0; i < NITEMS(assets); i++) {
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	}
	return NULL;
}
