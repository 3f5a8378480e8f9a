#include "roll_up.h"

#include <math.h>
#include <stdlib.h>

#include "columns.h"
#include "words.h"

#define MINUTE_US ((int64_t)60 * 1000 * 1000)
#define BUCKET_BITS 13 /* of a bucket's number plus 2; the highest bucket is 4031 */
#define BUCKET_MASK (((uint64_t)1 << BUCKET_BITS) - 1)
#define BUCKETS_PER_OCTAVE 64
#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

enum { SERVICE, NAME, KIND, STATUS, WORD_COLUMNS };
enum { TRACE_ID, SPAN_ID, WORDS_BEGIN, START = WORDS_BEGIN + WORD_COLUMNS, DURATION, COLUMNS };

typedef struct {
    int64_t minute;
    uint32_t words[3]; /* service, name, kind */
    uint32_t rank;     /* its place in the output */
    int64_t count, errors, min_ns, max_ns;
    double sum_ns;
} group;

typedef struct {
    int64_t duration;
    const uint8_t *trace_id;
} slow_span;

typedef struct {
    slow_span *spans; /* slowest first */
    size_t count, capacity;
} slow_spans;

typedef struct {
    word_set words[WORD_COLUMNS];
    uint32_t error_word;
    group *groups;
    size_t group_count, group_capacity;
    uint32_t *slots; /* of groups: number + 1 */
    size_t mask;
    uint64_t *keys; /* of each row: its group, then its bucket */
    uint64_t *other_keys;
    size_t rows;
    slow_spans *slow; /* of each service: all, failed */
    size_t slow_capacity;
    size_t per_service;
    uint64_t seed;
} summing;

static int32_t bucket_of(int64_t value) {
    if (value <= 0) return -2;
    return (int32_t)ceil(log2((double)value) * BUCKETS_PER_OCTAVE) - 1;
}

static int64_t minute_of(int64_t time_us) {
    int64_t rest = time_us % MINUTE_US;
    return time_us - (rest < 0 ? rest + MINUTE_US : rest);
}

/* The number in `set` of each word of a dictionary, or NULL. */
static uint32_t *numbers_of(const struct ArrowArray *dictionary, word_set *set) {
    uint32_t *numbers = malloc(((size_t)dictionary->length + 1) * sizeof *numbers);
    for (int64_t i = 0; numbers != NULL && i < dictionary->length; i++) {
        numbers[i] = words_add(set, text_of(dictionary, i));
        if (numbers[i] == NO_WORD) {
            free(numbers);
            return NULL;
        }
    }
    return numbers;
}

static uint64_t hash_group(uint64_t seed, int64_t minute, const uint32_t *words) {
    uint64_t hash = mix((uint64_t)minute ^ seed, 0x9e3779b97f4a7c15u ^ words[2]);
    return mix(hash ^ ((uint64_t)words[0] << 32 | words[1]), 0xd6e8feb86659fd93u ^ seed);
}

static bool resize_groups(summing *s, size_t slots) {
    uint32_t *table = calloc(slots, sizeof *table);
    if (table == NULL) return false;
    for (size_t i = 0; i < s->group_count; i++) {
        size_t slot = hash_group(s->seed, s->groups[i].minute, s->groups[i].words) & (slots - 1);
        while (table[slot] != 0) slot = (slot + 1) & (slots - 1);
        table[slot] = (uint32_t)(i + 1);
    }
    free(s->slots);
    s->slots = table;
    s->mask = slots - 1;
    return true;
}

/* The group of a key, or NULL when there is no memory. */
static group *group_of(summing *s, int64_t minute, const uint32_t *words) {
    size_t slot = hash_group(s->seed, minute, words) & s->mask;
    for (; s->slots[slot] != 0; slot = (slot + 1) & s->mask) {
        group *found = &s->groups[s->slots[slot] - 1];
        if (found->minute == minute && memcmp(found->words, words, sizeof found->words) == 0) return found;
    }
    if (s->group_count == s->group_capacity) {
        group *groups = enlarged(s->groups, &s->group_capacity, 256, sizeof *groups);
        if (groups == NULL) return NULL;
        s->groups = groups;
    }
    size_t number = s->group_count++;
    s->slots[slot] = (uint32_t)(number + 1);
    group *added = &s->groups[number];
    *added = (group){.minute = minute, .min_ns = INT64_MAX, .max_ns = INT64_MIN};
    memcpy(added->words, words, sizeof added->words);
    if (2 * s->group_count > s->mask && !resize_groups(s, 2 * (s->mask + 1))) return NULL;
    return added;
}

