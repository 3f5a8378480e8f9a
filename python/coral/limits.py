"""Limits of Coral in one place: the number, its unit, and why it is what it is. Of scripts: `script_limits`.

An error that a limit causes names the limit by the words used here.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing costs 5 ms of every `coral run`
if TYPE_CHECKING:
    from typing import Final

MAX_RESULT_ROWS: Final = 10_000
"""Rows that raw SQL answers at most (R82)."""

MAX_SERIES_POINTS: Final = 1_000
"""Points of one series; a plot shows no more."""

MAX_HISTOGRAM_BUCKETS: Final = 4_096
"""Buckets of one histogram: all that durations can have."""

MAX_EVENT_BYTES: Final = 64 * 1024
"""The data of one event that a script emits, as JSON."""

MAX_EVENTS_PER_RUN: Final = 10_000
"""Events that one run may emit: one that looks every 30 s for a day, and always finds, emits 2,880."""

EVENTS_PER_SECOND: Final = 20
"""Events of one run per second, after `EVENTS_AT_ONCE` at its start; the SDK waits when a run is faster."""

EVENTS_AT_ONCE: Final = 100
"""Events that one run may emit in a moment, after it has emitted few for a while."""

EVENT_BYTES_PER_SECOND: Final = 1024 * 1024
"""Events of all runs together that one colony stores, as JSON. Ten seconds' worth may come at once."""

MAX_SCRIPT_EVENTS_BYTES: Final = 256 * 1024 * 1024
"""Events that a colony keeps, compressed; the oldest go first."""

MAX_REMEMBERED_EVENTS: Final = 20_000
"""Newest events whose ids a colony remembers, so that one which is sent again is stored once."""

MAX_SQL_BYTES: Final = 64 * 1024
"""Length of a SQL statement; DuckDB's parser stalls on long nested expressions."""

QUERY_TIMEOUT_SECONDS: Final = 5.0
"""Default time limit of one query (R71)."""

QUERY_TIMEOUT_CEILING_SECONDS: Final = 60.0
"""What a caller may ask for at most."""

MAX_CONCURRENT_QUERIES: Final = 20
"""Raw SQL queries under way at once in one serving process (R71)."""

MAX_QUEUED_QUERIES: Final = 100
"""Raw SQL queries that may wait for a worker; more are refused as overload."""

QUERY_WORKER_MEMORY_BYTES: Final = 256 * 1024 * 1024
"""DuckDB's own memory limit in a query worker; `query_limits.QUERY_WORKER_DATA_BYTES` bounds the process."""

MAX_OTLP_BODY_BYTES: Final = 16 * 1024 * 1024
"""One OTLP request, after decompression."""

MAX_FUTURE_SECONDS: Final = 24 * 3600
"""How far in the future a span, metric point or log record may lie: one that is later has a wrong clock
or a wrong unit, and would outlive every retention by time."""

MAX_NAME_LENGTH: Final = 255
"""Characters of a service, instance, metric, scope or event name (OpenTelemetry's own limit of instrument
names). Names repeat in every row, so a long one would multiply a request's size in memory."""

MAX_ATTRIBUTES: Final = 1_000
"""Attributes of one resource, span, metric point or log record, and entries of a map inside one.
OpenTelemetry's SDKs stop at 128."""

MAX_ATTRIBUTE_LENGTH: Final = 64 * 1024
"""Characters of one attribute value or text inside it; what is longer is cut there. A stack trace fits."""

MAX_SPAN_NAME_LENGTH: Final = 1_024
"""Characters of the name of a span or of an event of a span; what is longer is cut there. Some clients put
a SQL statement into it."""

MAX_SPAN_EVENTS: Final = 128
"""Events of one span, and links of one span; surplus is dropped. OpenTelemetry's SDKs stop at 128."""

MAX_ATTRIBUTE_DEPTH: Final = 32
"""Levels of nesting of an attribute value or log body; what is deeper becomes null."""

