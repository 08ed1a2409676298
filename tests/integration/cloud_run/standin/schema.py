"""Rebuild a provider's schema, in the shape of `terraform providers schema -json`, from its bindings.

Each class of the bindings is one block. A comment before every member says whether it is computed, optional
or required; the getter below it says its type; `…ToHclTerraform` says whether it is a block and how it nests;
the interface's comment lists allowed values and the default where the provider documents them.
What no binding carries: conflicts between attributes, what forces replacement, checks written in Go.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from standin.bindings import Bindings, folders_of, sources

Block = dict[str, Any]
CtyType = str | list[Any]

CLASS = re.compile(r"^export class (\w+) extends cdkt[fn]\.(\w+) \{\n(.*?)^\}", re.M | re.S)
INTERFACE = re.compile(r"^export interface (\w+)[^{\n]*\{\n(.*?)^\}", re.M | re.S)
HCL = re.compile(r"^export function (\w+)ToHclTerraform\(.*?\n(.*?)^\}", re.M | re.S)
FLAGS = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n")
SHAPE = re.compile(
    r"^ +(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+"
    r"storageClassType: \"(\w+)\"",
    re.M,
)
NESTED = re.compile(r"= new (?:cdkt[fn]\.)?(\w+)\(this, \"\w+\"(?:, (true|false))?\)")
PLAIN = re.compile(r"return ([^;]*this\.(?:get\w*Attribute|interpolationForAttribute)\('\w+'\)[^;]*);")
TYPE_NAME = re.compile(r"static readonly tfResourceType = \"([\w-]+)\"")
COMMENT = re.compile(r"/\*\*(.*?)\*/\s*readonly \w+\??:", re.S)
BASES = {"TerraformResource": "resource", "TerraformDataSource": "data", "TerraformProvider": "provider"}
SCALARS = {"String": "string", "Number": "number", "Boolean": "bool", "Any": "dynamic", "": "string"}
STORED: dict[str, CtyType] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "any": "dynamic",
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
    "booleanList": ["list", "bool"],
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
}


@dataclass(frozen=True)
class Member:
    """One member of a block: an attribute when `type` is set, else something nested of the class `nested`."""

    computed: bool
    optional: bool
    required: bool
    type: CtyType | None
    nested: str = ""
    wraps_set: bool = False


@dataclass
class Source:
    """What one folder's TypeScript says, by class."""

    bases: dict[str, str] = field(default_factory=dict)
    members: dict[str, dict[str, Member]] = field(default_factory=dict)
    shapes: dict[str, dict[str, tuple[bool, str, str]]] = field(default_factory=dict)
    comments: dict[str, dict[str, str]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)


def rebuild(bindings: Bindings, types: list[str] | None = None) -> dict[str, Any]:
    """Return the provider's schema; only of these resource and data source types when they are named.

    Raises `LookupError` naming the types that the bindings do not have.
    """
    provider: Block = {}
    resources: dict[str, Block] = {}
    data: dict[str, Block] = {}
    wanted = folders_of(bindings.provider, types) if types is not None else None
    for _, text in sources(bindings, wanted):
        source = read(text)
        for name, kind in source.types.items():
            made = {"version": 0, "block": _top_block(source, name)}
            if source.bases[name] == "TerraformProvider":
                provider = made
            elif types is None or kind in types:
                (resources if source.bases[name] == "TerraformResource" else data)[kind] = made
    missing = sorted(set(types or ()) - set(resources) - set(data))
    if missing:
        raise LookupError(f"{bindings.wheel} has no {', '.join(missing)}")
    return {
        "format_version": "1.0",
        "provider_schemas": {
            f"registry.terraform.io/hashicorp/{bindings.provider}": {
                "provider": provider,
                "resource_schemas": resources,
                "data_source_schemas": data,
            }
        },
    }


def read(text: str) -> Source:
    """Take one folder's TypeScript apart."""
    source = Source()
    for name, base, body in CLASS.findall(text):
        source.bases[name] = base
        source.members[name] = _members(body)
        own, _, synthesis = body.partition("synthesizeHclAttributes")
        source.shapes[name] = _shapes(synthesis)
        kind = TYPE_NAME.search(own)
        if kind and base in BASES:
            source.types[name] = kind[1]
    for name, body in HCL.findall(text):
        source.shapes[name[0].upper() + name[1:]] = _shapes(body)
    for name, body in INTERFACE.findall(text):
        found = {}
        for comment in COMMENT.findall(body):
            anchor = re.search(r"\{@link \S+#(\w+) ", comment)
            if anchor:
                found[anchor[1]] = re.sub(r"\s*\n\s*\*?\s*", " ", comment)
        source.comments[name] = found
    return source


