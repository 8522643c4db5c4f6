"""What the documentation says exists; what exists is documented."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import publisher
from publisher.channels import load_type
from publisher.cli import main
from publisher.config.keys import KEYS
from publisher.model import DeliveryState

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TYPES = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "publisher.channels"
    ]
)


def keys_table() -> str:
    """Write the table of docs/jobs-yaml.md from the one list of keys."""
    lines = ["| Key | Default | |", "| --- | --- | --- |"]
    for key in KEYS:
        if key.kind == "later":
            text = f"{key.help} Not in this version."
        else:
            text = key.help + (" Required." if key.required else "")
        default = "" if key.default is None else f"`{str(key.default).lower()}`"
        lines.append(f"| `{key.path.replace('*', 'NAME')}` | {default} | {text} |")
    return "\n".join(lines)


def test_every_key_of_jobs_yaml_is_documented() -> None:
    assert keys_table() in (ROOT / "docs" / "jobs-yaml.md").read_text()


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_and_stands_in_the_documentation(name: str) -> None:
    documented = README + (ROOT / "docs" / "commands.md").read_text()

    assert main.commands[name].help
    assert f"publisher {name}" in documented


@pytest.mark.parametrize("name", TYPES)
def test_every_channel_type_and_option_is_documented(name: str) -> None:
    text = (ROOT / "docs" / "channels.md").read_text()
    section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]

    options = [option.name for option in load_type(name).options]
    assert [option for option in options if f"`{option}`" not in section] == []


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_delivery_state_is_documented(state: DeliveryState) -> None:
    assert f"| `{state}` |" in (ROOT / "docs" / "states.md").read_text()


def test_version_is_the_newest_of_the_changelog() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)

    assert newest is not None
    assert newest.group(1) == publisher.__version__


def test_readme_stays_short() -> None:
    assert len(README.splitlines()) < 150


def test_links_between_documents_lead_somewhere() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (document.name, link)
        for document in documents
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text())
        if not (document.parent / link).exists()
    ]

    assert links == []
