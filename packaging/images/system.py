"""The lowest layer: Python, the C library and what programs find in /etc, of the fetched Debian packages.

No shell, no package manager: only programs and libraries that Coral needs, found by reading its binaries.
Debian's maintainer scripts did not run, so what they would have made of certificates and users is made here.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment
from entries import USER, Entries, Entry, directory, text

_KEPT = re.compile(
    r"usr/bin/python3(\.\d+)?$"
    r"|usr/lib/python3(\.\d+)?/"
    r"|etc/(debian_version|host\.conf|mime\.types|os-release|protocols|python3\.\d+|services)(/|$)"
    r"|usr/lib/os-release$"
    r"|usr/share/(common-licenses|zoneinfo)/"
    r"|usr/share/doc/[^/]+/copyright$"
    r"|var/lib/dpkg/status\.d/"
)
# Modules that nothing of ours imports. readline is also the one library under the GPL without an exception.
_UNUSED = re.compile(
    r"usr/lib/python3\.\d+/(test|idlelib|lib2to3|pydoc_data|tkinter|turtledemo|ensurepip|curses)/"
    r"|usr/lib/python3\.\d+/lib-dynload/"
    r"(readline|nis|ossaudiodev|audioop|_curses\w*|_crypt|_dbm|_gdbm|_test\w*|_xx\w+|_ctypes_test|xx\w+)\."
    r"|usr/share/zoneinfo/(posix|right)/"
)
_LIBRARIES = re.compile(r"(usr/)?lib(64)?/[^/]+(/[^/]+)?\.so(\.[\w.]+)?$")
_LOADED_BY_NAME = ("libnss_dns.so.2", "libnss_files.so.2", "libgcc_s.so.1", "libstdc++.so.6")

_PASSWD = f"""\
root:x:0:0:root:/:/none
coral:x:{USER}:{USER}:Coral:/home/coral:/none
nobody:x:65534:65534:nobody:/:/none
"""


def python_version(base: Mapping[str, Entry]) -> str:
    """Python's, such as 3.11."""
    (version,) = {found[1] for name in base if (found := re.match(r"usr/lib/python(3\.\d+)/os\.py$", name))}
    return version


def system(base: Entries, above: Entries) -> Entries:
    """The layer.

    Args:
        base: What was fetched.
        above: What other layers have: the libraries that their binaries need must be here, or there.

    Raises:
        ValueError: A library that something needs is nowhere.
    """
    kept = {name: entry for name, entry in base.items() if _KEPT.match(name) and not _UNUSED.match(name)}
    kept |= _needed_libraries(base, kept | above)
    authorities = sorted(name for name in base if name.startswith("usr/share/ca-certificates/"))
    bundle = b"".join(base[name].data or b"" for name in authorities)
    kept |= {
        "etc/passwd": text(_PASSWD),
        "etc/group": text(f"root:x:0:\ncoral:x:{USER}:\nnogroup:x:65534:\n"),
        "etc/nsswitch.conf": text("passwd: files\ngroup: files\nhosts: files dns\n"),
        "etc/ssl/certs/ca-certificates.crt": Entry(0o644, data=bundle),
        "usr/lib/ssl/cert.pem": Entry(0o777, link="/etc/ssl/certs/ca-certificates.crt"),
        "usr/lib/ssl/certs": Entry(0o777, link="/etc/ssl/certs"),
        "home/coral": directory(0o755, USER),
        "proc": directory(0o555),
        "sys": directory(0o555),
        "dev": directory(),
        "run": directory(),
        "tmp": directory(0o1777),
        "var/tmp": directory(0o1777),
    }
    # Newer Debians have links to /usr/lib there.
    return kept | {name: base[name] for name in ("lib", "lib64") if name in base and base[name].link}


def _needed_libraries(base: Entries, users: Entries) -> Entries:
    """Libraries that the users' binaries need, directly or not, with the symbolic links that lead to them."""
    here: dict[str, list[str]] = {}
    for name in base:
        if _LIBRARIES.match(name):
            here.setdefault(PurePosixPath(name).name, []).append(name)
    brought = {PurePosixPath(name).name for name in users}
    found: Entries = {}
    waiting = [(name, "the C library") for name in _LOADED_BY_NAME]
    waiting += [(needed, name) for name, entry in users.items() for needed in _needs(entry.data or b"")]
    while waiting:
        library, user = waiting.pop()
        if library not in here and library not in brought:
            raise ValueError(f"{user} needs {library}, which no layer has")
        for name in here.get(library, []):
            if name in found:
                continue
            entry = found[name] = base[name]
            if entry.link is not None:
                waiting.append((PurePosixPath(entry.link).name, name))
            waiting += [(needed, name) for needed in _needs(entry.data or b"")]
    return found


def _needs(data: bytes) -> list[str]:
    """The libraries and the loader that a binary names; none of what is no binary."""
    if not data.startswith(b"\x7fELF"):
        return []
    try:
        file = ELFFile(io.BytesIO(data))
        parts = list(file.iter_segments())
        dynamic = [part for part in parts if isinstance(part, DynamicSegment)]
        tags = [tag for part in dynamic for tag in part.iter_tags("DT_NEEDED")]
        names = [str(tag.needed) for tag in tags]  # type: ignore[attr-defined]
        loaders = [part.get_interp_name() for part in parts if isinstance(part, InterpSegment)]
    except ELFError as error:
        raise ValueError(f"a binary cannot be read: {error}") from error
    return names + [PurePosixPath(loader).name for loader in loaders]
