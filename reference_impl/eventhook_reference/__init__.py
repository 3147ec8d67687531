"""Reference implementations of the contract, registered as any vendor's are."""
