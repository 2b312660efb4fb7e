"""A process of a release for the tests of Service, Gateway and Route: small, quick to start, and faulty on request.

    python standin.py MODE [--listen unix:PATH]

It says of itself what the environment variables APP_RELEASE and APP_PROCESS say, and writes all variables into the
file that RECORD names. When it begins to answer ``/slow`` it makes the file that BEGUN names.
"""

import json
import os
import signal
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers every path with who it is; ``/slow`` takes its time."""

    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        """Answer."""
        mode = sys.argv[1]
        if self.path == "/slow":
            Path(os.environ["BEGUN"]).touch()
            time.sleep(0.7)
        status = 503 if mode == "unready" else 500 if mode == "broken" else 200
        document = {
            "status": "ready",
            "release": os.environ["APP_RELEASE"],
            "process": os.environ["APP_PROCESS"],
            "pid": os.getpid(),
        }
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        """There is no address on a unix socket."""
        return "unix"

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Its end waits for the requests that are being answered."""

    daemon_threads = False
    request_queue_size = 64


def main() -> None:
    """Do what the mode says."""
    mode = sys.argv[1]
    if record := os.environ.get("RECORD"):
        Path(record).write_text(json.dumps(dict(os.environ)), encoding="utf-8")
    print(f"standin {mode} starts", flush=True)
    if mode == "crash":
        sys.exit("standin: the configuration is nonsense")
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "second-deaf" and sys.argv[3].endswith("/1.sock"):
        print("standin 1 never listens", flush=True)
        mode = "deaf"
    if mode in ("idle", "deaf"):
        signal.pause()
    listen = Path(sys.argv[3].removeprefix("unix:"))
    listen.unlink(missing_ok=True)
    server = Server(str(listen), Handler)
    if mode != "stubborn":
        signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    print("standin drained", flush=True)


if __name__ == "__main__":
    main()
