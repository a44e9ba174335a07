"""Terminals of our own (pty(7)): who holds the master types and reads, who holds the slave sits at a terminal."""

from __future__ import annotations

import os
import termios
import tty


def open_pty(rows: int, columns: int) -> tuple[int, int]:
    """Master and slave, of that size. It passes every byte as it is: the terminal behind it does the editing."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        set_size(master, rows, columns)
    except BaseException:
        os.close(master)
        os.close(slave)
        raise
    return master, slave


def set_size(terminal: int, rows: int, columns: int) -> None:
    """Either end will do. The processes at the terminal get SIGWINCH, if it is the one that controls them."""
    termios.tcsetwinsize(terminal, (rows, columns))
