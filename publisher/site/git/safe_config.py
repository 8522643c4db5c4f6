"""Whose settings git follows: the user's, never a program that a repository supplies.

A repository's own settings (``.git/config``, what it includes, ``config.worktree``) can make git
run programs; so can hooks, and drivers that ``.gitattributes`` names. All of that is switched off
here by settings that win over them. What is not a program (addresses, identities, line ends)
counts as it stands. The list follows git-config(1) and githooks(5) of git 2.55, checked
2026-11-21.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from publisher.model.errors import GitError
from publisher.site.git.run import Config, Git

OLDEST = (2, 38)  # merge-tree --write-tree

_TRUSTED = frozenset({"system", "global", "command"})

_SWITCHED_OFF: Config = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.alternateRefsCommand", ":"),
    ("core.pager", "cat"),
    ("core.editor", ":"),
    ("sequence.editor", ":"),
    ("diff.external", ""),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("merge.verifySignatures", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("diff.ignoreSubmodules", "all"),
    ("safe.bareRepository", "explicit"),  # a folder of the sources that looks like a repository
    # What would outlive the command, or leave half of a fetch behind when it is killed:
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("fetch.unpackLimit", "1"),
    ("transfer.unpackLimit", "1"),
    # What would change the answers that we read:
    ("core.splitIndex", "false"),
    ("core.quotePath", "false"),
    ("core.safecrlf", "false"),
    ("color.ui", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("merge.renormalize", "false"),
    ("fetch.prune", "false"),
    ("push.followTags", "false"),
)

# Settings with a name in their middle: filter.NAME.clean. A value instead of each; those of the
# user count where the last column says so.
_NAMED: tuple[tuple[str, str, bool], ...] = (
    (r"filter\..*\.(?:clean|smudge|process)", "", False),
    (r"filter\..*\.required", "false", False),
    (r"hook\..*\.command", ":", False),
    (r"hook\..*\.enabled", "false", False),
    (r"merge\..*\.driver", "exit 1", True),  # a conflict, which is told
    (r"diff\..*\.(?:command|textconv)", "", True),
    (r"remote\..*\.uploadpack", "git-upload-pack", True),
    (r"remote\..*\.receivepack", "git-receive-pack", True),
    (r"remote\..*\.mirror", "false", False),
    (r"gpg(?:\..*)?\.program|gpg\.ssh\.defaultkeycommand", "false", True),
    (r"trailer\..*\.(?:command|cmd)", ":", True),
)
_HELPER = re.compile(r"credential\.(?:.*\.)?helper", re.DOTALL)
_BY_ENVIRONMENT = frozenset({"core.sshcommand", "core.askpass", "core.gitproxy"})
_NAMED_PATTERNS = tuple(
    (re.compile(pattern, re.DOTALL), value, of_user) for pattern, value, of_user in _NAMED
)

_KEPT = frozenset(  # of the variables that git reads; those about one repository are not ours
    {
        "GIT_ASKPASS",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_EXEC_PATH",
        "GIT_HTTP_LOW_SPEED_LIMIT",
        "GIT_HTTP_LOW_SPEED_TIME",
        "GIT_HTTP_USER_AGENT",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
    }
)
_KEPT_FAMILIES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_PROXY_SSL_")
_KEPT_ENDS = ("_TOKEN", "_PASSWORD", "_USERNAME")  # what a credential helper of the user reads

_ALWAYS: Mapping[str, str] = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",  # ext:: and the like run programs
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_EDITOR": ":",
    "GIT_SEQUENCE_EDITOR": ":",
    "GIT_PAGER": "cat",
    "SSH_ASKPASS_REQUIRE": "never",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}


class _Setting(NamedTuple):
    is_trusted: bool  # the user's, not the repository's
    name: str
    folded: str  # as git compares names: only what is between the dots keeps its case
    value: str


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which git follows its user and asks nobody.

    What names a repository, an editor or a trace is left out: publisher may have been started
    by a hook.
    """
    kept = {name: value for name, value in environ.items() if _is_kept(name)}
    return {**kept, **_ALWAYS}


def _is_kept(name: str) -> bool:
    if not name.startswith("GIT_"):
        return name not in ("SSH_ASKPASS", "LC_ALL", "LANGUAGE")
    return name in _KEPT or name.startswith(_KEPT_FAMILIES) or name.endswith(_KEPT_ENDS)


