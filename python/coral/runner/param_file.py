"""Parameters from a file: `--param-file f.json` or `f.yaml`."""

from __future__ import annotations

from coral.config import fast_json
from coral.errors import UsageError
from coral.script_limits import MAX_PARAM_FILE_BYTES

_HINT = 'the file holds one object, for example {"threshold": 500, "service": "payments"}'


def read_param_file(path: str) -> dict[str, object]:
    """Reads a file of parameters.

    Args:
        path: A file that ends in `.json`, `.yaml` or `.yml`.

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
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_PARAM_FILE_BYTES + 1)
        text = raw.decode()
    except OSError as error:
        raise UsageError(
            f"the parameter file {path} cannot be read: {error.strerror}", hint="is --param-file right?"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the parameter file {path} is not UTF-8: {error}", hint=_HINT) from None
    if len(raw) > MAX_PARAM_FILE_BYTES:
        raise UsageError(
            f"the parameter file {path} is larger than {MAX_PARAM_FILE_BYTES >> 10} KiB",
            hint="a script can read a file of data that lies beside it",
        )
    try:
        value = _yaml(text) if is_yaml else fast_json.loads(text)
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError("expected an object with names")
        fast_json.dumps(value)  # YAML knows dates and binary, which a script cannot get
    except (ValueError, TypeError, RecursionError) as error:
        raise UsageError(f"the parameter file {path} cannot be used: {error}", hint=_HINT) from None
    return value


def _yaml(text: str) -> object:
    import yaml

    try:
        value: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return value
