"""How the providers are now, from the events the app logs when it really uses them."""
