/* Attribute values as JSON text; the same answers as coral/agent/decode/values.py. */
#ifndef CORAL_VALUES_H
#define CORAL_VALUES_H

#include "otlp_traces.h"
#include "text.h"

/* A field of a message as it was read. */
typedef struct {
    uint32_t tag;
    uint64_t number; /* varint or fixed64 */
    cursor bytes;    /* length-delimited */
} wire_field;

#define TAG(number, type) ((uint32_t)(number) << 3 | (type))

/* Reads the next field, past groups. Ends as well where the bytes are not valid. */
static inline bool next_field(cursor *c, wire_field *out) {
    out->number = 0;
    out->bytes = *c;
    while (c->at < c->end) {
        if (!read_tag(c, &out->tag)) return false;
        switch (out->tag & 7) {
            case WIRE_BYTES: return read_bytes(c, &out->bytes);
            case WIRE_VARINT: return read_varint(c, &out->number);
            case WIRE_FIXED64: return read_fixed64(c, &out->number);
            case WIRE_FIXED32: return skip_fixed(c, 4);
            default:
                if (!skip_field(c, out->tag, 100)) return false;
        }
    }
    return false;
}

/* A field AnyValue of some message. protobuf merges the occurrences of a message field: the fields of all of them,
 * one after another, are the one AnyValue. */
typedef struct {
    cursor outer; /* what holds further occurrences; mostly nothing */
    cursor inner; /* the bytes of the first one */
} any_value;

/* One attribute. */
typedef struct {
    cursor key;
    any_value value;
    uint64_t print; /* equal for equal keys */
    bool is_string; /* the value is the string `value.inner` itself, with nothing to look for */
} entry;

/* What writing values needs. The entries are a stack: each object under way has its own at the top. */
typedef struct {
    const coral_limits *limits;
    entry *entries;
    size_t count;
    size_t capacity;
    bool failed;
} value_writer;

/* Adds a KeyValue to the object whose entries begin at `base`. Of equal keys the first place and the last value stay. */
void add_entry(value_writer *writer, size_t base, cursor key_value);

/* Writes the object whose entries begin at `base`, and takes them off. */
void put_object(value_writer *writer, size_t base, unsigned depth, text *out);

/* The string value of a KeyValue; empty when its value is of another kind. */
cursor string_value(cursor key_value);

/* The key of a KeyValue. */
cursor key_of(cursor key_value);

#endif
