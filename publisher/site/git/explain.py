"""Says what git complains about: what happened, why it matters, what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from publisher.model.errors import GitError

_LENGTH = 400  # characters of git's own words
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^/\s]*@", re.IGNORECASE)

_NETWORK = (
    "Could not resolve host|Couldn't resolve host|Connection refused|Connection timed out|"
    "Connection reset|Network is unreachable|No route to host|Failed to connect|"
    "Couldn't connect to server|Operation timed out|Temporary failure in name resolution|"
    "The requested URL returned error: 5|early EOF|RPC failed|unexpected disconnect"
)
_CERTIFICATE = (
    "SSL certificate problem|certificate verification failed|certificate subject name|"
    "certificate signer not trusted"
)
_CREDENTIALS = (
    "could not read Username|could not read Password|Authentication failed|Access denied|"
    "Invalid username or|returned error: 40[13]|Permission denied \\(|terminal prompts disabled|"
    "Permission to .* denied|The requested repository .*not found|unable to get password|"
    "Permission denied, please try again"
)
_MISSING = (
    "[Rr]epository not found|repository '.*' not found|does not appear to be a git repository|"
    "does not exist|Could not read from remote repository|"
    "project you were looking for could not be found"
)
_DAMAGED = (
    "bad object|object file .* is empty|loose object .* is corrupt|unable to read tree|"
    "missing blob|unable to read sha1 file|[Cc]ould not parse object"
)


class _Reason(NamedTuple):
    pattern: str  # in git's words
    what: str
    hint: str
    why: str = "{err}"


_REASONS = (
    _Reason(
        r"detected dubious ownership|unsafe repository",
        "git refuses this repository, since it belongs to another user",
        "run publisher as its owner, or: git config --global --add safe.directory {folder}",
        why="its owner could make this user run programs",
    ),
    _Reason(
        r"not a git repository|must be run in a work tree",
        "there is no git repository with a working tree here",
        "run `git init` in the project, or remove `git:` from jobs.yaml",
        why="",
    ),
    _Reason(
        r"HOST IDENTIFICATION HAS CHANGED",
        "the host key of the remote has changed",
        (
            "compare it with the key that the host publishes; then, as the user of the service: "
            "ssh-keygen -R HOST, and connect once by hand"
        ),
        why="the host replaced it, or somebody intercepts the connection",
    ),
    _Reason(
        r"Host key verification failed",
        "the host key of the remote is not known to this user",
        (
            "connect once by hand as the user of the service, `ssh -T git@HOST`; without a shell: "
            "ssh-keyscan HOST >> ~/.ssh/known_hosts, and compare it with what the host publishes"
        ),
        why="publisher cannot ask anybody to confirm it",
    ),
    _Reason(
        _CERTIFICATE,
        "the certificate of the remote is not trusted",
        (
            "for an authority of your own, as the user of the service: "
            "git config --global http.sslCAInfo FILE"
        ),
    ),
    _Reason(
        _CREDENTIALS,
        "access to the remote was denied",
        "give the user of the service an SSH key, or a credential helper in its own ~/.gitconfig",
        why="publisher cannot ask anybody for a password: {err}",
    ),
    _Reason(
        _NETWORK,
        "the remote cannot be reached",
        "no action needed if it passes: publisher tries again",
    ),
    _Reason(
        r"transport '.*' not allowed",
        "the remote uses a transport that is switched off",
        "use https, ssh or a path: other transports can run programs",
    ),
    _Reason(
        _MISSING,
        "the remote repository does not exist, or this user may not read it",
        "check the address with `git remote -v`",
    ),
    _Reason(
        r"No space left on device|Disk quota exceeded",
        "the disk is full",
        "free some space; publisher tries again",
    ),
    _Reason(
        r"bad config|bad numeric config|bad boolean config",
        "git cannot read its settings",
        "correct the line that git names",
    ),
    _Reason(
        r"\.lock': File exists|Unable to create '.*\.lock'",
        "another git command uses this repository, or was killed",
        "no action needed if it passes; if no git runs, remove the file that git names",
    ),
    _Reason(
        r"Permission denied|Read-only file system|insufficient permission",
        "this user may not write to the repository",
        "give the user of the service write access to it, including .git",
    ),
    _Reason(
        _DAMAGED,
        "the repository is damaged, or part of it is missing",
        "run `git fsck`; make a fresh clone, or run `git fetch --unshallow`",
    ),
    _Reason(
        r"is in submodule|appears as both a file and as a directory|beyond a symbolic link",
        "the file is inside a submodule, or behind a link",
        "put the file itself into this repository",
    ),
    _Reason(
        r"usage: git|unknown option|unknown switch",
        "this git is too old",
        "install git 2.38 or newer",
    ),
)


def explain(command: str, err: str, *, folder: Path, ignored: tuple[str, ...] = ()) -> GitError:
    """Make the error for a git command that failed with ``err`` on its standard error.

    ``ignored`` are settings of the repository that were not used; they are named where they
    may be the reason.
    """
    words = summary(err)
    for reason in _REASONS:
        if re.search(reason.pattern, err):
            hint = reason.hint.format(folder=folder)
            if reason.pattern == _CREDENTIALS and ignored:
                hint += f"; not used, since the repository sets them: {', '.join(ignored)}"
            what = f"git {command}: {reason.what}"
            return GitError(what, why=reason.why.format(err=words), hint=hint)
    return GitError(f"git {command}: {words or 'failed without a message'}")


def summary(err: str) -> str:
    """Give the telling lines of git's words as one bounded line, without credentials."""
    lines = [hide_credentials(line.strip(" \t@")) for line in err.splitlines()]  # of ssh's frames
    telling = [line for line in lines if line and not line.startswith(("hint:", "warning:"))]
    text = "; ".join(telling or [line for line in lines if line])
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= _LENGTH else f"{clean[:_LENGTH]}…"


def hide_credentials(text: str) -> str:
    """Take user names, passwords and tokens out of every URL in a text."""
    return _USERINFO.sub(r"\g<scheme>", text)
