/* A buffer that grows, and JSON text written into it.
 *
 * A failed allocation is remembered in `failed` and asked for once at the end; nothing is written after it.
 */
#ifndef CORAL_TEXT_H
#define CORAL_TEXT_H

#include "wire.h"

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
} text;

bool grow(text *t, size_t more);

/* Makes room for `more` bytes. */
static inline bool reserve(text *t, size_t more) {
    return t->capacity - t->size >= more && !t->failed ? true : grow(t, more);
}

static inline void put(text *t, const void *data, size_t size) {
    if (size == 0 || !reserve(t, size)) return;
    memcpy(t->data + t->size, data, size);
    t->size += size;
}

static inline void put_byte(text *t, uint8_t byte) {
    if (!reserve(t, 1)) return;
    t->data[t->size++] = byte;
}

void put_hex(text *t, cursor bytes);

/* JSON as msgspec writes it: a text, a number, bytes as base64. */
void put_json_text(text *t, cursor utf8);
void put_json_base64(text *t, cursor bytes);
void put_json_double(text *t, uint64_t bits);
void put_signed(text *t, int64_t value);
void put_unsigned(text *t, uint64_t value);

/* The first `characters` characters of a text. */
cursor cut(cursor utf8, size_t characters);

size_t count_characters(cursor utf8);

#define PUT(t, literal) put((t), (literal), sizeof(literal) - 1)

#endif
