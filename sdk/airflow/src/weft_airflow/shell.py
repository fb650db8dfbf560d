"""Which commands of Bash a task can carry out without a shell: `echo`, `sleep`, `true`, `false`, `exit`, `date`.

The support module of projects carries them out, with the same function that decides here.
"""

from __future__ import annotations

import re

from weft_airflow.airflow_support import NotACommand, commands

__all__ = ["NotACommand", "can_run", "program_of"]


def can_run(command: str, env: dict[str, object] | None = None) -> bool:
    """Whether every command of the text is one of those; templates count as words."""
    plain = re.sub(r"\{\{.*?\}\}", "x", command, flags=re.DOTALL)
    plain = re.sub(r"\{%.*?%\}", "", plain, flags=re.DOTALL)
    try:
        commands(plain, {name: "x" for name in env or {}})
    except NotACommand:
        return False
    return True


def program_of(command: str) -> str | None:
    """The first word, where the text is one simple command."""
    words = command.split()
    return words[0] if words and not any(sign in command for sign in "|&;<>$`\n") else None
