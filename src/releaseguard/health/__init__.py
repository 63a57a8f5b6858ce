"""How the providers are doing, from the events that the app logs when it really uses them."""
