"""Takes the values out of answers that the caller of the moment may not see."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from coral._proto.colony.v1 import query_pb2 as pb
from coral.errors import ConfigError
from coral.model.redaction import Redaction
from coral.serve.tokens import current_caller


class Redactor:
    """A policy, applied to who calls now. From any thread that has the call's context."""

    def __init__(self, redaction: Redaction | None = None) -> None:
        """Checks the policy.

        Args:
            redaction: What is taken out; None for nothing.

        Raises:
            ConfigError: Its names together are too much for RE2.
        """
        self._redaction = redaction if redaction is not None and redaction.names else None
        try:
            redacted(["{}"], self._redaction, always=True)
        except pa.ArrowInvalid as error:
            raise ConfigError(
                f"the names of redact make no expression that can be searched for: {error}",
                hint="use fewer or shorter names",
            ) from None

    def current(self) -> Redaction | None:
        """What the caller of the moment may not see; None where that is nothing."""
        return None if current_caller().raw_attributes else self._redaction

    def texts(self, texts: Sequence[str]) -> list[str]:
        """Texts as the caller of the moment may see them."""
        return redacted(texts, self.current())


def redacted(texts: Sequence[str], redaction: Redaction | None, *, always: bool = False) -> list[str]:
    """Texts without the values of a policy.

    Args:
        texts: JSON, or any text.
        redaction: The policy; None leaves them as they are.
        always: Whether every step is taken even if nothing can be found.
    """
    if redaction is None or not redaction.names or not texts:
        return list(texts)
    array = pa.array(texts, pa.large_string())
    if not always and not pc.any(pc.match_substring_regex(array, redaction.hint)).as_py():
        return list(texts)
    for step in redaction.steps:
        array = pc.replace_substring_regex(array, step.pattern, step.replacement)
    found: list[str] = array.to_pylist()
    return found


def redact_logs(answer: pb.QueryLogsResponse, redaction: Redaction | None, contains: str) -> None:
    """Takes values out of log records, and then records whose text no longer holds what was asked for.

    An agent does that itself; one of an older version does not know of it.
    """
    if redaction is None:
        return
    bodies = redacted([record.body for record in answer.records], redaction)
    attributes = redacted([record.attributes_json for record in answer.records], redaction)
    kept = []
    for record, body, text in zip(answer.records, bodies, attributes, strict=True):
        if contains.lower() in body.lower():
            record.body, record.attributes_json = body, text
            kept.append(record)
    if len(kept) < len(bodies):
        del answer.records[:]
        answer.records.extend(kept)
