"""Provider calls that are not logged or not tested, as ``coverage`` prints them."""