def check_version(git: Git) -> None:
    """Insist on a git that knows every safeguard used here.

    :raises GitError: when it is older than ``OLDEST``.
    """
    said = git.said("version")
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise GitError(
            f"{said!r} is too old",
            why="some of the safeguards against programs in a repository came later",
            hint="install git {}.{} or newer".format(*OLDEST),
        )


def harden(git: Git) -> Git:
    """Give the same git, with every program switched off that its repository supplies.

    To be called anew for each piece of work: the settings may have changed. Read-only.
    """
    base = replace(git, config=_SWITCHED_OFF, ignored=())
    settings = tuple(_read_settings(base))
    ignored = {
        s.name
        for s in settings
        if not s.is_trusted and (s.folded in _BY_ENVIRONMENT or _HELPER.fullmatch(s.folded))
    }
    programs = {
        "GIT_SSH_COMMAND": _ssh_command(git.environ, settings),
        "GIT_ASKPASS": git.environ.get("GIT_ASKPASS") or _own(settings, "core.askpass") or "false",
    }
    return replace(
        base,
        config=(*_SWITCHED_OFF, *_named(settings), *_helpers(settings)),
        ignored=tuple(sorted(ignored)),
        environ={**git.environ, **programs},
    )


def connection_settings(git: Git) -> Config:
    """Give the repository's own settings about how to reach a host (``http.*``, ``url.*``)."""
    return tuple(
        (setting.name, setting.value)
        for setting in _read_settings(git)
        if not setting.is_trusted and setting.folded.startswith(("http.", "url."))
    )


def value_of(git: Git, name: str) -> str:
    """Give a setting wherever it comes from; empty when there is none."""
    return git.said("config", "--get", name, allowed=(0, 1))


def _read_settings(git: Git) -> Iterable[_Setting]:
    fields = git.run("config", "--list", "--show-scope", "-z").fields
    for scope, entry in zip(fields[::2], fields[1::2], strict=True):
        name, _, value = entry.partition("\n")
        first, _, rest = name.partition(".")
        middle, dot, last = rest.rpartition(".")
        folded = f"{first.lower()}.{middle}{dot}{last.lower()}"
        yield _Setting(scope in _TRUSTED, name, folded, value)


def _named(settings: Iterable[_Setting]) -> Iterable[tuple[str, str]]:
    """Give the settings that win over programs with a name of their own."""
    values: dict[str, str] = {}
    for setting in settings:
        for pattern, instead, is_of_user in _NAMED_PATTERNS:
            if not pattern.fullmatch(setting.folded):
                continue
            if not (is_of_user and setting.is_trusted):
                values.setdefault(setting.name, instead)
            elif is_of_user:
                values[setting.name] = setting.value
            if setting.folded.startswith("hook."):
                values[setting.name.rpartition(".")[0] + ".enabled"] = "false"
    return values.items()


def _helpers(settings: Iterable[_Setting]) -> Iterable[tuple[str, str]]:
    """Start the list of credential helpers anew, with those of the user only."""
    found = [s for s in settings if _HELPER.fullmatch(s.folded)]
    if all(setting.is_trusted for setting in found):
        return ()
    return (("credential.helper", ""), *((s.name, s.value) for s in found if s.is_trusted))


def _ssh_command(environ: Mapping[str, str], settings: Iterable[_Setting]) -> str:
    if "GIT_SSH_COMMAND" in environ:
        return environ["GIT_SSH_COMMAND"]
    if own := _own(settings, "core.sshcommand"):
        return own
    if environ.get("GIT_SSH"):
        return shlex.quote(environ["GIT_SSH"])
    return "ssh -o BatchMode=yes -o ConnectTimeout=20"


def _own(settings: Iterable[_Setting], folded: str) -> str:
    """Give a setting of the user; empty when there is none."""
    values = [s.value for s in settings if s.is_trusted and s.folded == folded]
    return values[-1] if values else ""


def serving(program: str, *, remote: Path | None, sources: Path) -> str:
    """Give the command for the other end of a connection.

    A remote elsewhere answers for itself, hooks and all. One inside the sources came along with
    them, so that nothing of it may run.
    """
    if remote is None or not remote.is_relative_to(sources):
        return f"git-{program}"
    options = " ".join(f"-c {name}={shlex.quote(value)}" for name, value in _SWITCHED_OFF if value)
    return f"git {options} {program}"