MAX_LOG_BODY_LENGTH: Final = 256 * 1024
"""Characters of one log record's body; what is longer is cut there."""

MAX_ITEMS_PER_REQUEST: Final = 100_000
"""Spans, metric points or log records of one OTLP request; more are refused. A point of 11 bytes on the wire
becomes a row of some 500 bytes in memory."""

MAX_PARSED_ITEMS: Final = 500_000
"""Groups or items of one OTLP request that is parsed at all. An empty item has 2 bytes on the wire and some
140 as an object; in a real request no item has less than 30, and 16 MiB of them are about as many."""

MAX_JSON_OBJECTS: Final = 1_000_000
"""Objects and lists of one OTLP/JSON request, each some 200 bytes in memory; a span has about 40 of them."""

LARGE_OTLP_BODY_BYTES: Final = 1024 * 1024
"""From here on, bodies of OTLP requests are decoded one at a time: decoding takes up to thirty times their
size."""

MAX_METRIC_BUCKETS: Final = 1_024
"""Buckets of one histogram point, quantiles of one summary point. SDKs use 16 and 160."""

MAX_METRIC_COUNT: Final = 2**53
"""Count of one bucket or point: what a double holds exactly. More is no count."""

MAX_METRIC_SERIES: Final = 10_000
"""Cumulative histogram series whose last point an agent remembers; the one that is silent for the longest
time is forgotten."""

MAX_METRIC_SERIES_BUCKETS: Final = 1_000_000
"""Buckets of all those series together, some 60 MB; with more, silent series are forgotten sooner."""

MAX_SERVICES_PER_AGENT: Final = 1_000
"""Service names per hour in the rollups of one agent; further ones are counted as `__overflow__`."""

MAX_OPERATIONS_PER_SERVICE: Final = 1_000
"""Operations (span names, routes) per hour and service in rollups; further ones count as `__overflow__`."""

MAX_OPERATIONS_PER_AGENT: Final = 20_000
"""Operations per hour in the rollups of one agent, over all services."""

MAX_RESOURCE_LENGTH: Final = 64 * 1024
"""Characters of a resource's attributes that an agent tells its colony; of a longer one only names."""

MAX_INSTANCES_PER_AGENT: Final = 10_000
"""Service instances per hour whose resource attributes an agent tells its colony."""

MAX_OTLP_BYTES_IN_FLIGHT: Final = 128 * 1024 * 1024
"""Bodies of OTLP requests under way in one agent, after decompression; more are refused as overload."""

MAX_GROUP_ROWS: Final = 200_000
"""Rows of waiting OTLP requests that are written in one transaction; one request is never split."""

MIN_DIRECT_ROWS: Final = 1_000
"""Rows of one group of requests from which on they are written as a segment at once instead of into the
active file: below it a file of their own (two syncs) costs more than the way through the log."""

RECENT_ROWS_BYTES: Final = 28 * 1024 * 1024
"""Newest spans kept for the next rollup, in the columns it needs: 400,000 (250,000 without the kernel)."""

RECENT_WHOLE_ROWS_BYTES: Final = 10 * 1024 * 1024
"""Those of them that are kept with all their columns, some 16,000: all when there are few, else a sample."""

BUSY_ROWS_PER_SECOND: Final = 20_000
"""Rows that come in as segments, above which merging small segments waits, up to MAX_SMALL_SEGMENTS of
them."""

MAX_SMALL_SEGMENTS: Final = 1_000
"""Segments of a table that may wait to be merged: more make queries slow, so then merging does not wait."""

REMEMBER_REQUESTS_SECONDS: Final = 600.0
"""How long a stored OTLP request is recognised when it is resent. SDKs and the Collector give up retrying
after 5 minutes at most, by default."""

MAX_REMEMBERED_REQUESTS: Final = 200_000
"""Stored OTLP requests that are remembered at most, about 30 MB; with more in `REMEMBER_REQUESTS_SECONDS`
the oldest are forgotten sooner."""

