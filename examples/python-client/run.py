"""Runs a command on a Cliscale server and shows what it prints: run.py [command [argument …]]

CLISCALE_URL names the server (http://127.0.0.1:7680), CLISCALE_API_KEY is its key. What comes on standard input is typed.
"""

import os
import sys
import urllib.error

from cliscale_terminal import Terminal, TerminalFailed, call_api


def main():
    base_url = os.environ.get("CLISCALE_URL", "http://127.0.0.1:7680")
    api_key = os.environ.get("CLISCALE_API_KEY")
    if not api_key:
        sys.exit("Set CLISCALE_API_KEY; cliscale-server keys create makes one.")
    command, *args = sys.argv[1:] or ["uname", "-a"]
    try:
        session = call_api(base_url, api_key, "/v1/sessions", {"command": command, "args": args})["session"]
    except urllib.error.URLError as error:
        sys.exit("The server at %s does not start a session: %s" % (base_url, error))

    def access():
        return call_api(base_url, api_key, "/v1/sessions/%s/tokens" % session["id"], {"role": "driver"})

    def show(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    terminal = Terminal(access, show)
    if not sys.stdin.isatty():
        terminal.write(sys.stdin.buffer.read())
    try:
        exit = terminal.run()
    except TerminalFailed as failure:
        sys.exit(str(failure))
    sys.exit(exit["code"] if exit["code"] is not None else 1)


main()
