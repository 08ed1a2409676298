"""Is the rebuilt schema the provider's? Where the provider itself is at hand, they are compared."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import mirror
from standin.bindings import AWS, GOOGLE
from standin.cache import OutOfReachError
from standin.schema import rebuild

Block = dict[str, Any]


@pytest.fixture(scope="module")
def real_aws(terraform_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Block:
    """The schema as the AWS provider tells it: the one provider that is on this disk."""
    folder = tmp_path_factory.mktemp("aws")
    (folder / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = {\n      source  = "hashicorp/aws"\n'
        f'      version = "{AWS.version}"\n    }}\n  }}\n}}\n'
    )
    given = {"cwd": folder, "env": terraform_environment, "capture_output": True, "text": True}
    done = subprocess.run(["terraform", "init", "-input=false", "-no-color"], **given)  # type: ignore[call-overload]
    if done.returncode:
        pytest.skip(f"the AWS provider {AWS.version} is not at hand, so there is nothing to compare with")
    told = subprocess.run(["terraform", "providers", "schema", "-json"], **given, check=True)  # type: ignore[call-overload]
    schema: Block = json.loads(told.stdout)["provider_schemas"]["registry.terraform.io/hashicorp/aws"]
    return schema


def differences(where: str, mine: Block, real: Block) -> Iterator[tuple[str, str]]:
    """Yield (what, where) for everything compared, what = "attribute" or "block" if it is alike."""
    attributes, blocks = mine.get("attributes", {}), mine.get("block_types", {})
    for name, one in real.get("attributes", {}).items():
        here = f"{where}.{name}"
        if name not in attributes:
            yield ("attribute or block" if name in blocks else "missing attribute"), here
            continue
        yield "attribute", here
        for flag in ("required", "optional", "computed"):
            if bool(one.get(flag)) != bool(attributes[name].get(flag)):
                yield f"wrong {flag}", here
        if one.get("type") != attributes[name]["type"]:
            yield "wrong type", here
    for name, one in real.get("block_types", {}).items():
        here = f"{where}.{name}"
        if name not in blocks:
            yield "missing block", here
            continue
        yield "block", here
        if one["nesting_mode"] != blocks[name]["nesting_mode"]:
            yield "wrong nesting", here
        if bool(one.get("min_items")) != bool(blocks[name].get("min_items")):
            yield "wrong min_items", here
        if (one.get("max_items") == 1) != (blocks[name].get("max_items") == 1):
            yield "wrong max_items", here
        yield from differences(here, blocks[name]["block"], one["block"])
    for name in set(attributes) - set(real.get("attributes", {})) - set(real.get("block_types", {})):
        yield "invented attribute", f"{where}.{name}"
    for name in set(blocks) - set(real.get("attributes", {})) - set(real.get("block_types", {})):
        yield "invented block", f"{where}.{name}"


def test_rebuilding_a_provider_that_is_here_gives_its_own_schema(
    real_aws: Block, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        (mine,) = rebuild(AWS)["provider_schemas"].values()
    except OutOfReachError as error:
        pytest.skip(f"the bindings of the AWS provider cannot be had: {error}")

    found: Counter[str] = Counter()
    for kind in ("resource_schemas", "data_source_schemas"):
        assert set(mine[kind]) == set(real_aws[kind])
        for name, one in real_aws[kind].items():
            found.update(what for what, _ in differences(name, mine[kind][name]["block"], one["block"]))

    with capsys.disabled():
        print(f"\nthe rebuilt schema of AWS {AWS.version} beside its own: {dict(found.most_common())}")
    assert found["attribute"] > 30_000
    assert found["block"] > 5_000
    wrong = {what: found[what] for what in found if what.startswith(("wrong", "invented"))}
    assert wrong.pop("wrong type") <= 6, "types that are maps or lists of maps, and one that refers to itself"
    assert wrong.pop("wrong min_items", 0) <= 6
    assert not {what for what in wrong if what in ("wrong required", "wrong optional", "wrong computed")}
    assert not wrong, wrong
    assert found["missing attribute"] + found["missing block"] + found["attribute or block"] < 50


@pytest.mark.parametrize("version", GOOGLE)
def test_google_s_schema_holds_all_that_the_recipe_uses(version: str, root: Path) -> None:
    try:
        (schemas,) = json.loads(mirror.schema(version).read_text())["provider_schemas"].values()
    except OutOfReachError as error:
        pytest.skip(f"the schema of Google's provider {version} cannot be had: {error}")
    service = schemas["resource_schemas"]["google_cloud_run_v2_service"]["block"]

    assert set(mirror.TYPES) == set(schemas["resource_schemas"]) | set(schemas["data_source_schemas"])
    assert service["attributes"]["name"] == {"type": "string", "required": True}
    assert service["attributes"]["location"] == {"type": "string", "required": True}
    assert service["attributes"]["project"] == {"type": "string", "computed": True, "optional": True}
    assert service["attributes"]["uri"] == {"type": "string", "computed": True}
    assert "INGRESS_TRAFFIC_INTERNAL_ONLY" in service["attributes"]["ingress"]["enum"]
    assert service["block_types"]["template"]["min_items"] == 1
    assert service["block_types"]["template"]["max_items"] == 1
