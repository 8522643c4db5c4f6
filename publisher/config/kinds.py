"""The kinds of value in ``jobs.yaml``: how each is read, and how JSON Schema says it.

A reader returns the value in the form that ``settings`` wants or raises ``PublisherError`` with a
message that fits behind ``jobs.yaml:12: key: ``. Only names that cannot be secrets are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from publisher.config.addresses import require_public
from publisher.generators import GENERATORS, Generator
from publisher.model import Embargo
from publisher.model.errors import PublisherError
from publisher.model.secret import SecretRef
from publisher.text.times import parse_duration
from publisher.text.urls import RESERVED_HOSTS

SOURCES = "write {env: NAME}, {credential: name} or {file: path}"
PLACEHOLDERS = ("slug", "id", "year", "month", "day")


@dataclass(frozen=True, slots=True)
class Place:
    """What relative values refer to: the folder of ``jobs.yaml`` and the person's home."""

    project: Path  # absolute and resolved
    home: str | None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file, said of the field of ``settings`` that holds its value.

    ``path`` is dotted, below its section; ``*`` stands for any name. Without one it is the
    field's name. The kind is one of ``KINDS``, ``section``, ``addresses`` (a list of ``address``),
    or ``later``: documented, and not in this version; without one it is that of the field's type.
    ``default`` is as written in the file, ``None`` where there is none.
    """

    help: str
    kind: str = ""
    path: str = ""
    default: Any = None
    is_optional: bool = False  # though the field has no default

    @property
    def required(self) -> bool:
        """Tell whether the key must be there when its section is."""
        return self.default is None and not self.is_optional


@dataclass(frozen=True, slots=True)
class Kind:
    read: Callable[[Any, Place], Any]
    json: Mapping[str, Any]


def nearest(word: str, words: Collection[str]) -> str:
    """Say which of the words was probably meant, or name them all."""
    near = get_close_matches(word, words, n=1)
    return f"did you mean {near[0]}?" if near else f"possible here: {', '.join(sorted(words))}"


def wrong(expected: str, value: Any, *, hint: str = "") -> PublisherError:
    """Report the type of a value, without quoting it."""
    if isinstance(value, bool):
        shape = "true or false"
    elif isinstance(value, int | float):
        shape = "a number"
    else:
        shapes: dict[type, str] = {str: "text", list: "a list", dict: "a mapping"}
        shape = "a date" if isinstance(value, date) else shapes.get(type(value), "something else")
    return PublisherError(f"expected {expected}, found {shape}", hint=hint)


def read_text(value: Any, place: Place) -> str:
    if not isinstance(value, str):
        quotable = isinstance(value, int | float | date)
        raise wrong("text", value, hint="put it in quotes" if quotable else "")
    if not value.strip():
        raise PublisherError("is empty", hint="write a text, or remove the key")
    return value


def read_line(value: Any, place: Place) -> str:
    text = read_text(value, place)
    if not text.isprintable():
        raise PublisherError("contains line breaks or control characters", hint="write one line")
    return text


def read_texts(value: Any, place: Place) -> tuple[str, ...]:
    if isinstance(value, str):
        raise wrong("a list of texts", value, hint="write one text per item: [first, second]")
    if not isinstance(value, list):
        raise wrong("a list of texts", value)
    if not value:
        raise PublisherError("is an empty list", hint="write [first, second], or remove the key")
    return tuple(read_text(item, place) for item in value)


def read_boolean(value: Any, place: Place) -> bool:
    if not isinstance(value, bool):
        raise wrong("true or false", value, hint="write true or false")
    return value


def read_integer(value: Any, place: Place) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong("a whole number", value)
    return value


def read_url(value: Any, place: Place) -> str:
    """Read an absolute http(s) URL as it stands; it may hold no user name or password."""
    text = read_line(value, place)
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or re.search(r"[\s\\<>\"#]", text):
        raise PublisherError(
            "is not an absolute http or https URL", hint="write it as in https://example.org"
        )
    if "@" in parts.netloc:
        raise PublisherError(
            "contains a user name or password", hint="remove the part before the @"
        )
    return text


def read_site_url(value: Any, place: Place) -> str:
    text = read_url(value, place)
    if urlsplit(text).hostname in RESERVED_HOSTS:
        raise PublisherError(
            f"{text} is a placeholder, and announcements would link there",
            hint="write the address at which the site is public",
        )
    if "?" in text:
        raise PublisherError("has a query", hint="end it before the ?")
    return text.rstrip("/")


def read_page(value: Any, place: Place) -> str:
    """Read the path of a page on the site."""
    text = read_line(value, place)
    if not text.startswith("/") or text.startswith("//") or " " in text:
        raise PublisherError("is not a path on the site", hint="begin with one /, as in /feed.xml")
    return text


def read_post_url(value: Any, place: Place) -> str:
    text = read_page(value, place)
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    names = re.findall(r"\{([^{}]*)\}", text)
    for name in names:
        if name not in PLACEHOLDERS:
            raise PublisherError(f"unknown placeholder {{{name}}}", hint=f"known: {known}")
    if re.search(r"[{}?#]", re.sub(r"\{[^{}]*\}", "", text)):
        raise PublisherError("contains a stray brace, ? or #", hint=f"placeholders are {known}")
    if not {"slug", "id"} & set(names):
        raise PublisherError(
            "gives all posts the same URL", hint="put {slug} or {id} into it: /blog/{slug}"
        )
    return text


def read_glob(value: Any, place: Place) -> str:
    text = read_line(value, place)
    if text.startswith(("/", "~")) or ".." in text.split("/") or "\\" in text:
        raise PublisherError(
            "must stay below site.root", hint='write a pattern below it, as in "blog/**/*.md"'
        )
    return text


def read_globs(value: Any, place: Place) -> tuple[str, ...]:
    """Read one pattern, or a list of them."""
    return tuple(read_glob(item, place) for item in _items(value))


def read_names(value: Any, place: Place) -> tuple[str, ...]:
    """Read the name of one frontmatter key, or a list of them."""
    return tuple(read_line(item, place) for item in _items(value))


def _items(value: Any) -> list[Any]:
    if value == []:
        raise PublisherError("is an empty list", hint="write [first, second], or remove the key")
    return value if isinstance(value, list) else [value]


def resolve_path(path: Path) -> Path:
    """Follow links; what is not there yet is fine, a loop or a name too long is not."""
    try:
        path.exists()
        return path.resolve()
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "a link leads to itself"
        raise PublisherError("is not a path that can be used", why=why.lower()) from None


def read_inside(value: Any, place: Place) -> Path:
    """Read a path that may not leave the folder of ``jobs.yaml``."""
    path = resolve_path(place.project / read_line(value, place))
    if not path.is_relative_to(place.project):
        raise PublisherError(
            "is outside the folder of jobs.yaml", hint="put jobs.yaml into a folder that holds it"
        )
    return path


def read_folder(value: Any, place: Place) -> Path:
    path = read_inside(value, place)
    if not path.is_dir():
        raise PublisherError(
            f"there is no folder {path.relative_to(place.project).as_posix()!r}",
            hint="relative paths start at the folder of jobs.yaml",
        )
    return path


def read_path(value: Any, place: Place) -> Path:
    """Read a path that may be anywhere, provided that it says so: ``/…`` or ``~/…``."""
    text = read_line(value, place)
    if text.startswith("~/") and place.home:
        text = f"{place.home}/{text[2:]}"
    if text.startswith("~"):
        raise PublisherError("refers to an unknown home folder", hint="write it in full")
    return resolve_path(Path(text)) if Path(text).is_absolute() else read_inside(text, place)


def read_zone(value: Any, place: Place) -> ZoneInfo:
    name = read_line(value, place)
    try:
        if name != "localtime" and not name.startswith(("right/", "posix/")):
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    zones = {zone.lower(): zone for zone in available_timezones()}
    near = get_close_matches(name.lower(), zones, n=1)
    hint = f"did you mean {zones[near[0]]}?" if near else "write a name such as Europe/Oslo"
    raise PublisherError(f"unknown time zone {name!r}", hint=hint)


def read_clock(value: Any, place: Place) -> time:
    """Read ``HH:MM``; bare 09:00 arrives as text too, since base 60 is off in our YAML."""
    hint = 'write hours and minutes in quotes: "09:00"'
    if not isinstance(value, str):
        raise wrong("a time of day", value, hint=hint)
    if not re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", value, flags=re.ASCII):
        raise PublisherError("is not a time of day between 00:00 and 23:59", hint=hint)
    return time(int(value[:2]), int(value[3:]))


def read_duration(value: Any, place: Place) -> timedelta:
    if not isinstance(value, str):
        raise wrong("a duration", value, hint="write a number and a unit: 90s, 15m, 6h, 2d")
    return parse_duration(value)


def read_timeout(value: Any, place: Place) -> timedelta:
    timeout = read_duration(value, place)
    if timeout <= timedelta(0):
        raise PublisherError("must be greater than zero", hint="write for example 15m")
    return timeout


def read_count(value: Any, place: Place) -> int:
    count = read_integer(value, place)
    if count < 1:
        raise PublisherError("must be 1 or more")
    return count


def read_generator(value: Any, place: Place) -> Generator:
    name = read_line(value, place)
    if name not in GENERATORS:
        raise PublisherError(f"unknown generator {name!r}", hint=nearest(name, GENERATORS))
    return GENERATORS[name]


def read_state_value(value: Any, place: Place) -> str | bool:
    return value if isinstance(value, bool) else read_line(value, place)


def read_embargo(value: Any, place: Place) -> Embargo:
    if value is False:  # how YAML reads a bare off
        return Embargo.OFF
    if value not in [embargo.value for embargo in Embargo]:
        raise PublisherError("is not a valid value", hint="use redact, teaser, omit or off")
    return Embargo(value)


def read_ledger(value: Any, place: Place) -> Path | None:
    """Read where the ledger's file is; ``None`` means in ``state_dir``."""
    text = read_line(value, place)
    choices = "write sqlite, or sqlite:///path/to/ledger.db"
    if text == "sqlite":
        return None
    if text.startswith("postgres"):
        raise PublisherError("PostgreSQL is not supported in this version", hint=choices)
    if not text.startswith("sqlite:///") or "?" in text:
        raise PublisherError("is not a supported ledger", hint=choices)
    name = text.removeprefix("sqlite:///")
    if not name or name.endswith("/") or ":memory:" in name:
        raise PublisherError("must name a file on disk", hint=choices)
    return read_path(name, place)


