/* Spans in memory, and their sums: the second part of the kernel's C interface. README.md tells how it is used.
 *
 * Input is what Arrow exports of record batches. It is only read, and only during the call. May be called from
 * several threads at once.
 */
#ifndef CORAL_ROLL_UP_H
#define CORAL_ROLL_UP_H

#include <stddef.h>
#include <stdint.h>

#include "arrow_c.h"
#include "otlp_traces.h"

/* What is kept of spans for `coral_roll_up`, in a tenth of their size.
 *
 * rows: a record batch with the columns trace_id, span_id, parent_span_id (hexadecimal), span_name (strings),
 * service_name, kind, status_code (strings in a dictionary with int32 places), start_time (int64, us),
 * duration_ns (int64), attributes, events, links (strings). Only the last three may have nulls.
 *
 * out: gets trace_id (16 bytes), span_id (8 bytes), service_name, span_name (in a dictionary with int32 places),
 * kind, status_code (with int8 places), start_time, duration_ns (int64), is_root (int8), and as int32 the size of
 * attributes, events and links, each counted up to `longest` bytes.
 *
 * Returns CORAL_MALFORMED when rows are not like that. On any answer but CORAL_OK, `out` holds nothing to release.
 */
CORAL_API int coral_narrow(const struct ArrowArray *rows, uint64_t seed, uint64_t longest, struct ArrowArray *out);

typedef struct {
    struct ArrowArray rows; /* a struct array as the table `rollups` of coral/wire/batches.py, sorted by its key */
    /* The slowest spans of each service, then its failed ones, each slowest first: service_name and trace_id
     * as strings, duration_ns as int64, failed as int8. */
    struct ArrowArray slowest;
} coral_rolled_up;

/* Adds up spans per minute, service, operation and kind.
 *
 * Each chunk has the columns of `coral_narrow`, without `is_root` and `size`, none with nulls.
 *
 * Returns CORAL_MALFORMED when a chunk is not like that. On any answer but CORAL_OK, `out` holds nothing to
 * release.
 *
 * seed: makes the hashes differ from process to process, as clients choose names and ids.
 * per_service: how many of the slowest, and how many of the slowest failed spans.
 */
CORAL_API int coral_roll_up(const struct ArrowArray *const *chunks, size_t count, uint64_t seed, uint64_t per_service,
                            coral_rolled_up *out);

#endif
