"""What applying does: the ledger, and what Google's API asks for before it makes something.

Each refusal here is one that a plan cannot show: an API that is not enabled, an account that is not there
yet, a secret that the service may not read. All are decided from what the ledger holds at that moment, so a
dependency that the recipe forgets is refused however Terraform orders the rest.
"""

import os
import re
import time
from collections.abc import Callable
from typing import Any

from standin import storage
from standin.ledger import Ledger
from standin.storage import RefusedError
from standin.values import identity

Value = dict[str, Any]
Entries = dict[tuple[str, str], Value]

APIS = {
    "google_artifact_registry": "artifactregistry.googleapis.com",
    "google_bigquery_connection": "bigqueryconnection.googleapis.com",
    "google_cloud_run": "run.googleapis.com",
    "google_secret_manager": "secretmanager.googleapis.com",
    "google_service_account": "iam.googleapis.com",
}
"""APIs that a new project does not have enabled, by the resources that need them."""
SECONDS = 3.0
"""How long a resource of the type STANDIN_SLOW takes: whatever does not wait for it is tried before."""


def create(ledger: Ledger, kind: str, value: Value, settle: Callable[[Value], Value]) -> Value:
    """Make a resource: check what it needs, let `settle` decide its values, and write it down."""
    if kind == os.environ.get("STANDIN_SLOW"):
        time.sleep(SECONDS)
    with ledger.changing() as entries:
        _need_api(entries, kind)
        _need(entries, kind, value)
        _need_account(entries, value)
        if kind == "google_secret_manager_secret_version":
            value = _numbered(entries, value)
        made = settle(value)
        if kind == "google_storage_bucket":
            storage.make_bucket(made["name"], made["project"])
        if kind == "google_storage_bucket_object":
            made |= {name: one for name, one in storage.put_object(made).items() if name in made}
        _enter(entries, kind, made)
        return made


def update(ledger: Ledger, kind: str, prior: Value, value: Value) -> Value:
    """Change a resource in place."""
    with ledger.changing() as entries:
        _need(entries, kind, value)
        revisions = entries.get((kind, identity(kind, prior)), {}).get("revisions", [])
        if kind == "google_cloud_run_v2_service":
            value = _revised(prior, value, revisions)
        if kind == "google_storage_bucket_object":
            value |= {name: one for name, one in storage.put_object(value).items() if name in value}
        del entries[kind, identity(kind, prior)]
        _enter(entries, kind, value, revisions)
        return value


def delete(ledger: Ledger, kind: str, value: Value) -> None:
    """Remove a resource."""
    if kind == "google_cloud_run_v2_service" and value.get("deletion_protection") is not False:
        raise RefusedError(
            "cannot destroy service without setting deletion_protection=false and applying that first"
        )
    with ledger.changing() as entries:
        if kind == "google_storage_bucket":
            storage.remove_bucket(value["name"], bool(value.get("force_destroy")))
        if kind == "google_storage_bucket_object":
            storage.remove_object(value["bucket"], value["name"])
        if kind == "google_project_service" and not value.get("disable_on_destroy", True):
            return  # it stays enabled, as it does for real
        entries.pop((kind, identity(kind, value)), None)


def exists(ledger: Ledger, kind: str, value: Value) -> bool:
    """Tell whether a resource of the state is still there."""
    there = (kind, identity(kind, value)) in ledger.all()
    if there and kind == "google_storage_bucket_object":
        return storage.has_object(value["bucket"], value["name"])
    return there


def _enter(entries: Entries, kind: str, value: Value, revisions: list[str] | None = None) -> None:
    key = (kind, identity(kind, value))
    if key in entries and kind != "google_project_service" and not kind.endswith("_iam_member"):
        raise RefusedError(f"Error 409: {kind} {key[1]} already exists.")
    entries[key] = {"labels": value.get("labels") or {}}
    if kind == "google_cloud_run_v2_service":
        name = value["latest_ready_revision"].rsplit("/", 1)[-1]
        known = [*(revisions or []), *([] if name in (revisions or []) else [name])]
        entries[key] |= {"revisions": known, "traffic": value.get("traffic")}
        for part in value.get("traffic") or []:
            if part.get("revision") and part["revision"] not in known:
                raise RefusedError(f"Revision {part['revision']} of the traffic does not exist.")


