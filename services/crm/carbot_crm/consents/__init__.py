"""Consents and objections to advertising: the proof, and the projection that the send gate reads."""
