"""What can be done with a canned answer."""

from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import UNSET

from carbot_core.db import Tx
from carbot_core.errors import NotFound, PreconditionFailed
from carbot_crm.canned_answers import queries
from carbot_crm.canned_answers.models import CannedAnswer, CannedAnswerEdit, NewCannedAnswer
from carbot_crm.leads.actions import WorkshopNotFound


class CannedAnswerNotFound(NotFound):
    """There is no such canned answer."""


async def create_canned_answer(tx: Tx, new: NewCannedAnswer, now: datetime) -> CannedAnswer:
    """Store an answer; raise WorkshopNotFound."""
    answer = await queries.insert_canned_answer(tx, new, now)
    if answer is None:
        raise WorkshopNotFound(workshop=new.workshop_id)
    return answer


async def edit_canned_answer(
    tx: Tx, answer_id: UUID, revision: int, edit: CannedAnswerEdit, *, now: datetime
) -> CannedAnswer:
    """Change an answer as the caller last saw it; raise CannedAnswerNotFound, PreconditionFailed."""
    answer = await _locked(tx, answer_id, revision)
    changes = {name: value for name in edit.__struct_fields__ if (value := getattr(edit, name)) is not UNSET}
    return await queries.update_canned_answer(tx, msgspec.structs.replace(answer, **changes), now)


async def delete_canned_answer(tx: Tx, answer_id: UUID, revision: int) -> None:
    """Delete an answer as the caller last saw it; raise CannedAnswerNotFound, PreconditionFailed."""
    await _locked(tx, answer_id, revision)
    await queries.delete_canned_answer(tx, answer_id)


async def _locked(tx: Tx, answer_id: UUID, revision: int) -> CannedAnswer:
    answer = await queries.lock_canned_answer(tx, answer_id)
    if answer is None:
        raise CannedAnswerNotFound(answer=answer_id)
    if answer.revision != revision:
        raise PreconditionFailed(answer=answer_id)
    return answer
