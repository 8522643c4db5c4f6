"""Mends what can be mended without a guess: text encoded twice, and wrong weekdays in stamps."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from publisher.check.dates import weekday_like
from publisher.check.days import wrong_weekdays
from publisher.check.pages import Page, Site, read_page, read_site
from publisher.config.settings import Settings
from publisher.model import Problem
from publisher.model.errors import PublisherError
from publisher.posts.edit import Edit, apply
from publisher.posts.library import Library
from publisher.posts.library import Page as File
from publisher.posts.mojibake import repair
from publisher.system.files import read_file, replace_file
from publisher.text.frontmatter import BOM, Document, parse

FIXABLE = frozenset({"mojibake", "weekday-mismatch"})
_LINE = re.compile(r"[^\r\n]+")


def fix(settings: Settings, library: Library, problems: Sequence[Problem]) -> tuple[str, ...]:
    """Mend the problems that need no decision, and give the paths that changed.

    Text encoded twice is decoded where no byte of it is lost; a stamp gets the weekday of its
    post's date. A file is entirely mended or entirely as it was.

    :raises PostError: when a file cannot be written; those before it are mended.
    """
    wanted: defaultdict[str, set[str]] = defaultdict(set)
    for problem in problems:
        if problem.rule in FIXABLE:
            wanted[problem.path].add(problem.rule)
    if not wanted:
        return ()
    site = read_site(settings, library.scan())
    return tuple(
        file.path
        for file in library.pages()
        if file.path in wanted and _mend(file, site, wanted[file.path])
    )


def _mend(file: File, site: Site, rules: Collection[str]) -> bool:
    """Mend a file as far as ``rules`` ask for; tell whether it changed."""
    old = read_file(file.file, file.path)
    document = parse(old.data, file.path)
    page = read_page(document, file.address, site)
    edits: list[Edit] = []
    if "weekday-mismatch" in rules:
        edits += _weekday_edits(page, site)
    text = apply(document.text, edits)
    if "mojibake" in rules:
        again = read_page(parse(text.encode(), file.path), file.address, site)
        text = apply(text, _mojibake_edits(again))
    mark = BOM if old.data.startswith(BOM) else b""
    new = mark + text.encode()
    if new == old.data or not _is_same_kind(document, new):
        return False
    replace_file(file.file, old, new, file.path)
    return True


def _weekday_edits(page: Page, site: Site) -> Iterator[Edit]:
    for wrong in wrong_weekdays(page, site):
        if wrong.day is not None:
            name = weekday_like(wrong.day, wrong.mention.weekday_text)
            yield *wrong.mention.weekday_span, name


def _mojibake_edits(page: Page) -> Iterator[Edit]:
    """Repair whole lines that hold no code: what is shown as code may mean to be broken."""
    for match in _LINE.finditer(page.text):
        is_prose = page.visible[match.start() : match.end()] == match[0]
        fixed = repair(match[0]) if is_prose else match[0]
        if fixed != match[0]:
            yield *match.span(), fixed


def _is_same_kind(old: Document, data: bytes) -> bool:
    """Make sure that the frontmatter still reads, with the same keys in it."""
    try:
        new = parse(data, old.path)
    except PublisherError:
        return False
    return (new.format, list(new.metadata)) == (old.format, list(old.metadata))