static bool add_slow(slow_spans *slowest, size_t most, int64_t duration, const uint8_t *trace_id) {
    if (slowest->count == most && (most == 0 || slowest->spans[most - 1].duration >= duration)) return true;
    if (slowest->count == slowest->capacity && slowest->count < most) {
        slow_span *spans = enlarged(slowest->spans, &slowest->capacity, 4, sizeof *spans);
        if (spans == NULL) return false;
        slowest->spans = spans;
    }
    size_t place = slowest->count < most ? slowest->count++ : most - 1;
    for (; place > 0 && slowest->spans[place - 1].duration < duration; place--) slowest->spans[place] = slowest->spans[place - 1];
    slowest->spans[place] = (slow_span){duration, trace_id};
    return true;
}

/* Room for the slowest spans of all services that are known by now. */
static bool reserve_slow(summing *s) {
    size_t wanted = 2 * s->words[SERVICE].count;
    if (wanted <= s->slow_capacity) return true;
    size_t capacity = 2 * wanted;
    slow_spans *slow = realloc(s->slow, capacity * sizeof *slow);
    if (slow == NULL) return false;
    memset(slow + s->slow_capacity, 0, (capacity - s->slow_capacity) * sizeof *slow);
    s->slow = slow;
    s->slow_capacity = capacity;
    return true;
}

static int add_rows(summing *s, const struct ArrowArray *chunk, uint32_t *const *numbers) {
    const struct ArrowArray *const *words_of = (const struct ArrowArray *const *)chunk->children + WORDS_BEGIN;
    const int32_t *services = values_of(words_of[SERVICE], 4), *names = values_of(words_of[NAME], 4);
    const int8_t *kinds = values_of(words_of[KIND], 1), *statuses = values_of(words_of[STATUS], 1);
    const int64_t *starts = values_of(chunk->children[START], 8), *durations = values_of(chunk->children[DURATION], 8);
    const uint8_t *trace_ids = values_of(chunk->children[TRACE_ID], TRACE_ID_BYTES);
    for (int64_t row = 0; row < chunk->length; row++) {
        const int32_t places[WORD_COLUMNS] = {services[row], names[row], kinds[row], statuses[row]};
        uint32_t words[WORD_COLUMNS];
        for (int i = 0; i < WORD_COLUMNS; i++) {
            if (places[i] < 0 || places[i] >= words_of[i]->dictionary->length) return CORAL_MALFORMED;
            words[i] = numbers[i][places[i]];
        }
        int64_t duration = durations[row];
        bool failed = words[STATUS] == s->error_word;
        group *of_row = group_of(s, minute_of(starts[row]), words);
        if (of_row == NULL) return CORAL_NO_MEMORY;
        of_row->count++;
        of_row->errors += failed;
        of_row->sum_ns += (double)duration;
        if (duration < of_row->min_ns) of_row->min_ns = duration;
        if (duration > of_row->max_ns) of_row->max_ns = duration;
        s->keys[s->rows++] = (uint64_t)(of_row - s->groups) << BUCKET_BITS | (uint64_t)(bucket_of(duration) + 2);
        slow_spans *slow = &s->slow[2 * words[SERVICE]];
        const uint8_t *trace_id = trace_ids + row * TRACE_ID_BYTES;
        if (!add_slow(&slow[0], s->per_service, duration, trace_id)) return CORAL_NO_MEMORY;
        if (failed && !add_slow(&slow[1], s->per_service, duration, trace_id)) return CORAL_NO_MEMORY;
    }
    return CORAL_OK;
}

