"""Shows a folder as a web site on this machine, for rehearsals; not for the public."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any


class _Handler(SimpleHTTPRequestHandler):
    """Static files with clean URLs: ``/blog/x`` is ``blog/x.html`` or ``blog/x/index.html``."""

    timeout = 10  # a client that says nothing is dropped

    def translate_path(self, path: str) -> str:
        file = super().translate_path(path)
        page = Path(f"{file.rstrip('/')}.html")
        is_page = page.is_relative_to(self.directory) and page.is_file()
        return str(page) if is_page and not Path(file).is_file() else file

    def list_directory(self, path: Any) -> BytesIO | None:
        self.send_error(HTTPStatus.NOT_FOUND)
        return None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Say nothing."""


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve ``folder`` on a free port of 127.0.0.1 and give its base URL, without a slash."""
    handler = partial(_Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.05,), name="preview server", daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
