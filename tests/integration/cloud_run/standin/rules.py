"""What a schema cannot say: the limits that Google documents for the resources of the recipe.

The real provider checks a part of these itself; the rest is refused by Google's API when the plan is applied.
Here both are refused before anything is made. A value that is not known yet passes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from standin.unknown import UNKNOWN, known

Path = tuple[str | int, ...]
Value = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """One value that is refused: where it is and why."""

    path: Path
    summary: str
    detail: str = ""


@dataclass(frozen=True)
class Place:
    """One block of the configuration, with the blocks around it."""

    type: str
    path: Path
    schema: dict[str, Any]
    value: Value

    @property
    def name(self) -> str:
        """Name of the block, "" for the resource itself."""
        return next((str(step) for step in reversed(self.path) if isinstance(step, str)), "")


NAMES = {
    "google_artifact_registry_repository.repository_id": r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
    "google_bigquery_connection.connection_id": r"[A-Za-z0-9_-]{1,196}",
    "google_bigquery_routine.dataset_id": r"[A-Za-z0-9_]{1,1024}",
    "google_bigquery_routine.routine_id": r"[A-Za-z0-9_]{1,256}",
    "google_cloud_run_v2_service.name": r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?",
    "google_project_service.service": r"[a-z0-9.-]+\.googleapis\.com",
    "google_secret_manager_secret.secret_id": r"[A-Za-z0-9_-]{1,255}",
    "google_service_account.account_id": r"[a-z]([-a-z0-9]{4,28}[a-z0-9])",
    "google_storage_bucket.name": r"[a-z0-9][-_.a-z0-9]{1,61}[a-z0-9]",
}
MEMBER = (
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group):[^:@\s]+@[^:@\s]+|domain:[a-z0-9.-]+"
    r"|(principal|principalSet)://\S+|project(Owner|Editor|Viewer):\S+"
)
ROLES = {
    "google_cloud_run_v2_service_iam_member": r"roles/run\.(admin|developer|invoker|servicesInvoker|viewer)",
    "google_secret_manager_secret_iam_member": r"roles/secretmanager\.(admin|secretAccessor|"
    r"secretVersionAdder|secretVersionManager|viewer)",
    "google_storage_bucket_iam_member": r"roles/storage\.(admin|object(Admin|Creator|User|Viewer)|"
    r"legacyBucket(Owner|Reader|Writer)|legacyObject(Owner|Reader))",
}
ONE_OF = {
    "google_bigquery_connection": ("aws", "azure", "cloud_resource", "cloud_spanner", "cloud_sql", "spark"),
    "google_cloud_run_v2_service/startup_probe": ("http_get", "tcp_socket", "grpc"),
    "google_cloud_run_v2_service/liveness_probe": ("http_get", "tcp_socket", "grpc"),
    "google_cloud_run_v2_service/volumes": ("secret", "cloud_sql_instance", "empty_dir", "gcs", "nfs"),
    "google_secret_manager_secret/replication": ("auto", "user_managed"),
}
VALUES = {
    "google_artifact_registry_repository.format": (
        "APT",
        "DOCKER",
        "GENERIC",
        "GO",
        "MAVEN",
        "NPM",
        "PYTHON",
    ),
    "google_storage_bucket.public_access_prevention": ("enforced", "inherited"),
    "google_storage_bucket.storage_class": ("ARCHIVE", "COLDLINE", "NEARLINE", "STANDARD"),
    "google_storage_bucket/action.type": ("AbortIncompleteMultipartUpload", "Delete", "SetStorageClass"),
    "google_storage_bucket/condition.with_state": ("ANY", "ARCHIVED", "LIVE"),
    "google_cloud_run_domain_mapping/spec.certificate_mode": ("AUTOMATIC", "NONE"),
}
DURATION = r"\d+(\.\d{1,9})?s"
RESERVED = ("PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION")
MEMORY_OF_CPU = {1.0: (0, 4096), 2.0: (0, 8192), 4.0: (2048, 16384), 6.0: (4096, 24576), 8.0: (4096, 32768)}


def check(kind: str, schema: dict[str, Any], config: Value) -> list[Refusal]:
    """Return all that is refused in a resource's configuration."""
    found: list[Refusal] = []
    for place in _places(kind, schema, config, ()):
        for rule in GENERAL:
            found.extend(rule(place))
        if kind == "google_cloud_run_v2_service":
            for own in CLOUD_RUN.get(place.name, ()):
                found.extend(own(place))
    return found


def _places(kind: str, schema: dict[str, Any], value: Any, path: Path) -> Iterator[Place]:
    if not known(value):
        return
    yield Place(kind, path, schema, value)
    for name, nested in schema.get("block_types", {}).items():
        inner = value.get(name)
        if not known(inner):
            continue
        if nested["nesting_mode"] == "single":
            yield from _places(kind, nested["block"], inner, (*path, name))
            continue
        for index, one in enumerate(inner):
            # An element of a set has no index that Terraform would understand.
            step: Path = (name, index) if nested["nesting_mode"] == "list" else (name,)
            yield from _places(kind, nested["block"], one, (*path, *step))


