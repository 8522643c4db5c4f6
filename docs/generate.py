"""Write the parts of the reference that are taken from the code.

A page marks each such part with two comments, ``<!-- generated: NAME -->`` and ``<!-- end -->``.
``make reference`` writes what stands between them; ``tests/test_docs.py`` compares it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

import click

from publisher.channels import load_type
from publisher.cli import main
from publisher.config.keys import KEYS

FOLDER = Path(__file__).parent
PROJECT = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text())
MARKED = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
SHARED = {"--help", "--json", "--now", "--yes"}  # the introduction of the page explains them


@cache
def generated() -> dict[str, str]:
    """Give the Markdown of each generated part by its name."""
    channels = {f"channel {name}": _table_of_channel(name) for name in channel_types()}
    return {
        "commands": _commands(),
        "decisions": _decisions(),
        "keys": _table_of_keys(),
        "rooms": _table_of_rooms(),
        **channels,
    }


def regenerated(page: str, parts: Mapping[str, str]) -> str:
    """Give the text of a page with its generated parts as the code has them now."""
    return MARKED.sub(lambda found: f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}", page)


def marks(page: str) -> list[str]:
    """Give the names of the generated parts of a page."""
    return [found[2] for found in MARKED.finditer(page)]


def commands() -> dict[str, click.Command]:
    """Give each command by its full name, such as ``publisher db check``."""
    return dict(_commands_of(main, "publisher"))


def channel_types() -> tuple[str, ...]:
    """Give the names of the channel types that this project registers."""
    return tuple(PROJECT["project"]["entry-points"]["publisher.channels"])


def _commands_of(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands_of(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def _commands() -> str:
    return "\n\n".join(_command(path, command) for path, command in commands().items())


def _command(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## {path.removeprefix('publisher ')}", f"`{usage}`", *_paragraphs(command)]
    options = [
        option
        for option in command.params
        if isinstance(option, click.Option) and SHARED.isdisjoint(option.opts)
    ]
    rows = [record for option in options if (record := option.get_help_record(context))]
    if rows:
        table = [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows]
        lines.append("\n".join(["| Option | Meaning |", "| --- | --- |", *table]))
    if command.epilog:
        lines.append(f"Example: `{command.epilog.removeprefix('Example: ')}`")
    return "\n\n".join(lines)


def _paragraphs(command: click.Command) -> list[str]:
    text = (command.help or "").partition("\f")[0]
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _decisions() -> str:
    pages = sorted((FOLDER / "explanation" / "decisions").glob("0*.md"))
    titles = {page.name: page.read_text().partition("\n")[0].removeprefix("# ") for page in pages}
    return "\n".join(
        f"- [{title.replace('. ', ': ', 1)}]({name})" for name, title in titles.items()
    )


def _table_of_keys() -> str:
    lines = ["| Key | Default | Meaning |", "| --- | --- | --- |"]
    for key in KEYS:
        if key.kind == "later":
            text = f"{key.help} Not in this version."
        else:
            text = key.help + (" Required." if key.required else "")
        default = "" if key.default is None else f"`{str(key.default).lower()}`"
        lines.append(f"| `{key.path.replace('*', 'NAME')}` | {default} | {_cell(text)} |")
    return "\n".join(lines)


def _table_of_channel(name: str) -> str:
    options = load_type(name).options
    if not options:
        return "No options."
    lines = ["| Option | Default | Meaning |", "| --- | --- | --- |"]
    for option in options:
        default = "" if option.default is None else f"`{str(option.default).lower()}`"
        marks = [*(["required"] if option.required else []), *(["secret"] if option.secret else [])]
        text = "; ".join([part for part in (option.help, ", ".join(marks)) if part])
        lines.append(f"| `{option.name}` | {default} | {_cell(text)} |")
    return "\n".join(lines)


def _table_of_rooms() -> str:
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = [room for layer in layers for room in layer.split(" | ")]
    words = {room: import_module(f"publisher.{room}").__doc__ or "" for room in rooms}
    rows = [f"| `{room}` | {_first_line(text)} |" for room, text in words.items()]
    return "\n".join(["| Room | Holds |", "| --- | --- |", *rows])


def _first_line(docstring: str) -> str:
    return _cell(docstring.partition("\n")[0].replace("``", "`"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write() -> None:
    """Bring the generated parts of all pages up to date."""
    parts = generated()
    for page in FOLDER.rglob("*.md"):
        text = page.read_text()
        page.write_text(regenerated(text, parts))


if __name__ == "__main__":
    write()
