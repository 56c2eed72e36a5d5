"""python -m carbot_billing api | worker | migrate | maintain | ..."""

from carbot_core.cli import run

from carbot_billing.app import SERVICE

if __name__ == "__main__":
    run(SERVICE)
