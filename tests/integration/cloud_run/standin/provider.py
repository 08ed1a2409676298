"""The provider process: plugin protocol 6 over a rebuilt schema; runs in an environment with `tf`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import tf.provider  # type: ignore[import-not-found, unused-ignore]
from tf import runner
from tf.gen import tfplugin_pb2 as pb  # type: ignore[import-not-found, unused-ignore]
from tf.gen import tfplugin_pb2_grpc as rpc

from standin import cloud
from standin.ledger import Ledger
from standin.rules import check
from standin.storage import RefusedError
from standin.unknown import UNKNOWN, decode, encode
from standin.values import SENSITIVE, answered, immutable, planned

NESTING = {mode: getattr(pb.Schema.NestedBlock, mode.upper()) for mode in ("single", "list", "set", "map")}
NOTICE = "This is a stand-in for hashicorp/google, made for tests: nothing is created in Google Cloud."


def read(packed: Any) -> Any:
    """Return the value of a message from Terraform."""
    if packed.json:
        return json.loads(packed.json)
    return decode(packed.msgpack) if packed.msgpack else None


def write(value: Any) -> Any:
    """Return a message for Terraform with the value."""
    return pb.DynamicValue(msgpack=encode(value))


def refusal(summary: str, detail: str = "", path: tuple[str | int, ...] = ()) -> Any:
    """Return an error for Terraform to show, at its place in the configuration."""
    steps = [
        pb.AttributePath.Step(**{"attribute_name" if isinstance(step, str) else "element_key_int": step})
        for step in path
    ]
    where = pb.AttributePath(steps=steps) if steps else None
    return pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail, attribute=where)


def described(kind: str, block: dict[str, Any]) -> Any:
    """Return a block of the schema as Terraform wants to be told."""
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=json.dumps(one["type"]).encode(),
            sensitive=f"{kind}.{name}" in SENSITIVE,
            **{flag: True for flag in ("required", "optional", "computed") if one.get(flag)},
        )
        for name, one in block.get("attributes", {}).items()
    ]
    blocks = [
        pb.Schema.NestedBlock(
            type_name=name,
            nesting=NESTING[one["nesting_mode"]],
            block=described("", one["block"]),
            **{limit: one[limit] for limit in ("min_items", "max_items") if limit in one},
        )
        for name, one in block.get("block_types", {}).items()
    ]
    return pb.Schema.Block(attributes=attributes, block_types=blocks)


class Servicer(rpc.ProviderServicer):  # type: ignore[misc, unused-ignore]
    """What Terraform calls; the names are the protocol's."""

    def __init__(self, schema: dict[str, Any], ledger: Ledger) -> None:
        (self.schema,) = schema["provider_schemas"].values()
        self.ledger = ledger
        self.provider: dict[str, Any] = {}

    def _block(self, kind: str) -> dict[str, Any]:
        block: dict[str, Any] = self.schema["resource_schemas"][kind]["block"]
        return block

    def GetMetadata(self, request: Any, context: Any) -> Any:
        return pb.GetMetadata.Response(server_capabilities=pb.ServerCapabilities())

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        def schemas(kinds: dict[str, Any]) -> dict[str, Any]:
            return {
                kind: pb.Schema(version=0, block=described(kind, one["block"])) for kind, one in kinds.items()
            }

        return pb.GetProviderSchema.Response(
            provider=pb.Schema(version=0, block=described("", self.schema["provider"]["block"])),
            resource_schemas=schemas(self.schema["resource_schemas"]),
            data_source_schemas=schemas(self.schema["data_source_schemas"]),
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        config = read(request.config) or {}
        self.provider = {name: value for name, value in config.items() if isinstance(value, str)}
        notice = pb.Diagnostic(severity=pb.Diagnostic.WARNING, summary=NOTICE)
        return pb.ConfigureProvider.Response(diagnostics=[notice])

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        found = check(request.type_name, self._block(request.type_name), read(request.config))
        return pb.ValidateResourceConfig.Response(
            diagnostics=[refusal(one.summary, one.detail, one.path) for one in found]
        )

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request: Any, context: Any) -> Any:
        there = cloud.exists(self.ledger, request.type_name, read(request.current_state))
        return pb.ReadResource.Response(new_state=request.current_state if there else write(None))

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        kind, prior = request.type_name, read(request.prior_state)
        value, config = read(request.proposed_new_state), read(request.config)
        if value is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        planned(kind, self._block(kind), value, config, prior)
        replaced = [] if prior is None else [
            pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])
            for name in value
            if immutable(kind, name) and prior.get(name) != value[name] and config.get(name) is not None
        ]  # fmt: skip
        return pb.PlanResourceChange.Response(
            planned_state=write(value), requires_replace=replaced, legacy_type_system=True
        )

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        kind, prior, value = request.type_name, read(request.prior_state), read(request.planned_state)

        def settle(chosen: dict[str, Any]) -> dict[str, Any]:
            return answered(kind, self._block(kind), chosen, self.provider)

        try:
            if value is None:
                cloud.delete(self.ledger, kind, prior)
            elif prior is None:
                value = cloud.create(self.ledger, kind, value, settle)
            else:
                value = cloud.update(self.ledger, kind, prior, settle(value))
        except RefusedError as error:
            return pb.ApplyResourceChange.Response(
                new_state=request.prior_state, diagnostics=[refusal(str(error))]
            )
        return pb.ApplyResourceChange.Response(new_state=write(value), legacy_type_system=True)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        kind, value = request.type_name, read(request.config)
        block = self.schema["data_source_schemas"][kind]["block"]
        for name, one in block.get("attributes", {}).items():
            if value.get(name) is None and one.get("computed"):
                value[name] = UNKNOWN
        return pb.ReadDataSource.Response(state=write(answered(kind, block, value, self.provider)))

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


class _Named:
    """What `tf` wants to know of a provider when it is not started by Terraform."""

    def full_name(self) -> str:
        return "registry.terraform.io/hashicorp/google"


def main() -> None:
    """Serve until Terraform stops the process."""
    schema = json.loads(Path(os.environ["STANDIN_SCHEMA"]).read_text())
    servicer = Servicer(schema, Ledger(Path(os.environ["STANDIN_LEDGER"])))
    tf.provider.ProviderServicer = lambda named: servicer
    runner.run_provider(_Named(), sys.argv)


if __name__ == "__main__":
    main()
