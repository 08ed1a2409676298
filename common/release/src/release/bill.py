"""The bill of materials: what a release consists of and what that needs, as CycloneDX has it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from deployment import vendor
from packageurl import PackageURL
from scoring.problem import Problem

from release.checkout import Checkout
from release.dependency import Dependencies, Dependency
from release.project import Project

NAME: Final = "sbom.cdx.json"
_NAME: Final = "lightgbm-scoring-templates"
_LICENCE: Final = "Apache-2.0"


@dataclass(frozen=True)
class Made:
    """A file of the release, the project that it is of, and our distributions that are inside."""

    path: Path
    project: Project
    holds: tuple[str, ...] = ()


def bill(checkout: Checkout, made: Sequence[Made], dependencies: Dependencies) -> str:
    """Return the document; the same release gives the same one. Raises Problem if it is not valid.

    Files of the release come with their digests, and what they need at run time with the version that was
    tested; the digests of those are the index's affair.
    """
    whole = Component(
        name=_NAME, version=checkout.version, type=ComponentType.APPLICATION, bom_ref=_NAME,
        licenses=[_licence(_LICENCE)],
    )  # fmt: skip
    bom = Bom(
        version=1,
        serial_number=uuid5(
            NAMESPACE_URL, "\n".join(f"{_digest(each.path)} {each.path.name}" for each in made)
        ),
    )
    bom.metadata.component = whole
    bom.metadata.timestamp = datetime.fromtimestamp(checkout.moment, UTC)
    for name, version in vendor.tools().items():
        bom.metadata.tools.components.add(
            Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"tool:{name}")
        )
    others = {each.name: _other(each) for each in dependencies.installed}
    files = {each.path.name: _file(each, checkout) for each in made}
    for component in (*others.values(), *files.values()):
        bom.components.add(component)
    wheels: dict[str, list[Component]] = {}
    for each in made:
        if each.path.suffix == ".whl":
            wheels.setdefault(each.project.name, []).append(files[each.path.name])
    for dependency in dependencies.installed:
        bom.register_dependency(others[dependency.name], _named(others, dependency.needs))
    for each in made:
        own = [
            component
            for name in (*each.holds, *(need.name for need in each.project.requirements))
            for component in wheels.get(name, ())
        ]
        needs = [*own, *_named(others, dependencies.of(each.project))]
        bom.register_dependency(files[each.path.name], _once(needs))
    bom.register_dependency(whole, files.values())
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    _check(text)
    return text + "\n"


def _check(text: str) -> None:
    faults = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if faults is not None:
        detail = f"The bill of materials is no valid CycloneDX: {str(faults)[:500]}"
        raise Problem("bill_invalid", 500, detail, "Report this: what was written is not what was meant.")


def _file(made: Made, checkout: Checkout) -> Component:
    archive = made.path.suffix != ".whl"
    name, version = made.project.name, made.project.version
    about = {} if checkout.commit is None else {"release:commit": checkout.commit}
    return Component(
        name=name,
        version=version,
        type=ComponentType.APPLICATION if archive else ComponentType.LIBRARY,
        bom_ref=made.path.name,
        purl=PackageURL("generic" if archive else "pypi", None, name, version, {"file_name": made.path.name}),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=_digest(made.path))],
        licenses=[_licence(_LICENCE)],
        properties=[Property(name=key, value=value) for key, value in about.items()],
    )


def _other(dependency: Dependency) -> Component:
    purl = PackageURL("pypi", None, dependency.name, dependency.version)
    pages = [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(dependency.home))]
    return Component(
        name=dependency.name,
        version=dependency.version,
        type=ComponentType.LIBRARY,
        bom_ref=purl.to_string(),
        purl=purl,
        licenses=[_licence(dependency.licence)] if dependency.licence else [],
        scope=ComponentScope.OPTIONAL if dependency.optional else ComponentScope.REQUIRED,
        external_references=pages if dependency.home else [],
    )


def _licence(text: str) -> License:
    """Make a licence of one identifier or of an expression, as its holder declares it."""
    declared = LicenseAcknowledgement.DECLARED
    return LicenseFactory().make_from_string(text, license_acknowledgement=declared)


def _named(others: Mapping[str, Component], names: Iterable[str]) -> list[Component]:
    return [others[name] for name in names if name in others]


def _once(components: Iterable[Component]) -> list[Component]:
    return list({component.bom_ref.value: component for component in components}.values())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
