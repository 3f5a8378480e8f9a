#include "verdict.h"

/* How deep messages and groups may nest; upb's default. */
#define MAX_WIRE_DEPTH 100

typedef enum { NONE = 0, VARINT, FIXED64, FIXED32, BYTES, STRING, MESSAGE } kind;

typedef enum {
    REQUEST, RESOURCE_SPANS, RESOURCE, KEY_VALUE, ANY_VALUE, ARRAY_VALUE, KEY_VALUE_LIST, ENTITY_REF,
    SCOPE_SPANS, SCOPE, SPAN, EVENT, LINK, STATUS
} message;

typedef struct {
    uint8_t kind;
    uint8_t message;
} field;

#define FIELDS 17

/* The messages of opentelemetry/proto/collector/trace/v1 and what they use, by field number. */
static const field SCHEMA[][FIELDS] = {
    [REQUEST] = {[1] = {MESSAGE, RESOURCE_SPANS}},
    [RESOURCE_SPANS] = {[1] = {MESSAGE, RESOURCE}, [2] = {MESSAGE, SCOPE_SPANS}, [3] = {STRING, 0}},
    [RESOURCE] = {[1] = {MESSAGE, KEY_VALUE}, [2] = {VARINT, 0}, [3] = {MESSAGE, ENTITY_REF}},
    [KEY_VALUE] = {[1] = {STRING, 0}, [2] = {MESSAGE, ANY_VALUE}, [3] = {VARINT, 0}},
    [ANY_VALUE] = {[1] = {STRING, 0}, [2] = {VARINT, 0}, [3] = {VARINT, 0}, [4] = {FIXED64, 0},
                   [5] = {MESSAGE, ARRAY_VALUE}, [6] = {MESSAGE, KEY_VALUE_LIST}, [7] = {BYTES, 0}, [8] = {VARINT, 0}},
    [ARRAY_VALUE] = {[1] = {MESSAGE, ANY_VALUE}},
    [KEY_VALUE_LIST] = {[1] = {MESSAGE, KEY_VALUE}},
    [ENTITY_REF] = {[1] = {STRING, 0}, [2] = {STRING, 0}, [3] = {STRING, 0}, [4] = {STRING, 0}},
    [SCOPE_SPANS] = {[1] = {MESSAGE, SCOPE}, [2] = {MESSAGE, SPAN}, [3] = {STRING, 0}},
    [SCOPE] = {[1] = {STRING, 0}, [2] = {STRING, 0}, [3] = {MESSAGE, KEY_VALUE}, [4] = {VARINT, 0}},
    [SPAN] = {[1] = {BYTES, 0}, [2] = {BYTES, 0}, [3] = {STRING, 0}, [4] = {BYTES, 0}, [5] = {STRING, 0},
              [6] = {VARINT, 0}, [7] = {FIXED64, 0}, [8] = {FIXED64, 0}, [9] = {MESSAGE, KEY_VALUE},
              [10] = {VARINT, 0}, [11] = {MESSAGE, EVENT}, [12] = {VARINT, 0}, [13] = {MESSAGE, LINK},
              [14] = {VARINT, 0}, [15] = {MESSAGE, STATUS}, [16] = {FIXED32, 0}},
    [EVENT] = {[1] = {FIXED64, 0}, [2] = {STRING, 0}, [3] = {MESSAGE, KEY_VALUE}, [4] = {VARINT, 0}},
    [LINK] = {[1] = {BYTES, 0}, [2] = {BYTES, 0}, [3] = {STRING, 0}, [4] = {MESSAGE, KEY_VALUE},
              [5] = {VARINT, 0}, [6] = {FIXED32, 0}},
    [STATUS] = {[2] = {STRING, 0}, [3] = {VARINT, 0}},
};

static bool skip_group(cursor *c, uint32_t number, int depth) {
    uint32_t tag;
    while (read_tag(c, &tag)) {
        if ((tag & 7) == WIRE_END_GROUP) return tag >> 3 == number;
        if (!skip_field(c, tag, depth)) return false;
    }
    return false;
}

