"""The page of the HTTP contract, written from its OpenAPI definition."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

SOURCE = Path("common/api/openapi.yaml")
SAFE = {"|": "\\|", "<": "&lt;", "\n": " "}


def page(root: Path) -> str:
    """Write the page."""
    document = yaml.safe_load((root / SOURCE).read_text(encoding="utf-8"))
    lines = [
        "# The HTTP API", "", document["info"]["description"], "",
        "A running server shows the same at `/docs`, where it sends real requests, and gives the definition",
        "at `/openapi.json`. The rules behind it are in [the request contract](contract.md).",
    ]  # fmt: skip
    lines += ["", "## Keys", ""]
    for scheme in document["components"]["securitySchemes"].values():
        where = f"header `{scheme['name']}`" if "name" in scheme else f"`Authorization: {scheme['scheme']}`"
        lines.append(f"* {where}: {flat(scheme.get('description', 'the same key'))}")
    for tag in document["tags"]:
        lines += ["", f"## {tag['name']}", "", tag["description"]]
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation.get("tags", []):
                    lines += ["", *_operation(document, f"{method.upper()} {path}", operation)]
    lines += ["", "## Objects"]
    for name, schema in document["components"]["schemas"].items():
        lines += ["", *_object(name, schema)]
    return "\n".join(lines) + "\n"


def _operation(document: Any, name: str, operation: Any) -> Iterator[str]:
    yield from (f"### `{name}`", "", operation["summary"] + ".")
    if "description" in operation:
        yield from ("", operation["description"].strip())
    if operation.get("security") == []:
        yield from ("", "It asks for no key.")
    if parameters := [resolved(document, each) for each in operation.get("parameters", [])]:
        yield from ("", "| parameter | in | type | meaning |", "| --- | --- | --- | --- |")
        for each in parameters:
            needed = ", required" if each.get("required") else ""
            meaning = flat(each.get("description", ""))
            yield f"| `{each['name']}` | {each['in']} | {kind(each['schema'])}{needed} | {meaning} |"
    body = resolved(document, operation.get("requestBody", {}))
    if body:
        yield from ("", "Body:", "", *_content(body["content"]))
    yield from ("", "| answer | what | as |", "| --- | --- | --- |")
    for status, answer in operation["responses"].items():
        answer = resolved(document, answer)
        media = "; ".join(f"`{name}`: {kind(each['schema'])}" for name, each in answer["content"].items())
        code = "otherwise" if status == "default" else status
        yield f"| {code} | {flat(answer['description'])} | {media} |"


def _content(content: Any) -> Iterator[str]:
    for media, each in content.items():
        yield f"* `{media}`: {kind(each['schema'])}"
        if "example" in each:
            example = each["example"]
            text = example if isinstance(example, str) else json.dumps(example)
            yield from ("", "  ```text", *(f"  {line}" for line in text.splitlines()), "  ```", "")


def _object(name: str, schema: Any) -> Iterator[str]:
    yield from (f"### {name}", "", f"({name.lower()})=")
    if "description" in schema:
        yield from ("", schema["description"].strip())
    if "properties" not in schema:
        yield from ("", f"One of {kind(schema)}." if "enum" in schema else f"{kind(schema)}.")
    else:
        required = schema.get("required", [])
        yield from ("", "| member | type | meaning |", "| --- | --- | --- |")
        for member, each in schema["properties"].items():
            needed = ", required" if member in required else ""
            yield f"| `{member}` | {kind(each)}{needed} | {flat(each.get('description', ''))} |"
    for example in schema.get("examples", []):
        yield from ("", "```json", json.dumps(example, indent=2, ensure_ascii=False), "```")


def resolved(document: Any, part: Any) -> Any:
    """Follow a reference."""
    if "$ref" not in part:
        return part
    for key in part["$ref"].removeprefix("#/").split("/"):
        document = document[key]
    return document


def kind(schema: Any) -> str:
    """Say in words what a schema takes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(kind(each) for each in schema[word])
    given = schema.get("type", "anything")
    if given == "array":
        return f"array of {kind(schema['items'])}" if "items" in schema else "array"
    if schema.get("contentEncoding") == "binary":
        return "bytes"
    return " or ".join(given) if isinstance(given, list) else str(given)


def flat(text: str) -> str:
    """Write a text so that a cell of a table holds it."""
    for found, instead in SAFE.items():
        text = text.strip().replace(found, instead)
    return text
