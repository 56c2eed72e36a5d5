"""Assignment rules: whom a new lead is given to."""
