"""The page that lists the interfaces."""
