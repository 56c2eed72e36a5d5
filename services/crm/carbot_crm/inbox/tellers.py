"""What staff are told of what happens in the conversations that they may see."""

from carbot_contracts.crm import ChatMessageAdded, ChatSessionChanged
from carbot_core.db import Tx
from carbot_core.web.streams import ServerEvent, Signal
from carbot_crm.inbox import queries


async def tell_staff(tx: Tx, signal: Signal) -> ServerEvent | None:
    """Tell a member of a new message, or of a conversation that changed, if row security lets the member see it."""
    if added := signal.of(ChatMessageAdded):
        message = await queries.find_message(tx, added.session_id, added.created_at, added.message_id)
        return None if message is None else ServerEvent("message", message)
    if changed := signal.of(ChatSessionChanged):
        session = await queries.find_session(tx, changed.session_id)
        return None if session is None else ServerEvent("session", session)
    return None