MAX_REMEMBERED_RESOURCES: Final = 10_000
"""Resources of which an agent knows that it wrote them within the last minute; others are written again."""

MAX_HTTP_CONNECTIONS: Final = 1_000
"""Connections to the OTLP/HTTP receiver at once; more are answered 503."""

MAX_HTTP_BODIES_BYTES: Final = 64 * 1024 * 1024
"""Bodies of OTLP/HTTP requests that are being read at once, as they arrive; more are refused as overload."""

MAX_HTTP_HEADER_BYTES: Final = 64 * 1024
"""The head of one HTTP request: request line and all headers."""

HTTP_HEADER_SECONDS: Final = 10.0
"""Time for the head of one HTTP request to arrive, from its first byte or from the connection on."""

HTTP_BODY_SECONDS: Final = 30.0
"""Time for the body of one HTTP request to arrive."""

MAX_FLEET_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""One message between agent and colony, and one answer to a query."""

MAX_QUERY_REQUEST_BYTES: Final = 256 * 1024
"""One request to a colony's query port: MAX_SQL_BYTES and its parameters fit several times. Scripts reach
this port, and what they declare to send takes memory before it is there."""

MAX_ARRIVING_QUERIES: Final = 256
"""Requests to a colony's query port that may be arriving at once, 64 MiB of them; beyond it the one that has
been arriving for the longest is given up. Honest ones arrive within milliseconds."""

QUERY_ARRIVAL_SECONDS: Final = 10.0
"""Time for one request to a colony's query port to arrive."""

MAX_QUERY_CALLS: Final = 2_000
"""Calls under way on a colony's query port, those that arrive included; more are refused as overload. Each
takes some 20 kB besides its message. One script may ask about a thousand services at once."""

MAX_ENDLESS_QUERY_CALLS: Final = 64
"""Calls under way on a colony's query port that may last for ever, which are health watches and
reflection; more are refused, so that they cannot take all of MAX_QUERY_CALLS."""

MAX_QUERY_STREAMS: Final = 4_000
"""Calls under way on one connection to a colony's query port. More than MAX_QUERY_CALLS, so that a client
with too many is told so: Deno's HTTP/2 keeps none back, and would only see its connection break."""

MAX_QUERY_CONNECTIONS: Final = 1_000
"""Connections to a colony's query port at once; more are closed. A script may open SCRIPT_OPEN_FILES."""

MAX_BATCH_BYTES: Final = 8 * 1024 * 1024
"""About how large one outbox batch gets; a rollup with more becomes several batches. One row is never
split, but no row is larger than an OTLP request, and that fits into a fleet message."""

MAX_ROLLUP_ROWS: Final = 250_000
"""Fresh rows (spans, metric points, log records) that one rollup transaction takes; it bounds memory. More
are taken in the next ones, and an agent that has as many waiting does not wait for its interval. One group of
requests is never split."""

DEFAULT_MAX_BUFFER_BYTES: Final = 1024**3
"""What may wait for the colony on an agent's disk. Beyond it exemplar spans are given up first, oldest first,
then whole batches of summaries. Summaries of 200 operations fill it in several days."""

MAX_BATCHES_IN_FLIGHT: Final = 16
"""Batches sent ahead of their acknowledgements by one agent."""

MAX_BYTES_IN_FLIGHT: Final = 16 * 1024 * 1024
"""Their size, unless it is a single one: an agent's memory does not grow when the colony is slow."""

MAX_QUESTIONS_AT_ONCE: Final = 4
"""Questions of the colony that one agent answers at the same time; more are refused as overload."""

EXEMPLAR_TRACES_PER_SERVICE: Final = 5
"""Slowest traces, and failed ones, of each service and minute whose spans go to the colony."""

MOST_SLOWEST_PER_SERVICE: Final = 4 * EXEMPLAR_TRACES_PER_SERVICE
"""The most of them: slower ones that come later in the minute are sent as well."""

