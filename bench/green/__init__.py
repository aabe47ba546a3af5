"""The Locust suite's users: green threads that speak the public protocol."""
