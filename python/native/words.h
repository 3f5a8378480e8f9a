/* A set of texts: each has a number, in the order in which they came. The texts stay where they are. */
#ifndef CORAL_WORDS_H
#define CORAL_WORDS_H

#include "wire.h"

typedef struct {
    cursor text;
    uint32_t hash;
} word;

typedef struct {
    uint64_t seed;
    word *words;
    size_t count, capacity;
    uint32_t *slots; /* number + 1, 0 is free */
    size_t mask;
} word_set;

enum { NO_WORD = UINT32_MAX };

/* Prepares for `expected` texts; it grows by itself. False when there is no memory. */
bool words_init(word_set *set, uint64_t seed, size_t expected);
void words_free(word_set *set);

/* The number of a text, which is added when it is new; NO_WORD when there is no memory. */
uint32_t words_add(word_set *set, cursor text);

/* Twice as much room for items that are numbered by 32 bits, `first` of them at first; NULL when there is none. */
void *enlarged(void *items, size_t *capacity, size_t first, size_t width);

uint64_t hash_text(uint64_t seed, cursor text);

static inline uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
