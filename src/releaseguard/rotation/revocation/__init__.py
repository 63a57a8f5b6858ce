"""What happens before and when a person confirms that the old value is revoked."""
