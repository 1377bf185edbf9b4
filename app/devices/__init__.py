"""The feature: the devices a user signs in with."""
