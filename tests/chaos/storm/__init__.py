"""The storm: everything is killed, frozen and cut off again and again while clients write; then everything is compared."""
