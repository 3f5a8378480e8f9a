#include "text.h"

#include <stdlib.h>

#include "pow10_table.h"

static const char HEX[] = "0123456789abcdef";

bool grow(text *t, size_t more) {
    if (t->failed) return false;
    size_t capacity = t->capacity < 256 ? 256 : t->capacity;
    while (capacity - t->size < more) {
        if (capacity > SIZE_MAX / 4) {
            t->failed = true;
            return false;
        }
        capacity += capacity / 2;
    }
    uint8_t *data = realloc(t->data, capacity);
    if (data == NULL) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

/* Four bytes as eight digits, all at once: each nibble in a byte of its own, first one first. */
static uint64_t hex_of(const uint8_t *at) {
    uint64_t x = (uint64_t)at[0] | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 32 | (uint64_t)at[3] << 48;
    x = (x >> 4 & 0x000f000f000f000fu) | (x & 0x000f000f000f000fu) << 8;
    uint64_t letters = (x + 0x0606060606060606u) >> 4 & 0x0101010101010101u; /* 1 where it is 10 or more */
    return x + 0x3030303030303030u + letters * ('a' - '0' - 10);
}

void put_hex(text *t, cursor bytes) {
    if (left(bytes) == 0 || !reserve(t, 2 * left(bytes))) return;
    uint8_t *to = t->data + t->size;
    const uint8_t *at = bytes.at;
    for (; bytes.end - at >= 4; at += 4) {
        uint64_t digits = hex_of(at);
        for (int i = 0; i < 8; i++) *to++ = (uint8_t)(digits >> (8 * i)); /* one store, as compilers see it */
    }
    for (; at < bytes.end; at++) {
        *to++ = (uint8_t)HEX[*at >> 4];
        *to++ = (uint8_t)HEX[*at & 15];
    }
    t->size += 2 * left(bytes);
}

/* Whether one of eight bytes needs an escape in JSON: below 0x20, a quote or a backslash. */
static bool needs_escape(uint64_t word) {
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    uint64_t control = (word - ones * 0x20) & ~word;
    return ((control | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & high) != 0;
}

static uint8_t *put_escaped(uint8_t *to, uint8_t byte) {
    *to++ = '\\';
    switch (byte) {
        case '"': *to++ = '"'; break;
        case '\\': *to++ = '\\'; break;
        case '\b': *to++ = 'b'; break;
        case '\t': *to++ = 't'; break;
        case '\n': *to++ = 'n'; break;
        case '\f': *to++ = 'f'; break;
        case '\r': *to++ = 'r'; break;
        default:
            *to++ = 'u';
            *to++ = '0';
            *to++ = '0';
            *to++ = (uint8_t)HEX[byte >> 4];
            *to++ = (uint8_t)HEX[byte & 15];
    }
    return to;
}

/* Text that needs no escape, written at once; false when it does, or is too short for that. */
static bool put_plain(text *t, cursor utf8) {
    size_t size = left(utf8);
    if (size < 8) return false;
    uint8_t *to = t->data + t->size;
    uint64_t word;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        memcpy(&word, utf8.at + i, 8);
        if (needs_escape(word)) return false;
        memcpy(to + i, &word, 8);
    }
    memcpy(&word, utf8.end - 8, 8); /* the rest, with what is written already */
    if (needs_escape(word)) return false;
    memcpy(to + size - 8, &word, 8);
    t->size += size;
    return true;
}

void put_json_text(text *t, cursor utf8) {
    /* Room for the plain text; the rare escape asks for its own. */
    if (!reserve(t, left(utf8) + 2 + 8)) return;
    t->data[t->size++] = '"';
    const uint8_t *at = put_plain(t, utf8) ? utf8.end : utf8.at;
    while (at < utf8.end) {
        uint64_t word;
        uint8_t *to = t->data + t->size;
        if (utf8.end - at >= 8) {
            memcpy(&word, at, 8);
            if (!needs_escape(word)) {
                memcpy(to, &word, 8);
                at += 8;
                t->size += 8;
                continue;
            }
        }
        const uint8_t *stop = utf8.end - at >= 8 ? at + 8 : utf8.end;
        /* Up to 8 bytes, each at most 6 long, and the rest with its quote. */
        if (!reserve(t, 6 * (size_t)(stop - at) + (size_t)(utf8.end - stop) + 2 + 8)) return;
        to = t->data + t->size;
        for (; at < stop; at++) {
            if (*at < 0x20 || *at == '"' || *at == '\\') {
                to = put_escaped(to, *at);
            } else {
                *to++ = *at;
            }
        }
        t->size = (size_t)(to - t->data);
    }
    put_byte(t, '"');
}

void put_json_base64(text *t, cursor bytes) {
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!reserve(t, (left(bytes) + 2) / 3 * 4 + 2)) return;
    uint8_t *to = t->data + t->size;
    *to++ = '"';
    const uint8_t *at = bytes.at;
    while (at < bytes.end) {
        size_t size = (size_t)(bytes.end - at) < 3 ? (size_t)(bytes.end - at) : 3;
        uint32_t three = (uint32_t)at[0] << 16;
        if (size > 1) three |= (uint32_t)at[1] << 8;
        if (size > 2) three |= at[2];
        *to++ = (uint8_t)ALPHABET[three >> 18];
        *to++ = (uint8_t)ALPHABET[(three >> 12) & 63];
        *to++ = size > 1 ? (uint8_t)ALPHABET[(three >> 6) & 63] : '=';
        *to++ = size > 2 ? (uint8_t)ALPHABET[three & 63] : '=';
        at += size;
    }
    *to++ = '"';
    t->size = (size_t)(to - t->data);
}

