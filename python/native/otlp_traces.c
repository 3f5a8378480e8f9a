#include "otlp_traces.h"

#include <stdlib.h>

#include "columns.h"
#include "values.h"
#include "verdict.h"

/* Bodies beyond this could overflow Arrow's 32-bit offsets: escapes make a text six times as long. */
#define MAX_BODY ((size_t)256 * 1024 * 1024)

static const char *const KINDS[] = {"INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"};
static const char *const STATUSES[] = {"UNSET", "OK", "ERROR"};
static const int32_t KIND_PLACES[] = {0, 0, 1, 2, 3, 4}; /* by the number in the proto */
static const char UNKNOWN_SERVICE[] = "unknown_service";

enum { TRACE_ID, SPAN_ID, PARENT_SPAN_ID, SPAN_NAME, STATUS_MESSAGE, ATTRIBUTES, EVENTS, LINKS, TEXTS };
enum { SERVICE, INSTANCE, KIND, STATUS, SCOPE, PLACES };

typedef struct {
    const coral_limits *limits;
    coral_decoded *out;
    size_t rows;
    text_column texts[TEXTS];
    value_column places[PLACES];
    text_column words[PLACES]; /* the dictionaries */
    value_column start, duration;
    text_column resources[3];
    value_writer writer;
    cursor service, instance;   /* of the resource under way */
    uint64_t resource_problem;  /* why its spans are refused; 0 when they are not */
    int32_t service_place, instance_place, scope_place;
} decoder;

typedef struct {
    cursor trace_id, span_id, parent_span_id, name, status_message;
    uint64_t start, end;
    int32_t kind, status;
    size_t events, links;
} span;

static bool has_id(cursor id, size_t size) {
    if (left(id) != size) return false;
    for (const uint8_t *at = id.at; at < id.end; at++) {
        if (*at != 0) return true;
    }
    return false;
}

static int32_t add_word(text_column *words, cursor word) {
    put(&words->values, word.at, left(word));
    end_text(words);
    return (int32_t)(words->rows - 1);
}

static cursor of_literal(const char *literal) {
    const uint8_t *at = (const uint8_t *)literal;
    return (cursor){at, at + strlen(literal)};
}

static void refuse(decoder *d, const span *s, uint64_t reason, cursor id) {
    coral_decoded *out = d->out;
    if (out->refused++ > 0) return;
    out->reason = reason;
    out->start_ns = s->start;
    out->name = s->name.at;
    out->name_size = left(s->name);
    out->id = id.at;
    out->id_size = left(id);
    out->service = d->service.at;
    out->service_size = left(d->service);
    out->instance = d->instance.at;
    out->instance_size = left(d->instance);
}

/* Whether a span can be stored; if not, it is counted. */
static bool accept(decoder *d, const span *s) {
    cursor none = {NULL, NULL};
    if (d->resource_problem != 0) {
        refuse(d, s, d->resource_problem, none);
    } else if (d->rows >= d->limits->max_spans) {
        refuse(d, s, CORAL_TOO_MANY, none);
    } else if (!has_id(s->trace_id, 16)) {
        refuse(d, s, CORAL_TRACE_ID, s->trace_id);
    } else if (!has_id(s->span_id, 8)) {
        refuse(d, s, CORAL_SPAN_ID, s->span_id);
    } else if (s->start == 0 || s->start > (uint64_t)d->limits->latest_ns) {
        refuse(d, s, CORAL_START_TIME, none);
    } else {
        return true;
    }
    return false;
}

static void put_entries(decoder *d, size_t base, text *out) { put_object(&d->writer, base, 0, out); }

static void put_event(decoder *d, cursor event, text *out) {
    cursor name = {event.at, event.at};
    uint64_t time = 0;
    size_t base = d->writer.count, seen = 0;
    wire_field field;
    while (next_field(&event, &field)) {
        if (field.tag == TAG(1, WIRE_FIXED64)) time = field.number;
        if (field.tag == TAG(2, WIRE_BYTES)) name = field.bytes;
        if (field.tag == TAG(3, WIRE_BYTES) && seen++ < d->limits->max_attributes) add_entry(&d->writer, base, field.bytes);
    }
    PUT(out, "{\"name\":");
    put_json_text(out, cut(name, d->limits->max_span_name));
    PUT(out, ",\"time_unix_nano\":");
    put_unsigned(out, time);
    PUT(out, ",\"attributes\":");
    put_entries(d, base, out);
    put_byte(out, '}');
}

