/* Columns that grow row by row, and become Arrow arrays at the end. */
#ifndef CORAL_COLUMNS_H
#define CORAL_COLUMNS_H

#include "arrow_c.h"
#include "text.h"

enum { TRACE_ID_BYTES = 16, SPAN_ID_BYTES = 8 };

/* Texts, or NULL. Row i is values[offsets[i]] to values[offsets[i + 1]]. */
typedef struct {
    text values;
    int32_t *offsets;
    uint8_t *validity; /* one bit a row; NULL for a column that has no nulls */
    size_t rows;
    size_t nulls;
} text_column;

/* Fixed-width values: int64, or int32 places in a dictionary. */
typedef struct {
    void *values;
    uint8_t *validity;
    size_t rows;
    size_t nulls;
} value_column;

/* Prepares for at most `capacity` rows. */
bool text_column_init(text_column *column, size_t capacity, bool nullable);
bool value_column_init(value_column *column, size_t capacity, size_t width, bool nullable);

/* Ends a row: its text is what was written to `values` since the last one. */
void end_text(text_column *column);
void end_null(text_column *column);

void add_int64(value_column *column, int64_t value);
void add_place(value_column *column, int32_t place); /* NULL when negative */

void text_column_free(text_column *column);
void value_column_free(value_column *column);

/* Hands a column's memory over to an Arrow array, which frees it when it is released.
 *
 * Returns false when there is no memory; the column keeps its own then.
 */
bool export_text(text_column *column, struct ArrowArray *out);
bool export_values(value_column *column, struct ArrowArray *out);
/* As export_values, with a dictionary; takes over `dictionary`. */
bool export_places(value_column *column, text_column *dictionary, struct ArrowArray *out);
/* Lists: row i has the items from ends[i] to ends[i + 1] (int32); `ends` has one value more than rows. */
bool export_list(value_column *ends, value_column *items, struct ArrowArray *out);
/* A struct array that takes over its children. */
bool export_struct(struct ArrowArray *children, size_t count, size_t rows, struct ArrowArray *out);

void release_array(struct ArrowArray *array);

/* Reading arrays of others. */
static inline bool has_nulls(const struct ArrowArray *array) { return array->null_count != 0 && array->buffers[0] != NULL; }

static inline bool is_null(const struct ArrowArray *array, int64_t row) {
    const uint8_t *valid = array->buffers[0];
    row += array->offset;
    return array->null_count != 0 && valid != NULL && (valid[row / 8] >> (row % 8) & 1) == 0;
}

static inline const void *values_of(const struct ArrowArray *array, size_t width) {
    return (const uint8_t *)array->buffers[1] + (size_t)array->offset * width;
}

static inline bool is_text(const struct ArrowArray *array) { return array->n_buffers == 3 && !has_nulls(array); }

static inline cursor text_of(const struct ArrowArray *texts, int64_t row) {
    const int32_t *offsets = (const int32_t *)texts->buffers[1] + texts->offset;
    static const uint8_t EMPTY[1];
    const uint8_t *values = texts->buffers[2] != NULL ? texts->buffers[2] : EMPTY;
    return (cursor){values + offsets[row], values + offsets[row + 1]};
}

#endif
