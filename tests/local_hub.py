"""A file server on 127.0.0.1 that speaks the routes of the Hugging Face Hub which downloads and uploads need.

As on the Hub, large files are redirected to another host (here the same server under another name), and their checksum
is in the headers of the redirect.
"""

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_PREUPLOAD = re.compile(r"/api/models/([^/]+/[^/]+)/preupload/[^/]+")
_COMMIT = re.compile(r"/api/models/([^/]+/[^/]+)/commit/[^/]+")
_BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
LARGE = (".safetensors", ".ckpt", ".pt")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def sha1_of_git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Request:
    """What somebody asked for."""

    method: str
    host: str
    path: str
    range: str | None
    token: str | None


@dataclass
class LocalHub:
    """The server, its repositories, and how it misbehaves.

    Attributes:
        repositories: content of files by repository and name.
        history: the same by repository and commit, of all versions.
        gated: repositories whose owner wants terms to be accepted.
        lies: checksums that are told instead of the true ones, by file name.
        cuts: for each of the next answers with a large file, the bytes after which the connection is cut (None: never).
        failing: status with which large files are refused both ways, once `cuts` is used up, or None.
        requests: what was asked for, in order.
    """

    TOKEN = "hf_for_tests"  # noqa: S105 - of a server that runs for seconds

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    history: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    lies: dict[str, str] = field(default_factory=dict)
    cuts: list[int | None] = field(default_factory=list)
    failing: int | None = None
    requests: list[Request] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)

    def __enter__(self) -> "LocalHub":  # noqa: PYI034 - as in the package
        hub = self

        class Handler(_Handler):
            def setup(self) -> None:
                self.hub = hub
                super().setup()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def cdn(self) -> str:
        """Where large files are: another host for the client."""
        return f"http://localhost:{self._server.server_port}"

    def put(self, repo: str, name: str, content: bytes) -> None:
        self.repositories.setdefault(repo, {})[name] = content
        self.history[repo, self.commit(repo)] = dict(self.repositories[repo])

    def commit(self, repo: str) -> str:
        """Name of the current version of a repository."""
        names = "".join(f"{name}{sha256(content)}" for name, content in sorted(self.repositories[repo].items()))
        return hashlib.sha1(names.encode(), usedforsecurity=False).hexdigest()

    def checksum(self, name: str, content: bytes) -> str:
        return self.lies.get(name) or (sha256(content) if name.endswith(LARGE) else sha1_of_git(content))

    def asked(self, method: str, part: str = "") -> list[Request]:
        return [request for request in self.requests if request.method == method and part in request.path]


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._get()

    def do_GET(self) -> None:
        self._get()

    def do_PUT(self) -> None:
        self._note()
        self.hub.uploads[self.path.rsplit("/", 1)[-1]] = self._body()
        self._answer(self.hub.failing or 200)

    def do_POST(self) -> None:
        self._note()
        path, body = urlsplit(self.path).path, self._body()
        if self._token() != LocalHub.TOKEN:
            self._answer(401, headers={"X-Error-Message": "Invalid credentials in Authorization header"})
        elif path == "/api/repos/create":
            asked = json.loads(body)
            repo = f"{asked['organization']}/{asked['name']}"
            self.hub.repositories.setdefault(repo, {})
            self._json({"url": f"{self.hub.url}/{repo}"})
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := _PREUPLOAD.fullmatch(path):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [
                {"path": name, "uploadMode": "lfs" if name.endswith(LARGE) else "regular", "shouldIgnore": False}
                for name in names
            ]
            self._json({"files": modes})
        elif _BATCH.fullmatch(path):
            objects = [
                {**thing, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{thing['oid']}"}}}
                for thing in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif match := _COMMIT.fullmatch(path):
            self._commit(match[1], [json.loads(line) for line in body.splitlines()])
        else:
            self._answer(404)

    def _commit(self, repo: str, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.hub.put(repo, value["path"], base64.b64decode(value["content"]))
            elif line["key"] == "lfsFile":
                self.hub.put(repo, value["path"], self.hub.uploads[value["oid"]])
        oid = self.hub.commit(repo)
        self._json({"commitUrl": f"{self.hub.url}/{repo}/commit/{oid}", "commitOid": oid, "pullRequestUrl": None})

    def _get(self) -> None:
        self._note()
        path = urlsplit(self.path).path
        if path.startswith("/cdn/"):
            self._large(path.removeprefix("/cdn/"))
            return
        match = _RESOLVE.fullmatch(path)
        if match is None or match[1] not in self.hub.repositories:
            self._answer(404, headers={"X-Error-Code": "RepoNotFound"})
        elif match[1] in self.hub.gated:
            self._answer(403, headers={"X-Error-Code": "GatedRepo"})
        else:
            self._version(match[1], self.hub.commit(match[1]) if match[2] == "main" else match[2], match[3])

    def _version(self, repo: str, commit: str, name: str) -> None:
        # An empty repository has no version yet, but answers.
        files = self.hub.history.get((repo, commit), None if self.hub.repositories[repo] else {})
        if files is None:
            self._answer(404, headers={"X-Error-Code": "RevisionNotFound"})
        elif name not in files:
            self._answer(404, headers={"X-Error-Code": "EntryNotFound"})
        else:
            self._file(repo, commit, name, files[name])

    def _file(self, repo: str, version: str, name: str, content: bytes) -> None:
        told, commit = self.hub.checksum(name, content), {"X-Repo-Commit": version}
        if not name.endswith(LARGE):
            self._answer(200, content, {**commit, "ETag": f'"{told}"'})
            return
        linked = {"X-Linked-Etag": f'"{told}"', "X-Linked-Size": str(len(content))}
        self._answer(302, headers={**commit, **linked, "Location": f"{self.hub.cdn}/cdn/{repo}/{version}/{name}"})

    def _large(self, place: str) -> None:
        owner, repo, version, name = place.split("/", 3)
        content = self.hub.history[f"{owner}/{repo}", version][name]
        cut = self.hub.cuts.pop(0) if self.hub.cuts else None
        if cut is None and self.hub.failing is not None:
            self._answer(self.hub.failing)
            return
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        self._answer(206 if start else 200, content[start:], headers, cut=cut)

    def _note(self) -> None:
        ranged = self.headers["Range"]
        self.hub.requests.append(Request(self.command, self.headers["Host"], self.path, ranged, self._token()))

    def _token(self) -> str | None:
        told = self.headers["Authorization"]
        return told.removeprefix("Bearer ") if told else None

    def _body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"] or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        return content

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(
        self, status: int, content: bytes = b"", headers: dict[str, str] | None = None, *, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            # With fewer bytes than announced, the client sees a connection that was cut.
            self.wfile.write(content[:cut])
