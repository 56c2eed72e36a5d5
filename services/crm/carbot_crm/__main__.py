"""python -m carbot_crm api | worker | migrate | maintain | ..."""

from carbot_core.cli import run
from carbot_crm.app import SERVICE

if __name__ == "__main__":
    run(SERVICE)
