"""LocalStack 4.13.1 takes the tags of PutMetricAlarm, and ListTagsForResource then has none; this keeps them.

Without it every plan wants to tag the alarms again, which AWS does not ask for.
"""

# mypy: disable-error-code="import-not-found,misc"

from functools import wraps
from typing import Any


def mend() -> None:
    """Wrap PutMetricAlarm of LocalStack's CloudWatch provider."""
    from localstack.services.cloudwatch.provider_v2 import CloudwatchProvider

    put = CloudwatchProvider.put_metric_alarm

    @wraps(put)  # with the marks by which LocalStack finds its handlers
    def put_metric_alarm(self: Any, context: Any, request: Any) -> None:
        put(self, context, {name: value for name, value in request.items() if name != "Tags"})
        arn = f"arn:aws:cloudwatch:{context.region}:{context.account_id}:alarm:{request['AlarmName']}"
        self.get_store(context.account_id, context.region).TAGS.tag_resource(arn, request.get("Tags") or [])

    CloudwatchProvider.put_metric_alarm = put_metric_alarm
