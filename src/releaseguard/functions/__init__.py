"""Where the app's server functions run: which are deployed, and what their logs say."""
