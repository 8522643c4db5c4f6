"""Fetching the secrets that ``jobs.yaml`` refers to; their values appear in no message."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from publisher.config.settings import ChannelSettings, Settings
from publisher.model import Problem
from publisher.model.errors import ConfigError, PublisherError
from publisher.model.secret import Secret, SecretRef
from publisher.system.files import reason

MAX_BYTES = 64 * 1024
CREDENTIALS = "CREDENTIALS_DIRECTORY"  # of systemd, inside the service


def resolve_secrets(channel: ChannelSettings, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Give the channel's options with each ``SecretRef`` replaced by its ``Secret``.

    :raises ConfigError: naming every variable, credential or file that gives no secret.
    """
    resolved: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in channel.options.items():
        try:
            if isinstance(value, SecretRef):
                value = resolve(value, environ)
            resolved[name] = value
        except PublisherError as error:
            hint = f" ({error.hint})" if error.hint else ""
            problems.append(f"channels.{channel.name}.{name}: {error.what}{hint}")
    if problems:
        raise ConfigError("\n  ".join(problems))
    return resolved


def missing_secrets(settings: Settings, environ: Mapping[str, str]) -> list[Problem]:
    """List the secrets that cannot be had here, for ``check``.

    Credentials exist only inside the service, so elsewhere they are no more than a warning.
    """
    problems: list[Problem] = []
    for name, ref in settings.secrets.items():
        try:
            resolve(ref, environ)
        except PublisherError as error:
            is_elsewhere = ref.source == "credential" and not environ.get(CREDENTIALS)
            kind = Problem.warning if is_elsewhere else Problem.error
            message = f"{name}: {error.what}"
            problems.append(kind("secret-missing", settings.file.name, message, error.hint))
    return problems


def resolve(ref: SecretRef, environ: Mapping[str, str]) -> Secret:
    """Fetch one secret. One newline at the end of a file is not part of it.

    :raises PublisherError: naming the variable, credential or file that gives none.
    """
    if ref.source == "env":
        value = environ.get(ref.name, "")
        if not value:
            what = "is empty" if ref.name in environ else "is not set"
            raise PublisherError(f"the environment variable {ref.name} {what}")
        return Secret(value)
    if ref.source == "file":
        return _read_file(Path(ref.name), f"the secret file {ref.name}", is_private=True)
    folder = environ.get(CREDENTIALS)
    if not folder:
        raise PublisherError(
            f"the credential {ref.name} is not available here",
            hint="systemd provides it to the service: LoadCredential= in the unit",
        )
    # systemd guards the folder; the modes of the files in it are systemd's affair.
    return _read_file(Path(folder, ref.name), f"the credential {ref.name}", is_private=False)


def _read_file(path: Path, name: str, *, is_private: bool) -> Secret:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise PublisherError(f"{name} is not a regular file")
        if is_private and status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
            raise PublisherError(
                f"{name} can be read or changed by everybody on this machine",
                hint=f"chmod 600 {path}",
            )
        if status.st_size > MAX_BYTES:
            raise PublisherError(f"{name} is too large for a secret")
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise PublisherError(f"{name} does not exist") from None
    except OSError as error:
        raise PublisherError(f"{name} cannot be read: {reason(error)}") from None
    except UnicodeDecodeError:
        raise PublisherError(f"{name} is not UTF-8 text") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise PublisherError(f"{name} is empty")
    return Secret(value)