def read_secret(value: Any, place: Place) -> SecretRef:
    """Read where a secret is kept; whatever else stands there is refused and not quoted."""
    if not isinstance(value, dict):
        raise PublisherError(
            "secrets are not allowed in this file",
            hint=f"{SOURCES}; renew the secret if others have seen this file",
        )
    if len(value) != 1 or next(iter(value)) not in ("env", "credential", "file"):
        raise PublisherError("does not say where the secret is kept", hint=SOURCES)
    ((source, name),) = value.items()
    patterns = {"env": r"[A-Za-z_][A-Za-z0-9_]*", "credential": r"[A-Za-z0-9_][A-Za-z0-9._-]*"}
    if source in patterns and not (isinstance(name, str) and re.fullmatch(patterns[source], name)):
        raise PublisherError(
            f"{{{source}: …}} does not hold a name",
            hint="write the name under which the secret is kept, not the secret",
        )
    if source == "file":
        name = str(read_path(read_line(name, place), place))
    return SecretRef(source, name)


def read_address(value: Any, place: Place) -> str | SecretRef:
    """Read where alerts go: an Apprise URL without any secret, or where the URL is kept."""
    if isinstance(value, dict):
        return read_secret(value, place)
    text = read_line(value, place)
    require_public(text)
    return text


