"""GitHub's REST API as far as it starts workflows (version 2022-11-28, checked 2026-11-21)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.platforms.server import Answer, PlatformServer, Request, main

REPOSITORY = "ada/site"
TOKEN = "github_pat_11AAAAAAA0canarycanarycanary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow file: where it is, what starts it and which inputs it requires."""

    triggers: frozenset[str] = frozenset({"workflow_dispatch"})
    required: frozenset[str] = frozenset()
    inputs: frozenset[str] = field(default_factory=frozenset)


class GitHub(PlatformServer):
    """One repository; ``permissions`` are those of the one token that is known.

    ``accepted`` lists the events. What the token may not see is not there for it: 404.
    """

    def __init__(self, *, journal: Path | None = None) -> None:
        super().__init__(journal=journal)
        self.workflows = {"deploy.yml": Workflow()}
        self.refs = {"main", "v1"}
        self.permissions = {"actions", "contents"}
        self.sees_repository = True

    def handle(self, request: Request) -> Answer:
        if not request.headers.get("user-agent"):
            return _refuse(403, "Request forbidden by administrative rules.")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refuse(401, "Bad credentials")
        if request.headers.get("x-github-api-version") != "2022-11-28":
            return _refuse(400, "Unsupported API version")
        base = f"(?:/api/v3)?/repos/{REPOSITORY}"
        if request.method == "POST" and self.sees_repository:
            if re.fullmatch(f"{base}/dispatches", request.path):
                return self._repository_dispatch(request.json())
            path = re.fullmatch(f"{base}/actions/workflows/([^/]+)/dispatches", request.path)
            if path and unquote(path[1]) in self.workflows:
                return self._workflow_dispatch(unquote(path[1]), request.json())
        return _refuse(404, "Not Found")

    def _repository_dispatch(self, body: dict[str, Any]) -> Answer:
        if "contents" not in self.permissions:
            return _refuse(403, "Resource not accessible by personal access token")
        event, payload = body.get("event_type"), body.get("client_payload", {})
        if not isinstance(event, str) or not 0 < len(event) <= 100 or len(payload) > 10:
            return _refuse(422, "Invalid request.")
        self.accept({"event": event, "payload": payload})
        return Answer(status=204)

    def _workflow_dispatch(self, name: str, body: dict[str, Any]) -> Answer:
        if "actions" not in self.permissions:
            return _refuse(403, "Resource not accessible by personal access token")
        if body.keys() - {"ref", "inputs"}:
            return _refuse(400, "Invalid request.")
        workflow, ref = self.workflows[name], body["ref"]
        given = body.get("inputs", {}).keys()
        if ref.removeprefix("refs/heads/") not in self.refs:
            return _refuse(422, f"No ref found for: {ref}")
        if "workflow_dispatch" not in workflow.triggers:
            return _refuse(422, "Workflow does not have 'workflow_dispatch' trigger")
        if missing := workflow.required - given:
            return _refuse(422, f"Required input '{min(missing)}' not provided")
        if unknown := given - workflow.inputs:
            return _refuse(422, f"Unexpected inputs provided: {sorted(unknown)}")
        self.accept({"workflow": name, "ref": ref})
        return Answer(status=204)


def _refuse(status: int, message: str) -> Answer:
    return Answer(status=status, body={"message": message, "status": str(status)})


def make(journal: Path | None) -> GitHub:
    return GitHub(journal=journal)


if __name__ == "__main__":
    main(make)
