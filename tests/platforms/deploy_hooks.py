"""The deploy hooks of Netlify, Vercel, Cloudflare Pages and Render, on one host.

Answers as their pages show them (checked 2026-11-21). What those pages leave open is Netlify's
and Vercel's answer to an address that does not exist: 404 here.
"""

from __future__ import annotations

from pathlib import Path

from tests.platforms.server import Answer, PlatformServer, Request, main

NETLIFY = "/build_hooks/5c23354f454e1350f8543e78"
VERCEL = "/v1/integrations/deploy/prj_98g22o5YUFVHlKOzj9vKPTyN2SDG/tKybBxqhQs"
CLOUDFLARE = "/client/v4/pages/webhooks/deploy_hooks/66a1e3b0-7a8f-4f0e-9d3c-1f2e3d4c5b6a"
RENDER = "/deploy/srv-cukouhrtq21c73e9scng"
RENDER_KEY = "Zk3xWq9LmNo"


class DeployHooks(PlatformServer):
    """``accepted`` lists the builds that were begun: who began them, and with what."""

    def handle(self, request: Request) -> Answer:
        path = request.path
        if request.method != "POST" and path != RENDER:
            return Answer(status=405, body={"message": "Method Not Allowed"})
        if path == NETLIFY:
            return self._begin("netlify", request, Answer(status=200))
        if path == VERCEL:
            job = {"id": "okzCd50AIap1O31g0gne", "state": "PENDING", "createdAt": 1662825789999}
            return self._begin("vercel", request, Answer(status=201, body={"job": job}))
        if path == CLOUDFLARE:
            result = {"id": "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"}
            body = {"success": True, "errors": [], "messages": [], "result": result}
            return self._begin("cloudflare", request, Answer(status=200, body=body))
        if path == RENDER and request.query.get("key") == RENDER_KEY:
            is_waiting = any(build["by"] == "render" for build in self.accepted)
            body = {"deploy": {"id": "dep-cukouhrtq21c73e9scng"}}
            return self._begin(
                "render", request, Answer(status=202 if is_waiting else 200, body=body)
            )
        error = {"code": 12000, "message": f"Not found: {path}"}
        return Answer(status=404, body={"success": False, "errors": [error]})

    def _begin(self, by: str, request: Request, answer: Answer) -> Answer:
        self.accept({"by": by, "title": request.query.get("trigger_title"), "sent": request.json()})
        return answer


def make(journal: Path | None) -> DeployHooks:
    return DeployHooks(journal=journal)


if __name__ == "__main__":
    main(make)
