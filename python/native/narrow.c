#include <stdlib.h>

#include "columns.h"
#include "roll_up.h"
#include "words.h"

enum { TRACE_ID, SPAN_ID, PARENT, NAME, SERVICE, KIND, STATUS, START, DURATION, ATTRIBUTES, EVENTS, LINKS, COLUMNS };
enum { MOST_SMALL_WORDS = INT8_MAX };

static bool is_words(const struct ArrowArray *column, int64_t most) {
    return column->n_buffers == 2 && column->dictionary != NULL && is_text(column->dictionary)
        && column->dictionary->length <= most;
}

static bool is_input(const struct ArrowArray *rows) {
    if (rows->n_children != COLUMNS || rows->offset != 0 || has_nulls(rows)) return false;
    for (int i = 0; i < COLUMNS; i++) {
        const struct ArrowArray *column = rows->children[i];
        if (column->length < rows->length || (i < ATTRIBUTES && has_nulls(column))) return false;
        if (column->n_buffers != (i >= SERVICE && i <= DURATION ? 2 : 3)) return false;
    }
    return is_words(rows->children[SERVICE], INT32_MAX) && is_words(rows->children[KIND], MOST_SMALL_WORDS)
        && is_words(rows->children[STATUS], MOST_SMALL_WORDS);
}

/* The value of a hexadecimal digit, plus 1; 0 for any other character. */
static const uint8_t DIGITS[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

/* Bytes of hexadecimal texts, all of the same length. */
static bool read_ids(const struct ArrowArray *texts, int64_t rows, size_t size, value_column *out) {
    uint8_t *at = out->values;
    for (int64_t row = 0; row < rows; row++) {
        cursor text = text_of(texts, row);
        if (left(text) != 2 * size) return false;
        for (; text.at < text.end; text.at += 2) {
            uint8_t high = DIGITS[text.at[0]], low = DIGITS[text.at[1]];
            if (high == 0 || low == 0) return false;
            *at++ = (uint8_t)((high - 1) << 4 | (low - 1));
        }
    }
    out->rows = (size_t)rows;
    return true;
}

static void copy_words(const struct ArrowArray *dictionary, text_column *out) {
    for (int64_t i = 0; i < dictionary->length; i++) {
        cursor word = text_of(dictionary, i);
        put(&out->values, word.at, left(word));
        end_text(out);
    }
}

/* Places in a dictionary of few words, a byte each. */
static bool read_places(const struct ArrowArray *column, int64_t rows, value_column *out) {
    const int32_t *places = values_of(column, 4);
    for (int64_t row = 0; row < rows; row++) {
        if (places[row] < 0 || places[row] >= column->dictionary->length) return false;
        ((int8_t *)out->values)[row] = (int8_t)places[row];
    }
    out->rows = (size_t)rows;
    return true;
}

static void copy_values(const struct ArrowArray *column, int64_t rows, size_t width, value_column *out) {
    memcpy(out->values, values_of(column, width), (size_t)rows * width);
    out->rows = (size_t)rows;
}

/* The numbers of the texts in the order of their first appearance. */
static bool read_words(const struct ArrowArray *texts, int64_t rows, word_set *set, value_column *out) {
    for (int64_t row = 0; row < rows; row++) {
        uint32_t number = words_add(set, text_of(texts, row));
        if (number == NO_WORD) return false;
        ((int32_t *)out->values)[row] = (int32_t)number;
    }
    out->rows = (size_t)rows;
    return true;
}

static void read_sizes(const struct ArrowArray *const *texts, int64_t rows, size_t longest, value_column *out) {
    for (int64_t row = 0; row < rows; row++) {
        size_t size = 0;
        for (int i = ATTRIBUTES; i <= LINKS; i++) {
            if (is_null(texts[i], row)) continue;
            size_t one = left(text_of(texts[i], row));
            size += one < longest ? one : longest;
        }
        ((int32_t *)out->values)[row] = size < INT32_MAX ? (int32_t)size : INT32_MAX;
    }
    out->rows = (size_t)rows;
}

typedef struct {
    value_column trace_ids, span_ids, services, names, kinds, statuses, starts, durations, roots, sizes;
    text_column service_words, name_words, kind_words, status_words;
    word_set set;
} narrowed;

static bool narrowed_init(narrowed *n, const struct ArrowArray *const *in, size_t rows, uint64_t seed) {
    bool ready = value_column_init(&n->trace_ids, rows, TRACE_ID_BYTES, false);
    ready &= value_column_init(&n->span_ids, rows, SPAN_ID_BYTES, false);
    ready &= value_column_init(&n->services, rows, 4, false);
    ready &= value_column_init(&n->names, rows, 4, false);
    ready &= value_column_init(&n->kinds, rows, 1, false);
    ready &= value_column_init(&n->statuses, rows, 1, false);
    ready &= value_column_init(&n->starts, rows, 8, false);
    ready &= value_column_init(&n->durations, rows, 8, false);
    ready &= value_column_init(&n->roots, rows, 1, false);
    ready &= value_column_init(&n->sizes, rows, 4, false);
    ready &= text_column_init(&n->service_words, (size_t)in[SERVICE]->dictionary->length, false);
    ready &= text_column_init(&n->kind_words, (size_t)in[KIND]->dictionary->length, false);
    ready &= text_column_init(&n->status_words, (size_t)in[STATUS]->dictionary->length, false);
    return ready & words_init(&n->set, seed, 64);
}

static void narrowed_free(narrowed *n) {
    value_column *values[] = {&n->trace_ids, &n->span_ids, &n->services, &n->names, &n->kinds, &n->statuses, &n->starts, &n->durations, &n->roots, &n->sizes};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) value_column_free(values[i]);
    text_column *texts[] = {&n->service_words, &n->name_words, &n->kind_words, &n->status_words};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) text_column_free(texts[i]);
    words_free(&n->set);
}

