"""Where the log goes and how its lines look: on a terminal, in the journal, as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from publisher.system.report import Event, logger
from publisher.text.printable import shown, shown_in_json

HANDLER = "publisher"
CHATTY = ("apscheduler", "oauthlib", "requests_oauthlib", "tweepy", "urllib3")


def configure_logging(
    *, environ: Mapping[str, str], verbose: bool, json_lines: bool = False
) -> None:
    """Send the log to standard error, in the form that its reader wants.

    A terminal gets local times. The journal gets its priority prefix on every line and knows
    the time by itself. May be called again; only the last call counts.
    """
    formatter: logging.Formatter
    if json_lines:
        formatter = JsonFormatter()
    elif is_journal(environ):
        formatter = JournalFormatter()
    elif sys.stderr.isatty():
        formatter = PlainFormatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")
    else:
        formatter = PlainFormatter("%(message)s")
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(HANDLER)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for other in [known for known in root.handlers if known.get_name() == HANDLER]:
        root.removeHandler(other)
    root.addHandler(handler)
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in CHATTY:  # at DEBUG they write down requests, with their credentials
        logging.getLogger(name).setLevel(logging.WARNING)
    # At WARNING it shows the address of an answer with odd headers; addresses may be secrets.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def is_journal(environ: Mapping[str, str]) -> bool:
    """Tell whether standard error leads to the journal.

    ``$JOURNAL_STREAM`` alone does not say so: shells and pipes inherit it, hence the comparison
    that systemd.exec(5) asks for (checked 2026-11-20).
    """
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class PlainFormatter(logging.Formatter):
    """Show what a terminal would obey; tracebacks and other programs' words hold anything."""

    def format(self, record: logging.LogRecord) -> str:
        return shown(super().format(record))


class JournalFormatter(PlainFormatter):
    """Begin every line with its priority, as sd-daemon(3) has it."""

    def format(self, record: logging.LogRecord) -> str:
        levels = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
        priority = next((number for level, number in levels if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


class JsonFormatter(logging.Formatter):
    """Write one JSON object per line: ``at`` (UTC), ``level``, ``event`` and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {}
        arguments = record.args if isinstance(record.args, tuple) else ()
        event = next((value for value in arguments if isinstance(value, Event)), None)
        line["at"] = datetime.fromtimestamp(record.created, UTC).isoformat()
        line["level"] = record.levelname.lower()
        line["event"] = event.name if event else record.getMessage()
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        fields = event.fields if event else {}
        return shown_in_json(json.dumps({**fields, **line}, ensure_ascii=False))
