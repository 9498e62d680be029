"""A client of the Cliscale terminal protocol, with nothing but the standard library.

Written from packages/sdk/PROTOCOL.md; the numbers in comments are that page's sections.
"""

import base64
import hashlib
import json
import os
import random
import select
import socket
import ssl
import struct
import time
import urllib.error
import urllib.parse
import urllib.request

MAX_MESSAGE_BYTES = 1_048_576
MAX_INPUT_BYTES = 65_535
MAX_KEPT_BYTES = 65_536
CREDIT_EVERY_BYTES = 32_768
CREDIT_AT_REST_SECONDS = 1.0
SILENCE_SECONDS = 20.0
DEAD_SECONDS = 10.0
HANDSHAKE_SECONDS = 10.0
STEADY_SECONDS = 10.0
MAX_REFUSED_TOKENS = 3
FINAL_CLOSES = {1000, 1009, 4400, 4403, 4404, 4409, 4410, 4500}


class TerminalFailed(Exception):
    """The terminal is over and there is no use in another attempt."""


class Lost(Exception):
    """A connection ended. `retry`: another one may help; `after`: not before so many seconds."""

    def __init__(self, why, retry=True, after=None):
        super().__init__(why)
        self.retry = retry
        self.after = after


def call_api(base_url, api_key, path, body):
    """(1) POSTs JSON and returns the answer."""
    request = urllib.request.Request(
        base_url.rstrip("/") + path,
        data=json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + api_key, "Content-Type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


class WebSocket:
    """RFC 6455, as far as a client needs it."""

    def __init__(self, url, token):
        """(2) The upgrade."""
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        self.received = b""
        self.fragments = None
        try:
            self.socket = socket.create_connection((parts.hostname, port), timeout=HANDSHAKE_SECONDS)
            if secure:
                context = ssl.create_default_context()
                self.socket = context.wrap_socket(self.socket, server_hostname=parts.hostname)
            self._shake_hands(parts, token)
        except OSError as error:
            raise Lost("no connection: %s" % error) from error

    def _shake_hands(self, parts, token):
        key = base64.b64encode(os.urandom(16)).decode()
        path = parts.path + ("?" + parts.query if parts.query else "")
        lines = [
            "GET %s HTTP/1.1" % path,
            "Host: " + parts.netloc,
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: " + key,
            "Sec-WebSocket-Protocol: cliscale.v1",
            "Authorization: Bearer " + token,
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.received:
            self._read()
        head, self.received = self.received.split(b"\r\n\r\n", 1)
        status, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
        if status.split(" ")[1] != "101":
            after = headers.get("retry-after")
            raise Lost(status, status.split(" ")[1] == "503", float(after) if after else None)
        digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        if headers.get("sec-websocket-accept") != base64.b64encode(digest).decode():
            raise Lost("the answer is not to this handshake", False)
        if headers.get("sec-websocket-protocol") != "cliscale.v1":
            raise Lost("the server does not speak cliscale.v1", False)

    def _read(self):
        chunk = self.socket.recv(65_536)
        if chunk == b"":
            raise Lost("the connection is gone")
        self.received += chunk

    def send(self, payload, opcode=2):
        """One message, or a control frame, masked."""
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            header = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 65_536:
            header = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            header = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big")
        masked = (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big")
        try:
            self.socket.sendall(header + mask + masked)
        except OSError as error:
            raise Lost("the connection is gone: %s" % error) from error

    def receive(self, seconds):
        """The next message of the server; None when there was none in time."""
        until = time.monotonic() + seconds
        while True:
            frame = self._frame()
            if frame is not None:
                message = self._take(*frame)
                if message is not None:
                    return message
                continue
            left = until - time.monotonic()
            pending = getattr(self.socket, "pending", lambda: 0)()
            if pending == 0 and (left <= 0 or not select.select([self.socket], [], [], left)[0]):
                return None
            try:
                self._read()
            except OSError as error:
                raise Lost("the connection is gone: %s" % error) from error

    def _frame(self):
        data = self.received
        if len(data) < 2:
            return None
        length, at = data[1] & 0x7F, 2
        if length == 126:
            if len(data) < 4:
                return None
            length, at = struct.unpack_from("!H", data, 2)[0], 4
        elif length == 127:
            if len(data) < 10:
                return None
            length, at = struct.unpack_from("!Q", data, 2)[0], 10
        if length > MAX_MESSAGE_BYTES:
            raise Lost("the server sent a frame that is too large", False)
        if len(data) < at + length:
            return None
        self.received = data[at + length :]
        return data[0] & 0x80, data[0] & 0x0F, data[at : at + length]

    def _take(self, final, opcode, payload):
        if opcode == 9:
            self.send(payload, 10)
            return None
        if opcode == 10:
            return None
        if opcode == 8:
            return self._closed(payload)
        self.fragments = payload if opcode != 0 else (self.fragments or b"") + payload
        if not final:
            return None
        message, self.fragments = self.fragments, None
        return message

    def _closed(self, payload):
        """(10) A close. What there is to say was said before it."""
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1006
        raise Lost("closed with %d" % code, code not in FINAL_CLOSES)

    def close(self, code=1000):
        """Says goodbye and leaves."""
        try:
            self.send(struct.pack("!H", code), 8)
        except Lost:
            pass
        self.drop()

    def drop(self):
        """Leaves without a word."""
        self.socket.close()


class Terminal:
    """One terminal over as many connections as it takes.

    `access` is called for each connection and returns {"url", "token"}. `on_output` gets bytes, `on_reset` is called when
    the terminal is to be cleared because what follows draws it anew.
    """

    def __init__(self, access, on_output, on_reset=lambda: None, columns=80, rows=24):
        self.access = access
        self.on_output = on_output
        self.on_reset = on_reset
        self.columns, self.rows = columns, rows
        self.client = os.urandom(8).hex()
        self.epoch = None
        self.offset = 0  # of output, received and parsed
        self.credited = 0
        self.credit_due = None
        self.acked = 0  # of input
        self.sent = 0
        self.kept = b""  # input from `acked` on
        self.waiting = b""  # input beyond what may be kept
        self.driver = False
        self.modes = []  # one for each ready
        self.ready = False
        self.ready_at = 0.0
        self.refusal = None
        self.socket = None

    def write(self, data):
        """Types. What does not fit into the kept bytes waits."""
        self.waiting += data

    def run(self):
        """Stays connected until the command ends. Returns its exit."""
        attempt, refused, lost_at = 0, 0, time.monotonic()
        while True:
            opened = len(self.modes)
            self.refusal = None
            try:
                self.socket = self._open()
                try:
                    return self._talk()
                finally:
                    self.socket.drop()
            except Lost as lost:
                refused = refused + 1 if self.refusal and self.refusal["code"].startswith("TOKEN_") else 0
                if not lost.retry or refused == MAX_REFUSED_TOKENS:
                    raise TerminalFailed(str(self.refusal or lost)) from lost
                if len(self.modes) > opened:
                    lost_at = time.monotonic()
                    attempt = 0 if lost_at - self.ready_at >= STEADY_SECONDS else attempt
                time.sleep(self._pause(attempt, time.monotonic() - lost_at, self._after(lost)))
                attempt += 1

    def _after(self, lost):
        """(11) The wait that the server asked for, in seconds."""
        wait = (self.refusal or {}).get("retryAfterMs")
        return lost.after if wait is None else wait / 1000

    def _open(self):
        """(1) A new token for each connection."""
        try:
            access = self.access()
        except urllib.error.HTTPError as error:
            raise Lost("no token: %s" % error, error.code in (429, 503)) from error
        except OSError as error:
            raise Lost("no token: %s" % error) from error
        return WebSocket(access["url"], access["token"])

    @staticmethod
    def _pause(attempt, outage, after):
        """(11) Jitter."""
        if after is not None:
            return after + random.uniform(0, 0.25)
        if attempt == 0:
            return random.uniform(0, 0.25)
        longest = min(15.0, 0.25 * 2**attempt, 0.25 + outage / 2)
        return longest * random.uniform(0.5, 1)

    def _talk(self):
        hello = {"v": 1, "client": self.client, "columns": self.columns, "rows": self.rows, "input": self.acked}
        if self.epoch is not None:
            hello["resume"] = {"epoch": self.epoch, "offset": self.offset}
        self.socket.send(json.dumps(hello).encode())
        self.ready = False
        heard, probed = time.monotonic(), None
        while True:
            self._type()
            message = self.socket.receive(self._patience(heard, probed))
            now = time.monotonic()
            if message is not None:
                heard, probed = now, None
                exit = self._take(message)
                if exit is not None:
                    return exit
            elif probed is not None and now - probed >= DEAD_SECONDS:
                raise Lost("the session does not answer")
            elif probed is None and now - heard >= SILENCE_SECONDS:
                self.socket.send(b"H1")
                probed = now
            if self.credit_due is not None and now >= self.credit_due:
                self._credit()

    def _patience(self, heard, probed):
        now = time.monotonic()
        until = heard + SILENCE_SECONDS if probed is None else probed + DEAD_SECONDS
        if self.credit_due is not None:
            until = min(until, self.credit_due)
        return max(0.0, until - now)

    def _take(self, message):
        """(4) One message of the server. Returns the exit."""
        kind, body = message[:1], message[1:]
        if kind == b"0":
            self.offset += len(body)
            self._show(body)
        elif kind == b"S":
            self._show(body)
        elif kind == b"R":
            self._on_ready(json.loads(body))
        elif kind == b"K":
            self._acknowledged(int(body))
        elif kind == b"Z":
            self.driver = json.loads(body)["driver"]
        elif kind == b"X":
            return json.loads(body)
        elif kind == b"E":
            self.refusal = json.loads(body)
            if not self.refusal["retryable"]:
                raise TerminalFailed("%(code)s: %(message)s" % self.refusal)
        elif kind not in (b"P", b"H"):
            raise TerminalFailed("the server sent a message of type %r" % kind)
        return None

    def _show(self, data):
        if data != b"":
            self.on_output(data)
        due = self.offset - self.credited
        if due >= CREDIT_EVERY_BYTES:
            self._credit()
        elif due > 0 and self.credit_due is None:
            self.credit_due = time.monotonic() + CREDIT_AT_REST_SECONDS

    def _credit(self):
        """(7) What was given to `on_output` counts as parsed."""
        self.credit_due = None
        self.credited = self.offset
        self.socket.send(b"A%d" % self.offset)

    def _on_ready(self, ready):
        """(6) Where output and input go on."""
        self.modes.append(ready["mode"])
        same = ready["epoch"] == self.epoch
        if ready["mode"] == "delta" and not (same and ready["offset"] == self.offset):
            raise TerminalFailed("the server went on at another offset")
        if ready["mode"] != "delta":
            self.on_reset()
        first = self.epoch is None
        self.epoch, self.offset, self.credited = ready["epoch"], ready["offset"], ready["offset"]
        self.credit_due = None
        self.driver = ready["driver"]
        if self.ready:
            return self._acknowledged(ready["inputOffset"])
        self.ready = True
        self.ready_at = time.monotonic()
        if (same or first) and self.driver:
            self._acknowledged(ready["inputOffset"])
        else:
            self.kept, self.acked = b"", ready["inputOffset"]
        self.sent = self.acked
        return None

    def _acknowledged(self, offset):
        if not self.acked <= offset <= max(self.sent, self.acked + len(self.kept)):
            raise TerminalFailed("the server acknowledged input that was never sent")
        self.kept = self.kept[offset - self.acked :]
        self.acked = offset

    def _type(self):
        """Keeps as much as may be kept, and sends what of it was not sent on this connection."""
        room = MAX_KEPT_BYTES - len(self.kept)
        self.kept, self.waiting = self.kept + self.waiting[:room], self.waiting[room:]
        while self.ready and self.driver and self.sent < self.acked + len(self.kept):
            at = self.sent - self.acked
            piece = self.kept[at : at + MAX_INPUT_BYTES]
            self.sent += len(piece)
            self.socket.send(b"0" + piece)
