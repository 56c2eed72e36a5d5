"""What the identity service promises in figures: strangers learn nothing, floods hurt nobody, keys and tokens rotate unseen."""
