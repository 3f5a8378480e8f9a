/* OTLP trace requests to Arrow columns: the C interface of the kernel. README.md tells how it is used. */
#ifndef CORAL_OTLP_TRACES_H
#define CORAL_OTLP_TRACES_H

#include <stddef.h>
#include <stdint.h>

#include "arrow_c.h"

/* Raised when any struct or meaning below changes; the loader refuses another one. */
#define CORAL_ABI_VERSION 2

/* The numbers of coral/limits.py; the kernel has none of its own. */
typedef struct {
    int64_t latest_ns;         /* spans that start later are refused */
    uint64_t max_spans;        /* per request; more are refused */
    uint64_t max_attributes;   /* of one object; surplus is dropped */
    uint64_t max_text;         /* characters of a text value or status message; longer is cut */
    uint64_t max_depth;        /* levels of nested values; deeper is null */
    uint64_t max_name;         /* characters of service and instance (longer: refused), scope (longer: cut) */
    uint64_t max_span_name;    /* characters of span and event names; longer is cut */
    uint64_t max_events;       /* events of a span, links of a span; surplus is dropped */
} coral_limits;

/* Why a span was refused. */
enum {
    CORAL_SERVICE_NAME = 1,
    CORAL_INSTANCE_ID = 2,
    CORAL_TOO_MANY = 3,
    CORAL_TRACE_ID = 4, /* `id` has it */
    CORAL_SPAN_ID = 5,  /* `id` has it */
    CORAL_START_TIME = 6
};

typedef struct {
    struct ArrowArray rows;      /* a struct array as SPAN_SCHEMA; the caller releases it */
    struct ArrowArray resources; /* service_name, instance_id, attributes as strings; the caller releases it */
    uint64_t refused;            /* spans */
    uint64_t reason;             /* of the first refused span; 0 when there is none */
    uint64_t start_ns;           /* this and what follows is of the first refused span, and lies in the body */
    const uint8_t *name;
    uint64_t name_size;
    const uint8_t *id;
    uint64_t id_size;
    const uint8_t *service;
    uint64_t service_size;
    const uint8_t *instance;
    uint64_t instance_size;
} coral_decoded;

enum { CORAL_OK = 0, CORAL_MALFORMED = 1, CORAL_NO_MEMORY = 2, CORAL_TOO_LARGE = 3 };

#define CORAL_API __attribute__((visibility("default")))

CORAL_API int coral_abi_version(void);

/* Decodes an ExportTraceServiceRequest.
 *
 * Reads `body` only; it must stay alive during the call, and longer when `name` or `id` are looked at.
 * May be called from several threads at once. On any answer but CORAL_OK, `out` holds nothing to release.
 */
CORAL_API int coral_decode_traces(const uint8_t *body, size_t size, const coral_limits *limits, coral_decoded *out);

#endif
