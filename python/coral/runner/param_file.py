"""Parameters from a file: `--param-file f.json` or `f.yaml`."""

from __future__ import annotations

from coral.config import fast_json
from coral.config.bounded_file import read_bounded
from coral.errors import UsageError
from coral.script_limits import MAX_PARAM_FILE_BYTES, MAX_PARAM_NESTING

_HINT = 'the file holds one object, for example {"threshold": 500, "service": "payments"}'


def read_param_file(path: str) -> dict[str, object]:
    """Reads a file of parameters.

    Args:
        path: A file that ends in `.json`, `.yaml` or `.yml`; it may be a named pipe.

    Returns:
        Values by name: what JSON can hold.

    Raises:
        UsageError: It cannot be read, or holds something else.
    """
    is_yaml = path.endswith((".yaml", ".yml"))
    if not is_yaml and not path.endswith(".json"):
        raise UsageError(
            f"the parameter file {path} ends neither in .json nor in .yaml",
            hint="rename it, or use -p NAME=VALUE",
        )
    text = read_bounded(
        path,
        f"the parameter file {path}",
        most_bytes=MAX_PARAM_FILE_BYTES,
        hint="is --param-file right?",
        large_hint="a script can read a file of data that lies beside it",
        pipes=True,
        error=UsageError,
    )
    try:
        value = _yaml(text) if is_yaml else _json(text)
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError("expected an object with names")
        fast_json.dumps(value)  # YAML knows dates and binary, which a script cannot get
    except (ValueError, TypeError) as error:
        raise UsageError(f"the parameter file {path} cannot be used: {error}", hint=_HINT) from None
    return value


def _json(text: str) -> object:
    try:
        value = fast_json.loads(text)
    except RecursionError:
        value = None
    else:
        if not fast_json.is_deeper(value, MAX_PARAM_NESTING):
            return value
    raise ValueError(f"nested deeper than {MAX_PARAM_NESTING} levels")


def _yaml(text: str) -> object:
    from coral.config.bounded_yaml import load_yaml

    value: object = load_yaml(text, nesting=MAX_PARAM_NESTING)
    return value
