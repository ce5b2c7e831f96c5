"""A web server on this machine that gives parts of files, and what may go wrong with one."""

import http.server
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote


@dataclass
class Server:
    """Files of a folder at `url`.

    Attributes:
        ranges: whether it understands Range requests.
        lists: whether it lists folders.
        cut: so many of the next answers break off in the middle.
        busy: so many of the next answers are 503.
        login: the Authorization header that is asked for.
        delay: seconds before each answer.
        stopped: whether it answers no more.
        asked: method, path and Range header of the requests.
    """

    folder: Path
    port: int = 0
    ranges: bool = True
    lists: bool = False
    cut: int = 0
    busy: int = 0
    login: str = ""
    delay: float = 0.0
    stopped: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def count(self, ending=""):
        return sum(path.endswith(ending) for _, path, _ in self.asked)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Server

    def do_GET(self):
        state = self.state
        if state.stopped:
            self.close_connection = True
            return
        wanted = self.headers.get("Range", "")
        path = unquote(self.path.partition("?")[0])
        state.asked.append((self.command, path, wanted))
        time.sleep(state.delay)
        file = state.folder / path.strip("/")
        if state.login and self.headers.get("Authorization") != state.login:
            self.answer(401, b"")
        elif state.busy:
            state.busy -= 1
            self.answer(503, b"")
        elif file.is_dir() and state.lists:
            names = "".join(f'<a href="{found.name}">{found.name}</a>' for found in file.iterdir())
            self.answer(200, names.encode(), {"Content-Type": "text/html"})
        elif not file.is_file():
            self.answer(404, b"")
        else:
            found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted) if state.ranges else None
            self.answer_part(file, found) if found else self.answer(200, file.read_bytes())

    do_HEAD = do_GET  # noqa: N815 - the name that the base class calls

    def answer_part(self, file, found):
        start, size = int(found[1]), file.stat().st_size
        stop = min(size, int(found[2]) + 1) if found[2] else size
        if start >= size:
            self.answer(416, b"")
            return
        with file.open("rb") as opened:
            opened.seek(start)
            self.answer(206, opened.read(stop - start), {"Content-Range": f"bytes {start}-{stop - 1}/{size}"})

    def answer(self, status, content, headers=()):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.state.cut and status < 300:
            self.state.cut -= 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextmanager
def serving(folder):
    """A running server of a folder."""
    state = Server(folder)
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    running.daemon_threads = True
    state.port = running.server_port
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.stopped = True  # for connections that are kept open
        running.shutdown()
        running.server_close()
        thread.join()
