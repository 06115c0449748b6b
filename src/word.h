/*
 * Bytes looked at eight at a time: the high bit of each byte of a word that
 * is meant. A byte behind the first that is meant may be marked wrongly.
 */
#ifndef WORD_H
#define WORD_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_ONES	0x0101010101010101ULL
#define WORD_HIGHS	(WORD_ONES * 0x80)	/* of bytes above ASCII */
#define WORD_BELOW(w, c) (((w) - WORD_ONES * (c)) & ~(w) & WORD_HIGHS)
#define WORD_EQUALS(w, c) WORD_BELOW((w) ^ (WORD_ONES * (c)), 1)

/* The first byte of s is the lowest of the word. */
static inline uint64_t
word_at(const char *s)
{
	uint64_t w;

	memcpy(&w, s, sizeof(w));
	return le64toh(w);
}

/* Index of the first marked byte; there must be one. */
static inline size_t
word_first(uint64_t marks)
{
	return (size_t)__builtin_ctzll(marks) / 8;
}

#endif
