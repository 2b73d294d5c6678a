#!/usr/bin/env python3
"""A model hub on loopback, for tests: hub_server.py ROOT

Serves ROOT/ORG/NAME/FILE as revision `main`, `v1` and by commit, the way the public hub answers: metadata on HEAD, small
files behind a relative redirect, safetensors behind one to another host (here `localhost` instead of `127.0.0.1`).
Prints its port, then serves until stdin closes. HF_ENDPOINT=http://127.0.0.1:PORT points a client at it.

ROOT/requests.jsonl has one line a request: method, path, host, authorization, range.
ROOT/faults.json is a list of what to do wrong; the first that fits is taken:
  {"path": PART OF THE PATH, "method": "HEAD" or "GET" (both where absent), "times": N (for ever where absent),
   "status": CODE, "headers": {NAME: VALUE or null to leave it out}, "cut": BYTES AFTER WHICH THE CONNECTION ENDS,
   "stall": SECONDS OF SILENCE after the first bytes, "corrupt": true, "short": BYTES THAT ARE THERE IN ALL,
   "no_range": true}
"""

import hashlib
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse

REVISIONS = ("main", "v1", "refs/pr/1")


class Hub:
    def __init__(self, root):
        self.root, self.lock = pathlib.Path(root), threading.Lock()
        self.faults_text, self.faults = "", []

    def log(self, line):
        with self.lock, open(self.root / "requests.jsonl", "a", encoding="utf-8") as out:
            out.write(json.dumps(line) + "\n")

    def fault(self, method, path):
        with self.lock:
            file = self.root / "faults.json"
            text = file.read_text() if file.exists() else "[]"
            if text != self.faults_text:
                self.faults_text, self.faults = text, json.loads(text)
            for fault in self.faults:
                if fault["path"] in path and fault.get("method", method) == method and fault.get("times", 1) > 0:
                    if "times" in fault:
                        fault["times"] -= 1
                    return fault
        return {}

    def commit(self, repo):
        digest = hashlib.sha1(repo.encode())
        for path in sorted((self.root / repo).iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def reply(self, status, headers, body=b""):
        headers = {"Content-Length": len(body)} | headers | self.fault.get("headers", {})
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        if "stall" in self.fault:
            self.wfile.write(body[:1])
            self.wfile.flush()
            time.sleep(self.fault["stall"])
            body = body[1:]
        cut = self.fault.get("cut")
        self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = self.close_connection or cut is not None

    def refuse(self, status, code):
        self.reply(status, {"X-Error-Code": code, "X-Error-Message": f"{code} here"}, b"an error page")

    def answer(self):
        path = urllib.parse.urlsplit(self.path).path
        self.hub.log({"method": self.command, "path": path, "host": self.headers["Host"],
                      "authorization": self.headers["Authorization"], "range": self.headers["Range"]})
        self.fault = self.hub.fault(self.command, path)
        try:
            if "status" in self.fault:
                self.reply(self.fault["status"], {}, b"an error page")
            elif path.startswith(("/cdn/", "/cache/")):
                self.content(path)
            else:
                self.metadata(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def metadata(self, path):
        """/ORG/NAME/resolve/REVISION/FILE"""
        parts = path.strip("/").split("/")
        if len(parts) != 5 or parts[2] != "resolve":
            return self.refuse(404, "NotAFile")
        repo, revision, name = "/".join(parts[:2]), urllib.parse.unquote(parts[3]), parts[4]
        if not (self.hub.root / repo).is_dir():
            return self.refuse(401, "RepoNotFound")
        commit = self.hub.commit(repo)
        if revision != commit and revision not in REVISIONS:
            return self.refuse(404, "RevisionNotFound")
        file = self.hub.root / repo / name
        if not file.is_file():
            self.fault = self.fault | {"headers": {"X-Repo-Commit": commit}}
            return self.refuse(404, "EntryNotFound")
        data = file.read_bytes()
        headers = {"X-Repo-Commit": commit}
        if name.endswith(".safetensors"):
            headers |= {"X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Linked-Size": len(data),
                        "Location": f"http://localhost:{self.server.server_port}/cdn/{repo}/{name}?signature=1"}
            return self.reply(302, headers)
        headers["Location"] = f"/cache/{repo}/{name}"
        return self.reply(307, headers)

    def content(self, path):
        repo, name = "/".join(path.split("/")[2:4]), path.split("/")[4]
        data = (self.hub.root / repo / name).read_bytes()
        headers = {"ETag": f'W/"{hashlib.sha1(b"blob %d%c" % (len(data), 0) + data).hexdigest()}"',
                   "X-Repo-Commit": self.hub.commit(repo)}
        if self.command == "HEAD":
            return self.reply(200, headers | {"Content-Length": len(data)})
        if self.fault.get("corrupt"):
            data = bytes([data[0] ^ 1]) + data[1:]
        data = data[:self.fault.get("short", len(data))]
        wanted = self.headers["Range"]
        if wanted is None or self.fault.get("no_range"):
            return self.reply(200, headers, data)
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if begin >= len(data):
            return self.reply(416, {"Content-Range": f"bytes */{len(data)}"})
        return self.reply(206, headers | {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}, data[begin:])


def main():
    Handler.hub = Hub(sys.argv[1])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
