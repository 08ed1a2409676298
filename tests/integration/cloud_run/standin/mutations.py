"""Ways in which people break such a recipe, and what shows each of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One edit of a recipe's file."""

    what: str
    file: str
    old: str
    new: str
    shown: str = ""
    """A part of the error that shows it; "" where nothing here does."""
    survives: str = ""
    """Why nothing here shows it."""
    by: str = "plan"
    """plan, message (the API's own) or apply."""
    slow: str = ""
    """Resource type that takes its time while this is applied."""


SERVICE, ARTIFACT, KEY, OUTPUTS = "service.tf", "artifact.tf", "key.tf", "outputs.tf"
IDENTITY, ACCESS, REPOSITORY, BIGQUERY, MAIN = (
    "identity.tf",
    "access.tf",
    "repository.tf",
    "bigquery.tf",
    "main.tf",
)
TRAFFIC = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"

MUTATIONS = [
    Mutation(
        "a misspelt argument",
        SERVICE,
        "    max_instance_request_concurrency =",
        "    max_request_concurrency =",
        "Unsupported argument",
    ),
    Mutation(
        "the name it had in Cloud Run v1",
        SERVICE,
        "    max_instance_request_concurrency =",
        "    container_concurrency =",
        "Unsupported argument",
    ),
    Mutation(
        "an argument a level too high",
        SERVICE,
        "  name                 = var.name",
        '  name                 = var.name\n  timeout = "60s"',
        "Unsupported argument",
    ),
    Mutation(
        "a block written as an attribute",
        SERVICE,
        "ports {\n        container_port = 8080\n      }",
        "ports = [{ container_port = 8080 }]",
        "Unsupported argument",
    ),
    Mutation("an attribute written as a block", SERVICE, "limits = {", "limits {", "Unsupported block type"),
    Mutation(
        "a single block twice",
        SERVICE,
        "    scaling {",
        "    scaling {\n      max_instance_count = 1\n    }\n    scaling {",
        "Too many scaling blocks",
    ),
    Mutation(
        "a required argument left out",
        SERVICE,
        "  location             = var.region\n",
        "",
        "Missing required argument",
    ),
    Mutation(
        "a required block left out",
        KEY,
        "  replication {\n    auto {}\n  }\n",
        "",
        "Insufficient replication blocks",
    ),
    Mutation(
        "a required argument of a nested block left out",
        SERVICE,
        "bucket    = volumes.value\n",
        "\n",
        "Missing required argument",
    ),
    Mutation(
        "a list for a number",
        SERVICE,
        "period_seconds    = 10",
        "period_seconds    = [10]",
        "Incorrect attribute value type",
    ),
    Mutation(
        "a text for a number",
        SERVICE,
        "period_seconds    = 10",
        'period_seconds    = "10s"',
        "Incorrect attribute value type",
    ),
    Mutation(
        "an ingress that there is not",
        SERVICE,
        '"INGRESS_TRAFFIC_ALL"',
        '"all"',
        "expected ingress to be one of",
    ),
    Mutation(
        "an execution environment that there is not",
        SERVICE,
        '"EXECUTION_ENVIRONMENT_GEN2"',
        '"gen2"',
        "expected execution_environment to be one of",
    ),
    Mutation(
        "a kind of traffic that there is not",
        SERVICE,
        f'"{TRAFFIC}"',
        '"LATEST"',
        "expected type to be one of",
    ),
    Mutation(
        "a bucket's protection that there is not",
        ARTIFACT,
        '"enforced"',
        '"on"',
        "expected public_access_prevention to be one of",
    ),
    Mutation(
        "a repository's format that there is not",
        REPOSITORY,
        '"DOCKER"',
        '"docker-image"',
        "expected format to be one of",
    ),
    Mutation(
        "a clean-up action that there is not",
        REPOSITORY,
        '"KEEP"',
        '"RETAIN"',
        "expected action to be one of",
    ),
    Mutation(
        "an attribute that Google decides",
        SERVICE,
        "  name                 = var.name",
        '  name                 = var.name\n  uri = "https://example.com"',
        "unconfigurable attribute",
    ),
    Mutation(
        "a resource type that there is not",
        SERVICE,
        '"google_cloud_run_v2_service" "scorer"',
        '"google_cloud_runv2_service" "scorer"',
        "Invalid resource type",
    ),
    Mutation(
        "an output of what is not there",
        OUTPUTS,
        "google_cloud_run_v2_service.scorer.uri",
        "google_cloud_run_v2_service.scorer.url",
        "Unsupported attribute",
    ),
    Mutation(
        "an output as it was in Cloud Run v1",
        OUTPUTS,
        "google_cloud_run_v2_service.scorer.uri",
        "google_cloud_run_v2_service.scorer.status[0].url",
        "Unsupported attribute",
    ),
    Mutation(
        "a reference to nothing",
        SERVICE,
        "google_service_account.run.email",
        "google_service_account.runner.email",
        "Reference to undeclared resource",
    ),
    Mutation(
        "a probe that asks nothing",
        SERVICE,
        '        http_get {\n          path = "/readyz"\n          port = 8080\n        }\n',
        "",
        "exactly one of http_get",
    ),
    Mutation(
        "a probe's timeout above its period",
        SERVICE,
        "timeout_seconds   = 5",
        "timeout_seconds   = 60",
        "timeout_seconds must not exceed period_seconds",
    ),
    Mutation(
        "more time to start than Cloud Run gives",
        SERVICE,
        "failure_threshold = 60",
        "failure_threshold = 600",
        "240 seconds to start",
    ),
    Mutation(
        "a reserved variable of the environment",
        SERVICE,
        "      PIPELINE_DIGEST        =",
        "      PORT =",
        "reserved by Cloud Run",
    ),
    Mutation(
        "a volume that is not declared",
        SERVICE,
        'name       = "pipelines"',
        'name       = "pipeline"',
        "names a volume that is not there",
    ),
    Mutation(
        "a bucket mounted in the first generation",
        SERVICE,
        "EXECUTION_ENVIRONMENT_GEN2",
        "EXECUTION_ENVIRONMENT_GEN1",
        "need the second generation",
    ),
    Mutation(
        "too little memory", SERVICE, "memory = var.memory\n", 'memory = "128Mi"\n', "needs 512Mi of memory"
    ),
    Mutation(
        "processors that are not sold",
        SERVICE,
        "cpu    = tostring(var.cpu)",
        'cpu    = "3.7"',
        "cpu must be 1, 2",
    ),
    Mutation(
        "traffic that does not add up",
        SERVICE,
        "for_each = length(local.traffic) == 0 ? [100] : []",
        "for_each = length(local.traffic) == 0 ? [90] : []",
        "add up to 100 percent",
    ),
    Mutation(
        "a role that there is not",
        ACCESS,
        '"roles/run.invoker"',
        '"roles/run.caller"',
        "is not supported for this resource",
    ),
    Mutation(
        "a member without its kind",
        IDENTITY,
        '"serviceAccount:${google_service_account.run.email}"',
        "google_service_account.run.account_id",
        "invalid value for member",
    ),
    Mutation(
        "an account's name that is too short",
        IDENTITY,
        '"${var.name}-run"',
        '"run"',
        "account_id does not match",
    ),
    Mutation(
        "a timeout without its unit",
        SERVICE,
        '"${var.timeout_seconds}s"',
        "tostring(var.timeout_seconds)",
        "timeout must be seconds with an s",
    ),
    Mutation(
        "a resource where the provider has no such block",
        BIGQUERY,
        "  cloud_resource {}",
        "  cloud_resources {}",
        "Unsupported block type",
    ),
    Mutation(
        "the service does not wait for the APIs",
        SERVICE,
        "    google_project_service.used,\n",
        "",
        survives="the service account waits for them, and the service for the account",
    ),
    Mutation(
        "the account does not wait for its API",
        IDENTITY,
        "  depends_on = [google_project_service.used]",
        "",
        "has not been used in this project",
        by="apply",
        slow="google_project_service",
    ),
    Mutation(
        "the service does not wait until it may read the key",
        SERVICE,
        "    google_secret_manager_secret_iam_member.run_reads_api_key,\n",
        "",
        "Permission denied on secret",
        by="apply",
        slow="google_secret_manager_secret_iam_member",
    ),
    Mutation(
        "the service does not wait until it may read the bucket",
        SERVICE,
        "    google_storage_bucket_iam_member.run_reads_pipelines,\n",
        "",
        "may not read the bucket",
        by="apply",
        slow="google_storage_bucket_iam_member",
    ),
    Mutation(
        "a revision's name that does not begin with the service's",
        SERVICE,
        'revision = "${var.name}-${substr(local.digest',
        'revision = "v-${substr(local.digest',
        "must begin with the service's",
        by="apply",
    ),
    Mutation(
        "a region that is not Google's",
        "providers.tf",
        "var.region",
        '"europe-mars1"',
        survives="no list of regions is kept here: it would age",
    ),
    Mutation(
        "a probe of a path that the server does not have",
        SERVICE,
        '"/readyz"',
        '"/ready"',
        survives="only a running service shows it; the tests that run the planned service do",
    ),
    Mutation(
        "a port that the server does not listen on",
        SERVICE,
        "container_port = 8080",
        "container_port = 9090",
        survives="Cloud Run tells the server the port, in PORT: the service would work",
    ),
    Mutation(
        "a right wider than needed",
        IDENTITY,
        '"roles/storage.objectViewer"',
        '"roles/storage.objectAdmin"',
        survives="every role that exists is taken; the recipe's own `terraform test` asks for this one",
    ),
]