EXEMPLAR_TRACES_PER_MINUTE: Final = 1_000
"""Slowest and failed traces of one agent per minute, over all services."""

SAMPLED_SPANS_PER_SECOND: Final = 100
"""About how many spans of the uniform sample of traces one agent sends; more spans are thinned by trace, by
powers of two, which the spans carry as their weight. Up to a minute's worth may come at once."""

EXEMPLAR_SPANS_PER_SECOND: Final = 300
"""Spans of chosen traces, sampled ones included, that one agent sends at most. Up to a minute's worth may
come at once."""

EXEMPLAR_SPANS_PER_TRACE: Final = 1_000
"""Spans of one trace that one agent sends; those that were left out are counted at the first that was
sent."""

EXEMPLAR_ATTRIBUTES_BYTES: Final = 16 * 1024
"""Attributes of one span, its events, and its links, as sent to the colony, each: what does not fit is left
out and counted in it. The agent keeps them whole. A stack trace fits."""

EXEMPLAR_BYTES_PER_ROLLUP: Final = 32 * 1024 * 1024
"""Attributes, events and links of the spans that one rollup sends, before compression."""

EXEMPLAR_LOOK_BACK_ROWS: Final = 100_000
"""Rows searched for older spans of a trace that is chosen now; in files only when few spans come in."""

EXEMPLAR_BUSY_ROWS: Final = 20_000
"""Fresh spans of one rollup above which only what is still in memory is searched for older ones."""

EDGE_SPANS_PER_SECOND: Final = 5_000
"""Spans that are searched for calls between services; beyond it only the traces of a sample are, whose counts
are weighted by powers of two. Up to 100,000 may come at once."""

EDGE_PENDING_SECONDS: Final = 60
"""How long a span waits for the other side of its call: SDKs send every 5 s, and retry for a minute."""

MAX_EDGES: Final = 2_000
"""Pairs of caller and callee in one rollup; the rarest ones beyond it are counted as calls to
`__overflow__`."""

MAX_APPLY_QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Rows of agents' batches that wait in a colony for its writer, in memory; streams are not read meanwhile."""

MAX_APPLY_GROUP_BYTES: Final = 16 * 1024 * 1024
"""About how many bytes of agents' batches a colony commits at once; one batch is never split."""

RECENT_ROLLUPS_BYTES: Final = 96 * 1024 * 1024
"""Histograms of the newest minutes that a colony keeps in memory for quick answers; older ones are read
from its store. 20,000 services take about 6 MB a minute."""

RECENT_ROLLUPS_MINUTES: Final = 6 * 60
"""How far back they go at most; questions about longer windows are answered from the store."""

MAX_CHUNK_BYTES: Final = 256 * 1024 * 1024
"""Rows of one table in a batch, uncompressed; MAX_BATCH_BYTES of them, compressed, take some 60 MB."""

MERGE_PIECE_ROWS: Final = 50_000
"""Rows that a colony merges at once: with 25 buckets each they take about 150 MB while they are merged."""

MERGE_MEMORY_BYTES: Final = 512 * 1024 * 1024
"""DuckDB's memory for that. One service that has more rows than MERGE_PIECE_ROWS is merged at once."""

MAX_TIER_ROWS: Final = 1_000_000
"""Rows of segments that one merge takes on; more are merged in several steps."""

MAX_WRITER_QUEUE: Final = 256
"""Jobs that may wait for the one writer of a store; more are refused as overload."""

MAX_WRITER_QUEUE_BYTES: Final = 64 * 1024 * 1024
"""Size of the rows that wait for the writer, as far as their jobs tell it; more are refused as overload. One
job alone is always taken."""

MIN_FREE_DISK_BYTES: Final = 256 * 1024 * 1024
"""Free space below which a store refuses new raw data and drops the oldest it has, so that summaries, deletes
and the database's own log still find room. On a disk of less than 5 GiB it is a twentieth of the disk."""

