"""Every command in the docs, run in a small site in the order of its page.

A comment ``<!-- site: NAME -->`` in a page says in which site the commands below it are run.
Without one, or below ``none``, they are only read: the command and its options must exist.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs.generate import commands
from publisher.cli import main
from tests.acceptance.sites import ROOT, TIMEOUT_S, Site, a_series
from tests.acceptance.test_readme import a_blog
from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PARTS = re.compile(
    r"<!-- site: (?P<site>.+?) -->|^ *```console\n(?P<block>.*?)```", re.MULTILINE | re.DOTALL
)
INLINE = re.compile(r"`(publisher [a-z][^`]*)`")

RUN = {"cp", "mkdir", "mv", "rm"}  # besides `publisher`
ONLY_READ = {"cd", "curl", "git", "journalctl", "make", "pip", "rsync", "sudo", "systemctl"}
NEVER_ENDS = ["publisher", "run"]
OPTIONS_OF_ALL = {"--help", "--config", "-v", "--debug"}
NONE = "none"
DONE = {0, 3}  # 3: something needs a person, as many of these pages are about


# --- the sites of the pages ------------------------------------------------------------------


def a_site_under_embargo(folder: Path) -> Site:
    return a_series(folder, more="embargo: redact\n")


def an_adopted_series(folder: Path) -> Site:
    site = a_site_under_embargo(folder)
    for part, (name, day) in enumerate({"pattern": 10, "door": 24}.items(), start=1):
        series = f"series: {{name: Chronicles, part: {part}}}\n"
        site.write(name, reveal=f"2099-03-{day}", more=series)
    return after(site, "adopt --no-build")


def a_lived_in_site(folder: Path) -> Site:
    """Give a site that released and announced one of its posts."""
    return after(a_series(folder), "adopt --no-build", "release pattern")


def a_site_of_a_coming_post(folder: Path) -> Site:
    return after(a_lived_in_site(folder), "release door")


def a_site_with_a_backup(folder: Path) -> Site:
    """Give a site that announced a post after its only backup."""
    site = after(a_series(folder), "adopt --no-build")
    copy = site.ledger.parent / "backups" / "ledger-20270309T033000Z.sqlite"
    copy.parent.mkdir()
    return after(site, f"backup --to {copy.relative_to(folder)}", "release pattern")


def a_site_without_its_ledger(folder: Path) -> Site:
    site = a_lived_in_site(folder)
    site.ledger.unlink()
    return site


def a_site_on_another_machine(folder: Path) -> Site:
    """Give what a checkout has of a site, and a copy of its ledger."""
    site = after(a_lived_in_site(folder), "backup --to ledger.sqlite")
    shutil.rmtree(site.ledger.parent)
    return site


def a_site_with_a_fault(folder: Path, platform: WebhookPlatform, fault: Fault) -> Site:
    """Give a site whose announcement of `pattern` met a fault."""
    platform.faults.append(fault)
    options = f"{{type: webhook, url: '{platform.url}/hook', timeout: 2s}}"
    site = a_series(folder, channels=f"  x: {options}\n")
    after(site, "adopt --no-build")
    run(site, ["publisher", "release", "pattern"], codes={1})
    return site


def after(site: Site, *lines: str) -> Site:
    for line in lines:
        run(site, ["publisher", *line.split()])
    return site


SITES: dict[str, Callable[[Path], Site]] = {
    "another machine": a_site_on_another_machine,
    "backed up": a_site_with_a_backup,
    "blog": a_blog,
    "embargo": a_site_under_embargo,
    "lived-in": a_lived_in_site,
    "lost": a_site_without_its_ledger,
    "released early": a_site_of_a_coming_post,
    "series": an_adopted_series,
}
FAULTS = {"doubtful": Fault.accept_then_reset(), "refused": Fault.refuse(400)}


class Sites:
    """Makes each site once, and gives a copy of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._made: dict[str, Site] = {}

    def a_copy(self, name: str, folder: Path) -> Site:
        made = self._folder / name
        site = self._made.setdefault(name, self._made.get(name) or self._make(name, made))
        shutil.copytree(made, folder, symlinks=True)
        return replace(site, folder=folder / site.folder.relative_to(made))

    def _make(self, name: str, folder: Path) -> Site:
        if name not in FAULTS:
            return SITES[name](folder)
        platform = self._stack.enter_context(WebhookPlatform())
        return a_site_with_a_fault(folder, platform, FAULTS[name])


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(tmp_path_factory.mktemp("sites"), stack)


