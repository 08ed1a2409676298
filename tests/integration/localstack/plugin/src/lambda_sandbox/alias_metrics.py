"""LocalStack counts errors by a function's name alone; AWS also by the alias called, which alarms watch."""

# mypy: disable-error-code="import-not-found,misc"

import logging
import threading
from typing import Any

LOG = logging.getLogger(__name__)


def record_error(invoked_arn: str) -> None:
    """Count an error for the alias or version that was called; nothing for a call by the bare name."""
    parts = invoked_arn.split(":")
    if len(parts) == 8:
        threading.Thread(target=_put, args=(parts[3], parts[4], parts[6], parts[7]), daemon=True).start()


def _put(region: str, account: str, name: str, qualifier: str) -> None:
    from localstack.aws.connect import connect_to

    dimensions: list[Any] = [
        {"Name": "FunctionName", "Value": name},
        {"Name": "Resource", "Value": f"{name}:{qualifier}"},
    ]
    datum: Any = {"MetricName": "Errors", "Value": 1, "Unit": "Count", "Dimensions": dimensions}
    try:
        client = connect_to(aws_access_key_id=account, region_name=region).cloudwatch
        client.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])
    except Exception:
        LOG.warning("the error of %s:%s was not counted", name, qualifier, exc_info=True)
