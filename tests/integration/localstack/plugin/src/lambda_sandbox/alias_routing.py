"""LocalStack 4.13.1 to 2026.3.0: UpdateAlias with routing weights answers 500; this mends it in memory.

The provider's `update_alias` calls `_create_routing_config_model(weights)`, but that method wants the alias's
version as well, which `create_alias` passes. Both methods are wrapped: the outer one finds the version, the
inner one uses it when none was passed. Once a LocalStack is pinned that passes it, this module can go.
"""

# mypy: disable-error-code="import-not-found,misc"

from contextvars import ContextVar
from functools import wraps
from typing import Any

_target: ContextVar[Any] = ContextVar("target", default=None)


def mend() -> None:
    """Wrap the two methods of LocalStack's Lambda provider."""
    from localstack.services.lambda_ import api_utils
    from localstack.services.lambda_.provider import LambdaProvider

    update, model = LambdaProvider.update_alias, LambdaProvider._create_routing_config_model

    def create_routing_config_model(self: Any, weights: Any, function_version: Any = None) -> Any:
        return model(self, weights, _target.get() if function_version is None else function_version)

    @wraps(update)
    def update_alias(self: Any, context: Any, function_name: Any, name: Any, **others: Any) -> Any:
        account, region = api_utils.get_account_and_region(function_name, context)
        own_name = api_utils.get_function_name(function_name, context)
        function = self._get_function(function_name=own_name, region=region, account_id=account)
        alias = function.aliases.get(name)
        number = others.get("function_version") or (alias and alias.function_version)
        token = _target.set(function.versions.get(number))
        try:
            return update(self, context=context, function_name=function_name, name=name, **others)
        finally:
            _target.reset(token)

    LambdaProvider._create_routing_config_model = create_routing_config_model
    LambdaProvider.update_alias = update_alias
