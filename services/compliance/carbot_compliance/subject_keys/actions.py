"""Getting and opening the keys of data subjects. Nothing here is kept beyond its transaction: a destroyed key is gone at once."""

import os
from collections.abc import Iterable
from uuid import UUID

from carbot_compliance.subject_keys import queries
from carbot_compliance.subject_keys.models import KeyClass, OpenKey, SubjectKey
from carbot_core.crypto import Vault
from carbot_core.db import Tx
from carbot_core.ids import new_id

_KEY_BYTES = 32


async def ensure_keys(tx: Tx, vault: Vault, key_class: KeyClass, subjects: Iterable[UUID]) -> dict[UUID, OpenKey]:
    """Return the key of each subject by the subject's id, making those that are missing; a destroyed one stays destroyed."""
    wanted = sorted(set(subjects))
    if not wanted:
        return {}
    known = {key.subject_id: key for key in await queries.list_keys_of_subjects(tx, key_class, wanted)}
    missing = [subject for subject in wanted if subject not in known]
    if missing:
        made = [_make_key(tx, vault, subject) for subject in missing]
        inserted = await queries.insert_keys(tx, key_class, made)
        if inserted < len(made):
            # Another worker was faster with one of them.
            made = await queries.list_keys_of_subjects(tx, key_class, missing)
        known |= {key.subject_id: key for key in made}
    return {subject: _open_key(tx, vault, key) for subject, key in known.items()}


async def find_keys(tx: Tx, vault: Vault, ids: Iterable[UUID]) -> dict[UUID, OpenKey]:
    """Return these keys by their ids."""
    wanted = sorted(set(ids))
    found = await queries.list_keys(tx, wanted) if wanted else []
    return {key.id: _open_key(tx, vault, key) for key in found}


def _make_key(tx: Tx, vault: Vault, subject_id: UUID) -> SubjectKey:
    key_id = new_id()
    return SubjectKey(key_id, subject_id, vault.encrypt(os.urandom(_KEY_BYTES), _place(tx, key_id)))


def _open_key(tx: Tx, vault: Vault, key: SubjectKey) -> OpenKey:
    if key.wrapped_key is None:
        return OpenKey(key.id, None)
    return OpenKey(key.id, Vault(vault.decrypt(key.wrapped_key, _place(tx, key.id))))


def _place(tx: Tx, key_id: UUID) -> str:
    return f"compliance.subject_keys.wrapped_key/{tx.organization_id}/{key_id}"
