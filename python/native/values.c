#include "values.h"

#include <stdlib.h>

enum { KEY = TAG(1, WIRE_BYTES), VALUE = TAG(2, WIRE_BYTES), ELEMENT = TAG(1, WIRE_BYTES) };

/* The fields of AnyValue's oneof. */
enum {
    STRING_VALUE = TAG(1, WIRE_BYTES),
    BOOL_VALUE = TAG(2, WIRE_VARINT),
    INT_VALUE = TAG(3, WIRE_VARINT),
    DOUBLE_VALUE = TAG(4, WIRE_FIXED64),
    ARRAY_VALUE = TAG(5, WIRE_BYTES),
    KVLIST_VALUE = TAG(6, WIRE_BYTES),
    BYTES_VALUE = TAG(7, WIRE_BYTES),
    STRING_INDEX = TAG(8, WIRE_VARINT)
};

/* The key of a KeyValue, and its value. */
static cursor split(cursor key_value, any_value *value) {
    cursor key = {key_value.at, key_value.at}, all = key_value;
    size_t values = 0;
    wire_field field;
    while (next_field(&key_value, &field)) {
        if (field.tag == KEY) key = field.bytes;
        if (field.tag == VALUE) {
            value->inner = field.bytes;
            values++;
        }
    }
    if (values == 1) { /* as it should be */
        value->outer = (cursor){all.end, all.end};
    } else { /* all of the KeyValue is looked through for them */
        value->outer = all;
        value->inner = (cursor){all.end, all.end};
    }
    return key;
}

static any_value element(cursor bytes) { return (any_value){{bytes.end, bytes.end}, bytes}; }

static bool next_value_field(any_value *value, wire_field *out) {
    for (;;) {
        if (next_field(&value->inner, out)) return true;
        do {
            if (!next_field(&value->outer, out)) return false;
        } while (out->tag != VALUE);
        value->inner = out->bytes;
    }
}

static bool is_oneof(uint32_t tag) {
    switch (tag) {
        case STRING_VALUE: case BOOL_VALUE: case INT_VALUE: case DOUBLE_VALUE: case ARRAY_VALUE: case KVLIST_VALUE:
        case BYTES_VALUE: case STRING_INDEX: return true;
        default: return false;
    }
}

/* Which field of the oneof an AnyValue holds in the end. */
typedef struct {
    uint32_t tag;    /* 0 when none is set */
    wire_field last; /* its last occurrence */
    size_t first;    /* the occurrences that are merged begin at this field of the oneof */
    size_t count;    /* how many they are */
} resolved;

static resolved resolve(any_value value) {
    resolved result = {0};
    wire_field field;
    cursor only = value.inner;
    if (value.outer.at == value.outer.end && next_field(&only, &field) && only.at == only.end && is_oneof(field.tag)) {
        return (resolved){field.tag, field, 0, 1}; /* as nearly all are */
    }
    for (size_t i = 0; next_value_field(&value, &field);) {
        if (!is_oneof(field.tag)) continue;
        if (field.tag != result.tag) {
            result.tag = field.tag;
            result.first = i;
            result.count = 0;
        }
        result.last = field;
        result.count++;
        i++;
    }
    return result;
}

/* The elements of the repeated field 1 of an ArrayValue or KeyValueList, over all occurrences that are merged. */
typedef struct {
    any_value value;
    uint32_t tag;
    size_t skip; /* fields of the oneof before the first occurrence */
    cursor list;
} elements;

static elements elements_of(any_value value, const resolved *found) {
    cursor none = {value.inner.end, value.inner.end};
    if (found->count == 1) return (elements){element(none), 0, 0, found->last.bytes};
    return (elements){value, found->tag, found->first, none};
}

static bool next_element(elements *from, cursor *out) {
    wire_field field;
    for (;;) {
        while (next_field(&from->list, &field)) {
            if (field.tag == ELEMENT) {
                *out = field.bytes;
                return true;
            }
        }
        do {
            if (!next_value_field(&from->value, &field)) return false;
            if (is_oneof(field.tag) && from->skip > 0) {
                from->skip--;
                field.tag = 0;
            }
        } while (field.tag != from->tag || field.tag == 0);
        from->list = field.bytes;
    }
}