RESERVE_DISK_BYTES: Final = 16 * 1024 * 1024
"""A file that a store keeps to release it when the disk is full all the same: deleting needs space as well.
At most a twentieth of the disk."""

AGENT_DATABASE_MEMORY_BYTES: Final = 160 * 1024 * 1024
"""DuckDB's memory in an agent, of the 400 MB that an agent may take; what does not fit is spilled to disk."""

COLONY_DATABASE_MEMORY_BYTES: Final = 1024**3
"""DuckDB's memory in a colony."""

DATABASE_SPILL_BYTES: Final = 1024**3
"""What DuckDB may spill to the disk of its database while it works; a query that needs more fails."""

CLOCK_JUMP_SECONDS: Final = 60.0
"""A wall clock that moves by this much more or less than the monotonic clock has jumped."""

CLOCK_STABLE_SECONDS: Final = 600.0
"""How long a wall clock must have run evenly after a jump until data expire by it again."""

MAX_PAGE_SIZE: Final = 1000
"""Items per page of any list."""

MAX_PROGRAM_FUNCTIONS: Final = 200_000
"""Functions that are read of one program; a browser has about that many."""

MAX_SECTION_BYTES: Final = 512 * 1024 * 1024
"""Size of one section (symbols, debug information) of a binary, after decompression."""

MAX_SYMBOL_BYTES: Final = 16 * 1024
"""Length of a symbol; the longest that compilers make of templates are shorter."""

MAX_SOURCE_BYTES: Final = 4 * 1024 * 1024
"""Size of one Python source file; larger ones are generated data."""

MAX_SOURCE_FILES: Final = 10_000
"""Python source files that are read of one program."""

LINE_TABLE_SECONDS: Final = 8.0
"""Time spent on the line tables of one binary; functions that are not reached by then have no line."""

READ_PROGRAM_SECONDS: Final = 20.0
"""Time for reading one program as a whole; the reading process is killed after it."""

READ_PROGRAM_MEMORY_BYTES: Final = 2 * 1024**3
"""RLIMIT_AS of the process that reads a program."""

MAX_PROGRAM_ANSWER_BYTES: Final = 128 * 1024 * 1024
"""What the reading process may answer: the functions of one program."""

MAX_CACHED_PROGRAMS: Final = 16
"""Programs whose functions an agent remembers; the one that was not asked for longest is dropped first."""

MAX_PROGRAMS_PER_SERVICE: Final = 4
"""Different programs of one service on one host that are read, for example the old and the new version."""

FUNCTIONS_QUESTION_SECONDS: Final = 25.0
"""How long a colony waits for agents that look for functions; less than the 30 s of a call by the SDK."""

MAX_FUNCTION_AGENTS: Final = 16
"""Agents that are asked for the functions of a service, those that saw it last: its hosts run the same
program."""

LOGS_QUESTION_SECONDS: Final = 5.0
"""How long a colony waits for agents that look for log records."""

MAX_LOG_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""About how many bytes of log records one agent answers to one question; older ones are on the next page."""

MAX_QUESTIONS_IN_FLIGHT: Final = 64
"""Questions that a colony has open at once; more wait. With the limit above it bounds its memory."""

MAX_METRICS_CONNECTIONS: Final = 16
"""Connections to the metrics address at once; monitoring needs one or two, and each costs a thread."""

MAX_BURST_HZ: Final = 100.0
"""Host samples per second on demand: one per tick of the kernel's CPU accounting."""

MAX_BURST_SECONDS: Final = 300.0
"""How long one such burst lasts at most: 30,000 rows of some 80 bytes."""

CLOCK_SKEW_SECONDS: Final = 5.0
"""Difference between this machine's clock and its colony's above which `coral doctor` warns: telemetry of the
last minute would be looked for at a wrong time."""

DOCTOR_FREE_BYTES: Final = 256 * 1024 * 1024
"""Free space below which `coral doctor` warns: an agent or a colony then refuses new data."""