static int fill(narrowed *n, const struct ArrowArray *const *in, int64_t rows, size_t longest) {
    if (!read_ids(in[TRACE_ID], rows, TRACE_ID_BYTES, &n->trace_ids)) return CORAL_MALFORMED;
    if (!read_ids(in[SPAN_ID], rows, SPAN_ID_BYTES, &n->span_ids)) return CORAL_MALFORMED;
    if (!read_places(in[KIND], rows, &n->kinds) || !read_places(in[STATUS], rows, &n->statuses)) return CORAL_MALFORMED;
    if (!read_words(in[NAME], rows, &n->set, &n->names)) return CORAL_NO_MEMORY;
    copy_values(in[SERVICE], rows, 4, &n->services);
    copy_values(in[START], rows, 8, &n->starts);
    copy_values(in[DURATION], rows, 8, &n->durations);
    for (int64_t row = 0; row < rows; row++) ((int8_t *)n->roots.values)[row] = left(text_of(in[PARENT], row)) == 0;
    n->roots.rows = (size_t)rows;
    read_sizes(in, rows, longest, &n->sizes);
    copy_words(in[SERVICE]->dictionary, &n->service_words);
    copy_words(in[KIND]->dictionary, &n->kind_words);
    copy_words(in[STATUS]->dictionary, &n->status_words);
    if (!text_column_init(&n->name_words, n->set.count, false)) return CORAL_NO_MEMORY;
    for (size_t i = 0; i < n->set.count; i++) {
        put(&n->name_words.values, n->set.words[i].text.at, left(n->set.words[i].text));
        end_text(&n->name_words);
    }
    bool failed = n->service_words.values.failed | n->name_words.values.failed | n->kind_words.values.failed | n->status_words.values.failed;
    return failed ? CORAL_NO_MEMORY : CORAL_OK;
}

static bool export_narrowed(narrowed *n, size_t rows, struct ArrowArray *out) {
    enum { RESULTS = 10 };
    struct ArrowArray children[RESULTS];
    memset(children, 0, sizeof children);
    struct ArrowArray *next = children;
    bool done = export_values(&n->trace_ids, next++) && export_values(&n->span_ids, next++)
        && export_places(&n->services, &n->service_words, next++) && export_places(&n->names, &n->name_words, next++)
        && export_places(&n->kinds, &n->kind_words, next++) && export_places(&n->statuses, &n->status_words, next++)
        && export_values(&n->starts, next++) && export_values(&n->durations, next++)
        && export_values(&n->roots, next++) && export_values(&n->sizes, next++)
        && export_struct(children, RESULTS, rows, out);
    if (!done) {
        for (int i = 0; i < RESULTS; i++) release_array(&children[i]);
    }
    return done;
}

int coral_narrow(const struct ArrowArray *rows, uint64_t seed, uint64_t longest, struct ArrowArray *out) {
    memset(out, 0, sizeof *out);
    if (!is_input(rows)) return CORAL_MALFORMED;
    if (rows->length > INT32_MAX) return CORAL_TOO_LARGE;
    const struct ArrowArray *const *in = (const struct ArrowArray *const *)rows->children;
    narrowed n;
    memset(&n, 0, sizeof n);
    int answer = CORAL_NO_MEMORY;
    if (narrowed_init(&n, in, (size_t)rows->length, seed)) answer = fill(&n, in, rows->length, (size_t)longest);
    if (answer == CORAL_OK && !export_narrowed(&n, (size_t)rows->length, out)) answer = CORAL_NO_MEMORY;
    narrowed_free(&n);
    return answer;
}
