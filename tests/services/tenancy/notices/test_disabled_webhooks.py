"""What owners hear when a webhook is called no more."""

from collections.abc import Callable
from typing import Any

from carbot_contracts.crm import WebhookDisabled
from carbot_core.db import Database
from carbot_core.ids import new_id
from carbot_testing.founding import Founder
from carbot_testing.mailbox import Mailbox
from carbot_testing.world import World

MAILS = "/api/tenancy/v1/mails"


async def test_disabled_webhook_is_told_to_each_owner_once_and_to_nobody_else(
    founder: Founder, mailbox: Mailbox, worker_databases: dict[str, Database], eventually: Callable[..., Any]
) -> None:
    owner = await founder.found()
    second, advisor = await founder.join(owner, "owner"), await founder.join(owner, "service_advisor")
    event = WebhookDisabled(webhook_id=new_id())
    await World({"tenancy": worker_databases["tenancy"]}).tell(owner.organization_id, event, version=3)

    async def told() -> Any:
        mails = (await owner.client.get(MAILS)).json()["items"]
        return {
            mail["recipient"] for mail in mails if (mail["template"], mail["state"]) == ("webhook_disabled", "sent")
        }

    assert await eventually(lambda: _is(told, {owner.email, second.email}), within=10)
    body = mailbox.to(owner.email)[-1].get_body(("plain",))
    assert body is not None
    assert f"/webhooks/{event.webhook_id}" in body.get_content()
    assert advisor.email not in await told()


async def _is(told: Callable[[], Any], expected: set[str]) -> bool:
    return await told() == expected
