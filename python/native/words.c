#include "words.h"

#include <stdlib.h>

static uint64_t load(const uint8_t *at, size_t size) {
    uint64_t value = 0;
    memcpy(&value, at, size);
    return value;
}

uint64_t hash_text(uint64_t seed, cursor text) {
    const uint64_t odd = 0x9e3779b97f4a7c15u;
    uint64_t hash = seed ^ odd;
    size_t size = left(text);
    const uint8_t *at = text.at;
    for (; size >= 16; size -= 16, at += 16) hash = mix(load(at, 8) ^ odd, load(at + 8, 8) ^ hash);
    uint64_t low = load(at, size < 8 ? size : 8), high = size > 8 ? load(at + 8, size - 8) : 0;
    hash = mix(low ^ odd, high ^ hash);
    return mix(hash ^ left(text), odd ^ seed);
}

void *enlarged(void *items, size_t *capacity, size_t first, size_t width) {
    size_t wanted = *capacity == 0 ? first : 2 * *capacity;
    void *larger = wanted < UINT32_MAX ? realloc(items, wanted * width) : NULL;
    if (larger != NULL) *capacity = wanted;
    return larger;
}

static bool resize(word_set *set, size_t slots) {
    uint32_t *table = calloc(slots, sizeof *table);
    if (table == NULL) return false;
    size_t mask = slots - 1;
    for (size_t i = 0; i < set->count; i++) {
        size_t slot = hash_text(set->seed, set->words[i].text) & mask;
        while (table[slot] != 0) slot = (slot + 1) & mask;
        table[slot] = (uint32_t)(i + 1);
    }
    free(set->slots);
    set->slots = table;
    set->mask = mask;
    return true;
}

bool words_init(word_set *set, uint64_t seed, size_t expected) {
    memset(set, 0, sizeof *set);
    set->seed = seed;
    size_t slots = 64;
    while (slots < 4 * expected) slots *= 2;
    return resize(set, slots);
}

void words_free(word_set *set) {
    free(set->words);
    free(set->slots);
    memset(set, 0, sizeof *set);
}

uint32_t words_add(word_set *set, cursor text) {
    uint64_t hash = hash_text(set->seed, text);
    size_t slot = hash & set->mask;
    for (; set->slots[slot] != 0; slot = (slot + 1) & set->mask) {
        const word *found = &set->words[set->slots[slot] - 1];
        if (found->hash == (uint32_t)(hash >> 32) && left(found->text) == left(text)
            && memcmp(found->text.at, text.at, left(text)) == 0) {
            return set->slots[slot] - 1;
        }
    }
    if (set->count == set->capacity) {
        word *words = enlarged(set->words, &set->capacity, 64, sizeof *words);
        if (words == NULL) return NO_WORD;
        set->words = words;
    }
    set->words[set->count++] = (word){text, (uint32_t)(hash >> 32)};
    set->slots[slot] = (uint32_t)set->count;
    /* A quarter full, so that most searches end at once. */
    if (4 * set->count > set->mask && !resize(set, 2 * (set->mask + 1))) {
        if (set->count >= set->mask) return NO_WORD;
    }
    return (uint32_t)(set->count - 1);
}