static void put_value(value_writer *writer, any_value value, unsigned depth, text *out) {
    resolved found = resolve(value);
    if (found.tag == STRING_VALUE) {
        put_json_text(out, cut(found.last.bytes, writer->limits->max_text));
        return;
    }
    if (found.tag == 0 || depth >= writer->limits->max_depth) {
        PUT(out, "null");
        return;
    }
    cursor item;
    switch (found.tag) {
        case BOOL_VALUE:
            if (found.last.number != 0) {
                PUT(out, "true");
            } else {
                PUT(out, "false");
            }
            return;
        case INT_VALUE: put_signed(out, (int64_t)found.last.number); return;
        case DOUBLE_VALUE: put_json_double(out, found.last.number); return;
        case BYTES_VALUE: put_json_base64(out, found.last.bytes); return;
        case STRING_INDEX: put_signed(out, (int32_t)(uint32_t)found.last.number); return;
        case ARRAY_VALUE: {
            elements items = elements_of(value, &found);
            bool first = true;
            put_byte(out, '[');
            while (next_element(&items, &item)) {
                if (!first) put_byte(out, ',');
                first = false;
                put_value(writer, element(item), depth + 1, out);
            }
            put_byte(out, ']');
            return;
        }
        default: {
            elements items = elements_of(value, &found);
            size_t base = writer->count;
            for (size_t seen = 0; seen < writer->limits->max_attributes && next_element(&items, &item); seen++) {
                add_entry(writer, base, item);
            }
            put_object(writer, base, depth + 1, out);
        }
    }
}

static uint64_t print_of(cursor key) {
    uint64_t first = 0, last = 0;
    size_t size = left(key);
    if (size >= 8) {
        memcpy(&first, key.at, 8);
        memcpy(&last, key.end - 8, 8);
    } else if (size != 0) {
        memcpy(&first, key.at, size);
        last = first;
    }
    return (first ^ size) + last * 0x9e3779b97f4a7c15u;
}

cursor key_of(cursor key_value) {
    any_value ignored;
    return split(key_value, &ignored);
}

void add_entry(value_writer *writer, size_t base, cursor key_value) {
    any_value value;
    cursor key;
    bool is_string = plain_entry(key_value, &key, &value.inner);
    if (is_string) {
        value.outer = (cursor){key_value.end, key_value.end};
    } else {
        key = split(key_value, &value);
    }
    uint64_t print = print_of(key);
    for (size_t i = base; i < writer->count; i++) {
        entry *other = &writer->entries[i];
        if (other->print != print || left(other->key) != left(key)) continue;
        if (memcmp(other->key.at, key.at, left(key)) == 0) {
            other->value = value;
            other->is_string = is_string;
            return;
        }
    }
    if (writer->count == writer->capacity) {
        size_t capacity = writer->capacity == 0 ? 64 : writer->capacity * 2;
        entry *grown = realloc(writer->entries, capacity * sizeof *grown);
        if (grown == NULL) {
            writer->failed = true;
            return;
        }
        writer->entries = grown;
        writer->capacity = capacity;
    }
    writer->entries[writer->count++] = (entry){key, value, print, is_string};
}

void put_object(value_writer *writer, size_t base, unsigned depth, text *out) {
    size_t end = writer->count;
    put_byte(out, '{');
    for (size_t i = base; i < end; i++) {
        /* A copy: nested objects may move the entries. */
        entry item = writer->entries[i];
        if (i > base) put_byte(out, ',');
        put_json_text(out, item.key);
        put_byte(out, ':');
        if (item.is_string) {
            put_json_text(out, cut(item.value.inner, writer->limits->max_text));
        } else {
            put_value(writer, item.value, depth, out);
        }
    }
    put_byte(out, '}');
    writer->count = base;
}

cursor string_value(cursor key_value) {
    any_value value;
    split(key_value, &value);
    resolved found = resolve(value);
    if (found.tag == STRING_VALUE) return found.last.bytes;
    return (cursor){key_value.at, key_value.at};
}
