"""python -m carbot_tenancy api | worker | migrate | maintain | rotate-keys | ..."""

from carbot_core.cli import run
from carbot_tenancy.app import SERVICE

if __name__ == "__main__":
    run(SERVICE)