def _attributes(place: Place) -> Iterator[Refusal]:
    for name, attribute in place.schema.get("attributes", {}).items():
        value = place.value.get(name)
        if not known(value):
            continue
        if not attribute.get("optional") and not attribute.get("required"):
            yield Refusal(
                (*place.path, name), "Value for unconfigurable attribute", f"{name} is decided by Google."
            )
        within = f"{place.type}/{place.name}.{name}" if place.name else f"{place.type}.{name}"
        allowed = VALUES.get(within) or attribute.get("enum")
        if allowed and isinstance(value, str) and value not in allowed:
            yield Refusal((*place.path, name), f"expected {name} to be one of {list(allowed)}, got {value}")
        if within in NAMES and isinstance(value, str) and not re.fullmatch(NAMES[within], value):
            yield Refusal((*place.path, name), f"{name} does not match {NAMES[within]}", f"It is {value!r}.")


def _one_of(place: Place) -> Iterator[Refusal]:
    choices = ONE_OF.get(f"{place.type}/{place.name}" if place.name else place.type)
    if choices is None:
        return
    there = [place.value.get(choice) for choice in choices]
    if UNKNOWN not in there and sum(bool(value) for value in there) != 1:
        yield Refusal(
            place.path, f"exactly one of {', '.join(choices)} must be set", f"In {place.name or place.type}."
        )


def _iam(place: Place) -> Iterator[Refusal]:
    member, role = place.value.get("member"), place.value.get("role")
    if place.type.endswith("_iam_member") and isinstance(member, str) and not re.fullmatch(MEMBER, member):
        yield Refusal(("member",), "invalid value for member", f"{member!r} is no IAM member.")
    if not place.type.endswith("_iam_member") or not isinstance(role, str):
        return
    own = role.startswith(("projects/", "organizations/"))
    if not own and not re.fullmatch(ROLES.get(place.type, r"roles/\S+"), role):
        yield Refusal(("role",), f"Role {role} is not supported for this resource.")


def _labels(place: Place) -> Iterator[Refusal]:
    labels = place.value.get("labels")
    if place.path or not isinstance(labels, dict):
        return
    for name, value in labels.items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name) or (
            isinstance(value, str) and not re.fullmatch(r"[a-z0-9_-]{0,63}", value)
        ):
            yield Refusal(("labels",), "invalid label", f"{name} = {value!r}")


def _service(place: Place) -> Iterator[Refusal]:
    traffic = place.value.get("traffic")
    if known(traffic) and traffic:
        parts = [part.get("percent") for part in traffic if known(part)]
        if len(parts) == len(traffic) and UNKNOWN not in parts and sum(part or 0 for part in parts) != 100:
            yield Refusal(("traffic",), "traffic must add up to 100 percent", f"It is {parts}.")


def _template(place: Place) -> Iterator[Refusal]:
    value, path = place.value, place.path
    timeout = value.get("timeout")
    if isinstance(timeout, str) and not (re.fullmatch(DURATION, timeout) and float(timeout[:-1]) <= 3600):
        yield Refusal(
            (*path, "timeout"), "timeout must be seconds with an s, such as 60s, 3600s at most", timeout
        )
    at_once = value.get("max_instance_request_concurrency")
    if isinstance(at_once, int | float) and not 0 <= at_once <= 1000:
        yield Refusal(
            (*path, "max_instance_request_concurrency"), "concurrency must be from 1 to 1000", str(at_once)
        )
    volumes = value.get("volumes") or []
    containers = value.get("containers") or []
    if volumes is UNKNOWN or containers is UNKNOWN or UNKNOWN in volumes:
        return
    if value.get("execution_environment") == "EXECUTION_ENVIRONMENT_GEN1":
        for volume in volumes:
            if volume.get("gcs") or volume.get("nfs"):
                yield Refusal(
                    (*path, "execution_environment"), "bucket and NFS volumes need the second generation"
                )
    if value.get("execution_environment") == "EXECUTION_ENVIRONMENT_GEN2":
        for index, container in enumerate(containers):
            memory = _memory(container)
            if memory is not None and memory < 512:
                here = (*path, "containers", index, "resources", 0, "limits")
                yield Refusal(here, "the second generation needs 512Mi of memory at least", f"{memory:g} MiB")
    names = {volume.get("name") for volume in volumes}
    for index, container in enumerate(containers):
        mounts = container.get("volume_mounts") or []
        for mount in [] if mounts is UNKNOWN else mounts:
            if (
                UNKNOWN not in names
                and known(mount)
                and known(mount.get("name"))
                and mount["name"] not in names
            ):
                here = (*path, "containers", index, "volume_mounts")
                yield Refusal(here, "volume_mounts names a volume that is not there", str(mount["name"]))