def _members(body: str) -> dict[str, Member]:
    marks = list(FLAGS.finditer(body))
    members = {}
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    for mark, end in zip(marks, ends, strict=False):
        chunk = body[mark.end() : end]
        name, computed, optional, required = mark[1], *(word == "true" for word in mark.groups()[1:])
        plain, nested = PLAIN.search(chunk), NESTED.search(chunk)
        if nested:
            mapped = re.fullmatch(r"(String|Number|Boolean|Any)Map(List)?", nested[1])
            wraps_set = nested[2] == "true"
            kind: CtyType | None = ["map", SCALARS[mapped[1]]] if mapped else None
            if mapped and mapped[2]:
                kind = ["set" if wraps_set else "list", kind]
            members[name] = Member(computed, optional, required, kind, nested[1], wraps_set)
        elif plain:
            members[name] = Member(computed, optional, required, _getter(plain[1]))
        else:
            members[name] = Member(computed, optional, required, None)
    return members


def _getter(expression: str) -> CtyType:
    many = "set" if "Fn.tolist(" in expression else "list"
    if "interpolationForAttribute" in expression:
        return [many, "dynamic"] if many == "set" else "dynamic"
    found = re.search(r"this\.get(String|Number|Boolean|Any|)(List|Map|)Attribute", expression)
    assert found is not None, expression
    scalar = SCALARS[found[1]]
    return scalar if not found[2] else ["map" if found[2] == "Map" else many, scalar]


def _shapes(body: str) -> dict[str, tuple[bool, str, str]]:
    return {name: (block == "true", kind, stored) for name, block, kind, stored in SHAPE.findall(body)}


def _top_block(source: Source, name: str) -> Block:
    if source.bases[name] == "TerraformProvider":
        return _provider_block(source, source.shapes[name])
    return _block(source, name, name, f"{name}Config")


def _provider_block(source: Source, shapes: dict[str, tuple[bool, str, str]]) -> Block:
    """The provider's class has no typed getters; everything it takes is optional."""
    block: Block = {"attributes": {}, "block_types": {}}
    for name, (_, kind, stored) in shapes.items():
        if stored in STORED:
            block["attributes"][name] = {"type": _as_set(STORED[stored], kind), "optional": True}
        else:
            inner = _provider_block(source, source.shapes.get(stored.removesuffix("List"), {}))
            block["block_types"][name] = {"nesting_mode": kind, "block": inner}
    return block


def _block(source: Source, cls: str, shape: str, interface: str) -> Block:
    attributes: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    for name, member in source.members[cls].items():
        is_block, kind, _ = source.shapes.get(shape, {}).get(name, (False, "", ""))
        if member.type is not None:
            attributes[name] = _attribute(member, _as_set(member.type, kind))
            attributes[name] |= _documented(source.comments.get(interface, {}).get(name, ""), member)
        elif not member.nested:
            raise ValueError(f"{cls}.{name} has neither a type nor a class")
        elif not is_block:
            attributes[name] = _attribute(member, _nested_type(source, member))
        else:
            blocks[name] = _nested_block(source, member, kind)
    return {key: value for key, value in (("attributes", attributes), ("block_types", blocks)) if value}


def _nested_block(source: Source, member: Member, kind: str) -> Block:
    struct, _ = _struct(source, member.nested)
    block: Block = {"block": _block(source, f"{struct}OutputReference", struct, struct)}
    if kind == "struct":
        block["nesting_mode"] = "single"
    elif member.nested.endswith("OutputReference"):
        block |= {"nesting_mode": kind, "max_items": 1}
    else:
        block["nesting_mode"] = "set" if member.wraps_set else "list"
    if member.required:
        block["min_items"] = 1
    return block


def _attribute(member: Member, kind: CtyType) -> dict[str, Any]:
    flags = {"computed": member.computed, "optional": member.optional, "required": member.required}
    return {"type": kind, **{name: True for name, on in flags.items() if on}}


def _documented(comment: str, member: Member) -> dict[str, Any]:
    """Read allowed values and the default out of the provider's own description of an attribute."""
    said: dict[str, Any] = {}
    values = re.search(r"[Pp]ossible values: \[([^\]]*)\]", comment)
    if values and member.type == "string":
        said["enum"] = re.findall(r'"([^"]*)"', values[1])
    default = re.search(r"Default value: ('[^']*'|\"[^\"]*\"|true|false|-?\d+)", comment)
    if default and isinstance(member.type, str) and not member.computed:
        said["default"] = json.loads(default[1].replace("'", '"'))
    return {key: value for key, value in said.items() if value not in ([], "")}


def _struct(source: Source, cls: str) -> tuple[str, str]:
    suffix = {"ComplexObject": "OutputReference", "ComplexList": "List", "ComplexMap": "Map"}[
        source.bases[cls]
    ]
    return cls.removesuffix(suffix), suffix


def _nested_type(source: Source, member: Member) -> CtyType:
    struct, suffix = _struct(source, member.nested)
    inner: dict[str, CtyType] = {}
    for name, part in source.members[f"{struct}OutputReference"].items():
        inner[name] = part.type if part.type is not None else _nested_type(source, part)
    if suffix == "OutputReference":
        return ["object", inner]
    return ["map" if suffix == "Map" else "set" if member.wraps_set else "list", ["object", inner]]


def _as_set(kind: CtyType, shape: str) -> CtyType:
    return ["set", kind[1]] if shape == "set" and isinstance(kind, list) and kind[0] == "list" else kind
