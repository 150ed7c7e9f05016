#!/usr/bin/env python
"""FreeAI's command line: `manage.py help` lists the commands."""

import sys

if __name__ == "__main__":
    from freeai.entrance import run_command

    run_command(sys.argv)
