"""What a state says about the service: `terraform show -json` -> revisions, traffic and callers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SERVICE = "google_cloud_run_v2_service"
INVOKER = "google_cloud_run_v2_service_iam_member"
SECRET = "google_secret_manager_secret"
VERSION = "google_secret_manager_secret_version"


@dataclass(frozen=True)
class Probe:
    """A probe of HTTP, and how often it may fail. Times are in seconds."""

    path: str
    delay: float
    period: float
    timeout: float
    failures: int


@dataclass(frozen=True)
class Revision:
    """One revision: all that its instances are started with."""

    name: str
    image: str
    port: int
    environment: Mapping[str, str]
    secrets: Mapping[str, tuple[str, str]]
    """Variable -> secret and version."""
    mounts: Mapping[str, tuple[str, bool]]
    """Path -> bucket, and whether it is read-only."""
    cpu: str
    memory: str
    concurrency: int
    timeout: float
    most: int
    startup: Probe
    liveness: Probe


@dataclass(frozen=True)
class Service:
    """A service as it was applied."""

    name: str
    url: str
    newest: Revision
    traffic: Mapping[str, int]
    """Revision -> percent."""
    callers: frozenset[str] | None
    """IAM members that may call; None: Google asks nobody."""
    secrets: Mapping[tuple[str, str], str]
    """Secret and version -> value, as far as the state has them."""


def service(document: Mapping[str, Any]) -> Service | None:
    """Return the one service of a state; None if there is none."""
    resources = list(_resources((document.get("values") or {}).get("root_module") or {}))
    found = [each["values"] for each in resources if each["type"] == SERVICE]
    if not found:
        return None
    (values,) = found
    newest = _revision(values["template"][0])
    traffic = {
        each["revision"] or newest.name: int(each["percent"])
        for each in values["traffic"]
        if each.get("percent")
    }
    assert sum(traffic.values()) == 100, f"the traffic is {traffic}"
    members = {
        each["values"]["member"]
        for each in resources
        if each["type"] == INVOKER and each["values"]["role"] == "roles/run.invoker"
    }
    open_to_all = values.get("invoker_iam_disabled") or "allUsers" in members
    ids = {each["values"]["id"]: each["values"]["secret_id"] for each in resources if each["type"] == SECRET}
    versions = {
        (ids[each["values"]["secret"]], str(each["values"]["version"])): each["values"]["secret_data"]
        for each in resources
        if each["type"] == VERSION
    }
    callers = None if open_to_all else frozenset(members)
    return Service(values["name"], values["uri"], newest, traffic, callers, versions)


def _revision(template: Mapping[str, Any]) -> Revision:
    (container,) = template["containers"]
    given = {each["name"]: each for each in container["env"]}
    plain = {name: each["value"] for name, each in given.items() if not each.get("value_source")}
    secret = {
        name: each["value_source"][0]["secret_key_ref"][0]
        for name, each in given.items()
        if each.get("value_source")
    }
    volumes = {each["name"]: each["gcs"][0] for each in template.get("volumes") or []}
    limits = container["resources"][0]["limits"]
    return Revision(
        name=template["revision"],
        image=container["image"],
        port=int(container["ports"][0]["container_port"]),
        environment=plain,
        secrets={name: (each["secret"], str(each["version"])) for name, each in secret.items()},
        mounts={
            each["mount_path"]: (volumes[each["name"]]["bucket"], bool(volumes[each["name"]]["read_only"]))
            for each in container.get("volume_mounts") or []
        },
        cpu=limits["cpu"],
        memory=limits["memory"],
        concurrency=int(template["max_instance_request_concurrency"]),
        timeout=float(template["timeout"].removesuffix("s")),
        most=int(template["scaling"][0]["max_instance_count"]),
        startup=_probe(container["startup_probe"][0]),
        liveness=_probe(container["liveness_probe"][0]),
    )


def _probe(values: Mapping[str, Any]) -> Probe:
    period, timeout = values.get("period_seconds") or 10, values.get("timeout_seconds") or 1
    assert timeout <= period, "Cloud Run refuses a probe that may take longer than its period"
    return Probe(
        path=values["http_get"][0]["path"],
        delay=values.get("initial_delay_seconds") or 0,
        period=period,
        timeout=timeout,
        failures=values.get("failure_threshold") or 3,
    )


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources") or []
    for child in module.get("child_modules") or []:
        yield from _resources(child)
