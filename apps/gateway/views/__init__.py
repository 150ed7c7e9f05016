"""The client API. Every view has four steps: authenticate, parse, call, render."""
