"""What happens when a visitor has written."""

from carbot_core import timers
from carbot_core.context import Context
from carbot_core.service import Runtime
from carbot_core.timers import Due
from carbot_crm.responder import actions
from carbot_crm.responder.endpoint import Endpoint
from carbot_crm.responder.models import Responder
from carbot_crm.responder.rules import Rules
from carbot_crm.settings import Settings


def responder_of(settings: Settings) -> Responder:
    """Return who answers: the rules, and a language model behind them if one is configured."""
    if settings.chat_endpoint_url is None:
        return Rules()
    return Endpoint(
        Rules(), url=settings.chat_endpoint_url, key=settings.chat_endpoint_key, model=settings.chat_endpoint_model
    )


async def answer_visitor(runtime: Runtime, due: Due) -> None:
    """Read what was written, think with no transaction open, and write the answer; whatever fails comes again after the lease."""
    context = Context(organization_id=due.organization_id)
    async with runtime.database.transaction(context) as tx:
        turn = await actions.read_turn(tx, due.key)
        if turn is None:
            await timers.finish(tx, due)
            return
    replies = await actions.think(turn, responder_of(runtime.settings))
    async with runtime.database.transaction(context) as tx:
        await actions.write_replies(tx, due, turn, replies, now=runtime.clock())
