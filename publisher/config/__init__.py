"""``jobs.yaml``: reading it into ``Settings``, its JSON Schema, and fetching its secrets.

What the keys are is in ``keys``, what values they take in ``kinds``, the options of channels in
``options``. Nothing else in the package reads the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from publisher.channels import load_type
from publisher.config.channels import TypeLoader, read_channels
from publisher.config.credentials import missing_secrets, resolve, resolve_secrets
from publisher.config.keys import build, schema
from publisher.config.kinds import Place, resolve_path
from publisher.config.reading import Reading
from publisher.config.settings import Settings
from publisher.generators import Generator
from publisher.model import Embargo, PostState, Problem
from publisher.model.errors import ConfigError, PublisherError
from publisher.system.files import reason
from publisher.text.yaml import key_lines, load_yaml

__all__ = ["load", "missing_secrets", "read", "resolve", "resolve_secrets", "schema"]


def load(path: Path, *, environ: Mapping[str, str], types: TypeLoader = load_type) -> Settings:
    """Read and check ``jobs.yaml``.

    ``environ`` gives the home folder that ``~/`` means; secrets are fetched by
    ``resolve_secrets`` only. ``types`` finds a channel type by its name.

    :raises ConfigError: whose ``what`` lists every problem with its line.
    """
    settings, problems = read(path, environ=environ, types=types)
    if settings is None:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return settings


def read(
    path: Path, *, environ: Mapping[str, str], types: TypeLoader = load_type
) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Read ``jobs.yaml`` and give its settings, or ``None`` and its problems.

    :raises ConfigError: when there is no such file, or it is not YAML at all.
    """
    file = path.parent.resolve() / path.name
    text = _read_text(file)
    try:
        data = load_yaml(text, file.name)
        lines = key_lines(text)
    except PublisherError as error:
        raise ConfigError(error.what, why=error.why, hint=error.hint) from None
    reading = Reading(file.name, lines, Place(project=file.parent, home=environ.get("HOME")))
    values = reading.section((), data)
    channels = read_channels(reading, values["channels"], types)
    generator = _generator(reading, values)
    output = _output(reading, values, generator)
    ledger_url = _ledger_url(reading, values)
    if values["git.deploy_branch"] is not None and values["embargo"] is Embargo.OFF:
        hint = (
            "write embargo: redact, teaser or omit; without a stage there is nothing to put there"
        )
        reading.report(("git", "deploy_branch"), "needs an embargo", hint)
    if reading.problems or generator is None:
        return None, reading.problems
    values |= {"site.generator": generator, "rebuild.output": output, "ledger": ledger_url}
    given: dict[str, Any] = {"file": file, "channels": channels}
    if "git" not in data:  # then git is nobody's business
        given["git"] = None
    if values["rebuild.command"] is None:
        given["rebuild"] = None
    settings: Settings = build(Settings, values, **given)
    sources = generator.find_sources(settings.site.root).folders
    names = tuple(channel.name for channel in channels if values["channels"])
    return replace(settings, site=replace(settings.site, sources=sources, channels=names)), ()


def _generator(reading: Reading, values: Mapping[str, Any]) -> Generator | None:
    """Give the record of the generator with the overrides of ``site.keys``."""
    generator: Generator | None = values.get("site.generator")
    if generator is None:
        return None
    given = {state: values.get(f"site.keys.values.{state.value}") for state in PostState}
    merged = {
        state: generator.values[state] if given[state] is None else given[state]
        for state in PostState
    }
    has_values = any(value is not None for value in given.values())
    unpublished = (merged[PostState.DRAFT], merged[PostState.SCHEDULED])
    if has_values and merged[PostState.PUBLISHED] in unpublished:
        reading.report(
            ("site", "keys", "values"),
            "a published post has the same value as an unpublished one",
            "a release changes this value, so published must have one of its own",
        )
    changes: dict[str, Any] = {"values": merged}
    if has_values:
        changes["explicit"] = merged[PostState.SCHEDULED] != merged[PostState.DRAFT]
    if values.get("site.keys.state") is not None:
        changes["state_key"] = values["site.keys.state"]
    dates = values.get("site.keys.date") or values.get("site.keys.dates")
    keys = {name: values.get(f"site.keys.{name}") for name in ("title", "description", "image")}
    given_keys = {name: value for name, value in {**keys, "date": dates}.items() if value}
    changes["keys"] = replace(generator.keys, **given_keys)
    return replace(generator, **changes)


def _output(
    reading: Reading, values: Mapping[str, Any], generator: Generator | None
) -> Path | None:
    """Give the folder of the built site, which a build may empty at any time."""
    root, name = values.get("site.root"), values.get("rebuild.output")
    if root is None or generator is None or values.get("rebuild.command") is None:
        return None
    path = ("rebuild", "output")
    output: Path | None = None
    with reading.at(path):
        output = resolve_path(root / (generator.output if name is None else name))
    if output is None:
        return None
    state_dir, ledger = values.get("state_dir"), values.get("ledger")
    if not output.is_relative_to(reading.place.project):
        reading.report(
            path, "is outside the folder of jobs.yaml", "it is relative to site.root; shorten it"
        )
    elif root.is_relative_to(output):
        reading.report(path, "contains the site's sources", "name the folder that the build writes")
    else:
        for key, kept in (("state_dir", state_dir), ("ledger", ledger)):
            if kept is not None and kept.is_relative_to(output):
                hint = "a build may empty that folder; move it out"
                reading.report((key,), "is inside rebuild.output", hint)
    return output


def _ledger_url(reading: Reading, values: Mapping[str, Any]) -> str:
    path = values.get("ledger") or (values.get("state_dir") or Path()) / "ledger.db"
    if "?" in str(path):
        reading.report(("ledger",), "is in a folder with a ? in its name", "rename the folder")
    return f"sqlite:///{path.as_posix()}"


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(
            f"no {file.name} here", why=f"looked in {file.parent}", hint="run `publisher init`"
        ) from None
    except OSError as error:
        raise ConfigError(f"{file.name} cannot be read: {reason(error)}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{file.name}:{line}: not UTF-8", hint="save it as UTF-8") from None
