"""What visitors are told of what happens in their conversation."""

from carbot_contracts.crm import ChatMessageAdded, ChatSessionChanged
from carbot_core.db import Tx
from carbot_core.web.streams import ServerEvent, Signal
from carbot_crm.chat import queries
from carbot_crm.chat.models import SessionStatus


async def tell_visitor(tx: Tx, signal: Signal) -> ServerEvent | None:
    """Tell the visitor of a new message, or of who answers."""
    if added := signal.of(ChatMessageAdded):
        message = await queries.find_message(tx, added.session_id, added.created_at, added.message_id)
        return None if message is None else ServerEvent("message", message)
    if changed := signal.of(ChatSessionChanged):
        session = await queries.find_session(tx, changed.session_id)
        return None if session is None else ServerEvent("session", SessionStatus(session.status))
    return None
