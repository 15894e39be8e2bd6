"""The API as one ASGI application: the fast lane in front, the framework with all routes behind it."""

from karez.channels.api.asgi import Application
from karez.channels.api.context import ApiContext, Services
from karez.channels.api.fast_lane import FastLane
from karez.channels.api.framework import framework
from karez.channels.api.observed import Observed


def make_app(context: ApiContext) -> Application:
    """Make the application of one web process.

    Args:
        context: What it stands on.
    """
    services = Services(context)
    return FastLane(services, Observed(services, framework(services)))
