"""What of the causes is news to the operator: once, again when it gets worse, and when it is over.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from publisher.alerts.rules import Finding, Level
from publisher.ledger import Alert

PATIENCE = timedelta(hours=1)  # for what publisher tries by itself
REMINDER = timedelta(hours=24)

Alerts = Mapping[str, Alert]


def noted(
    known: Alerts,
    causes: Mapping[str, Finding],
    now: datetime,
    *,
    is_hidden: Callable[[str], bool],
    subject: Callable[[Finding], str],
) -> dict[str, Alert]:
    """Give the alerts as they stand now.

    ``is_hidden`` tells of a cause that is not among ``causes`` whether it may stand all the same;
    ``subject`` names a new one. What is over stays, with level 0, until the operator knows; what
    was never told is dropped.
    """
    found: dict[str, Alert] = {}
    for key, cause in causes.items():
        alert = known.get(key)
        if alert is None:
            level = cause.level
            found[key] = Alert(cause=key, what=subject(cause), level=level, since_at=now)
        else:
            level = level_of(cause, alert, now)
            # What became better may become worse again, and that will be news.
            found[key] = replace(alert, level=level, told_level=min(alert.told_level, level))
    for key, alert in known.items():
        if key in causes:
            continue
        if is_hidden(key):
            found[key] = alert
        elif alert.told_level:
            found[key] = replace(alert, level=Level.OVER)
    return found


def level_of(cause: Finding, alert: Alert, now: datetime) -> Level:
    """Give the level that a cause has by now."""
    level = cause.level
    if level is Level.TRYING and cause.gets_worse and now - alert.since_at >= PATIENCE:
        level = Level.WAITING
    if level is not Level.WAITING or alert.told_level < Level.WAITING:
        return level
    is_reminded = alert.told_level >= Level.OVERDUE
    is_due = alert.told_at is not None and now - alert.told_at >= REMINDER
    return Level.OVERDUE if is_reminded or is_due else level


def is_news(alert: Alert) -> bool:
    return alert.level > alert.told_level or alert.level == Level.OVER


def told(current: Alert | None, news: Alert, at: datetime) -> Alert | None:
    """Give the alert after ``news`` was told at ``at``, as which it stood then.

    ``current`` is how it stands by now; ``None`` says that there is nothing (more) to remember.
    """
    if news.level == Level.OVER:
        if current is None or current.level == Level.OVER:
            return None
        return replace(current, told_level=0, told_at=None)  # it came back meanwhile
    if current is None:  # it went meanwhile, which is news now
        current = replace(news, level=Level.OVER)
    return replace(current, told_level=news.level, told_at=at)