static bool is_chunk(const struct ArrowArray *chunk) {
    if (chunk->n_children != COLUMNS || chunk->offset != 0 || has_nulls(chunk)) return false;
    for (int i = 0; i < COLUMNS; i++) {
        const struct ArrowArray *column = chunk->children[i];
        if (column->length < chunk->length || column->n_buffers != 2 || has_nulls(column)) return false;
        if (i >= WORDS_BEGIN && i < START && (column->dictionary == NULL || !is_text(column->dictionary))) return false;
    }
    return true;
}

static int add_chunk(summing *s, const struct ArrowArray *chunk) {
    uint32_t *numbers[WORD_COLUMNS] = {NULL};
    int answer = CORAL_OK;
    for (int i = 0; i < WORD_COLUMNS && answer == CORAL_OK; i++) {
        numbers[i] = numbers_of(chunk->children[WORDS_BEGIN + i]->dictionary, &s->words[i]);
        if (numbers[i] == NULL) answer = CORAL_NO_MEMORY;
    }
    if (answer == CORAL_OK && !reserve_slow(s)) answer = CORAL_NO_MEMORY;
    if (answer == CORAL_OK) answer = add_rows(s, chunk, numbers);
    for (int i = 0; i < WORD_COLUMNS; i++) free(numbers[i]);
    return answer;
}

static int compare_texts(cursor a, cursor b) {
    size_t shorter = left(a) < left(b) ? left(a) : left(b);
    int order = memcmp(a.at, b.at, shorter);
    if (order != 0) return order;
    return left(a) < left(b) ? -1 : left(a) > left(b);
}

/* What the order of groups is told by: qsort has no argument for it. */
typedef struct {
    const group *of;
    cursor words[3];
} sortable;

static int compare_groups(const void *a, const void *b) {
    const sortable *one = a, *other = b;
    if (one->of->minute != other->of->minute) return one->of->minute < other->of->minute ? -1 : 1;
    for (int i = 0; i < 3; i++) {
        int order = compare_texts(one->words[i], other->words[i]);
        if (order != 0) return order;
    }
    return 0;
}

/* The groups in the order of their keys; they learn their rank. NULL when there is no memory. */
static sortable *sorted_groups(summing *s) {
    sortable *sorted = malloc((s->group_count + 1) * sizeof *sorted);
    if (sorted == NULL) return NULL;
    for (size_t i = 0; i < s->group_count; i++) {
        sorted[i].of = &s->groups[i];
        for (int w = 0; w < 3; w++) sorted[i].words[w] = s->words[w].words[s->groups[i].words[w]].text;
    }
    qsort(sorted, s->group_count, sizeof *sorted, compare_groups);
    for (size_t i = 0; i < s->group_count; i++) s->groups[sorted[i].of - s->groups].rank = (uint32_t)i;
    return sorted;
}

/* Sorts the keys, the rank of the group in place of its number. */
static void sort_keys(summing *s) {
    for (size_t i = 0; i < s->rows; i++) {
        s->keys[i] = (uint64_t)s->groups[s->keys[i] >> BUCKET_BITS].rank << BUCKET_BITS | (s->keys[i] & BUCKET_MASK);
    }
    uint64_t highest = s->group_count == 0 ? 0 : (uint64_t)(s->group_count - 1) << BUCKET_BITS | BUCKET_MASK;
    for (int shift = 0; highest >> shift != 0; shift += DIGIT_BITS) {
        size_t ends[DIGITS] = {0};
        for (size_t i = 0; i < s->rows; i++) ends[(s->keys[i] >> shift) & (DIGITS - 1)]++;
        size_t sum = 0;
        for (size_t d = 0; d < DIGITS; d++) {
            size_t count = ends[d];
            ends[d] = sum;
            sum += count;
        }
        for (size_t i = 0; i < s->rows; i++) s->other_keys[ends[(s->keys[i] >> shift) & (DIGITS - 1)]++] = s->keys[i];
        uint64_t *swapped = s->keys;
        s->keys = s->other_keys;
        s->other_keys = swapped;
    }
}

/* The columns of `rows`. */
typedef struct {
    value_column minute, count, errors, sum, min, max, index_ends, count_ends, index, counts;
    text_column words[3];
} result;

