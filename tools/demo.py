# SPDX-License-Identifier: Apache-2.0
"""The demonstration on a board that is up."""


def hand_over(board):
    """Gives the terminal to dom0's shell until the board goes or Ctrl-\\ is pressed."""
    board.child.send("\n")
    board.child.interact(escape_character="\x1c")
