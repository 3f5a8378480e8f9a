/* Reading the protobuf wire format: a cursor that never leaves its bytes.
 *
 * Every read says whether it succeeded. What upb (protobuf's own parser in Python) accepts is accepted
 * here and nothing else: overlong varints and tags are fine, the tag and the length have at most 5 bytes.
 */
#ifndef CORAL_WIRE_H
#define CORAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_START_GROUP = 3, WIRE_END_GROUP = 4, WIRE_FIXED32 = 5 };

static inline size_t left(cursor c) { return (size_t)(c.end - c.at); }

static inline bool read_varint_of(cursor *c, uint64_t *value, unsigned max_bytes) {
    uint64_t result = 0;
    for (unsigned i = 0; i < max_bytes; i++) {
        if (c->at >= c->end) return false;
        uint8_t byte = *c->at++;
        result |= (uint64_t)(byte & 0x7f) << (7 * i); /* bits beyond 64 are dropped, as upb does */
        if (byte < 0x80) {
            *value = result;
            return true;
        }
    }
    return false;
}

static inline bool read_varint(cursor *c, uint64_t *value) {
    if (c->at < c->end && *c->at < 0x80) {
        *value = *c->at++;
        return true;
    }
    return read_varint_of(c, value, 10);
}

/* Reads a tag; field numbers are not judged. */
static inline bool read_tag(cursor *c, uint32_t *tag) {
    uint64_t value;
    if (c->at < c->end && *c->at < 0x80) {
        *tag = *c->at++;
        return true;
    }
    if (!read_varint_of(c, &value, 5) || value > UINT32_MAX) return false;
    *tag = (uint32_t)value;
    return true;
}

/* Reads a length-delimited value as a cursor over it. */
static inline bool read_bytes(cursor *c, cursor *value) {
    uint64_t size;
    if (c->at < c->end && *c->at < 0x80) {
        size = *c->at++;
    } else if (!read_varint_of(c, &size, 5) || size > INT32_MAX) {
        return false;
    }
    if (size > left(*c)) return false;
    value->at = c->at;
    value->end = c->at + size;
    c->at += size;
    return true;
}

/* Whether a KeyValue is as nearly all are: a short key, then a short string, and nothing else.
 *
 * Nothing is judged but the form: false only sends the caller the long way. */
static inline bool plain_entry(cursor key_value, cursor *key, cursor *string) {
    const uint8_t *at = key_value.at;
    size_t size = left(key_value);
    if (size < 6 || at[0] != (1 << 3 | WIRE_BYTES) || at[1] > 0x7f) return false;
    size_t key_size = at[1], place = 2 + key_size; /* of the value */
    if (place + 4 > size || at[place] != (2 << 3 | WIRE_BYTES) || at[place + 1] > 0x7f) return false;
    if (at[place + 1] != size - place - 2) return false;
    if (at[place + 2] != (1 << 3 | WIRE_BYTES) || at[place + 3] > 0x7f || at[place + 3] != size - place - 4) return false;
    key->at = at + 2;
    key->end = at + place;
    string->at = at + place + 4;
    string->end = key_value.end;
    return true;
}

static inline bool read_fixed64(cursor *c, uint64_t *value) {
    if (left(*c) < 8) return false;
    const uint8_t *b = c->at;
    *value = (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32
        | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56; /* one load, as compilers see it */
    c->at += 8;
    return true;
}

static inline bool skip_fixed(cursor *c, size_t size) {
    if (left(*c) < size) return false;
    c->at += size;
    return true;
}

/* Skips an unknown field whose tag was read, groups with all that they hold. */
bool skip_field(cursor *c, uint32_t tag, int depth);

/* Whether these bytes are UTF-8: no surrogates, no overlong forms, at most U+10FFFF. */
bool is_utf8(const uint8_t *at, const uint8_t *end);

#endif
