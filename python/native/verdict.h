/* Whether bytes are a message, by upb's own rules. */
#ifndef CORAL_VERDICT_H
#define CORAL_VERDICT_H

#include "wire.h"

/* Says whether `body` is a valid ExportTraceServiceRequest, and counts the spans in it. */
bool valid_trace_request(cursor body, size_t *span_count);

#endif
