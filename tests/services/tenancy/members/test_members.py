"""Members."""

from collections.abc import Callable
from typing import Any

from carbot_testing.founding import TENANCY, Founder, Person

MEMBERS = f"{TENANCY}/members"


async def member_of(owner: Person, email: str) -> dict[str, Any]:
    items = (await owner.client.get(MEMBERS)).json()["items"]
    return next(item for item in items if item["email"] == email)


async def edit(person: Person, member: dict[str, Any], **changes: Any) -> Any:
    headers = {"if-match": f'"{member["revision"]}"'}
    return await person.client.patch(f"{MEMBERS}/{member['id']}", json=changes, headers=headers)


class TestEditMember:
    async def test_refuses_old_tokens_and_gives_the_new_role_on_refresh(
        self, founder: Founder, eventually: Callable[..., Any]
    ) -> None:
        owner = await founder.found()
        workshop = await founder.workshop(owner)
        manager = await founder.join(owner, "manager")
        answer = await edit(owner, await member_of(owner, manager.email), role="technician", workshop_ids=[workshop])
        assert (answer.status_code, answer.json()["role"], answer.headers["etag"]) == (200, "technician", '"2"')

        async def refused() -> bool:
            return (await manager.client.get(f"{TENANCY}/workshops")).status_code == 401

        assert await eventually(refused, within=3)
        again = founder.client((await founder.refresh(manager.refresh_token)).json())
        assert (await again.get(f"{TENANCY}/workshops")).status_code == 200
        assert (await again.get(MEMBERS)).status_code == 403

    async def test_ends_a_membership(self, founder: Founder) -> None:
        owner = await founder.found()
        viewer = await founder.join(owner, "viewer")
        assert (await edit(owner, await member_of(owner, viewer.email), is_active=False)).status_code == 200
        assert (await founder.refresh(viewer.refresh_token)).status_code == 401
        assert (await founder.login(viewer.email)).status_code == 403

    async def test_keeps_the_last_owner(self, founder: Founder) -> None:
        owner = await founder.found()
        own = await member_of(owner, owner.email)
        for change in ({"role": "admin"}, {"is_active": False}):
            answer = await edit(owner, own, **change)
            assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
        assert (await edit(owner, own, workshop_ids=[await founder.workshop(owner)])).status_code == 422
        second = await founder.join(owner, "owner")
        assert (await edit(second, own, role="viewer")).status_code == 200

    async def test_lets_an_admin_touch_neither_owners_nor_admins(self, founder: Founder) -> None:
        owner = await founder.found()
        admin, viewer = await founder.join(owner, "admin"), await founder.join(owner, "viewer")
        for email, change, status in (
            (owner.email, {"role": "viewer"}, 403),
            (admin.email, {"role": "owner"}, 403),
            (viewer.email, {"role": "admin"}, 403),
            (viewer.email, {"role": "manager"}, 200),
        ):
            assert (await edit(admin, await member_of(owner, email), **change)).status_code == status

    async def test_knows_no_member_of_another_organisation(self, founder: Founder, owner: Person) -> None:
        other = await founder.found()
        foreign = await member_of(other, other.email)
        assert (await edit(owner, foreign, role="viewer")).status_code == 404