bool skip_field(cursor *c, uint32_t tag, int depth) {
    uint64_t ignored;
    cursor value;
    switch (tag & 7) {
        case WIRE_VARINT: return read_varint(c, &ignored);
        case WIRE_FIXED64: return skip_fixed(c, 8);
        case WIRE_BYTES: return read_bytes(c, &value);
        case WIRE_START_GROUP: return depth > 0 && skip_group(c, tag >> 3, depth - 1);
        case WIRE_FIXED32: return skip_fixed(c, 4);
        default: return false;
    }
}

/* Recursion ends at `depth` 0, so the stack holds at most MAX_WIRE_DEPTH frames. */
static bool valid_message(cursor c, message type, int depth, size_t *span_count) {
    const field *fields = SCHEMA[type];
    while (c.at < c.end) {
        uint32_t tag;
        uint64_t ignored;
        cursor value;
        if (!read_tag(&c, &tag)) return false;
        uint32_t number = tag >> 3;
        if (number == 0) return false;
        field known = number < FIELDS ? fields[number] : (field){NONE, 0};
        switch (tag & 7) {
            case WIRE_VARINT:
                if (!read_varint(&c, &ignored)) return false;
                break;
            case WIRE_FIXED64:
                if (!skip_fixed(&c, 8)) return false;
                break;
            case WIRE_BYTES:
                if (!read_bytes(&c, &value)) return false;
                if (known.kind == STRING) {
                    if (!is_utf8(value.at, value.end)) return false;
                } else if (known.kind == MESSAGE) {
                    if (depth == 0) return false;
                    if (known.message == SPAN) (*span_count)++;
                    cursor key, string;
                    if (known.message == KEY_VALUE && plain_entry(value, &key, &string)) {
                        if (depth < 2 || !is_utf8(key.at, key.end) || !is_utf8(string.at, string.end)) return false;
                        break;
                    }
                    if (!valid_message(value, (message)known.message, depth - 1, span_count)) return false;
                }
                break;
            case WIRE_FIXED32:
                if (!skip_fixed(&c, 4)) return false;
                break;
            default:
                if (!skip_field(&c, tag, depth)) return false;
        }
    }
    return true;
}

bool valid_trace_request(cursor body, size_t *span_count) {
    *span_count = 0;
    return valid_message(body, REQUEST, MAX_WIRE_DEPTH, span_count);
}

static bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

bool is_utf8(const uint8_t *at, const uint8_t *end) {
    if (end - at >= 8) {
        uint64_t high, word;
        memcpy(&high, end - 8, 8); /* the last ones overlap */
        for (const uint8_t *next = at; end - next >= 8; next += 8) {
            memcpy(&word, next, 8);
            high |= word;
        }
        if ((high & 0x8080808080808080u) == 0) return true;
    }
    while (at < end) {
        while (end - at >= 8) {
            uint64_t word;
            memcpy(&word, at, 8);
            if (word & 0x8080808080808080u) break;
            at += 8;
        }
        while (at < end && *at < 0x80) at++;
        if (at == end) return true;
        size_t size = (size_t)(end - at);
        uint8_t first = at[0];
        if (first >= 0xc2 && first <= 0xdf) {
            if (size < 2 || !is_continuation(at[1])) return false;
            at += 2;
        } else if (first >= 0xe0 && first <= 0xef) {
            if (size < 3 || !is_continuation(at[1]) || !is_continuation(at[2])) return false;
            if (first == 0xe0 && at[1] < 0xa0) return false; /* overlong */
            if (first == 0xed && at[1] > 0x9f) return false; /* surrogates */
            at += 3;
        } else if (first >= 0xf0 && first <= 0xf4) {
            if (size < 4 || !is_continuation(at[1]) || !is_continuation(at[2]) || !is_continuation(at[3])) return false;
            if (first == 0xf0 && at[1] < 0x90) return false; /* overlong */
            if (first == 0xf4 && at[1] > 0x8f) return false; /* beyond U+10FFFF */
            at += 4;
        } else {
            return false;
        }
    }
    return true;
}