static void put_link(decoder *d, cursor link, text *out) {
    cursor trace_id = {link.at, link.at}, span_id = trace_id;
    size_t base = d->writer.count, seen = 0;
    wire_field field;
    while (next_field(&link, &field)) {
        if (field.tag == TAG(1, WIRE_BYTES)) trace_id = field.bytes;
        if (field.tag == TAG(2, WIRE_BYTES)) span_id = field.bytes;
        if (field.tag == TAG(4, WIRE_BYTES) && seen++ < d->limits->max_attributes) add_entry(&d->writer, base, field.bytes);
    }
    PUT(out, "{\"trace_id\":\"");
    if (left(trace_id) == 16) put_hex(out, trace_id);
    PUT(out, "\",\"span_id\":\"");
    if (left(span_id) == 8) put_hex(out, span_id);
    PUT(out, "\",\"attributes\":");
    put_entries(d, base, out);
    put_byte(out, '}');
}

static void add_list(decoder *d, cursor bytes, uint32_t tag, size_t count, text_column *column,
                     void (*put_one)(decoder *, cursor, text *)) {
    if (count == 0) {
        end_null(column);
        return;
    }
    size_t written = 0;
    wire_field field;
    put_byte(&column->values, '[');
    while (written < d->limits->max_events && next_field(&bytes, &field)) {
        if (field.tag != tag) continue;
        if (written++ > 0) put_byte(&column->values, ',');
        put_one(d, field.bytes, &column->values);
    }
    put_byte(&column->values, ']');
    end_text(column);
}

static void read_status(cursor status, span *s) {
    wire_field field;
    while (next_field(&status, &field)) {
        if (field.tag == TAG(2, WIRE_BYTES)) s->status_message = field.bytes;
        if (field.tag == TAG(3, WIRE_VARINT)) s->status = (int32_t)(uint32_t)field.number;
    }
}

static void add_span(decoder *d, cursor bytes) {
    cursor nothing = {bytes.at, bytes.at};
    span s = {.trace_id = nothing, .span_id = nothing, .parent_span_id = nothing, .name = nothing, .status_message = nothing};
    size_t base = d->writer.count, attributes = 0;
    cursor rest = bytes;
    wire_field field;
    while (next_field(&rest, &field)) {
        switch (field.tag) {
            case TAG(1, WIRE_BYTES): s.trace_id = field.bytes; break;
            case TAG(2, WIRE_BYTES): s.span_id = field.bytes; break;
            case TAG(4, WIRE_BYTES): s.parent_span_id = field.bytes; break;
            case TAG(5, WIRE_BYTES): s.name = field.bytes; break;
            case TAG(6, WIRE_VARINT): s.kind = (int32_t)(uint32_t)field.number; break;
            case TAG(7, WIRE_FIXED64): s.start = field.number; break;
            case TAG(8, WIRE_FIXED64): s.end = field.number; break;
            case TAG(9, WIRE_BYTES):
                if (attributes++ < d->limits->max_attributes) add_entry(&d->writer, base, field.bytes);
                break;
            case TAG(11, WIRE_BYTES): s.events++; break;
            case TAG(13, WIRE_BYTES): s.links++; break;
            case TAG(15, WIRE_BYTES): read_status(field.bytes, &s); break;
            default: break;
        }
    }
    if (!accept(d, &s)) {
        d->writer.count = base;
        return;
    }
    d->rows++;
    put_hex(&d->texts[TRACE_ID].values, s.trace_id);
    put_hex(&d->texts[SPAN_ID].values, s.span_id);
    if (has_id(s.parent_span_id, 8)) put_hex(&d->texts[PARENT_SPAN_ID].values, s.parent_span_id);
    cursor name = cut(s.name, d->limits->max_span_name);
    put(&d->texts[SPAN_NAME].values, name.at, left(name));
    put_entries(d, base, &d->texts[ATTRIBUTES].values);
    for (int i = TRACE_ID; i <= SPAN_NAME; i++) end_text(&d->texts[i]);
    end_text(&d->texts[ATTRIBUTES]);
    cursor message = cut(s.status_message, d->limits->max_text);
    if (left(message) == 0) {
        end_null(&d->texts[STATUS_MESSAGE]);
    } else {
        put(&d->texts[STATUS_MESSAGE].values, message.at, left(message));
        end_text(&d->texts[STATUS_MESSAGE]);
    }
    add_list(d, bytes, TAG(11, WIRE_BYTES), s.events, &d->texts[EVENTS], put_event);
    add_list(d, bytes, TAG(13, WIRE_BYTES), s.links, &d->texts[LINKS], put_link);
    add_place(&d->places[SERVICE], d->service_place);
    add_place(&d->places[INSTANCE], d->instance_place);
    add_place(&d->places[SCOPE], d->scope_place);
    add_place(&d->places[KIND], s.kind >= 0 && s.kind <= 5 ? KIND_PLACES[s.kind] : 0);
    add_place(&d->places[STATUS], s.status >= 0 && s.status <= 2 ? s.status : 0);
    add_int64(&d->start, (int64_t)(s.start / 1000));
    uint64_t duration = s.end > s.start ? s.end - s.start : 0;
    add_int64(&d->duration, duration > INT64_MAX ? INT64_MAX : (int64_t)duration);
}

