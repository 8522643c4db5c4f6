"""The words of an alert: what happened, to what, what was tried, since when, what to do now. Pure.

Of a post under embargo nothing is said but its title.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from publisher.alerts.rules import Finding, Level
from publisher.ledger import Alert, Attempt
from publisher.model import DeliveryRecord, PostId
from publisher.model.errors import PublisherError
from publisher.text.times import format_local

MANY = 5  # more at once go out as one message
LISTED = 20
TRIES = 5
LONG, SHORT = 500, 200  # characters of a reason

_VERBS = {
    Level.TRYING: "fails; publisher keeps trying",
    Level.WAITING: "waits for you",
    Level.OVERDUE: "still waits for you",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """One message to every address in ``to``; it tells of ``alerts`` as they stood."""

    title: str
    body: str
    level: Level
    alerts: tuple[Alert, ...] = ()
    to: tuple[int, ...] = ()
    tries: int = 0
    not_before: datetime | None = None


def cannot_start(site: str, error: PublisherError) -> AlertMessage:
    """Write that publisher waits for a disk; no ledger can be asked then."""
    lines = [
        f"publisher cannot start for {site}. Nothing is released or announced until it can.",
        "",
        f"What happened: {cut(error.one_line, LONG)}",
        "Now: correct that; publisher tries again every few minutes.",
    ]
    return AlertMessage(
        title=f"{site}: publisher cannot start", body="\n".join(lines), level=Level.WAITING
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes messages in the site's name and zone."""

    site: str
    zone: ZoneInfo
    title: Callable[[PostId], str]
    attempts: Callable[[DeliveryRecord], Sequence[Attempt]]

    def write(
        self, news: Sequence[Alert], findings: Mapping[str, Finding], now: datetime
    ) -> list[AlertMessage]:
        """Write what is new and what is over: a message each, or one for many."""
        over = [alert for alert in news if alert.level == Level.OVER]
        new = [alert for alert in news if alert.level != Level.OVER and alert.cause in findings]
        return [*self._write_new(new, findings), *self._write_over(over, now)]

    def _write_new(
        self, new: Sequence[Alert], findings: Mapping[str, Finding]
    ) -> list[AlertMessage]:
        if len(new) <= MANY:
            return [self._write_one(alert, findings[alert.cause]) for alert in new]
        lines = [f"{len(new)} things went wrong or wait for you:", ""]
        for alert in new[:LISTED]:
            finding = findings[alert.cause]
            lines += [f"- {alert.what} {_VERBS[Level(alert.level)]}: {cut(finding.why, SHORT)}"]
        worst = Level(max(alert.level for alert in new))
        title = f"{self.site}: {len(new)} things {'need you' if worst > Level.TRYING else 'fail'}"
        return [self._message(title, [*lines, *_rest(new)], worst, new)]

    def _write_over(self, over: Sequence[Alert], now: datetime) -> list[AlertMessage]:
        def span(alert: Alert) -> str:
            since = format_local(_minute(alert.since_at), self.zone)
            return f"from {since} until {format_local(_minute(now), self.zone)}"

        if len(over) <= MANY:
            return [
                self._message(
                    f"{self.site}: over: {alert.what}",
                    [f"What was told of {alert.what} is over.", "", f"It lasted {span(alert)}."],
                    Level.OVER,
                    [alert],
                )
                for alert in over
            ]
        lines = [f"{len(over)} things are over:", ""]
        lines += [f"- {alert.what}, {span(alert)}" for alert in over[:LISTED]]
        title = f"{self.site}: {len(over)} things are over"
        return [self._message(title, [*lines, *_rest(over)], Level.OVER, over)]

    def _write_one(self, alert: Alert, finding: Finding) -> AlertMessage:
        level = Level(alert.level)
        verb = _VERBS[level]
        lines = [f"{alert.what[:1].upper()}{alert.what[1:]} {verb}.", ""]
        lines.append(f"What happened: {cut(finding.why, LONG)}")
        lines += [f"Post: {self.title(post)} ({post})" for post in finding.posts[:MANY]]
        if len(finding.posts) > MANY:
            lines.append(f"Post: and {len(finding.posts) - MANY} more")
        if finding.channel:
            occasion = f", occasion {finding.occasion}" if finding.occasion else ""
            lines.append(f"Channel: {finding.channel}{occasion}")
        lines += self._tried(finding)
        lines.append(f"Since: {format_local(_minute(alert.since_at), self.zone)}")
        lines.append(f"Now: {self._remedy(finding, level)}")
        return self._message(f"{self.site}: {alert.what} {verb}", lines, level, [alert])

    def _tried(self, finding: Finding) -> list[str]:
        attempts = self.attempts(finding.delivery) if finding.delivery else ()
        count = len(attempts) or finding.tried
        lines = [f"Tried: {count} {'time' if count == 1 else 'times'}"] if count else []
        for attempt in attempts[-TRIES:]:
            at = format_local(attempt.intent_at.replace(microsecond=0), self.zone)
            outcome = (attempt.outcome or "under way").replace("_", " ")
            reason = f": {cut(attempt.reason, SHORT)}" if attempt.reason else ""
            lines.append(f"  {at}  {outcome}{reason}")
        return lines

    def _remedy(self, finding: Finding, level: Level) -> str:
        again = ""
        if finding.retry_at is not None:
            at = format_local(finding.retry_at.replace(microsecond=0), self.zone)
            again = f"publisher tries again at {at}"
        commands = finding.commands
        if not commands and finding.channel and not finding.posts:
            return "set what is missing, then restart publisher; `publisher check` looks for it"
        command = ", or ".join(f"`{command}`" for command in commands)
        if level is Level.TRYING:
            at_once = f"; {command} tries at once" if command and again else ""
            return f"nothing yet; {again or 'publisher tries again by itself'}{at_once}"
        remedy = f"correct it, then {command}" if again else command
        if not remedy:
            remedy = (
                f"`publisher why {finding.posts[0]}`" if finding.posts else "`publisher status`"
            )
        return f"{remedy} ({again})" if again else remedy

    def _message(
        self, title: str, lines: Sequence[str], level: Level, alerts: Sequence[Alert]
    ) -> AlertMessage:
        return AlertMessage(title=title, body="\n".join(lines), level=level, alerts=tuple(alerts))


def a_test(site: str) -> AlertMessage:
    """Write the message that shows whether alerts arrive."""
    return AlertMessage(
        title=f"{site}: a test",
        body="This is what an alert of publisher looks like. Nothing happened, nothing is to do.",
        level=Level.OVER,
    )


def cut(text: str, length: int) -> str:
    """Write a reason on one line, shortened."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1].rstrip() + "…"


def _rest(alerts: Sequence[Alert]) -> list[str]:
    more = [f"- and {len(alerts) - LISTED} more"] if len(alerts) > LISTED else []
    return [*more, "", "`publisher status` and `publisher alerts` show all."]


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
