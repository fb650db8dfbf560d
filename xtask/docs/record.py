"""Records the terminal picture of README.md: `docs/images/demo.svg`.

Runs the tutorial's commands with a real `wfctl` in a pseudo terminal and draws the last screen.
It needs pyte 0.8.2 and a `wfctl` on the path:

    python xtask/docs/record.py docs/images/demo.svg [PROJECT]

PROJECT is a folder that `wfctl new cities` made and that was built before, with the same WEFT_DATA_DIR;
without it a new one is built. The server there must know no DAG yet.
"""

import fcntl
import html
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import time

import pyte

COLUMNS, LINES = 96, 400
PROMPT = "\x1b[32m$\x1b[0m "
# Run in a new folder; what is False is not shown.
COMMANDS = [
    ("wfctl new cities", False),
    ("wfctl build", False),
    ("wfctl run", True),
    ("wfctl deploy", True),
    ("wfctl runs trigger cities --watch", True),
]
COLOURS = {
    "default": "#d8dee9", "black": "#7b8394", "red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341",
    "blue": "#79c0ff", "magenta": "#d2a8ff", "cyan": "#76e3ea", "white": "#f0f6fc", "brightblack": "#8b949e",
}
WIDTH, HEIGHT, MARGIN = 8.4, 19, 16


def run(command: str, folder: str, screen: pyte.Stream, environment: dict[str, str]) -> None:
    """Runs a command on the screen until it ends."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    process = subprocess.Popen(
        ["sh", "-c", command], cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        screen.feed(part.decode("utf-8", "replace").replace(environment["WEFT_DATA_DIR"], "~/.local/share/weft"))
    if process.wait() != 0:
        sys.exit(f"{command}: exit code {process.returncode}")


def draw(screen: pyte.Screen) -> str:
    """The screen as SVG, without empty lines at its end."""
    rows = [screen.buffer[line] for line in range(screen.cursor.y + 1)]
    while rows and not any(rows[-1][column].data.strip() for column in range(COLUMNS)):
        rows.pop()
    lines = []
    for number, row in enumerate(rows):
        spans, column = [], 0
        while column < COLUMNS:
            first = row[column]
            text = ""
            while column < COLUMNS and (row[column].fg, row[column].bold) == (first.fg, first.bold):
                text += row[column].data
                column += 1
            if text.strip():
                colour = COLOURS.get(first.fg, COLOURS["default"])
                weight = ' font-weight="bold"' if first.bold else ""
                x = MARGIN + (column - len(text)) * WIDTH
                length = len(text.rstrip()) * WIDTH
                spans.append(
                    f'<tspan x="{x:.1f}" fill="{colour}"{weight} textLength="{length:.1f}">{html.escape(text.rstrip())}</tspan>'
                )
        if spans:
            y = MARGIN + (number + 1) * HEIGHT
            lines.append(f'<text y="{y}" xml:space="preserve">{"".join(spans)}</text>')
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(rows) * HEIGHT + 2 * MARGIN + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
        f'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#161b22"/>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def main(target: str, project: str | None = None) -> None:
    """Starts a server, runs the commands, writes the picture."""
    screen = pyte.Screen(COLUMNS, LINES)
    screen.set_mode(pyte.modes.LNM)
    stream = pyte.Stream(screen)
    with tempfile.TemporaryDirectory() as home:
        data = os.environ.get("WEFT_DATA_DIR", "") if project else f"{home}/data"
        environment = dict(os.environ, WEFT_DATA_DIR=data, TERM="xterm-256color")
        server = subprocess.Popen(
            ["wfctl", "up", "--listen", "127.0.0.1:18080"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            deadline = time.monotonic() + 60
            while not os.path.exists(f"{data}/server/server.url"):
                if time.monotonic() > deadline:
                    sys.exit("the server does not start")
                time.sleep(0.1)
            folder = project or home
            for command, shown in COMMANDS:
                if project and not shown:
                    continue
                if shown:
                    stream.feed(f"{PROMPT}\x1b[1m{command}\x1b[0m\r\n")
                run(command, folder, stream if shown else pyte.Stream(pyte.Screen(COLUMNS, LINES)), environment)
                if command.startswith("wfctl new"):
                    folder = f"{home}/cities"
        finally:
            server.terminate()
            server.wait()
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(screen))


main(*sys.argv[1:])