static void add_scope(decoder *d, cursor bytes) {
    cursor name = {bytes.at, bytes.at}, rest = bytes;
    wire_field field, inner;
    while (next_field(&rest, &field)) {
        if (field.tag != TAG(1, WIRE_BYTES)) continue;
        cursor scope = field.bytes;
        while (next_field(&scope, &inner)) {
            if (inner.tag == TAG(1, WIRE_BYTES)) name = inner.bytes;
        }
    }
    name = cut(name, d->limits->max_name);
    d->scope_place = -1;
    rest = bytes;
    while (next_field(&rest, &field)) {
        if (field.tag != TAG(2, WIRE_BYTES)) continue;
        size_t before = d->rows;
        bool new_word = d->scope_place < 0 && left(name) != 0;
        if (new_word) d->scope_place = (int32_t)d->words[SCOPE].rows;
        add_span(d, field.bytes);
        if (new_word) {
            if (d->rows == before) {
                d->scope_place = -1; /* a word is added with the first span that is kept */
            } else {
                add_word(&d->words[SCOPE], name);
            }
        }
    }
}

static bool key_is(cursor key, const char *literal) {
    cursor other = of_literal(literal);
    return left(key) == left(other) && memcmp(key.at, other.at, left(key)) == 0;
}

static void read_resource(decoder *d, cursor bytes) {
    d->service = d->instance = (cursor){bytes.at, bytes.at};
    wire_field field, inner;
    while (next_field(&bytes, &field)) {
        if (field.tag != TAG(1, WIRE_BYTES)) continue;
        cursor resource = field.bytes;
        while (next_field(&resource, &inner)) {
            if (inner.tag != TAG(1, WIRE_BYTES)) continue;
            cursor key = key_of(inner.bytes);
            if (key_is(key, "service.name")) d->service = string_value(inner.bytes);
            if (key_is(key, "service.instance.id")) d->instance = string_value(inner.bytes);
        }
    }
    if (left(d->service) == 0) d->service = of_literal(UNKNOWN_SERVICE);
    d->resource_problem = 0;
    if (count_characters(d->service) > d->limits->max_name) {
        d->resource_problem = CORAL_SERVICE_NAME;
    } else if (count_characters(d->instance) > d->limits->max_name) {
        d->resource_problem = CORAL_INSTANCE_ID;
    }
}

static void add_resource(decoder *d, cursor bytes) {
    size_t base = d->writer.count, attributes = 0;
    wire_field field, inner;
    while (next_field(&bytes, &field)) {
        if (field.tag != TAG(1, WIRE_BYTES)) continue;
        cursor resource = field.bytes;
        while (next_field(&resource, &inner)) {
            if (inner.tag == TAG(1, WIRE_BYTES) && attributes++ < d->limits->max_attributes) {
                add_entry(&d->writer, base, inner.bytes);
            }
        }
    }
    put(&d->resources[0].values, d->service.at, left(d->service));
    put(&d->resources[1].values, d->instance.at, left(d->instance));
    put_entries(d, base, &d->resources[2].values);
    for (int i = 0; i < 3; i++) end_text(&d->resources[i]);
}

static void add_resource_spans(decoder *d, cursor bytes) {
    read_resource(d, bytes);
    size_t before = d->rows;
    d->service_place = (int32_t)d->words[SERVICE].rows;
    d->instance_place = (int32_t)d->words[INSTANCE].rows;
    cursor rest = bytes;
    wire_field field;
    while (next_field(&rest, &field)) {
        if (field.tag == TAG(2, WIRE_BYTES)) add_scope(d, field.bytes);
    }
    if (d->rows == before) return;
    add_word(&d->words[SERVICE], d->service);
    add_word(&d->words[INSTANCE], d->instance);
    add_resource(d, bytes);
}

static bool decoder_init(decoder *d, size_t body_size, size_t capacity) {
    bool ready = value_column_init(&d->start, capacity, 8, false);
    ready &= value_column_init(&d->duration, capacity, 8, false);
    for (int i = 0; i < TEXTS; i++) ready &= text_column_init(&d->texts[i], capacity, i == STATUS_MESSAGE || i == EVENTS || i == LINKS);
    for (int i = 0; i < PLACES; i++) {
        ready &= value_column_init(&d->places[i], capacity, 4, i == SCOPE);
        ready &= text_column_init(&d->words[i], capacity < 5 ? 5 : capacity, false);
    }
    for (int i = 0; i < 3; i++) ready &= text_column_init(&d->resources[i], capacity, false);
    if (!ready) return false;
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) add_word(&d->words[KIND], of_literal(KINDS[i]));
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) add_word(&d->words[STATUS], of_literal(STATUSES[i]));
    ready &= reserve(&d->texts[TRACE_ID].values, 32 * capacity + 1);
    ready &= reserve(&d->texts[SPAN_ID].values, 16 * capacity + 1);
    ready &= reserve(&d->texts[PARENT_SPAN_ID].values, 16 * capacity + 1);
    return ready & reserve(&d->texts[ATTRIBUTES].values, body_size / 2 + 1);
}

