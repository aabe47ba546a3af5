"""Pictures of every screen of the web app, for `docs/screens`."""
