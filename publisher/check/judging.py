"""Does the generator judge by itself whether a post's date has come? Then two clocks decide."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from publisher.generators.own_config import mkdocs_blogs, read_config
from publisher.model import Problem
from publisher.model.settings import Settings

# These judge dates only where told to, so publisher does not wait for dates in their stead.
_LEST = "into all posts to come, lest they are public at once; then "
_FIRST = {
    "mkdocs": f"first write draft: true {_LEST}",
    "pelican": f"first write status: draft {_LEST}",
}
# `npm run build`, `pnpm run build`, `yarn build`
_RUNNERS = frozenset({"npm", "pnpm", "yarn", "bun"})


def check_judging(settings: Settings) -> Iterator[Problem]:
    """Warn where the generator withholds posts whose date is in its future."""
    command = settings.rebuild.command if settings.rebuild else ()
    switch = switch_for(settings.site.preset.name, settings.site.root, command)
    if switch:
        yield Problem(
            rule="generator-judges-dates",
            severity="warning",
            path=settings.file.name,
            line=None,
            message=f"{settings.site.preset.name} judges dates by itself: "
            "it can hold back a post that is released",
            hint=f"{_FIRST.get(settings.site.preset.name, '')}{switch}",
        )


def builds_all(settings: Settings) -> bool:
    """Tell whether we have a generator build what it would keep back until its date."""
    site = settings.site
    if settings.rebuild is None or not site.preset.withholds:
        return False
    return not switch_for(site.preset.name, site.root, settings.rebuild.command)


def switch_for(generator: str, root: Path, command: Sequence[str]) -> str:
    """Say what to write so that the generator stops judging dates; "" when it does not judge."""
    read = _READERS.get(generator)
    return read(root, _words(root, command)) if read else ""


def _hugo(root: Path, words: str) -> str:
    if not re.search(r"(?:^|[\s/])hugo\b", words):  # built by a script of which we know nothing
        return ""
    in_config = read_config("hugo", root).get("buildfuture") is True
    in_command = re.search(r"\s(?:--buildFuture(?!=false)\b|-[A-Za-z]*F)", words)
    return "" if in_config or in_command else "write --buildFuture into rebuild.command"


def _jekyll(root: Path, words: str) -> str:
    if not re.search(r"(?:^|[\s/])jekyll\b", words):
        return ""
    in_config = read_config("jekyll", root).get("future") is True
    is_told = in_config or re.search(r"\s--future\b", words)
    return "" if is_told else "write --future into rebuild.command"


def _pelican(root: Path, words: str) -> str:
    judges = read_config("pelican", root).get("WITH_FUTURE_DATES") is False
    if not judges or re.search(r"WITH_FUTURE_DATES=true", words):
        return ""
    return "write WITH_FUTURE_DATES = True into pelicanconf.py"


def _nikola(root: Path, words: str) -> str:
    is_told = read_config("nikola", root).get("FUTURE_IS_NOW") is True
    return "" if is_told else "write FUTURE_IS_NOW = True into conf.py"


def _mkdocs(root: Path, words: str) -> str:
    blogs = mkdocs_blogs(read_config("mkdocs", root))
    judges = any(options.get("draft_if_future_date") is True for options in blogs)
    return "write draft_if_future_date: false into mkdocs.yml" if judges else ""


_READERS: Mapping[str, Callable[[Path, str], str]] = {
    "hugo": _hugo,
    "jekyll": _jekyll,
    "mkdocs": _mkdocs,
    "nikola": _nikola,
    "pelican": _pelican,
}


def _words(root: Path, command: Sequence[str]) -> str:
    """Give the command, with the script of ``package.json`` that it names."""
    words = " ".join(command)
    if len(command) > 1 and command[0] in _RUNNERS:
        with suppress(OSError, ValueError, KeyError, TypeError):
            package = json.loads((root / "package.json").read_text(encoding="utf-8"))
            words += f" {package['scripts'][command[-1]]}"
    return words
