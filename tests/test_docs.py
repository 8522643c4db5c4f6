"""What the documentation says exists; what exists is documented."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import click
import pytest

import publisher
from docs.generate import commands, generated, marks, regenerated
from publisher.channels.testing import a_context, a_message
from publisher.config import load
from publisher.config.keys import KEYS
from publisher.model import DeliveryState

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


PAGES = tuple(sorted((ROOT / "docs").rglob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_parts_that_are_taken_from_the_code_are_up_to_date(page: Path) -> None:
    text = page.read_text()

    assert regenerated(text, generated()) == text, "run `make reference`"


def test_commands_keys_and_channel_options_stand_in_the_reference() -> None:
    marked = [name for page in PAGES for name in marks(page.read_text())]

    assert sorted(marked) == sorted(generated())


@pytest.mark.parametrize("name", commands())
def test_every_command_and_option_has_help(name: str) -> None:
    command = commands()[name]
    options = [option for option in command.params if isinstance(option, click.Option)]

    assert command.help
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_delivery_state_is_documented(state: DeliveryState) -> None:
    assert f"| `{state}` |" in (ROOT / "docs" / "reference" / "states.md").read_text()


def test_every_page_stands_in_the_navigation_of_the_site() -> None:
    found = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("nav:")[2])
    pages = {str(page.relative_to(ROOT / "docs")) for page in PAGES}

    assert {page for page in pages if "/decisions/0" not in page} == set(found)


def test_version_is_the_newest_of_the_changelog() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert newest is not None
    assert newest.group(1) == publisher.__version__


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) < 150


def test_links_between_documents_lead_somewhere() -> None:
    links = [
        (page.name, link)
        for page in (ROOT / "README.md", *PAGES)
        for link in re.findall(r"\]\(([^):]+)\)", without_code(page.read_text()))
        if not leads_somewhere(page, link)
    ]

    assert links == []


SITE = """\
site:
  name: sample
  url: https://site.example
  posts: "blog/*.md"
  generator: vitepress
  timezone: Europe/Oslo
"""
EXAMPLES = [
    (page.stem, example)
    for page in (ROOT / "README.md", *PAGES)
    for example in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if example.partition(":")[0] in {key.path for key in KEYS}
]


@pytest.mark.parametrize(("page", "example"), EXAMPLES)
def test_every_example_of_jobs_yaml_can_be_used(page: str, example: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.yaml"
    file.write_text(SITE + ("" if "embargo:" in example else "embargo: redact\n") + example)

    load(file, environ={"HOME": str(tmp_path)})


def test_the_channel_that_the_docs_write_sends(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "howto" / "write-a-channel.md").read_text()
    module = tmp_path / "pigeon.py"
    module.write_text(page.partition("```python\n")[2].partition("```")[0])
    pigeon = runpy.run_path(str(module))["Pigeon"]

    receipt = pigeon({"loft": str(tmp_path / "loft")}, a_context()).send(
        a_message(), key="first", draft=None
    )

    assert receipt.remote_id == "first"
    assert a_message().text in (tmp_path / "loft").read_text()


def test_pages_that_the_program_names_exist() -> None:
    sources = (file.read_text() for file in (ROOT / "publisher").rglob("*.py"))
    named = {page for text in sources for page in re.findall(r"\bdocs/[\w/-]+\.md\b", text)}

    assert named
    assert {page for page in named if not (ROOT / page).exists()} == set()


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target.read_text()))


def anchors(text: str) -> list[str]:
    """Give the anchors of a page's headings, as MkDocs and GitHub write them."""
    titles = re.findall(r"^#+ (.*)", text, flags=re.MULTILINE)
    return [re.sub(r"[^\w\s-]", "", title.lower()).replace(" ", "-") for title in titles]


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)
