/*
 * What a fact that comes from outside may say: its key and its value are
 * checked by its kind as the commands are that make one, and the value is
 * written anew, so that nothing else is in it. Pure.
 */
#ifndef FACT_FORM_H
#define FACT_FORM_H

#include <jansson.h>

/*
 * NULL, and *value is another one, in its place; or what is wrong, a constant.
 * A kind that is none of ours stays as it is: who takes facts up leaves it out.
 */
const char *fact_form(const char *key, json_t **value);

#endif