static void decoder_free(decoder *d) {
    value_column_free(&d->start);
    value_column_free(&d->duration);
    for (int i = 0; i < TEXTS; i++) text_column_free(&d->texts[i]);
    for (int i = 0; i < PLACES; i++) {
        value_column_free(&d->places[i]);
        text_column_free(&d->words[i]);
    }
    for (int i = 0; i < 3; i++) text_column_free(&d->resources[i]);
    free(d->writer.entries);
}

static bool decoder_failed(const decoder *d) {
    bool failed = d->writer.failed;
    for (int i = 0; i < TEXTS; i++) failed |= d->texts[i].values.failed;
    for (int i = 0; i < PLACES; i++) failed |= d->words[i].values.failed;
    for (int i = 0; i < 3; i++) failed |= d->resources[i].values.failed;
    return failed;
}

/* The columns in the order of SPAN_SCHEMA. */
static bool export_rows(decoder *d, struct ArrowArray *out) {
    enum { COLUMNS = 15 };
    struct ArrowArray children[COLUMNS];
    memset(children, 0, sizeof children);
    struct ArrowArray *next = children;
    text_column *texts = d->texts;
    bool done = export_text(&texts[TRACE_ID], next++) && export_text(&texts[SPAN_ID], next++)
        && export_text(&texts[PARENT_SPAN_ID], next++)
        && export_places(&d->places[SERVICE], &d->words[SERVICE], next++)
        && export_places(&d->places[INSTANCE], &d->words[INSTANCE], next++)
        && export_text(&texts[SPAN_NAME], next++)
        && export_places(&d->places[KIND], &d->words[KIND], next++)
        && export_values(&d->start, next++) && export_values(&d->duration, next++)
        && export_places(&d->places[STATUS], &d->words[STATUS], next++)
        && export_text(&texts[STATUS_MESSAGE], next++)
        && export_places(&d->places[SCOPE], &d->words[SCOPE], next++)
        && export_text(&texts[ATTRIBUTES], next++) && export_text(&texts[EVENTS], next++)
        && export_text(&texts[LINKS], next++) && export_struct(children, COLUMNS, d->rows, out);
    if (!done) {
        for (int i = 0; i < COLUMNS; i++) release_array(&children[i]);
    }
    return done;
}

static bool export_resources(decoder *d, struct ArrowArray *out) {
    struct ArrowArray children[3];
    memset(children, 0, sizeof children);
    size_t rows = d->resources[0].rows;
    bool done = export_text(&d->resources[0], &children[0]) && export_text(&d->resources[1], &children[1])
        && export_text(&d->resources[2], &children[2]) && export_struct(children, 3, rows, out);
    if (!done) {
        for (int i = 0; i < 3; i++) release_array(&children[i]);
    }
    return done;
}

int coral_abi_version(void) { return CORAL_ABI_VERSION; }

int coral_decode_traces(const uint8_t *body, size_t size, const coral_limits *limits, coral_decoded *out) {
    static const uint8_t EMPTY[1];
    memset(out, 0, sizeof *out);
    if (size > MAX_BODY) return CORAL_TOO_LARGE;
    cursor request = size == 0 ? (cursor){EMPTY, EMPTY} : (cursor){body, body + size};
    size_t spans;
    if (!valid_trace_request(request, &spans)) return CORAL_MALFORMED;

    decoder d;
    memset(&d, 0, sizeof d);
    d.limits = limits;
    d.out = out;
    d.writer.limits = limits;
    int answer = CORAL_NO_MEMORY;
    if (decoder_init(&d, size, spans < limits->max_spans ? spans : (size_t)limits->max_spans)) {
        wire_field field;
        while (next_field(&request, &field)) {
            if (field.tag == TAG(1, WIRE_BYTES)) add_resource_spans(&d, field.bytes);
        }
        if (!decoder_failed(&d) && export_rows(&d, &out->rows)) {
            if (export_resources(&d, &out->resources)) {
                answer = CORAL_OK;
            } else {
                release_array(&out->rows);
            }
        }
    }
    decoder_free(&d);
    return answer;
}
