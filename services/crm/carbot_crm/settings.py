"""What crm needs to know beyond what every service does."""

from typing import Annotated

import msgspec

from carbot_core import settings
from carbot_core.settings import HttpUrl

ModelName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=100, description="the name of a model that the endpoint serves")
]


class Settings(settings.Settings, frozen=True, kw_only=True):
    """Settings of api and worker."""

    chat_endpoint_url: HttpUrl | None = None
    """Where an OpenAI-compatible interface is, up to and without /chat/completions; none: the rules answer alone."""
    chat_endpoint_key: str = ""
    chat_endpoint_model: ModelName = "gpt-4o-mini"
