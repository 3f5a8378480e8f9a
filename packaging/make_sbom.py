"""Writes the bill of materials (CycloneDX 1.6, JSON) of one wheel or of a whole release.

In a wheel it lies in `.dist-info/sboms` (PEP 770) and lists what is inside. The one of a release lists that
of all wheels and the Python packages that pip installs beside them. Also writes the licences of the bundled
npm packages. The same bytes every time.
"""

from __future__ import annotations

import argparse
import datetime
import tomllib
import uuid
from collections.abc import Iterable
from pathlib import Path

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from parts import Part, bundled_parts, deno_part, python_parts

_SCHEMA = SchemaVersion.V1_6


def bill_of_materials(version: str, platform: str, parts: Iterable[Part], epoch: int) -> str:
    """The bill as JSON text, valid by the schema.

    Args:
        version: Coral's.
        platform: The wheel's platform tag, or "" for a release.
        parts: What others wrote.
        epoch: Its time, in seconds since 1970.

    Raises:
        ValueError: The text is not valid by CycloneDX's schema.
    """
    licences = LicenseFactory()
    coral = Component(
        name="coral",
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"pkg:pypi/coral@{version}",
        purl=PackageURL("pypi", None, "coral", version),
        licenses=[licences.make_from_string("Apache-2.0")],
        properties=[Property(name="coral:wheel", value=platform)] if platform else [],
    )
    components = [_component(part, licences) for part in parts]
    # The number of a bill follows from what is in it: random ones would differ from build to build.
    contents = "\n".join(sorted(f"{component.bom_ref.value}" for component in components))
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"coral {version} {platform} {epoch}\n{contents}"),
        metadata=BomMetaData(
            component=coral, timestamp=datetime.datetime.fromtimestamp(epoch, datetime.UTC), tools=[]
        ),
        components=components,
    )
    bom.register_dependency(coral, components)
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    check(text)
    return text + "\n"


def check(text: str) -> None:
    """Holds a bill against CycloneDX's own schema.

    Raises:
        ValueError: It is not valid.
    """
    error = JsonStrictValidator(_SCHEMA).validate_str(text)
    if error is not None:
        raise ValueError(f"the bill of materials is not valid: {error}")


def _component(part: Part, licences: LicenseFactory) -> Component:
    if part.kind == "npm":
        namespace, _, name = part.name.rpartition("/")
        purl = PackageURL("npm", namespace or None, name, part.version)
    else:
        purl = PackageURL("pypi", None, part.name, part.version)
    properties = []
    if part.place:
        properties.append(Property(name="coral:place", value=part.place))
    if part.platform:
        properties.append(Property(name="coral:wheel", value=part.platform))
    if part.kind == "deno":
        properties.append(
            Property(name="coral:contents", value="V8 and Rust libraries, which Deno does not list")
        )
    return Component(
        name=part.name,
        version=part.version,
        type=ComponentType.PLATFORM if part.kind == "deno" else ComponentType.LIBRARY,
        bom_ref="#".join(filter(None, [purl.to_string(), part.place, part.platform])),
        purl=purl,
        scope=ComponentScope.REQUIRED,
        licenses=[licences.make_from_string(part.licence)],
        hashes=[] if part.digest is None else [HashTypeFactory().from_hashlib_alg(*part.digest)],
        properties=properties,
    )


def _notices(parts: Iterable[Part]) -> str:
    blocks = [
        f"{part.name} {part.version} (in {part.place}): {part.licence}\n\n{part.text}".strip()
        for part in parts
    ]
    rule = f"\n\n{'-' * 80}\n\n"
    head = "npm packages in this wheel. Coral's own LICENSE is the text of Apache-2.0."
    return f"{head}{rule}{rule.join(blocks)}\n"


def main() -> None:
    """Reads the arguments and writes the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True, help="of Coral")
    parser.add_argument("--epoch", type=int, required=True, help="seconds since 1970")
    parser.add_argument("--sdk", type=Path, required=True, help="the folder coral/_sdk")
    parser.add_argument("--npm-lock", type=Path, required=True, help="package-lock.json")
    parser.add_argument("--deno", action="append", nargs=2, metavar=("PLATFORM", "ARCHIVE"), required=True)
    parser.add_argument("--python", nargs=3, type=Path, metavar=("PYPROJECT", "LOCK", "ALLOWED"))
    parser.add_argument("--out", type=Path, required=True, help="the bill to write")
    parser.add_argument("--licences", type=Path, help="the texts of licences to write")
    options = parser.parse_args()
    bundled = bundled_parts(options.sdk, options.npm_lock)
    parts = bundled + [deno_part(Path(archive), platform) for platform, archive in options.deno]
    if options.python:
        pyproject, lock, allowed = options.python
        known = tomllib.loads(allowed.read_text(encoding="utf-8"))["known"]
        parts += python_parts(pyproject, lock, known)
    platform = options.deno[0][0] if len(options.deno) == 1 else ""
    text = bill_of_materials(options.version, platform, parts, options.epoch)
    options.out.write_text(text, encoding="utf-8")
    if options.licences:
        options.licences.write_text(_notices(bundled), encoding="utf-8")


if __name__ == "__main__":
    main()
