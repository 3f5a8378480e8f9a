#include "columns.h"

#include <stdlib.h>

static bool allocate_validity(uint8_t **validity, size_t capacity, bool nullable) {
    *validity = NULL;
    if (!nullable) return true;
    *validity = calloc(capacity / 8 + 1, 1);
    return *validity != NULL;
}

bool text_column_init(text_column *column, size_t capacity, bool nullable) {
    memset(column, 0, sizeof *column);
    column->offsets = malloc((capacity + 1) * sizeof(int32_t));
    if (column->offsets == NULL) return false;
    column->offsets[0] = 0;
    return allocate_validity(&column->validity, capacity, nullable);
}

bool value_column_init(value_column *column, size_t capacity, size_t width, bool nullable) {
    memset(column, 0, sizeof *column);
    column->values = malloc(capacity * width + 1);
    if (column->values == NULL) return false;
    return allocate_validity(&column->validity, capacity, nullable);
}

static void set_valid(uint8_t *validity, size_t row) {
    if (validity != NULL) validity[row / 8] |= (uint8_t)(1 << (row % 8));
}

void end_text(text_column *column) {
    set_valid(column->validity, column->rows);
    column->offsets[++column->rows] = (int32_t)column->values.size;
}

void end_null(text_column *column) {
    column->nulls++;
    column->offsets[++column->rows] = (int32_t)column->values.size;
}

void add_int64(value_column *column, int64_t value) { ((int64_t *)column->values)[column->rows++] = value; }

void add_place(value_column *column, int32_t place) {
    if (place < 0) {
        column->nulls++;
        place = 0;
    } else {
        set_valid(column->validity, column->rows);
    }
    ((int32_t *)column->values)[column->rows++] = place;
}

void text_column_free(text_column *column) {
    free(column->values.data);
    free(column->offsets);
    free(column->validity);
    memset(column, 0, sizeof *column);
}

void value_column_free(value_column *column) {
    free(column->values);
    free(column->validity);
    memset(column, 0, sizeof *column);
}

/* What an array owns. */
typedef struct {
    const void *buffers[3];
    struct ArrowArray *children; /* one block */
    struct ArrowArray **child_list;
    struct ArrowArray *dictionary;
} owned;

void release_array(struct ArrowArray *array) {
    if (array->release != NULL) array->release(array);
}

static void release_owned(struct ArrowArray *array) {
    owned *mine = array->private_data;
    /* A consumer may have moved a child: then its release is NULL here. */
    for (int64_t i = 0; i < array->n_children; i++) release_array(array->children[i]);
    if (array->dictionary != NULL) release_array(array->dictionary);
    for (size_t i = 0; i < 3; i++) free((void *)mine->buffers[i]);
    free(mine->children);
    free(mine->child_list);
    free(mine->dictionary);
    free(mine);
    array->release = NULL;
}

static owned *fill(struct ArrowArray *out, size_t rows, size_t nulls, int64_t n_buffers) {
    owned *mine = calloc(1, sizeof *mine);
    if (mine == NULL) return NULL;
    memset(out, 0, sizeof *out);
    out->length = (int64_t)rows;
    out->null_count = (int64_t)nulls;
    out->n_buffers = n_buffers;
    out->buffers = mine->buffers;
    out->release = release_owned;
    out->private_data = mine;
    return mine;
}

bool export_text(text_column *column, struct ArrowArray *out) {
    /* Consumers may look at the address of an empty buffer. */
    if (column->values.data == NULL && !reserve(&column->values, 1)) return false;
    owned *mine = fill(out, column->rows, column->nulls, 3);
    if (mine == NULL) return false;
    mine->buffers[0] = column->validity;
    mine->buffers[1] = column->offsets;
    /* It grew by half each time; what it does not need goes back, as rows may be kept for seconds. */
    uint8_t *exact = realloc(column->values.data, column->values.size > 0 ? column->values.size : 1);
    mine->buffers[2] = exact != NULL ? exact : column->values.data;
    memset(column, 0, sizeof *column);
    return true;
}

bool export_values(value_column *column, struct ArrowArray *out) {
    owned *mine = fill(out, column->rows, column->nulls, 2);
    if (mine == NULL) return false;
    mine->buffers[0] = column->validity;
    mine->buffers[1] = column->values;
    memset(column, 0, sizeof *column);
    return true;
}

bool export_places(value_column *column, text_column *dictionary, struct ArrowArray *out) {
    struct ArrowArray *words = calloc(1, sizeof *words);
    if (words == NULL) return false;
    if (!export_text(dictionary, words)) {
        free(words);
        return false;
    }
    if (!export_values(column, out)) {
        release_array(words);
        free(words);
        return false;
    }
    ((owned *)out->private_data)->dictionary = words;
    out->dictionary = words;
    return true;
}

bool export_list(value_column *ends, value_column *items, struct ArrowArray *out) {
    struct ArrowArray child;
    memset(&child, 0, sizeof child);
    if (!export_values(items, &child)) return false;
    size_t rows = ends->rows;
    if (!export_struct(&child, 1, rows, out)) {
        release_array(&child);
        return false;
    }
    owned *mine = out->private_data;
    mine->buffers[1] = ends->values;
    out->n_buffers = 2;
    memset(ends, 0, sizeof *ends);
    return true;
}

bool export_struct(struct ArrowArray *children, size_t count, size_t rows, struct ArrowArray *out) {
    struct ArrowArray *block = malloc(count * sizeof *block);
    struct ArrowArray **list = malloc(count * sizeof *list);
    owned *mine = block != NULL && list != NULL ? fill(out, rows, 0, 1) : NULL;
    if (mine == NULL) {
        free(block);
        free(list);
        return false;
    }
    memcpy(block, children, count * sizeof *block);
    for (size_t i = 0; i < count; i++) list[i] = &block[i];
    mine->children = block;
    mine->child_list = list;
    out->n_children = (int64_t)count;
    out->children = list;
    return true;
}