def _scaling(place: Place) -> Iterator[Refusal]:
    least, most = place.value.get("min_instance_count"), place.value.get("max_instance_count")
    if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
        yield Refusal(
            place.path, "min_instance_count must not exceed max_instance_count", f"{least} > {most}"
        )


def _container(place: Place) -> Iterator[Refusal]:
    env = place.value.get("env") or []
    names = [] if env is UNKNOWN else [entry.get("name") for entry in env if known(entry)]
    for name in sorted({str(name) for name in names if known(name) and names.count(name) > 1}):
        yield Refusal((*place.path, "env"), "an environment variable is set twice", name)
    mounts = place.value.get("volume_mounts") or []
    for mount in [] if mounts is UNKNOWN else mounts:
        path = mount.get("mount_path") if known(mount) else None
        if isinstance(path, str) and not re.fullmatch(r"/(?!(dev|proc|sys)(/|$))[^:]+", path):
            yield Refusal(
                (*place.path, "volume_mounts"), "mount_path must be absolute, and not a system's", path
            )


def _resources(place: Place) -> Iterator[Refusal]:
    limits = place.value.get("limits")
    if not isinstance(limits, dict):
        return
    path = (*place.path, "limits")
    for name in sorted(set(limits) - {"cpu", "memory", "nvidia.com/gpu"}):
        yield Refusal(path, "limits has cpu, memory and nvidia.com/gpu alone", name)
    cpu, memory = _cpu(limits.get("cpu")), _memory({"resources": [place.value]})
    if known(limits.get("cpu")) and cpu is not None and cpu not in MEMORY_OF_CPU and not 0.08 <= cpu < 1:
        yield Refusal(path, "cpu must be 1, 2, 4, 6 or 8, or from 0.08 up to 1", str(limits["cpu"]))
    if known(limits.get("memory")) and memory is None:
        yield Refusal(path, "memory must be a number with Mi or Gi", str(limits["memory"]))
    if cpu in MEMORY_OF_CPU and memory is not None:
        least, most = MEMORY_OF_CPU[cpu]
        if not least <= memory <= most:
            yield Refusal(path, f"{cpu:g} cpu take {least} to {most} MiB of memory", f"{memory:g} MiB")


def _cpu(value: Any) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", value) if isinstance(value, str) else None
    return float(found[1]) / (1000 if found[2] else 1) if found else None


def _memory(container: Value) -> float | None:
    resources = container.get("resources")
    limits = (
        resources[0].get("limits")
        if isinstance(resources, list) and resources and known(resources[0])
        else None
    )
    value = limits.get("memory") if isinstance(limits, dict) else None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(Mi|Gi|M|G)", value) if isinstance(value, str) else None
    scale = {"Mi": 1.0, "Gi": 1024.0, "M": 1e6 / 2**20, "G": 1e9 / 2**20}
    return float(found[1]) * scale[found[2]] if found else None


def _env(place: Place) -> Iterator[Refusal]:
    name, value = place.value.get("name"), place.value.get("value")
    if name in RESERVED:
        yield Refusal((*place.path, "name"), f"the environment variable {name} is reserved by Cloud Run")
    if known(value) and value != "" and place.value.get("value_source"):
        yield Refusal(place.path, "env: value and value_source exclude one another", str(name))


def _probe(place: Place) -> Iterator[Refusal]:
    value, startup = place.value, place.name == "startup_probe"
    given = {name: value.get(name) for name in ("period_seconds", "timeout_seconds", "failure_threshold")}
    if UNKNOWN in given.values():
        return
    period, timeout = given["period_seconds"] or 10, given["timeout_seconds"] or 1
    if timeout > period:
        yield Refusal(place.path, "timeout_seconds must not exceed period_seconds", f"{timeout} > {period}")
    longest = 240 if startup else 3600
    if not 1 <= period <= longest:
        yield Refusal(
            (*place.path, "period_seconds"), f"period_seconds must be from 1 to {longest}", str(period)
        )
    if startup and period * (given["failure_threshold"] or 3) > 240:
        yield Refusal(
            place.path, "a container has 240 seconds to start", f"{period} s x {given['failure_threshold']}"
        )


Rule = Callable[[Place], Iterator[Refusal]]
GENERAL: tuple[Rule, ...] = (_attributes, _one_of, _iam, _labels)
CLOUD_RUN: dict[str, tuple[Rule, ...]] = {
    "": (_service,),
    "template": (_template,),
    "scaling": (_scaling,),
    "containers": (_container,),
    "resources": (_resources,),
    "env": (_env,),
    "startup_probe": (_probe,),
    "liveness_probe": (_probe,),
}
