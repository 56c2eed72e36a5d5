"""python -m carbot_billing api | worker | migrate | maintain | ..."""

from carbot_billing.app import SERVICE
from carbot_core.cli import run

if __name__ == "__main__":
    run(SERVICE)