def _revised(prior: Value, value: Value, revisions: list[str]) -> Value:
    """Name the revision that a changed template makes; the same name for another template is refused."""
    if prior["template"] == value["template"]:
        return value
    base = prior["latest_ready_revision"].rsplit("/", 1)[0]
    name = value["template"][0].get("revision") or f"{value['name']}-{len(revisions) + 1:05}-abc"
    if prior["template"][0].get("revision") == name:
        raise RefusedError(f"Error 409: Revision named '{name}' with different configuration already exists.")
    return {**value, **{f"latest_{state}_revision": f"{base}/{name}" for state in ("ready", "created")}}


def _has(entries: Entries, kind: str, *parts: str) -> bool:
    return any(kind == own and all(part in name for part in parts) for own, name in entries)


def _need(entries: Entries, kind: str, value: Value) -> None:
    if kind in NEEDS:
        NEEDS[kind](entries, value)


def _need_api(entries: Entries, kind: str) -> None:
    for prefix, api in APIS.items():
        if kind.startswith(prefix) and not _has(entries, "google_project_service", api):
            raise RefusedError(
                f"Error 403: {api} has not been used in this project before or it is disabled."
            )


def _need_account(entries: Entries, value: Value) -> None:
    found = re.fullmatch(
        r"serviceAccount:(.+@(?!gcp-sa-)[a-z0-9-]+\.iam\.gserviceaccount\.com)", str(value.get("member"))
    )
    if found and not _has(entries, "google_service_account", found[1]):
        raise RefusedError(f"Error 400: Service account {found[1]} does not exist.")


def _need_service(entries: Entries, value: Value) -> None:
    template = value["template"][0]
    account = template.get("service_account") or ""
    if account and not _has(entries, "google_service_account", account):
        raise RefusedError(f"Error 400: the service account {account} does not exist.")
    revision = template.get("revision")
    if revision and not re.fullmatch(re.escape(value["name"]) + r"-[a-z0-9]([-a-z0-9]*[a-z0-9])?", revision):
        raise RefusedError(
            f"Error 400: the revision's name {revision} must begin with the service's and a dash."
        )
    if revision and len(revision) > 63:
        raise RefusedError(f"Error 400: the revision's name {revision} has more than 63 characters.")
    for volume in template.get("volumes") or []:
        for mounted in volume.get("gcs") or []:
            _need_bucket(entries, {"bucket": mounted["bucket"]})
            if not _has(entries, "google_storage_bucket_iam_member", mounted["bucket"], account):
                raise RefusedError(
                    f"The service account {account} may not read the bucket {mounted['bucket']}."
                )
    for container in template["containers"]:
        for variable in container.get("env") or []:
            for source in variable.get("value_source") or []:
                for reference in source.get("secret_key_ref") or []:
                    _need_secret(entries, reference, account)


def _need_secret(entries: Entries, reference: Value, account: str) -> None:
    secret, version = reference["secret"].rsplit("/", 1)[-1], reference.get("version") or "latest"
    own = [
        name
        for kind, name in entries
        if kind == "google_secret_manager_secret" and name.endswith(f"/{secret}")
    ]
    if own:
        versions = [
            name for kind, name in entries
            if kind == "google_secret_manager_secret_version" and f"/secrets/{secret}/" in name
        ]  # fmt: skip
        if not [name for name in versions if version == "latest" or name.endswith(f"/versions/{version}")]:
            raise RefusedError(f"Secret projects/-/secrets/{secret}/versions/{version} was not found.")
    if not _has(entries, "google_secret_manager_secret_iam_member", secret, account):
        raise RefusedError(f"Permission denied on secret {secret} for the service account {account}.")


def _need_bucket(entries: Entries, value: Value) -> None:
    # A bucket of the user's is not in the ledger: the emulator has both kinds.
    if not _has(entries, "google_storage_bucket", value["bucket"]) and not storage.has_bucket(
        value["bucket"]
    ):
        raise RefusedError(f"Error 404: The specified bucket {value['bucket']} does not exist.")


def _numbered(entries: Entries, value: Value) -> Value:
    secret = value["secret"].rsplit("/", 1)[-1]
    mine = f"/secrets/{secret}/versions/"
    numbers = [
        int(name.rsplit("/", 1)[-1]) for kind, name in entries
        if kind == "google_secret_manager_secret_version" and mine in name
    ]  # fmt: skip
    number = str(max(numbers, default=0) + 1)
    full = f"{value['secret']}/versions/{number}"
    return {**value, "version": number, "name": full, "id": full}


NEEDS: dict[str, Callable[[Entries, Value], None]] = {
    "google_cloud_run_v2_service": _need_service,
    "google_storage_bucket_iam_member": _need_bucket,
    "google_storage_bucket_object": _need_bucket,
}
