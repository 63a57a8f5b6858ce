"""What the CI service ran: the history of a workflow."""
