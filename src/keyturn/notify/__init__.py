"""How people hear: what the gate's outbox holds, told through apprise or a signed webhook, again until it arrives."""

from keyturn.notify.apprise_target import AppriseTarget
from keyturn.notify.sender import Sender, Target, attempt
from keyturn.notify.text import Pages
from keyturn.notify.webhook import WebhookTarget

__all__ = ["AppriseTarget", "Pages", "Sender", "Target", "WebhookTarget", "attempt"]
