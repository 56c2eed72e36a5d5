"""Keys of data subjects: destroying one erases what is encrypted under it."""
