"""The entry point; a StackError is one line."""

import sys

from carbot_local.cli import local
from carbot_local.errors import StackError

if __name__ == "__main__":
    try:
        local()
    except StackError as error:
        sys.exit(f"carbot: {error}")
