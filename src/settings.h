/*
 * What a room is set to, as the text of a configure act and as facts have it.
 * Such a text comes from the store, and is not spliced in anywhere: it is taken
 * apart, and what is known of it written anew. Pure.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "request.h"
#include "util.h"

/* A setting's value, as a fact or an act has it; false if it is none. */
bool	 setting_parse(enum setting, const json_t *, uint32_t *);
/* The settings that are given in a JSON object's text. False if there is
 * anything else, or nothing; those that are right are set all the same. */
bool	 settings_parse(struct settings *, const char *, size_t);
/* Those given, as members of an object: "private":true,"pace":5 */
void	 settings_render(struct buf *, const struct settings *);

#endif
