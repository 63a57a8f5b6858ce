"""The steps of a rotation, in order: stage, push, deploy, prove. Each does nothing that the history says is done."""
