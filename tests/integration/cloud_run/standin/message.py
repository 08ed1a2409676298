"""Turn planned services into the Cloud Run API's own message, strictly. Runs beside `google-cloud-run`.

Reads one line for each plan, the path of a `terraform show -json`; answers with one line of JSON: the
messages as the API would get them, or what it would not take.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

TERRAFORM_ONLY = {
    "deletion_policy",
    "deletion_protection",
    "effective_annotations",
    "effective_labels",
    "id",
    "location",
    "name",
    "project",
    "terraform_labels",
    "timeouts",
}
"""What the provider keeps for itself, or puts into the request's address."""


class UntakenError(Exception):
    """A planned value that the API's message has no room for."""


def fields(descriptor: Any, value: dict[str, Any]) -> dict[str, Any]:
    """Return a block as the message's JSON: single blocks as objects, names in the API's spelling."""
    made: dict[str, Any] = {}
    for name, one in value.items():
        if one in (None, [], {}, ""):
            continue
        spelt = re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)
        field = next(
            (each for each in descriptor.fields if each.json_name == spelt or each.name == name), None
        )
        if field is None:
            raise UntakenError(f"{descriptor.full_name} has no field {name}")
        message = field.message_type
        nested = message is not None and not message.GetOptions().map_entry
        if nested and isinstance(one, list):
            parts = [fields(message, part or {}) for part in one]
            made[field.json_name] = parts if field.is_repeated else parts[0]
        else:
            made[field.json_name] = one
    return made


def services(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the services of a plan as the API would read them; raises `UntakenError` or a parse error."""
    from google.cloud import run_v2  # type: ignore[import-not-found, unused-ignore]
    from google.protobuf import json_format  # type: ignore[import-not-found, import-untyped, unused-ignore]

    message = run_v2.Service.pb()
    read = []
    for resource in plan["planned_values"]["root_module"]["resources"]:
        if resource["type"] == "google_cloud_run_v2_service":
            values = {name: one for name, one in resource["values"].items() if name not in TERRAFORM_ONLY}
            parsed = json_format.ParseDict(fields(message.DESCRIPTOR, values), message())
            read.append(json_format.MessageToDict(parsed))
    return read


def main() -> None:
    """Answer line by line."""
    from google.protobuf import json_format

    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"services": services(json.loads(Path(line.strip()).read_text()))}
        except (UntakenError, json_format.ParseError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
