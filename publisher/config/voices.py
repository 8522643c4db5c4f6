"""How each channel of ``jobs.yaml`` speaks: its texts and limits, without any of its secrets."""

from __future__ import annotations

from publisher.channels import ChannelType, load_type
from publisher.channels.compose import Voice
from publisher.config.settings import ChannelSettings


def voice_of(channel: ChannelSettings) -> Voice:
    """Give a channel's texts and limits; needs none of its secrets.

    :raises ConfigError: when its type cannot be loaded.
    """
    kind: ChannelType = load_type(channel.type)
    template_for = getattr(kind, "template_for", lambda options: kind.template)
    subject_for = getattr(kind, "subject_for", lambda options: kind.subject)
    limits_for = getattr(kind, "limits_for", lambda options: kind.limits)
    template, subject = channel.template, channel.subject
    return Voice(
        channel=channel.name,
        template=template if template is not None else template_for(channel.options),
        subject=subject if subject is not None else subject_for(channel.options),
        limits=limits_for(channel.options),
    )