static bool result_init(result *r, size_t groups, size_t rows) {
    value_column *of_groups[] = {&r->minute, &r->count, &r->errors, &r->sum, &r->min, &r->max};
    bool ready = true;
    for (size_t i = 0; i < sizeof of_groups / sizeof *of_groups; i++) ready &= value_column_init(of_groups[i], groups, 8, false);
    ready &= value_column_init(&r->index_ends, groups + 1, 4, false);
    ready &= value_column_init(&r->count_ends, groups + 1, 4, false);
    ready &= value_column_init(&r->index, rows, 4, false);
    ready &= value_column_init(&r->counts, rows, 8, false);
    for (int i = 0; i < 3; i++) ready &= text_column_init(&r->words[i], groups, false);
    return ready;
}

static void result_free(result *r) {
    value_column *all[] = {&r->minute, &r->count, &r->errors, &r->sum, &r->min, &r->max, &r->index_ends, &r->count_ends, &r->index, &r->counts};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) value_column_free(all[i]);
    for (int i = 0; i < 3; i++) text_column_free(&r->words[i]);
}

static void add_double(value_column *column, double value) { ((double *)column->values)[column->rows++] = value; }

static void add_int32(value_column *column, int32_t value) { ((int32_t *)column->values)[column->rows++] = value; }

static void fill_result(result *r, const summing *s, const sortable *sorted) {
    size_t row = 0;
    for (size_t i = 0; i < s->group_count; i++) {
        const group *of = sorted[i].of;
        add_int64(&r->minute, of->minute);
        for (int w = 0; w < 3; w++) {
            put(&r->words[w].values, sorted[i].words[w].at, left(sorted[i].words[w]));
            end_text(&r->words[w]);
        }
        add_int64(&r->count, of->count);
        add_int64(&r->errors, of->errors);
        add_double(&r->sum, of->sum_ns);
        add_int64(&r->min, of->min_ns);
        add_int64(&r->max, of->max_ns);
        add_int32(&r->index_ends, (int32_t)r->index.rows);
        while (row < s->rows && s->keys[row] >> BUCKET_BITS == i) {
            uint64_t key = s->keys[row];
            int64_t count = 0;
            for (; row < s->rows && s->keys[row] == key; row++) count++;
            add_int32(&r->index, (int32_t)(key & BUCKET_MASK) - 2);
            add_int64(&r->counts, count);
        }
    }
    add_int32(&r->index_ends, (int32_t)r->index.rows);
    memcpy(r->count_ends.values, r->index_ends.values, (s->group_count + 1) * sizeof(int32_t));
    r->index_ends.rows = r->count_ends.rows = s->group_count;
}

static bool export_result(result *r, size_t groups, struct ArrowArray *out) {
    enum { RESULTS = 11 };
    struct ArrowArray children[RESULTS];
    memset(children, 0, sizeof children);
    struct ArrowArray *next = children;
    bool done = !r->words[0].values.failed && !r->words[1].values.failed && !r->words[2].values.failed
        && export_values(&r->minute, next++) && export_text(&r->words[SERVICE], next++)
        && export_text(&r->words[NAME], next++) && export_text(&r->words[KIND], next++)
        && export_values(&r->count, next++) && export_values(&r->errors, next++) && export_values(&r->sum, next++)
        && export_values(&r->min, next++) && export_values(&r->max, next++)
        && export_list(&r->index_ends, &r->index, next++) && export_list(&r->count_ends, &r->counts, next++)
        && export_struct(children, RESULTS, groups, out);
    if (!done) {
        for (int i = 0; i < RESULTS; i++) release_array(&children[i]);
    }
    return done;
}

static int make_rows(summing *s, struct ArrowArray *out) {
    sortable *sorted = sorted_groups(s);
    if (sorted == NULL) return CORAL_NO_MEMORY;
    sort_keys(s);
    result r;
    memset(&r, 0, sizeof r);
    int answer = CORAL_NO_MEMORY;
    if (result_init(&r, s->group_count, s->rows)) {
        fill_result(&r, s, sorted);
        if (export_result(&r, s->group_count, out)) answer = CORAL_OK;
    }
    result_free(&r);
    free(sorted);
    return answer;
}

