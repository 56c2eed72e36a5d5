"""What compliance consists of."""

from pathlib import Path

from carbot_compliance.audit.events import AuditConsumer
from carbot_compliance.audit.routes import AUDIT_LOGS
from carbot_compliance.settings import ComplianceSettings
from carbot_core import directory
from carbot_core.service import Service

ROUTERS = (AUDIT_LOGS,)
CONSUMERS = (directory.consumer("compliance"), AuditConsumer())
STREAMS = {"AUDIT": ["audit.>"]}

SERVICE = Service(
    name="compliance",
    folder=Path(__file__).parent,
    settings=ComplianceSettings,
    routers=ROUTERS,
    consumers=CONSUMERS,
    streams=STREAMS,
)
