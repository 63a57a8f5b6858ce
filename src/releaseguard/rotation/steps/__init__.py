"""The steps of a rotation in order: stage, push, deploy, prove. Each skips what the history says is done."""