def read_ping(value: Any, place: Place) -> str | SecretRef:
    return read_secret(value, place) if isinstance(value, dict) else read_url(value, place)


_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_SECRET = {
    "type": "object",
    "properties": dict.fromkeys(("env", "credential", "file"), _TEXT),
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_DURATION = {"type": "string", "examples": ["90s", "15m", "6h"]}

KINDS: Mapping[str, Kind] = {
    "address": Kind(read_address, {"anyOf": [_TEXT, _SECRET]}),
    "boolean": Kind(read_boolean, {"type": "boolean"}),
    "clock": Kind(read_clock, {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
    "count": Kind(read_count, {"type": "integer", "minimum": 1}),
    "duration": Kind(read_duration, _DURATION),
    "embargo": Kind(read_embargo, {"enum": [*map(str, Embargo), False]}),
    "folder": Kind(read_folder, _TEXT),
    "generator": Kind(read_generator, {"enum": sorted(GENERATORS)}),
    "globs": Kind(read_globs, _TEXTS),
    "integer": Kind(read_integer, {"type": "integer"}),
    "ledger": Kind(read_ledger, {"type": "string", "pattern": "^sqlite(:///.+)?$"}),
    "line": Kind(read_line, _TEXT),
    "page": Kind(read_page, {"type": "string", "pattern": "^/"}),
    "names": Kind(read_names, _TEXTS),
    "path": Kind(read_path, _TEXT),
    "ping": Kind(read_ping, {"anyOf": [{"type": "string", "pattern": "^https?://"}, _SECRET]}),
    "post_url": Kind(read_post_url, {"type": "string", "pattern": r"^/.*\{(slug|id)\}"}),
    "secret": Kind(read_secret, _SECRET),
    "site_url": Kind(read_site_url, {"type": "string", "pattern": "^https?://"}),
    "state_value": Kind(read_state_value, {"type": ["string", "boolean"]}),
    "text": Kind(read_text, _TEXT),
    "texts": Kind(read_texts, {"type": "array", "items": _TEXT, "minItems": 1}),
    "timeout": Kind(read_timeout, _DURATION),
    "url": Kind(read_url, {"type": "string", "pattern": "^https?://"}),
    "zone": Kind(read_zone, {"type": "string", "examples": ["Europe/Oslo"]}),
}
