"""Reading what is rolled up, and keeping it up, in each store."""
