"""The feature: the places where a user is signed in."""
