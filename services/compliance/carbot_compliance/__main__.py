"""python -m carbot_compliance api | worker | migrate | maintain | ..."""

from carbot_compliance.app import SERVICE
from carbot_core.cli import run

if __name__ == "__main__":
    run(SERVICE)