static int make_slowest(const summing *s, struct ArrowArray *out) {
    enum { SLOWEST = 4 };
    size_t services = s->words[SERVICE].count, total = 0;
    for (size_t i = 0; i < 2 * services; i++) total += s->slow[i].count;
    text_column names = {0}, trace_ids = {0};
    value_column durations = {0}, failed = {0};
    struct ArrowArray children[SLOWEST];
    memset(children, 0, sizeof children);
    bool done = text_column_init(&names, total, false) && text_column_init(&trace_ids, total, false)
        && value_column_init(&durations, total, 8, false) && value_column_init(&failed, total, 1, false);
    for (size_t i = 0; done && i < 2 * services; i++) {
        cursor name = s->words[SERVICE].words[i / 2].text;
        for (size_t k = 0; k < s->slow[i].count; k++) {
            const uint8_t *trace_id = s->slow[i].spans[k].trace_id;
            put(&names.values, name.at, left(name));
            end_text(&names);
            put_hex(&trace_ids.values, (cursor){trace_id, trace_id + TRACE_ID_BYTES});
            end_text(&trace_ids);
            add_int64(&durations, s->slow[i].spans[k].duration);
            ((int8_t *)failed.values)[failed.rows++] = (int8_t)(i % 2);
        }
    }
    done = done && !names.values.failed && !trace_ids.values.failed && export_text(&names, &children[0])
        && export_text(&trace_ids, &children[1]) && export_values(&durations, &children[2])
        && export_values(&failed, &children[3]) && export_struct(children, SLOWEST, total, out);
    if (!done) {
        for (int i = 0; i < SLOWEST; i++) release_array(&children[i]);
    }
    text_column_free(&names);
    text_column_free(&trace_ids);
    value_column_free(&durations);
    value_column_free(&failed);
    return done ? CORAL_OK : CORAL_NO_MEMORY;
}

static void summing_free(summing *s) {
    for (size_t i = 0; i < s->slow_capacity; i++) free(s->slow[i].spans);
    free(s->slow);
    free(s->keys);
    free(s->other_keys);
    free(s->slots);
    free(s->groups);
    for (int i = 0; i < WORD_COLUMNS; i++) words_free(&s->words[i]);
}

static int sum_up(summing *s, const struct ArrowArray *const *chunks, size_t count, size_t rows) {
    static const char ERROR[] = "ERROR";
    bool ready = resize_groups(s, 1024);
    for (int i = 0; i < WORD_COLUMNS; i++) ready &= words_init(&s->words[i], s->seed, 16);
    s->keys = malloc((rows + 1) * sizeof *s->keys);
    s->other_keys = malloc((rows + 1) * sizeof *s->other_keys);
    if (!ready || s->keys == NULL || s->other_keys == NULL) return CORAL_NO_MEMORY;
    s->error_word = words_add(&s->words[STATUS], (cursor){(const uint8_t *)ERROR, (const uint8_t *)ERROR + sizeof ERROR - 1});
    if (s->error_word == NO_WORD) return CORAL_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        int answer = add_chunk(s, chunks[i]);
        if (answer != CORAL_OK) return answer;
    }
    return CORAL_OK;
}

int coral_roll_up(const struct ArrowArray *const *chunks, size_t count, uint64_t seed, uint64_t per_service,
                  coral_rolled_up *out) {
    memset(out, 0, sizeof *out);
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_chunk(chunks[i])) return CORAL_MALFORMED;
        rows += (size_t)chunks[i]->length;
    }
    if (rows > INT32_MAX) return CORAL_TOO_LARGE;
    summing s;
    memset(&s, 0, sizeof s);
    s.seed = seed;
    s.per_service = (size_t)per_service;
    int answer = sum_up(&s, chunks, count, rows);
    if (answer == CORAL_OK) answer = make_rows(&s, &out->rows);
    if (answer == CORAL_OK) {
        answer = make_slowest(&s, &out->slowest);
        if (answer != CORAL_OK) release_array(&out->rows);
    }
    summing_free(&s);
    return answer;
}
