"""What Google would answer: the values of a resource that are only known once it is there."""

import hashlib
from typing import Any

from standin.unknown import UNKNOWN, known

Value = dict[str, Any]

NUMBER = "123456789012"
"""The number of every project."""
EMPTY = {"string": "", "number": 0, "bool": False, "dynamic": None}
SENSITIVE = {
    "google_secret_manager_secret_version.secret_data",
    "google_storage_bucket_object.content",
    "google_client_config.access_token",
}
"""Attributes that the provider marks as sensitive; the bindings do not say which."""
IMMUTABLE = {
    "": (
        "location",
        "name",
        "project",
        "bucket",
        "secret",
        "secret_id",
        "service",
        "account_id",
        "member",
        "role",
    ),
    "google_artifact_registry_repository": ("repository_id", "format"),
    "google_bigquery_connection": ("connection_id",),
    "google_bigquery_routine": ("dataset_id", "routine_id"),
    "google_secret_manager_secret": ("secret_id",),
    "google_secret_manager_secret_iam_member": ("secret_id",),
    "google_secret_manager_secret_version": ("secret_data",),
}
"""Attributes whose change replaces the resource, from the provider's documentation."""


def immutable(kind: str, attribute: str) -> bool:
    """Tell whether a change of the attribute replaces the resource."""
    return attribute in IMMUTABLE[""] or attribute in IMMUTABLE.get(kind, ())


def planned(kind: str, schema: Value, value: Value, config: Any, prior: Any) -> None:
    """Complete a proposed value in place: defaults, and what is computed as it was or not known yet."""
    for name, attribute in schema.get("attributes", {}).items():
        if value.get(name) is not None:
            continue
        if attribute.get("computed"):
            before = prior.get(name) if isinstance(prior, dict) else None
            value[name] = UNKNOWN if before is None else before
        elif attribute.get("optional") and "default" in attribute:
            value[name] = attribute["default"]
    for name, nested in schema.get("block_types", {}).items():
        inner = value.get(name)
        # An element of a set has no place by which its former values could be found.
        if isinstance(inner, list) and nested["nesting_mode"] == "list":
            for index, one in enumerate(inner):
                if known(one):
                    planned(kind, nested["block"], one, _at(config, name, index), _at(prior, name, index))


def _at(value: Any, name: str, index: int) -> Any:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner[index] if isinstance(inner, list) and index < len(inner) else None


def answered(kind: str, schema: Value, value: Value, provider: Value) -> Value:
    """Return a planned value with everything known: what Google decides, and empty values for the rest."""
    given = {name: one for name, one in value.items() if known(one)}
    known_here = _google(kind, given, provider)
    return _filled(schema, value, known_here)


def _filled(schema: Value, value: Value, decided: Value) -> Value:
    filled = dict(value)
    for name, attribute in schema.get("attributes", {}).items():
        if filled.get(name) is UNKNOWN or (filled.get(name) is None and attribute.get("computed")):
            filled[name] = decided[name] if name in decided else _empty(attribute["type"])
    for name, nested in schema.get("block_types", {}).items():
        inner = filled.get(name)
        if inner is UNKNOWN:
            filled[name] = []
        elif isinstance(inner, list):
            own = decided.get(name) if isinstance(decided.get(name), dict) else {}
            filled[name] = [_filled(nested["block"], one, own or {}) for one in inner]
        elif isinstance(inner, dict):
            filled[name] = _filled(nested["block"], inner, {})
    return filled


def _empty(kind: Any) -> Any:
    if isinstance(kind, str):
        return EMPTY[kind]
    if kind[0] == "map":
        return {}
    return {name: _empty(part) for name, part in kind[1].items()} if kind[0] == "object" else []


def identity(kind: str, value: Value) -> str:
    """Name a resource as Google does: two of one kind with the same name cannot be."""
    parts = {
        "google_storage_bucket_object": ("bucket", "name"),
        "google_storage_bucket_iam_member": ("bucket", "role", "member"),
        "google_cloud_run_v2_service_iam_member": ("location", "name", "role", "member"),
        "google_secret_manager_secret_iam_member": ("secret_id", "role", "member"),
        "google_project_iam_member": ("project", "role", "member"),
        "google_service_account_iam_member": ("service_account_id", "role", "member"),
        "google_bigquery_routine": ("dataset_id", "routine_id"),
        "google_secret_manager_secret_version": ("name",),
    }.get(kind, ("id",))
    return " ".join(str(value.get(part)) for part in parts)