static size_t digits_of(uint64_t value, char *end) {
    char *at = end;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    return (size_t)(end - at);
}

void put_unsigned(text *t, uint64_t value) {
    char digits[20];
    size_t size = digits_of(value, digits + sizeof digits);
    put(t, digits + sizeof digits - size, size);
}

void put_signed(text *t, int64_t value) {
    if (value < 0) put_byte(t, '-');
    put_unsigned(t, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static int floor_shift(int64_t value, int bits) {
    return (int)(value >= 0 ? value >> bits : -((-value + ((int64_t)1 << bits) - 1) >> bits));
}

static uint64_t round_to_odd(const uint64_t power[2], uint64_t value) {
    unsigned __int128 low = (unsigned __int128)power[1] * value;
    unsigned __int128 high = (unsigned __int128)power[0] * value;
    uint64_t below = (uint64_t)high, above = (uint64_t)(high >> 64);
    below += (uint64_t)(low >> 64);
    above += below < (uint64_t)(low >> 64);
    return above | (below > 1);
}

/* The shortest decimal that reads back as a finite, positive double, and of those the closest: `Schubfach`.
 *
 * Source: Raffaello Giulietti, "The Schubfach way to render doubles" (2022).
 */
static uint64_t shortest(uint64_t fraction, int exponent_bits, int *exponent) {
    const uint64_t hidden = (uint64_t)1 << 52;
    uint64_t c = exponent_bits != 0 ? fraction | hidden : fraction;
    int q = (exponent_bits != 0 ? exponent_bits : 1) - 1075;
    if (q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0) {
        *exponent = 0;
        return c >> -q;
    }
    bool odd = (c & 1) != 0;
    bool closer = fraction == 0 && exponent_bits > 1; /* the double below is nearer than the one above */
    int k = floor_shift((int64_t)q * 1262611 - (closer ? 524031 : 0), 22);
    int h = q + floor_shift((int64_t)-k * 1741647, 19) + 1;
    const uint64_t *power = POW10[-k - POW10_MIN];
    uint64_t low = round_to_odd(power, (4 * c - 2 + closer) << h) + odd;
    uint64_t middle = round_to_odd(power, (4 * c) << h);
    uint64_t high = round_to_odd(power, (4 * c + 2) << h) - odd;
    uint64_t s = middle / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = low <= 40 * tens, above = 40 * tens + 40 <= high;
        if (below != above) {
            *exponent = k + 1;
            return tens + above;
        }
    }
    *exponent = k;
    bool below = low <= 4 * s, above = 4 * s + 4 <= high;
    if (below != above) return s + above;
    uint64_t half = 4 * s + 2;
    return s + (middle > half || (middle == half && (s & 1) != 0));
}

void put_json_double(text *t, uint64_t bits) {
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    int exponent_bits = (int)((bits >> 52) & 0x7ff);
    if (exponent_bits == 0x7ff) {
        PUT(t, "null"); /* JSON has no infinities and no NaN */
        return;
    }
    if (bits >> 63) put_byte(t, '-');
    if (fraction == 0 && exponent_bits == 0) {
        PUT(t, "0.0");
        return;
    }
    int exponent;
    uint64_t value = shortest(fraction, exponent_bits, &exponent);
    while (value % 10 == 0) {
        value /= 10;
        exponent++;
    }
    char buffer[20];
    int count = (int)digits_of(value, buffer + sizeof buffer);
    const char *digits = buffer + sizeof buffer - count;
    int point = count + exponent; /* digits before the decimal point */
    if (exponent >= 0 && point <= 16) {
        put(t, digits, (size_t)count);
        for (int i = 0; i < exponent; i++) put_byte(t, '0');
        PUT(t, ".0");
    } else if (point > 0 && point <= 16) {
        put(t, digits, (size_t)point);
        put_byte(t, '.');
        put(t, digits + point, (size_t)(count - point));
    } else if (point > -5 && point <= 0) {
        PUT(t, "0.");
        for (int i = point; i < 0; i++) put_byte(t, '0');
        put(t, digits, (size_t)count);
    } else {
        put_byte(t, (uint8_t)digits[0]);
        if (count > 1) {
            put_byte(t, '.');
            put(t, digits + 1, (size_t)(count - 1));
        }
        put_byte(t, 'e');
        put_signed(t, point - 1);
    }
}

static bool starts_character(uint8_t byte) { return (byte & 0xc0) != 0x80; }

cursor cut(cursor utf8, size_t characters) {
    if (left(utf8) <= characters) return utf8;
    size_t seen = 0;
    for (const uint8_t *at = utf8.at; at < utf8.end; at++) {
        if (starts_character(*at) && seen++ == characters) return (cursor){utf8.at, at};
    }
    return utf8;
}

size_t count_characters(cursor utf8) {
    size_t count = 0;
    for (const uint8_t *at = utf8.at; at < utf8.end; at++) count += starts_character(*at);
    return count;
}
