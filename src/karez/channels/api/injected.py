"""What the framework hands to handlers besides the request."""

from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from karez.channels.api.caller import Caller
from karez.channels.api.context import Services

AnyRequest = Request[Any, Any, Any]
TheServices = NamedDependency[SkipValidation[Services]]
TheCaller = NamedDependency[SkipValidation[Caller]]