def _google(kind: str, given: Value, provider: Value) -> Value:
    project = given.get("project") or provider.get("project") or "stand-in"
    region = given.get("location") or given.get("region") or provider.get("region") or "us-central1"
    common = {"project": project, "location": region, "region": region, "etag": '"1"', "generation": 1}
    labels = {name: given.get("labels") or {} for name in ("effective_labels", "terraform_labels")}
    own = DECIDED[kind](given, project, region) if kind in DECIDED else {}
    return {**common, **labels, "id": own.get("name", "/".join(_ids(given))), **own}


def _ids(given: Value) -> list[str]:
    names = ("project", "location", "bucket", "secret_id", "name", "service", "role", "member")
    return [str(given[name]) for name in names if given.get(name)]


def _service(given: Value, project: str, region: str) -> Value:
    name = given["name"]
    full = f"projects/{project}/locations/{region}/services/{name}"
    digest = hashlib.sha256(full.encode()).hexdigest()[:10]
    addresses = [f"https://{name}-{NUMBER}.{region}.run.app", f"https://{name}-{digest}-uc.a.run.app"]
    template = given.get("template") or [{}]
    revision = f"{full}/revisions/{template[0].get('revision') or f'{name}-00001-abc'}"
    return {
        "id": full,
        "uri": addresses[1],
        "urls": addresses,
        "latest_ready_revision": revision,
        "latest_created_revision": revision,
        "generation": "1",
        "observed_generation": "1",
        "launch_stage": "GA",
        "ingress": "INGRESS_TRAFFIC_ALL",
    }


def _account(given: Value, project: str, region: str) -> Value:
    email = f"{given['account_id']}@{project}.iam.gserviceaccount.com"
    name = f"projects/{project}/serviceAccounts/{email}"
    return {
        "id": name,
        "name": name,
        "email": email,
        "member": f"serviceAccount:{email}",
        "unique_id": "1" * 21,
    }


def _repository(given: Value, project: str, region: str) -> Value:
    name = given["repository_id"]
    full = f"projects/{project}/locations/{region}/repositories/{name}"
    return {"id": full, "name": name, "registry_uri": f"{region}-docker.pkg.dev/{project}/{name}"}


def _bucket(given: Value, project: str, region: str) -> Value:
    name = given["name"]
    link = f"https://www.googleapis.com/storage/v1/b/{name}"
    return {"id": name, "url": f"gs://{name}", "self_link": link, "project_number": int(NUMBER)}


def _object(given: Value, project: str, region: str) -> Value:
    return {"id": f"{given['bucket']}-{given['name']}", "output_name": given["name"]}


def _secret(given: Value, project: str, region: str) -> Value:
    name = f"projects/{NUMBER}/secrets/{given['secret_id']}"
    return {"id": f"projects/{project}/secrets/{given['secret_id']}", "name": name}


def _secret_version(given: Value, project: str, region: str) -> Value:
    # `version` is told by the ledger, which knows how many there are.
    return {"enabled": True, "version": given.get("version", "1")}


def _connection(given: Value, project: str, region: str) -> Value:
    full = f"projects/{project}/locations/{region}/connections/{given['connection_id']}"
    account = f"bqcx-{NUMBER}-abcd@gcp-sa-bigquery-condel.iam.gserviceaccount.com"
    return {
        "id": full,
        "name": full,
        "has_credential": False,
        "cloud_resource": {"service_account_id": account},
    }


def _routine(given: Value, project: str, region: str) -> Value:
    return {"id": f"projects/{project}/datasets/{given['dataset_id']}/routines/{given['routine_id']}"}


def _project(given: Value, project: str, region: str) -> Value:
    return {"id": f"projects/{project}", "project_id": project, "number": NUMBER, "name": project}


def _domain(given: Value, project: str, region: str) -> Value:
    return {"id": f"locations/{region}/namespaces/{project}/domainmappings/{given['name']}"}


def _enabled(given: Value, project: str, region: str) -> Value:
    return {"id": f"{project}/{given['service']}"}


DECIDED = {
    "google_artifact_registry_repository": _repository,
    "google_bigquery_connection": _connection,
    "google_bigquery_routine": _routine,
    "google_cloud_run_domain_mapping": _domain,
    "google_cloud_run_v2_service": _service,
    "google_project": _project,
    "google_project_service": _enabled,
    "google_secret_manager_secret": _secret,
    "google_secret_manager_secret_version": _secret_version,
    "google_service_account": _account,
    "google_storage_bucket": _bucket,
    "google_storage_bucket_object": _object,
}
