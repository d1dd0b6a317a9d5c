"""A look at the box from outside: what the daemon says, and what it cannot say of itself or when down."""
