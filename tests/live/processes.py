"""What Linux says of a server's processes: whose children they are, and what they hold. Reads /proc."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def child_pids(pid: int) -> set[int]:
    """The pids whose parent this is, zombies not counted."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # A process may end while we look. Its name, in parentheses, may hold anything; the rest comes after it.
            with suppress(OSError, IndexError):
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z":
                    found.add(int(entry.name))
    return found


def memory_bytes(pid: int) -> int:
    """What this process alone keeps in memory: shared pages of the interpreter do not count."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(1024 * int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def descriptors(pid: int) -> int:
    """How many files and sockets it has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def title(pid: int) -> str:
    """What a process calls itself; "" when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    return ""