# --- reading the pages -----------------------------------------------------------------------


def console(page: Path) -> list[tuple[str, list[str]]]:
    """Give the commands of a page in order, each with the site that it is run in.

    A site is named with a number, since a page may begin anew with one of the same kind.
    """
    found: list[tuple[str, list[str]]] = []
    site = NONE
    for number, part in enumerate(PARTS.finditer(page.read_text())):
        if part["site"]:
            site = f"{part['site']} {number}" if part["site"] != NONE else NONE
        lines = [line.strip() for line in (part["block"] or "").splitlines()]
        commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found += [(site, shlex.split(command, comments=True)) for command in commands]
    return found


def mentioned(page: Path) -> list[str]:
    """Give the commands that stand in the running text."""
    prose = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return INLINE.findall(prose)


def wrong_with(words: list[str]) -> str:
    """Say what is wrong with a command that stands in the docs; nothing if all is well."""
    plain = [word for word in words[1:] if not word.startswith("-")]
    name = command_of(["publisher", *plain])
    if name is None:
        is_group = any(known.startswith(f"publisher {plain[0]} ") for known in COMMANDS)
        return "" if is_group or plain[0].isupper() else f"no command {plain[0]}"
    options = COMMANDS[name].params
    known = {flag for option in options for flag in (*option.opts, *option.secondary_opts)}
    given = {word.strip("[]…") for word in words if word.startswith(("-", "[-"))}
    unknown = given - known - OPTIONS_OF_ALL
    return f"{name} has no {sorted(unknown)}" if unknown else ""


def command_of(words: list[str]) -> str | None:
    """Give the full name of the command that a line begins with, if there is one."""
    names = (" ".join(words[:length]) for length in (2, 3))
    return next((name for name in names if name in COMMANDS), None)


COMMANDS = commands()
RUNNABLE = [page for page in PAGES if console(page)]


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


# --- the tests -------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_in_the_text_exist_with_their_options(page: Path) -> None:
    wrong = {text: wrong_with(text.split()) for text in mentioned(page)}

    assert {text: words for text, words in wrong.items() if words} == {}


@pytest.mark.parametrize("page", RUNNABLE, ids=relative)
def test_commands_in_console_blocks_work(page: Path, sites: Sites, tmp_path: Path) -> None:
    opened: dict[str, Site] = {}
    for site, words in console(page):
        assert words[0] in {"publisher", *RUN, *ONLY_READ}
        command = words[1:] if words[0] == "sudo" else words
        if command[0] == "publisher":
            assert wrong_with(command) == ""
        if site == NONE or words[0] in ONLY_READ or words[:2] == NEVER_ENDS:
            continue
        if site not in opened:
            opened[site] = sites.a_copy(site.rpartition(" ")[0], tmp_path / site)
        run(opened[site], words)


def run(site: Site, words: list[str], codes: Collection[int] = DONE) -> None:
    """Run a command in a site, in this process: starting a hundred would take too long."""
    if words[0] in RUN:
        subprocess.run(words, cwd=site.folder, check=True, timeout=TIMEOUT_S)
        return
    name = command_of(words)
    assert name is not None
    asks = any("--yes" in option.opts for option in COMMANDS[name].params)
    with contextlib.chdir(site.folder):
        runner = CliRunner(env=site.all_environ())
        done = runner.invoke(main, [*words[1:], *(["--yes"] if asks else [])])
    assert done.exit_code in codes, (words, done.output)
