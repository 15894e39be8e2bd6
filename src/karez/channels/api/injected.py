"""What the framework hands to handlers besides the request."""

from typing import Annotated, Any

from litestar import Request
from litestar.params import Dependency

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services

AnyRequest = Request[Any, Any, Any]
TheServices = Annotated[Services, Dependency(skip_validation=True)]
TheCaller = Annotated[Caller, Dependency(skip_validation=True)]
