"""The tests of one rule's rows: how they are averaged, and what they are compared with."""
